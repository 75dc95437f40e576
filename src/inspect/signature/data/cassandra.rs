//! Apache Cassandra: the native protocol of its clients, and the handshake between its nodes.
//!
//! In: what a side said first. Out: whether these are frames of CQL, or the magic of a node.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a frame's header.
const HEADER_LEN: usize = 9;
/// Set in the version of a response.
const RESPONSE: u8 = 0x80;
/// The longest body that is believed, in bytes: what a node takes as a rule (`native_transport_max_frame_size`).
const MAX_BODY_LEN: u32 = 16 << 20;
/// Bytes of the identifier of a prepared statement: MD5's.
const STATEMENT_LEN: u16 = 16;
/// What a node says first to another, Cassandra's `HandshakeProtocol` and, before 4.0, `MessagingService`.
const NODE_MAGIC: [u8; 4] = [0xca, 0x55, 0x2d, 0xfa];

/// Cassandra, when the client begins with requests, the server with responses, or a node with its magic.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_row = |side: &[u8], of_response: u8| {
        row(side, HEADER_LEN, |bytes| frame_len(bytes, of_response)).is_some()
    };
    let is_told = is_row(opening.client, 0)
        || is_row(opening.server, RESPONSE)
        || opening.client.starts_with(&NODE_MAGIC) && opening.client.len() > NODE_MAGIC.len();
    is_told.then_some(Protocol::Cassandra.into())
}

/// Bytes of the frame at the front.
///
/// * Frames before version 3 had another header, and those whose body is compressed show nothing: both are passed over.
///
/// Source: CQL binary protocol, versions 3 to 5, §2 and §4.
fn frame_len(bytes: &[u8], of_response: u8) -> Option<usize> {
    let &[version, flags, _, _, kind] = bytes.first_chunk()?;
    let body_len = be32(bytes, HEADER_LEN - 4)?;
    let is_frame =
        matches!(version ^ of_response, 3..=5) && flags & !0x1e == 0 && body_len <= MAX_BODY_LEN;
    let body = bytes.get(HEADER_LEN..)?;
    (is_frame && is_body(kind, body, body_len, of_response != 0))
        .then_some(HEADER_LEN + body_len as usize)
}

/// Whether the body begins as its kind asks for.
fn is_body(kind: u8, body: &[u8], len: u32, is_response: bool) -> bool {
    // A count of strings, and the length of the first one.
    let is_map = |longest: u16| {
        be16(body, 0).is_some_and(|count| (1..=32).contains(&count))
            && be16(body, 2).is_some_and(|len| (3..=longest).contains(&len))
            && body.get(4).is_some_and(u8::is_ascii_uppercase)
    };
    match (is_response, kind) {
        // Options asks for nothing.
        (false, 0x05) => len == 0,
        // Startup; supported.
        (false, 0x01) => is_map(64),
        (true, 0x06) => is_map(64),
        // Query, prepare: a long string.
        (false, 0x07 | 0x09) => {
            be32(body, 0).is_some_and(|text| (4..len).contains(&text)) && is_text(body.get(4..))
        }
        // Execute: which statement. Register: a list of words.
        (false, 0x0a) => be16(body, 0) == Some(STATEMENT_LEN),
        (false, 0x0b) => is_map(64),
        // An answer to authentication: bytes; so are a challenge and success.
        (false, 0x0f) | (true, 0x0e | 0x10) => be32(body, 0)
            .is_some_and(|bytes| bytes == u32::MAX && len == 4 || bytes == len.wrapping_sub(4)),
        // Error: a code and a string.
        (true, 0x00) => {
            be32(body, 0).is_some_and(
                |code| matches!(code, 0 | 0x0a | 0x100 | 0x1000..=0x1700 | 0x2000..=0x2500),
            ) && be16(body, 4).is_some_and(|text| u32::from(text) + 6 <= len)
                && is_text(body.get(6..))
        }
        (true, 0x02) => len == 0,
        // Authenticate, an event: a short string.
        (true, 0x03 | 0x0c) => {
            be16(body, 0).is_some_and(|text| text > 4 && u32::from(text) + 2 <= len)
                && is_text(body.get(2..))
        }
        (true, 0x08) => is_result(body, len),
        _ => false,
    }
}

/// Of nothing; rows; a keyspace; a prepared statement; a change of the schema.
fn is_result(body: &[u8], len: u32) -> bool {
    match be32(body, 0) {
        Some(1) => len == 4,
        // Flags, and how many columns.
        Some(2) => {
            be32(body, 4).is_some_and(|flags| flags < 0x10)
                && be32(body, 8).is_some_and(|columns| columns < 1 << 12)
        }
        Some(3 | 5) => is_text(body.get(6..)),
        Some(4) => be16(body, 4) == Some(STATEMENT_LEN),
        _ => false,
    }
}

/// Whether what there is begins as names and queries do.
fn is_text(text: Option<&[u8]>) -> bool {
    text.is_some_and(|text| {
        text.len() >= 4
            && text
                .iter()
                .take(4)
                .all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const CASSANDRA: Protocol = Protocol::Cassandra;
    const OPTIONS: &str = "04 00 0000 05 00000000";
    const SUPPORTED: &str = "
        84 00 0000 06 0000001a  0001 000b 43514c5f56455253494f4e  0001 0005 332e332e31 0000";
    const STARTUP: &str = "
        04 00 0001 01 00000016  0001 000b 43514c5f56455253494f4e  0005 332e332e31";

    #[test]
    fn options_and_what_is_supported_are_cassandra() {
        assert_stream(CASSANDRA, ANY_PORT, &hex(OPTIONS), &hex(SUPPORTED));
        assert_stream(CASSANDRA, ANY_PORT, &hex(OPTIONS), &[]);
        assert_stream(
            CASSANDRA,
            ANY_PORT,
            &hex(STARTUP),
            &hex("84 00 0001 02 00000000"),
        );
    }

    #[test]
    fn a_query_and_its_result_are_cassandra() {
        let query = b"\x04\0\0\x02\x07\0\0\0\x11\0\0\0\x0aUSE system\0\x01\0";
        let result = b"\x84\0\0\x02\x08\0\0\0\x0c\0\0\0\x03\0\x06system";
        assert_stream(CASSANDRA, ANY_PORT, query, result);
    }

    #[test]
    fn bodies_that_do_not_begin_as_they_should_are_not() {
        // A statement of control bytes; a version that never was; numbers, mostly zeros.
        for client in [
            "03 06 dbaf 09 00000010 00000008 0102030405060708",
            "06 02 c40c 07 00000010 00000008 53454c4543542031",
        ] {
            assert_no_stream(9042, &hex(client), &[]);
        }
        let numbers = hex("83 00 0000 00 00000800 0000000000000011 5400000000000000");
        assert_no_stream(9042, &[], &numbers);
    }

    #[test]
    fn a_node_is_cassandra() {
        assert_stream(CASSANDRA, ANY_PORT, &hex("ca552dfa 0c0a0c11 06c61200"), &[]);
    }

    #[test]
    fn what_the_client_asks_the_server_does_not() {
        assert_no_stream(9042, &[], &hex(OPTIONS));
        assert_no_stream(9042, &hex(SUPPORTED), &[]);
        assert_no_stream(9042, &hex("04 00 0000 05 00000001 00"), &[]);
    }
}
