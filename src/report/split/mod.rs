//! A capture taken apart: which part each packet goes to, what the parts' files are called, and the list of them.
//!
//! In go flows as they end, then packets by their flows, in order; out come numbers of parts, names that are good as names of files, and
//! figures. Writes no file.

mod flows;
mod index;
mod names;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use hashbrown::HashTable;

use super::in_order::FlowLinesError;
use super::sort::Sorted;
use flows::Sorting;
use names::FileNames;

pub use flows::FlowParts;
pub use index::{SPLIT_SCHEMA, SplitIndex, SplitInput, SplitPart, split_index_json};
pub use names::MAX_FILE_NAME_LEN;

/// Parts of their own that a capture is taken apart into; what else there is goes to one more, together.
///
/// A folder of more files is slow to use, and a hostile capture may have a host for each of its packets.
pub const MAX_PARTS: usize = 100_000;

/// File of packets that are of no flow.
const NO_FLOW_FILE: &str = "_no-flow";
/// File of what parts of their own cannot be had for.
const REST_FILE: &str = "_rest";

/// What a capture is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitBy {
    /// The application, else the innermost protocol, as in the report.
    App,
    /// What became of each packet: forwarded or dropped.
    Verdict,
    /// The name that decided, else the first, else the address that was spoken to.
    Host,
    /// Each flow for itself.
    Flow,
    /// The innermost protocol.
    Protocol,
}

impl SplitBy {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::App,
        Self::Verdict,
        Self::Host,
        Self::Flow,
        Self::Protocol,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Verdict => "verdict",
            Self::Host => "host",
            Self::Flow => "flow",
            Self::Protocol => "protocol",
        }
    }
}

impl fmt::Display for SplitBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is written is no [`SplitBy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected app, verdict, host, flow or protocol")]
pub struct NoSplit;

impl FromStr for SplitBy {
    type Err = NoSplit;

    fn from_str(text: &str) -> Result<Self, NoSplit> {
        let mut all = Self::ALL.into_iter();
        all.find(|by| by.as_str() == text).ok_or(NoSplit)
    }
}

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// What it is named after.
    Named,
    /// Packets of no flow.
    NoFlow,
    /// What has no part of its own, because there are too many.
    Rest,
}

/// A part of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file's name.
    pub file: String,
    /// What it holds.
    pub holds: Holds,
    /// What it is named after, as it is; empty where it is not.
    pub name: Box<str>,
    /// Flows that packets in it are of.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// Tells packet by packet which part each goes to, and counts.
///
/// * Memory: parts with their names, [`MAX_PARTS`] of them at the most, and about 64 bytes a flow that has begun and not ended: no
///   more of those than were held at a time when they were followed.
#[derive(Debug)]
pub struct Division {
    by: SplitBy,
    /// Flows that have not begun yet.
    flows: Sorted,
    /// How many have.
    begun: u64,
    /// Flows that have begun and have packets left, by the numbers of their first packets.
    open: HashMap<u64, Open, ahash::RandomState>,
    parts: Vec<Part>,
    /// Places of the parts that bear names.
    named: HashTable<u32>,
    hasher: ahash::RandomState,
    no_flow: Option<u32>,
    rest: Option<u32>,
    files: FileNames,
    max_parts: usize,
}

#[derive(Debug)]
struct Open {
    part: u32,
    /// Packets to come.
    left: u64,
    /// Whether it is counted, by what became of its packets where that is what tells the part.
    is_counted: [bool; 2],
    comment: Option<String>,
}

impl Division {
    /// Of a capture with these flows; files get this extension.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn new(flows: FlowParts, extension: &'static str) -> Result<Self, FlowLinesError> {
        Self::with_max_parts(flows, extension, MAX_PARTS)
    }

    fn with_max_parts(
        flows: FlowParts,
        extension: &'static str,
        max_parts: usize,
    ) -> Result<Self, FlowLinesError> {
        let (by, flows) = flows.finish()?;
        Ok(Self {
            by,
            flows,
            begun: 0,
            open: HashMap::default(),
            parts: Vec::new(),
            named: HashTable::new(),
            hasher: ahash::RandomState::default(),
            no_flow: None,
            rest: None,
            files: FileNames::new(extension),
            max_parts,
        })
    }

    /// The part that a packet goes to, and what is to be said of its flow if it is the first of it there. To be asked of every packet of
    /// the capture, in order.
    ///
    /// * `number`: the packet's, counted from 1; `flow`: that of its flow's first packet, 0 for a packet of no flow.
    /// * `origlen`: its length on the wire.
    ///
    /// # Errors
    /// A temporary file could not be read.
    pub fn part_of(
        &mut self,
        (number, flow): (u64, u64),
        is_dropped: bool,
        origlen: u32,
    ) -> io::Result<(u32, Option<String>)> {
        if flow == number {
            self.begin(flow)?;
        }
        let verdict = match self.by {
            SplitBy::Verdict => Some(self.verdict(is_dropped)),
            _ => None,
        };
        let Some(open) = self.open.get_mut(&flow).filter(|_| flow != 0) else {
            let part = verdict.unwrap_or_else(|| self.no_flow());
            self.count(part, origlen, false);
            return Ok((part, None));
        };
        let part = verdict.unwrap_or(open.part);
        let side = usize::from(is_dropped && verdict.is_some());
        let is_counted = open.is_counted.get_mut(side);
        let is_first = is_counted.is_some_and(|it| !std::mem::replace(it, true));
        let comment = match (is_first, verdict) {
            (false, _) => None,
            (true, None) => open.comment.take(),
            (true, Some(_)) => open.comment.clone(),
        };
        open.left = open.left.saturating_sub(1);
        if open.left == 0 {
            self.open.remove(&flow);
        }
        self.count(part, origlen, is_first);
        Ok((part, comment))
    }

    /// The parts so far, by their numbers.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts, when every packet has one.
    pub fn into_parts(self) -> Vec<Part> {
        debug_assert!(
            self.open.is_empty(),
            "{} flows have fewer packets than they were told with",
            self.open.len()
        );
        self.parts
    }

    /// Flows that have begun so far.
    pub const fn flows(&self) -> u64 {
        self.begun
    }

    /// What the capture is taken apart by.
    pub const fn by(&self) -> SplitBy {
        self.by
    }

    /// Reads on to the flow that begins with this packet.
    fn begin(&mut self, flow: u64) -> io::Result<()> {
        while let Some((first_packet, sorting)) = self.flows.next()? {
            self.begun += 1;
            if first_packet < flow {
                continue;
            }
            let sorting: Sorting<'_> = serde_json::from_slice(sorting)?;
            let open = Open {
                part: 0,
                left: sorting.packets,
                is_counted: [false; 2],
                comment: sorting.comment.clone(),
            };
            let (what, file) = (sorting.what.into_owned(), sorting.file);
            let file = file.map(|file| format!("{:06}_{file}", self.begun));
            let part = match self.by {
                SplitBy::Verdict => 0,
                _ => self.named(&what, file.as_deref().unwrap_or(&what)),
            };
            self.open.insert(first_packet, Open { part, ..open });
            return Ok(());
        }
        Ok(())
    }

    fn verdict(&mut self, is_dropped: bool) -> u32 {
        let name = if is_dropped { "drop" } else { "forward" };
        self.named(name, name)
    }

    /// The part that is named `name`; a new one has a file that is called like `file`.
    fn named(&mut self, name: &str, file: &str) -> u32 {
        let hash = self.hasher.hash_one(name);
        let parts = &self.parts;
        let name_at = |place: u32| parts.get(place as usize).map_or("", |part| &part.name);
        // Each flow is a part, also where two have the same ends.
        let is_it = |&place: &u32| self.by != SplitBy::Flow && name_at(place) == name;
        if let Some(place) = self.named.find(hash, is_it) {
            return *place;
        }
        if self.named.len() >= self.max_parts {
            return self.rest();
        }
        let place = self.parts.len() as u32;
        let hasher = &self.hasher;
        let rehash = |&place: &u32| hasher.hash_one(name_at(place));
        self.named.insert_unique(hash, place, rehash);
        self.add(Holds::Named, name, file)
    }

    fn no_flow(&mut self) -> u32 {
        self.no_flow.unwrap_or_else(|| {
            let part = self.add(Holds::NoFlow, "", NO_FLOW_FILE);
            *self.no_flow.insert(part)
        })
    }

    fn rest(&mut self) -> u32 {
        self.rest.unwrap_or_else(|| {
            let part = self.add(Holds::Rest, "", REST_FILE);
            *self.rest.insert(part)
        })
    }

    fn add(&mut self, holds: Holds, name: &str, file: &str) -> u32 {
        let number = self.parts.len() as u32;
        self.parts.push(Part {
            file: self.files.give(file),
            holds,
            name: name.into(),
            flows: 0,
            packets: 0,
            bytes: 0,
        });
        number
    }

    fn count(&mut self, part: u32, origlen: u32, is_first_of_flow: bool) {
        if let Some(part) = self.parts.get_mut(part as usize) {
            part.packets += 1;
            part.bytes += u64::from(origlen);
            part.flows += u64::from(is_first_of_flow);
        }
    }
}

#[cfg(test)]
mod tests;
