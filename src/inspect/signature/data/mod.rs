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
mod numbers;
mod postgresql;
mod redis;
mod rpc;
mod smb;
mod tds;
#[cfg(test)]
mod testing;

use industry::{bacnet, dnp3, modbus, opcua, s7};

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[
    smb::stream,
    dcerpc::stream,
    ldap::stream,
    kerberos::stream,
    rpc::stream,
    mysql::stream,
    postgresql::stream,
    tds::stream,
    mongodb::stream,
    redis::stream,
    memcached::stream,
    cassandra::stream,
    kafka::stream,
    mqtt::stream,
    amqp::stream,
    dnp3::stream,
    s7::stream,
    opcua::stream,
    modbus::stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    smb::datagram,
    dcerpc::datagram,
    ldap::datagram,
    kerberos::datagram,
    rpc::datagram,
    memcached::datagram,
    bacnet::datagram,
    dnp3::datagram,
];
