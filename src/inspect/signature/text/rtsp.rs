//! RTSP: requests and answers of HTTP's shape that name themselves.

use super::super::{Datagram, Look, Opening, Recognised};
use super::line::{first_line, is_text, split_word};
use crate::protocol::Protocol;

/// What answers begin with, and requests' first lines end with but for the version. Source: RFC 2326 §6.1, §7.1; RFC 7826 §7.1, §8.1.
const NAME: &[u8] = b"RTSP/";
/// Source: RFC 2326 §10; RFC 7826 §13.
const METHODS: [&[u8]; 12] = [
    b"ANNOUNCE",
    b"DESCRIBE",
    b"GET_PARAMETER",
    b"OPTIONS",
    b"PAUSE",
    b"PLAY",
    b"PLAY_NOTIFY",
    b"RECORD",
    b"REDIRECT",
    b"SETUP",
    b"SET_PARAMETER",
    b"TEARDOWN",
];
/// Schemes that are believed where the end of the line is not there.
const SCHEMES: [&[u8]; 3] = [b"rtsp://", b"rtsps://", b"rtspu://"];

/// Whether either side makes a request or answers one (servers make some as well).
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_message(opening.client) || is_message(opening.server)).then(|| Protocol::Rtsp.into())
}

/// Whether a datagram is a request or an answer, RFC 2326 §9.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    is_message(datagram.bytes).then(|| Protocol::Rtsp.into())
}

fn is_message(bytes: &[u8]) -> bool {
    if let Some(version) = bytes.strip_prefix(NAME) {
        return is_version(split_word(version).0);
    }
    if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let (method, target) = split_word(first_line(bytes));
    METHODS.contains(&method)
        && is_text(target)
        && (is_versioned(target) || SCHEMES.iter().any(|scheme| target.starts_with(scheme)))
}

fn is_versioned(target: &[u8]) -> bool {
    target
        .rsplit(|&byte| byte == b' ')
        .next()
        .and_then(|last| last.strip_prefix(NAME))
        .is_some_and(is_version)
}

fn is_version(version: &[u8]) -> bool {
    matches!(version, [b'1' | b'2', b'.', b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{datagram, speaks, spoken};
    use super::*;

    #[test]
    fn requests_and_answers_are_told() {
        for text in [
            "DESCRIBE rtsp://server.example.com/fizzle/foo RTSP/1.0\r\n",
            "OPTIONS * RTSP/2.0\r\n",
            "RTSP/1.0 200 OK\r\n",
            "SETUP rtsp://server.exam",
        ] {
            assert!(speaks(Protocol::Rtsp, text.as_bytes(), b""), "{text}");
            assert!(speaks(Protocol::Rtsp, b"", text.as_bytes()), "{text}");
            assert_eq!(
                datagram(554, text.as_bytes()),
                Some(Protocol::Rtsp),
                "{text}"
            );
        }
        for text in [
            "OPTIONS * HTTP/1.1\r\n",
            "PLAY ball\r\n",
            "RTSP/1",
            "RTSP/x.y 200\r\n",
            "GET rtsp://x",
        ] {
            assert_eq!(spoken(text.as_bytes(), b""), None, "{text}");
        }
    }
}
