use std::cmp::Reverse;

use proptest::prelude::*;

use super::*;
use crate::domain::DomainName;
use crate::stats::flows::tests::sample_flow;

const TCP: IpProtocol = IpProtocol::TCP;

/// Public addresses, in no block that is reserved.
const CLIENT: &str = "81.2.69.142";
const SERVER: &str = "140.82.112.21";

fn hosts() -> Hosts {
    Hosts::new(Thresholds::default())
}

fn flow(protocol: IpProtocol, src: &str, dst: &str, port: u16) -> FlowSummary {
    named(protocol, (src, dst, port), &[])
}

fn named(protocol: IpProtocol, ends: (&str, &str, u16), names: &[&str]) -> FlowSummary {
    let end = |addr: &str, port| std::net::SocketAddr::new(addr.parse().unwrap(), port).to_string();
    let (src, dst) = (end(ends.0, 50_000), end(ends.1, ends.2));
    sample_flow(1, protocol, (&src, &dst), names)
}

/// `ip severity kind: text; …` for each finding.
fn told(hosts: Hosts) -> Vec<String> {
    let findings = hosts.finish();
    assert_eq!(findings.iter().count(), findings.len());
    findings
        .iter()
        .map(|f| {
            let reasons: Vec<_> = f
                .reasons
                .iter()
                .map(|reason| format!("{}: {reason}", reason.kind()))
                .collect();
            format!("{} {} {}", f.ip, f.severity, reasons.join("; "))
        })
        .collect()
}

#[test]
fn the_hundred_and_first_flow_is_high_volume() {
    let mut few = hosts();
    let mut many = hosts();
    for i in 0..101 {
        let flow = flow(TCP, CLIENT, SERVER, 443);
        many.observe(&flow);
        if i < 100 {
            few.observe(&flow);
        }
    }
    assert!(told(few).is_empty());
    assert_eq!(
        told(many),
        [
            // Both ends of a flow count it; the responder is associated as well, which is one reason more.
            "140.82.112.21 medium high_volume: 101 flows; associated: contacted by 81.2.69.142",
            "81.2.69.142 medium high_volume: 101 flows",
        ]
    );
}

#[test]
fn flows_from_and_to_an_address_add_up_and_one_to_itself_counts_once() {
    let mut hosts = hosts();
    for _ in 0..50 {
        hosts.observe(&flow(TCP, CLIENT, SERVER, 443));
        hosts.observe(&flow(TCP, "81.2.69.160", CLIENT, 443));
    }
    let itself = flow(TCP, CLIENT, CLIENT, 443);
    hosts.observe(&itself);
    assert_eq!(
        told(hosts),
        [
            "81.2.69.142 medium high_volume: 101 flows",
            "140.82.112.21 low associated: contacted by 81.2.69.142",
        ]
    );
}

#[test]
fn the_eleventh_port_is_a_scan() {
    let ports = [53, 80, 110, 443, 993, 3000, 3306, 5432, 6379, 8080];
    let mut hosts = hosts();
    for (i, port) in ports.into_iter().enumerate() {
        // Ports count over all responders, each once; a port that was not captured does not.
        let server = format!("140.82.112.{i}");
        hosts.observe(&flow(TCP, CLIENT, &server, port));
        hosts.observe(&flow(IpProtocol::UDP, CLIENT, SERVER, port));
        hosts.observe(&flow(TCP, CLIENT, SERVER, 0));
        hosts.observe(&flow(IpProtocol::ICMP, CLIENT, SERVER, 0));
    }
    assert_eq!(hosts.hosts[0].shares.ports, 10);
    hosts.observe(&flow(IpProtocol::SCTP, CLIENT, SERVER, 36_412));
    let told = told(hosts);
    assert_eq!(
        told[0],
        "81.2.69.142 high port_scan: 11 unique ports contacted"
    );
    assert_eq!(
        told[1],
        "140.82.112.21 medium associated: contacted by 81.2.69.142"
    );
    assert_eq!(told.len(), 12);
}

#[test]
fn thresholds_are_the_callers() {
    let mut hosts = Hosts::new(Thresholds {
        high_volume: 1,
        port_scan: 1,
    });
    hosts.observe(&flow(TCP, CLIENT, SERVER, 80));
    hosts.observe(&flow(TCP, CLIENT, SERVER, 443));
    assert_eq!(
        told(hosts)[0],
        "81.2.69.142 high port_scan: 2 unique ports contacted; high_volume: 2 flows"
    );
}

#[test]
fn a_whole_range_of_ports_is_counted_to_the_last() {
    let mut hosts = hosts();
    let mut flow = flow(TCP, CLIENT, SERVER, 1);
    for _ in 0..2 {
        for port in 0..=u16::MAX {
            flow.key = self::flow(TCP, CLIENT, SERVER, port).key;
            hosts.observe(&flow);
        }
    }
    let unusual = (1..1024).filter(|port| services::is_unusual(*port)).count();
    let told = told(hosts);
    assert_eq!(
        told[0],
        format!(
            "81.2.69.142 high port_scan: 65535 unique ports contacted; high_volume: 131072 flows; \
             unusual_port: {unusual} unusual ports contacted: 1, 2, 3, 4, 5, …"
        )
    );
}

#[test]
fn ports_that_find_no_room_make_the_count_a_lower_bound() {
    let mut hosts = Hosts::with_bounds(Thresholds::default(), 100, 12);
    hosts.port_maps = {
        let mut all_taken = PortMaps::default();
        while all_taken.insert(&mut None, 1).is_some() {}
        all_taken
    };
    // One entry is the peer's, eleven are ports'.
    for port in 2001..=2100 {
        hosts.observe(&flow(TCP, CLIENT, SERVER, port));
    }
    let findings = hosts.finish();
    assert_eq!(
        findings.warnings(),
        ["suspicious activity is incomplete: 89 times there was no room to count a contacted port"]
    );
    let scan = &findings.iter().next().unwrap().reasons[0];
    assert_eq!(scan.to_string(), "at least 11 unique ports contacted");
}

#[test]
fn unusual_ports_are_low_and_told_over_tcp_and_udp_only() {
    let mut hosts = hosts();
    hosts.observe(&flow(IpProtocol::SCTP, CLIENT, SERVER, 666));
    hosts.observe(&flow(TCP, CLIENT, SERVER, 666));
    hosts.observe(&flow(IpProtocol::UDP, CLIENT, SERVER, 31));
    hosts.observe(&flow(TCP, CLIENT, SERVER, 31));
    hosts.observe(&flow(IpProtocol::SCTP, "81.2.69.160", SERVER, 666));
    assert_eq!(
        told(hosts),
        [
            "81.2.69.142 low unusual_port: 2 unusual ports contacted: 31, 666",
            "140.82.112.21 info associated: contacted by 81.2.69.142",
        ]
    );
}

#[test]
fn reserved_addresses_are_told_when_they_answer_not_when_they_ask() {
    let mut hosts = hosts();
    hosts.observe(&flow(TCP, "192.168.1.2", SERVER, 443));
    hosts.observe(&flow(IpProtocol::UDP, "2606:4700::1", "ff02::fb", 5353));
    assert_eq!(
        told(hosts),
        ["ff02::fb info reserved_range: multicast, ff00::/8 (RFC 4291)"]
    );
}

#[test]
fn association_goes_one_hop_and_one_step_down_from_the_worst_source() {
    let mut hosts = hosts();
    for port in 2001..=2011 {
        hosts.observe(&flow(TCP, "81.2.69.2", "81.2.69.3", port));
    }
    hosts.observe(&flow(TCP, "81.2.69.1", "81.2.69.3", 666));
    hosts.observe(&flow(TCP, "81.2.69.3", "81.2.69.4", 443));
    assert_eq!(
        told(hosts),
        [
            "81.2.69.2 high port_scan: 11 unique ports contacted",
            "81.2.69.3 medium associated: contacted by 81.2.69.2 and 1 more",
            "81.2.69.1 low unusual_port: 1 unusual port contacted: 666",
        ]
    );
}

#[test]
fn of_equally_bad_sources_the_lowest_address_is_named() {
    let order = [[1u8, 2, 3], [3, 1, 2], [2, 3, 1]];
    for sources in order {
        let mut hosts = hosts();
        for source in sources {
            let source = format!("81.2.69.{source}");
            hosts.observe(&flow(TCP, &source, SERVER, 666));
        }
        assert_eq!(
            told(hosts)[3],
            "140.82.112.21 info associated: contacted by 81.2.69.1 and 2 more"
        );
    }
}

#[test]
fn a_peer_is_known_by_what_its_flow_says_before_what_was_answered_for_its_address() {
    for (own, known_by) in [(None, "cdn.example"), (Some("github.com"), "github.com")] {
        let mut hosts = hosts();
        for port in 1..=11 {
            let names: Vec<&str> = ["cdn.example"].into_iter().chain(own).collect();
            let mut flow = named(TCP, (CLIENT, SERVER, port), &names);
            flow.findings_mut().names[0].from = NameSource::DnsAnswer;
            hosts.observe(&flow);
        }
        let findings = hosts.finish();
        let finding = findings.iter().find(|f| f.ip.to_string() == CLIENT);
        let peers = &finding.as_ref().unwrap().peers;
        assert_eq!(peers[0].name, Some(known_by));
    }
}

#[test]
fn a_netbios_name_is_no_domain() {
    let mut hosts = hosts();
    for port in 1..=11 {
        let mut flow = named(TCP, (CLIENT, SERVER, port), &["workgroup", "github.com"]);
        flow.findings_mut().names[0].from = NameSource::Netbios;
        hosts.observe(&flow);
    }
    let findings = hosts.finish();
    let finding = findings.iter().find(|f| f.ip.to_string() == CLIENT);
    assert_eq!(finding.unwrap().domains, ["github.com"]);
}

#[test]
fn a_finding_lists_names_and_peers_of_the_flows_it_opened() {
    let mut hosts = hosts();
    let mut lookup = named(IpProtocol::UDP, (CLIENT, "8.8.8.8", 53), &["github.com"]);
    lookup.findings_mut().names[0].from = NameSource::DnsQuery;
    hosts.observe(&lookup);
    hosts.observe(&named(TCP, (CLIENT, SERVER, 666), &[]));
    for name in ["github.com", "api.github.com"] {
        hosts.observe(&named(TCP, (CLIENT, SERVER, 443), &[name]));
    }
    hosts.observe(&named(TCP, ("81.2.69.9", CLIENT, 443), &["client.example"]));
    let findings = hosts.finish();
    let finding = findings.iter().next().unwrap();
    assert_eq!(finding.domains, ["api.github.com", "github.com"]);
    let peer = |ip: &str, name| Peer {
        ip: ip.parse().unwrap(),
        name,
    };
    assert_eq!(
        finding.peers,
        [
            // A question does not name the resolver that it was put to.
            peer("8.8.8.8", None),
            peer(SERVER, Some("github.com"))
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn findings_are_in_order_however_many_there_are(ends in proptest::collection::vec((0u8..=255, 0u8..=255, 1u16..100), 0..400)) {
        let mut hosts = Hosts::new(Thresholds { high_volume: 3, port_scan: 2 });
        // Every other one is in a block that is reserved.
        let address = |i: u8| format!("{}.0.{}.1", if i.is_multiple_of(2) { 240 } else { 8 }, i % 150);
        for (src, dst, port) in ends {
            hosts.observe(&flow(TCP, &address(src), &address(dst), port));
        }
        let known: Vec<_> = hosts.hosts.iter().map(|host| (host.addr, host.flows)).collect();
        let findings = hosts.finish();
        let flagged: Vec<_> = findings.iter().collect();
        prop_assert_eq!(flagged.len(), findings.len());
        let rank = |finding: &Finding| {
            let flows = known.iter().find(|(addr, _)| *addr == finding.ip).map(|(_, flows)| *flows);
            (Reverse((finding.severity, finding.reasons.len(), flows)), finding.ip)
        };
        prop_assert!(flagged.windows(2).all(|pair| rank(&pair[0]) < rank(&pair[1])));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flows_that_are_looked_ahead_for_together_are_taken_in_as_each_alone(
        flows in proptest::collection::vec((0u8..6, 0u8..6, 1u16..5, proptest::collection::vec(0u8..9, 0..4)), 0..100),
        (addresses, contacts, step) in (1usize..8, 1usize..20, 1usize..50),
    ) {
        let flows: Vec<_> = flows
            .into_iter()
            .map(|(src, dst, port, names)| {
                let [src, dst] = [src, dst].map(|end| format!("8.0.0.{end}"));
                let texts: Vec<_> = names.iter().map(|name| format!("{name}.example")).collect();
                let texts: Vec<_> = texts.iter().map(String::as_str).collect();
                let mut flow = named(TCP, (&src, &dst, port), &texts);
                for (found, number) in flow.findings_mut().names.iter_mut().zip(names) {
                    let sources = [NameSource::TlsSni, NameSource::Netbios, NameSource::DnsAnswer];
                    found.from = sources[usize::from(number % 3)];
                }
                flow
            })
            .collect();
        let thresholds = Thresholds { high_volume: 1, port_scan: 1 };
        let [mut together, mut alone] = [(); 2].map(|()| Hosts::with_bounds(thresholds, addresses, contacts));
        for flows in flows.chunks(step) {
            let ahead = together.look_ahead(flows);
            together.observe_all(&ahead);
        }
        flows.iter().for_each(|flow| alone.observe(flow));
        let untold = |hosts: &Hosts| format!("{:?}", hosts.untold);
        prop_assert_eq!(untold(&together), untold(&alone));
        let findings = |hosts: Hosts| format!("{:?}", hosts.finish().iter().collect::<Vec<_>>());
        prop_assert_eq!(findings(together), findings(alone));
    }
}

#[test]
fn addresses_and_contacts_past_the_bounds_are_counted_and_told() {
    let mut hosts = Hosts::with_bounds(Thresholds::default(), 4, 6);
    for i in 1..=9 {
        let names = [format!("{i}.example")];
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        hosts.observe(&named(
            TCP,
            (CLIENT, &format!("140.82.112.{i}"), 443),
            &names,
        ));
    }
    assert_eq!(
        (hosts.hosts.len(), hosts.index.len(), hosts.hosts[0].flows),
        (4, 4, 9)
    );
    // Of the first three flows come 1 port, 3 names, 2 peers.
    assert_eq!((hosts.untold.flows, hosts.untold.ports), (6, 0));
    assert_eq!((hosts.untold.peers, hosts.untold.names), (1, 6));
    assert_eq!(hosts.finish().warnings().len(), 3);
}

#[test]
fn one_address_cannot_fill_the_tables() {
    let mut hosts = hosts();
    for i in 0..2000u32 {
        let peer = std::net::Ipv4Addr::from_bits(0x0800_0000 + i).to_string();
        hosts.observe(&named(TCP, (CLIENT, &peer, 443), &[&format!("{i}.com")]));
    }
    let shares = &hosts.hosts[0].shares;
    assert_eq!((shares.peers, shares.names), (1024, 1024));
    assert_eq!((hosts.untold.peers, hosts.untold.names), (976, 976));
}

#[test]
fn names_past_their_number_and_their_bytes_are_counted() {
    let label = "x".repeat(60);
    for (tail, room) in [
        ("c".to_owned(), contacts::MAX_NAMES),
        ([&*label; 4].join("."), contacts::MAX_NAME_BYTES / 250),
    ] {
        let mut hosts = hosts();
        let (mut flows, mut told) = (0..100_u32, 0);
        while told < room + 10 {
            let (client, number) = (
                std::net::Ipv4Addr::from_bits(0x0800_0000 + told as u32).to_string(),
                flows.next().unwrap(),
            );
            // Of 250 bytes with the long tail.
            let names: Vec<_> = (0..1000)
                .map(|n| format!("{number:02}{n:04}.{tail}"))
                .collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            hosts.observe(&named(TCP, (&client, SERVER, 443), &names));
            told += names.len();
        }
        assert_eq!(hosts.untold.names, (told - room) as u64);
    }
}

/// What the module promises: 40 MiB, the sum of what the tables take when they are full.
#[test]
fn full_tables_fit_the_promise() {
    // Of an index five eighths are full at most.
    let index = |slots: usize| slots * 8 / 5 * size_of::<(HalfHash, u32)>();
    let addresses = MAX_ADDRESSES * size_of::<Host>() + index(MAX_ADDRESSES);
    let contacts = MAX_CONTACTS * size_of::<contacts::Kept>()
        + (1 << 19) * (size_of::<(HostId, contacts::Place)>() + 1);
    let names = (1 << 16) * (size_of::<DomainName>() + 16) + index(contacts::MAX_NAMES);
    let text = contacts::MAX_NAME_BYTES;
    let maps = usize::from(port_maps::MAX_PORT_MAPS) * 8192;
    let total = addresses + contacts + names + text + maps;
    assert!(total < 37 << 20, "{total}");
}
