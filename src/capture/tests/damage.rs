//! Captures that are no captures, and captures that break off.

use super::*;
use crate::capture::MAX_RECORD_LEN;

#[test]
fn what_is_no_capture_is_refused_with_what_was_found() {
    assert!(matches!(read_bytes(b""), Err(CaptureError::Empty)));
    let cases: [(&[u8], &str); 4] = [
        (b"PK\x03\x04 and so on", "begins with 50 4b 03 04;"),
        (b"hi", "begins with 68 69;"),
        (b"BZh91AY&SY", "compressed with bzip2"),
        (b"\x02\x21\x4c\x18.....", "compressed with legacy LZ4"),
    ];
    for (bytes, expected) in cases {
        let said = read_bytes(bytes).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(
            said.contains("; expected ") || said.contains("not supported"),
            "{said}"
        );
    }
}

#[test]
fn every_prefix_of_a_pcap_gives_its_whole_records() {
    let capture = pcap_of(&[b"one", b"", b"three"]);
    every_prefix_gives_whole_records(&capture, &[24, 43, 59, 80]);
}

#[test]
fn every_prefix_of_a_pcapng_gives_its_whole_blocks() {
    let parts = [
        section(),
        interface(1, 0, &[]),
        enhanced(0, 0, b"one"),
        block(0xbad, b"skipped"),
        enhanced(0, 0, b"three"),
    ];
    let ends: Vec<usize> = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        })
        .collect();
    every_prefix_gives_whole_records(&parts.concat(), &ends);
}

/// `ends`: where the header and every record or block of `capture` end.
fn every_prefix_gives_whole_records(capture: &[u8], ends: &[usize]) {
    let all = read_bytes(capture).unwrap();
    assert_eq!(all.bytes, capture);
    assert_eq!(all.summary.damage, None);
    for cut in 1..capture.len() {
        let Some(&whole) = ends.iter().rfind(|&&end| end <= cut) else {
            let error = read_bytes(&capture[..cut]).unwrap_err();
            assert!(
                matches!(&error, CaptureError::Header(Damage { offset: 0, reason: DamageReason::CutShort { have, .. }})
                    if *have == cut as u64),
                "{error:?}"
            );
            continue;
        };
        let got = read_bytes(&capture[..cut]).unwrap();
        let packets = all.packets.iter().filter(|packet| packet.at.end <= whole);
        assert_eq!(got.bytes, capture[..whole], "{cut}");
        assert_eq!(got.packets, packets.cloned().collect::<Vec<_>>(), "{cut}");
        assert_eq!(got.summary.bytes, cut as u64);
        match got.damage() {
            None => assert_eq!(cut, whole),
            Some((offset, DamageReason::CutShort { need, have })) => {
                assert_eq!((offset, have), (whole as u64, (cut - whole) as u64));
                assert!(need > have);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_length_that_no_record_has_is_damage_and_takes_no_memory() {
    let whole = pcap_of(&[b"one"]);
    for claimed in [MAX_RECORD_LEN + 1, 0xffff_fff0, u32::MAX] {
        let capture = [&whole[..], &le(&[0, 0, claimed, 0]), &[0; 100]].concat();
        let mut reader = CaptureReader::open(io::Cursor::new(capture)).unwrap();
        let mut chunk = Chunk::new();
        assert!(reader.fill(&mut chunk).unwrap());
        assert_eq!(chunk.bytes(), whole);
        assert!(!reader.fill(&mut chunk).unwrap());
        assert!(chunk.buffer.capacity() <= crate::capture::CHUNK_LEN);
        let damage = reader.summary().damage.clone().unwrap();
        assert_eq!(damage.offset, whole.len() as u64);
        let limit = MAX_RECORD_LEN;
        assert_eq!(damage.reason, DamageReason::TooLong { claimed, limit });
    }
}

#[test]
fn a_long_claim_takes_memory_only_as_bytes_arrive() {
    let capture = [
        &pcap_of(&[])[..],
        &le(&[0, 0, MAX_RECORD_LEN, 0]),
        &[0; 1_000],
    ]
    .concat();
    let mut reader = CaptureReader::open(io::Cursor::new(capture)).unwrap();
    let mut chunk = Chunk::new();
    while reader.fill(&mut chunk).unwrap() {}
    assert!(chunk.buffer.capacity() <= crate::capture::CHUNK_LEN);
    let reason = DamageReason::CutShort {
        need: u64::from(MAX_RECORD_LEN) + 16,
        have: 1_016,
    };
    assert_eq!(reader.summary().damage, Some(Damage { offset: 24, reason }));

    // The same claim in the first section header.
    let head = le(&[0x0a0d_0d0a, MAX_RECORD_LEN, 0x1a2b_3c4d, 1]);
    let error = read_bytes(&head).unwrap_err();
    assert!(matches!(error, CaptureError::Header(_)), "{error:?}");
}

#[test]
fn a_corrupt_block_is_damage_at_its_offset() {
    use DamageReason::{BlockTooShort, ByteOrderMagic, LengthMismatch, TooLong};
    let with = |mut block: Vec<u8>, at: usize, word: u32| {
        block[at..at + 4].copy_from_slice(&le(&[word]));
        block
    };
    let mismatch = with(enhanced(0, 0, b"ping"), 32, 32);
    let tiny = with(block(7, b""), 4, 11);
    let huge = with(block(7, b""), 4, u32::MAX);
    let too_short = |total_len, least| BlockTooShort { total_len, least };
    let cases = [
        (
            mismatch,
            LengthMismatch {
                leading: 36,
                trailing: 32,
            },
        ),
        (tiny, too_short(11, 12)),
        (
            huge,
            TooLong {
                claimed: u32::MAX,
                limit: MAX_RECORD_LEN,
            },
        ),
        (block(6, &[0; 16]), too_short(28, 32)),
        (block(3, b""), too_short(12, 16)),
        (block(1, &[0; 4]), too_short(16, 20)),
        (
            block(0x0a0d_0d0a, &le(&[0x1a2b_3c4d, 1])),
            too_short(20, 28),
        ),
        (
            block(0x0a0d_0d0a, &be(&[0x1234_5678, 1, 0, 0])),
            ByteOrderMagic { found: 0x1234_5678 },
        ),
    ];
    let before = [section(), interface(1, 0, &[]), enhanced(0, 0, b"good")].concat();
    for (bad, reason) in cases {
        let capture = [before.clone(), bad, enhanced(0, 0, b"lost")].concat();
        let got = read_bytes(&capture).unwrap();
        assert_eq!(got.bytes, before);
        assert_eq!(got.packets.len(), 1);
        assert_eq!(got.damage(), Some((before.len() as u64, reason)));
    }
}

#[test]
fn a_frame_length_past_its_block_means_what_the_block_holds() {
    let mut lying = enhanced(0, 0, b"ping");
    lying[20..24].copy_from_slice(&le(&[65_536]));
    let capture = [
        section(),
        interface(1, 0, &[]),
        lying,
        enhanced(0, 0, b"next"),
    ]
    .concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    let lengths: Vec<_> = got
        .packets
        .iter()
        .map(|packet| packet.frame.len())
        .collect();
    assert_eq!((lengths, got.damage()), (vec![4, 4], None));
}

#[test]
fn a_corrupt_first_section_header_is_refused() {
    let mut capture = section();
    capture[8] = 0;
    let error = read_bytes(&capture).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the capture's header is damaged at byte 0: corrupt section header: \
         its byte-order magic is 0x003c2b1a, expected 0x1a2b3c4d or 0x4d3c2b1a"
    );
}

#[test]
fn flipped_bytes_never_panic_and_what_is_delivered_is_the_input() {
    let pcapng = [
        section(),
        interface(
            1,
            64,
            &hex("0900 0100 09 000000 0e00 0800 0500000000000000 00000000"),
        ),
        enhanced(0, 1 << 40, b"enhanced"),
        block(3, &[&le(&[6])[..], b"simple"].concat()),
        block(2, &[&le(&[0, 0, 0, 3, 3])[..], b"old"].concat()),
        enhanced(0, 1 << 41, b"last"),
    ]
    .concat();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for original in [pcap_of(&[b"one", b"two", b"three"]), pcapng] {
        for _ in 0..1_000 {
            let mut capture = original.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(capture.len());
                capture[at] = random.below(256) as u8;
            }
            if let Ok(got) = read_bytes(&capture) {
                assert!(capture.starts_with(&got.bytes));
                let is_whole = got.bytes.len() == capture.len();
                assert_eq!(got.summary.damage.is_none(), is_whole);
                let dripped = read(Drip(io::Cursor::new(capture), 7)).unwrap();
                assert_eq!(dripped.bytes, got.bytes);
                assert_eq!(dripped.packets, got.packets);
            }
        }
    }
}
