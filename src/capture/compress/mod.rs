//! Undoes compression, told by the first bytes and never by a name.
//!
//! A window that would take much memory is refused, and so is a source that grows beyond all reason while it is decompressed.
//! Also knows whether the source is behind: the reader hands on what it has instead of waiting for a slow pipe.

use std::fmt;
use std::io::{self, BufReader, Read};

use lzma_rust2::XzReader;

use self::gzip::GzipReader;
use self::lz4::Lz4Reader;
use self::source::Source;
use self::zstd::ZstdReader;
use super::error::{CaptureError, DamageReason};

mod gzip;
mod lz4;
mod source;
mod zstd;

/// Bytes that tell a compression.
const MAGIC_LEN: u64 = 4;

/// What tells the compressions that are undone. A skippable frame, which zstd shares with LZ4, is taken for zstd's: its tools write them in front.
///
/// Sources: RFC 1952 §2.3.1; RFC 8878 §3.1; the LZ4 frame format; the .xz file format §2.1.1.
const SUPPORTED: [(&[u8], Compression); 4] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
    (&lz4::MAGIC, Compression::Lz4),
    (&[0xfd, 0x37, 0x7a, 0x58], Compression::Xz),
];

/// The last three bytes of a skippable frame's magic; the first is 0x50 to 0x5f.
///
/// Source: RFC 8878 §3.1.2.
const SKIPPABLE_MAGIC: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Compressions that are recognised, for the sake of the message, but not undone.
///
/// Sources: bzip2's file header; the legacy frame of the LZ4 frame format; compress(1).
const UNSUPPORTED: [(&[u8], &str); 3] = [
    (b"BZh", "bzip2"),
    (&[0x02, 0x21, 0x4c, 0x18], "legacy LZ4"),
    (&[0x1f, 0x9d], "compress"),
];

/// Compressed bytes that are read at once.
const COMPRESSED_LEN: usize = 64 * 1024;

/// Bytes that are decompressed at once. The decoder of xz keeps back what it made in the step that failed, so steps are short.
const STEP_LEN: usize = 16 * 1024;

/// The largest window that a zstd frame may ask for is two to this power: 128 MiB, what its own tools take without being told otherwise.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// The largest window or dictionary, in bytes.
const MAX_WINDOW_LEN: u32 = 1 << MAX_ZSTD_WINDOW_LOG;

/// Memory for undoing xz, in KiB: a dictionary of [`MAX_WINDOW_LEN`], twice that of `xz -9`, and what goes with it.
const MAX_XZ_KIB: u32 = MAX_WINDOW_LEN / 1024 + 1024;

/// How many times larger than compressed a capture may be, unless the user says otherwise.
///
/// Ordinary captures grow by 3 to 12, one that holds next to nothing but zeroes by 85; bombs by 1,000 and more.
pub const DEFAULT_MAX_EXPANSION: u32 = 256;

/// Decompressed bytes that need no such excuse: no disk fills up with them.
const FREE_EXPANSION_LEN: u64 = 64 * 1024 * 1024;

/// A compression that the reader undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, of one or several members, RFC 1952.
    Gzip,
    /// zstd, of one or several frames, RFC 8878.
    Zstd,
    /// LZ4, of one or several frames; not its legacy format.
    Lz4,
    /// xz, of one or several streams.
    Xz,
}

impl Compression {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    /// The compression of a source that begins with `head`.
    fn of(head: &[u8]) -> Option<Self> {
        let is_skippable = head.first().is_some_and(|first| first >> 4 == 5)
            && head.get(1..) == Some(&SKIPPABLE_MAGIC);
        if is_skippable {
            return Some(Self::Zstd);
        }
        let known = SUPPORTED.iter().find(|(magic, _)| head.starts_with(magic));
        known.map(|&(_, compression)| compression)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The capture's own bytes, decompressed where they need to be.
pub(super) enum Input {
    Plain(Source),
    Compressed(Box<Compressed>),
}

/// A source that is decompressed while it is read.
pub(super) struct Compressed {
    decoder: Decoder,
    /// Bytes that came out so far.
    made: u64,
    max_expansion: u32,
}

enum Decoder {
    Gzip(GzipReader<BufReader<Source>>),
    Zstd(ZstdReader<BufReader<Source>>),
    Lz4(Lz4Reader<BufReader<Source>>),
    Xz(Box<XzReader<BufReader<Source>>>),
}

/// Why there are no more bytes although the source has not ended.
pub(super) enum ReadError {
    /// They cannot be decompressed.
    Damaged(DamageReason),
    /// They are not going to be decompressed.
    Refused(CaptureError),
    /// The source failed.
    Io(io::Error),
}

impl Input {
    /// Looks at the first bytes of a source and undoes the compression they tell.
    ///
    /// * `max_expansion`: how many times larger than compressed it may get, once that is more than 64 MiB.
    pub(super) fn open(
        mut source: Box<dyn Read + Send>,
        max_expansion: u32,
    ) -> Result<Self, CaptureError> {
        let io_error = |source| CaptureError::Io { offset: 0, source };
        let mut head = Vec::new();
        let taken = source.by_ref().take(MAGIC_LEN).read_to_end(&mut head);
        taken.map_err(io_error)?;
        if let Some(&(_, name)) = UNSUPPORTED
            .iter()
            .find(|(magic, _)| head.starts_with(magic))
        {
            return Err(CaptureError::UnsupportedCompression { name });
        }
        let compression = Compression::of(&head);
        let source = Source::new(head, source);
        let Some(compression) = compression else {
            return Ok(Self::Plain(source));
        };
        let source = BufReader::with_capacity(COMPRESSED_LEN, source);
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(GzipReader::new(source)),
            Compression::Zstd => {
                Decoder::Zstd(ZstdReader::new(source, MAX_ZSTD_WINDOW_LOG).map_err(io_error)?)
            }
            Compression::Lz4 => Decoder::Lz4(Lz4Reader::new(source)),
            Compression::Xz => {
                Decoder::Xz(Box::new(XzReader::new_mem_limit(source, true, MAX_XZ_KIB)))
            }
        };
        Ok(Self::Compressed(Box::new(Compressed {
            decoder,
            made: 0,
            max_expansion,
        })))
    }

    /// How the source is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Compressed(compressed) => Some(compressed.decoder.compression()),
        }
    }

    /// Reads what there is, as [`Read::read`] does: 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self {
            Self::Plain(source) => source.read(buffer).map_err(ReadError::Io),
            Self::Compressed(compressed) => compressed.read(buffer),
        }
    }

    /// Whether another read is likely to wait: the source gave less than it was asked for, and that is used up.
    pub(super) fn is_behind(&self) -> bool {
        match self {
            Self::Plain(source) => source.is_behind(),
            Self::Compressed(compressed) => {
                let source = compressed.decoder.source();
                source.buffer().is_empty() && source.get_ref().is_behind()
            }
        }
    }
}

impl Compressed {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let len = buffer.len().min(STEP_LEN);
        let step = buffer.get_mut(..len).unwrap_or_default();
        let made = match self.decoder.read(step) {
            Ok(made) => made,
            Err(error) => return Err(self.explain(error)),
        };
        self.made += made as u64;
        let taken = self.decoder.taken();
        let is_bomb = self.made > FREE_EXPANSION_LEN
            && self.made / u64::from(self.max_expansion.max(1)) > taken;
        if is_bomb {
            return Err(ReadError::Refused(CaptureError::Expansion {
                compression: self.decoder.compression(),
                made: self.made,
                taken,
                limit: self.max_expansion,
            }));
        }
        Ok(made)
    }

    /// What a decoder's error means.
    fn explain(&self, error: io::Error) -> ReadError {
        let compression = self.decoder.compression();
        match error.kind() {
            _ if self.decoder.source().get_ref().has_failed() => ReadError::Io(error),
            io::ErrorKind::UnexpectedEof => {
                ReadError::Damaged(DamageReason::CompressionCut(compression))
            }
            io::ErrorKind::OutOfMemory => ReadError::Refused(CaptureError::Window {
                compression,
                limit: MAX_WINDOW_LEN,
            }),
            _ => ReadError::Damaged(DamageReason::CompressionCorrupt(compression)),
        }
    }
}

impl Decoder {
    const fn compression(&self) -> Compression {
        match self {
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
            Self::Lz4(_) => Compression::Lz4,
            Self::Xz(_) => Compression::Xz,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
            Self::Lz4(reader) => reader.read(buffer),
            Self::Xz(reader) => reader.read(buffer),
        }
    }

    fn source(&self) -> &BufReader<Source> {
        match self {
            Self::Gzip(reader) => reader.get_ref(),
            Self::Zstd(reader) => reader.get_ref(),
            Self::Lz4(reader) => reader.get_ref(),
            Self::Xz(reader) => reader.inner(),
        }
    }

    /// Compressed bytes that were used so far.
    fn taken(&self) -> u64 {
        let source = self.source();
        let unused = source.buffer().len() as u64;
        source.get_ref().bytes().saturating_sub(unused)
    }
}
