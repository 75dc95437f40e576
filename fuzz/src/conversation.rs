//! A few flows, packet by packet: the pure engine without capture, decoder and threads.
//!
//! What holds: every packet is counted in one flow; a flow that was blocked stays so; and nothing depends on the random
//! numbers that tables are hashed with.

use std::collections::HashMap;

use dpi_engine::engine::{
    Answer, Ended, Engine, MAX_NAME_BYTES_PER_FLOW, MAX_NAMES_PER_FLOW, Policy, Verdict,
};
use dpi_engine::flow::FlowSummary;
use dpi_engine::inspect::tls::MAX_ALPN;
use dpi_engine::key::{Endpoint, FiveTuple, FlowKey, SHARDS};
use dpi_engine::observation::Observation;
use dpi_engine::packet::{IpProtocol, TcpFlags, TcpSegment, Timestamp};
use dpi_engine::rules::Removal;
use dpi_engine::tunnel::Tunnels;

use crate::engine::policies;
use crate::inspect::is_fit_to_show;
use crate::script::Script;

/// Packets of a script.
const MAX_PACKETS: usize = 256;
/// Flows that the engine holds; there may be more of them.
const FLOWS_PER_SHARD: usize = 3;
/// Servers' ports that mean something, and two that do not.
const PORTS: [u16; 16] = [
    443, 80, 53, 5353, 5355, 853, 25, 137, 1194, 1701, 3478, 4433, 5060, 8080, 40_000, 22,
];
/// Protocols: TCP and UDP above all.
const PROTOCOLS: [IpProtocol; 8] = [
    IpProtocol::TCP,
    IpProtocol::TCP,
    IpProtocol::TCP,
    IpProtocol::UDP,
    IpProtocol::UDP,
    IpProtocol::UDP,
    IpProtocol::SCTP,
    IpProtocol::ICMP,
];

/// One flow's place in its script.
struct Talk {
    client: FiveTuple,
    /// The next sequence number of either side.
    next: [u32; 2],
}

/// A script of flows and their packets.
pub fn conversation(bytes: &[u8]) {
    let mut script = Script(bytes);
    let policies = policies();
    let policy = Policy {
        max_flows: FLOWS_PER_SHARD * SHARDS,
        ..policies[script.below(policies.len())].clone()
    };
    let mut talks: Vec<_> = (1..=1 + script.below(6))
        .map(|n| Talk::begin(n as u8, &mut script))
        .collect();
    let mut engines = [Engine::new(policy.clone()), Engine::new(policy.clone())];
    let mut ended = [Vec::new(), Vec::new()];
    let mut told = Told::default();
    let mut ns = 0_i64;
    for number in 1..=MAX_PACKETS as u64 {
        if script.is_over() {
            break;
        }
        let kind = script.u8();
        ns += match kind >> 6 {
            3 => i64::from(script.u8()) * 20_000_000_000,
            _ => 1_000_000,
        };
        let count = talks.len();
        let talk = &mut talks[usize::from(kind >> 3 & 7) % count];
        let step = talk.step(kind, &mut script);
        let (key, sender) = FlowKey::of(&step.tuple);
        let seen = Observation {
            number,
            timestamp: Timestamp::from_ns(ns),
            key,
            sender,
            origlen: 60 + step.origlen,
            outer: &[],
            is_inside: false,
            tunnels: Tunnels::default(),
            tcp: step.tcp,
            payload: step.payload,
            payload_origlen: step.origlen,
        };
        let [one, other] = &mut engines;
        let answer = one.observe(&seen, None, &mut ended[0]);
        assert_eq!(answer, other.observe(&seen, None, &mut ended[1]));
        // One that holds too much is closed by the packet that says it.
        match one.fate(&key, seen.timestamp) {
            Some(fate) => assert_eq!(fate.flow, answer.flow),
            None => assert!(
                ended[0]
                    .iter()
                    .any(|ended| (ended.at, ended.flow.first_packet) == (number, answer.flow)),
                "the flow was just seen"
            ),
        }
        told.hear(answer, &seen);
    }
    assert_eq!(ended[0], ended[1]);
    let mut flows: Vec<FlowSummary> = std::mem::take(&mut ended[0])
        .into_iter()
        .map(|Ended { flow, .. }| flow)
        .collect();
    let [left, others] = engines.map(|mut engine| engine.finish());
    assert_eq!(left, others);
    flows.extend(left);
    told.check(&flows, policy.removal);
}

/// One packet of a script.
struct Step<'a> {
    tuple: FiveTuple,
    tcp: Option<TcpSegment>,
    payload: &'a [u8],
    origlen: u32,
}

impl Talk {
    fn begin(number: u8, script: &mut Script<'_>) -> Self {
        let kind = script.u8();
        let protocol = PROTOCOLS[usize::from(kind & 7)];
        let server = PORTS[usize::from(kind >> 4)];
        let client = if kind & 8 == 0 {
            40_000 + u16::from(number)
        } else {
            server
        };
        let end = |addr: [u8; 4], port| Endpoint {
            addr: addr.into(),
            port,
        };
        Self {
            client: FiveTuple {
                src: end([10, 0, 0, number], client),
                dst: end([192, 0, 2, number], server),
                protocol,
            },
            next: [1000; 2],
        }
    }

    fn step<'a>(&mut self, kind: u8, script: &mut Script<'a>) -> Step<'a> {
        let side = usize::from(kind & 1);
        let tuple = match side {
            0 => self.client,
            _ => FiveTuple {
                src: self.client.dst,
                dst: self.client.src,
                ..self.client
            },
        };
        let flags = if kind & 2 == 0 {
            TcpFlags::ACK.0
        } else {
            script.u8()
        };
        let payload = script.piece();
        let (mut seq, mut cut) = (self.next[side], 0);
        if kind & 4 != 0 {
            seq = seq.wrapping_add(script.u16().into()).wrapping_sub(1 << 14);
            cut = script.u8().into();
        }
        let origlen = payload.len() as u32 + cut;
        let is_syn = TcpFlags(flags).has(TcpFlags::SYN);
        self.next[side] = seq.wrapping_add(origlen).wrapping_add(is_syn.into());
        let tcp = TcpSegment {
            flags: TcpFlags(flags),
            seq,
        };
        Step {
            tuple,
            tcp: (tuple.protocol == IpProtocol::TCP).then_some(tcp),
            payload,
            origlen,
        }
    }
}

/// What the engine answered, summed up.
#[derive(Default)]
struct Told {
    packets: u64,
    bytes: u64,
    dropped: u64,
    /// The last verdict of each flow that is not to go on as it is.
    verdicts: HashMap<u64, Verdict>,
}

impl Told {
    fn hear(&mut self, answer: Answer, seen: &Observation<'_>) {
        self.packets += 1;
        self.bytes += u64::from(seen.origlen);
        assert!((1..=seen.number).contains(&answer.flow));
        let before = self.verdicts.get(&answer.flow).copied();
        // Blocked until it is allowed, and allowed for good.
        match (before, answer.verdict) {
            (None | Some(Verdict::Drop(_)), Verdict::Allow(_)) | (None, _) => {}
            (before, now) => assert_eq!(before, Some(now), "a verdict that changed"),
        }
        if let Some(rule) = answer.news {
            let told = [Verdict::Drop(rule), Verdict::Allow(rule)];
            assert!(told.contains(&answer.verdict) && before != Some(answer.verdict));
        }
        if answer.verdict != Verdict::Forward {
            self.verdicts.insert(answer.flow, answer.verdict);
        }
        self.dropped += u64::from(matches!(answer.verdict, Verdict::Drop(_)));
    }

    fn check(&self, flows: &[FlowSummary], removal: Removal) {
        let sum = |figure: fn(&FlowSummary) -> u64| flows.iter().map(figure).sum::<u64>();
        assert_eq!(sum(|flow| flow.packets), self.packets);
        assert_eq!(sum(|flow| flow.bytes), self.bytes);
        if removal == Removal::Inline {
            assert_eq!(sum(FlowSummary::dropped_in_all), self.dropped);
        }
        flows.iter().for_each(is_sound);
        for flow in flows {
            let told = self.verdicts.get(&flow.first_packet).copied();
            let rules = [
                flow.rule.map(Verdict::Drop),
                flow.allowed.map(Verdict::Allow),
            ];
            assert_eq!(rules.into_iter().flatten().next(), told);
        }
    }
}

/// What holds of every flow that is told.
pub fn is_sound(flow: &FlowSummary) {
    assert!(flow.packets > 0 && flow.dropped_packets <= flow.packets);
    assert!(flow.dropped_bytes <= flow.bytes);
    let findings = flow.findings();
    assert!(findings.names.len() <= MAX_NAMES_PER_FLOW && findings.alpn.iter().count() <= MAX_ALPN);
    let lens = findings.names.iter().map(|found| found.name.as_str().len());
    assert!(lens.sum::<usize>() <= 2 * MAX_NAME_BYTES_PER_FLOW);
    findings
        .names
        .iter()
        .for_each(|found| is_fit_to_show(&found.name));
}
