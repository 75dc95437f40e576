//! The list of parts: what a program, or who opens the folder a year later, finds them by.

use std::cmp::Reverse;
use std::io::{self, Write};

use serde::Serialize;

use super::{Holds, Part, SplitBy};
use crate::report::json::shown;
use crate::report::{Tool, inert};

/// Name and version of the list's shape. Keys may be added under it; none goes or changes its meaning.
pub const SPLIT_SCHEMA: &str = "dpi_engine.split/1";

/// The list of parts.
#[derive(Debug, Serialize)]
pub struct SplitIndex {
    /// [`SPLIT_SCHEMA`].
    pub schema: &'static str,
    /// What made them.
    pub tool: Tool,
    /// What was taken apart: the captures that were read as one, in the order in which they were given.
    pub inputs: Vec<SplitInput>,
    /// By what.
    #[serde(serialize_with = "shown")]
    pub split_by: SplitBy,
    /// Flows in the whole capture.
    pub flows: u64,
    /// Packets in it.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// The parts: the most packets first, then by file; flows in their order. The last are packets of no flow and the rest.
    pub parts: Vec<SplitPart>,
}

/// The capture that was taken apart.
#[derive(Debug, Serialize)]
pub struct SplitInput {
    /// As the user gave it; `-` for standard input.
    pub path: String,
    /// In hexadecimal digits, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A part, and the file that it is.
#[derive(Debug, Serialize)]
pub struct SplitPart {
    /// The file's name.
    pub file: String,
    /// What it holds: the word of [`SplitBy`], `no_flow` or `rest`.
    pub kind: &'static str,
    /// What it is named after, as it is; `None` for `no_flow` and `rest`.
    pub name: Option<Box<str>>,
    /// Flows that packets in it are of.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Of the file, in hexadecimal digits, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl SplitIndex {
    /// Lists parts with their files' lengths and digests.
    pub fn new(
        inputs: Vec<SplitInput>,
        (by, flows): (SplitBy, u64),
        parts: impl Iterator<Item = (Part, u64, Option<String>)>,
    ) -> Self {
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by(|(a, ..), (b, ..)| {
            let place = |part: &Part| match part.holds {
                Holds::Named if by == SplitBy::Flow => (0, Reverse(0)),
                Holds::Named => (0, Reverse(part.packets)),
                Holds::NoFlow => (1, Reverse(0)),
                Holds::Rest => (2, Reverse(0)),
            };
            place(a).cmp(&place(b)).then_with(|| a.file.cmp(&b.file))
        });
        let sum = |figure: fn(&Part) -> u64| parts.iter().map(|(part, ..)| figure(part)).sum();
        Self {
            schema: SPLIT_SCHEMA,
            tool: Tool::THIS,
            inputs,
            split_by: by,
            flows,
            packets: sum(|part| part.packets),
            bytes: sum(|part| part.bytes),
            parts: parts
                .into_iter()
                .map(|(part, file_bytes, sha256)| SplitPart {
                    file: part.file,
                    kind: match part.holds {
                        Holds::Named => by.as_str(),
                        Holds::NoFlow => "no_flow",
                        Holds::Rest => "rest",
                    },
                    name: (part.holds == Holds::Named).then_some(part.name),
                    flows: part.flows,
                    packets: part.packets,
                    bytes: part.bytes,
                    file_bytes,
                    sha256,
                })
                .collect(),
        }
    }
}

/// Writes the list as indented JSON, with a newline at the end; characters that a terminal would obey are escaped in it.
///
/// # Errors
/// Those of `out`.
pub fn split_index_json(index: &SplitIndex, mut out: impl Write) -> io::Result<()> {
    inert::to_writer_pretty(&mut out, index)?;
    out.write_all(b"\n")
}
