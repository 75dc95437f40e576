//! The grammar of a rules file: sections, one value a line, comments.

use std::fmt;

use thiserror::Error;

use super::{Action, Kind, Matcher, RuleError};
use crate::ini::{self, Content, Line, NotUtf8, Position, printable, shown};

/// How many wrong lines of a file are told; the rest is counted.
const MAX_TOLD: usize = 20;

/// A rules file that cannot be used, and every reason for it: one line of text each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct RulesFileError {
    /// The file, as it was named.
    pub path: String,
    /// What is wrong, in the order of the file; at least one, at most twenty.
    pub bad_lines: Vec<BadLine>,
    /// How many more lines are wrong.
    pub untold: usize,
}

/// Something wrong in a line of a rules file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line and column.
    pub at: Position,
    /// What is wrong there.
    pub fault: LineFault,
}

/// What can be wrong in a line of a rules file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// The file is no text.
    #[error(transparent)]
    NotUtf8(#[from] NotUtf8),
    /// A section that does not exist, or a line that begins as one and does not end so.
    #[error("found the section '{}', expected {SECTIONS}", shown(.0))]
    UnknownSection(String),
    /// A value before the first section.
    #[error("found '{}' before any section, expected {SECTIONS}", shown(.0))]
    NoSection(String),
    /// A value that is no rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// The sections, for messages.
const SECTIONS: &str = "[BLOCKED_IPS], [BLOCKED_APPS], [BLOCKED_DOMAINS] or [BLOCKED_PORTS], or with ALLOWED in place of BLOCKED";

impl fmt::Display for RulesFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        for (n, BadLine { at, fault }) in self.bad_lines.iter().enumerate() {
            let line_end = if n == 0 { "" } else { "\n" };
            write!(f, "{line_end}{path}:{at}: {fault}")?;
        }
        match self.untold {
            0 => Ok(()),
            1 => write!(f, "\n{path}: 1 more line is wrong"),
            more => write!(f, "\n{path}: {more} more lines are wrong"),
        }
    }
}

/// What the values of the section `name` are; `None` where there is no such section.
///
/// Case, blanks, `_` and `-` do not count.
fn section(name: &str) -> Option<(Action, Kind)> {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-') && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let (action, kind) = match plain.strip_prefix("blocked") {
        Some(kind) => (Action::Block, kind),
        None => (Action::Allow, plain.strip_prefix("allowed")?),
    };
    let kind = match kind {
        "ips" => Kind::Ip,
        "apps" => Kind::App,
        "domains" => Kind::Domain,
        "ports" => Kind::Port,
        _ => return None,
    };
    Some((action, kind))
}

/// Every value of a file as a rule, with the number of its line.
///
/// * `parse`: what a value means in its section.
pub(super) fn read(
    path: &str,
    bytes: &[u8],
    parse: impl Fn(Kind, &str) -> Result<Matcher, RuleError>,
) -> Result<Vec<(usize, (Action, Matcher))>, RulesFileError> {
    let mut found = Vec::new();
    let mut error = RulesFileError {
        path: path.to_owned(),
        bad_lines: Vec::new(),
        untold: 0,
    };
    let text = match ini::decode(bytes) {
        Ok(text) => text,
        Err(fault) => {
            error.tell(fault.at, fault.into());
            return Err(error);
        }
    };
    let mut place = Place::Start;
    for Line { at, content } in ini::lines(text) {
        match (content, place) {
            (Content::Section(name), _) => match section(name) {
                Some(section) => place = Place::In(section),
                None => {
                    error.tell(at, LineFault::UnknownSection(format!("[{name}]")));
                    place = Place::Nowhere;
                }
            },
            (Content::BrokenSection(line), _) => {
                error.tell(at, LineFault::UnknownSection(line.to_owned()));
                place = Place::Nowhere;
            }
            (Content::Value(value), Place::In((action, kind))) => match parse(kind, value) {
                Ok(matcher) => found.push((at.line, (action, matcher))),
                Err(fault) => error.tell(at, fault.into()),
            },
            (Content::Value(value), Place::Start) => {
                error.tell(at, LineFault::NoSection(value.to_owned()));
                place = Place::Nowhere;
            }
            (Content::Value(_), Place::Nowhere) => {}
        }
    }
    if error.bad_lines.is_empty() {
        Ok(found)
    } else {
        Err(error)
    }
}

/// Where in a file a line stands.
#[derive(Clone, Copy)]
enum Place {
    /// Before the first section.
    Start,
    In((Action, Kind)),
    /// After something that should have been a section. It has been told; what follows is not held against the user.
    Nowhere,
}

impl RulesFileError {
    fn tell(&mut self, at: Position, fault: LineFault) {
        if self.bad_lines.len() < MAX_TOLD {
            self.bad_lines.push(BadLine { at, fault });
        } else {
            self.untold += 1;
        }
    }
}
