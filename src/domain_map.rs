//! Values hung on domain patterns, and which of them a name meets.
//!
//! A look costs one hash a label of the name, however many patterns there are. Knows nothing of what the values mean.

use ahash::HashMap;

use crate::domain::{DomainPattern, suffixes};

/// Domain patterns, each with a value.
#[derive(Debug, Clone)]
pub struct DomainMap<V> {
    places: HashMap<Box<str>, Place<V>>,
    /// Bytes of the longest name in `places`: longer suffixes need no look.
    longest: usize,
}

#[derive(Debug, Clone)]
struct Place<V> {
    /// For [`DomainPattern::Exact`].
    alone: Option<V>,
    /// For [`DomainPattern::Subtree`].
    below: Option<V>,
}

impl<V> Default for DomainMap<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            longest: 0,
        }
    }
}

impl<V: Copy> DomainMap<V> {
    /// Hangs `value` on `pattern`. Where one hangs already, that one stays and is returned.
    pub fn insert(&mut self, pattern: &DomainPattern, value: V) -> Option<V> {
        let (DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = pattern;
        self.longest = self.longest.max(name.len());
        let place = self.places.entry(name.clone()).or_insert(Place {
            alone: None,
            below: None,
        });
        let slot = match pattern {
            DomainPattern::Exact(_) => &mut place.alone,
            DomainPattern::Subtree(_) => &mut place.below,
        };
        if slot.is_none() {
            *slot = Some(value);
            return None;
        }
        *slot
    }

    /// The values of all patterns that match `name`, the most exact pattern first.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is.
    pub fn matches(&self, name: &str) -> impl Iterator<Item = V> {
        suffixes(name)
            .skip_while(|suffix| suffix.len() > self.longest)
            .filter_map(|suffix| Some((suffix, self.places.get(suffix)?)))
            .flat_map(|(suffix, place)| {
                let alone = place.alone.filter(|_| suffix.len() == name.len());
                alone.into_iter().chain(place.below)
            })
    }

    /// Whether no pattern is there.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_pattern_comes_first() {
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
        let met = |name| map.matches(name).collect::<Vec<_>>();
        assert_eq!(met("a.b.com"), [3, 4, 1, 0]);
        assert_eq!(met("x.a.b.com"), [4, 1, 0]);
        assert_eq!(met("b.com"), [2, 1, 0]);
        assert_eq!(met("xb.com"), [0]);
        assert!(met("com.").is_empty());
        assert!(met("").is_empty());
        assert_eq!(met("..com"), [0]);
    }

    #[test]
    fn the_first_value_of_a_pattern_stays() {
        let mut map = DomainMap::default();
        let pattern = DomainPattern::parse("*.example.com").unwrap();
        assert!(map.is_empty());
        assert_eq!(map.insert(&pattern, 1), None);
        assert_eq!(map.insert(&pattern, 2), Some(1));
        assert_eq!(map.matches("example.com").collect::<Vec<_>>(), [1]);
        assert!(!map.is_empty());
    }
}
