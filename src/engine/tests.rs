//! The engine by itself: a hand-moved clock, made packets, one shard.

mod allowing;
mod answers;
mod beginning;
mod offers;
mod places;
mod repeating;

use super::*;
use crate::flow::FlowState;
use crate::key::{Endpoint, FiveTuple};
use crate::packet::{TcpFlags, TcpSegment};
use crate::passive_dns::Answered;
use crate::rules::{Action, Kind, RuleSetBuilder};
use crate::tunnel::{Tunnel, Tunnels};

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;

/// One shard and the packets that were sent through it.
struct Bench {
    engine: Engine,
    ended: Vec<Ended>,
    number: u64,
    seconds: i64,
    /// Of the packets that are sent from now on.
    tunnels: Tunnels,
    /// Packets around those that are sent.
    outer: Vec<FiveTuple>,
    /// What clients were told.
    answered: Answered,
}

/// A question for `blocked.example`, type A.
const QUESTION: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07blocked\x07example\x00\x00\x01\x00\x01";

impl Bench {
    fn new(rules: &[&str], flows_per_shard: usize, whole_flow: bool) -> Self {
        let catalogue = Catalogue::builtin().unwrap();
        Self::knowing(catalogue, rules, flows_per_shard, whole_flow)
    }

    /// The same with other applications than the built-in ones.
    fn knowing(
        catalogue: Catalogue,
        rules: &[&str],
        flows_per_shard: usize,
        whole_flow: bool,
    ) -> Self {
        let removal = if whole_flow {
            Removal::WholeFlow
        } else {
            Removal::Inline
        };
        Self::judging(catalogue, rules, flows_per_shard, removal)
    }

    /// The same with other ways to remove. A rule that begins with `+` allows.
    fn judging(
        catalogue: Catalogue,
        rules: &[&str],
        flows_per_shard: usize,
        removal: Removal,
    ) -> Self {
        let mut builder = RuleSetBuilder::new(&catalogue);
        for rule in rules {
            let (action, rule) = match rule.strip_prefix('+') {
                Some(rule) => (Action::Allow, rule),
                None => (Action::Block, *rule),
            };
            let (kind, text) = rule.split_once(':').unwrap();
            let kind = match kind {
                "ip" => Kind::Ip,
                "port" => Kind::Port,
                "app" => Kind::App,
                _ => Kind::Domain,
            };
            builder.add((action, kind), text, "test").unwrap();
        }
        let policy = Policy {
            rules: Arc::new(builder.build()),
            catalogue: Arc::new(catalogue),
            removal,
            block_by_dns: false,
            with_dns: false,
            max_flows: flows_per_shard * SHARDS,
            fingerprints: true,
            offsets: true,
        };
        Self {
            engine: Engine::new(policy),
            ended: Vec::new(),
            number: 0,
            outer: Vec::new(),
            answered: Answered::default(),
            seconds: 0,
            tunnels: Tunnels::default(),
        }
    }

    /// Sends a packet; whether it was forwarded.
    fn send(&mut self, tuple: FiveTuple, flags: Option<u8>, payload: &[u8]) -> bool {
        let tcp = flags.map(|flags| TcpSegment {
            flags: TcpFlags(flags),
            seq: 1000,
        });
        self.packet(tuple, tcp, payload)
    }

    /// Sends data at a place in the sender's stream.
    fn segment(&mut self, tuple: FiveTuple, seq: u32, payload: &[u8]) -> bool {
        let flags = TcpFlags(ACK);
        self.packet(tuple, Some(TcpSegment { flags, seq }), payload)
    }

    fn packet(&mut self, tuple: FiveTuple, tcp: Option<TcpSegment>, payload: &[u8]) -> bool {
        self.number += 1;
        let (key, sender) = FlowKey::of(&tuple);
        let seen = Observation {
            number: self.number,
            timestamp: Timestamp::from_ns(self.seconds * 1_000_000_000),
            key,
            sender,
            origlen: 100,
            outer: &self.outer,
            is_inside: !self.tunnels.is_empty(),
            tunnels: self.tunnels,
            tcp,
            payload,
            payload_origlen: payload.len() as u32,
        };
        let naming = self.answered.naming(&seen.opening());
        let answer = self.engine.observe(&seen, naming, &mut self.ended);
        !matches!(answer.verdict, Verdict::Drop(_))
    }

    fn tcp(&mut self, tuple: FiveTuple, flags: u8) -> bool {
        self.send(tuple, Some(flags), b"")
    }

    fn ends(&self) -> Vec<FlowEnd> {
        self.ended.iter().map(|ended| ended.flow.end).collect()
    }
}

fn tuple(protocol: IpProtocol, src: (u8, u16), dst: (u8, u16)) -> FiveTuple {
    let end = |(last, port): (u8, u16)| Endpoint {
        addr: [10, 0, 0, last].into(),
        port,
    };
    FiveTuple {
        src: end(src),
        dst: end(dst),
        protocol,
    }
}

fn udp(client_port: u16) -> FiveTuple {
    tuple(IpProtocol::UDP, (1, client_port), (2, 53))
}

fn tcp(client_port: u16) -> FiveTuple {
    tuple(IpProtocol::TCP, (1, client_port), (2, 443))
}

fn back(tuple: FiveTuple) -> FiveTuple {
    FiveTuple {
        src: tuple.dst,
        dst: tuple.src,
        ..tuple
    }
}

#[test]
fn a_flow_passes_until_it_is_named_and_is_blocked_both_ways_from_then_on() {
    let mut bench = Bench::new(&["domain:blocked.example"], 8, false);
    assert!(bench.send(udp(4000), None, b"no DNS"));
    assert!(!bench.send(udp(4000), None, QUESTION));
    assert!(!bench.send(back(udp(4000)), None, b""));
    assert!(bench.send(udp(4001), None, b""));
    let flows = bench.engine.finish();
    assert_eq!(
        (flows[0].packets, flows[0].dropped_packets, flows[0].rule),
        (3, 2, Some(RuleId(0)))
    );
    assert_eq!((flows[1].dropped_packets, flows[1].rule), (0, None));
}

#[test]
fn a_whole_flow_is_told_as_dropped_from_its_first_packet() {
    let mut bench = Bench::new(&["domain:blocked.example"], 8, true);
    bench.send(udp(4000), None, b"no DNS");
    bench.send(udp(4000), None, QUESTION);
    assert_eq!(bench.engine.finish()[0].dropped_packets, 2);
}

#[test]
fn the_kinds_of_rules_are_asked_in_their_order() {
    let given = [
        "domain:blocked.example",
        "app:DNS",
        "port:53",
        "ip:10.0.0.1",
    ];
    for (rules, decides) in [
        (&given[..], 3),
        (&given[..3], 2),
        (&given[..2], 1),
        (&given[..1], 0),
    ] {
        let mut bench = Bench::new(rules, 8, false);
        assert!(!bench.send(udp(4000), None, QUESTION));
        assert_eq!(
            bench.engine.finish()[0].rule,
            Some(RuleId(decides)),
            "{rules:?}"
        );
    }
}

#[test]
fn a_row_of_decoys_does_not_save_a_protocol_from_its_rule() {
    const DECOYS: [&[u8]; 6] = [
        b"OPTIONS sip:a@example.org SIP/2.0\r\n",
        b"OPTIONS rtsp://example.org/ RTSP/1.0\r\n",
        b"M-SEARCH * HTTP/1.1\r\n",
        b"RSIP 1201 aaln/1@example.org MGCP 1.0\r\n",
        b"<34>1 2003-10-11T22:14:15.003Z host su - - - x",
        b"\x00\x01boot\x00octet\x00",
    ];
    const STUN: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
    let to = |client_port| tuple(IpProtocol::UDP, (1, client_port), (2, 61_000));
    let mut bench = Bench::new(&["app:STUN"], 8, false);
    for decoy in DECOYS {
        assert!(bench.send(to(4000), None, decoy));
    }
    assert!(!bench.send(to(4000), None, STUN));
    assert!(!bench.send(to(4000), None, b""));
    let flows = bench.engine.finish();
    // What a flow can show is full, but nothing else is lost.
    assert_eq!(flows[0].protocols.iter().count(), DECOYS.len());
    assert_eq!(flows[0].rule, Some(RuleId(0)));
}

#[test]
fn an_address_rule_meets_the_sender_and_then_both() {
    let mut bench = Bench::new(&["ip:10.0.0.2"], 8, false);
    assert!(bench.send(udp(4000), None, b""));
    assert!(!bench.send(back(udp(4000)), None, b""));
    assert!(!bench.send(udp(4000), None, b""));
}

#[test]
fn a_netbios_name_is_listed_but_is_no_domain() {
    let mut bench = Bench::new(&["domain:www.youtube.com"], 8, false);
    let question =
        b"\x8f\x2b\x01\x10\0\x01\0\0\0\0\0\0\x20FHFHFHCOFJEPFFFEFFECEFCOEDEPENAA\0\0\x20\0\x01";
    assert!(bench.send(tuple(IpProtocol::UDP, (1, 137), (2, 137)), None, question));
    let flow = &bench.engine.finish()[0];
    assert_eq!(flow.findings().names[0].name.as_str(), "www.youtube.com");
    assert_eq!((flow.application, flow.rule), (None, None));
}

#[test]
fn the_least_recently_used_flow_goes_when_the_table_is_full() {
    let mut bench = Bench::new(&[], 2, false);
    for port in [1, 2, 1, 3] {
        bench.send(udp(port), None, b"");
    }
    assert_eq!(bench.ends(), [FlowEnd::Evicted]);
    assert_eq!((bench.ended[0].flow.src().port, bench.ended[0].at), (2, 4));
}

#[test]
fn a_blocked_flow_stays_blocked_after_it_was_evicted() {
    let mut bench = Bench::new(&["domain:blocked.example"], 1, false);
    assert!(!bench.send(udp(4000), None, QUESTION));
    assert!(bench.send(udp(4001), None, b""));
    assert!(!bench.send(udp(4000), None, b""));
    // After its idle timeout the five-tuple is another flow's.
    assert!(bench.send(udp(4001), None, b""));
    bench.seconds += 61;
    assert!(bench.send(udp(4000), None, b""));
}

#[test]
fn blocked_flows_that_are_forgotten_are_counted() {
    let mut bench = Bench::new(&["app:DNS"], 1, false);
    let count = MAX_REMEMBERED_PER_SHARD as u16 + 3;
    for port in 1..=count {
        bench.send(udp(port), None, QUESTION);
    }
    let forgotten: u64 = bench
        .ended
        .iter()
        .filter_map(|e| e.flow.findings().rare().caveats.as_ref())
        .map(|c| c.forgotten)
        .sum();
    assert_eq!(forgotten, 2);
}

#[test]
fn the_bounds_that_a_flow_met_are_told_with_it() {
    let mut bench = Bench::new(&[], 64, false);
    for i in 0..MAX_NAMES_PER_FLOW + 5 {
        let mut question = QUESTION.to_vec();
        for (place, letter) in question[13..20].iter_mut().enumerate() {
            *letter = b'a' + (i >> (2 * place)) as u8 % 4;
        }
        bench.send(udp(1), None, &question);
    }
    bench.send(udp(2), None, QUESTION);
    let mut flows: Vec<_> = std::mem::take(&mut bench.ended)
        .into_iter()
        .map(|ended| ended.flow)
        .collect();
    flows.extend(bench.engine.finish());
    flows.sort_by_key(|flow| flow.first_packet);
    assert_eq!(flows[0].findings().names.len(), MAX_NAMES_PER_FLOW);
    assert_eq!(
        flows[0].findings().rare().caveats.as_ref().unwrap().names,
        5
    );
    assert!(flows[1].findings().rare().caveats.is_none());
}

#[test]
fn a_retransmitted_syn_does_not_unblock_an_evicted_connection() {
    let mut bench = Bench::new(&["ip:10.0.0.2"], 1, false);
    assert!(bench.tcp(tcp(4000), SYN));
    assert!(!bench.tcp(back(tcp(4000)), SYN_ACK));
    assert!(bench.tcp(tuple(IpProtocol::TCP, (3, 1), (4, 2)), SYN));
    // No rule names this sender: only the memory of the evicted flow can say so.
    assert!(!bench.tcp(tcp(4000), SYN));
}

#[test]
fn idle_flows_end_after_their_protocol_s_timeout() {
    for (is_tcp, timeout) in [(false, 60), (true, 3600)] {
        let mut bench = Bench::new(&[], 8, false);
        let send = |bench: &mut Bench| {
            if is_tcp {
                bench.tcp(tcp(4000), ACK)
            } else {
                bench.send(udp(4000), None, b"")
            }
        };
        send(&mut bench);
        bench.seconds += timeout;
        send(&mut bench);
        assert_eq!(bench.ends(), []);
        bench.seconds += timeout + 1;
        send(&mut bench);
        assert_eq!(bench.ends(), [FlowEnd::Expired]);
    }
}

#[test]
fn a_syn_on_a_closed_tuple_is_a_new_flow() {
    let mut bench = Bench::new(&[], 8, false);
    bench.tcp(tcp(4000), SYN);
    bench.tcp(back(tcp(4000)), SYN_ACK);
    bench.tcp(tcp(4000), SYN);
    assert_eq!(bench.ends(), [], "a SYN on an open one is a retransmission");
    bench.tcp(tcp(4000), FIN_ACK);
    bench.tcp(back(tcp(4000)), FIN_ACK);
    bench.tcp(tcp(4000), ACK);
    bench.tcp(tcp(4000), SYN);
    assert_eq!(bench.ends(), [FlowEnd::Replaced]);
    assert_eq!(
        (bench.ended[0].flow.state, bench.ended[0].flow.packets),
        (FlowState::Closed, 6)
    );
}

#[test]
fn the_first_syn_says_who_opened_even_behind_a_stray_packet() {
    let mut bench = Bench::new(&["port:443"], 8, false);
    // High ports on both sides: the first sender is the guess.
    let flow = tuple(IpProtocol::TCP, (1, 50_000), (2, 50_001));
    bench.tcp(back(flow), ACK);
    bench.tcp(flow, SYN);
    let told = &bench.engine.finish()[0];
    assert!(told.initiator_known);
    assert_eq!((told.src().port, told.dst().port), (50_000, 50_001));
}

#[test]
fn without_a_syn_the_side_with_the_service_is_the_server() {
    let mut bench = Bench::new(&[], 8, false);
    bench.tcp(back(tcp(50_000)), ACK);
    let told = &bench.engine.finish()[0];
    assert!(!told.initiator_known);
    assert_eq!(told.dst().port, 443);
}

#[test]
fn names_of_many_flows_do_not_add_up_without_bound() {
    let mut bench = Bench::new(&[], 64, false);
    for port in 1..=64u16 {
        for i in 0..40u8 {
            let mut question = QUESTION.to_vec();
            question[13] = b'a' + i % 26;
            question[14] = b'a' + i / 26;
            bench.send(udp(port), None, &question);
        }
    }
    assert!(bench.engine.beside.load <= 64 * MAX_MEAN_LOAD);
    assert!(bench.ends().contains(&FlowEnd::Evicted));
}

#[test]
fn a_shard_whose_flows_were_all_ended_holds_nothing() {
    let mut bench = Bench::new(&[], 64, false);
    for i in 0..200u8 {
        let mut question = QUESTION.to_vec();
        question[13] = b'a' + i % 26;
        question[14] = b'a' + i / 26;
        bench.send(udp(1), None, &question);
    }
    bench.send(udp(2), None, QUESTION);
    let beside = &bench.engine.beside;
    assert!(beside.load > 0 && !beside.heavy.is_empty());
    // Whether all of them are asked for or not.
    assert_eq!(bench.engine.end_all().take(1).count(), 1);
    let beside = &bench.engine.beside;
    assert!(beside.load == 0 && beside.heavy.is_empty());
    assert_eq!(bench.engine.open_flows(), 0);
    bench.send(udp(2), None, QUESTION);
    assert_eq!(bench.engine.finish().len(), 1);
}

#[test]
fn a_flow_tells_the_tunnels_of_all_its_packets() {
    let mut bench = Bench::new(&[], 8, false);
    for tunnels in [
        &[Tunnel::Gre][..],
        &[],
        &[Tunnel::Gre, Tunnel::Vxlan],
        &[Tunnel::Mpls],
    ] {
        bench.tunnels = tunnels.iter().copied().collect();
        bench.send(udp(1000), None, b"");
    }
    bench.tunnels = Tunnels::default();
    bench.send(udp(1001), None, b"");
    let told: Vec<Vec<Tunnel>> = bench
        .engine
        .finish()
        .iter()
        .map(|flow| flow.tunnels.iter().collect())
        .collect();
    assert_eq!(
        told,
        [vec![Tunnel::Gre, Tunnel::Vxlan, Tunnel::Mpls], vec![]]
    );
}

/// A server's flight of TLS 1.2 whose certificate is for nine names of several applications, www.youtube.com first.
const SERVER_FLIGHT: &str = include_str!("../inspect/tls/hellos/server_flight_tls12.hex");

#[test]
fn a_certificate_makes_the_flow_its_first_name_s_and_meets_no_rule_for_another() {
    for (rule, passes) in [
        ("app:YouTube", false),
        ("app:TikTok", true),
        ("domain:www.tiktok.com", false),
        ("domain:*.tiktok.com", false),
    ] {
        let mut bench = Bench::new(&[rule], 8, false);
        let flight = crate::inspect::testing::hex(SERVER_FLIGHT);
        let passed = bench.send(back(tcp(50_000)), Some(ACK), &flight);
        assert_eq!(passed, passes, "{rule}");
        let flow = &bench.engine.finish()[0];
        let catalogue = &bench.engine.policy.catalogue;
        let app = flow.application.and_then(|id| catalogue.app(id)).unwrap();
        assert_eq!(&*app.name, "YouTube");
    }
}

#[test]
fn a_wildcard_is_in_the_subtree_of_its_domain_and_is_no_single_name() {
    for (rule, passes) in [
        ("domain:*.dtls.example.org", false),
        ("domain:*.example.org", false),
        ("domain:www.dtls.example.org", true),
    ] {
        let mut bench = Bench::new(&[rule], 8, false);
        let flow = tuple(IpProtocol::UDP, (2, 5684), (1, 50_000));
        let flight = include_str!("../inspect/dtls/flights/server.hex").split("\n\n");
        let passed = flight
            .map(crate::inspect::testing::hex)
            .all(|datagram| bench.send(flow, None, &datagram));
        assert_eq!(passed, passes, "{rule}");
    }
}

#[test]
fn a_flow_with_an_encrypted_hello_says_so() {
    for (hello, has_ech) in [
        (include_str!("../inspect/tls/hellos/chrome.hex"), true),
        (include_str!("../inspect/tls/hellos/curl.hex"), false),
    ] {
        let mut bench = Bench::new(&[], 8, false);
        let hello = crate::inspect::testing::hex(hello);
        bench.send(tcp(50_000), Some(ACK), &hello);
        assert_eq!(bench.engine.finish()[0].findings().has_ech, has_ech);
    }
}

#[test]
fn what_travels_in_a_blocked_packet_is_blocked_with_it() {
    for (rule, passes) in [
        ("ip:10.0.0.9", false),
        ("port:4789", false),
        ("ip:10.0.0.8", true),
        ("port:50009", true),
    ] {
        let mut bench = Bench::new(&[rule], 8, false);
        bench.tunnels.push(Tunnel::Vxlan);
        bench.outer = vec![tuple(IpProtocol::UDP, (9, 50_009), (8, 4789))];
        assert_eq!(bench.send(udp(1000), None, b""), passes, "{rule}");
    }
}

#[test]
fn what_is_around_a_later_packet_of_a_flow_blocks_it_too() {
    for (rule, passes) in [
        ("ip:10.0.0.9", false),
        ("port:4789", false),
        ("ip:10.0.0.8", true),
    ] {
        let mut bench = Bench::new(&[rule], 8, false);
        assert!(bench.send(udp(1000), None, b""), "{rule}");
        bench.tunnels.push(Tunnel::Vxlan);
        bench.outer = vec![tuple(IpProtocol::UDP, (9, 50_009), (8, 4789))];
        assert_eq!(bench.send(udp(1000), None, b""), passes, "{rule}");
    }
}

#[test]
fn what_a_tunnel_makes_up_does_not_hide_what_the_flow_says() {
    let decoy = b"GET / HTTP/1.1\r\nHost: decoy.example\r\nContent-Length: 100000\r\n\r\n";
    let real = b"GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n";
    for decoy_first in [true, false] {
        let mut bench = Bench::new(&["domain:blocked.example"], 8, false);
        let decoys = |bench: &mut Bench| {
            bench.tunnels.push(Tunnel::Vxlan);
            bench.tcp(tcp(50_000), SYN);
            bench.send(tcp(50_000), Some(ACK), decoy);
            bench.tunnels = Tunnels::default();
        };
        if decoy_first {
            decoys(&mut bench);
        }
        bench.tcp(tcp(50_000), SYN);
        bench.tcp(back(tcp(50_000)), SYN_ACK);
        if !decoy_first {
            decoys(&mut bench);
        }
        assert!(!bench.send(tcp(50_000), Some(ACK), real), "{decoy_first}");
    }
}
