//! One shard: observations in, verdicts out, and a summary of each flow when it ends.
//!
//! Pure: no file, thread, clock or environment. Time is packet time. The same observations give the same answers in
//! the same order, on every machine; what drives it decides what becomes of a dropped packet.

mod conclude;
mod dialogue;
mod ending;
mod entry;
mod offset;
mod places;
mod prospect;
mod ruling;

use std::sync::Arc;

use lru::LruCache;

use crate::catalogue::Catalogue;
use crate::evidence::{Evidence, Ground};
use crate::flow::{Findings, FlowEnd, FlowSummary, FlowTable, KeyHash};
use crate::key::{FlowKey, SHARDS};
use crate::observation::Observation;
use crate::packet::{IpProtocol, Timestamp};
use crate::passive_dns::Naming;
use crate::rules::{Removal, RuleId, RuleSet};

pub use crate::flow::{MAX_NAME_BYTES_PER_FLOW, MAX_NAMES_PER_FLOW};
use conclude::{conclude, conclude_from_answer};
use ending::{Beside, ending, is_idle, summary};
use entry::Entry;
use places::{has_places, judge_place, place};
pub(crate) use prospect::Prospect;
use ruling::Ruling;

/// A UDP flow is over after this long without a packet.
pub const UDP_IDLE_TIMEOUT_NS: u64 = 60_000_000_000;
/// A TCP flow is over after this long without a packet.
pub const TCP_IDLE_TIMEOUT_NS: u64 = 3_600_000_000_000;
/// Flows held at full detail over all shards, unless the user says otherwise.
pub const DEFAULT_MAX_FLOWS: usize = 4 * 65_536;
/// Five-tuples of blocked flows that a shard remembers after it let go of the flow; the oldest is forgotten first.
pub const MAX_REMEMBERED_PER_SHARD: usize = DEFAULT_MAX_FLOWS / SHARDS;
/// Bytes of names and of unfinished messages that flows may hold on average when the table is full, beside what every flow takes; past
/// that, the least recently used flow of a shard is closed. An ordinary hello leaves about a hundred.
pub const MAX_MEAN_LOAD: usize = 256;

/// A flow that holds more than this is closed before any that holds less.
const HEAVY_LOAD: usize = 4096;

/// What the engine goes by. Shared by all shards.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Applications and their names.
    pub catalogue: Arc<Catalogue>,
    /// What is to be blocked, and what is not.
    pub rules: Arc<RuleSet>,
    /// What becomes of blocked flows, and of all others.
    pub removal: Removal,
    /// Whether names that DNS answers give to an address are asked for in the rules.
    pub block_by_dns: bool,
    /// Whether lookups of names share the verdict of the flows that they led to; not where it is needed at once.
    pub with_dns: bool,
    /// Flows held at full detail over all shards.
    pub max_flows: usize,
    /// Whether fingerprints of clients are taken, which costs some microseconds a hello.
    pub fingerprints: bool,
    /// Whether it is looked for where in its packet each name stands.
    pub offsets: bool,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Forward,
    /// It goes on whatever else blocks it, because of this rule.
    Allow(RuleId),
    /// It is removed, because of this rule.
    Drop(RuleId),
}

/// The answer to one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What happens to the packet.
    pub verdict: Verdict,
    /// Number of the first packet of its flow: which flow it is.
    pub flow: u64,
    /// The rule that this very packet got its flow blocked or allowed by.
    pub news: Option<RuleId>,
}

/// What becomes of a flow, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// Number of its first packet: which flow it is.
    pub flow: u64,
    /// The rule that blocks it, if one does.
    pub rule: Option<RuleId>,
}

/// A flow that ended, and the packet at which that came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Number of the packet that made room or came too late; orders endings over all shards.
    pub at: u64,
    /// The flow.
    pub flow: FlowSummary,
}

/// What goes out of a shard beside its answers, and comes back to be used again.
#[derive(Default)]
pub(crate) struct Turnover {
    /// Flows that ended.
    pub(crate) ended: Vec<Ended>,
    /// What was found in flows that nobody needs any more, emptied: memory for flows to come.
    pub(crate) spare: Spare,
}

/// Room for what is found in flows.
pub(crate) type Spare = Vec<Box<Findings>>;

/// One shard's flows.
pub struct Engine {
    policy: Policy,
    flows: FlowTable<Entry>,
    beside: Beside,
    /// Bytes that all flows may hold; see [`MAX_MEAN_LOAD`].
    max_load: usize,
    /// Used again for every packet.
    evidence: Vec<Evidence>,
}

impl Engine {
    /// An empty shard.
    pub fn new(policy: Policy) -> Self {
        let capacity = policy.max_flows.div_ceil(SHARDS);
        let flows = FlowTable::new(capacity);
        Self {
            policy,
            beside: Beside {
                remembered: flows.beside(MAX_REMEMBERED_PER_SHARD),
                load: 0,
                heavy: LruCache::unbounded_with_hasher(ahash::RandomState::new()),
            },
            flows,
            max_load: capacity.saturating_mul(MAX_MEAN_LOAD),
            evidence: Vec::new(),
        }
    }

    /// Takes in one packet and says what happens to it. Flows that end by it are added to `ended`.
    ///
    /// * `naming`: what a name server told the client before, if this packet begins a flow; not looked at if it does not.
    /// * Packets of one shard come in capture order.
    pub fn observe(
        &mut self,
        seen: &Observation<'_>,
        naming: Option<&Naming>,
        ended: &mut Vec<Ended>,
    ) -> Answer {
        let prospect = self.prospect(&seen.key);
        let mut turnover = Turnover {
            ended: std::mem::take(ended),
            spare: Spare::new(),
        };
        let answer = self.observe_at(seen, prospect, naming, &mut turnover);
        *ended = turnover.ended;
        answer
    }

    /// As [`Engine::observe`], of a packet whose flow's place was told before; what is found in flows that begin takes the place of what
    /// is spare.
    pub(crate) fn observe_at(
        &mut self,
        seen: &Observation<'_>,
        Prospect { hash, guess, .. }: Prospect,
        naming: Option<&Naming>,
        Turnover { ended, spare }: &mut Turnover,
    ) -> Answer {
        let is_known = match self.flows.get_mut(&seen.key, hash, guess) {
            None => false,
            Some(entry) => match ending(entry, seen) {
                None => true,
                Some(end) => {
                    let (beside, policy) = (&mut self.beside, &self.policy);
                    let last = |key: &_, entry: &mut _| {
                        beside.close((key, entry), (end, seen.number), policy, ended);
                    };
                    self.flows.end(&seen.key, hash, last);
                    false
                }
            },
        };
        if !is_known {
            self.begin(seen, hash, ended);
        }
        // Either way its flow is the one that was used last, so that there is one.
        let Some(entry) = self.flows.newest_mut() else {
            return Answer {
                verdict: Verdict::Forward,
                flow: seen.number,
                news: None,
            };
        };
        let before = entry.load();
        let scratch = (&mut self.evidence, spare);
        let answer = step(entry, seen, naming, &self.policy, scratch);
        let loads = (before, entry.load());
        self.weigh(seen, loads, ended);
        answer
    }

    /// Begins a flow with `seen`: there is none of its key in the table.
    fn begin(&mut self, seen: &Observation<'_>, hash: KeyHash, ended: &mut Vec<Ended>) {
        self.make_room(seen, ended);
        let remembered = self.beside.recall(seen, hash);
        let entry = self.flows.insert(seen.key, hash);
        entry.begin(seen);
        if let Some(remembered) = remembered {
            entry.ruling = remembered.ruling;
            entry.is_bare = remembered.is_bare;
        }
    }

    /// What becomes of the flow of `key` at `now`; `None` when it is not known, or over.
    ///
    /// For packets of other flows that share its verdict, as an ICMP error does that quotes it. Changes nothing.
    pub fn fate(&self, key: &FlowKey, now: Timestamp) -> Option<Fate> {
        // A connection is the same one without a new SYN, however long it was silent.
        let is_alive = |last| key.protocol() == IpProtocol::TCP || !is_idle(key, last, now);
        if let Some(entry) = self.flows.peek(key) {
            let fate = Fate {
                flow: entry.first_packet,
                rule: entry.ruling.block(),
            };
            return Some(fate).filter(|_| is_alive(entry.last));
        }
        let remembered = self.beside.remembered.peek(key)?;
        let fate = Fate {
            flow: remembered.flow,
            rule: remembered.ruling.block(),
        };
        Some(fate).filter(|_| is_alive(remembered.last))
    }

    /// What met the rule that blocked or allowed the flow of `key`, while it is known; `None` for a rule of addresses or ports.
    pub fn ground_of_verdict(&self, key: &FlowKey) -> Option<Ground> {
        let findings = self.flows.peek(key)?.findings.as_ref()?;
        let (by, value, packet) = findings.judged_by()?;
        let value = value.into();
        Some(Ground { by, value, packet })
    }

    /// Flows that have not ended.
    pub(crate) fn open_flows(&self) -> usize {
        self.flows.len()
    }

    /// Ends every flow that is left, the least recently used first.
    pub fn finish(&mut self) -> Vec<FlowSummary> {
        let mut left = Vec::with_capacity(self.open_flows());
        left.extend(self.end_all());
        left
    }

    /// The same, one after the other; those that are not asked for are gone without a word.
    pub(crate) fn end_all(&mut self) -> impl Iterator<Item = FlowSummary> {
        self.beside.load = 0;
        self.beside.heavy.clear();
        let policy = &self.policy;
        let last = move |key: &_, entry: &mut _| summary(key, entry, FlowEnd::Finished, policy);
        self.flows.drain(prospect::look_ahead_of_end, last)
    }

    /// Takes out what is over by the clock, and the least recently used flow when the table is full.
    fn make_room(&mut self, seen: &Observation<'_>, ended: &mut Vec<Ended>) {
        loop {
            let Some((key, entry)) = self.flows.oldest() else {
                return;
            };
            let end = if is_idle(key, entry.last, seen.timestamp) {
                FlowEnd::Expired
            } else if self.flows.is_full() {
                FlowEnd::Evicted
            } else {
                return;
            };
            let (beside, policy) = (&mut self.beside, &self.policy);
            let last = |key: &_, entry: &mut _| {
                beside.close((key, entry), (end, seen.number), policy, ended);
            };
            self.flows.end_oldest(last);
            self.look_ahead_of_room();
        }
    }

    /// Takes note that what a flow holds has changed from one load to the other, and closes flows while all of them
    /// together hold too much: first those that hold most, then the least recently used.
    fn weigh(
        &mut self,
        seen: &Observation<'_>,
        (before, after): (usize, usize),
        ended: &mut Vec<Ended>,
    ) {
        if before == after {
            return;
        }
        let Self {
            flows,
            beside,
            policy,
            ..
        } = self;
        beside.load = beside.load + after - before;
        if after > HEAVY_LOAD {
            beside.heavy.put(seen.key, ());
        } else if before > HEAVY_LOAD {
            beside.heavy.pop(&seen.key);
        }
        while beside.load > self.max_load && flows.len() > 1 {
            let heavy = beside.heavy.pop_lru();
            let last = |key: &_, entry: &mut _| {
                let why = (FlowEnd::Evicted, seen.number);
                beside.close((key, entry), why, policy, ended);
            };
            let closed = match heavy {
                Some((key, ())) => flows.end(&key, flows.hash(&key), last),
                None => flows.end_oldest(last),
            };
            if closed.is_none() && heavy.is_none() {
                return;
            }
        }
    }
}

/// One packet of a flow: counts it, reads it, judges it.
fn step(
    entry: &mut Entry,
    seen: &Observation<'_>,
    naming: Option<&Naming>,
    policy: &Policy,
    (evidence, spare): (&mut Vec<Evidence>, &mut Spare),
) -> Answer {
    let news = entry.count(seen);
    let before = entry.ruling;
    if !policy.rules.is_empty() {
        judge_place(entry, seen, &news, policy);
    }
    if let Some(naming) = naming.filter(|_| entry.packets == 1) {
        entry.take_spare(spare);
        conclude_from_answer(entry, seen, policy, naming);
        entry.weigh_findings();
        entry.weigh();
    }
    listen(entry, seen, policy, (evidence, spare));
    if !entry.is_placed && has_places(&policy.catalogue) {
        place(entry, seen, policy);
    }
    let verdict = match entry.ruling {
        Ruling::None => Verdict::Forward,
        Ruling::Allow(rule) => Verdict::Allow(rule),
        Ruling::Block(rule) => {
            entry.dropped_packets += 1;
            entry.dropped_bytes += u64::from(seen.origlen);
            Verdict::Drop(rule)
        }
    };
    Answer {
        verdict,
        flow: entry.first_packet,
        news: entry.ruling.rule().filter(|_| entry.ruling != before),
    }
}

/// Reads the packet's payload and takes in what it says.
fn listen(
    entry: &mut Entry,
    seen: &Observation<'_>,
    policy: &Policy,
    (evidence, spare): (&mut Vec<Evidence>, &mut Spare),
) {
    if entry.asks_again(seen) {
        // What rules said of where it goes may have changed what it holds.
        entry.weigh();
        return;
    }
    let Some(dialogue) = entry.dialogue(seen) else {
        return;
    };
    evidence.clear();
    dialogue.hear(seen, policy.fingerprints, evidence);
    if !evidence.is_empty() {
        entry.take_spare(spare);
        conclude(entry, seen, policy, evidence);
        entry.weigh_findings();
    }
    entry.weigh();
}

#[cfg(test)]
mod tests;
