//! OPC UA over TCP, in its binary encoding.
//!
//! In: what a side said first. Out: whether it is a message of OPC UA's connection protocol.

use crate::inspect::signature::numbers::le32;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a message's header: its kind, whether it is a chunk, its length.
const HEADER_LEN: u32 = 8;
/// The longest message, in bytes, with room to spare: stacks take 64 KiB to 16 MiB in a chunk.
const MAX_LEN: u32 = 1 << 26;

/// OPC UA, when a side begins with one of its messages.
pub(in super::super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_message(opening.client) || is_message(opening.server)).then_some(Protocol::OpcUa.into())
}

/// Source: OPC 10000-6 §6.7.2, §7.1.2.
fn is_message(side: &[u8]) -> bool {
    let (Some(kind), Some(len)) = (side.first_chunk::<4>(), le32(side, 4)) else {
        return false;
    };
    if !(HEADER_LEN..=MAX_LEN).contains(&len) {
        return false;
    }
    match kind {
        // Version, buffers, limits; where to.
        b"HELF" => string_len(side, 28).is_some_and(|url| 32 + url == u64::from(len)),
        b"ACKF" => len == 28,
        // A code, a reason.
        b"ERRF" => string_len(side, 12).is_some_and(|reason| 16 + reason == u64::from(len)),
        // The other way round: who calls, and where to.
        b"RHEF" => string_len(side, 8).is_some_and(|uri| uri < u64::from(len)),
        // A channel, a policy that is named by an address.
        b"OPNF" => {
            string_len(side, 12).is_some_and(|policy| policy < u64::from(len))
                && side.get(16..).is_some_and(|uri| uri.starts_with(b"http"))
        }
        // A channel, a token, a number, a request.
        b"MSGF" | b"MSGC" | b"MSGA" | b"CLOF" => len >= 24 && side.len() >= 16,
        _ => false,
    }
}

/// Bytes of the string whose length stands at `at`; a string that is none has none. OPC 10000-6 §5.2.2.4.
fn string_len(side: &[u8], at: usize) -> Option<u64> {
    le32(side, at).map(|len| match len {
        u32::MAX => 0,
        len => u64::from(len),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::*;
    use super::*;

    fn message(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let len = HEADER_LEN + body.len() as u32;
        [kind, len.to_le_bytes().as_slice(), body].concat()
    }

    /// Version 0, buffers and limits, and this address.
    fn hello(url: &[u8]) -> Vec<u8> {
        let len = url.len() as u32;
        message(
            b"HELF",
            &[&[0; 20], len.to_le_bytes().as_slice(), url].concat(),
        )
    }

    #[test]
    fn hello_and_its_acknowledgement_are_opc_ua() {
        let client = hello(b"opc.tcp://plant:4840");
        assert_stream(
            Protocol::OpcUa,
            ANY_PORT,
            &client,
            &message(b"ACKF", &[0; 20]),
        );
        assert_stream(Protocol::OpcUa, ANY_PORT, &[], &message(b"ACKF", &[0; 20]));
        assert_stream(Protocol::OpcUa, ANY_PORT, &hello(b""), &[]);
    }

    #[test]
    fn messages_in_the_middle_are_opc_ua() {
        assert_stream(Protocol::OpcUa, ANY_PORT, &message(b"MSGF", &[1; 40]), &[]);
        let policy = b"\0\0\0\0\x10\0\0\0http://plant/aaa\xff\xff\xff\xff";
        assert_stream(Protocol::OpcUa, ANY_PORT, &message(b"OPNF", policy), &[]);
    }

    #[test]
    fn text_is_not() {
        assert_no_stream(4840, b"MSGFORALL hello, this is some text\r\n", &[]);
        let mut longer = hello(b"opc.tcp://plant:4840");
        longer[4] += 1;
        assert_no_stream(4840, &longer, &[]);
    }
}
