//! Rules files: what they may look like, what is refused, and where the refusal points.

use crate::program::{Bench, Filtered};
use crate::testdata;

/// Filters `web.pcap` with a rules file that holds `rules`.
fn with_file(rules: &[u8]) -> Filtered {
    let bench = Bench::new();
    let file = bench.put("rules.txt", rules);
    let options = ["--rules", file.to_str().unwrap()];
    bench.filter(&testdata::path("web.pcap"), &options)
}

const FLAGS: [&str; 10] = [
    "--block-ip",
    "192.168.1.100",
    "--block-ip",
    "2001:db8:1::4/128",
    "--block-app",
    "Twitter/X",
    "--block-domain",
    "*.tiktok.com",
    "--block-port",
    "6881-6889",
];

const FILE: &str = "\
# what the office does not want
[BLOCKED_IPS]
192.168.1.100
2001:db8:1::4/128

[BLOCKED_APPS]
Twitter/X

[BLOCKED_DOMAINS]
*.tiktok.com

[BLOCKED_PORTS]
6881-6889
";

#[test]
fn a_file_does_what_the_flags_do_however_it_is_written() {
    let bench = Bench::new();
    let flags = bench.filter(&testdata::path("web.pcap"), &FLAGS);
    flags.run.assert_status(0, "flags");
    assert!(flags.kept().len() < testdata::bytes("web.pcap").len());
    let spaced = FILE.replace('\n', "  ; why\n\n\t");
    let shouting = FILE.replace("BLOCKED_", "blocked_");
    let forms = [
        ("as it is", FILE.to_owned()),
        ("CRLF", FILE.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{FILE}")),
        ("no final line feed", FILE.trim_end().to_owned()),
        ("comments and blanks", spaced),
        ("sections in lower case", shouting),
        ("everything twice", FILE.repeat(2)),
        (
            "# comments",
            FILE.replace("6881-6889", "6881-6889 # torrents"),
        ),
    ];
    for (form, text) in forms {
        let filtered = with_file(text.as_bytes());
        filtered.run.assert_status(0, form);
        assert!(filtered.output == flags.output, "{form}");
        assert!(filtered.dropped == flags.dropped, "{form}");
    }
}

#[test]
fn files_add_up_with_each_other_and_with_flags() {
    let bench = Bench::new();
    let one = bench.put("one", b"[BLOCKED_IPS]\n192.168.1.100\n2001:db8:1::4\n");
    let two = bench.put("two", b"[BLOCKED_PORTS]\n6881-6889\n");
    let options = [
        "--rules",
        one.to_str().unwrap(),
        "--block-domain",
        "*.tiktok.com",
        "--rules",
        two.to_str().unwrap(),
    ];
    let web = testdata::path("web.pcap");
    let (flags, files) = (bench.filter(&web, &FLAGS), bench.filter(&web, &options));
    files.run.assert_status(0, "two files and a flag");
    assert!(files.output == flags.output);
}

#[test]
fn an_empty_file_removes_nothing() {
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "[BLOCKED_IPS]\n",
        "\u{feff}",
    ] {
        let filtered = with_file(text.as_bytes());
        filtered.run.assert_status(0, text);
        assert!(filtered.kept() == testdata::bytes("web.pcap"), "{text:?}");
    }
}

#[test]
fn the_origin_of_a_rule_names_file_and_line() {
    let report = with_file(FILE.as_bytes()).json();
    let origins: Vec<&str> = crate::program::list(&report, "/rules")
        .iter()
        .map(|rule| rule["origin"].as_str().unwrap())
        .collect();
    for line in [3, 4, 7, 10, 13] {
        let tail = format!("rules.txt:{line}");
        assert!(
            origins.iter().any(|origin| origin.ends_with(&tail)),
            "{tail}: {origins:?}"
        );
    }
}

/// What is wrong, the file, the line and the column that are to be named, and a word of the message.
type Refused = (&'static str, &'static [u8], (u32, u32), &'static str);

const REFUSED: [Refused; 18] = [
    (
        "bad address",
        b"[BLOCKED_IPS]\n10.0.0.1\n10.0.0.999\n",
        (3, 1),
        "10.0.0.999",
    ),
    (
        "bad prefix",
        b"[BLOCKED_IPS]\n10.0.0.0/33\n",
        (2, 1),
        "10.0.0.0/33",
    ),
    (
        "indented",
        b"[BLOCKED_IPS]\n\t 10.0.0.999 ; x\n",
        (2, 3),
        "10.0.0.999",
    ),
    (
        "name as address",
        b"[BLOCKED_IPS]\nexample.com\n",
        (2, 1),
        "example.com",
    ),
    ("bad port", b"[BLOCKED_PORTS]\n80\n70000\n", (3, 1), "70000"),
    (
        "a service as port",
        b"[BLOCKED_PORTS]\nhttp\n",
        (2, 1),
        "http",
    ),
    (
        "backward range",
        b"[BLOCKED_PORTS]\n90-80\n",
        (2, 1),
        "90-80",
    ),
    (
        "unknown application",
        b"[BLOCKED_APPS]\nYouTub\n",
        (2, 1),
        "YouTube",
    ),
    (
        "bad domain",
        b"[BLOCKED_DOMAINS]\nads*.example.com\n",
        (2, 1),
        "ads*.example.com",
    ),
    (
        "address in URL",
        b"[BLOCKED_DOMAINS]\nhttps://example.com/\n",
        (2, 1),
        "https://example.com/",
    ),
    ("empty labels", b"[BLOCKED_DOMAINS]\na..b\n", (2, 1), "a..b"),
    (
        "two values",
        b"[BLOCKED_IPS]\n10.0.0.1 10.0.0.2\n",
        (2, 1),
        "10.0.0.1 10.0.0.2",
    ),
    (
        "unknown section",
        b"[BLOCKED_THINGS]\nx\n",
        (1, 1),
        "BLOCKED_IPS",
    ),
    ("no section", b"\n10.0.0.1\n", (2, 1), "10.0.0.1"),
    (
        "open section",
        b"# x\n[BLOCKED_IPS\n10.0.0.1\n",
        (2, 1),
        "BLOCKED_IPS",
    ),
    (
        "key and value",
        b"[BLOCKED_IPS]\nip = 10.0.0.1\n",
        (2, 1),
        "ip = 10.0.0.1",
    ),
    ("after CRLF", b"[BLOCKED_PORTS]\r\n1\r\nx\r\n", (3, 1), "x"),
    ("after a BOM", b"\xef\xbb\xbf[NOTHING]\n", (1, 1), "NOTHING"),
];

#[test]
fn a_bad_line_is_refused_with_file_line_and_column() {
    for (what, rules, (line, column), word) in REFUSED {
        let filtered = with_file(rules);
        filtered.run.assert_status(2, what);
        let stderr = &filtered.run.stderr;
        let place = format!("rules.txt:{line}:{column}");
        assert!(stderr.contains(&place), "{what}: not {place}: {stderr}");
        assert!(stderr.contains(word), "{what}: no {word}: {stderr}");
        assert_eq!(filtered.output, None, "{what}: half of the rules were used");
        assert_eq!(filtered.report, None, "{what}");
    }
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let filtered = with_file(b"[BLOCKED_APPS]\nYouTube\n\xff\xfe\x00\n");
    filtered.run.assert_status(2, "not UTF-8");
    assert!(filtered.run.stderr.contains("rules.txt:3"));
    assert_eq!(filtered.output, None);
}

#[test]
fn a_bad_line_never_reaches_the_terminal_raw() {
    let filtered = with_file(b"[BLOCKED_IPS]\n\x1b[31mred\x07\n");
    filtered.run.assert_status(2, "control characters");
    let raw = |c: char| c.is_control() && c != '\n';
    assert!(
        !filtered.run.stderr.contains(raw),
        "{:?}",
        filtered.run.stderr
    );
}

#[test]
fn a_missing_file_is_named() {
    let bench = Bench::new();
    let missing = bench.path("norules");
    let options = ["--rules", missing.to_str().unwrap()];
    let filtered = bench.filter(&testdata::path("web.pcap"), &options);
    assert!(matches!(filtered.run.status, Some(1 | 2)));
    assert!(
        filtered.run.stderr.contains("norules"),
        "{}",
        filtered.run.stderr
    );
    assert_eq!(filtered.output, None);
}
