//! Databases, queues, directories, files and machines.

mod ber;
mod dcerpc;
mod kerberos;
mod ldap;
mod numbers;
mod rpc;
mod smb;
#[cfg(test)]
mod testing;

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[
    smb::stream,
    dcerpc::stream,
    ldap::stream,
    kerberos::stream,
    rpc::stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    smb::datagram,
    dcerpc::datagram,
    ldap::datagram,
    kerberos::datagram,
    rpc::datagram,
];
