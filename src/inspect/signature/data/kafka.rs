//! Apache Kafka.
//!
//! In: what the two sides said first. Out: whether the client begins with requests of Kafka, or such that the server answers by
//! their number.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of the length before a message.
const LENGTH_LEN: usize = 4;
/// The longest request, in bytes: Kafka's `socket.request.max.bytes`.
const MAX_LEN: u32 = 100 << 20;
/// The greatest key of a request, with room for new ones, and the greatest version of any.
const MAX_KEY: u16 = 100;
const MAX_VERSION: u16 = 20;
/// The longest name of a client, in bytes: Kafka allows more, nobody writes it.
const MAX_NAME_LEN: usize = 200;

/// Kafka, when the client begins with a request that names its sender, or that the server answers by its number.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let request = request(opening.client)?;
    let is_told = request.is_named && is_there(opening.client)
        || be32(opening.server, 4) == Some(request.number) && is_there(opening.server);
    is_told.then_some(Protocol::Kafka.into())
}

/// What a request says of itself.
struct Request {
    /// What the answer to it repeats.
    number: u32,
    /// Whether it names the client.
    is_named: bool,
}

/// Source: Kafka protocol guide, "Request header"; versions 1 and 2.
fn request(side: &[u8]) -> Option<Request> {
    let len = be32(side, 0)?;
    let (key, version, number) = (be16(side, 4)?, be16(side, 6)?, be32(side, 8)?);
    let is_request = (10..=MAX_LEN).contains(&len) && key <= MAX_KEY && version <= MAX_VERSION;
    if !is_request {
        return None;
    }
    let name_len = be16(side, 12)?;
    let is_named = match usize::from(name_len) {
        // No name. Zeros all over are somebody else's.
        0 | 0xffff if key > 0 => false,
        name_len @ 1..=MAX_NAME_LEN => {
            let name = side.get(14..14 + name_len)?;
            let fits = name_len as u32 + 10 <= len;
            if !fits || !name.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                return None;
            }
            // One letter may be chance.
            name_len > 1
        }
        _ => return None,
    };
    Some(Request { number, is_named })
}

/// Whether all of a side's first message is there, or a good part of it.
fn is_there(side: &[u8]) -> bool {
    let message_len = |side: &[u8]| {
        be32(side, 0)
            .filter(|len| (6..=MAX_LEN).contains(len))
            .map(|len| len as usize + LENGTH_LEN)
    };
    // What follows may be cut anywhere.
    row(side, LENGTH_LEN, message_len).is_some_and(|row| row.is_whole || row.count > 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// ApiVersions of version 3, with the software's name and version behind.
    const API_VERSIONS: &str = "
        00000024 0012 0003 00000001 0007 72646b61666b61 00
        0b 6c696272646b61666b61 06 322e332e30 00";
    const ANSWER: &str = "0000000c 00000001 0000 00000000 0000";
    /// Metadata of version 0 about one topic, without a name.
    const METADATA: &str = "00000013 0003 0000 00000007 ffff 00000001 0003 666f6f";

    #[test]
    fn a_request_with_a_name_is_kafka() {
        assert_stream(Protocol::Kafka, ANY_PORT, &hex(API_VERSIONS), &hex(ANSWER));
        assert_stream(Protocol::Kafka, ANY_PORT, &hex(API_VERSIONS), &[]);
    }

    #[test]
    fn a_request_without_a_name_needs_an_answer() {
        assert_no_stream(9092, &hex(METADATA), &[]);
        assert_no_stream(9092, &hex(METADATA), &hex(ANSWER));
        let answer = hex("0000000c 00000007 00000000 00000000");
        assert_stream(Protocol::Kafka, ANY_PORT, &hex(METADATA), &answer);
    }

    #[test]
    fn zookeeper_is_not() {
        let connect = hex("
            0000002d 00000000 0000000000000000 00007530 0000000000000000
            00000010 00000000000000000000000000000000 00");
        let answer = hex("
            00000025 00000000 00007530 0123456789abcdef
            00000010 00112233445566778899aabbccddeeff 00");
        assert_no_stream(2181, &connect, &answer);
    }
}
