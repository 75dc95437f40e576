//! The reader thread: fills chunks, decodes each packet once, and hands every worker the list of its own.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::Message;
use super::worker::{Batch, Task};
use crate::capture::{CHUNK_LEN, CaptureError, CaptureReader, Chunk};
use crate::key::FlowKey;
use crate::packet::{IpProtocol, Timestamp};
use crate::stats::{AtomicCounters, PacketCounts, Undecoded};
use crate::wire::{self, Net, PacketView};

pub(super) struct Reader {
    capture: CaptureReader,
    /// Chunks that nobody uses.
    idle: Receiver<Chunk>,
    /// Chunks taken from `idle` and not used yet.
    spare: Vec<Chunk>,
    workers: Vec<Sender<Batch>>,
    counters: Arc<AtomicCounters>,
    span: Option<(Timestamp, Timestamp)>,
    undecoded: Undecoded,
}

impl Reader {
    pub(super) fn new(
        capture: CaptureReader,
        idle: Receiver<Chunk>,
        workers: Vec<Sender<Batch>>,
        counters: Arc<AtomicCounters>,
    ) -> Self {
        Self {
            capture,
            idle,
            spare: Vec::new(),
            workers,
            counters,
            span: None,
            undecoded: Undecoded::default(),
        }
    }

    /// Reads to the end of the capture, or until nobody listens any more.
    pub(super) fn read(mut self, results: &Sender<Message>, progress: &mut u64) {
        let outcome = self.read_all(results, progress);
        let capture = Box::new(self.capture.summary().clone());
        // When the writer has given up, nobody wants to know.
        let _ = results.send(Message::End {
            outcome,
            capture,
            span: self.span,
            undecoded: self.undecoded,
        });
    }

    fn read_all(
        &mut self,
        results: &Sender<Message>,
        progress: &mut u64,
    ) -> Result<(), CaptureError> {
        for sequence in 0.. {
            let Some(mut chunk) = self.spare.pop().or_else(|| self.idle.recv().ok()) else {
                break;
            };
            if !self.capture.fill(&mut chunk)? {
                break;
            }
            *progress = chunk.first_packet();
            if chunk.bytes().len() > 2 * CHUNK_LEN && !self.wait_for_all_others() {
                break;
            }
            if self.hand_out(sequence, chunk, results).is_none() {
                break;
            }
        }
        Ok(())
    }

    /// An oversized chunk travels alone, so that a file of huge records holds the memory of one. Whether anybody is still there.
    fn wait_for_all_others(&mut self) -> bool {
        while self.spare.len() + 1 < super::CHUNKS {
            match self.idle.recv() {
                Ok(chunk) => self.spare.push(chunk),
                Err(_) => return false,
            }
        }
        true
    }

    /// Decodes the packets of a chunk and sends it on its way. `None` when nobody is there any more.
    fn hand_out(&mut self, sequence: u64, chunk: Chunk, results: &Sender<Message>) -> Option<()> {
        let workers = self.workers.len();
        let mut lists: Vec<Vec<Task>> = Vec::new();
        lists.resize_with(workers, || {
            Vec::with_capacity(chunk.records().len() / workers * 5 / 4 + 8)
        });
        let mut counts = PacketCounts::default();
        for (index, record) in (0u32..).zip(chunk.records()) {
            let view = wire::decode(record.link, chunk.frame(record));
            count(&mut counts, &view, record.origlen);
            self.span = Some(match self.span {
                None => (record.timestamp, record.timestamp),
                Some((first, last)) => (first.min(record.timestamp), last.max(record.timestamp)),
            });
            let Some(tuple) = view.five_tuple else {
                view.stop
                    .iter()
                    .for_each(|&stop| self.undecoded.count(stop));
                continue;
            };
            let (key, sender) = FlowKey::of(&tuple);
            if let Some(list) = lists.get_mut(key.shard() % workers) {
                list.push(Task {
                    index,
                    key,
                    sender,
                    timestamp: record.timestamp,
                    origlen: record.origlen,
                    tunnels: view.tunnels,
                    tcp: view.tcp,
                    payload: record.frame.saturating_add(view.payload.offset),
                    payload_caplen: view.payload.caplen,
                    payload_origlen: view.payload.origlen,
                });
            }
        }
        self.counters.add(&counts);
        let chunk = Arc::new(chunk);
        let parts = lists.iter().filter(|list| !list.is_empty()).count();
        results
            .send(Message::Chunk {
                sequence,
                chunk: Arc::clone(&chunk),
                parts,
            })
            .ok()?;
        for (worker, tasks) in self.workers.iter().zip(lists) {
            if !tasks.is_empty() {
                worker
                    .send(Batch {
                        sequence,
                        chunk: Arc::clone(&chunk),
                        tasks,
                    })
                    .ok()?;
            }
        }
        Some(())
    }
}

/// Counts a packet by what it is; its fate is counted by the writer.
fn count(counts: &mut PacketCounts, view: &PacketView, origlen: u32) {
    counts.total += 1;
    counts.bytes += u64::from(origlen);
    counts.fragments += u64::from(view.is_fragment);
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
