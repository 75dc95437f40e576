//! What the command line means: every choice made, every default filled in, nothing contradictory left.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use clap_complete::Shell;

use super::args::{Args, When};
use crate::output::{NamedPath, is_standard_output};
use crate::report::ZEEK_LOGS;

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Print the catalogue of applications, with those of these files.
    ListApps(Vec<PathBuf>),
    /// Print what completes the options in a shell.
    Completions(Shell),
    /// Print the manual page.
    Man,
    /// Filter a capture, or only report on it.
    Filter(Box<Options>),
}

/// How to filter a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The capture to read; `-` is standard input.
    pub input: PathBuf,
    /// The filtered capture; `None` when only a report is wanted (`--dry-run`).
    pub output: Option<PathBuf>,
    /// Where dropped packets go; never with a dry run.
    pub dropped: Option<PathBuf>,
    /// Whether packets are written as pcapng, with a comment on each flow's first.
    pub annotate: bool,
    /// Where the report goes as JSON.
    pub json: Option<PathBuf>,
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
    /// Whether a blocked flow goes from its first packet.
    pub whole_flow: bool,
    /// Whether DNS answers that lead to a flow's address may block it.
    pub block_by_dns: bool,
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
    /// An address with more flows is `high_volume`.
    pub high_volume_flows: u32,
    /// An address that contacts more destination ports is a `port_scan`.
    pub port_scan_ports: u32,
}

/// A rule, or a file of them, as it stands on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenRule {
    /// `--block-ip`
    Ip(String),
    /// `--block-port`
    Port(String),
    /// `--block-app`
    App(String),
    /// `--block-domain`
    Domain(String),
    /// `--rules`
    File(PathBuf),
}

impl GivenRule {
    /// The flag that gave it, for messages.
    pub const fn flag(&self) -> &'static str {
        match self {
            Self::Ip(_) => "--block-ip",
            Self::Port(_) => "--block-port",
            Self::App(_) => "--block-app",
            Self::Domain(_) => "--block-domain",
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
        let matches = Args::command().try_get_matches_from(command_line)?;
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
        Options::new(args, &matches).map(|options| Self::Filter(Box::new(options)))
    }
}

impl Options {
    fn new(args: Args, matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some(input) = &args.input else {
            return Err(missing("INPUT is missing: the capture to read"));
        };
        let output = match &args.output {
            _ if args.dry_run => None,
            None => {
                return Err(missing(
                    "OUTPUT is missing: the file to write (or --dry-run, to write none)",
                ));
            }
            given => given.clone(),
        };
        Ok(Self {
            input: input.clone(),
            output,
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
            whole_flow: args.whole_flow,
            block_by_dns: args.block_by_dns,
            rules: rules_in_order(&args, matches),
            apps: args.apps,
            dropped: args.dropped,
            annotate: args.annotate,
            json: args.json,
            flows: args.flows,
            csv: args.csv,
            eve: args.eve,
            zeek: args.zeek_dir.map_or_else(Vec::new, |dir| {
                ZEEK_LOGS.iter().map(|log| dir.join(log)).collect()
            }),
            explain: args.explain,
            expect: args.expect,
            expect_junit: args.expect_junit,
        })
    }

    /// The files that the run reads.
    pub fn inputs(&self) -> Vec<NamedPath<'_>> {
        let mut inputs = vec![NamedPath {
            role: "INPUT",
            path: &self.input,
        }];
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
            ("--flows", &self.flows),
            ("--csv", &self.csv),
            ("--eve", &self.eve),
            ("--expect-junit", &self.expect_junit),
        ];
        let given = outputs.into_iter().filter_map(|(role, path)| {
            let path = path.as_deref()?;
            Some(NamedPath { role, path })
        });
        let logs = self.zeek.iter().map(|path| NamedPath {
            role: "--zeek-dir",
            path,
        });
        given.chain(logs).collect()
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

fn missing(message: &str) -> clap::Error {
    Args::command().error(ErrorKind::MissingRequiredArgument, message)
}

/// The rules of all flags in the order of the command line: the first that is given has the first word.
fn rules_in_order(args: &Args, matches: &ArgMatches) -> Vec<GivenRule> {
    let mut rules: Vec<(usize, GivenRule)> = Vec::new();
    let mut add = |id: &str, given: &mut dyn Iterator<Item = GivenRule>| {
        rules.extend(matches.indices_of(id).into_iter().flatten().zip(given));
    };
    add(
        "block_ip",
        &mut args.block_ip.iter().cloned().map(GivenRule::Ip),
    );
    add(
        "block_port",
        &mut args.block_port.iter().cloned().map(GivenRule::Port),
    );
    add(
        "block_app",
        &mut args.block_app.iter().cloned().map(GivenRule::App),
    );
    add(
        "block_domain",
        &mut args.block_domain.iter().cloned().map(GivenRule::Domain),
    );
    add(
        "rules",
        &mut args.rules.iter().cloned().map(GivenRule::File),
    );
    rules.sort_by_key(|(index, _)| *index);
    rules.into_iter().map(|(_, rule)| rule).collect()
}
