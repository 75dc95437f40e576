//! The grammar of a rules file: sections, one value a line, comments; and among them sections of applications, in the grammar of those.

use std::fmt;

use thiserror::Error;

use super::{Action, Kind, Matcher, RuleError};
use crate::endpoints;
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
    /// A line that sets no threshold.
    #[error("found '{}', expected high-volume-flows = N or port-scan-ports = N, as in port-scan-ports = 20", shown(.0))]
    Threshold(String),
    /// A value that is no rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// The sections, for messages.
const SECTIONS: &str = "[BLOCKED_IPS], [BLOCKED_APPS], [BLOCKED_DOMAINS] or [BLOCKED_PORTS], one with ALLOWED in place of BLOCKED, [APP Name] or [THRESHOLDS]";

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

/// What the lines of a section are.
#[derive(Clone, Copy)]
enum Section {
    Rules(Action, Kind),
    /// Of an application; read by [`applications`].
    App,
    Thresholds,
}

impl Section {
    /// The section that is called `name`. Case, blanks, `_` and `-` do not count.
    fn of(name: &str) -> Option<Self> {
        if app_of(name).is_some() {
            return Some(Self::App);
        }
        let plain = plain(name);
        let (action, kind) = match (plain.strip_prefix("blocked"), plain.as_str()) {
            (Some(kind), _) => (Action::Block, kind),
            (None, "thresholds") => return Some(Self::Thresholds),
            (None, _) => (Action::Allow, plain.strip_prefix("allowed")?),
        };
        let kind = match kind {
            "ips" => Kind::Ip,
            "apps" => Kind::App,
            "domains" => Kind::Domain,
            "ports" => Kind::Port,
            _ => return None,
        };
        Some(Self::Rules(action, kind))
    }
}

/// The application that the section `[APP Name]` is about.
fn app_of(section: &str) -> Option<&str> {
    let (word, name) = section.split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("app").then(|| name.trim())
}

/// `name` as it is compared.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-') && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// When an address is told of as suspicious, as far as it is said. The names are those of the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GivenThresholds {
    /// An address with more flows is `high_volume`.
    pub high_volume_flows: Option<u32>,
    /// An address that contacts more destination ports is a `port_scan`.
    pub port_scan_ports: Option<u32>,
}

impl GivenThresholds {
    /// Takes in what a later file says, which wins.
    pub(super) fn add(&mut self, later: Self) {
        self.high_volume_flows = later.high_volume_flows.or(self.high_volume_flows);
        self.port_scan_ports = later.port_scan_ports.or(self.port_scan_ports);
    }

    /// Takes in a line such as `port-scan-ports = 20`.
    fn read(&mut self, line: &str) -> Result<(), LineFault> {
        let fault = || LineFault::Threshold(line.to_owned());
        let (name, number) = line.split_once('=').ok_or_else(fault)?;
        let threshold = match plain(name).as_str() {
            "highvolumeflows" => &mut self.high_volume_flows,
            "portscanports" => &mut self.port_scan_ports,
            _ => return Err(fault()),
        };
        *threshold = Some(endpoints::number(number.trim()).ok_or_else(fault)?);
        Ok(())
    }
}

/// What a file says, apart from its applications.
#[derive(Default)]
pub(super) struct Read {
    /// Each with the number of its line.
    pub(super) rules: Vec<(usize, (Action, Matcher))>,
    pub(super) thresholds: GivenThresholds,
}

/// The `[APP Name]` sections of a rules file as a file of applications, in which every line has its number and every value its column; `None`
/// where there are none.
///
/// What else is wrong with the file is told when its rules are read.
pub fn applications(bytes: &[u8]) -> Option<String> {
    let text = ini::decode(bytes).ok()?;
    let mut apps = String::new();
    let (mut line, mut is_app) = (1, false);
    for Line { at, content } in ini::lines(text) {
        let said = match content {
            Content::Section(name) => {
                let app = app_of(name);
                is_app = app.is_some();
                app.map(|app| format!("[{app}]"))
            }
            Content::BrokenSection(_) => {
                is_app = false;
                None
            }
            Content::Value(value) => is_app.then(|| value.to_owned()),
        };
        if let Some(said) = said {
            apps.extend(std::iter::repeat_n('\n', at.line - line));
            apps.extend(std::iter::repeat_n(' ', at.column - 1));
            apps.push_str(&said);
            line = at.line;
        }
    }
    (!apps.is_empty()).then_some(apps)
}

/// Every rule and threshold of a file.
///
/// * `parse`: what a value means in its section; and whether it will be told, should that be nothing.
pub(super) fn read(
    path: &str,
    bytes: &[u8],
    parse: impl Fn(Kind, &str, bool) -> Result<Matcher, RuleError>,
) -> Result<Read, RulesFileError> {
    let mut found = Read::default();
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
        let read = match content {
            Content::Section(name) => match Section::of(name) {
                Some(section) => {
                    place = Place::In(section);
                    Ok(())
                }
                None => Err(LineFault::UnknownSection(format!("[{name}]"))),
            },
            Content::BrokenSection(line) => Err(LineFault::UnknownSection(line.to_owned())),
            Content::Value(value) => match place {
                Place::In(Section::Rules(action, kind)) => {
                    match parse(kind, value, error.has_room()) {
                        Ok(matcher) => {
                            found.rules.push((at.line, (action, matcher)));
                            Ok(())
                        }
                        Err(fault) => Err(fault.into()),
                    }
                }
                Place::In(Section::Thresholds) => found.thresholds.read(value),
                Place::In(Section::App) | Place::Nowhere => Ok(()),
                Place::Start => Err(LineFault::NoSection(value.to_owned())),
            },
        };
        if let Err(fault) = read {
            if matches!(
                fault,
                LineFault::UnknownSection(_) | LineFault::NoSection(_)
            ) {
                place = Place::Nowhere;
            }
            error.tell(at, fault);
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
    In(Section),
    /// After something that should have been a section. It has been told; what follows is not held against the user.
    Nowhere,
}

impl RulesFileError {
    const fn has_room(&self) -> bool {
        self.bad_lines.len() < MAX_TOLD
    }

    fn tell(&mut self, at: Position, fault: LineFault) {
        if self.has_room() {
            self.bad_lines.push(BadLine { at, fault });
        } else {
            self.untold += 1;
        }
    }
}
