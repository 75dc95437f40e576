//! Golden bytes of every variant of pcap.

use super::*;
use crate::capture::{Format, Resolution};

#[test]
fn microseconds_little_endian() {
    let capture = hex("
        d4c3b2a1 0200 0400          # magic, version 2.4
        00000000 00000000           # zone, accuracy
        60000000                    # snaplen 96
        01000000                    # Ethernet
        00f15365 40e20100           # 1,700,000,000 s, 123,456 µs
        04000000 dc050000           # 4 bytes of 1,500
        deadbeef
        00000000 00000000 00000000 00000000  # an empty frame
    ");
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(
        got.packets,
        [
            Packet {
                ns: 1_700_000_000_123_456_000,
                link: Some(LinkType::ETHERNET),
                origlen: 1_500,
                frame: hex("deadbeef"),
                at: 24..44,
            },
            Packet {
                ns: 0,
                link: Some(LinkType::ETHERNET),
                origlen: 0,
                frame: vec![],
                at: 44..60,
            },
        ]
    );
    assert_eq!(
        got.summary,
        CaptureSummary {
            format: Format::Pcap,
            compression: None,
            link_types: vec![LinkType::ETHERNET],
            resolution: Some(Resolution::Us),
            damage: None,
            skipped: Skipped::default(),
            bytes: 60,
            parts: Vec::new(),
        }
    );
}

#[test]
fn the_lengths_of_old_versions_are_the_other_way_round() {
    for (version, first, second, lens) in [
        ("0200 0200", "dc050000", "04000000", (4, 1_500)),
        ("0200 0300", "dc050000", "04000000", (4, 1_500)),
        ("0200 0300", "04000000", "dc050000", (4, 1_500)),
        ("0200 0400", "04000000", "dc050000", (4, 1_500)),
        ("0200 0400", "04000000", "02000000", (4, 2)),
    ] {
        let capture = hex(&format!(
            "d4c3b2a1 {version} 00000000 00000000 60000000 01000000 00f15365 40e20100 {first} {second} deadbeef"
        ));
        let got = read_bytes(&capture).unwrap();
        let [packet] = &got.packets[..] else {
            panic!("{version}: {:?}", got.summary.damage);
        };
        let packet = (packet.frame.len(), packet.origlen);
        assert_eq!((packet, got.bytes), (lens, capture), "{version}");
    }
}

#[test]
fn nanoseconds_big_endian() {
    let capture = hex("
        a1b23c4d 0002 0004 00000000 00000000
        00040000                    # snaplen 262,144
        00000114                    # Linux cooked v2
        6553f100 075bcd15           # 1,700,000,000 s, 123,456,789 ns
        00000002 00000002
        cafe
    ");
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.packets[0].ns, 1_700_000_000_123_456_789);
    assert_eq!(got.packets[0].link, Some(LinkType::LINUX_SLL2));
    assert_eq!(got.packets[0].frame, hex("cafe"));
    assert_eq!(got.summary.resolution, Some(Resolution::Ns));
}

#[test]
fn every_magic_in_both_byte_orders() {
    for (magic, header_len, ns) in [
        (0xa1b2_c3d4_u32, 16, 5_000_007_000),
        (0xa1b2_3c4d, 16, 5_000_000_007),
        (0xa1b2_cd34, 24, 5_000_007_000),
    ] {
        for words in [le, be] {
            let mut capture = words(&[magic, 0, 0, 0, 65_535, 101]);
            for frame in [&b"abc"[..], b"", b"defg"] {
                capture.extend(words(&[5, 7, frame.len() as u32, 1_000]));
                capture.extend(vec![0x55; header_len - 16]);
                capture.extend_from_slice(frame);
            }
            let got = read_bytes(&capture).unwrap();
            assert_eq!(got.bytes, capture);
            assert_eq!(got.summary.damage, None);
            let frames: Vec<_> = got.packets.iter().map(|p| p.frame.as_slice()).collect();
            assert_eq!(frames, [&b"abc"[..], b"", b"defg"]);
            for packet in &got.packets {
                assert_eq!((packet.ns, packet.origlen), (ns, 1_000));
                assert_eq!(packet.link, Some(LinkType::RAW));
                assert_eq!(packet.at.len(), header_len + packet.frame.len());
            }
        }
    }
}

#[test]
fn the_upper_half_of_the_linktype_is_no_part_of_it() {
    let mut capture = pcap_of(&[b"x"]);
    capture[20..24].copy_from_slice(&le(&[0x1400_0001]));
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.packets[0].link, Some(LinkType::ETHERNET));
    assert_eq!(got.bytes, capture);
}

#[test]
fn lengths_and_times_that_make_no_sense_are_read() {
    for snaplen in [0, 2, 65_535] {
        let mut capture = le(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, snaplen, 1]);
        // Longer than the snaplen and than on the wire; a fraction of a second beyond every second.
        capture.extend(le(&[u32::MAX, u32::MAX, 4, 1]));
        capture.extend_from_slice(b"abcd");
        let got = read_bytes(&capture).unwrap();
        assert_eq!(got.bytes, capture);
        assert_eq!(got.packets[0].frame, b"abcd");
        assert_eq!(got.packets[0].origlen, 1);
        assert_eq!(
            got.packets[0].ns,
            4_294_967_295_000_000_000 + 4_294_967_295_000
        );
    }
}

#[test]
fn a_header_alone_is_a_capture() {
    let got = read_bytes(&pcap_of(&[])).unwrap();
    assert_eq!(got.bytes, pcap_of(&[]));
    assert_eq!(got.packets, []);
    assert_eq!(got.summary.damage, None);
}
