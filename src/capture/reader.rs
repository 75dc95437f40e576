//! Cuts a capture that comes from one source into chunks.

use std::fmt;
use std::io::Read;

use super::chunk::Chunk;
use super::compress::{DEFAULT_MAX_EXPANSION, Input, ReadError};
use super::error::{CaptureError, Damage, DamageReason};
use super::head::{MAGIC_LEN, format_of, not_a_capture, read_head, read_section_header};
use super::pcap::{FILE_HEADER_LEN, PcapWalk};
use super::pcapng::PcapngWalk;
use super::recover::{Found, PcapRecovery, PcapngRecovery, REACH, View};
use super::summary::{CaptureSummary, Format};
use super::walk::{Stop, Walked};
use crate::packet::Record;

/// How a capture is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether to go on behind damage, where sound records follow each other again. What is between is in no chunk, and stands in
    /// [`CaptureSummary::skipped`]. The file header or first section header has to be sound all the same, and what cannot be
    /// decompressed ends the reading.
    pub recover: bool,
    /// How many times larger than compressed it may become before it is refused, once that is more than 64 MiB.
    pub max_expansion: u32,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            recover: false,
            max_expansion: DEFAULT_MAX_EXPANSION,
        }
    }
}

/// Reads the capture of one source chunk by chunk; what [`CaptureReader`](super::CaptureReader) tells of its methods is true of these.
///
/// Holds less than one chunk of its own (or one first section header): the bytes of a record that the last chunk had no room for.
pub(super) struct SourceReader {
    input: Input,
    walk: Walk,
    summary: CaptureSummary,
    /// Bytes for the next chunk to begin with.
    carried: Vec<u8>,
    /// How many of them are whole: the header, before the first chunk.
    carried_whole: usize,
    /// Offset of the next chunk in the capture.
    offset: u64,
    /// Packets in the chunks so far.
    packets: u64,
    /// Whether to go on behind damage.
    recovers: bool,
    /// Whether the next sound record is being looked for.
    is_lost: bool,
    is_over: bool,
}

impl SourceReader {
    /// Opens a capture: tells compression and format by the first bytes, and reads the file header or the first section header.
    pub(super) fn open(
        source: Box<dyn Read + Send>,
        options: ReadOptions,
    ) -> Result<Self, CaptureError> {
        let mut input = Input::open(source, options.max_expansion)?;
        let mut head = Vec::new();
        read_head(&mut input, &mut head, MAGIC_LEN)?;
        let format = format_of(&head).ok_or_else(|| not_a_capture(&head))?;
        let mut summary = CaptureSummary::new(format, input.compression());
        let walk = match format {
            Format::Pcap => {
                read_head(&mut input, &mut head, FILE_HEADER_LEN)?;
                let walk = head.first_chunk().and_then(PcapWalk::from_header);
                let walk = walk.ok_or_else(|| not_a_capture(&head))?;
                summary.describe(walk.link(), walk.resolution());
                let recovery = options.recover.then(|| PcapRecovery::new(&walk));
                Walk::Pcap { walk, recovery }
            }
            Format::Pcapng => Walk::Pcapng {
                walk: read_section_header(&mut input, &mut head)?,
                recovery: options.recover.then(PcapngRecovery::default),
            },
        };
        summary.bytes = head.len() as u64;
        Ok(Self {
            input,
            walk,
            summary,
            carried_whole: head.len(),
            carried: head,
            offset: 0,
            packets: 0,
            recovers: options.recover,
            is_lost: false,
            is_over: false,
        })
    }

    /// Fills `chunk` with the next whole records; waits for a source that is behind until it is full if `is_patient`. `false`: the
    /// capture is over and nothing is in the chunk.
    pub(super) fn fill_as(
        &mut self,
        chunk: &mut Chunk,
        is_patient: bool,
    ) -> Result<bool, CaptureError> {
        loop {
            chunk.begin(&self.carried, self.packets + 1);
            chunk.whole = std::mem::take(&mut self.carried_whole);
            let mut filled = self.carried.len();
            self.carried.clear();
            if !self.is_over {
                filled = self.read_records(chunk, (filled, is_patient))?;
            }
            if !self.is_over {
                let rest = chunk.buffer.get(chunk.whole..filled);
                self.carried.extend_from_slice(rest.unwrap_or_default());
            }
            self.offset += chunk.whole as u64;
            self.packets += chunk.records.len() as u64;
            chunk.close_gaps();
            // A chunk may hold damage and nothing else.
            if chunk.whole > 0 || self.is_over {
                return Ok(chunk.whole > 0);
            }
        }
    }

    /// How records stand in a pcap; `None` of a pcapng.
    pub(super) fn pcap(&self) -> Option<&PcapWalk> {
        match &self.walk {
            Walk::Pcap { walk, .. } => Some(walk),
            Walk::Pcapng { .. } => None,
        }
    }

    /// Takes the file header or first section header out of the capture, before the first chunk is filled. Offsets stay what they are.
    pub(super) fn take_head(&mut self) -> Vec<u8> {
        self.offset += std::mem::take(&mut self.carried_whole) as u64;
        std::mem::take(&mut self.carried)
    }

    /// What is known of the capture so far.
    pub(super) fn summary(&self) -> &CaptureSummary {
        &self.summary
    }

    /// Reads into a chunk that holds `filled` bytes until it is full, the source is behind or at its end, or a record is damaged.
    /// Returns how many bytes the chunk then holds.
    fn read_records(
        &mut self,
        chunk: &mut Chunk,
        (mut filled, is_patient): (usize, bool),
    ) -> Result<usize, CaptureError> {
        let mut is_behind = false;
        while let Some(need) = self.walk_on(chunk, filled, false) {
            let is_full = filled == chunk.buffer.len();
            if chunk.whole > 0 && (is_full || is_behind) {
                break;
            }
            if is_full {
                chunk.grow(need);
            }
            let room = chunk.buffer.get_mut(filled..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => {
                    self.end(chunk, filled);
                    break;
                }
                Ok(len) => {
                    filled += len;
                    self.summary.bytes += len as u64;
                    is_behind = !is_patient && self.input.is_behind();
                }
                Err(ReadError::Damaged(reason)) => {
                    if self.recovers {
                        self.end(chunk, filled);
                    }
                    self.stop(chunk, reason);
                    break;
                }
                Err(ReadError::Refused(error)) => return Err(self.give_up(chunk, error)),
                Err(ReadError::Io(source)) => {
                    let offset = self.offset + filled as u64;
                    return Err(self.give_up(chunk, CaptureError::Io { offset, source }));
                }
            }
        }
        Ok(filled)
    }

    /// Leaves nothing in the chunk, and nothing to come.
    fn give_up(&mut self, chunk: &mut Chunk, error: CaptureError) -> CaptureError {
        self.is_over = true;
        chunk.begin(&[], self.packets + 1);
        error
    }

    /// Takes the whole records among the chunk's `filled` bytes, and says how many bytes the next one needs.
    /// `None`: it is damaged, and the capture over.
    fn walk_on(&mut self, chunk: &mut Chunk, filled: usize, at_end: bool) -> Option<usize> {
        loop {
            if self.is_lost
                && let Some(need) = self.find_the_way(chunk, filled, at_end)
            {
                return Some(need);
            }
            let bytes = chunk.buffer.get(..filled).unwrap_or_default();
            let view = View {
                bytes,
                base: self.offset,
                is_end: at_end,
            };
            let walked =
                self.walk
                    .advance((view, chunk.whole), &mut chunk.records, &mut self.summary);
            chunk.whole = walked.end;
            let have = filled - chunk.whole;
            let reason = match walked.stop {
                Stop::Need(need) if self.recovers && at_end && have > 0 => cut_short(need, have),
                Stop::Need(need) => return Some(need),
                Stop::Damaged(reason) => reason,
            };
            if !self.recovers {
                self.stop(chunk, reason);
                return None;
            }
            self.lose_the_way(chunk, reason);
        }
    }

    /// What stands where the last record ended is none.
    fn lose_the_way(&mut self, chunk: &mut Chunk, reason: DamageReason) {
        let offset = self.offset + chunk.whole as u64;
        self.summary.skipped.begin(offset, reason.clone());
        let damage = &mut self.summary.damage;
        damage.get_or_insert(Damage { offset, reason });
        self.is_lost = true;
        self.skip(chunk, chunk.whole + 1);
    }

    /// Passes over what is damaged. `None` once there is a sound record, else how many bytes it takes to go on.
    fn find_the_way(&mut self, chunk: &mut Chunk, filled: usize, at_end: bool) -> Option<usize> {
        let view = View {
            bytes: chunk.buffer.get(..filled).unwrap_or_default(),
            base: self.offset,
            is_end: at_end,
        };
        match self.walk.seek(view, chunk.whole) {
            Found::At(place) => {
                self.skip(chunk, place);
                self.is_lost = false;
                None
            }
            Found::NotBefore(_) if at_end => {
                self.skip(chunk, filled);
                Some(0)
            }
            Found::NotBefore(place) => {
                self.skip(chunk, place);
                Some(2 * REACH)
            }
            Found::Nowhere => Some(2 * REACH),
        }
    }

    fn skip(&mut self, chunk: &mut Chunk, place: usize) {
        if place > chunk.whole {
            let skipped = &mut self.summary.skipped;
            skipped.extend((place - chunk.whole) as u64);
            chunk.skip_to(place);
        }
    }

    /// The source is at its end: what is left is a cut record, or nothing.
    fn end(&mut self, chunk: &mut Chunk, filled: usize) {
        self.is_over = true;
        if let Some(need) = self.walk_on(chunk, filled, true)
            && filled > chunk.whole
        {
            self.stop(chunk, cut_short(need, filled - chunk.whole));
        }
    }

    fn stop(&mut self, chunk: &Chunk, reason: DamageReason) {
        self.is_over = true;
        let offset = self.offset + chunk.whole as u64;
        self.summary.damage = Some(Damage { offset, reason });
    }
}

fn cut_short(need: usize, have: usize) -> DamageReason {
    DamageReason::CutShort {
        need: need as u64,
        have: have as u64,
    }
}

impl fmt::Debug for SourceReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceReader")
            .field("summary", &self.summary)
            .field("offset", &self.offset)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

/// The format's own way from record to record.
enum Walk {
    Pcap {
        walk: PcapWalk,
        recovery: Option<PcapRecovery>,
    },
    Pcapng {
        walk: PcapngWalk,
        recovery: Option<PcapngRecovery>,
    },
}

impl Walk {
    /// Adds the whole records of the bytes from offset `start` on to `records`, and what they describe to `summary`.
    fn advance(
        &mut self,
        (view, start): (View<'_>, usize),
        records: &mut Vec<Record>,
        summary: &mut CaptureSummary,
    ) -> Walked {
        match self {
            Self::Pcap {
                walk,
                recovery: None,
            } => walk.advance(view.bytes, start, records),
            Self::Pcap {
                walk,
                recovery: Some(recovery),
            } => recovery.advance(walk, view, start, records),
            Self::Pcapng {
                walk,
                recovery: None,
            } => walk.advance(view.bytes, (start, view.is_end), records, summary),
            Self::Pcapng {
                walk,
                recovery: Some(recovery),
            } => recovery.advance(walk, (view, start), records, summary),
        }
    }

    /// The first place from `from` on where a sound record begins.
    fn seek(&mut self, view: View<'_>, from: usize) -> Found {
        match self {
            Self::Pcap {
                walk,
                recovery: Some(recovery),
            } => recovery.seek(walk, view, from),
            Self::Pcapng {
                walk,
                recovery: Some(recovery),
            } => recovery.seek(walk, view, from),
            _ => Found::Nowhere,
        }
    }
}
