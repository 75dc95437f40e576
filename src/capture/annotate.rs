//! Turns a capture into a pcapng with comments, as its chunks go by.
//!
//! * A pcapng keeps its blocks as they are; a packet block that gets a comment has one option more, a section header has one too, and says
//!   no longer how long its section is. Comments that are there stay.
//! * A pcap becomes one section with one interface: link type, snaplen and unit of time stay, and so does every packet's time, frame and
//!   length. What Kuznetzov's variant says beside that is lost.
//!
//! Source: draft-ietf-opsawg-pcapng §3.5 (options), §4.1 to §4.4.

use std::io::{self, Write};

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, SECTION_HEADER_BLOCK,
};

use super::MAX_RECORD_LEN;
use super::chunk::Chunk;
use super::pcap::PcapWalk;
use super::pcapng::{BYTE_ORDER_MAGIC, Block, IF_TSRESOL, OPT_ENDOFOPT, PACKET_FIELDS};
use super::sections::{Blocks, UNKNOWN_LEN, forget_len};
use super::summary::Resolution;
use super::walk::words;
use crate::packet::Record;

const OPT_COMMENT: u16 = 1;
/// What wrote the section, draft-ietf-opsawg-pcapng §4.1.
const SHB_USERAPPL: u16 = 4;

/// Bytes of the checksum at the end of each frame, draft-ietf-opsawg-pcapng §4.2.
const IF_FCSLEN: u16 = 13;

/// Bytes of a section header before its options, without type and length: magic, version, section length.
const SECTION_FIELDS: usize = 16;

/// Longest comment: an option's length has 16 bits, and its value is filled up to a multiple of four.
pub const MAX_COMMENT_LEN: usize = 65_532;

/// Writes one capture again, as pcapng with comments.
#[derive(Debug)]
pub struct Annotator {
    /// Of the capture that is written again; `None` for a pcapng.
    pcap: Option<PcapWalk>,
    order: Endianness,
    tool: String,
    comment: String,
    /// Used again for every block.
    block: Vec<u8>,
}

impl Annotator {
    /// Of a capture with this file header, or `None` for a pcapng.
    pub(super) fn new(pcap: Option<PcapWalk>, tool: &str, comment: &str) -> Self {
        Self {
            pcap,
            order: Endianness::Little,
            tool: tool.to_owned(),
            comment: cut(comment).to_owned(),
            block: Vec::new(),
        }
    }

    /// Writes what stands between packets: bytes of `chunk` from `start` to `end`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn between(
        &mut self,
        chunk: &Chunk,
        (start, end): (u32, u32),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let bytes = chunk.bytes().get(start as usize..end as usize);
        let bytes = bytes.unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(walk) = &self.pcap {
            // Nothing but the file header stands outside of records.
            let header = header(walk, &self.tool, &self.comment);
            return out.write_all(&header);
        }
        for (bytes, block) in Blocks::new(bytes, self.order) {
            match block {
                Some(block) if block.kind == SECTION_HEADER_BLOCK => {
                    self.order = block.order;
                    section((&block, bytes), &self.comment, &mut self.block);
                    out.write_all(&self.block)?;
                }
                _ => out.write_all(bytes)?,
            }
        }
        Ok(())
    }

    /// Writes a packet, with a comment if there is one. Whether it could take it: simple packet blocks have no room, and options
    /// that are broken get no more.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn packet(
        &mut self,
        (chunk, record): (&Chunk, &Record),
        comment: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        let bytes = chunk.bytes();
        let bytes = bytes
            .get(record.start as usize..record.end as usize)
            .unwrap_or_default();
        let comment = comment.map(cut);
        if let Some(walk) = &self.pcap {
            self.block.clear();
            enhanced(walk, (chunk, record), comment, &mut self.block);
            out.write_all(&self.block)?;
            return Ok(true);
        }
        let Some(comment) = comment else {
            out.write_all(bytes)?;
            return Ok(true);
        };
        let is_commented = commented(bytes, self.order, comment, &mut self.block);
        out.write_all(if is_commented { &self.block } else { bytes })?;
        Ok(is_commented)
    }
}

/// `comment` as far as an option can hold it.
fn cut(comment: &str) -> &str {
    comment
        .get(..comment.floor_char_boundary(MAX_COMMENT_LEN))
        .unwrap_or_default()
}

/// The section header and the interface description that stand in the place of a pcap's file header.
fn header(walk: &PcapWalk, tool: &str, comment: &str) -> Vec<u8> {
    let order = Endianness::Little;
    let mut header = Vec::new();
    let mut body = Vec::new();
    put_u32(&mut body, BYTE_ORDER_MAGIC, order);
    // Version 1.0.
    put_u32(&mut body, 1, order);
    body.extend_from_slice(&UNKNOWN_LEN.to_le_bytes());
    put_option(&mut body, (SHB_USERAPPL, tool.as_bytes()), order);
    put_option(&mut body, (OPT_COMMENT, comment.as_bytes()), order);
    put_option(&mut body, (OPT_ENDOFOPT, &[]), order);
    put_block(&mut header, SECTION_HEADER_BLOCK, &body, order);
    body.clear();
    put_u32(&mut body, u32::from(walk.link().0), order);
    put_u32(&mut body, walk.snaplen(), order);
    if walk.resolution() == Resolution::Ns {
        put_option(&mut body, (IF_TSRESOL, &[9]), order);
    }
    if let Some(len) = walk.fcs_len() {
        put_option(&mut body, (IF_FCSLEN, &[len]), order);
    }
    put_option(&mut body, (OPT_ENDOFOPT, &[]), order);
    put_block(&mut header, INTERFACE_DESCRIPTION_BLOCK, &body, order);
    header
}

/// A pcap's packet as an enhanced packet block.
fn enhanced(
    walk: &PcapWalk,
    (chunk, record): (&Chunk, &Record),
    comment: Option<&str>,
    out: &mut Vec<u8>,
) {
    let order = Endianness::Little;
    // A pcap counts from the epoch on.
    let ns = record.timestamp.as_ns().unsigned_abs();
    let ticks = match walk.resolution() {
        Resolution::Ns => ns,
        _ => ns / 1000,
    };
    let frame = chunk.frame(record);
    let mut body = Vec::with_capacity(frame.len() + PACKET_FIELDS + 64);
    for field in [
        0,
        (ticks >> 32) as u32,
        ticks as u32,
        frame.len() as u32,
        record.origlen,
    ] {
        put_u32(&mut body, field, order);
    }
    body.extend_from_slice(frame);
    pad(&mut body);
    if let Some(comment) = comment {
        put_option(&mut body, (OPT_COMMENT, comment.as_bytes()), order);
        put_option(&mut body, (OPT_ENDOFOPT, &[]), order);
    }
    put_block(out, ENHANCED_PACKET_BLOCK, &body, order);
}

/// Makes `out` the packet block in `bytes` with one comment more. `false`: it can have none.
fn commented(bytes: &[u8], order: Endianness, comment: &str, out: &mut Vec<u8>) -> bool {
    let Ok(block) = Block::first_of(bytes, (order, MAX_RECORD_LEN), true) else {
        return false;
    };
    if !matches!(block.kind, ENHANCED_PACKET_BLOCK | PACKET_BLOCK) {
        return false;
    }
    let Some([_, _, _, caplen, _]) = words(block.body, order) else {
        return false;
    };
    let options = (caplen as usize).checked_next_multiple_of(4);
    let options = options.and_then(|len| len.checked_add(PACKET_FIELDS));
    options.is_some_and(|at| with_comment(&block, at, comment, out))
}

/// Makes `out` the section header in `bytes` without a length, for its packets become longer; and with one comment more, unless its
/// options are broken.
fn section((block, bytes): (&Block<'_>, &[u8]), comment: &str, out: &mut Vec<u8>) {
    if !with_comment(block, SECTION_FIELDS, comment, out) {
        out.clear();
        out.extend_from_slice(bytes);
    }
    forget_len(out);
}

/// Makes `out` the block with one comment more behind its other options, which begin at `options` in its body.
fn with_comment(block: &Block<'_>, options: usize, comment: &str, out: &mut Vec<u8>) -> bool {
    let Some((fixed, given)) = block.body.split_at_checked(options) else {
        return false;
    };
    let Some(kept) = options_len(given, block.order) else {
        return false;
    };
    let mut body = Vec::with_capacity(block.body.len() + comment.len() + 12);
    body.extend_from_slice(fixed);
    body.extend_from_slice(given.get(..kept).unwrap_or_default());
    put_option(&mut body, (OPT_COMMENT, comment.as_bytes()), block.order);
    put_option(&mut body, (OPT_ENDOFOPT, &[]), block.order);
    out.clear();
    put_block(out, block.kind, &body, block.order);
    true
}

/// Bytes of the options in `bytes` up to their end; `None` when they do not come to one.
fn options_len(bytes: &[u8], order: Endianness) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        // A list may end with its block.
        if rest.is_empty() {
            return Some(at);
        }
        let [code, len] = match (order, *rest.first_chunk::<4>()?) {
            (Endianness::Big, [a, b, c, d]) => [[a, b], [c, d]].map(u16::from_be_bytes),
            (Endianness::Little, [a, b, c, d]) => [[a, b], [c, d]].map(u16::from_le_bytes),
        };
        if code == OPT_ENDOFOPT {
            return Some(at);
        }
        at += 4 + usize::from(len).next_multiple_of(4);
    }
}

fn put_block(out: &mut Vec<u8>, kind: u32, body: &[u8], order: Endianness) {
    // Bounded by the longest record and the longest comment.
    let total = body.len() as u32 + 12;
    put_u32(out, kind, order);
    put_u32(out, total, order);
    out.extend_from_slice(body);
    put_u32(out, total, order);
}

fn put_option(out: &mut Vec<u8>, (code, value): (u16, &[u8]), order: Endianness) {
    for half in [code, value.len() as u16] {
        out.extend_from_slice(&match order {
            Endianness::Big => half.to_be_bytes(),
            Endianness::Little => half.to_le_bytes(),
        });
    }
    out.extend_from_slice(value);
    pad(out);
}

fn put_u32(out: &mut Vec<u8>, value: u32, order: Endianness) {
    out.extend_from_slice(&match order {
        Endianness::Big => value.to_be_bytes(),
        Endianness::Little => value.to_le_bytes(),
    });
}

/// Fills up to a multiple of four. Bodies begin at one, so that their own length tells.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
