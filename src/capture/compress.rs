//! Undoes compression, told by the first bytes and never by a name.
//!
//! Also knows whether the source is behind: the reader hands on what it has instead of waiting for a slow pipe.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::{CaptureError, DamageReason};

/// Bytes that tell a compression.
const MAGIC_LEN: u64 = 4;

/// RFC 1952 §2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Compressions that are recognised, for the sake of the message, but not undone.
///
/// Sources: RFC 8878 §3.1.1; the LZ4 frame format; the .xz file format §2.1.1; bzip2's file header.
const UNSUPPORTED: [(&[u8], &str); 4] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (&[0xfd, 0x37, 0x7a, 0x58], "xz"),
    (b"BZh", "bzip2"),
];

/// Compressed bytes that are read at once.
const COMPRESSED_LEN: usize = 64 * 1024;

/// Bytes that are decompressed at once. The decoder keeps back what it made in the step that failed, so steps are short.
const STEP_LEN: usize = 16 * 1024;

/// A compression that the reader undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, of one or several members, RFC 1952.
    Gzip,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
        })
    }
}

/// The capture's own bytes, decompressed where they need to be.
pub(super) enum Input {
    Plain(Source),
    Gzip(Box<MultiGzDecoder<BufReader<Source>>>),
}

/// Why there are no more bytes although the source has not ended.
pub(super) enum ReadError {
    /// They cannot be decompressed.
    Damaged(DamageReason),
    /// The source failed.
    Io(io::Error),
}

impl Input {
    /// Looks at the first bytes of a source and undoes the compression they tell.
    pub(super) fn open(mut source: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        let mut head = Vec::new();
        source
            .by_ref()
            .take(MAGIC_LEN)
            .read_to_end(&mut head)
            .map_err(|source| CaptureError::Io { offset: 0, source })?;
        if let Some(&(_, name)) = UNSUPPORTED
            .iter()
            .find(|(magic, _)| head.starts_with(magic))
        {
            return Err(CaptureError::UnsupportedCompression { name });
        }
        let is_gzip = head.starts_with(&GZIP_MAGIC);
        let source = Source {
            head: Cursor::new(head),
            rest: source,
            is_behind: false,
            has_failed: false,
        };
        Ok(if is_gzip {
            let source = BufReader::with_capacity(COMPRESSED_LEN, source);
            Self::Gzip(Box::new(MultiGzDecoder::new(source)))
        } else {
            Self::Plain(source)
        })
    }

    /// How the source is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(_) => Some(Compression::Gzip),
        }
    }

    /// Reads what there is, as [`Read::read`] does: 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self {
            Self::Plain(source) => source.read(buffer).map_err(ReadError::Io),
            Self::Gzip(decoder) => {
                let len = buffer.len().min(STEP_LEN);
                let step = buffer.get_mut(..len).unwrap_or_default();
                decoder.read(step).map_err(|error| {
                    let cause = match error.kind() {
                        _ if decoder.get_ref().get_ref().has_failed => return ReadError::Io(error),
                        io::ErrorKind::UnexpectedEof => DamageReason::CompressionCut,
                        _ => DamageReason::CompressionCorrupt,
                    };
                    ReadError::Damaged(cause(Compression::Gzip))
                })
            }
        }
    }

    /// Whether another read is likely to wait: the source gave less than it was asked for, and that is used up.
    pub(super) fn is_behind(&self) -> bool {
        match self {
            Self::Plain(source) => source.is_behind,
            Self::Gzip(decoder) => {
                let compressed = decoder.get_ref();
                compressed.buffer().is_empty() && compressed.get_ref().is_behind
            }
        }
    }
}

/// The source as it is, with the bytes that were looked at in front again.
pub(super) struct Source {
    head: Cursor<Vec<u8>>,
    rest: Box<dyn Read + Send>,
    is_behind: bool,
    has_failed: bool,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from_head = self.head.read(buffer)?;
        if from_head > 0 {
            return Ok(from_head);
        }
        loop {
            match self.rest.read(buffer) {
                Ok(len) => {
                    self.is_behind = len < buffer.len();
                    return Ok(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.has_failed = true;
                    return Err(error);
                }
            }
        }
    }
}
