//! What can be wrong with a capture: not one at all ([`CaptureError`]), or one up to some offset ([`Damage`]).

use std::{fmt, io};

use thiserror::Error;

use super::compress::Compression;

/// Why a capture cannot be read at all, or no further through no fault of its own.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// There is not one byte (after decompression).
    #[error("the input is empty; expected a pcap or pcapng capture")]
    Empty,
    /// The first bytes are no capture's.
    #[error(
        "no capture: the input begins with {}; expected pcap (d4 c3 b2 a1, a1 b2 c3 d4 or a variant) or pcapng (0a 0d 0d 0a)",
        Hex(found)
    )]
    NotACapture {
        /// Up to four bytes that the (decompressed) input begins with.
        found: Vec<u8>,
    },
    /// It is compressed in a way that this program does not undo.
    #[error(
        "the input is compressed with {name}, which is not supported; expected gzip, zstd, lz4, xz or no compression"
    )]
    UnsupportedCompression {
        /// What the compression is called.
        name: &'static str,
    },
    /// It gets so much larger while it is decompressed that it may be meant to fill a disk.
    #[error(
        "the {compression} data is a decompression bomb, or looks like one: its first {taken} bytes became {made}, more than {limit} times \
         as many; expected at most that (to read it all the same, raise --max-expansion)"
    )]
    Expansion {
        /// How it is compressed.
        compression: Compression,
        /// Bytes that came out so far.
        made: u64,
        /// Compressed bytes that they came from.
        taken: u64,
        /// How many times larger it may become.
        limit: u32,
    },
    /// To decompress it would take more memory than it is given.
    #[error(
        "the {compression} data asks for a window of more memory than it gets; expected at most {limit} bytes"
    )]
    Window {
        /// How it is compressed.
        compression: Compression,
        /// The largest window or dictionary that is undone, in bytes.
        limit: u32,
    },
    /// The file header or the first section header is damaged, so nothing can be read.
    #[error("the capture's header is damaged {0}")]
    Header(Damage),
    /// It is several captures, and they cannot be read as one.
    #[error(transparent)]
    Several(#[from] SeveralError),
    /// The source failed to deliver.
    #[error("reading the capture failed at byte {offset}")]
    Io {
        /// (Decompressed) bytes that had been read.
        offset: u64,
        /// What the source said.
        source: io::Error,
    },
}

/// Why several captures cannot be read as one.
#[derive(Debug, Error)]
pub enum SeveralError {
    /// One of them cannot be read.
    #[error("{name}")]
    Part {
        /// What it is called.
        name: String,
        /// Why.
        source: Box<CaptureError>,
    },
    /// One of them cannot be opened, or closed; the error names it.
    #[error(transparent)]
    Source(io::Error),
    /// Records of the one mean nothing in the other.
    #[error(
        "{name} cannot be read as one capture with {first}: found {found}, expected {expected}, as in {first}; \
         mergecap makes one capture of both"
    )]
    Unlike {
        /// What the first is called.
        first: String,
        /// What the first is.
        expected: String,
        /// What the other is called.
        name: String,
        /// What the other is.
        found: String,
    },
    /// Too many would have to be open at a time.
    #[error(
        "{name}: more than {limit} captures overlap in time where it begins; expected at most that many; \
         mergecap makes one capture of some of them"
    )]
    Overlapping {
        /// What the one too many is called.
        name: String,
        /// How many may be.
        limit: usize,
    },
}

/// Where a capture stops making sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// (Decompressed) offset of the first record or block that could not be read; everything before it could.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: DamageReason,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.reason)
    }
}

/// What is wrong with the first record or block that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DamageReason {
    /// The capture ends inside it.
    #[error("cut short: {have} bytes are there, {need} are needed")]
    CutShort {
        /// Bytes from its start that are needed to see more of it: its header, or all of it.
        need: u64,
        /// Bytes from its start that are there.
        have: u64,
    },
    /// It claims a length that no record has.
    #[error("corrupt length: {claimed} bytes are claimed, at most {limit} are believed")]
    TooLong {
        /// The captured length of a pcap record, or the total length of a pcapng block.
        claimed: u32,
        /// [`MAX_RECORD_LEN`](super::MAX_RECORD_LEN).
        limit: u32,
    },
    /// No record header, by what it says and by what stands behind it. Told only when reading goes on behind damage.
    #[error(
        "corrupt record header: {caplen} of {origlen} bytes, captured {seconds} s after 1970, and no other record behind it"
    )]
    Misfit {
        /// The seconds of its time.
        seconds: u32,
        /// The captured length.
        caplen: u32,
        /// The length on the wire.
        origlen: u32,
    },
    /// A pcapng block is shorter than its fixed fields.
    #[error(
        "corrupt block: its total length is {total_len}, a block of this type has at least {least}"
    )]
    BlockTooShort {
        /// The block's total length.
        total_len: u32,
        /// The shortest that a block of its type may be.
        least: u32,
    },
    /// A pcapng block says another total length at its end than at its start.
    #[error("corrupt block: its total length is {leading} at its start and {trailing} at its end")]
    LengthMismatch {
        /// The length that its first field says.
        leading: u32,
        /// The length that its last field says.
        trailing: u32,
    },
    /// A pcapng section header does not tell its byte order.
    #[error(
        "corrupt section header: its byte-order magic is {found:#010x}, expected 0x1a2b3c4d or 0x4d3c2b1a"
    )]
    ByteOrderMagic {
        /// The field, read as big-endian.
        found: u32,
    },
    /// The compressed data ends too early.
    #[error("the {0} data is cut short")]
    CompressionCut(Compression),
    /// The compressed data is corrupt, or followed by something else.
    #[error("the {0} data is corrupt")]
    CompressionCorrupt(Compression),
}

/// Bytes as they stand in an error: two hexadecimal digits each.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}
