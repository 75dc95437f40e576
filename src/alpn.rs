//! The application protocols that a TLS client offers (RFC 7301): wire bytes in, names fit to show out.

use serde::{Serialize, Serializer};
use smol_str::{SmolStr, SmolStrBuilder};

use crate::domain::escaped;

/// Stands between two names. No escaped text holds it.
const SEPARATOR: char = '\n';

/// Application protocols, in the client's order, escaped as names are.
///
/// One small text instead of a list: what nearly every client offers, `h2` and `http/1.1`, takes no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alpn(SmolStr);

impl Alpn {
    /// None.
    pub const NONE: Self = Self(SmolStr::new_static(""));

    /// The protocols, the client's favourite first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(SEPARATOR)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that it holds beyond itself.
    pub(crate) fn held_bytes(&self) -> usize {
        if self.0.is_heap_allocated() {
            self.0.len()
        } else {
            0
        }
    }
}

/// From identifiers as they stand in a hello. Empty ones, which RFC 7301 §3.1 forbids, are left out.
impl<'a> FromIterator<&'a [u8]> for Alpn {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(offered: I) -> Self {
        let mut text = SmolStrBuilder::new();
        let mut is_first = true;
        for name in offered.into_iter().filter(|name| !name.is_empty()) {
            if !std::mem::take(&mut is_first) {
                text.push(SEPARATOR);
            }
            text.push_str(&escaped(name));
        }
        Self(text.finish())
    }
}

impl Serialize for Alpn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_names_and_their_order() {
        let lists: [&[&str]; 4] = [
            &[],
            &["h3"],
            &["h2", "http/1.1"],
            &["a b", "c,d", "h2", "spdy/3.1-and-so-on"],
        ];
        for list in lists {
            let alpn: Alpn = list.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(alpn.iter().collect::<Vec<_>>(), list);
            assert_eq!(alpn.is_empty(), list.is_empty());
        }
    }

    #[test]
    fn no_name_makes_two() {
        let alpn: Alpn = [&b"h2\nh3"[..], b"", b"\n"].into_iter().collect();
        assert_eq!(alpn.iter().collect::<Vec<_>>(), ["h2\\010h3", "\\010"]);
    }

    #[test]
    fn the_usual_offer_takes_no_memory() {
        let alpn: Alpn = [&b"h2"[..], b"http/1.1"].into_iter().collect();
        assert_eq!(alpn.held_bytes(), 0);
        assert_eq!(
            serde_json::to_string(&alpn).unwrap(),
            r#"["h2","http/1.1"]"#
        );
    }
}
