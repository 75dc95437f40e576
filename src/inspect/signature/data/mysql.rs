//! MySQL and MariaDB.
//!
//! In: the server's greeting, the client's answer to it. Out: whether they are that.

use crate::inspect::signature::numbers::{le16, le32};
use crate::inspect::signature::{OPENING_LEN, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a packet's header: three of length, one of sequence.
///
/// Source: MySQL internals manual, "MySQL Packets".
const HEADER_LEN: usize = 4;
/// The greatest version that a server tells, in bytes.
const MAX_VERSION_LEN: usize = 100;
/// The longest query that is believed when it is cut, in bytes.
const MAX_QUERY_LEN: usize = 1 << 20;
/// Words that queries begin with.
const WORDS: [&[u8]; 16] = [
    b"SELECT",
    b"INSERT",
    b"UPDATE",
    b"DELETE",
    b"REPLACE",
    b"SET",
    b"SHOW",
    b"BEGIN",
    b"START",
    b"COMMIT",
    b"ROLLBACK",
    b"CREATE",
    b"ALTER",
    b"DROP",
    b"CALL",
    b"DESCRIBE",
];
/// The client asks for TLS.
const CLIENT_SSL: u32 = 1 << 11;
/// The client speaks the protocol of version 4.1 and later.
const CLIENT_PROTOCOL_41: u32 = 1 << 9;

/// MySQL, when the server greets or refuses, or the client answers a greeting or, in the middle of a connection, says SQL.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_told =
        is_greeting(opening.server) || is_login(opening.client) || is_query(opening.client);
    is_told.then_some(Protocol::Mysql.into())
}

/// The length and the body of the packet at the front, which has this number in the exchange.
fn packet(side: &[u8], sequence: u8) -> Option<(usize, &[u8])> {
    let len = le32(side, 0)?;
    (len >> 24 == u32::from(sequence))
        .then_some(((len & 0xff_ffff) as usize, side.get(HEADER_LEN..)?))
}

/// Source: MySQL internals manual, "Protocol::Handshake", "ERR_Packet".
fn is_greeting(side: &[u8]) -> bool {
    let Some((len, body)) = packet(side, 0) else {
        return false;
    };
    match body {
        [10, rest @ ..] => {
            behind_version(rest).is_some_and(|rest| {
                // Thread, the scramble's first eight bytes, a zero, abilities, the rest.
                rest.get(12) == Some(&0) && rest.len() >= 15 && len >= body.len() - rest.len() + 15
            })
        }
        [9, rest @ ..] => {
            behind_version(rest).is_some_and(|rest| rest.last() == Some(&0)) && len == body.len()
        }
        // An error instead of a greeting: too many connections, a host that may not.
        [0xff, _, _, text @ ..] => {
            matches!(le16(body, 1), Some(1000..=5000))
                && len == body.len()
                && text.len() >= 8
                && text.iter().all(|&byte| byte >= b' ')
        }
        _ => false,
    }
}

/// What stands behind a version and its zero.
fn behind_version(body: &[u8]) -> Option<&[u8]> {
    let end = body
        .iter()
        .take(MAX_VERSION_LEN)
        .position(|&byte| byte == 0)?;
    let (version, rest) = body.split_at_checked(end)?;
    let is_version = version.first().is_some_and(u8::is_ascii_digit)
        && version.contains(&b'.')
        && version.iter().all(|byte| matches!(byte, b' '..=b'~'));
    is_version.then_some(rest.get(1..)?)
}

/// An answer to the greeting, or a request for TLS: abilities, the greatest packet, a character set, zeros.
///
/// Source: MySQL internals manual, "Protocol::HandshakeResponse", "Protocol::SSLRequest".
fn is_login(side: &[u8]) -> bool {
    let Some((len, body)) = packet(side, 1) else {
        return false;
    };
    // MariaDB's own abilities stand in the last four of the 23 bytes that are zero otherwise.
    let (Some(abilities), Some(filler)) = (le32(body, 0), body.get(9..28)) else {
        return false;
    };
    let is_tls = abilities & CLIENT_SSL != 0 && len == 32;
    filler.iter().all(|&byte| byte == 0)
        && abilities & CLIENT_PROTOCOL_41 != 0
        && (is_tls || len > 32)
        && body.get(8).is_some_and(|&charset| charset != 0)
}

/// A query, or one to prepare: a whole packet that begins with a word of SQL.
///
/// Source: MySQL internals manual, "COM_QUERY", "COM_STMT_PREPARE".
fn is_query(side: &[u8]) -> bool {
    let Some((len, [3 | 0x16, text @ ..])) = packet(side, 0) else {
        return false;
    };
    // No attributes of the query, in one set.
    let text = text.strip_prefix(&[0, 1]).unwrap_or(text);
    let word = text
        .split(|byte| !byte.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    let is_there =
        len + HEADER_LEN == side.len() || side.len() >= OPENING_LEN && len < MAX_QUERY_LEN;
    is_there && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const GREETING: &str = "
        4a 0000 00 0a 382e302e333600      # 8.0.36
        0c000000 3174756778235f56 00      # thread, scramble
        ffff ff 0200 ffdf 15 00000000000000000000
        7022 3e34 6d0f 367c 3122 6a7c 00
        63616368696e675f736861325f70617373776f7264 00";
    const SSL_REQUEST: &str = "
        20 0000 01  85aeff19 00000001 ff
        00000000 00000000 00000000 00000000 00000000 000000";

    #[test]
    fn a_greeting_and_a_request_for_tls_are_mysql() {
        assert_stream(Protocol::Mysql, ANY_PORT, &hex(SSL_REQUEST), &hex(GREETING));
        assert_stream(Protocol::Mysql, ANY_PORT, &[], &hex(GREETING));
        assert_stream(Protocol::Mysql, ANY_PORT, &hex(SSL_REQUEST), &[]);
    }

    #[test]
    fn an_error_instead_of_a_greeting_is_mysql() {
        let text = b"\x17\0\0\0\xff\x10\x04Too many connections";
        assert_stream(Protocol::Mysql, ANY_PORT, &[], text);
        assert_no_stream(ANY_PORT, &[], &text[..20]);
    }

    #[test]
    fn a_greeting_of_version_9_is_mysql() {
        let text = b"\x15\0\0\0\x093.20.1\0\x01\0\0\0abcdefgh\0";
        assert_stream(Protocol::Mysql, ANY_PORT, &[], text);
    }

    #[test]
    fn bytes_without_a_version_are_not() {
        let mut greeting = hex(GREETING);
        greeting[5] = b'x';
        assert_no_stream(3306, &[], &greeting);
    }

    #[test]
    fn a_query_in_the_middle_is_mysql() {
        assert_stream(Protocol::Mysql, ANY_PORT, b"\x09\0\0\0\x03SELECT 1", &[]);
        assert_stream(
            Protocol::Mysql,
            ANY_PORT,
            b"\x0b\0\0\0\x03\0\x01select 1",
            &[],
        );
        assert_no_stream(3306, b"\x0a\0\0\0\x03SELECT 1", &[]);
        assert_no_stream(3306, b"\x09\0\0\0\x03SELECTED", &[]);
    }
}
