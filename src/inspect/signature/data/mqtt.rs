//! MQTT, versions 3.1 to 5.
//!
//! In: what the two sides said first. Out: whether the client connects, the server lets it, or, at MQTT's port, both are in the middle
//! of a conversation.

use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// The port that MQTT is served at.
const PORT: u16 = 1883;
/// Bytes of the shortest packet: its kind, its length.
const LEAST_LEN: usize = 2;
/// Bytes of an answer's body that are believed; real ones have a few, and with properties some dozens.
const MAX_ANSWER_LEN: usize = 1024;
/// Bytes of a request to subscribe that are believed: many long topics.
const MAX_REQUEST_LEN: usize = 64 * 1024;
/// Bytes in which a length is written at most, seven bits in each.
const MAX_LENGTH_LEN: usize = 4;

/// MQTT, when the client's first packet names it; at its port, when all packets of both sides are of it.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_told = is_connect(opening.client)
        || is_accepted(opening.server)
        || opening.server_port == PORT && is_conversation(opening);
    is_told.then_some(Protocol::Mqtt.into())
}

/// Source: MQTT 5.0 §3.1, MQTT 3.1.1 §3.1.
fn is_connect(side: &[u8]) -> bool {
    if side.first() != Some(&0x10) {
        return false;
    }
    let Some((head_len, body_len)) = length(side) else {
        return false;
    };
    let body = side.get(head_len..).unwrap_or_default();
    let name_len = match body {
        [0, 4, b'M', b'Q', b'T', b'T', ..] => 6,
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', ..] => 8,
        _ => return false,
    };
    // Name, level, flags, how long to keep alive.
    body_len >= name_len + 4
}

/// An answer to the client that connects, and another packet behind it.
fn is_accepted(side: &[u8]) -> bool {
    matches!(
        side,
        [
            0x20,
            2,
            0 | 1,
            0..=5,
            0x90 | 0xd0 | 0x30..=0x3d | 0x40 | 0x50 | 0x62 | 0x70,
            ..
        ]
    ) && is_row(side)
}

/// Whole packets on every side that spoke.
fn is_conversation(opening: &Opening<'_>) -> bool {
    let sides = [opening.client, opening.server];
    sides.iter().any(|side| !side.is_empty())
        && sides
            .into_iter()
            .all(|side| side.is_empty() || is_row(side))
}

fn is_row(side: &[u8]) -> bool {
    row(side, LEAST_LEN, packet_len).is_some_and(|row| row.is_whole)
}

/// Bytes of the packet at the front.
///
/// Source: MQTT 5.0 §2.1, MQTT 3.1.1 §2.2.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let kind = *bytes.first()?;
    let (head_len, body_len) = length(bytes)?;
    let body = bytes.get(head_len..)?;
    let is_short = |least: usize| (least..=MAX_ANSWER_LEN).contains(&body_len);
    let fits = match kind {
        // Publish: flags, a topic that is no pattern and holds no zero.
        0x30..=0x3d if kind & 6 != 6 => {
            let topic_len = usize::from(be16(body, 0)?);
            let topic = body.get(2..).unwrap_or_default();
            topic_len + 2 <= body_len && !topic.iter().take(topic_len).any(|&byte| byte == 0)
        }
        // Answers to connecting; acknowledgements of publishing.
        0x20 => is_short(2) && matches!(body.first(), Some(0 | 1)),
        0x40 | 0x50 | 0x62 | 0x70 => is_short(2),
        // Subscribing and its end, and what is said to that.
        0x82 | 0xa2 => is_request(body, body_len),
        0x90 => is_short(3),
        0xb0 => is_short(2),
        // Signs of life.
        0xc0 | 0xd0 => body_len == 0,
        0xe0 => body_len < 128,
        _ => false,
    };
    fits.then_some(head_len + body_len)
}

/// A request to subscribe or to end that: a number that is not 0, then the first topic; in version 5 properties before it.
fn is_request(body: &[u8], body_len: usize) -> bool {
    let (Some(number), Some(topic_len)) = (be16(body, 0), be16(body, 2)) else {
        return false;
    };
    number != 0 && (5..=MAX_REQUEST_LEN).contains(&body_len) && usize::from(topic_len) < body_len
}

/// Where the length behind the kind ends, and what it says.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let digits = bytes.get(1..)?;
    let more = digits
        .iter()
        .take(MAX_LENGTH_LEN)
        .take_while(|&&digit| digit & 0x80 != 0)
        .count();
    let digits = digits.get(..=more).filter(|_| more < MAX_LENGTH_LEN)?;
    let len = digits
        .iter()
        .rev()
        .fold(0, |len, &digit| len << 7 | usize::from(digit & 0x7f));
    Some((2 + more, len))
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const CONNECT: &str = "10 0d 0004 4d515454 04 02 003c 0001 61";
    const OLD_CONNECT: &str = "10 0f 0006 4d5149736470 03 02 003c 0001 61";

    #[test]
    fn connecting_is_mqtt() {
        assert_stream(Protocol::Mqtt, ANY_PORT, &hex(CONNECT), &hex("20 02 00 00"));
        assert_stream(Protocol::Mqtt, ANY_PORT, &hex(OLD_CONNECT), &[]);
        assert_no_stream(1884, &hex("10 08 0004 4d515454 04 02"), &[]);
    }

    #[test]
    fn an_answer_alone_needs_a_packet_behind_it() {
        assert_stream(
            Protocol::Mqtt,
            ANY_PORT,
            &[],
            &hex("20 02 00 00 90 03 0001 00"),
        );
        assert_no_stream(ANY_PORT, &[], &hex("20 02 00 00"));
    }

    #[test]
    fn the_middle_of_a_conversation_is_told_at_the_port() {
        let publish = hex("30 06 0003 612f62 21  c0 00");
        assert_stream(Protocol::Mqtt, PORT, &publish, &hex("d0 00"));
        assert_no_stream(ANY_PORT, &publish, &hex("d0 00"));
        assert_no_stream(PORT, &[], &[]);
        assert_no_stream(PORT, &[&hex("b0 8e ae 00")[..], &[0xb8; 150]].concat(), &[]);
        assert_no_stream(PORT, &publish, b"HTTP/1.1 400 Bad Request\r\n");
    }

    #[test]
    fn long_lengths_are_read() {
        assert_eq!(length(&hex("30 80 01")), Some((3, 128)));
        assert_eq!(length(&hex("30 ff ff ff 7f")), Some((5, 268_435_455)));
        assert_eq!(length(&hex("30 ff ff ff ff 7f")), None);
        assert_eq!(length(&hex("30 80")), None);
    }
}
