//! SIP: requests and answers of HTTP's shape that name themselves.

use super::super::{Datagram, Likely, Look, Opening, Recognised};
use super::line::{first_line, is_one_of, is_text, split_word, starts_with};
use crate::protocol::Protocol;

/// Where everybody listens.
const PORT: u16 = 5060;
/// How many keep-alives are wanted before they are believed.
const KEEP_ALIVES: u8 = 3;

/// What ends a request's first line, RFC 3261 §7.1.
const VERSION: &[u8] = b" SIP/2.0";
/// What answers begin with, §7.2.
const ANSWER: &[u8] = b"SIP/2.0 ";
/// Source: IANA, Session Initiation Protocol Parameters, Methods.
const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];
/// Schemes that are believed where the end of the line is not there.
const SCHEMES: [&str; 3] = ["sip:", "sips:", "tel:"];

/// Whether either side makes a request or answers one. Case does not count: some telephones do not know that it does.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_message(opening.client) || is_message(opening.server)).then(|| Protocol::Sip.into())
}

/// Whether a datagram is a request or an answer; at the port perhaps, whether it keeps a way through a translator open.
///
/// Source: RFC 3261 §18; RFC 5626 §3.5.1 and what telephones send: blank lines or zeros.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    if is_message(datagram.bytes) {
        return Some(Protocol::Sip.into());
    }
    let is_keep_alive = (datagram.src_port == PORT || datagram.dst_port == PORT)
        && matches!(
            datagram.bytes,
            b"\r\n" | b"\r\n\r\n" | b"\0\0\0\0" | b"jaK\0"
        );
    is_keep_alive.then(|| {
        Look::Likely(Likely {
            what: Protocol::Sip.into(),
            mark: 0,
            count: None,
            wanted: KEEP_ALIVES,
        })
    })
}

fn is_message(bytes: &[u8]) -> bool {
    if bytes.starts_with(ANSWER) {
        return bytes.get(ANSWER.len()).is_none_or(u8::is_ascii_digit);
    }
    // Cheap, and turns away nearly everything: a method is one of these letters, and another at least.
    if !matches!(bytes, [first, second, ..] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic())
    {
        return false;
    }
    let line = first_line(bytes);
    let (method, target) = split_word(line);
    is_one_of(method, &METHODS)
        && is_text(target)
        && (target.ends_with(VERSION) || SCHEMES.iter().any(|scheme| starts_with(target, scheme)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{datagram, spoken};
    use super::*;

    #[test]
    fn requests_and_answers_are_told() {
        for text in [
            "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n",
            "OPTIONS tel:+1-201-555-0123 SIP/2.0\r\n",
            "REGISTER urn:service:sos SIP/2.0\r\n",
            "SIP/2.0 200 OK\r\n",
            "SUBSCRIBE sips:alice",
            "notify SIP:alice@example.org SIP/2.0\r\n",
        ] {
            assert_eq!(
                datagram(9999, text.as_bytes()),
                Some(Protocol::Sip),
                "{text}"
            );
            assert_eq!(spoken(text.as_bytes(), b""), Some(Protocol::Sip), "{text}");
            assert_eq!(spoken(b"", text.as_bytes()), Some(Protocol::Sip), "{text}");
        }
        for text in [
            "OPTIONS * HTTP/1.1\r\n",
            "INVITE",
            "SIP/2.0 ok",
            "HELLO sip:x SIP/2.0\r\n",
        ] {
            assert_eq!(datagram(PORT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn keep_alives_are_a_guess_at_the_port() {
        let at = |dst_port| {
            of_datagram(&Datagram {
                bytes: b"\r\n\r\n",
                origlen: 4,
                src_port: 40000,
                dst_port,
            })
        };
        assert!(matches!(at(PORT), Some(Look::Likely(_))));
        assert_eq!(at(9999), None);
    }
}
