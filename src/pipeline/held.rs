//! A chunk before it goes to the workers: the lists of its packets, what name servers answer in them, and how many still wait for
//! the rest of their datagram.

use super::worker::{Around, Assignment, Role, Task};
use crate::capture::Chunk;
use crate::inspect::dns::answers::{answers, answers_over_tcp};
use crate::key::{FiveTuple, FlowKey, shard_of};
use crate::packet::{IpProtocol, Record};
use crate::passive_dns::{Response, Told};
use crate::services::DNS_PORT;
use crate::wire::{self, PacketView};

/// A chunk whose packets were decoded. It is handed out when each of them has its flow.
pub(super) struct Held {
    pub(super) sequence: u64,
    pub(super) chunk: Chunk,
    /// For each worker.
    pub(super) assignments: Vec<Assignment>,
    /// What clients are told, and the place of the packet that does. In capture order as tasks are.
    pub(super) told: Vec<(u32, Told)>,
    /// Fragments whose datagram is not known yet.
    pub(super) waiting: usize,
    /// Whether a packet was listed behind later ones: then all has to be sorted.
    is_unsorted: bool,
}

/// A packet whose flow is known.
struct Listed<'a> {
    index: u32,
    view: &'a PacketView,
    /// The datagram that the view's offsets are into, where it is not the frame itself.
    assembled: Option<&'a [u8]>,
    /// The packets around it.
    outer: &'a [FiveTuple],
    /// The flow that it quotes.
    quoted: Option<FiveTuple>,
}

impl Held {
    /// A chunk of which no packet is listed yet; `spent` are assignments, and an empty list of what clients are told, to be used again.
    pub(super) fn new(
        sequence: u64,
        chunk: Chunk,
        (mut spent, told): (Vec<Assignment>, Vec<(u32, Told)>),
        workers: usize,
    ) -> Self {
        Assignment::clear_all(&mut spent);
        spent.resize_with(workers, Assignment::default);
        Self {
            sequence,
            chunk,
            assignments: spent,
            told,
            waiting: 0,
            is_unsorted: false,
        }
    }

    /// The record at `index`.
    pub(super) fn record(&self, index: u32) -> Option<Record> {
        self.chunk.records().get(index as usize).copied()
    }

    /// Lists a packet that is no fragment.
    #[inline]
    pub(super) fn list(
        &mut self,
        (index, record): (u32, &Record),
        view: &PacketView,
        outer: &[FiveTuple],
    ) {
        let listed = Listed {
            index,
            view,
            assembled: None,
            outer,
            quoted: wire::quoted(view, self.chunk.frame(record)),
        };
        self.put(record, &listed);
    }

    /// Lists a fragment whose datagram is known now; the offsets of `view` are into `bytes`.
    pub(super) fn list_fragment(
        &mut self,
        (index, record): (u32, &Record),
        (view, bytes): (&PacketView, &[u8]),
        outer: &[FiveTuple],
        quoted: Option<FiveTuple>,
    ) {
        self.waiting = self.waiting.saturating_sub(1);
        self.is_unsorted = true;
        let listed = Listed {
            index,
            view,
            assembled: Some(bytes),
            outer,
            quoted,
        };
        self.put(record, &listed);
    }

    /// Puts the tasks, and what clients are told, into capture order.
    pub(super) fn sort(&mut self) {
        if !std::mem::take(&mut self.is_unsorted) {
            return;
        }
        // Stable: a packet may hold several answers.
        self.told.sort_by_key(|(index, _)| *index);
        for assignment in &mut self.assignments {
            // Stable: a question comes after the packet that asks it.
            assignment.tasks.sort_by_key(|task| task.index);
        }
    }

    #[inline]
    fn put(&mut self, record: &Record, listed: &Listed<'_>) {
        let Some(tuple) = listed.view.five_tuple else {
            return;
        };
        if tuple.src.port == DNS_PORT {
            self.hear(record, listed, &tuple);
        }
        let (key, sender) = FlowKey::of(&tuple);
        let chunk_len = self.chunk.bytes().len() as u32;
        let spread = key.spread();
        let workers = self.assignments.len();
        let Some(assignment) = self.assignments.get_mut(shard_of(spread) % workers) else {
            return;
        };
        let payload = listed.view.payload;
        let base = match listed.assembled {
            None => record.frame,
            Some(bytes) => {
                let base = chunk_len.saturating_add(assignment.assembled.len() as u32);
                assignment.assembled.extend_from_slice(bytes);
                base
            }
        };
        let is_plain = !listed.view.is_inside && listed.view.tunnels.is_empty();
        let task = Task {
            key,
            spread,
            timestamp: record.timestamp,
            index: listed.index,
            origlen: record.origlen,
            payload: base.saturating_add(payload.offset),
            payload_caplen: payload.caplen,
            payload_origlen: payload.origlen,
            around: if is_plain {
                0
            } else {
                list_around(assignment, listed)
            },
            tcp: listed.view.tcp,
            sender,
            role: match listed.quoted {
                None => Role::Packet,
                Some(_) => Role::Quoting,
            },
        };
        assignment.tasks.push(task);
        if let Some(quoted) = listed.quoted {
            self.ask(record, listed.index, quoted);
        }
    }

    /// Notes what a name server answers.
    #[cold]
    fn hear(&mut self, record: &Record, listed: &Listed<'_>, tuple: &FiveTuple) {
        let payload = listed.view.payload;
        let bytes = listed.assembled.unwrap_or_else(|| self.chunk.frame(record));
        let start = payload.offset as usize;
        let Some(bytes) = bytes.get(start..start.saturating_add(payload.caplen as usize)) else {
            return;
        };
        let response = Response {
            packet: self.chunk.first_packet() + u64::from(listed.index),
            at: record.timestamp,
            client: tuple.dst.addr,
            is_inside: listed.view.is_inside,
        };
        let tell = |answers| Some((listed.index, Told::new(response, answers)?));
        match tuple.protocol {
            IpProtocol::UDP => self.told.extend(answers(bytes).and_then(tell)),
            IpProtocol::TCP => {
                let found = answers_over_tcp(bytes, payload.origlen as usize);
                self.told.extend(found.into_iter().filter_map(tell));
            }
            _ => {}
        }
    }

    /// Asks the worker of the flow that a packet quotes.
    #[cold]
    fn ask(&mut self, record: &Record, index: u32, quoted: FiveTuple) {
        let (key, sender) = FlowKey::of(&quoted);
        let spread = key.spread();
        let workers = self.assignments.len();
        if let Some(assignment) = self.assignments.get_mut(shard_of(spread) % workers) {
            assignment.tasks.push(Task {
                key,
                spread,
                timestamp: record.timestamp,
                index,
                origlen: record.origlen,
                payload: 0,
                payload_caplen: 0,
                payload_origlen: 0,
                around: 0,
                tcp: None,
                sender,
                role: Role::Quoted,
            });
        }
    }
}

/// Lists what a packet came through; its place, counted from 1.
#[cold]
fn list_around(assignment: &mut Assignment, listed: &Listed<'_>) -> u32 {
    let from = assignment.outer.len() as u32;
    assignment.outer.extend_from_slice(listed.outer);
    assignment.around.push(Around {
        tunnels: listed.view.tunnels,
        is_inside: listed.view.is_inside,
        outer: (from, assignment.outer.len() as u32),
    });
    assignment.around.len() as u32
}
