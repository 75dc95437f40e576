//! The pcapng format: blocks, of which some describe a section or an interface, some hold a packet, and the rest pass by.
//!
//! pcap-file names the blocks; they are walked here, because its parser gives up a whole block, and with an interface
//! every packet after it, over an option that nobody asked for.
//!
//! Source: draft-ietf-opsawg-pcapng §3.1 (blocks), §3.5 (options), §4.

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, SECTION_HEADER_BLOCK,
    SIMPLE_PACKET_BLOCK,
};

use super::clock::{Clock, DEFAULT_TSRESOL};
use super::error::DamageReason;
use super::summary::CaptureSummary;
use super::walk::{MAX_RECORD_LEN, Stop, Walked, words};
use crate::packet::{LinkType, Record, Timestamp};

/// Interfaces that are remembered in a section; packets of later ones have no link.
const MAX_INTERFACES: usize = 65_536;

/// A block's type and its two total lengths, in bytes.
pub(super) const BLOCK_OVERHEAD: usize = 12;

/// Offset of a block's body.
pub(super) const BODY: usize = 8;

/// Fixed fields of enhanced and of obsolete packet blocks, in bytes: interface, time, captured and original length.
pub(super) const PACKET_FIELDS: usize = 20;

pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

pub(super) const OPT_ENDOFOPT: u16 = 0;
pub(super) const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Whether a capture that begins with `bytes`, four of them or all there are, could be a pcapng.
pub(super) fn could_begin_with(bytes: &[u8]) -> bool {
    // The same in both byte orders.
    SECTION_HEADER_BLOCK.to_be_bytes().starts_with(bytes)
}

/// Whether a section header that begins with `bytes` goes on with a byte order.
pub(super) fn has_byte_order(bytes: &[u8]) -> bool {
    let magic = bytes.get(BODY..).and_then(<[u8]>::first_chunk);
    let magic = magic.map(|magic| u32::from_be_bytes(*magic));
    magic.is_some_and(|magic| order_of_section(magic, Endianness::Big).is_ok())
}

/// What an interface description says.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
}

/// A block that is all there.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) kind: u32,
    pub(super) order: Endianness,
    total_len: u32,
    pub(super) body: &'a [u8],
    /// Bytes that it takes up, with padding that its total length does not count.
    pub(super) len: usize,
}

/// Steps over the blocks of a pcapng.
#[derive(Debug)]
pub(super) struct PcapngWalk {
    order: Endianness,
    interfaces: Vec<Interface>,
    last_seen: Timestamp,
    /// Longest block that is believed, in bytes.
    max_block_len: u32,
}

impl PcapngWalk {
    /// A walk that has yet to see the first section header, which will tell the byte order.
    pub(super) fn new() -> Self {
        Self {
            order: Endianness::Little,
            interfaces: Vec::new(),
            last_seen: Timestamp::default(),
            max_block_len: MAX_RECORD_LEN,
        }
    }

    /// Reads the section header that `bytes` begins with.
    pub(super) fn section_header(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let block = Block::first_of(bytes, (self.order, self.max_block_len), false)?;
        self.begin_section(&block).map_err(Stop::Damaged)
    }

    /// Adds the packets in the whole blocks of `bytes` from offset `start` on to `records`, and what they describe to `summary`.
    ///
    /// `at_end`: no byte will follow these.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        (start, at_end): (usize, bool),
        records: &mut Vec<Record>,
        summary: &mut CaptureSummary,
    ) -> Walked {
        let mut end = start;
        let stop = loop {
            let rest = bytes.get(end..).unwrap_or_default();
            let block = match Block::first_of(rest, (self.order, self.max_block_len), at_end) {
                Ok(block) => block,
                Err(stop) => break stop,
            };
            match self.take(&block, summary) {
                Ok(None) => {}
                Ok(Some(packet)) => records.push(packet.into_record(end, block.len)),
                Err(reason) => break Stop::Damaged(reason),
            }
            end += block.len;
        };
        Walked { end, stop }
    }

    /// The byte order of the section.
    pub(super) const fn order(&self) -> Endianness {
        self.order
    }

    /// From now on believes in no block that is longer than this.
    pub(super) const fn limit_blocks(&mut self, max_len: u32) {
        self.max_block_len = max_len;
    }

    /// Learns what a block describes, or reads the packet it holds.
    fn take(
        &mut self,
        block: &Block<'_>,
        summary: &mut CaptureSummary,
    ) -> Result<Option<Packet>, DamageReason> {
        match block.kind {
            SECTION_HEADER_BLOCK => {
                self.begin_section(block)?;
                Ok(None)
            }
            INTERFACE_DESCRIPTION_BLOCK => {
                let interface = Interface::read(block)?;
                summary.describe(interface.link, interface.clock.resolution());
                if self.interfaces.len() < MAX_INTERFACES {
                    self.interfaces.push(interface);
                }
                Ok(None)
            }
            ENHANCED_PACKET_BLOCK => {
                let fields = block.fields()?;
                self.timed_packet(block, fields[0], fields).map(Some)
            }
            PACKET_BLOCK => {
                let fields = block.fields()?;
                let [interface, _drops] = halves(fields[0], block.order);
                self.timed_packet(block, u32::from(interface), fields)
                    .map(Some)
            }
            SIMPLE_PACKET_BLOCK => self.simple_packet(block).map(Some),
            _ => Ok(None),
        }
    }

    /// Forgets the section before; its interfaces mean nothing here.
    fn begin_section(&mut self, block: &Block<'_>) -> Result<(), DamageReason> {
        let [_magic, _version, _length_low, _length_high] = block.fields()?;
        self.order = block.order;
        self.interfaces.clear();
        Ok(())
    }

    /// The packet of an enhanced or an obsolete packet block.
    ///
    /// One that names an interface which was never described has no link, and its time is taken to be in microseconds.
    fn timed_packet(
        &mut self,
        block: &Block<'_>,
        interface: u32,
        [_, high, low, caplen, origlen]: [u32; 5],
    ) -> Result<Packet, DamageReason> {
        // A block's own length bounds it well enough to go on after a frame length that lies.
        let caplen = caplen.min(block.body.len().saturating_sub(PACKET_FIELDS) as u32);
        let interface = self.interfaces.get(interface as usize);
        let clock = interface
            .map(|interface| interface.clock)
            .unwrap_or_default();
        self.last_seen = clock.timestamp(u64::from(high) << 32 | u64::from(low));
        Ok(Packet {
            frame: BODY + PACKET_FIELDS,
            caplen,
            origlen,
            timestamp: self.last_seen,
            link: interface.map(|interface| interface.link),
        })
    }

    /// The packet of a simple packet block.
    ///
    /// The block says neither when nor how much was captured: the time is that of the packet before (or the epoch), the
    /// captured length what the original length, the first interface's snaplen and the block allow.
    ///
    /// Source: draft-ietf-opsawg-pcapng §4.4.
    fn simple_packet(&self, block: &Block<'_>) -> Result<Packet, DamageReason> {
        let [origlen] = block.fields()?;
        let interface = self.interfaces.first();
        let snaplen = interface.map_or(0, |interface| interface.snaplen);
        let limit = if snaplen == 0 { u32::MAX } else { snaplen };
        let room = block.body.len().saturating_sub(4) as u32;
        Ok(Packet {
            frame: BODY + 4,
            caplen: origlen.min(limit).min(room),
            origlen,
            timestamp: self.last_seen,
            link: interface.map(|interface| interface.link),
        })
    }
}

/// What a packet block says; `frame` counts from the block's start.
struct Packet {
    frame: usize,
    caplen: u32,
    origlen: u32,
    timestamp: Timestamp,
    link: Option<LinkType>,
}

impl Packet {
    /// The record of a block of `len` bytes that stands at `start`.
    fn into_record(self, start: usize, len: usize) -> Record {
        Record {
            start: start as u32,
            end: (start + len) as u32,
            frame: (start + self.frame) as u32,
            caplen: self.caplen,
            origlen: self.origlen,
            timestamp: self.timestamp,
            link: self.link,
        }
    }
}

impl<'a> Block<'a> {
    /// The block that `bytes` begins with; `order` is the section's, which a section header changes. `max_len`: longest that is believed.
    ///
    /// A total length that is no multiple of four is taken without its padding, as some writers mean it. The length at
    /// the block's end is then looked for on both sides of the padding, and at the end of a capture the padding may be missing.
    pub(super) fn first_of(
        bytes: &'a [u8],
        (order, max_len): (Endianness, u32),
        at_end: bool,
    ) -> Result<Self, Stop> {
        let Some([kind, _, magic]) = words(bytes, order) else {
            return Err(Stop::Need(BLOCK_OVERHEAD));
        };
        let order = match kind {
            SECTION_HEADER_BLOCK => order_of_section(magic, order).map_err(Stop::Damaged)?,
            _ => order,
        };
        let [_, total_len] = words(bytes, order).unwrap_or_default();
        let len = believed_len(total_len, max_len).map_err(Stop::Damaged)?;
        let padded_len = len.next_multiple_of(4);
        let trailing = |end: usize| -> Option<u32> {
            let [trailing] = words(bytes.get(end.checked_sub(4)?..end)?, order)?;
            Some(trailing)
        };
        let agrees = |end: usize| trailing(end) == Some(total_len);
        let (end, len) = if bytes.len() >= padded_len {
            let end = if agrees(padded_len) { padded_len } else { len };
            (end, padded_len)
        } else if at_end && agrees(len) {
            (len, bytes.len())
        } else {
            return Err(Stop::Need(padded_len));
        };
        if !agrees(end) {
            return Err(Stop::Damaged(DamageReason::LengthMismatch {
                leading: total_len,
                trailing: trailing(padded_len).unwrap_or_default(),
            }));
        }
        Ok(Self {
            kind,
            order,
            total_len,
            body: bytes.get(BODY..end - 4).unwrap_or_default(),
            len,
        })
    }

    /// The first `N` words of the body.
    pub(super) fn fields<const N: usize>(&self) -> Result<[u32; N], DamageReason> {
        words(self.body, self.order).ok_or(DamageReason::BlockTooShort {
            total_len: self.total_len,
            least: (BLOCK_OVERHEAD + 4 * N) as u32,
        })
    }
}

impl Interface {
    /// Reads an interface description block. Options that make no sense are passed over; a broken list of them just ends.
    ///
    /// Source: draft-ietf-opsawg-pcapng §4.2.
    fn read(block: &Block<'_>) -> Result<Self, DamageReason> {
        let [link, snaplen] = block.fields()?;
        let [link, _reserved] = halves(link, block.order);
        let (mut tsresol, mut tsoffset) = (None, None);
        for (code, value) in options(block.body.get(8..).unwrap_or_default(), block.order) {
            match code {
                IF_TSRESOL => tsresol = tsresol.or(value.first().copied()),
                IF_TSOFFSET => {
                    let offset = value.first_chunk().map(|bytes| match block.order {
                        Endianness::Big => i64::from_be_bytes(*bytes),
                        Endianness::Little => i64::from_le_bytes(*bytes),
                    });
                    tsoffset = tsoffset.or(offset);
                }
                _ => {}
            }
        }
        Ok(Self {
            link: LinkType(link),
            snaplen,
            clock: Clock::new(tsresol.unwrap_or(DEFAULT_TSRESOL), tsoffset.unwrap_or(0)),
        })
    }
}

/// The options in `bytes`, code and value, up to their end, declared or not.
fn options(mut bytes: &[u8], order: Endianness) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [head] = words(bytes, order)?;
        let [code, len] = halves(head, order);
        let len = usize::from(len);
        let value = bytes.get(4..4 + len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        (code != OPT_ENDOFOPT).then_some((code, value))
    })
}

/// A total length that a block may have.
fn believed_len(total_len: u32, limit: u32) -> Result<usize, DamageReason> {
    if total_len < BLOCK_OVERHEAD as u32 {
        return Err(DamageReason::BlockTooShort {
            total_len,
            least: BLOCK_OVERHEAD as u32,
        });
    }
    if total_len > limit {
        return Err(DamageReason::TooLong {
            claimed: total_len,
            limit,
        });
    }
    Ok(total_len as usize)
}

/// The byte order of a section, from its header's magic as it reads in `order`.
fn order_of_section(magic: u32, order: Endianness) -> Result<Endianness, DamageReason> {
    if magic == BYTE_ORDER_MAGIC {
        Ok(order)
    } else if magic.swap_bytes() == BYTE_ORDER_MAGIC {
        Ok(opposite(order))
    } else {
        Err(DamageReason::ByteOrderMagic {
            found: match order {
                Endianness::Big => magic,
                Endianness::Little => magic.swap_bytes(),
            },
        })
    }
}

fn opposite(order: Endianness) -> Endianness {
    match order {
        Endianness::Big => Endianness::Little,
        Endianness::Little => Endianness::Big,
    }
}

/// The two 16-bit fields that a word of the file consists of, in the file's order.
fn halves(word: u32, order: Endianness) -> [u16; 2] {
    let (high, low) = ((word >> 16) as u16, word as u16);
    match order {
        Endianness::Big => [high, low],
        Endianness::Little => [low, high],
    }
}
