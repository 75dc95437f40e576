//! Several inputs that are read as one, and `--input-list`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Bench, Run, dpi_engine, list, number, run_with_input};
use crate::{compressed, records, testdata};

/// Packets in each of the parts.
const PART: usize = 100;

const RULES: [&str; 4] = ["--block-app", "YouTube", "--block-ip", "192.168.1.3"];

/// A pcap cut between its records, as `tcpdump -C` would have written it.
pub(crate) fn rotated(whole: &[u8], packets: usize) -> Vec<Vec<u8>> {
    let (header, _) = whole.split_at(24);
    let reading = records::read(whole);
    let parts = reading.packets.chunks(packets);
    parts
        .map(|packets| {
            let records = packets.iter().map(|packet| packet.record);
            [&[header], records.collect::<Vec<_>>().as_slice()]
                .concat()
                .concat()
        })
        .collect()
}

/// Puts the parts of `web.pcap` into the folder, the last first.
fn put_rotated(bench: &Bench) -> Vec<String> {
    let parts = rotated(&testdata::bytes("web.pcap"), PART);
    let names: Vec<String> = (0..parts.len()).rev().map(|i| format!("part{i}")).collect();
    for (i, part) in parts.iter().enumerate() {
        bench.put(&format!("part{i}"), part);
    }
    names
}

/// Runs in the folder, so that paths are short and the same in every test.
fn run_in<A: AsRef<std::ffi::OsStr>>(bench: &Bench, args: &[A]) -> Run {
    let mut command = dpi_engine(args);
    command.current_dir(bench.folder()).output().unwrap().into()
}

/// What a run with every output makes of these inputs.
fn filter(bench: &Bench, inputs: &[String], options: &[&str]) -> (Run, [Vec<u8>; 4]) {
    let names = ["output", "dropped", "flows", "report"];
    let outputs = [
        "output",
        "--dropped",
        "dropped",
        "--flows",
        "flows",
        "--json",
        "report",
    ];
    let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
    let run = run_in(bench, &[&inputs, &outputs[..], &RULES, options].concat());
    let made = names.map(|name| fs::read(bench.path(name)).unwrap_or_default());
    for name in names {
        // Not there when the run failed.
        let _ = fs::remove_file(bench.path(name));
    }
    (run, made)
}

/// A report without what tells of the files.
fn figures(report: &[u8]) -> Value {
    let mut report: Value = serde_json::from_slice(report).unwrap();
    let input = report["input"].as_object_mut().unwrap();
    for key in ["path", "file_bytes", "files", "compression"] {
        input.remove(key);
    }
    report
}

#[test]
fn a_rotated_capture_is_the_whole_again_in_every_mode() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let whole = bench.put("whole", &testdata::bytes("web.pcap"));
    let whole = [whole.to_str().unwrap().to_owned()];
    for mode in [
        &["--workers", "1"][..],
        &[],
        &["--whole-flow"],
        &["--only", "--with-dns"],
        &["--annotate"],
        &["--recover"],
    ] {
        let (run, expected) = filter(&bench, &whole, mode);
        run.assert_status(0, "the whole");
        let (run, found) = filter(&bench, &parts, mode);
        run.assert_status(0, &format!("{mode:?}"));
        assert!(found[..3] == expected[..3], "{mode:?}");
        assert_eq!(figures(&found[3]), figures(&expected[3]), "{mode:?}");
    }
}

#[test]
fn the_report_tells_every_file_in_order_of_time() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let (run, [.., report]) = filter(&bench, &parts, &["--sha256"]);
    run.assert_status(0, "rotated");
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["input"]["path"], "part0");
    let files = list(&report, "/input/files");
    let mut bytes = 0;
    for (i, file) in files.iter().enumerate() {
        assert_eq!(file["path"], format!("part{i}"));
        assert_eq!(file["format"], "pcap");
        bytes += number(file, "/file_bytes");
        assert!(file["damage"].is_null());
        if let Some(next) = files.get(i + 1) {
            assert!(file["last_packet"].as_str() <= next["first_packet"].as_str());
        }
    }
    assert_eq!(files.len(), parts.len());
    assert_eq!(number(&report, "/input/file_bytes"), bytes);
    assert_eq!(report["digests"]["input"], files[0]["sha256"]);
    let last = &files[files.len() - 1];
    assert_eq!(report["input"]["last_packet"], last["last_packet"]);
    let text = run.text();
    for line in [
        "Files:           7 ",
        "First file:      part0 ",
        "Last file:       part6 ",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn digests_and_packets_of_several_are_verified() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let options = ["out", "--dropped", "rest", "--sha256", "--json", "report"];
    let args: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .chain(options)
        .chain(RULES)
        .collect();
    run_in(&bench, &args).assert_status(0, "rotated");
    let told = run_in(&bench, &["--verify", "report"]);
    told.assert_status(0, "verified");
    assert_eq!(
        told.text().matches("SHA-256 agrees").count(),
        parts.len() + 2
    );
    assert!(
        told.text().contains("together are INPUT, all 683 of it"),
        "{}",
        told.text()
    );
    // Under other names, in the order of the report.
    for i in 0..parts.len() {
        fs::rename(
            bench.path(&format!("part{i}")),
            bench.path(&format!("moved{i}")),
        )
        .unwrap();
    }
    run_in(&bench, &["--verify", "report"]).assert_status(1, "gone");
    let moved: Vec<_> = (0..parts.len()).map(|i| format!("moved{i}")).collect();
    let mut args = vec!["--verify", "report"];
    args.extend(moved.iter().map(String::as_str));
    run_in(&bench, &args).assert_status(0, "moved");
    let told = run_in(&bench, &args[..4]);
    told.assert_status(1, "too few names");
    assert!(
        told.stderr.contains("tells of 7 INPUT: found 2 names"),
        "{}",
        told.stderr
    );
    let mut bytes = fs::read(bench.path("moved3")).unwrap();
    bytes[100] ^= 1;
    fs::write(bench.path("moved3"), bytes).unwrap();
    let told = run_in(&bench, &args);
    told.assert_status(1, "changed");
    assert!(
        told.text().contains("INPUT (moved3): SHA-256 differs"),
        "{}",
        told.text()
    );
}

#[test]
fn a_report_of_the_whole_is_expected_of_its_parts() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    bench.put("whole", &testdata::bytes("web.pcap"));
    run_in(&bench, &["whole", "--dry-run", "--json", "expected"]).assert_status(0, "the whole");
    let mut args: Vec<&str> = parts.iter().map(String::as_str).collect();
    args.extend(["out", "--expect", "expected"]);
    run_in(&bench, &args).assert_status(0, "the parts");
    args.remove(2);
    run_in(&bench, &args).assert_status(4, "one part is missing");
}

#[test]
fn each_file_is_compressed_in_its_own_way() {
    let bench = Bench::new();
    let whole = testdata::bytes("web.pcap");
    let mut names = Vec::new();
    for (i, part) in rotated(&whole, 140).iter().enumerate() {
        let packed = compressed::ALL
            .get(i)
            .map_or_else(|| part.clone(), |(_, pack)| pack(part));
        names.push(format!("part{i}"));
        bench.put(&names[i], &packed);
    }
    assert_eq!(names.len(), compressed::ALL.len() + 1);
    for mode in [&[][..], &["--whole-flow", "--sha256"]] {
        let (run, [kept, gone, _, report]) = filter(&bench, &names, mode);
        run.assert_status(0, "compressed");
        records::assert_split(&whole, &kept, &gone, "compressed");
        let report: Value = serde_json::from_slice(&report).unwrap();
        assert!(report["input"]["compression"].is_null());
        let files = list(&report, "/input/files");
        for (file, (name, _)) in files.iter().zip(compressed::ALL) {
            assert_eq!(file["compression"], name);
        }
        assert!(files[4]["compression"].is_null());
        assert!(
            run.text().contains("microseconds, some compressed"),
            "{}",
            run.text()
        );
    }
}

#[test]
fn damage_in_one_file_is_told_with_its_name_and_the_others_are_read() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let middle = fs::read(bench.path("part3")).unwrap();
    let ends = records::read(&middle).ends;
    fs::write(bench.path("part3"), &middle[..ends[40] + 9]).unwrap();
    for mode in [&[][..], &["--whole-flow"], &["--recover"]] {
        let (run, [kept, gone, _, report]) = filter(&bench, &parts, mode);
        run.assert_status(3, &format!("{mode:?}"));
        let told = format!(
            "dpi_engine: part3 is damaged at byte {}: cut short",
            ends[40]
        );
        assert!(run.stderr.contains(&told), "{}", run.stderr);
        let packets = records::read(&kept).packets.len() + records::read(&gone).packets.len();
        assert_eq!(packets, 683 - 60, "{mode:?}");
        let report: Value = serde_json::from_slice(&report).unwrap();
        let files = list(&report, "/input/files");
        let damaged: Vec<_> = files
            .iter()
            .filter(|file| !file["damage"].is_null())
            .collect();
        assert_eq!(damaged.len(), 1);
        assert_eq!(damaged[0]["path"], "part3");
        assert_eq!(number(damaged[0], "/damage/offset"), ends[40] as u64);
        assert_eq!(report["input"]["damage"], damaged[0]["damage"]);
        let place = format!("part3 at byte {}: cut short", ends[40]);
        assert!(run.text().contains(&place), "{}", run.text());
    }
}

#[test]
fn recovery_goes_on_in_the_file_that_is_damaged() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let mut middle = fs::read(bench.path("part3")).unwrap();
    let ends = records::read(&middle).ends;
    middle[ends[40]..ends[40] + 16].fill(0xb6);
    fs::write(bench.path("part3"), middle).unwrap();
    let (run, [.., report]) = filter(&bench, &parts, &["--recover", "--whole-flow", "--sha256"]);
    run.assert_status(3, "recovered");
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(number(&report, "/packets/total"), 682);
    assert_eq!(number(&report, "/input/skipped_count"), 1);
    assert!(list(&report, "/input/skipped").is_empty());
    let skipped = &list(&report, "/input/files")[3]["skipped"][0];
    assert_eq!(number(skipped, "/offset"), ends[40] as u64);
    assert_eq!(number(skipped, "/length"), (ends[41] - ends[40]) as u64);
}

#[test]
fn files_without_packets_change_nothing() {
    let bench = Bench::new();
    let whole = testdata::bytes("web.pcap");
    bench.put("header", &whole[..24]);
    bench.put("another", &whole[..24]);
    let none = ["header", "another"].map(String::from);
    let (run, [kept, gone, ..]) = filter(&bench, &none, &[]);
    run.assert_status(0, "none has packets");
    assert!(kept == whole[..24] && gone == whole[..24]);
    let mut parts = put_rotated(&bench);
    parts.extend(none);
    let (run, [kept, gone, _, report]) = filter(&bench, &parts, &[]);
    run.assert_status(0, "some have");
    records::assert_split(&whole, &kept, &gone, "with empty ones");
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert!(list(&report, "/input/files")[8]["first_packet"].is_null());
    bench.put("nothing", b"");
    parts.push("nothing".to_owned());
    let (run, _) = filter(&bench, &parts, &[]);
    run.assert_status(1, "not even a header");
    assert!(
        run.stderr.contains("nothing: the input is empty"),
        "{}",
        run.stderr
    );
}

#[test]
fn more_files_than_may_be_open_at_a_time_are_read() {
    let bench = Bench::new();
    let whole = testdata::bytes("web.pcap");
    let mut list = String::from("# rotated\n\n");
    // The most that there can be of so many packets.
    for (i, part) in rotated(&whole, 2).iter().enumerate().rev() {
        bench.put(&format!("part{i}"), part);
        list.push_str(&format!("part{i}\n"));
    }
    assert!(list.lines().count() > 300);
    bench.put("list", list.as_bytes());
    let program = env!("CARGO_BIN_EXE_dpi_engine");
    for mode in ["--sha256", "--whole-flow"] {
        let script = format!(
            "ulimit -n 64; exec {program} --input-list list out --dropped rest -q {mode} --block-app YouTube"
        );
        let mut command = Command::new("sh");
        let output = command
            .arg("-c")
            .arg(script)
            .current_dir(bench.folder())
            .output();
        let run: Run = output.unwrap().into();
        run.assert_status(0, mode);
        let [kept, gone] = ["out", "rest"].map(|name| fs::read(bench.path(name)).unwrap());
        records::assert_split(&whole, &kept, &gone, mode);
    }
}

#[test]
fn packets_of_files_that_overlap_are_merged_by_time() {
    let bench = Bench::new();
    let whole = testdata::bytes("web.pcap");
    let reading = records::read(&whole);
    let mut halves = [whole[..24].to_vec(), whole[..24].to_vec()];
    let mut last: &[u8] = &[];
    let mut hand = 0;
    for packet in &reading.packets {
        // Packets of one time stay together: between files, time alone tells their order.
        hand ^= usize::from(packet.record[..8] != *last);
        last = &packet.record[..8];
        halves[hand].extend_from_slice(packet.record);
    }
    let names = ["odd", "even"].map(String::from);
    bench.put("odd", &halves[1]);
    bench.put("even", &halves[0]);
    for mode in [&[][..], &["--whole-flow"]] {
        let (run, [kept, gone, ..]) = filter(&bench, &names, mode);
        run.assert_status(0, "merged");
        records::assert_split(&whole, &kept, &gone, "merged");
        assert!(!run.stderr.contains("order of time"), "{}", run.stderr);
    }
}

#[test]
fn pcapngs_that_overlap_follow_each_other_and_it_is_told() {
    let bench = Bench::new();
    let first = testdata::bytes("ng_sections.pcapng");
    bench.put("a.pcapng", &first);
    bench.put("b.pcapng", &first);
    let names = ["a.pcapng", "b.pcapng"].map(String::from);
    let output = ["out", "--json", "report", "-q"];
    let args = [&["a.pcapng", "b.pcapng"], &output[..]].concat();
    run_in(&bench, &args).assert_status(0, "two");
    assert!(fs::read(bench.path("out")).unwrap() == [first.clone(), first].concat());
    let (run, [.., report]) = filter(&bench, &names, &[]);
    let told = "packets are not in order of time: b.pcapng begins before a.pcapng ends";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let report: Value = serde_json::from_slice(&report).unwrap();
    let warning = list(&report, "/warnings")[0].as_str().unwrap();
    assert!(
        warning.starts_with("packets are not in order of time: 1 input begins"),
        "{warning}"
    );
}

#[test]
fn standard_input_may_be_one_of_several_and_is_read_twice_where_that_is_needed() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let whole = testdata::bytes("web.pcap");
    let piped = fs::read(bench.path("part3")).unwrap();
    for mode in ["--sha256", "--whole-flow", "--annotate"] {
        let mut args: Vec<PathBuf> = parts.iter().map(|part| bench.path(part)).collect();
        args[3] = PathBuf::from("-");
        let (out, rest) = (bench.path("out"), bench.path("rest"));
        args.extend([out.clone(), "--dropped".into(), rest.clone(), "-q".into()]);
        args.extend([mode, "--block-app", "YouTube"].map(PathBuf::from));
        run_with_input(args, &piped).assert_status(0, mode);
        let [kept, gone] = [out, rest].map(|path| fs::read(path).unwrap());
        if mode == "--annotate" {
            let packets = records::read(&kept).packets.len() + records::read(&gone).packets.len();
            assert_eq!(packets, 683);
        } else {
            records::assert_split(&whole, &kept, &gone, mode);
        }
    }
}

#[test]
fn inputs_that_are_no_one_capture_are_refused_before_anything_is_written() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    bench.put("ng.pcapng", &testdata::bytes("ng_sections.pcapng"));
    bench.put("cooked.pcap", &testdata::bytes("link_sll.pcap"));
    bench.put("ns.pcap", &testdata::bytes("pcap_le_ns.pcap"));
    bench.put("out", b"precious");
    for (other, found) in [
        (
            "ng.pcapng",
            "found pcapng, expected pcap, little-endian, microseconds, ETHERNET",
        ),
        (
            "cooked.pcap",
            "LINUX_SLL, expected pcap, little-endian, microseconds, ETHERNET",
        ),
        (
            "ns.pcap",
            "found pcap, little-endian, nanoseconds, ETHERNET, expected",
        ),
    ] {
        let run = run_in(&bench, &[parts[0].as_str(), other, &parts[1], "out"]);
        run.assert_status(1, other);
        for text in [other, &parts[0], found, "mergecap"] {
            assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
        }
        assert_eq!(fs::read(bench.path("out")).unwrap(), b"precious");
    }
}

#[test]
fn no_file_is_read_twice_or_written_over() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    std::os::unix::fs::symlink("part0", bench.path("link")).unwrap();
    let before = fs::read(bench.path("part0")).unwrap();
    for (args, told) in [
        (
            ["part0", "part1", "part0", "out"],
            "INPUT (part0) and INPUT (part0) are the same file",
        ),
        (
            ["part0", "part1", "link", "out"],
            "INPUT (part0) and INPUT (link) are the same file",
        ),
        (
            ["part2", "part1", "part0", "link"],
            "OUTPUT (link) is the same file as INPUT (part0)",
        ),
        (
            ["part3", "part2", "part1", "part0"],
            "OUTPUT (part0) exists and is named like INPUT (part3)",
        ),
    ] {
        let run = run_in(&bench, &args);
        run.assert_status(2, told);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    assert_eq!(fs::read(bench.path("part0")).unwrap(), before);
    assert!(parts.len() + 1 == bench.left().len(), "{:?}", bench.left());
}

#[test]
fn a_dry_run_tells_what_it_took_for_output() {
    let bench = Bench::new();
    put_rotated(&bench);
    let told =
        "dpi_engine: part2 is not read: the last of several names is OUTPUT, with --dry-run too\n";
    let run = run_in(&bench, &["part0", "part1", "part2", "--dry-run"]);
    run.assert_status(0, "three");
    assert_eq!(run.stderr, told);
    assert!(
        run.text().contains("Total packets:   200 "),
        "{}",
        run.text()
    );
    for args in [
        &["part0", "part2", "--dry-run"][..],
        &["part0", "part1", "none", "--dry-run"],
        &["part0", "part1", "part2", "--dry-run", "-q"],
    ] {
        let run = run_in(&bench, args);
        run.assert_status(0, "quiet");
        assert_eq!(run.stderr, "", "{args:?}");
    }
}

#[test]
fn a_list_names_inputs_and_its_mistakes_have_their_lines() {
    let bench = Bench::new();
    let parts = put_rotated(&bench);
    let whole = testdata::bytes("web.pcap");
    bench.put(
        "list",
        format!("# all but two\r\n\r\n{}\r\n", parts[2..].join("\r\n")).as_bytes(),
    );
    let run = run_in(
        &bench,
        &["--input-list", "list", &parts[0], &parts[1], "out"],
    );
    run.assert_status(0, "a list");
    assert!(fs::read(bench.path("out")).unwrap() == whole);
    let list = parts.join("\n");
    let args = ["--input-list", "-", "out"].map(PathBuf::from);
    let mut command = dpi_engine(args);
    command.current_dir(bench.folder()).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), list.as_bytes()).unwrap();
    assert_eq!(crate::program::wait(child), Some(0));
    assert!(fs::read(bench.path("out")).unwrap() == whole);
    fs::remove_file(bench.path("out")).unwrap();
    for (text, status, told) in [
        ("part0\n\nnowhere\n", 1, "list:3: cannot open nowhere"),
        ("part0\n.\n", 1, "list:2: cannot read .: a directory"),
        ("part0\nlist\n", 1, "list (list:2): no capture"),
        (
            "# none\n",
            2,
            "list: it names no capture; expected a path a line",
        ),
        ("part0\0\n", 2, "list:1: byte 6: found a zero"),
        (
            "part0\n./part0\n",
            2,
            "INPUT (part0) and INPUT (./part0) are the same file",
        ),
        ("out\npart0\n", 1, "list:1: cannot open out"),
    ] {
        bench.put("list", text.as_bytes());
        let run = run_in(&bench, &["--input-list", "list", "out"]);
        run.assert_status(status, text);
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
        assert!(!bench.path("out").exists());
    }
}

#[test]
fn rules_are_compared_on_several() {
    let bench = Bench::new();
    let mut parts = put_rotated(&bench);
    bench.put("whole", &testdata::bytes("web.pcap"));
    bench.put("old", b"");
    bench.put("new", b"[BLOCKED_APPS]\nYouTube\n");
    let diff = |inputs: &[String]| -> Value {
        let inputs = inputs.iter().map(String::as_str);
        let options = ["--diff-rules", "old", "new", "--json", "json", "-q"];
        let args: Vec<_> = inputs.chain(options).collect();
        run_in(&bench, &args).assert_status(0, "compared");
        serde_json::from_slice(&fs::read(bench.path("json")).unwrap()).unwrap()
    };
    let expected = diff(&["whole".to_owned()]);
    let found = diff(&parts);
    assert_eq!(found["newly_dropped"], expected["newly_dropped"]);
    assert!(number(&found, "/newly_dropped/flows") > 0);
    parts.reverse();
    let mut told: Vec<_> = list(&found, "/inputs")
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    told.sort_unstable();
    assert_eq!(told, parts);
    assert!(expected.get("inputs").is_none());
}

/// Changes `part` while it is known and not yet read: a pipe in front of it holds the run up.
#[track_caller]
fn assert_change_is_told(change: impl FnOnce(&Path), word: &str) {
    let bench = Bench::new();
    put_rotated(&bench);
    let fifo = bench.fifo("fifo");
    let mut command = dpi_engine(["part1", "fifo", "out"]);
    command
        .current_dir(bench.folder())
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let child = command.spawn().unwrap();
    // The run opens it when it has looked at the one before.
    let pipe = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let part = bench.path("part1");
    change(&part);
    std::io::Write::write_all(&mut &pipe, &fs::read(bench.path("part0")).unwrap()).unwrap();
    drop(pipe);
    let run: Run = child.wait_with_output().unwrap().into();
    run.assert_status(1, word);
    assert!(
        run.stderr.contains("part1") && run.stderr.contains(word),
        "{}",
        run.stderr
    );
    assert!(!bench.path("out").exists());
}

#[test]
fn a_file_that_changes_or_vanishes_before_its_turn_is_told() {
    assert_change_is_told(|part| fs::remove_file(part).unwrap(), "No such file");
    let cut = |part: &Path| {
        let file = fs::OpenOptions::new().write(true).open(part).unwrap();
        file.set_len(100).unwrap();
    };
    assert_change_is_told(cut, "found 100 bytes, expected");
    let replaced = |part: &Path| {
        fs::rename(part.with_file_name("part2"), part).unwrap();
    };
    assert_change_is_told(replaced, "another file stands there now");
}
