//! Syslog: a priority in angle brackets, and a message in one of a dozen dialects.

use super::super::{Datagram, Look, Opening, Recognised};
use super::line::{is_number, split_word, starts_with};
use crate::protocol::Protocol;

/// Where collectors listen: UDP, TCP (IANA's for RFC 3195 and the one that is used), and what they open where those are closed.
const PORTS: [u16; 6] = [514, 601, 1514, 5140, 5514, 10514];
/// Highest priority: facility 23, severity 7. Source: RFC 5424 §6.2.1.
const MAX_PRIORITY: u16 = 191;
/// Longest tag that is believed; RFC 3164 §4.1.3 allows 32, and a process's number follows in brackets.
const MAX_TAG_LEN: usize = 48;
/// Bytes that are looked at for what is no text.
const TEXT_LEN: usize = 64;
/// Names of months as dates have them, RFC 3164 §4.1.2.
const MONTHS: [&str; 12] = [
    "Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec ",
];

/// Whether a datagram is a message: at a port of syslog any text behind a priority, elsewhere one with a date, a version or a tag.
///
/// Source: RFC 5424 §6, RFC 3164 §4.1, RFC 5426.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let text = behind_priority(datagram.bytes)?;
    let is_at_port = PORTS.contains(&datagram.dst_port) || PORTS.contains(&datagram.src_port);
    is_message(text, is_at_port).then(|| Protocol::Syslog.into())
}

/// Whether a client begins with a message, with its length before it or with a line's end behind it.
///
/// Source: RFC 6587 §3.4.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let text = behind_priority(opening.client).or_else(|| {
        opening
            .client
            .first()
            .filter(|byte| byte.is_ascii_digit())?;
        let (len, message) = split_word(opening.client);
        behind_priority(message).filter(|_| is_number(len) && len.len() <= 5)
    })?;
    let is_at_port = PORTS.contains(&opening.server_port);
    is_message(text, is_at_port).then(|| Protocol::Syslog.into())
}

/// What follows `<13>`.
fn behind_priority(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"<")?;
    let len = rest.iter().take(4).position(|&byte| byte == b'>')?;
    let (digits, text) = rest.split_at_checked(len)?;
    let is_valid = is_number(digits) && (len == 1 || !digits.starts_with(b"0"));
    let priority = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit & 0xf));
    text.get(1..)
        .filter(|_| is_valid && priority <= MAX_PRIORITY)
}

fn is_message(text: &[u8], is_at_port: bool) -> bool {
    let start = text.get(..TEXT_LEN).unwrap_or(text);
    // A mark may say that UTF-8 follows, and a zero may end the message: what is left has to be text.
    let is_text = !start.is_empty()
        && start
            .iter()
            .all(|&byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r' | b'\n' | 0));
    is_text && (is_at_port || is_versioned(text) || is_dated(text) || is_tagged(text))
}

/// RFC 5424 §6.2.2: version 1, then a year or a hyphen.
fn is_versioned(text: &[u8]) -> bool {
    text.strip_prefix(b"1 ")
        .is_some_and(|date| is_year(date) || date.starts_with(b"- "))
}

/// A date at the front, or, as Cisco writes it, behind a number and a star.
fn is_dated(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let numbered = text.get(digits..).and_then(|rest| rest.strip_prefix(b": "));
    let date = numbered.unwrap_or(text).trim_ascii_start();
    let date = date.strip_prefix(b"*").unwrap_or(date);
    is_year(date)
        || MONTHS
            .iter()
            .any(|month| date.starts_with(month.as_bytes()))
            && is_day_and_time(date)
        || starts_with(date, "date=")
}

/// `Mmm dd hh:`.
fn is_day_and_time(date: &[u8]) -> bool {
    let Some([day @ .., b' ', _, _, b':']) = date.get(4..10) else {
        return false;
    };
    day.iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b' ')
}

/// `2024-`.
fn is_year(date: &[u8]) -> bool {
    let Some((year, [b'-', ..])) = date.split_at_checked(4) else {
        return false;
    };
    is_number(year) && (year.starts_with(b"20") || year.starts_with(b"19"))
}

/// `program[123]: ` or `program: `, RFC 3164 §5.3.
fn is_tagged(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b':', text.get(..MAX_TAG_LEN).unwrap_or(text)) else {
        return false;
    };
    let Some((tag, [_, b' ', ..])) = text.split_at_checked(at) else {
        return false;
    };
    tag.first().is_some_and(u8::is_ascii_alphabetic)
        && tag
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./[]".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, datagram, spoken};
    use super::*;

    #[test]
    fn messages_with_a_date_a_version_or_a_tag_are_told_anywhere() {
        for text in [
            "<34>1 2003-10-11T22:14:15.003Z host su - ID47 - failed",
            "<165>1 - - - - - -",
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
            "<187>45: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured",
            "<30>dhcpd[411]: DHCPACK\n",
            "<189>date=2024-01-02 time=03:04:05\0",
            "<0>2024-01-02T03:04:05Z x",
        ] {
            assert_eq!(
                datagram(9999, text.as_bytes()),
                Some(Protocol::Syslog),
                "{text}"
            );
            assert_eq!(
                spoken(text.as_bytes(), b""),
                Some(Protocol::Syslog),
                "{text}"
            );
            let counted = format!("{} {text}", text.len());
            assert_eq!(spoken(counted.as_bytes(), b""), Some(Protocol::Syslog));
        }
    }

    #[test]
    fn any_text_behind_a_priority_is_told_at_the_ports() {
        assert_eq!(datagram(514, b"<13>hello"), Some(Protocol::Syslog));
        assert_eq!(at_port(601, b"<13>hello", b""), Some(Protocol::Syslog));
        assert_eq!(datagram(9999, b"<13>hello"), None);
        for text in [
            &b"<13>"[..],
            b"<192>hello",
            b"<013>hello",
            b"<>hello",
            b"<1x>hello",
            b"<13>\x01x",
        ] {
            assert_eq!(datagram(514, text), None, "{text:?}");
        }
    }

    #[test]
    fn markup_is_not_a_message() {
        for text in ["<html>", "<?xml", "<1>", "<1><2>", "12 <a>"] {
            assert_eq!(spoken(text.as_bytes(), b""), None, "{text}");
        }
    }
}
