//! A worker: owns some of the shards, and judges the packets that fall to them.

use std::mem;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::left::Handover;
use super::shared::SharedChunk;
use super::{Judged, Message};
use crate::engine::{Answer, Engine, Policy, Prospect, Turnover, Verdict};
use crate::flow::Findings;
use crate::key::{FiveTuple, FlowKey, SHARDS, Side, shard_of};
use crate::observation::Observation;
use crate::packet::{TcpSegment, Timestamp};
use crate::passive_dns::Naming;
use crate::prefetch::prefetch;
use crate::rules::RuleId;
use crate::tunnel::Tunnels;

/// Room that the lists of one chunk keep when they are used again: for the packets of a chunk of small ones, and half as much for how
/// lists grow and for the flows that end.
const MAX_KEPT_BYTES: usize = 1 << 20;
/// Packets between one step of a look ahead and the next; see [`Prospect`].
const STEP: usize = 8;
/// Packets that are looked ahead at: three steps, and as many as a place among them is told by the lowest bits.
const AHEAD: usize = 4 * STEP;
// A packet's turn comes before its place is another's.
const _: () = assert!(AHEAD > 3 * STEP && AHEAD.is_power_of_two());

/// What a worker is to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Judge it.
    Packet,
    /// Judge it, and say which flow it is: it quotes another flow, whose verdict it shares.
    Quoting,
    /// Say what becomes of the flow, which the packet only quotes.
    Quoted,
}

/// A decoded packet on its way to its worker; its bytes are in the chunk.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Task {
    pub(super) key: FlowKey,
    /// [`FlowKey::spread`].
    pub(super) spread: u64,
    pub(super) timestamp: Timestamp,
    /// Place among the chunk's records.
    pub(super) index: u32,
    pub(super) origlen: u32,
    /// Offset of the transport's payload in the chunk; past the chunk's end, in the list's own bytes.
    pub(super) payload: u32,
    pub(super) payload_caplen: u32,
    pub(super) payload_origlen: u32,
    /// Place of the tunnels around it in the list, counted from 1; 0 for a packet that is in none.
    pub(super) around: u32,
    pub(super) tcp: Option<TcpSegment>,
    pub(super) sender: Side,
    pub(super) role: Role,
}

/// What a packet came through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    pub(super) tunnels: Tunnels,
    pub(super) is_inside: bool,
    /// Where the packets around it stand in the list: from, to.
    pub(super) outer: (u32, u32),
}

/// Packets of one chunk that are one worker's. Goes to the worker and back, and is used again.
#[derive(Default)]
pub(super) struct Assignment {
    /// In capture order when the worker gets it.
    pub(super) tasks: Vec<Task>,
    /// Bytes of datagrams that were put together from fragments; payload offsets past the chunk's end are into these.
    pub(super) assembled: Vec<u8>,
    /// What packets in tunnels came through.
    pub(super) around: Vec<Around>,
    /// Packets around others.
    pub(super) outer: Vec<FiveTuple>,
    /// What name servers told before of flows that may begin here: the packet's place, ascending, and the answer.
    pub(super) namings: Vec<(u32, Naming)>,
    /// Room for the flows that end, of which there are none on the way to the worker; and what is spare.
    pub(super) turnover: Turnover,
    /// Room for the packets to drop.
    pub(super) drops: Vec<u32>,
}

impl Assignment {
    /// Empties the lists of a chunk, to be used again for any other; together they keep room for [`MAX_KEPT_BYTES`] at most.
    ///
    /// Without that, each of them would keep room for the fullest chunk of all, for each falls to every worker in its turn.
    pub(super) fn clear_all(spent: &mut [Self]) {
        let mut left = MAX_KEPT_BYTES;
        for assignment in spent {
            match left.checked_sub(assignment.room()) {
                Some(less) => left = less,
                None => *assignment = Self::default(),
            }
            assignment.tasks.clear();
            assignment.assembled.clear();
            assignment.around.clear();
            assignment.outer.clear();
            assignment.namings.clear();
            assignment.turnover.ended.clear();
            assignment.drops.clear();
        }
    }

    /// What the packet of a task came through.
    #[inline]
    fn around(&self, task: &Task) -> Option<&Around> {
        let place = (task.around as usize).checked_sub(1)?;
        self.around.get(place)
    }

    /// Whether the packet of a task came through a tunnel over IP.
    #[inline]
    pub(super) fn is_inside(&self, task: &Task) -> bool {
        self.around(task).is_some_and(|around| around.is_inside)
    }

    /// Bytes that it has room for.
    fn room(&self) -> usize {
        fn room<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        room(&self.tasks)
            + room(&self.assembled)
            + room(&self.around)
            + room(&self.outer)
            + room(&self.namings)
            + room(&self.turnover.ended)
            + room(&self.turnover.spare)
            + self.turnover.spare.len() * size_of::<Findings>()
            + room(&self.drops)
    }
}

/// One worker's packets of one chunk.
pub(super) struct Batch {
    pub(super) shared: Arc<SharedChunk>,
    pub(super) assignment: Assignment,
}

/// What becomes of a flow that a packet quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted {
    /// Place of the packet that quotes it.
    pub(super) index: u32,
    /// Number of the quoted flow's first packet.
    pub(super) flow: u64,
    /// What has blocked it so far.
    pub(super) rule: Option<RuleId>,
}

/// What the writer wants to know beside what is to be dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Each packet's flow.
    pub(super) flows: bool,
    /// Verdicts as they are reached.
    pub(super) judged: bool,
}

/// What a worker says of a batch.
pub(super) struct Part {
    /// Places of the packets to drop, ascending.
    pub(super) drops: Vec<u32>,
    /// Place and flow of every packet; only when asked for.
    pub(super) flows: Vec<(u32, u64)>,
    /// Place and flow of every packet that quotes another flow.
    pub(super) quoting: Vec<(u32, u64)>,
    /// What becomes of the flows that packets quote; those that are not in the table are left out.
    pub(super) quoted: Vec<Quoted>,
    /// Flows that ended, in order; and what is spare still.
    pub(super) turnover: Turnover,
    /// Verdicts just reached, in order; only when asked for.
    pub(super) judged: Vec<Judged>,
    /// To be used again.
    pub(super) spent: Assignment,
}

pub(super) struct Worker {
    number: usize,
    /// Shards `number`, `number + workers`, `number + 2 * workers`, ….
    engines: Vec<Engine>,
    workers: usize,
    wanted: Wanted,
}

impl Worker {
    pub(super) fn new(number: usize, workers: usize, policy: &Policy, wanted: Wanted) -> Self {
        let engines = (number..SHARDS)
            .step_by(workers)
            .map(|_| Engine::new(policy.clone()))
            .collect();
        Self {
            number,
            engines,
            workers,
            wanted,
        }
    }

    /// Judges batches until no more come, then tells what is left.
    pub(super) fn work(
        mut self,
        batches: &Receiver<Batch>,
        results: &Sender<Message>,
        handover: &Handover,
        progress: &mut u64,
    ) {
        for batch in batches {
            if let Some(told) = self.judge(batch, progress)
                && results.send(told).is_err()
            {
                return;
            }
        }
        self.finish(handover);
    }

    /// Tells what is left when the capture has ended.
    pub(super) fn finish(mut self, handover: &Handover) {
        handover.end(&mut self.engines);
    }

    /// Judges the packets of a batch. What the writer is to be told, if all workers are now done with its chunk.
    pub(super) fn judge(&mut self, batch: Batch, progress: &mut u64) -> Option<Message> {
        let Batch {
            shared,
            mut assignment,
        } = batch;
        // Once, not for every packet.
        let (bytes, first_packet) = (shared.chunk.bytes(), shared.chunk.first_packet());
        let mut part = Part {
            drops: mem::take(&mut assignment.drops),
            flows: Vec::new(),
            quoting: Vec::new(),
            quoted: Vec::new(),
            turnover: mem::take(&mut assignment.turnover),
            judged: Vec::new(),
            spent: Assignment::default(),
        };
        if self.wanted.flows {
            part.flows.reserve_exact(assignment.tasks.len());
        }
        let mut namings = assignment.namings.iter().peekable();
        let mut ahead = [(0, Prospect::NONE); AHEAD];
        for now in 0..assignment.tasks.len() + 3 * STEP {
            self.look_ahead(now, (&assignment.tasks, bytes), &mut ahead);
            let Some(at) = now.checked_sub(3 * STEP) else {
                continue;
            };
            let (task, (place, prospect)) = (&assignment.tasks[at], ahead[at % AHEAD]);
            *progress = first_packet + u64::from(task.index);
            let engine = &mut self.engines[place];
            if task.role == Role::Quoted {
                let fate = engine.fate(&task.key, task.timestamp);
                part.quoted.extend(fate.map(|fate| Quoted {
                    index: task.index,
                    flow: fate.flow,
                    rule: fate.rule,
                }));
                continue;
            }
            let naming = namings.next_if(|(index, _)| *index == task.index);
            let answer = {
                let seen = observation(task, &assignment, (bytes, first_packet));
                let naming = naming.map(|(_, naming)| naming);
                #[cfg(test)]
                super::tests::die_of(seen.payload);
                engine.observe_at(&seen, prospect, naming, &mut part.turnover)
            };
            if self.wanted.flows {
                part.flows.push((task.index, answer.flow));
            }
            note(task, &answer, &mut part);
            if self.wanted.judged
                && let Some(rule) = answer.news
            {
                let news = judged(task, (&answer, rule), engine, *progress);
                part.judged.push(news);
            }
        }
        part.spent = assignment;
        shared.tell(self.number, part);
        shared.leave()
    }

    /// Has the memory fetched that packets will need which are still to come, a step for each of three of them.
    ///
    /// * `now`: the packet that is looked at for the first time.
    /// * `ahead`: for each packet in question the place of its engine, and its prospect there.
    #[inline]
    fn look_ahead(
        &self,
        now: usize,
        (tasks, bytes): (&[Task], &[u8]),
        ahead: &mut [(usize, Prospect); AHEAD],
    ) {
        if let Some(task) = tasks.get(now) {
            // Of 32 bits, because these are divided far quicker; and only once.
            let place = shard_of(task.spread) as u32 / self.workers as u32;
            let place = place as usize;
            ahead[now % AHEAD] = (place, self.engines[place].prospect(&task.key));
        }
        let back = |steps: usize| {
            let at = now.checked_sub(steps * STEP)?;
            tasks.get(at).map(|task| (task, at % AHEAD))
        };
        if let Some((_, at)) = back(1) {
            let (place, prospect) = &mut ahead[at];
            self.engines[*place].locate(prospect);
        }
        if let Some((task, at)) = back(2) {
            let (place, prospect) = &ahead[at];
            if self.engines[*place].approach(prospect)
                && let Some(first) = bytes.get(task.payload as usize)
            {
                prefetch(first);
            }
        }
    }
}

/// The packet of a task, as the core takes it in.
///
/// * `bytes`, `first_packet`: of its chunk.
#[inline]
fn observation<'a>(
    task: &Task,
    assignment: &'a Assignment,
    (bytes, first_packet): (&'a [u8], u64),
) -> Observation<'a> {
    let (bytes, start) = match (task.payload as usize).checked_sub(bytes.len()) {
        None => (bytes, task.payload as usize),
        Some(start) => (&*assignment.assembled, start),
    };
    let payload = bytes.get(start..start + task.payload_caplen as usize);
    let around = assignment.around(task);
    let (tunnels, is_inside, outer) = around.map_or_else(Default::default, |around| {
        let (from, to) = around.outer;
        let outer = assignment.outer.get(from as usize..to as usize);
        (around.tunnels, around.is_inside, outer.unwrap_or_default())
    });
    Observation {
        number: first_packet + u64::from(task.index),
        timestamp: task.timestamp,
        key: task.key,
        sender: task.sender,
        origlen: task.origlen,
        outer,
        is_inside,
        tunnels,
        tcp: task.tcp,
        payload: payload.unwrap_or_default(),
        payload_origlen: task.payload_origlen,
    }
}

/// Notes what becomes of a packet.
#[inline]
fn note(task: &Task, answer: &Answer, part: &mut Part) {
    // What is allowed by itself does not go with what it quotes.
    if task.role == Role::Quoting && !matches!(answer.verdict, Verdict::Allow(_)) {
        part.quoting.push((task.index, answer.flow));
    }
    if let Verdict::Drop(_) = answer.verdict {
        part.drops.push(task.index);
    }
}

/// The verdict that the flow of this packet has just got by this rule.
fn judged(task: &Task, (answer, rule): (&Answer, RuleId), engine: &Engine, packet: u64) -> Judged {
    Judged {
        packet,
        flow: answer.flow,
        five_tuple: task.key.five_tuple(task.sender),
        rule,
        ground: engine.ground_of_verdict(&task.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> Assignment {
        Assignment {
            assembled: vec![0; count],
            ..Assignment::default()
        }
    }

    #[test]
    fn the_lists_of_a_chunk_keep_their_room_up_to_a_bound_that_they_share() {
        let mut spent = vec![bytes(1000), bytes(MAX_KEPT_BYTES - 1000), bytes(1)];
        Assignment::clear_all(&mut spent);
        assert!(spent.iter().all(|list| list.assembled.is_empty()));
        let room: Vec<_> = spent.iter().map(Assignment::room).collect();
        assert_eq!(room, [1000, MAX_KEPT_BYTES - 1000, 0]);
    }

    #[test]
    fn what_is_spare_counts_as_room_with_what_it_points_to() {
        let mut spent = [Assignment::default()];
        let count = MAX_KEPT_BYTES / size_of::<Findings>();
        for (count, kept) in [(count / 2, count / 2), (count, 0)] {
            let spare = &mut spent[0].turnover.spare;
            spare.resize_with(count, Box::default);
            Assignment::clear_all(&mut spent);
            assert_eq!(spent[0].turnover.spare.len(), kept);
        }
    }
}
