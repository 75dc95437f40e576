//! What stands between packets, cut into blocks and sections, for who writes a capture in parts.
//!
//! Source: draft-ietf-opsawg-pcapng §4.1.

use std::io::{self, Write};

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::SECTION_HEADER_BLOCK;

use super::MAX_RECORD_LEN;
use super::chunk::Chunk;
use super::pcapng::{BODY, Block, could_begin_with};

/// A section's length that nobody knows.
pub(super) const UNKNOWN_LEN: u64 = u64::MAX;

/// Offset of a section's length in its header: behind the magic and the version.
const SECTION_LEN: usize = BODY + 8;

/// The blocks of a stretch of whole ones, each with its bytes; `None` for bytes that are no block.
pub(super) struct Blocks<'a> {
    bytes: &'a [u8],
    /// The section's, which its header changes.
    order: Endianness,
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(bytes: &'a [u8], order: Endianness) -> Self {
        Self { bytes, order }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (&'a [u8], Option<Block<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let Ok(block) = Block::first_of(bytes, (self.order, MAX_RECORD_LEN), true) else {
            // Out of reach, for the chunk was walked before: but nothing shall be lost.
            return Some((bytes, None));
        };
        self.order = block.order;
        let (this, rest) = bytes.split_at_checked(block.len).unwrap_or((bytes, &[]));
        self.bytes = rest;
        Some((this, Some(block)))
    }
}

/// Makes a section header, whole as it stands in a file, say that nobody knows how long its section is.
pub(super) fn forget_len(header: &mut [u8]) {
    let len = header.get_mut(SECTION_LEN..SECTION_LEN + size_of::<u64>());
    if let Some(len) = len {
        len.copy_from_slice(&UNKNOWN_LEN.to_ne_bytes());
    }
}

/// A piece of what stands between packets: a section header, or what stands together and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Whether a section begins with it: what came before means nothing to the packets behind. A pcap is one section.
    pub begins_section: bool,
    /// Offset of its first byte in the chunk.
    pub start: u32,
    /// Offset just past its last byte.
    pub end: u32,
}

impl Piece {
    /// Writes it as it is, but for a section header's length of the section, which holds no longer where packets are left out.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn copy(&self, chunk: &Chunk, out: &mut dyn Write) -> io::Result<()> {
        let bytes = chunk.bytes().get(self.start as usize..self.end as usize);
        let bytes = bytes.unwrap_or_default();
        // A pcap's file header begins a section too, and does not tell how long it is.
        if !self.begins_section || !could_begin_with(bytes.get(..4).unwrap_or_default()) {
            return out.write_all(bytes);
        }
        let mut header = bytes.to_vec();
        forget_len(&mut header);
        out.write_all(&header)
    }
}

/// Tells the pieces that stand between packets, and where sections begin. Goes along with a capture, stretch by stretch.
#[derive(Debug)]
pub struct Sections {
    is_pcap: bool,
    order: Endianness,
}

impl Sections {
    pub(super) const fn new(is_pcap: bool) -> Self {
        Self {
            is_pcap,
            order: Endianness::Little,
        }
    }

    /// The pieces of `chunk` from `start` to `end`, which no packet's bytes are among.
    pub fn pieces(&mut self, chunk: &Chunk, (start, end): (u32, u32)) -> Vec<Piece> {
        let bytes = chunk.bytes().get(start as usize..end as usize);
        let bytes = bytes.unwrap_or_default();
        if bytes.is_empty() {
            return Vec::new();
        }
        if self.is_pcap {
            // Nothing but the file header stands outside of records.
            let begins_section = true;
            return vec![Piece {
                begins_section,
                start,
                end,
            }];
        }
        let mut pieces: Vec<Piece> = Vec::new();
        let mut end = start;
        for (bytes, block) in Blocks::new(bytes, self.order) {
            let start = end;
            end += bytes.len() as u32;
            let begins_section = block
                .as_ref()
                .is_some_and(|block| block.kind == SECTION_HEADER_BLOCK);
            self.order = block.map_or(self.order, |block| block.order);
            match pieces.last_mut() {
                // Of tiny blocks there may be very many.
                Some(last) if !begins_section && !last.begins_section => last.end = end,
                _ => pieces.push(Piece {
                    begins_section,
                    start,
                    end,
                }),
            }
        }
        pieces
    }
}
