//! What README.md shows is what happens: the tasks of its cookbook, its sessions and its first command are run as they stand there.
//!
//! A block of `sh` is run by `sh -eu`, and the block of `text` behind it is what a terminal shows of it. In a block of `console`
//! each line behind `$ ` is a command, and what follows is what it shows. A line that is `…` stands for any lines.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::program::Bench;
use crate::recover;
use crate::several;
use crate::testdata;

const MORE_LINES: &str = "…";

/// Programs that a task may need and a machine may lack; `.ci/run` installs them, and the packages bear the same names.
const TOOLS: [&str; 3] = ["jq", "sqlite3", "tshark"];

/// What is asked after tasks that show nothing themselves, and what the answer is.
const CHECKS: [(&str, &str, &str); 7] = [
    (
        "Remove an application",
        "! dpi_engine clean.pcap --dry-run --explain YouTube",
        "dpi_engine: --explain YouTube: none of the 42 flows is meant (--flows lists all)\n",
    ),
    (
        "Keep one host's traffic",
        "dpi_engine host.pcap --dry-run --quiet --csv - | cut -d, -f5 | sort | uniq -c | tr -s ' '",
        " 19 192.168.1.3\n 1 src\n",
    ),
    (
        "Keep nothing but some networks",
        "dpi_engine net.pcap --dry-run --quiet --csv - | cut -d, -f5 | sort -u",
        "192.168.20.7\n2001:db8:1::2\n2001:db8:1::4\nsrc\n",
    ),
    (
        "Keep an application with its lookups",
        "dpi_engine github.pcap --dry-run --quiet --csv - | cut -d, -f5,8,15",
        "src,dst_port,application\n192.168.1.5,53,GitHub\n192.168.1.5,443,GitHub\n192.168.1.3,443,GitHub\n",
    ),
    (
        "Send somebody the report",
        "grep -o '<title>.*</title>' report.html",
        "<title>capture.pcap – 510 packets forwarded, 173 dropped</title>\n",
    ),
    (
        "Compressed in, compressed out",
        "gzip -dc clean.pcap.gz | dpi_engine - --dry-run --quiet --json - | grep -m 1 total",
        "    \"total\": 500,\n",
    ),
    (
        "A folder of captures",
        "ls clean; ! dpi_engine clean/capture.pcap --dry-run --explain TikTok",
        "capture.pcap\ndamaged.pcap\ndns.pcap\nrotated_1.pcap\nrotated_2.pcap\ndpi_engine: --explain TikTok: none of the 43 flows is meant (--flows lists all)\n",
    ),
];

/// An alert as Suricata writes it, for flow 39 of `web.pcap`.
const EVE: &str = r#"{"event_type":"stats","stats":{"uptime":9}}
{"timestamp":"2026-03-02T09:00:13.500000+0000","event_type":"alert","proto":"TCP","community_id":"1:M5JoCwao4MNAw65nDOb6/mAq7Ek=","alert":{"signature":"Upload to a paste site"}}
"#;

/// README.md as text. Read when the tests run: they need not be built anew for every word in it.
fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// A fenced block, and the heading that it stands under.
#[derive(Clone, Copy)]
struct Block<'a> {
    heading: &'a str,
    language: &'a str,
    text: &'a str,
}

fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut heading = "";
    let mut rest = markdown;
    while let Some((line, after)) = rest.split_once('\n') {
        rest = after;
        if let Some(language) = line.strip_prefix("```") {
            let (text, behind) = rest.split_once("```\n").expect("a block ends");
            blocks.push(Block {
                heading,
                language,
                text,
            });
            rest = behind;
        } else if line.starts_with('#') {
            heading = line.trim_start_matches(['#', ' ']);
        }
    }
    blocks
}

/// The part of a page under a heading of the second level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let heading = format!("\n## {heading}\n");
    let (_, section) = page.split_once(&heading).expect("the section");
    section.split("\n## ").next().unwrap()
}

/// Whether `shown`, which may leave out lines, is `actual`.
fn is_shown(shown: &str, actual: &str) -> bool {
    let mut left: Vec<&str> = actual.lines().collect();
    let shown: Vec<&str> = shown.lines().collect();
    let parts: Vec<&[&str]> = shown.split(|line| *line == MORE_LINES).collect();
    let (first, others) = parts.split_first().expect("a part at least");
    if !left.starts_with(first) {
        return false;
    }
    left.drain(..first.len());
    let Some((last, middle)) = others.split_last() else {
        return left.is_empty();
    };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        let Some(at) = left.windows(part.len()).position(|lines| lines == *part) else {
            return false;
        };
        left.drain(..at + part.len());
    }
    left.ends_with(last)
}

/// A folder with what the cookbook says is there, and the program on the path.
struct Kitchen {
    folder: Bench,
    path: String,
    tools: Bench,
}

impl Kitchen {
    fn new() -> Self {
        let folder = Bench::new();
        let web = testdata::bytes("web.pcap");
        folder.put("capture.pcap", &web);
        for (number, half) in (1..).zip(several::rotated(&web, 342)) {
            folder.put(&format!("rotated_{number}.pcap"), &half);
        }
        folder.put("damaged.pcap", &recover::web_without(&recover::BROKEN).0);
        folder.put("dns.pcap", &testdata::bytes("recorded/dot_doh_doq.pcap"));
        folder.put("eve.json", EVE.as_bytes());
        std::fs::create_dir(folder.path("testdata")).unwrap();
        folder.put("testdata/web.pcap", &web);
        let tools = Bench::new();
        symlink(env!("CARGO_BIN_EXE_dpi_engine"), tools.path("dpi_engine")).unwrap();
        // In place of the real one, which needs a network and rights: what it would record is there already.
        let tcpdump = tools.put("tcpdump", b"#!/bin/sh\nexec cat capture.pcap\n");
        std::fs::set_permissions(&tcpdump, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", tools.folder().display());
        Self {
            folder,
            path,
            tools,
        }
    }

    /// Runs `script`, and gives what a terminal would show.
    #[track_caller]
    fn shows(&self, script: &str) -> String {
        let output = Command::new("sh")
            .args(["-euc", &format!("exec 2>&1\n{script}")])
            .current_dir(self.folder.folder())
            .env("PATH", &self.path)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{}:\n{script}\n{text}",
            output.status
        );
        // tshark warns whoever is root.
        let lines = text.split_inclusive('\n');
        lines
            .filter(|line| !line.starts_with("Running as user \"root\""))
            .collect()
    }

    /// Fails unless `script` shows what is `expected`.
    #[track_caller]
    fn check(&self, script: &str, expected: &str) {
        let actual = self.shows(script);
        assert!(
            is_shown(expected, &actual),
            "{script}\nREADME.md shows:\n{expected}\nit is:\n{actual}"
        );
    }

    /// Whether everything that `script` needs is there. What is not is told past the test harness, which swallows what passing
    /// tests print; in CI it fails.
    #[track_caller]
    fn has_tools_for(&self, heading: &str, script: &str) -> bool {
        let mut words = script.split(|letter: char| !letter.is_ascii_alphanumeric());
        let folders: Vec<&Path> = self.path.split(':').map(Path::new).collect();
        let Some(missing) = words.find(|word| {
            TOOLS.contains(word) && !folders.iter().any(|folder| folder.join(word).exists())
        }) else {
            return true;
        };
        assert!(
            std::env::var_os("CI").is_none(),
            "{heading}: {missing} is not installed"
        );
        let told = writeln!(
            std::io::stderr().lock(),
            "cookbook: not tested for want of {missing}: {heading}"
        );
        told.unwrap();
        false
    }
}

#[test]
fn every_task_of_the_cookbook_does_what_it_says() {
    let page = readme();
    let blocks = blocks(section(&page, "Cookbook"));
    let tasks = blocks
        .iter()
        .enumerate()
        .filter(|(_, block)| block.language == "sh");
    let mut headings = Vec::new();
    for (index, task) in tasks {
        headings.push(task.heading);
        let kitchen = Kitchen::new();
        if !kitchen.has_tools_for(task.heading, task.text) {
            continue;
        }
        let shown = blocks
            .get(index + 1)
            .filter(|block| block.language == "text");
        kitchen.check(task.text, shown.map_or("", |block| block.text));
        let check = CHECKS.iter().find(|(heading, ..)| *heading == task.heading);
        match check {
            Some((_, script, expected)) => kitchen.check(script, expected),
            None => assert!(shown.is_some(), "{}: nothing is checked", task.heading),
        }
        assert!(kitchen.tools.left() == ["dpi_engine", "tcpdump"]);
    }
    assert!(headings.len() >= 20, "{headings:?}");
    for (heading, ..) in CHECKS {
        assert!(headings.contains(&heading), "no task: {heading}");
    }
}

#[test]
fn sessions_are_what_a_terminal_shows() {
    let page = readme();
    let sessions = blocks(&page)
        .into_iter()
        .filter(|block| block.language == "console");
    let mut commands = 0;
    for session in sessions {
        let kitchen = Kitchen::new();
        for step in session.text.strip_prefix("$ ").unwrap().split("\n$ ") {
            let (command, shown) = step.split_once('\n').unwrap_or((step, ""));
            // What is refused is shown as well.
            kitchen.check(&format!("{command} || true"), shown);
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands}");
}

#[test]
fn the_first_command_prints_what_stands_below_it() {
    let page = readme();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("    cargo run --release -- "));
    let shown = blocks(&page)[0];
    assert_eq!(shown.language, "text");
    let script = format!("dpi_engine {}", line.unwrap());
    Kitchen::new().check(&script, shown.text);
}

#[test]
fn the_table_of_options_has_a_row_for_each() {
    let page = readme();
    let rows = section(&page, "Options")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let first_column: Vec<&str> = rows.filter_map(|row| row.split(" | ").next()).collect();
    let first_column = first_column.join(" ");
    let help = Kitchen::new().shows("dpi_engine --help");
    let before_examples = help.split("\nExamples:").next().unwrap();
    let lines = before_examples
        .lines()
        .filter(|line| line.starts_with("  "));
    let names: Vec<&str> = lines
        .filter_map(|line| line.trim_start().split("  ").next())
        .collect();
    let (told, there) = (options_of(&first_column), names.join(" "));
    assert_eq!(told, options_of(&there));
    assert!(told.len() >= 40, "{told:?}");
}

/// The long options that stand in a text.
fn options_of(text: &str) -> BTreeSet<&str> {
    let is_border = |letter: char| !(letter.is_ascii_lowercase() || "-0123456789".contains(letter));
    let words = text.split(is_border);
    words.filter(|word| word.starts_with("--")).collect()
}

#[test]
fn lines_may_be_left_out_where_that_is_said_and_nowhere_else() {
    let actual = "a\nb\nc\nd\n";
    for shown in [
        "a\nb\nc\nd\n",
        "…\n",
        "a\n…\nd\n",
        "…\nb\n…\nd\n",
        "…\nb\n…\n",
        "a\n…\nb\nc\nd\n",
        "a\nb\n…\n",
    ] {
        assert!(is_shown(shown, actual), "{shown}");
    }
    for shown in [
        "",
        "a\n",
        "a\nb\nd\n",
        "b\n…\n",
        "…\nc\n",
        "…\nc\n…\nb\n…\n",
        "a\n…\nx\n…\n",
        "a\nb\nc\nd\ne\n",
        "a\n…\nd\ne\n",
        "…\nd\n…\nd\n",
    ] {
        assert!(!is_shown(shown, actual), "{shown}");
    }
}
