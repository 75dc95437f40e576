//! What a capture is, seen from outside: its format and what its headers describe.

use std::fmt;

use super::compress::Compression;
use super::error::{Damage, DamageReason};
use crate::packet::{LinkType, Timestamp};

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
    /// Of several captures that are read as one: what is known of each that was read to its end, in the order of their first packets.
    /// Empty for one capture alone.
    ///
    /// What is told above is then told of all of them: the compression that all have, the first damage (at an offset in its own
    /// capture), how much was skipped; the stretches are listed with each.
    pub parts: Vec<PartSummary>,
}

/// What is known of one of several captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSummary {
    /// Its place in the order in which they were given, from 0.
    pub index: usize,
    /// The earliest and the latest packet time; `None` for a capture without packets.
    pub span: Option<(Timestamp, Timestamp)>,
    /// As of a capture alone.
    pub summary: CaptureSummary,
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
            parts: Vec::new(),
        }
    }

    /// Puts the captures that were read in the order of `rank`, which is given the place of each.
    pub(super) fn sort_parts(&mut self, rank: impl Fn(usize) -> usize) {
        self.parts.sort_by_key(|part| rank(part.index));
        let mut damages = self
            .parts
            .iter()
            .filter_map(|part| part.summary.damage.as_ref());
        self.damage = damages.next().cloned();
    }

    /// Takes in that one of several captures was read.
    pub(super) fn add_part(&mut self, mut part: PartSummary) {
        let of_part = &mut part.summary;
        if self.parts.is_empty() {
            self.compression = of_part.compression;
        } else if self.compression != of_part.compression {
            self.compression = None;
        }
        for &link in &of_part.link_types {
            self.describe_link(link);
        }
        if let Some(resolution) = of_part.resolution {
            self.describe_resolution(resolution);
        }
        // Of all together hardly more than of one alone; but one of each, which tells whether reading went on.
        let room = (MAX_LISTED_SKIPS as u64).saturating_sub(self.skipped.count);
        let skipped = &mut of_part.skipped;
        skipped.listed.truncate(room.max(1) as usize);
        self.skipped.count += skipped.count;
        self.skipped.bytes += skipped.bytes;
        self.bytes += of_part.bytes;
        self.parts.push(part);
    }

    /// Whether reading went on behind the damage; else that is where it ended.
    pub fn went_on(&self) -> bool {
        let first = self.skipped.listed.first();
        let damage = self.damage.as_ref();
        first.is_some_and(|first| damage.is_some_and(|damage| damage.offset == first.offset))
    }

    /// Of several captures that follow each other: the first that begins before one in front of it ends. Places as in
    /// [`PartSummary::index`], that of the one in front first.
    ///
    /// `None` for pcaps, whose packets are merged.
    pub fn first_overlap(&self) -> Option<(usize, usize)> {
        self.overlaps().next()
    }

    /// How many captures begin before one in front of them ends, as [`Self::first_overlap`].
    pub fn overlap_count(&self) -> u64 {
        self.overlaps().count() as u64
    }

    pub(super) fn overlaps(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut latest: Option<(Timestamp, usize)> = None;
        let parts = self.parts.iter().filter(|_| self.format == Format::Pcapng);
        parts.filter_map(move |part| {
            let (first, last) = part.span?;
            let before = latest.filter(|(before, _)| *before > first);
            if latest.is_none_or(|(before, _)| before < last) {
                latest = Some((last, part.index));
            }
            Some((before?.1, part.index))
        })
    }

    /// Takes in that the capture has an interface of this kind.
    pub(super) fn describe(&mut self, link: LinkType, resolution: Resolution) {
        self.describe_link(link);
        self.describe_resolution(resolution);
    }

    fn describe_link(&mut self, link: LinkType) {
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link) {
            self.link_types.push(link);
        }
    }

    fn describe_resolution(&mut self, resolution: Resolution) {
        self.resolution = match self.resolution {
            Some(known) if known != resolution => Some(Resolution::Mixed),
            _ => Some(resolution),
        };
    }
}
