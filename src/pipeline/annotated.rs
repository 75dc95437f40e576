//! Writes a capture again, with a comment on the first packet of each flow: the second pass of a run that annotates.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use super::again::{Pass, Seen, again};
use super::{Fates, Outputs, PipelineError, watched};
use crate::capture::{Annotator, CaptureReader, Chunk};
use crate::rules::Removal;

/// Comments that wait for a flow's first packet in one of the outputs, because its very first went to the other. Flows past that
/// go without one there.
const MAX_WAITING: usize = 65_536;

/// Bytes that are gathered before they are written: blocks are written piece by piece, and pieces are short.
const BUFFER_BYTES: usize = 128 << 10;

/// What is to be said of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The comment.
    pub text: String,
    /// Whether some of its packets are forwarded and some dropped.
    pub is_divided: bool,
}

/// Writes a capture again as pcapng, each packet to the side that its notes say, and what `remark` says of a flow on its first
/// packet in each of the outputs. How many comments could not be written.
///
/// * `judged`: what was noted, and what becomes of blocked flows and of all others; packets that were noted with their verdict keep it.
/// * `head`: the program, and what is said of each section.
/// * `remark`: asked for flows by the numbers of their first packets, in ascending order.
///
/// # Errors
/// As [`run`](super::run); [`PipelineError::Changed`] when the capture has fewer packets than it had.
pub fn write_annotated(
    capture: CaptureReader,
    judged: (&mut Fates, Removal),
    head: (&str, &str),
    remark: &mut dyn FnMut(u64) -> io::Result<Option<Remark>>,
    outputs: Outputs<'_>,
) -> Result<u64, PipelineError> {
    let [forwarded, dropped] = [outputs.forwarded, outputs.dropped]
        .map(|out| out.map(|out| Side::new(capture.annotator(head.0, head.1), out)));
    let mut sides = Sides {
        remark,
        sides: [(false, forwarded), (true, dropped)],
    };
    watched("writer", |progress| {
        again(capture, judged, &mut sides, progress)?;
        sides.each(|is_dropped, side| side.out.flush().map_err(failed(is_dropped)))
    })?;
    let sides = sides.sides.iter().filter_map(|(_, side)| side.as_ref());
    Ok(sides.map(|side| side.unsaid).sum())
}

/// Both outputs, each with whether it gets what is dropped, as far as they are wanted.
struct Sides<'s, 'a> {
    remark: &'s mut dyn FnMut(u64) -> io::Result<Option<Remark>>,
    sides: [(bool, Option<Side<'a>>); 2],
}

impl<'a> Sides<'_, 'a> {
    fn each(
        &mut self,
        mut of: impl FnMut(bool, &mut Side<'a>) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        for (is_dropped, side) in &mut self.sides {
            if let Some(side) = side {
                of(*is_dropped, side)?;
            }
        }
        Ok(())
    }
}

impl Pass for Sides<'_, '_> {
    fn packet(&mut self, seen: &Seen<'_>) -> Result<(), PipelineError> {
        let said = match seen.judged.flow == seen.number {
            true => (self.remark)(seen.number).map_err(PipelineError::Flows)?,
            false => None,
        };
        self.each(|is_dropped, side| {
            let is_its = is_dropped == seen.judged.is_dropped;
            side.packet(seen, is_its, said.as_ref())
                .map_err(failed(is_dropped))
        })
    }

    fn rest(&mut self, chunk: &Chunk, from: u32) -> Result<(), PipelineError> {
        let rest = (from, chunk.bytes().len() as u32);
        self.each(|is_dropped, Side { annotator, out, .. }| {
            annotator
                .between(chunk, rest, out)
                .map_err(failed(is_dropped))
        })
    }
}

fn failed(is_dropped: bool) -> fn(io::Error) -> PipelineError {
    if is_dropped {
        PipelineError::Dropped
    } else {
        PipelineError::Output
    }
}

/// One of the outputs.
struct Side<'a> {
    annotator: Annotator,
    out: BufWriter<&'a mut dyn Write>,
    /// Comments by the first packet of their flow, which went to the other side.
    waiting: HashMap<u64, String, ahash::RandomState>,
    /// Comments that could not be written.
    unsaid: u64,
}

impl<'a> Side<'a> {
    fn new(annotator: Annotator, out: &'a mut dyn Write) -> Self {
        Self {
            annotator,
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            waiting: HashMap::default(),
            unsaid: 0,
        }
    }

    /// Writes what stands before the packet; and the packet, if it is this side's.
    fn packet(&mut self, seen: &Seen<'_>, is_its: bool, said: Option<&Remark>) -> io::Result<()> {
        let (chunk, record, flow) = (seen.chunk, seen.record, seen.judged.flow);
        self.annotator
            .between(chunk, (seen.from, record.start), &mut self.out)?;
        if !is_its {
            if let Some(remark) = said.filter(|remark| remark.is_divided) {
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.insert(flow, remark.text.clone());
                } else {
                    self.unsaid += 1;
                }
            }
            return Ok(());
        }
        let waited = match said {
            None if !self.waiting.is_empty() => self.waiting.remove(&flow),
            _ => None,
        };
        let comment = said.map(|remark| &remark.text).or(waited.as_ref());
        let comment = comment.map(String::as_str);
        let is_said = self
            .annotator
            .packet((chunk, record), comment, &mut self.out)?;
        self.unsaid += u64::from(!is_said);
        Ok(())
    }
}
