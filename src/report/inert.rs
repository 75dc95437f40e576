//! JSON that does nothing to a terminal, or to the web page around it: what they would obey stands as `\uXXXX` in it. The text means the same.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::text::is_format;

/// DEL: the first character that JSON lets pass and a terminal may not.
const FIRST_ODD: u8 = 0x7f;

/// Bytes that are looked at together where a text is long, and where it is not.
const BLOCK_LEN: usize = 64;
const WORD_LEN: usize = size_of::<u64>();

/// Whether all bytes are below [`FIRST_ODD`]: told of many of them at once, for lines are long and many.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<BLOCK_LEN>();
    // Without a way out in it, which compilers make a few instructions of.
    let highest = |block: &[u8; BLOCK_LEN]| block.iter().copied().fold(0, u8::max);
    blocks.iter().all(|block| highest(block) < FIRST_ODD) && is_short_plain(rest)
}

fn is_short_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; WORD_LEN]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; WORD_LEN]);
    // One more than 0x7e has the highest bit, as what is higher has anyway; only what is higher still carries into the next.
    let is_odd = |word: [u8; WORD_LEN]| {
        let word = u64::from_ne_bytes(word);
        (word | word.wrapping_add(ONES)) & HIGH != 0
    };
    let Some(last) = text.last_chunk() else {
        return !text.iter().any(|&byte| byte >= FIRST_ODD);
    };
    // The last word may hold bytes of the one before.
    let (words, _) = text.as_chunks();
    !is_odd(*last) && !words.iter().any(|word| is_odd(*word))
}

/// Adds a value on one line.
pub(super) fn to_line(line: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    let start = line.len();
    value.serialize(&mut Serializer::new(&mut *line))?;
    // As a rule nothing in it is odd: to be told once is cheaper than for each text.
    if !line.get(start..).is_none_or(is_plain) {
        line.truncate(start);
        let formatter = Inert::<_, false>(CompactFormatter);
        value.serialize(&mut Serializer::with_formatter(line, formatter))?;
    }
    Ok(())
}

/// A value on one line that may stand in a `<script>` of an HTML page: no tag and no comment begins or ends in it.
///
/// Source: WHATWG HTML §4.12.1.3, restrictions for contents of script elements.
pub(super) fn script(value: &impl Serialize) -> io::Result<String> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut json,
        Inert::<_, true>(CompactFormatter),
    ))?;
    String::from_utf8(json).map_err(io::Error::other)
}

/// Writes a value for people to read.
pub(super) fn to_writer_pretty(out: impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(
        out,
        Inert::<_, false>(PrettyFormatter::new()),
    ))
}

/// Lays JSON out as another does, but for control and format characters, and where it `IS_IN_HTML` those of markup.
///
/// The serializer has escaped those below U+0020; the others stand in strings, where alone JSON has room for them.
struct Inert<F, const IS_IN_HTML: bool>(F);

impl<F, const IS_IN_HTML: bool> Inert<F, IS_IN_HTML> {
    const fn is_markup(c: char) -> bool {
        IS_IN_HTML && matches!(c, '<' | '>' | '&')
    }

    fn is_odd(c: char) -> bool {
        Self::is_markup(c) || c >= FIRST_ODD as char && (c.is_control() || is_format(c))
    }
}

impl<F: Formatter, const IS_IN_HTML: bool> Formatter for Inert<F, IS_IN_HTML> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let has_markup = IS_IN_HTML && text.contains(Self::is_markup);
        if !has_markup && is_plain(text.as_bytes()) {
            return out.write_all(text.as_bytes());
        }
        let mut from = 0;
        for (at, odd) in text.match_indices(Self::is_odd) {
            out.write_all(text.get(from..at).unwrap_or_default().as_bytes())?;
            for unit in odd.encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + odd.len();
        }
        out.write_all(text.get(from..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(out, is_first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(out, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_byte_is_found_wherever_it_stands() {
        for len in 0..3 * BLOCK_LEN {
            for plain in [b' ', 0x7e] {
                assert!(is_plain(&vec![plain; len]));
                for (at, odd) in (0..len).flat_map(|at| [(at, 0x7f), (at, 0x80), (at, 0xff)]) {
                    let mut text = vec![plain; len];
                    text[at] = odd;
                    assert!(!is_plain(&text), "{odd:02x} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_means_the_same() {
        let hostile = "a\u{1b}[2J\n\"\\\u{7f}\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0001} é 会議 \u{7e}";
        // What stands there before is none of its business.
        let mut out = b"\x1b".to_vec();
        to_line(&mut out, &(hostile, "plain")).unwrap();
        let json = String::from_utf8(out.split_off(1)).unwrap();
        assert_eq!(out, b"\x1b");
        assert_eq!(
            json,
            r#"["a\u001b[2J\n\"\\\u007f\u009b2J\u202e\u2066\u200b\ufeff\u2028\udb40\udc01 é 会議 ~","plain"]"#
        );
        let (read, _): (String, String) = serde_json::from_str(&json).unwrap();
        assert_eq!(read, hostile);
    }

    #[test]
    fn what_a_web_page_would_obey_is_escaped_and_means_the_same() {
        let hostile = "</script><!--<script>&lt;\u{2028}\u{2029}\u{202e}\"'\\\0";
        let json = script(&[hostile]).unwrap();
        assert_eq!(
            json,
            r#"["\u003c/script\u003e\u003c!--\u003cscript\u003e\u0026lt;\u2028\u2029\u202e\"'\\\u0000"]"#
        );
        let [read]: [String; 1] = serde_json::from_str(&json).unwrap();
        assert_eq!(read, hostile);
    }
}
