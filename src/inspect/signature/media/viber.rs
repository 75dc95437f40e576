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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_stream, listen};
    use crate::inspect::testing::hex;

    #[test]
    fn a_request_and_its_answer_are_told() {
        let client = hex("1800 00000000 fcff 05 80 0900000000 000000000000000000");
        let server = hex("1600 7605 0380 add4dc17 5c00 00000000000000000000");
        let ours = Some(Shape::Viber.into());
        assert_eq!(listen(chat, &client, &server), ours);
        assert_eq!(listen(chat, &client, b""), ours);
        assert_eq!(listen(chat, &client, b"HTTP/1.1 200 OK"), None);
        damage_stream(chat, [&client, &server], [10, 0]);
    }
}
