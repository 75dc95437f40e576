//! What flows that are still to come will need of a table's memory: asked for, not waited for.

use super::{FlowTable, KeyHash};
use crate::key::FlowKey;
use crate::prefetch::prefetch;

impl<V: Default> FlowTable<V> {
    /// Asks for the memory that [`FlowTable::guess`] looks at.
    #[inline]
    pub(crate) fn prefetch_guess(&self, hash: KeyHash) {
        self.index.prefetch(hash.0);
    }

    /// Asks for the place of a guess among the flows in order of use.
    #[inline]
    pub(crate) fn prefetch_order(&self, guess: u32) {
        if let Some(link) = self.links.get(guess as usize) {
            prefetch(link);
        }
    }

    /// Asks for the places of the flows that were used just before and just after the one of a guess.
    #[inline]
    pub(crate) fn prefetch_neighbours(&self, guess: u32) {
        if let Some(link) = self.links.get(guess as usize) {
            self.prefetch_order(link.older);
            self.prefetch_order(link.newer);
        }
    }

    /// Asks for what the flows will need that go next, to be called whenever one has gone.
    ///
    /// * `look`: asks for the memory of the third of them, and for what the first leads to: of that it is told what it is found by as well.
    #[inline]
    pub(crate) fn prefetch_next_to_go(&self, look: impl Fn((&FlowKey, &V), Option<KeyHash>)) {
        let link = |slot: u32| self.links.get(slot as usize);
        let Some(first) = link(self.oldest) else {
            return;
        };
        self.index.prefetch(first.hash.0);
        if let Some(flow) = self.glimpse(self.oldest) {
            look(flow, Some(first.hash));
        }
        if let Some(second) = link(first.newer)
            && let Some(flow) = self.glimpse(second.newer)
        {
            self.prefetch_order(second.newer);
            look(flow, None);
        }
    }
}
