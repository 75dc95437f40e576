//! Ranges of numbers, each with a rule: which rule given first holds for a number.
//!
//! Serves addresses and ports alike. Overlaps are resolved once, when the map is built; a look is a binary search.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use super::RuleId;

/// For each number the first of the rules that hold for it.
///
/// Shape: steps in ascending order; a step's rule holds from its start to the next step's.
#[derive(Debug, Clone)]
pub(super) struct Ranges<K> {
    starts: Vec<K>,
    rules: Vec<Option<RuleId>>,
}

impl<K> Default for Ranges<K> {
    fn default() -> Self {
        Self {
            starts: Vec::new(),
            rules: Vec::new(),
        }
    }
}

impl<K: Copy + Ord + Into<u128> + TryFrom<u128>> Ranges<K> {
    /// Where ranges overlap, the lowest [`RuleId`] holds. Takes n log n time and memory for at most 2n steps.
    pub(super) fn new(mut ranges: Vec<(RangeInclusive<K>, RuleId)>) -> Self {
        ranges.sort_unstable_by_key(|(range, rule)| (*range.start(), *rule));
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
            while let Some((range, rule)) = coming.next_if(|(range, _)| *range.start() <= border) {
                begun.push(Reverse((rule, *range.end())));
            }
            while begun.peek().is_some_and(|Reverse((_, end))| *end < border) {
                begun.pop();
            }
            let first = begun.peek().map(|Reverse((rule, _))| *rule);
            if map.rules.last().copied().flatten() != first {
                map.starts.push(border);
                map.rules.push(first);
            }
        }
        map
    }

    /// The rule that holds for `number`.
    pub(super) fn get(&self, number: K) -> Option<RuleId> {
        let steps = self.starts.partition_point(|start| *start <= number);
        *self.rules.get(steps.checked_sub(1)?)?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_holds_where_there_are_no_ranges() {
        let map = Ranges::<u16>::new(Vec::new());
        assert_eq!(map.get(0), None);
        assert_eq!(map.get(u16::MAX), None);
    }

    #[test]
    fn the_whole_of_a_type_can_be_covered() {
        let map = Ranges::new(vec![(0..=u128::MAX, RuleId(3)), (7..=7, RuleId(1))]);
        assert_eq!(map.get(0), Some(RuleId(3)));
        assert_eq!(map.get(7), Some(RuleId(1)));
        assert_eq!(map.get(8), Some(RuleId(3)));
        assert_eq!(map.get(u128::MAX), Some(RuleId(3)));
        assert_eq!(map.starts, [0, 7, 8]);
    }

    #[test]
    fn a_hundred_thousand_ranges_one_inside_the_other_are_no_burden() {
        let ranges = (0..100_000)
            .map(|n| (n..=1_000_000 - n, RuleId(n)))
            .collect();
        let map = Ranges::new(ranges);
        assert_eq!(map.get(500_000), Some(RuleId(0)));
        assert_eq!(map.starts.len(), 2);
    }

    proptest! {
        #[test]
        fn the_first_rule_given_holds(
            ranges in prop::collection::vec((any::<u8>(), any::<u8>()), 0..40),
        ) {
            let ranges: Vec<_> = ranges
                .into_iter()
                .zip(0..)
                .map(|((a, b), id)| (a.min(b)..=a.max(b), RuleId(id)))
                .collect();
            let map = Ranges::new(ranges.clone());
            for number in 0..=u8::MAX {
                let naive = ranges.iter().find(|(range, _)| range.contains(&number));
                prop_assert_eq!(map.get(number), naive.map(|(_, rule)| *rule));
            }
        }
    }
}
