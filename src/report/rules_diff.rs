//! What a change of rules would do to a capture, as text and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::inert;
use super::{ApplicationCount, DomainCount, Names, Tool, applications, domains, warnings};
use crate::ini::printable;
use crate::stats::{FlowTables, Tally};

/// Name and version of the shape in JSON. Keys may be added under it; none goes or changes its meaning.
pub const RULES_DIFF_SCHEMA: &str = "dpi_engine.rules_diff/1";

/// Names and applications that are shown as text; the JSON has all of them.
const MOST_SHOWN: usize = 20;

/// A change of rules. Serialises as its JSON.
#[derive(Debug, Serialize)]
pub struct RulesDiff<'a> {
    schema: &'static str,
    tool: Tool,
    /// The first of them.
    input: String,
    /// All of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<String>,
    old: String,
    new: String,
    newly_dropped: Change<'a>,
    newly_passed: Change<'a>,
}

/// Flows whose verdict changes one way, with packets of other flows that quote them.
#[derive(Debug, Serialize)]
pub struct Change<'a> {
    flows: u64,
    packets: u64,
    bytes: u64,
    /// Of the flows, by what they are shown as.
    applications: Vec<ApplicationCount<'a>>,
    /// Of the flows, by name.
    names: Vec<DomainCount<'a>>,
    warnings: Vec<String>,
}

impl<'a> Change<'a> {
    /// A change of so many packets, with what was counted of their flows.
    pub fn new(taken: Tally, tables: FlowTables, names: &'a impl Names) -> Self {
        Self {
            flows: taken.flows,
            packets: taken.packets,
            bytes: taken.bytes,
            applications: applications(&tables, names),
            warnings: warnings::of_flows(&tables),
            names: domains(tables.domains, names),
        }
    }
}

impl<'a> RulesDiff<'a> {
    /// * Paths: of the captures, the old rules, the new ones; as the user gave them.
    pub fn new(
        (mut inputs, [old, new]): (Vec<String>, [String; 2]),
        newly_dropped: Change<'a>,
        newly_passed: Change<'a>,
    ) -> Self {
        let input = inputs.first().cloned().unwrap_or_default();
        if inputs.len() == 1 {
            inputs.clear();
        }
        Self {
            schema: RULES_DIFF_SCHEMA,
            tool: Tool::THIS,
            input,
            inputs,
            old,
            new,
            newly_dropped,
            newly_passed,
        }
    }
}

/// Writes `diff` as indented JSON, with a newline at the end.
///
/// # Errors
/// Those of `out`.
pub fn rules_diff_json(diff: &RulesDiff<'_>, mut out: impl Write) -> io::Result<()> {
    inert::to_writer_pretty(&mut out, diff)?;
    out.write_all(b"\n")
}

/// `diff` for people.
pub fn rules_diff_text(diff: &RulesDiff<'_>) -> String {
    let mut text = String::new();
    let [input, old, new] = [&diff.input, &diff.old, &diff.new].map(|path| printable(path));
    // Writing to a String cannot fail.
    let more = match diff.inputs.len() {
        0 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let _ = writeln!(
        text,
        "{input}{more}: from the rules of {old} to those of {new}"
    );
    for (what, change) in [
        ("Newly dropped", &diff.newly_dropped),
        ("Newly passed", &diff.newly_passed),
    ] {
        let figures = [
            warnings::count(change.flows, "flow"),
            warnings::count(change.packets, "packet"),
            warnings::count(change.bytes, "byte"),
        ];
        let _ = writeln!(text, "\n{what}: {}", figures.join(", "));
        let apps = change.applications.iter();
        let apps: Vec<_> = apps.map(|app| (app.flows, app.name.to_owned())).collect();
        let names = change.names.iter();
        let names: Vec<_> = names
            .map(|name| (name.flows, name.name.to_string()))
            .collect();
        list(&mut text, "application", &apps);
        list(&mut text, "name", &names);
        for warning in &change.warnings {
            let _ = writeln!(text, "  - {warning}");
        }
    }
    text
}

/// The first of `rows`, with their flows; nothing where there is none.
fn list(text: &mut String, what: &str, rows: &[(u64, String)]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {:>9}  {what}", "flows");
    for (flows, name) in rows.iter().take(MOST_SHOWN) {
        let _ = writeln!(text, "  {flows:>9}  {}", printable(name));
    }
    if let Some(more) = rows.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  … and {more} more in the JSON");
    }
}
