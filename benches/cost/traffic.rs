//! The packets of a capture in `testdata`, decoded; and what else more than one bench is fed with.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use dpi_engine::capture::{CaptureReader, Chunk};
use dpi_engine::catalogue::Catalogue;
use dpi_engine::engine::{DEFAULT_MAX_FLOWS, Engine, Policy};
use dpi_engine::flow::FlowSummary;
use dpi_engine::key::{FiveTuple, FlowKey};
use dpi_engine::observation::Observation;
use dpi_engine::packet::{IpProtocol, LinkType, Timestamp};
use dpi_engine::rules::{Removal, RuleSet, RuleSetBuilder};
use dpi_engine::wire::{self, PacketView};

/// Length of a pcap's file header: what follows are records, and may be repeated.
const FILE_HEADER_LEN: usize = 24;

/// A packet and what its headers say.
pub(crate) struct Packet {
    pub(crate) link: Option<LinkType>,
    pub(crate) frame: Vec<u8>,
    pub(crate) view: PacketView,
    timestamp: Timestamp,
    origlen: u32,
}

impl Packet {
    /// The transport's payload, as far as it was captured.
    pub(crate) fn payload(&self) -> &[u8] {
        let start = self.view.payload.offset as usize;
        let end = start + self.view.payload.caplen as usize;
        self.frame.get(start..end).unwrap_or_default()
    }

    /// Who sent it to whom, unless nothing can be read of that.
    pub(crate) fn five_tuple(&self) -> Option<FiveTuple> {
        self.view.five_tuple
    }

    /// The packet as the engine takes it in, of the flow of `tuple`.
    pub(crate) fn observation(&self, number: u64, tuple: &FiveTuple) -> Observation<'_> {
        let (key, sender) = FlowKey::of(tuple);
        Observation {
            number,
            timestamp: self.timestamp,
            key,
            sender,
            origlen: self.origlen,
            outer: &[],
            is_inside: self.view.is_inside,
            tunnels: self.view.tunnels,
            tcp: self.view.tcp,
            payload: self.payload(),
            payload_origlen: self.view.payload.origlen,
        }
    }
}

/// The file of that name in `testdata`.
pub(crate) fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    std::fs::read(folder.join(name)).expect("a capture of testdata")
}

/// The records of a pcap of `testdata`, one behind the other so many times.
pub(crate) fn repeated(name: &str, times: usize) -> Vec<u8> {
    let mut bytes = file(name);
    let records = bytes.get(FILE_HEADER_LEN..).expect("a pcap").to_vec();
    for _ in 1..times {
        bytes.extend(&records);
    }
    bytes
}

/// Opens a capture that lies in memory.
pub(crate) fn open(bytes: impl AsRef<[u8]> + Send + 'static) -> CaptureReader {
    CaptureReader::open(Cursor::new(bytes)).expect("a capture")
}

/// All packets of a capture of `testdata`.
pub(crate) fn packets(name: &str) -> Vec<Packet> {
    let mut capture = open(file(name));
    let mut chunk = Chunk::new();
    let mut packets = Vec::new();
    while capture.fill(&mut chunk).expect("a whole capture") {
        packets.extend(chunk.records().iter().map(|record| {
            let frame = chunk.frame(record).to_vec();
            Packet {
                link: record.link,
                view: wire::decode(record.link, &frame),
                frame,
                timestamp: record.timestamp,
                origlen: record.origlen,
            }
        }));
    }
    packets
}

/// The payloads of one protocol in a capture of `testdata`, in order; empty ones are left out.
pub(crate) fn payloads(name: &str, protocol: IpProtocol) -> Vec<Vec<u8>> {
    packets(name)
        .iter()
        .filter(|packet| {
            let tuple = packet.five_tuple();
            tuple.is_some_and(|tuple| tuple.protocol == protocol)
        })
        .map(|packet| packet.payload().to_vec())
        .filter(|payload| !payload.is_empty())
        .collect()
}

/// Bytes that look like nothing, as encrypted ones do: the same in every run.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes = std::iter::repeat_with(|| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    });
    bytes.take(len).collect()
}

/// The built-in catalogue and rules that block the first `rules` numbers of each kind; 0 for none at all.
pub(crate) fn policy(rules: u16) -> Policy {
    let catalogue = Catalogue::builtin().expect("the built-in catalogue");
    Policy {
        rules: Arc::new(rule_set(&catalogue, rules)),
        catalogue: Arc::new(catalogue),
        removal: Removal::Inline,
        block_by_dns: false,
        with_dns: false,
        max_flows: DEFAULT_MAX_FLOWS,
        fingerprints: false,
        offsets: false,
    }
}

fn rule_set(catalogue: &Catalogue, count: u16) -> RuleSet {
    let mut rules = RuleSetBuilder::new(catalogue);
    for number in 0..count {
        let [high, low] = number.to_be_bytes();
        let outcome = rules
            .block_ip(&format!("198.18.{high}.{low}"), "bench")
            .and_then(|()| rules.block_port(&format!("{}", 20_000 + number), "bench"))
            .and_then(|()| rules.block_domain(&format!("*.ads-{number}.example"), "bench"));
        outcome.expect("rules of this bench");
    }
    for (_, app) in catalogue.apps().take(usize::from(count)) {
        rules
            .block_app(&app.name, "bench")
            .expect("a name of the catalogue");
    }
    rules.build()
}

/// The flows of a capture of `testdata`, as they are told when it ends.
pub(crate) fn flows(name: &str) -> Vec<FlowSummary> {
    let packets = packets(name);
    let mut engine = Engine::new(policy(0));
    let mut ended = Vec::new();
    for (number, packet) in (1..).zip(&packets) {
        if let Some(tuple) = packet.five_tuple() {
            engine.observe(&packet.observation(number, &tuple), None, &mut ended);
        }
    }
    let mut flows: Vec<_> = ended.into_iter().map(|ended| ended.flow).collect();
    flows.extend(engine.finish());
    flows
}
