//! A chunk on its way: from the reader to the workers that have packets of it, and on to the writer.

use std::sync::{Arc, OnceLock};

use super::Message;
use super::worker::{Assignment, Part};
use crate::capture::Chunk;

/// A chunk, and what came of it so far.
///
/// Reader and workers share it. Each lets go of it by [`SharedChunk::leave`], and whoever is the last sends it to the writer: so the
/// writer is woken once a chunk, when all of it is there.
pub(super) struct SharedChunk {
    pub(super) sequence: u64,
    pub(super) chunk: Chunk,
    /// Of each worker; it stays empty where one has no packet.
    parts: Vec<OnceLock<Part>>,
    /// Lists of workers that have no packet of it.
    unused: Vec<Assignment>,
}

impl SharedChunk {
    /// A chunk for so many workers; `unused` are the lists of those that have no packet of it.
    pub(super) fn new(
        sequence: u64,
        chunk: Chunk,
        workers: usize,
        unused: Vec<Assignment>,
    ) -> Arc<Self> {
        Arc::new(Self {
            sequence,
            chunk,
            parts: (0..workers).map(|_| OnceLock::new()).collect(),
            unused,
        })
    }

    /// Leaves what a worker says; it says it once.
    pub(super) fn tell(&self, worker: usize, part: Part) {
        if let Some(place) = self.parts.get(worker) {
            // It is empty: nobody else writes there.
            let _ = place.set(part);
        }
    }

    /// What the writer is to be told if nobody else holds the chunk any more.
    ///
    /// Nothing where a worker let go of it without a word: it died, and to the writer what it did not say would be packets to forward.
    pub(super) fn leave(self: Arc<Self>) -> Option<Message> {
        let shared = Arc::into_inner(self)?;
        shared.is_judged().then_some(Message::Chunk(shared))
    }

    /// Whether every worker that has packets of it said what becomes of them.
    fn is_judged(&self) -> bool {
        let told = self.parts.iter().filter(|part| part.get().is_some());
        told.count() + self.unused.len() == self.parts.len()
    }

    /// The chunk, what workers said of it, and the lists of the others.
    pub(super) fn open(self) -> (Chunk, Vec<Part>, Vec<Assignment>) {
        let parts = self.parts.into_iter().filter_map(OnceLock::into_inner);
        (self.chunk, parts.collect(), self.unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Turnover;

    fn part(drops: &[u32]) -> Part {
        Part {
            drops: drops.to_vec(),
            flows: Vec::new(),
            quoting: Vec::new(),
            quoted: Vec::new(),
            turnover: Turnover::default(),
            judged: Vec::new(),
            spent: Assignment::default(),
        }
    }

    #[test]
    fn whoever_leaves_last_takes_all_to_the_writer() {
        for last in 0..3 {
            let unused = vec![Assignment::default()];
            let shared = SharedChunk::new(7, Chunk::new(), 3, unused);
            // The reader is the third, and says nothing.
            for worker in 0..2 {
                shared.tell(worker, part(&[worker as u32]));
            }
            let mut holders = [Arc::clone(&shared), Arc::clone(&shared), shared].map(Some);
            for (number, holder) in holders.iter_mut().enumerate() {
                if number != last {
                    assert!(holder.take().unwrap().leave().is_none(), "{number}");
                }
            }
            let told = holders[last].take().unwrap().leave();
            let Some(Message::Chunk(shared)) = told else {
                panic!("the last one has nothing to tell");
            };
            assert_eq!(shared.sequence, 7);
            let (_, parts, unused) = shared.open();
            let drops: Vec<_> = parts.iter().map(|part| &*part.drops).collect();
            assert_eq!((drops, unused.len()), (vec![&[0][..], &[1]], 1));
        }
    }

    #[test]
    fn a_chunk_of_no_worker_goes_straight_to_the_writer() {
        let unused = vec![Assignment::default(), Assignment::default()];
        let told = SharedChunk::new(1, Chunk::new(), 2, unused).leave();
        assert!(matches!(told, Some(Message::Chunk(_))));
    }

    #[test]
    fn a_chunk_that_a_worker_died_with_never_gets_to_the_writer() {
        let shared = SharedChunk::new(1, Chunk::new(), 2, Vec::new());
        let (dies, lives) = (Arc::clone(&shared), Arc::clone(&shared));
        assert!(shared.leave().is_none());
        drop(dies);
        lives.tell(1, part(&[3]));
        assert!(lives.leave().is_none());
    }
}
