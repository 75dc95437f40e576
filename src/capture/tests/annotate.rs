//! Comments go where they can, and nothing else changes.

use super::*;

/// The capture again with `comment` on its packets, and which of them could take it.
fn annotated(capture: &[u8], comment: Option<&str>) -> (Vec<u8>, Vec<bool>) {
    let mut reader = CaptureReader::open(io::Cursor::new(capture.to_vec())).unwrap();
    let mut annotator = reader.annotator("t", "s");
    let (mut chunk, mut out, mut took) = (Chunk::new(), Vec::new(), Vec::new());
    while reader.fill(&mut chunk).unwrap() {
        let mut from = 0;
        for record in chunk.records() {
            annotator
                .between(&chunk, (from, record.start), &mut out)
                .unwrap();
            took.push(
                annotator
                    .packet((&chunk, record), comment, &mut out)
                    .unwrap(),
            );
            from = record.end;
        }
        let end = chunk.bytes().len() as u32;
        annotator.between(&chunk, (from, end), &mut out).unwrap();
    }
    (out, took)
}

#[test]
fn a_pcap_of_nanoseconds_becomes_one_section_with_one_interface() {
    let capture = hex("
        a1b23c4d 0002 0004 00000000 00000000 00000040 00000065   # big-endian, ns, snaplen 64, raw IP
        00000001 00000007 00000005 000005dc 4500000005            # 1.000000007 s, 5 of 1,500 bytes
    ");
    let expected = hex("
        0a0d0d0a 34000000 4d3c2b1a 0100 0000 ffffffffffffffff
        0400 0100 74 000000             # shb_userappl
        0100 0100 73 000000             # opt_comment
        0000 0000 34000000
        01000000 20000000 6500 0000 40000000
        0900 0100 09 000000 0000 0000 20000000
        06000000 34000000 00000000
        00000000 07ca9a3b               # 1,000,000,007 ns
        05000000 dc050000 4500000005 000000
        0100 0100 63 000000 0000 0000 34000000
    ");
    // The section is 52 bytes long: its options take 20.
    let mut expected = expected;
    let section_len = 28 + 20_u8;
    expected[4] = section_len;
    expected[usize::from(section_len) - 4] = section_len;
    let (out, took) = annotated(&capture, Some("c"));
    assert_eq!(out, expected);
    assert_eq!(took, [true]);
}

#[test]
fn a_comment_goes_behind_the_options_that_are_there_in_their_byte_order() {
    for order in [le as fn(&[u32]) -> Vec<u8>, be] {
        let section = order(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0, 0, 52, 28]);
        let interface = order(&[1, 20, 1, 0, 20]);
        let half = |a: u16, b: u16| match order(&[1])[0] {
            1 => [a.to_le_bytes(), b.to_le_bytes()].concat(),
            _ => [a.to_be_bytes(), b.to_be_bytes()].concat(),
        };
        let interface = [&interface[..8], &half(1, 0), &interface[12..]].concat();
        let packet = |options: &[u8]| {
            let len = 36 + options.len() as u32;
            let head = order(&[6, len, 0, 0, 9, 3, 3]);
            [&head, &b"abc\0"[..], options, &order(&[len])].concat()
        };
        let old = [&half(1, 2), &b"hi\0\0"[..]].concat();
        let end = half(0, 0);
        let new = [&half(1, 1), &b"c\0\0\0"[..], &end].concat();
        for (given, made) in [
            (vec![], new.clone()),
            (old.clone(), [old.clone(), new.clone()].concat()),
            (
                [old.clone(), end.clone()].concat(),
                [old.clone(), new.clone()].concat(),
            ),
        ] {
            let capture = [section.clone(), interface.clone(), packet(&given)].concat();
            let (out, took) = annotated(&capture, Some("c"));
            assert!(out.ends_with(&packet(&made)), "{given:?}");
            assert_eq!(took, [true]);
            let (same, _) = annotated(&capture, None);
            assert!(same.ends_with(&[interface.clone(), packet(&given)].concat()));
        }
        // An option that is longer than its block.
        let broken = half(1, 99);
        let capture = [section.clone(), interface.clone(), packet(&broken)].concat();
        let (out, took) = annotated(&capture, Some("c"));
        assert!(out.ends_with(&packet(&broken)));
        assert_eq!(took, [false]);
    }
}

#[test]
fn sections_forget_how_long_they_are() {
    let capture = le(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, 0, 0, 28]);
    let capture = [capture.clone(), capture].concat();
    let (out, _) = annotated(&capture, None);
    let one = [
        le(&[0x0a0d_0d0a, 40, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX]),
        hex("0100 0100 73000000 00000000"),
        le(&[40]),
    ]
    .concat();
    assert_eq!(out, [one.clone(), one].concat());
    // Also one whose options are longer than its block, and so can have no comment.
    let broken = |len: [u32; 2]| {
        let [low, high] = len;
        le(&[0x0a0d_0d0a, 32, 0x1a2b_3c4d, 1, low, high, 0x0063_0001, 32])
    };
    let (out, _) = annotated(&broken([52, 0]), None);
    assert_eq!(out, broken([u32::MAX; 2]));
}

#[test]
fn a_comment_is_cut_between_characters_where_an_option_ends() {
    let capture = pcap_of(&[b"abc"]);
    let long = "小".repeat(30_000);
    let (out, took) = annotated(&capture, Some(&long));
    let packets = read_bytes(&out).unwrap().packets;
    assert_eq!((packets.len(), took), (1, vec![true]));
    assert_eq!(packets[0].frame, b"abc");
}

#[test]
fn whatever_options_hold_the_packets_stay() {
    let mut seed = 7_u32;
    let section = le(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    for _ in 0..2_000 {
        let options: Vec<u32> = (0..3)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> (seed % 24)
            })
            .collect();
        let packet = [vec![6, 48, 0, 0, 9, 4, 4, 0x6463_6261], options, vec![48]].concat();
        let capture = [section.clone(), le(&packet)].concat();
        let (out, _) = annotated(&capture, Some("c"));
        let (before, after) = (read_bytes(&capture).unwrap(), read_bytes(&out).unwrap());
        assert_eq!(after.summary.damage, None);
        let content = |packets: &[Packet]| -> Vec<_> {
            packets
                .iter()
                .map(|packet| (packet.ns, packet.origlen, packet.frame.clone()))
                .collect()
        };
        assert_eq!(content(&after.packets), content(&before.packets));
    }
}
