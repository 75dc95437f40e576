//! Compressed captures: told by content, undone to the end, kept up to where they are damaged, refused when they would take too much.

use std::io::Write;

use flate2::write::GzEncoder;

use super::*;
use crate::capture::{CHUNK_LEN, Compression};

const ALL: [Compression; 4] = [
    Compression::Gzip,
    Compression::Zstd,
    Compression::Lz4,
    Compression::Xz,
];

/// One member, frame or stream that holds `bytes`, with every checksum there is.
pub(super) fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lz4 => lz4(bytes, lz4_flex::frame::BlockMode::Linked),
        Compression::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn lz4(bytes: &[u8], mode: lz4_flex::frame::BlockMode) -> Vec<u8> {
    let options = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(mode)
        .block_checksums(true)
        .content_checksum(true)
        .content_size(Some(bytes.len() as u64));
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(options, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A skippable frame of zstd or LZ4.
fn skippable(bytes: &[u8]) -> Vec<u8> {
    [&le(&[0x184d_2a53, bytes.len() as u32])[..], bytes].concat()
}

#[test]
fn several_members_are_one_capture() {
    let capture = large_pcap(800);
    let (first, second) = capture.split_at(100_000);
    for compression in ALL {
        let parts = [first, b"", second].map(|part| pack(compression, part));
        let compressed = parts.concat();
        let got = read(io::Cursor::new(compressed.clone())).unwrap();
        assert!(got.bytes == capture, "{compression}");
        assert_eq!(got.packets, read_bytes(&capture).unwrap().packets);
        assert_eq!(got.summary.compression, Some(compression));
        assert_eq!(got.summary.damage, None);
        let (_last, full) = got.chunk_lens.split_last().unwrap();
        assert!(full.iter().all(|&len| len > CHUNK_LEN - 1_600), "{full:?}");
        let dripped = read(Drip(io::Cursor::new(compressed), 11)).unwrap();
        assert!(dripped.content() == got.content(), "{compression}");
    }
}

#[test]
fn frames_that_are_there_to_be_skipped_are_skipped() {
    let capture = pcap_of(&[b"one", b"two"]);
    for compression in [Compression::Zstd, Compression::Lz4] {
        let (first, second) = capture.split_at(30);
        let parts = [
            pack(compression, first),
            skippable(b"not a capture"),
            skippable(b""),
            pack(compression, second),
            skippable(b"at the end"),
        ];
        let got = read_bytes(&parts.concat()).unwrap();
        assert!(got.bytes == capture, "{compression}");
        assert_eq!(got.summary.damage, None);
        let cut = parts.concat().len() - 1;
        let got = read_bytes(&parts.concat()[..cut]).unwrap();
        let reason = DamageReason::CompressionCut(compression);
        assert_eq!(got.damage(), Some((capture.len() as u64, reason)));
    }
    let in_front = [skippable(b"pzstd"), pack(Compression::Zstd, &capture)].concat();
    let got = read_bytes(&in_front).unwrap();
    assert_eq!(
        (got.bytes, got.summary.compression),
        (capture, Some(Compression::Zstd))
    );
}

#[test]
fn lz4_blocks_stand_alone_or_lean_on_those_before() {
    let mut random = Random(5);
    let noise: Vec<u8> = (0..200_000).map(|_| random.below(256) as u8).collect();
    // Matches far back over block borders, and blocks that cannot be compressed.
    let frames = [
        &noise[..],
        &noise[..150_000],
        &noise[50_000..],
        &[7; 300_000],
    ];
    let capture = pcap_of(&frames);
    for mode in [
        lz4_flex::frame::BlockMode::Linked,
        lz4_flex::frame::BlockMode::Independent,
    ] {
        let got = read_bytes(&lz4(&capture, mode)).unwrap();
        assert!(got.bytes == capture, "{mode:?}");
        assert_eq!(got.summary.damage, None);
    }
}

#[test]
fn lz4_blocks_of_few_bytes_lean_on_a_whole_window() {
    let mut random = Random(6);
    let mut noise = |len: usize| -> Vec<u8> { (0..len).map(|_| random.below(256) as u8).collect() };
    let mut capture = pcap_of(&[]);
    let mut packed = hex("04224d18 40 70 df");
    let mut put = |size: u32, block: &[u8]| {
        packed.extend(size.to_le_bytes());
        packed.extend(block);
    };
    put(24 | 1 << 31, &capture);
    for i in 0..2_000 {
        // What stood 60,000 bytes before, often over the place where the blocks were moved.
        let copied = capture.len().checked_sub(60_000).filter(|_| i % 3 > 0);
        let frame = match copied {
            Some(from) => [&capture[from..from + 300], b"fresh"].concat(),
            None => noise(305),
        };
        let record = &pcap_of(&[&frame])[24..];
        if copied.is_some() {
            // 15 + 1 literals, then 4 + 15 + 255 + 26 bytes from 60,016 bytes before; and 5 literals at the end.
            let parts = [
                &[0xff, 1][..],
                &record[..16],
                &60_016_u16.to_le_bytes(),
                &[255, 26, 0x50],
                b"fresh",
            ];
            let block = parts.concat();
            put(block.len() as u32, &block);
        } else {
            put(record.len() as u32 | 1 << 31, record);
        }
        capture.extend_from_slice(record);
    }
    packed.extend([0; 4]);
    let got = read_bytes(&packed).unwrap();
    assert!(got.bytes == capture);
    assert_eq!(got.summary.damage, None);
}

#[test]
fn frames_and_blocks_that_hold_nothing_cost_next_to_nothing() {
    let capture = pcap_of(&[b"one", b"two"]);
    let (front, back) = capture.split_at(30);
    for compression in ALL {
        // For LZ4 that 4 MiB are to come, if any.
        let nothing = match compression {
            Compression::Lz4 => hex("04224d18 60 70 73 00000000"),
            _ => pack(compression, b""),
        };
        let many = nothing.repeat(50_000);
        let bytes = [pack(compression, front), many, pack(compression, back)].concat();
        let got = read_bytes(&bytes).unwrap();
        assert!(got.bytes == capture, "{compression}");
        assert_eq!(got.summary.damage, None, "{compression}");
    }
    let empty_blocks = hex("00000080").repeat(1_000_000);
    let lz4 = [
        &hex("04224d18 40 70 df")[..],
        &(30_u32 | 1 << 31).to_le_bytes(),
        front,
        &empty_blocks,
        &(back.len() as u32 | 1 << 31).to_le_bytes(),
        back,
        &[0; 4],
    ];
    let got = read_bytes(&lz4.concat()).unwrap();
    assert!(got.bytes == capture);
    assert_eq!(got.summary.damage, None);
}

#[test]
fn every_prefix_keeps_what_came_before() {
    let capture = pcap_of(&[b"one", b"two", b"three"]);
    for compression in ALL {
        let compressed = pack(compression, &capture);
        for cut in 4..compressed.len() {
            match read_bytes(&compressed[..cut]) {
                Ok(got) => {
                    assert!(capture.starts_with(&got.bytes));
                    let (offset, reason) = got.damage().unwrap();
                    assert_eq!(offset, got.bytes.len() as u64, "{compression} {cut}");
                    assert_eq!(reason, DamageReason::CompressionCut(compression), "{cut}");
                }
                Err(error) => assert!(matches!(error, CaptureError::Header(_)), "{error:?}"),
            }
        }
        // Only the end of the trailer is cut: all packets are there.
        let cut = compressed.len() - 1;
        let got = read_bytes(&compressed[..cut]).unwrap();
        assert_eq!(got.packets.len(), 3, "{compression}");
    }
}

#[test]
fn of_a_cut_stream_no_more_is_lost_than_a_block_of_it() {
    // Noise, of which as much stays as is left of the compressed bytes.
    let mut random = Random(17);
    let noise: Vec<u8> = (0..300_000).map(|_| random.below(256) as u8).collect();
    let capture = pcap_of(&noise.chunks(1_500).collect::<Vec<_>>());
    // A step of deflate; zstd's blocks; LZ4's, as they are made here; xz's chunks; and a record.
    let most = [16 << 10, 128 << 10, 64 << 10, 64 << 10].map(|len| len + 1_516);
    for (compression, most) in ALL.into_iter().zip(most) {
        let mut compressed = pack(compression, &capture);
        compressed.truncate(200_000);
        let got = read_bytes(&compressed).unwrap();
        assert!(capture.starts_with(&got.bytes));
        let kept = got.bytes.len();
        assert!(kept + most > 200_000, "{compression}: {kept}");
    }
}

#[test]
fn what_is_in_front_of_wrong_checksums_and_other_data_is_kept() {
    let capture = pcap_of(&[b"one", b"two"]);
    for compression in ALL {
        let whole = pack(compression, &capture);
        let followed = [whole.clone(), b"something else".to_vec()].concat();
        let mut damaged = vec![followed];
        if compression != Compression::Xz {
            let mut checksum = whole.clone();
            let at = checksum.len()
                - if compression == Compression::Gzip {
                    8
                } else {
                    1
                };
            checksum[at] ^= 1;
            damaged.push(checksum);
        }
        for compressed in damaged {
            let got = read_bytes(&compressed).unwrap();
            assert!(got.bytes == capture, "{compression}");
            let corrupt = DamageReason::CompressionCorrupt(compression);
            assert_eq!(got.damage(), Some((capture.len() as u64, corrupt)));
        }
    }
}

#[test]
fn where_zstd_breaks_off_does_not_depend_on_how_its_bytes_come() {
    let capture = large_pcap(3);
    // A frame with a window of a kibibyte and no more said, its blocks raw, and a block of the type that is reserved.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00];
    for block in capture.chunks(1000) {
        frame.extend_from_slice(&le(&[(block.len() as u32) << 3])[..3]);
        frame.extend_from_slice(block);
    }
    frame.extend_from_slice(&[3 << 1, 0, 0, 0]);
    let whole = read(io::Cursor::new(frame.clone())).unwrap();
    assert_eq!(whole.bytes, capture);
    // The same, but it claims to hold half a block less than it does.
    let claimed = (capture.len() as u64 - capture.len() as u64 % 1000 - 500).to_le_bytes();
    let liar = [&frame[..4], &[0xc0, 0x00], &claimed, &frame[6..]].concat();
    for frame in [frame, liar] {
        let whole = read(io::Cursor::new(frame.clone())).unwrap();
        for step in [1, 2, 7, 999, 1000, 1001, 1003] {
            let dripped = read(Drip(io::Cursor::new(frame.clone()), step)).unwrap();
            assert_eq!(dripped.content(), whole.content(), "{step}");
            assert_eq!(dripped.summary.damage, whole.summary.damage, "{step}");
        }
    }
}

#[test]
fn all_in_front_of_corrupt_gzip_is_kept_however_its_bytes_come() {
    let capture = large_pcap(400);
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(&capture).unwrap();
    let mut compressed = encoder.finish().unwrap();
    // A gzip header of 10 bytes, then stored blocks: type, length, and its complement, which we break in the second block.
    let len = usize::from(u16::from_le_bytes([compressed[11], compressed[12]]));
    compressed[10 + 5 + len + 3] ^= 1;
    let whole = read_bytes(&compressed).unwrap();
    assert!(capture.starts_with(&whole.bytes));
    // But for a record that is not there as a whole.
    let kept = whole.bytes.len();
    assert!((len - 1_600..=len).contains(&kept), "{kept} of {len}");
    let corrupt = DamageReason::CompressionCorrupt(Compression::Gzip);
    assert_eq!(whole.damage(), Some((kept as u64, corrupt)));
    for step in [1, 7, 1000] {
        let dripped = read(Drip(io::Cursor::new(compressed.clone()), step)).unwrap();
        assert_eq!(dripped.content(), whole.content(), "{step}");
        assert_eq!(dripped.damage(), whole.damage(), "{step}");
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let mut random = Random(3);
    let capture = large_pcap(10);
    for compression in ALL {
        let compressed = pack(compression, &capture);
        for _ in 0..150 {
            let mut flipped = compressed.clone();
            let at = random.below(flipped.len());
            flipped[at] = random.below(256) as u8;
            if let Ok(got) = read_bytes(&flipped) {
                assert!(got.bytes.len() as u64 <= got.summary.bytes);
            }
        }
    }
}

#[test]
fn a_source_that_fails_is_no_damage_of_its_data() {
    for compression in ALL {
        let compressed = pack(compression, &large_pcap(50));
        for len in [5, 12, 100, compressed.len() - 1] {
            let source = Failing(io::Cursor::new(compressed[..len].to_vec()));
            assert!(
                matches!(read(source), Err(CaptureError::Io { .. })),
                "{compression} {len}"
            );
        }
    }
}

/// More than 64 MiB of frames that hold nothing.
fn hollow() -> Vec<u8> {
    let frame = vec![0; 1 << 20];
    pack(Compression::Zstd, &pcap_of(&[&frame[..]; 80]))
}

#[test]
fn a_bomb_is_refused_after_a_bounded_number_of_bytes() {
    let bomb = hollow();
    let mut reader = CaptureReader::open(io::Cursor::new(bomb.clone())).unwrap();
    let mut chunk = Chunk::new();
    let error = loop {
        match reader.fill(&mut chunk) {
            Ok(is_more) => assert!(is_more),
            Err(error) => break error,
        }
    };
    let CaptureError::Expansion { made, limit, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*limit, 256);
    assert!(
        (64 << 20..(64 << 20) + (16 << 10) + 1).contains(made),
        "{made}"
    );
    assert!(error.to_string().contains("--max-expansion"), "{error}");
    assert!(!reader.fill(&mut chunk).unwrap(), "over is over");

    let options = ReadOptions {
        max_expansion: 100_000,
        ..ReadOptions::default()
    };
    let mut reader = CaptureReader::open_with(io::Cursor::new(bomb), options).unwrap();
    let mut packets = 0;
    while reader.fill(&mut chunk).unwrap() {
        packets += chunk.records().len();
    }
    assert_eq!(packets, 80);
}

#[test]
fn a_window_of_gigabytes_is_refused_before_it_is_made() {
    // A zstd frame of no known size with a window of 2 GiB, then a block.
    let zstd = hex("28b52ffd 00 a8 190000 d4c3b2a1");
    // An xz block with a dictionary of 4 GiB less one byte: size, flags, filter 0x21 with one byte, padding.
    let header = hex("02 00 21 01 28 000000");
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let xz = [
        &hex("fd377a585a00 0000 ff12d941")[..],
        &header,
        &crc.sum().to_le_bytes(),
        &hex("01 0000 d4"),
    ]
    .concat();
    for (bytes, compression) in [(zstd, Compression::Zstd), (xz, Compression::Xz)] {
        let error = read_bytes(&bytes).unwrap_err();
        let CaptureError::Window { limit, .. } = &error else {
            panic!("{compression}: {error:?}");
        };
        assert_eq!(*limit, 128 << 20);
    }
}
