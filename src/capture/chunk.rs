//! A stretch of a capture in memory, cut between records.

use std::fmt;
use std::ops::Range;

use crate::packet::Record;

/// Bytes that a chunk aims at.
///
/// Large enough that a system call costs little for each packet, small enough that the bytes are still in a core's
/// cache when they are decoded.
pub const CHUNK_LEN: usize = 256 * 1024;

/// Bytes of a capture that end at a record's end, and the packets in them.
///
/// * Recycled: [`CaptureReader::fill`](super::CaptureReader::fill) clears it and keeps its memory.
/// * Holds about [`CHUNK_LEN`] bytes; more only where a single record is longer than that, and then until the next `fill`.
#[derive(Default)]
pub struct Chunk {
    /// Zeroed once, when it is allocated; its length is the room there is, and only `whole` bytes of it mean anything.
    pub(super) buffer: Vec<u8>,
    pub(super) whole: usize,
    pub(super) records: Vec<Record>,
    pub(super) first_packet: u64,
    /// Stretches of the `whole` bytes that are damaged, in order: no record reaches into one.
    gaps: Vec<Range<usize>>,
}

impl Chunk {
    /// A chunk without memory; the first `fill` allocates it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whole records and blocks as they stand in the (decompressed) capture, its headers and what holds no packet included.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.whole).unwrap_or_default()
    }

    /// The packets: in order, not overlapping, offsets into [`bytes`](Self::bytes). None at all is possible.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Number that `records()[0]` has in the capture, counted from 1; without records, the number that the next packet will have.
    pub fn first_packet(&self) -> u64 {
        self.first_packet
    }

    /// The captured bytes of a record's frame; empty if the record is not this chunk's.
    pub fn frame(&self, record: &Record) -> &[u8] {
        let start = record.frame as usize;
        let end = start.saturating_add(record.caplen as usize);
        self.bytes().get(start..end).unwrap_or_default()
    }

    /// Starts anew with bytes that the chunk before left over.
    pub(super) fn begin(&mut self, carried: &[u8], first_packet: u64) {
        self.whole = 0;
        self.records.clear();
        self.gaps.clear();
        self.first_packet = first_packet;
        let len = CHUNK_LEN.max(carried.len());
        if self.buffer.len() != len {
            self.buffer = vec![0; len];
        }
        self.put(carried);
    }

    /// Adds bytes of another chunk, and the records in them: ranges of its bytes and of its records.
    pub(super) fn append(&mut self, other: &Self, bytes: Range<usize>, records: Range<usize>) {
        let end = self.whole + bytes.len();
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        // Both stay within a chunk, whose offsets are 32 bits long.
        let (from, to) = (bytes.start as u32, self.whole as u32);
        let records = other.records.get(records).unwrap_or_default().iter();
        self.records.extend(records.map(|record| Record {
            start: record.start - from + to,
            end: record.end - from + to,
            frame: record.frame - from + to,
            ..*record
        }));
        let bytes = other.bytes().get(bytes).unwrap_or_default();
        if let Some(room) = self.buffer.get_mut(self.whole..end) {
            room.copy_from_slice(bytes);
        }
        self.whole = end;
    }

    /// Fills up to a multiple of four, which a capture's last block may have left out: the padding is the block's.
    pub(super) fn align(&mut self) {
        let end = self.whole.next_multiple_of(4);
        if end == self.whole {
            return;
        }
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        if let Some(padding) = self.buffer.get_mut(self.whole..end) {
            padding.fill(0);
        }
        let last = self.records.last_mut();
        if let Some(last) = last.filter(|last| last.end as usize == self.whole) {
            last.end = end as u32;
        }
        self.whole = end;
    }

    /// Takes it that no record begins before `place`, and that what stands there is no part of the capture.
    pub(super) fn skip_to(&mut self, place: usize) {
        match self.gaps.last_mut() {
            Some(gap) if gap.end == self.whole => gap.end = place,
            _ => self.gaps.push(self.whole..place),
        }
        self.whole = place;
    }

    /// Moves the bytes between the gaps together, once for all of them: so the time for it does not depend on their number.
    pub(super) fn close_gaps(&mut self) {
        let Some(first) = self.gaps.first() else {
            return;
        };
        let mut end = first.start;
        let mut records = self.records.iter_mut().peekable();
        for (i, gap) in self.gaps.iter().enumerate() {
            let next = self.gaps.get(i + 1).map_or(self.whole, |next| next.start);
            let shift = (gap.end - end) as u32;
            while let Some(record) = records.next_if(|record| (record.start as usize) < next) {
                if record.start as usize >= gap.end {
                    record.start -= shift;
                    record.end -= shift;
                    record.frame -= shift;
                }
            }
            self.buffer.copy_within(gap.end..next, end);
            end += next - gap.end;
        }
        self.whole = end;
        self.gaps.clear();
    }

    /// Makes room for a record of `need` bytes that does not fit, but no more than twice what bytes have already filled.
    pub(super) fn grow(&mut self, need: usize) {
        let len = need.min(self.buffer.len().saturating_mul(2));
        // Not `resize`: fresh zeroes cost nothing until they are written over.
        let filled = std::mem::replace(&mut self.buffer, vec![0; len]);
        self.put(&filled);
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(front) = self.buffer.get_mut(..bytes.len()) {
            front.copy_from_slice(bytes);
        }
    }
}

impl fmt::Debug for Chunk {
    /// Sizes, not all of its bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("bytes", &self.whole)
            .field("records", &self.records.len())
            .field("first_packet", &self.first_packet)
            .finish_non_exhaustive()
    }
}
