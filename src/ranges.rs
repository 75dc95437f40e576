//! Ranges of numbers, each with a value: which value holds for a number.
//!
//! Serves addresses and ports alike. Overlaps are resolved once, when the map is built; a look is a binary search. Knows nothing of
//! what the values mean, but that the lowest goes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

/// For each number the lowest of the values that hold for it.
///
/// Shape: steps in ascending order; a step's value holds from its start to the next step's.
#[derive(Debug, Clone)]
pub struct Ranges<K, V> {
    starts: Vec<K>,
    values: Vec<Option<V>>,
}

impl<K, V> Default for Ranges<K, V> {
    fn default() -> Self {
        Self {
            starts: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<K, V> Ranges<K, V> {
    /// Whether no number has a value.
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

impl<K: Copy + Ord + Into<u128> + TryFrom<u128>, V: Copy + Ord> Ranges<K, V> {
    /// Where ranges overlap, the lowest value holds. Takes n log n time and memory for at most 2n steps.
    pub fn new(mut ranges: Vec<(RangeInclusive<K>, V)>) -> Self {
        ranges.sort_unstable_by_key(|(range, value)| (*range.start(), *value));
        // Only where a range starts, or just past the end of one, can the answer change.
        let mut borders: Vec<K> = ranges
            .iter()
            .flat_map(|(range, _)| {
                let past_end = (*range.end()).into().checked_add(1);
                let past_end = past_end.and_then(|n| K::try_from(n).ok());
                [Some(*range.start()), past_end].into_iter().flatten()
            })
            .collect();
        borders.sort_unstable();
        borders.dedup();

        let mut map = Self::default();
        let mut coming = ranges.into_iter().peekable();
        // The ranges begun; those that have ended leave when they come to the top.
        let mut begun = BinaryHeap::new();
        for border in borders {
            while let Some((range, value)) = coming.next_if(|(range, _)| *range.start() <= border) {
                begun.push(Reverse((value, *range.end())));
            }
            while begun.peek().is_some_and(|Reverse((_, end))| *end < border) {
                begun.pop();
            }
            let first = begun.peek().map(|Reverse((value, _))| *value);
            if map.values.last().copied().flatten() != first {
                map.starts.push(border);
                map.values.push(first);
            }
        }
        map
    }

    /// The value that holds for `number`.
    #[inline]
    pub fn get(&self, number: K) -> Option<V> {
        let steps = self.starts.partition_point(|start| *start <= number);
        *self.values.get(steps.checked_sub(1)?)?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_holds_where_there_are_no_ranges() {
        let map = Ranges::<u16, u32>::new(Vec::new());
        assert_eq!(map.get(0), None);
        assert_eq!(map.get(u16::MAX), None);
        assert!(map.is_empty());
    }

    #[test]
    fn the_whole_of_a_type_can_be_covered() {
        let map = Ranges::new(vec![(0..=u128::MAX, 3), (7..=7, 1)]);
        assert_eq!(map.get(0), Some(3));
        assert_eq!(map.get(7), Some(1));
        assert_eq!(map.get(8), Some(3));
        assert_eq!(map.get(u128::MAX), Some(3));
        assert_eq!(map.starts, [0, 7, 8]);
    }

    #[test]
    fn a_hundred_thousand_ranges_one_inside_the_other_are_no_burden() {
        let ranges = (0..100_000).map(|n: u32| (n..=1_000_000 - n, n)).collect();
        let map = Ranges::new(ranges);
        assert_eq!(map.get(500_000), Some(0));
        assert_eq!(map.starts.len(), 2);
    }

    proptest! {
        #[test]
        fn the_lowest_value_holds(
            ranges in prop::collection::vec((any::<u8>(), any::<u8>()), 0..40),
        ) {
            let ranges: Vec<_> = ranges
                .into_iter()
                .zip(0..)
                .map(|((a, b), id)| (a.min(b)..=a.max(b), id))
                .collect();
            let map = Ranges::new(ranges.clone());
            for number in 0..=u8::MAX {
                let naive = ranges.iter().find(|(range, _)| range.contains(&number));
                prop_assert_eq!(map.get(number), naive.map(|(_, value)| *value));
            }
        }
    }
}
