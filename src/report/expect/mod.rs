//! Whether a report says what one that was kept before says, and what is different if it does not.
//!
//! In go the kept report as it stands in a file, and the new one; out come differences, in an order that is always the same. What differs
//! from run to run by its nature is not compared: the program's version, the path, the size and the compression of the input, the
//! digests of files, where rules stand. Nor are keys that only one of both has, for another version may have written it.

mod junit;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::text::printable;
use super::{Report, SCHEMA};

pub use junit::junit;

/// Characters of a value that are told.
const MAX_SHOWN: usize = 120;

/// A part of the report, and how it is compared.
#[derive(Debug, Clone, Copy)]
struct Section {
    name: &'static str,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// One value a key; of all keys, or of these.
    Figures(Option<&'static [&'static str]>),
    /// Rows that are known again by the value of a key; some other keys do not count.
    Rows {
        key: &'static str,
        but: &'static [&'static str],
    },
    /// Texts, each there or not.
    Texts,
}

const fn rows(key: &'static str, but: &'static [&'static str]) -> Shape {
    Shape::Rows { key, but }
}

const INPUT: &[&str] = &[
    "format",
    "link_types",
    "resolution",
    "first_packet",
    "last_packet",
    "damage",
    "skipped_count",
    "skipped_bytes",
];

const SECTIONS: [(&str, Shape); 10] = [
    ("input", Shape::Figures(Some(INPUT))),
    ("packets", Shape::Figures(None)),
    ("undecoded_reasons", rows("reason", &[])),
    ("flows", Shape::Figures(None)),
    // The share of one changes with the flows of all others.
    ("applications", rows("name", &["percent"])),
    ("domains", rows("name", &[])),
    ("ja4", rows("fingerprint", &[])),
    ("rules", rows("rule", &["origin"])),
    ("suspicious", rows("ip", &[])),
    ("warnings", Shape::Texts),
];

/// A report that was kept.
#[derive(Debug)]
pub struct Expected(Map<String, Value>);

/// Why a file is no report.
#[derive(Debug, Error)]
pub enum ExpectedError {
    /// It is no JSON.
    #[error("line {line}, column {column}: {reason}; a report of --json is expected")]
    Json {
        /// Where it stops to be JSON, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is JSON of another kind.
    #[error("at {at}: found {found}, expected {expected}")]
    Shape {
        /// The path of the value, RFC 6901; `/` for the whole.
        at: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
}

/// What is different in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part of the report.
    pub section: &'static str,
    /// The row or the key.
    pub what: String,
    /// What was expected there; `None` for nothing.
    pub expected: Option<String>,
    /// What is there; `None` for nothing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, what, .. } = self;
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => {
                write!(f, "{section}: {what}: expected {expected}, found {found}")
            }
            (None, Some(found)) => write!(f, "{section}: {what} is new ({found})"),
            (Some(expected), None) => write!(f, "{section}: {what} is gone ({expected})"),
            (None, None) => write!(f, "{section}: {what}"),
        }
    }
}

impl Expected {
    /// Reads a report as `--json` writes it.
    ///
    /// # Errors
    /// [`ExpectedError`] says where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ExpectedError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            let end = text.find(" at line ").unwrap_or(text.len());
            ExpectedError::Json {
                line,
                column,
                reason: text.get(..end).unwrap_or_default().to_owned(),
            }
        })?;
        let Value::Object(report) = value else {
            return Err(shape_error("/", &value, "a report"));
        };
        let schema = report.get("schema").unwrap_or(&Value::Null);
        if schema != SCHEMA {
            return Err(shape_error("/schema", schema, &format!("{SCHEMA:?}")));
        }
        for (name, shape) in SECTIONS {
            let Some(part) = report.get(name) else {
                continue;
            };
            let at = format!("/{name}");
            match shape {
                Shape::Figures(_) if !part.is_object() => {
                    return Err(shape_error(&at, part, "an object"));
                }
                Shape::Rows { key, .. } => {
                    let rows = part.as_array();
                    let rows = rows.ok_or_else(|| shape_error(&at, part, "a list"))?;
                    if let Some(bad) = rows.iter().position(|row| !row[key].is_string()) {
                        let at = format!("{at}/{bad}/{key}");
                        return Err(shape_error(&at, &rows[bad][key], "a string"));
                    }
                }
                Shape::Texts if !part.is_array() => {
                    return Err(shape_error(&at, part, "a list"));
                }
                Shape::Figures(_) | Shape::Texts => {}
            }
        }
        Ok(Self(report))
    }

    /// What `report` says differently.
    ///
    /// # Errors
    /// None for a report that this program made.
    pub fn compare(&self, report: &Report<'_>) -> serde_json::Result<Vec<Difference>> {
        let found = serde_json::to_value(report)?;
        let mut differences = Vec::new();
        for (name, shape) in SECTIONS {
            let (Some(before), Some(after)) = (self.0.get(name), found.get(name)) else {
                continue;
            };
            let section = Section { name, shape };
            section.compare((before, after), &mut differences);
        }
        Ok(differences)
    }
}

impl Section {
    fn compare(self, (before, after): (&Value, &Value), all: &mut Vec<Difference>) {
        match self.shape {
            Shape::Figures(keys) => {
                let is_compared = |key: &str| keys.is_none_or(|keys| keys.contains(&key));
                self.compare_keys("", (before, after), is_compared, all);
            }
            Shape::Rows { key, but } => {
                let (before, after) = (by_key(before, key), by_key(after, key));
                for (name, old) in &before {
                    match after.get(name) {
                        None => all.push(self.difference(name, Some(amount(old)), None)),
                        Some(new) => {
                            let is_compared = |key: &str| !but.contains(&key);
                            self.compare_keys(name, (old, new), is_compared, all);
                        }
                    }
                }
                for (name, new) in &after {
                    if !before.contains_key(name) {
                        all.push(self.difference(name, None, Some(amount(new))));
                    }
                }
            }
            Shape::Texts => {
                let texts = |value: &Value| -> Vec<String> {
                    let texts = value.as_array().into_iter().flatten();
                    texts.map(shown).collect()
                };
                let (before, after) = (texts(before), texts(after));
                let told = |text: &String| (text.clone(), String::from("told"));
                for (text, was) in before.iter().filter(|t| !after.contains(t)).map(told) {
                    all.push(self.difference(&text, Some(was), None));
                }
                for (text, is) in after.iter().filter(|t| !before.contains(t)).map(told) {
                    all.push(self.difference(&text, None, Some(is)));
                }
            }
        }
    }

    /// Compares the keys that both objects have.
    fn compare_keys(
        self,
        row: &str,
        (before, after): (&Value, &Value),
        is_compared: impl Fn(&str) -> bool,
        all: &mut Vec<Difference>,
    ) {
        let keys = after.as_object().into_iter().flatten();
        for (key, new) in keys.filter(|(key, _)| is_compared(key)) {
            let Some(old) = before.get(key).filter(|old| *old != new) else {
                continue;
            };
            let what = match row {
                "" => key.clone(),
                row => format!("{row}, {key}"),
            };
            all.push(self.difference(&what, Some(shown(old)), Some(shown(new))));
        }
    }

    fn difference(self, what: &str, expected: Option<String>, found: Option<String>) -> Difference {
        Difference {
            section: self.name,
            what: printable(what),
            expected,
            found,
        }
    }
}

/// The parts of a report that are compared.
fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.into_iter().map(|(name, _)| name)
}

/// The rows by what they are called. A rule that keeps is another one than a rule of the same text that drops.
fn by_key<'a>(rows: &'a Value, key: &str) -> BTreeMap<Cow<'a, str>, &'a Value> {
    let rows = rows.as_array().into_iter().flatten();
    let called = |row: &'a Value| {
        let name = row.get(key)?.as_str()?;
        let keeps = row.get("action").is_some_and(|action| action == "keep");
        let name = match keeps {
            true => Cow::from(format!("{name}, which keeps")),
            false => Cow::from(name),
        };
        Some((name, row))
    };
    rows.filter_map(called).collect()
}

/// How much of it there is, of a row that is only on one side.
fn amount(row: &Value) -> String {
    for (key, unit) in [("flows", "flows"), ("packets", "packets")] {
        if let Some(count) = row.get(key).and_then(Value::as_u64) {
            return format!("{count} {unit}");
        }
    }
    row.get("severity").map_or_else(String::new, shown)
}

/// A value on one line, safe to print and not too long.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = printable(&text);
    match text.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

fn shape_error(at: &str, found: &Value, expected: &str) -> ExpectedError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => shown(scalar),
    };
    ExpectedError::Shape {
        at: at.to_owned(),
        found,
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests;
