//! What INPUT may be besides a regular file that nobody touches.
#![cfg(unix)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::program::{Bench, Run, dpi_engine, run, wait};
use crate::repeat::repeat;
use crate::{records, testdata};

/// Fails unless INPUT is refused with status 1, its name and this word, and nothing is left.
#[track_caller]
fn assert_refused(input: &Path, word: &str) {
    let bench = Bench::new();
    let run = run([input, &bench.path("out")]);
    let what = input.display().to_string();
    run.assert_status(1, &what);
    assert!(run.stderr.contains(&what), "names it: {}", run.stderr);
    assert!(run.stderr.contains(word), "says {word}: {}", run.stderr);
    assert!(bench.left().is_empty(), "{:?}", bench.left());
}

#[test]
fn what_holds_no_capture_is_refused_by_its_kind_or_content() {
    let bench = Bench::new();
    assert_refused(bench.folder(), "a directory");
    let socket = bench.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_refused(&socket, "a socket");
    assert_refused(Path::new("/dev/null"), "is empty");
    let nothing = bench.put("empty", b"");
    assert_refused(&nothing, "is empty");
    let hole = bench.path("hole");
    File::create(&hole).unwrap().set_len(8 << 30).unwrap();
    assert_refused(&hole, "00 00 00 00");
}

#[test]
#[cfg(target_os = "linux")]
fn files_that_the_kernel_makes_up_are_read_like_others() {
    assert_refused(Path::new("/dev/zero"), "00 00 00 00");
    // It says that it has no bytes, and has.
    assert_eq!(std::fs::metadata("/proc/version").unwrap().len(), 0);
    assert_refused(Path::new("/proc/version"), "4c 69 6e 75");
}

#[test]
fn a_connected_socket_is_read_from_standard_input() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let bytes = testdata::bytes("web.pcap");
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || (&ours).write_all(&sent).unwrap());
    let theirs: std::os::fd::OwnedFd = theirs.into();
    let output = dpi_engine(["-", "-", "--quiet", "--whole-flow"])
        .stdin(Stdio::from(theirs))
        .output()
        .unwrap();
    sender.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == bytes);
}

/// A file of so many bytes, a hole but for its beginning.
fn with_hole(bench: &Bench, front: &[u8], len: u64) -> PathBuf {
    let path = bench.put("hole", front);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(len).unwrap();
    path
}

#[test]
fn gigabytes_of_hole_behind_a_capture_are_damage() {
    let bench = Bench::new();
    let front = testdata::bytes("ng_sections.pcapng");
    let filtered = bench.filter(&with_hole(&bench, &front, 8 << 30), &[]);
    filtered.run.assert_status(3, "a hole in a pcapng");
    assert!(filtered.kept() == front);
    // A pcap's record header of zeroes is a record of no bytes, but not to who looks twice.
    let front = testdata::bytes("pcap_le_us.pcap");
    let path = with_hole(&bench, &front, front.len() as u64 + (1 << 20));
    let filtered = bench.filter(&path, &["--recover"]);
    filtered.run.assert_status(3, "a hole in a pcap");
    assert!(filtered.kept() == front);
    assert_eq!(filtered.json()["input"]["skipped_bytes"], 1 << 20);
}

#[test]
fn a_hole_inside_a_capture_is_stepped_over() {
    let bench = Bench::new();
    let whole = testdata::bytes("web.pcap");
    let ends = records::read(&whole).ends;
    let (front, back) = whole.split_at(ends[300]);
    let len = 4 << 20;
    let path = with_hole(&bench, front, len);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(back, len).unwrap();
    let filtered = bench.filter(&path, &["--recover"]);
    filtered.run.assert_status(3, "a hole");
    assert!(filtered.kept() == whole);
}

/// A capture that is longer than what is read ahead of a writer that waits.
fn long_capture() -> Vec<u8> {
    let mut long = Vec::new();
    repeat(&testdata::bytes("web.pcap"), 12 << 20, &mut long).unwrap();
    long
}

/// Begins to filter `input` to a FIFO; what is read of it, and the run.
fn begin(bench: &Bench, input: &Path) -> (File, Child) {
    let fifo = bench.fifo("fifo");
    let child = dpi_engine([input, &fifo])
        .arg("--quiet")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = File::open(fifo).unwrap();
    // The run has begun once it has written something; it goes on when we read.
    reader.read_exact(&mut [0; 4]).unwrap();
    (reader, child)
}

fn rest(mut reader: File, mut child: Child) -> (Vec<u8>, Run) {
    let mut out = testdata::bytes("web.pcap")[..4].to_vec();
    reader.read_to_end(&mut out).unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    let run = Run {
        status: wait(child),
        stdout: Vec::new(),
        stderr,
    };
    (out, run)
}

#[test]
fn what_is_appended_while_it_is_read_is_left_alone() {
    let bench = Bench::new();
    let long = long_capture();
    let input = bench.put("grows", &long);
    let (reader, child) = begin(&bench, &input);
    let mut file = OpenOptions::new().append(true).open(&input).unwrap();
    file.write_all(&long[24..200_000]).unwrap();
    let (out, run) = rest(reader, child);
    run.assert_status(0, "it grew");
    assert!(out == long);
}

#[test]
fn what_is_cut_off_while_it_is_read_is_damage() {
    let bench = Bench::new();
    let long = long_capture();
    let input = bench.put("shrinks", &long);
    let (reader, child) = begin(&bench, &input);
    let left = long.len() - (1 << 20);
    let file = OpenOptions::new().write(true).open(&input).unwrap();
    file.set_len(left as u64).unwrap();
    let (out, run) = rest(reader, child);
    run.assert_status(3, "it was cut");
    let whole = records::read(&long).whole_before(left).unwrap();
    assert!(out == long[..whole]);
    assert!(run.stderr.contains("shrinks"), "{}", run.stderr);
}
