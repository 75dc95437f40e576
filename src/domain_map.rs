//! Values hung on domain patterns, and which of them a name meets.
//!
//! A tree, walked from a name's last byte to its first, eight bytes or what is left of a label at a step, until no pattern goes on. A step is
//! one look into one table, whatever the number of patterns: no text is hashed again for a longer suffix, and none compared.
//! Knows nothing of what the values mean.

use ahash::RandomState;
use hashbrown::HashTable;

use crate::domain::DomainPattern;

/// Most bytes of a label that make a step.
const WORD_LEN: usize = size_of::<u64>();

/// A word of dots.
const DOTS: u64 = u64::from_ne_bytes([b'.'; WORD_LEN]);

/// Where every walk begins; this place is not in the table.
const ROOT: u32 = 0;

/// Domain patterns, each with a value.
///
/// Shape: a place for every step to the name of a pattern; patterns share the places of the suffixes that they share.
#[derive(Debug, Clone)]
pub struct DomainMap<V> {
    /// What steps are hashed with: random, so that nobody can write patterns whose places all lie in a row.
    keys: [u64; 2],
    places: HashTable<Place<V>>,
}

#[derive(Debug, Clone)]
struct Place<V> {
    /// The step that leads here, and where it comes from: no two places have both in common.
    word: u64,
    from: u32,
    /// Its number, counted from 1.
    number: u32,
    /// Whether steps lead on from here.
    goes_on: bool,
    /// For [`DomainPattern::Exact`].
    alone: Option<V>,
    /// For [`DomainPattern::Subtree`].
    below: Option<V>,
}

/// A pattern that a name meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met<V> {
    /// Bytes of the pattern's name: the longer, the more exact.
    pub len: usize,
    /// What hangs on the pattern.
    pub value: V,
}

impl<V> Default for DomainMap<V> {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            keys: [random.hash_one(0), random.hash_one(1)],
            places: HashTable::new(),
        }
    }
}

impl<V: Copy> DomainMap<V> {
    /// Makes room for so many more steps, of which a pattern takes one or two that it does not share.
    pub fn reserve(&mut self, steps: usize) {
        let keys = self.keys;
        self.places
            .reserve(steps, |place| hash(keys, place.from, place.word));
    }

    /// Hangs `value` on `pattern`. Where one hangs already, that one stays and is returned.
    pub fn insert(&mut self, pattern: &DomainPattern, value: V) -> Option<V> {
        let slot = self.slot(pattern);
        let there = *slot;
        *slot = there.or(Some(value));
        there
    }

    /// Hangs `value` on `pattern`. Where one hung already, that one goes and is returned.
    pub fn replace(&mut self, pattern: &DomainPattern, value: V) -> Option<V> {
        self.slot(pattern).replace(value)
    }

    /// The values of all patterns that match `name`, the most exact pattern last.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is.
    pub fn matches(&self, name: &str) -> impl Iterator<Item = Met<V>> {
        self.walk(name).flat_map(|(len, place)| {
            let alone = place.alone.filter(|_| len == name.len());
            let values = place.below.into_iter().chain(alone);
            values.map(move |value| Met { len, value })
        })
    }

    /// The most exact pattern that matches `name`: the last of [`matches`](Self::matches).
    pub fn longest(&self, name: &str) -> Option<Met<V>> {
        let mut longest = None;
        for (len, place) in self.walk(name) {
            let alone = place.alone.filter(|_| len == name.len());
            if let Some(value) = alone.or(place.below) {
                longest = Some(Met { len, value });
            }
        }
        longest
    }

    /// The places of the suffixes of `name` that begin at a label, each with the suffix's length, the shortest first.
    fn walk<'m, 'n>(&'m self, name: &'n str) -> Walk<'m, 'n, V> {
        Walk {
            map: self,
            name_len: name.len(),
            steps: Steps::new(name),
            from: Some(ROOT),
        }
    }

    fn slot(&mut self, pattern: &DomainPattern) -> &mut Option<V> {
        let (DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = pattern;
        let mut steps = Steps::new(name);
        let (mut from, mut step) = (ROOT, steps.next());
        while step.label != Some(0) {
            let place = self.place(from, step.word);
            place.goes_on = true;
            (from, step) = (place.number, steps.next());
        }
        let place = self.place(from, step.word);
        match pattern {
            DomainPattern::Exact(_) => &mut place.alone,
            DomainPattern::Subtree(_) => &mut place.below,
        }
    }

    fn place(&mut self, from: u32, word: u64) -> &mut Place<V> {
        let keys = self.keys;
        // So many places would take 128 GiB.
        let number = u32::try_from(self.places.len() + 1).unwrap_or(u32::MAX);
        let place = self.places.entry(
            hash(keys, from, word),
            |place| place.word == word && place.from == from,
            |place| hash(keys, place.from, place.word),
        );
        let new = || Place {
            word,
            from,
            number,
            goes_on: false,
            alone: None,
            below: None,
        };
        place.or_insert_with(new).into_mut()
    }
}

/// A walk over the places of a name's suffixes.
struct Walk<'m, 'n, V> {
    map: &'m DomainMap<V>,
    name_len: usize,
    steps: Steps<'n>,
    /// The place that was reached; `None` where nothing goes on.
    from: Option<u32>,
}

impl<'m, V> Iterator for Walk<'m, '_, V> {
    type Item = (usize, &'m Place<V>);

    // A call for each step would cost as much as the step itself.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.from.take()?;
            let Step { word, label } = self.steps.next();
            let hash = hash(self.map.keys, from, word);
            let is_it = |place: &Place<V>| place.word == word && place.from == from;
            let place = self.map.places.find(hash, is_it)?;
            if place.goes_on && label != Some(0) {
                self.from = Some(place.number);
            }
            if let Some(start) = label
                && start < self.name_len
            {
                return Some((self.name_len - start, place));
            }
        }
    }
}

/// The hash of a step.
#[inline]
fn hash([one, other]: [u64; 2], from: u32, word: u64) -> u64 {
    // Both factors are secret. Of the product, the upper half is folded in: every bit of both gets a say in every bit of the hash.
    let product = u128::from(word ^ one) * u128::from(u64::from(from) ^ other);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The steps to a name, from its end.
struct Steps<'n> {
    /// The part of the name that is still to come.
    rest: &'n [u8],
    /// The first eight bytes of the name, the first one lowest, or all there are and zeroes.
    head: u64,
}

struct Step {
    /// The last eight bytes of a label that are still to come, the last one highest. Where there are fewer, a dot stands before
    /// them, and zeroes before that.
    word: u64,
    /// Where the label begins, if this is all of it: after 0 there is no further step.
    label: Option<usize>,
}

impl<'n> Steps<'n> {
    #[inline]
    fn new(name: &'n str) -> Self {
        let name = name.as_bytes();
        let head = match name.first_chunk() {
            Some(head) => u64::from_le_bytes(*head),
            None => {
                let bytes = name.iter().rev();
                bytes.fold(0, |head, &byte| head << 8 | u64::from(byte))
            }
        };
        Self { rest: name, head }
    }

    #[inline]
    fn next(&mut self) -> Step {
        let len = self.rest.len();
        let (front, word) = match self.rest.split_last_chunk() {
            Some((front, word)) => (front, u64::from_le_bytes(*word)),
            // Before the name's first byte stand dots.
            None => {
                let bits = 8 * len as u32;
                let word = self.head.unbounded_shl(64 - bits) | DOTS >> bits;
                ([].as_slice(), word)
            }
        };
        let dots = zero_bytes(word ^ DOTS);
        if dots == 0 {
            self.rest = front;
            return Step { word, label: None };
        }
        let bits = dots.leading_zeros();
        let start = len - (bits / 8) as usize;
        self.rest = self.rest.get(..start.saturating_sub(1)).unwrap_or_default();
        Step {
            word: word & (u64::MAX << (56 - bits)),
            label: Some(start),
        }
    }
}

/// The highest bit of every byte that is zero.
const fn zero_bytes(word: u64) -> u64 {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; WORD_LEN]);
    // No sum leaves its byte: a zero is told whatever stands beside it.
    !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_pattern_comes_last() {
        let mut map = DomainMap::default();
        for (value, pattern) in ["*.com", "*.b.com", "b.com", "a.b.com", "*.a.b.com"]
            .iter()
            .enumerate()
        {
            assert_eq!(
                map.insert(&DomainPattern::parse(pattern).unwrap(), value),
                None
            );
        }
        let met = |name| map.matches(name).map(|met| met.value).collect::<Vec<_>>();
        assert_eq!(met("a.b.com"), [0, 1, 4, 3]);
        assert_eq!(met("x.a.b.com"), [0, 1, 4]);
        assert_eq!(met("b.com"), [0, 1, 2]);
        assert_eq!(met("xb.com"), [0]);
        assert!(met("com.").is_empty());
        assert!(met("").is_empty());
        assert_eq!(met("..com"), [0]);
    }

    #[test]
    fn a_value_stays_or_goes_as_asked() {
        let mut map = DomainMap::default();
        let pattern = DomainPattern::parse("*.example.com").unwrap();
        let last = |map: &DomainMap<i32>| map.matches("example.com").last();
        assert_eq!(map.insert(&pattern, 1), None);
        assert_eq!(map.insert(&pattern, 2), Some(1));
        assert_eq!(last(&map), Some(Met { len: 11, value: 1 }));
        assert_eq!(map.replace(&pattern, 3), Some(1));
        assert_eq!(last(&map), Some(Met { len: 11, value: 3 }));
    }

    #[test]
    fn places_on_the_way_hold_nothing_themselves() {
        let mut map = DomainMap::default();
        for pattern in ["*.a.b.example", "*.example"] {
            map.insert(&DomainPattern::parse(pattern).unwrap(), pattern);
        }
        let last = |name| map.matches(name).last().map(|met| met.value);
        assert_eq!(last("b.example"), Some("*.example"));
        assert_eq!(last("c.b.example"), Some("*.example"));
        assert_eq!(last("x.a.b.example"), Some("*.a.b.example"));
    }

    /// What [`DomainMap`] is, told without a tree: every pattern is held against the name.
    fn told_one_by_one(patterns: &[DomainPattern], name: &str) -> Vec<Met<usize>> {
        let mut met: Vec<(Met<usize>, bool)> = (0..)
            .zip(patterns)
            .filter_map(|(value, pattern)| match pattern {
                DomainPattern::Exact(own) => (**own == *name).then_some((
                    Met {
                        len: own.len(),
                        value,
                    },
                    true,
                )),
                DomainPattern::Subtree(own) => crate::domain::suffixes(name)
                    .any(|suffix| suffix == &**own)
                    .then_some((
                        Met {
                            len: own.len(),
                            value,
                        },
                        false,
                    )),
            })
            .collect();
        met.sort_by_key(|(met, is_alone)| (met.len, *is_alone));
        met.into_iter().map(|(met, _)| met).collect()
    }

    #[test]
    fn labels_of_every_length_are_told_apart() {
        // Words of eight bytes that are cut by a dot, or not; labels that are the end of others; every length around a word's.
        let mut names: Vec<String> = vec![
            "goo.glevideo.com".into(),
            "googlevideo.com".into(),
            "glevideo.com".into(),
            ".com".into(),
            "com".into(),
            "com.".into(),
            "a..com".into(),
            r"\000a.com".into(),
            r"\046.com".into(),
            "ü.com".into(),
        ];
        for len in 1..=26 {
            names.push("x".repeat(len));
            names.push(format!("{}.com", "x".repeat(len)));
            names.push(format!("y.{}", "x".repeat(len)));
            names.push(format!("{}.{}", "x".repeat(len), "x".repeat(26 - len)));
        }
        let mut patterns = Vec::new();
        for name in &names {
            patterns.push(DomainPattern::Exact(name.as_str().into()));
            patterns.push(DomainPattern::Subtree(name.as_str().into()));
        }
        for step in [1, 2, 3, 5, 7] {
            let some: Vec<_> = patterns.iter().step_by(step).cloned().collect();
            let mut map = DomainMap::default();
            let mut kept = Vec::new();
            for pattern in some {
                if !kept.contains(&pattern) {
                    assert_eq!(map.insert(&pattern, kept.len()), None, "{pattern:?}");
                    kept.push(pattern);
                }
            }
            for name in &names {
                for name in [name.clone(), format!("w.{name}"), format!("w{name}")] {
                    let met: Vec<_> = map.matches(&name).collect();
                    assert_eq!(met, told_one_by_one(&kept, &name), "{name}");
                    assert_eq!(map.longest(&name), met.last().copied(), "{name}");
                }
            }
        }
    }

    #[test]
    fn the_empty_name_meets_nothing() {
        let mut map = DomainMap::default();
        map.insert(&DomainPattern::Exact("".into()), 1);
        map.insert(&DomainPattern::Subtree("".into()), 2);
        for name in ["", ".", "a", "a."] {
            assert_eq!(map.longest(name), None, "{name}");
        }
    }

    #[test]
    fn long_names_are_walked_once() {
        let deep = "a.".repeat(127) + "a";
        let mut map = DomainMap::default();
        map.insert(&DomainPattern::Subtree(deep.as_str().into()), 1);
        assert_eq!(map.longest(&deep).map(|met| met.len), Some(deep.len()));
        assert_eq!(map.longest(&deep[2..]), None);
        let long = "x".repeat(1020);
        map.insert(&DomainPattern::Exact(long.as_str().into()), 2);
        assert_eq!(map.longest(&long).map(|met| met.value), Some(2));
        assert_eq!(map.longest(&format!("x{long}")), None);
    }
}
