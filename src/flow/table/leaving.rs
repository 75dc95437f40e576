//! The end of a table: all its flows, one after the other.

use std::mem;

use super::pages::Pages;
use super::{Flow, FlowTable, Link};
use crate::key::FlowKey;
use crate::slot_index::NO_SLOT;

/// Flows from one look at a flow to the next, and to its turn.
const STEP: usize = 8;

impl<V: Default> FlowTable<V> {
    /// Takes all flows out, the least recently used first.
    ///
    /// * `look`: is shown each flow twice before its turn, to ask for its memory, and then (`true`) for what that leads to.
    /// * `last`: what is made of each; see [`FlowTable::end`].
    pub fn drain<R>(
        &mut self,
        look: impl Fn((&FlowKey, &V), bool),
        last: impl Fn(&FlowKey, &mut V) -> R,
    ) -> impl Iterator<Item = R> {
        // At once: where each flow stands is of no use to one that goes.
        self.index.clear();
        self.free.clear();
        let first = mem::replace(&mut self.oldest, NO_SLOT);
        self.newest = NO_SLOT;
        let mut leaving = Leaving {
            links: mem::take(&mut self.links),
            flows: mem::replace(&mut self.flows, Pages::new()),
            now: first,
            soon: first,
            later: first,
        };
        for _ in 0..2 * STEP {
            leaving.later = leaving.show(leaving.later, |flow| look(flow, false));
        }
        for _ in 0..STEP {
            leaving.soon = leaving.show(leaving.soon, |flow| look(flow, true));
        }
        std::iter::from_fn(move || leaving.next(&look, &last))
    }
}

/// Flows on their way out: the one whose turn it is, and those that are looked at before theirs.
struct Leaving<V> {
    links: Vec<Link>,
    flows: Pages<Flow<V>>,
    now: u32,
    soon: u32,
    later: u32,
}

impl<V: Default> Leaving<V> {
    fn next<R>(
        &mut self,
        look: &impl Fn((&FlowKey, &V), bool),
        last: impl FnOnce(&FlowKey, &mut V) -> R,
    ) -> Option<R> {
        self.later = self.show(self.later, |flow| look(flow, false));
        self.soon = self.show(self.soon, |flow| look(flow, true));
        let made = self.flows.get_mut(self.now)?.end(last);
        self.now = self.newer(self.now);
        Some(made)
    }

    /// Has the flow in `slot` looked at; the slot of the flow after it.
    fn show(&self, slot: u32, look: impl Fn((&FlowKey, &V))) -> u32 {
        if let Some(flow) = self.flows.get(slot) {
            look((&flow.key, &flow.value));
        }
        self.newer(slot)
    }

    fn newer(&self, slot: u32) -> u32 {
        let link = self.links.get(slot as usize);
        link.map_or(NO_SLOT, |link| link.newer)
    }
}
