//! Messages of DNS that say again what the one before them said.

use super::answers::tell;
use super::*;
use crate::evidence::NameSource;

/// A query for `name`, type A.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = QUESTION[..12].to_vec();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(b"\0\0\x01\0\x01");
    bytes
}

/// The names of the flow that was seen, and where they stood.
fn names(bench: &mut Bench) -> Vec<(String, NameSource)> {
    let flow = &bench.engine.finish()[0];
    let names = flow.findings().names.iter();
    names
        .map(|found| (found.name.to_string(), found.from))
        .collect()
}

#[test]
fn a_question_that_is_repeated_is_listed_once_and_counted_twice() {
    let mut bench = Bench::new(&[], 8, false);
    for name in ["a.example", "A.example", "b.example", "a.example"] {
        bench.send(udp(4000), None, &question(name));
        bench.send(back(udp(4000)), None, &question(name));
    }
    let flow = &bench.engine.finish()[0];
    assert_eq!((flow.packets, flow.state), (8, FlowState::TwoWay));
    let at: Vec<_> = flow.findings().names.iter().map(|it| it.packet).collect();
    assert_eq!(at, [1, 5]);
}

#[test]
fn what_was_asked_in_a_tunnel_is_asked_anew_outside() {
    let rules = ["domain:blocked.example", "+domain:allowed.example"];
    let mut bench = Bench::new(&rules, 8, false);
    assert!(!bench.send(udp(4000), None, QUESTION));
    // Any host can make up a packet in a tunnel: what it says allows nothing.
    bench.tunnels = [Tunnel::Gre].into_iter().collect();
    assert!(!bench.send(udp(4000), None, &question("allowed.example")));
    bench.tunnels = Tunnels::default();
    assert!(bench.send(udp(4000), None, &question("allowed.example")));
}

#[test]
fn what_was_asked_in_a_tunnel_since_a_flow_left_the_table_is_asked_anew_outside() {
    let rules = ["domain:blocked.example", "+domain:allowed.example"];
    let mut bench = Bench::new(&rules, 1, false);
    assert!(!bench.send(udp(4000), None, QUESTION));
    assert!(bench.send(udp(4001), None, b""));
    // Remembered as blocked outside of tunnels, and begun anew in one.
    bench.tunnels = [Tunnel::Gre].into_iter().collect();
    assert!(!bench.send(udp(4000), None, &question("allowed.example")));
    bench.tunnels = Tunnels::default();
    assert!(bench.send(udp(4000), None, &question("allowed.example")));
}

#[test]
fn a_name_that_was_answered_before_is_asked_for_all_the_same() {
    // What goes to the port of DNS is not named by answers.
    let to_server = tuple(IpProtocol::UDP, (1, 4000), (2, 8053));
    let mut bench = Bench::new(&[], 8, false);
    tell(&mut bench);
    // For the root, which is no name.
    bench.send(to_server, None, &question(""));
    bench.send(to_server, None, &question("www.youtube.com"));
    let name = || "www.youtube.com".to_owned();
    let expected = [NameSource::DnsAnswer, NameSource::DnsQuery].map(|from| (name(), from));
    assert_eq!(names(&mut bench), expected);
}

#[test]
fn a_connection_is_read_on_behind_what_looks_like_its_last_question() {
    let to_server = tuple(IpProtocol::TCP, (1, 4000), (2, 53));
    let framed = |name: &str| {
        let message = question(name);
        [&(message.len() as u16).to_be_bytes()[..], &message].concat()
    };
    let asked = framed("a.example");
    let mut bench = Bench::new(&[], 8, false);
    bench.tcp(to_server, SYN);
    let mut seq = 1001;
    // The second message comes without its length, which came in a segment of its own.
    for part in [&asked, &asked[..2], &asked[2..], &framed("b.example")] {
        bench.segment(to_server, seq, part);
        seq += part.len() as u32;
    }
    let names = names(&mut bench);
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn what_a_place_adds_is_weighed_with_a_message_that_adds_nothing() {
    let apps = "
        [Resolver]
        category = Places
        address = 10.0.0.2
    ";
    let catalogue = Catalogue::parse(apps).unwrap();
    let mut bench = Bench::knowing(catalogue, &["app:Resolver"], 8, false);
    bench.send(udp(4000), None, QUESTION);
    bench.send(back(udp(4000)), None, QUESTION);
    let (key, _) = FlowKey::of(&udp(4000));
    let findings = |bench: &Bench| {
        let entry = bench.engine.flows.peek(&key);
        entry.and_then(|entry| Some(entry.findings.as_ref()?.held_bytes()))
    };
    let held = findings(&bench);
    assert!(held > Some("blocked.example".len()));
    assert_eq!(Some(bench.engine.beside.load), held);
}

#[test]
fn what_is_spare_is_used_for_flows_in_which_something_is_found() {
    let mut bench = Bench::new(&[], 8, false);
    let mut turnover = Turnover::default();
    turnover.spare.extend([Box::default(), Box::default()]);
    for (port, payload) in [(4000, QUESTION), (4000, QUESTION), (4001, b"")] {
        let flow = FlowKey::of(&udp(port));
        let seen = Observation::with_payload(flow, payload);
        let prospect = bench.engine.prospect(&seen.key);
        let engine = &mut bench.engine;
        engine.observe_at(&seen, prospect, None, &mut turnover);
    }
    assert_eq!(turnover.spare.len(), 1);
    assert_eq!(bench.engine.finish()[0].findings().names.len(), 1);
}
