//! `--only`: the rules turned round.

use crate::determinism::outputs;
use crate::program::{Bench, list, number, run};
use crate::records::{self, assert_split};
use crate::testdata::{self, samples};

/// Rules of every kind, of which each round takes some.
const RULES: [[&str; 2]; 15] = [
    ["--block-ip", "192.168.1.0/28"],
    ["--block-ip", "2001:db8:1::/64"],
    ["--block-ip", "198.51.100.40"],
    ["--block-port", "53"],
    ["--block-port", "1024-9000"],
    ["--block-app", "Streaming"],
    ["--block-app", "GitHub"],
    ["--block-app", "HTTP"],
    ["--block-app", "QUIC"],
    ["--block-domain", "*.example"],
    ["--block-domain", "*.com"],
    ["--block-domain", "nobody.error.example"],
    ["--allow-ip", "192.168.1.4/30"],
    ["--allow-app", "YouTube"],
    ["--allow-domain", "*.org"],
];

/// How many of them, the first ones, block.
const BLOCKING: usize = 12;

/// Some of the rules, others for each seed.
fn some_rules(seed: usize) -> Vec<&'static str> {
    let picks = seed.wrapping_mul(2_654_435_761) >> 7;
    let picked = (0..RULES.len()).filter(|place| picks >> place & 1 == 1);
    let mut rules: Vec<_> = picked.flat_map(|place| RULES[place]).collect();
    // One of those at the least: without any, nothing would be kept.
    rules.extend(RULES[seed % BLOCKING]);
    rules
}

#[test]
fn what_is_kept_is_what_the_rules_would_drop_packet_for_packet() {
    let bench = Bench::new();
    for (seed, sample) in samples().iter().enumerate() {
        let rules = some_rules(seed);
        let what = format!("{} {rules:?}", sample.name);
        // Every number of workers has its turn, on both sides.
        let [one, other] = [seed, seed / 3].map(|turn| ["1", "2", "8"][turn % 3]);
        let with = |how, workers| {
            let options = [&rules[..], &[how, "--workers", workers]].concat();
            bench.filter(&sample.path, &options)
        };
        let (removed, only) = (with("--whole-flow", one), with("--only", other));
        only.run.assert_status(0, &what);
        assert!(only.kept() == removed.gone(), "{what}");
        assert!(only.gone() == removed.kept(), "{what}");
        assert_split(&sample.bytes, only.kept(), only.gone(), &what);
        let (report, kept) = (only.json(), records::read(only.kept()).packets.len() as u64);
        assert_eq!(number(&report, "/packets/forwarded"), kept, "{what}");
        let by_rules = list(&report, "/rules").iter();
        let by_rules = by_rules.filter(|rule| rule["action"] == "keep");
        let by_rules: u64 = by_rules.map(|rule| number(rule, "/packets")).sum();
        assert_eq!(by_rules, kept, "{what}: what the rules say that they kept");
        let lines = only.flow_lines();
        let dropped: u64 = lines.iter().map(|line| number(line, "/dropped")).sum();
        let flowless = number(&report, "/packets/undecoded");
        assert_eq!(
            dropped + flowless,
            number(&report, "/packets/dropped"),
            "{what}"
        );
    }
}

#[test]
fn any_number_of_workers_keeps_the_same() {
    let bench = Bench::new();
    let rules = some_rules(11);
    for name in ["web.pcap", "icmp_error.pcap", "tunnels.pcap"] {
        let with = |workers| {
            let options = [&rules[..], &["--only", "--workers", workers]].concat();
            bench.filter(&testdata::path(name), &options)
        };
        let one = with("1");
        for workers in ["2", "8"] {
            assert!(outputs(&one) == outputs(&with(workers)), "{name} {workers}");
        }
    }
}

#[test]
fn an_application_is_kept_with_its_lookups_and_everything_else_is_told_as_dropped() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let only = bench.filter(&web, &["--only", "--block-app", "YouTube", "-v"]);
    only.run.assert_status(0, "--only");
    let flows = only.flow_lines();
    let (kept, dropped): (Vec<_>, Vec<_>) =
        flows.iter().partition(|flow| flow["verdict"] == "forward");
    assert!(!kept.is_empty());
    for flow in &kept {
        assert_eq!(flow["application"], "YouTube");
        assert_eq!(flow["rule"], "app:YouTube");
        assert_eq!(flow["dropped"], 0);
    }
    for flow in &dropped {
        assert_ne!(flow["application"], "YouTube");
        assert_eq!(flow["rule"], serde_json::Value::Null);
        assert_eq!(flow["dropped"], flow["packets"]);
    }
    let report = only.json();
    assert_eq!(
        number(&report, "/flows/blocked"),
        dropped.len() as u64,
        "flows that were dropped"
    );
    assert_eq!(number(&report, "/rules/0/flows"), kept.len() as u64);
    assert_eq!(report["rules"][0]["action"], "keep");
    let text = only.run.text();
    assert!(text.contains("kept: connections: "), "{text}");
    let told = &only.run.stderr;
    assert!(told.contains("kept by app:YouTube (--block-app)"), "{told}");
}

#[test]
fn an_icmp_error_is_kept_with_the_flow_that_it_quotes() {
    let bench = Bench::new();
    let path = testdata::path("icmp_error.pcap");
    let rule = ["--only", "--block-domain", "nobody.error.example"];
    let only = bench.filter(&path, &rule);
    assert!(only.kept() == testdata::bytes("icmp_error.pcap"));
    let flows = only.flow_lines();
    let told: Vec<_> = flows
        .iter()
        .map(|flow| (&flow["dropped"], &flow["verdict"]))
        .collect();
    // The error's own flow meets no rule; its packet stays all the same.
    assert_eq!(
        told,
        [(&0.into(), &"forward".into()), (&0.into(), &"drop".into())]
    );
}

#[test]
fn what_has_no_flow_matches_no_rule() {
    let bench = Bench::new();
    let path = testdata::path("undecoded.pcap");
    let everybody = ["--block-ip", "0.0.0.0/0", "--block-ip", "::/0"];
    let only = bench.filter(&path, &[&everybody[..], &["--only"]].concat());
    let report = only.json();
    let undecoded = number(&report, "/packets/undecoded");
    assert!(undecoded > 0);
    assert_eq!(number(&report, "/packets/dropped"), undecoded);
}

#[test]
fn what_left_the_table_is_kept_all_the_same() {
    let bench = Bench::new();
    let path = testdata::path("high_volume.pcap");
    let options = ["--only", "--block-port", "443", "--max-flows", "64"];
    let only = bench.filter(&path, &options);
    assert!(number(&only.json(), "/flows/evicted") > 0);
    let whole = ["--whole-flow", "--block-port", "443", "--max-flows", "64"];
    let removed = bench.filter(&path, &whole);
    assert!(only.kept() == removed.gone());
}

#[test]
fn a_pipe_is_read_twice_as_well() {
    let bytes = testdata::bytes("web.pcap");
    let bench = Bench::new();
    let options = ["--only", "--block-app", "YouTube"];
    let from_file = bench.filter(&testdata::path("web.pcap"), &options);
    let args = [&["-", "-"][..], &options].concat();
    let from_pipe = crate::program::run_with_input(args, &bytes);
    assert!(from_pipe.stdout == from_file.kept());
}

#[test]
fn without_a_rule_there_is_nothing_to_keep() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let none = bench.filter(&web, &["--only"]);
    none.run.assert_status(2, "no rule");
    assert!(none.run.stderr.contains("--only keeps"));
    let file = bench.put("rules", b"# none yet\n");
    let options = ["--only", "--rules", file.to_str().unwrap()];
    let empty = bench.filter(&web, &options);
    empty.run.assert_status(2, "an empty file of rules");
    assert_eq!(empty.output, None);
    assert!(
        empty.run.stderr.contains("--only keeps"),
        "{}",
        empty.run.stderr
    );
    let help = run(["--help"]);
    assert!(help.text().contains("--only"));
}
