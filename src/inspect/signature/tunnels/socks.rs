//! SOCKS, versions 4 and 5, by what a client asks of a proxy and what it is answered.
//!
//! In: what both sides say first. Out: SOCKS beyond doubt; one side alone says too little.

use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Methods that a client of version 5 is believed to offer.
const MAX_METHODS: usize = 16;
/// The answer that none of the methods will do.
const NO_METHOD: u8 = 0xff;
/// Bytes of an answer of version 4.
const V4_REPLY_LEN: usize = 8;

/// Tells SOCKS when a request and its answer agree.
///
/// Source: RFC 1928 §3 to §6; RFC 1929 §2; Y.-D. Lee, "SOCKS: A protocol for TCP proxy across firewalls" (version 4), and its 4A.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_ours = match opening.client {
        [5, ..] => is_v5(opening.client, opening.server),
        [4, 1 | 2, ..] => is_v4(opening.client, opening.server),
        _ => false,
    };
    is_ours.then(|| Protocol::Socks.into())
}

/// Methods that are offered, and one of them or none that is taken; what may follow on either side.
fn is_v5(client: &[u8], server: &[u8]) -> bool {
    let [_, count, rest @ ..] = client else {
        return false;
    };
    let Some((methods, next)) = rest.split_at_checked(usize::from(*count)) else {
        return false;
    };
    let [5, method, answer @ ..] = server else {
        return false;
    };
    let is_next = match (method, next) {
        (&NO_METHOD, next) => next.is_empty(),
        (_, []) => answer.is_empty(),
        // A name and a password; a request.
        (2, [1, ..]) => matches!(answer, [] | [1, ..]),
        (0, [5, 1..=3, 0, 1 | 3 | 4, ..] | [5, 1..=3, 0] | [5, 1..=3] | [5]) => {
            matches!(answer, [] | [5] | [5, 0..=8, ..])
        }
        (0 | 2, _) => false,
        _ => true,
    };
    is_next
        && (1..=MAX_METHODS).contains(&methods.len())
        && methods.iter().all(|&offered| is_method(offered))
        && (*method == NO_METHOD || methods.contains(method))
}

/// What IANA has registered, and what is for private use.
fn is_method(method: u8) -> bool {
    matches!(method, 0..=9 | 0x80..=0xfe)
}

/// A port, an address, a user's name; an answer that repeats none of them.
fn is_v4(client: &[u8], server: &[u8]) -> bool {
    let is_request = client.get(8..).is_some_and(|user| {
        user.iter()
            .take_while(|&&byte| byte != 0)
            .all(u8::is_ascii_graphic)
            && user.contains(&0)
    });
    let is_answer = matches!(server, [0, 0x5a..=0x5d, ..]) && server.len() >= V4_REPLY_LEN;
    is_request && is_answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_stream, listen};
    use crate::inspect::testing::hex;

    #[test]
    fn a_request_and_its_answer_are_told() {
        let ours = Some(Protocol::Socks.into());
        for (client, server) in [
            // One method offered and taken; with a request for a name behind it; with a name and a password.
            ("05 01 00", "05 00"),
            (
                "05 02 00 01 05 01 00 03 0b 6578616d706c652e6f7267 01bb",
                "05 00 05 00 00 01",
            ),
            ("05 02 00 02 01 02 6d65 02 6d65", "05 02 01 00"),
            ("05 01 00", "05 ff"),
            // Version 4 with an address, and with a name.
            ("04 01 0050 c0000201 6d6500", "00 5a 0000 00000000"),
            (
                "04 01 0050 00000001 00 6578616d706c652e6f726700",
                "00 5b 0050 c0000201",
            ),
        ] {
            let (client, server) = (hex(client), hex(server));
            assert_eq!(listen(stream, &client, &server), ours, "{client:x?}");
            assert_eq!(listen(stream, &client, b""), None);
            assert_eq!(listen(stream, b"", &server), None);
            damage_stream(stream, [&client, &server], [3, 2]);
        }
    }

    #[test]
    fn what_does_not_agree_is_none() {
        for (client, server) in [
            // Not offered; no methods; a method that nobody has registered; DNP3 on both sides.
            ("05 01 00", "05 02"),
            ("05 00", "05 00"),
            ("05 01 64", "05 64"),
            ("05 64 05 c0 0100 0a00 0000", "05 64 05 40 0a00 0100 0000"),
            ("05 01 00 474554202f", "05 00"),
            ("04 01 0050 c0000201 6d6500", "00 5e 0000 00000000"),
            ("04 01 0050 c0000201 6d65", "00 5a 0000 00000000"),
        ] {
            assert_eq!(listen(stream, &hex(client), &hex(server)), None, "{client}");
        }
    }
}
