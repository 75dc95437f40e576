use crate::capture::ReadOptions;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::args::When;
use super::*;
use crate::output::NamedPath;
use crate::report::SplitBy;
use crate::rules::{Action, Kind, Removal};

/// Reads the words of `line` after the program's name.
fn parse(line: &str) -> Result<Request, clap::Error> {
    Request::parse(std::iter::once("dpi_engine").chain(line.split_whitespace()))
}

fn options(line: &str) -> Options {
    match parse(line).unwrap() {
        Request::Filter(options) | Request::DiffRules(options, _) => *options,
        other => panic!("no options: {other:?}"),
    }
}

fn captures(paths: &[&str]) -> Vec<GivenCapture> {
    let path = |path: &&str| GivenCapture {
        path: path.into(),
        origin: None,
    };
    paths.iter().map(path).collect()
}

fn refused(line: &str) -> (ErrorKind, String) {
    let error = parse(line).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    (error.kind(), error.to_string())
}

#[test]
fn what_is_not_given_has_its_default() {
    assert_eq!(
        options("in out"),
        Options {
            reading: ReadOptions::default(),
            captures: captures(&["in"]),
            input_lists: vec![],
            untouched: None,
            output: Some("out".into()),
            dropped: None,
            annotate: false,
            split: None,
            json: None,
            html: None,
            flows: None,
            csv: None,
            eve: None,
            zeek: vec![],
            explain: None,
            expect: None,
            expect_junit: None,
            apps: vec![],
            rules: vec![],
            removal: Removal::Inline,
            block_by_dns: false,
            with_dns: false,
            sha256: false,
            verbosity: Verbosity::Normal,
            color: When::Auto,
            progress: When::Auto,
            workers: 4,
            max_flows: 262_144,
            high_volume_flows: None,
            port_scan_ports: None,
        }
    );
}

#[test]
fn every_option_arrives() {
    let given = options(
        "in out --dropped d --annotate --json j --html h --flows f --csv c --eve s --zeek-dir z --explain 7 --expect e --expect-junit x --whole-flow --block-by-dns -v --workers 64 --max-flows 64 \
         --high-volume-flows 7 --port-scan-ports 0 --color always --progress never --block-app A --apps a --apps b --sha256 --split-by host --split-dir p",
    );
    assert_eq!(
        given,
        Options {
            reading: ReadOptions::default(),
            captures: captures(&["in"]),
            input_lists: vec![],
            untouched: None,
            output: Some("out".into()),
            dropped: Some("d".into()),
            annotate: true,
            split: Some((SplitBy::Host, "p".into())),
            json: Some("j".into()),
            html: Some("h".into()),
            flows: Some("f".into()),
            csv: Some("c".into()),
            eve: Some("s".into()),
            zeek: ["conn", "ssl", "http", "dns"]
                .map(|log| format!("z/{log}.log").into())
                .to_vec(),
            explain: Some("7".into()),
            expect: Some("e".into()),
            expect_junit: Some("x".into()),
            apps: vec!["a".into(), "b".into()],
            rules: vec![GivenRule::Rule((Action::Block, Kind::App), "A".into())],
            removal: Removal::WholeFlow,
            block_by_dns: true,
            with_dns: false,
            sha256: true,
            verbosity: Verbosity::Verbose,
            color: When::Always,
            progress: When::Never,
            workers: 64,
            max_flows: 64,
            high_volume_flows: Some(7),
            port_scan_ports: Some(0),
        }
    );
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let first = options("capture.pcap output.pcap --block-app YouTube --block-domain *.tiktok.com");
    assert_eq!(first.captures, captures(&["capture.pcap"]));
    assert_eq!(first.output.as_deref(), Some(Path::new("output.pcap")));
    let second = options(
        "capture.pcap filtered.pcap --block-ip 192.168.1.100 --block-port 6881 \
         --block-domain *.facebook.com --workers 8 --verbose",
    );
    assert_eq!(second.rules.len(), 3);
    assert_eq!((second.workers, second.verbosity), (8, Verbosity::Verbose));
    let third = options("capture.pcap filtered.pcap --rules rules.example.txt");
    assert_eq!(third.rules, [GivenRule::File("rules.example.txt".into())]);
}

#[test]
fn rules_keep_the_order_of_the_command_line_across_flags() {
    let given = options(
        "--block-domain a.example --rules r1 in --block-ip 10.0.0.0/8 --block-app=X out \
         --block-domain b.example --block-port 1-2 --rules r2",
    );
    assert_eq!(
        given.rules,
        [
            GivenRule::Rule((Action::Block, Kind::Domain), "a.example".into()),
            GivenRule::File("r1".into()),
            GivenRule::Rule((Action::Block, Kind::Ip), "10.0.0.0/8".into()),
            GivenRule::Rule((Action::Block, Kind::App), "X".into()),
            GivenRule::Rule((Action::Block, Kind::Domain), "b.example".into()),
            GivenRule::Rule((Action::Block, Kind::Port), "1-2".into()),
            GivenRule::File("r2".into()),
        ]
    );
    let flags: Vec<_> = given.rules.iter().map(GivenRule::flag).collect();
    let typed = "--block-domain --rules --block-ip --block-app --block-domain --block-port --rules";
    assert_eq!(flags.join(" "), typed);
}

#[test]
fn two_files_of_rules_can_be_compared_and_nothing_is_written() {
    let line = "in --diff-rules old new --block-app X --json j";
    match parse(line).unwrap() {
        Request::DiffRules(options, files) => {
            assert_eq!(files, ["old", "new"].map(PathBuf::from));
            assert_eq!(options.output, None);
            assert_eq!(options.rules.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    for line in [
        "in --diff-rules old",
        "in --diff-rules a b --diff-rules c d",
        "in --diff-rules a b --dropped d",
        "in --diff-rules a b --only --block-app X",
        "in --diff-rules a b --flows f",
        "in --diff-rules a b --explain 1",
        "in --diff-rules a b --annotate",
        "in --diff-rules a b --expect e",
        "in --diff-rules a b --csv c",
        "--verify r --explain 1",
        "in --diff-rules a b --sha256",
        "in --diff-rules a b --high-volume-flows 9",
        "in --diff-rules a b --port-scan-ports 9",
        "--diff-rules a b",
    ] {
        refused(line);
    }
}

#[test]
fn what_needs_to_know_whole_flows_removes_whole_flows() {
    for (flags, removal) in [
        ("", Removal::Inline),
        ("--whole-flow", Removal::WholeFlow),
        ("--with-dns", Removal::WholeFlow),
        ("--only", Removal::AllElse),
        ("--only --with-dns --whole-flow", Removal::AllElse),
    ] {
        let given = options(&format!("in out --block-app X {flags}"));
        assert_eq!(given.removal, removal, "{flags}");
        assert_eq!(given.with_dns, flags.contains("--with-dns"));
    }
}

#[test]
fn verbosity_grows_with_each_v() {
    assert!(Verbosity::Quiet < Verbosity::Normal && Verbosity::Verbose < Verbosity::VeryVerbose);
    for (flags, verbosity) in [
        ("-q", Verbosity::Quiet),
        ("--quiet", Verbosity::Quiet),
        ("-v", Verbosity::Verbose),
        ("-vv", Verbosity::VeryVerbose),
        ("--verbose --verbose -v", Verbosity::VeryVerbose),
    ] {
        assert_eq!(
            options(&format!("in out {flags}")).verbosity,
            verbosity,
            "{flags}"
        );
    }
}

#[test]
fn a_dry_run_needs_no_output_and_touches_none() {
    assert_eq!(options("in --dry-run").output, None);
    assert_eq!(options("in out --dry-run").output, None);
    assert_eq!(options("in --dry-run --json j").json, Some("j".into()));
}

#[test]
fn the_last_of_several_names_is_output_and_a_list_counts_as_one() {
    for (line, inputs, output) in [
        ("a b", &["a"][..], Some("b")),
        ("a b c", &["a", "b"], Some("c")),
        ("--input-list l c", &[], Some("c")),
        ("a --input-list l c --input-list m", &["a"], Some("c")),
        ("a --dry-run", &["a"], None),
        ("a b --dry-run", &["a"], None),
        ("a b c --dry-run", &["a", "b"], None),
        ("--input-list l --dry-run", &[], None),
        ("--input-list l a --dry-run", &[], None),
        ("a b c --diff-rules old new", &["a", "b", "c"], None),
        ("--input-list l a --diff-rules old new", &["a"], None),
    ] {
        let given = options(line);
        assert_eq!(given.captures, captures(inputs), "{line}");
        assert_eq!(given.output, output.map(PathBuf::from), "{line}");
        let lists = line.matches("--input-list").count();
        assert_eq!(given.input_lists.len(), lists, "{line}");
    }
    for (line, untouched) in [
        ("a b c --dry-run", Some("c")),
        ("--input-list l a --dry-run", Some("a")),
        ("a b --dry-run", None),
        ("a b c", None),
    ] {
        let untouched = untouched.map(PathBuf::from);
        assert_eq!(options(line).untouched, untouched, "{line}");
    }
    assert!(refused("--input-list l").1.contains("OUTPUT is missing"));
    for line in ["--verify r --input-list l", "--list-apps --input-list l"] {
        assert_eq!(refused(line).0, ErrorKind::ArgumentConflict, "{line}");
    }
}

#[test]
fn a_missing_path_is_named() {
    for line in ["", "--dry-run", "--block-app X"] {
        let (kind, message) = refused(line);
        assert_eq!(kind, ErrorKind::MissingRequiredArgument);
        assert!(message.contains("INPUT is missing"), "{message}");
    }
    let (kind, message) = refused("in --block-app X");
    assert_eq!(kind, ErrorKind::MissingRequiredArgument);
    assert!(message.contains("OUTPUT is missing"), "{message}");
    assert!(message.contains("--dry-run"), "{message}");
}

#[test]
fn contradictions_are_refused() {
    for line in [
        "in --dry-run --dropped d",
        "in --dry-run --annotate",
        "in out -q -v",
        "--list-apps in out",
        "in out --json a --json b",
    ] {
        assert_eq!(refused(line).0, ErrorKind::ArgumentConflict, "{line}");
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for line in [
        "in out --workers 0",
        "in out --workers 65",
        "in out --workers many",
        "in out --workers 4294967297",
        "in out --max-flows 63",
        "in out --max-flows 4294967296",
        "in out --high-volume-flows -1",
        "in out --port-scan-ports x",
    ] {
        let kind = refused(line).0;
        assert!(
            matches!(
                kind,
                ErrorKind::ValueValidation | ErrorKind::UnknownArgument
            ),
            "{line}: {kind:?}"
        );
    }
}

#[test]
fn what_is_unknown_or_incomplete_is_refused() {
    for line in [
        "in out --block-everything",
        "in out --block-app",
        "in out --json",
        "in out --expect-junit x",
        "in out -x",
    ] {
        refused(line);
    }
    let empty = Request::parse(["dpi_engine", "", "out"]).unwrap_err();
    assert_eq!(empty.exit_code(), 2);
}

#[test]
fn a_rule_that_is_no_text_is_refused_but_a_path_may_be_any_bytes() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![b'x', 0xff]);
    let line = |flag: &str| ["dpi_engine", "in", "out", flag].map(OsString::from);
    let rule = line("--block-app").into_iter().chain([bytes.clone()]);
    assert_eq!(Request::parse(rule).unwrap_err().exit_code(), 2);
    let path = line("--json").into_iter().chain([bytes.clone()]);
    let Request::Filter(options) = Request::parse(path).unwrap() else {
        panic!("no options");
    };
    assert_eq!(options.json, Some(bytes.into()));
}

#[test]
fn the_catalogue_needs_no_input() {
    assert_eq!(parse("--list-apps").unwrap(), Request::ListApps(Vec::new()));
    assert_eq!(
        parse("--list-apps --apps a --apps b").unwrap(),
        Request::ListApps(vec!["a".into(), "b".into()])
    );
}

#[test]
fn what_is_about_the_program_stands_alone() {
    assert_eq!(parse("--man").unwrap(), Request::Man);
    assert!(matches!(
        parse("--completions zsh").unwrap(),
        Request::Completions(_)
    ));
    for line in [
        "--man in out",
        "--completions zsh --quiet",
        "--completions tcsh",
        "--man --verify r",
    ] {
        refused(line);
    }
}

#[test]
fn a_typo_is_answered_with_what_was_meant() {
    for (line, meant) in [
        ("in out --blok-app X", "--block-app"),
        ("in out --explian 7", "--explain"),
        ("in out --color alway", "always"),
    ] {
        let (_, message) = refused(line);
        assert!(message.contains(meant), "{message}");
    }
}

#[test]
fn a_check_needs_only_a_report() {
    let files = |line: &str| match parse(line).unwrap() {
        Request::Verify(files) => files,
        other => panic!("{other:?}"),
    };
    let plain = files("--verify r");
    assert_eq!(plain.report, Path::new("r"));
    assert_eq!((plain.paths.len(), plain.dropped), (0, None));
    let given = files("--verify r in out --dropped d -q");
    assert_eq!(given.paths, ["in", "out"].map(PathBuf::from));
    assert_eq!(given.dropped, Some("d".into()));
    assert!(given.is_quiet && !plain.is_quiet);
    assert_eq!(
        refused("--verify r --json j").0,
        ErrorKind::ArgumentConflict
    );
}

#[test]
fn help_and_version_are_no_failure() {
    for line in ["-h", "--help", "--version", "-V", "--help --workers 4"] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
    }
}

#[test]
fn dashes_are_paths_and_all_paths_have_their_roles() {
    let given = options(
        "- - --dropped d --json j --flows f --expect e --expect-junit x --rules r --apps a",
    );
    assert!(given.is_standard_output_taken());
    let roles = |paths: Vec<NamedPath<'_>>| -> Vec<_> {
        let named = paths
            .iter()
            .map(|named| (named.role, named.path.to_owned()));
        named.collect()
    };
    assert_eq!(
        roles(given.inputs()),
        [
            ("INPUT", "-".into()),
            ("--apps", "a".into()),
            ("--expect", "e".into()),
            ("--rules", "r".into()),
        ]
    );
    assert_eq!(
        roles(given.outputs()),
        [
            ("OUTPUT", "-".into()),
            ("--dropped", "d".into()),
            ("--json", "j".into()),
            ("--flows", "f".into()),
            ("--expect-junit", "x".into()),
        ]
    );
    assert!(!options("- out").is_standard_output_taken());
    assert!(options("in --dry-run --flows -").is_standard_output_taken());
    assert!(options("-- -in -out").outputs()[0].path == Path::new("-out"));
}
