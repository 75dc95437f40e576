//! The command line: what is refused, how, and with which status; and that a refusal harms nothing.

use std::ffi::OsStr;
use std::path::Path;

use crate::program::{Bench, Run, dpi_engine, run};
use crate::testdata;

/// A folder with a capture, an older OUTPUT, and inputs that are none.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.put("in", &testdata::bytes("pcap_le_us.pcap"));
    bench.put("empty", b"");
    bench.put("foreign", &b"This is no capture.\n".repeat(50));
    bench.put("old", b"precious");
    bench
}

/// Runs in `bench`, and fails unless the program refuses with `status`, names `word`, and leaves everything as it was.
#[track_caller]
fn assert_refused(bench: &Bench, args: &[&str], status: i32, word: &str) {
    let run = refused(bench, args, word);
    run.assert_status(status, &format!("{args:?}"));
}

/// Like [`assert_refused`], for what may count as a failure or as wrong usage.
#[track_caller]
fn assert_refused_either_way(bench: &Bench, args: &[&str], word: &str) {
    let run = refused(bench, args, word);
    assert!(
        matches!(run.status, Some(1 | 2)),
        "{args:?}: {:?}",
        run.status
    );
}

#[track_caller]
fn refused(bench: &Bench, args: &[&str], word: &str) -> Run {
    let before = snapshot(bench);
    let run: Run = dpi_engine(args)
        .current_dir(bench.folder())
        .output()
        .unwrap()
        .into();
    assert!(
        !run.stderr.trim().is_empty() && run.stderr.contains(word),
        "{args:?}: does not name {word:?}: {}",
        run.stderr
    );
    assert!(snapshot(bench) == before, "{args:?}: changed files");
    run
}

/// Every file's name and bytes.
fn snapshot(bench: &Bench) -> Vec<(String, Option<Vec<u8>>)> {
    let read = |name: String| {
        let bytes = std::fs::read(bench.path(&name)).ok();
        (name, bytes)
    };
    bench.left().into_iter().map(read).collect()
}

#[test]
fn input_that_is_no_capture_fails_by_name() {
    let bench = bench();
    assert_refused(&bench, &["nothing", "out"], 1, "nothing");
    assert_refused(&bench, &["empty", "out"], 1, "empty");
    assert_refused(&bench, &["foreign", "out"], 1, "foreign");
    assert_refused(&bench, &["foreign", "old"], 1, "foreign");
    assert_refused(&bench, &[".", "out"], 1, ".");
    assert_refused(&bench, &["nothing", "--dry-run"], 1, "nothing");
}

#[test]
fn output_that_cannot_be_made_fails_by_name() {
    let bench = bench();
    assert_refused(&bench, &["in", "no/where"], 1, "no/where");
    assert_refused(&bench, &["in", "out", "--json", "no/json"], 1, "no/json");
    assert_refused(&bench, &["in", "out", "--flows", "no/flows"], 1, "no/flows");
    assert_refused(&bench, &["in", "out", "--dropped", "no/d"], 1, "no/d");
}

#[test]
fn usage_is_refused_with_2() {
    let bench = bench();
    assert_refused(&bench, &[], 2, "INPUT");
    assert_refused(&bench, &["in"], 2, "OUTPUT");
    assert_refused(&bench, &["in", "out", "--workers", "0"], 2, "workers");
    assert_refused(&bench, &["in", "out", "--workers", "x"], 2, "workers");
    assert_refused(&bench, &["in", "out", "--no-such-flag"], 2, "no-such-flag");
    assert_refused(&bench, &["in", "out", "--workers"], 2, "workers");
    // The last name is OUTPUT; the one before is read.
    assert_refused(
        &bench,
        &["in", "nowhere", "third"],
        1,
        "cannot open nowhere",
    );
}

#[test]
fn bad_rules_on_the_command_line_are_refused_with_2_and_quoted() {
    let bench = bench();
    for (flag, value, word) in [
        ("--block-ip", "10.0.0.999", "10.0.0.999"),
        ("--block-ip", "10.0.0.0/33", "10.0.0.0/33"),
        ("--block-ip", "example.com", "example.com"),
        ("--block-ip", "", "--block-ip"),
        ("--block-port", "70000", "70000"),
        ("--block-port", "0x50", "0x50"),
        ("--block-port", "90-80", "90-80"),
        ("--block-port", "80-", "80-"),
        ("--block-app", "YouTub", "YouTube"),
        ("--block-app", "Tik Tock", "TikTok"),
        ("--block-domain", "", "--block-domain"),
        ("--block-domain", "ads*.example.com", "ads*.example.com"),
        ("--block-domain", "a..b", "a..b"),
        (
            "--block-domain",
            "http://example.com/",
            "http://example.com/",
        ),
    ] {
        assert_refused(&bench, &["in", "out", flag, value], 2, word);
    }
}

#[test]
fn help_and_version_are_no_failures() {
    let help = run(["--help"]);
    help.assert_status(0, "--help");
    for flag in [
        "--block-ip",
        "--block-port",
        "--block-app",
        "--block-domain",
        "--rules",
        "--workers",
        "--verbose",
        "--whole-flow",
        "--dropped",
        "--json",
        "--flows",
        "--dry-run",
        "--quiet",
        "--list-apps",
        "--max-flows",
    ] {
        assert!(help.text().contains(flag), "{flag}");
    }
    let version = run(["--version"]);
    version.assert_status(0, "--version");
    assert!(version.text().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_catalogue_lists_what_is_always_there() {
    let run = run(["--list-apps"]);
    run.assert_status(0, "--list-apps");
    for name in [
        "YouTube",
        "Netflix",
        "Spotify",
        "TikTok",
        "Facebook",
        "Instagram",
        "Twitter/X",
        "WhatsApp",
        "Telegram",
        "Google",
        "Microsoft",
        "Apple",
        "Zoom",
        "GitHub",
        "Discord",
        "Cloudflare",
        "Amazon",
        "HTTP",
        "HTTPS",
        "DNS",
        "TLS",
        "QUIC",
        "Streaming",
        "Social",
        "Productivity",
        "Developer",
        "Shopping",
        "Protocols",
    ] {
        assert!(run.text().contains(name), "{name}");
    }
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let bench = bench();
    let run = run([
        bench.path("in").as_os_str(),
        bench.path("out").as_os_str(),
        "--quiet".as_ref(),
    ]);
    run.assert_status(0, "--quiet");
    assert_eq!((run.text(), run.stderr.as_str()), ("", ""));
    assert_eq!(bench.left(), ["empty", "foreign", "in", "old", "out"]);
}

#[test]
fn verbose_speaks_on_standard_error_alone() {
    let web = testdata::path("web.pcap");
    let rules = ["--dry-run", "--block-app", "YouTube"];
    let with = |verbosity: &[&str]| {
        let args = rules.iter().chain(verbosity).map(AsRef::as_ref);
        run(std::iter::once(web.as_os_str()).chain(args))
    };
    let (plain, verbose, more) = (with(&[]), with(&["--verbose"]), with(&["-vv"]));
    assert!(
        verbose
            .stderr
            .contains("blocked by app:YouTube (--block-app), by tls_sni www.youtube.com"),
        "{}",
        verbose.stderr
    );
    assert_eq!(plain.text(), verbose.text());
    assert_eq!(plain.text(), more.text());
    assert!(more.stderr.len() >= verbose.stderr.len());
}

#[test]
fn an_existing_output_is_replaced_whole() {
    let bench = bench();
    let run = run([bench.path("in"), bench.path("old")]);
    run.assert_status(0, "existing OUTPUT");
    let (input, output) = (bench.path("in"), bench.path("old"));
    assert!(std::fs::read(input).unwrap() == std::fs::read(output).unwrap());
    assert_eq!(bench.left(), ["empty", "foreign", "in", "old"]);
}

#[test]
fn output_may_not_be_input_by_its_name() {
    let bench = bench();
    assert_refused_either_way(&bench, &["in", "in"], "in");
    assert_refused_either_way(&bench, &["in", "./in"], "in");
    let whole = bench.path("in");
    assert_refused_either_way(&bench, &["in", whole.to_str().unwrap()], "in");
    assert_refused_either_way(&bench, &["in", "out", "--dropped", "in"], "in");
    assert_refused_either_way(&bench, &["in", "out", "--json", "in"], "in");
    assert_refused_either_way(&bench, &["in", "out", "--flows", "./in"], "in");
}

#[test]
#[cfg(unix)]
fn output_may_not_be_input_by_a_link() {
    let bench = bench();
    std::os::unix::fs::symlink("in", bench.path("soft")).unwrap();
    std::os::unix::fs::symlink(".", bench.path("folder")).unwrap();
    std::fs::hard_link(bench.path("in"), bench.path("hard")).unwrap();
    for other in ["soft", "hard", "folder/in"] {
        assert_refused_either_way(&bench, &["in", other], other);
        assert_refused_either_way(&bench, &[other, "in"], "in");
    }
    assert!(Path::is_symlink(&bench.path("soft")));
}

#[test]
fn two_outputs_may_not_be_one_file() {
    let bench = bench();
    assert_refused_either_way(&bench, &["in", "out", "--dropped", "out"], "out");
    assert_refused_either_way(&bench, &["in", "out", "--json", "./out"], "out");
    assert_refused_either_way(&bench, &["in", "out", "--json", "r", "--flows", "r"], "r");
}

#[test]
fn applications_of_the_users_own_are_listed_and_their_mistakes_told() {
    let bench = Bench::new();
    let list = |text: &str| {
        let apps = bench.put("apps.txt", text.as_bytes());
        run([
            OsStr::new("--list-apps"),
            "--apps".as_ref(),
            apps.as_os_str(),
        ])
    };
    let listed = list("[Our wiki]\ncategory = In house\nalias = wiki\ndomain = wiki.example\n");
    listed.assert_status(0, "--list-apps --apps");
    assert!(
        listed.text().contains("(wiki) wiki.example"),
        "{}",
        listed.text()
    );

    let has_line = |run: &Run, words: &[&str]| {
        let mut lines = run.text().lines();
        lines.any(|line| line.split_whitespace().eq(words.iter().copied()))
    };
    assert!(has_line(&listed, &["TLS", "(SSL)"]));
    let taken = list("[SSL]\ncategory = In house\ndomain = wiki.example\n");
    assert!(has_line(&taken, &["SSL", "wiki.example"]));
    assert!(has_line(&taken, &["TLS"]));

    let refused = list("[Our wiki]\ncategory = In house\ndomain = *.wiki.example\n");
    refused.assert_status(2, "a bad file");
    let told = "apps.txt:3:10: found '*.wiki.example', expected a name without '*'";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
}
