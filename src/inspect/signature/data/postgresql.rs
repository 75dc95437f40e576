//! PostgreSQL, and databases that speak as it does.
//!
//! In: what the client said first, and the server. Out: whether these are PostgreSQL's messages. The TLS that may follow a request for
//! it is somebody else's business.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Codes where a start has its version: cancel, TLS, GSS encryption.
///
/// Source: PostgreSQL documentation, "Message Formats".
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
/// The longest start that a server takes, PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`.
const MAX_START_LEN: u32 = 10_000;
/// The longest message that is believed, in bytes. Longer ones exist, but no text looks like a shorter one.
const MAX_LEN: u32 = 1 << 24;
/// Bytes of a message's type and length.
const HEADER_LEN: usize = 5;

/// PostgreSQL, when the client starts or asks, or the server answers.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_start(opening.client) || is_question(opening.client) || is_answer(opening.server))
        .then_some(Protocol::Postgresql.into())
}

fn is_start(side: &[u8]) -> bool {
    let (Some(len), Some(code)) = (be32(side, 0), be32(side, 4)) else {
        return false;
    };
    match (code, len) {
        (TLS | GSS, 8) => true,
        // The key that tells whom was of four bytes before version 3.2.
        (CANCEL, 16..=268) => true,
        // Version 3: names and values, the user's first as a rule.
        (0x3_0000..=0x3_0002, 9..=MAX_START_LEN) => {
            let names = side.get(8..).unwrap_or_default();
            let name = names.split(|&byte| byte == 0).next().unwrap_or_default();
            names.len() > name.len()
                && (len == 9 || !name.is_empty())
                && name
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        }
        // Version 2: a database and a user in fields of fixed length.
        (0x2_0000, 296) => true,
        _ => false,
    }
}

/// A query, or what leads up to a prepared one, in the middle of a connection.
fn is_question(side: &[u8]) -> bool {
    let (Some(kind @ (b'Q' | b'P')), Some(len), Some(rest)) =
        (side.first(), be32(side, 1), side.get(HEADER_LEN..))
    else {
        return false;
    };
    let (first, behind) = text(rest);
    let is_text = match (kind, behind) {
        // The text and its zero fill the message.
        (b'Q', behind) => behind.is_none() || first.len() + HEADER_LEN == len as usize,
        // A statement's name, perhaps none, stands before it, the types of what goes into it behind.
        (_, Some(behind)) => {
            let (query, types) = text(behind);
            let before_types = first.len() + query.len() + HEADER_LEN + 1;
            let is_as_long = |types: u16| before_types + 2 + 4 * usize::from(types) == len as usize;
            let count = types.and_then(|types| be16(types, 0));
            is_readable(query) && count.is_none_or(is_as_long)
        }
        _ => false,
    };
    is_text
        && is_readable(first)
        && row(side, HEADER_LEN, message_len).is_some_and(|row| row.is_whole)
}

/// The text at the front, and what stands behind its zero, where that is in sight.
fn text(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = bytes.iter().position(|&byte| byte == 0);
    match end.and_then(|end| bytes.split_at_checked(end)) {
        Some((text, behind)) => (text, behind.get(1..)),
        None => (bytes, None),
    }
}

fn is_readable(text: &[u8]) -> bool {
    text.iter()
        .all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
}

/// An order to authenticate, or messages up to the word that the server is ready.
fn is_answer(side: &[u8]) -> bool {
    // What follows a request for TLS that is refused.
    let side = match side {
        [b'N', rest @ ..] if is_answer_begun(rest) => rest,
        side => side,
    };
    if !is_answer_begun(side) {
        return false;
    }
    let Some(row) = row(side, HEADER_LEN, message_len) else {
        return false;
    };
    match side {
        [b'R', ..] => is_authentication(side),
        [b'E', _, _, _, _, rest @ ..] => is_error(rest),
        // Rows may go on for long.
        side => row.is_whole && (row.count > 2 || row.count == 2 && is_ready(side)),
    }
}

fn is_ready(side: &[u8]) -> bool {
    matches!(side, [.., b'Z', 0, 0, 0, 5, b'I' | b'T' | b'E'])
}

fn is_answer_begun(side: &[u8]) -> bool {
    matches!(side, [b'R' | b'E' | b'T' | b'C' | b'1' | b'S', 0, 0, _, ..])
}

/// Source: PostgreSQL documentation, "Message Formats", the messages that begin with R.
fn is_authentication(side: &[u8]) -> bool {
    matches!(
        (be32(side, 1), be32(side, HEADER_LEN)),
        (Some(8), Some(0 | 2 | 3 | 7 | 9)) | (Some(12), Some(5)) | (Some(9..), Some(8 | 10..=12))
    )
}

/// A severity, perhaps a second one that is not translated, a code of five letters.
fn is_error(fields: &[u8]) -> bool {
    let mut parts = fields.split(|&byte| byte == 0);
    let is_severity = |part: Option<&[u8]>, kind: u8| {
        part.is_some_and(|part| part.first() == Some(&kind) && part.len() > 4)
    };
    is_severity(parts.next(), b'S')
        && parts
            .take(2)
            .any(|part| part.len() == 6 && part.first() == Some(&b'C'))
}

/// Bytes of the message at the front: a letter or a digit, a length that counts itself.
fn message_len(bytes: &[u8]) -> Option<usize> {
    let kind = bytes.first()?;
    let len = be32(bytes, 1)?;
    let is_message = kind.is_ascii_alphanumeric() && (4..=MAX_LEN).contains(&len);
    is_message.then_some(len as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const SSL_REQUEST: &str = "00000008 04d2162f";

    fn start() -> Vec<u8> {
        let mut bytes = hex("00000000 00030000");
        bytes.extend(b"user\0alice\0database\0shop\0\0");
        bytes[3] = bytes.len() as u8;
        bytes
    }

    #[test]
    fn a_start_is_postgresql() {
        let authenticate = hex("52 0000000c 00000005 6a3f2b11");
        assert_stream(Protocol::Postgresql, ANY_PORT, &start(), &authenticate);
        assert_stream(Protocol::Postgresql, ANY_PORT, &[], &authenticate);
    }

    #[test]
    fn requests_before_the_start_are_postgresql() {
        assert_stream(Protocol::Postgresql, ANY_PORT, &hex(SSL_REQUEST), b"S");
        assert_stream(
            Protocol::Postgresql,
            ANY_PORT,
            &hex("00000008 04d21630"),
            b"N",
        );
        let cancel = hex("00000010 04d2162e 00001234 5678abcd");
        assert_stream(Protocol::Postgresql, ANY_PORT, &cancel, &[]);
        assert_no_stream(5432, &hex("00000009 04d2162f"), &[]);
    }

    #[test]
    fn an_error_is_postgresql() {
        let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
        let len = (fields.len() + 4) as u32;
        let error = [b"E", len.to_be_bytes().as_slice(), fields].concat();
        assert_stream(Protocol::Postgresql, ANY_PORT, &[], &error);
    }

    #[test]
    fn a_query_and_its_answer_are_postgresql() {
        let query = b"Q\0\0\0\x0eSELECT 1;\0";
        let answer = b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";
        assert_stream(Protocol::Postgresql, ANY_PORT, query, answer);
        assert_stream(Protocol::Postgresql, ANY_PORT, &[], answer);
        let parse = b"P\0\0\0\x12s1\0SELECT 1\0\0\0S\0\0\0\x04";
        assert_stream(Protocol::Postgresql, ANY_PORT, parse, &[]);
        assert_no_stream(5432, &hex("50 00410050 00320041 00230032 00140023"), &[]);
        assert_no_stream(5432, b"QUIT\r\n", b"221 bye\r\n");
        // A length and no text: anybody's numbers.
        let numbers = [b"Q\x01\0\0\0".as_slice(), &[0, 0x80, 0x17, 0x89].repeat(40)].concat();
        assert_no_stream(5432, &numbers, &[]);
    }
}
