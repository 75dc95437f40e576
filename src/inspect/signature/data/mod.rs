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

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[
    smb::of_stream,
    dcerpc::of_stream,
    ldap::of_stream,
    kerberos::of_stream,
    rpc::of_stream,
    mysql::of_stream,
    postgresql::of_stream,
    tds::of_stream,
    mongodb::of_stream,
    redis::of_stream,
    memcached::of_stream,
    cassandra::of_stream,
    kafka::of_stream,
    mqtt::of_stream,
    amqp::of_stream,
    dnp3::of_stream,
    s7::of_stream,
    opcua::of_stream,
    modbus::of_stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    smb::of_datagram,
    dcerpc::of_datagram,
    ldap::of_datagram,
    kerberos::of_datagram,
    rpc::of_datagram,
    memcached::of_datagram,
    bacnet::of_datagram,
    dnp3::of_datagram,
];
