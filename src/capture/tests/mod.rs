//! Whole captures through the reader.

use std::io::{self, Read};

use super::{
    CaptureError, CaptureReader, CaptureSummary, Chunk, Damage, DamageReason, ReadOptions, Skipped,
    is_capture,
};
use crate::packet::{LinkType, Record};

mod annotate;
mod compressed;
mod damage;
mod differential;
mod pcap;
mod pcapng;
mod recover;
mod several;
mod streams;

/// A packet as it was delivered.
#[derive(Debug, Clone, PartialEq)]
struct Packet {
    ns: i64,
    link: Option<LinkType>,
    origlen: u32,
    frame: Vec<u8>,
    /// Where its record stands in the capture.
    at: std::ops::Range<usize>,
}

/// Everything that was delivered of a capture.
#[derive(Debug, PartialEq)]
struct Delivered {
    bytes: Vec<u8>,
    packets: Vec<Packet>,
    chunk_lens: Vec<usize>,
    summary: CaptureSummary,
}

impl Delivered {
    /// What the capture says, however it was cut into chunks.
    fn content(&self) -> (&[u8], &[Packet], &CaptureSummary) {
        (&self.bytes, &self.packets, &self.summary)
    }

    fn damage(&self) -> Option<(u64, DamageReason)> {
        let Damage { offset, reason } = self.summary.damage.clone()?;
        Some((offset, reason))
    }
}

fn read(source: impl Read + Send + 'static) -> Result<Delivered, CaptureError> {
    read_with(source, ReadOptions::default())
}

fn read_with(
    source: impl Read + Send + 'static,
    options: ReadOptions,
) -> Result<Delivered, CaptureError> {
    deliver(CaptureReader::open_with(source, options)?)
}

fn deliver(mut reader: CaptureReader) -> Result<Delivered, CaptureError> {
    let mut chunk = Chunk::new();
    let (mut bytes, mut packets, mut chunk_lens) = (Vec::new(), Vec::new(), Vec::new());
    while reader.fill(&mut chunk)? {
        assert_eq!(chunk.first_packet(), packets.len() as u64 + 1);
        let mut end = 0;
        for record in chunk.records() {
            let Record {
                start,
                frame,
                caplen,
                ..
            } = *record;
            assert!(end <= start && start <= frame && frame + caplen <= record.end);
            end = record.end;
            packets.push(Packet {
                ns: record.timestamp.as_ns(),
                link: record.link,
                origlen: record.origlen,
                frame: chunk.frame(record).to_vec(),
                at: bytes.len() + start as usize..bytes.len() + end as usize,
            });
        }
        assert!(end as usize <= chunk.bytes().len());
        assert!(!chunk.bytes().is_empty());
        chunk_lens.push(chunk.bytes().len());
        bytes.extend_from_slice(chunk.bytes());
    }
    assert!(chunk.bytes().is_empty() && chunk.records().is_empty());
    assert!(!reader.fill(&mut chunk)?, "over is over");
    Ok(Delivered {
        bytes,
        packets,
        chunk_lens,
        summary: reader.summary().clone(),
    })
}

fn read_bytes(bytes: &[u8]) -> Result<Delivered, CaptureError> {
    read(io::Cursor::new(bytes.to_vec()))
}

/// Delivers at most so many bytes a read.
struct Drip<R>(R, usize);

impl<R: Read> Read for Drip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.1);
        self.0.read(&mut buffer[..len])
    }
}

/// Bytes written as hexadecimal digits; `#` starts a comment.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().chars())
        .filter_map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn le(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn be(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A little-endian microsecond pcap of Ethernet.
fn pcap_of(frames: &[&[u8]]) -> Vec<u8> {
    let mut capture = le(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for (i, frame) in frames.iter().enumerate() {
        capture.extend(le(&[i as u32, 0, frame.len() as u32, frame.len() as u32]));
        capture.extend_from_slice(frame);
    }
    capture
}

/// A pcap with frames of many lengths, about 750 bytes on average.
fn large_pcap(frames: usize) -> Vec<u8> {
    let mut random = Random(7);
    let frames: Vec<Vec<u8>> = (0..frames)
        .map(|i| vec![i as u8; random.below(1_500)])
        .collect();
    pcap_of(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>())
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

/// A little-endian pcapng block: the body is padded, and so is the length.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = body.len().next_multiple_of(4) + 12;
    let mut block = le(&[kind, len as u32]);
    block.extend_from_slice(body);
    block.resize(len - 4, 0);
    block.extend(le(&[len as u32]));
    block
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &le(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]))
}

/// An interface with these options, which stand as they are.
fn interface(link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
    block(1, &[&le(&[u32::from(link), snaplen]), options].concat())
}

fn enhanced(interface: u32, ticks: u64, frame: &[u8]) -> Vec<u8> {
    let len = frame.len() as u32;
    let fields = le(&[interface, (ticks >> 32) as u32, ticks as u32, len, len]);
    block(6, &[&fields, frame].concat())
}

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[test]
fn a_capture_is_told_by_its_front_and_line_ends_are_none() {
    for front in [
        "d4c3b2a1 0200",
        "a1b2c3d4",
        "4d3cb2a1",
        "a1b23c4d",
        "34cdb2a1",
        "0a0d0d0a 1c000000 4d3c2b1a",
        "0a0d0d0a 0000001c 1a2b3c4d",
    ] {
        assert!(is_capture(&hex(front)), "{front}");
    }
    for front in [
        "",
        "d4c3b2",
        "0a0d0d0a 1c000000 4d3c2b",
        "0a0d0d0a 0a0d0d0a 474554",
        "47455420",
    ] {
        assert!(!is_capture(&hex(front)), "{front}");
    }
}
