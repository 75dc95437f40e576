//! How the bytes arrive, and how they are cut into chunks.

use std::io::Write;

use flate2::write::GzEncoder;

use super::*;
use crate::capture::{CHUNK_LEN, Compression};

/// A pcap with frames of many lengths, about 750 bytes on average.
fn large_pcap(frames: usize) -> Vec<u8> {
    let mut random = Random(7);
    let frames: Vec<Vec<u8>> = (0..frames)
        .map(|i| vec![i as u8; random.below(1_500)])
        .collect();
    pcap_of(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Fails once so many bytes are read.
struct Failing(io::Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            len => Ok(len),
        }
    }
}

#[test]
fn the_reader_goes_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<CaptureReader>();
    is_send::<Chunk>();
}

#[test]
fn chunks_are_full_and_end_at_records() {
    let capture = large_pcap(3_000);
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.packets.len(), 3_000);
    assert_eq!(got.summary.bytes, capture.len() as u64);
    let (_last, full) = got.chunk_lens.split_last().unwrap();
    assert!(full.len() > 2);
    assert!(
        full.iter()
            .all(|&len| len <= CHUNK_LEN && len > CHUNK_LEN - 1_600)
    );
}

#[test]
fn however_the_bytes_arrive_they_say_the_same() {
    let capture = pcap_of(&[b"one", b"", b"three"]);
    let at_once = read_bytes(&capture).unwrap();
    for len in 1..capture.len() {
        let dripped = read(Drip(io::Cursor::new(capture.clone()), len)).unwrap();
        assert_eq!(dripped.content(), at_once.content());
    }
    let capture = large_pcap(3_000);
    let at_once = read_bytes(&capture).unwrap();
    for len in [100_003, 4_096] {
        let dripped = read(Drip(io::Cursor::new(capture.clone()), len)).unwrap();
        assert_eq!(dripped.content(), at_once.content());
    }
}

#[test]
fn a_source_that_is_behind_is_not_waited_for() {
    let capture = pcap_of(&[b"one", b"two"]);
    let (first, second) = capture.split_at(24 + 19);
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(first).unwrap();
    let mut reader = CaptureReader::open(reader).unwrap();
    let mut chunk = Chunk::new();
    assert!(reader.fill(&mut chunk).unwrap());
    assert_eq!(chunk.bytes(), first);
    writer.write_all(second).unwrap();
    drop(writer);
    assert!(reader.fill(&mut chunk).unwrap());
    assert_eq!(chunk.bytes(), second);
    assert_eq!(chunk.first_packet(), 2);
    assert!(!reader.fill(&mut chunk).unwrap());
}

#[test]
fn a_record_longer_than_a_chunk_stands_alone_and_its_memory_goes() {
    let long = vec![0xaa; 3 * CHUNK_LEN + 5];
    let capture = pcap_of(&[b"before", &long, b"after", &long]);
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.packets[1].frame, long);
    assert_eq!(got.packets[3].frame, long);
    assert_eq!(got.chunk_lens, [46, 16 + long.len(), 21, 16 + long.len()]);

    let mut reader = CaptureReader::open(io::Cursor::new(capture)).unwrap();
    let mut chunk = Chunk::new();
    for capacity in [CHUNK_LEN, 16 + long.len(), CHUNK_LEN] {
        reader.fill(&mut chunk).unwrap();
        assert_eq!(chunk.buffer.len(), capacity);
        assert!(chunk.buffer.capacity() < 2 * capacity);
    }
}

#[test]
fn a_first_section_header_longer_than_a_chunk_is_read() {
    let comment = vec![0; 2 * CHUNK_LEN];
    let body = [&le(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX])[..], &comment].concat();
    let capture = [
        block(0x0a0d_0d0a, &body),
        interface(1, 0, &[]),
        enhanced(0, 0, b"x"),
    ]
    .concat();
    let got = read_bytes(&capture).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.packets.len(), 1);
}

#[test]
fn gzip_of_several_members_is_one_capture() {
    let capture = large_pcap(800);
    let (first, second) = capture.split_at(10_000);
    let compressed = [gzip(first), gzip(b""), gzip(second)].concat();
    let got = read(io::Cursor::new(compressed.clone())).unwrap();
    assert_eq!(got.bytes, capture);
    assert_eq!(got.packets, read_bytes(&capture).unwrap().packets);
    assert_eq!(got.summary.compression, Some(Compression::Gzip));
    assert_eq!(got.summary.damage, None);
    let (_last, full) = got.chunk_lens.split_last().unwrap();
    assert!(full.iter().all(|&len| len > CHUNK_LEN - 1_600), "{full:?}");
    let dripped = read(Drip(io::Cursor::new(compressed), 11)).unwrap();
    assert_eq!(dripped.content(), got.content());
}

#[test]
fn every_prefix_of_a_gzip_keeps_what_came_before() {
    let capture = pcap_of(&[b"one", b"two", b"three"]);
    let compressed = gzip(&capture);
    for cut in 3..compressed.len() {
        match read_bytes(&compressed[..cut]) {
            Ok(got) => {
                assert!(capture.starts_with(&got.bytes));
                let (offset, reason) = got.damage().unwrap();
                assert_eq!(offset, got.bytes.len() as u64);
                assert_eq!(reason, DamageReason::CompressionCut(Compression::Gzip));
            }
            Err(error) => assert!(matches!(error, CaptureError::Header(_)), "{error:?}"),
        }
    }
    // Only the trailer is cut: all packets are there.
    let cut = compressed.len() - 1;
    assert_eq!(read_bytes(&compressed[..cut]).unwrap().packets.len(), 3);
}

#[test]
fn what_a_gzip_checksum_covers_is_kept() {
    let capture = pcap_of(&[b"one", b"two"]);
    let corrupt = DamageReason::CompressionCorrupt(Compression::Gzip);
    let mut checksum = gzip(&capture);
    let at = checksum.len() - 8;
    checksum[at] ^= 1;
    let followed = [gzip(&capture), b"something else".to_vec()].concat();
    for compressed in [checksum, followed] {
        let got = read_bytes(&compressed).unwrap();
        assert_eq!(got.bytes, capture);
        assert_eq!(got.damage(), Some((capture.len() as u64, corrupt.clone())));
    }
}

#[test]
fn corrupt_gzip_keeps_all_but_the_last_step_before() {
    let capture = large_pcap(400);
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(&capture).unwrap();
    let mut compressed = encoder.finish().unwrap();
    // A gzip header of 10 bytes, then stored blocks: type, length, and its complement, which we break in the second block.
    let len = usize::from(u16::from_le_bytes([compressed[11], compressed[12]]));
    compressed[10 + 5 + len + 3] ^= 1;
    let got = read_bytes(&compressed).unwrap();
    assert!(capture.starts_with(&got.bytes));
    assert!(
        got.bytes.len() > len - 16 * 1024 - 1_600,
        "{} of {len}",
        got.bytes.len()
    );
    let corrupt = DamageReason::CompressionCorrupt(Compression::Gzip);
    assert_eq!(got.damage(), Some((got.bytes.len() as u64, corrupt)));
}

#[test]
fn flipped_bytes_in_gzip_never_panic() {
    let mut random = Random(3);
    let compressed = gzip(&large_pcap(10));
    for _ in 0..200 {
        let mut flipped = compressed.clone();
        let at = random.below(flipped.len());
        flipped[at] = random.below(256) as u8;
        if let Ok(got) = read_bytes(&flipped) {
            assert!(got.bytes.len() as u64 <= got.summary.bytes);
        }
    }
}

#[test]
fn a_source_that_fails_is_an_error_with_the_offset() {
    let capture = pcap_of(&[b"one", b"two"]);
    for len in 0..capture.len() {
        let source = Failing(io::Cursor::new(capture[..len].to_vec()));
        let Err(CaptureError::Io { offset, source }) = read(source) else {
            panic!("no I/O error at {len}");
        };
        // The first four bytes are looked at in one go.
        assert_eq!(offset, if len < 4 { 0 } else { len as u64 });
        assert_eq!(source.raw_os_error(), Some(5));
    }
    let compressed = gzip(&large_pcap(50));
    for len in [5, 12, 100, 1_000] {
        let source = Failing(io::Cursor::new(compressed[..len].to_vec()));
        assert!(
            matches!(read(source), Err(CaptureError::Io { .. })),
            "{len}"
        );
    }
}

#[test]
fn after_a_failure_the_capture_is_over() {
    let capture = pcap_of(&[b"one"]);
    let mut reader = CaptureReader::open(Failing(io::Cursor::new(capture))).unwrap();
    let mut chunk = Chunk::new();
    assert!(reader.fill(&mut chunk).unwrap());
    assert!(reader.fill(&mut chunk).is_err());
    assert!(chunk.bytes().is_empty());
    assert!(!reader.fill(&mut chunk).unwrap());
}
