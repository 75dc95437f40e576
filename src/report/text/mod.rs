//! The report as people read it: a box of text, every line equally wide.
//!
//! Shows the heads of long lists and says how much more the JSON report holds.

mod page;

use crate::hosts::{Finding, Severity};

use super::facts::{self, Fact};
use super::{Action, FlowCounts, Input, ReasonCount, Report};
use page::{Page, Style, fit};

pub(super) use page::printable;

pub(super) use page::is_format;

/// Narrowest box, in columns.
pub const MIN_WIDTH: usize = 40;

/// Width of a box that is shown on no terminal, in columns.
pub const DEFAULT_WIDTH: usize = 64;

/// Columns between the edges from which on figures stand side by side.
const TWO_COLUMNS: usize = 54;

/// How the box looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its width in columns; one under [`MIN_WIDTH`] is that.
    pub width: usize,
    /// Whether titles and severities stand out by their colours (ECMA-48).
    pub is_coloured: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            width: DEFAULT_WIDTH,
            is_coloured: false,
        }
    }
}

/// Domains, rules and suspicious addresses that are shown; the JSON report has all of them.
const MOST_SHOWN: usize = 20;
/// Reasons for which packets were not decoded that are shown.
const MOST_REASONS: usize = 5;
/// Visited domains, and peers, that are shown for one address.
const MOST_CONTACTS: usize = 10;

/// Percent of all flows that one block of a bar stands for.
const PERCENT_A_BLOCK: f64 = 2.0;
/// Columns of the longest bar: 100 %.
const LONGEST_BAR: usize = 50;

/// Columns of the labels of figures and facts, left and right, and of a figure on the left.
const LABEL: usize = 17;
const RIGHT_LABEL: usize = 13;
const LEFT_FIGURE: usize = 12;

/// The report as a box of text, with a newline at the end.
pub fn text(report: &Report<'_>, look: Look) -> String {
    let mut page = Page::new(look.width.max(MIN_WIDTH), look.is_coloured);
    page.styled(Style::Bold, |page| page.centred("DPI ENGINE REPORT"));
    statistics(&mut page, report);
    undecoded(&mut page, &report.undecoded_reasons);
    capture(&mut page, &report.input);
    digests(&mut page, report);
    applications(&mut page, report);
    domains(&mut page, report);
    rules(&mut page, report);
    suspicious(&mut page, report);
    warnings(&mut page, &report.warnings);
    page.finish()
}

fn statistics(page: &mut Page, report: &Report<'_>) {
    let (packets, flows) = (&report.packets, &report.flows);
    page.section("Overall Packet Statistics");
    for ((left, left_figure), (right, right_figure)) in [
        (
            ("Total packets:", packets.total),
            ("Forwarded:", packets.forwarded),
        ),
        (
            ("Total bytes:", packets.bytes),
            ("Dropped:", packets.dropped),
        ),
        (
            ("Dropped bytes:", packets.dropped_bytes),
            ("IPv4:", packets.ipv4),
        ),
        (("TCP packets:", packets.tcp), ("IPv6:", packets.ipv6)),
        (
            ("UDP packets:", packets.udp),
            ("Fragments:", packets.fragments),
        ),
        (
            ("ICMP packets:", packets.icmp),
            ("Undecoded:", packets.undecoded),
        ),
        (
            ("Other packets:", packets.other),
            ("Blocked:", flows.blocked),
        ),
        (("Connections:", flows.total), ("Evicted:", flows.evicted)),
    ] {
        if page.columns() < TWO_COLUMNS {
            for (label, figure) in [(left, left_figure), (right, right_figure)] {
                page.line(&format!("{label:<LABEL$}{figure}"));
            }
            continue;
        }
        let left_figure = left_figure.to_string();
        let right = format!("{right:<RIGHT_LABEL$}{right_figure}");
        let left = format!("{left:<LABEL$}{left_figure:<LEFT_FIGURE$}");
        // A figure is shown whole or not at all: one too long for its column has the line to itself.
        if left_figure.len() < LEFT_FIGURE {
            page.line(&format!("{left}{right}"));
        } else {
            page.line(&left);
            page.line(&format!("{:1$}{right}", "", LABEL + LEFT_FIGURE));
        }
    }
}

/// What could not be decoded; nothing, where everything could.
fn undecoded(page: &mut Page, reasons: &[ReasonCount]) {
    for (row, reason) in reasons.iter().take(MOST_REASONS).enumerate() {
        let label = if row == 0 { "Not decoded:" } else { "" };
        let text = format!("{} {}", reason.packets, reason.reason);
        page.wrapped(&format!("{label:<LABEL$}"), &text);
    }
    if reasons.len() > MOST_REASONS {
        let more = reasons.len() - MOST_REASONS;
        page.line(&format!(
            "{:LABEL$}… and {more} more in the JSON report",
            ""
        ));
    }
}

fn capture(page: &mut Page, input: &Input) {
    page.section("Capture");
    let count = |count: u64| count.to_string();
    facts(page, facts::of_capture(input, count));
    facts(page, facts::of_damage(input, count));
}

/// Nothing, where they were not asked for.
fn digests(page: &mut Page, report: &Report<'_>) {
    let Some(digests) = &report.digests else {
        return;
    };
    page.section("SHA-256 Digests");
    let inputs = report.input.files.len();
    if inputs > 0 {
        let told = format!("{inputs}, each in the JSON report");
        facts(page, vec![("Inputs", told)]);
    }
    facts(page, facts::of_digests(digests, &report.input));
}

fn facts(page: &mut Page, facts: Vec<Fact>) {
    for (label, value) in facts {
        let label = format!("{label}:");
        page.wrapped(&format!("{label:<LABEL$}"), &value);
    }
}

fn applications(page: &mut Page, report: &Report<'_>) {
    page.section("Application Classification Breakdown   (connections)");
    let digits = longest(report.applications.iter().map(|app| app.flows));
    // Blank, figures, two blanks, "(100.0%)", blank.
    let figures = 1 + digits + 2 + 8 + 1;
    let room = page.columns().saturating_sub(figures);
    // Names have 13 columns at least, and what the longest bar leaves.
    let bar = room.saturating_sub(13).min(LONGEST_BAR);
    for app in &report.applications {
        let blocks = (app.percent / PERCENT_A_BLOCK).round() as usize;
        page.line(&format!(
            "{} {:>digits$}  ({:>5.1}%) {}",
            fit(app.name, room - bar),
            app.flows,
            app.percent,
            "█".repeat(blocks.min(bar)),
        ));
    }
    if report.applications.is_empty() {
        page.line("none");
    }
    encrypted(page, &report.flows);
}

/// What hides what connections are about; nothing, where nothing does.
fn encrypted(page: &mut Page, flows: &FlowCounts) {
    if flows.encrypted_dns > 0 {
        let figure = flows.encrypted_dns.to_string();
        page.wrapped("Connections with encrypted DNS: ", &figure);
    }
    if flows.ech > 0 {
        let figure = format!("{} (names may be covers)", flows.ech);
        page.wrapped("Connections with encrypted hello: ", &figure);
    }
}

fn domains(page: &mut Page, report: &Report<'_>) {
    /// Columns of an application's name.
    const APPLICATION: usize = 14;
    page.section(&format!("Top {MOST_SHOWN} Domains"));
    let shown = || report.domains.iter().take(MOST_SHOWN);
    let digits = longest(shown().map(|domain| domain.flows));
    let name = page.columns().saturating_sub(1 + digits + 2 + APPLICATION);
    for domain in shown() {
        page.line(&format!(
            "{} {:>digits$}  {}",
            fit(domain.name.as_str(), name),
            domain.flows,
            fit(domain.application.unwrap_or_default(), APPLICATION),
        ));
    }
    ending(page, report.domains.len(), "none");
}

fn rules(page: &mut Page, report: &Report<'_>) {
    page.section("Rules");
    for rule in report.rules.iter().take(MOST_SHOWN) {
        let origin = format!("({})", rule.origin);
        if !page.sides(rule.rule, &origin) {
            page.wrapped("", &format!("{} {origin}", rule.rule));
        }
        let kept = match rule.action {
            Action::Drop => "",
            Action::Keep => "kept: ",
        };
        let taken = format!(
            "{kept}connections: {}, packets: {}, bytes: {}",
            rule.flows, rule.packets, rule.bytes
        );
        page.wrapped("     ", &taken);
    }
    ending(page, report.rules.len(), "no rules");
}

fn suspicious(page: &mut Page, report: &Report<'_>) {
    page.section("!! Suspicious IP Activity");
    for finding in report.suspicious.iter().take(MOST_SHOWN) {
        reasons(page, &finding);
        let domains = finding.domains.iter().map(ToString::to_string);
        contacts(page, "Visited domains:", domains);
        let peers = finding.peers.iter().map(|peer| match peer.name {
            Some(name) => format!("{} ({name})", peer.ip),
            None => peer.ip.to_string(),
        });
        contacts(page, "Connected to IPs:", peers);
    }
    ending(page, report.suspicious.len(), "none");
}

fn reasons(page: &mut Page, finding: &Finding<'_>) {
    let mut reasons = finding.reasons.iter().map(|reason| {
        let kind = reason.kind().replace('_', " ").to_uppercase();
        format!("[{kind}: {reason}]")
    });
    let subject = format!("!! {}", finding.ip);
    let severity = finding.severity.as_str();
    let style = match finding.severity {
        Severity::High => Style::Red,
        Severity::Medium => Style::Yellow,
        Severity::Low => Style::Cyan,
        Severity::Info => Style::Faint,
    };
    let first = reasons.next().unwrap_or_default();
    let whole = format!("{subject}  {first}");
    let mut is_whole = false;
    page.styled(style, |page| {
        is_whole = page.sides(&whole, severity);
        // An IPv6 address may leave no room for the word.
        if !is_whole && !page.sides(&subject, severity) {
            page.wrapped("", &format!("{subject} {severity}"));
        }
    });
    if !is_whole {
        page.wrapped("     ", &first);
    }
    for reason in reasons {
        page.wrapped("     ", &reason);
    }
}

fn contacts(page: &mut Page, title: &str, contacts: impl ExactSizeIterator<Item = String>) {
    let more = contacts.len().saturating_sub(MOST_CONTACTS);
    if contacts.len() > 0 {
        page.line(&format!("     {title}"));
    }
    for contact in contacts.take(MOST_CONTACTS) {
        page.line(&format!("       -> {contact}"));
    }
    if more > 0 {
        page.line(&format!("       … and {more} more"));
    }
}

fn warnings(page: &mut Page, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    page.section("Warnings");
    page.styled(Style::Yellow, |page| {
        for warning in warnings {
            page.wrapped("- ", warning);
        }
    });
}

/// What stands below a list of `len` entries of which [`MOST_SHOWN`] are shown.
fn ending(page: &mut Page, len: usize, if_empty: &str) {
    if len == 0 {
        page.line(if_empty);
    } else if len > MOST_SHOWN {
        page.line(&format!(
            "… and {} more in the JSON report",
            len - MOST_SHOWN
        ));
    }
}

/// Digits of the longest of `figures`.
fn longest(figures: impl Iterator<Item = u64>) -> usize {
    figures.max().unwrap_or(0).to_string().len()
}
