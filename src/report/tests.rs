use unicode_width::UnicodeWidthStr;

use super::*;
use crate::evidence::NameSource;
use crate::flow::FlowEnd;
use crate::fragments::FragmentCounts;
use crate::hosts::{Hosts, Thresholds};
use crate::packet::{IpProtocol, LinkType, Timestamp};
use crate::protocol::Protocol;
use crate::stats::FlowStats;
use crate::stats::flows::tests::sample_flow;
use crate::wire::{Layer, Reason, Stop};

pub(super) const GITHUB: AppId = AppId(4);

/// A small catalogue and two rules.
pub(super) struct Book;

impl Names for Book {
    fn application(&self, id: AppId) -> Option<(&str, &str)> {
        match id.0 {
            4 => Some(("GitHub", "Developer")),
            // As an application, and not as the protocol that was recognised.
            5 => Some(("DNS", "Protocols")),
            _ => None,
        }
    }

    fn application_of(&self, domain: &str) -> Option<AppId> {
        domain.ends_with("github.com").then_some(GITHUB)
    }

    fn rule(&self, id: RuleId) -> Option<(&str, &str)> {
        let rules = [
            ("app:GitHub", "--block-app"),
            ("ip:10.0.0.0/8", "rules.txt:7"),
        ];
        rules.get(id.0 as usize).copied()
    }
}

fn input() -> Input {
    Input {
        path: "captures/office.pcap".into(),
        format: "pcap",
        compression: None,
        link_types: vec![LinkType::ETHERNET, LinkType(147)],
        resolution: Resolution::Micro,
        file_bytes: 12_345,
        first_packet: Some(Timestamp::from_ns(1_700_000_000_000_001_000)),
        last_packet: Some(Timestamp::from_ns(1_700_000_012_500_003_000)),
        damage: None,
        skipped: Skipped::default(),
        files: Vec::new(),
    }
}

fn flows() -> Vec<FlowSummary> {
    let client = "192.168.1.3:50000";
    let mut flows = Vec::new();
    let mut add = |protocol, dst: &str, names: &[&str]| {
        let first_packet = flows.len() as u64 + 1;
        flows.push(sample_flow(first_packet, protocol, (client, dst), names));
        flows.len() - 1
    };
    for port in 8001..=8010 {
        add(IpProtocol::TCP, &format!("140.82.112.21:{port}"), &[]);
    }
    let github = add(IpProtocol::TCP, "140.82.112.21:443", &["github.com"]);
    let dns = add(
        IpProtocol::UDP,
        "8.8.8.8:53",
        &["github.com", "www.example.org"],
    );
    let dns_by_name = add(IpProtocol::UDP, "8.8.8.8:53", &["www.example.org"]);
    add(IpProtocol::ICMP, "10.1.2.3:0", &[]);
    for (at, application) in [(github, GITHUB), (dns_by_name, AppId(5))] {
        flows[at].application = Some(application);
    }
    flows[github].rule = Some(RuleId(0));
    (flows[github].dropped_packets, flows[github].dropped_bytes) = (8, 900);
    flows[dns].protocols.push(Protocol::Dns);
    flows[dns].end = FlowEnd::Evicted;
    for at in [dns, dns_by_name] {
        flows[at]
            .findings_mut()
            .names
            .iter_mut()
            .for_each(|name| name.from = NameSource::DnsQuery);
    }
    flows
}

fn undecoded(packets: u64) -> Undecoded {
    let mut undecoded = Undecoded::default();
    for _ in 0..packets {
        undecoded.count(Stop {
            layer: Layer::Ethernet,
            offset: 14,
            need: 0,
            have: 46,
            reason: Reason::Ethertype(0x0806),
        });
    }
    undecoded
}

fn report_on(flows: &[FlowSummary], input: Input, packets: PacketCounts) -> Report<'static> {
    let mut stats = FlowStats::default();
    let mut hosts = Hosts::new(Thresholds::default());
    for flow in flows {
        stats.observe(flow);
        hosts.observe(flow);
    }
    let gathered = Gathered {
        input,
        digests: None,
        packets,
        undecoded: undecoded(packets.undecoded),
        flows: stats.finish(),
        suspicious: hosts.finish(),
        fragments: FragmentCounts {
            whole: 3,
            incomplete: 1,
            conflicting: 0,
        },
        untold_drops: 0,
        untold_lookups: 0,
        forgotten_answers: 0,
        overlapping_inputs: 0,
    };
    Report::new(gathered, &Book)
}

pub(super) fn report() -> Report<'static> {
    let packets = PacketCounts {
        total: 142,
        bytes: 14_100,
        tcp: 110,
        udp: 20,
        icmp: 10,
        other: 1,
        ipv4: 140,
        ipv6: 0,
        fragments: 2,
        undecoded: 1,
        forwarded: 134,
        forwarded_bytes: 13_200,
        dropped: 8,
        dropped_bytes: 900,
    };
    report_on(&flows(), input(), packets)
}

fn empty_report() -> Report<'static> {
    let input = Input {
        path: "-".into(),
        link_types: Vec::new(),
        first_packet: None,
        last_packet: None,
        damage: Some(Damage {
            offset: 24,
            reason: "the first record is cut short".into(),
        }),
        skipped: Skipped {
            skipped: vec![Skip {
                offset: 24,
                length: 7,
                reason: "the first record is cut short".into(),
            }],
            skipped_count: 1,
            skipped_bytes: 7,
        },
        ..input()
    };
    let mut report = report_on(&[], input, PacketCounts::default());
    report.rules.clear();
    report.warnings.clear();
    report
}

fn json_of(report: &Report<'_>) -> String {
    let mut out = Vec::new();
    json(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_text_report_is_this() {
    assert_eq!(
        text(&report(), Look::default()),
        include_str!("tests/report.txt")
    );
}

#[test]
fn the_json_report_is_this() {
    let expected = include_str!("tests/report.json");
    let expected = expected.replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(json_of(&report()), expected);
}

#[test]
fn the_report_on_an_empty_damaged_capture_says_so() {
    assert_eq!(
        text(&empty_report(), Look::default()),
        include_str!("tests/empty.txt")
    );
    let json: serde_json::Value = serde_json::from_str(&json_of(&empty_report())).unwrap();
    assert_eq!(json["input"]["damage"]["offset"], 24);
    assert_eq!(json["input"]["skipped"][0]["length"], 7);
    assert_eq!(json["input"]["skipped_bytes"], 7);
    assert!(json["input"]["first_packet"].is_null());
    assert_eq!(json["suspicious"], serde_json::json!([]));
}

#[test]
fn figures_reconcile() {
    let report = report();
    assert!(report.packets.reconciles() && report.flows.reconciles());
    let sum =
        |part: fn(&ApplicationCount<'_>) -> u64| report.applications.iter().map(part).sum::<u64>();
    assert_eq!(sum(|app| app.flows), report.flows.total);
    assert_eq!(
        (sum(|app| app.packets), sum(|app| app.bytes)),
        (140, 14_000)
    );
    let removed: u64 = report.rules.iter().map(|rule| rule.packets).sum();
    assert_eq!(removed, report.packets.dropped);
}

#[test]
fn the_order_of_flows_does_not_change_the_report() {
    let report = report();
    let mut flows = flows();
    flows.reverse();
    let backward = report_on(&flows, input(), report.packets);
    assert_eq!(json_of(&report), json_of(&backward));
}

#[test]
fn shares_are_rounded_to_one_decimal_and_nothing_has_no_share() {
    assert_eq!(percent(1, 3), 33.3);
    assert_eq!(percent(2, 3), 66.7);
    assert_eq!(percent(1, 2000), 0.1);
    assert_eq!(percent(1, 2001), 0.0);
    assert_eq!(percent(5, 5), 100.0);
    assert_eq!(percent(0, 0), 0.0);
    assert_eq!(percent(u64::MAX, u64::MAX), 100.0);
}

#[test]
fn every_line_is_equally_wide_whatever_the_names() {
    let mut report = report();
    report.input.path = format!(
        "cap/{}\x1b[31m\u{202e}e\u{301}🏳️‍🌈👩‍👩‍👧 {}",
        "é".repeat(70),
        "ﷺ中".repeat(50)
    );
    report.input.damage = Some(Damage {
        offset: u64::MAX,
        reason: "x".repeat(200),
    });
    report.warnings.push("لا إله 中文".repeat(20));
    report.packets.total = u64::MAX;
    report.packets.tcp = u64::MAX;
    report.packets.ipv6 = u64::MAX;
    for name in [
        "小佛".repeat(40),
        "क्षि.example".into(),
        "a".repeat(255),
        "لا.example".into(),
    ] {
        let name = DomainName::from_utf8_bytes(name.as_bytes())
            .unwrap_or_else(|| DomainName::from_utf8_bytes("小佛".repeat(20).as_bytes()).unwrap());
        report.domains.push(DomainCount {
            name,
            flows: u64::MAX,
            application: Some("ひらがなアプリケーション"),
        });
    }
    for (name, percent) in [("微信 WeChat International", 100.0), ("A", 0.4)] {
        report.applications.push(ApplicationCount {
            name,
            category: None,
            flows: u64::MAX,
            packets: 0,
            bytes: 0,
            percent,
        });
    }
    let rule = RuleCount {
        rule: "domain:*.a-name-that-is-too-long-to-stand-on-one-line.example.com",
        origin: "/etc/dpi/rules with blanks.txt:7",
        action: Action::Keep,
        flows: u64::MAX,
        packets: u64::MAX,
        bytes: u64::MAX,
    };
    report.rules.extend(vec![rule; 30]);
    for width in [MIN_WIDTH, 50, 64, 80, 200] {
        let look = |is_coloured| Look { width, is_coloured };
        for line in text(&report, look(false)).lines() {
            assert_eq!(line.width(), width, "{line}");
        }
        let mut coloured = text(&report, look(true));
        assert!(coloured.contains("\x1b[1;31m!! 192.168.1.3"), "{coloured}");
        for style in [
            "\x1b[0m",
            "\x1b[1m",
            "\x1b[1;31m",
            "\x1b[33m",
            "\x1b[36m",
            "\x1b[2m",
        ] {
            coloured = coloured.replace(style, "");
        }
        assert_eq!(coloured, text(&report, look(false)));
    }
}

#[test]
fn a_long_v6_address_leaves_room_for_its_reasons() {
    let client = "[2001:db8:1111:2222:3333:4444:5555:6666]:50000";
    let flows: Vec<_> = (1u64..=12)
        .map(|i| {
            let dst = format!("[2001:db8::{i}]:{}", 3000 + i);
            sample_flow(
                i,
                IpProtocol::TCP,
                (client, &dst),
                &[&format!("{i}.example")],
            )
        })
        .collect();
    let text = text(
        &report_on(&flows, input(), PacketCounts::default()),
        Look::default(),
    );
    assert!(text.contains(
        "\
║ !! 2001:db8:1111:2222:3333:4444:5555:6666               high ║
║      [PORT SCAN: 12 unique ports contacted]                  ║
║      Visited domains:                                        ║
║        -> 1.example                                          ║
"
    ));
    assert_eq!(text.matches("║        … and 2 more ").count(), 2, "{text}");
}

#[test]
fn long_lists_end_with_how_many_more_there_are() {
    let mut report = report();
    let row = report.domains[0].clone();
    report.domains = vec![row; 23];
    let text = text(&report, Look::default());
    assert_eq!(text.matches("github.com ").count() - 1, 20, "{text}");
    assert!(text.contains("║ … and 3 more in the JSON report"));
}

#[test]
fn what_hides_what_connections_are_about_is_told_where_there_is_any() {
    let mut hidden = flows();
    hidden[0].protocols.push(Protocol::DnsOverTls);
    hidden[1].findings_mut().has_ech = true;
    for (flows, is_told) in [(flows(), false), (hidden, true)] {
        let text = text(
            &report_on(&flows, input(), PacketCounts::default()),
            Look::default(),
        );
        for line in [
            "Connections with encrypted DNS: 1 ",
            "Connections with encrypted hello: 1 (names may be covers)",
        ] {
            assert_eq!(text.contains(line), is_told, "{text}");
        }
    }
}
