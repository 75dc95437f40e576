//! Flows that begin after their address was answered to their client.

use super::*;
use crate::domain::DomainName;
use crate::evidence::NameSource;
use crate::inspect::dns::answers::{Address, Addresses, Answers};
use crate::passive_dns::{Response, Told};

const VIDEO: &str = "www.youtube.com";

/// A shard whose first client (10.0.0.1) was told in packet 1 that `VIDEO` is 10.0.0.2.
fn bench(rules: &[&str], block_by_dns: bool) -> Bench {
    let mut bench = Bench::new(rules, 8, false);
    bench.engine.policy.block_by_dns = block_by_dns;
    tell(&mut bench);
    bench
}

/// Tells the first client so in the next packet.
pub(super) fn tell(bench: &mut Bench) {
    bench.number = 1;
    let response = Response {
        packet: 1,
        at: Timestamp::from_ns(0),
        client: [10, 0, 0, 1].into(),
        is_inside: false,
    };
    let answers = Answers {
        name: DomainName::from_bytes(VIDEO.as_bytes()).unwrap(),
        addresses: Addresses::from_elem(
            Address {
                addr: [10, 0, 0, 2].into(),
                ttl: 60,
            },
            1,
        ),
    };
    bench.answered.learn(Told::new(response, answers).unwrap());
}

/// The names of the flow that was seen: name, source, packet.
fn names(bench: &mut Bench) -> Vec<(String, NameSource, u64)> {
    let flow = &bench.engine.finish()[0];
    let names = flow.findings().names.iter();
    names
        .map(|found| (found.name.to_string(), found.from, found.packet))
        .collect()
}

#[test]
fn a_flow_is_named_by_the_packet_that_answered() {
    for flags in [SYN, SYN_ACK, ACK] {
        let mut bench = bench(&[], false);
        bench.seconds = 60;
        let first = match flags {
            SYN_ACK => back(tcp(4000)),
            _ => tcp(4000),
        };
        bench.tcp(first, flags);
        bench.seconds = 300;
        bench.tcp(tcp(4000), ACK);
        let expected = [(VIDEO.to_owned(), NameSource::DnsAnswer, 1)];
        assert_eq!(names(&mut bench), expected, "{flags:#x}");
    }
}

#[test]
fn who_opened_may_be_a_guess_but_who_asked_is_none() {
    let mut guess = bench(&[], false);
    // The side with the well-known port is taken for the server.
    guess.send(tuple(IpProtocol::UDP, (2, 40_000), (1, 123)), None, b"");
    assert_eq!(names(&mut guess).len(), 1);
    let mut known = bench(&[], false);
    known.tcp(back(tcp(4000)), SYN);
    assert_eq!(names(&mut known), []);
}

#[test]
fn what_began_before_the_answer_or_after_its_end_or_goes_elsewhere_is_not_named() {
    let mut late = bench(&[], false);
    late.seconds = 61;
    late.tcp(tcp(4000), SYN);
    assert_eq!(names(&mut late), []);
    let mut early = Bench::new(&[], 8, false);
    early.tcp(tcp(4000), SYN);
    early.answered = bench(&[], false).answered;
    early.tcp(tcp(4000), ACK);
    assert_eq!(names(&mut early), []);
    for other in [
        tuple(IpProtocol::TCP, (1, 4000), (3, 443)),
        tuple(IpProtocol::TCP, (3, 4000), (2, 443)),
        udp(4000),
    ] {
        let mut bench = bench(&[], false);
        bench.send(other, None, b"");
        assert_eq!(names(&mut bench), [], "{other:?}");
    }
    let mut inside = bench(&[], false);
    inside.tunnels.push(Tunnel::Vxlan);
    inside.tcp(tcp(4000), SYN);
    assert_eq!(names(&mut inside), []);
}

#[test]
fn an_answer_blocks_only_when_it_is_asked_to_and_then_from_the_first_packet() {
    for rule in ["app:YouTube", "app:Streaming", "domain:*.youtube.com"] {
        let mut idle = bench(&[rule], false);
        assert!(idle.tcp(tcp(4000), SYN), "{rule}");
        let mut armed = bench(&[rule], true);
        assert!(!armed.tcp(tcp(4000), SYN), "{rule}");
        assert!(armed.tcp(tuple(IpProtocol::TCP, (3, 1), (2, 443)), SYN));
    }
}

#[test]
fn addresses_and_ports_are_asked_before_answers() {
    let rules = [
        "domain:www.youtube.com",
        "app:YouTube",
        "port:443",
        "ip:10.0.0.1",
    ];
    for decides in 0..rules.len() {
        let mut bench = bench(&rules[..=decides], true);
        assert!(!bench.tcp(tcp(4000), SYN));
        let flow = &bench.engine.finish()[0];
        assert_eq!(flow.rule, Some(RuleId(decides as u32)));
    }
}
