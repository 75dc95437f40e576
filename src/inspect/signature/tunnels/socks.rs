//! SOCKS, versions 4 and 5, by what a client asks of a proxy and what it is answered.
//!
//! In: what both sides say first. Out: SOCKS beyond doubt; one side alone says too little.

use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

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
    let [_, count @ 1..=255, rest @ ..] = client else {
        return false;
    };
    let Some((methods, next)) = rest.split_at_checked(usize::from(*count)) else {
        return false;
    };
    let [5, method, answer @ ..] = server else {
        return false;
    };
    let is_next = match (method, next) {
        (0xff, next) => next.is_empty(),
        (_, []) => answer.is_empty(),
        // A name and a password; a request.
        (2, [1, ..]) => matches!(answer, [] | [1, ..]),
        (0, [5, 1..=3, 0, 1 | 3 | 4, ..] | [5, 1..=3, 0] | [5, 1..=3] | [5]) => {
            matches!(answer, [] | [5] | [5, 0..=8, ..])
        }
        (0 | 2, _) => false,
        _ => true,
    };
    is_next && (*method == 0xff || methods.contains(method))
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
