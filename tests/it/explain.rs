//! `--explain`: the story of a flow agrees with what `--flows` and the verdicts say of it.

use std::path::Path;

use crate::program::{Bench, Run, dpi_engine, run};
use crate::testdata;

#[test]
fn the_story_of_each_flow_agrees_with_its_line() {
    let bench = Bench::new();
    let input = testdata::path("web.pcap");
    for rules in [
        &["--block-app", "YouTube", "--block-port", "53"][..],
        &["--block-ip", "192.168.1.2", "--allow-app", "YouTube"],
        &[
            "--block-app",
            "YouTube",
            "--allow-domain",
            "m.youtube.com",
            "--only",
        ],
        &[
            "--block-domain",
            "~tube",
            "--with-dns",
            "--block-port",
            "443/udp",
        ],
    ] {
        assert_stories_agree(&bench, &input, rules);
    }
}

#[track_caller]
fn assert_stories_agree(bench: &Bench, input: &Path, rules: &[&str]) {
    let flows = bench.filter(input, rules).flow_lines();
    for flow in flows
        .iter()
        .step_by(5)
        .chain(flows.iter().filter(|flow| flow["verdict"] == "drop"))
    {
        let id = flow["id"].to_string();
        let mut command = dpi_engine([input]);
        command.args(["--dry-run", "--explain", &id]).args(rules);
        let run: Run = command.output().unwrap().into();
        run.assert_status(0, &id);
        let story = run.text();
        assert!(story.starts_with(&format!("flow {id}  ")), "{story}");
        let community_id = flow["community_id"].as_str().unwrap();
        assert!(story.contains(community_id), "{story}");
        for name in flow["names"].as_array().unwrap() {
            let (from, text) = (
                name["from"].as_str().unwrap(),
                name["name"].as_str().unwrap(),
            );
            let line = format!("  packet {}: {from} {text}", name["packet"]);
            assert!(story.contains(&line), "{line} is missing in:\n{story}");
        }
        let dropped = format!(", {} dropped (", flow["dropped"]);
        assert!(
            story.contains(&dropped),
            "{dropped} is missing in:\n{story}"
        );
        let verdict = flow["verdict"].as_str().unwrap();
        match flow["rule"].as_str() {
            Some(rule) => {
                let told = format!("  verdict   {verdict}, by {rule} (--");
                assert!(story.contains(&told), "{story}");
                assert!(story.contains(": holds, and decided"), "{story}");
                let decided = format!(": {verdict}, by {rule}\n");
                let is_shared = story.contains("a flow that its lookup led to meets it");
                assert_ne!(story.ends_with(&decided), is_shared, "{story}");
            }
            None if verdict == "drop" => {
                assert!(
                    story.ends_with("  verdict   drop, for no rule keeps it\n"),
                    "{story}"
                );
            }
            None => assert!(story.ends_with("  verdict   forward\n"), "{story}"),
        }
    }
}

#[test]
fn a_name_tells_a_line_for_each_of_its_flows_in_place_of_the_report() {
    let input = testdata::path("web.pcap");
    let input = input.to_str().unwrap();
    let of = |query| {
        let run = run([input, "--dry-run", "--quiet", "--explain", query]);
        run.assert_status(0, query);
        run.text().lines().count()
    };
    assert_eq!(of("YouTube"), 4);
    assert_eq!(of("www.youtube.com"), 3);
}

#[test]
fn what_is_not_there_fails_and_leaves_no_output() {
    let bench = Bench::new();
    let input = testdata::path("web.pcap");
    let output = bench.path("out.pcap");
    for (query, status, told) in [
        ("999", 1, "the capture has 46"),
        ("www.youtub.com", 1, "the nearest: www.youtube.com"),
        ("192.0.2.99", 1, "none of the 46 flows"),
        ("10.0.0.1:x", 2, "expected a number of --flows"),
    ] {
        let mut command = dpi_engine([&input, &output]);
        let run: Run = command.args(["--explain", query]).output().unwrap().into();
        run.assert_status(status, query);
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert!(run.stdout.is_empty() && bench.left().is_empty());
    }
}

#[test]
fn each_name_is_told_with_its_place_in_the_packet() {
    let input = testdata::path("web.pcap");
    let run = run([
        input.as_os_str(),
        "--dry-run".as_ref(),
        "--explain".as_ref(),
        "192.168.1.5:50205-192.0.2.80:80".as_ref(),
    ]);
    run.assert_status(0, "the story");
    // "GET / HTTP/1.1\r\nHost: " and longer paths.
    for line in [
        "  packet 479: http_host example.org at byte 22 of its payload\n",
        "  packet 483: http_host www.example.org at byte 26 of its payload\n",
        "  packet 487: http_host ads.example.com at byte 33 of its payload\n",
        // Said by a server before, and not in this flow.
        "  packet 475: dns_answer example.org (what its client was told before)\n",
    ] {
        assert!(run.text().contains(line), "{line}{}", run.text());
    }
}
