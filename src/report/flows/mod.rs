//! The flow file: one JSON object a line, in order of first packet, for any number of flows.
//!
//! Flows come in the order in which they end; [`sort`] puts their lines in order within bounded memory.

mod line;
mod sort;

use std::io::{self, Write};
use std::path::PathBuf;

use thiserror::Error;

use super::Names;
use super::inert;
use crate::flow::FlowSummary;
use line::FlowLine;
use sort::LineSort;

/// Bytes of lines that are held in memory; more go to temporary files.
pub const FLOW_LINES_BUDGET: usize = 16 << 20;

/// Why the flow file could not be written.
#[derive(Debug, Error)]
pub enum FlowLinesError {
    /// A temporary file could not be made, written or read.
    #[error("cannot sort flows in a temporary file in {}", dir.display())]
    Temporary {
        /// Where the file was to be.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The flow file itself could not be written.
    #[error("cannot write flows")]
    Output(#[source] io::Error),
}

/// Takes flows as they end, writes them in order of first packet.
///
/// Memory: [`FLOW_LINES_BUDGET`], and a few megabytes while temporary files are merged.
#[derive(Debug)]
pub struct FlowLines {
    sort: LineSort,
    line: Vec<u8>,
}

impl FlowLines {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            sort: LineSort::new(dir.into(), FLOW_LINES_BUDGET),
            line: Vec::new(),
        }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary, names: &impl Names) -> Result<(), FlowLinesError> {
        self.line.clear();
        let written = inert::to_writer(&mut self.line, &FlowLine::new(flow, names));
        written
            .map_err(io::Error::from)
            .and_then(|()| self.sort.push(flow.first_packet, &self.line))
            .map_err(|source| temporary(&self.sort, source))
    }

    /// Writes every flow, numbered from 1 in order of first packet. How many there were.
    ///
    /// # Errors
    /// [`FlowLinesError`]: a closed pipe shows as [`FlowLinesError::Output`].
    pub fn finish(self, mut out: impl Write) -> Result<u64, FlowLinesError> {
        let dir = self.sort.dir().to_owned();
        let temporary = |source| FlowLinesError::Temporary {
            dir: dir.clone(),
            source,
        };
        let mut sorted = self.sort.finish().map_err(temporary)?;
        let mut id = 0;
        while let Some(line) = sorted.next().map_err(temporary)? {
            id += 1;
            // The number is known only now; the line was kept without it, and it goes before the first key.
            let rest = line.strip_prefix(b"{").unwrap_or(line);
            write!(out, "{{\"id\":{id},")
                .and_then(|()| out.write_all(rest))
                .and_then(|()| out.write_all(b"\n"))
                .map_err(FlowLinesError::Output)?;
        }
        out.flush().map_err(FlowLinesError::Output)?;
        Ok(id)
    }
}

fn temporary(sort: &LineSort, source: io::Error) -> FlowLinesError {
    FlowLinesError::Temporary {
        dir: sort.dir().to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
