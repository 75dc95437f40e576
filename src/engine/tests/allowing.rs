//! Rules that allow, beside rules that block.

use super::*;
use crate::evidence::{Basis, NameSource};

/// A query for `name`, type A.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = QUESTION[..12].to_vec();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(b"\0\0\x01\0\x01");
    bytes
}

fn request(host: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

/// Rules as [`Bench`] reads them, those that allow behind a `+`.
fn bench(rules: &[&str], removal: Removal) -> Bench {
    Bench::judging(Catalogue::builtin().unwrap(), rules, 8, removal)
}

/// Whether each query in turn, in a flow of its own, is forwarded.
fn asked(rules: &[&str], names: &[&str]) -> Vec<bool> {
    let mut bench = bench(rules, Removal::Inline);
    let flows = (40_000..).map(udp);
    let sent = flows.zip(names);
    sent.map(|(flow, name)| bench.send(flow, None, &question(name)))
        .collect()
}

#[test]
fn a_rule_that_allows_beats_every_kind_that_blocks() {
    for block in [
        "ip:10.0.0.1",
        "port:53",
        "app:DNS",
        "app:Streaming",
        "domain:*.youtube.com",
    ] {
        for allow in [
            "+ip:10.0.0.0/8",
            "+port:50-60",
            "+app:YouTube",
            "+app:Streaming",
            "+app:DNS",
            "+domain:www.youtube.com",
        ] {
            let name = ["www.youtube.com"];
            assert_eq!(asked(&[block], &name), [false], "{block}");
            assert_eq!(asked(&[block, allow], &name), [true], "{block} {allow}");
            assert_eq!(asked(&[allow, block], &name), [true], "{allow} {block}");
        }
    }
}

#[test]
fn an_exception_leaves_the_rest_of_the_rule() {
    let names = ["www.youtube.com", "www.netflix.com", "example.org"];
    let rules = ["app:Streaming", "+app:YouTube"];
    assert_eq!(asked(&rules, &names), [true, false, true]);
    let names = ["good.example.com", "bad.example.com", "x.good.example.com"];
    let rules = ["domain:*.example.com", "+domain:good.example.com"];
    assert_eq!(asked(&rules, &names), [true, false, false]);
}

#[test]
fn a_flow_of_several_names_is_allowed_by_any_of_them_from_there_on() {
    let rules = ["domain:*.example.com", "+domain:good.example.com"];
    let mut bench = bench(&rules, Removal::Inline);
    let flow = tcp(40_000);
    assert!(bench.tcp(flow, SYN));
    let mut seq = 1001;
    let mut get = |bench: &mut Bench, host| {
        let request = request(host);
        let is_forwarded = bench.segment(flow, seq, &request);
        seq += request.len() as u32;
        is_forwarded
    };
    assert!(!get(&mut bench, "bad.example.com"));
    assert!(!bench.tcp(back(flow), ACK), "blocked both ways");
    assert!(get(&mut bench, "good.example.com"), "the name that allows");
    assert!(get(&mut bench, "worse.example.com"), "for good");
    assert!(bench.tcp(back(flow), ACK));
    let told = bench.engine.finish().remove(0);
    assert_eq!((told.rule, told.allowed), (None, Some(RuleId(1))));
    assert!(!told.is_dropped());
    // What went before is told as the other rule's doing.
    let fates = &told.findings().rare().shared_fates;
    assert_eq!((fates[0].rule, fates[0].packets), (RuleId(0), 2));
    assert_eq!(told.dropped_in_all(), 2);
    assert_eq!(told.ruled(), (4, 400));
    let (by, value, _) = told.findings().judged_by().unwrap();
    assert_eq!(by, Basis::Name(NameSource::HttpHost));
    assert_eq!(value, "good.example.com");
}

#[test]
fn an_address_that_allows_takes_away_what_met_the_rule_before() {
    let rules = ["domain:bad.example", "+ip:10.0.0.2"];
    let mut bench = bench(&rules, Removal::Inline);
    assert!(!bench.send(udp(1), None, &question("bad.example")));
    assert!(bench.send(back(udp(1)), None, b""));
    let told = bench.engine.finish().remove(0);
    assert_eq!((told.rule, told.allowed), (None, Some(RuleId(1))));
    assert_eq!(told.findings().judged_by(), None);
}

#[test]
fn whole_flows_are_allowed_from_their_first_packet() {
    let rules = ["port:443", "+app:YouTube"];
    let mut bench = bench(&rules, Removal::WholeFlow);
    let flow = tcp(40_000);
    bench.tcp(flow, SYN);
    bench.segment(flow, 1001, &request("www.youtube.com"));
    let told = bench.engine.finish().remove(0);
    assert_eq!((told.rule, told.allowed), (None, Some(RuleId(1))));
    assert_eq!((told.dropped_in_all(), told.ruled()), (0, (2, 200)));
}

#[test]
fn where_all_else_goes_so_does_what_is_allowed() {
    let rules = ["app:Streaming", "+app:YouTube"];
    let mut bench = bench(&rules, Removal::AllElse);
    for (port, name) in [(1, "www.youtube.com"), (2, "netflix.com"), (3, "a.example")] {
        bench.send(udp(port), None, &question(name));
    }
    let told = bench.engine.finish();
    let dropped: Vec<_> = told.iter().map(|flow| flow.dropped_in_all()).collect();
    assert_eq!(dropped, [1, 0, 1]);
    let decided: Vec<_> = told.iter().map(FlowSummary::decided_by).collect();
    assert_eq!(decided, [Some(RuleId(1)), Some(RuleId(0)), None]);
}

#[test]
fn an_allowed_flow_stays_allowed_after_it_was_evicted() {
    let rules = ["port:53", "+domain:good.example"];
    let mut bench = bench(&rules, Removal::Inline);
    assert!(bench.send(udp(1), None, &question("good.example")));
    for port in 2..=9 {
        assert!(!bench.send(udp(port), None, &question("bad.example")));
    }
    assert_eq!(bench.ends(), [FlowEnd::Evicted]);
    assert!(
        bench.send(back(udp(1)), None, b""),
        "by its own name's leave"
    );
    assert!(!bench.send(back(udp(2)), None, b""));
}

#[test]
fn what_quotes_an_allowed_flow_does_not_go_with_it() {
    let rules = ["port:53", "+domain:good.example"];
    let mut bench = bench(&rules, Removal::Inline);
    for (port, name, rule) in [(1, "good.example", None), (2, "a.example", Some(RuleId(0)))] {
        bench.send(udp(port), None, &question(name));
        let (key, _) = FlowKey::of(&udp(port));
        let fate = bench.engine.fate(&key, Timestamp::default()).unwrap();
        assert_eq!(fate.rule, rule, "{name}");
    }
}

#[test]
fn the_ends_of_a_flow_are_asked_with_its_first_packet() {
    for (rule, is_blocked) in [
        ("ip:10.0.0.2", false),
        ("ip:src:10.0.0.1", true),
        ("ip:src:10.0.0.2", false),
        ("ip:dst:10.0.0.2", true),
        ("ip:dst:10.0.0.1", false),
        ("ip:any:10.0.0.1", true),
        ("ip:any:10.0.0.2", true),
        ("port:443/tcp", true),
        ("port:443/udp", false),
    ] {
        let mut bench = bench(&[rule], Removal::Inline);
        assert_eq!(!bench.tcp(tcp(40_000), SYN), is_blocked, "{rule}");
    }
    // Who opened the flow comes out later: then its ends are asked again.
    let mut bench = bench(&["ip:src:10.0.0.1"], Removal::Inline);
    let flow = tuple(IpProtocol::TCP, (1, 40_000), (2, 40_001));
    assert!(bench.tcp(back(flow), ACK));
    assert!(!bench.tcp(flow, SYN));
}

#[test]
fn senders_are_asked_for_the_same_with_and_without_rules_for_other_places() {
    // The server is heard first: who sent is not who opened the flow. Then what each packet's sender says.
    let others = ["ip:src:10.0.0.9", "port:1", "+ip:any:10.0.0.9", "+port:1"];
    for (rules, forwarded) in [
        (&["ip:10.0.0.2"][..], [false, false]),
        (&["ip:10.0.0.1"], [true, false]),
        (&["ip:10.0.0.2", "+ip:10.0.0.1"], [false, true]),
        (&["ip:10.0.0.1", "+ip:10.0.0.2"], [true, true]),
        (&["port:443", "+ip:10.0.0.1"], [false, true]),
        (&["ip:10.0.0.9"], [true, true]),
    ] {
        for rules in [rules.to_vec(), [rules, &others].concat()] {
            let mut bench = bench(&rules, Removal::Inline);
            let flow = tcp(40_000);
            let answers = [bench.tcp(back(flow), SYN_ACK), bench.tcp(flow, ACK)];
            assert_eq!(answers, forwarded, "{rules:?}");
        }
    }
}

/// Sends a query for `name` in the one flow, through a tunnel or not; whether it was forwarded.
fn ask(bench: &mut Bench, is_inside: bool, name: &str) -> bool {
    bench.tunnels = Tunnels::default();
    if is_inside {
        bench.tunnels.push(Tunnel::IpIp);
    }
    bench.send(udp(1), None, &question(name))
}

#[test]
fn what_comes_in_a_tunnel_allows_nothing_outside() {
    let rules = ["port:53", "+domain:good.example"];
    let (inside, outside) = (true, false);
    // The flow first, then what was wrapped; and the other way round.
    let mut bench = self::bench(&rules, Removal::Inline);
    assert!(!ask(&mut bench, outside, "bad.example"));
    assert!(!ask(&mut bench, inside, "good.example"));
    assert!(!ask(&mut bench, outside, "bad.example"));
    assert!(ask(&mut bench, outside, "good.example"), "by its own name");
    assert_eq!(bench.engine.finish().len(), 1);

    let mut bench = self::bench(&rules, Removal::Inline);
    assert!(ask(&mut bench, inside, "good.example"));
    assert!(ask(&mut bench, inside, "bad.example"), "allowed for good");
    assert!(!ask(&mut bench, outside, "bad.example"), "another flow");
    assert!(!ask(&mut bench, inside, "good.example"), "and of that one");
    assert_eq!(bench.ends(), [FlowEnd::Replaced]);
    assert_eq!(bench.ended[0].flow.allowed, Some(RuleId(1)));
    let left = bench.engine.finish().remove(0);
    assert_eq!((left.rule, left.packets), (Some(RuleId(0)), 2));
}

#[test]
fn what_blocks_in_a_tunnel_blocks_outside_too() {
    let rules = ["domain:bad.example", "+domain:good.example"];
    let mut bench = bench(&rules, Removal::Inline);
    assert!(!ask(&mut bench, true, "bad.example"));
    assert!(!ask(&mut bench, false, "other.example"));
    assert_eq!(bench.engine.finish().len(), 1);
}

#[test]
fn a_syn_in_a_tunnel_does_not_turn_a_flow_outside_round() {
    let flow = tcp(40_000);
    let mut bench = bench(&["port:443"], Removal::Inline);
    bench.tunnels.push(Tunnel::IpIp);
    assert!(bench.tcp(back(flow), SYN));
    bench.tunnels = Tunnels::default();
    assert!(!bench.tcp(flow, SYN));
    // And not later.
    bench.tunnels.push(Tunnel::IpIp);
    assert!(!bench.tcp(back(flow), SYN));
    let told = bench.engine.finish().remove(0);
    assert_eq!((told.src().port, told.dst().port), (40_000, 443));
}

#[test]
fn what_was_said_in_a_tunnel_keeps_nothing_outside_from_the_rules() {
    // High ports, so that who speaks first is taken for who opened.
    let flow = tuple(IpProtocol::UDP, (1, 50_000), (2, 50_001));
    for rule in ["port:50001", "ip:dst:10.0.0.2", "ip:src:10.0.0.1"] {
        let mut bench = bench(&[rule], Removal::Inline);
        bench.tunnels.push(Tunnel::IpIp);
        assert!(bench.send(back(flow), None, b"x"), "{rule}");
        bench.tunnels = Tunnels::default();
        assert!(!bench.send(flow, None, b"x"), "{rule}");
        assert_eq!(bench.engine.finish().len(), 1, "{rule}");
    }
    // An answer that comes in a tunnel first gives no leave; outside, it does.
    let mut bench = bench(&["port:443", "+ip:10.0.0.2"], Removal::Inline);
    let flow = tcp(40_000);
    assert!(!bench.tcp(flow, SYN));
    bench.tunnels.push(Tunnel::IpIp);
    assert!(!bench.tcp(back(flow), SYN_ACK));
    bench.tunnels = Tunnels::default();
    assert!(bench.tcp(back(flow), SYN_ACK));
    assert_eq!(bench.engine.finish().len(), 1);
}

#[test]
fn who_spoke_in_a_flow_before_has_not_spoken_in_the_next_that_takes_its_place_in_the_table() {
    let rules = ["port:443", "+ip:10.0.0.2"];
    let catalogue = Catalogue::builtin().unwrap();
    let mut bench = Bench::judging(catalogue, &rules, 1, Removal::Inline);
    for (number, port) in (0..).zip(40_000..40_003) {
        let flow = tcp(port);
        assert!(!bench.tcp(flow, SYN));
        bench.tunnels.push(Tunnel::IpIp);
        assert!(!bench.tcp(back(flow), SYN_ACK));
        bench.tunnels = Tunnels::default();
        assert!(bench.tcp(back(flow), SYN_ACK), "{port}");
        assert_eq!(bench.ends(), vec![FlowEnd::Evicted; number]);
    }
}

#[test]
fn leave_given_in_a_tunnel_is_not_recalled_outside() {
    let rules = ["port:53", "+domain:good.example"];
    for (first, again, is_forwarded) in [
        (true, true, true),
        (true, false, false),
        (false, false, true),
        // Seen outside, and allowed there.
        (false, true, true),
    ] {
        let mut bench = bench(&rules, Removal::Inline);
        assert!(ask(&mut bench, first, "good.example"));
        for port in 2..=9 {
            bench.send(udp(port), None, &question("bad.example"));
        }
        assert_eq!(bench.ends(), [FlowEnd::Evicted]);
        let is_passed = ask(&mut bench, again, "bad.example");
        assert_eq!(is_passed, is_forwarded, "{first} {again}");
    }
    // A blocked flow that was seen outside is one when it comes back in a tunnel.
    let mut bench = bench(&rules, Removal::Inline);
    assert!(!ask(&mut bench, false, "bad.example"));
    for port in 2..=9 {
        bench.send(udp(port), None, &question("bad.example"));
    }
    assert!(!ask(&mut bench, true, "good.example"));
}
