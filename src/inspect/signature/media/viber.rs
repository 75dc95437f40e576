//! Viber's chat connection, by the header of its messages.

use crate::inspect::signature::numbers::le16;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Shape;

/// Bytes of a message's header.
const HEADER_LEN: u16 = 11;
/// Bytes of a first message that are believed.
const MAX_MESSAGE_LEN: u16 = 4096;

/// Tells what a client of Viber says first: a length, the lowest byte first, and two marks behind it; what it is answered has another.
///
/// * Its datagrams are not told: what is known of them (one byte of kind, a zero behind it) is too little.
///
/// Source: nDPI, `viber.c`.
pub(super) fn chat(opening: &Opening<'_>) -> Option<Recognised> {
    let is_request = matches!(opening.client, [_, _, _, _, _, _, 0xfc, 0xff, _, 0x80, ..]);
    let is_answer = matches!(
        opening.server,
        [] | [_, _, _, _, 0x03, 0x80, ..] | [_, _, _, _, _, _, 0xfc, 0xff, _, 0x80, ..]
    );
    let is_len = |said: &[u8]| {
        let len = le16(said, 0).unwrap_or(HEADER_LEN);
        (HEADER_LEN..=MAX_MESSAGE_LEN).contains(&len)
    };
    (is_request && is_answer && is_len(opening.client) && is_len(opening.server))
        .then(|| Shape::Viber.into())
}
