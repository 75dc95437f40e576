//! AMQP, versions 0-8 to 0-9-1, 0-10 and 1.0.
//!
//! In: what a side said first. Out: whether it is AMQP's header, or a frame of it.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a frame's head up to version 0-9-1: its kind, its channel, its length.
const HEAD_LEN: usize = 7;
/// What a frame of those versions ends with.
const FRAME_END: u8 = 0xce;

/// AMQP, when a side begins with its header or a frame.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(|side| is_header(side) || is_frame(side) || is_new_frame(side))
        .then_some(Protocol::Amqp.into())
}

/// Source: AMQP 0-9-1 §4.2.2; AMQP 1.0 §2.2, §5.2.1, §5.3.2.
fn is_header(side: &[u8]) -> bool {
    let Some(version) = side.strip_prefix(b"AMQP") else {
        return false;
    };
    matches!(
        version,
        // 0-9-1; 0-8, 0-9, 0-10; 1.0, its TLS and its SASL.
        [0, 0, 9, 0 | 1, ..] | [1, 1, 8, 0, ..] | [1, 1, 0, 8..=10, ..] | [0 | 2 | 3, 1, 0, 0, ..]
    )
}

/// A method, a content's head, a sign of life, with the byte that ends it where that is there.
///
/// Source: AMQP 0-9-1 §2.3.5, §4.2.3.
fn is_frame(side: &[u8]) -> bool {
    let (Some(kind @ (1 | 2 | 8)), Some(len)) = (side.first(), be32(side, 3)) else {
        return false;
    };
    // A sign of life holds nothing.
    if *kind == 8 {
        return len == 0 && side.get(HEAD_LEN) == Some(&FRAME_END);
    }
    let (Some(class), Some(method)) = (be16(side, HEAD_LEN), be16(side, HEAD_LEN + 2)) else {
        return false;
    };
    let is_class = match kind {
        // Connection, channel, access, exchange, queue, basic, confirm, transactions.
        1 => matches!(class, 10 | 20 | 30 | 40 | 50 | 60 | 85 | 90) && (10..=120).contains(&method),
        // A content's head is of class basic, and has no weight.
        _ => class == 60 && method == 0,
    };
    let end = side.get((len as usize).saturating_add(HEAD_LEN));
    // Where the end is out of sight, the frame has to be as long as a server's properties are.
    let is_ended = end.map_or(side.len() >= 128 && len < 1 << 20, |&end| end == FRAME_END);
    is_class && is_ended
}

/// A frame of version 1.0: its length, where its body begins, its kind, its channel; a described list.
///
/// Source: AMQP 1.0 §2.3, §2.7, §5.3.3.
fn is_new_frame(side: &[u8]) -> bool {
    let Some(&[2, kind @ (0 | 1), _, _, 0, 0x53, what]) =
        side.get(4..).and_then(|rest| rest.first_chunk())
    else {
        return false;
    };
    let is_known = match kind {
        0 => matches!(what, 0x10..=0x18),
        _ => matches!(what, 0x40..=0x44),
    };
    is_known && be32(side, 0).is_some_and(|len| (12..1 << 24).contains(&len))
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// Connection.Start without properties.
    const START: &str =
        "01 0000 0000001c 000a 000a 00 09 00000000 00000005 504c41494e 00000005 656e5f5553 ce";

    #[test]
    fn headers_of_every_version_are_amqp() {
        for header in [
            b"AMQP\0\0\x09\x01",
            b"AMQP\x01\x01\0\x0a",
            b"AMQP\0\x01\0\0",
            b"AMQP\x03\x01\0\0",
        ] {
            assert_stream(Protocol::Amqp, ANY_PORT, header, header);
        }
        assert_no_stream(5672, b"AMQP is great", &[]);
    }

    #[test]
    fn the_server_s_first_frame_is_amqp() {
        assert_stream(Protocol::Amqp, ANY_PORT, b"AMQP\0\0\x09\x01", &hex(START));
        assert_stream(Protocol::Amqp, ANY_PORT, &[], &hex(START));
        let mut wrong = hex(START);
        *wrong.last_mut().unwrap() = 0;
        assert_no_stream(5672, &[], &wrong);
    }

    #[test]
    fn frames_in_the_middle_are_amqp() {
        assert_stream(Protocol::Amqp, ANY_PORT, &hex("08 0000 00000000 ce"), &[]);
        let open = hex("00000015 02 00 0000 00 53 10 c0 08 01 a1 05 68656c6c6f");
        assert_stream(Protocol::Amqp, ANY_PORT, &open, &[]);
    }
}
