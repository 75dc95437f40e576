//! Rules beyond the plain lists: ends, transports, parts of names, applications and thresholds in the rules file.

use serde_json::Value;

use crate::program::{Bench, Filtered, list, number};
use crate::testdata;

/// The flows that were dropped, from their first packet on.
fn dropped(filtered: &Filtered) -> Vec<Value> {
    filtered.run.assert_status(0, "rules");
    let lines = filtered.flow_lines().into_iter();
    lines.filter(|flow| flow["verdict"] == "drop").collect()
}

/// Fails unless exactly the flows go for which `goes` holds, from their first packet.
#[track_caller]
fn assert_goes(rule: [&str; 2], goes: impl Fn(&Value) -> bool) {
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("web.pcap"), &rule);
    filtered.run.assert_status(0, rule[1]);
    let flows = filtered.flow_lines();
    assert!(flows.iter().any(&goes), "{rule:?} meets something");
    for flow in flows {
        let verdict = if goes(&flow) { "drop" } else { "forward" };
        assert_eq!(flow["verdict"], verdict, "{rule:?} {flow}");
        if verdict == "drop" {
            assert_eq!(flow["dropped"], flow["packets"], "{rule:?} {flow}");
        }
    }
}

#[test]
fn an_address_is_of_the_end_that_the_rule_says() {
    let (host, server) = ("192.168.1.100", "198.51.100.40");
    assert_goes(["--block-ip", "src:192.168.1.100"], |f| f["src"] == host);
    assert_goes(["--block-ip", "dst:198.51.100.40"], |f| f["dst"] == server);
    assert_goes(["--block-ip", "any:198.51.100.40"], |f| f["dst"] == server);
    assert_goes(["--block-ip", "any:192.168.1.100"], |f| {
        f["src"] == host || f["dst"] == host
    });
}

#[test]
fn a_port_is_of_the_transport_that_the_rule_says() {
    for transport in ["tcp", "udp"] {
        let rule = format!("1-65535/{transport}");
        assert_goes(["--block-port", &rule], |flow| {
            flow["protocol"] == transport
        });
    }
}

#[test]
fn a_text_is_found_anywhere_in_a_name() {
    let bench = Bench::new();
    let rules = ["--block-domain", "~TUBE", "--whole-flow"];
    let filtered = bench.filter(&testdata::path("web.pcap"), &rules);
    let gone = dropped(&filtered);
    assert!(!gone.is_empty());
    let holds = |flow: &Value| {
        let names = flow["names"].as_array().unwrap().iter();
        names
            .map(|name| name["name"].as_str().unwrap())
            .any(|name| name.contains("tube"))
    };
    assert!(gone.iter().all(holds));
    let kept = filtered.flow_lines();
    let kept = kept.iter().filter(|flow| flow["verdict"] == "forward");
    assert!(!kept.into_iter().any(holds));
}

#[test]
fn categories_and_protocols_are_rules_for_applications() {
    for (rule, key, value) in [
        ("Streaming", "category", "Streaming"),
        ("GitHub", "application", "GitHub"),
    ] {
        let bench = Bench::new();
        let rules = ["--block-app", rule, "--whole-flow"];
        let filtered = bench.filter(&testdata::path("web.pcap"), &rules);
        let gone = dropped(&filtered);
        assert!(!gone.is_empty() && gone.iter().all(|flow| flow[key] == value));
    }
}

const FILE: &str = "\
[BLOCKED_APPS]
Our videos                  # below
[BLOCKED_IPS]
src:192.168.1.100
[BLOCKED_PORTS]
6881/tcp
[BLOCKED_DOMAINS]
~tracker
[APP Our videos]
category = In house
domain = googlevideo.com
[THRESHOLDS]
high-volume-flows = 3
port-scan-ports = 1000
";

#[test]
fn a_file_may_bring_its_applications_and_thresholds_along() {
    let bench = Bench::new();
    let file = bench.put("rules", FILE.as_bytes());
    let file = file.to_str().unwrap();
    let web = testdata::path("web.pcap");
    let filtered = bench.filter(&web, &["--rules", file, "--block-app", "In house"]);
    let gone = dropped(&filtered);
    assert!(gone.iter().any(|flow| flow["rule"] == "app:Our videos"));
    let report = filtered.json();
    let origins: Vec<_> = list(&report, "/rules")
        .iter()
        .map(|rule| rule["rule"].as_str().unwrap())
        .collect();
    for rule in [
        "app:Our videos",
        "ip:src:192.168.1.100",
        "port:6881/tcp",
        "domain:~tracker",
    ] {
        assert!(origins.contains(&rule), "{rule}: {origins:?}");
    }
    let kinds = |report: &Value| -> Vec<String> {
        let reasons = list(report, "/suspicious")
            .iter()
            .flat_map(|one| list(one, "/reasons"));
        reasons
            .map(|reason| reason["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(kinds(&report).contains(&"high_volume".to_owned()));
    assert!(!kinds(&report).contains(&"port_scan".to_owned()));
    // A flag wins over the file.
    let flags = [
        "--rules",
        file,
        "--high-volume-flows",
        "1000",
        "--port-scan-ports",
        "2",
    ];
    let report = bench.filter(&web, &flags).json();
    assert!(!kinds(&report).contains(&"high_volume".to_owned()));
    assert!(kinds(&report).contains(&"port_scan".to_owned()));
    assert!(number(&report, "/packets/dropped") > 0);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let bench = Bench::new();
    for (text, place) in [
        (
            "[BLOCKED_PORTS]\n80\n[APP Mine]\ncategory = In house\n",
            "rules:3:1",
        ),
        (
            "[BLOCKED_PORTS]\n80\n\n[APP Mine]\n  domian = x.example\n",
            "rules:5:3",
        ),
        ("[THRESHOLDS]\nhigh-volume = 3\n", "rules:2:1"),
        ("[BLOCKED_IPS]\n  to:10.0.0.1\n", "rules:2:3"),
    ] {
        let file = bench.put("rules", text.as_bytes());
        let options = ["--rules", file.to_str().unwrap()];
        let filtered = bench.filter(&testdata::path("web.pcap"), &options);
        filtered.run.assert_status(2, text);
        assert!(
            filtered.run.stderr.contains(place),
            "{}",
            filtered.run.stderr
        );
        assert_eq!(filtered.output, None);
    }
}
