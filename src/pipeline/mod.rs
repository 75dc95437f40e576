//! Drives the core over a capture: one reader thread, N workers, and the caller's thread as the writer; or, where no worker is
//! wanted, all three in turns in the caller's.
//!
//! * A chunk of the capture travels once: the reader decodes its packets and hands each worker a list of those that
//!   are its own; the workers answer with the packets to drop; the writer puts the answers back into order and writes
//!   what stays, straight from the chunk.
//! * Chunks are a bounded number of tokens that go round ([`CHUNKS`], [`MAX_CHUNKS`]). Every other queue has room for all of them, so
//!   the only place where anybody waits is the reader for a free chunk: there is no circle to wait in.
//! * Nothing that comes out depends on the number of workers: a flow's shard is fixed, each shard sees its packets in
//!   capture order, and endings are told in the order of the packets that caused them.

mod again;
mod alone;
mod annotated;
mod fates;
mod held;
mod left;
mod lookups;
mod namings;
mod quotes;
mod reader;
mod recent;
mod shared;
mod split;
mod tally;
mod worker;
mod writer;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use thiserror::Error;

use crate::capture::{CHUNK_LEN, CaptureError, CaptureReader, CaptureSummary, Chunk};
use crate::engine::Policy;
use crate::evidence::Ground;
use crate::flow::FlowSummary;
use crate::fragments::{FragmentCounts, MAX_WAIT_BYTES};
use crate::key::{FiveTuple, SHARDS};
use crate::packet::Timestamp;
use crate::rules::{Removal, RuleId};
use crate::stats::{AtomicCounters, PacketCounts, Undecoded};
use worker::Wanted;

pub use again::write_judged;
pub use annotated::{Remark, write_annotated};
pub use fates::Fates;
pub use split::{Parts, SplitPacket, Splitting, write_parts};

/// Chunks that go round between reader, workers and writer: so few that they stay in the processor's caches, so many that nobody waits
/// for long.
pub const CHUNKS: usize = 8;
/// Chunks that there may be while some are held back, waiting for the rest of a fragmented datagram.
///
/// As many as that takes ([`MAX_WAIT_BYTES`]) with every second chunk nearly empty, because its next record is as long as a chunk.
pub const MAX_CHUNKS: usize = CHUNKS + 2 * (MAX_WAIT_BYTES as usize / CHUNK_LEN + 1);

/// Where what comes out of a run goes. Everything arrives in an order that does not depend on the number of workers.
pub trait Sink {
    /// A flow has ended.
    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()>;

    /// Several have, one after the other.
    fn flows(&mut self, flows: &[FlowSummary]) -> io::Result<()> {
        flows.iter().try_for_each(|flow| self.flow(flow))
    }

    /// Whether anybody listens to [`judged`](Self::judged). Told once, before the run: what nobody wants to know is not collected.
    fn hears_judged(&self) -> bool {
        true
    }

    /// A flow has just been blocked or allowed, by this packet and rule.
    fn judged(&mut self, news: &Judged) {
        let _ = news;
    }
}

/// A verdict that has just been reached.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Number of the packet that decided.
    pub packet: u64,
    /// Number of the flow's first packet.
    pub flow: u64,
    /// The packet's protocol, addresses and ports, its sender first.
    pub five_tuple: FiveTuple,
    /// The rule that decided.
    pub rule: RuleId,
    /// What met it; `None` for a rule of addresses or ports.
    pub ground: Option<Ground>,
}

/// What becomes of the packets.
pub enum Packets<'a> {
    /// Each is written as soon as its verdict is known.
    Write(Outputs<'a>),
    /// Each one's flow is noted, to be judged when the whole capture was seen.
    Note(&'a mut Fates),
    /// Each one's flow is noted with its verdict, for a second pass that needs to know more of the flow.
    NoteJudged(&'a mut Fates),
}

/// The two halves of a capture: forwarded and dropped packets. A half that nobody wants is not written.
#[derive(Default)]
pub struct Outputs<'a> {
    /// Gets what stays.
    pub forwarded: Option<&'a mut dyn Write>,
    /// Gets what was removed.
    pub dropped: Option<&'a mut dyn Write>,
}

/// What a run was, apart from its flows.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Packets by fate and kind.
    pub counts: PacketCounts,
    /// The capture's format, links and damage.
    pub capture: CaptureSummary,
    /// The earliest and the latest packet time; `None` for a capture without packets.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Packets that could not be decoded, by cause.
    pub undecoded: Undecoded,
    /// Datagrams that came in fragments.
    pub fragments: FragmentCounts,
    /// Packets that were dropped with a flow that they quote, and are missing in the figures of their own flow and of the rule.
    pub untold_drops: u64,
    /// Flows that could not be held beside the lookups that led to them, or those lookups.
    pub untold_lookups: u64,
    /// How often an answer of a name server was forgotten while it still counted, because there were too many.
    pub forgotten_answers: u64,
}

/// Why a run failed.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The capture could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// What stays could not be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// What was removed could not be written.
    #[error("cannot write the dropped packets")]
    Dropped(#[source] io::Error),
    /// A part of the capture could not be written.
    #[error("cannot write the parts of the capture")]
    Parts(#[source] io::Error),
    /// What is no packet would have to be copied to too many parts.
    #[error(
        "the parts would get more than {max} bytes of headers and other blocks that are no packets, of which each needs a copy \
         (to have them all the same, raise --max-expansion)"
    )]
    Outside {
        /// Bytes that they may have together.
        max: u64,
    },
    /// A flow could not be told.
    #[error("cannot write the flows")]
    Flows(#[source] io::Error),
    /// The notes of a whole-flow run could not be kept in a temporary file.
    #[error("cannot keep notes in a temporary file")]
    Notes(#[source] io::Error),
    /// A thread could not be started.
    #[error("cannot start the {name} thread")]
    Start {
        /// The thread's name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A thread died of a defect in the program.
    #[error(
        "the {name} thread died at packet {packet}; this is a defect: please report it with the capture"
    )]
    Died {
        /// The thread's name.
        name: String,
        /// Number of the packet it was at: in the writer, which works by the chunk, of the chunk's first; 0 before the first packet.
        packet: u64,
    },
    /// The second pass over the capture found other packets than the first.
    #[error("the input changed while it was read: packet {packet} is no longer there")]
    Changed {
        /// Number of the first packet that is missing.
        packet: u64,
    },
}

/// Runs a capture through the core.
///
/// * Workers: at most [`SHARDS`]; more would have nothing to do. 0 for no threads at all: the caller's own does everything, a chunk at a
///   time. That is quicker for a capture of a few packets, and holds all flows that are left at the end of the capture at once.
/// * Damage in the capture is no error: it ends the run early and stands in [`Ran::capture`].
///
/// # Errors
/// The first thing that went wrong. The reader thread may then still wait for its input; it ends with the process.
pub fn run(
    capture: CaptureReader,
    workers: usize,
    policy: &Policy,
    packets: Packets<'_>,
    sink: &mut dyn Sink,
) -> Result<Ran, PipelineError> {
    let counters = Arc::new(AtomicCounters::default());
    run_counted((capture, counters), workers, policy, packets, sink)
}

/// As [`run`], with counters of packets that somebody else watches too. They begin at 0.
///
/// # Errors
/// As [`run`].
pub fn run_counted(
    (capture, counters): (CaptureReader, Arc<AtomicCounters>),
    workers: usize,
    policy: &Policy,
    packets: Packets<'_>,
    sink: &mut dyn Sink,
) -> Result<Ran, PipelineError> {
    let wanted = Wanted {
        flows: !matches!(packets, Packets::Write(_)),
        judged: sink.hears_judged(),
    };
    let (idle_out, idle) = bounded::<Idle>(MAX_CHUNKS);
    for _ in 0..CHUNKS {
        // There is room for all of them.
        let _ = idle_out.send(Idle::default());
    }
    let mut writer = writer::Writer::new(packets, sink, idle_out, &counters, policy);
    let source = (capture, idle, Arc::clone(&counters));
    let ran = if workers == 0 {
        alone::run(source, policy, wanted, &mut writer)?
    } else {
        run_threads(source, workers.min(SHARDS), (policy, wanted), &mut writer)?
    };
    let untold_lookups = writer.untold_lookups();
    let mut counts = counters.snapshot();
    if wanted.flows && policy.removal == Removal::AllElse {
        // What was counted is what the rules took; and with all else goes what has no flow.
        counts.dropped = counts.total.saturating_sub(counts.dropped);
        counts.dropped_bytes = counts.bytes.saturating_sub(counts.dropped_bytes);
    }
    Ok(Ran {
        counts,
        untold_lookups,
        ..ran
    })
}

/// Where chunks come from: the capture, those that nobody uses, and the counters of what is in them.
type Source = (CaptureReader, Receiver<Idle>, Arc<AtomicCounters>);

/// Messages that there may be: each chunk makes one; each thread ends with one more, or dies.
const fn max_messages(workers: usize) -> usize {
    MAX_CHUNKS + 2 * (workers + 1)
}

/// Runs with a reader and so many workers, and the caller's thread as the writer.
fn run_threads(
    (capture, idle, counters): Source,
    workers: usize,
    (policy, wanted): (&Policy, Wanted),
    writer: &mut writer::Writer<'_, '_>,
) -> Result<Ran, PipelineError> {
    let (results_out, results) = bounded::<Message>(max_messages(workers));
    let mut tasks = Vec::with_capacity(workers);
    let mut left = Vec::with_capacity(workers);
    let mut threads = Vec::with_capacity(workers + 1);
    for number in 0..workers {
        let (tasks_out, tasks_in) = bounded(MAX_CHUNKS);
        let (handover, left_of_it) = left::left_of(number, false);
        tasks.push(tasks_out);
        left.push(left_of_it);
        let worker = worker::Worker::new(number, workers, policy, wanted);
        let results = results_out.clone();
        let body = move |progress: &mut u64| worker.work(&tasks_in, &results, &handover, progress);
        threads.push(start(
            format!("worker-{number}"),
            results_out.clone(),
            body,
        )?);
    }
    let reader = reader::Reader::new(capture, idle, tasks, counters, policy);
    let results_of_reader = results_out.clone();
    threads.push(start("reader".to_owned(), results_out, move |progress| {
        reader.read(&results_of_reader, progress)
    })?);
    let ran = watched("writer", |progress| {
        let ran = writer.write(&results, progress)?;
        let ran = writer.finish(ran, &mut left);
        ran.map_err(|error| in_own_words(error, &results))
    })?;
    for thread in threads {
        // A thread that panicked has said so, and the writer has answered for it.
        let _ = thread.join();
    }
    Ok(ran)
}

/// Starts a named thread that reports its own death; `progress` is where it was.
fn start<F>(
    name: String,
    results: Sender<Message>,
    body: F,
) -> Result<JoinHandle<()>, PipelineError>
where
    F: FnOnce(&mut u64) + Send + 'static,
{
    let thread_name = name.clone();
    let run = move || {
        let told = watched(&thread_name, |packet| {
            body(packet);
            Ok(())
        });
        if let Err(died) = told {
            // Nobody may be listening any more.
            let _ = results.send(Message::Died(died));
        }
    };
    thread::Builder::new()
        .name(name.clone())
        .spawn(run)
        .map_err(|source| PipelineError::Start { name, source })
}

/// Of a worker that was found dead while it told what was left, what it says of that itself: it knows the packet.
fn in_own_words(found: PipelineError, results: &Receiver<Message>) -> PipelineError {
    if !matches!(found, PipelineError::Died { .. }) {
        return found;
    }
    // It is about to say so, if it has not yet.
    let said = results.iter().find_map(|message| match message {
        Message::Died(died) => Some(died),
        Message::Chunk(_) | Message::End { .. } => None,
    });
    said.unwrap_or(found)
}

/// Runs `body`, and makes a panic in it an error that tells the packet which it was at, as it last noted it.
fn watched<T>(
    name: &str,
    body: impl FnOnce(&mut u64) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let mut packet = 0;
    // The state is thrown away after a panic, so nobody sees it broken.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| body(&mut packet)));
    ended.unwrap_or_else(|_| {
        let name = name.to_owned();
        Err(PipelineError::Died { name, packet })
    })
}

/// A chunk that nobody uses, and the lists that went with it: all to be used again.
#[derive(Default)]
struct Idle {
    chunk: Chunk,
    spent: Vec<worker::Assignment>,
}

/// What the writer is told.
enum Message {
    /// A chunk whose every packet was judged.
    Chunk(shared::SharedChunk),
    /// The reader came to the end, after so many chunks.
    End {
        outcome: Result<(), CaptureError>,
        chunks: u64,
        /// All but what workers and the writer count.
        ran: Box<Ran>,
    },
    /// A thread panicked.
    Died(PipelineError),
}

#[cfg(test)]
pub(crate) mod tests;
