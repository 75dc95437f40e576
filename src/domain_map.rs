//! Values hung on domain patterns, and which of them a name meets.
//!
//! A look walks the name's labels from the last, and ends where no pattern goes on: it costs a hash for each label that a pattern
//! shares with the name, and one more, however many patterns there are. Knows nothing of what the values mean.

use ahash::HashMap;
use memchr::memrchr;

use crate::domain::{DomainPattern, suffixes};

/// Domain patterns, each with a value.
///
/// Shape: a place for the name of every pattern, and for every suffix of it.
#[derive(Debug, Clone)]
pub struct DomainMap<V> {
    places: HashMap<Box<str>, Place<V>>,
}

#[derive(Debug, Clone)]
struct Place<V> {
    /// For [`DomainPattern::Exact`].
    alone: Option<V>,
    /// For [`DomainPattern::Subtree`].
    below: Option<V>,
    /// Whether a longer name stands below this one. Then that holds of all its suffixes too.
    goes_on: bool,
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
        Self {
            places: HashMap::default(),
        }
    }
}

impl<V: Copy> DomainMap<V> {
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

    /// Whether no pattern is there.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The places of the suffixes of `name`, each with its length, the shortest first.
    fn walk(&self, name: &str) -> impl Iterator<Item = (usize, &Place<V>)> {
        // Where the part of the name begins that has not been looked at from the right; `None` when there is none.
        let mut rest = Some(name.len());
        std::iter::from_fn(move || {
            loop {
                let dot = memrchr(b'.', name.as_bytes().get(..rest?)?);
                rest = dot;
                let suffix = name.get(dot.map_or(0, |dot| dot + 1)..)?;
                if suffix.is_empty() {
                    continue;
                }
                let place = self.places.get(suffix)?;
                if !place.goes_on {
                    rest = None;
                }
                return Some((suffix.len(), place));
            }
        })
    }

    fn slot(&mut self, pattern: &DomainPattern) -> &mut Option<V> {
        let (DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = pattern;
        for shorter in suffixes(name).skip(1) {
            match self.places.get_mut(shorter) {
                Some(place) if place.goes_on => break,
                Some(place) => place.goes_on = true,
                None => {
                    self.places.insert(shorter.into(), Place::new(true));
                }
            }
        }
        let place = self.places.entry(name.clone());
        let place = place.or_insert(Place::new(false));
        match pattern {
            DomainPattern::Exact(_) => &mut place.alone,
            DomainPattern::Subtree(_) => &mut place.below,
        }
    }
}

impl<V> Place<V> {
    const fn new(goes_on: bool) -> Self {
        Self {
            alone: None,
            below: None,
            goes_on,
        }
    }
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
        assert!(map.is_empty());
        assert_eq!(map.insert(&pattern, 1), None);
        assert_eq!(map.insert(&pattern, 2), Some(1));
        assert_eq!(last(&map), Some(Met { len: 11, value: 1 }));
        assert_eq!(map.replace(&pattern, 3), Some(1));
        assert_eq!(last(&map), Some(Met { len: 11, value: 3 }));
        assert!(!map.is_empty());
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
}
