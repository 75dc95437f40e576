//! MongoDB.
//!
//! In: what a side said first. Out: whether it is a message of MongoDB's wire protocol.

use crate::inspect::signature::numbers::le32;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a message's header: its length, its number, the one that it answers, what it is.
const HEADER_LEN: usize = 16;
/// The longest message, in bytes: MongoDB's `maxMessageSizeBytes`.
const MAX_LEN: u32 = 48_000_000;
/// The least document: its length and a zero.
const LEAST_DOCUMENT_LEN: u32 = 5;

/// MongoDB, when a side begins with a message.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(is_message)
        .then_some(Protocol::Mongodb.into())
}

/// Source: MongoDB manual, "MongoDB Wire Protocol".
fn is_message(side: &[u8]) -> bool {
    let (Some(len), Some(answered), Some(kind)) = (le32(side, 0), le32(side, 8), le32(side, 12))
    else {
        return false;
    };
    if !(HEADER_LEN as u32 + 5..=MAX_LEN).contains(&len) {
        return false;
    }
    let is_request = answered == 0;
    let body = side.get(HEADER_LEN..).unwrap_or_default();
    match kind {
        2013 => is_sections(body, len),
        2012 => is_compressed(body),
        // A reply: flags, a cursor, where it starts, how many documents.
        1 => !is_request && le32(body, 0).is_some_and(|flags| flags < 16) && is_reply(body, len),
        // A query: flags, a collection, how many to skip, how many to give.
        2004 => is_request && le32(body, 0).is_some_and(|flags| flags < 256) && is_collection(body),
        // Update, insert, get more, delete: a collection behind a number.
        2001 | 2002 | 2005 | 2006 => is_request && is_collection(body),
        _ => false,
    }
}

/// Flags (a checksum, more to come, an answer in pieces), the kind of the first section, its length.
fn is_sections(body: &[u8], len: u32) -> bool {
    let Some(flags) = le32(body, 0) else {
        return false;
    };
    let section = le32(body, 5).unwrap_or(0);
    flags & !0x1_0003 == 0
        && matches!(body.get(4), Some(0 | 1))
        && (LEAST_DOCUMENT_LEN..=len - HEADER_LEN as u32).contains(&section)
}

/// What is inside, how long that is, with what it was compressed.
fn is_compressed(body: &[u8]) -> bool {
    matches!(le32(body, 0), Some(1 | 2001..=2007 | 2013))
        && le32(body, 4).is_some_and(|len| (LEAST_DOCUMENT_LEN..=MAX_LEN).contains(&len))
        && matches!(body.get(8), Some(0..=3))
}

fn is_reply(body: &[u8], len: u32) -> bool {
    match le32(body, 16) {
        Some(0) => len == HEADER_LEN as u32 + 20,
        Some(_) => {
            is_document_begun(body.get(24..))
                && le32(body, 20).is_some_and(|document| {
                    (LEAST_DOCUMENT_LEN..=len.saturating_sub(HEADER_LEN as u32 + 20))
                        .contains(&document)
                })
        }
        None => false,
    }
}

/// Whether a document goes on behind its length with the type of an element, or its end. Source: bsonspec.org, version 1.1.
fn is_document_begun(rest: Option<&[u8]>) -> bool {
    matches!(rest, Some([0] | [1..=0x13 | 0x7f | 0xff, b' '..=b'~', ..]))
}

/// A database and a collection with a dot between, and a zero, behind four bytes.
fn is_collection(body: &[u8]) -> bool {
    let text = body.get(4..).unwrap_or_default();
    text.iter().position(|&byte| byte == 0).is_some_and(|end| {
        let name = text.get(..end).unwrap_or_default();
        !name.is_empty()
            && name.contains(&b'.')
            && name.iter().all(|byte| matches!(byte, b'!'..=b'~'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// `ping` as a query of `admin.$cmd`.
    const QUERY: &str = "
        37000000 01000000 00000000 d4070000
        00000000 61646d696e2e24636d6400 00000000 ffffffff
        10000000 10 70696e6700 01000000 00";
    const REPLY: &str = "
        35000000 07000000 01000000 01000000
        08000000 0000000000000000 00000000 01000000
        11000000 01 6f6b00 000000000000f03f 00";
    /// `ping` as a message of today.
    const MSG: &str = "
        25000000 02000000 00000000 dd070000
        00000000 00 10000000 10 70696e6700 01000000 00";

    #[test]
    fn a_query_and_its_reply_are_mongodb() {
        assert_stream(Protocol::Mongodb, ANY_PORT, &hex(QUERY), &hex(REPLY));
        assert_stream(Protocol::Mongodb, ANY_PORT, &[], &hex(REPLY));
        // No element has such a type.
        let mut other = hex(REPLY);
        other[40] = 0x40;
        assert_no_stream(27017, &[], &other);
    }

    #[test]
    fn messages_plain_and_compressed_are_mongodb() {
        let compressed = hex("
            23000000 03000000 00000000 dc070000
            dd070000 40000000 01 aabbccddeeff00112233");
        assert_stream(Protocol::Mongodb, ANY_PORT, &hex(MSG), &compressed);
    }

    #[test]
    fn lengths_and_flags_that_can_not_be_are_not() {
        for (at, byte) in [(0, 4), (3, 0x70), (17, 4), (20, 2), (24, 1), (13, 8)] {
            let mut bytes = hex(MSG);
            bytes[at] = byte;
            assert_no_stream(27017, &bytes, &[]);
        }
    }
}
