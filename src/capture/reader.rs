//! Cuts a capture into chunks.

use std::fmt;
use std::io::Read;

use super::annotate::Annotator;
use super::chunk::Chunk;
use super::compress::{DEFAULT_MAX_EXPANSION, Input, ReadError};
use super::error::{CaptureError, Damage, DamageReason};
use super::pcap::{self, FILE_HEADER_LEN, PcapWalk};
use super::pcapng::{self, PcapngWalk};
use super::recover::{Found, PcapRecovery, PcapngRecovery, REACH, View};
use super::sections::Sections;
use super::summary::{CaptureSummary, Format};
use super::walk::{Stop, Walked};
use crate::packet::Record;

/// Bytes that tell the format.
const MAGIC_LEN: usize = 4;

/// Bytes of a first section header that are read at once, however long it says it is.
const HEAD_STEP: usize = 64 * 1024;

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

/// Reads a capture chunk by chunk.
///
/// Holds less than one chunk of its own (or one first section header): the bytes of a record that the last chunk had no room for.
pub struct CaptureReader {
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

impl CaptureReader {
    /// Opens a capture: tells compression and format by the first bytes, and reads the file header or the first section header.
    ///
    /// Reads with large buffers of its own; `source` needs none.
    ///
    /// # Errors
    /// All but [`CaptureError::Io`] say that `source` is no capture that can be read.
    pub fn open(source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Self::open_with(source, ReadOptions::default())
    }

    /// As [`Self::open`], in the way that `options` say.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        source: impl Read + Send + 'static,
        options: ReadOptions,
    ) -> Result<Self, CaptureError> {
        let mut input = Input::open(Box::new(source), options.max_expansion)?;
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

    /// Fills `chunk` with the next whole records. `false`: the capture is over and nothing is in the chunk.
    ///
    /// * A source that delivers fills the chunk. One that is behind (a read came back short, as from a pipe) is not waited
    ///   for as soon as there is one whole record.
    /// * Damage is no error: what stands before it is delivered, then the capture is over; see [`CaptureSummary::damage`].
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the source fails, [`CaptureError::Expansion`] and [`CaptureError::Window`] when decompressing
    /// it would take too much. Nothing is in the chunk then, and the capture is over.
    pub fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, CaptureError> {
        self.fill_as(chunk, false)
    }

    /// As [`Self::fill`], but waits for a source that is behind until the chunk is full.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn fill_up(&mut self, chunk: &mut Chunk) -> Result<bool, CaptureError> {
        self.fill_as(chunk, true)
    }

    fn fill_as(&mut self, chunk: &mut Chunk, is_patient: bool) -> Result<bool, CaptureError> {
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

    /// What writes this capture again as a pcapng with comments, chunk by chunk from the first on.
    ///
    /// * `tool`: what wrote it; said where the capture has no section of its own.
    /// * `comment`: said of each section.
    pub fn annotator(&self, tool: &str, comment: &str) -> Annotator {
        let pcap = match &self.walk {
            Walk::Pcap { walk, .. } => Some(walk.clone()),
            Walk::Pcapng { .. } => None,
        };
        Annotator::new(pcap, tool, comment)
    }

    /// What tells this capture's sections, chunk by chunk from the first on.
    pub const fn sections(&self) -> Sections {
        Sections::new(matches!(self.walk, Walk::Pcap { .. }))
    }

    /// What is known of the capture so far.
    pub fn summary(&self) -> &CaptureSummary {
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

impl fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureReader")
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

/// The format of a capture that begins with `head`, four bytes or all there are.
fn format_of(head: &[u8]) -> Option<Format> {
    let magic = head.get(..MAGIC_LEN).unwrap_or(head);
    if pcap::could_begin_with(magic) {
        Some(Format::Pcap)
    } else if pcapng::could_begin_with(magic) {
        Some(Format::Pcapng)
    } else {
        None
    }
}

/// Whether a capture file begins with `bytes`, without a doubt.
///
/// * Compressed ones are not told. Of pcapng's first section header the byte order has to be there as well: what stands before
///   it may be four line ends.
pub fn is_capture(bytes: &[u8]) -> bool {
    let is_whole = bytes.len() >= MAGIC_LEN;
    match format_of(bytes).filter(|_| is_whole) {
        Some(Format::Pcap) => true,
        Some(Format::Pcapng) => pcapng::has_byte_order(bytes),
        None => false,
    }
}

fn not_a_capture(head: &[u8]) -> CaptureError {
    let found = head.get(..MAGIC_LEN).unwrap_or(head).to_vec();
    CaptureError::NotACapture { found }
}

/// Reads until `head` is `len` bytes long, and not one more. Takes memory only as bytes arrive.
fn read_head(input: &mut Input, head: &mut Vec<u8>, len: usize) -> Result<(), CaptureError> {
    while head.len() < len {
        let have = head.len();
        head.resize(len.min(have + HEAD_STEP), 0);
        let read = input.read(head.get_mut(have..).unwrap_or_default());
        head.truncate(have + read.as_ref().map_or(0, |read| *read));
        let reason = match read {
            Ok(0) if head.is_empty() => return Err(CaptureError::Empty),
            Ok(0) if format_of(head).is_none() => return Err(not_a_capture(head)),
            Ok(0) => DamageReason::CutShort {
                need: len as u64,
                have: have as u64,
            },
            Ok(_) => continue,
            Err(ReadError::Damaged(reason)) => reason,
            Err(ReadError::Refused(error)) => return Err(error),
            Err(ReadError::Io(source)) => {
                let offset = have as u64;
                return Err(CaptureError::Io { offset, source });
            }
        };
        return Err(CaptureError::Header(Damage { offset: 0, reason }));
    }
    Ok(())
}

/// Reads the rest of a pcapng's first section header.
fn read_section_header(input: &mut Input, head: &mut Vec<u8>) -> Result<PcapngWalk, CaptureError> {
    let mut walk = PcapngWalk::new();
    loop {
        match walk.section_header(head) {
            Ok(()) => return Ok(walk),
            Err(Stop::Need(need)) => read_head(input, head, need)?,
            Err(Stop::Damaged(reason)) => {
                return Err(CaptureError::Header(Damage { offset: 0, reason }));
            }
        }
    }
}
