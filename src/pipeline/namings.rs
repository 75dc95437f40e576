//! Names flows that begin by what name servers told their clients, in capture order and before the workers get them: so that the table of
//! answers is there once, however many workers there are, and each knows the same at the same packet.
//!
//! The reader has no flow table. It asks for every packet that may begin a flow; what it asks too often costs time, no more, for a worker
//! does not look at an answer for a flow that it knows.

use std::sync::Arc;

use super::held::Held;
use super::worker::{Role, Task};
use crate::engine::UDP_IDLE_TIMEOUT_NS;
use crate::flow::tcp;
use crate::key::{SHARDS, shard_of};
use crate::opening::Opening;
use crate::passive_dns::Answered;

/// Flows of one shard that are known to have begun, at most: enough to pass over nearly every packet that begins none.
const MAX_RECENT_PER_SHARD: usize = 512;

/// Flows that a shard's table holds for each of which one is remembered here: so few that hardly any is remembered longer than there.
const HELD_PER_RECENT: usize = 8;

const NS_PER_S: i64 = 1_000_000_000;

/// The shortest silence that ends a flow is UDP's; less one, for seconds are cut off. A SYN may end one at once.
const SHORTEST_END_S: u32 = (UDP_IDLE_TIMEOUT_NS / NS_PER_S as u64) as u32 - 1;

/// What name servers told, and the flows that are known to have begun.
pub(super) struct Namings {
    answered: Answered,
    /// Whether anything was ever told: until then there is nothing to ask.
    is_told: bool,
    /// Shard by shard, each flow in a place of its own that others may take; so that what is passed over depends on the shard's
    /// packets alone.
    recent: Vec<Recent>,
    /// A power of two.
    recent_per_shard: usize,
    /// Packets to ask for: place in the chunk, worker, place among its tasks. Used again for every chunk.
    asks: Vec<(u32, u32, u32)>,
}

/// A flow, and when it was last seen. Small, for there are many, and each packet looks one up.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    /// The lower half of [`FlowKey::spread`]; the upper one leads here.
    spread: u32,
    /// Seconds of packet time, wrapping around.
    second: u32,
}

impl Namings {
    /// * `max_flows`: flows that all shards' tables hold.
    pub(super) fn new(max_flows: usize) -> Self {
        let recent = (max_flows.div_ceil(SHARDS) / HELD_PER_RECENT).clamp(1, MAX_RECENT_PER_SHARD);
        Self {
            answered: Answered::default(),
            is_told: false,
            recent: Vec::new(),
            recent_per_shard: 1 << recent.ilog2(),
            asks: Vec::new(),
        }
    }

    /// How often an answer was forgotten that still counted, because there were too many.
    pub(super) const fn forgotten(&self) -> u64 {
        self.answered.forgotten()
    }

    /// Takes in what the packets of a chunk tell, and lists for the workers what is known of flows that may begin in it.
    pub(super) fn list(&mut self, held: &mut Held) {
        let first = match (self.is_told, held.told.first()) {
            (true, _) => 0,
            (false, Some((index, _))) => *index,
            (false, None) => return,
        };
        self.is_told = true;
        self.find_openings(held, first);
        let Held {
            told, assignments, ..
        } = held;
        let mut told = told.iter().peekable();
        for &(index, worker, place) in &self.asks {
            while let Some((_, told)) = told.next_if(|(at, _)| *at < index) {
                self.answered.learn(told);
            }
            let Some(assignment) = assignments.get_mut(worker as usize) else {
                continue;
            };
            let task = assignment.tasks.get(place as usize);
            let around = |place: usize| assignment.around.get(place);
            let naming = task.and_then(|task| {
                let around = (task.around as usize).checked_sub(1).and_then(around);
                self.answered.naming(&Opening {
                    key: &task.key,
                    sender: task.sender,
                    tcp: task.tcp,
                    is_inside: around.is_some_and(|around| around.is_inside),
                    at: task.timestamp,
                })
            });
            assignment
                .namings
                .extend(naming.map(|naming| (index, Arc::clone(naming))));
        }
        told.for_each(|(_, told)| self.answered.learn(told));
    }

    /// Notes the packets from `first` on that may begin a flow, in capture order.
    fn find_openings(&mut self, held: &Held, first: u32) {
        self.asks.clear();
        self.recent
            .resize(SHARDS * self.recent_per_shard, Recent::default());
        for (worker, assignment) in (0..).zip(&held.assignments) {
            for (place, task) in (0..).zip(&assignment.tasks) {
                if task.index >= first && task.role != Role::Quoted && self.may_begin(task) {
                    self.asks.push((task.index, worker, place));
                }
            }
        }
        self.asks.sort_unstable();
    }

    /// Whether a packet may be the first of a flow.
    fn may_begin(&mut self, task: &Task) -> bool {
        let in_shard = (task.spread >> 32) as usize & (self.recent_per_shard - 1);
        let place = shard_of(task.spread) * self.recent_per_shard + in_shard;
        let Some(recent) = self.recent.get_mut(place) else {
            return true;
        };
        let now = Recent {
            spread: task.spread as u32,
            second: (task.timestamp.as_ns() / NS_PER_S) as u32,
        };
        let before = std::mem::replace(recent, now);
        // Also one that steps back in time is asked for.
        let is_lasting =
            before.spread == now.spread && now.second.wrapping_sub(before.second) < SHORTEST_END_S;
        !is_lasting || task.tcp.is_some_and(|tcp| tcp::is_opening(tcp.flags))
    }
}
