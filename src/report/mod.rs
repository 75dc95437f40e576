//! The report on a run: numbers that are already counted and reconciled, put in order, and shown as text or JSON; and one line for each flow.
//!
//! In go what the counters and the watchers have gathered, and the names that belong to ids; out come bytes.
//! Opens no output, and knows no clock, host name or terminal: the same run gives the same bytes.

mod comments;
mod expect;
mod explain;
mod exports;
mod facts;
mod flows;
mod html;
mod in_order;
mod inert;
mod input;
mod json;
mod rules_diff;
mod sort;
mod split;
mod text;
mod warnings;

use serde::Serialize;

use crate::catalogue::AppId;
use crate::domain::DomainName;
use crate::evidence::Basis;
use crate::flow::FlowSummary;
use crate::fragments::FragmentCounts;
use crate::hosts::Findings;
use crate::protocol::Protocol;
use crate::rules::RuleId;
use crate::stats::{
    FlowCounts, FlowTables, PacketCounts, Shown, Tally, Undecoded, UndecodedReason,
};

pub use comments::{FlowComments, SortedComments};
pub use expect::{Difference, Expected, ExpectedError, junit};
pub use explain::{End, Explanations, NotFound, Query, QueryError};
pub use exports::{CsvFlows, EveEvents, ZEEK_LOGS, ZeekLogs};
pub use flows::FlowLines;
pub use html::HtmlReport;
pub use in_order::{FLOW_LINES_BUDGET, FlowLinesError};
pub use input::{Damage, Input, InputFile, Resolution, Skip, Skipped};
pub use json::json;
pub use rules_diff::{Change, RULES_DIFF_SCHEMA, RulesDiff, rules_diff_json, rules_diff_text};
pub use split::{
    Division, FlowParts, Holds, MAX_FILE_NAME_LEN, MAX_PARTS, NoSplit, Part, SPLIT_SCHEMA, SplitBy,
    SplitIndex, SplitInput, SplitPart, split_index_json,
};
pub use text::{DEFAULT_WIDTH, Look, MIN_WIDTH, text};

/// Name and version of the JSON report's shape. Keys may be added under it; none goes or changes its meaning.
pub const SCHEMA: &str = "dpi_engine.report/1";

/// What a flow of which nothing is known is shown as.
pub const UNKNOWN: &str = "Unknown";

/// The category that protocols are shown under.
pub const PROTOCOLS: &str = "Protocols";

/// Gives ids their names: what reports need of a catalogue and of rules.
pub trait Names {
    /// Name and category of an application; `None` for an id that it does not know.
    fn application(&self, id: AppId) -> Option<(&str, &str)>;

    /// The application that a domain name belongs to.
    fn application_of(&self, domain: &str) -> Option<AppId>;

    /// A rule and where it came from, such as `app:YouTube` and `rules.txt:7`.
    ///
    /// Ids are dense: the first `None` ends the list of rules.
    fn rule(&self, id: RuleId) -> Option<(&str, &str)>;

    /// Whether what a rule takes is kept, and not dropped.
    fn keeps(&self, id: RuleId) -> bool {
        let _ = id;
        false
    }
}

/// A whole report. Serialises as the JSON report; lists are whole, the highest count first, then by name.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was read.
    pub input: Input,
    /// Packets.
    pub packets: PacketCounts,
    /// By what the files are known again; left out where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
    /// Packets that could not be decoded, by reason; together they are `packets.undecoded`.
    pub undecoded_reasons: Vec<ReasonCount>,
    /// Flows.
    pub flows: FlowCounts,
    /// Flows by application, else by innermost protocol, else [`UNKNOWN`].
    pub applications: Vec<ApplicationCount<'a>>,
    /// Flows by name.
    pub domains: Vec<DomainCount<'a>>,
    /// Flows by the JA4 of their client, where fingerprints were asked for.
    pub ja4: Vec<FingerprintCount>,
    /// Every rule, also those that matched nothing.
    pub rules: Vec<RuleCount<'a>>,
    /// Addresses worth a look, worst first.
    #[serde(serialize_with = "json::findings")]
    pub suspicious: Findings,
    /// What this report does not tell, and what went wrong and did not stop the run; one sentence each.
    pub warnings: Vec<String>,
}

/// The program.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Tool {
    /// This program, as its package calls it.
    pub const THIS: Self = Self {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    };
}

/// Digests of the files that a run read and wrote: of their bytes as they are, compressed ones included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digests {
    /// How they are made: [`Digests::ALGORITHM`].
    pub algorithm: &'static str,
    /// Of the whole input, in hexadecimal digits, as all of them; its path stands in [`Input`]. Of several files, the first one's.
    pub input: String,
    /// Of the output; `None` when none was written.
    pub output: Option<String>,
    /// Of the dropped packets; `None` when they were not written.
    pub dropped: Option<String>,
    /// The output, as the user gave it; `-` for standard output.
    pub output_path: Option<String>,
    /// The dropped packets, as the user gave it.
    pub dropped_path: Option<String>,
}

impl Digests {
    /// SHA-256, FIPS 180-4.
    pub const ALGORITHM: &'static str = "sha256";
}

/// Packets that could not be decoded for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// What was in the way: what is not decoded, such as `ARP (ethertype 0x0806)`, or how the packet is broken.
    #[serde(serialize_with = "json::shown")]
    pub reason: UndecodedReason,
    /// Packets.
    pub packets: u64,
}

/// Flows that are shown under one name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplicationCount<'a> {
    /// The application, protocol, or [`UNKNOWN`].
    pub name: &'a str,
    /// Its category; `None` for [`UNKNOWN`].
    pub category: Option<&'a str>,
    /// Flows.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Share of all flows, rounded to one decimal.
    pub percent: f64,
}

/// Flows that carry one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainCount<'a> {
    /// The name.
    #[serde(serialize_with = "json::shown")]
    pub name: DomainName,
    /// Flows that carry it.
    pub flows: u64,
    /// The application that it belongs to.
    pub application: Option<&'a str>,
}

/// Flows whose client has one fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FingerprintCount {
    /// The fingerprint.
    pub fingerprint: Box<str>,
    /// Flows.
    pub flows: u64,
}

/// What a rule does to the flows that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They are dropped.
    Drop,
    /// They are kept.
    Keep,
}

/// What one rule took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCount<'a> {
    /// The rule, as `app:YouTube`.
    pub rule: &'a str,
    /// Where it came from, as `--block-app` or `rules.txt:7`.
    pub origin: &'a str,
    /// What became of the flows and packets that are counted here.
    pub action: Action,
    /// Flows.
    pub flows: u64,
    /// Packets; those that passed before the flow was known are not among them.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// What a run has gathered.
#[derive(Debug)]
pub struct Gathered {
    /// What was read.
    pub input: Input,
    /// By what the files are known again.
    pub digests: Option<Digests>,
    /// Packets, all of them by transport and by fate.
    pub packets: PacketCounts,
    /// Those of them that could not be decoded.
    pub undecoded: Undecoded,
    /// Flows.
    pub flows: FlowTables,
    /// Addresses worth a look.
    pub suspicious: Findings,
    /// Datagrams that came in fragments.
    pub fragments: FragmentCounts,
    /// Dropped packets that are missing in the figures of flows and rules.
    pub untold_drops: u64,
    /// Flows that took no lookup along, or lookups that went with no flow, for want of room.
    pub untold_lookups: u64,
    /// How often a DNS answer was forgotten while it still counted.
    pub forgotten_answers: u64,
    /// Inputs that begin before one in front of them ends, and whose packets are therefore not in order of time.
    pub overlapping_inputs: u64,
}

impl<'a> Report<'a> {
    /// Puts what was gathered in order, and gives it its names.
    pub fn new(gathered: Gathered, names: &'a impl Names) -> Self {
        let Gathered {
            input,
            digests,
            packets,
            undecoded,
            flows,
            suspicious,
            fragments,
            untold_drops,
            untold_lookups,
            forgotten_answers,
            overlapping_inputs,
        } = gathered;
        debug_assert!(packets.reconciles(), "{packets:?}");
        let mut warnings = warnings::of_inputs(overlapping_inputs);
        warnings.extend(warnings::of_fragments(fragments));
        warnings.extend(warnings::of_drops(untold_drops));
        warnings.extend(warnings::of_lookups(untold_lookups));
        warnings.extend(warnings::of_flows(&flows));
        warnings.extend(warnings::of_answers(forgotten_answers));
        warnings.extend(suspicious.warnings());
        Self {
            schema: SCHEMA,
            tool: Tool::THIS,
            input,
            digests,
            packets,
            undecoded_reasons: reasons(undecoded),
            applications: applications(&flows, names),
            rules: rules(&flows, names),
            flows: flows.counts,
            ja4: fingerprints(flows.ja4),
            domains: domains(flows.domains, names),
            suspicious,
            warnings,
        }
    }
}

/// The name that a flow goes by where there is room for one: the one that decided its application, else the first.
fn name_of(flow: &FlowSummary) -> Option<&str> {
    let findings = flow.findings();
    match findings.decided_by() {
        Some((Basis::Name(_), name, _)) => Some(name),
        _ => findings.names.first().map(|found| found.name.as_str()),
    }
}

/// What a flow is shown as: its application, else its innermost protocol, else [`UNKNOWN`].
fn shown_name<'a>(flow: &FlowSummary, names: &'a impl Names) -> &'a str {
    let application = flow.application.and_then(|id| names.application(id));
    let innermost = flow.protocols.innermost().map(Protocol::as_str);
    let application = application.map(|(name, _)| name).or(innermost);
    application.unwrap_or(UNKNOWN)
}

fn reasons(undecoded: Undecoded) -> Vec<ReasonCount> {
    let rows = undecoded.into_rows().into_iter();
    rows.map(|(reason, packets)| ReasonCount { reason, packets })
        .collect()
}

fn applications<'a>(tables: &FlowTables, names: &'a impl Names) -> Vec<ApplicationCount<'a>> {
    let mut rows: Vec<(&str, Option<&str>, Tally)> = tables
        .shown
        .iter()
        .map(|&(shown, tally)| {
            let (name, category) = shown_as(shown, names);
            (name, category, tally)
        })
        .collect();
    // A catalogue may call an application as a protocol is called; what is shown under one name is counted under one name.
    rows.sort_by_key(|&(name, ..)| name);
    rows.dedup_by(|next, row| {
        let is_same = row.0 == next.0;
        if is_same {
            row.2.add(next.2);
        }
        is_same
    });
    // Stable, so that equal counts stay in the order of their names.
    rows.sort_by_key(|(.., tally)| std::cmp::Reverse(tally.flows));
    rows.into_iter()
        .map(|(name, category, tally)| ApplicationCount {
            name,
            category,
            flows: tally.flows,
            packets: tally.packets,
            bytes: tally.bytes,
            percent: percent(tally.flows, tables.counts.total),
        })
        .collect()
}

/// What `shown` is called, and its category.
fn shown_as(shown: Shown, names: &impl Names) -> (&str, Option<&str>) {
    match shown {
        Shown::Application(id) => match names.application(id) {
            Some((name, category)) => (name, Some(category)),
            None => (UNKNOWN, None),
        },
        Shown::Protocol(protocol) => (protocol.as_str(), Some(PROTOCOLS)),
        Shown::Unknown => (UNKNOWN, None),
    }
}

fn domains(domains: Vec<(DomainName, u64)>, names: &impl Names) -> Vec<DomainCount<'_>> {
    domains
        .into_iter()
        .map(|(name, flows)| {
            let application = names.application_of(name.as_str());
            DomainCount {
                application: application.and_then(|id| Some(names.application(id)?.0)),
                name,
                flows,
            }
        })
        .collect()
}

fn fingerprints(counts: Vec<(Box<str>, u64)>) -> Vec<FingerprintCount> {
    let rows = counts.into_iter();
    rows.map(|(fingerprint, flows)| FingerprintCount { fingerprint, flows })
        .collect()
}

fn rules<'a>(tables: &FlowTables, names: &'a impl Names) -> Vec<RuleCount<'a>> {
    let mut rows: Vec<_> = (0..)
        .map(RuleId)
        .map_while(|id| Some((id, names.rule(id)?)))
        .map(|(id, (rule, origin))| {
            let found = tables.rules.binary_search_by_key(&id, |(id, _)| *id);
            let removed = found.ok().and_then(|at| tables.rules.get(at));
            let tally = removed.map_or(Tally::default(), |(_, tally)| *tally);
            RuleCount {
                rule,
                origin,
                action: if names.keeps(id) {
                    Action::Keep
                } else {
                    Action::Drop
                },
                flows: tally.flows,
                packets: tally.packets,
                bytes: tally.bytes,
            }
        })
        .collect();
    rows.sort_by(|a, b| b.flows.cmp(&a.flows).then(a.rule.cmp(b.rule)));
    rows
}

/// `part` of `whole` in percent, rounded to one decimal; 0 of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    let (part, whole) = (u128::from(part), u128::from(whole));
    // In whole tenths first: a quotient of floats could fall on the wrong side of a half.
    let tenths = (part * 2000 + whole)
        .checked_div(whole * 2)
        .unwrap_or_default();
    tenths as f64 / 10.0
}

#[cfg(test)]
mod tests;
