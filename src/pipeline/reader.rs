//! The reader: fills chunks, decodes each packet once, puts fragmented datagrams together, and hands every worker the list of its own.
//!
//! A fragment alone has no flow. A chunk that holds one is kept back, with all that follow it, until the rest of its datagram has come
//! or will not come any more; then the datagram is told with the first of its packets, and they all share its flow.
//!
//! What name servers answer is read here, where all packets pass in order, and goes to the workers with the packets that may begin a flow:
//! so whichever worker a flow falls to, it knows the same.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::held::Held;
use super::namings::Namings;
use super::shared::SharedChunk;
use super::tally::Tally;
use super::worker::Batch;
use super::{Idle, Message, Ran};
use crate::capture::{CHUNK_LEN, CaptureError, CaptureReader};
use crate::engine::Policy;
use crate::fragments::{Assembled, Fragments, Moment};
use crate::key::FiveTuple;
use crate::packet::{IpProtocol, Record, Timestamp};
use crate::passive_dns::Told;
use crate::stats::{AtomicCounters, PacketCounts, Undecoded};
use crate::wire::{self, Net, PacketView, Payload};

/// Answers of name servers that room is kept for: as many as a chunk of small ones holds.
const MAX_KEPT_TOLD: usize = 4096;

pub(super) struct Reader {
    capture: CaptureReader,
    /// Chunks that nobody uses.
    idle: Receiver<Idle>,
    /// Chunks taken from `idle` and not used yet.
    spare: Vec<Idle>,
    /// Chunks that there are, wherever.
    chunks: usize,
    workers: Vec<Sender<Batch>>,
    counters: Arc<AtomicCounters>,
    span: Option<(Timestamp, Timestamp)>,
    /// Number of the chunk that is decoded next.
    sequence: u64,
    /// Bytes of the capture in the chunks before the one that is being decoded.
    position: u64,
    fragments: Fragments<Member>,
    /// Chunks that were decoded and not handed out, in order: the first holds a fragment whose datagram is not known yet.
    held: VecDeque<Held>,
    undecoded: Undecoded,
    namings: Namings,
    /// Whether the packets around others are wanted: only rules ask for them.
    tells_outer: bool,
    /// Used again for every packet in a tunnel.
    outer: Vec<FiveTuple>,
    /// Room for what clients are told, to be used again.
    told: Vec<(u32, Told)>,
}

/// A packet whose chunk is held: the chunk, and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    sequence: u64,
    index: u32,
}

/// A fragment that was just decoded.
struct Part {
    index: u32,
    view: PacketView,
    seen: Moment,
}

impl Reader {
    pub(super) fn new(
        capture: CaptureReader,
        idle: Receiver<Idle>,
        workers: Vec<Sender<Batch>>,
        counters: Arc<AtomicCounters>,
        policy: &Policy,
    ) -> Self {
        Self {
            capture,
            idle,
            spare: Vec::new(),
            chunks: super::CHUNKS,
            workers,
            counters,
            span: None,
            sequence: 0,
            position: 0,
            fragments: Fragments::default(),
            held: VecDeque::new(),
            undecoded: Undecoded::default(),
            namings: Namings::new(policy.max_flows),
            tells_outer: !policy.rules.is_empty(),
            outer: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Reads to the end of the capture, or until nobody listens any more.
    pub(super) fn read(mut self, results: &Sender<Message>, progress: &mut u64) {
        let outcome = loop {
            match self.read_on(results, progress) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // When the writer has given up, nobody wants to know.
        let _ = results.send(self.end(outcome));
    }

    /// What is told last: how it went, and what there was.
    pub(super) fn end(self, outcome: Result<(), CaptureError>) -> Message {
        let ran = Box::new(Ran {
            // Workers and the writer still count.
            counts: PacketCounts::default(),
            capture: self.capture.summary().clone(),
            span: self.span,
            undecoded: self.undecoded,
            fragments: self.fragments.counts(),
            untold_drops: 0,
            untold_lookups: 0,
            forgotten_answers: self.namings.forgotten(),
        });
        Message::End {
            outcome,
            chunks: self.sequence,
            ran,
        }
    }

    /// Reads one chunk, and hands out what waits for nothing any more. Whether there may be another one: not at the end of the capture,
    /// nor when nobody listens any more.
    pub(super) fn read_on(
        &mut self,
        results: &Sender<Message>,
        progress: &mut u64,
    ) -> Result<bool, CaptureError> {
        let Some(mut idle) = self.next_idle() else {
            return Ok(false);
        };
        // While chunks are held, each has to be full: their number is bounded, and so must the bytes be that fit in.
        let is_more = if self.held.is_empty() {
            self.capture.fill(&mut idle.chunk)?
        } else {
            self.capture.fill_up(&mut idle.chunk)?
        };
        if !is_more {
            self.give_up_waiting();
            // It does not matter any more whether anybody is there.
            let _ = self.hand_out(results);
            return Ok(false);
        }
        if idle.chunk.bytes().len() > 2 * CHUNK_LEN && !self.wait_for_all_others() {
            return Ok(false);
        }
        self.take_in(idle, progress);
        if self.held.len() + 2 > super::MAX_CHUNKS {
            // Out of reach, for waiting is bounded in bytes; but were it not, nobody would ever go on.
            self.give_up_waiting();
        }
        Ok(self.hand_out(results).is_some())
    }

    /// A chunk that nobody uses. While some are held, there are more of them, and afterwards no more than before. `None` when nobody is
    /// there any more.
    fn next_idle(&mut self) -> Option<Idle> {
        if let Some(idle) = self.spare.pop() {
            return Some(idle);
        }
        if self.chunks < super::CHUNKS + self.held.len() && self.chunks < super::MAX_CHUNKS {
            self.chunks += 1;
            return Some(Idle::default());
        }
        let mut idle = self.idle.recv().ok()?;
        if self.held.is_empty() && self.chunks > super::CHUNKS {
            self.chunks -= 1;
            idle = self.idle.recv().ok()?;
        }
        Some(idle)
    }

    /// Lets every fragment go with what is known of its datagram.
    fn give_up_waiting(&mut self) {
        let mut done = Vec::new();
        self.fragments.finish(&mut done);
        self.settle(done);
    }

    /// An oversized chunk travels alone, so that a file of huge records holds the memory of one. Whether anybody is still there.
    fn wait_for_all_others(&mut self) -> bool {
        while self.spare.len() + self.held.len() + 1 < self.chunks {
            match self.idle.recv() {
                Ok(idle) => self.spare.push(idle),
                Err(_) => return false,
            }
        }
        true
    }

    /// The moment at the given offset in the chunk that is being decoded.
    fn now(&self, offset: u32) -> Moment {
        Moment {
            position: self.position + u64::from(offset),
            latest: self.span.map_or(Timestamp::default(), |(_, latest)| latest),
        }
    }

    /// Decodes the packets of a chunk, and lists those whose flow is known.
    fn take_in(&mut self, idle: Idle, progress: &mut u64) {
        let sequence = self.sequence;
        self.sequence += 1;
        let spent = (idle.spent, std::mem::take(&mut self.told));
        let mut held = Held::new(sequence, idle.chunk, spent, self.workers.len());
        let mut counts = PacketCounts::default();
        let mut tally = Tally::default();
        let mut parts = Vec::new();
        let mut next = 0;
        loop {
            let index = held.list_plain(next, &mut tally, progress);
            if let Some(span) = tally.take(&mut counts) {
                self.widen(span);
            }
            let Some(record) = held.record(index) else {
                break;
            };
            next = index + 1;
            let view = self.take_in_odd(&mut held, (index, &record), &mut counts);
            parts.extend(view.map(|view| Part {
                index,
                view,
                seen: self.now(record.start),
            }));
        }
        self.counters.add(&counts);
        held.waiting = parts.len();
        let done = self.put_together(&held, &parts);
        self.position += held.chunk.bytes().len() as u64;
        self.held.push_back(held);
        self.settle(done);
    }

    /// Notes when packets were captured: the earliest and the latest of them.
    fn widen(&mut self, (earliest, latest): (Timestamp, Timestamp)) {
        self.span = Some(match self.span {
            None => (earliest, latest),
            Some((first, last)) => (first.min(earliest), last.max(latest)),
        });
    }

    /// Takes in a packet that is not plain. Gives the view back, unlisted, where it is a fragment.
    fn take_in_odd(
        &mut self,
        held: &mut Held,
        (index, record): (u32, &Record),
        counts: &mut PacketCounts,
    ) -> Option<PacketView> {
        let frame = held.chunk.frame(record);
        let view = wire::decode_by_walk(record.link, frame);
        counts.total += 1;
        counts.bytes += u64::from(record.origlen);
        self.widen((record.timestamp, record.timestamp));
        if view.fragment.is_some() && view.five_tuple.is_some() {
            counts.fragments += 1;
            return Some(view);
        }
        count(counts, &view);
        if let (None, Some(stop)) = (view.five_tuple, view.stop) {
            self.undecoded.count(stop);
        }
        self.outer.clear();
        if self.tells_outer && view.is_inside {
            wire::outer_packets(record.link, frame, &mut self.outer);
        }
        held.list((index, record), &view, &self.outer);
        None
    }

    /// Adds the fragments in a chunk to their datagrams; gives back those that wait no longer.
    fn put_together(&mut self, held: &Held, parts: &[Part]) -> Vec<Assembled<Member>> {
        let mut done = Vec::new();
        for part in parts {
            let Some(record) = held.record(part.index) else {
                continue;
            };
            let member = Member {
                sequence: held.sequence,
                index: part.index,
            };
            let packet = (&part.view, held.chunk.frame(&record));
            self.fragments.take(packet, member, part.seen, &mut done);
        }
        let end = self.now(held.chunk.bytes().len() as u32);
        self.fragments.expire(end, &mut done);
        done
    }

    /// Lists the packets of datagrams that wait no longer: all the same flow's, and the first one carries what they say.
    fn settle(&mut self, done: Vec<Assembled<Member>>) {
        let Some(first_held) = self.held.front().map(|held| held.sequence) else {
            return;
        };
        let mut counts = PacketCounts::default();
        for datagram in done {
            let Assembled {
                mut members,
                mut view,
                mut bytes,
                quoted,
                outer: around_inner,
                ..
            } = datagram;
            members.sort_unstable();
            for member in members {
                count(&mut counts, &view);
                let place = member.sequence.saturating_sub(first_held) as usize;
                let held = self.held.get_mut(place);
                if let Some((held, record)) = held.and_then(|held| {
                    let record = held.record(member.index)?;
                    Some((held, record))
                }) {
                    self.outer.clear();
                    if self.tells_outer && view.is_inside {
                        let frame = held.chunk.frame(&record);
                        wire::outer_packets(record.link, frame, &mut self.outer);
                        self.outer.extend_from_slice(&around_inner);
                    }
                    let place = (member.index, &record);
                    held.list_fragment(place, (&view, &bytes), &self.outer, quoted);
                }
                bytes.clear();
                view.tcp = None;
                view.payload = Payload::default();
            }
        }
        self.counters.add(&counts);
    }

    /// Sends the chunks that wait for nothing on their way. `None` when nobody is there any more.
    fn hand_out(&mut self, results: &Sender<Message>) -> Option<()> {
        while self.held.front().is_some_and(|held| held.waiting == 0) {
            let mut held = self.held.pop_front()?;
            held.sort();
            self.namings.list(&mut held);
            if held.told.capacity() <= MAX_KEPT_TOLD {
                self.told = std::mem::take(&mut held.told);
                self.told.clear();
            }
            self.send(held, results)?;
        }
        Some(())
    }

    fn send(&self, held: Held, results: &Sender<Message>) -> Option<()> {
        let Held {
            sequence,
            chunk,
            assignments,
            ..
        } = held;
        let workers = self.workers.len();
        let assignments = self.workers.iter().zip(assignments);
        let (used, unused): (Vec<_>, Vec<_>) =
            assignments.partition(|(_, assignment)| !assignment.tasks.is_empty());
        let unused = unused.into_iter().map(|(_, assignment)| assignment);
        let shared = SharedChunk::new(sequence, chunk, workers, unused.collect());
        for (worker, assignment) in used {
            let shared = Arc::clone(&shared);
            worker.send(Batch { shared, assignment }).ok()?;
        }
        match shared.leave() {
            Some(told) => results.send(told).ok(),
            None => Some(()),
        }
    }
}

/// Counts a packet by what it is; its fate is counted by the writer.
pub(super) fn count(counts: &mut PacketCounts, view: &PacketView) {
    match view.net {
        Some(Net::Ipv4) => counts.ipv4 += 1,
        Some(Net::Ipv6) => counts.ipv6 += 1,
        None => {}
    }
    match view.five_tuple.map(|tuple| tuple.protocol) {
        Some(IpProtocol::TCP) => counts.tcp += 1,
        Some(IpProtocol::UDP) => counts.udp += 1,
        Some(IpProtocol::ICMP | IpProtocol::ICMP6) => counts.icmp += 1,
        Some(_) => counts.other += 1,
        None => counts.undecoded += 1,
    }
}
