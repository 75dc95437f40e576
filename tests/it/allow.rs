//! Rules that allow, which beat rules that block.

use serde_json::Value;

use crate::determinism::outputs;
use crate::program::{Bench, Filtered, list, number};
use crate::records::{self, assert_split};
use crate::testdata::{self, samples};

/// The flows that are meant, each with its verdict.
fn verdicts(filtered: &Filtered, is_it: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
    let flows = filtered.flow_lines().into_iter().filter(|flow| is_it(flow));
    flows
        .map(|flow| (flow["verdict"].as_str().unwrap().to_owned(), flow))
        .collect()
}

fn has_name(flow: &Value, is_it: impl Fn(&str) -> bool) -> bool {
    let names = flow["names"].as_array().unwrap().iter();
    names.map(|name| name["name"].as_str().unwrap()).any(is_it)
}

#[test]
fn an_application_is_kept_out_of_its_blocked_category() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    for how in [&[][..], &["--whole-flow"]] {
        let rules = ["--block-app", "Streaming", "--allow-app", "YouTube"];
        let filtered = bench.filter(&web, &[&rules, how].concat());
        filtered.run.assert_status(0, "an exception");
        let streaming = verdicts(&filtered, |flow| flow["category"] == "Streaming");
        assert!(streaming.len() > 2);
        for (verdict, flow) in streaming {
            let is_allowed = flow["application"] == "YouTube";
            assert_eq!(verdict == "forward", is_allowed, "{flow}");
            let rule = if is_allowed {
                "app:YouTube"
            } else {
                "app:Streaming"
            };
            assert_eq!(flow["rule"], rule);
            assert_eq!(flow["dropped"] == 0, is_allowed);
        }
    }
}

#[test]
fn a_name_is_kept_out_of_its_blocked_domain() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let rules = ["--block-domain", "*.org", "--allow-domain", "example.org"];
    let filtered = bench.filter(&web, &rules);
    let in_org = verdicts(&filtered, |flow| {
        has_name(flow, |name| name.ends_with(".org"))
    });
    assert!(in_org.iter().any(|(verdict, _)| verdict == "drop"));
    assert!(in_org.iter().any(|(verdict, _)| verdict == "forward"));
    for (verdict, flow) in in_org {
        let is_allowed = has_name(&flow, |name| name == "example.org");
        assert_eq!(verdict == "forward", is_allowed, "{flow}");
    }
}

#[test]
fn a_flow_that_was_blocked_by_its_port_is_freed_by_its_name() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let rules = ["--block-port", "443", "--allow-app", "GitHub", "-v"];
    let inline = bench.filter(&web, &rules);
    let whole = bench.filter(&web, &[&rules[..], &["--whole-flow"]].concat());
    let is_it = |flow: &Value| flow["application"] == "GitHub" && flow["dst_port"] == 443;
    let freed = verdicts(&inline, is_it);
    assert!(!freed.is_empty());
    for (verdict, flow) in freed {
        assert_eq!(verdict, "forward");
        let (dropped, packets) = (number(&flow, "/dropped"), number(&flow, "/packets"));
        assert!(0 < dropped && dropped < packets, "{flow}");
    }
    for (verdict, flow) in verdicts(&whole, is_it) {
        assert_eq!((verdict.as_str(), &flow["dropped"]), ("forward", &0.into()));
    }
    let told = &inline.run.stderr;
    assert!(told.contains("kept by app:GitHub (--allow-app)"), "{told}");
    let text = inline.run.text();
    assert!(text.contains("kept: connections: "), "{text}");
    assert_rules_add_up(&inline);
    assert_rules_add_up(&whole);
}

/// Fails unless the rules that drop, together, dropped what was dropped.
#[track_caller]
fn assert_rules_add_up(filtered: &Filtered) {
    let report = filtered.json();
    let of = |what: &str, key: &str| -> u64 {
        let rules = list(&report, "/rules").iter();
        let rules = rules.filter(|rule| rule["action"] == what);
        rules.map(|rule| number(rule, key)).sum()
    };
    assert_eq!(of("drop", "/packets"), number(&report, "/packets/dropped"));
    let bytes = number(&report, "/packets/dropped_bytes");
    assert_eq!(of("drop", "/bytes"), bytes);
    assert_eq!(of("drop", "/flows"), number(&report, "/flows/blocked"));
    let lines = filtered.flow_lines();
    let dropped: u64 = lines.iter().map(|line| number(line, "/dropped")).sum();
    assert_eq!(dropped, number(&report, "/packets/dropped"));
}

#[test]
fn nothing_is_lost_and_the_figures_add_up_whatever_is_allowed() {
    let bench = Bench::new();
    let rules = [
        "--block-ip",
        "0.0.0.0/0",
        "--block-ip",
        "::/0",
        "--allow-domain",
        "*.example",
        "--allow-app",
        "Streaming",
        "--allow-port",
        "1024-50000",
        "--allow-ip",
        "192.168.1.2",
    ];
    for (seed, sample) in samples().iter().enumerate() {
        let workers = ["1", "2", "8"][seed % 3];
        for how in [&["--workers", workers][..], &["--whole-flow"]] {
            let what = format!("{} {how:?}", sample.name);
            let filtered = bench.filter(&sample.path, &[&rules, how].concat());
            filtered.run.assert_status(0, &what);
            assert_split(&sample.bytes, filtered.kept(), filtered.gone(), &what);
            assert_rules_add_up(&filtered);
        }
    }
}

#[test]
fn any_number_of_workers_allows_the_same() {
    let bench = Bench::new();
    let rules = ["--block-port", "1-65535", "--allow-domain", "*.com"];
    for (name, flows) in [("web.pcap", "262144"), ("high_volume.pcap", "64")] {
        let with = |workers| {
            let options = ["--max-flows", flows, "--workers", workers];
            bench.filter(&testdata::path(name), &[rules, options].concat())
        };
        let one = with("1");
        one.run.assert_status(0, name);
        for workers in ["2", "8"] {
            assert!(outputs(&one) == outputs(&with(workers)), "{name} {workers}");
        }
    }
}

#[test]
fn an_icmp_error_goes_by_its_own_flow_s_rules_first() {
    let bench = Bench::new();
    let path = testdata::path("icmp_error.pcap");
    let blocked = ["--block-domain", "nobody.error.example"];
    for how in [&[][..], &["--whole-flow"]] {
        // The router is allowed, and what it says of a blocked flow.
        let router = [&blocked[..], &["--allow-ip", "192.168.1.30"], how].concat();
        let filtered = bench.filter(&path, &router);
        assert_eq!(records::read(filtered.gone()).packets.len(), 1);
        assert_eq!(records::read(filtered.kept()).packets.len(), 1);
        assert_rules_add_up(&filtered);
        // The flow is allowed, and so is what quotes it.
        let flow = ["--allow-port", "53"];
        let filtered = bench.filter(&path, &[&blocked, &flow, how].concat());
        assert!(records::read(filtered.gone()).packets.is_empty());
    }
}

#[test]
fn sections_of_a_file_do_what_the_flags_do() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let file = bench.put(
        "rules",
        b"[BLOCKED_APPS]\nStreaming\nTLS\n[ALLOWED_IPS]\n192.168.1.100\n[allowed apps]\nYouTube\n\
          [ALLOWED_DOMAINS]\n*.github.com\n[ALLOWED_PORTS]\n8443\n",
    );
    let by_file = bench.filter(&web, &["--rules", file.to_str().unwrap()]);
    by_file.run.assert_status(0, "a file that allows");
    let by_flags = bench.filter(
        &web,
        &[
            "--allow-ip",
            "192.168.1.100",
            "--block-app",
            "Streaming",
            "--allow-port",
            "8443",
            "--block-app",
            "TLS",
            "--allow-app",
            "YouTube",
            "--allow-domain",
            "*.github.com",
        ],
    );
    by_flags.run.assert_status(0, "flags that allow");
    assert!(by_file.output == by_flags.output);
    assert!(by_file.dropped == by_flags.dropped);
    let blocked = bench.filter(&web, &["--block-app", "Streaming", "--block-app", "TLS"]);
    assert!(by_file.gone().len() < blocked.gone().len());
}

#[test]
fn rules_that_allow_alone_remove_nothing_and_keep_nothing_alone() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let filtered = bench.filter(&web, &["--allow-app", "YouTube"]);
    assert!(filtered.kept() == testdata::bytes("web.pcap"));
    let only = bench.filter(&web, &["--only", "--allow-app", "YouTube"]);
    only.run.assert_status(2, "nothing is blocked");
    assert_eq!(only.output, None);
}
