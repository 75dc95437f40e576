//! `WebSocket` from the middle of a connection: text that a client masks and its server does not.
//!
//! Knows nothing of the handshake: a connection whose beginning was captured is HTTP first, and told there.

use crate::inspect::cursor::Cursor;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// The last frame of a message of text, RFC 6455 §5.2.
const TEXT: u8 = 0x81;
/// The bit that is set beside the length when a mask follows, RFC 6455 §5.2.
const IS_MASKED: u8 = 0x80;
/// Longest content whose length stands in one byte, RFC 6455 §5.2.
const MAX_SHORT: u8 = 125;
/// Least content that has to turn out as text.
const MIN_TEXT: usize = 4;

/// Both sides begin with a short message of text, as far as the capture goes back; the client's is masked, the server's is not.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    if opening.is_certain || opening.server.first() != Some(&TEXT) {
        return None;
    }
    (is_message(opening.client, true) && is_message(opening.server, false))
        .then(|| Protocol::WebSocket.into())
}

/// Whether a message of text stands at the front of `bytes`, and nothing or another frame behind it.
fn is_message(bytes: &[u8], is_masked: bool) -> bool {
    let mut rest = Cursor(bytes);
    let Some(is_text) = text(&mut rest, is_masked) else {
        return false;
    };
    let goes_on = rest.0.first().is_none_or(|first| {
        // What a frame is has a number, RFC 6455 §5.2; none of the reserved bits is set without compression.
        matches!(first & 0x7f, 0..=2 | 8..=10)
    });
    goes_on && is_text
}

/// Whether the content of the message at the front of `rest` is text; `None` when there is no whole one.
fn text(rest: &mut Cursor<'_>, is_masked: bool) -> Option<bool> {
    let (kind, len) = (rest.u8()?, rest.u8()?);
    let short = len & !IS_MASKED;
    if kind != TEXT || (len != short) != is_masked || short > MAX_SHORT {
        return None;
    }
    let mask = if is_masked { rest.take(4)? } else { &[0] };
    let content = rest.take(usize::from(short))?;
    let mut clear = content.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
    let is_text = clear.all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    Some(is_text && content.len() >= MIN_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::each_mutation;

    // RFC 6455 §5.7: "Hello", masked and not.
    const MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    const PLAIN: &[u8] = b"\x81\x05Hello";

    fn look(client: &[u8], server: &[u8], is_certain: bool) -> Option<Recognised> {
        of_stream(&Opening {
            client,
            server,
            is_certain,
            client_port: 40000,
            server_port: 8080,
        })
    }

    #[test]
    fn a_masked_message_and_a_plain_one_are_told() {
        assert_eq!(look(MASKED, PLAIN, false), Some(Protocol::WebSocket.into()));
        let two = [PLAIN, b"\x89\x00"].concat();
        assert!(look(MASKED, &two, false).is_some());
    }

    #[test]
    fn one_side_alone_or_a_beginning_is_not() {
        assert_eq!(look(MASKED, PLAIN, true), None);
        assert_eq!(look(MASKED, b"", false), None);
        assert_eq!(look(b"", PLAIN, false), None);
        assert_eq!(look(PLAIN, PLAIN, false), None);
        assert_eq!(look(MASKED, MASKED, false), None);
        assert_eq!(look(MASKED, b"\x81\x05\0\x01\x02\x03\x04", false), None);
        assert_eq!(look(MASKED, b"\x81\x05Hello world", false), None);
    }

    #[test]
    fn a_cut_or_damaged_message_is_harmless() {
        for len in 0..MASKED.len() {
            assert_eq!(look(&MASKED[..len], PLAIN, false), None, "{len}");
        }
        for len in 0..PLAIN.len() {
            assert_eq!(look(MASKED, &PLAIN[..len], false), None, "{len}");
        }
        each_mutation(MASKED, 1000, |damaged| {
            look(damaged, PLAIN, false);
        });
    }
}
