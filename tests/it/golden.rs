//! The reports on `web.pcap`, letter for letter, against the files in `golden/`.
//!
//! `DPI_BLESS=1 cargo test` writes those files anew; look at the difference before you commit it. CI never does.

use std::path::PathBuf;

use crate::program::{Bench, dpi_engine};
use crate::testdata;

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/it/golden", name]
        .iter()
        .collect()
}

/// Fails unless the golden file `name` holds `text`; or writes it, when that is asked for.
#[track_caller]
fn assert_golden(name: &str, text: &str) {
    let path = golden(name);
    if std::env::var_os("DPI_BLESS").is_some_and(|value| value == "1") {
        assert!(std::env::var_os("CI").is_none(), "CI does not bless");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let blessed = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; DPI_BLESS=1 writes it"));
    let line = blessed.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        blessed == text,
        "{name} differs from line {} on; it is now:\n{text}",
        line.unwrap_or(blessed.lines().count().min(text.lines().count())) + 1
    );
}

/// Compares every report on `web.pcap` under `options` with the files of this name.
fn assert_reports(name: &str, options: &[&str]) {
    let bench = Bench::new();
    let (report, flows) = (bench.path("report"), bench.path("flows"));
    // Run beside the capture, so that no path of this machine stands in the report.
    let run: crate::program::Run = dpi_engine(["web.pcap", "--dry-run"])
        .current_dir(testdata::folder())
        .arg("--json")
        .arg(&report)
        .arg("--flows")
        .arg(&flows)
        .args(options)
        .output()
        .unwrap()
        .into();
    run.assert_status(0, name);
    assert_golden(&format!("{name}.txt"), run.text());
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    let json = std::fs::read_to_string(report).unwrap();
    assert_golden(
        &format!("{name}.json"),
        &json.replacen(&version, "\"VERSION\"", 1),
    );
    let flows = std::fs::read_to_string(flows).unwrap();
    assert_golden(&format!("{name}.flows.ndjson"), &flows);
}

#[test]
fn the_reports_without_rules_are_the_blessed_ones() {
    assert_reports("web", &[]);
}

#[test]
fn the_reports_with_rules_are_the_blessed_ones() {
    let rules = [
        "--block-app",
        "YouTube",
        "--block-domain",
        "*.tiktok.com",
        "--block-ip",
        "192.168.1.100",
        "--block-port",
        "6881",
    ];
    assert_reports("web_rules", &rules);
}
