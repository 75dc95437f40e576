//! What lines of text begin with: commands, and the numbers of replies.
//!
//! In: the first bytes that one side said, which may end in the middle of a line. Knows nothing of any protocol's words.

/// The first line, without what ends it; as far as it is there when nothing ends it.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The whole lines, without what ends them.
pub(super) fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', bytes).map_or(0, |last| last + 1);
    let whole = bytes.get(..end).unwrap_or_default();
    whole.split_inclusive(|&byte| byte == b'\n').map(first_line)
}

/// Whether no byte is a control character, but tabs. Bytes past ASCII pass, since names and greetings hold them.
pub(super) fn is_text(line: &[u8]) -> bool {
    line.iter()
        .all(|&byte| byte == b'\t' || !byte.is_ascii_control())
}

/// The first line as a command: a word of letters, and what follows behind a blank.
///
/// `None` until the line has ended, and where it is no command.
pub(super) fn command(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let (verb, argument) = split_word(whole_lines(bytes).next()?);
    (verb.iter().all(u8::is_ascii_alphabetic) && is_text(argument)).then_some((verb, argument))
}

/// The bytes before the first blank, and those behind it.
pub(super) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line).and_then(|at| line.split_at_checked(at)) {
        Some((word, rest)) => (word, rest.get(1..).unwrap_or_default()),
        None => (line, &[]),
    }
}

/// The number of a reply, three digits from 100 to 599, and its text as far as it is there. A hyphen says that more lines follow.
///
/// Source: RFC 959 §4.2, RFC 5321 §4.2.
pub(super) fn reply(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (&[hundreds @ b'1'..=b'5', tens, ones], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let digit = |byte: u8| u16::from(byte & 0xf);
    let text = first_line(rest);
    let is_reply = matches!(rest.first()?, b' ' | b'-' | b'\r' | b'\n') && is_text(text);
    let number = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
    is_reply.then_some((number, text))
}

/// Whether `word` is one of `words`, in letters of either case.
pub(super) fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether `bytes` begin with `prefix`, in letters of either case.
pub(super) fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    bytes
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Whether `text` holds one of `words`, in letters of either case.
pub(super) fn holds_one_of(text: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        text.windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// Whether `bytes` are digits, at least one.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_word_on_a_line_that_has_ended() {
        assert_eq!(
            command(b"USER me\r\nPASS x"),
            Some((&b"USER"[..], &b"me"[..]))
        );
        assert_eq!(command(b"QUIT\n"), Some((&b"QUIT"[..], &b""[..])));
        for other in [
            &b"USER me"[..],
            b"USER me\r",
            b"1 x\n",
            b"USER \x01\n",
            b"A1 x\n",
            b"",
        ] {
            assert_eq!(command(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_reply_is_three_digits_and_a_blank() {
        assert_eq!(reply(b"220 ready\r\n"), Some((220, &b" ready"[..])));
        assert_eq!(reply(b"220-rea"), Some((220, &b"-rea"[..])));
        assert_eq!(reply(b"250\r\n"), Some((250, &b""[..])));
        for other in [&b"220"[..], b"2200 ", b"620 x", b"22x x", b"220 \x01", b""] {
            assert_eq!(reply(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_lines_that_have_ended_are_whole() {
        let lines: Vec<_> = whole_lines(b"a\r\n\nb\nc").collect();
        assert_eq!(lines, [&b"a"[..], b"", b"b"]);
        assert_eq!(whole_lines(b"abc").count(), 0);
        assert_eq!(first_line(b"abc"), b"abc");
    }

    #[test]
    fn case_does_not_count() {
        assert!(is_one_of(b"qUit", &["NOOP", "QUIT"]) && !is_one_of(b"QUI", &["QUIT"]));
        assert!(starts_with(b"Mail From:<x>", "MAIL FROM:") && !starts_with(b"MAIL", "MAIL FROM:"));
        assert!(
            holds_one_of(b"an eSmtp host", &["FTP", "SMTP"]) && !holds_one_of(b"SMT", &["SMTP"])
        );
    }
}
