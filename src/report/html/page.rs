//! What the page's template is filled with: texts that may be shown, figures, and lists that are cut.

use std::io;
use std::path::Path;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::chart::{Chart, HEIGHT};
use super::headline::{headline, standfirst};
use super::talkers::TopTalkers;
use super::text::{Figure, Percent, path, sentence, shown};
use crate::hosts::Finding;
use crate::packet::Timestamp;
use crate::report::facts::{self, Fact};
use crate::report::{Action, Input, ReasonCount, Report, inert};

/// Addresses with most traffic that are listed.
pub(super) const MOST_TALKERS: usize = 20;
const MOST_APPLICATIONS: usize = 50;
const MOST_DOMAINS: usize = 50;
const MOST_RULES: usize = 100;
const MOST_FINDINGS: usize = 30;
const MOST_REASONS: usize = 20;
const MOST_FILES: usize = 20;
/// Visited domains, and peers, that are listed for one address.
const MOST_CONTACTS: usize = 10;
const MOST_WARNINGS: usize = 50;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
pub(super) struct Page {
    style: &'static str,
    script: &'static str,
    style_hash: String,
    script_hash: String,
    tool: String,
    /// The path of the capture, or of the first of several.
    file: String,
    /// How many more there are.
    more_files: Figure,
    /// What the page is called where it is one of many.
    title: String,
    headline: String,
    standfirst: String,
    fates: [Fate; 2],
    total: Fate,
    /// Packets and flows by what they are.
    kinds: Vec<(&'static str, Figure)>,
    flow_kinds: Vec<(&'static str, Figure)>,
    undecoded: Listing<ReasonCount>,
    facts: Vec<Fact>,
    /// Where there are several.
    files: Listing<FileRow>,
    digests: Vec<Fact>,
    damage: Vec<Fact>,
    warnings: Listing<String>,
    chart: Option<Chart>,
    /// Of the chart, in its own units.
    height: u64,
    /// The chart's data, as JSON for a script.
    chart_data: String,
    applications: Listing<ApplicationRow>,
    talkers: Listing<TalkerRow>,
    are_talkers_partial: bool,
    domains: Listing<DomainRow>,
    rules: Listing<RuleRow>,
    findings: Listing<FindingRow>,
    /// The flows, as JSON for a script.
    pub(super) flows: String,
}

/// The head of a list, and how much more of it there is.
pub(super) struct Listing<T> {
    rows: Vec<T>,
    more: Figure,
}

/// What became of packets.
struct Fate {
    name: &'static str,
    packets: Figure,
    packet_share: Percent,
    bytes: Figure,
    byte_share: Percent,
}

/// One of several files that were read.
struct FileRow {
    path: String,
    format: String,
    bytes: Figure,
    /// When its first packet was, and its last; nothing where it has none.
    first: String,
    last: String,
    /// Nothing, where it was not asked for.
    sha256: String,
}

struct ApplicationRow {
    name: String,
    category: String,
    flows: Figure,
    share: Percent,
    packets: Figure,
    bytes: Figure,
    byte_share: Percent,
}

struct TalkerRow {
    address: String,
    opened: Figure,
    answered: Figure,
    bytes: Figure,
    share: Percent,
    dropped_bytes: Figure,
}

struct DomainRow {
    name: String,
    application: String,
    flows: Figure,
    share: Percent,
}

struct RuleRow {
    rule: String,
    origin: String,
    effect: &'static str,
    flows: Figure,
    packets: Figure,
    bytes: Figure,
    share: Percent,
}

struct FindingRow {
    address: String,
    severity: &'static str,
    /// What kind each is of, and its text.
    reasons: Vec<(String, String)>,
    domains: Listing<String>,
    peers: Listing<String>,
}

impl<T> Listing<T> {
    /// The first `most` of `len` rows.
    fn new(rows: impl Iterator<Item = T>, len: usize, most: usize) -> Self {
        Self {
            rows: rows.take(most).collect(),
            more: Figure(len.saturating_sub(most) as u64),
        }
    }

    fn is_cut(&self) -> bool {
        self.more.0 > 0
    }
}

impl Fate {
    fn new(name: &'static str, packets: (u64, u64), bytes: (u64, u64)) -> Self {
        Self {
            name,
            packets: Figure(packets.0),
            packet_share: Percent::of(packets.0, packets.1),
            bytes: Figure(bytes.0),
            byte_share: Percent::of(bytes.0, bytes.1),
        }
    }
}

impl Page {
    /// All of it but its flows.
    ///
    /// # Errors
    /// None: nothing is written but memory.
    pub(super) fn new(
        report: &Report<'_>,
        chart: Option<Chart>,
        talkers: TopTalkers,
    ) -> io::Result<Self> {
        let packets = &report.packets;
        let bytes = packets.bytes;
        let fate =
            |name, count, of_bytes| Fate::new(name, (count, packets.total), (of_bytes, bytes));
        let warnings = report.warnings.iter().map(|text| sentence(text));
        let reasons = &report.undecoded_reasons;
        let count = |count| Figure(count).to_string();
        Ok(Self {
            style: STYLE,
            script: SCRIPT,
            style_hash: hash(STYLE),
            script_hash: hash(SCRIPT),
            tool: format!("{} {}", report.tool.name, report.tool.version),
            file: path(&report.input.path),
            more_files: Figure(report.input.files.len().saturating_sub(1) as u64),
            title: title(&report.input),
            headline: headline(report),
            standfirst: standfirst(report),
            fates: [
                fate("Forwarded", packets.forwarded, packets.forwarded_bytes),
                fate("Dropped", packets.dropped, packets.dropped_bytes),
            ],
            total: fate("All", packets.total, bytes),
            kinds: kinds(report),
            flow_kinds: flow_kinds(report),
            undecoded: Listing::new(reasons.iter().copied(), reasons.len(), MOST_REASONS),
            facts: printed(facts::of_capture(&report.input, count)),
            files: files(&report.input),
            digests: printed(
                report
                    .digests
                    .as_ref()
                    .map(|digests| facts::of_digests(digests, &report.input))
                    .unwrap_or_default(),
            ),
            damage: printed(facts::of_damage(&report.input, count)),
            warnings: Listing::new(warnings, report.warnings.len(), MOST_WARNINGS),
            chart_data: inert::script(&chart.as_ref().map(|chart| &chart.data))?,
            chart,
            height: HEIGHT,
            applications: applications(report),
            are_talkers_partial: talkers.is_partial,
            talkers: talker_rows(talkers, bytes),
            domains: domains(report),
            rules: rules(report),
            findings: findings(report),
            flows: String::new(),
        })
    }
}

/// How a Content-Security-Policy knows an inline style or script.
///
/// Source: CSP Level 3 §6.7.3.3 (<https://www.w3.org/TR/CSP3/#match-element-to-source-list>).
fn hash(inline: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inline)))
}

fn printed(facts: Vec<Fact>) -> Vec<Fact> {
    let facts = facts.into_iter();
    facts
        .map(|(label, value)| match label {
            "File" | "First file" | "Last file" => (label, path(&value)),
            _ => (label, sentence(&value)),
        })
        .collect()
}

/// The name of the capture's file, without its folders.
fn title(input: &Input) -> String {
    let name = Path::new(&input.path).file_name();
    let name = name.map_or(input.path.as_str().into(), |name| name.to_string_lossy());
    let name = shown(&name);
    match input.files.len().saturating_sub(1) {
        0 => name,
        more => format!("{name} and {} more", Figure(more as u64)),
    }
}

fn files(input: &Input) -> Listing<FileRow> {
    let moment = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    let rows = input.files.iter().map(|file| FileRow {
        path: path(&file.path),
        format: match file.compression {
            Some(compression) => format!("{}, {compression}", file.format),
            None => file.format.to_owned(),
        },
        bytes: Figure(file.file_bytes),
        first: moment(file.first_packet),
        last: moment(file.last_packet),
        sha256: file.sha256.clone().unwrap_or_default(),
    });
    Listing::new(rows, input.files.len(), MOST_FILES)
}

fn kinds(report: &Report<'_>) -> Vec<(&'static str, Figure)> {
    let packets = &report.packets;
    let kinds = [
        ("TCP", packets.tcp),
        ("UDP", packets.udp),
        ("ICMP", packets.icmp),
        ("Other", packets.other),
        ("IPv4", packets.ipv4),
        ("IPv6", packets.ipv6),
        ("Fragments", packets.fragments),
        ("Not decoded", packets.undecoded),
    ];
    kinds.map(|(name, count)| (name, Figure(count))).to_vec()
}

fn flow_kinds(report: &Report<'_>) -> Vec<(&'static str, Figure)> {
    let flows = &report.flows;
    let kinds = [
        ("All", flows.total),
        ("TCP", flows.tcp),
        ("UDP", flows.udp),
        ("ICMP", flows.icmp),
        ("Other", flows.other),
        ("Dropped", flows.blocked),
        ("Closed early", flows.evicted),
        ("Encrypted DNS", flows.encrypted_dns),
        ("Encrypted hello", flows.ech),
    ];
    kinds.map(|(name, count)| (name, Figure(count))).to_vec()
}

fn applications(report: &Report<'_>) -> Listing<ApplicationRow> {
    let rows = report.applications.iter().map(|app| ApplicationRow {
        name: shown(app.name),
        category: shown(app.category.unwrap_or_default()),
        flows: Figure(app.flows),
        share: Percent::of(app.flows, report.flows.total),
        packets: Figure(app.packets),
        bytes: Figure(app.bytes),
        byte_share: Percent::of(app.bytes, report.packets.bytes),
    });
    Listing::new(rows, report.applications.len(), MOST_APPLICATIONS)
}

fn talker_rows(talkers: TopTalkers, bytes: u64) -> Listing<TalkerRow> {
    let rows = talkers.rows.into_iter().map(|(address, talk)| TalkerRow {
        address: address.to_string(),
        opened: Figure(talk.opened),
        answered: Figure(talk.answered),
        bytes: Figure(talk.bytes),
        share: Percent::of(talk.bytes, bytes),
        dropped_bytes: Figure(talk.dropped_bytes),
    });
    Listing {
        rows: rows.collect(),
        more: Figure(talkers.more),
    }
}

fn domains(report: &Report<'_>) -> Listing<DomainRow> {
    let rows = report.domains.iter().map(|domain| DomainRow {
        name: shown(domain.name.as_str()),
        application: shown(domain.application.unwrap_or_default()),
        flows: Figure(domain.flows),
        share: Percent::of(domain.flows, report.flows.total),
    });
    Listing::new(rows, report.domains.len(), MOST_DOMAINS)
}

fn rules(report: &Report<'_>) -> Listing<RuleRow> {
    let rows = report.rules.iter().map(|rule| RuleRow {
        rule: shown(rule.rule),
        origin: shown(rule.origin),
        effect: match rule.action {
            Action::Drop => "dropped",
            Action::Keep => "kept",
        },
        flows: Figure(rule.flows),
        packets: Figure(rule.packets),
        bytes: Figure(rule.bytes),
        share: Percent::of(rule.bytes, report.packets.bytes),
    });
    Listing::new(rows, report.rules.len(), MOST_RULES)
}

fn findings(report: &Report<'_>) -> Listing<FindingRow> {
    let row = |finding: Finding<'_>| {
        let domains = finding.domains.iter().map(|name| shown(name));
        let peers = finding.peers.iter().map(|peer| match peer.name {
            Some(name) => format!("{} ({})", peer.ip, shown(name)),
            None => peer.ip.to_string(),
        });
        FindingRow {
            address: finding.ip.to_string(),
            severity: finding.severity.as_str(),
            reasons: finding
                .reasons
                .iter()
                .map(|reason| {
                    (
                        reason.kind().replace('_', " "),
                        sentence(&reason.to_string()),
                    )
                })
                .collect(),
            domains: Listing::new(domains, finding.domains.len(), MOST_CONTACTS),
            peers: Listing::new(peers, finding.peers.len(), MOST_CONTACTS),
        }
    };
    let rows = report.suspicious.iter().map(row);
    Listing::new(rows, report.suspicious.len(), MOST_FINDINGS)
}
