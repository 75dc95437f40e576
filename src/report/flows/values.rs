//! Values of JSON one behind the other, each behind its length.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;
use serde_json::ser::Serializer;

use super::clock::Clock;
use crate::packet::Timestamp;
use crate::report::inert;

/// In the place of a length: it stands in eight bytes behind this one.
const LONG: u8 = u8::MAX;

/// Values as they are written.
///
/// A serializer looks through every word for what JSON escapes, those that this program itself chose as well. Where flows are counted in
/// millions that is a good part of what they cost; so such words go in as they are.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) text: &'a mut Vec<u8>,
    pub(super) clock: &'a mut Clock,
}

impl Values<'_> {
    /// Any value.
    pub(super) fn value(&mut self, value: impl Serialize) -> serde_json::Result<()> {
        self.measured(|text| inert::to_line(text, &value))
    }

    /// A value in which no odd character is looked for: numbers, addresses, lists of this program's own words.
    pub(super) fn own(&mut self, value: impl Serialize) -> serde_json::Result<()> {
        self.measured(|text| {
            let start = text.len();
            value.serialize(&mut Serializer::new(&mut *text))?;
            debug_assert!(text.get(start..).is_some_and(inert::is_plain));
            Ok(())
        })
    }

    /// One of this program's own words.
    pub(super) fn word(&mut self, word: &str) -> serde_json::Result<()> {
        debug_assert!(is_own(word), "{word:?}");
        self.measured(|text| {
            text.push(b'"');
            text.extend_from_slice(word.as_bytes());
            text.push(b'"');
            Ok(())
        })
    }

    /// A moment.
    pub(super) fn time(&mut self, time: Timestamp) -> serde_json::Result<()> {
        let shown = self.clock.show(time);
        self.word(&shown)
    }

    /// What is shown as such a word.
    pub(super) fn shown(&mut self, value: impl Display) -> serde_json::Result<()> {
        debug_assert!(is_own(&value.to_string()), "{value}");
        self.measured(|text| write!(text, "\"{value}\"").map_err(serde_json::Error::io))
    }

    /// Puts the length of what `write` adds before it.
    fn measured(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        let at = self.text.len();
        self.text.push(LONG);
        write(self.text)?;
        let len = self.text.len() - at - 1;
        match u8::try_from(len) {
            Ok(short) if short != LONG => {
                if let Some(place) = self.text.get_mut(at) {
                    *place = short;
                }
            }
            _ => {
                let len = (len as u64).to_le_bytes();
                self.text.splice(at + 1..at + 1, len);
            }
        }
        Ok(())
    }
}

/// Whether nothing in `text` has to be escaped.
fn is_own(text: &str) -> bool {
    let is_own = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, '"' | '\\');
    text.chars().all(is_own)
}

/// Adds the first of `values` to `line`, and takes it from them. Nothing where there is none.
pub(super) fn take_to(line: &mut Vec<u8>, values: &mut &[u8]) {
    let Some((&len, mut rest)) = values.split_first() else {
        return;
    };
    let mut len = usize::from(len);
    if len == usize::from(LONG)
        && let Some((long, behind)) = rest.split_first_chunk()
    {
        len = u64::from_le_bytes(*long) as usize;
        rest = behind;
    }
    let (value, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
    line.extend_from_slice(value);
    *values = behind;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_length_come_back_whole_and_one_by_one() {
        // Around those that need another byte.
        let lens = [2, 253, 254, 255, 256, 65_535, 65_536, 1 << 18];
        let word = |(len, letter): (usize, char)| letter.to_string().repeat(len - 2);
        let words: Vec<String> = lens.into_iter().zip('a'..).map(word).collect();
        let mut kept = Vec::new();
        let (text, clock) = (&mut kept, &mut Clock::new());
        let mut values = Values { text, clock };
        for word in &words {
            values.word(word).unwrap();
            values.own(1).unwrap();
        }
        let (mut rest, mut line) = (&kept[..], Vec::new());
        for word in &words {
            line.clear();
            take_to(&mut line, &mut rest);
            take_to(&mut line, &mut rest);
            // Not told what differs, for they are long.
            assert!(line == format!("\"{word}\"1").as_bytes(), "{}", word.len());
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn only_long_values_take_more_than_a_byte_beside_their_text() {
        for (len, beside) in [(254, 1), (255, 9)] {
            let mut kept = Vec::new();
            let (text, clock) = (&mut kept, &mut Clock::new());
            let mut values = Values { text, clock };
            values.word(&"x".repeat(len - 2)).unwrap();
            assert_eq!(kept.len() - len, beside);
        }
    }
}
