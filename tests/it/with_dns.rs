//! `--with-dns`: lookups go, or stay, with the flows that they led to.

use crate::determinism::outputs;
use crate::program::{Bench, Filtered, list, number};
use crate::records::{self, assert_split};
use crate::testdata::{self, samples};

/// The ports from which names were asked for, of the flows with this verdict.
fn lookups(filtered: &Filtered, verdict: &str) -> Vec<u64> {
    filtered.run.assert_status(0, "--with-dns");
    let lines = filtered.flow_lines();
    let lookups = lines
        .iter()
        .filter(|line| line["dst_port"] == 53 && line["verdict"] == verdict);
    let mut ports: Vec<_> = lookups.map(|line| number(line, "/src_port")).collect();
    ports.sort_unstable();
    ports
}

/// Rules that say nothing of names, and the lookup that led to what they take.
const LED: [([&str; 2], &[u64]); 4] = [
    (["--block-ip", "dst:203.0.113.10"], &[45_001]),
    (["--block-port", "443/udp"], &[45_002]),
    (["--block-ip", "dst:203.0.113.30"], &[45_003]),
    // It names itself, and so it is not the one that the answer was for.
    (["--block-domain", "github.com"], &[]),
];

#[test]
fn lookups_go_with_what_they_led_to() {
    let bench = Bench::new();
    let path = testdata::path("dns_answers.pcap");
    for (rule, led) in LED {
        let without = bench.filter(&path, &[&rule[..], &["--whole-flow"]].concat());
        assert!(lookups(&without, "drop").is_empty(), "{rule:?}");
        let filtered = bench.filter(&path, &[&rule[..], &["--with-dns"]].concat());
        assert_eq!(lookups(&filtered, "drop"), led, "{rule:?}");
        let report = filtered.json();
        let more = filtered.gone().len() - without.gone().len();
        assert_eq!(more > 0, !led.is_empty(), "{rule:?}");
        // They count for the rule.
        let (packets, dropped) = ("/rules/0/packets", "/packets/dropped");
        assert_eq!(number(&report, packets), number(&report, dropped));
        let gone = records::read(filtered.gone()).packets.len() as u64;
        assert_eq!(number(&report, dropped), gone);
    }
}

#[test]
fn lookups_stay_with_what_they_led_to_where_all_else_goes() {
    let bench = Bench::new();
    let path = testdata::path("dns_answers.pcap");
    for (rule, led) in LED {
        let filtered = bench.filter(&path, &[&rule[..], &["--only", "--with-dns"]].concat());
        assert_eq!(lookups(&filtered, "forward"), led, "{rule:?}");
        let kept = records::read(filtered.kept()).packets.len() as u64;
        assert_eq!(number(&filtered.json(), "/packets/forwarded"), kept);
    }
}

#[test]
fn without_a_rule_it_changes_nothing() {
    let bench = Bench::new();
    let path = testdata::path("dns_answers.pcap");
    let plain = bench.filter(&path, &[]);
    let with_dns = bench.filter(&path, &["--with-dns"]);
    assert!(with_dns.output == plain.output && with_dns.report == plain.report);
}

#[test]
fn nothing_is_lost_and_any_number_of_workers_gives_the_same() {
    let bench = Bench::new();
    let rules = ["--with-dns", "--block-ip", "dst:203.0.113.0/24"];
    let rules = [&rules[..], &["--block-port", "443/tcp"]].concat();
    for (seed, sample) in samples().iter().enumerate() {
        let how = ["--quiet", "--only"][seed % 2];
        let options = [&rules[..], &[how]].concat();
        let filtered = bench.filter(&sample.path, &options);
        filtered.run.assert_status(0, &sample.name);
        assert_split(
            &sample.bytes,
            filtered.kept(),
            filtered.gone(),
            &sample.name,
        );
        let report = filtered.json();
        let gone = records::read(filtered.gone()).packets.len() as u64;
        assert_eq!(number(&report, "/packets/dropped"), gone, "{}", sample.name);
        let shown = list(&report, "/applications").iter();
        let flows: u64 = shown.map(|app| number(app, "/flows")).sum();
        assert_eq!(flows, number(&report, "/flows/total"), "every flow is told");
    }
    for name in ["dns_answers.pcap", "web.pcap"] {
        let with = |workers| {
            let options = [&rules[..], &["--workers", workers]].concat();
            bench.filter(&testdata::path(name), &options)
        };
        let one = with("1");
        for workers in ["2", "8"] {
            assert!(outputs(&one) == outputs(&with(workers)), "{name} {workers}");
        }
    }
}
