//! Numbers by hash, for tables that keep their entries elsewhere: one array, of which a search mostly touches a single line of memory.

use std::hint::select_unpredictable;

use crate::half_hash::HalfHash;
use crate::prefetch::prefetch;

/// No slot.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Slots by hash: open addressing, the next free place after a hash's home.
///
/// * At most [`MAX_LOAD`] full: a search ends after two places in the mean, four if it finds nothing.
/// * Homes are in the order of the hashes, so that growing goes through the old array and the new one from front to back.
#[derive(Debug, Default)]
pub(crate) struct SlotIndex {
    places: Vec<Place>,
    len: usize,
    /// Places for as many slots as are to be expected; 0 when nobody knows.
    expected: usize,
}

/// Five eighths.
const MAX_LOAD: (usize, usize) = (5, 8);
/// Places that a guess looks at: where nine of ten stand when the array is as full as it gets, and half a line of memory.
const NEAR_PLACES: usize = 4;
/// Places of the smallest array.
const MIN_PLACES: usize = 16;

/// A hash, and what was put in with it.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: HalfHash,
    slot: u32,
}

const EMPTY: Place = Place {
    hash: HalfHash::of(0),
    slot: NO_SLOT,
};

impl SlotIndex {
    /// An empty one, which takes no more memory than it must when there are `most` slots in it.
    pub(crate) const fn for_slots(most: usize) -> Self {
        let (part, whole) = MAX_LOAD;
        Self {
            places: Vec::new(),
            len: 0,
            expected: most.saturating_mul(whole).div_ceil(part),
        }
    }

    /// Slots in it.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The slot that was put in with this hash, which is most often the one that is sought, if it stands near the hash's home; slot 0 and
    /// `false` if none does.
    ///
    /// Says nothing for sure, but needs no choice that a processor could guess wrong: with several hashes in a row it waits for memory
    /// once.
    #[inline]
    pub(crate) fn guess(&self, hash: HalfHash) -> (u32, bool) {
        let home = self.home(hash);
        // An empty place has a hash as well, but the highest slot.
        let slot_in = |place: &Place| select_unpredictable(place.hash == hash, place.slot, NO_SLOT);
        let near = self.places.get(home..).unwrap_or_default();
        let slot = match near.first_chunk::<NEAR_PLACES>() {
            Some(near) => near.iter().map(slot_in).fold(NO_SLOT, u32::min),
            None => {
                let first = self.places.iter().take(NEAR_PLACES - near.len());
                near.iter()
                    .chain(first)
                    .map(slot_in)
                    .fold(NO_SLOT, u32::min)
            }
        };
        let is_there = slot != NO_SLOT;
        (select_unpredictable(is_there, slot, 0), is_there)
    }

    /// Asks for the memory in which a search for this hash begins, and most often ends.
    #[inline]
    pub(crate) fn prefetch(&self, hash: HalfHash) {
        if let Some(place) = self.places.get(self.home(hash)) {
            prefetch(place);
        }
    }

    /// The slot that was put in with this hash, and that `is_it`.
    #[inline]
    pub(crate) fn find(&self, hash: HalfHash, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.position(hash, is_it)?;
        self.places.get(at).map(|place| place.slot)
    }

    /// Puts a slot in that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, hash: HalfHash, slot: u32) {
        let (part, whole) = MAX_LOAD;
        if (self.len + 1) * whole > self.places.len() * part {
            self.grow();
        }
        self.put(Place { hash, slot });
        self.len += 1;
    }

    /// Puts `slot` where the one is that was put in with this hash, and that `is_it`; that one, or none and nothing is done.
    pub(crate) fn replace(
        &mut self,
        hash: HalfHash,
        slot: u32,
        is_it: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let at = self.position(hash, is_it)?;
        let place = self.places.get_mut(at)?;
        Some(std::mem::replace(&mut place.slot, slot))
    }

    /// Takes the slot out that was put in with this hash, if it is there.
    pub(crate) fn remove(&mut self, hash: HalfHash, slot: u32) {
        let Some(mut gap) = self.position(hash, |there| there == slot) else {
            return;
        };
        self.len -= 1;
        // What stands behind it, up to the next empty place, moves up, as far as it is not at home already.
        let mut at = self.next(gap);
        while let Some(&place) = self.places.get(at)
            && place.slot != NO_SLOT
        {
            let way = self.distance(self.home(place.hash), at);
            let moves_up = way >= self.distance(gap, at);
            // Written in any case, for no processor guesses which it is: what does not move up stays where it is as well.
            let to = select_unpredictable(moves_up, gap, at);
            self.set(to, place);
            gap = select_unpredictable(moves_up, at, gap);
            at = self.next(at);
        }
        self.set(gap, EMPTY);
    }

    /// Takes everything out; keeps the room.
    pub(crate) fn clear(&mut self) {
        self.places.fill(EMPTY);
        self.len = 0;
    }

    /// Where the slot stands that was put in with this hash, and that `is_it`.
    #[inline]
    fn position(&self, hash: HalfHash, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let place = self.places.get(at)?;
            if place.slot == NO_SLOT {
                return None;
            }
            if place.hash == hash && is_it(place.slot) {
                return Some(at);
            }
            at = self.next(at);
        }
    }

    /// The place to begin at: the hash's share of the array.
    #[inline]
    const fn home(&self, hash: HalfHash) -> usize {
        ((hash.get() as u64 * self.places.len() as u64) >> u32::BITS) as usize
    }

    #[inline]
    const fn next(&self, at: usize) -> usize {
        if at + 1 < self.places.len() {
            at + 1
        } else {
            0
        }
    }

    /// Places from one to the other, forwards.
    const fn distance(&self, from: usize, to: usize) -> usize {
        if from <= to {
            to - from
        } else {
            self.places.len() - from + to
        }
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(there) = self.places.get_mut(at) {
            *there = place;
        }
    }

    /// There is an empty place.
    fn put(&mut self, place: Place) {
        let mut at = self.home(place.hash);
        while self
            .places
            .get(at)
            .is_some_and(|there| there.slot != NO_SLOT)
        {
            at = self.next(at);
        }
        self.set(at, place);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let mut places = (self.places.len() * 2).max(MIN_PLACES);
        if self.places.len() < self.expected {
            places = places.min(self.expected);
        }
        let old = std::mem::replace(&mut self.places, vec![EMPTY; places]);
        for place in old.into_iter().filter(|place| place.slot != NO_SLOT) {
            self.put(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few homes, some at the very end: searches run into each other and around the array's edge.
    fn hash(number: u8) -> HalfHash {
        let home = [0, 1, u64::from(u32::MAX), u64::from(u32::MAX / 2)][usize::from(number % 4)];
        HalfHash::of(home.wrapping_sub(u64::from(number / 64)))
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_list_finds(
            steps in proptest::collection::vec((0..3, any::<u8>()), 0..400),
            most in 0_usize..300,
        ) {
            let mut index = SlotIndex::for_slots(most);
            // Of each number one of two slots, which have its hash.
            let mut list: Vec<u32> = Vec::new();
            let hash_of = |slot: u32| hash(slot as u8);
            for (step, number) in steps {
                let place = list.iter().position(|&there| there as u8 == number);
                let there = place.map_or(number.into(), |place| list[place]);
                match (step, place) {
                    (0, None) => {
                        index.insert(hash(number), there);
                        list.push(there);
                    }
                    (1, Some(place)) => {
                        index.remove(hash(number), there);
                        list.swap_remove(place);
                    }
                    // Nothing is taken out that is not there.
                    (1, None) => index.remove(hash(number), there),
                    (2, _) => {
                        let other = there ^ 256;
                        let before = index.replace(hash(number), other, |slot| slot == there);
                        prop_assert_eq!(before, place.map(|_| there));
                        list.iter_mut().filter(|slot| **slot == there).for_each(|slot| *slot = other);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), list.len());
                prop_assert!(index.places.iter().any(|place| place.slot == NO_SLOT) || list.is_empty());
                for slot in 0..512 {
                    let is_there = list.contains(&slot).then_some(slot);
                    prop_assert_eq!(index.find(hash_of(slot), |other| other == slot), is_there);
                }
                for number in 0..=255 {
                    // Of several with this hash, a guess is any that is there.
                    let (guess, is_guessed) = index.guess(hash(number));
                    let is_alike = hash_of(guess) == hash(number);
                    prop_assert!(!is_guessed || (is_alike && list.contains(&guess)));
                }
            }
            index.clear();
            prop_assert_eq!(index.len(), 0);
            prop_assert!(list.iter().all(|&slot| index.find(hash_of(slot), |_| true).is_none()));
        }
    }

    #[test]
    fn it_is_never_fuller_than_it_may_be_however_many_are_expected() {
        let (part, whole) = MAX_LOAD;
        for most in (0..200).chain([usize::MAX / whole, usize::MAX]) {
            let mut index = SlotIndex::for_slots(most);
            for slot in 0..300 {
                index.insert(HalfHash::of(u64::from(slot) << 23), slot);
                let (len, places) = (index.len(), index.places.len());
                assert!(len * whole <= places * part, "{len} in {places}");
                let is_too_many = len <= most && places > most.saturating_mul(whole).div_ceil(part);
                assert!(!is_too_many, "{places} for {most}");
            }
        }
    }

    #[test]
    fn it_takes_room_for_as_many_as_are_expected_and_for_more_if_they_come() {
        let mut index = SlotIndex::for_slots(1000);
        let mut rooms = Vec::new();
        for slot in 0..=1000 {
            index.insert(HalfHash::of(u64::from(slot) << 20), slot);
            rooms.push(index.places.len());
        }
        rooms.dedup();
        assert_eq!(rooms, [16, 32, 64, 128, 256, 512, 1024, 1600, 3200]);
    }

    #[test]
    fn one_of_several_with_the_same_hash_is_replaced() {
        let mut index = SlotIndex::default();
        let hash = HalfHash::of(77);
        assert_eq!(index.replace(hash, 1, |_| true), None);
        for slot in [5, 6, 7] {
            index.insert(hash, slot);
        }
        assert_eq!(index.replace(hash, 9, |slot| slot == 6), Some(6));
        assert_eq!(index.replace(hash, 8, |slot| slot == 6), None);
        assert_eq!(index.replace(HalfHash::of(78), 8, |_| true), None);
        let is_there = |slot| index.find(hash, |there| there == slot).is_some();
        assert_eq!(
            [5, 6, 7, 8, 9].map(is_there),
            [true, false, true, false, true]
        );
        assert_eq!(index.len(), 3);
    }

    #[test]
    fn a_guess_is_what_stands_near_home() {
        let mut index = SlotIndex::default();
        // All of one home.
        let hashes: Vec<_> = (0..=NEAR_PLACES as u32)
            .map(|number| HalfHash::of((1 << 31) + u64::from(number)))
            .collect();
        assert_eq!(index.guess(hashes[0]), (0, false));
        for (&hash, slot) in hashes.iter().zip(7..) {
            index.insert(hash, slot);
        }
        let guesses: Vec<_> = hashes.iter().map(|&hash| index.guess(hash)).collect();
        let (last, near) = guesses.split_last().unwrap();
        assert_eq!(near, [(7, true), (8, true), (9, true), (10, true)]);
        assert_eq!(*last, (0, false));
        // The hash of empty places, of which there are some behind it.
        let empty = HalfHash::of(0);
        assert_eq!(index.guess(empty), (0, false));
        index.insert(empty, 20);
        assert_eq!(index.guess(empty), (20, true));
    }

    #[test]
    fn hardly_a_search_goes_past_a_line_of_memory() {
        let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
        let mut index = SlotIndex::default();
        // As full as it gets.
        let hashes: Vec<_> = (0..5 << 12)
            .map(|slot: u32| (HalfHash::of(hasher.hash_one(slot)), slot))
            .collect();
        for &(hash, slot) in &hashes {
            index.insert(hash, slot);
        }
        assert_eq!(index.places.len(), 8 << 12);
        let full = (0..).zip(&index.places);
        let full = full.filter(|(_, place)| place.slot != NO_SLOT);
        let is_far =
            |(at, place): &(usize, &Place)| index.distance(index.home(place.hash), *at) >= 8;
        let (far, near): (Vec<_>, Vec<_>) = full.partition(is_far);
        assert_eq!(far.len() + near.len(), hashes.len());
        assert!(far.len() < hashes.len() / 50, "{}", far.len());
        let is_guessed = |(hash, slot): &&(HalfHash, u32)| index.guess(*hash) == (*slot, true);
        let guessed = hashes.iter().filter(is_guessed).count();
        assert!(guessed > hashes.len() * 9 / 10, "{guessed}");
    }
}
