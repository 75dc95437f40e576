//! A worker thread: owns some of the shards, and judges the packets that fall to them.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::{Blocked, Message};
use crate::capture::Chunk;
use crate::engine::{Ended, Engine, Policy, Verdict};
use crate::flow::FlowSummary;
use crate::key::{FiveTuple, FlowKey, SHARDS, Side};
use crate::observation::Observation;
use crate::packet::{TcpSegment, Timestamp};
use crate::passive_dns::{Answered, Told};
use crate::rules::RuleId;

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
use crate::tunnel::Tunnels;

/// A decoded packet on its way to its worker; its bytes are in the chunk.
pub(super) struct Task {
    /// Place among the chunk's records.
    pub(super) index: u32,
    pub(super) role: Role,
    pub(super) key: FlowKey,
    pub(super) sender: Side,
    pub(super) timestamp: Timestamp,
    pub(super) origlen: u32,
    /// Where the packets around it stand in the batch: from, to.
    pub(super) outer: (u32, u32),
    pub(super) is_inside: bool,
    pub(super) tunnels: Tunnels,
    pub(super) tcp: Option<TcpSegment>,
    /// Offset of the transport's payload in the chunk; past the chunk's end, in the batch's own bytes.
    pub(super) payload: u32,
    pub(super) payload_caplen: u32,
    pub(super) payload_origlen: u32,
}

/// One worker's packets of one chunk, in capture order.
pub(super) struct Batch {
    pub(super) sequence: u64,
    pub(super) chunk: Arc<Chunk>,
    pub(super) tasks: Vec<Task>,
    /// Datagrams that were put together from fragments.
    pub(super) assembled: Vec<u8>,
    /// Packets around others.
    pub(super) outer: Vec<FiveTuple>,
    /// What clients are told by name servers, and the place of the packet that does; in capture order, the same for every worker.
    pub(super) told: Arc<[(u32, Told)]>,
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

/// What a worker says of a batch. Gives the chunk back, so that the writer is its last holder.
pub(super) struct Part {
    pub(super) sequence: u64,
    pub(super) chunk: Arc<Chunk>,
    /// Places of the packets to drop, ascending.
    pub(super) drops: Vec<u32>,
    /// Place and flow of every packet; only when asked for.
    pub(super) flows: Vec<(u32, u64)>,
    /// Place and flow of every packet that quotes another flow.
    pub(super) quoting: Vec<(u32, u64)>,
    /// What becomes of the flows that packets quote; those that are not in the table are left out.
    pub(super) quoted: Vec<Quoted>,
    /// Flows that ended, in order.
    pub(super) ended: Vec<Ended>,
    /// Verdicts just reached, in order.
    pub(super) blocked: Vec<Blocked>,
    /// How often an answer was forgotten that still counted. All workers forget the same: the first one tells.
    pub(super) forgotten_answers: u64,
}

pub(super) struct Worker {
    /// Shards `number`, `number + workers`, `number + 2 * workers`, ….
    engines: Vec<Engine>,
    number: usize,
    workers: usize,
    /// What clients were told, up to the packet that is being judged.
    answered: Answered,
    /// Whether the writer wants to know each packet's flow.
    keeps_flows: bool,
}

impl Worker {
    pub(super) fn new(number: usize, workers: usize, policy: &Policy, keeps_flows: bool) -> Self {
        let engines = (number..SHARDS)
            .step_by(workers)
            .map(|_| Engine::new(policy.clone()))
            .collect();
        Self {
            engines,
            number,
            workers,
            answered: Answered::default(),
            keeps_flows,
        }
    }

    /// Judges batches until no more come, then tells what is left.
    pub(super) fn work(
        mut self,
        batches: &Receiver<Batch>,
        results: &Sender<Message>,
        finals: &Sender<Vec<FlowSummary>>,
        progress: &mut u64,
    ) {
        for batch in batches {
            *progress = batch.chunk.first_packet();
            if results.send(Message::Part(self.judge(batch))).is_err() {
                return;
            }
        }
        for engine in &mut self.engines {
            if finals.send(engine.finish()).is_err() {
                return;
            }
        }
    }

    fn judge(&mut self, batch: Batch) -> Part {
        let Batch {
            sequence,
            chunk,
            tasks,
            assembled,
            outer,
            told,
        } = batch;
        let mut part = Part {
            sequence,
            chunk,
            drops: Vec::new(),
            flows: Vec::new(),
            quoting: Vec::new(),
            quoted: Vec::new(),
            ended: Vec::new(),
            blocked: Vec::new(),
            forgotten_answers: 0,
        };
        let forgotten_before = self.answered.forgotten();
        let mut told = told.iter().peekable();
        if self.keeps_flows {
            part.flows.reserve_exact(tasks.len());
        }
        for task in &tasks {
            while let Some((_, told)) = told.next_if(|(index, _)| *index < task.index) {
                self.answered.learn(told);
            }
            let Some(engine) = self.engines.get_mut(task.key.shard() / self.workers) else {
                continue;
            };
            if task.role == Role::Quoted {
                let fate = engine.fate(&task.key, task.timestamp);
                part.quoted.extend(fate.map(|fate| Quoted {
                    index: task.index,
                    flow: fate.flow,
                    rule: fate.rule,
                }));
            } else {
                let beside = Beside {
                    assembled: &assembled,
                    outer: &outer,
                    answered: &self.answered,
                };
                judge(task, &beside, engine, &mut part, self.keeps_flows);
            }
        }
        told.for_each(|(_, told)| self.answered.learn(told));
        if self.number == 0 {
            part.forgotten_answers = self.answered.forgotten() - forgotten_before;
        }
        part
    }
}

/// What a task's places lead to, and what is known when it comes.
struct Beside<'a> {
    assembled: &'a [u8],
    outer: &'a [FiveTuple],
    answered: &'a Answered,
}

/// Judges one packet, and notes what comes of it.
fn judge(task: &Task, beside: &Beside<'_>, engine: &mut Engine, part: &mut Part, keeps_flow: bool) {
    let chunk = part.chunk.bytes();
    let (bytes, start) = match (task.payload as usize).checked_sub(chunk.len()) {
        None => (chunk, task.payload as usize),
        Some(start) => (beside.assembled, start),
    };
    let payload = bytes.get(start..start + task.payload_caplen as usize);
    let seen = Observation {
        number: part.chunk.first_packet() + u64::from(task.index),
        timestamp: task.timestamp,
        key: task.key,
        sender: task.sender,
        origlen: task.origlen,
        outer: beside
            .outer
            .get(task.outer.0 as usize..task.outer.1 as usize)
            .unwrap_or_default(),
        is_inside: task.is_inside,
        tunnels: task.tunnels,
        tcp: task.tcp,
        payload: payload.unwrap_or_default(),
        payload_origlen: task.payload_origlen,
    };
    let answer = engine.observe(&seen, beside.answered, &mut part.ended);
    if keeps_flow {
        part.flows.push((task.index, answer.flow));
    }
    if task.role == Role::Quoting {
        part.quoting.push((task.index, answer.flow));
    }
    if let Verdict::Drop(rule) = answer.verdict {
        part.drops.push(task.index);
        if answer.is_news {
            let five_tuple = task.key.five_tuple(task.sender);
            part.blocked.push(Blocked {
                packet: seen.number,
                flow: answer.flow,
                five_tuple,
                rule,
                ground: engine.ground_of_verdict(&task.key).cloned(),
            });
        }
    }
}
