//! The writer: puts the workers' answers back into capture order and writes what stays, straight from the chunks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

use crossbeam_channel::{Receiver, Sender};

use super::fates::NotedQuote;
use super::quotes::{self, Quotes};
use super::worker::{Assignment, Part};
use super::{Finals, Idle, Message, Outputs, Packets, PipelineError, Ran, Sink};
use crate::capture::Chunk;
use crate::engine::Ended;
use crate::flow::FlowSummary;
use crate::key::SHARDS;
use crate::stats::{AtomicCounters, PacketCounts};

pub(super) struct Writer<'a, 's> {
    packets: Packets<'a>,
    sink: &'s mut dyn Sink,
    idle: Sender<Idle>,
    counters: &'s AtomicCounters,
    /// Sequence number of the first chunk in `open`.
    next: u64,
    /// Chunks that were read and are not written yet, in order.
    open: VecDeque<Open>,
    drops: Vec<u32>,
    quotes: Quotes,
}

/// A chunk on its way through the workers.
#[derive(Default)]
struct Open {
    chunk: Option<Arc<Chunk>>,
    missing: usize,
    parts: Vec<Part>,
    /// Lists of workers that have no packet of it.
    unused: Vec<Assignment>,
}

impl<'a, 's> Writer<'a, 's> {
    pub(super) fn new(
        packets: Packets<'a>,
        sink: &'s mut dyn Sink,
        idle: Sender<Idle>,
        counters: &'s AtomicCounters,
    ) -> Self {
        Self {
            packets,
            sink,
            idle,
            counters,
            next: 0,
            open: VecDeque::new(),
            drops: Vec::new(),
            quotes: Quotes::default(),
        }
    }

    /// Writes every chunk until the reader has come to its end.
    pub(super) fn write(&mut self, results: &Receiver<Message>) -> Result<Ran, PipelineError> {
        let mut end = None;
        for message in results {
            match message {
                Message::Chunk {
                    sequence,
                    chunk,
                    parts,
                    unused,
                } => {
                    let open = self.at(sequence);
                    open.chunk = Some(chunk);
                    open.unused = unused;
                    // Parts may have overtaken their chunk's announcement.
                    open.missing = parts - open.parts.len();
                }
                Message::Part(part) => {
                    let open = self.at(part.sequence);
                    open.missing = open.missing.saturating_sub(1);
                    open.parts.push(*part);
                }
                Message::End { outcome, ran } => {
                    outcome?;
                    end = Some(*ran);
                }
                Message::Died { name, packet } => return Err(PipelineError::Died { name, packet }),
            }
            while self
                .open
                .front()
                .is_some_and(|open| open.chunk.is_some() && open.missing == 0)
            {
                let Some(open) = self.open.pop_front() else {
                    break;
                };
                self.next += 1;
                self.emit(open)?;
            }
            if let Some(end) = end.take_if(|_| self.open.is_empty()) {
                return Ok(end);
            }
        }
        // Every thread is gone and none has said why: they report even their own death, so this is out of reach.
        Err(PipelineError::Died {
            name: "reader".to_owned(),
            packet: 0,
        })
    }

    fn at(&mut self, sequence: u64) -> &mut Open {
        let place = sequence.saturating_sub(self.next) as usize;
        while self.open.len() <= place {
            self.open.push_back(Open::default());
        }
        &mut self.open[place]
    }

    /// Writes a chunk whose every packet was judged, tells what came of it, and gives the chunk back.
    fn emit(&mut self, open: Open) -> Result<(), PipelineError> {
        let Open {
            chunk,
            parts,
            unused: mut spent,
            ..
        } = open;
        let Some(chunk) = chunk else { return Ok(()) };
        self.write_packets(&chunk, &parts)?;
        let mut ended = Vec::with_capacity(parts.len());
        let mut blocked = Vec::new();
        for part in parts {
            drop(part.chunk);
            spent.push(part.spent);
            ended.push(part.ended.into_iter());
            blocked.extend(part.blocked);
        }
        // Each packet is judged by one worker: sorting by packet puts all in one order, and keeps each worker's own.
        blocked.sort_by_key(|news| news.packet);
        blocked.iter().for_each(|news| self.sink.blocked(news));
        while let Some(ended) = next_in_order(&mut ended) {
            self.tell(ended.flow)?;
        }
        if let Some(chunk) = Arc::into_inner(chunk) {
            // The reader may have come to its end.
            let _ = self.idle.send(Idle { chunk, spent });
        }
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

    /// Tells a flow that has ended.
    fn tell(&mut self, flow: FlowSummary) -> Result<(), PipelineError> {
        if let Packets::Note(fates) = &mut self.packets
            && flow.rule.is_some()
        {
            fates.block(flow.first_packet);
            self.counters.add(&PacketCounts {
                dropped: flow.dropped_packets,
                dropped_bytes: flow.dropped_bytes,
                ..PacketCounts::default()
            });
        }
        match self.quotes.ended(flow) {
            Some(flow) => self.sink.flow(flow).map_err(PipelineError::Flows),
            None => Ok(()),
        }
    }

    /// Tells the flows that were still open, shard by shard, then those that share others' verdicts. Returns how many dropped packets
    /// stand in no flow's figures.
    pub(super) fn finish(&mut self, finals: &[Finals]) -> Result<u64, PipelineError> {
        for shard in 0..SHARDS {
            let worker = shard % finals.len();
            let Ok(flows) = finals[worker].recv() else {
                return Err(PipelineError::Died {
                    name: format!("worker-{worker}"),
                    packet: 0,
                });
            };
            for flow in flows {
                self.tell(flow)?;
            }
        }
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
        for flow in self.quotes.finish() {
            self.sink.flow(flow).map_err(PipelineError::Flows)?;
        }
        Ok(self.quotes.untold())
    }
}

/// The flow that ended first of those that are left; each list is in order.
fn next_in_order(lists: &mut [vec::IntoIter<Ended>]) -> Option<Ended> {
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
        let bytes = chunk.bytes();
        if let Some(forwarded) = &mut self.forwarded {
            let mut from = 0;
            for record in drops
                .iter()
                .filter_map(|&index| records.get(index as usize))
            {
                forwarded
                    .write_all(&bytes[from..record.start as usize])
                    .map_err(PipelineError::Output)?;
                from = record.end as usize;
            }
            forwarded
                .write_all(&bytes[from..])
                .map_err(PipelineError::Output)?;
        }
        if let Some(dropped) = &mut self.dropped {
            let mut from = 0;
            let mut drops = drops.iter().peekable();
            for (index, record) in (0u32..).zip(records) {
                if drops.next_if(|&&drop| drop == index).is_none() {
                    dropped
                        .write_all(&bytes[from..record.start as usize])
                        .map_err(PipelineError::Dropped)?;
                    from = record.end as usize;
                }
            }
            dropped
                .write_all(&bytes[from..])
                .map_err(PipelineError::Dropped)?;
        }
        Ok(())
    }
}
