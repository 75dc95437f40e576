//! `--expect`: a report agrees with itself, and what a rule changes is told.

use crate::program::{Bench, Run, dpi_engine};
use crate::testdata;

fn run(bench: &Bench, options: &[&str]) -> Run {
    let mut command = dpi_engine([testdata::path("web.pcap")]);
    command.current_dir(bench.folder());
    command.args(["--dry-run", "--quiet"]).args(options);
    command.output().unwrap().into()
}

#[test]
fn a_run_is_as_its_own_report_says_whatever_is_in_the_way_of_reading_it() {
    let bench = Bench::new();
    run(&bench, &["--block-app", "YouTube", "--json", "kept"]).assert_status(0, "kept");
    let input = std::fs::read(testdata::path("web.pcap")).unwrap();
    let same = run(
        &bench,
        &[
            "--block-app",
            "YouTube",
            "--expect",
            "kept",
            "--workers",
            "1",
        ],
    );
    same.assert_status(0, "the same");
    assert_eq!(same.stderr, "");
    let line = ["-", "--dry-run", "-q", "--block-app", "youtube", "--expect"];
    let kept = bench.path("kept");
    let line = line.into_iter().chain([kept.to_str().unwrap()]);
    crate::program::run_with_input(line, &input).assert_status(0, "through a pipe");
}

#[test]
fn what_another_rule_does_is_told_and_is_status_4() {
    let bench = Bench::new();
    run(&bench, &["--block-app", "YouTube", "--json", "kept"]).assert_status(0, "kept");
    let options = [
        "--block-app",
        "TikTok",
        "--expect",
        "kept",
        "--expect-junit",
        "out.xml",
    ];
    let other = run(&bench, &options);
    other.assert_status(4, "another rule");
    for line in [
        "dpi_engine: the report is not as kept says; differences: ",
        "  packets: dropped: expected 173, found ",
        "  rules: app:YouTube is gone (4 flows)",
        "  rules: app:TikTok is new (3 flows)",
    ] {
        assert!(
            other.stderr.contains(line),
            "{line} is missing in:\n{}",
            other.stderr
        );
    }
    let xml = std::fs::read_to_string(bench.path("out.xml")).unwrap();
    assert!(
        xml.contains("rules: app:TikTok is new (3 flows)\n"),
        "{xml}"
    );
    assert!(xml.contains("name=\"domains\"/>"), "{xml}");
}

#[test]
fn a_bad_report_fails_before_anything_is_done() {
    let bench = Bench::new();
    bench.put("bad", b"{\n\"schema\": }");
    let bad = run(&bench, &["--expect", "bad", "--json", "report"]);
    bad.assert_status(1, "bad");
    assert!(
        bad.stderr
            .contains("bad: line 2, column 11: expected value"),
        "{}",
        bad.stderr
    );
    bench.put("flows", b"{\"id\":1}");
    let flows = run(&bench, &["--expect", "flows"]);
    assert!(
        flows
            .stderr
            .contains("flows: at /schema: found nothing, expected \"dpi_engine.report/1\""),
        "{}",
        flows.stderr
    );
    assert_eq!(bench.left(), ["bad", "flows"]);
    run(&bench, &["--expect", "nowhere"]).assert_status(1, "missing");
}
