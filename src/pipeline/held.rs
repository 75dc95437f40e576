//! A chunk before it goes to the workers: the lists of its packets, what name servers answer in them, and how many still wait for
//! the rest of their datagram.

use std::net::IpAddr;

use super::tally::Tally;
use super::worker::{Around, Assignment, Role, Task};
use crate::capture::Chunk;
use crate::inspect::dns::answers::{answers, answers_over_tcp};
use crate::key::{FiveTuple, FlowKey, shard_of};
use crate::packet::{IpProtocol, Record};
use crate::passive_dns::{Response, Told};
use crate::services::DNS_PORT;
use crate::wire::{self, PacketView, Payload, Plain, TakePlain};

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

    /// Lists the packets from place `from` on, up to the first that is not plain: its place, or that of the chunk's end.
    ///
    /// One tight loop, because nearly every packet of nearly every capture goes through it.
    pub(super) fn list_plain(&mut self, from: u32, tally: &mut Tally, progress: &mut u64) -> u32 {
        let first_packet = self.chunk.first_packet();
        let bytes = self.chunk.bytes();
        let records = self.chunk.records().get(from as usize..);
        let mut index = from;
        for record in records.unwrap_or_default() {
            *progress = first_packet + u64::from(index);
            let start = record.frame as usize;
            let frame = bytes.get(start..start.saturating_add(record.caplen as usize));
            let mut lister = Lister {
                chunk: &self.chunk,
                place: (index, record),
                tally,
                assignments: &mut self.assignments,
                told: &mut self.told,
            };
            if wire::plain(record.link, frame.unwrap_or_default(), &mut lister).is_none() {
                break;
            }
            index += 1;
        }
        index
    }

    /// Lists a packet that is no fragment.
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

    fn put(&mut self, record: &Record, listed: &Listed<'_>) {
        let Some(tuple) = listed.view.five_tuple else {
            return;
        };
        if tuple.src.port == DNS_PORT {
            let said = Said {
                index: listed.index,
                payload: listed.view.payload,
                assembled: listed.assembled,
                client: tuple.dst.addr,
                protocol: tuple.protocol,
                is_inside: listed.view.is_inside,
            };
            hear(&mut self.told, &self.chunk, record, &said);
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

/// Lists the plain packet at a place.
struct Lister<'a> {
    chunk: &'a Chunk,
    place: (u32, &'a Record),
    tally: &'a mut Tally,
    assignments: &'a mut [Assignment],
    told: &'a mut Vec<(u32, Told)>,
}

impl TakePlain for Lister<'_> {
    // Otherwise all of the packet would be put into memory twice.
    #[inline(always)]
    fn take(&mut self, plain: Plain) {
        let (index, record) = self.place;
        self.tally.add(record, &plain);
        let spread = plain.key.spread();
        // Of 32 bits, because these are divided far quicker.
        let worker = shard_of(spread) as u32 % self.assignments.len() as u32;
        let Some(assignment) = self.assignments.get_mut(worker as usize) else {
            return;
        };
        assignment.tasks.push(Task {
            key: plain.key,
            spread,
            timestamp: record.timestamp,
            index,
            origlen: record.origlen,
            payload: record.frame.saturating_add(plain.payload.offset),
            payload_caplen: plain.payload.caplen,
            payload_origlen: plain.payload.origlen,
            around: 0,
            tcp: plain.tcp,
            sender: plain.sender,
            role: Role::Packet,
        });
        if plain.src_port == DNS_PORT {
            let said = answer_in(index, &plain);
            hear(self.told, self.chunk, record, &said);
        }
    }
}

/// What comes from the port of name servers.
struct Said<'a> {
    index: u32,
    payload: Payload,
    /// The datagram that the payload's offset is into, where it is not the frame itself.
    assembled: Option<&'a [u8]>,
    client: IpAddr,
    protocol: IpProtocol,
    is_inside: bool,
}

#[cold]
fn answer_in(index: u32, plain: &Plain) -> Said<'static> {
    Said {
        index,
        payload: plain.payload,
        assembled: None,
        client: plain.key.endpoint(plain.sender.other()).addr,
        protocol: plain.key.protocol(),
        is_inside: false,
    }
}

/// Notes what a name server answers.
#[cold]
fn hear(told: &mut Vec<(u32, Told)>, chunk: &Chunk, record: &Record, said: &Said<'_>) {
    let bytes = said.assembled.unwrap_or_else(|| chunk.frame(record));
    let start = said.payload.offset as usize;
    let Some(bytes) = bytes.get(start..start.saturating_add(said.payload.caplen as usize)) else {
        return;
    };
    let response = Response {
        packet: chunk.first_packet() + u64::from(said.index),
        at: record.timestamp,
        client: said.client,
        is_inside: said.is_inside,
    };
    let mut tell = |answers| {
        if let Some(one) = Told::new(response, answers) {
            told.push((said.index, one));
        }
    };
    match said.protocol {
        IpProtocol::UDP => {
            if let Some(answers) = answers(bytes) {
                tell(answers);
            }
        }
        IpProtocol::TCP => {
            let found = answers_over_tcp(bytes, said.payload.origlen as usize);
            found.into_iter().for_each(tell);
        }
        _ => {}
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::reader::count;
    use super::*;
    use crate::capture::CaptureReader;
    use crate::stats::PacketCounts;

    /// Made by the project: all kinds of packets, and those that real clients sent.
    const CAPTURES: [&[u8]; 5] = [
        include_bytes!("../../testdata/web.pcap"),
        include_bytes!("../../testdata/protocols.pcap"),
        include_bytes!("../../testdata/dns_answers.pcap"),
        include_bytes!("../../testdata/dns_over_tcp.pcap"),
        include_bytes!("../../testdata/tunnels.pcap"),
    ];
    const WORKERS: usize = 3;

    fn held(capture: &[u8]) -> Held {
        let mut reader = CaptureReader::open(Cursor::new(capture.to_vec())).unwrap();
        let mut chunk = Chunk::new();
        assert!(reader.fill(&mut chunk).unwrap());
        Held::new(0, chunk, (Vec::new(), Vec::new()), WORKERS)
    }

    /// Lists every packet; how many were plain.
    fn list_all(held: &mut Held, with_plain: bool) -> (PacketCounts, Tally, usize) {
        let (mut counts, mut tally) = (PacketCounts::default(), Tally::default());
        let (mut next, mut odd, mut progress) = (0, 0, 0);
        loop {
            if with_plain {
                next = held.list_plain(next, &mut tally, &mut progress);
            }
            let Some(record) = held.record(next) else {
                break;
            };
            let view = wire::decode_by_walk(record.link, held.chunk.frame(&record));
            counts.total += 1;
            counts.bytes += u64::from(record.origlen);
            count(&mut counts, &view);
            held.list((next, &record), &view, &[]);
            next += 1;
            odd += 1;
        }
        (counts, tally, next as usize - odd)
    }

    /// Lists the packets in both ways; how many were plain.
    #[track_caller]
    fn compare(capture: &[u8]) -> usize {
        let [mut by_walk, mut quick] = [held(capture), held(capture)];
        let (expected, _, none) = list_all(&mut by_walk, false);
        let (mut counts, mut tally, plain) = list_all(&mut quick, true);
        assert_eq!(none, 0);
        tally.take(&mut counts);
        assert_eq!(counts, expected);
        for (quick, by_walk) in quick.assignments.iter().zip(&by_walk.assignments) {
            assert_eq!(quick.tasks, by_walk.tasks);
        }
        assert_eq!(format!("{:?}", quick.told), format!("{:?}", by_walk.told));
        plain
    }

    #[test]
    fn plain_packets_are_listed_as_the_walk_would_have_them() {
        let mut plain = 0;
        for capture in CAPTURES {
            plain += compare(capture);
            let mut bytes = capture.to_vec();
            let frames: Vec<usize> = {
                let held = held(capture);
                let places = held.chunk.records().iter();
                // The chunk begins where the capture does.
                places.map(|record| record.frame as usize).collect()
            };
            // One byte of each frame's headers at a time.
            for (step, at) in (0..96).flat_map(|at| [(1, at), (29, at)]) {
                for &frame in &frames {
                    if let Some(byte) = bytes.get_mut(frame + at) {
                        *byte = byte.wrapping_add(step);
                    }
                }
                compare(&bytes);
                bytes.copy_from_slice(capture);
            }
        }
        assert!(plain > 500, "{plain}");
    }

    #[test]
    fn the_span_of_plain_packets_is_that_of_their_records() {
        let mut held = held(CAPTURES[2]);
        let mut tally = Tally::default();
        let end = held.list_plain(0, &mut tally, &mut 0);
        let records = &held.chunk.records()[..end as usize];
        let times = || records.iter().map(|record| record.timestamp);
        let span = tally.take(&mut PacketCounts::default());
        assert!(end > 0);
        assert_eq!(span, Some((times().min().unwrap(), times().max().unwrap())));
        assert_eq!(tally.take(&mut PacketCounts::default()), None);
    }
}
