//! How a run ends when the world is not made of regular files: devices, FIFOs, closed pipes, signals.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Bench, dpi_engine, run, wait};
use crate::testdata;

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_and_is_named() {
    let web = testdata::path("web.pcap");
    let output = run([web.as_os_str(), "/dev/full".as_ref()]);
    output.assert_status(1, "/dev/full");
    assert!(output.stderr.contains("/dev/full"), "{}", output.stderr);

    let bench = Bench::new();
    let out = bench.path("out");
    let report = run([
        web.as_os_str(),
        out.as_os_str(),
        "--json".as_ref(),
        "/dev/full".as_ref(),
    ]);
    report.assert_status(1, "--json /dev/full");
    assert!(report.stderr.contains("/dev/full"), "{}", report.stderr);
    assert!(
        bench.left().is_empty(),
        "no OUTPUT is left: {:?}",
        bench.left()
    );
}

#[test]
fn a_device_is_written_to_and_stays_a_device() {
    let web = testdata::path("web.pcap");
    run([web.as_os_str(), "/dev/null".as_ref()]).assert_status(0, "/dev/null");
    let kind = std::fs::metadata("/dev/null").unwrap().file_type();
    assert!(kind.is_char_device());
}

#[test]
fn a_fifo_is_written_to_and_stays_a_fifo() {
    let bench = Bench::new();
    let fifo = bench.fifo("fifo");
    let path = fifo.clone();
    let reader = std::thread::spawn(move || std::fs::read(path).unwrap());
    let run = run([testdata::path("web.pcap"), fifo.clone()]);
    run.assert_status(0, "a FIFO as OUTPUT");
    assert!(reader.join().unwrap() == testdata::bytes("web.pcap"));
    let kind = std::fs::symlink_metadata(&fifo).unwrap().file_type();
    assert!(kind.is_fifo());
    assert_eq!(bench.left(), ["fifo"]);
}

#[test]
fn a_fifo_is_read_like_a_file() {
    let bench = Bench::new();
    let fifo = bench.fifo("fifo");
    let path = fifo.clone();
    let bytes = testdata::bytes("web.pcap");
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || std::fs::write(path, sent).unwrap());
    run([fifo, bench.path("out")]).assert_status(0, "a FIFO as INPUT");
    writer.join().unwrap();
    assert!(std::fs::read(bench.path("out")).unwrap() == bytes);
}

/// Sends `signal` to a run that waits for more of its input; its exit status.
fn interrupted(signal: &str) -> (Option<i32>, Vec<String>) {
    let bench = Bench::new();
    let fifo = bench.fifo("fifo");
    bench.put("old", b"precious");
    let bytes = testdata::bytes("web.pcap");
    let child = dpi_engine([&fifo, &bench.path("old")])
        .arg("--json")
        .arg(bench.path("report"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Opening waits for the reader; so the program has begun.
    let mut pipe = OpenOptions::new().write(true).open(&fifo).unwrap();
    pipe.write_all(&bytes[..bytes.len() / 2]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let status = wait(child);
    drop(pipe);
    assert_eq!(std::fs::read(bench.path("old")).unwrap(), b"precious");
    (status, bench.left())
}

#[test]
fn sigterm_stops_the_run_and_leaves_nothing() {
    let (status, left) = interrupted("-TERM");
    assert_eq!(status, Some(143));
    assert_eq!(left, ["fifo", "old"]);
}

#[test]
fn sigint_stops_the_run_and_leaves_nothing() {
    let (status, left) = interrupted("-INT");
    assert_eq!(status, Some(130));
    assert_eq!(left, ["fifo", "old"]);
}

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    for args in [&["-"][..], &["--dry-run"], &["--dry-run", "--json", "-"]] {
        let mut child = dpi_engine([testdata::path("web.pcap")])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap().to_lowercase();
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        assert!(!stderr.contains("broken pipe"), "{args:?}: {stderr}");
        assert!(output.status.success(), "{args:?}: {}", output.status);
    }
}
