//! How far a run is: told on standard error alone, where it is welcome, and only when a run takes its time.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Bench, Run, dpi_engine, run_with_input, wait};
use crate::testdata;

/// A run that waits for the second half of its input.
fn waiting(when: &str) -> (Child, Vec<u8>) {
    let mut child = dpi_engine(["-", "--dry-run", "--progress", when])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bytes = testdata::bytes("web.pcap");
    let rest = bytes.split_off(bytes.len() / 2);
    child.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
    (child, rest)
}

fn finish((mut child, rest): (Child, Vec<u8>)) -> Run {
    child.stdin.take().unwrap().write_all(&rest).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_slow_run_tells_a_line_a_second_where_it_is_asked_to() {
    let [silent, unasked, mut deaf] = ["never", "auto", "always"].map(waiting);
    // What it has to say goes nowhere.
    drop(deaf.0.stderr.take());
    let (mut child, rest) = waiting("always");
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let asked = finish((child, rest));
    asked.assert_status(0, "always");
    assert!(
        line.ends_with("B/s\n") && line.contains(" packets  "),
        "{line}"
    );
    let mut more = String::new();
    told.read_to_string(&mut more).unwrap();
    let lines = more.lines().all(|line| line.ends_with("B/s"));
    assert!(lines && !more.contains(['\r', '\u{1b}']), "{more:?}");

    let silent = finish(silent);
    assert_eq!(silent.text(), asked.text());
    for run in [silent, finish(unasked)] {
        run.assert_status(0, "never, and auto without a terminal");
        assert_eq!(run.stderr, "");
    }
    deaf.0.stdin.take().unwrap().write_all(&deaf.1).unwrap();
    drop(deaf.0.stdout.take());
    assert_eq!(wait(deaf.0), Some(0));
}

#[test]
fn a_quick_run_tells_nothing() {
    let begun = Instant::now();
    let run = run_with_input(
        ["-", "--dry-run", "--progress", "always"],
        &testdata::bytes("web.pcap"),
    );
    run.assert_status(0, "web.pcap");
    // A machine that has much else to do may make it slow.
    assert!(run.stderr.is_empty() || begun.elapsed() > Duration::from_secs(1));
}

/// What a slow run shows on a terminal of 40 columns; `None` where there is no `script` to make one.
fn shown(term: &str) -> Option<String> {
    let bench = Bench::new();
    let capture = bench.put("in.pcap", &testdata::bytes("web.pcap"));
    let slow = "stty cols 40 rows 5
        { cat \"$CAPTURE\"; sleep 1.6; } | \"$PROGRAM\" - --dry-run > \"$REPORT\"";
    let shown = Command::new("script")
        .args(["-qec", slow, "/dev/null"])
        .env("PROGRAM", env!("CARGO_BIN_EXE_dpi_engine"))
        .env("CAPTURE", capture)
        .env("REPORT", bench.path("report"))
        .env("SHELL", "/bin/sh")
        .env("TERM", term)
        .stdin(Stdio::null())
        .output();
    match shown {
        Ok(shown) => {
            assert!(shown.status.success(), "{shown:?}");
            let report = std::fs::read_to_string(bench.path("report")).unwrap();
            assert!(report.contains("DPI ENGINE REPORT"));
            Some(String::from_utf8(shown.stdout).unwrap())
        }
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "script is not installed");
            None
        }
    }
}

#[test]
fn a_terminal_has_a_line_that_is_gone_at_the_end() {
    let Some(shown) = shown("xterm") else {
        return;
    };
    assert!(shown.contains(" packets  "), "{shown:?}");
    let (before, after) = shown.rsplit_once("\u{1b}[2K").unwrap();
    assert!(before.contains("B/s"), "{shown:?}");
    assert_eq!(after.trim(), "", "{shown:?}");
}

#[test]
fn a_terminal_that_writes_nothing_over_is_left_alone() {
    if let Some(shown) = shown("dumb") {
        assert_eq!(shown, "");
    }
}
