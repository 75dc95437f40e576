//! One sample of each protocol: each is told by its own look alone, however it is cut or damaged.

use super::super::testing;
use super::{DATAGRAMS, STREAMS};
use crate::inspect::testing::{each_mutation, hex};
use crate::protocol::Protocol;

/// What a datagram to this port is of, when that is beyond doubt.
pub(super) fn datagram(dst_port: u16, bytes: &[u8]) -> Option<Protocol> {
    between(40000, dst_port, bytes)
}

/// What a datagram between these ports is of, when that is beyond doubt.
pub(super) fn between(src_port: u16, dst_port: u16, bytes: &[u8]) -> Option<Protocol> {
    testing::sure_of(DATAGRAMS, &testing::datagram(bytes, src_port, dst_port))
}

/// What a connection speaks whose sides said this.
pub(super) fn spoken(client: &[u8], server: &[u8]) -> Option<Protocol> {
    let opening = testing::opening(client, server);
    testing::check_stream_table(&opening);
    STREAMS
        .iter()
        .find_map(|(_, look)| look(&opening)?.protocol)
}

/// A datagram of each protocol, and the port that it goes to.
fn samples() -> Vec<(Protocol, u16, Vec<u8>)> {
    let mut dhcp = hex("01 01 06 00 3903f326");
    dhcp.resize(236, 0);
    dhcp.extend(hex("63825363 350101 ff"));
    let mut netflow = hex("0005 0001");
    netflow.resize(72, 0x11);
    let mut rows = vec![
        (Protocol::Dhcp, 67, dhcp),
        (Protocol::NetFlow, 2055, netflow),
    ];
    for (protocol, port, text) in [
        (
            Protocol::Dhcpv6,
            547,
            "01 b93f2e 0008 0002 0000 0001 000a 000300010242ac110002",
        ),
        (
            Protocol::Ntp,
            9999,
            "240206e9 00000a3d 00000f0e c0000201 e000000012345678 e000001000000000 e000001080000000 e000001080010000",
        ),
        (
            Protocol::Snmp,
            161,
            "3026 020100 0406 7075626c6963 a019 02041a2b3c4d 020100 020100 300b 3009 0605 2b06010201 0500",
        ),
        (Protocol::Tftp, 69, "0001 782e62696e00 6f6374657400"),
        (
            Protocol::Radius,
            9999,
            "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee 0406c0a80110 050600000003",
        ),
        (
            Protocol::Ipfix,
            4739,
            "000a001c 65000000 00000001 00000000 0002000c 01000001 00080004",
        ),
        (
            Protocol::Sflow,
            9999,
            "00000005 00000001 c0000201 00000000 0000002a 00012345 00000001 00000002 00000010 00000001 00000001 00000000 00000000",
        ),
        (Protocol::Gtp, 2123, "4001 0009 00000100 03000100 05"),
        (Protocol::Coap, 5683, "40017d34 bb74656d7065726174757265"),
    ] {
        rows.push((protocol, port, hex(text)));
    }
    rows
}

#[test]
fn each_datagram_is_told_by_one_look_alone() {
    for (protocol, port, bytes) in samples() {
        assert_eq!(datagram(port, &bytes), Some(protocol));
    }
}

#[test]
fn a_cut_datagram_is_told_the_same_or_not_at_all() {
    for (protocol, port, bytes) in samples() {
        for cut in 0..bytes.len() {
            let told = datagram(port, &bytes[..cut]);
            assert!(
                told.is_none_or(|told| told == protocol),
                "{protocol} {cut}: {told:?}"
            );
        }
    }
}

#[test]
fn damaged_messages_never_panic() {
    for (_, port, bytes) in samples() {
        each_mutation(&bytes, 1000, |bytes| {
            datagram(port, bytes);
            spoken(bytes, b"");
        });
    }
}

#[test]
fn random_bytes_are_nobodys() {
    let seed: Vec<u8> = (0..64_u32).map(|n| (n * n * 167 + 13) as u8 | 1).collect();
    let mut told = 0;
    each_mutation(&seed, 4000, |bytes| {
        told += usize::from(datagram(9999, bytes).is_some() || spoken(bytes, b"").is_some());
    });
    assert_eq!(told, 0);
}
