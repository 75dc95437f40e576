//! A run without threads: reader, one worker and writer take turns in the caller's.
//!
//! * Comes out: the very same as with threads.
//! * After each turn every chunk that is not held back has gone all the way round, so that nobody ever waits for another.

use crossbeam_channel::bounded;

use super::left::left_of;
use super::reader::Reader;
use super::worker::{Wanted, Worker};
use super::writer::Writer;
use super::{MAX_CHUNKS, PipelineError, Ran, Source, max_messages, watched};
use crate::engine::Policy;

/// Runs over a capture to its end.
pub(super) fn run(
    (capture, idle, counters): Source,
    policy: &Policy,
    wanted: Wanted,
    writer: &mut Writer<'_, '_>,
) -> Result<Ran, PipelineError> {
    // Each has room for all that one turn, and the end, can put in.
    let (results_out, results) = bounded(max_messages(1));
    let (tasks_out, tasks) = bounded(MAX_CHUNKS);
    let (handover, left) = left_of(0, true);
    let mut worker = Worker::new(0, 1, policy, wanted);
    let mut reader = Reader::new(capture, idle, vec![tasks_out], counters, policy);
    let mut reached = 0;
    let outcome = loop {
        let read = watched("reader", |progress| {
            *progress = reached;
            let read = reader.read_on(&results_out, progress);
            reached = *progress;
            Ok(read)
        })?;
        watched("worker-0", |progress| {
            for batch in tasks.try_iter() {
                if let Some(told) = worker.judge(batch, progress) {
                    // There is room.
                    let _ = results_out.send(told);
                }
            }
            Ok(())
        })?;
        watched("writer", |progress| {
            let mut messages = results.try_iter();
            messages.try_for_each(|message| writer.hear(message, progress).map(|_| ()))
        })?;
        match read {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    watched("worker-0", |progress| {
        *progress = reached;
        worker.finish(&handover);
        Ok(())
    })?;
    watched("writer", |progress| {
        let ran = writer.hear(reader.end(outcome), progress)?;
        // Nothing is open any more: all that was read has been written.
        let ran = ran.ok_or_else(|| PipelineError::Died {
            name: "writer".to_owned(),
            packet: *progress,
        })?;
        writer.finish(ran, &mut [left])
    })
}
