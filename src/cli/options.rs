//! What the command line means: every choice made, every default filled in, nothing contradictory left.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};
use clap_complete::Shell;

use super::args::{Args, When};
use super::help;
use super::names::Names;
use crate::capture::ReadOptions;
use crate::output::{NamedPath, is_standard_output};
use crate::report::{SplitBy, ZEEK_LOGS};
use crate::rules::{Action, Kind, Removal};

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Print the catalogue of applications, with those of these files.
    ListApps(Vec<PathBuf>),
    /// Print what completes the options in a shell.
    Completions(Shell),
    /// Print the manual page.
    Man,
    /// Check the files that a report tells of.
    Verify(Verification),
    /// Filter a capture, or only report on it.
    Filter(Box<Options>),
    /// Compare what the rules of two files, the old and the new, drop of a capture.
    DiffRules(Box<Options>, [PathBuf; 2]),
}

/// Which files to check, and against what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The JSON report.
    pub report: PathBuf,
    /// The inputs in the report's order, then the output, where they are not under the report's paths; as many as are named.
    pub paths: Vec<PathBuf>,
    /// The dropped packets, where they are not under the report's path.
    pub dropped: Option<PathBuf>,
    /// How the files are read.
    pub reading: ReadOptions,
    /// Whether only what differs is told.
    pub is_quiet: bool,
}

/// How to filter a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The captures to read as one, those of `input_lists` not among them.
    pub captures: Vec<GivenCapture>,
    /// Files that name captures to read besides.
    pub input_lists: Vec<PathBuf>,
    /// The filtered capture; `None` when only a report is wanted (`--dry-run`).
    pub output: Option<PathBuf>,
    /// What is not read because it is taken for the OUTPUT of a dry run, where it may have been meant as INPUT.
    pub untouched: Option<PathBuf>,
    /// How INPUT is read.
    pub reading: ReadOptions,
    /// Where dropped packets go; never with a dry run.
    pub dropped: Option<PathBuf>,
    /// Whether packets are written as pcapng, with a comment on each flow's first.
    pub annotate: bool,
    /// What INPUT is taken apart by, and the folder of the parts.
    pub split: Option<(SplitBy, PathBuf)>,
    /// Where the report goes as JSON.
    pub json: Option<PathBuf>,
    /// Where the report goes as a web page.
    pub html: Option<PathBuf>,
    /// Where the flows go, one line of JSON each.
    pub flows: Option<PathBuf>,
    /// Where the flows go as CSV.
    pub csv: Option<PathBuf>,
    /// Where Suricata's events go.
    pub eve: Option<PathBuf>,
    /// Where each of Zeek's logs goes, in the order of [`ZEEK_LOGS`]; none where they are not wanted.
    pub zeek: Vec<PathBuf>,
    /// The flow to explain, as typed; or what several flows are meant by.
    pub explain: Option<String>,
    /// The report that this run's is compared with.
    pub expect: Option<PathBuf>,
    /// Where the result of that goes as JUnit XML.
    pub expect_junit: Option<PathBuf>,
    /// Files of the user's own applications, the later ones winning over the earlier.
    pub apps: Vec<PathBuf>,
    /// Rules in the order in which they stand on the command line, not yet compiled.
    pub rules: Vec<GivenRule>,
    /// What becomes of the flows that the rules block, and of all others.
    pub removal: Removal,
    /// Whether DNS answers that lead to a flow's address may block it.
    pub block_by_dns: bool,
    /// Whether lookups of names share the verdict of the flows that they led to.
    pub with_dns: bool,
    /// Whether the reports tell the files' digests.
    pub sha256: bool,
    /// How much is told on the terminal.
    pub verbosity: Verbosity,
    /// When the text report is coloured.
    pub color: When,
    /// When it is shown how far the run is.
    pub progress: When,
    /// Worker threads, 1 to 64.
    pub workers: usize,
    /// Flows held at full detail at a time, at least 64.
    pub max_flows: usize,
    /// An address with more flows is `high_volume`; `None` where files of rules or the default say so.
    pub high_volume_flows: Option<u32>,
    /// An address that contacts more destination ports is a `port_scan`; `None` as above.
    pub port_scan_ports: Option<u32>,
}

/// A capture to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCapture {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// The list and the line that name it; `None` for the command line.
    pub origin: Option<String>,
}

/// A rule, or a file of them, as it stands on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenRule {
    /// `--block-ip` and its like.
    Rule((Action, Kind), String),
    /// `--rules`
    File(PathBuf),
}

impl GivenRule {
    /// The flag that gave it, for messages.
    pub const fn flag(&self) -> &'static str {
        match self {
            Self::Rule((action, kind), _) => match (action, kind) {
                (Action::Block, Kind::Ip) => "--block-ip",
                (Action::Block, Kind::Port) => "--block-port",
                (Action::Block, Kind::App) => "--block-app",
                (Action::Block, Kind::Domain) => "--block-domain",
                (Action::Allow, Kind::Ip) => "--allow-ip",
                (Action::Allow, Kind::Port) => "--allow-port",
                (Action::Allow, Kind::App) => "--allow-app",
                (Action::Allow, Kind::Domain) => "--allow-domain",
            },
            Self::File(_) => "--rules",
        }
    }
}

/// How much is told on the terminal, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only: no text report, no warnings.
    Quiet,
    /// The text report and warnings.
    Normal,
    /// Also the stages and each verdict's reason.
    Verbose,
    /// Whatever helps to find a fault.
    VeryVerbose,
}

impl Request {
    /// Reads a command line, the program's name first.
    ///
    /// Errors: wrong usage; but also `--help` and `--version`, whose text the error holds
    /// (see [`Status::of_usage`](super::Status::of_usage)).
    pub fn parse<I, T>(command_line: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let words: Vec<OsString> = command_line.into_iter().map(Into::into).collect();
        let matches = help::command(&words).try_get_matches_from(&words);
        let matches = matches.map_err(|error| help::in_short(error, &words))?;
        let args = Args::from_arg_matches(&matches)?;
        if args.list_apps {
            return Ok(Self::ListApps(args.apps));
        }
        if let Some(shell) = args.completions {
            return Ok(Self::Completions(shell));
        }
        if args.man {
            return Ok(Self::Man);
        }
        let reading = reading(&args);
        if let Some(report) = args.verify {
            return Ok(Self::Verify(Verification {
                report,
                paths: args.paths,
                dropped: args.dropped,
                reading,
                is_quiet: args.quiet,
            }));
        }
        let files = args.diff_rules.clone();
        let options = Box::new(Options::new(args, &matches)?);
        Ok(match <[PathBuf; 2]>::try_from(files) {
            Ok(files) => Self::DiffRules(options, files),
            Err(_) => Self::Filter(options),
        })
    }
}

impl Options {
    fn new(args: Args, matches: &ArgMatches) -> Result<Self, clap::Error> {
        let names = Names::of(&args)?;
        if args.split_dir.as_deref().is_some_and(is_standard_output) {
            return Err(wrong(
                "--split-dir is a folder, which standard output cannot be (a folder of that name is ./-)",
            ));
        }
        let rules = rules_in_order(&args, matches);
        if args.only && rules.is_empty() {
            return Err(wrong(
                "--only keeps what rules match, and there is none: expected --rules, or a flag such as --block-app",
            ));
        }
        Ok(Self {
            captures: names.captures,
            input_lists: args.input_list.clone(),
            output: names.output,
            untouched: names.untouched,
            reading: reading(&args),
            verbosity: match args.verbose {
                _ if args.quiet => Verbosity::Quiet,
                0 => Verbosity::Normal,
                1 => Verbosity::Verbose,
                _ => Verbosity::VeryVerbose,
            },
            color: args.color,
            progress: args.progress,
            workers: usize::from(args.workers),
            max_flows: args.max_flows as usize,
            high_volume_flows: args.high_volume_flows,
            port_scan_ports: args.port_scan_ports,
            removal: match (args.only, args.whole_flow || args.with_dns) {
                (true, _) => Removal::AllElse,
                (false, true) => Removal::WholeFlow,
                (false, false) => Removal::Inline,
            },
            block_by_dns: args.block_by_dns,
            with_dns: args.with_dns,
            rules,
            apps: args.apps,
            dropped: args.dropped,
            annotate: args.annotate,
            split: args.split_by.zip(args.split_dir),
            json: args.json,
            html: args.html,
            flows: args.flows,
            csv: args.csv,
            eve: args.eve,
            zeek: args.zeek_dir.map_or_else(Vec::new, |dir| {
                ZEEK_LOGS.iter().map(|log| dir.join(log)).collect()
            }),
            explain: args.explain,
            expect: args.expect,
            expect_junit: args.expect_junit,
            sha256: args.sha256,
        })
    }

    /// The files that the run reads.
    pub fn inputs(&self) -> Vec<NamedPath<'_>> {
        let captures = self.captures.iter().map(|capture| NamedPath {
            role: "INPUT",
            path: &capture.path,
        });
        let lists = self.input_lists.iter().map(|path| NamedPath {
            role: "--input-list",
            path,
        });
        let mut inputs: Vec<_> = captures.chain(lists).collect();
        for path in &self.apps {
            let role = "--apps";
            inputs.push(NamedPath { role, path });
        }
        if let Some(path) = &self.expect {
            let role = "--expect";
            inputs.push(NamedPath { role, path });
        }
        for rule in &self.rules {
            if let GivenRule::File(path) = rule {
                let role = rule.flag();
                inputs.push(NamedPath { role, path });
            }
        }
        inputs
    }

    /// The files that the run writes, OUTPUT first.
    pub fn outputs(&self) -> Vec<NamedPath<'_>> {
        let outputs = [
            ("OUTPUT", &self.output),
            ("--dropped", &self.dropped),
            ("--json", &self.json),
            ("--html", &self.html),
            ("--flows", &self.flows),
            ("--csv", &self.csv),
            ("--eve", &self.eve),
            ("--expect-junit", &self.expect_junit),
        ];
        let given = outputs.into_iter().filter_map(|(role, path)| {
            let path = path.as_deref()?;
            Some(NamedPath { role, path })
        });
        let parts = self.parts_dir();
        let logs = self.zeek.iter().map(|path| NamedPath {
            role: "--zeek-dir",
            path,
        });
        given.chain(parts).chain(logs).collect()
    }

    /// The folder that INPUT is taken apart into.
    pub fn parts_dir(&self) -> Option<NamedPath<'_>> {
        let (_, path) = self.split.as_ref()?;
        let role = "--split-dir";
        Some(NamedPath { role, path })
    }

    /// Whether any output tells the fingerprints of clients.
    pub fn wants_fingerprints(&self) -> bool {
        let files = [&self.json, &self.flows, &self.csv, &self.eve, &self.expect];
        files.into_iter().any(Option::is_some) || !self.zeek.is_empty()
    }

    /// Whether one of the outputs takes standard output, so that the text report must go to standard error.
    pub fn is_standard_output_taken(&self) -> bool {
        self.outputs()
            .iter()
            .any(|output| is_standard_output(output.path))
    }
}

/// Told in a line.
fn wrong(message: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n"))
}

/// The rules of all flags in the order of the command line: the first that is given has the first word.
fn rules_in_order(args: &Args, matches: &ArgMatches) -> Vec<GivenRule> {
    let mut rules: Vec<(usize, GivenRule)> = Vec::new();
    let mut add = |id: &str, given: &mut dyn Iterator<Item = GivenRule>| {
        rules.extend(matches.indices_of(id).into_iter().flatten().zip(given));
    };
    for (id, what, texts) in [
        ("block_ip", (Action::Block, Kind::Ip), &args.block_ip),
        ("block_port", (Action::Block, Kind::Port), &args.block_port),
        ("block_app", (Action::Block, Kind::App), &args.block_app),
        (
            "block_domain",
            (Action::Block, Kind::Domain),
            &args.block_domain,
        ),
        ("allow_ip", (Action::Allow, Kind::Ip), &args.allow_ip),
        ("allow_port", (Action::Allow, Kind::Port), &args.allow_port),
        ("allow_app", (Action::Allow, Kind::App), &args.allow_app),
        (
            "allow_domain",
            (Action::Allow, Kind::Domain),
            &args.allow_domain,
        ),
    ] {
        add(
            id,
            &mut texts.iter().map(|text| GivenRule::Rule(what, text.clone())),
        );
    }
    add(
        "rules",
        &mut args.rules.iter().cloned().map(GivenRule::File),
    );
    rules.sort_by_key(|(index, _)| *index);
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// How captures are to be read.
const fn reading(args: &Args) -> ReadOptions {
    ReadOptions {
        recover: args.recover,
        max_expansion: args.max_expansion,
    }
}
