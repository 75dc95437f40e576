//! The classic pcap format: one header, then records, each a short header and a frame.
//!
//! The file header is read by pcap-file; the records are walked here, because its own walk refuses what real files have
//! (frames longer than the snaplen or than on the wire, fractions of a second beyond a second) and its record headers
//! are always 16 bytes long.
//!
//! Source: draft-ietf-opsawg-pcap §4, §5.

use std::fmt;

use pcap_file::Endianness;
use pcap_file::pcap::{PcapHeader, PcapTsResolution};

use super::error::DamageReason;
use super::summary::Resolution;
use super::walk::{MAX_RECORD_LEN, Stop, Walked, words};
use crate::packet::{LinkType, Record, Timestamp};

/// Length of the file header in bytes.
pub(super) const FILE_HEADER_LEN: usize = 24;

/// Length of a record's header in bytes.
const RECORD_HEADER_LEN: usize = 16;

/// The same in Kuznetzov's variant, which adds an interface index, a protocol and a packet type.
///
/// Source: the patch of Alexey Kuznetzov to libpcap 0.4, as Wireshark's wiretap/libpcap.c describes it.
const KUZNETZOV_RECORD_HEADER_LEN: usize = 24;

/// Where the file header says how long frames may be.
///
/// Source: draft-ietf-opsawg-pcap §4.
const SNAPLEN: std::ops::Range<usize> = 16..20;

const MAGIC: u32 = 0xa1b2_c3d4;
const NANOSECOND_MAGIC: u32 = 0xa1b2_3c4d;
const KUZNETZOV_MAGIC: u32 = 0xa1b2_cd34;

/// Whether a capture that begins with `bytes`, four of them or all there are, could be a pcap.
pub(super) fn could_begin_with(bytes: &[u8]) -> bool {
    [MAGIC, NANOSECOND_MAGIC, KUZNETZOV_MAGIC]
        .iter()
        .any(|magic| {
            magic.to_le_bytes().starts_with(bytes) || magic.to_be_bytes().starts_with(bytes)
        })
}

/// The order of a record's two lengths.
///
/// Source: libpcap's sf-pcap.c. Version 2.3 turned them round, and some of its writers had not heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// Captured, then on the wire.
    InOrder,
    /// The other way round, where that makes more sense: no more is captured than was on the wire.
    PerhapsSwapped,
    /// The other way round.
    Swapped,
}

impl Lengths {
    const fn of(version: (u16, u16)) -> Self {
        match version {
            (2, ..=2) => Self::Swapped,
            (2, 3) => Self::PerhapsSwapped,
            _ => Self::InOrder,
        }
    }

    /// The captured length and that on the wire.
    const fn read(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::Swapped => (second, first),
            Self::PerhapsSwapped if first > second => (second, first),
            _ => (first, second),
        }
    }
}

/// Steps over the records of a pcap.
#[derive(Debug, Clone)]
pub(super) struct PcapWalk {
    order: Endianness,
    resolution: PcapTsResolution,
    record_header_len: usize,
    lengths: Lengths,
    snaplen: u32,
    link: LinkType,
    fcs_len: Option<u8>,
}

impl PcapWalk {
    /// Reads the file header; `None` if it has no pcap's magic.
    pub(super) fn from_header(header: &[u8; FILE_HEADER_LEN]) -> Option<Self> {
        // Kuznetzov's file header differs in its magic alone: what remains, pcap-file can read.
        let mut classic = *header;
        let mut record_header_len = RECORD_HEADER_LEN;
        if let Some(magic) = classic.first_chunk_mut::<4>() {
            if *magic == KUZNETZOV_MAGIC.to_le_bytes() {
                *magic = MAGIC.to_le_bytes();
                record_header_len = KUZNETZOV_RECORD_HEADER_LEN;
            } else if *magic == KUZNETZOV_MAGIC.to_be_bytes() {
                *magic = MAGIC.to_be_bytes();
                record_header_len = KUZNETZOV_RECORD_HEADER_LEN;
            }
        }
        let (_, fields) = PcapHeader::from_slice(&classic).ok()?;
        Some(Self {
            order: fields.endianness,
            resolution: fields.ts_resolution,
            record_header_len,
            lengths: Lengths::of((fields.version_major, fields.version_minor)),
            snaplen: fields.snaplen,
            // The upper half of the field says how long the frames' checksums are.
            link: LinkType(u32::from(fields.datalink) as u16),
            fcs_len: fcs_len(u32::from(fields.datalink)),
        })
    }

    /// Whether records of the one mean the same in the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let shape = |walk: &Self| {
            (
                (walk.order, walk.resolution, walk.record_header_len),
                (walk.lengths, walk.link, walk.fcs_len),
            )
        };
        shape(self) == shape(other)
    }

    /// Says in `header`, which is this capture's, that frames may be so long; 0 is no limit.
    pub(super) fn write_snaplen(&mut self, snaplen: u32, header: &mut [u8]) {
        self.snaplen = snaplen;
        if let Some(field) = header.get_mut(SNAPLEN) {
            field.copy_from_slice(&match self.order {
                Endianness::Big => snaplen.to_be_bytes(),
                Endianness::Little => snaplen.to_le_bytes(),
            });
        }
    }

    pub(super) fn link(&self) -> LinkType {
        self.link
    }

    /// Bytes of the checksum that ends each frame, where the header says so.
    pub(super) fn fcs_len(&self) -> Option<u8> {
        self.fcs_len
    }

    pub(super) fn resolution(&self) -> Resolution {
        match self.resolution {
            PcapTsResolution::MicroSecond => Resolution::Us,
            PcapTsResolution::NanoSecond => Resolution::Ns,
        }
    }

    /// Adds the whole records of `bytes` from offset `start` on to `records`.
    pub(super) fn advance(&self, bytes: &[u8], start: usize, records: &mut Vec<Record>) -> Walked {
        let mut end = start;
        let stop = loop {
            let rest = bytes.get(end..).unwrap_or_default();
            let Some(header) = self.header(rest) else {
                break Stop::Need(self.record_header_len);
            };
            if header.caplen > MAX_RECORD_LEN {
                break Stop::Damaged(header.too_long());
            }
            let len = self.record_header_len + header.caplen as usize;
            if rest.len() < len {
                break Stop::Need(len);
            }
            records.push(self.record(&header, end));
            end += len;
        };
        Walked { end, stop }
    }

    /// Length of a record's header in bytes.
    pub(super) const fn record_header_len(&self) -> usize {
        self.record_header_len
    }

    /// Ticks of the capture's clock in a second.
    pub(super) const fn ticks_per_second(&self) -> u32 {
        match self.resolution {
            PcapTsResolution::MicroSecond => 1_000_000,
            PcapTsResolution::NanoSecond => 1_000_000_000,
        }
    }

    /// The longest frame that the capture says to hold, in bytes; real ones may be longer.
    pub(super) const fn snaplen(&self) -> u32 {
        self.snaplen
    }

    /// What the record header says that `bytes` begins with; `None` when it is cut.
    pub(super) fn header(&self, bytes: &[u8]) -> Option<RecordHeader> {
        let [seconds, ticks, first, second] = words(bytes, self.order)?;
        let (caplen, origlen) = self.lengths.read(first, second);
        Some(RecordHeader {
            seconds,
            ticks,
            caplen,
            origlen,
        })
    }

    /// The record with this header, which stands at `start`.
    pub(super) fn record(&self, header: &RecordHeader, start: usize) -> Record {
        let ns_per_tick = match self.resolution {
            PcapTsResolution::MicroSecond => 1_000,
            PcapTsResolution::NanoSecond => 1,
        };
        let frame = start + self.record_header_len;
        // Within i64: under 2^32 seconds, and under 2^32 microseconds.
        let ns = i64::from(header.seconds) * 1_000_000_000 + i64::from(header.ticks) * ns_per_tick;
        Record {
            start: start as u32,
            end: (frame + header.caplen as usize) as u32,
            frame: frame as u32,
            caplen: header.caplen,
            origlen: header.origlen,
            timestamp: Timestamp::from_ns(ns),
            link: Some(self.link),
        }
    }
}

impl fmt::Display for PcapWalk {
    /// What [`PcapWalk::is_like`] compares.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Endianness::Big => "big-endian",
            Endianness::Little => "little-endian",
        };
        let unit = match self.resolution {
            PcapTsResolution::MicroSecond => "microseconds",
            PcapTsResolution::NanoSecond => "nanoseconds",
        };
        write!(f, "pcap, {order}, {unit}, {}", self.link)?;
        if self.record_header_len == KUZNETZOV_RECORD_HEADER_LEN {
            f.write_str(", Kuznetzov's variant")?;
        }
        match self.lengths {
            Lengths::InOrder => {}
            Lengths::PerhapsSwapped => f.write_str(", version 2.3")?,
            Lengths::Swapped => f.write_str(", version 2.2 or older")?,
        }
        match self.fcs_len {
            Some(len) => write!(f, ", frames with a checksum of {len} bytes"),
            None => Ok(()),
        }
    }
}

/// What a record's header says, as it stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordHeader {
    pub(super) seconds: u32,
    /// Of the capture's resolution.
    pub(super) ticks: u32,
    pub(super) caplen: u32,
    pub(super) origlen: u32,
}

impl RecordHeader {
    /// What is wrong with a captured length that no record has.
    pub(super) const fn too_long(&self) -> DamageReason {
        DamageReason::TooLong {
            claimed: self.caplen,
            limit: MAX_RECORD_LEN,
        }
    }
}

/// Bytes of a frame's checksum as a header's link field tells them: in 16-bit words, if bit 26 is set.
///
/// Source: draft-ietf-opsawg-pcap §4, `LinkType and additional information`.
fn fcs_len(link: u32) -> Option<u8> {
    let words = (link >> 28) as u8;
    (link >> 26 & 1 == 1).then_some(2 * words)
}
