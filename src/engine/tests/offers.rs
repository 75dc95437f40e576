//! What clients offer: their fingerprints, and the DNS that they encrypt.

use super::*;
use crate::inspect::testing::hex;
use crate::protocol::Protocol;

const CHROME: &str = include_str!("../../inspect/tls/hellos/chrome.hex");
const UNNAMED: &str = include_str!("../../inspect/tls/hellos/openssl_unnamed.hex");
/// A record of application data that fills its segment.
const RECORD: &[u8] = b"\x17\x03\x03\0\x11an authentic text";

/// The only flow that these payloads from its client make.
fn flow_of(ends: FiveTuple, payloads: &[Vec<u8>]) -> FlowSummary {
    let mut bench = Bench::new(&[], 8, false);
    let flags = (ends.protocol == IpProtocol::TCP).then_some(ACK);
    for payload in payloads {
        bench.send(ends, flags, payload);
    }
    bench.engine.finish().remove(0)
}

fn datagrams() -> FiveTuple {
    tuple(IpProtocol::UDP, (1, 50_000), (2, 4433))
}

fn protocols(flow: &FlowSummary) -> Vec<Protocol> {
    flow.protocols.iter().collect()
}

fn ja4(flow: &FlowSummary) -> Option<&str> {
    flow.findings()
        .fingerprints
        .as_ref()
        .map(|prints| &*prints.ja4)
}

/// The datagrams of a recorded flight.
fn flight(text: &str) -> Vec<Vec<u8>> {
    text.split("\n\n").map(hex).collect()
}

#[test]
fn a_client_has_its_fingerprints_whatever_carries_its_hello() {
    let quic = flight(include_str!("../../inspect/quic/flights/quinn.hex"));
    let dtls = flight(include_str!("../../inspect/dtls/flights/client.hex"));
    for (ends, payloads, letter) in [
        (tcp(50_000), vec![hex(CHROME)], "t13d"),
        (datagrams(), quic, "q13d"),
        (datagrams(), dtls, "dd2d"),
    ] {
        let flow = flow_of(ends, &payloads);
        let told = ja4(&flow).unwrap();
        assert!(told.starts_with(letter), "{told}");
    }
}

#[test]
fn a_part_of_a_hello_has_no_fingerprint() {
    let mut bench = Bench::new(&[], 8, false);
    let hello = hex(CHROME);
    bench.send(tcp(50_000), Some(ACK), &hello[..hello.len() - 1]);
    assert_eq!(ja4(&bench.engine.finish()[0]), None);
}

#[test]
fn nobody_asks_for_fingerprints_and_none_are_taken() {
    let mut bench = Bench::new(&[], 8, false);
    bench.engine.policy.fingerprints = false;
    bench.send(tcp(50_000), Some(ACK), &hex(CHROME));
    assert_eq!(ja4(&bench.engine.finish()[0]), None);
}

#[test]
fn dns_that_is_encrypted_is_told_by_port_or_offer() {
    let to = |port| tuple(IpProtocol::TCP, (1, 50_000), (2, port));
    let flow = flow_of(to(853), &[hex(UNNAMED)]);
    assert_eq!(protocols(&flow), [Protocol::Tls, Protocol::DnsOverTls]);
    let flow = flow_of(to(853), &[RECORD.into()]);
    assert_eq!(protocols(&flow), [Protocol::Tls, Protocol::DnsOverTls]);
    let doq = flight(include_str!("../../inspect/quic/flights/doq.hex"));
    let flow = flow_of(datagrams(), &doq);
    assert_eq!(protocols(&flow), [Protocol::Quic, Protocol::DnsOverQuic]);
}

#[test]
fn tls_without_its_hellos_is_told_from_either_side() {
    for ends in [tcp(50_000), back(tcp(50_000))] {
        let flow = flow_of(ends, &[RECORD.into()]);
        assert_eq!(protocols(&flow), [Protocol::Tls, Protocol::Https]);
    }
    let flow = flow_of(tcp(50_000), &[RECORD[..RECORD.len() - 1].into()]);
    assert_eq!(protocols(&flow), []);
}

#[test]
fn dns_over_https_is_told_with_its_resolver() {
    let name = b"dns.google";
    // An offer of HTTP/2 to that name.
    let extensions = [
        b"\0\0\0\x0f\0\x0d\0\0\x0a",
        &name[..],
        b"\0\x10\0\x05\0\x03\x02h2",
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[0; 33],
        b"\0\x02\x13\x01\x01\0\0",
        &[extensions.len() as u8],
        &extensions,
    ]
    .concat();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    let hello = [&[22, 3, 1, 0, message.len() as u8][..], &message].concat();
    let flow = flow_of(tcp(50_000), &[hello]);
    let told = [Protocol::Tls, Protocol::Https, Protocol::DnsOverHttps];
    assert_eq!(protocols(&flow), told);
}

#[test]
fn a_table_of_ordinary_hellos_is_full_before_it_holds_too_much() {
    let mut bench = Bench::new(&[], 64, false);
    let hello = hex(CHROME);
    for port in 1..=64 {
        bench.send(tcp(port), Some(ACK), &hello);
    }
    assert_eq!(bench.ends(), []);
    assert_eq!(bench.engine.finish().len(), 64);
}
