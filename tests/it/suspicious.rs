//! Suspicious activity: what is found, how bad it is, and at which figure it begins.

use serde_json::Value;

use crate::program::{Bench, list};
use crate::testdata;

/// (address, severity, kinds) of what a report finds suspicious.
fn findings(report: &Value) -> Vec<(&str, &str, Vec<&str>)> {
    let findings = list(report, "/suspicious").iter();
    findings
        .map(|finding| {
            let reasons = list(finding, "/reasons").iter();
            let kinds = reasons.map(|reason| reason["kind"].as_str().unwrap());
            (
                finding["ip"].as_str().unwrap(),
                finding["severity"].as_str().unwrap(),
                kinds.collect(),
            )
        })
        .collect()
}

#[test]
fn a_port_scan_is_found_and_so_is_whom_the_scanner_visits() {
    let bench = Bench::new();
    let report = bench.filter(&testdata::path("web.pcap"), &[]).json();
    let findings = findings(&report);
    let (ip, severity, kinds) = &findings[0];
    assert_eq!((*ip, *severity), ("192.168.1.3", "high"));
    assert!(kinds.contains(&"port_scan"), "{kinds:?}");
    let scanner = &list(&report, "/suspicious")[0];
    for domain in ["github.com", "www.tiktok.com", "pastebin.example.net"] {
        assert!(
            list(scanner, "/domains").contains(&domain.into()),
            "{domain}"
        );
    }
    let visited = findings
        .iter()
        .find(|(ip, ..)| *ip == "192.0.2.90")
        .unwrap();
    assert_eq!(visited.1, "medium", "one step below the scanner");
    assert!(visited.2.contains(&"associated"), "{visited:?}");
    let ranks = ["high", "medium", "low", "info"];
    let rank = |severity: &str| ranks.iter().position(|rank| *rank == severity).unwrap();
    assert!(
        findings
            .iter()
            .map(|(_, severity, _)| rank(severity))
            .is_sorted()
    );
}

#[test]
fn thresholds_are_exceeded_by_one_more() {
    let bench = Bench::new();
    let busy = testdata::path("high_volume.pcap");
    let busy_kinds = |options: &[&str]| {
        let report = bench.filter(&busy, options).json();
        let findings = findings(&report).into_iter();
        let busy = findings.filter(|(.., kinds)| kinds.contains(&"high_volume"));
        busy.map(|(ip, ..)| ip.to_owned()).collect::<Vec<_>>()
    };
    let mut found = busy_kinds(&[]);
    found.sort();
    assert_eq!(found, ["192.168.1.9", "203.0.113.9"]);
    assert!(busy_kinds(&["--high-volume-flows", "101"]).is_empty());
    let scan = bench.filter(&testdata::path("web.pcap"), &["--port-scan-ports", "16"]);
    let report = scan.json();
    let findings = findings(&report);
    assert!(
        findings
            .iter()
            .all(|(.., kinds)| !kinds.contains(&"port_scan"))
    );
}
