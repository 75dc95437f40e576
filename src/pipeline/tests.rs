//! The pipeline by itself: what must hold whoever is faster, and where nobody is.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::catalogue::Catalogue;
use crate::rules::{Removal, RuleSetBuilder};

/// A source that is always behind: one record a read.
struct Trickle {
    records: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        if self.records > 0 {
            self.records -= 1;
            // A frame of four bytes, of which nothing can be decoded.
            bytes = [[0; 4], [0; 4], [4, 0, 0, 0], [4, 0, 0, 0], [0; 4]].concat();
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

pub(super) struct Nobody;

impl Sink for Nobody {
    fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
        Ok(())
    }
}

/// A payload that kills the worker that looks at it; only in tests of this crate.
pub(crate) const DEADLY: &[u8] = b"\0\xffthe worker dies of this";

pub(super) fn die_of(payload: &[u8]) {
    assert!(payload != DEADLY, "a deadly payload");
}

/// Packets of a flow that kills the worker that ends it; only in the tests below.
const DEADLY_PACKETS: u64 = 4919;

pub(super) fn die_of_end(flows: &[FlowSummary]) {
    let is_deadly = |flow: &FlowSummary| flow.packets == DEADLY_PACKETS;
    assert!(!flows.iter().any(is_deadly), "a deadly end");
}

/// A pcap of raw IPv4: UDP datagrams with these payloads, each of a flow of its own.
pub(crate) fn datagrams(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    for (number, payload) in (1u16..).zip(payloads) {
        let len = (28 + payload.len()) as u32;
        bytes.extend([[0; 4], [0; 4], len.to_le_bytes(), len.to_le_bytes()].as_flattened());
        // Version 4, five words; length, id, no fragment; TTL, UDP, checksum; 10.0.0.1 to 10.0.0.2.
        bytes.extend([0x45, 0, 0, len as u8, 0, 0, 0, 0, 64, 17, 0, 0]);
        bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        // From a port of its own to 9999; length, no checksum.
        bytes.extend((40_000 + number).to_be_bytes());
        bytes.extend([0x27, 0x0f, 0, len as u8 - 20, 0, 0]);
        bytes.extend(*payload);
    }
    bytes
}

pub(super) fn policy() -> Policy {
    let catalogue = Catalogue::builtin().unwrap();
    Policy {
        rules: Arc::new(RuleSetBuilder::new(&catalogue).build()),
        catalogue: Arc::new(catalogue),
        removal: Removal::Inline,
        with_dns: false,
        block_by_dns: false,
        max_flows: 64,
        fingerprints: false,
        offsets: false,
    }
}

/// Runs `source` with so many workers.
fn run_on(
    source: impl Read + Send + 'static,
    workers: usize,
    packets: Packets<'_>,
    sink: &mut dyn Sink,
) -> Result<Ran, PipelineError> {
    let capture = CaptureReader::open(source).unwrap();
    run(capture, workers, &policy(), packets, sink)
}

/// Who died, and at which packet; and what the user is told.
#[track_caller]
fn death(ended: Result<Ran, PipelineError>) -> (String, u64) {
    let error = ended.unwrap_err();
    let message = error.to_string();
    let PipelineError::Died { name, packet } = error else {
        panic!("{message}");
    };
    for word in [&*name, &format!("packet {packet};"), "please report"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    (name, packet)
}

#[test]
fn a_worker_that_dies_ends_the_run_and_tells_its_packet() {
    let mut payloads = vec![&b"harmless"[..]; 5000];
    payloads[4321] = DEADLY;
    for workers in [0, 2] {
        let source = io::Cursor::new(datagrams(&payloads));
        let (name, packet) = death(run_on(
            source,
            workers,
            Packets::Write(Outputs::default()),
            &mut Nobody,
        ));
        assert!(name.starts_with("worker-"), "{name}");
        assert_eq!(packet, 4322);
    }
}

#[test]
fn a_worker_that_dies_while_it_ends_flows_ends_the_run_and_tells_its_last_packet() {
    let one = datagrams(&[b"harmless"]);
    let (head, record) = one.split_at(24);
    let deadly = [head, &record.repeat(DEADLY_PACKETS as usize)].concat();
    for workers in [0, 1, 2] {
        let (packets, source) = (Packets::Write(Outputs::default()), deadly.clone());
        let source = io::Cursor::new(source);
        let (name, packet) = death(run_on(source, workers, packets, &mut Nobody));
        assert!(name.starts_with("worker-"), "{name}");
        assert_eq!(packet, DEADLY_PACKETS);
    }
}

#[test]
fn a_reader_that_dies_ends_the_run_and_tells_its_packet() {
    struct Dies;
    impl Read for Dies {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("the reader dies of this")
        }
    }
    for workers in [0, 2] {
        let source = io::Cursor::new(datagrams(&[b"one", b"two"])).chain(Dies);
        let dead = death(run_on(
            source,
            workers,
            Packets::Write(Outputs::default()),
            &mut Nobody,
        ));
        assert_eq!(dead, ("reader".to_owned(), 2));
    }
}

#[test]
fn a_writer_that_dies_ends_the_run_and_tells_its_chunk() {
    struct Dies;
    impl Sink for Dies {
        fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
            panic!("the writer dies of this")
        }
    }
    // More flows than the table holds: the first is told before the capture ends.
    for workers in [0, 2] {
        let source = io::Cursor::new(datagrams(&[&b"harmless"[..]; 200]));
        let dead = death(run_on(
            source,
            workers,
            Packets::Write(Outputs::default()),
            &mut Dies,
        ));
        assert_eq!(dead, ("writer".to_owned(), 1));
    }

    struct DiesToo;
    impl io::Write for DiesToo {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("the writer dies of this")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let capture = || CaptureReader::open(io::Cursor::new(datagrams(&[b"one"]))).unwrap();
    let mut fates = Fates::default();
    run(
        capture(),
        1,
        &policy(),
        Packets::Note(&mut fates),
        &mut Nobody,
    )
    .unwrap();
    let mut dies = DiesToo;
    let outputs = Outputs {
        forwarded: Some(&mut dies),
        dropped: None,
    };
    let second = write_judged(capture(), &mut fates, Removal::WholeFlow, outputs).unwrap_err();
    assert!(
        matches!(second, PipelineError::Died { packet: 1, .. }),
        "{second}"
    );
}

#[test]
fn no_chunk_is_lost_however_fast_the_writer_is() {
    const RECORDS: usize = 20_000;
    let head: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
    for workers in [0, 2] {
        let source = head.chain(Trickle { records: RECORDS });
        let (done_out, done) = mpsc::channel();
        std::thread::spawn(move || {
            let packets = Packets::Write(Outputs::default());
            let ran = run_on(source, workers, packets, &mut Nobody).unwrap();
            let _ = done_out.send(ran.counts.total);
        });
        let total = done.recv_timeout(Duration::from_secs(120));
        assert_eq!(
            total,
            Ok(RECORDS as u64),
            "the reader waits for a chunk that is gone"
        );
    }
}

/// A pcap that makes chunks wait: a fragment whose datagram never comes, before more chunks than wait for it, one of them too large to
/// travel with others; and another fragment at the end. A binding request of STUN in every third datagram.
fn waiting() -> Vec<u8> {
    let stun = b"\0\x01\0\0\x21\x12\xa4\x42twelve bytes";
    let payloads: Vec<&[u8]> = (0..15_000)
        .map(|number| match number % 3 {
            0 => &stun[..],
            _ => &[0xff; 210],
        })
        .collect();
    let records = datagrams(&payloads);
    let (head, records) = records.split_at(24);
    let record = |packet: &[u8]| {
        let len = (packet.len() as u32).to_le_bytes();
        [&[0; 8], &len[..], &len, packet].concat()
    };
    // Its eight bytes follow on eight that never come, and more are to follow.
    let mut fragment = vec![0x45, 0, 0, 28, 0, 7, 0x20, 1, 64, 17, 0, 0];
    fragment.extend([10, 0, 0, 3, 10, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
    let fragment = record(&fragment);
    let huge = record(&vec![0; 3 * CHUNK_LEN]);
    [head, &fragment, records, &huge, records, &fragment].concat()
}

#[derive(Debug, Default, PartialEq)]
struct Told(Vec<FlowSummary>, Vec<(u64, u64)>);

impl Sink for Told {
    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()> {
        self.0.push(flow.clone());
        Ok(())
    }

    fn judged(&mut self, news: &Judged) {
        self.1.push((news.packet, news.flow));
    }
}

#[test]
fn a_run_without_threads_tells_the_same() {
    let catalogue = Catalogue::builtin().unwrap();
    let mut rules = RuleSetBuilder::new(&catalogue);
    rules.block_app("STUN", "test").unwrap();
    let policy = Policy {
        rules: Arc::new(rules.build()),
        ..policy()
    };
    let of = |workers| {
        let capture = CaptureReader::open(io::Cursor::new(waiting())).unwrap();
        let (mut forwarded, mut dropped) = (Vec::new(), Vec::new());
        let outputs = Outputs {
            forwarded: Some(&mut forwarded),
            dropped: Some(&mut dropped),
        };
        let mut told = Told::default();
        let packets = Packets::Write(outputs);
        let ran = run(capture, workers, &policy, packets, &mut told).unwrap();
        (ran.counts, ran.fragments, forwarded, dropped, told)
    };
    let alone = of(0);
    assert_eq!((alone.0.total, alone.0.dropped), (30_003, 10_000));
    assert_eq!(alone.0.fragments, 2);
    for workers in [1, 3] {
        assert!(of(workers) == alone, "{workers} workers");
    }
}

#[test]
fn verdicts_are_told_to_who_listens_and_nobody_else() {
    /// Whether it listens, and what it heard.
    struct Listens(bool, usize);
    impl Sink for Listens {
        fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
            Ok(())
        }

        fn hears_judged(&self) -> bool {
            self.0
        }

        fn judged(&mut self, _: &Judged) {
            self.1 += 1;
        }
    }
    let catalogue = Catalogue::builtin().unwrap();
    let mut rules = RuleSetBuilder::new(&catalogue);
    rules.block_ip("10.0.0.1", "test").unwrap();
    let policy = Policy {
        rules: Arc::new(rules.build()),
        ..policy()
    };
    for (listens, heard) in [(true, 3), (false, 0)] {
        let capture = io::Cursor::new(datagrams(&[b"a".as_slice(); 3]));
        let capture = CaptureReader::open(capture).unwrap();
        let mut sink = Listens(listens, 0);
        let packets = Packets::Write(Outputs::default());
        let ran = run(capture, 1, &policy, packets, &mut sink).unwrap();
        assert_eq!((ran.counts.dropped, sink.1), (3, heard));
    }
}

#[test]
fn flows_that_were_held_are_told_a_few_at_a_time() {
    /// Flows told, and the most at once.
    struct Counts(usize, usize);
    impl Sink for Counts {
        fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
            Ok(())
        }

        fn flows(&mut self, flows: &[FlowSummary]) -> io::Result<()> {
            self.0 += flows.len();
            self.1 = self.1.max(flows.len());
            Ok(())
        }
    }
    // Each asks a name server for the address of a.example: all are held until the end.
    let query = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";
    let mut capture = datagrams(&[&query[..]; 200]);
    for record in capture[24..].chunks_mut(16 + 28 + query.len()) {
        record[16 + 22..][..2].copy_from_slice(&53u16.to_be_bytes());
    }
    let policy = Policy {
        removal: Removal::WholeFlow,
        with_dns: true,
        ..policy()
    };
    let capture = CaptureReader::open(io::Cursor::new(capture)).unwrap();
    let (mut told, mut fates) = (Counts(0, 0), Fates::default());
    run(capture, 1, &policy, Packets::Note(&mut fates), &mut told).unwrap();
    assert_eq!((told.0, told.1), (200, writer::TOLD_TOGETHER));
}

#[test]
fn flows_that_are_left_are_told_alike_by_any_number_of_workers() {
    /// Flows told, and the most at once.
    #[derive(Debug, Default, PartialEq)]
    struct Together(Vec<FlowSummary>, usize);
    impl Sink for Together {
        fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
            Ok(())
        }

        fn flows(&mut self, flows: &[FlowSummary]) -> io::Result<()> {
            self.0.extend_from_slice(flows);
            self.1 = self.1.max(flows.len());
            Ok(())
        }
    }
    // More than a piece in most shards; every third is blocked.
    const FLOWS: usize = 20_001;
    let stun = b"\0\x01\0\0\x21\x12\xa4\x42twelve bytes";
    let payloads = [&stun[..], b"", b""];
    let payloads: Vec<_> = payloads.into_iter().cycle().take(FLOWS).collect();
    let capture = datagrams(&payloads);
    let catalogue = Catalogue::builtin().unwrap();
    let mut rules = RuleSetBuilder::new(&catalogue);
    rules.block_app("STUN", "test").unwrap();
    let rules = Arc::new(rules.build());
    for removal in [Removal::Inline, Removal::WholeFlow] {
        let policy = Policy {
            rules: Arc::clone(&rules),
            max_flows: 2 * FLOWS,
            removal,
            ..policy()
        };
        let of = |workers| {
            let capture = CaptureReader::open(io::Cursor::new(capture.clone())).unwrap();
            let (mut told, mut fates) = (Together::default(), Fates::default());
            let packets = match removal {
                Removal::Inline => Packets::Write(Outputs::default()),
                _ => Packets::Note(&mut fates),
            };
            let ran = run(capture, workers, &policy, packets, &mut told).unwrap();
            (ran.counts, told)
        };
        let alone = of(0);
        let (counts, told) = &alone;
        assert_eq!(counts.dropped, FLOWS as u64 / 3, "{removal:?}");
        assert_eq!((told.0.len(), told.1), (FLOWS, writer::TOLD_TOGETHER));
        for workers in [1, 3, SHARDS, SHARDS + 1] {
            assert!(of(workers) == alone, "{removal:?}, {workers} workers");
        }
    }
}
