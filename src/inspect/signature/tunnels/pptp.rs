//! PPTP's control connection, by the cookie that every message bears.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// What stands behind length and type, RFC 2637 §1.4.
const COOKIE: u32 = 0x1a2b_3c4d;
/// Lengths of messages: the shortest two (echo, stop) and the longest.
const LENS: std::ops::RangeInclusive<u16> = 12..=220;

/// Tells PPTP by the message that either side begins with.
///
/// Source: RFC 2637 §1.4, §2.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(is_message)
        .then(|| Protocol::Pptp.into())
}

/// A length, the type of control messages, the cookie, which message, two zeros.
fn is_message(said: &[u8]) -> bool {
    be32(said, 4) == Some(COOKIE)
        && be16(said, 0).is_some_and(|len| LENS.contains(&len))
        && be16(said, 2) == Some(1)
        && be16(said, 8).is_some_and(|kind| matches!(kind, 1..=15))
        && be16(said, 10) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_stream, listen};
    use crate::inspect::testing::hex;

    #[test]
    fn messages_are_told_by_their_cookie_on_either_side() {
        let request = hex("009c 0001 1a2b3c4d 0001 0000 0100 0000 00000003");
        let ours = Some(Protocol::Pptp.into());
        assert_eq!(listen(stream, &request, b""), ours);
        assert_eq!(listen(stream, b"", &request), ours);
        damage_stream(stream, [&request, b""], [12, 0]);
        let other = hex("009c 0001 1a2b3c4d 0010 0000");
        assert_eq!(listen(stream, &other, b""), None);
    }
}
