//! `--split-by` and `--split-dir`: a capture taken apart, of which nothing is lost and nothing changes places.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::annotate::comments;
use crate::program::{Bench, Run, dpi_engine, list, number, run, run_with_input, wait};
use crate::records;
use crate::repeat::repeat;
use crate::testdata::{self, samples};

const KEYS: [&str; 5] = ["app", "verdict", "host", "flow", "protocol"];

/// What a run made of a capture.
pub(crate) struct Split {
    run: Run,
    pub(crate) index: Value,
    files: BTreeMap<String, Vec<u8>>,
}

impl Split {
    /// The parts as the list tells them, each with its bytes.
    fn parts(&self) -> impl Iterator<Item = (&Value, &[u8])> {
        let parts = list(&self.index, "/parts").iter();
        parts.map(|part| (part, &*self.files[part["file"].as_str().unwrap()]))
    }

    /// The bytes of the part with this name.
    #[track_caller]
    fn named(&self, name: &str) -> &[u8] {
        let found = self.parts().find(|(part, _)| part["name"] == name);
        found
            .unwrap_or_else(|| panic!("no {name}: {}", self.index))
            .1
    }
}

/// Takes up what is in a folder, and the folder away.
fn take(run: Run, folder: &Path) -> Split {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|_| panic!("no parts: {}", run.stderr)) {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files.insert(name, fs::read(entry.path()).unwrap());
    }
    fs::remove_dir_all(folder).unwrap();
    let index = files.remove("index.json").expect("a list");
    let index = serde_json::from_slice(&index).expect("the list is JSON");
    Split { run, index, files }
}

pub(crate) fn split(bench: &Bench, input: &Path, key: &str, options: &[&str]) -> Split {
    let folder = bench.path("parts");
    let mut command = dpi_engine([input]);
    command.args(["--dry-run", "--split-by", key, "--split-dir"]);
    let run = command.arg(&folder).args(options).output().unwrap();
    take(run.into(), &folder)
}

/// A block without the length of its section, which holds for no part.
fn without_len(block: &[u8]) -> Vec<u8> {
    let mut block = block.to_vec();
    if block.starts_with(&[10, 13, 13, 10]) {
        block[16..24].fill(0xff);
    }
    block
}

/// Fails unless the parts together are `input`, each in its order, each whole, and all as the list says.
#[track_caller]
fn assert_partition(input: &[u8], split: &Split, what: &str) {
    let whole = records::read(input);
    let outside: Vec<_> = whole
        .others
        .iter()
        .map(|block| without_len(block))
        .collect();
    let mut together = Vec::new();
    let mut bytes = 0;
    for (part, file) in split.parts() {
        let what = format!("{what}: {}", part["file"]);
        let read = records::read(file);
        assert_eq!(read.ends.last(), Some(&file.len()), "{what}: whole");
        assert_eq!(part["packets"], read.packets.len(), "{what}");
        assert_eq!(part["file_bytes"], file.len(), "{what}");
        assert!(
            records::is_subsequence(&read.packets, &whole.packets),
            "{what}: order"
        );
        if read.others.is_empty() {
            assert_eq!(file[..24], input[..24], "{what}: header");
        }
        let mut rest = outside.iter();
        for block in &read.others {
            assert!(
                rest.any(|other| other[..] == block[..]),
                "{what}: a block of its own"
            );
        }
        bytes += number(part, "/bytes");
        together.extend(read.packets);
    }
    assert_eq!(split.index["packets"], together.len(), "{what}");
    assert_eq!(split.index["bytes"], bytes, "{what}");
    let mut all = whole.packets;
    all.sort_unstable();
    together.sort_unstable();
    assert!(
        together == all,
        "{what}: {} of {}",
        together.len(),
        all.len()
    );
    assert_eq!(
        split.files.len(),
        list(&split.index, "/parts").len(),
        "{what}"
    );
}

#[track_caller]
fn assert_safe_names(split: &Split, what: &str) {
    let mut seen = BTreeSet::new();
    for name in split.files.keys() {
        assert!(name.len() <= 120, "{what}: {name}");
        let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        assert!(name.bytes().all(is_safe), "{what}: {name}");
        assert!(!name.starts_with(['.', '-']), "{what}: {name}");
        assert!(seen.insert(name.to_lowercase()), "{what}: {name}");
    }
}

#[test]
fn parts_are_the_input_packet_for_packet_by_every_key() {
    let bench = Bench::new();
    for sample in samples() {
        let keys = match sample.name.as_str() {
            "web.pcap" | "hostile_names.pcap" | "ng_sections.pcapng" | "ip_fragments.pcap" => {
                &KEYS[..]
            }
            _ => &KEYS[2..3],
        };
        for key in keys {
            let what = format!("{} by {key}", sample.name);
            // With so small a table flows come and go.
            let rules = ["--block-app", "YouTube", "--max-flows", "64"];
            let split = split(&bench, &sample.path, key, &rules);
            split.run.assert_status(0, &what);
            assert_partition(&sample.bytes, &split, &what);
            assert_safe_names(&split, &what);
            let extension = sample.name.rsplit('.').next().unwrap();
            assert!(
                split
                    .files
                    .keys()
                    .all(|name| name.ends_with(&format!(".{extension}")))
            );
        }
    }
}

#[test]
fn a_whole_section_comes_with_every_packet_of_it() {
    let bench = Bench::new();
    for name in ["ng_blocks_le.pcapng", "ng_blocks_be.pcapng"] {
        let input = testdata::bytes(name);
        let split = split(&bench, &testdata::path(name), "flow", &[]);
        let blocks = records::read(&input).others;
        assert!(blocks.len() > 2 && split.files.len() > 1, "{name}");
        for (part, file) in split.parts() {
            let others = records::read(file).others;
            let expected: Vec<_> = blocks.iter().map(|block| without_len(block)).collect();
            assert!(others == expected, "{name}: {part}");
        }
    }
}

#[test]
fn applications_are_those_of_the_report() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let report = bench.path("report");
    let options = ["--json", report.to_str().unwrap(), "--sha256"];
    let split = split(&bench, &web, "app", &options);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let mut flows = 0;
    for app in list(&report, "/applications") {
        let name = app["name"].as_str().unwrap();
        let mut parts = split.parts();
        let (part, file) = parts.find(|(part, _)| part["name"] == name).unwrap();
        for figure in ["flows", "packets", "bytes"] {
            assert_eq!(part[figure], app[figure], "{name}: {figure}");
        }
        assert_eq!(part["kind"], "app");
        let digest = Sha256::digest(file);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(part["sha256"], digest, "{name}");
        flows += number(part, "/flows");
    }
    assert_eq!(split.index["flows"], flows);
    assert_eq!(
        split.index["inputs"][0]["sha256"],
        report["digests"]["input"]
    );
    assert!(
        split.files.contains_key("YouTube.pcap"),
        "{:?}",
        split.files.keys()
    );
    let (last, file) = split.parts().last().unwrap();
    assert_eq!(
        (&last["kind"], &last["name"]),
        (&"no_flow".into(), &Value::Null)
    );
    assert_eq!(last["file"], "_no-flow.pcap");
    assert_eq!(last["packets"], report["packets"]["undecoded"]);
    assert_eq!(records::read(file).packets.len(), 2);
}

#[test]
fn by_verdict_the_parts_are_output_and_the_dropped_packets() {
    let bench = Bench::new();
    for (name, rules) in [
        ("web.pcap", &["--block-app", "YouTube"][..]),
        ("web.pcap", &["--block-app", "YouTube", "--whole-flow"]),
        ("web.pcap", &["--block-app", "YouTube", "--only"]),
        (
            "web.pcap",
            &["--block-domain", "*.tiktok.com", "--with-dns"],
        ),
        ("icmp_error.pcap", &["--block-port", "1-65535"]),
        ("ng_blocks_le.pcapng", &["--block-ip", "0.0.0.0/0"]),
    ] {
        let what = format!("{name} {rules:?}");
        let folder = bench.path("parts");
        let options = [
            "--split-by",
            "verdict",
            "--split-dir",
            folder.to_str().unwrap(),
        ];
        let with = bench.filter(&testdata::path(name), &[rules, &options].concat());
        let without = bench.filter(&testdata::path(name), rules);
        assert!(with.output == without.output, "{what}: OUTPUT");
        assert!(with.dropped == without.dropped, "{what}: dropped packets");
        assert!(with.report == without.report, "{what}: report");
        let split = take(with.run, &folder);
        split.run.assert_status(0, &what);
        assert_partition(&testdata::bytes(name), &split, &what);
        for (verdict, side) in [("forward", without.kept()), ("drop", without.gone())] {
            let packets = records::read(side).packets;
            let mut parts = split.parts();
            match parts.find(|(part, _)| part["name"] == verdict) {
                Some((_, file)) => assert!(records::read(file).packets == packets, "{what}"),
                None => assert!(packets.is_empty(), "{what}: {verdict}"),
            }
        }
    }
}

#[test]
fn each_flow_has_a_file_that_begins_with_its_number() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let flows = bench.filter(&web, &[]).flow_lines();
    let split = split(&bench, &web, "flow", &[]);
    for (flow, (part, _)) in flows.iter().zip(split.parts()) {
        let file = part["file"].as_str().unwrap();
        let protocol = flow["protocol"].as_str().unwrap();
        let start = format!("{:06}_{protocol}_", number(flow, "/id"));
        assert!(file.starts_with(&start), "{file}");
        assert_eq!(part["packets"], flow["packets"], "{file}");
        assert_eq!(part["flows"], 1, "{file}");
    }
    assert!(flows.len() > 40);
    let third = "000003_tcp_192.168.1.2-50102_203.0.113.11-443_YouTube.pcap";
    assert!(split.files.contains_key(third), "{:?}", split.files.keys());
    let name = "192.168.1.2:50102-203.0.113.11:443/tcp";
    let explained = run([
        &web,
        Path::new("--dry-run"),
        Path::new("--explain"),
        Path::new(name),
    ]);
    assert!(
        explained.text().starts_with("flow 3 "),
        "{}",
        explained.text()
    );
    assert!(!split.named(name).is_empty());
}

#[test]
fn the_same_parts_come_of_a_pipe_and_of_any_number_of_workers() {
    let bench = Bench::new();
    let bytes = testdata::bytes("web.pcap");
    let web = testdata::path("web.pcap");
    let one = split(&bench, &web, "host", &["--workers", "1"]);
    let eight = split(&bench, &web, "host", &["--workers", "8"]);
    assert!(one.files == eight.files && one.index == eight.index);
    let folder = bench.path("parts");
    let words = ["-", "--dry-run", "--split-by", "host", "--split-dir"];
    let words = words.into_iter().chain([folder.to_str().unwrap()]);
    let mut piped = take(run_with_input(words, &bytes), &folder);
    piped.run.assert_status(0, "a pipe");
    assert!(one.files == piped.files);
    piped.index["inputs"][0]["path"] = one.index["inputs"][0]["path"].clone();
    assert_eq!(one.index, piped.index);
}

#[test]
fn annotated_parts_say_of_each_flow_what_it_is() {
    let bench = Bench::new();
    let rules = ["--annotate", "--block-app", "YouTube"];
    for (key, name) in [
        ("app", "web.pcap"),
        ("verdict", "web.pcap"),
        ("flow", "ng_sections.pcapng"),
    ] {
        let folder = bench.path("parts");
        let options = ["--split-by", key, "--split-dir", folder.to_str().unwrap()];
        let made = bench.filter(&testdata::path(name), &[&rules[..], &options].concat());
        let flows = made.flow_lines().len();
        let sides = [made.kept(), made.gone()].map(comments);
        let split = take(made.run, &folder);
        split.run.assert_status(0, key);
        let said: Vec<_> = split.parts().map(|(_, file)| comments(file)).collect();
        for ((part, _), said) in split.parts().zip(&said) {
            assert_eq!(part["flows"], said.len(), "{name}: {part}");
        }
        if key == "verdict" {
            let mut said = said;
            said.sort_by_key(|said| std::cmp::Reverse(said.len()));
            assert_eq!(said, sides);
        } else {
            assert_eq!(said.iter().map(Vec::len).sum::<usize>(), flows, "{name}");
        }
        assert!(split.files.keys().all(|name| name.ends_with(".pcapng")));
    }
}

#[test]
fn what_can_be_read_of_a_damaged_capture_is_taken_apart() {
    let bench = Bench::new();
    let web = testdata::bytes("web.pcap");
    let cut = bench.put("cut", &web[..web.len() - 7]);
    let split = split(&bench, &cut, "protocol", &[]);
    split.run.assert_status(3, "cut");
    let whole = records::read(&web).ends;
    assert_partition(&web[..whole[whole.len() - 2]], &split, "cut");
    let nothing = self::split(&bench, &testdata::path("empty.pcap"), "app", &[]);
    nothing.run.assert_status(0, "no packets");
    assert!(nothing.files.is_empty() && nothing.index["packets"] == 0);
}

/// Runs with these options on `web.pcap`, with the parts to go to `folder`.
fn refused(folder: &Path, options: &[&str]) -> Run {
    let mut command = dpi_engine([testdata::path("web.pcap")]);
    command
        .args(["--split-by", "app", "--split-dir"])
        .arg(folder);
    command.args(options).output().unwrap().into()
}

#[test]
fn a_place_that_is_taken_is_refused_and_nothing_in_it_touched() {
    let bench = Bench::new();
    let full = bench.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("precious"), "old").unwrap();
    let file = bench.put("file", b"old");
    let nowhere = bench.path("no/where");
    for (folder, word) in [
        (&full, "not empty; expected an empty one"),
        (&file, "expected an empty folder"),
        (&nowhere, "there is no folder"),
    ] {
        let run = refused(folder, &["--dry-run"]);
        run.assert_status(1, word);
        for word in [word, "cannot create", folder.to_str().unwrap()] {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
    }
    assert_eq!(fs::read(full.join("precious")).unwrap(), b"old");
    let here = bench.path("here");
    fs::create_dir(&here).unwrap();
    let mut command = dpi_engine([testdata::path("web.pcap")]);
    command.args(["--dry-run", "--split-by", "app", "--split-dir", "."]);
    let run: Run = command.current_dir(&here).output().unwrap().into();
    run.assert_status(1, "the current folder");
    assert!(run.stderr.contains("current folder"), "{}", run.stderr);
    assert_eq!(bench.left(), ["file", "full", "here"]);
}

#[test]
fn a_wrong_command_line_is_told() {
    let bench = Bench::new();
    let empty = bench.path("empty");
    fs::create_dir(&empty).unwrap();
    let inside = empty.join("out");
    let inside = inside.to_str().unwrap();
    let empty = empty.to_str().unwrap();
    let web = testdata::path("web.pcap");
    let web = web.to_str().unwrap();
    let new = bench.path("new");
    let new = new.to_str().unwrap();
    for (words, told) in [
        (&["--dry-run", "--split-by", "app"][..], "--split-dir"),
        (&["--dry-run", "--split-dir", new], "--split-by"),
        (
            &["--dry-run", "--split-by", "colour", "--split-dir", new],
            "host",
        ),
        (
            &["--dry-run", "--split-by", "app", "--split-dir", "-"],
            "standard output",
        ),
        (
            &[inside, "--split-by", "app", "--split-dir", empty],
            "has to be empty",
        ),
        (
            &[new, "--split-by", "app", "--split-dir", new],
            "the same file",
        ),
        (
            &[
                "--diff-rules",
                "a",
                "b",
                "--split-by",
                "app",
                "--split-dir",
                new,
            ],
            "cannot be used",
        ),
    ] {
        let run = run([&[web], words].concat());
        run.assert_status(2, told);
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
    assert_eq!(bench.left(), ["empty"]);
}

#[test]
fn an_empty_folder_keeps_its_place_and_permissions() {
    let bench = Bench::new();
    let there = bench.path("there");
    fs::create_dir(&there).unwrap();
    fs::set_permissions(&there, Permissions::from_mode(0o750)).unwrap();
    symlink("there", bench.path("link")).unwrap();
    refused(&bench.path("link"), &["--dry-run"]).assert_status(0, "a link to a folder");
    let mode = fs::metadata(&there).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    assert!(there.join("index.json").exists() && there.join("YouTube.pcap").exists());
    refused(&bench.path("new/"), &["--dry-run"]).assert_status(0, "a slash at its end");
    fs::create_dir(bench.path("any")).unwrap();
    let mode = |name| fs::metadata(bench.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("new"), mode("any"));
    assert_eq!(bench.left(), ["any", "link", "new", "there"]);
}

/// Runs behind a line of shell that sets the scene.
fn split_in_shell(scene: &str, folder: &Path) -> Run {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{scene} \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_dpi_engine"));
    shell.arg(testdata::path("high_volume.pcap"));
    shell.args(["--dry-run", "--split-by", "flow", "--split-dir"]);
    shell.arg(folder).output().unwrap().into()
}

#[test]
fn few_files_are_open_however_many_there_are() {
    let bench = Bench::new();
    let folder = bench.path("parts");
    let split = take(split_in_shell("ulimit -n 64;", &folder), &folder);
    split.run.assert_status(0, "64 open files");
    assert_eq!(split.files.len(), 101);
    assert_partition(
        &testdata::bytes("high_volume.pcap"),
        &split,
        "64 open files",
    );
}

#[test]
fn a_full_disk_leaves_nothing() {
    let bench = Bench::new();
    let web = testdata::path("web.pcap");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 60; \"$0\" \"$@\""]);
    shell.arg(env!("CARGO_BIN_EXE_dpi_engine")).arg(web);
    shell.args(["--dry-run", "--split-by", "verdict", "--split-dir"]);
    let run: Run = shell.arg(bench.path("parts")).output().unwrap().into();
    run.assert_status(1, "a full disk");
    assert!(run.stderr.contains("parts/forward.pcap"), "{}", run.stderr);
    assert!(bench.left().is_empty(), "{:?}", bench.left());
}

#[test]
fn blocks_that_every_part_needs_are_not_copied_without_a_limit() {
    let bench = Bench::new();
    // A block of 8 MiB that is no packet, before packets of ten flows.
    let blocks = 8u32 << 20;
    let mut bytes = Vec::new();
    let mut put = |kind: u32, body: &[u8]| {
        let len = body.len() as u32 + 12;
        for piece in [
            &kind.to_le_bytes(),
            &len.to_le_bytes(),
            body,
            &len.to_le_bytes(),
        ] {
            bytes.extend_from_slice(piece);
        }
    };
    put(
        0x0a0d_0d0a,
        b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    );
    put(1, b"\x65\0\0\0\0\0\x04\0");
    put(0x0bad, &vec![0; blocks as usize]);
    for host in 1..=10 {
        let mut body = vec![0; 20 + 28];
        body[12..20].copy_from_slice(b"\x1c\0\0\0\x1c\0\0\0");
        body[20..32].copy_from_slice(b"\x45\0\0\x1c\0\0\0\0\x40\x11\0\0");
        body[32..40].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, host]);
        body[40..48].copy_from_slice(b"\x9c\x40\x27\x0f\0\x08\0\0");
        put(6, &body);
    }
    let input = bench.put("in", &bytes);
    let folder = bench.path("parts");
    let mut command = dpi_engine([&input]);
    command.args([
        "--dry-run",
        "--max-expansion",
        "1",
        "--split-by",
        "host",
        "--split-dir",
    ]);
    let run: Run = command.arg(&folder).output().unwrap().into();
    run.assert_status(1, "too much to copy");
    assert!(
        run.stderr.contains("raise --max-expansion"),
        "{}",
        run.stderr
    );
    assert_eq!(bench.left(), ["in"]);
    let split = split(&bench, &input, "verdict", &["--max-expansion", "1"]);
    split.run.assert_status(0, "one part");
    assert!(split.files["forward.pcapng"] == bytes);
}

/// Whether a folder holds the list of all parts and is not complete yet.
fn is_nearly_done(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.find_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?;
        let is_unfinished = name.starts_with(".parts.") && name.ends_with(".dpi_engine.part");
        (is_unfinished && path.join("index.json").exists()).then_some(path)
    })
}

/// Starts a run that has made all parts and waits for who reads its flows.
fn start(bench: &Bench, fifo: &Path) -> (Child, File) {
    let child = dpi_engine([bench.path("in")])
        .args(["--dry-run", "--quiet", "--split-by", "host", "--split-dir"])
        .arg(bench.path("parts"))
        .arg("--flows")
        .arg(fifo)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let flows = OpenOptions::new().read(true).open(fifo).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_nearly_done(bench.folder()).is_none() {
        assert!(Instant::now() < deadline, "no parts");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, flows)
}

#[test]
fn a_run_that_is_ended_leaves_no_parts_and_the_next_cleans_up_behind_one_that_is_killed() {
    let bench = Bench::new();
    let mut bytes = Vec::new();
    repeat(&testdata::bytes("web.pcap"), 2 << 20, &mut bytes).unwrap();
    bench.put("in", &bytes);
    let fifo = bench.fifo("fifo");
    for (signal, status) in [("-TERM", Some(143)), ("-INT", Some(130)), ("-KILL", None)] {
        let (child, _flows) = start(&bench, &fifo);
        let mode = is_nearly_done(bench.folder()).unwrap();
        let mode = fs::metadata(mode).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else may put anything there");
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(wait(child), status, "{signal}");
        let left = bench.left().len();
        assert_eq!(
            left,
            if status.is_some() { 2 } else { 3 },
            "{signal}: {:?}",
            bench.left()
        );
    }
    // One that is at work loses nothing to one beside it.
    let (slow, flows) = start(&bench, &fifo);
    assert_eq!(
        bench.left().len(),
        3,
        "what was killed is gone: {:?}",
        bench.left()
    );
    let beside = dpi_engine([testdata::path("empty.pcap")])
        .args(["--dry-run", "--quiet", "--split-by", "app", "--split-dir"])
        .arg(bench.path("parts"))
        .stderr(Stdio::null())
        .status();
    assert!(beside.unwrap().success());
    assert!(
        is_nearly_done(bench.folder()).is_some(),
        "the other's is in use"
    );
    std::io::copy(&mut { flows }, &mut std::io::sink()).unwrap();
    // Its place is taken by now.
    assert_eq!(wait(slow), Some(1));
    assert_eq!(bench.left(), ["fifo", "in", "parts"]);
    assert_eq!(fs::read_dir(bench.path("parts")).unwrap().count(), 1);
}
