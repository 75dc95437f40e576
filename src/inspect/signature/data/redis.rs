//! Redis, and what speaks its protocol.
//!
//! In: what the two sides said first. Out: whether these are commands or answers of RESP.

use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// The port that Redis is served at.
const PORT: u16 = 6379;
/// The longest number before a line's end, in digits.
const MAX_DIGITS: usize = 10;
/// Commands that are typed as plain lines, and that are no other protocol's that answers with `+` or `-`.
const INLINE: [&[u8]; 25] = [
    b"PING",
    b"INFO",
    b"GET",
    b"SET",
    b"DEL",
    b"KEYS",
    b"SCAN",
    b"EXISTS",
    b"INCR",
    b"CONFIG",
    b"SELECT",
    b"DBSIZE",
    b"FLUSHALL",
    b"FLUSHDB",
    b"COMMAND",
    b"CLIENT",
    b"MONITOR",
    b"SAVE",
    b"SLAVEOF",
    b"REPLICAOF",
    b"HELLO",
    b"PUBLISH",
    b"SUBSCRIBE",
    b"LPUSH",
    b"RPUSH",
];

/// Redis, when a side says arrays of strings, the client a command that the server answers, or the server what only Redis does.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_told = is_array(opening.client)
        || is_array(opening.server)
        || is_own_answer(opening.server)
        || (is_answer(opening.server) || opening.server.is_empty() && opening.server_port == PORT)
            && is_inline(opening.client);
    is_told.then_some(Protocol::Redis.into())
}

/// An array or a map that begins with a string, to the end of that string.
///
/// Source: Redis serialization protocol specification, "Arrays", "Bulk strings", "Maps".
fn is_array(side: &[u8]) -> bool {
    let Some((b'*' | b'%' | b'>', rest)) = side.split_first() else {
        return false;
    };
    let Some((count, rest)) = number(rest) else {
        return false;
    };
    let Some((b'$', rest)) = rest.split_first() else {
        return false;
    };
    count > 0 && is_bulk(rest)
}

/// A string behind its `$`: its length, as many bytes, the end of the line; what of it is there.
fn is_bulk(bytes: &[u8]) -> bool {
    let Some((len, text)) = number(bytes) else {
        return false;
    };
    match text.get(len..) {
        Some(end) => end.starts_with(b"\r\n"),
        // Cut: there is nothing to check but that it is long.
        None => text.len() >= 128,
    }
}

/// The digits at the front, to the end of their line, and what stands behind.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let len = bytes
        .iter()
        .take(MAX_DIGITS)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = bytes.split_at_checked(len)?;
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((value, rest.strip_prefix(b"\r\n")?))
}

/// Answers that are Redis's alone.
fn is_own_answer(side: &[u8]) -> bool {
    const OWN: [&[u8]; 7] = [
        b"-NOAUTH ",
        b"-WRONGPASS ",
        b"-WRONGTYPE ",
        b"-DENIED Redis",
        b"-MOVED ",
        b"-LOADING Redis",
        b"-ERR unknown command",
    ];
    match side.first() {
        Some(b'-') => OWN.iter().any(|own| side.starts_with(own)),
        Some(b'+') => matches!(side, b"+PONG\r\n" | b"+QUEUED\r\n"),
        // A string that is whole; the port decides nothing, its length does.
        Some(b'$') => side
            .get(1..)
            .is_some_and(|rest| is_bulk(rest) && side.ends_with(b"\r\n")),
        _ => false,
    }
}

/// A line that begins with a command.
fn is_inline(side: &[u8]) -> bool {
    let word = side
        .split(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    INLINE
        .iter()
        .any(|command| command.eq_ignore_ascii_case(word))
        && side.contains(&b'\n')
}

/// Any answer, to the end of its first line.
fn is_answer(side: &[u8]) -> bool {
    let Some((kind, rest)) = side.split_first() else {
        return false;
    };
    match kind {
        b'+' => rest.starts_with(b"OK\r\n") || rest.starts_with(b"PONG\r\n"),
        b'-' => rest.starts_with(b"ERR ") || is_own_answer(side),
        b':' => number(rest).is_some(),
        b'$' | b'*' | b'%' => number(rest).is_some() || rest.starts_with(b"-1\r\n"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    const REDIS: Protocol = Protocol::Redis;

    #[test]
    fn a_command_is_redis() {
        assert_stream(
            REDIS,
            ANY_PORT,
            b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
            b"$5\r\nvalue\r\n",
        );
        assert_stream(REDIS, ANY_PORT, b"", b"$5\r\nvalue\r\n");
        assert_stream(REDIS, ANY_PORT, b"", b"*3\r\n$7\r\nmessage\r\n");
    }

    #[test]
    fn lines_are_redis_with_an_answer() {
        assert_stream(REDIS, ANY_PORT, b"PING\r\n", b"+PONG\r\n");
        assert_stream(REDIS, ANY_PORT, b"get key\r\n", b"$-1\r\n");
        assert_stream(
            REDIS,
            ANY_PORT,
            b"INFO\r\n",
            b"-NOAUTH Authentication required.\r\n",
        );
        assert_no_stream(
            ANY_PORT,
            b"PING :irc.example.com\r\n",
            b"PONG irc.example.com\r\n",
        );
        assert_no_stream(
            6379,
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
        );
    }

    #[test]
    fn pop3_is_not() {
        assert_no_stream(110, b"AUTH PLAIN\r\n", b"+OK POP3 ready\r\n+OK\r\n");
        assert_no_stream(110, b"USER alice\r\n", b"+OK\r\n");
    }

    #[test]
    fn a_string_of_another_length_is_not() {
        assert_no_stream(6379, b"*2\r\n$3\r\nGETS\r\n", b"");
        assert_no_stream(6379, b"* OK IMAP4rev1\r\n", b"");
    }
}
