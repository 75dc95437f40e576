//! What became of flows, and why: told at the end, from what is known of each when it is over.
//!
//! In go the flows as they end and the question which of them are meant; out come their stories, or a line for each, in order of first
//! packet. Nothing was noted on the packets' way for it: what the rules said is asked of them again.

mod evidence;
mod query;
mod story;
mod trial;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;
use std::path::PathBuf;

use strsim::jaro_winkler;
use thiserror::Error;

use super::in_order::{FlowLinesError, InOrder};
use super::text::printable;
use crate::domain::DomainPattern;
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::rules::{Action, Removal, RuleId};

pub use query::{End, Query, QueryError};

/// Flows that are told as being like the one that was not found.
const MAX_NEAREST: usize = 3;
/// Names that are less like the one asked for are not told. Jaro-Winkler, 1 for the same.
const LIKE: f64 = 0.8;
/// Numbers of flows up to which those past them are told apart early, in so many words of memory; it only saves work.
const MAX_COUNTED: u64 = 65_536;

/// What is told of a flow stands in so many pieces at most: its story, then which packet got it blocked, and which allowed.
const PLACES: u64 = 3;

/// No flow is meant.
#[derive(Debug, Error)]
#[error("{told}")]
pub struct NotFound {
    told: String,
}

/// Takes flows as they end, tells those that are meant.
///
/// Memory: as [`FlowLines`](super::FlowLines), and half a megabyte for a number.
#[derive(Debug)]
pub struct Explanations<'a> {
    query: &'a Query,
    policy: &'a Policy,
    told: InOrder,
    flows: u64,
    found: u64,
    /// The first packets of the flows with the lowest numbers, as far as is known.
    lowest: BinaryHeap<u64>,
    /// What is like the flow that is asked for, the likest first.
    nearest: Vec<(u32, Reverse<u64>, String)>,
}

impl<'a> Explanations<'a> {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(query: &'a Query, policy: &'a Policy, dir: impl Into<PathBuf>) -> Self {
        Self {
            query,
            policy,
            told: InOrder::new(dir),
            flows: 0,
            found: 0,
            lowest: BinaryHeap::new(),
            nearest: Vec::new(),
        }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary) -> Result<(), FlowLinesError> {
        self.flows += 1;
        let is_meant = self.query.means(flow, &self.policy.catalogue) && self.is_low(flow);
        if is_meant {
            self.found += 1;
        } else if self.found == 0 {
            self.compare(flow);
        }
        let (policy, is_story) = (self.policy, self.query.is_for_stories());
        // A flow that is not meant counts all the same.
        self.told
            .push(PLACES * flow.first_packet, |out| match is_meant {
                true if is_story => story::write(flow, policy, out),
                true => story::write_line(flow, policy, out),
                false => Ok(()),
            })
    }

    /// Takes note that a rule was met: in which of a flow's packets that was is not always known at its end.
    ///
    /// * `flow`: the number of the flow's first packet. It may be blocked once, and then allowed once.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn judged(&mut self, flow: u64, packet: u64, rule: RuleId) -> Result<(), FlowLinesError> {
        let Some(rule) = self.policy.rules.rule(rule) else {
            return Ok(());
        };
        if !self.query.is_for_stories() {
            return Ok(());
        }
        let place = match rule.action {
            Action::Block => 1,
            Action::Allow => 2,
        };
        let is_dropped =
            (rule.action == Action::Block) != (self.policy.removal == Removal::AllElse);
        let verdict = if is_dropped { "drop" } else { "forward" };
        self.told.push(PLACES * flow + place, |out| {
            writeln!(
                out,
                "  decided   in packet {packet}: {verdict}, by {}",
                rule.text
            )
        })
    }

    /// Whether there is anything to tell.
    ///
    /// # Errors
    /// [`NotFound`], with what comes nearest.
    pub fn check(&self) -> Result<(), NotFound> {
        let flows = self.flows;
        let told = match self.query {
            Query::Number(number) if *number > flows => {
                format!("there is no flow {number}: the capture has {flows}, numbered from 1")
            }
            Query::Number(_) => return Ok(()),
            _ if self.found > 0 => return Ok(()),
            _ => format!("none of the {flows} flows is meant"),
        };
        let nearest: Vec<_> = self
            .nearest
            .iter()
            .map(|(.., text)| text.as_str())
            .collect();
        let nearest = match nearest.as_slice() {
            [] => String::new(),
            near => format!("; the nearest: {}", near.join(", ")),
        };
        let told = format!("{told}{nearest} (--flows lists all)");
        Err(NotFound { told })
    }

    /// Writes what is to be told, in order of first packet.
    ///
    /// # Errors
    /// [`FlowLinesError`]: a closed pipe shows as [`FlowLinesError::Output`].
    pub fn finish(self, mut out: impl Write) -> Result<(), FlowLinesError> {
        let (mut id, mut is_told, mut is_first) = (0, false, true);
        let query = self.query;
        self.told.finish(|key, text| {
            if key % PLACES != 0 {
                return if is_told { out.write_all(text) } else { Ok(()) };
            }
            id += 1;
            is_told = !text.is_empty();
            if let Query::Number(number) = query {
                is_told &= *number == id;
            }
            if !is_told {
                return Ok(());
            }
            if query.is_for_stories() && !std::mem::take(&mut is_first) {
                writeln!(out)?;
            }
            write!(out, "flow {id}  ")?;
            out.write_all(text)
        })?;
        out.flush().map_err(FlowLinesError::Output)
    }

    /// Whether the flow can still be among the first as many as the number asked for, when all are known.
    fn is_low(&mut self, flow: &FlowSummary) -> bool {
        let Query::Number(number @ ..=MAX_COUNTED) = *self.query else {
            return true;
        };
        self.lowest.push(flow.first_packet);
        if self.lowest.len() as u64 <= number {
            return true;
        }
        self.lowest.pop() != Some(flow.first_packet)
    }

    /// Keeps the flow, or its name, if it is like what is asked for.
    fn compare(&mut self, flow: &FlowSummary) {
        let (src, dst) = flow.shown_ends();
        let (likeness, text) = match self.query {
            Query::Between([one, other], _) => {
                let as_given = one.likeness(src) + other.likeness(dst);
                let turned = one.likeness(dst) + other.likeness(src);
                let likeness = as_given.max(turned);
                if likeness < 2 {
                    return;
                }
                (likeness, format!("{src}-{dst}/{}", flow.key.protocol()))
            }
            Query::Named {
                domain: Some(DomainPattern::Subtree(domain)),
                ..
            } => {
                let names = flow.findings().names.iter();
                let alike = names
                    .map(|found| found.name.as_str())
                    .map(|name| (jaro_winkler(name, domain), name))
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                match alike {
                    Some((likeness, name)) if likeness >= LIKE => {
                        ((likeness * 1000.0) as u32, printable(name))
                    }
                    _ => return,
                }
            }
            _ => return,
        };
        if self.nearest.iter().any(|(.., there)| *there == text) {
            return;
        }
        self.nearest
            .push((likeness, Reverse(flow.first_packet), text));
        self.nearest.sort_by(|a, b| b.cmp(a));
        self.nearest.truncate(MAX_NEAREST);
    }
}

#[cfg(test)]
mod tests;
