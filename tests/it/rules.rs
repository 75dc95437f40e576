//! What each rule removes from `web.pcap`, packet by packet, against what its maker knows of every flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::generated::web::{self, Flow, Named, Office};
use crate::program::{Bench, list, number};
use crate::{records, testdata};

/// The packet of a flow, counted from 0 in the flow, at which a rule decides; `None` when it never does.
type Decides<'a> = &'a dyn Fn(&Flow) -> Option<usize>;

/// The packet that brings the first name for which `is_blocked` holds.
fn first_named(flow: &Flow, is_blocked: impl Fn(&str) -> bool) -> Option<usize> {
    let blocked = |named: &&Named| is_blocked(named.name);
    flow.names.iter().find(blocked).map(|named| named.packet)
}

fn is_below(name: &str, parents: &[&str]) -> bool {
    parents.iter().any(|parent| {
        name.strip_suffix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn named_below(parents: &'static [&str]) -> impl Fn(&Flow) -> Option<usize> {
    |flow| first_named(flow, |name| is_below(name, parents))
}

fn from_host(addr: &str) -> impl Fn(&Flow) -> Option<usize> {
    let addr: IpAddr = addr.parse().unwrap();
    move |flow| (flow.ends.from.ip() == addr).then_some(0)
}

fn to_port(ports: std::ops::RangeInclusive<u16>) -> impl Fn(&Flow) -> Option<usize> {
    move |flow| {
        let has_ports = flow.protocol == "tcp" || flow.protocol == "udp";
        (has_ports && ports.contains(&flow.ends.to.port())).then_some(0)
    }
}

/// For each packet of the capture, whether it must go.
fn fates(office: &Office, decides: Decides<'_>, whole_flow: bool) -> Vec<bool> {
    let decided: Vec<_> = office.flows.iter().map(decides).collect();
    let goes = |&(flow, nth): &(usize, usize)| {
        decided[flow].is_some_and(|packet| whole_flow || nth >= packet)
    };
    let fates = office.order.iter().map(|at| at.as_ref().is_some_and(goes));
    fates.collect()
}

/// Fails unless `options` remove exactly what `decides` says, in the manner that `options` name.
#[track_caller]
fn assert_removes(options: &[&str], decides: Decides<'_>) {
    let office = web::office();
    let whole_flow = options.contains(&"--whole-flow");
    let fates = fates(&office, decides, whole_flow);
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("web.pcap"), options);
    filtered.run.assert_status(0, &format!("{options:?}"));
    let input = testdata::bytes("web.pcap");
    let all = records::read(&input).packets;
    let should_go = |fate: bool| -> Vec<_> {
        let pairs = all.iter().zip(&fates);
        pairs
            .filter(|&(_, &f)| f == fate)
            .map(|(&packet, _)| packet)
            .collect()
    };
    let (kept, gone) = (should_go(false), should_go(true));
    assert_same(&records::read(filtered.gone()).packets, &gone, options);
    assert_same(&records::read(filtered.kept()).packets, &kept, options);

    let report = filtered.json();
    let blocked = office.flows.iter().filter(|flow| decides(flow).is_some());
    assert_eq!(number(&report, "/flows/blocked"), blocked.count() as u64);
    assert_eq!(number(&report, "/packets/dropped"), gone.len() as u64);
}

#[track_caller]
fn assert_same(is: &[records::Packet<'_>], should: &[records::Packet<'_>], options: &[&str]) {
    let at = is.iter().zip(should).position(|(a, b)| a != b);
    assert!(
        is == should,
        "{options:?}: {} packets, not {}; they part at {at:?}",
        is.len(),
        should.len()
    );
}

/// [`assert_removes`], inline and with whole flows.
#[track_caller]
fn assert_removes_both_ways(options: &[&str], decides: Decides<'_>) {
    assert_removes(options, decides);
    assert_removes(&[options, &["--whole-flow"]].concat(), decides);
}

#[test]
fn an_address_goes_with_all_of_its_flows() {
    assert_removes_both_ways(
        &["--block-ip", "192.168.1.100"],
        &from_host("192.168.1.100"),
    );
    assert_removes_both_ways(
        &["--block-ip", "2001:db8:1::4"],
        &from_host("2001:db8:1::4"),
    );
    assert_removes_both_ways(&["--block-ip", "203.0.113.250"], &|_| None);
}

#[test]
fn a_prefix_goes_with_every_address_in_it() {
    let office6 = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);
    assert_removes_both_ways(&["--block-ip", "192.168.20.0/24"], &|flow| {
        flow.vlan.map(|_| 0)
    });
    assert_removes_both_ways(&["--block-ip", "2001:db8:1::/64"], &|flow| {
        let IpAddr::V6(addr) = flow.ends.from.ip() else {
            return None;
        };
        (addr.segments()[..4] == office6.segments()[..4]).then_some(0)
    });
    // Host bits may stand in a prefix: 192.168.1.2 and .3.
    assert_removes_both_ways(&["--block-ip", "192.168.1.3/31"], &|flow| {
        let hosts = [2, 3].map(|host| IpAddr::V4(Ipv4Addr::new(192, 168, 1, host)));
        hosts.contains(&flow.ends.from.ip()).then_some(0)
    });
}

#[test]
fn a_server_that_is_blocked_takes_its_flows_along() {
    // The client's SYN passes: only the answer comes from the blocked address.
    let server: IpAddr = "198.51.100.40".parse().unwrap();
    assert_removes_both_ways(&["--block-ip", "198.51.100.40"], &|flow| {
        (flow.ends.to.ip() == server).then_some(1)
    });
}

#[test]
fn a_port_goes_from_the_first_packet_on() {
    assert_removes_both_ways(&["--block-port", "6881"], &to_port(6881..=6881));
    assert_removes_both_ways(&["--block-port", "20-25"], &to_port(20..=25));
    assert_removes_both_ways(&["--block-port", "443"], &to_port(443..=443));
    assert_removes_both_ways(&["--block-port", "50101"], &|_| None);
    assert_removes_both_ways(&["--block-port", "53", "--block-port", "5353"], &|flow| {
        matches!(flow.ends.to.port(), 53 | 5353).then_some(0)
    });
}

#[test]
fn an_application_goes_from_the_packet_that_names_it() {
    assert_removes_both_ways(
        &["--block-app", "YouTube"],
        &named_below(&["youtube.com", "googlevideo.com"]),
    );
    assert_removes_both_ways(
        &["--block-app", "tik tok", "--block-app", "GITHUB"],
        &named_below(&["tiktok.com", "github.com"]),
    );
    assert_removes_both_ways(&["--block-app", "twitter/x"], &|_| None);
}

#[test]
fn a_category_goes_with_its_applications() {
    assert_removes_both_ways(
        &["--block-app", "Streaming"],
        &named_below(&[
            "youtube.com",
            "googlevideo.com",
            "netflix.com",
            "spotify.com",
            "tiktok.com",
        ]),
    );
    assert_removes_both_ways(
        &["--block-app", "social"],
        &named_below(&["facebook.com", "instagram.com", "whatsapp.com"]),
    );
}

#[test]
fn a_protocol_goes_whatever_the_name() {
    let to = |flow: &Flow, port| flow.protocol != "icmp" && flow.ends.to.port() == port;
    // The scan's packets to these ports carry no protocol at all.
    let scanned: IpAddr = "192.168.1.20".parse().unwrap();
    let is_scan = |flow: &Flow| flow.ends.to.ip() == scanned;
    assert_removes_both_ways(&["--block-app", "DNS"], &|flow| to(flow, 53).then_some(0));
    assert_removes(&["--block-app", "HTTP", "--whole-flow"], &|flow| {
        (to(flow, 80) && !is_scan(flow)).then_some(0)
    });
    assert_removes(&["--block-app", "HTTPS", "--whole-flow"], &|flow| {
        (to(flow, 443) && !is_scan(flow)).then_some(0)
    });
    assert_removes(&["--block-app", "TLS", "--whole-flow"], &|flow| {
        ((to(flow, 443) && !is_scan(flow)) || to(flow, 8443)).then_some(0)
    });
    assert_removes_both_ways(&["--block-app", "QUIC"], &|_| None);
}

#[test]
fn a_domain_is_that_name_alone() {
    let named = |wanted: &'static str| move |flow: &Flow| first_named(flow, |name| name == wanted);
    assert_removes_both_ways(&["--block-domain", "example.org"], &named("example.org"));
    assert_removes_both_ways(
        &["--block-domain", "WWW.TikTok.com."],
        &named("www.tiktok.com"),
    );
    assert_removes_both_ways(&["--block-domain", "youtube.com"], &|_| None);
    assert_removes_both_ways(&["--block-domain", "tube.com"], &|_| None);
}

#[test]
fn a_kept_alive_connection_passes_up_to_the_request_that_is_blocked() {
    assert_removes_both_ways(&["--block-domain", "ads.example.com"], &|flow| {
        first_named(flow, |name| name == "ads.example.com")
    });
}

#[test]
fn a_wildcard_is_the_domain_and_everything_below_it() {
    assert_removes_both_ways(
        &["--block-domain", "*.example.org"],
        &named_below(&["example.org"]),
    );
    assert_removes_both_ways(
        &["--block-domain", "*.YOUTUBE.com", "--block-domain", "*.net"],
        &named_below(&["youtube.com", "net"]),
    );
    assert_removes_both_ways(&["--block-domain", "*.xample.org"], &|_| None);
}

#[test]
fn the_command_lines_of_the_readme_do_what_they_say() {
    assert_removes_both_ways(
        &["--block-app", "YouTube", "--block-domain", "*.tiktok.com"],
        &named_below(&["youtube.com", "googlevideo.com", "tiktok.com"]),
    );
    assert_removes_both_ways(
        &[
            "--block-ip",
            "192.168.1.100",
            "--block-port",
            "6881",
            "--block-domain",
            "*.facebook.com",
            "--workers",
            "8",
            "--verbose",
        ],
        &|flow| {
            from_host("192.168.1.100")(flow)
                .or(to_port(6881..=6881)(flow))
                .or(named_below(&["facebook.com"])(flow))
        },
    );
}

#[test]
fn the_example_rules_do_what_they_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rules.example.txt");
    let network = |addr: IpAddr| addr.to_string().starts_with("203.0.113.");
    assert_removes(&["--rules", path, "--whole-flow"], &|flow| {
        // The network is that of the rules' second address: its servers answer, and so their flows go.
        network(flow.ends.to.ip())
            .then_some(1)
            .or(to_port(6881..=6889)(flow))
            .or(first_named(flow, |name| name == "ads.example.com"))
            .or(named_below(&[
                "youtube.com",
                "googlevideo.com",
                "tiktok.com",
            ])(flow))
    });
}

/// The rules of a report as (origin, flows, packets).
fn counts(report: &Value) -> Vec<(String, u64, u64)> {
    let rules = list(report, "/rules").iter();
    rules
        .map(|rule| {
            let origin = rule["origin"].as_str().unwrap().to_owned();
            (origin, number(rule, "/flows"), number(rule, "/packets"))
        })
        .collect()
}

#[test]
fn the_first_rule_that_matches_is_the_reason() {
    let bench = Bench::new();
    let options = [
        "--block-domain",
        "updates.example.net",
        "--block-app",
        "YouTube",
        "--block-port",
        "443",
        "--block-ip",
        "192.168.1.100",
    ];
    let filtered = bench.filter(&testdata::path("web.pcap"), &options);
    let report = filtered.json();
    let office = web::office();
    let of_host = |flow: &&Flow| flow.ends.from.ip().to_string() == "192.168.1.100";
    let flows = |origin: &str| {
        let counts = counts(&report).into_iter();
        counts
            .filter(|(o, ..)| o == origin)
            .map(|(_, flows, _)| flows)
            .sum::<u64>()
    };
    // Address, then port, then application, then domain; so this domain is never the reason, and YouTube only in DNS.
    assert_eq!(
        flows("--block-ip"),
        office.flows.iter().filter(of_host).count() as u64
    );
    assert_eq!(flows("--block-app"), 1);
    assert_eq!(flows("--block-domain"), 0);
    let by_port = |flow: &&Flow| flow.ends.to.port() == 443 && !of_host(flow);
    assert_eq!(
        flows("--block-port"),
        office.flows.iter().filter(by_port).count() as u64
    );
    let dropped: u64 = counts(&report).iter().map(|(.., packets)| packets).sum();
    assert_eq!(dropped, number(&report, "/packets/dropped"));
}

#[test]
fn rules_that_match_nothing_are_told_with_zeros() {
    let bench = Bench::new();
    let options = ["--block-app", "Zoom", "--block-ip", "203.0.113.250"];
    let filtered = bench.filter(&testdata::path("web.pcap"), &options);
    let mut counts = counts(&filtered.json());
    counts.sort();
    assert_eq!(
        counts,
        [
            ("--block-app".to_owned(), 0, 0),
            ("--block-ip".to_owned(), 0, 0)
        ]
    );
    assert!(filtered.kept() == testdata::bytes("web.pcap"));
}

#[test]
fn what_travels_in_a_tunnel_goes_with_the_packets_around_it() {
    let bench = Bench::new();
    let path = testdata::path("tunnels.pcap");
    for (rule, expected) in [
        // The tunnels' sender; three of the tunnels are not over IPv4.
        (["--block-ip", "203.0.113.1"], 9),
        // VXLAN's port, and that of the queries inside.
        (["--block-port", "4789"], 1),
        (["--block-port", "53"], 12),
    ] {
        let filtered = bench.filter(&path, &rule);
        let gone = records::read(filtered.gone()).packets.len();
        assert_eq!(gone, expected, "{rule:?}");
    }
}
