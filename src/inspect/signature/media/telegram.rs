//! Telegram: MTProto's transports for its chats, and the requests to its reflectors that its calls begin with.
//!
//! In: what a connection begins with, or a datagram. Out: MTProto and Telegram beyond doubt. The obfuscated transport, which most
//! clients use, looks like random bytes and is meant to: it is not told.

use crate::inspect::signature::numbers::le32;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::{Protocol, Shape};

/// Bytes of the key's identifier that every message begins with; zeros while there is no key.
const KEY_ID_LEN: usize = 8;
/// Bytes of a message without key up to its body: that, its own identifier, its length.
const PLAIN_HEADER_LEN: usize = 20;
/// Bytes of a first message that are believed.
const MAX_MESSAGE_LEN: u32 = 1 << 20;
/// `req_pq` and `req_pq_multi`, the requests that a new key begins with, the lowest byte first.
const KEY_REQUESTS: [u32; 2] = [0x6046_9778, 0xbe7e_8ef1];

/// What a call's request bears behind its 16 bytes of tag: three numbers that are -1.
const REFLECTOR_MARK: [u8; 12] = [0xff; 12];
/// Bytes of the tag.
const TAG_LEN: usize = 16;

/// How messages follow each other, by what a client says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    /// A length of one byte, or of four.
    Abridged,
    /// A length of four bytes.
    Intermediate,
    /// A length of four bytes, a counter of four bytes.
    Full,
}

/// Tells MTProto's abridged, intermediate and full transports: by the request for a key, or by the key that both sides name.
///
/// Source: core.telegram.org/mtproto/mtproto-transports, and /mtproto/description, /mtproto/auth_key.
pub(super) fn chat(opening: &Opening<'_>) -> Option<Recognised> {
    let (transport, said) = match opening.client {
        [0xef, rest @ ..] => (Transport::Abridged, rest),
        [0xee, 0xee, 0xee, 0xee, rest @ ..] | [0xdd, 0xdd, 0xdd, 0xdd, rest @ ..] => {
            (Transport::Intermediate, rest)
        }
        // The first message of the full transport counts from zero.
        [_, _, 0, 0, 0, 0, 0, 0, ..] => (Transport::Full, opening.client),
        _ => return None,
    };
    let message = transport.message(said)?;
    let key_id = message.first_chunk::<KEY_ID_LEN>()?;
    let is_ours = if *key_id == [0; KEY_ID_LEN] {
        le32(message, PLAIN_HEADER_LEN).is_some_and(|request| KEY_REQUESTS.contains(&request))
    } else {
        transport
            .message(opening.server)
            .is_some_and(|reply| reply.starts_with(key_id))
    };
    is_ours.then_some(Recognised::of(Protocol::Mtproto, Some(Shape::TelegramChat)))
}

/// Tells a call's requests to a reflector, and what it answers.
///
/// Source: libtgvoip, `VoIPController.cpp`, SendPublicEndpointsRequest and UDP relays; nDPI, `telegram.c`.
pub(super) fn reflector(datagram: &Datagram<'_>) -> Option<Look> {
    let (tag, rest) = datagram.bytes.split_at_checked(TAG_LEN)?;
    if !rest.starts_with(&REFLECTOR_MARK) {
        return None;
    }
    let is_random = tag.iter().filter(|&&byte| matches!(byte, 0 | 0xff)).count() <= TAG_LEN / 4;
    // No more than four numbers are -1: a longer run of such bytes is something else.
    let is_run = rest.get(TAG_LEN..TAG_LEN + 4) == Some(&[0xff; 4]);
    (rest.len() >= TAG_LEN && is_random && !is_run).then(|| Shape::TelegramCall.into())
}

impl Transport {
    /// The first message of what a side says, less what the transport puts before it.
    fn message(self, said: &[u8]) -> Option<&[u8]> {
        let (len, start) = match (self, said.first()?) {
            // Words of four bytes, in three bytes where one is too few.
            (Self::Abridged, 0x7f) => (4 * (le32(said, 0)? >> 8), 4),
            (Self::Abridged, &words) => (4 * u32::from(words), 1),
            (Self::Intermediate, _) => (le32(said, 0)?, 4),
            (Self::Full, _) => (le32(said, 0)?, 8),
        };
        // A key's identifier, a message's, and a body at least.
        (24..=MAX_MESSAGE_LEN)
            .contains(&len)
            .then(|| said.get(start..))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};
    use crate::inspect::testing::hex;

    /// req_pq_multi without key: 40 bytes.
    const KEY_REQUEST: &str =
        "0000000000000000 51e57ac42770964a 14000000 f18e7ebe 3e0549828cca27e966b301a48fece2fc";
    /// A message under a key: 24 bytes.
    const MESSAGE: &str = "4c1b9a07d2e63f58 00112233445566778899aabbccddeeff";

    fn ours() -> Option<Recognised> {
        Some(Recognised::of(Protocol::Mtproto, Some(Shape::TelegramChat)))
    }

    #[test]
    fn the_request_for_a_key_is_told_in_each_transport() {
        for head in [
            "ef 0a",
            "eeeeeeee 28000000",
            "dddddddd 28000000",
            "34000000 00000000",
        ] {
            let said = hex(&format!("{head}{KEY_REQUEST}"));
            assert_eq!(listen(chat, &said, b""), ours(), "{head}");
            damage_stream(chat, [&said, &[]], [26, 0]);
        }
    }

    #[test]
    fn a_key_that_both_sides_name_is_told() {
        let client = hex(&format!("ef 06 {MESSAGE}"));
        let server = hex(&format!("7f 060000 {MESSAGE}"));
        assert_eq!(listen(chat, &client, &server), ours());
        assert_eq!(listen(chat, &client, b""), None);
        damage_stream(chat, [&client, &server], [10, 12]);
        let other = hex("06 5c1b9a07d2e63f58 00112233445566778899aabbccddeeff");
        assert_eq!(listen(chat, &client, &other), None);
    }

    #[test]
    fn requests_to_reflectors_are_told() {
        let call = hex(
            "1d2c3b4a59687786958493a2b1c0dfee ffffffff ffffffff ffffffff feffffff 0011223344556677",
        );
        assert_eq!(look_at(reflector, &call), Some(Shape::TelegramCall.into()));
        damage_datagram(reflector, &call, 32);
        assert_eq!(look_at(reflector, &[0xff; 40]), None);
        let run = [&call[..16], &[0xff; 24]].concat();
        assert_eq!(look_at(reflector, &run), None);
    }
}
