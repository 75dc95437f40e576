//! The second pass of a run that had to see the whole capture first: reads it again, and takes each packet's verdict from the notes.

use super::fates::{Fates, Judged};
use super::{Outputs, PipelineError, watched};
use crate::capture::{CaptureReader, Chunk};
use crate::packet::Record;
use crate::rules::Removal;

/// A packet that was read again.
pub(super) struct Seen<'c> {
    pub(super) chunk: &'c Chunk,
    pub(super) record: &'c Record,
    /// Its place among the chunk's records.
    pub(super) index: u32,
    /// Offset in the chunk at which begins what stands between it and the packet before.
    pub(super) from: u32,
    /// Its number in the capture, counted from 1.
    pub(super) number: u64,
    pub(super) judged: Judged,
}

/// What is done with a capture that is read again.
pub(super) trait Pass {
    /// Takes the next packet, and what stands before it.
    fn packet(&mut self, seen: &Seen<'_>) -> Result<(), PipelineError>;

    /// Takes what stands behind the last packet of a chunk, from this offset on. A chunk ends.
    fn rest(&mut self, chunk: &Chunk, from: u32) -> Result<(), PipelineError>;
}

/// Reads a capture again, packet by packet with its verdict. `progress` is the first packet of the chunk it is at.
///
/// # Errors
/// Those of the capture, of the notes and of `pass`; [`PipelineError::Changed`] when the capture has fewer packets than it had.
pub(super) fn again(
    mut capture: CaptureReader,
    (fates, removal): (&mut Fates, Removal),
    pass: &mut dyn Pass,
    progress: &mut u64,
) -> Result<(), PipelineError> {
    let mut verdicts = fates.judge(removal).map_err(PipelineError::Notes)?;
    let mut chunk = Chunk::new();
    let mut number = 0;
    while capture.fill(&mut chunk)? {
        *progress = chunk.first_packet();
        let mut from = 0;
        for (index, record) in (0..).zip(chunk.records()) {
            number += 1;
            pass.packet(&Seen {
                chunk: &chunk,
                record,
                index,
                from,
                number,
                judged: verdicts.next().map_err(PipelineError::Notes)?,
            })?;
            from = record.end;
        }
        pass.rest(&chunk, from)?;
    }
    if verdicts.left() > 0 {
        return Err(PipelineError::Changed {
            packet: verdicts.number(),
        });
    }
    Ok(())
}

/// Writes a capture again, without the flows that `fates` condemns, or without all else: the second pass of a whole-flow run.
///
/// # Errors
/// As [`run`](super::run); [`PipelineError::Changed`] when the capture has fewer packets than it had.
pub fn write_judged(
    capture: CaptureReader,
    fates: &mut Fates,
    removal: Removal,
    outputs: Outputs<'_>,
) -> Result<(), PipelineError> {
    let mut halves = Halves {
        outputs,
        drops: Vec::new(),
    };
    watched("writer", |progress| {
        again(capture, (fates, removal), &mut halves, progress)
    })
}

/// Writes whole chunks, without the packets that go and with them.
struct Halves<'a> {
    outputs: Outputs<'a>,
    /// Places of those that go, in the chunk that is being read.
    drops: Vec<u32>,
}

impl Pass for Halves<'_> {
    fn packet(&mut self, seen: &Seen<'_>) -> Result<(), PipelineError> {
        if seen.judged.is_dropped {
            self.drops.push(seen.index);
        }
        Ok(())
    }

    fn rest(&mut self, chunk: &Chunk, _: u32) -> Result<(), PipelineError> {
        self.outputs.write(chunk, &self.drops)?;
        self.drops.clear();
        Ok(())
    }
}
