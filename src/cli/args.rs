//! The command line as typed: one field a flag, nothing concluded from them yet.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Parser, ValueEnum, value_parser};
use clap_complete::Shell;

use crate::capture::DEFAULT_MAX_EXPANSION;
use crate::key::SHARDS;
use crate::report::SplitBy;

/// Flows held at full detail unless the user says otherwise: 65,536 for each of the default workers.
const DEFAULT_MAX_FLOWS: u32 = 262_144;

/// Worker threads unless the user says otherwise.
const DEFAULT_WORKERS: u8 = 4;

/// Most worker threads: one for each shard.
const MAX_WORKERS: i64 = SHARDS as i64;

const INPUT_AND_OUTPUT: &str = "Input and output";
const RULES: &str = "Rules";
const REPORTS: &str = "Reports";
const TERMINAL: &str = "Terminal";
const PERFORMANCE: &str = "Performance";
pub(super) const ABOUT: &str = "About the program";

/// What only runs and comparisons of rules have a use for.
const OF_A_RUN: [&str; 21] = [
    "input_list",
    "recover",
    "block_ip",
    "block_port",
    "block_app",
    "block_domain",
    "allow_ip",
    "allow_port",
    "allow_app",
    "allow_domain",
    "block_by_dns",
    "rules",
    "whole_flow",
    "with_dns",
    "diff_rules",
    "json",
    "verbose",
    "color",
    "progress",
    "workers",
    "max_flows",
];

/// What only runs have a use for: what becomes of packets, and what is told of flows.
const OF_A_FILTER: [&str; 16] = [
    "annotate",
    "split_by",
    "split_dir",
    "dry_run",
    "only",
    "html",
    "flows",
    "csv",
    "eve",
    "zeek_dir",
    "explain",
    "expect",
    "expect_junit",
    "sha256",
    "high_volume_flows",
    "port_scan_ports",
];

const USAGE: &str = "\
dpi_engine <INPUT>... <OUTPUT> [OPTIONS]
       dpi_engine <INPUT> --dry-run [OPTIONS]
       dpi_engine <INPUT>... --diff-rules <OLD> <NEW> [OPTIONS]
       dpi_engine --verify <REPORT> [<INPUT>... [<OUTPUT>]]
       dpi_engine --list-apps [--apps <FILE>] | --completions <SHELL> | --man";

/// What the manual page ends with; what `--help` ends with is shorter.
const EXAMPLES: &str = "\
Examples:
  Remove an application and a domain with everything below it:
    dpi_engine capture.pcap output.pcap --block-app YouTube --block-domain \"*.tiktok.com\"

  Rules of every kind, eight workers, and the reason of each verdict:
    dpi_engine capture.pcap filtered.pcap --block-ip 192.168.1.100 --block-port 6881 \\
        --block-domain \"*.facebook.com\" --workers 8 --verbose

  Rules from a file:
    dpi_engine capture.pcap filtered.pcap --rules rules.example.txt

  A rotated capture, in whatever order:
    dpi_engine rotated_*.pcap filtered.pcap --block-app YouTube
    dpi_engine --input-list rotated.txt filtered.pcap --block-app YouTube

  Why was that dropped?
    dpi_engine capture.pcap --dry-run --block-app YouTube --explain 10.0.0.1:50000-142.250.1.1:443

  A capture for each application, and a list of them:
    dpi_engine capture.pcap --dry-run --split-by app --split-dir parts

  A page to send:
    dpi_engine capture.pcap filtered.pcap --block-app YouTube --html report.html

  Digests in the report, and checked again later:
    dpi_engine capture.pcap filtered.pcap --block-app TikTok --dropped rest.pcap --sha256 --json report.json
    dpi_engine --verify report.json

Exit status:
  0  done
  1  failed; OUTPUT was not made, and what stood there before still stands; or --verify found a difference
  2  wrong usage, or a bad rule
  3  done, but INPUT is damaged: everything readable was processed (see --recover)
  4  done, but the report is not as --expect says
  128+n  ended by signal n";

/// Filter a packet capture by application.
///
/// Follows every flow, finds the names inside (TLS, QUIC, HTTP, DNS), removes the flows that your rules block,
/// writes the packets that remain, and reports what was there.
#[derive(Debug, Clone, Parser)]
#[command(name = "dpi_engine", version, override_usage = USAGE, after_long_help = EXAMPLES)]
#[command(max_term_width = 100)]
pub struct Args {
    /// Captures to read, then OUTPUT; - for std streams
    ///
    /// The name - is standard input, or output. INPUT is pcap or pcapng, also compressed (gzip, zstd, lz4, xz: told by content, never by name). Several are read as one, ordered by
    /// time: rotated captures in any order; a flow that crosses them is one flow. pcaps have to be alike; where they overlap in time, their
    /// packets are merged. pcapngs follow each other whole.
    ///
    /// OUTPUT, the last of two or more names, is the filtered capture, in INPUT's format. It appears under its name only when it is
    /// complete. It may not be an INPUT, by no name or link; behind several INPUTs it may not be a file that exists and is named like one of
    /// them but for its digits, for that is one more capture where OUTPUT was forgotten. A name that ends in .gz or .zst makes it compressed. With -, the text
    /// report goes to standard error. With --dry-run it may be left out behind a single INPUT or --input-list; if given, it is not touched.
    #[arg(value_name = "INPUT|OUTPUT", display_order = 0, help_heading = INPUT_AND_OUTPUT)]
    pub paths: Vec<PathBuf>,

    /// Read the captures too that this file names
    ///
    /// One a line: paths as on the command line, seen from the current folder. Blank lines and lines that begin with # are passed over. All names on
    /// the command line but OUTPUT are captures too.
    #[arg(long, value_name = "FILE", display_order = 1, help_heading = INPUT_AND_OUTPUT)]
    pub input_list: Vec<PathBuf>,

    /// Write the dropped packets here
    ///
    /// OUTPUT and this file together are INPUT, packet for packet.
    #[arg(long, value_name = "FILE", display_order = 2, help_heading = INPUT_AND_OUTPUT)]
    #[arg(conflicts_with = "dry_run")]
    pub dropped: Option<PathBuf>,

    /// Comment each flow's first packet, in pcapng
    ///
    /// OUTPUT becomes pcapng. A comment tells application, name, verdict and rule, where Wireshark shows them: frame.comment
    /// contains "YouTube" finds them. Each section tells the program and the digest of the rules. Comments that are there
    /// stay. INPUT is read twice.
    #[arg(long, display_order = 3, help_heading = INPUT_AND_OUTPUT)]
    #[arg(conflicts_with = "dry_run")]
    pub annotate: bool,

    /// Take apart by app, verdict, host, flow, protocol
    ///
    /// Writes a capture each into the folder of --split-dir, beside OUTPUT or with --dry-run. Each packet of INPUT, dropped or not, is
    /// in one of them, in order; a flow's packets are together, under what it turns out to be at its end (by verdict, each
    /// packet is where its own verdict puts it). host is the name in a flow, else the address that it goes to. INPUT is read once more.
    #[arg(long, value_name = "KEY", display_order = 4, help_heading = INPUT_AND_OUTPUT)]
    #[arg(requires = "split_dir", value_parser = split_key(), hide_possible_values = true)]
    pub split_by: Option<SplitBy>,

    /// Folder for the parts, with an index.json
    ///
    /// It lists them. The folder must not exist, or be empty, and appears when it is complete. index.json tells of each file what is in it: names as they are (files'
    /// names are made fit for every system), flows, packets, bytes, and digests with --sha256. Past 100,000 parts, what is left
    /// goes to one file.
    #[arg(long, value_name = "DIR", display_order = 4, help_heading = INPUT_AND_OUTPUT, requires = "split_by")]
    pub split_dir: Option<PathBuf>,

    /// Only report: write no packets
    ///
    /// OUTPUT may be left out then, behind a single INPUT or --input-list; if given, it is not touched. The parts of
    /// --split-by are written all the same.
    #[arg(long, display_order = 4, help_heading = INPUT_AND_OUTPUT)]
    pub dry_run: bool,

    /// Go on behind damage in INPUT
    ///
    /// Without it everything before the first damage is processed. With it, the run goes on where records follow each other
    /// again; what cannot be read is left out, stands neither in OUTPUT nor in the dropped packets, and is told by offset and
    /// length; the exit status is 3 all the same. A record that is whole is found again if the one before it was read, or if
    /// the headers of the two behind it are whole too (in pcapng: the block behind it). The file's own header has to be
    /// sound, and so does what the capture is compressed with.
    #[arg(long, display_order = 5, help_heading = INPUT_AND_OUTPUT)]
    pub recover: bool,

    /// Most growth by decompression
    ///
    /// INPUT that becomes this many times larger is refused. Counts once it has become more than 64 MiB, and keeps a small
    /// file from filling the disk: the run then fails, and nothing is written. So it is with what each part of --split-by needs a
    /// copy of. Raise it for captures that you trust.
    #[arg(long, value_name = "RATIO", default_value_t = DEFAULT_MAX_EXPANSION, display_order = 6)]
    #[arg(help_heading = INPUT_AND_OUTPUT, value_parser = value_parser!(u32).range(1..))]
    pub max_expansion: u32,

    /// Drop what this address or prefix sends
    ///
    /// IPv4 or IPv6, and from then on the whole flow. src:ADDRESS is the side that opened the flow, dst:ADDRESS the other
    /// one, any:ADDRESS either.
    #[arg(long, value_name = "IP|CIDR", help_heading = RULES)]
    pub block_ip: Vec<String>,

    /// Drop flows to this port or range of ports
    ///
    /// With /tcp or /udp behind it, of that transport alone.
    #[arg(long, value_name = "PORT|LO-HI", help_heading = RULES)]
    pub block_port: Vec<String>,

    /// Drop this application, category or protocol
    ///
    /// --list-apps shows them. Case and punctuation do not count. YouTube over QUIC is matched by YouTube, Streaming and QUIC; Gmail by Gmail and
    /// by Google, which it is a part of.
    #[arg(long, value_name = "APP", help_heading = RULES)]
    pub block_app: Vec<String>,

    /// Drop this name; with *. before it, all below
    ///
    /// The flows that name it. *.example.com is example.com and every name below it; without "*." only that very name is
    /// meant; "~ads" is every name with that text anywhere in it. Case does not count, nor does a final dot.
    #[arg(long, value_name = "PATTERN", help_heading = RULES)]
    pub block_domain: Vec<String>,

    /// Keep this address, whatever blocks it
    ///
    /// Or prefix: the flows that it has sent a packet in, from that packet on.
    #[arg(long, value_name = "IP|CIDR", help_heading = RULES)]
    pub allow_ip: Vec<String>,

    /// Keep flows to this port, whatever blocks them
    ///
    /// Or range of ports.
    #[arg(long, value_name = "PORT|LO-HI", help_heading = RULES)]
    pub allow_port: Vec<String>,

    /// Keep this application, whatever blocks it
    ///
    /// Or category, or protocol. --block-app Streaming --allow-app YouTube drops all streaming but YouTube. A flow that was
    /// blocked before it was known passes from the packet on that names it; with --whole-flow, from its first.
    #[arg(long, value_name = "APP", help_heading = RULES)]
    pub allow_app: Vec<String>,

    /// Keep this name, whatever blocks it
    ///
    /// The flows that name it; patterns are as with --block-domain.
    #[arg(long, value_name = "PATTERN", help_heading = RULES)]
    pub allow_domain: Vec<String>,

    /// Read rules from this file too
    ///
    /// Sections BLOCKED_IPS, BLOCKED_PORTS, BLOCKED_APPS and BLOCKED_DOMAINS, and the same with ALLOWED, each name in
    /// square brackets on a line of its own; below it one value a line; # and ; start comments. Also [APP Name], an
    /// application of your own as --apps has them, and THRESHOLDS with lines such as port-scan-ports = 20.
    #[arg(long, value_name = "FILE", help_heading = RULES)]
    pub rules: Vec<PathBuf>,

    /// Read applications of your own from this file
    ///
    /// The same grammar as the built-in catalogue: a name in square brackets, below it category = …, domain = … and
    /// so on. They add to the built-in ones and win over them.
    #[arg(long, value_name = "FILE", help_heading = RULES)]
    pub apps: Vec<PathBuf>,

    /// Remove a blocked flow from its first packet
    ///
    /// Without it, packets pass until the flow is known, as in a firewall. INPUT is read twice.
    #[arg(long, help_heading = RULES)]
    pub whole_flow: bool,

    /// Keep what the rules match, drop the rest
    ///
    /// OUTPUT gets what --whole-flow would drop, packet for packet: whole flows, with the ICMP errors that quote them.
    /// All else is dropped, also what could not be decoded. INPUT is read twice.
    #[arg(long, help_heading = RULES)]
    pub only: bool,

    /// Let the lookups of a flow share its verdict
    ///
    /// A DNS flow goes with the flows that its client then opened to the names it had asked for, when all of them go; with
    /// --only it is kept for one of them. Whole flows are removed, as with --whole-flow.
    #[arg(long, help_heading = RULES)]
    pub with_dns: bool,

    /// Let a flow's DNS answer block it too
    ///
    /// A rule for an application or a domain then also removes flows in which no name can be read, when their client
    /// was told their address for such a name. Off by default: many names may share an address, and a flow to one of
    /// them then goes with another's.
    #[arg(long, help_heading = RULES)]
    pub block_by_dns: bool,

    /// Tell what a change of rules would change
    ///
    /// What the rules of NEW drop that those of OLD do not, and the other way round: flows, packets, bytes and names on standard
    /// output, and as JSON with --json; no packets are written, so all names are INPUTs. Whole flows are compared. Rules given
    /// besides, by flags and with --rules, count on both sides.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], action = ArgAction::Set, help_heading = RULES)]
    #[arg(conflicts_with_all = OF_A_FILTER, conflicts_with = "dropped")]
    pub diff_rules: Vec<PathBuf>,

    /// Write the report as JSON; - for stdout
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub json: Option<PathBuf>,

    /// Write the report as a web page; - for stdout
    ///
    /// One file that fetches nothing, under 1 MiB: a timeline, charts, rules, suspicious activity, and a table of the flows to search and
    /// sort, of up to 10,000 of them, the largest.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub html: Option<PathBuf>,

    /// Write a line of JSON a flow; - for stdout
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub flows: Option<PathBuf>,

    /// Write a row of CSV a flow; - for stdout
    ///
    /// A cell that a spreadsheet would take for a formula begins with an apostrophe.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub csv: Option<PathBuf>,

    /// Write Suricata's EVE events; - for stdout
    ///
    /// flow, tls, quic, http and dns, one JSON object a line, with Community IDs.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub eve: Option<PathBuf>,

    /// Write Zeek's logs, as JSON, into this folder
    ///
    /// conn.log, ssl.log, http.log and dns.log. The folder has to be there; logs of these names in it are replaced.
    #[arg(long, value_name = "DIR", help_heading = REPORTS)]
    pub zeek_dir: Option<PathBuf>,

    /// Tell what became of a flow, and why
    ///
    /// In place of the text report. FLOW is its number in --flows, or IP:PORT-IP:PORT in either direction (IPv6 in brackets;
    /// /tcp or /udp may follow): what was found in which packet and where in it, what that was concluded to be, what each rule said, and the
    /// verdict. An address, a domain (with all below it) or an application tells each of its flows in a line. Where none is
    /// meant, the run fails.
    #[arg(long, value_name = "FLOW", help_heading = REPORTS)]
    pub explain: Option<String>,

    /// Compare with a report kept from --json
    ///
    /// The exit status is 4 where it differs. Tells on standard error which applications, domains, rules and addresses are
    /// new or gone, and which figures changed. The paths, sizes and digests of files and the version do not count, nor do
    /// keys that only one of both reports has.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub expect: Option<PathBuf>,

    /// Write how that went as JUnit XML; - for stdout
    #[arg(long, value_name = "FILE", help_heading = REPORTS, requires = "expect")]
    pub expect_junit: Option<PathBuf>,

    /// Tell SHA-256 digests in the reports
    ///
    /// Of INPUT, OUTPUT and the dropped packets. They are of the files' bytes as they are, compressed or not, and INPUT's is of all of it: also of what stands behind a damage.
    /// --verify checks them. Those of the parts of --split-by stand in their index.json.
    #[arg(long, help_heading = REPORTS)]
    pub sha256: bool,

    /// Check the files that a JSON report tells of
    ///
    /// The exit status is 0 when everything agrees, else 1. The report must have been made with --sha256. Checked are the digests of
    /// INPUT, OUTPUT and the dropped packets, and that OUTPUT and the dropped packets together are INPUT, packet for packet and in
    /// order; where the dropped packets were not written, that OUTPUT is a part of INPUT, in order, and the number of packets. The
    /// files are looked for under the paths in the report, seen from the current folder; names and --dropped name others: all INPUTs in
    /// the order of the report, then OUTPUT. INPUT is read with --recover if the report tells of skipped bytes; --max-expansion counts for every file.
    #[arg(long, value_name = "REPORT", help_heading = REPORTS, conflicts_with = "apps")]
    #[arg(conflicts_with_all = OF_A_RUN, conflicts_with_all = OF_A_FILTER)]
    pub verify: Option<PathBuf>,

    /// Report who has more flows than N [default: 100]
    ///
    /// A file of rules may set it too, in its section THRESHOLDS; the flag wins.
    #[arg(long, value_name = "N", help_heading = REPORTS)]
    pub high_volume_flows: Option<u32>,

    /// Report who tries more ports than N [default: 10]
    ///
    /// An address that, as initiator, contacts more different ports. A file of rules may set it too, in its section
    /// THRESHOLDS; the flag wins.
    #[arg(long, value_name = "N", help_heading = REPORTS)]
    pub port_scan_ports: Option<u32>,

    /// Tell stages and each verdict's reason; -vv tells more
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet", help_heading = TERMINAL)]
    pub verbose: u8,

    /// Print no text report and no warnings, only errors
    #[arg(short, long, help_heading = TERMINAL)]
    pub quiet: bool,

    /// Colour the text report
    ///
    /// auto does so on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true, help_heading = TERMINAL)]
    pub color: When,

    /// Tell how far a run is, after a second
    ///
    /// On standard error, in a line that is written over. auto does so on a terminal, and not with --verbose or --quiet.
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true, help_heading = TERMINAL)]
    pub progress: When,

    /// Threads, 1 to 64; they change no result
    #[arg(long, value_name = "N", default_value_t = DEFAULT_WORKERS, help_heading = PERFORMANCE)]
    #[arg(value_parser = value_parser!(u8).range(1..=MAX_WORKERS))]
    pub workers: u8,

    /// Flows held in full at a time
    ///
    /// At least 64. Past that, the flow that was quiet for longest is closed early: its figures count, and if it was
    /// blocked it stays blocked.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_FLOWS, help_heading = PERFORMANCE)]
    #[arg(value_parser = value_parser!(u32).range(SHARDS as i64..))]
    pub max_flows: u32,

    /// List the applications that are known, and exit
    ///
    /// With --apps also those.
    #[arg(long, help_heading = ABOUT, conflicts_with_all = OF_A_RUN, conflicts_with_all = OF_A_FILTER)]
    #[arg(conflicts_with_all = ["paths", "dropped", "max_expansion", "verify"])]
    pub list_apps: bool,

    /// Completions: bash, elvish, fish, powershell, zsh
    #[arg(long, value_name = "SHELL", help_heading = ABOUT, exclusive = true, hide_possible_values = true)]
    pub completions: Option<Shell>,

    /// Print the manual page; --man | man -l - shows it
    #[arg(long, help_heading = ABOUT, exclusive = true)]
    pub man: bool,
}

/// When something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Where it makes sense.
    Auto,
    /// Whatever there is to show it on.
    Always,
    /// Not at all.
    Never,
}

/// What a capture may be taken apart by.
fn split_key() -> impl TypedValueParser<Value = SplitBy> {
    PossibleValuesParser::new(SplitBy::ALL.map(SplitBy::as_str)).try_map(|key| key.parse())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_consistent() {
        Args::command().debug_assert();
    }

    /// Every argument goes along with `flag`, or is refused beside it.
    #[track_caller]
    fn goes_along_with(flag: &str, goes_along: &[&str]) {
        let command = Args::command();
        let mut arguments = command.get_arguments();
        let flagged = arguments.find(|arg| arg.get_id() == flag).unwrap();
        let refuses = |one, other| command.get_arg_conflicts_with(one).contains(&other);
        for arg in command.get_arguments() {
            let is_refused =
                arg.is_exclusive_set() || refuses(flagged, arg) || refuses(arg, flagged);
            let id = arg.get_id().as_str();
            assert_ne!(is_refused, id == flag || goes_along.contains(&id), "{id}");
        }
    }

    #[test]
    fn a_list_of_applications_takes_their_files_and_nothing_else() {
        goes_along_with("list_apps", &["apps", "quiet"]);
    }

    #[test]
    fn a_check_takes_other_paths_and_nothing_else() {
        let paths = ["paths", "dropped"];
        let rest = ["max_expansion", "quiet"];
        goes_along_with("verify", &[&paths[..], &rest].concat());
    }

    #[test]
    fn every_flag_has_help_of_its_own() {
        for arg in Args::command().get_arguments() {
            assert!(arg.get_help().is_some(), "{}", arg.get_id());
        }
    }
}
