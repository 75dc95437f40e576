//! Names that would take over a terminal or break a report, from every place that names come from: none gets through raw.

use std::fs;
use std::path::Path;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::program::{Bench, Filtered, Run, dpi_engine, run};
use crate::testdata;

/// What captures are full of, and what stands there instead: of the same length, so that all around it stays true.
const REPLACED: [(&[u8], &[u8]); 8] = [
    // Clears the screen.
    (b"www", b"\x1b[J"),
    // Turns the text around.
    (b"com", "\u{202e}".as_bytes()),
    (b"org", "\u{2066}".as_bytes()),
    // Without width, and twice as wide as its neighbours.
    (b"net", "\u{200b}".as_bytes()),
    (b"exa", "会".as_bytes()),
    // CSI in one character, and an end of line.
    (b"le", "\u{9b}".as_bytes()),
    (b"oo", b"\r\n"),
    (b"h2", b"\x1bc"),
];

/// A file name that does all that.
const NAME: &str = "in\u{1b}[2J\u{202e}\u{200b}\u{9b}\n会\u{7f}";

/// Whether a terminal would do something else with it than show it.
fn is_raw(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    is_format || (c.is_control() && c != '\n')
}

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    if let Some(at) = text.find(is_raw) {
        let line = text[..at].lines().count();
        panic!(
            "{what}, line {line}: {:?}",
            &text.lines().nth(line.saturating_sub(1))
        );
    }
}

/// Fails unless every output of a run is harmless, and as regular as ever.
#[track_caller]
fn assert_all_harmless(what: &str, filtered: &Filtered) {
    assert_harmless(what, filtered.run.text());
    assert_harmless(what, &filtered.run.stderr);
    let files = [&filtered.report, &filtered.flows];
    for file in files.into_iter().flatten() {
        assert_harmless(what, std::str::from_utf8(file).unwrap());
    }
    let mut widths = filtered.run.text().lines().map(UnicodeWidthStr::width);
    let first = widths.next();
    assert!(
        widths.all(|width| Some(width) == first),
        "{what}: {}",
        filtered.run.text()
    );
    // Both are still JSON, each flow in a line of its own.
    let flows = filtered.flow_lines().len() as u64;
    assert_eq!(filtered.json()["flows"]["total"], flows, "{what}");
}

fn replaced(mut bytes: Vec<u8>) -> Vec<u8> {
    for (old, new) in REPLACED {
        assert_eq!(old.len(), new.len());
        let mut at = 0;
        while let Some(found) = bytes
            .get(at..)
            .and_then(|rest| rest.windows(old.len()).position(|part| part == old))
        {
            at += found;
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
    bytes
}

#[test]
fn hostile_names_of_every_origin_are_harmless_in_every_output() {
    let bench = Bench::new();
    let mut origins = std::collections::BTreeSet::new();
    for sample in testdata::samples() {
        let input = bench.put("in", &replaced(sample.bytes));
        let filtered = bench.filter(
            &input,
            &["-vv", "--block-app", "DNS", "--block-port", "1-500"],
        );
        assert!(
            matches!(filtered.run.status, Some(0 | 3)),
            "{}",
            filtered.run.stderr
        );
        assert_all_harmless(&sample.name, &filtered);
        assert_others_harmless(&bench, &input, &filtered, &sample.name);
        for flow in filtered.flow_lines() {
            let names = flow["names"].as_array().unwrap().iter();
            let hostile = names.filter(|name| name["name"].as_str().unwrap().contains('\\'));
            origins.extend(hostile.map(|name| name["from"].as_str().unwrap().to_owned()));
        }
    }
    for origin in [
        "tls_sni",
        "http_host",
        "dns_query",
        "mdns",
        "dtls_sni",
        "certificate",
        "dns_answer",
    ] {
        assert!(
            origins.contains(origin),
            "no hostile name of {origin}: {origins:?}"
        );
    }
}

/// Fails unless what is written about a capture beside the reports is harmless: of a flow that bears a hostile name, if there is one.
#[track_caller]
fn assert_others_harmless(bench: &Bench, input: &Path, filtered: &Filtered, what: &str) {
    let flows = filtered.flow_lines();
    let is_hostile = |flow: &&Value| flow["names"].to_string().contains("\\\\");
    let Some(flow) = flows.iter().find(is_hostile) else {
        return;
    };
    let mut expected = filtered.json();
    expected["domains"] = Value::Array(Vec::new());
    let expected = bench.put(&format!("{NAME}expected"), expected.to_string().as_bytes());
    // The rules' file has such a name too, for comments and stories tell it.
    let rules = bench.put(&format!("{NAME}rules"), b"[BLOCKED_PORTS]\n1-65535\n");
    let logs = ["conn.log", "ssl.log", "http.log", "dns.log"];
    let output = bench.path("annotated");
    let mut command = dpi_engine([input, &output]);
    command.current_dir(bench.folder());
    command.args([
        "--annotate",
        "--csv",
        "csv",
        "--eve",
        "eve",
        "--zeek-dir",
        ".",
        "--html",
        "html",
    ]);
    command.args([
        "--explain",
        &flow["id"].to_string(),
        "--expect-junit",
        "junit",
    ]);
    command.arg("--expect").arg(&expected);
    command.arg("--rules").arg(&rules);
    let run: Run = command.output().unwrap().into();
    assert!(matches!(run.status, Some(3 | 4)), "{what}: {}", run.stderr);
    assert_harmless(what, run.text());
    assert_harmless(what, &run.stderr);
    for name in ["csv", "eve", "html", "junit"].iter().chain(&logs) {
        assert_harmless(what, &fs::read_to_string(bench.path(name)).unwrap());
    }
    for comment in crate::annotate::comments(&fs::read(&output).unwrap()) {
        assert_harmless(what, &comment);
        assert!(!comment.contains('\n'), "{what}: {comment}");
    }
}

#[test]
fn hostile_file_names_are_harmless_in_reports_and_survive_them() {
    let bench = Bench::new();
    let web = testdata::bytes("web.pcap");
    for bytes in [&web[..], &web[..web.len() / 2]] {
        let input = bench.put(NAME, bytes);
        let filtered = bench.filter(&input, &["-v", "--sha256", "--block-app", "YouTube"]);
        assert_all_harmless("a hostile path", &filtered);
        // What reads the JSON finds the very path.
        let told = filtered.json();
        assert_eq!(told["input"]["path"].as_str().map(Path::new), Some(&*input));
    }
}

#[test]
fn hostile_file_names_are_harmless_in_errors() {
    let bench = Bench::new();
    bench.put("web", &testdata::bytes("web.pcap"));
    let odd = bench.put(NAME, b"[BLOCKED_IPS]\n10.0.0.\x1b[2J\xe2\x80\xae\n");
    let apps = bench.put(
        &format!("{NAME}2"),
        b"[A\x1b[2J]\ncategory = \xe2\x80\xae\ndomain = *.a\n",
    );
    let odd = odd.to_str().unwrap();
    let beneath = format!("{odd}/out");
    let nowhere = format!("{odd}/../nowhere");
    for args in [
        &[odd, "out"][..],
        &[odd, odd],
        &[&nowhere, "out"],
        &["web", &beneath],
        &["web", "out", "--dropped", &beneath],
        &["web", "out", "--json", &nowhere, "--flows", &nowhere],
        &["web", "out", "--rules", odd],
        &["web", "out", "--rules", &nowhere],
        &["web", "out", "--apps", apps.to_str().unwrap()],
        &["web", "out", "--apps", &nowhere],
        &["--list-apps", "--apps", apps.to_str().unwrap()],
        &["--verify", odd],
        &["--verify", &nowhere],
        &["web", "out", "--expect", odd],
        &["web", "out", "--expect", &nowhere],
        &["web", "out", "--explain", odd],
        &["web", "out", "--csv", &beneath, "--eve", &nowhere],
        &["web", "out", "--html", &beneath],
        &["web", "out", "--zeek-dir", odd],
        &["web", "out", "--block-ip", odd],
        &["web", "out", "--block-port", odd],
        &["web", "out", "--block-app", odd],
        &["web", "out", "--block-domain", odd],
    ] {
        let mut command = dpi_engine(args);
        let run: Run = command.current_dir(bench.folder()).output().unwrap().into();
        assert!(
            matches!(run.status, Some(1 | 2)),
            "{args:?} {:?}",
            run.status
        );
        assert!(run.stderr.starts_with("dpi_engine: "), "{}", run.stderr);
        assert_harmless(&format!("{args:?}"), &run.stderr);
        assert_harmless(&format!("{args:?}"), run.text());
    }
}

#[test]
fn what_verify_tells_of_hostile_reports_is_harmless() {
    let bench = Bench::new();
    let input = bench.put(NAME, &testdata::bytes("web.pcap"));
    let report = bench.path("report");
    let made = dpi_engine([&input, &bench.path(&format!("{NAME}out"))])
        .args(["--sha256", "--json"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(made.status.success());
    for is_gone in [false, true] {
        if is_gone {
            fs::remove_file(&input).unwrap();
        }
        let run = run(["--verify".as_ref(), report.as_os_str()]);
        run.assert_status(is_gone.into(), "--verify");
        assert_harmless("--verify", run.text());
        assert_harmless("--verify", &run.stderr);
    }
    let told: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert!(
        told["digests"]["output_path"]
            .as_str()
            .unwrap()
            .contains('\u{202e}')
    );
}
