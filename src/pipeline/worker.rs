//! A worker thread: owns some of the shards, and judges the packets that fall to them.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::{Blocked, Message};
use crate::capture::Chunk;
use crate::engine::{Ended, Engine, Policy, Verdict};
use crate::flow::FlowSummary;
use crate::key::{FlowKey, SHARDS, Side};
use crate::observation::Observation;
use crate::packet::{TcpSegment, Timestamp};
use crate::tunnel::Tunnels;

/// A decoded packet on its way to its worker; its bytes are in the chunk.
pub(super) struct Task {
    /// Place among the chunk's records.
    pub(super) index: u32,
    pub(super) key: FlowKey,
    pub(super) sender: Side,
    pub(super) timestamp: Timestamp,
    pub(super) origlen: u32,
    pub(super) tunnels: Tunnels,
    pub(super) tcp: Option<TcpSegment>,
    /// Offset of the transport's payload in the chunk.
    pub(super) payload: u32,
    pub(super) payload_caplen: u32,
    pub(super) payload_origlen: u32,
}

/// One worker's packets of one chunk, in capture order.
pub(super) struct Batch {
    pub(super) sequence: u64,
    pub(super) chunk: Arc<Chunk>,
    pub(super) tasks: Vec<Task>,
}

/// What a worker says of a batch. Gives the chunk back, so that the writer is its last holder.
pub(super) struct Part {
    pub(super) sequence: u64,
    pub(super) chunk: Arc<Chunk>,
    /// Places of the packets to drop, ascending.
    pub(super) drops: Vec<u32>,
    /// Place and flow of every packet; only when asked for.
    pub(super) flows: Vec<(u32, u64)>,
    /// Flows that ended, in order.
    pub(super) ended: Vec<Ended>,
    /// Verdicts just reached, in order.
    pub(super) blocked: Vec<Blocked>,
}

pub(super) struct Worker {
    /// Shards `number`, `number + workers`, `number + 2 * workers`, ….
    engines: Vec<Engine>,
    workers: usize,
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
            workers,
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
        } = batch;
        let mut part = Part {
            sequence,
            chunk,
            drops: Vec::new(),
            flows: Vec::new(),
            ended: Vec::new(),
            blocked: Vec::new(),
        };
        if self.keeps_flows {
            part.flows.reserve_exact(tasks.len());
        }
        for task in tasks {
            let start = task.payload as usize;
            let payload = part
                .chunk
                .bytes()
                .get(start..start + task.payload_caplen as usize)
                .unwrap_or_default();
            let seen = Observation {
                number: part.chunk.first_packet() + u64::from(task.index),
                timestamp: task.timestamp,
                key: task.key,
                sender: task.sender,
                origlen: task.origlen,
                tunnels: task.tunnels,
                tcp: task.tcp,
                payload,
                payload_origlen: task.payload_origlen,
            };
            let Some(engine) = self.engines.get_mut(task.key.shard() / self.workers) else {
                continue;
            };
            let answer = engine.observe(&seen, &mut part.ended);
            if self.keeps_flows {
                part.flows.push((task.index, answer.flow));
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
                    });
                }
            }
        }
        part
    }
}
