//! POP3: replies that begin with `+OK` or `-ERR`, which Redis has too.

use super::super::{Opening, Recognised};
use super::line::{command, first_line, holds_one_of, is_one_of, is_text};
use crate::protocol::Protocol;

/// Where servers listen without TLS.
const PORT: u16 = 110;

/// Commands that begin a session and are not Redis's, RFC 1939 §7, RFC 2449 §5, RFC 2595 §4.
const OWN: [&str; 10] = [
    "USER", "PASS", "APOP", "CAPA", "STLS", "STAT", "LIST", "UIDL", "RETR", "TOP",
];
/// What says nothing unless a greeting came from the port, for Redis has it too.
const SHARED: [&str; 2] = ["AUTH", "QUIT"];
/// Those of [`OWN`] that no other protocol has.
const TELLING: [&str; 3] = ["CAPA", "STLS", "APOP"];

/// Whether a server's replies, with a client's commands or its own words, are those of RFC 1939.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_port = opening.server_port == PORT;
    let says =
        |words: &[&str]| command(opening.client).is_some_and(|(verb, _)| is_one_of(verb, words));
    let is_pop3 = if opening.server.is_empty() {
        says(&TELLING) || is_at_port && says(&OWN)
    } else {
        reply(opening.server).is_some_and(|text| {
            says(&OWN) || names_itself(text) || is_at_port && (says(&SHARED) || !text.is_empty())
        })
    };
    is_pop3.then(|| Protocol::Pop3.into())
}

/// The text behind `+OK` or `-ERR`, as far as it is there.
fn reply(server: &[u8]) -> Option<&[u8]> {
    let text = server
        .strip_prefix(b"+OK")
        .or_else(|| server.strip_prefix(b"-ERR"))?;
    let is_apart = matches!(text.first()?, b' ' | b'\r' | b'\n');
    let text = first_line(text);
    (is_apart && is_text(text)).then_some(text)
}

/// Whether a greeting names the protocol, or holds the stamp that APOP needs: `<1896.697170952@example.org>`.
fn names_itself(text: &[u8]) -> bool {
    let stamp = memchr::memchr(b'<', text)
        .and_then(|at| text.get(at..))
        .is_some_and(|rest| rest.contains(&b'@') && rest.contains(&b'>'));
    stamp || holds_one_of(text, &["POP3", " POP ", "pop server"])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, speaks, spoken};
    use super::*;

    #[test]
    fn replies_and_commands_together_say_it() {
        assert!(speaks(Protocol::Pop3, b"USER me\r\n", b"+OK ready\r\n"));
        assert!(speaks(Protocol::Pop3, b"capa\r\n", b"+OK\r\n"));
        assert!(speaks(Protocol::Pop3, b"CAPA\r\n", b""));
        assert_eq!(spoken(b"USER me\r\n", b""), None);
        assert_eq!(at_port(110, b"USER me\r\n", b""), Some(Protocol::Pop3));
    }

    #[test]
    fn greetings_say_it_when_they_name_it() {
        for line in [
            "+OK POP3 ready\r\n",
            "+OK POP server ready H mx\r\n",
            "+OK <1.2@x.org>\r\n",
        ] {
            assert!(speaks(Protocol::Pop3, b"", line.as_bytes()), "{line}");
        }
        assert_eq!(at_port(110, b"", b"+OK Hello.\r\n"), Some(Protocol::Pop3));
        assert_eq!(spoken(b"", b"+OK Hello.\r\n"), None);
    }

    #[test]
    fn redis_is_not_taken_for_it() {
        assert_eq!(spoken(b"*1\r\n$4\r\nPING\r\n", b"+OK\r\n"), None);
        assert_eq!(spoken(b"AUTH secret\r\n", b"+OK\r\n"), None);
        assert_eq!(spoken(b"SET x 1\r\n", b"-ERR no\r\n"), None);
        assert_eq!(spoken(b"USER me\r\n", b"+OKAY\r\n"), None);
    }
}
