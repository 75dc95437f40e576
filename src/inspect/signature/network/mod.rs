//! The services that keep a network running.

use super::front::{Begins, DatagramRow, Front, StreamRow};

mod bgp;
mod coap;
mod dhcp;
mod dhcpv6;
mod gtp;
mod ip;
mod netflow;
mod ntp;
mod radius;
mod sflow;
mod snmp;
#[cfg(test)]
mod tests;
mod tftp;

pub use ip::of_ip_protocol;

/// The looks at connections.
pub(super) const STREAMS: &[StreamRow] = &[
    (Begins::a_side(Front::of(&[0xff])), bgp::of_stream),
    (Begins::a_side(Front::of(&[0x30])), snmp::of_stream),
];

/// Versions 1 to 4, whatever stands beside them.
const NTP: Front = Front::range(0x08, 0x27)
    .or(Front::range(0x48, 0x67))
    .or(Front::range(0x88, 0xa7))
    .or(Front::range(0xc8, 0xe7));

/// Version 1 of CoAP, its four types, tokens of up to 8 bytes.
const COAP: Front = Front::range(0x40, 0x48)
    .or(Front::range(0x50, 0x58))
    .or(Front::range(0x60, 0x68))
    .or(Front::range(0x70, 0x78));

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramRow] = &[
    (Front::of(&[0x1, 0x2]), dhcp::of_datagram),
    (Front::range(1, 37), dhcpv6::of_datagram),
    (NTP, ntp::of_datagram),
    (Front::of(&[0x30]), snmp::of_datagram),
    (Front::of(&[0x0]), tftp::of_datagram),
    (
        Front::range(1, 5)
            .or(Front::range(11, 13))
            .or(Front::range(40, 45)),
        radius::of_datagram,
    ),
    (Front::of(&[0x0]), netflow::of_datagram),
    (Front::of(&[0x0]), sflow::of_datagram),
    (Front::range(0x00, 0x5f), gtp::of_datagram),
    (COAP, coap::of_datagram),
];
