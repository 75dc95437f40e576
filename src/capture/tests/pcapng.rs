//! Golden bytes of pcapng, and what its blocks and options may look like.

use super::*;
use crate::capture::{Format, Resolution};

#[test]
fn little_endian_with_every_kind_of_packet_block() {
    let capture = hex("
        0a0d0d0a 1c000000           # section header, 28 bytes
        4d3c2b1a 0100 0000          # byte order, version 1.0
        ffffffffffffffff 1c000000   # section length unknown

        01000000 20000000           # interface description, 32 bytes
        0100 0000 04000000          # Ethernet, snaplen 4
        0900 0100 09000000          # if_tsresol: 10^-9
        0000 0000 20000000          # opt_endofopt

        06000000 30000000           # enhanced packet, 48 bytes
        00000000                    # interface 0
        2ca49717 15cd86e2           # 1,700,000,000,123,456,789 ns: high, low
        05000000 dc050000           # 5 bytes of 1,500
        6162636465 000000           # frame, padding
        0100 0200 6869 0000         # opt_comment, no opt_endofopt
        30000000

        03000000 14000000           # simple packet, 20 bytes
        09000000                    # 9 bytes on the wire, 4 captured
        66676869 14000000

        02000000 24000000           # obsolete packet, 36 bytes
        0000 0700                   # interface 0, 7 drops
        00000000 e8030000           # 1,000 ns
        02000000 02000000
        6a6b 0000 24000000

        05000000 10000000           # interface statistics, here no more than its interface
        00000000 10000000
    ");
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    let ethernet = Some(LinkType::ETHERNET);
    let ns = 0x1797_a42c_e286_cd15;
    let packet = |ns, origlen, frame: &[u8], at| Packet {
        ns,
        link: ethernet,
        origlen,
        frame: frame.to_vec(),
        at,
    };
    assert_eq!(
        got.packets,
        [
            packet(ns, 1_500, b"abcde", 60..108),
            packet(ns, 9, b"fghi", 108..128),
            packet(1_000, 2, b"jk", 128..164),
        ]
    );
    assert_eq!(
        got.summary,
        CaptureSummary {
            format: Format::Pcapng,
            compression: None,
            link_types: vec![LinkType::ETHERNET],
            resolution: Some(Resolution::Ns),
            damage: None,
            skipped: Skipped::default(),
            bytes: 180,
            parts: Vec::new(),
        }
    );
}

#[test]
fn a_second_section_of_the_other_byte_order_begins_anew() {
    let big = hex("
        0a0d0d0a 0000001c           # section header
        1a2b3c4d 0001 0000 0000000000000000 0000001c
        00000001 00000014           # interface description
        0071 0000 00000000          # Linux cooked v1, no snaplen
        00000014
        00000006 00000024           # enhanced packet
        00000000 00000001 00000002  # interface 0, 2^32 + 2 µs
        00000003 00000004           # 3 bytes of 4
        61626300 00000024
        00000006 00000020           # enhanced packet
        00000001 00000000 00000005  # interface 1: the first section had one, this has not
        00000000 00000000
        00000020
    ");
    let little = [
        section(),
        interface(1, 0, &[]),
        interface(276, 0, &[]),
        enhanced(1, 9, b"x"),
    ]
    .concat();
    let capture = [little.clone(), big, little].concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.summary.damage, None);
    let seen: Vec<_> = got.packets.iter().map(|p| (p.ns, p.link)).collect();
    assert_eq!(
        seen,
        [
            (9_000, Some(LinkType::LINUX_SLL2)),
            ((1_i64 << 32 | 2) * 1_000, Some(LinkType::LINUX_SLL)),
            (5_000, None),
            (9_000, Some(LinkType::LINUX_SLL2)),
        ]
    );
    assert_eq!(got.packets[1].frame, b"abc");
    assert_eq!(got.packets[1].origlen, 4);
    assert_eq!(
        got.summary.link_types,
        [
            LinkType::ETHERNET,
            LinkType::LINUX_SLL2,
            LinkType::LINUX_SLL
        ]
    );
    assert_eq!(got.summary.resolution, Some(Resolution::Us));
}

/// The time that a packet at 3,000,000,000 ticks has on an interface with these options.
fn ns_with(options: &[u8]) -> (i64, Option<Resolution>) {
    let capture = [
        section(),
        interface(1, 0, options),
        enhanced(0, 3_000_000_000, b"x"),
    ];
    let got = read_bytes(&capture.concat()).unwrap();
    assert_eq!(got.summary.damage, None);
    (got.packets[0].ns, got.summary.resolution)
}

#[test]
fn options_tell_resolution_and_offset() {
    let second = 1_000_000_000;
    let tsresol = |value: &str| hex(&format!("0900 0100 {value} 000000"));
    for (value, ns, resolution) in [
        ("00", 3_000_000_000 * second, Resolution::Decimal(0)),
        ("03", 3_000_000 * second, Resolution::Decimal(3)),
        ("06", 3_000 * second, Resolution::Us),
        ("09", 3 * second, Resolution::Ns),
        ("0c", 3_000_000, Resolution::Decimal(12)),
        ("7f", 0, Resolution::Decimal(127)),
        ("80", 3_000_000_000 * second, Resolution::Binary(0)),
        ("8a", 2_929_687_500_000_000, Resolution::Binary(10)),
        ("ff", 0, Resolution::Binary(127)),
    ] {
        assert_eq!(ns_with(&tsresol(value)), (ns, Some(resolution)), "{value}");
    }
    let ahead = hex("0e00 0800 0500000000000000");
    let back = hex("0e00 0800 fbffffffffffffff");
    assert_eq!(ns_with(&ahead).0, 3_005 * second);
    assert_eq!(ns_with(&[tsresol("09"), back].concat()).0, -2 * second);
    let far = hex("0e00 0800 ffffffffffffff7f");
    assert_eq!(ns_with(&far).0, i64::MAX);
}

#[test]
fn a_broken_list_of_options_just_ends() {
    let us = (3_000_000_000_000, Some(Resolution::Us));
    let ns = (3_000_000_000, Some(Resolution::Ns));
    let name = hex("0200 0300 ff fe fd 00"); // if_name that is no UTF-8
    let nano = hex("0900 0100 09 000000");
    assert_eq!(ns_with(&[name, nano.clone()].concat()), ns);
    // Two options of one kind, the first counts; and one of no length says nothing.
    assert_eq!(
        ns_with(&[nano.clone(), hex("0900 0100 03 000000")].concat()),
        ns
    );
    assert_eq!(ns_with(&[hex("0900 0000"), nano.clone()].concat()), ns);
    // After the end, or behind one that is longer than the block, nothing is an option.
    assert_eq!(ns_with(&[hex("0000 0000"), nano.clone()].concat()), us);
    assert_eq!(ns_with(&[hex("0100 ffff"), nano].concat()), us);
    assert_eq!(ns_with(&hex("0e00 0400 01000000")), us);
}

#[test]
fn a_packet_of_an_interface_that_was_never_described_has_no_link() {
    let capture = [
        section(),
        enhanced(0, 7, b"x"),
        block(3, &le(&[3, 0x0063_6261])),
    ]
    .concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!((got.packets[0].ns, got.packets[0].link), (7_000, None));
    assert_eq!((got.packets[1].ns, got.packets[1].link), (7_000, None));
    assert_eq!(got.packets[1].frame, b"abc");
    assert_eq!(got.summary.resolution, None);
    assert_eq!(got.summary.link_types, []);
}

#[test]
fn interfaces_that_differ_make_the_resolution_mixed() {
    let nano = hex("0900 0100 09 000000");
    let capture = [section(), interface(1, 0, &nano), interface(1, 0, &[])].concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.summary.resolution, Some(Resolution::Mixed));
    assert_eq!(got.summary.link_types, [LinkType::ETHERNET]);
}

#[test]
fn interfaces_past_the_bound_have_no_link() {
    let mut capture = section();
    for link in 0..=65_536_u32 {
        capture.extend(interface(link as u16, 0, &[]));
    }
    capture.extend(enhanced(65_535, 0, b"x"));
    capture.extend(enhanced(65_536, 0, b"y"));
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.packets[0].link, Some(LinkType(65_535)));
    assert_eq!(got.packets[1].link, None);
    assert_eq!(got.summary.link_types.len(), 64);
}

#[test]
fn a_length_without_its_padding_is_stepped_over() {
    let head = [section(), interface(1, 0, &[])].concat();
    let fields = le(&[0, 0, 7, 1, 1]);
    // 33 bytes are declared, 36 are there; the length at the end stands after the padding, or before it.
    let after = [&le(&[6, 33])[..], &fields, b"a\0\0\0", &le(&[33])].concat();
    let before = [&le(&[6, 33])[..], &fields, b"b", &le(&[33]), &[0; 3]].concat();
    let next = enhanced(0, 8, b"c");
    let capture = [&head[..], &after, &before, &next].concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.summary.damage, None);
    let frames: Vec<_> = got.packets.iter().map(|p| p.frame.as_slice()).collect();
    assert_eq!(frames, [b"a", b"b", b"c"]);
    assert_eq!(got.packets[0].at.len(), 36);
    assert_eq!(got.packets[1].at.len(), 36);

    // At the end of the capture the padding may be missing.
    for missing in 0..=3 {
        let capture = [&head[..], &before[..before.len() - missing]].concat();
        let got = read_bytes(&capture).unwrap();
        assert_eq!(got.bytes, capture);
        assert_eq!(got.summary.damage, None);
        assert_eq!(got.packets[0].frame, b"b");
        assert_eq!(
            read(Drip(io::Cursor::new(capture), 1)).unwrap().content(),
            got.content()
        );
    }
}
