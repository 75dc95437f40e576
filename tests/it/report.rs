//! The reports: figures that reconcile, lists in order, lines of one width, and nothing raw from the traffic.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::program::{Bench, Run, dpi_engine, list, number};
use crate::{records, testdata};

const RULES: [&str; 6] = [
    "--block-app",
    "YouTube",
    "--block-domain",
    "*.example",
    "--block-port",
    "1-100",
];

/// The sum of a figure over a list.
fn sum(items: &[Value], pointer: &str) -> u64 {
    items.iter().map(|item| number(item, pointer)).sum()
}

/// A claim that two figures are the same: what, the one, the other.
type Claim = (&'static str, u64, u64);

fn claims_of_packets(report: &Value, flows: &[Value]) -> Vec<Claim> {
    let packets = |name: &str| number(report, &format!("/packets/{name}"));
    let decoded = packets("total") - packets("undecoded");
    let by_transport: u64 = ["tcp", "udp", "icmp", "other"].map(packets).iter().sum();
    let split = packets("forwarded") + packets("dropped");
    let split_bytes = packets("forwarded_bytes") + packets("dropped_bytes");
    let rules = list(report, "/rules");
    let applications = list(report, "/applications");
    vec![
        ("kept and dropped", split, packets("total")),
        ("bytes kept and dropped", split_bytes, packets("bytes")),
        ("by transport", by_transport, decoded),
        ("by IP version", packets("ipv4") + packets("ipv6"), decoded),
        ("of flows", sum(flows, "/packets"), decoded),
        (
            "undecoded, by reason",
            sum(list(report, "/undecoded_reasons"), "/packets"),
            packets("undecoded"),
        ),
        (
            "dropped, of flows",
            sum(flows, "/dropped"),
            packets("dropped"),
        ),
        ("of rules", sum(rules, "/packets"), packets("dropped")),
        (
            "bytes of rules",
            sum(rules, "/bytes"),
            packets("dropped_bytes"),
        ),
        ("of applications", sum(applications, "/packets"), decoded),
        (
            "bytes of applications",
            sum(applications, "/bytes"),
            sum(flows, "/bytes"),
        ),
    ]
}

fn claims_of_flows(report: &Value, flows: &[Value]) -> Vec<Claim> {
    let counted = |name: &str| number(report, &format!("/flows/{name}"));
    let by_transport: u64 = ["tcp", "udp", "icmp", "other"].map(counted).iter().sum();
    let dropped = flows.iter().filter(|flow| flow["verdict"] == "drop");
    let applications = list(report, "/applications");
    vec![
        ("flows by transport", by_transport, counted("total")),
        ("flows, line by line", flows.len() as u64, counted("total")),
        (
            "flows of applications",
            sum(applications, "/flows"),
            counted("total"),
        ),
        ("blocked flows", dropped.count() as u64, counted("blocked")),
        (
            "flows of rules",
            sum(list(report, "/rules"), "/flows"),
            counted("blocked"),
        ),
    ]
}

/// Which figures do not come out even.
fn unreconciled(report: &Value, flows: &[Value]) -> Vec<String> {
    let claims = [
        claims_of_packets(report, flows),
        claims_of_flows(report, flows),
    ]
    .concat();
    let wrong = claims.iter().filter(|(_, is, should)| is != should);
    wrong
        .map(|(what, is, should)| format!("{what}: {is}, not {should}"))
        .collect()
}

#[test]
fn figures_reconcile_for_every_capture() {
    let bench = Bench::new();
    let mut failed = Vec::new();
    for sample in testdata::samples() {
        for options in [&[][..], &RULES, &[&RULES[..], &["--whole-flow"]].concat()] {
            let filtered = bench.filter(&sample.path, options);
            filtered.run.assert_status(0, &sample.name);
            let report = filtered.json();
            let wrong = unreconciled(&report, &filtered.flow_lines());
            failed.extend(
                wrong
                    .iter()
                    .map(|what| format!("{} {options:?}: {what}", sample.name)),
            );
            let count = |bytes| records::read(bytes).packets.len() as u64;
            assert_eq!(number(&report, "/packets/total"), count(&sample.bytes));
            assert_eq!(
                number(&report, "/packets/forwarded"),
                count(filtered.kept())
            );
            assert_eq!(
                number(&report, "/input/file_bytes"),
                sample.bytes.len() as u64
            );
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_report_has_the_keys_of_its_schema() {
    let bench = Bench::new();
    let report = bench.filter(&testdata::path("web.pcap"), &RULES).json();
    assert_eq!(report["schema"], "dpi_engine.report/1");
    for (pointer, keys) in [
        ("/tool", "name version"),
        (
            "/input",
            "path format compression link_types resolution file_bytes first_packet last_packet damage",
        ),
        (
            "/packets",
            "total bytes tcp udp icmp other ipv4 ipv6 fragments undecoded forwarded forwarded_bytes dropped dropped_bytes",
        ),
        ("/undecoded_reasons/0", "reason packets"),
        ("/flows", "total tcp udp icmp other blocked evicted"),
        (
            "/applications/0",
            "name category flows packets bytes percent",
        ),
        ("/domains/0", "name flows application"),
        ("/rules/0", "rule origin flows packets bytes"),
        ("/suspicious/0", "ip severity reasons domains peers"),
        ("/suspicious/0/reasons/0", "kind text"),
        ("", "warnings"),
    ] {
        let value = report.pointer(pointer).unwrap_or(&Value::Null);
        for key in keys.split(' ') {
            assert!(value.get(key).is_some(), "no {pointer}/{key}");
        }
    }
}

#[test]
fn lists_are_sorted_by_count_then_name() {
    let bench = Bench::new();
    let report = bench.filter(&testdata::path("web.pcap"), &[]).json();
    for pointer in ["/applications", "/domains"] {
        let key = |item: &Value| {
            let count = number(item, "/flows");
            (
                std::cmp::Reverse(count),
                item["name"].as_str().unwrap().to_owned(),
            )
        };
        let keys: Vec<_> = list(&report, pointer).iter().map(key).collect();
        assert!(keys.is_sorted(), "{pointer}: {keys:?}");
        assert!(!keys.is_empty());
    }
}

#[test]
fn json_and_flows_go_to_standard_output_alone() {
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("web.pcap"), &RULES);
    for (flag, file) in [("--json", &filtered.report), ("--flows", &filtered.flows)] {
        let run: Run = dpi_engine([testdata::path("web.pcap"), bench.path("output")])
            .args([flag, "-"])
            .args(RULES)
            .output()
            .unwrap()
            .into();
        run.assert_status(0, flag);
        assert!(Some(&run.stdout) == file.as_ref(), "{flag}: {}", run.text());
    }
}

#[test]
fn every_line_of_the_text_report_has_the_same_width() {
    let bench = Bench::new();
    for sample in testdata::samples() {
        let run = bench.filter(&sample.path, &RULES).run;
        let widths: BTreeSet<usize> = run
            .text()
            .lines()
            .filter(|line| !line.is_empty())
            .map(UnicodeWidthStr::width)
            .collect();
        assert_eq!(
            widths.len(),
            1,
            "{}: {widths:?}\n{}",
            sample.name,
            run.text()
        );
    }
}

#[test]
fn nothing_reaches_a_terminal_raw() {
    let raw = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    let bench = Bench::new();
    let hostile = testdata::path("hostile_names.pcap");
    for options in [&["-vv"][..], &["--block-domain", "*.example", "-v"]] {
        let filtered = bench.filter(&hostile, options);
        filtered.run.assert_status(0, "hostile names");
        let json = String::from_utf8(filtered.report.unwrap()).unwrap();
        let flows = String::from_utf8(filtered.flows.unwrap()).unwrap();
        assert!(flows.contains("\\\\027[31mred.hostile.example"), "{flows}");
        for (what, text) in [
            ("text", filtered.run.text()),
            ("standard error", &filtered.run.stderr),
            ("JSON", &json),
            ("flows", &flows),
        ] {
            assert!(!text.contains(raw), "{what}: {text:?}");
        }
    }
}

#[test]
fn no_temporary_path_or_clock_stands_in_any_output() {
    let bench = Bench::new();
    let other = Bench::new();
    let web = testdata::path("web.pcap");
    let (one, two) = (bench.filter(&web, &RULES), other.filter(&web, &RULES));
    assert!(one.report == two.report);
    assert!(one.flows == two.flows);
    assert!(one.output == two.output);
    let folders = [&bench, &other].map(|bench| bench.folder().to_str().unwrap().to_owned());
    // The text report may name OUTPUT where the user put it.
    let neutral = |text: &str, folder: &str| text.replace(folder, "DIR");
    assert_eq!(
        neutral(one.run.text(), &folders[0]),
        neutral(two.run.text(), &folders[1])
    );
}
