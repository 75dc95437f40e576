//! The text of a name: in place as long as it is short, which nearly every one is.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrayvec::ArrayString;

/// Longest text that takes no allocation, in bytes.
pub(super) const SHORT_LEN: usize = 32;

/// As cheap to clone when it is long as when it is short.
#[derive(Clone)]
pub(super) enum Text {
    Short(ArrayString<SHORT_LEN>),
    Long(Arc<str>),
}

impl Text {
    /// The first `len` bytes; `None` if they are no text.
    #[inline]
    pub(super) fn of_first(len: usize, bytes: &[u8; SHORT_LEN]) -> Option<Self> {
        // All of them at once: of a length that is known beforehand, they are looked at and copied in a few steps.
        let mut text = ArrayString::from_byte_string(bytes).ok()?;
        if !text.is_char_boundary(len) {
            return None;
        }
        text.truncate(len);
        Some(Self::Short(text))
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Short(text) => text,
            Self::Long(text) => text,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        ArrayString::from(text).map_or_else(|_| Self::Long(text.into()), Self::Short)
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_texts_are_what_they_were_made_of() {
        let text = "abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for len in 0..text.len() {
            let made = Text::from(&text[..len]);
            assert_eq!(made.as_str(), &text[..len]);
            assert_eq!(matches!(made, Text::Short(_)), len <= SHORT_LEN);
            let first = text.as_bytes().first_chunk().unwrap();
            let of_first = Text::of_first(len, first);
            assert_eq!(of_first, (len <= SHORT_LEN).then_some(made));
        }
        assert_eq!(size_of::<Option<Text>>(), 40);
    }

    #[test]
    fn bytes_that_are_no_text_make_none() {
        assert_eq!(Text::of_first(1, &[0xff; SHORT_LEN]), None);
        let mut bytes = [b'a'; SHORT_LEN];
        bytes[..2].copy_from_slice("é".as_bytes());
        assert_eq!(Text::of_first(1, &bytes), None);
    }
}
