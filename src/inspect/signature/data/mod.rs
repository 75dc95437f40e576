//! Databases, queues, directories, files and machines.

mod amqp;
mod ber;
mod cassandra;
mod dcerpc;
mod industry;
mod kafka;
mod kerberos;
mod ldap;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod postgresql;
mod redis;
mod rpc;
mod smb;
mod tds;
#[cfg(test)]
mod tests;

use industry::{bacnet, dnp3, modbus, opcua, s7};

use super::front::{Begins, DatagramRow, Front, StreamRow};

/// Kinds of MQTT's packets with their flags, but for what a client begins with.
const MQTT: Front = Front::range(0x30, 0x3d).or(Front::of(&[
    0x20, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xa2, 0xb0, 0xc0, 0xd0, 0xe0,
]));

/// The looks at connections.
pub(super) const STREAMS: &[StreamRow] = &[
    (
        Begins::a_side(Front::range(0x81, 0x85).or(Front::of(&[0]))),
        smb::of_stream,
    ),
    (Begins::a_side(Front::of(&[0x5])), dcerpc::of_stream),
    (Begins::a_side(Front::of(&[0x30])), ldap::of_stream),
    (Begins::ANY, kerberos::of_stream),
    (
        Begins::a_side(Front::of(&[0x0, 0x1, 0x80, 0x81])),
        rpc::of_stream,
    ),
    (Begins::ANY, mysql::of_stream),
    (
        Begins::Either(Front::of(b"\0QP"), Front::of(b"NRETC1S")),
        postgresql::of_stream,
    ),
    (
        Begins::Either(
            Front::of(&[0x1, 0x2, 0x3, 0xe, 0x10, 0x12]),
            Front::of(&[0x4]),
        ),
        tds::of_stream,
    ),
    (Begins::ANY, mongodb::of_stream),
    (
        Begins::Either(
            Front::letters(b"pigsdkecfmrhl").or(Front::of(b"*%>")),
            Front::of(b"*%>+-$"),
        ),
        redis::of_stream,
    ),
    (
        Begins::Either(
            Front::range(b'a', b'z').or(Front::of(&[0x80])),
            Front::of(&[0x81, b'V', b'S']),
        ),
        memcached::of_stream,
    ),
    (
        Begins::Either(
            Front::range(3, 5).or(Front::of(&[0xca])),
            Front::range(0x83, 0x85),
        ),
        cassandra::of_stream,
    ),
    (Begins::client(Front::range(0, 6)), kafka::of_stream),
    (
        Begins::Either(MQTT.or(Front::of(&[0x10])), MQTT),
        mqtt::of_stream,
    ),
    (
        Begins::a_side(Front::of(&[0x0, 0x1, 0x2, 0x8, b'A'])),
        amqp::of_stream,
    ),
    (Begins::a_side(Front::of(&[0x5])), dnp3::of_stream),
    (Begins::a_side(Front::of(&[0x3])), s7::of_stream),
    (Begins::a_side(Front::of(b"HAEROMC")), opcua::of_stream),
    (Begins::ANY, modbus::of_stream),
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramRow] = &[
    (Front::range(0x10, 0x12), smb::of_datagram),
    (Front::of(&[0x4]), dcerpc::of_datagram),
    (Front::of(&[0x30]), ldap::of_datagram),
    (Front::ANY, kerberos::of_datagram),
    (Front::ANY, rpc::of_datagram),
    (Front::ANY, memcached::of_datagram),
    (Front::of(&[0x81]), bacnet::of_datagram),
    (Front::of(&[0x5]), dnp3::of_datagram),
];
