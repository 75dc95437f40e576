//! The flow file: one JSON object a line, in order of first packet, for any number of flows.

mod clock;
mod line;
mod values;

use std::io::{self, Write};
use std::path::PathBuf;

use super::Names;
use super::in_order::{FlowLinesError, InOrder};
use crate::flow::FlowSummary;
use clock::Clock;
pub(super) use line::{port_guess, protocol_packets};
use values::Values;

/// Takes flows as they end, writes them in order of first packet.
///
/// Memory: [`FLOW_LINES_BUDGET`](super::FLOW_LINES_BUDGET), and a few megabytes while temporary files are merged.
#[derive(Debug)]
pub struct FlowLines {
    lines: InOrder,
    clock: Clock,
}

impl FlowLines {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::of(InOrder::new(dir))
    }

    const fn of(lines: InOrder) -> Self {
        let clock = Clock::new();
        Self { lines, clock }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary, names: &impl Names) -> Result<(), FlowLinesError> {
        let Self { lines, clock } = self;
        lines.push(flow.first_packet, |text| {
            line::write_values(flow, names, &mut Values { text, clock }).map_err(io::Error::from)
        })
    }

    /// Writes every flow, numbered from 1 in order of first packet. How many there were.
    ///
    /// # Errors
    /// [`FlowLinesError`]: a closed pipe shows as [`FlowLinesError::Output`].
    pub fn finish(self, mut out: impl Write) -> Result<u64, FlowLinesError> {
        let (mut id, mut line) = (0, Vec::new());
        self.lines.finish(|_, values| {
            id += 1;
            line.clear();
            line::write_line(id, values, &mut line);
            out.write_all(&line)
        })?;
        out.flush().map_err(FlowLinesError::Output)?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
