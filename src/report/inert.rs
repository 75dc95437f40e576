//! JSON that does nothing to a terminal: what it would obey stands as `\uXXXX` in it. The text means the same.

use std::io::{self, Write};

use super::text::is_format;

/// DEL: the first character that JSON lets pass and a terminal may not.
const FIRST_ODD: u8 = 0x7f;

/// Takes JSON in whole characters, as serde_json writes it, and hands it on without control and format characters.
///
/// The serializer has escaped those below U+0020; the others stand in strings, where alone JSON has room for them.
pub(super) struct Inert<W>(pub(super) W);

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_plain = bytes.iter().all(|&byte| byte < FIRST_ODD);
        match std::str::from_utf8(bytes) {
            Ok(text) if !is_plain => self.write_text(text)?,
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Inert<W> {
    fn write_text(&mut self, text: &str) -> io::Result<()> {
        let mut from = 0;
        for (at, odd) in text.match_indices(|c: char| c.is_control() && c >= '\x7f' || is_format(c))
        {
            self.0
                .write_all(text.get(from..at).unwrap_or_default().as_bytes())?;
            for unit in odd.encode_utf16() {
                write!(self.0, "\\u{unit:04x}")?;
            }
            from = at + odd.len();
        }
        self.0
            .write_all(text.get(from..).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_means_the_same() {
        let hostile = "a\u{1b}[2J\n\"\\\u{7f}\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0001} é 会議 \u{7e}";
        let mut out = Vec::new();
        serde_json::to_writer(Inert(&mut out), &(hostile, "plain")).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(
            json,
            r#"["a\u001b[2J\n\"\\\u007f\u009b2J\u202e\u2066\u200b\ufeff\u2028\udb40\udc01 é 会議 ~","plain"]"#
        );
        let (read, _): (String, String) = serde_json::from_str(&json).unwrap();
        assert_eq!(read, hostile);
    }
}
