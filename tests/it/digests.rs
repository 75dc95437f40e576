//! `--sha256` and `--verify`: files are known again, and no change to them goes unseen.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::program::{Bench, Run, dpi_engine, run, run_with_input};
use crate::testdata;

const RULES: [&str; 2] = ["--block-app", "YouTube"];

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes `out`, `rest` and `report` of `in`, in the folder itself.
fn filter(bench: &Bench, options: &[&str]) -> Value {
    let run: Run = dpi_engine(["in", "out", "--json", "report", "--sha256"])
        .args(RULES)
        .args(options)
        .current_dir(bench.folder())
        .output()
        .unwrap()
        .into();
    assert!(matches!(run.status, Some(0 | 3)), "{}", run.stderr);
    serde_json::from_slice(&fs::read(bench.path("report")).unwrap()).unwrap()
}

fn verify<A: AsRef<OsStr>>(bench: &Bench, more: impl IntoIterator<Item = A>) -> Run {
    let mut command = dpi_engine(["--verify", "report"]);
    let output = command.args(more).current_dir(bench.folder()).output();
    output.unwrap().into()
}

const NOTHING: [&str; 0] = [];

/// A folder with a capture that was filtered.
fn filtered(options: &[&str]) -> Bench {
    let bench = Bench::new();
    bench.put("in", &testdata::bytes("web.pcap"));
    filter(&bench, options);
    bench
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_report_tells_the_digests_of_the_files_as_they_are() {
    let web = testdata::bytes("web.pcap");
    let cut_and_more = [&web[..web.len() / 2], &[0xff; 300_000]].concat();
    let packed_and_more = [gzip(&web), b"no gzip".repeat(60_000)].concat();
    for (what, bytes) in [
        ("plain", web.clone()),
        ("gzip", gzip(&web)),
        ("damaged", cut_and_more),
        ("gzip with something behind it", packed_and_more),
        ("pcapng", testdata::bytes("ng_blocks_be.pcapng")),
    ] {
        for options in [
            &["--dropped", "rest"][..],
            &["--dropped", "rest", "--whole-flow"],
        ] {
            let bench = Bench::new();
            bench.put("in", &bytes);
            let digests = &filter(&bench, options)["digests"];
            let of = |name: &str| hex(&fs::read(bench.path(name)).unwrap());
            let expected = serde_json::json!({
                "algorithm": "sha256",
                "input": hex(&bytes),
                "output": of("out"),
                "dropped": of("rest"),
                "output_path": "out",
                "dropped_path": "rest",
            });
            assert_eq!(*digests, expected, "{what} {options:?}");
            verify(&bench, NOTHING).assert_status(0, what);
        }
    }
}

#[test]
fn what_comes_and_goes_through_pipes_has_its_digest_too() {
    let web = testdata::bytes("web.pcap");
    let bench = Bench::new();
    let report = bench.path("report");
    let args = ["-", "-", "--sha256", "--json", report.to_str().unwrap()];
    for options in [&RULES[..], &["--block-app", "YouTube", "--whole-flow"]] {
        // What stands behind the damage is read as well.
        let damaged = [&*web, &[0xff; 300_000]].concat();
        let run = run_with_input([&args, options].concat(), &damaged);
        run.assert_status(3, "damaged");
        let told: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        assert_eq!(told["digests"]["input"], hex(&damaged));
        assert_eq!(told["digests"]["output"], hex(&run.stdout));
        assert_eq!(told["digests"]["dropped"], Value::Null);
        assert_eq!(told["input"]["file_bytes"], damaged.len());

        let refused = verify(&bench, NOTHING);
        refused.assert_status(1, "no names");
        assert!(
            refused.stderr.contains("it was a stream"),
            "{}",
            refused.stderr
        );
        bench.put("was in", &damaged);
        bench.put("was out", &run.stdout);
        verify(&bench, ["was in", "was out"]).assert_status(0, "named");
    }
}

#[test]
fn digests_stand_in_the_box_and_only_where_they_are_asked_for() {
    let web = testdata::path("web.pcap");
    let with = run([web.as_os_str(), "--dry-run".as_ref(), "--sha256".as_ref()]);
    with.assert_status(0, "--sha256");
    let line = |text: &str| text.replace(['║', ' ', '\n'], "");
    assert!(line(with.text()).contains(&hex(&testdata::bytes("web.pcap"))));
    let without = run([
        web.as_os_str(),
        "--dry-run".as_ref(),
        "--json".as_ref(),
        "-".as_ref(),
    ]);
    assert!(!without.text().contains("digests"));
    assert!(!without.stderr.contains("SHA-256"));
}

#[test]
fn a_split_is_verified_in_clear_lines() {
    let told = |options: &[&str]| {
        let run = verify(&filtered(options), NOTHING);
        run.assert_status(0, "untouched");
        assert_eq!(run.stderr, "");
        run.text().to_owned()
    };
    assert_eq!(
        told(&["--dropped", "rest"]),
        "INPUT (in): SHA-256 agrees\n\
         OUTPUT (out): SHA-256 agrees\n\
         dropped packets (rest): SHA-256 agrees\n\
         packets: OUTPUT and the dropped packets together are INPUT, all 683 of it, in order\n"
    );
    assert_eq!(
        told(&[]),
        "INPUT (in): SHA-256 agrees\n\
         OUTPUT (out): SHA-256 agrees\n\
         packets: the 510 of OUTPUT stand in INPUT's 683, in order\n"
    );
    assert_eq!(
        told(&["--dry-run"]),
        "INPUT (in): SHA-256 agrees\npackets: INPUT holds 683, as the report tells\n"
    );
}

#[test]
fn every_change_to_a_file_is_seen() {
    let bench = filtered(&["--dropped", "rest"]);
    for name in ["in", "out", "rest"] {
        let whole = fs::read(bench.path(name)).unwrap();
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] ^= 1;
        let longer = [&*whole, b"x"].concat();
        for (what, bytes) in [
            ("flipped", &*flipped),
            ("cut", &whole[..middle]),
            ("longer", &longer),
            ("empty", b""),
        ] {
            bench.put(name, bytes);
            let run = verify(&bench, NOTHING);
            run.assert_status(1, &format!("{name} {what}"));
            assert!(
                run.text().contains(&format!("({name}): SHA-256 differs")),
                "{}",
                run.text()
            );
            assert!(run.stderr.contains("of 4 checks failed"), "{}", run.stderr);
        }
        fs::remove_file(bench.path(name)).unwrap();
        let run = verify(&bench, ["--quiet"]);
        run.assert_status(1, "gone");
        assert!(
            run.text().contains(&format!("({name}): cannot be read")),
            "{}",
            run.text()
        );
        assert!(!run.text().contains("agrees"), "{}", run.text());
        bench.put(name, &whole);
    }
    verify(&bench, NOTHING).assert_status(0, "all as it was");
}

#[test]
fn files_that_changed_places_do_not_agree_although_their_digests_are_told() {
    let bench = filtered(&["--dropped", "rest"]);
    let run = verify(&bench, ["in", "rest", "--dropped", "out"]);
    run.assert_status(1, "changed places");
    assert!(
        run.text()
            .contains("packets: OUTPUT holds 173, the report tells of 510"),
        "{}",
        run.text()
    );

    // A report whose digests are right for files that do not fit together.
    let other = testdata::bytes("ng_blocks_le.pcapng");
    bench.put("other", &other);
    let told = fs::read_to_string(bench.path("report")).unwrap();
    let out = hex(&fs::read(bench.path("out")).unwrap());
    bench.put("report", told.replace(&out, &hex(&other)).as_bytes());
    let run = verify(&bench, ["in", "other"]);
    run.assert_status(1, "foreign packets");
    assert!(
        run.text().contains("OUTPUT (other): SHA-256 agrees"),
        "{}",
        run.text()
    );
    assert!(
        run.text()
            .contains("packets: packet 1 of OUTPUT does not stand in INPUT"),
        "{}",
        run.text()
    );
}

#[test]
fn a_report_that_cannot_be_checked_is_refused() {
    let bench = filtered(&[]);
    let report = fs::read_to_string(bench.path("report")).unwrap();
    let hostile = r#""algorithm": "md\u001b[2J""#;
    let digest = &hex(&fs::read(bench.path("out")).unwrap())[..];
    for (text, word) in [
        (String::new(), "EOF"),
        ("{}".to_owned(), "missing field"),
        (
            report.replace("report/1", "report/2"),
            "dpi_engine.report/2",
        ),
        (report.replace("\"digests\"", "\"other\""), "--sha256"),
        (
            report.replace("\"algorithm\": \"sha256\"", hostile),
            r"md\u{1b}[2J",
        ),
        (report.replace(digest, "xyz"), "64 hexadecimal digits"),
        (report.replace("\"output_path\"", "\"other\""), "no path"),
        (report.replace("\"output\"", "\"other\""), "agrees"),
    ] {
        bench.put("report", text.as_bytes());
        let run = verify(&bench, NOTHING);
        let is_fine = word == "agrees";
        run.assert_status(i32::from(!is_fine), word);
        let told = if is_fine { run.text() } else { &run.stderr };
        assert!(told.contains(word), "{word}: {told}");
    }
    let run = verify(&bench, ["in", "out"]);
    run.assert_status(1, "an OUTPUT that the report does not tell of");
    assert!(run.stderr.contains("tells of none"), "{}", run.stderr);
    let nowhere = Path::new("no report");
    let run = crate::program::run(["--verify".as_ref(), nowhere.as_os_str()]);
    run.assert_status(1, "no report");
    assert!(run.stderr.contains("no report"), "{}", run.stderr);
}

#[test]
fn a_split_of_what_was_recovered_is_verified() {
    let web = testdata::bytes("web.pcap");
    let (front, back) = web.split_at(web.len() / 2);
    let bench = Bench::new();
    bench.put("in", &[front, &[0xff; 3_000], back].concat());
    let report = filter(&bench, &["--dropped", "rest", "--recover"]);
    assert!(report["input"]["skipped_bytes"].as_u64() >= Some(3_000));
    let run = verify(&bench, NOTHING);
    run.assert_status(0, "recovered");
    assert!(run.text().contains("together are INPUT"), "{}", run.text());
}
