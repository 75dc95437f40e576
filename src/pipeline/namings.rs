//! Names flows that begin by what name servers told their clients, in capture order and before the workers get them: so that the table of
//! answers is there once, however many workers there are, and each knows the same at the same packet.
//!
//! The reader has no flow table. It asks for every packet that may begin a flow, unless that leads to a name server; what it asks too often
//! costs time, no more, for a worker does not look at an answer for a flow that it knows.

use super::held::Held;
use super::recent::Recent;
use super::worker::{Assignment, Role, Task};
use crate::flow::tcp;
use crate::opening::Opening;
use crate::passive_dns::{Answered, Told, is_lookup};

/// Packets from one that is looked up to the one whose memory is asked for.
const AHEAD: usize = 8;

/// What name servers told, and the flows that are known to have begun.
pub(super) struct Namings {
    answered: Answered,
    /// Made when the first answer comes.
    recent: Option<Recent>,
    max_flows: usize,
    /// Packets to ask for: place in the chunk, worker, place among its tasks. Used again for every chunk.
    asks: Vec<(u32, u32, u32)>,
}

impl Namings {
    /// * `max_flows`: flows that all shards' tables hold.
    pub(super) fn new(max_flows: usize) -> Self {
        Self {
            answered: Answered::default(),
            recent: None,
            max_flows,
            asks: Vec::new(),
        }
    }

    /// How often an answer was forgotten that still counted, because there were too many.
    pub(super) const fn forgotten(&self) -> u64 {
        self.answered.forgotten()
    }

    /// Takes in what the packets of a chunk tell, and lists for the workers what is known of flows that may begin in it.
    pub(super) fn list(&mut self, held: &mut Held) {
        let first = match (&self.recent, held.told.first()) {
            (Some(_), _) => 0,
            (None, Some((index, _))) => *index,
            (None, None) => return,
        };
        self.find_openings(held, first);
        let Held {
            told, assignments, ..
        } = held;
        for (_, told) in &*told {
            self.answered.look_ahead_of(told);
        }
        for &(_, worker, place) in &self.asks {
            if let Some(opening) = opening(assignments, (worker, place)) {
                self.answered.look_ahead(&opening);
            }
        }
        let mut told = told.drain(..);
        for &(index, worker, place) in &self.asks {
            let is_before = |(at, _): &(u32, Told)| *at < index;
            while told.as_slice().first().is_some_and(is_before)
                && let Some((_, told)) = told.next()
            {
                self.answered.learn(told);
            }
            let naming = opening(assignments, (worker, place))
                .and_then(|opening| self.answered.naming(&opening));
            if let Some(naming) = naming
                && let Some(assignment) = assignments.get_mut(worker as usize)
            {
                assignment.namings.push((index, naming.clone()));
            }
        }
        told.for_each(|(_, told)| self.answered.learn(told));
    }

    /// Notes the packets from `first` on that may begin a flow, in capture order.
    fn find_openings(&mut self, held: &Held, first: u32) {
        self.asks.clear();
        let max_flows = self.max_flows;
        let recent = self.recent.get_or_insert_with(|| Recent::new(max_flows));
        for (worker, assignment) in (0..).zip(&held.assignments) {
            let tasks = &assignment.tasks;
            let from = tasks.partition_point(|task| task.index < first);
            let tasks = tasks.get(from..).unwrap_or_default();
            for (place, task) in (from as u32..).zip(tasks) {
                if let Some(later) = tasks.get(place as usize - from + AHEAD) {
                    recent.look_ahead(later.spread);
                }
                if task.role != Role::Quoted && may_begin(task, assignment.is_inside(task), recent)
                {
                    self.asks.push((task.index, worker, place));
                }
            }
        }
        // A run for each worker, which a stable sort merges.
        self.asks.sort();
    }
}

/// What the packet of a worker's task says of how its flow would begin with it.
///
/// * `place`: among the tasks of that worker.
#[inline]
fn opening(assignments: &[Assignment], (worker, place): (u32, u32)) -> Option<Opening<'_>> {
    let assignment = assignments.get(worker as usize)?;
    let task = assignment.tasks.get(place as usize)?;
    Some(Opening {
        key: &task.key,
        sender: task.sender,
        tcp: task.tcp,
        is_inside: assignment.is_inside(task),
        at: task.timestamp,
    })
}

/// Whether a packet may be the first of a flow that has a name by an answer. A SYN may end the flow before at once, and so may a packet
/// outside of tunnels after those inside.
#[inline]
fn may_begin(task: &Task, is_inside: bool, recent: &mut Recent) -> bool {
    // In some captures nearly all: not to look for them leaves the others what the caches hold.
    if is_lookup(&task.key) {
        recent.pass(task.spread, task.timestamp);
        return false;
    }
    let is_known = recent.is_known((task.spread, is_inside), task.timestamp);
    !is_known || task.tcp.is_some_and(|tcp| tcp::is_opening(tcp.flags))
}
