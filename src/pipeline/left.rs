//! How the flows that are still open when a capture ends go from the workers to the writer, and their memory back.
//!
//! Piece by piece, so that both are at it at once and what one writes is still in the cache when the other reads it. The writer gives a
//! piece back as soon as it is told, while the worker has more to tell: what was found in its flows is let go of by the thread that
//! allocated it, on a core that has less to do then than the writer's. Lists of a few flows are not worth the way back.

use std::mem;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use smallvec::SmallVec;

use super::PipelineError;
use crate::engine::Engine;
use crate::flow::FlowSummary;

/// Flows of a piece.
const PIECE_LEN: usize = 256;
/// Flows that are worth a message of their own: most shards of a small capture hold hardly any.
const MIN_FLOWS: usize = PIECE_LEN;
/// Messages that a worker is ahead of the writer: as many as most shards take, for the writer comes to one worker after the other.
const MAX_AHEAD: usize = 16;

/// Flows of one shard, the next in order.
struct Piece {
    flows: Vec<FlowSummary>,
    /// Whether the shard holds no more.
    is_last: bool,
}

/// Pieces that go together: while memory is let go of, every little that is asked for is dear.
type Pieces = SmallVec<[Piece; 1]>;

/// Where a worker puts what its shards still hold.
pub(super) struct Handover {
    pieces: Sender<Pieces>,
    told: Receiver<Vec<FlowSummary>>,
}

/// Where the writer gets that from.
pub(super) struct Left {
    worker: usize,
    pieces: Receiver<Pieces>,
    told: Sender<Vec<FlowSummary>>,
    /// Of the message that came last, what is not told yet.
    next: smallvec::IntoIter<[Piece; 1]>,
}

/// Both ends of what `worker` still holds.
///
/// * `is_alone`: whether worker and writer take turns in one thread, so that nobody may wait.
pub(super) fn left_of(worker: usize, is_alone: bool) -> (Handover, Left) {
    let (pieces_out, pieces) = if is_alone {
        unbounded()
    } else {
        bounded(MAX_AHEAD)
    };
    let (told_out, told) = bounded(MAX_AHEAD);
    let handover = Handover {
        pieces: pieces_out,
        told,
    };
    let left = Left {
        worker,
        pieces,
        told: told_out,
        next: Pieces::new().into_iter(),
    };
    (handover, left)
}

impl Handover {
    /// Ends all flows of these shards, in order. Stops when nobody listens any more.
    pub(super) fn end(&self, engines: &mut [Engine]) {
        let (mut pieces, mut count) = (Pieces::new(), 0);
        for engine in engines {
            let mut left = engine.open_flows();
            let mut flows = engine.end_all();
            loop {
                let mut list = self.told.try_recv().unwrap_or_default();
                list.clear();
                list.reserve(PIECE_LEN.min(left));
                list.extend(flows.by_ref().take(PIECE_LEN));
                #[cfg(test)]
                super::tests::die_of_end(&list);
                left = left.saturating_sub(PIECE_LEN);
                let is_last = left == 0;
                count += list.len();
                pieces.push(Piece {
                    flows: list,
                    is_last,
                });
                if count >= MIN_FLOWS {
                    count = 0;
                    if self.pieces.send(mem::take(&mut pieces)).is_err() {
                        return;
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        // Whoever has given up does not listen.
        let _ = self.pieces.send(pieces);
    }
}

impl Left {
    /// Has the flows of the worker's next shard told, piece by piece.
    ///
    /// # Errors
    /// That of `tell`; or that the worker died.
    pub(super) fn tell_shard(
        &mut self,
        mut tell: impl FnMut(&mut Vec<FlowSummary>) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        loop {
            let Piece { mut flows, is_last } = self.next_piece()?;
            tell(&mut flows)?;
            if flows.capacity() >= PIECE_LEN {
                // A worker that has no more to tell does not want it, nor one that has many.
                let _ = self.told.try_send(flows);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn next_piece(&mut self) -> Result<Piece, PipelineError> {
        loop {
            if let Some(piece) = self.next.next() {
                return Ok(piece);
            }
            // It says itself at which packet, to whoever asks.
            let pieces = self.pieces.recv().map_err(|_| PipelineError::Died {
                name: format!("worker-{}", self.worker),
                packet: 0,
            })?;
            self.next = pieces.into_iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::tests::policy;
    use super::*;
    use crate::engine::Policy;
    use crate::key::{Endpoint, FiveTuple, FlowKey, SHARDS};
    use crate::observation::Observation;
    use crate::packet::IpProtocol;

    /// A shard with so many flows.
    fn shard(flows: usize) -> Engine {
        let mut engine = Engine::new(Policy {
            max_flows: 20_000 * SHARDS,
            ..policy()
        });
        for number in 1..=flows as u64 {
            let end = |last, port| Endpoint {
                addr: [10, 0, 0, last].into(),
                port,
            };
            let key = FlowKey::of(&FiveTuple {
                src: end(1, number as u16),
                dst: end(2, 9999),
                protocol: IpProtocol::UDP,
            });
            let seen = Observation {
                number,
                ..Observation::with_payload(key, b"")
            };
            engine.observe(&seen, None, &mut Vec::new());
        }
        engine
    }

    const SIZES: [usize; 12] = [
        0,
        1,
        PIECE_LEN - 1,
        PIECE_LEN,
        PIECE_LEN + 1,
        0,
        0,
        2 * PIECE_LEN,
        3,
        40 * PIECE_LEN,
        PIECE_LEN + 5,
        0,
    ];

    /// What comes of shards of these sizes: the numbers of the flows' first packets.
    fn told_of(left: &mut Left) -> Vec<Vec<u64>> {
        let tell_shard = |_| {
            let mut told = Vec::new();
            let tell = |flows: &mut Vec<FlowSummary>| {
                assert!(flows.len() <= PIECE_LEN);
                told.extend(flows.iter().map(|flow| flow.first_packet));
                Ok(())
            };
            left.tell_shard(tell).unwrap();
            told
        };
        SIZES.into_iter().map(tell_shard).collect()
    }

    #[test]
    fn every_flow_of_every_shard_is_told_once_and_in_order() {
        let wanted = SIZES.map(|flows| (1..=flows as u64).collect::<Vec<_>>());
        let (handover, mut left) = left_of(0, true);
        handover.end(&mut SIZES.map(shard));
        assert_eq!(told_of(&mut left), wanted);

        let (handover, mut left) = left_of(7, false);
        let worker = thread::spawn(move || handover.end(&mut SIZES.map(shard)));
        assert_eq!(told_of(&mut left), wanted);
        worker.join().unwrap();
        let died = left.tell_shard(|_| Ok(())).unwrap_err();
        assert!(died.to_string().contains("worker-7"), "{died}");
    }

    #[test]
    fn no_worker_is_far_ahead_unless_it_is_alone() {
        for (is_alone, ahead) in [(false, Some(MAX_AHEAD)), (true, None)] {
            let (_leaving, left) = left_of(0, is_alone);
            assert_eq!(left.pieces.capacity(), ahead);
        }
        let (handover, left) = left_of(0, true);
        handover.end(&mut SIZES.map(shard));
        for message in left.pieces.try_iter() {
            let flows: usize = message.iter().map(|piece| piece.flows.len()).sum();
            assert!(flows < MIN_FLOWS + PIECE_LEN, "{flows}");
        }
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_given_up() {
        let (handover, left) = left_of(0, false);
        let worker = thread::spawn(move || handover.end(&mut SIZES.map(shard)));
        drop(left);
        worker.join().unwrap();
    }

    #[test]
    fn a_list_that_was_told_is_filled_again() {
        let (handover, mut left) = left_of(0, true);
        handover.end(&mut [shard(PIECE_LEN)]);
        let mut list = std::ptr::null();
        let told = left.tell_shard(|flows| {
            list = flows.as_ptr();
            Ok(())
        });
        told.unwrap();
        handover.end(&mut [shard(PIECE_LEN)]);
        let told = left.tell_shard(|flows| {
            assert_eq!((flows.len(), flows.as_ptr()), (PIECE_LEN, list));
            Ok(())
        });
        told.unwrap();
    }
}
