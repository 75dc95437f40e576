//! The services that keep a network running.

use super::{DatagramLook, StreamLook};

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
pub(super) const STREAMS: &[StreamLook] = &[bgp::of_stream, snmp::of_stream];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    dhcp::of_datagram,
    dhcpv6::of_datagram,
    ntp::of_datagram,
    snmp::of_datagram,
    tftp::of_datagram,
    radius::of_datagram,
    netflow::of_datagram,
    sflow::of_datagram,
    gtp::of_datagram,
    coap::of_datagram,
];
