//! `--diff-rules`: what a change of rules does to a capture.

use serde_json::Value;

use crate::program::{Bench, list, number, run};
use crate::records;
use crate::testdata;

/// What `--diff-rules` tells, as JSON and as text.
fn diff(bench: &Bench, capture: &str, rules: [&str; 2], options: &[&str]) -> (Value, String) {
    let [old, new] = rules;
    let (old, new) = (
        bench.put("old", old.as_bytes()),
        bench.put("new", new.as_bytes()),
    );
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let (input, json) = (testdata::path(capture), bench.path("json"));
    let (input, json) = (input.to_str().unwrap(), json.to_str().unwrap());
    let args = [input, "--diff-rules", old, new, "--json", json];
    let told = run([&args[..], options].concat());
    told.assert_status(0, capture);
    let bytes = std::fs::read(json).unwrap();
    (
        serde_json::from_slice(&bytes).unwrap(),
        told.text().to_owned(),
    )
}

fn names(diff: &Value, change: &str) -> Vec<String> {
    let names = list(diff, &format!("/{change}/names")).iter();
    names
        .map(|name| name["name"].as_str().unwrap().to_owned())
        .collect()
}

const OLD: &str = "[BLOCKED_APPS]\nYouTube\nGitHub\n";
const NEW: &str = "[BLOCKED_APPS]\nStreaming\nGitHub\n[ALLOWED_APPS]\nYouTube\n";

#[test]
fn what_changes_is_told_with_its_names() {
    let bench = Bench::new();
    let (told, text) = diff(&bench, "web.pcap", [OLD, NEW], &[]);
    let dropped = names(&told, "newly_dropped");
    assert!(
        dropped.contains(&"www.tiktok.com".to_owned()),
        "{dropped:?}"
    );
    let passed = names(&told, "newly_passed");
    assert!(passed.contains(&"www.youtube.com".to_owned()), "{passed:?}");
    let both = [dropped, passed].concat();
    assert!(
        !both.iter().any(|name| name.contains("github")),
        "no change"
    );
    assert!(
        text.contains("www.tiktok.com") && text.contains("YouTube"),
        "{text}"
    );
    let flows = number(&told, "/newly_dropped/flows");
    assert!(
        text.contains(&format!("Newly dropped: {flows} flow")),
        "{text}"
    );
}

#[test]
fn the_figures_are_those_of_two_runs_that_filter() {
    let bench = Bench::new();
    for (capture, old, new) in [
        ("web.pcap", OLD, NEW),
        ("web.pcap", "", OLD),
        (
            "icmp_error.pcap",
            "",
            "[BLOCKED_DOMAINS]\n*.error.example\n",
        ),
    ] {
        let (told, _) = diff(&bench, capture, [old, new], &["--workers", "2"]);
        let gone = |rules: &str| {
            let rules = bench.put("rules", rules.as_bytes());
            let options = ["--whole-flow", "--rules", rules.to_str().unwrap()];
            let filtered = bench.filter(&testdata::path(capture), &options);
            let packets = records::read(filtered.gone()).packets.len() as u64;
            (packets, number(&filtered.json(), "/flows/blocked"))
        };
        let ((old, old_flows), (new, new_flows)) = (gone(old), gone(new));
        let changed = |key: &str| {
            let [more, less] = ["newly_dropped", "newly_passed"];
            (
                number(&told, &format!("/{more}/{key}")),
                number(&told, &format!("/{less}/{key}")),
            )
        };
        let (more, less) = changed("packets");
        assert_eq!(old + more, new + less, "{capture}");
        let (more, less) = changed("flows");
        assert_eq!(old_flows + more, new_flows + less, "{capture}");
    }
}

#[test]
fn turned_round_it_tells_the_same_turned_round() {
    let bench = Bench::new();
    let (there, _) = diff(&bench, "web.pcap", [OLD, NEW], &[]);
    let (back, _) = diff(&bench, "web.pcap", [NEW, OLD], &["--workers", "8"]);
    assert_eq!(there["newly_dropped"], back["newly_passed"]);
    assert_eq!(there["newly_passed"], back["newly_dropped"]);
    let (none, text) = diff(&bench, "web.pcap", [NEW, NEW], &["--block-app", "DNS"]);
    for change in ["newly_dropped", "newly_passed"] {
        assert_eq!(number(&none, &format!("/{change}/packets")), 0);
    }
    assert!(
        text.contains("Newly passed: 0 flows, 0 packets, 0 bytes"),
        "{text}"
    );
    // A rule besides takes what would have changed.
    let (covered, _) = diff(
        &bench,
        "web.pcap",
        ["", OLD],
        &["--block-ip", "0.0.0.0/0", "--block-ip", "::/0"],
    );
    assert_eq!(number(&covered, "/newly_dropped/flows"), 0);
}

#[test]
fn it_writes_no_packets_and_refuses_bad_rules() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let web = web.to_str().unwrap();
    let (good, bad) = (bench.put("good", b""), bench.put("bad", b"[NO]\n"));
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let refused = run([web, "--diff-rules", good, bad]);
    refused.assert_status(2, "a bad file");
    assert!(refused.stderr.contains("bad:1:1"), "{}", refused.stderr);
    let output = bench.path("out");
    // All names are inputs.
    let refused = run([web, output.to_str().unwrap(), "--diff-rules", good, good]);
    refused.assert_status(1, "an output");
    assert!(refused.stderr.contains("cannot open"), "{}", refused.stderr);
    run([web, "--diff-rules", good]).assert_status(2, "one file");
    assert_eq!(bench.left(), ["bad", "good"]);
}
