//! The flows of one shard, the least recently used first out.

use ahash::RandomState;
use lru::LruCache;

use crate::key::FlowKey;

/// Flows by key, at most `capacity` of them, in order of use.
///
/// * Bound: `capacity`, at least 1; the table never drops a flow by itself: the caller takes the oldest out
///   ([`FlowTable::pop_oldest`]) while [`FlowTable::is_full`], so that no flow's figures are lost.
/// * Seeded at random, so that nobody can aim at one bucket; its order of iteration is that of use, never that of the hash.
pub struct FlowTable<V> {
    flows: LruCache<FlowKey, V, RandomState>,
    capacity: usize,
}

impl<V> FlowTable<V> {
    /// An empty table for `capacity` flows. Memory grows with use.
    pub fn new(capacity: usize) -> Self {
        Self {
            flows: LruCache::unbounded_with_hasher(RandomState::new()),
            capacity: capacity.max(1),
        }
    }

    /// The flow of `key`, which becomes the most recently used.
    pub fn get_mut(&mut self, key: &FlowKey) -> Option<&mut V> {
        self.flows.get_mut(key)
    }

    /// The flow of `key`, which is not used by that.
    pub fn peek(&self, key: &FlowKey) -> Option<&V> {
        self.flows.peek(key)
    }

    /// Whether there is no room for one more.
    pub fn is_full(&self) -> bool {
        self.flows.len() >= self.capacity
    }

    /// Puts `value` in as the most recently used.
    pub fn insert(&mut self, key: FlowKey, value: V) {
        self.flows.put(key, value);
    }

    /// Takes the flow of `key` out.
    pub fn remove(&mut self, key: &FlowKey) -> Option<V> {
        self.flows.pop(key)
    }

    /// The least recently used flow.
    pub fn oldest(&self) -> Option<(&FlowKey, &V)> {
        self.flows.peek_lru()
    }

    /// Takes the least recently used flow out.
    pub fn pop_oldest(&mut self) -> Option<(FlowKey, V)> {
        self.flows.pop_lru()
    }

    /// Flows in the table.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Endpoint, FiveTuple};
    use crate::packet::IpProtocol;

    fn key(port: u16) -> FlowKey {
        let end = |last, port| Endpoint {
            addr: [10, 0, 0, last].into(),
            port,
        };
        FlowKey::of(&FiveTuple {
            src: end(1, port),
            dst: end(2, 80),
            protocol: IpProtocol::TCP,
        })
        .0
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut table = FlowTable::new(3);
        for port in 1..=3 {
            table.insert(key(port), port);
        }
        assert!(table.is_full());
        assert_eq!(table.get_mut(&key(1)), Some(&mut 1));
        assert_eq!(table.oldest(), Some((&key(2), &2)));
        assert_eq!(table.pop_oldest(), Some((key(2), 2)));
        table.insert(key(4), 4);
        let order: Vec<_> = std::iter::from_fn(|| table.pop_oldest())
            .map(|(_, port)| port)
            .collect();
        assert_eq!(order, [3, 1, 4]);
    }
}
