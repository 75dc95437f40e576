//! The flows of one shard, the least recently used first out.

use ahash::RandomState;

use crate::half_hash::HalfHash;
use crate::key::FlowKey;
use crate::slot_index::{NO_SLOT, SlotIndex};

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
    pages: Vec<Page<V>>,
    /// For each slot.
    links: Vec<Link>,
    /// Slots without a flow.
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    capacity: usize,
}

/// [`PAGE_LEN`] slots, the last page perhaps fewer.
type Page<V> = Vec<Option<Flow<V>>>;

/// A flow where it stands: its value follows the key, so that what every packet needs of both can lie together.
#[repr(C)]
struct Flow<V> {
    key: FlowKey,
    value: V,
}

/// Slots of a page: so many that where a page stands is known by heart, as long as a table has one or two. What of a page was never
/// touched is no memory yet.
const PAGE_LEN: usize = 4096;

/// Flows that are looked at together before they are taken out.
const DRAINED_TOGETHER: usize = 16;

/// What a flow is found by, of the table that told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(HalfHash);

/// The slots of the flows that were used just before and just after, and what the flow itself is found by.
#[derive(Debug, Clone, Copy)]
struct Link {
    older: u32,
    newer: u32,
    hash: KeyHash,
}

impl<V> FlowTable<V> {
    /// An empty table for `capacity` flows. Memory grows with use.
    pub fn new(capacity: usize) -> Self {
        Self::with_hasher(capacity, RandomState::new())
    }

    /// Another empty one, in which flows are found by the same hashes as in this.
    pub fn beside<W>(&self, capacity: usize) -> FlowTable<W> {
        FlowTable::with_hasher(capacity, self.hasher.clone())
    }

    fn with_hasher(capacity: usize, hasher: RandomState) -> Self {
        Self {
            hasher,
            index: SlotIndex::default(),
            pages: Vec::new(),
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

    /// Where the flow that is found by `hash` is likely to stand, for [`FlowTable::glimpse`]; and whether any is found there by it.
    #[inline]
    pub fn guess(&self, hash: KeyHash) -> (u32, bool) {
        self.index.guess(hash.0)
    }

    /// The flow of a guess, which is not used by that, and may be another.
    #[inline]
    pub fn glimpse(&self, guess: u32) -> Option<(&FlowKey, &V)> {
        self.at(guess).map(|flow| (&flow.key, &flow.value))
    }

    /// What the least recently used flow is found by, and the flow that was used after it.
    #[inline]
    pub fn next_to_go(&self) -> (KeyHash, Option<(&FlowKey, &V)>) {
        let Some(link) = self.links.get(self.oldest as usize) else {
            return (KeyHash(HalfHash::of(0)), None);
        };
        (link.hash, self.glimpse(link.newer))
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
        self.slot(slot)?.as_mut().map(|flow| &mut flow.value)
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

    /// Puts `value` in as the most recently used, and gives it back where it stands. There is no flow of `key` yet: the caller has
    /// looked for it.
    pub fn insert(&mut self, (key, hash): (FlowKey, KeyHash), value: V) -> &mut V {
        debug_assert!(self.find(&key, hash).is_none(), "{key:?} is there already");
        let slot = self.free.pop().unwrap_or_else(|| self.add_slot());
        self.link_newest(slot, hash);
        self.index.insert(hash.0, slot);
        let page = &mut self.pages[slot as usize / PAGE_LEN];
        let flow = page[slot as usize % PAGE_LEN].insert(Flow { key, value });
        &mut flow.value
    }

    /// Takes the flow of `key` out.
    pub fn remove(&mut self, key: &FlowKey, hash: KeyHash) -> Option<V> {
        let slot = self.find(key, hash)?;
        self.take(slot).map(|(_, value)| value)
    }

    /// Takes all flows out, the least recently used first.
    ///
    /// * `look`: is shown the flows that come next, several at a time, to have their memory fetched.
    pub fn drain(&mut self, look: impl Fn(&[Option<&V>])) -> impl Iterator<Item = (FlowKey, V)> {
        // At once: where each flow stands is of no use to one that goes.
        self.index.clear();
        self.free.clear();
        let links = std::mem::take(&mut self.links);
        let mut pages = std::mem::take(&mut self.pages);
        let mut slot = std::mem::replace(&mut self.oldest, NO_SLOT);
        self.newest = NO_SLOT;
        let newer = move |slot: u32| Some(links.get(slot as usize)?.newer);
        let mut looked_at = 0;
        std::iter::from_fn(move || {
            if looked_at == 0 {
                looked_at = DRAINED_TOGETHER;
                let mut next = slot;
                look(&[(); DRAINED_TOGETHER].map(|()| {
                    let flow = flow_at(&pages, next)?;
                    next = newer(next)?;
                    Some(&flow.value)
                }));
            }
            looked_at -= 1;
            let next = newer(slot)?;
            let page = pages.get_mut(slot as usize / PAGE_LEN)?;
            let flow = page.get_mut(slot as usize % PAGE_LEN)?.take()?;
            slot = next;
            Some((flow.key, flow.value))
        })
    }

    /// The least recently used flow.
    pub fn oldest(&self) -> Option<(&FlowKey, &V)> {
        self.glimpse(self.oldest)
    }

    /// Takes the least recently used flow out.
    pub fn pop_oldest(&mut self) -> Option<(FlowKey, V)> {
        self.take(self.oldest)
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
        flow_at(&self.pages, slot)
    }

    fn find(&self, key: &FlowKey, hash: KeyHash) -> Option<u32> {
        self.index.find(hash.0, |slot| {
            self.at(slot).is_some_and(|flow| flow.key == *key)
        })
    }

    fn take(&mut self, slot: u32) -> Option<(FlowKey, V)> {
        let flow = self.slot(slot)?.take()?;
        self.unlink(slot);
        self.free.push(slot);
        if let Some(link) = self.links.get(slot as usize) {
            self.index.remove(link.hash.0, slot);
        }
        Some((flow.key, flow.value))
    }

    fn slot(&mut self, slot: u32) -> Option<&mut Option<Flow<V>>> {
        let page = self.pages.get_mut(slot as usize / PAGE_LEN)?;
        page.get_mut(slot as usize % PAGE_LEN)
    }

    /// A slot that was not there before.
    fn add_slot(&mut self) -> u32 {
        let slot = self.links.len();
        self.links.push(Link {
            older: NO_SLOT,
            newer: NO_SLOT,
            hash: KeyHash(HalfHash::of(0)),
        });
        if slot.is_multiple_of(PAGE_LEN) {
            self.pages
                .push(Vec::with_capacity(PAGE_LEN.min(self.capacity)));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(None);
        }
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

fn flow_at<V>(pages: &[Page<V>], slot: u32) -> Option<&Flow<V>> {
    let page = pages.get(slot as usize / PAGE_LEN)?;
    page.get(slot as usize % PAGE_LEN)?.as_ref()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn put<V>(table: &mut FlowTable<V>, port: u16, value: V) {
        table.insert((key(port), table.hash(&key(port))), value);
    }

    fn remove<V>(table: &mut FlowTable<V>, port: u16) -> Option<V> {
        let key = key(port);
        table.remove(&key, table.hash(&key))
    }

    fn get<V: Copy>(table: &mut FlowTable<V>, port: u16) -> Option<V> {
        let (key, hash) = (key(port), table.hash(&key(port)));
        // It is found by a wrong guess as well: another flow's slot, or none.
        let guess = [table.guess(hash).0, 0, NO_SLOT][usize::from(port % 3)];
        table.get_mut(&key, hash, guess).copied()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut table = FlowTable::new(3);
        for port in 1..=3 {
            put(&mut table, port, port);
        }
        assert!(table.is_full());
        assert_eq!(get(&mut table, 1), Some(1));
        assert_eq!(table.oldest(), Some((&key(2), &2)));
        assert_eq!(table.pop_oldest(), Some((key(2), 2)));
        put(&mut table, 4, 4);
        let order: Vec<_> = std::iter::from_fn(|| table.pop_oldest())
            .map(|(_, port)| port)
            .collect();
        assert_eq!(order, [3, 1, 4]);
    }

    #[test]
    fn tables_beside_each_other_find_by_the_same_hashes() {
        let mut table = FlowTable::new(1);
        put(&mut table, 1, 1);
        let mut other = table.beside(2);
        other.insert((key(1), table.hash(&key(1))), 'a');
        assert_eq!(get(&mut other, 1), Some('a'));
        assert_eq!(other.hash(&key(2)), table.hash(&key(2)));
        assert_eq!((table.len(), other.is_full()), (1, false));
    }

    #[test]
    fn flows_are_shown_before_they_are_taken_out() {
        let mut table = FlowTable::new(100);
        let count = 2 * DRAINED_TOGETHER as u16 + 3;
        for port in 0..count {
            put(&mut table, port, port);
        }
        assert_eq!(get(&mut table, 0), Some(0));
        let shown = std::cell::RefCell::new(Vec::new());
        let look = |flows: &[Option<&u16>]| {
            shown
                .borrow_mut()
                .extend(flows.iter().flatten().map(|&&port| port))
        };
        let drained: Vec<_> = table.drain(look).map(|(_, port)| port).collect();
        let in_order: Vec<_> = (1..count).chain([0]).collect();
        assert_eq!(drained, in_order);
        assert_eq!(shown.into_inner(), in_order);
        assert!(table.is_empty());
    }

    /// Set for the process that a test starts: it prints a hash, and is no test by itself.
    const PRINTS: &str = "DPI_ENGINE_TEST_PRINTS_A_HASH";

    #[test]
    fn the_process_that_prints_a_hash() {
        if std::env::var_os(PRINTS).is_some() {
            let table = FlowTable::<u16>::new(1);
            let hash = table.hasher.hash_one(key(1));
            std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("hash: {hash}\n"))
                .unwrap();
        }
    }

    #[test]
    fn no_two_runs_hash_alike() {
        let hash = || {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture"])
                .arg("flow::table::tests::the_process_that_prints_a_hash")
                .env(PRINTS, "")
                .output();
            let printed = String::from_utf8(output.unwrap().stdout).unwrap();
            let hash = printed.split("hash: ").nth(1);
            hash.and_then(|rest| rest.lines().next())
                .unwrap()
                .to_owned()
        };
        // Of 64 bits each: three alike are no accident.
        let hashes = [hash(), hash(), hash()];
        assert!(
            hashes[0] != hashes[1] || hashes[1] != hashes[2],
            "{hashes:?}"
        );
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_list_in_order_of_use_holds(
            steps in proptest::collection::vec((0u8..4, 0u16..12), 0..200),
        ) {
            let mut table = FlowTable::new(8);
            let mut list: Vec<(u16, u32)> = Vec::new();
            for (number, (step, port)) in (0..).zip(steps) {
                let place = list.iter().position(|(there, _)| *there == port);
                match step {
                    0 => {
                        let used = place.map(|place| list.remove(place));
                        list.extend(used);
                        prop_assert_eq!(get(&mut table, port), used.map(|(_, value)| value));
                    }
                    1 => {
                        let gone = place.map(|place| list.remove(place).1);
                        prop_assert_eq!(remove(&mut table, port), gone);
                    }
                    2 if port == 0 => {
                        let all: Vec<_> = table.drain(|_| ()).collect();
                        let there = list.drain(..).map(|(port, value)| (key(port), value));
                        prop_assert_eq!(all, there.collect::<Vec<_>>());
                    }
                    2 => {
                        let oldest = (!list.is_empty()).then(|| list.remove(0));
                        let oldest = oldest.map(|(port, value)| (key(port), value));
                        prop_assert_eq!(table.pop_oldest(), oldest);
                    }
                    _ => {
                        if table.is_full() {
                            table.pop_oldest();
                            list.remove(0);
                        }
                        list.retain(|(there, _)| *there != port);
                        list.push((port, number));
                        remove(&mut table, port);
                        put(&mut table, port, number);
                    }
                }
                prop_assert_eq!(table.len(), list.len());
                let oldest = table.oldest().map(|(key, value)| (*key, *value));
                prop_assert_eq!(oldest, list.first().map(|&(port, value)| (key(port), value)));
            }
        }
    }
}
