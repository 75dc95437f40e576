//! WhatsApp's chat connection, by what its client says before the first message of its handshake.

use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Shape;

/// What tells which of the servers is meant, before the prologue, in the clients for telephones: "ED", 0, 1.
const EDGE_ROUTING: &[u8] = b"ED\0\x01";
/// The highest version that a prologue is believed to name, major and minor; the last known is 6.3.
const MAX_VERSION: u8 = 32;

/// Tells the prologue of WhatsApp's protocol, over TCP.
///
/// * `WA`, a version of two bytes, then messages behind lengths of three bytes, of which the first is zero.
///
/// Source: whatsmeow, `socket/constants.go` and `framesocket.go`; nDPI, `whatsapp.c`, for older versions.
pub(super) fn chat(opening: &Opening<'_>) -> Option<Recognised> {
    let is_ours = match opening.client {
        [b'W', b'A', major, minor, 0, high, low, ..] => {
            *major <= MAX_VERSION && *minor <= MAX_VERSION && (*high, *low) != (0, 0)
        }
        // The length of what is meant follows, in three bytes.
        said => said
            .strip_prefix(EDGE_ROUTING)
            .is_some_and(|rest| rest.first().is_none_or(|&high| high == 0)),
    };
    is_ours.then(|| Shape::WhatsAppChat.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_stream, listen};

    #[test]
    fn prologues_of_all_versions_are_told() {
        let ours = Some(Shape::WhatsAppChat.into());
        for said in [
            &b"WA\x06\x03\0\0\x24\x12\x22\x0a\x20"[..],
            b"WA\x01\x05\0\0\x1a\xf8\x05\x01",
            b"ED\0\x01\0\0\x04\x08\x08\x08\x02WA\x05\x02",
            b"ED\0\x01",
        ] {
            assert_eq!(listen(chat, said, b""), ours, "{said:?}");
            damage_stream(chat, [said, &[]], [4, 0]);
        }
    }

    #[test]
    fn words_are_no_prologue() {
        for said in [
            &b"WARNING: nothing"[..],
            b"EDIT",
            b"WA\x06\x03\0\0\0",
            b"ED\0\x01\x01\0\x04",
        ] {
            assert_eq!(listen(chat, said, b""), None, "{said:?}");
        }
    }
}
