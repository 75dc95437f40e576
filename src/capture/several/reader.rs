//! Takes records of several captures, always from the one whose next packet is the earliest.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::super::chunk::{CHUNK_LEN, Chunk};
use super::super::error::{CaptureError, SeveralError};
use super::super::pcap::PcapWalk;
use super::super::reader::SourceReader;
use super::super::summary::{CaptureSummary, Format, PartSummary};
use super::{Begun, MAX_OVERLAPPING, Part, Place, Plan, Several, named};
use crate::packet::{Record, Timestamp};

/// When the next packet of a capture is due: its time, and then the capture's place in the order of reading.
///
/// Where packets are not merged, all times are the same, so that captures follow each other.
type Due = (Timestamp, usize);

/// Reads several captures as one.
pub(in super::super) struct SeveralReader {
    parts: Vec<Box<dyn Part>>,
    plan: Plan,
    /// Those that are not read yet, in order.
    waiting: VecDeque<Waiting>,
    /// Those that are being read.
    open: BTreeMap<Due, Box<Open>>,
    /// What the first chunk begins with: the header of the pcap that all become.
    head: Vec<u8>,
    /// Packets in the chunks so far.
    packets: u64,
    summary: CaptureSummary,
    is_over: bool,
}

struct Waiting {
    rank: usize,
    place: Place,
    begun: Option<Begun>,
}

/// A capture that is being read.
struct Open {
    rank: usize,
    index: usize,
    reader: SourceReader,
    /// Whole records that were read ahead.
    chunk: Chunk,
    /// What of the chunk was handed on: records, and bytes.
    passed: (usize, usize),
    /// The time of its next packet; while it is not known, that of the last.
    time: Timestamp,
    span: Option<(Timestamp, Timestamp)>,
}

impl SeveralReader {
    pub(in super::super) fn new(several: Several) -> Self {
        let Several { parts, plan, begun } = several;
        let mut begun = begun.into_iter().peekable();
        let places = plan.order.iter().enumerate();
        let waiting = places.map(|(rank, &place)| Waiting {
            rank,
            place,
            begun: begun.next_if(|(at, _)| *at == rank).map(|(_, begun)| begun),
        });
        Self {
            parts,
            waiting: waiting.collect(),
            open: BTreeMap::new(),
            head: plan
                .pcap
                .as_ref()
                .map_or_else(Vec::new, |(head, _)| head.clone()),
            packets: 0,
            summary: CaptureSummary::new(plan.format, None),
            is_over: false,
            plan,
        }
    }

    pub(in super::super) fn pcap(&self) -> Option<&PcapWalk> {
        self.plan.pcap.as_ref().map(|(_, walk)| walk)
    }

    pub(in super::super) fn summary(&self) -> &CaptureSummary {
        &self.summary
    }

    /// As [`SourceReader::fill_as`]. A chunk that is read ahead is handed on as it is, where no other capture has packets between.
    pub(in super::super) fn fill_as(
        &mut self,
        chunk: &mut Chunk,
        is_patient: bool,
    ) -> Result<bool, CaptureError> {
        chunk.begin(&self.head, self.packets + 1);
        chunk.whole = std::mem::take(&mut self.head).len();
        if self.is_over {
            return Ok(false);
        }
        let filled = self.take_records(chunk, is_patient);
        if filled.is_err() {
            self.is_over = true;
            chunk.begin(&[], self.packets + 1);
        }
        filled?;
        chunk.first_packet = self.packets + 1;
        self.packets += chunk.records.len() as u64;
        if chunk.whole == 0 {
            self.finish();
        }
        Ok(chunk.whole > 0)
    }

    fn finish(&mut self) {
        self.is_over = true;
        let mut ranks = vec![0; self.parts.len()];
        for (rank, place) in self.plan.order.iter().enumerate() {
            if let Some(at) = ranks.get_mut(place.index) {
                *at = rank;
            }
        }
        let rank = |index: usize| ranks.get(index).copied().unwrap_or_default();
        self.summary.sort_parts(rank);
    }

    fn take_records(&mut self, chunk: &mut Chunk, is_patient: bool) -> Result<(), CaptureError> {
        loop {
            self.open_due()?;
            let Some((due, mut first)) = self.open.pop_first() else {
                return Ok(());
            };
            if first.is_spent() {
                // To read on may take time, or make the chunk one of two halves.
                if chunk.whole > 0 && !is_patient {
                    self.open.insert(due, first);
                    return Ok(());
                }
                if self.read_on(&mut first, is_patient)? {
                    self.open.insert(self.due(first.time, first.rank), first);
                } else {
                    self.close(*first)?;
                }
                continue;
            }
            let others = self.open.first_key_value().map(|(due, _)| *due);
            let others = others.into_iter().chain(self.next_due()).min();
            let merges = self.plan.pcap.is_some();
            let is_before = |record: &Record| {
                !merges || others.is_none_or(|others| (record.timestamp, first.rank) < others)
            };
            let count = first
                .records()
                .iter()
                .take_while(|record| is_before(record));
            let is_full = !first.pass(count.count(), chunk);
            self.open.insert(self.due(first.time, first.rank), first);
            if is_full {
                return Ok(());
            }
        }
    }

    fn due(&self, time: Timestamp, rank: usize) -> Due {
        match self.plan.pcap {
            Some(_) => (time, rank),
            None => (Timestamp::default(), rank),
        }
    }

    /// When the next capture has to be opened.
    fn next_due(&self) -> Option<Due> {
        let next = self.waiting.front()?;
        let last = Timestamp::from_ns(i64::MAX);
        Some(self.due(next.place.first.unwrap_or(last), next.rank))
    }

    /// Opens every capture whose first packet is due.
    fn open_due(&mut self) -> Result<(), CaptureError> {
        loop {
            let first = self.open.first_key_value().map(|(due, _)| *due);
            let Some(next) = self.next_due() else {
                return Ok(());
            };
            if first.is_some_and(|first| first < next) {
                return Ok(());
            }
            if let Some(waiting) = self.waiting.pop_front() {
                let open = self.open(waiting)?;
                self.open.insert(next, Box::new(open));
            }
        }
    }

    fn open(&mut self, waiting: Waiting) -> Result<Open, CaptureError> {
        let Waiting { rank, place, begun } = waiting;
        let index = place.index;
        let part = self.parts.get_mut(index);
        let Some(part) = part else {
            // Out of reach: places are those of parts.
            return Err(CaptureError::Empty);
        };
        if self.open.len() == MAX_OVERLAPPING {
            let (name, limit) = (part.name(), MAX_OVERLAPPING);
            return Err(SeveralError::Overlapping { name, limit }.into());
        }
        let Begun { reader, chunk } = match begun {
            Some(begun) => begun,
            None => {
                let source = part.open().map_err(SeveralError::Source)?;
                Begun::open(source, self.plan.options)
                    .map_err(|source| named(part.as_ref(), source))?
                    .0
            }
        };
        let mut open = Open {
            rank,
            index,
            reader,
            chunk,
            passed: (0, 0),
            time: place.first.unwrap_or_default(),
            span: None,
        };
        self.take_in(&mut open);
        Ok(open)
    }

    /// Reads a capture's next chunk, if there is one.
    fn read_on(&self, open: &mut Open, is_patient: bool) -> Result<bool, CaptureError> {
        let filled = open.reader.fill_as(&mut open.chunk, is_patient);
        let is_more = filled.map_err(|source| match self.parts.get(open.index) {
            Some(part) => named(part.as_ref(), source),
            None => source,
        })?;
        open.passed = (0, 0);
        self.take_in(open);
        Ok(is_more)
    }

    /// Learns the times in a new chunk, and makes its end one behind which another capture can stand.
    fn take_in(&self, open: &mut Open) {
        open.look_at_chunk();
        if self.plan.format == Format::Pcapng && !self.waiting.is_empty() {
            open.chunk.align();
        }
    }

    fn close(&mut self, open: Open) -> Result<(), CaptureError> {
        let Open {
            index,
            reader,
            span,
            ..
        } = open;
        let summary = reader.summary().clone();
        // The source first: what is behind it may want to be the last to have it.
        drop(reader);
        if let Some(part) = self.parts.get_mut(index) {
            part.close().map_err(SeveralError::Source)?;
        }
        self.summary.add_part(PartSummary {
            index,
            span,
            summary,
        });
        Ok(())
    }
}

impl Open {
    /// Whether all that was read of it was handed on.
    fn is_spent(&self) -> bool {
        self.passed.1 == self.chunk.whole
    }

    /// Records that were read and not handed on.
    fn records(&self) -> &[Record] {
        self.chunk.records.get(self.passed.0..).unwrap_or_default()
    }

    /// Learns the times in a new chunk.
    fn look_at_chunk(&mut self) {
        let times = || self.chunk.records.iter().map(|record| record.timestamp);
        if let Some(first) = times().next() {
            self.time = first;
            let (earliest, latest) = self.span.unwrap_or((first, first));
            self.span = Some((
                times().fold(earliest, Timestamp::min),
                times().fold(latest, Timestamp::max),
            ));
        }
    }

    /// Hands on so many records, or as many of them as there is room for, with what stands before them; behind the last record of the
    /// chunk also what stands there. Whether there was room for all.
    fn pass(&mut self, count: usize, chunk: &mut Chunk) -> bool {
        let (next, at) = self.passed;
        let all = self.records();
        let is_rest = count == all.len();
        if is_rest && at == 0 && chunk.whole == 0 {
            if let Some(last) = all.last() {
                self.time = last.timestamp;
            }
            std::mem::swap(chunk, &mut self.chunk);
            self.passed = (0, 0);
            return true;
        }
        let room = CHUNK_LEN.saturating_sub(chunk.whole);
        let whole = self.chunk.whole;
        let (taken, end) = if is_rest && (whole - at <= room || count == 0 && chunk.whole == 0) {
            (count, whole)
        } else {
            let passing = all.get(..count).unwrap_or_default();
            let fitting = passing.partition_point(|record| record.end as usize - at <= room);
            // One that is longer than a chunk has one of its own.
            let least = usize::from(chunk.whole == 0).min(count);
            let fitting = passing.get(..fitting.max(least)).unwrap_or_default();
            let end = fitting.last().map_or(at, |record| record.end as usize);
            (fitting.len(), end)
        };
        let after = all.get(taken).or(all.get(..taken).and_then(<[_]>::last));
        self.time = after.map_or(self.time, |record| record.timestamp);
        chunk.append(&self.chunk, at..end, next..next + taken);
        self.passed = (next + taken, end);
        taken == count && (!is_rest || end == whole)
    }
}

impl fmt::Debug for SeveralReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeveralReader")
            .field("summary", &self.summary)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}
