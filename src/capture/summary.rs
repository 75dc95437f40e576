//! What a capture is, seen from outside: its format and what its headers describe.

use std::fmt;

use super::compress::Compression;
use super::error::{Damage, DamageReason};
use crate::packet::LinkType;

/// Link types that a summary lists. A handful is usual; the bound keeps a hostile file from making the list long to search.
const MAX_LINK_TYPES: usize = 64;

/// Skipped stretches that a summary lists; beyond that they are only counted.
pub const MAX_LISTED_SKIPS: usize = 1_000;

/// A capture file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The classic format of libpcap, draft-ietf-opsawg-pcap.
    Pcap,
    /// Its successor, draft-ietf-opsawg-pcapng.
    Pcapng,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
        })
    }
}

/// The unit of a capture's timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
    /// Another negative power of ten of a second, by its exponent: 3 is a millisecond.
    Decimal(u8),
    /// A negative power of two of a second, by its exponent.
    Binary(u8),
    /// Interfaces differ.
    Mixed,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Us => f.write_str("us"),
            Self::Ns => f.write_str("ns"),
            Self::Decimal(exponent) => write!(f, "10^-{exponent}"),
            Self::Binary(exponent) => write!(f, "2^-{exponent}"),
            Self::Mixed => f.write_str("mixed"),
        }
    }
}

/// What is known of a capture so far; all of it once [`CaptureReader::fill`](super::CaptureReader::fill) has said that it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureSummary {
    /// Its file format.
    pub format: Format,
    /// How it was compressed.
    pub compression: Option<Compression>,
    /// Link types that its headers describe, each once, in the order of description; the first 64 of them.
    pub link_types: Vec<LinkType>,
    /// The unit of its timestamps; `None` before an interface is described.
    pub resolution: Option<Resolution>,
    /// Where and why reading stopped before the end; where it went on behind damage and came to the end, the first.
    pub damage: Option<Damage>,
    /// What was passed over where reading went on behind damage.
    pub skipped: Skipped,
    /// (Decompressed) bytes that were read, the damaged ones included.
    pub bytes: u64,
}

/// Stretches of a capture that were passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// The first [`MAX_LISTED_SKIPS`] of them, in order.
    pub listed: Vec<Skip>,
    /// How many there are.
    pub count: u64,
    /// How many bytes are in them all.
    pub bytes: u64,
}

/// A stretch of a capture in which no record could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// (Decompressed) offset of its first byte.
    pub offset: u64,
    /// Bytes in it.
    pub length: u64,
    /// What is wrong where it begins.
    pub reason: DamageReason,
}

impl Skipped {
    /// A stretch begins, of no length yet.
    pub(super) fn begin(&mut self, offset: u64, reason: DamageReason) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED_SKIPS {
            self.listed.push(Skip {
                offset,
                length: 0,
                reason,
            });
        }
    }

    /// The last stretch is so much longer.
    pub(super) fn extend(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.count == self.listed.len() as u64
            && let Some(last) = self.listed.last_mut()
        {
            last.length += bytes;
        }
    }
}

impl CaptureSummary {
    pub(super) fn new(format: Format, compression: Option<Compression>) -> Self {
        Self {
            format,
            compression,
            link_types: Vec::new(),
            resolution: None,
            damage: None,
            skipped: Skipped::default(),
            bytes: 0,
        }
    }

    /// Whether reading went on behind the damage; else that is where it ended.
    pub fn went_on(&self) -> bool {
        let first = self.skipped.listed.first();
        let damage = self.damage.as_ref();
        first.is_some_and(|first| damage.is_some_and(|damage| damage.offset == first.offset))
    }

    /// Takes in that the capture has an interface of this kind.
    pub(super) fn describe(&mut self, link: LinkType, resolution: Resolution) {
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link) {
            self.link_types.push(link);
        }
        self.resolution = match self.resolution {
            Some(known) if known != resolution => Some(Resolution::Mixed),
            _ => Some(resolution),
        };
    }
}
