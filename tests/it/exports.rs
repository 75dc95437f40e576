//! Flows for other programs say what `--flows` says.

use serde_json::Value;

use crate::program::{Bench, Run, dpi_engine};
use crate::testdata;

/// What the program writes about a capture with these options.
fn made(bench: &Bench, options: &[&str]) -> Run {
    let mut command = dpi_engine([testdata::path("web.pcap")]);
    command
        .current_dir(bench.folder())
        .args(["--dry-run", "-q", "--block-app", "YouTube"]);
    command.args(options).output().unwrap().into()
}

fn lines(bench: &Bench, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_flow_is_in_every_export_with_the_same_community_id() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("zeek")).unwrap();
    let options = [
        "--flows",
        "flows",
        "--csv",
        "csv",
        "--eve",
        "eve",
        "--zeek-dir",
        "zeek",
    ];
    made(&bench, &options).assert_status(0, "exports");
    let flows = lines(&bench, "flows");
    let ids: Vec<_> = flows
        .iter()
        .map(|flow| flow["community_id"].as_str().unwrap())
        .collect();

    let eve = lines(&bench, "eve");
    let eve_flows: Vec<_> = eve
        .iter()
        .filter(|event| event["event_type"] == "flow")
        .collect();
    assert!(
        ids.iter()
            .eq(eve_flows.iter().map(|event| &event["community_id"]))
    );
    let dropped = eve_flows
        .iter()
        .filter(|event| event["flow"]["action"] == "drop");
    assert_eq!(dropped.count(), 4);
    for event in &eve {
        let kind = event["event_type"].as_str().unwrap();
        assert!(event[kind].is_object(), "{event}");
    }

    let conn = lines(&bench, "zeek/conn.log");
    assert!(ids.iter().eq(conn.iter().map(|conn| &conn["community_id"])));
    let uids: Vec<_> = conn
        .iter()
        .map(|conn| conn["uid"].as_str().unwrap())
        .collect();
    for log in ["ssl.log", "http.log", "dns.log"] {
        let told = lines(&bench, &format!("zeek/{log}"));
        assert!(!told.is_empty(), "{log}");
        assert!(
            told.iter()
                .all(|line| uids.contains(&line["uid"].as_str().unwrap())),
            "{log}"
        );
    }

    let csv = std::fs::read(bench.path("csv")).unwrap();
    let mut csv = csv::Reader::from_reader(csv.as_slice());
    let header = csv.headers().unwrap().clone();
    let at = header
        .iter()
        .position(|name| name == "community_id")
        .unwrap();
    let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
    assert!(ids.iter().copied().eq(rows.iter().map(|row| &row[at])));
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let bench = Bench::new();
    let with = |workers| {
        ["csv", "eve"].map(|export| {
            let run = made(&bench, &["--workers", workers, &format!("--{export}"), "-"]);
            run.assert_status(0, export);
            run.stdout
        })
    };
    assert!(with("1") == with("8"));
}

#[test]
fn a_folder_that_is_not_there_is_told_and_nothing_is_made() {
    let bench = Bench::new();
    let run = made(&bench, &["--zeek-dir", "nowhere", "--csv", "csv"]);
    run.assert_status(1, "no folder");
    assert!(run.stderr.contains("nowhere/conn.log"), "{}", run.stderr);
    assert!(bench.left().is_empty());
}
