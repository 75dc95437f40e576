//! What tells a tunnel from what merely has its port: where the header says little, the packet inside has to agree with itself.

use super::decode;
use super::golden::{ETHERNET, IS_IPV4, REAL_DNS, hex, tuple_text};
use super::tunnels::{Carrier, IPV6_AROUND};
use crate::packet::LinkType;

use Carrier::{Ip, Udp};

const INNER: &str = "udp 10.77.0.2:48513 > 10.77.1.53:53";

/// Every port that hints at a tunnel.
const PORTS: [u16; 15] = [
    1701, 2152, 3386, 3544, 4341, 4754, 4789, 4790, 5072, 5247, 6081, 6635, 8472, 12345, 37008,
];

/// Headers that any receiver passes, though bits are set in them that mean nothing.
const RESERVED: [(&str, u16, &[&str]); 13] = [
    (
        "VXLAN without identifier",
        4789,
        &["00 00 00 00 00 00 07 00", ETHERNET, IS_IPV4],
    ),
    (
        "VXLAN, last byte",
        4789,
        &["08 00 00 00 00 00 07 01", ETHERNET, IS_IPV4],
    ),
    (
        "VXLAN-GPE, last byte",
        4790,
        &["0c 00 00 03 00 00 07 01", ETHERNET, IS_IPV4],
    ),
    ("VXLAN-GPE, flag", 4790, &["4c 00 00 01 00 00 07 00"]),
    ("VXLAN-GPE, middle", 4790, &["0c 01 80 01 00 00 07 00"]),
    (
        "VXLAN-GPE, no identifier",
        4790,
        &["04 00 00 03 00 00 07 00", ETHERNET, IS_IPV4],
    ),
    (
        "VXLAN at GPE's port",
        4790,
        &["08 00 00 07 00 00 07 00", ETHERNET, IS_IPV4],
    ),
    (
        "Geneve, last byte",
        6081,
        &["00 00 65 58 00 00 07 01", ETHERNET, IS_IPV4],
    ),
    (
        "Geneve, flags",
        6081,
        &["00 01 65 58 00 00 07 00", ETHERNET, IS_IPV4],
    ),
    (
        "Geneve with IPv4, flags",
        6081,
        &["00 20 08 00 00 00 07 00"],
    ),
    ("GRE", 4754, &["01 00 08 00"]),
    (
        "GRE with Ethernet and a key",
        4754,
        &["20 f8 65 58 00 00 00 07", ETHERNET, IS_IPV4],
    ),
    (
        "GRE with a source route",
        4754,
        &["40 00 08 00 00 00 00 00 00 00 00 00"],
    ),
];

/// Headers of which any bits would do.
const WEAK: [(&str, u16, &[&str]); 7] = [
    ("LISP", 4341, &["40 00 00 00 00 00 00 00"]),
    (
        "LISP with Ethernet",
        4341,
        &["04 00 00 03 00 00 00 00", ETHERNET, IS_IPV4],
    ),
    ("MPLS", 6635, &["00 06 40 40 00 06 41 40"]),
    (
        "Ethernet under MPLS",
        6635,
        &["00 06 41 40", ETHERNET, IS_IPV4],
    ),
    (
        "Ethernet and a control word under MPLS",
        6635,
        &["00 06 41 40 00 00 00 00", ETHERNET, IS_IPV4],
    ),
    ("Teredo", 3544, &[IPV6_AROUND]),
    ("AYIYA", 5072, &["02 02 11 04 5a 00 00 00 01"]),
];

fn tuple(frame: &[u8]) -> String {
    tuple_text(&decode(Some(LinkType::RAW), frame))
}

/// The tuple of a datagram to `port`.
fn told(port: u16, body: &[u8]) -> String {
    tuple(&Udp(port).around(body, 0).1)
}

fn outer(port: u16) -> String {
    format!("udp 192.0.2.1:12345 > 192.0.2.2:{port}")
}

fn body(header: &[&str]) -> Vec<u8> {
    hex(&[header, &[REAL_DNS]].concat())
}

/// The next byte of a fixed sequence (xorshift64).
fn next_random(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as u8
}

#[test]
fn reserved_bits_hide_no_packet_that_is_certain() {
    for (name, port, header) in RESERVED {
        assert_eq!(told(port, &body(header)), INNER, "{name}");
    }
}

#[test]
fn reserved_bits_before_a_doubtful_packet_make_a_datagram() {
    for (name, port, header) in RESERVED.iter().chain(&WEAK) {
        let whole = body(header);
        let checksum_at = whole.len() - 61 + 10;
        // IPv6 has no checksum of its own.
        if *port != 3544 {
            let mut wrong = whole.clone();
            wrong[checksum_at] ^= 0x01;
            assert_eq!(told(*port, &wrong), outer(*port), "{name}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(told(*port, &longer), outer(*port), "{name}");
        let shorter = &whole[..whole.len() - 1];
        assert_eq!(told(*port, shorter), outer(*port), "{name}");
    }
}

#[test]
fn a_capture_that_cuts_packets_takes_no_certainty() {
    for (name, port, header) in RESERVED.iter().chain(&WEAK) {
        let frame = Udp(*port).around(&body(header), 0).1;
        for cut in frame.len() - 33..frame.len() {
            assert_eq!(tuple(&frame[..cut]), INNER, "{name} at {cut}");
        }
    }
}

#[test]
fn receivers_of_many_places_are_no_reserved_bit() {
    let not_certain = hex(&["0e 00 00 01 00 00 07 00", REAL_DNS, "00"]);
    assert_eq!(told(4790, &not_certain), INNER);
}

#[test]
fn a_later_version_is_no_tunnel() {
    for (port, header) in [
        (4790, "1c 00 00 01 00 00 07 00"),
        (6081, "40 00 08 00 00 00 07 00"),
    ] {
        assert_eq!(told(port, &body(&[header])), outer(port));
    }
}

#[test]
fn quic_is_no_tunnel_whatever_port_its_client_has() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for port in PORTS {
        for _ in 0..100 {
            let mut datagram: Vec<u8> = (0..1200).map(|_| next_random(&mut state)).collect();
            // Of a flow, the connection's identifier stays the same.
            for _ in 0..10 {
                datagram[0] = 0x40 | next_random(&mut state) & 0x3f;
                datagram[9..100].fill_with(|| next_random(&mut state));
                assert_eq!(
                    told(port, &datagram),
                    outer(port),
                    "{:02x?}",
                    &datagram[..100]
                );
            }
        }
    }
}

#[test]
fn what_teredo_puts_behind_its_packet_leaves_the_packet() {
    let with = |trailers: &str| told(3544, &hex(&[IPV6_AROUND, REAL_DNS, trailers]));
    let nonce = "01 04 aa bb cc dd ";
    let address = "03 06 00 00 c0 00 02 09 ";
    for trailers in [nonce, "05 00", &[nonce, address].concat(), &nonce.repeat(8)] {
        assert_eq!(with(trailers), INNER, "{trailers}");
    }
    for no_trailers in [
        "01",
        "01 05 aa bb cc dd",
        "00 00",
        "06 00",
        &nonce.repeat(9),
        "01 04 aa bb cc dd 00",
    ] {
        assert_eq!(with(no_trailers), outer(3544), "{no_trailers}");
    }
}

#[test]
fn a_bubble_of_teredo_is_one_whatever_follows() {
    let mut bubble = hex(&[IPV6_AROUND, "01 02 03"]);
    bubble[5] = 0;
    bubble[6] = 59;
    assert_eq!(told(3544, &bubble), "59 [2001:db8::1]:0 > [2001:db8::2]:0");
    bubble[6] = 17;
    assert_eq!(told(3544, &bubble), outer(3544));
}

#[test]
fn a_flow_of_equal_datagrams_is_not_teredo_by_its_length_alone() {
    let mut datagram = hex(&[IPV6_AROUND, REAL_DNS]);
    datagram[6] = 190;
    assert_eq!(told(3544, &datagram), outer(3544));
}

#[test]
fn a_source_route_of_gre_is_passed_up_to_its_bound() {
    let routed = |entries: usize| {
        let entries = "08 00 00 04 c0 00 02 09 ".repeat(entries);
        let body = hex(&["40 00 08 00 00 00 00 00", &entries, "00 00 00 00", REAL_DNS]);
        tuple(&Ip(47).around(&body, 0).1)
    };
    assert_eq!((routed(0), routed(15)), (INNER.into(), INNER.into()));
    assert_eq!(routed(16), "47 192.0.2.1:0 > 192.0.2.2:0");
}

#[test]
fn a_packet_is_no_longer_than_the_tunnel_around_it() {
    let mut inner = hex(&[REAL_DNS]);
    inner[2..4].copy_from_slice(&60_000u16.to_be_bytes());
    let (link, frame) = Ip(4).around(&inner, 0);
    // The capture has cut both.
    for cut in [frame.len(), frame.len() - 20] {
        let view = decode(Some(link), &frame[..cut]);
        assert_eq!(tuple_text(&view), INNER);
        assert_eq!((view.payload.origlen, view.stop), (33, None));
    }
}
