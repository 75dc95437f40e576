//! The flows of one shard, the least recently used first out.

mod ahead;
mod leaving;
mod pages;

use ahash::RandomState;

use crate::half_hash::HalfHash;
use crate::key::FlowKey;
use crate::slot_index::{NO_SLOT, SlotIndex};
use pages::Pages;

/// Flows by key, at most `capacity` of them, in order of use.
///
/// * Bound: `capacity`, at least 1; the table never drops a flow by itself: the caller takes the oldest out
///   ([`FlowTable::pop_oldest`]) while [`FlowTable::is_full`], so that no flow's figures are lost.
/// * Seeded at random, so that nobody can aim at one bucket; its order of iteration is that of use, never that of the hash.
/// * Flows stand in pages that stay where they are, and their order in a small array beside them: hardly a flow costs an allocation, and
///   to use one touches no other flow's memory.
pub struct FlowTable<V> {
    hasher: RandomState,
    index: SlotIndex,
    flows: Pages<Flow<V>>,
    /// For each slot.
    links: Vec<Link>,
    /// Slots without a flow.
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    capacity: usize,
}

/// A flow where it stands: its value follows the key, so that what every packet needs of both can lie together.
///
/// Where none stands, the key is [`FlowKey::NONE`]: an `Option` would have to be read before any part of it could be asked for.
#[repr(C)]
struct Flow<V> {
    key: FlowKey,
    value: V,
}

/// What a flow is found by, of the table that told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(HalfHash);

impl KeyHash {
    /// Before any was told.
    pub(crate) const NONE: Self = Self(HalfHash::of(0));
}

/// The slots of the flows that were used just before and just after, and what the flow itself is found by.
#[derive(Debug, Clone, Copy)]
struct Link {
    older: u32,
    newer: u32,
    hash: KeyHash,
}

impl<V: Default> FlowTable<V> {
    /// An empty table for `capacity` flows. Memory grows with use.
    pub fn new(capacity: usize) -> Self {
        Self::with_hasher(capacity, RandomState::new())
    }

    /// Another empty one, in which flows are found by the same hashes as in this.
    pub fn beside<W: Default>(&self, capacity: usize) -> FlowTable<W> {
        FlowTable::with_hasher(capacity, self.hasher.clone())
    }

    fn with_hasher(capacity: usize, hasher: RandomState) -> Self {
        Self {
            hasher,
            index: SlotIndex::for_slots(capacity),
            flows: Pages::new(),
            links: Vec::new(),
            free: Vec::new(),
            oldest: NO_SLOT,
            newest: NO_SLOT,
            capacity: capacity.clamp(1, NO_SLOT as usize),
        }
    }

    /// What the flow of `key` is found by: to be told once, where it is looked for and then put in.
    pub fn hash(&self, key: &FlowKey) -> KeyHash {
        KeyHash(HalfHash::of(self.hasher.hash_one(key)))
    }

    /// Where the flow that is found by `hash` is likely to stand, for [`FlowTable::get_mut`]; and whether any is found there by it.
    #[inline]
    pub fn guess(&self, hash: KeyHash) -> (u32, bool) {
        self.index.guess(hash.0)
    }

    /// The flow of a guess, which is not used by that, and may be another, or none: then its key is [`FlowKey::NONE`]. Its memory is not read.
    #[inline]
    pub(crate) fn glimpse(&self, guess: u32) -> Option<(&FlowKey, &V)> {
        self.at(guess).map(|flow| (&flow.key, &flow.value))
    }

    /// The flow of `key`, which becomes the most recently used.
    ///
    /// * `guess`: where it may stand, as [`FlowTable::guess`] told before; found all the same when it does not.
    pub fn get_mut(&mut self, key: &FlowKey, hash: KeyHash, guess: u32) -> Option<&mut V> {
        let slot = match self.glimpse(guess) {
            Some((there, _)) if there == key => guess,
            _ => self.find(key, hash)?,
        };
        // Packets of one flow often come in a row.
        if slot != self.newest {
            self.unlink(slot);
            self.link_newest(slot, hash);
        }
        self.slot(slot).map(|flow| &mut flow.value)
    }

    /// The most recently used flow.
    #[inline]
    pub fn newest_mut(&mut self) -> Option<&mut V> {
        self.slot(self.newest).map(|flow| &mut flow.value)
    }

    /// The flow of `key`, which is not used by that.
    pub fn peek(&self, key: &FlowKey) -> Option<&V> {
        let flow = self.at(self.find(key, self.hash(key))?)?;
        Some(&flow.value)
    }

    /// Whether there is no room for one more.
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Puts a flow in as the most recently used: its value, which is the default one, or what was left of another ([`FlowTable::end`]). There
    /// is no flow of `key` yet: the caller has looked for it.
    pub fn insert(&mut self, key: FlowKey, hash: KeyHash) -> &mut V {
        debug_assert_eq!(hash, self.hash(&key), "{key:?} has another");
        debug_assert!(self.find(&key, hash).is_none(), "{key:?} is there already");
        let slot = self.free.pop().unwrap_or_else(|| self.add_slot());
        self.link_newest(slot, hash);
        self.index.insert(hash.0, slot);
        let flow = self.flows.there_mut(slot);
        flow.key = key;
        &mut flow.value
    }

    /// Takes the flow of `key` out.
    pub fn remove(&mut self, key: &FlowKey, hash: KeyHash) -> Option<V> {
        self.end(key, hash, |_, value| std::mem::take(value))
    }

    /// Takes the flow of `key` out: what `last` makes of it, where it stands, for to move it costs more than most of what can be done to it.
    ///
    /// What it leaves there is what some flow to come begins as: it should take no memory elsewhere.
    pub fn end<R>(
        &mut self,
        key: &FlowKey,
        hash: KeyHash,
        last: impl FnOnce(&FlowKey, &mut V) -> R,
    ) -> Option<R> {
        let slot = self.find(key, hash)?;
        self.take(slot, last)
    }

    /// The least recently used flow.
    pub fn oldest(&self) -> Option<(&FlowKey, &V)> {
        self.glimpse(self.oldest)
    }

    /// Takes the least recently used flow out.
    pub fn pop_oldest(&mut self) -> Option<(FlowKey, V)> {
        self.end_oldest(|key, value| (*key, std::mem::take(value)))
    }

    /// The same, as [`FlowTable::end`] does it.
    pub fn end_oldest<R>(&mut self, last: impl FnOnce(&FlowKey, &mut V) -> R) -> Option<R> {
        self.take(self.oldest, last)
    }

    /// Flows in the table.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn at(&self, slot: u32) -> Option<&Flow<V>> {
        self.flows.get(slot)
    }

    fn find(&self, key: &FlowKey, hash: KeyHash) -> Option<u32> {
        self.index.find(hash.0, |slot| {
            self.at(slot).is_some_and(|flow| flow.key == *key)
        })
    }

    fn take<R>(&mut self, slot: u32, last: impl FnOnce(&FlowKey, &mut V) -> R) -> Option<R> {
        let made = self.slot(slot)?.end(last);
        self.unlink(slot);
        self.free.push(slot);
        if let Some(link) = self.links.get(slot as usize) {
            self.index.remove(link.hash.0, slot);
        }
        Some(made)
    }

    fn slot(&mut self, slot: u32) -> Option<&mut Flow<V>> {
        self.flows.get_mut(slot)
    }

    /// A slot that was not there before.
    fn add_slot(&mut self) -> u32 {
        let slot = self.links.len();
        self.links.push(Link {
            older: NO_SLOT,
            newer: NO_SLOT,
            hash: KeyHash::NONE,
        });
        let vacant = Flow {
            key: FlowKey::NONE,
            value: V::default(),
        };
        self.flows.push(vacant, self.capacity);
        slot as u32
    }

    fn unlink(&mut self, slot: u32) {
        let Some(Link { older, newer, .. }) = self.links.get(slot as usize).copied() else {
            return;
        };
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => self.oldest = newer,
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, slot: u32, hash: KeyHash) {
        let older = std::mem::replace(&mut self.newest, slot);
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = slot,
            None => self.oldest = slot,
        }
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link {
                older,
                newer: NO_SLOT,
                hash,
            };
        }
    }
}

impl<V: Default> Flow<V> {
    /// Leaves none where it stands.
    fn end<R>(&mut self, last: impl FnOnce(&FlowKey, &mut V) -> R) -> R {
        let made = last(&self.key, &mut self.value);
        self.key = FlowKey::NONE;
        made
    }
}

#[cfg(test)]
mod tests;
