//! Applications that are known by addresses, ports and offers, beside what flows are named.

use super::answers::tell;
use super::*;
use crate::engine::places::PLACED_AFTER;
use crate::evidence::{Basis, Ground, NameSource};

/// The server that all flows go to is one of `Here`; so are its ports, and an offer, of others.
const APPS: &str = "
    [Here]
    category = Places
    address = 10.0.0.2
    [Port]
    category = Ports
    port = 443 4433
    [Offer]
    category = Offers
    alpn = h3 offered
    [Video]
    category = Streaming
    domain = youtube.com
    [Named]
    category = Names
    domain = named.example
";

fn bench(rules: &[&str], is_told: bool) -> Bench {
    let mut bench = Bench::knowing(Catalogue::parse(APPS).unwrap(), rules, 8, false);
    if is_told {
        tell(&mut bench);
    }
    bench
}

/// A hello for `name` that offers `alpn`.
fn hello(name: &[u8], alpn: &[u8]) -> Vec<u8> {
    let len = |bytes: &[u8], more: usize| ((bytes.len() + more) as u16).to_be_bytes();
    let extensions = [
        &[0, 0][..],
        &len(name, 5),
        &len(name, 3),
        &[0],
        &len(name, 0),
        name,
        &[0, 16],
        &len(alpn, 3),
        &len(alpn, 1),
        &[alpn.len() as u8],
        alpn,
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[0; 33],
        b"\0\x02\x13\x01\x01\0",
        &len(&extensions, 0),
        &extensions,
    ]
    .concat();
    let message = [&[1, 0][..], &len(&body, 0), &body].concat();
    [&[22, 3, 1][..], &len(&message, 0), &message].concat()
}

/// The flow that a connection with this hello makes, and what its application rests on.
fn connection(bench: &mut Bench, hello: &[u8]) -> (FlowSummary, Option<Ground>) {
    bench.tcp(tcp(4000), SYN);
    bench.tcp(back(tcp(4000)), SYN_ACK);
    bench.send(tcp(4000), Some(ACK), hello);
    let flow = bench.engine.finish().remove(0);
    let decided = flow.findings().decided_by();
    let ground = decided.map(|(by, value, packet)| Ground {
        by,
        value: value.into(),
        packet,
    });
    (flow, ground)
}

#[test]
fn a_sign_is_kept_also_where_a_name_decides() {
    let mut bench = bench(&[], false);
    let (flow, ground) = connection(&mut bench, &hello(b"named.example", b"offered"));
    assert_eq!(ground.unwrap().by, Basis::Name(NameSource::TlsSni));
    let sign = Ground {
        by: Basis::Alpn,
        value: "offered".into(),
        packet: 3,
    };
    assert_eq!(flow.findings().rare().signs, [sign]);
}

#[test]
fn what_weighs_most_decides_and_is_told_with_its_packet() {
    let dns = Basis::Name(NameSource::DnsAnswer);
    let sni = Basis::Name(NameSource::TlsSni);
    for (is_told, name, alpn, by, value, packet) in [
        (false, "a.example", "x", Basis::Address, "10.0.0.2", 3),
        (false, "a.example", "offered", Basis::Alpn, "offered", 3),
        (false, "named.example", "offered", sni, "named.example", 3),
        (true, "named.example", "offered", sni, "named.example", 4),
        // An answer that the flow itself refutes leaves what was there beside it.
        (true, "a.example", "offered", Basis::Alpn, "offered", 4),
        (true, "a.example", "x", Basis::Address, "10.0.0.2", 4),
        (true, "", "offered", dns, "www.youtube.com", 1),
    ] {
        let mut bench = bench(&[], is_told);
        let (_, ground) = connection(&mut bench, &hello(name.as_bytes(), alpn.as_bytes()));
        let value = value.into();
        let expected = Some(Ground { by, value, packet });
        assert_eq!(ground, expected, "{is_told} {name} {alpn}");
    }
}

#[test]
fn a_rule_for_an_application_takes_what_is_concluded_to_be_of_it_and_nothing_else() {
    for (rule, name, alpn, is_blocked) in [
        ("app:Named", "named.example", "offered", true),
        ("app:Offer", "named.example", "offered", false),
        ("app:Offers", "named.example", "offered", false),
        ("app:Here", "named.example", "offered", false),
        ("app:Offers", "a.example", "offered", true),
        ("app:Here", "a.example", "offered", false),
        ("app:Places", "a.example", "x", true),
        ("app:Port", "a.example", "x", false),
    ] {
        let mut bench = bench(&[rule], false);
        let (flow, _) = connection(&mut bench, &hello(name.as_bytes(), alpn.as_bytes()));
        assert_eq!(flow.rule.is_some(), is_blocked, "{rule} {name} {alpn}");
    }
}

#[test]
fn an_answer_that_may_not_block_protects_from_nothing_either() {
    for (rule, alpn, by_dns) in [
        ("app:Here", "x", false),
        ("app:Offer", "offered", false),
        ("app:Video", "x", true),
    ] {
        for block_by_dns in [false, true] {
            let mut bench = bench(&[rule], true);
            bench.engine.policy.block_by_dns = block_by_dns;
            let (flow, _) = connection(&mut bench, &hello(b"", alpn.as_bytes()));
            assert_eq!(flow.rule.is_some(), block_by_dns == by_dns, "{rule}");
        }
    }
}

#[test]
fn an_address_waits_for_what_the_flow_says_though_an_answer_came_before() {
    let mut bench = bench(&["app:Here"], true);
    let (flow, _) = connection(&mut bench, &hello(b"named.example", b"x"));
    assert_eq!(flow.rule, None);
}

#[test]
fn an_address_waits_for_a_hello_that_takes_several_datagrams() {
    let flight = include_str!("../../inspect/dtls/flights/client.hex");
    let whole = crate::inspect::testing::hex(flight.split("\n\n").next().unwrap());
    // The same in two fragments: record, message number 0, and where each lies.
    let content = &whole[13 + 12..];
    let half = content.len() / 2;
    let fragment = |number: u8, at: usize, bytes: &[u8]| {
        let three = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
        let record_len = (12 + bytes.len() as u16).to_be_bytes();
        [
            &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, number][..],
            &record_len,
            &[1],
            &three(content.len()),
            &whole[17..19],
            &three(at),
            &three(bytes.len()),
            bytes,
        ]
        .concat()
    };
    let to_server = tuple(IpProtocol::UDP, (1, 50_000), (2, 4433));
    let mut bench = bench(&["app:Here"], false);
    assert!(bench.send(to_server, None, &fragment(0, 0, &content[..half])));
    assert!(!bench.send(to_server, None, &fragment(1, half, &content[half..])));
}

#[test]
fn a_flow_that_says_nothing_is_of_the_place_it_goes_to() {
    let mut short = bench(&["app:Here"], false);
    for _ in 1..PLACED_AFTER {
        assert!(short.tcp(tcp(4000), ACK));
    }
    assert!(!short.tcp(tcp(4000), ACK));
    let mut datagrams = bench(&["app:Here"], false);
    let to_server = tuple(IpProtocol::UDP, (1, 50_000), (2, 9));
    assert!(!datagrams.send(to_server, None, b"?"));
}
