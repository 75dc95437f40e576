//! Help in two lengths, a line an option: the most used ones for `-h`, in one screen, and all of them for `--help`, in two.
//!
//! Their whole meaning is the manual page's ([`about`](super::about)), which takes it from the same [`Args`].

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::args::{ABOUT, Args};

/// What `-h` shows: enough for most runs.
const MOST_USED: [&str; 20] = [
    "paths",
    "dropped",
    "dry_run",
    "block_ip",
    "block_port",
    "block_app",
    "block_domain",
    "allow_app",
    "allow_domain",
    "rules",
    "whole_flow",
    "only",
    "with_dns",
    "json",
    "html",
    "flows",
    "explain",
    "expect",
    "quiet",
    "list_apps",
];

const WHERE_THERE_IS_MORE: &str = "\
More: --help
All with their meaning: --man";

const EXAMPLES: &str = "\
Examples:
  dpi_engine in.pcap out.pcap --block-app YouTube --block-domain \"*.tiktok.com\"
  dpi_engine in.pcap out.pcap --rules rules.example.txt --dropped rest.pcap
  dpi_engine in.pcap only.pcap --only --block-app YouTube --with-dns
  dpi_engine in.pcap --dry-run --rules rules.txt --explain www.youtube.com
  dpi_engine rotated_*.pcap out.pcap --block-app YouTube --html report.html
  dpi_engine in.pcap --dry-run --split-by app --split-dir parts
  tcpdump -w - | dpi_engine - - --block-app TikTok | tcpdump -r -

Exit status:
  0  done                               3  done, but INPUT is damaged
  1  failed; no OUTPUT was made         4  done, but not as --expect says
  2  wrong usage, or a bad rule         128+n  ended by signal n

All with their meaning: --man";

/// What reads `words`, a command line, and shows the help that they ask for, if they ask for any.
///
/// clap puts each option of its own long help on two lines and more, so both lengths are its short one, of fewer and of all options.
pub(super) fn command(words: &[OsString]) -> Command {
    if words.iter().any(|word| word == "--help") {
        full()
    } else {
        brief()
    }
}

fn brief() -> Command {
    let command = Args::command().mut_args(|arg| {
        let is_rare = !MOST_USED.contains(&arg.get_id().as_str());
        arg.hide_short_help(is_rare)
    });
    with_about(command).after_help(WHERE_THERE_IS_MORE)
}

fn full() -> Command {
    let command = Args::command().mut_args(|arg| arg.long_help(Resettable::Reset));
    with_about(command)
        .long_about(Resettable::Reset)
        .after_long_help(Resettable::Reset)
        .after_help(EXAMPLES)
}

/// `error` about `words`, a command line, without the lines of usage: they hide the one that says what is wrong.
///
/// An option behind a single dash is told as it was typed; clap takes its first letter for an option and the rest for a value.
pub(super) fn in_short(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    error.remove(ContextKind::Usage);
    if error.kind() == ErrorKind::UnknownArgument
        && let Some((typed, meant)) = words.iter().find_map(behind_one_dash)
    {
        error.remove(ContextKind::Suggested);
        error.insert(ContextKind::InvalidArg, ContextValue::String(typed));
        error.insert(ContextKind::SuggestedArg, ContextValue::String(meant));
    }
    error
}

/// A word that lacks a dash to be an option, and that option.
fn behind_one_dash(word: &OsString) -> Option<(String, String)> {
    let word = word.to_str()?;
    let long = word.strip_prefix('-')?.split('=').next()?;
    let command = Args::command();
    let is_meant = command
        .get_arguments()
        .any(|arg| arg.get_long() == Some(long));
    is_meant.then(|| (word.to_owned(), format!("--{long}")))
}

/// Moves `-h` and `-V` from a heading of their own, which clap puts first, to what the program tells about itself.
fn with_about(command: Command) -> Command {
    let flag = |id, short, action| {
        let arg = Arg::new(id).short(short).long(id).action(action);
        arg.help_heading(ABOUT)
    };
    command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(
            flag("help", 'h', ArgAction::Help)
                .help("Help: what is used most with -h, all with --help"),
        )
        .arg(flag("version", 'V', ArgAction::Version).help("Print the version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Request;

    /// What is shown for `line` on a terminal of so many columns.
    fn shown(line: &str, columns: usize) -> String {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = command(&words).term_width(columns);
        let error = command.try_get_matches_from(words).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        error.to_string()
    }

    #[track_caller]
    fn assert_fits(help: &str, columns: usize, lines: usize) {
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
        let count = help.lines().count();
        let fits = widest <= columns && count <= lines;
        assert!(fits, "{widest} columns, {count} lines:\n{help}");
    }

    /// As it is typed; the paths stand in brackets.
    fn typed(arg: &Arg) -> String {
        match arg.get_long() {
            Some(long) => format!("--{long}"),
            None => format!("[{}]", arg.get_value_names().unwrap()[0]),
        }
    }

    /// Whether a line of `help` begins with `option`, and tells about it in the same line.
    fn has_a_line_for(help: &str, option: &str) -> bool {
        help.lines().any(|line| {
            let line = line.trim_start();
            let line = line
                .split_once(", ")
                .filter(|(short, _)| short.len() == 2)
                .map_or(line, |(_, long)| long);
            let rest = line
                .strip_prefix(option)
                .filter(|rest| rest.starts_with([' ', '.']));
            rest.is_some_and(|rest| rest.contains("  "))
        })
    }

    #[test]
    fn the_short_help_is_one_screen_of_what_is_used_most() {
        assert_fits(&shown("dpi_engine in -h", 80), 80, 50);
        let help = shown("dpi_engine -qh", 100);
        assert_fits(&help, 100, 50);
        for arg in Args::command().get_arguments() {
            let is_used_most = MOST_USED.contains(&arg.get_id().as_str());
            assert_eq!(
                has_a_line_for(&help, &typed(arg)),
                is_used_most,
                "{arg:?}\n{help}"
            );
        }
        assert!(
            help.ends_with("\n\nMore: --help\nAll with their meaning: --man\n"),
            "{help}"
        );
    }

    #[test]
    fn the_long_help_is_two_screens_with_a_line_for_each_option() {
        let help = shown("dpi_engine in out --help", 100);
        assert_fits(&help, 100, 100);
        assert_fits(&shown("dpi_engine --help", 80), 80, 100);
        for arg in Args::command().get_arguments() {
            let option = typed(arg);
            assert!(has_a_line_for(&help, &option), "{option}\n{help}");
        }
        for heading in [
            "Input and output:",
            "Rules:",
            "Reports:",
            "Terminal:",
            "Performance:",
            "About the program:",
            "Examples:",
            "Exit status:",
        ] {
            assert!(
                help.contains(&format!("\n{heading}\n")),
                "{heading}\n{help}"
            );
        }
    }

    #[test]
    fn the_paths_come_first_under_their_heading() {
        for help in [shown("dpi_engine -h", 100), shown("dpi_engine --help", 100)] {
            let texts = [
                "Input and output:\n  [INPUT|OUTPUT]...",
                "\n      --dropped",
            ];
            let places = texts.map(|text| help.find(text));
            assert!(places.is_sorted() && places[0].is_some(), "{help}");
        }
    }

    #[test]
    fn what_stands_in_the_examples_is_understood() {
        let commands = EXAMPLES.split(['\n', '|']).map(str::trim);
        let commands = commands.filter(|words| words.starts_with("dpi_engine "));
        let read = commands.map(|words| {
            Request::parse(words.replace('"', "").split_whitespace().map(str::to_owned))
        });
        let read: Vec<_> = read.map(Result::unwrap).collect();
        assert_eq!(read.len(), 7);
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        for (typed, meant) in [
            ("--block-ap", "--block-app"),
            ("--anotate", "--annotate"),
            ("--drop", "--dropped"),
            ("-block-app", "--block-app"),
            ("-whole-flow", "--whole-flow"),
            ("-rules=r.txt", "--rules"),
        ] {
            let error = Request::parse(["dpi_engine", "in", "out", typed]).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(&format!("a similar argument exists: '{meant}'")),
                "{text}"
            );
            assert!(
                text.contains(&format!("unexpected argument '{typed}'")),
                "{text}"
            );
            assert!(text.contains("try '--help'"), "{text}");
            assert!(text.lines().count() <= 5, "{text}");
        }
    }
}
