//! Text files that people write: sections in brackets, one thing a line, comments.
//!
//! Bytes go in, lines that say something come out, each with its place. Knows nothing of what sections and lines mean.

use std::fmt;

use memchr::memchr2;
use thiserror::Error;

/// Characters that begin a comment, wherever in a line they stand.
const COMMENT: [u8; 2] = *b"#;";

/// How many characters of a text are shown in a message.
const SHOWN_CHARS: usize = 80;

/// A place in a text file: line and column, both counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the line.
    pub line: usize,
    /// Number of the character in its line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where its first character that is no blank stands.
    pub at: Position,
    /// What it says.
    pub content: Content<'a>,
}

/// What a line says, without its comment and the blanks around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// `[name]`: the name, blanks around it removed; it may be empty.
    Section(&'a str),
    /// A line that begins as a section does and does not end as one.
    BrokenSection(&'a str),
    /// Anything else; never empty.
    Value(&'a str),
}

/// Bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("found the byte 0x{byte:02x}, expected text in UTF-8")]
pub struct NotUtf8 {
    /// Where the text ends to be one.
    pub at: Position,
    /// The byte that stands there.
    pub byte: u8,
}

/// The text that `bytes` hold.
///
/// # Errors
/// [`NotUtf8`] names the first byte that cannot be read.
pub fn decode(bytes: &[u8]) -> Result<&str, NotUtf8> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes
            .split_at_checked(error.valid_up_to())
            .unwrap_or((bytes, &[]));
        let good = String::from_utf8_lossy(good);
        let (line, last) = physical_lines(&good).last().unwrap_or((1, ""));
        NotUtf8 {
            at: Position {
                line,
                column: last.chars().count() + 1,
            },
            byte: bad.first().copied().unwrap_or_default(),
        }
    })
}

/// The lines of `text` that say something: blank ones and comments are left out.
///
/// Lines end with LF, CR LF or CR; a byte order mark at the start is skipped.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    physical_lines(text).filter_map(|(line, raw)| {
        let [hash, semicolon] = COMMENT;
        let said = match memchr2(hash, semicolon, raw.as_bytes()) {
            Some(comment) => raw.get(..comment).unwrap_or(raw),
            None => raw,
        };
        let (blanks, said) = trimmed(said);
        let at = Position {
            line,
            column: blanks + 1,
        };
        let content = match said.strip_prefix('[') {
            None if said.is_empty() => return None,
            None => Content::Value(said),
            Some(rest) => match rest.strip_suffix(']') {
                Some(name) if !name.contains(['[', ']']) => Content::Section(name.trim()),
                _ => Content::BrokenSection(said),
            },
        };
        Some(Line { at, content })
    })
}

/// The pieces of `text` between separators, without the blanks around them, each with its column; empty ones are left out.
///
/// * `column`: the column of the text's first character.
/// * `is_separator`: not asked of small letters of ASCII, which most of a text is.
pub fn pieces(
    column: usize,
    text: &str,
    is_separator: impl Fn(char) -> bool,
) -> impl Iterator<Item = (usize, &str)> {
    let mut next = column;
    split(text, is_separator).filter_map(move |piece| {
        let (blanks, said) = trimmed(piece);
        let at = next + blanks;
        next += char_count(piece) + 1;
        (!said.is_empty()).then_some((at, said))
    })
}

/// What `str::split` gives, with one look at each byte that is ASCII; small letters of ASCII do not separate.
fn split(text: &str, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        // In the middle of a character no other one begins.
        let char_at = |at| text.get(at..)?.chars().next();
        let end = text.bytes().enumerate().position(|(at, byte)| {
            if byte.is_ascii_lowercase() {
                false
            } else if byte.is_ascii() {
                is_separator(char::from(byte))
            } else {
                char_at(at).is_some_and(&is_separator)
            }
        });
        let Some(end) = end else {
            rest = None;
            return Some(text);
        };
        rest = text.get(end + char_at(end).map_or(1, char::len_utf8)..);
        text.get(..end)
    })
}

/// The number of characters in `text`.
pub fn char_count(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// `text` with the characters escaped that would act on a terminal.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

/// `text` as a message may quote it: [`printable`], and cut with `…` after 80 characters.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((cut, _)) => printable(text.get(..cut).unwrap_or(text)) + "…",
        None => printable(text),
    }
}

/// `text` without the blanks around it, and how many stood before it.
pub fn trimmed(text: &str) -> (usize, &str) {
    // As a rule there are none, and to say so takes a look at two bytes.
    if let [first, .., last] = text.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return (0, text);
    }
    let blanks = text.chars().take_while(|c| c.is_whitespace()).count();
    (blanks, text.trim())
}

/// Every line, numbered from 1, without its end. A text that ends with a line end has one more, empty line.
fn physical_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(text.strip_prefix('\u{feff}').unwrap_or(text));
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr2(b'\n', b'\r', text.as_bytes());
        let parts = end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?)));
        let Some((line, tail)) = parts else {
            rest = None;
            return Some(text);
        };
        let ended_by_cr = text.as_bytes().get(line.len()) == Some(&b'\r');
        rest = Some(match tail.strip_prefix('\n') {
            Some(after_crlf) if ended_by_cr => after_crlf,
            _ => tail,
        });
        Some(line)
    });
    (1..).zip(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, usize, Content<'_>)> {
        lines(text)
            .map(|l| (l.at.line, l.at.column, l.content))
            .collect()
    }

    #[test]
    fn lines_end_with_lf_crlf_or_cr() {
        let want = [
            (1, 1, Content::Section("A")),
            (2, 1, Content::Value("b")),
            (4, 1, Content::Value("c")),
        ];
        assert_eq!(read("[A]\nb\n\nc\n"), want);
        assert_eq!(read("[A]\r\nb\r\n\r\nc\r\n"), want);
        assert_eq!(read("[A]\rb\r\rc"), want);
        assert_eq!(read("\u{feff}[A]\nb\r\n\rc"), want);
    }

    #[test]
    fn comments_and_blanks_say_nothing() {
        assert_eq!(
            read("# all\n  ; of\n\t\n  é x # this\n[ A B ] ; that"),
            [
                (4, 3, Content::Value("é x")),
                (5, 1, Content::Section("A B"))
            ]
        );
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_section_that_does_not_close_is_no_section() {
        for bad in ["[A", "[A] b", "[A[", "[", "[A]]", "[[A]]"] {
            assert_eq!(read(bad), [(1, 1, Content::BrokenSection(bad))]);
        }
        assert_eq!(read("[]"), [(1, 1, Content::Section(""))]);
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        assert_eq!(decode("é\n".as_bytes()), Ok("é\n"));
        let error = decode(b"[A]\r\n\xc3\xa9b\xff").unwrap_err();
        assert_eq!((error.at.line, error.at.column, error.byte), (2, 3, 0xff));
        let error = decode(b"\xff\xfe[\0A\0").unwrap_err();
        assert_eq!((error.at.line, error.at.column, error.byte), (1, 1, 0xff));
        // A letter cut in the middle.
        let error = decode(b"a\n\xc3").unwrap_err();
        assert_eq!((error.at.line, error.at.column, error.byte), (2, 1, 0xc3));
    }

    #[test]
    fn pieces_know_their_columns() {
        assert_eq!(
            pieces(5, " é,  b ,,c", |c| c == ',').collect::<Vec<_>>(),
            [(6, "é"), (10, "b"), (14, "c")]
        );
        assert_eq!(
            pieces(1, "a\u{3000}b ,ü\u{a0}", |c| c == ',' || c.is_whitespace()).collect::<Vec<_>>(),
            [(1, "a"), (3, "b"), (6, "ü")]
        );
    }

    #[test]
    fn messages_carry_no_control_characters_and_no_end_of_text() {
        assert_eq!(shown("a\x1b[31m\u{202e}é'\\"), "a\\u{1b}[31m\\u{202e}é'\\");
        assert_eq!(shown(&"x".repeat(5000)).chars().count(), SHOWN_CHARS + 1);
    }

    #[test]
    fn no_bytes_break_the_reader() {
        let mut seed = 7u64;
        for _ in 0..2000 {
            let mut bytes = b"\xef\xbb\xbf[A]\r\nb # c\n[D\r; e\n\xc3\xa9".to_vec();
            for _ in 0..4 {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                let at = (seed >> 33) as usize % bytes.len();
                bytes[at] = (seed >> 20) as u8;
            }
            for cut in 0..=bytes.len() {
                if let Ok(text) = decode(&bytes[..cut]) {
                    assert!(lines(text).all(|l| l.at.line > 0 && l.at.column > 0));
                }
            }
        }
    }
}
