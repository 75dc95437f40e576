//! What is counted of flows, and where counting stops.

use arrayvec::ArrayString;

use super::*;
use crate::evidence::{Fingerprints, FoundName, NameSource};
use crate::flow::FlowState;
use crate::key::{Endpoint, FiveTuple, FlowKey};
use crate::packet::Timestamp;
use crate::protocol::Protocols;
use crate::rules::Removal;
use crate::tunnel::Tunnels;

fn flow(first_packet: u64, protocol: IpProtocol, names: &[&str]) -> FlowSummary {
    let ends = ("192.168.1.2:50000", "140.82.112.21:443");
    sample_flow(first_packet, protocol, ends, names)
}

/// A flow of ten packets between two `address:port`, the initiator first, with `names` from TLS.
pub(crate) fn sample_flow(
    first_packet: u64,
    protocol: IpProtocol,
    (src, dst): (&str, &str),
    names: &[&str],
) -> FlowSummary {
    let end = |text: &str| {
        let end: std::net::SocketAddr = text.parse().unwrap();
        Endpoint {
            addr: end.ip(),
            port: end.port(),
        }
    };
    let (key, initiator) = FlowKey::of(&FiveTuple {
        src: end(src),
        dst: end(dst),
        protocol,
    });
    let mut findings = Findings::default();
    findings.names.extend(names.iter().map(|name| FoundName {
        name: DomainName::from_bytes(name.as_bytes()).unwrap(),
        from: NameSource::TlsSni,
        packet: first_packet,
        offset: None,
    }));
    FlowSummary {
        first_packet,
        key,
        initiator,
        initiator_known: true,
        first: Timestamp::from_ns(0),
        last: Timestamp::from_ns(1),
        packets: 10,
        bytes: 1000,
        dropped_packets: 0,
        dropped_bytes: 0,
        state: FlowState::Established,
        end: FlowEnd::Finished,
        protocols: Protocols::default(),
        application: None,
        tunnels: Tunnels::default(),
        icmp: None,
        rule: None,
        allowed: None,
        removal: Removal::Inline,
        findings: Some(Box::new(findings)),
    }
}

#[test]
fn flows_are_counted_by_protocol_fate_and_what_they_show() {
    let mut stats = FlowStats::default();
    let mut tls = flow(1, IpProtocol::TCP, &[]);
    tls.protocols.push(Protocol::Tls);
    tls.protocols.push(Protocol::Https);
    stats.observe(&tls);
    let mut doh = tls.clone();
    doh.protocols.push(Protocol::DnsOverHttps);
    doh.findings_mut().has_ech = true;
    stats.observe(&FlowSummary {
        application: Some(AppId(7)),
        rule: Some(RuleId(2)),
        dropped_packets: 9,
        dropped_bytes: 950,
        ..doh
    });
    let mut conflict = flow(3, IpProtocol::ICMP6, &[]);
    conflict.findings_mut().host_conflict = true;
    conflict.end = FlowEnd::Evicted;
    stats.observe(&conflict);
    stats.observe(&flow(4, IpProtocol::SCTP, &[]));
    let tables = stats.finish();
    let one = Tally {
        flows: 1,
        packets: 10,
        bytes: 1000,
    };
    assert_eq!(
        tables.counts,
        FlowCounts {
            total: 4,
            tcp: 2,
            udp: 0,
            icmp: 1,
            other: 1,
            blocked: 1,
            evicted: 1,
            host_conflicts: 1,
            ech: 1,
            encrypted_dns: 1,
        }
    );
    assert_eq!(
        tables.shown,
        [
            (Shown::Application(AppId(7)), one),
            (Shown::Protocol(Protocol::Https), one),
            (
                Shown::Unknown,
                Tally {
                    flows: 2,
                    packets: 20,
                    bytes: 2000
                }
            ),
        ]
    );
    assert_eq!(
        tables.rules,
        [(
            RuleId(2),
            Tally {
                flows: 1,
                packets: 9,
                bytes: 950
            }
        )]
    );
}

#[test]
fn caveats_are_counted_by_times_and_by_flows() {
    let mut stats = FlowStats::default();
    for conflicts in [0, 2, 3] {
        let mut flow = flow(1, IpProtocol::TCP, &[]);
        flow.findings_mut().caveats().conflicts = conflicts;
        stats.observe(&flow);
    }
    let tables = stats.finish();
    assert_eq!(
        (tables.caveats.conflicts, tables.caveat_flows.conflicts),
        (5, 2)
    );
}

#[test]
fn fingerprints_are_counted_by_flow() {
    let mut stats = FlowStats::default();
    for ja4 in ["b", "a", "c", "c"] {
        let mut flow = flow(1, IpProtocol::TCP, &[]);
        flow.findings_mut().fingerprints = Some(Box::new(Fingerprints {
            ja3: ArrayString::new(),
            ja4: ArrayString::from(ja4).unwrap(),
        }));
        stats.observe(&flow);
    }
    stats.observe(&flow(2, IpProtocol::TCP, &[]));
    let told = stats.finish().ja4;
    assert_eq!(told, [("c".into(), 2), ("a".into(), 1), ("b".into(), 1)]);
}

#[test]
fn a_netbios_name_is_no_domain() {
    let mut stats = FlowStats::default();
    let mut named = flow(1, IpProtocol::UDP, &["workgroup"]);
    named.findings_mut().names[0].from = NameSource::Netbios;
    stats.observe(&named);
    assert_eq!(stats.finish().domains, []);
}

#[test]
fn a_name_counts_once_a_flow() {
    let mut stats = FlowStats::default();
    stats.observe(&flow(1, IpProtocol::TCP, &["b.c", "a.c", "b.c"]));
    stats.observe(&flow(2, IpProtocol::TCP, &["d.c", "B.C."]));
    let told: Vec<_> = stats
        .finish()
        .domains
        .into_iter()
        .map(|(name, flows)| (name.to_string(), flows))
        .collect();
    assert_eq!(
        told,
        [("b.c".into(), 2), ("a.c".into(), 1), ("d.c".into(), 1)]
    );
}

#[test]
fn flows_that_are_looked_ahead_for_together_count_as_each_alone() {
    let of_no_domain = {
        let mut flow = flow(2, IpProtocol::UDP, &["workgroup", "b.c"]);
        flow.findings_mut().names[0].from = NameSource::Netbios;
        flow
    };
    let flows = [
        flow(1, IpProtocol::TCP, &[]),
        of_no_domain,
        flow(3, IpProtocol::TCP, &["a.c", "b.c", "a.c"]),
        FlowSummary {
            findings: None,
            ..flow(4, IpProtocol::ICMP, &[])
        },
        flow(5, IpProtocol::TCP, &["c.c", "d.c"]),
        flow(6, IpProtocol::TCP, &["a.c"]),
    ];
    let bounded = || FlowStats {
        domains: NameTable::new(3, MAX_DOMAIN_BYTES),
        ..FlowStats::default()
    };
    let (mut together, mut alone) = (bounded(), bounded());
    // Known or not when they are looked ahead for.
    for _ in 0..2 {
        let ahead = together.look_ahead(&flows);
        together.observe_all(&ahead);
        flows.iter().for_each(|flow| alone.observe(flow));
    }
    let tables = together.finish();
    assert_eq!(tables, alone.finish());
    let told: Vec<_> = tables.domains.iter().map(|(_, flows)| *flows).collect();
    // The second time, the only flow with c.c is the one that was counted last.
    assert_eq!((told, tables.untold_domains), (vec![4, 4, 1], 2));
}

#[test]
fn names_past_the_bound_are_counted_as_untold() {
    let mut stats = FlowStats {
        domains: NameTable::new(MAX_DOMAINS, 6),
        ..FlowStats::default()
    };
    stats.observe(&flow(1, IpProtocol::TCP, &["a.c", "b.c", "c.c"]));
    stats.observe(&flow(2, IpProtocol::TCP, &["c.c", "a.c"]));
    let tables = stats.finish();
    assert_eq!((tables.domains.len(), tables.untold_domains), (2, 2));
    assert_eq!(tables.domains[0].1, 2);
}

#[test]
fn names_are_counted_up_to_the_bytes_that_are_promised() {
    // Of 250 bytes each, 4,096 a flow.
    let tail = [&*"x".repeat(60); 4].join(".");
    let mut stats = FlowStats::default();
    for number in 0..17 {
        let names: Vec<_> = (0..4096)
            .map(|n| format!("{number:02}{n:04}.{tail}"))
            .collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        stats.observe(&flow(number, IpProtocol::TCP, &names));
    }
    let tables = stats.finish();
    let counted = MAX_DOMAIN_BYTES / 250;
    assert_eq!(tables.domains.len(), counted);
    assert_eq!(tables.untold_domains, 17 * 4096 - counted as u64);
}
