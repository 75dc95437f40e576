//! Faults that a run cannot help: what cannot be read or written, a limit, streams that are closed, a kill. INPUT and what stood
//! under OUTPUT's name are as they were after each of them, and nothing else is left.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Bench, Run, dpi_engine, run};
use crate::repeat::repeat;
use crate::testdata;

/// Runs the program behind a line of shell that sets the scene.
fn run_in_shell(scene: &str, args: &[&Path]) -> Run {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{scene} \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_dpi_engine")).args(args);
    shell.output().unwrap().into()
}

/// Fails unless `old` holds what [`bench`] put there, and nothing stands beside it and `others`.
#[track_caller]
fn assert_untouched(bench: &Bench, others: &[&str]) {
    assert_eq!(fs::read(bench.path("old")).unwrap(), b"precious");
    let mut expected = [others, &["old"]].concat();
    expected.sort_unstable();
    assert_eq!(bench.left(), expected);
}

/// A folder with an older OUTPUT.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.put("old", b"precious");
    bench
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_error_fails_and_tells_file_and_reason() {
    let bench = bench();
    // The first page of a process is never mapped: reading it is an input/output error (EIO).
    let memory = Path::new("/proc/self/mem");
    for more in [&[][..], &["--block-port", "1", "--whole-flow"]] {
        let old = bench.path("old");
        let args = [memory, &old].map(Path::as_os_str).into_iter();
        let run = run(args.chain(more.iter().map(AsRef::as_ref)));
        run.assert_status(1, "/proc/self/mem");
        for word in ["/proc/self/mem", "Input/output error"] {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
        assert_untouched(&bench, &[]);
    }
}

#[test]
fn a_folder_on_standard_input_is_refused() {
    let bench = bench();
    let scene = format!("exec < '{}';", bench.folder().display());
    let folder = run_in_shell(&scene, &[Path::new("-"), &bench.path("old")]);
    folder.assert_status(1, "a folder on standard input");
    assert!(
        folder.stderr.contains("standard input"),
        "{}",
        folder.stderr
    );
    assert_untouched(&bench, &[]);
}

#[test]
fn a_file_size_limit_is_a_full_disk() {
    let bench = bench();
    let web = testdata::path("web.pcap");
    for scene in ["ulimit -f 100;", "trap '' XFSZ; ulimit -f 100;"] {
        let run = run_in_shell(scene, &[&web, &bench.path("old")]);
        run.assert_status(1, scene);
        assert!(run.stderr.contains("old"), "{scene}: {}", run.stderr);
        assert_untouched(&bench, &[]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let bench = bench();
    let web = testdata::path("web.pcap");
    let folder = bench.path("folder");
    fs::create_dir(&folder).unwrap();
    // Root may write everywhere but here.
    let sealed = Path::new("/proc/out");
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
    for place in [&*folder.join("out"), sealed] {
        let may_write = fs::write(place, "").is_ok();
        if may_write {
            fs::remove_file(place).unwrap();
            continue;
        }
        let run = run([&web, place]);
        run.assert_status(1, &place.display().to_string());
        assert!(run.stderr.contains("cannot create"), "{}", run.stderr);
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert_untouched(&bench, &["folder"]);
}

#[test]
fn a_file_that_may_not_be_read_or_written_is_named() {
    let bench = bench();
    let locked = bench.put("locked", b"secret");
    fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        // Root may do everything.
        return;
    }
    let web = testdata::path("web.pcap");
    let reads = run([&*locked, &*bench.path("old")]);
    let writes = run([&*web, &*locked]);
    for run in [reads, writes] {
        run.assert_status(1, "no permission");
        for word in ["locked", "Permission denied"] {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
    }
    assert_untouched(&bench, &["locked"]);
}

#[test]
fn a_folder_that_goes_away_while_it_is_written_to_fails_the_run() {
    let bench = bench();
    let folder = bench.path("folder");
    fs::create_dir(&folder).unwrap();
    let mut child = start_on_pipe(&folder.join("out"));
    wait_until("an unfinished file", || has_unfinished(&folder));
    fs::remove_dir_all(&folder).unwrap();
    drop(child.stdin.take());
    let run: Run = child.wait_with_output().unwrap().into();
    run.assert_status(1, "the folder is gone");
    assert!(run.stderr.contains("cannot finish"), "{}", run.stderr);
    assert_untouched(&bench, &[]);
}

#[test]
fn what_is_no_capture_and_no_file_is_refused() {
    let bench = bench();
    let socket = bench.path("socket");
    let _listens = UnixListener::bind(&socket).unwrap();
    let old = bench.path("old");
    for (input, word) in [
        (&*socket, "socket"),
        (Path::new("/dev/null"), "/dev/null"),
        (Path::new("/proc/self/status"), "/proc/self/status"),
        (Path::new("/dev/zero"), "/dev/zero"),
        (bench.folder(), "directory"),
    ] {
        let run = run([input, &old]);
        run.assert_status(1, word);
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        assert_untouched(&bench, &["socket"]);
    }
}

#[test]
fn a_file_of_eight_gigabytes_of_holes_is_read_to_its_damage() {
    const LEN: u64 = 8 << 30;
    let bench = Bench::new();
    let web = testdata::bytes("ng_blocks_le.pcapng");
    let holes = bench.put("holes", &web);
    let file = fs::OpenOptions::new().write(true).open(&holes).unwrap();
    file.set_len(LEN).unwrap();
    let filtered = bench.filter(&holes, &[]);
    filtered.run.assert_status(3, "a block of no length");
    assert!(filtered.kept() == web);
    let input = &filtered.json()["input"];
    assert_eq!(input["file_bytes"], LEN);
    assert_eq!(input["damage"]["offset"], web.len());
}

#[test]
fn closed_standard_streams_change_no_output() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    for scene in [
        "exec >&-;",
        "exec 2>&-;",
        "exec >&- 2>&-;",
        "exec <&- >&- 2>&-;",
    ] {
        let run = run_in_shell(scene, &[&web, &bench.path("out")]);
        let out = fs::read(bench.path("out"));
        assert!(run.status == Some(0), "{scene} {:?}", run.status);
        assert!(out.unwrap() == testdata::bytes("web.pcap"), "{scene}");
        fs::remove_file(bench.path("out")).unwrap();
        assert!(bench.left().is_empty(), "{scene}: {:?}", bench.left());
    }
}

/// Starts a run that has read some of its input and waits for more.
fn start_on_pipe(output: &Path) -> Child {
    let mut child = dpi_engine(["-".as_ref(), output.as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let web = testdata::bytes("web.pcap");
    child.stdin.as_mut().unwrap().write_all(&web).unwrap();
    child
}

fn has_unfinished(folder: &Path) -> bool {
    let is_unfinished = |name: OsString| name.to_string_lossy().ends_with(".part");
    let mut entries = fs::read_dir(folder).unwrap();
    entries.any(|entry| is_unfinished(entry.unwrap().file_name()))
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_run_harms_nothing_and_the_next_cleans_up() {
    let bench = bench();
    let mut bytes = Vec::new();
    repeat(&testdata::bytes("web.pcap"), 8 << 20, &mut bytes).unwrap();
    let input = bench.put("in", &bytes);
    let old = bench.path("old");
    let filter = || {
        let mut command = dpi_engine([&input, &old]);
        command.arg("--dropped").arg(bench.path("dropped"));
        command.args(["--quiet", "--block-app", "YouTube", "--whole-flow"]);
        command
    };
    let mut leftovers = 0;
    for round in 0..12 {
        let mut child = filter().spawn().unwrap();
        if round % 3 > 0 {
            wait_until("an unfinished file", || has_unfinished(bench.folder()));
        }
        thread::sleep(Duration::from_millis(round * 7));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            // It was done before the kill came: what it made is whole.
            fs::remove_file(bench.path("dropped")).unwrap();
            fs::write(&old, b"precious").unwrap();
        }
        assert_eq!(fs::read(&old).unwrap(), b"precious", "round {round}");
        assert!(!bench.path("dropped").exists(), "round {round}");
        leftovers = leftovers.max(bench.left().len() - 2);
        assert!(
            leftovers <= 2,
            "each run cleans up first: {:?}",
            bench.left()
        );
    }
    assert!(leftovers > 0, "no run was killed in the middle");
    assert!(fs::read(&input).unwrap() == bytes, "INPUT is untouched");
    assert!(filter().status().unwrap().success());
    assert_eq!(bench.left(), ["dropped", "in", "old"]);
    let kept = fs::read(&old).unwrap();
    assert!(kept.len() < bytes.len() && kept.len() > 1000);
}

#[test]
fn a_run_beside_another_to_the_same_place_takes_nothing_from_it() {
    let bench = Bench::new();
    let out = bench.path("out");
    let mut slow = start_on_pipe(&out);
    wait_until("an unfinished file", || has_unfinished(bench.folder()));
    run([testdata::path("ng_blocks_le.pcapng"), out.clone()]).assert_status(0, "beside it");
    assert!(has_unfinished(bench.folder()), "the other's file is in use");
    drop(slow.stdin.take());
    let slow: Run = slow.wait_with_output().unwrap().into();
    slow.assert_status(0, "the slow one");
    assert!(fs::read(&out).unwrap() == testdata::bytes("web.pcap"));
    assert_eq!(bench.left(), ["out"]);
}

/// Filters `bytes`, to which `change` is done when the run has opened them and not read on yet.
fn filter_while(bytes: &[u8], change: impl FnOnce(&File)) -> (Run, Vec<u8>) {
    let bench = bench();
    let input = bench.put("in", bytes);
    let fifo = bench.fifo("fifo");
    let child = dpi_engine([&input, &bench.path("old")])
        .arg("--json")
        .arg(&fifo)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The run opens INPUT first, then OUTPUT, and then it waits for who reads its report.
    wait_until("an unfinished file", || has_unfinished(bench.folder()));
    change(&fs::OpenOptions::new().append(true).open(&input).unwrap());
    fs::read(&fifo).unwrap();
    let run = child.wait_with_output().unwrap().into();
    (run, fs::read(bench.path("old")).unwrap())
}

#[test]
fn an_input_that_grows_is_what_it_was_when_it_was_opened() {
    let web = testdata::bytes("web.pcap");
    let (run, output) = filter_while(&web, |mut file| file.write_all(&web).unwrap());
    run.assert_status(0, "growing");
    assert!(output == web);
}

#[test]
fn an_input_that_is_cut_while_it_is_read_is_damaged() {
    let web = testdata::bytes("web.pcap");
    let (run, output) = filter_while(&web, |file| file.set_len(web.len() as u64 / 2).unwrap());
    run.assert_status(3, "cut");
    assert!(output.len() > web.len() / 3 && web.starts_with(&output));
}
