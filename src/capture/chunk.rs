//! A stretch of a capture in memory, cut between records.

use std::fmt;

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
        self.first_packet = first_packet;
        let len = CHUNK_LEN.max(carried.len());
        if self.buffer.len() != len {
            self.buffer = vec![0; len];
        }
        self.put(carried);
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
    /// Sizes, not half a megabyte of bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("bytes", &self.whole)
            .field("records", &self.records.len())
            .field("first_packet", &self.first_packet)
            .finish_non_exhaustive()
    }
}
