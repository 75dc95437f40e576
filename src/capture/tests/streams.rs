//! How the bytes arrive, and how they are cut into chunks.

use std::io::Write;

use super::*;
use crate::capture::CHUNK_LEN;

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
