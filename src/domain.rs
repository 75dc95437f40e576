//! Names of hosts: as a protocol's bytes say them, made fit to compare and to show; and the patterns that rules match them with.
//!
//! Knows nothing of where a name was found.

mod draft;
mod text;
mod written;

use std::borrow::Borrow;
use std::fmt::{self, Write as _};

use smol_str::SmolStr;
use thiserror::Error;

use crate::ini;
use crate::prefetch::prefetch;
use draft::{Draft, Short};
use text::Text;

/// A name as traffic carried it, normalised.
///
/// * Lower case, without the final dot, never empty.
/// * Printable ASCII stands as it is; a backslash and every byte outside printable ASCII stand as `\DDD`
///   (decimal, three digits), so that no control character reaches a terminal.
/// * Loses: letter case; whether there was a final dot.
/// * Costs no allocation up to 32 bytes, nor to clone.
///
/// Source: RFC 4343 §2.1 (escapes), §3 (case).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Text);

/// Longest name that is taken, in bytes before escaping. DNS stops at 255; SNI and Host could go on, and nothing of use would follow.
pub const MAX_NAME_LEN: usize = 255;

/// Longest label, RFC 1035 §2.3.4.
const MAX_LABEL_LEN: usize = 63;

impl DomainName {
    /// The name in `bytes`, dots between its labels. `None` when it is empty, the root, or longer than [`MAX_NAME_LEN`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::of_one_piece(bytes, push_ascii)
    }

    /// Asks for the memory that its text is in, where that is not its own.
    #[inline]
    pub(crate) fn prefetch(&self) {
        if let Text::Long(text) = &self.0
            && let Some(first) = text.as_bytes().first()
        {
            prefetch(first);
        }
    }

    /// The name in UTF-8 `bytes`, as multicast DNS and LLMNR write names: letters and digits of every script stand as they are.
    ///
    /// What is not valid UTF-8, and characters that are neither letters nor digits (marks that turn the direction of text
    /// around, for one), are escaped byte by byte.
    ///
    /// Source: RFC 6762 §16; RFC 4795 §2.1.
    pub fn from_utf8_bytes(bytes: &[u8]) -> Option<Self> {
        Self::of_one_piece(bytes, push_utf8)
    }

    /// The name that `labels` make, joined by dots; `Ok(None)` as for [`DomainName::from_bytes`], and where a label is empty.
    ///
    /// * A dot inside a label stands as `\046`, so that every dot in the text is a border between labels
    ///   and nobody can dress up as `youtube.com` with a label of that text.
    ///
    /// # Errors
    /// The first that `labels` tell: there is no name then.
    pub fn from_labels<'a, E>(
        labels: &mut (impl Iterator<Item = Result<&'a [u8], E>> + Clone),
    ) -> Result<Option<Self>, E> {
        Self::join(labels, push_ascii)
    }

    /// The name that UTF-8 `labels` make, as [`DomainName::from_utf8_bytes`] and [`DomainName::from_labels`] together would write it.
    ///
    /// # Errors
    /// As for [`DomainName::from_labels`].
    pub fn from_utf8_labels<'a, E>(
        labels: &mut (impl Iterator<Item = Result<&'a [u8], E>> + Clone),
    ) -> Result<Option<Self>, E> {
        Self::join(labels, push_utf8)
    }

    /// The name that a message of DNS writes out plainly at the front of `bytes`, each label behind its length and the root behind the
    /// last; and how many bytes that takes.
    ///
    /// Quick, and for nearly every name. `None` also for one with something to escape, or with the rest elsewhere:
    /// [`DomainName::from_labels`] makes those.
    ///
    /// Source: RFC 1035 §2.3.4, §3.1.
    pub fn from_written_out(bytes: &[u8]) -> Option<(Self, usize)> {
        Short::written_out(bytes).or_else(|| Self::from_written_out_at_length(bytes))
    }

    fn from_written_out_at_length(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, rest) = bytes.split_first()?;
        let mut draft = Draft::new();
        // One byte less than the longest name: the first length has been read.
        draft.push(rest.get(..MAX_NAME_LEN - 1).unwrap_or(rest));
        // Where a label's length stands goes the dot before the label.
        let (mut len, mut end, mut borders) = (first, 0, 0);
        while len != 0 {
            if usize::from(len) > MAX_LABEL_LEN {
                return None;
            }
            end += usize::from(len);
            let next = draft.text.as_flattened_mut().get_mut(end);
            len = std::mem::replace(next.filter(|_| end < draft.len)?, b'.');
            end += 1;
            borders += 1;
        }
        draft.cut(end.checked_sub(1)?);
        draft.lower();
        let is_plain = usize::from(draft.dots) + 1 == borders;
        let name = is_plain.then(|| draft.finish()).flatten()?;
        Some((name, 1 + end))
    }

    fn of_one_piece(bytes: &[u8], push: fn(&mut String, &[u8])) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        let mut draft = Draft::new();
        if bytes.is_empty() || !draft.push(bytes) {
            return None;
        }
        draft.lower();
        Some(draft.finish().unwrap_or_else(|| {
            let mut text = String::with_capacity(2 * bytes.len());
            push(&mut text, bytes);
            Self(text.as_str().into())
        }))
    }

    fn join<'a, E>(
        labels: &mut (impl Iterator<Item = Result<&'a [u8], E>> + Clone),
        push: fn(&mut String, &[u8]),
    ) -> Result<Option<Self>, E> {
        let again = labels.clone();
        let mut draft = Draft::new();
        let mut borders = 0;
        for label in labels {
            let label = label?;
            let is_joined = draft.len == 0 || draft.push(b".");
            if label.is_empty() || !is_joined || !draft.push(label) {
                return Ok(None);
            }
            borders += 1;
        }
        if draft.len == 0 {
            return Ok(None);
        }
        draft.lower();
        let is_plain = usize::from(draft.dots) + 1 == borders;
        let plain = is_plain.then(|| draft.finish()).flatten();
        Ok(Some(plain.unwrap_or_else(|| escape(again, push))))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The name that `labels` make, written out byte by byte.
fn escape<'a, E>(
    labels: impl Iterator<Item = Result<&'a [u8], E>>,
    push: fn(&mut String, &[u8]),
) -> DomainName {
    let mut text = String::with_capacity(2 * MAX_NAME_LEN);
    for label in labels.flatten() {
        if !text.is_empty() {
            text.push('.');
        }
        for (i, piece) in label.split(|&byte| byte == b'.').enumerate() {
            if i > 0 {
                text.push_str("\\046");
            }
            push(&mut text, piece);
        }
    }
    DomainName(text.as_str().into())
}

/// Bytes of any origin, made fit to show: as in a [`DomainName`], but with their letter case.
pub fn escaped(bytes: &[u8]) -> SmolStr {
    let is_plain = !bytes.iter().any(|&byte| is_strange(byte));
    if let (true, Ok(text)) = (is_plain, std::str::from_utf8(bytes)) {
        return text.into();
    }
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|&byte| push_escaped(&mut text, byte));
    text.into()
}

/// Whether a byte does not stand for itself.
const fn is_strange(byte: u8) -> bool {
    (byte < b' ') | (byte > b'~') | (byte == b'\\')
}

fn push_ascii(text: &mut String, bytes: &[u8]) {
    bytes
        .iter()
        .for_each(|byte| push_escaped(text, byte.to_ascii_lowercase()));
}

fn push_utf8(text: &mut String, bytes: &[u8]) {
    for piece in bytes.utf8_chunks() {
        // A letter in lower case may be one and a mark.
        for c in piece.valid().chars().flat_map(char::to_lowercase) {
            if !c.is_ascii() && c.is_alphanumeric() {
                text.push(c);
            } else {
                push_ascii(text, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        push_ascii(text, piece.invalid());
    }
}

fn push_escaped(text: &mut String, byte: u8) {
    if is_strange(byte) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\{byte:03}");
    } else {
        text.push(byte as char);
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        self.as_str()
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
    #[error(
        "'{0}' is no domain name; expected one such as ads.example.com or *.example.com, without scheme, port and path"
    )]
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

    /// Whether it means `name`. For one look at one name; [`DomainMap`](crate::domain_map::DomainMap) asks many patterns at once.
    ///
    /// * `name`: normalised, as [`DomainName`] is.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(own) => name == &**own,
            Self::Subtree(own) => suffixes(name).any(|suffix| suffix == &**own),
        }
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
    // DNS can say a colon, but who writes one means a port, and would wait for ever for a name that has it. A star may come of a character
    // that stands for it.
    let is_good = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'@' | b':' | b'*');
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
        let dotted = DomainName::from_utf8_bytes("İ".as_bytes()).unwrap();
        assert_eq!(dotted.as_str(), "i\\204\\135");
        assert_eq!(
            DomainName::from_utf8_bytes(b"\xc3(").unwrap().as_str(),
            "\\195("
        );
    }

    #[test]
    fn what_is_written_out_badly_is_no_name() {
        for bad in [
            &b""[..],
            b"\0",
            b"\x01",
            b"\x02a",
            b"\0\x01a",
            b"\x01a",
            b"\x01ab",
            b"\x01a\x02b",
            b"\x01a\xc0\x0c\0",
            &[&[64][..], &[b'a'; 64], b"\0"].concat(),
        ] {
            assert_eq!(DomainName::from_written_out(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_written_out_ends_at_its_root_whatever_follows() {
        let (name, len) =
            DomainName::from_written_out(b"\x01A\x02bc\0\xff\0\x01.\xff\xff").unwrap();
        assert_eq!((name.as_str(), len), ("a.bc", 6));
        // The longest: 255 bytes, of which the root is one.
        let [most, label] = [61, 63].map(|len| [&[len][..], &vec![b'a'; len.into()]].concat());
        let longest = [&label.repeat(3), &most[..], b"\0"].concat();
        let (name, len) = DomainName::from_written_out(&longest).unwrap();
        assert_eq!((name.as_str().len(), len), (253, 255));
        let one_more = [&[62][..], &[b'a'; 62]].concat();
        let longer = [&label.repeat(3), &one_more[..], b"\0"].concat();
        assert_eq!(DomainName::from_written_out(&longer), None);
    }

    #[test]
    fn labels_are_joined_so_that_every_dot_is_a_border() {
        let join = |labels: &[&'static [u8]]| {
            DomainName::from_labels(&mut labels.iter().copied().map(Ok::<_, ()>)).unwrap()
        };
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
            DomainName::from_utf8_labels(&mut utf8.into_iter().map(Ok::<_, ()>))
                .unwrap()
                .unwrap()
                .as_str(),
            "ñ\\046ü.\\255.local"
        );
    }

    proptest::proptest! {
        #[test]
        fn names_are_written_at_once_as_they_are_byte_by_byte(labels in proptest::collection::vec("[a-cA-C.\\\\\\-]{1,20}|[\\x00-\\xff]{1,9}|[x-zX-Z]{1,40}", 1..9), behind in "[\\x00-\\xff]{0,20}|[a-z]{0,300}") {
            let labels: Vec<&[u8]> = labels.iter().map(String::as_bytes).collect();
            let joined = labels.join(&b'.');
            let whole = joined.strip_suffix(b".").unwrap_or(&joined);
            let is_name = (1..=MAX_NAME_LEN).contains(&whole.len());
            let mut text = String::new();
            push_ascii(&mut text, whole);
            let name = DomainName::from_bytes(&joined);
            proptest::prop_assert_eq!(name, is_name.then(|| DomainName(text.as_str().into())));
            let results = labels.iter().copied().map(Ok::<_, ()>);
            let name = DomainName::from_labels(&mut results.clone()).unwrap();
            let written = escape(results, push_ascii);
            proptest::prop_assert_eq!(&name, &(joined.len() <= MAX_NAME_LEN).then_some(written));
            let mut wire: Vec<u8> = labels
                .iter()
                .flat_map(|label| std::iter::once(label.len() as u8).chain(label.iter().copied()))
                .chain([0])
                .collect();
            let len = wire.len();
            let is_plain = |label: &&[u8]| !label.iter().any(|&byte| byte == b'.' || is_strange(byte));
            let plain = name.filter(|_| len <= 255 && labels.iter().all(is_plain));
            wire.extend(behind.bytes());
            proptest::prop_assert_eq!(DomainName::from_written_out(&wire), plain.map(|name| (name, len)));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_short_name_is_written_as_a_long_one_is(labels in proptest::collection::vec("[a-zA-Z.\\-]{1,12}", 0..6), changes in proptest::collection::vec((0usize..40, proptest::prelude::any::<u8>()), 0..3), cut in 0usize..60, behind in "[a-z\\x00]{0,40}") {
            let mut wire: Vec<u8> = labels
                .iter()
                .flat_map(|label| std::iter::once(label.len() as u8).chain(label.bytes()))
                .chain([0])
                .collect();
            wire.extend(behind.bytes());
            for (at, byte) in changes {
                if let Some(there) = wire.get_mut(at) {
                    *there = byte;
                }
            }
            wire.truncate(cut);
            let whole = DomainName::from_written_out_at_length(&wire);
            match Short::written_out(&wire) {
                Some(short) => proptest::prop_assert_eq!(Some(short), whole),
                None => proptest::prop_assert!(whole.is_none_or(|(_, len)| len > 33)),
            }
        }
    }

    #[test]
    fn a_label_that_stops_early_makes_no_name() {
        let mut labels = [Ok(&b"www"[..]), Err("cut"), Ok(b"com")].into_iter();
        assert_eq!(DomainName::from_labels(&mut labels), Err("cut"));
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
            "\u{fe61}",
            "\u{ff0a}.example.com",
            "www.youtube.com:443",
            "*.youtube.com:443",
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
