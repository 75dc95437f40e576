//! The writer: puts the workers' answers back into capture order and writes what stays, straight from the chunks.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::vec;

use crossbeam_channel::{Receiver, Sender};
use smallvec::SmallVec;

use super::fates::NotedQuote;
use super::left::Left;
use super::lookups::Lookups;
use super::quotes::{self, Quotes};
use super::shared::SharedChunk;
use super::worker::{Assignment, Part};
use super::{Idle, Message, Outputs, Packets, PipelineError, Ran, Sink};
use crate::capture::Chunk;
use crate::engine::{Ended, Policy, Spare};
use crate::flow::{Findings, FlowSummary};
use crate::key::SHARDS;
use crate::packet::{IpProtocol, Record};
use crate::stats::{AtomicCounters, PacketCounts};

/// Flows that are told together.
pub(super) const TOLD_TOGETHER: usize = 64;
/// Flows of one chunk whose findings' memory is used again: nearly as many as have some of those that begin in one of small packets.
const MAX_SPARE: usize = 1024;
/// Runs of bytes that are given to the system together: as many as Linux takes.
const RUNS_AT_ONCE: usize = 1024;

pub(super) struct Writer<'a, 's> {
    packets: Packets<'a>,
    sink: &'s mut dyn Sink,
    idle: Sender<Idle>,
    counters: &'s AtomicCounters,
    /// Sequence number of the first chunk in `open`.
    next: u64,
    /// Chunks that were read and are not written yet, in order.
    open: VecDeque<Option<SharedChunk>>,
    drops: Vec<u32>,
    /// Flows to be told.
    told: Vec<FlowSummary>,
    /// What was found in those that were told, emptied, to go back to the workers with the chunk.
    spare: Spare,
    quotes: Quotes,
    /// Lookups that share verdicts, where they are to.
    lookups: Option<Lookups>,
    /// What the reader told last, and how many chunks there were.
    end: Option<(u64, Ran)>,
}

impl<'a, 's> Writer<'a, 's> {
    pub(super) fn new(
        packets: Packets<'a>,
        sink: &'s mut dyn Sink,
        idle: Sender<Idle>,
        counters: &'s AtomicCounters,
        policy: &Policy,
    ) -> Self {
        Self {
            packets,
            sink,
            idle,
            counters,
            next: 0,
            open: VecDeque::new(),
            drops: Vec::new(),
            told: Vec::new(),
            spare: Spare::new(),
            quotes: Quotes::default(),
            lookups: policy.with_dns.then(Lookups::default),
            end: None,
        }
    }

    /// Flows that could not be held for that.
    pub(super) fn untold_lookups(&self) -> u64 {
        self.lookups.as_ref().map_or(0, Lookups::untold)
    }

    /// Writes every chunk until the reader has come to its end. `progress` is the first packet of the chunk it is at.
    pub(super) fn write(
        &mut self,
        results: &Receiver<Message>,
        progress: &mut u64,
    ) -> Result<Ran, PipelineError> {
        for message in results {
            if let Some(ran) = self.hear(message, progress)? {
                return Ok(ran);
            }
        }
        // Every thread is gone and none has said why: they report even their own death, so this is out of reach.
        Err(PipelineError::Died {
            name: "reader".to_owned(),
            packet: 0,
        })
    }

    /// Takes a message in and writes what it completes. What the run was, when that was the last.
    pub(super) fn hear(
        &mut self,
        message: Message,
        progress: &mut u64,
    ) -> Result<Option<Ran>, PipelineError> {
        match message {
            Message::Chunk(shared) => {
                let place = shared.sequence.saturating_sub(self.next) as usize;
                if self.open.len() <= place {
                    self.open.resize_with(place + 1, || None);
                }
                self.open[place] = Some(shared);
            }
            Message::End {
                outcome,
                chunks,
                ran,
            } => {
                outcome?;
                self.end = Some((chunks, *ran));
            }
            Message::Died(died) => return Err(died),
        }
        while let Some(Some(shared)) = self.open.pop_front_if(|shared| shared.is_some()) {
            self.next += 1;
            *progress = shared.chunk.first_packet();
            self.emit(shared)?;
        }
        let ended = self.end.take_if(|(chunks, _)| *chunks == self.next);
        Ok(ended.map(|(_, ran)| ran))
    }

    /// Writes a chunk whose every packet was judged, tells what came of it, and gives the chunk back.
    fn emit(&mut self, shared: SharedChunk) -> Result<(), PipelineError> {
        let (chunk, parts, mut spent) = shared.open();
        self.write_packets(&chunk, &parts)?;
        let (mut ended, mut judged) = (Vec::with_capacity(parts.len()), Vec::new());
        for part in parts {
            let spent = Assignment {
                drops: part.drops,
                ..part.spent
            };
            ended.push((part.turnover, spent));
            judged.extend(part.judged);
        }
        // Each packet is judged by one worker: sorting by packet puts all in one order, and keeps each worker's own.
        judged.sort_by_key(|news| news.packet);
        judged.iter().for_each(|news| self.sink.judged(news));
        let lists = ended
            .iter_mut()
            .map(|(turnover, _)| turnover.ended.drain(..));
        let mut lists: Vec<_> = lists.collect();
        self.tell(std::iter::from_fn(|| {
            next_in_order(&mut lists).map(|ended| ended.flow)
        }))?;
        drop(lists);
        for (turnover, _) in &mut ended {
            self.spare.append(&mut turnover.spare);
        }
        self.spare.truncate(MAX_SPARE);
        let each = self.spare.len().div_ceil(ended.len().max(1));
        for (mut turnover, assignment) in ended {
            let left = self.spare.len().saturating_sub(each);
            turnover.spare.extend(self.spare.drain(left..));
            spent.push(Assignment {
                turnover,
                ..assignment
            });
        }
        // The reader may have come to its end.
        let _ = self.idle.send(Idle { chunk, spent });
        Ok(())
    }

    fn write_packets(&mut self, chunk: &Chunk, parts: &[Part]) -> Result<(), PipelineError> {
        let origlen = |index: u32| {
            let record = chunk.records().get(index as usize);
            record.map_or(0, |record| record.origlen)
        };
        let quotes = quotes::of_chunk(parts);
        match &mut self.packets {
            Packets::Note(fates) => {
                for quote in &quotes {
                    self.quotes.note(quote);
                    let noted = NotedQuote {
                        packet: chunk.first_packet() + u64::from(quote.index),
                        flow: quote.flow,
                        quoted: quote.quoted.flow,
                        origlen: origlen(quote.index),
                    };
                    fates.note_quote(noted).map_err(PipelineError::Notes)?;
                }
                let flows = parts.iter().flat_map(|part| part.flows.iter().copied());
                fates
                    .note(chunk.records().len(), flows)
                    .map_err(PipelineError::Notes)
            }
            Packets::Write(_) | Packets::NoteJudged(_) => {
                self.drops.clear();
                parts
                    .iter()
                    .for_each(|part| self.drops.extend_from_slice(&part.drops));
                self.drops.sort_unstable();
                for quote in &quotes {
                    if let Some(rule) = quote.quoted.rule
                        && let Err(place) = self.drops.binary_search(&quote.index)
                    {
                        self.drops.insert(place, quote.index);
                        self.quotes.dropped(quote.flow, rule, origlen(quote.index));
                    }
                }
                let bytes = self.drops.iter().map(|&index| u64::from(origlen(index)));
                self.counters.add(&PacketCounts {
                    dropped: self.drops.len() as u64,
                    dropped_bytes: bytes.sum(),
                    ..PacketCounts::default()
                });
                match &mut self.packets {
                    Packets::Write(outputs) => outputs.write(chunk, &self.drops),
                    Packets::Note(fates) | Packets::NoteJudged(fates) => {
                        let flows = parts.iter().flat_map(|part| part.flows.iter().copied());
                        fates
                            .note_judged(chunk.records().len(), flows, &self.drops)
                            .map_err(PipelineError::Notes)
                    }
                }
            }
        }
    }

    /// Tells flows that have ended, in order, but for those whose verdict is still open.
    fn tell(&mut self, flows: impl Iterator<Item = FlowSummary>) -> Result<(), PipelineError> {
        for flow in flows {
            if self.is_all_final() {
                self.told.push(flow);
            } else {
                let flow = match &mut self.lookups {
                    None => Some(flow),
                    Some(lookups) => lookups.take(flow),
                };
                let flow = flow.and_then(|flow| self.settle(flow));
                self.told.extend(flow);
            }
            self.flush_if_many()?;
        }
        self.flush()
    }

    /// The same for flows that are left at the end; if nothing else is to be done with them, where they stand.
    fn tell_left(&mut self, flows: &mut Vec<FlowSummary>) -> Result<(), PipelineError> {
        if !self.is_all_final() {
            return self.tell(flows.drain(..));
        }
        let mut together = flows.chunks(TOLD_TOGETHER);
        together
            .try_for_each(|flows| self.sink.flows(flows))
            .map_err(PipelineError::Flows)
    }

    /// Whether flows are told as they come: their verdicts are not noted, and nobody shares them.
    fn is_all_final(&self) -> bool {
        self.lookups.is_none()
            && self.quotes.is_empty()
            && !matches!(self.packets, Packets::Note(_))
    }

    fn flush_if_many(&mut self) -> Result<(), PipelineError> {
        if self.told.len() < TOLD_TOGETHER {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), PipelineError> {
        let told = self.sink.flows(&self.told);
        for flow in self.told.drain(..) {
            if self.spare.len() < MAX_SPARE
                && let Some(mut findings) = flow.findings
            {
                *findings = Findings::default();
                self.spare.push(findings);
            }
        }
        told.map_err(PipelineError::Flows)
    }

    /// Takes in a flow whose verdict is final, and gives it back unless those of others change it.
    fn settle(&mut self, flow: FlowSummary) -> Option<FlowSummary> {
        if let Packets::Note(fates) = &mut self.packets
            && flow.rule.is_some()
        {
            fates.block(flow.first_packet);
            let (dropped, dropped_bytes) = flow.ruled();
            self.counters.add(&PacketCounts {
                dropped,
                dropped_bytes,
                ..PacketCounts::default()
            });
        }
        if let Packets::Note(fates) = &mut self.packets
            && flow.allowed.is_some()
            && matches!(flow.key.protocol(), IpProtocol::ICMP | IpProtocol::ICMP6)
        {
            fates.spare(flow.first_packet);
        }
        self.quotes.ended(flow)
    }

    /// Tells the flows that were still open, shard by shard, then those that share others' verdicts. Returns what the run was, with how
    /// many dropped packets stand in no flow's figures.
    pub(super) fn finish(&mut self, ran: Ran, left: &mut [Left]) -> Result<Ran, PipelineError> {
        let workers = left.len();
        for shard in 0..SHARDS {
            left[shard % workers].tell_shard(|flows| self.tell_left(flows))?;
        }
        let held = self.lookups.as_mut().map(Lookups::finish);
        for flow in held.into_iter().flatten() {
            let flow = self.settle(flow);
            self.told.extend(flow);
            self.flush_if_many()?;
        }
        self.flush()?;
        if let Packets::Note(fates) = &mut self.packets {
            let (mut dropped, mut dropped_bytes) = (0, 0);
            let quotes = &mut self.quotes;
            let told = fates.condemned_quotes(|quote| {
                dropped += 1;
                dropped_bytes += u64::from(quote.origlen);
                quotes.condemned(quote.flow, quote.quoted, quote.origlen);
            });
            told.map_err(PipelineError::Notes)?;
            self.counters.add(&PacketCounts {
                dropped,
                dropped_bytes,
                ..PacketCounts::default()
            });
        }
        let held = self.quotes.finish();
        self.sink.flows(&held).map_err(PipelineError::Flows)?;
        Ok(Ran {
            untold_drops: self.quotes.untold(),
            ..ran
        })
    }
}

/// The flow that ended first of those that are left; each list is in order.
fn next_in_order(lists: &mut [vec::Drain<'_, Ended>]) -> Option<Ended> {
    let firsts = lists
        .iter_mut()
        .filter_map(|list| Some((list.as_slice().first()?.at, list)));
    firsts.min_by_key(|(at, _)| *at)?.1.next()
}

impl Outputs<'_> {
    /// Writes a chunk: to one side all but the dropped records, to the other all but the kept ones.
    ///
    /// What is no packet (headers, interface descriptions, comments) goes to both, so that both are whole captures.
    pub(super) fn write(&mut self, chunk: &Chunk, drops: &[u32]) -> Result<(), PipelineError> {
        let records = chunk.records();
        let dropped_records = drops
            .iter()
            .filter_map(|&index| records.get(index as usize));
        if let Some(forwarded) = &mut self.forwarded {
            let runs = runs_without(dropped_records, chunk.bytes());
            write_runs(*forwarded, runs).map_err(PipelineError::Output)?;
        }
        if let Some(dropped) = &mut self.dropped {
            let mut drops = drops.iter().peekable();
            let kept = (0u32..).zip(records);
            let kept = kept.filter(|(index, _)| drops.next_if(|&&drop| drop == *index).is_none());
            let runs = runs_without(kept.map(|(_, record)| record), chunk.bytes());
            write_runs(*dropped, runs).map_err(PipelineError::Dropped)?;
        }
        Ok(())
    }
}

/// What remains of a chunk's bytes without these records, which are in order.
fn runs_without<'a>(
    records: impl Iterator<Item = &'a Record>,
    bytes: &'a [u8],
) -> impl Iterator<Item = IoSlice<'a>> {
    let mut from = 0;
    let records = records.map(|record| (record.start as usize, record.end as usize));
    records
        .chain([(bytes.len(), bytes.len())])
        .filter_map(move |(start, end)| {
            let run = bytes.get(std::mem::replace(&mut from, end)..start)?;
            (!run.is_empty()).then(|| IoSlice::new(run))
        })
}

/// Writes all runs, as many at once as the system takes: they are short where much is dropped.
fn write_runs<'a>(
    out: &mut dyn Write,
    mut runs: impl Iterator<Item = IoSlice<'a>>,
) -> io::Result<()> {
    // Not on the heap, which is put in order whenever it is asked for a long list.
    let mut some = SmallVec::<[IoSlice<'_>; RUNS_AT_ONCE]>::new();
    loop {
        some.clear();
        some.extend(runs.by_ref().take(RUNS_AT_ONCE));
        if some.is_empty() {
            return Ok(());
        }
        write_all(out, &mut some)?;
    }
}

fn write_all(out: &mut dyn Write, mut left: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !left.is_empty() {
        match out.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::super::tests::{Nobody, policy};
    use super::*;
    use crate::stats::flows::tests::sample_flow;

    #[test]
    fn what_was_found_in_flows_is_kept_to_be_used_again_up_to_a_bound_and_empty() {
        let (idle, _idle) = bounded(1);
        let counters = AtomicCounters::default();
        let packets = Packets::Write(Outputs::default());
        let mut nobody = Nobody;
        let mut writer = Writer::new(packets, &mut nobody, idle, &counters, &policy());
        let flow = |number| {
            let ends = ("192.168.1.2:50000", "140.82.112.21:443");
            sample_flow(number, IpProtocol::TCP, ends, &["a.example"])
        };
        for (flows, kept) in [
            (TOLD_TOGETHER as u64 + 1, TOLD_TOGETHER + 1),
            (2000, MAX_SPARE),
        ] {
            writer.tell((0..flows).map(flow)).unwrap();
            assert_eq!(writer.spare.len(), kept);
        }
        assert!(
            writer
                .spare
                .iter()
                .all(|spare| **spare == Findings::default())
        );
    }
}
