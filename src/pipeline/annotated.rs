//! Writes a capture again, with a comment on the first packet of each flow: the second pass of a run that annotates.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use super::{Fates, Outputs, PipelineError, watched};
use crate::capture::{Annotator, CaptureReader, Chunk};
use crate::packet::Record;
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
    let [mut forwarded, mut dropped] = [outputs.forwarded, outputs.dropped]
        .map(|out| out.map(|out| Side::new(capture.annotator(head.0, head.1), out)));
    watched("writer", |progress| {
        let sides = (&mut forwarded, &mut dropped);
        annotate(capture, judged, remark, sides, progress)
    })?;
    let unsaid = |side: &Option<Side<'_>>| side.as_ref().map_or(0, |side| side.unsaid);
    Ok(unsaid(&forwarded) + unsaid(&dropped))
}

type Sides<'s, 'a> = (&'s mut Option<Side<'a>>, &'s mut Option<Side<'a>>);

fn annotate(
    mut capture: CaptureReader,
    (fates, removal): (&mut Fates, Removal),
    remark: &mut dyn FnMut(u64) -> io::Result<Option<Remark>>,
    (forwarded, dropped): Sides<'_, '_>,
    progress: &mut u64,
) -> Result<(), PipelineError> {
    let mut verdicts = fates.judge(removal).map_err(PipelineError::Notes)?;
    let mut chunk = Chunk::new();
    let mut number = 0;
    while capture.fill(&mut chunk)? {
        *progress = chunk.first_packet();
        let mut from = 0;
        for record in chunk.records() {
            number += 1;
            let judged = verdicts.next().map_err(PipelineError::Notes)?;
            let said = match judged.flow == number {
                true => remark(number).map_err(PipelineError::Flows)?,
                false => None,
            };
            for (side, is_its) in [
                (&mut *forwarded, !judged.is_dropped),
                (&mut *dropped, judged.is_dropped),
            ] {
                let Some(side) = side else { continue };
                let step = Step {
                    chunk: &chunk,
                    record,
                    from,
                    flow: judged.flow,
                };
                side.step(&step, is_its, said.as_ref())
                    .map_err(failed(judged.is_dropped))?;
            }
            from = record.end;
        }
        let rest = (from, chunk.bytes().len() as u32);
        for (side, is_dropped) in [(&mut *forwarded, false), (&mut *dropped, true)] {
            if let Some(Side { annotator, out, .. }) = side {
                annotator
                    .between(&chunk, rest, out)
                    .map_err(failed(is_dropped))?;
            }
        }
    }
    if verdicts.left() > 0 {
        return Err(PipelineError::Changed {
            packet: verdicts.number(),
        });
    }
    for (side, is_dropped) in [(forwarded, false), (dropped, true)] {
        if let Some(Side { out, .. }) = side {
            out.flush().map_err(failed(is_dropped))?;
        }
    }
    Ok(())
}

fn failed(is_dropped: bool) -> fn(io::Error) -> PipelineError {
    if is_dropped {
        PipelineError::Dropped
    } else {
        PipelineError::Output
    }
}

/// A packet, and where what stands before it begins.
struct Step<'a> {
    chunk: &'a Chunk,
    record: &'a Record,
    from: u32,
    flow: u64,
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
    fn step(&mut self, step: &Step<'_>, is_its: bool, said: Option<&Remark>) -> io::Result<()> {
        let (chunk, record) = (step.chunk, step.record);
        self.annotator
            .between(chunk, (step.from, record.start), &mut self.out)?;
        if !is_its {
            if let Some(remark) = said.filter(|remark| remark.is_divided) {
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.insert(step.flow, remark.text.clone());
                } else {
                    self.unsaid += 1;
                }
            }
            return Ok(());
        }
        let waited = match said {
            None if !self.waiting.is_empty() => self.waiting.remove(&step.flow),
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
