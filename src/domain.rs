//! Names of hosts: as a protocol's bytes say them, made fit to compare and to show; and the patterns that rules match them with.
//!
//! Knows nothing of where a name was found.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};

use thiserror::Error;

use crate::ini;

/// A name as traffic carried it, normalised.
///
/// * Lower case, without the final dot, never empty.
/// * Printable ASCII stands as it is; a backslash and every byte outside printable ASCII stand as `\DDD`
///   (decimal, three digits), so that no control character reaches a terminal.
/// * Loses: letter case; whether there was a final dot.
///
/// Source: RFC 4343 §2.1 (escapes), §3 (case).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Box<str>);

/// Longest name that is taken, in bytes before escaping. DNS stops at 255; SNI and Host could go on, and nothing of use would follow.
pub const MAX_NAME_LEN: usize = 255;

/// Longest label of a pattern, RFC 1035 §2.3.4.
const MAX_LABEL_LEN: usize = 63;

impl DomainName {
    /// The name in `bytes`, dots between its labels. `None` when it is empty, the root, or longer than [`MAX_NAME_LEN`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() || bytes.len() > MAX_NAME_LEN {
            return None;
        }
        let mut text = String::with_capacity(bytes.len());
        push_ascii(&mut text, bytes);
        Some(Self(text.into_boxed_str()))
    }

    /// The name in UTF-8 `bytes`, as multicast DNS and LLMNR write names: letters and digits of every script stand as they are.
    ///
    /// What is not valid UTF-8, and characters that are neither letters nor digits (marks that turn the direction of text
    /// around, for one), are escaped byte by byte.
    ///
    /// Source: RFC 6762 §16; RFC 4795 §2.1.
    pub fn from_utf8_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() || bytes.len() > MAX_NAME_LEN {
            return None;
        }
        let mut text = String::with_capacity(bytes.len());
        push_utf8(&mut text, bytes);
        Some(Self(text.into_boxed_str()))
    }

    /// The name that `labels` make, joined by dots; `None` as for [`DomainName::from_bytes`].
    ///
    /// A dot inside a label stands as `\046`, so that every dot in the text is a border between labels
    /// and nobody can dress up as `youtube.com` with a label of that text.
    pub fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        Self::join(labels, push_ascii)
    }

    /// The name that UTF-8 `labels` make, as [`DomainName::from_utf8_bytes`] and [`DomainName::from_labels`] together would write it.
    pub fn from_utf8_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        Self::join(labels, push_utf8)
    }

    fn join<'a>(
        labels: impl Iterator<Item = &'a [u8]>,
        push: fn(&mut String, &[u8]),
    ) -> Option<Self> {
        let mut text = String::new();
        let mut len: usize = 0;
        for label in labels {
            if len > 0 {
                text.push('.');
                len += 1;
            }
            len = len.saturating_add(label.len());
            if label.is_empty() || len > MAX_NAME_LEN {
                return None;
            }
            for (i, piece) in label.split(|&byte| byte == b'.').enumerate() {
                if i > 0 {
                    text.push_str("\\046");
                }
                push(&mut text, piece);
            }
        }
        (!text.is_empty()).then(|| Self(text.into_boxed_str()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes of any origin, made fit to show: as in a [`DomainName`], but with their letter case.
pub fn escaped(bytes: &[u8]) -> Box<str> {
    let mut text = String::with_capacity(bytes.len());
    bytes.iter().for_each(|&byte| push_escaped(&mut text, byte));
    text.into_boxed_str()
}

fn push_ascii(text: &mut String, bytes: &[u8]) {
    bytes
        .iter()
        .for_each(|byte| push_escaped(text, byte.to_ascii_lowercase()));
}

fn push_utf8(text: &mut String, bytes: &[u8]) {
    for piece in bytes.utf8_chunks() {
        for c in piece.valid().chars() {
            if !c.is_ascii() && c.is_alphanumeric() {
                text.extend(c.to_lowercase());
            } else {
                push_ascii(text, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        push_ascii(text, piece.invalid());
    }
}

fn push_escaped(text: &mut String, byte: u8) {
    match byte {
        b'\\' | 0..0x20 | 0x7f.. => {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\{byte:03}");
        }
        _ => text.push(byte as char),
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The suffixes of a name that begin at a label: the name itself first, its last label last.
///
/// `www.example.com` gives `www.example.com`, `example.com`, `com`.
pub fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |rest| {
        rest.split_once('.').map(|(_, tail)| tail)
    })
    .filter(|rest| !rest.is_empty())
}

/// What a rule says of a name: one name alone, or a name and everything below it.
///
/// Both are compared in lower case and without a final dot; Unicode is turned into its ASCII form (IDNA, UTS #46) when the pattern is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DomainPattern {
    /// `ads.example.com`: that name and no other.
    Exact(Box<str>),
    /// `*.example.com`: example.com and every name below it.
    Subtree(Box<str>),
}

/// Why a text is no [`DomainPattern`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Nothing stands there, or nothing but dots.
    #[error("an empty name; expected a domain such as ads.example.com or *.example.com")]
    Empty,
    /// A star stands elsewhere than before the first dot.
    #[error("'{0}': '*' may only stand for whole labels at the front, as in *.example.com")]
    Star(String),
    /// The name has an empty label, a label of over 63 bytes, is too long, or holds what no domain name can.
    #[error("'{0}' is no domain name; expected one such as ads.example.com or *.example.com")]
    Name(String),
}

impl DomainPattern {
    /// Reads a pattern as a person writes it.
    ///
    /// # Errors
    /// [`PatternError`] says what was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (_, text) = ini::trimmed(text);
        let (subtree, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Err(PatternError::Empty);
        }
        // As a rule nothing needs to be changed, and a catalogue holds thousands of names.
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ascii = if has_labels_of(name, is_plain) {
            name.into()
        } else {
            normalised(name)?
        };
        Ok(if subtree {
            Self::Subtree(ascii)
        } else {
            Self::Exact(ascii)
        })
    }
}

/// The ASCII form of a pattern's name, in lower case.
fn normalised(name: &str) -> Result<Box<str>, PatternError> {
    if name.contains('*') {
        return Err(PatternError::Star(name.escape_default().to_string()));
    }
    let ascii = if name.is_ascii() {
        Some(name.to_ascii_lowercase())
    } else {
        idna::domain_to_ascii(name).ok()
    };
    let is_good = |b: u8| b.is_ascii_graphic() && b != b'/' && b != b'@';
    ascii
        .filter(|ascii| has_labels_of(ascii, is_good))
        .map(String::into_boxed_str)
        .ok_or_else(|| PatternError::Name(name.escape_default().to_string()))
}

/// Whether `name` is not too long, and made of labels of such bytes, none of them empty or too long.
fn has_labels_of(name: &str, is_good: impl Fn(u8) -> bool) -> bool {
    let is_label = |len| (1..=MAX_LABEL_LEN).contains(&len);
    let mut start = 0;
    for (at, byte) in name.bytes().enumerate() {
        if byte == b'.' {
            if !is_label(at - start) {
                return false;
            }
            start = at + 1;
        } else if !is_good(byte) {
            return false;
        }
    }
    is_label(name.len() - start) && name.len() <= MAX_NAME_LEN
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Subtree(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> String {
        DomainName::from_bytes(bytes).unwrap().to_string()
    }

    #[test]
    fn names_are_lower_case_without_a_final_dot() {
        assert_eq!(name(b"WWW.YouTube.COM."), "www.youtube.com");
        assert_eq!(DomainName::from_bytes(b"."), None);
        assert_eq!(DomainName::from_bytes(b""), None);
        assert_eq!(DomainName::from_bytes(&[b'a'; 256]), None);
    }

    #[test]
    fn control_bytes_never_come_out_raw() {
        assert_eq!(name(b"a\x1b[31m.b\\c\xff"), "a\\027[31m.b\\092c\\255");
        let rtl = DomainName::from_utf8_bytes("a\u{202e}b.小佛".as_bytes()).unwrap();
        assert_eq!(rtl.as_str(), "a\\226\\128\\174b.小佛");
        assert_eq!(
            DomainName::from_utf8_bytes(b"\xc3(").unwrap().as_str(),
            "\\195("
        );
    }

    #[test]
    fn labels_are_joined_so_that_every_dot_is_a_border() {
        let join = |labels: &[&'static [u8]]| DomainName::from_labels(labels.iter().copied());
        assert_eq!(
            join(&[b"WWW", b"a\\b", b"com"]).unwrap().as_str(),
            "www.a\\092b.com"
        );
        assert_eq!(
            join(&[b"x.youtube", b".", b"com"]).unwrap().as_str(),
            "x\\046youtube.\\046.com"
        );
        assert_eq!(join(&[]), None);
        assert_eq!(join(&[b"a", b"", b"b"]), None);
        assert_eq!(join(&[&[b'a'; 63][..]; 4]).unwrap().as_str().len(), 255);
        assert_eq!(join(&[&[b'a'; 64][..]; 4]), None);
        let utf8 = ["Ñ.ü".as_bytes(), b"\xff", b"local"];
        assert_eq!(
            DomainName::from_utf8_labels(utf8.into_iter())
                .unwrap()
                .as_str(),
            "ñ\\046ü.\\255.local"
        );
    }

    #[test]
    fn shown_bytes_keep_their_letter_case() {
        assert_eq!(&*escaped(b"H2\x1b\\\x7f~"), "H2\\027\\092\\127~");
    }

    #[test]
    fn suffixes_begin_at_labels() {
        assert_eq!(suffixes("a.b.c").collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
        assert_eq!(suffixes("a").collect::<Vec<_>>(), ["a"]);
        assert_eq!(suffixes("a..b").collect::<Vec<_>>(), ["a..b", ".b", "b"]);
    }

    #[test]
    fn patterns_are_read_as_people_write_them() {
        assert_eq!(
            DomainPattern::parse("Ads.Example.com."),
            Ok(DomainPattern::Exact("ads.example.com".into()))
        );
        assert_eq!(
            DomainPattern::parse("*.tiktok.com"),
            Ok(DomainPattern::Subtree("tiktok.com".into()))
        );
        assert_eq!(
            DomainPattern::parse("*.bücher.example"),
            Ok(DomainPattern::Subtree("xn--bcher-kva.example".into()))
        );
        assert_eq!(
            DomainPattern::parse("_dns.resolver.arpa"),
            Ok(DomainPattern::Exact("_dns.resolver.arpa".into()))
        );
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        assert_eq!(DomainPattern::parse(" "), Err(PatternError::Empty));
        assert_eq!(DomainPattern::parse("*."), Err(PatternError::Empty));
        assert_eq!(
            DomainPattern::parse("ads*.example.com"),
            Err(PatternError::Star("ads*.example.com".into()))
        );
        assert_eq!(
            DomainPattern::parse("*"),
            Err(PatternError::Star("*".into()))
        );
        for bad in [
            "a..b",
            "http://a.b/c",
            "a b.c",
            &"x".repeat(64),
            &"x.".repeat(200),
        ] {
            assert!(
                matches!(DomainPattern::parse(bad), Err(PatternError::Name(_))),
                "{bad}"
            );
        }
    }
}
