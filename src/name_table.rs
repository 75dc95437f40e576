//! Distinct names, numbered in the order in which they came, each with what is counted for it.

use ahash::RandomState;
use smallvec::SmallVec;

use crate::domain::DomainName;
use crate::half_hash::HalfHash;
use crate::prefetch::prefetch;
use crate::slot_index::SlotIndex;

/// Names that are looked up together without an allocation.
pub(crate) const FEW: usize = 32;

/// Names by hash. Bounds: so many names, and so many bytes of text together; see [`NameTable::new`].
#[derive(Debug)]
pub(crate) struct NameTable<T> {
    hasher: RandomState,
    index: SlotIndex,
    names: Vec<(DomainName, T)>,
    bytes: usize,
    max_names: usize,
    max_bytes: usize,
}

impl<T> NameTable<T> {
    /// An empty one, for `max_names` with `max_bytes` of text.
    pub(crate) fn new(max_names: usize, max_bytes: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            index: SlotIndex::for_slots(max_names),
            names: Vec::new(),
            bytes: 0,
            max_names,
            max_bytes,
        }
    }

    /// The number of `name`, and what is counted for it; `None` when it is new and there is no room for it.
    ///
    /// * `hash`: the name's, as [`hash`](Self::hash) or [`look_ahead`](Self::look_ahead) told.
    /// * `first`: what is counted for one that is new.
    pub(crate) fn entry(
        &mut self,
        (name, hash): (&DomainName, HalfHash),
        first: T,
    ) -> Option<(usize, &mut T)> {
        debug_assert_eq!(hash, self.hash(name), "of another name, or table");
        let place = match self.find(hash, name) {
            Some(place) => place as usize,
            None => {
                let place = self.names.len();
                let bytes = self.bytes + name.as_str().len();
                if place >= self.max_names || bytes > self.max_bytes {
                    return None;
                }
                self.bytes = bytes;
                self.index.insert(hash, u32::try_from(place).ok()?);
                self.names.push((name.clone(), first));
                place
            }
        };
        let (_, counted) = self.names.get_mut(place)?;
        Some((place, counted))
    }

    /// All of them, by number.
    pub(crate) fn into_names(self) -> Vec<(DomainName, T)> {
        self.names
    }

    /// Asks for the memory that these names will need: step by step for all of them together, so that hardly anything is waited for.
    /// Tells what they are found by, in their order.
    pub(crate) fn look_ahead<'a>(
        &self,
        names: impl ExactSizeIterator<Item = &'a DomainName>,
    ) -> SmallVec<[HalfHash; FEW]> {
        let mut hashes = SmallVec::with_capacity(names.len());
        for name in names {
            let hash = self.hash(name);
            self.index.prefetch(hash);
            hashes.push(hash);
        }
        let guess = |hash: &HalfHash| self.names.get(self.index.guess(*hash).0 as usize);
        hashes.iter().filter_map(guess).for_each(prefetch);
        for (name, _) in hashes.iter().filter_map(guess) {
            name.prefetch();
        }
        hashes
    }

    /// What `name` is found by.
    pub(crate) fn hash(&self, name: &DomainName) -> HalfHash {
        HalfHash::of(self.hasher.hash_one(name))
    }

    fn find(&self, hash: HalfHash, name: &DomainName) -> Option<u32> {
        let is_it = |place: u32| {
            let there = self.names.get(place as usize);
            there.is_some_and(|(there, _)| there == name)
        };
        self.index.find(hash, is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_numbered_as_they_come_and_known_again() {
        let mut table = NameTable::new(100, 10_000);
        let texts: Vec<_> = (0..50)
            .map(|n| format!("{n}.a-name-that-is-not-short.example"))
            .collect();
        for round in 1..=2 {
            for (number, text) in texts.iter().enumerate() {
                let name = name(&text.to_uppercase());
                let hash = table.look_ahead([&name].into_iter())[0];
                let (place, count) = table.entry((&name, hash), 0).unwrap();
                *count += 1;
                assert_eq!((place, *count), (number, round));
            }
        }
        let told: Vec<_> = table.into_names();
        assert_eq!(told.len(), 50);
        assert!(
            told.iter()
                .zip(&texts)
                .all(|((name, _), text)| name.as_str() == *text)
        );
    }

    #[test]
    fn past_the_bounds_only_known_names_are_found() {
        let mut table = NameTable::new(2, 6);
        let mut place = |text| {
            let name = name(text);
            let hash = table.look_ahead([&name].into_iter())[0];
            table.entry((&name, hash), ()).map(|(place, ())| place)
        };
        assert_eq!([place("abcd"), place("abc")], [Some(0), None], "7 bytes");
        assert_eq!([place("ab"), place("c")], [Some(1), None], "3 names");
        assert_eq!([place("ab"), place("ABCD.")], [Some(1), Some(0)]);
    }
}
