use proptest::prelude::*;

use super::*;
use crate::inspect::dns::tests::{QUERY, RESPONSE, framed, query, wire};
use crate::inspect::testing::{each_mutation, hex};

/// Messages that leave no doubt, one of each kind.
fn sure() -> Vec<Vec<u8>> {
    [
        QUERY,
        RESPONSE,
        // Nothing but a question, of the root.
        "0001 0000 0001 0000 0000 0000 00 0002 0001",
        // Padding with an OPT record that does not say that it is one.
        "0725 0100 0001 0000 0000 0001 01 32 04 63657274 00 0010 0001
         00 0000 0000 00000000 0008 000c 0004 00000000",
        // A signed query: OPT, then TSIG.
        "0726 0120 0001 0000 0000 0002 01 61 00 0001 0001
         00 0029 04d0 00000000 0000
         03 6b6579 00 00fa 00ff 00000000 0004 00000000",
        // What is new of a zone since this version: IXFR, and the version's SOA.
        "0727 0000 0001 0000 0001 0000 01 61 00 00fb 0001
         c00c 0006 0001 00000000 0016 00 00 00000007 00000000 00000000 00000000 00000000",
        // NOTIFY: authoritative, with the SOA that is new.
        "0728 2400 0001 0001 0000 0000 01 61 00 0006 0001
         c00c 0006 0001 00000e10 0016 00 00 00000008 00000000 00000000 00000000 00000000",
        // UPDATE of a zone: one record is to be there, two come.
        "0729 2800 0001 0001 0002 0000 01 61 00 0006 0001
         c00c 0001 00ff 00000000 0000
         01 62 c00c 0001 0001 0000003c 0004 0a000001
         01 63 c00c 0001 00fe 00000000 0004 0a000002",
        // Refusals: of a query, and of an update.
        "072a 8105 0001 0000 0000 0000 01 61 00 0001 0001",
        "072b a805 0001 0000 0000 0000 01 61 00 0006 0001",
    ]
    .map(hex)
    .into()
}

#[test]
fn dns_is_sure_only_when_every_byte_is_accounted_for() {
    for bytes in sure() {
        assert!(is_surely_dns(&bytes), "{bytes:02x?}");
        for cut in 0..bytes.len() {
            assert!(!is_surely_dns(&bytes[..cut]), "{bytes:02x?} cut at {cut}");
        }
        assert!(!is_surely_dns(&[&bytes[..], &[0]].concat()));
    }
}

#[test]
fn a_question_must_be_printable_with_a_type_and_class_that_are_known() {
    let one = |name: &[&[u8]], qtype, qclass| is_surely_dns(&query(&[(wire(name), qtype, qclass)]));
    assert!(one(&[], 2, 1));
    assert!(one(&[b"a", b"example"], 1, 1));
    assert!(!one(&[b"a", b"exam\xffple"], 1, 1));
    assert!(!one(&[b"a"], 0, 1) && !one(&[b"a"], 3000, 1) && !one(&[b"a"], 1, 2));
    // "CHARIZARD", workstation, as NetBIOS asks.
    assert!(!one(&[b"EDEIEBFCEJFKEBFCEECACACACACACAAA"], 32, 1));
    // A pointer into the header; two questions.
    assert!(!is_surely_dns(&query(&[(hex("01 61 c006"), 1, 1)])));
    assert!(!is_surely_dns(&query(&[
        (wire(&[b"a"]), 1, 1),
        (wire(&[b"b"]), 1, 1)
    ])));
}

#[test]
fn flags_and_counts_must_be_such_as_the_operation_has() {
    let plain = query(&[(wire(&[b"a", b"example"]), 1, 1)]);
    for (at, byte) in [
        (2, 0x05), // authoritative
        (2, 0x03), // cut
        (3, 0x80), // recursion available
        (3, 0x40), // reserved
        (3, 0x01), // an error
        (2, 0x09), // IQUERY
        (2, 0x11), // STATUS
        (2, 0x19), // unassigned
        (2, 0x29), // an UPDATE of no SOA
        (2, 0x79),
    ] {
        let mut bytes = plain.clone();
        bytes[at] = byte;
        assert!(!is_surely_dns(&bytes), "{at}: {byte:02x}");
    }
    // As multicast DNS asks: neither number nor flags, or for a unicast answer.
    let mut multicast = plain.clone();
    multicast[..4].fill(0);
    assert!(!is_surely_dns(&multicast));
    assert!(!is_surely_dns(&query(&[(
        wire(&[b"a", b"local"]),
        12,
        0x8001
    )])));
    // A query with a record that only an answer has; an OPT record whose options don't fit.
    let with = |record: &str, at: usize| {
        let mut bytes = [&plain[..], &hex(record)].concat();
        bytes[at] = 1;
        is_surely_dns(&bytes)
    };
    assert!(with("00 0029 04d0 00000000 0000", 11));
    assert!(!with("00 0029 04d0 00000000 0005 000a 0004 00", 11));
    assert!(!with("c00c 0001 0001 00000000 0004 0a000001", 11));
    assert!(!with("c00c 0001 0001 00000000 0004 0a000001", 7));
    assert!(!with("c00c 0006 0001 00000000 0004 0a000001", 9));
}

/// The first datagrams of other protocols.
const OTHERS: [(&str, &str); 18] = [
    (
        "QUIC v1 Initial",
        "c3 00000001 08 8394c8f03e515708 00 00 449e 7b9aec34d1b1c98dd7689fb8ec11",
    ),
    (
        "QUIC version negotiation",
        "80 00000000 08 8394c8f03e515708 00 00000001 6b3343cf",
    ),
    (
        "QUIC Q043",
        "09 51c3e0a1d2b3c4d5 51303433 01 f2a34b5c6d7e8f9001020304",
    ),
    (
        "DTLS 1.2 ClientHello",
        "16 feff 0000 000000000000 0036 01 00002a 0000 000000 00002a fefd",
    ),
    ("DTLS change of cipher", "14 fefd 0000 000000000003 0001 01"),
    (
        "STUN binding request",
        "0001 0000 2112a442 0102030405060708090a0b0c",
    ),
    (
        "STUN request with USERNAME",
        "0001 0010 2112a442 010203040506070809000102 0006 0009 613a62636465666768 000000",
    ),
    (
        "NTP 4 client",
        "23 00 06 20 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 e5f1c2d3a4b5c6d7",
    ),
    ("RTP", "80 60 0001 00000000 00000001 d5d5d5d5d5d5d5d5d5"),
    (
        "RTCP sender report",
        "80 c8 0006 00000001 e5f1c2d3 a4b5c6d7 00000000 00000001 00000001",
    ),
    (
        "BitTorrent DHT ping",
        "64313a6164323a696432303a6162636465666768696a30313233343536373839653139313a71343a70696e67",
    ),
    ("uTP SYN", "41 00 0001 00000001 00000000 00100000 0001 0000"),
    (
        "multicast DNS",
        "0000 0000 0001 0000 0000 0000 05 5f68747470 04 5f746370 05 6c6f63616c 00 000c 0001",
    ),
    (
        "NetBIOS wildcard",
        "80f0 0010 0001 0000 0000 0000 20 434b4141414141414141414141414141 41414141414141414141414141414141 00 0021 0001",
    ),
    (
        "SNMP get",
        "302602010104067075626c6963a01902020001020100020100300d300b06072b0601020101010500",
    ),
    (
        "RADIUS access request",
        "01 01 0014 00000000000000000000000000000000",
    ),
    (
        "WireGuard initiation",
        "01000000 00000001 00000000 00000000 00000000",
    ),
    ("TFTP read", "0001 6100 6f6374657400"),
];

#[test]
fn other_protocols_are_not_dns() {
    for (what, text) in OTHERS {
        let bytes = hex(text);
        assert!(!is_surely_dns(&bytes), "{what}");
        // Their padding with zeros, and what each leaves of itself in a short capture.
        let padded = [&bytes[..], &[0; 64]].concat();
        for len in 0..padded.len() {
            assert!(!is_surely_dns(&padded[..len]), "{what} to {len}");
        }
        // One byte is all that parts those two from DNS.
        if !matches!(what, "multicast DNS" | "NetBIOS wildcard") {
            each_mutation(&bytes, 500, |bytes| {
                assert!(!is_surely_dns(bytes), "{what}: {bytes:02x?}");
            });
        }
    }
    // Numbers that count up, of every width and from every start.
    for start in 0..=255u8 {
        for width in 1..=4 {
            let mut bytes = Vec::new();
            for i in 0..40u32 {
                let number = (u32::from(start) + i).to_be_bytes();
                bytes.extend(&number[4 - width..]);
                assert!(!is_surely_dns(&bytes));
            }
        }
    }
}

#[test]
fn damage_leaves_hardly_any_message_sure() {
    // What stays sure has lost nothing but its number, letters, times, addresses.
    for bytes in sure() {
        each_mutation(&bytes, 2000, |damaged| {
            if is_surely_dns(damaged) {
                assert_eq!(damaged.len(), bytes.len());
                assert_eq!(damaged[4..6], [0, 1]);
            }
        });
    }
}

#[test]
fn over_tcp_the_question_is_enough_and_a_whole_message_must_be_whole() {
    for bytes in sure() {
        let message = framed(&bytes);
        assert_eq!(is_surely_dns_over_tcp(&message), Outcome::Found(()));
        let more = [&message[..], b"\x00"].concat();
        assert_eq!(is_surely_dns_over_tcp(&more), Outcome::Found(()));
        let (question_end, _) = read_question(&bytes).unwrap();
        for cut in 0..message.len() {
            let expected = match cut {
                0..2 => Outcome::NotMine,
                cut if cut < 2 + question_end => Outcome::NeedMore,
                _ => Outcome::Found(()),
            };
            let found = is_surely_dns_over_tcp(&message[..cut]);
            assert_eq!(found, expected, "{bytes:02x?} cut at {cut}");
        }
        // A length that ends in the question, or behind the last record.
        for len in [question_end - 1, bytes.len() + 1] {
            let mut wrong = [&message[..], &[0; 8]].concat();
            wrong[..2].copy_from_slice(&(len as u16).to_be_bytes());
            assert_eq!(is_surely_dns_over_tcp(&wrong), Outcome::NotMine);
        }
    }
}

#[test]
fn nothing_else_is_waited_for_over_tcp() {
    let first_words: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"EHLO a.example\r\n",
        b"SSH-2.0-x\r\n",
        b"USER a\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\x05\x01\x00",
        b"\x04\x01\x00\x50",
        b"\x00\x00\x00\x2f\xffSMBr",
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00",
        b"\x13BitTorrent protocol",
        b"\x12\x01\x00\x2f\x00\x00\x01\x00\x00\x00",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01",
    ];
    for bytes in first_words {
        // Of binary ones six bytes: the length, the number, the flags.
        for len in 6.min(bytes.len())..=bytes.len() {
            let found = is_surely_dns_over_tcp(&bytes[..len]);
            let is_waiting = found == Outcome::NeedMore && len < 8;
            assert!(
                found == Outcome::NotMine || is_waiting,
                "{bytes:?} to {len}"
            );
        }
        if bytes[0].is_ascii_alphabetic() {
            for len in 0..=bytes.len() {
                assert_eq!(is_surely_dns_over_tcp(&bytes[..len]), Outcome::NotMine);
            }
        }
    }
    assert_eq!(is_surely_dns_over_tcp(b"\x00\x10"), Outcome::NotMine);
}

proptest! {
    #[test]
    fn random_bytes_are_not_dns(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!is_surely_dns(&bytes));
        prop_assert_ne!(is_surely_dns_over_tcp(&bytes), Outcome::Found(()));
    }

    /// The part of a header that is hardest to hit is given, and the rest is small numbers.
    #[test]
    fn a_header_alone_does_not_make_dns(bytes in prop::collection::vec(any::<u8>(), 0..80), zeros in 0usize..8) {
        let message = [&hex("1234 0100 0001 0000 0000 0000")[..], &vec![0; zeros], &bytes].concat();
        let is_question = read_question(&message).is_ok_and(|(end, _)| end == message.len());
        prop_assert_eq!(is_surely_dns(&message), is_question);
    }

    #[test]
    fn any_query_with_a_host_name_is_dns(labels in prop::collection::vec("[a-zA-Z0-9_-]{1,20}", 0..8), id in 1u16.., qtype in 1u16..=264) {
        let labels: Vec<&[u8]> = labels.iter().map(|label| label.as_bytes()).collect();
        let is_netbios = labels.first().is_some_and(|label| label.len() == 32);
        let mut bytes = query(&[(wire(&labels), qtype, 1)]);
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        prop_assert_eq!(is_surely_dns(&bytes), !is_netbios);
        prop_assert_eq!(is_surely_dns_over_tcp(&framed(&bytes)), Outcome::Found(()));
    }
}
