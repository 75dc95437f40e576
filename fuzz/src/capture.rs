//! Capture files: plain, compressed, and blocks of pcapng put together so that their lengths are right.
//!
//! What holds: the chunks are the file, byte for byte up to its end or to the damage; records lie in them in order; and
//! how the source delivers its bytes makes no difference.

use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write as _};

use dpi_engine::capture::{
    CaptureError, CaptureReader, CaptureSummary, Chunk, MAX_LISTED_SKIPS, ReadOptions,
};
use dpi_engine::packet::{LinkType, Timestamp};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::script::Script;

/// Decompressed bytes that a comparison looks at.
const MAX_FRONT: usize = 4 << 20;
/// RFC 1952 §2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Most blocks, and most members of gzip, of one file.
const MAX_PARTS: usize = 64;

/// What a capture was read as.
#[derive(Debug, PartialEq)]
pub struct Sound {
    /// The chunks, one after the other.
    pub bytes: Vec<u8>,
    /// The packets.
    pub packets: Vec<Packet>,
    /// What stands in the headers.
    pub summary: CaptureSummary,
}

/// A packet of a capture.
#[derive(Debug, PartialEq, Clone, Copy)]
pub struct Packet {
    /// Where the record lies in the capture: from, to.
    pub record: (usize, usize),
    /// Where the frame lies: from, to.
    pub frame: (usize, usize),
    /// Bytes on the wire.
    pub origlen: u32,
    /// When it was captured.
    pub timestamp: Timestamp,
    /// The link it was captured on.
    pub link: Option<LinkType>,
}

/// A pcap file, or what looks like one.
pub fn pcap(bytes: &[u8]) {
    is_read_soundly(bytes);
}

/// A pcapng file, or what looks like one.
pub fn pcapng(bytes: &[u8]) {
    is_read_soundly(bytes);
}

/// Blocks of pcapng: of any type and content, their lengths right unless the script says otherwise.
pub fn blocks(bytes: &[u8]) {
    is_read_soundly(&file_of_blocks(&mut Script(bytes)));
}

/// A compressed file: as it is, or by a script that says how to compress what stands behind it.
pub fn compressed(bytes: &[u8]) {
    let mut script = Script(bytes);
    if script.u8() & 1 == 0 {
        is_decompressed_soundly(script.0);
        return;
    }
    let level = Compression::new(u32::from(script.u8()) % 10);
    let damage = script.u16();
    let cuts: Vec<_> = (0..script.below(4)).map(|_| script.u16()).collect();
    let mut file = Vec::new();
    let mut plain = script.0;
    for cut in cuts.into_iter().map(usize::from).chain([usize::MAX]) {
        let (member, rest) = plain.split_at(cut.min(plain.len()));
        let mut encoder = GzEncoder::new(file, level);
        encoder.write_all(member).expect("a Vec takes everything");
        file = encoder.finish().expect("a Vec takes everything");
        plain = rest;
    }
    if damage == 0 {
        match (read(&file, None), read(script.0, None)) {
            // Compressed once more, it is undone once.
            (_, Ok(plain)) if plain.summary.compression.is_some() => {}
            (Ok(unpacked), Ok(plain)) => {
                assert_eq!(unpacked.bytes, plain.bytes);
                assert_eq!(unpacked.packets, plain.packets);
                assert_eq!(unpacked.summary.damage, plain.summary.damage);
            }
            (unpacked, plain) => assert_eq!(unpacked.is_ok(), plain.is_ok()),
        }
    } else {
        let at = usize::from(damage) % file.len();
        file[at] ^= 1 << (damage >> 13);
    }
    is_decompressed_soundly(&file);
}

fn is_decompressed_soundly(file: &[u8]) {
    let _ = read_front(file, Some(3));
    let Ok(front) = read_front(file, None) else {
        return;
    };
    if !file.starts_with(&GZIP_MAGIC) {
        return;
    }
    let mut plain = Vec::new();
    // What was decompressed before an error counts.
    let _ = MultiGzDecoder::new(file)
        .take(MAX_FRONT as u64)
        .read_to_end(&mut plain);
    // Of the step in which it failed, either may have less.
    let both = plain.len().min(front.len());
    assert_eq!(plain[..both], front[..both]);
}

/// The chunks of a capture that may be far larger than its file.
fn read_front(file: &[u8], step: Option<usize>) -> Result<Vec<u8>, CaptureError> {
    let mut reader = open(file, step, ReadOptions::default())?;
    let mut front = Vec::new();
    CHUNK.with_borrow_mut(|chunk| {
        while reader.fill(chunk)? {
            let room = MAX_FRONT.saturating_sub(front.len());
            front.extend(chunk.bytes().iter().take(room));
        }
        Ok(front)
    })
}

/// A capture that is damaged, of which is read what there is behind the damage as well.
pub fn recover(file: &[u8]) {
    let options = ReadOptions {
        recover: true,
        ..ReadOptions::default()
    };
    let whole = open(file, None, options).and_then(|mut reader| read_all(&mut reader));
    let piecemeal = open(file, Some(1 + file.len() % 7), options);
    let piecemeal = piecemeal.and_then(|mut reader| read_all(&mut reader));
    let (Ok(whole), Ok(piecemeal)) = (&whole, &piecemeal) else {
        assert_eq!(whole.is_ok(), piecemeal.is_ok());
        return;
    };
    assert_eq!(whole.bytes, piecemeal.bytes);
    assert_eq!(whole.summary, piecemeal.summary);
    if whole.summary.compression.is_some() {
        return;
    }
    let skipped = &whole.summary.skipped;
    assert_eq!(whole.bytes.len() as u64 + skipped.bytes, file.len() as u64);
    let mut end = 0;
    for skip in &skipped.listed {
        assert!(skip.offset >= end && skip.length > 0, "{skipped:?}");
        end = skip.offset + skip.length;
    }
    if skipped.count <= MAX_LISTED_SKIPS as u64 {
        let lens = skipped.listed.iter().map(|skip| skip.length);
        assert_eq!(lens.sum::<u64>(), skipped.bytes);
    }
    // What is left is a sound capture.
    let again = read(&whole.bytes, None).expect("its header was read before");
    assert_eq!(again.summary.damage, None);
    assert_eq!(again.packets.len(), whole.packets.len());
}

/// Checks that a plain capture is read soundly, whatever way it comes.
fn is_read_soundly(file: &[u8]) {
    let read = read(file, None);
    let piecemeal = self::read(file, Some(1 + file.len() % 7));
    let (read, piecemeal) = match (read, piecemeal) {
        (Ok(read), Ok(piecemeal)) => (read, piecemeal),
        (read, piecemeal) => {
            assert_eq!(read.is_ok(), piecemeal.is_ok());
            return;
        }
    };
    assert_eq!(read.bytes, piecemeal.bytes);
    assert_eq!(read.packets, piecemeal.packets);
    assert_eq!(read.summary.damage, piecemeal.summary.damage);
    if read.summary.compression.is_some() {
        return;
    }
    assert_eq!(read.bytes, file[..read.bytes.len()]);
    match &read.summary.damage {
        Some(damage) => assert_eq!(damage.offset, read.bytes.len() as u64),
        None => assert_eq!(read.bytes.len(), file.len()),
    }
    // What was read is a capture by itself, and a sound one.
    let again = self::read(&read.bytes, None).expect("its header was read before");
    assert_eq!(again.packets, read.packets);
    assert_eq!(again.summary.damage, None);
}

thread_local! {
    /// Used again: half a megabyte to zero would take longer than the rest.
    static CHUNK: RefCell<Chunk> = RefCell::default();
}

/// Reads a capture to its end and checks what must hold of every chunk.
///
/// * `step`: the bytes that the source gives at once.
///
/// # Errors
/// As [`CaptureReader::open`]: it is no capture.
pub fn read(file: &[u8], step: Option<usize>) -> Result<Sound, CaptureError> {
    read_all(&mut open(file, step, ReadOptions::default())?)
}

/// Opens a capture; as [`read`].
///
/// # Errors
/// As [`read`].
pub fn open(
    file: &[u8],
    step: Option<usize>,
    options: ReadOptions,
) -> Result<CaptureReader, CaptureError> {
    let bytes = Cursor::new(file.to_vec());
    match step {
        Some(step) => CaptureReader::open_with(Choppy { bytes, step }, options),
        None => CaptureReader::open_with(bytes, options),
    }
}

/// As [`read`], of a capture that is open.
///
/// # Errors
/// As [`CaptureReader::fill`].
pub fn read_all(reader: &mut CaptureReader) -> Result<Sound, CaptureError> {
    CHUNK.with_borrow_mut(|chunk| read_chunks(reader, chunk))
}

fn read_chunks(reader: &mut CaptureReader, chunk: &mut Chunk) -> Result<Sound, CaptureError> {
    let (mut bytes, mut packets) = (Vec::new(), Vec::new());
    while reader.fill(chunk)? {
        assert_eq!(chunk.first_packet(), packets.len() as u64 + 1);
        let base = bytes.len();
        let mut end = 0;
        for record in chunk.records() {
            assert!(
                end <= record.start && record.start < record.end,
                "{record:?}"
            );
            assert!(record.frame >= record.start, "{record:?}");
            assert!(record.frame + record.caplen <= record.end, "{record:?}");
            assert!(record.end as usize <= chunk.bytes().len(), "{record:?}");
            assert_eq!(chunk.frame(record).len(), record.caplen as usize);
            end = record.end;
            let at = |offset: u32| base + offset as usize;
            packets.push(Packet {
                record: (at(record.start), at(record.end)),
                frame: (at(record.frame), at(record.frame + record.caplen)),
                origlen: record.origlen,
                timestamp: record.timestamp,
                link: record.link,
            });
        }
        bytes.extend_from_slice(chunk.bytes());
    }
    Ok(Sound {
        bytes,
        packets,
        summary: reader.summary().clone(),
    })
}

/// A source that gives a few bytes at once, as a slow pipe does.
#[derive(Clone)]
pub struct Choppy {
    /// The bytes.
    pub bytes: Cursor<Vec<u8>>,
    /// How many at once; at least 1.
    pub step: usize,
}

impl Read for Choppy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.step.max(1));
        self.bytes.read(&mut buffer[..len])
    }
}

/// Types of blocks, draft-ietf-opsawg-pcapng §4: section header, interface, packet (obsolete, simple, enhanced), names,
/// statistics, secrets, custom.
const BLOCK_TYPES: [u32; 9] = [0x0a0d_0d0a, 1, 2, 3, 6, 4, 5, 10, 0x0bad];

fn file_of_blocks(script: &mut Script<'_>) -> Vec<u8> {
    let is_big = script.u8() & 1 == 1;
    let number = |number: u32| match is_big {
        true => number.to_be_bytes(),
        false => number.to_le_bytes(),
    };
    let mut file = Vec::new();
    for part in 0..MAX_PARTS {
        if script.is_over() && part > 0 {
            break;
        }
        let kind = if part == 0 { 0 } else { script.u8() };
        let mut body = Vec::new();
        if kind & 0x0f == 0 {
            body.extend(number(0x1a2b_3c4d));
            body.extend(number(if is_big { 1 << 16 } else { 1 }));
            body.extend([0xff; 8]);
        }
        body.extend(script.piece());
        // Blocks end on a border of four bytes; a type with its high bit set may lie about its length.
        let lie = if kind & 0x80 == 0 { 0 } else { script.u16() };
        body.resize(body.len().next_multiple_of(4), 0);
        let block_type = match usize::from(kind & 0x0f) {
            place @ 0..9 => BLOCK_TYPES[place],
            _ => script.u32(),
        };
        let len = (body.len() as u32 + 12).wrapping_add(lie.into());
        for bytes in [&number(block_type)[..], &number(len), &body, &number(len)] {
            file.extend(bytes);
        }
    }
    file
}
