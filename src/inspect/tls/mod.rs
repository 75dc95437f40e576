//! TLS over a byte stream: what a client asks for and what a server chooses, from the hello each begins with, and the
//! names in the server's certificate.
//!
//! In: the bytes of one direction from its start. Out: names, application protocols, versions. Knows nothing of
//! segments, of ports, or of what is encrypted after the hellos.

mod certificate;
mod extension;
mod fingerprint;
mod hello;
mod mid_stream;
mod record;
mod sslv2;
mod tor;
mod whole;

use self::hello::{read_client_hello, read_server_hello};
use self::record::{
    Body, HANDSHAKE, after_empty_records, body, certificate_body, is_handshake_record, join,
};
use super::Outcome;
use crate::domain::DomainName;

pub use self::certificate::MAX_CERTIFICATE_NAMES;
pub use self::fingerprint::fingerprints;
pub use self::hello::{ClientHello, MAX_ALPN, ServerHello};
pub use self::mid_stream::{are_surely_records, is_front_of_record};
pub use self::sslv2::sslv2_client_hello;
pub use self::tor::may_be_made_up;
pub use self::whole::{find_whole_client_hello, whole_client_hello};

pub(super) use self::certificate::{leaf, names};
pub(super) use self::fingerprint::{Carrier, body_fingerprints, message_fingerprints};
pub(super) use self::hello::{read_dtls_client_hello, read_dtls_server_hello};

/// Most bytes of a flow that a hello is looked for in. Hellos with post-quantum key shares take 2 KiB, with a
/// resumption ticket that holds a certificate chain 20 KiB; past this we would rather miss a name than hold the bytes.
pub const MAX_PREFIX: usize = 64 * 1024;

/// Most warnings of a server that are passed over before its hello.
const MAX_WARNINGS: usize = 4;

/// `HandshakeType` values, RFC 8446 §4.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// RFC 4680 §2.
const SUPPLEMENTAL_DATA: u8 = 23;

/// Whether a TLS ClientHello could begin with `start`: looks at the six first bytes, or at as many as there are.
///
/// Of the first record that is not empty: none may be, but servers take some, and a name behind them is a name.
///
/// Source: RFC 8446 §5.1 (record), §4 (handshake).
pub fn looks_like_client_hello(start: &[u8]) -> bool {
    let start = after_empty_records(start);
    is_handshake_record(start) && start.get(5).is_none_or(|&kind| kind == CLIENT_HELLO)
}

/// Where inside `bytes` a TLS ClientHello begins, by all that stands in fixed places, or as much of it as is there.
///
/// * Not at the front, where [`client_hello`] looks; and with no more than `reach` bytes before it.
///
/// Source: RFC 8446 §5.1, §4, §4.1.2.
pub fn find_client_hello(bytes: &[u8], reach: usize) -> Option<usize> {
    find_hello(bytes, reach, CLIENT_HELLO)
}

/// The same for a ServerHello.
///
/// Source: RFC 8446 §4.1.3.
pub fn find_server_hello(bytes: &[u8], reach: usize) -> Option<usize> {
    find_hello(bytes, reach, SERVER_HELLO)
}

fn find_hello(bytes: &[u8], reach: usize, kind: u8) -> Option<usize> {
    let within = bytes.get(..=reach).unwrap_or(bytes);
    memchr::memchr_iter(HANDSHAKE, within).find(|&at| {
        let (_, start) = bytes.split_at(at);
        at > 0 && begins_hello(start, kind)
    })
}

fn begins_hello(start: &[u8], kind: u8) -> bool {
    let [_, _, minor, high, low, message @ ..] = start else {
        return is_handshake_record(start);
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let message = message.get(..len).unwrap_or(message);
    let fits = |at: usize, fits: fn(u8) -> bool| message.get(at).is_none_or(|&byte| fits(byte));
    is_handshake_record(start)
        && *minor <= 4
        && len > 0
        && message.first().is_none_or(|&first| first == kind)
        && fits(1, |high| high == 0)
        && fits(4, |major| major == 3)
        && fits(5, |minor| minor <= 4)
        // The length of the session's identifier, behind 32 random bytes.
        && fits(4 + 2 + 32, |len| len <= 32)
}

/// Finds what a client asks for in its ClientHello.
///
/// * `prefix`: the client's bytes from the start of the flow, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`].
/// * The hello may be spread over any number of records. An extension that is malformed hides no other.
/// * One that is longer than [`MAX_PREFIX`] is told as if it ended with `prefix`, as [`client_hello_partial`] tells one of
///   which no more bytes will come.
///
/// Source: RFC 8446 §4.1.2, §5.1; RFC 6066 §3; RFC 7301 §3.1.
pub fn client_hello(prefix: &[u8]) -> Outcome<ClientHello> {
    match hello(prefix, CLIENT_HELLO, read_client_hello) {
        Outcome::NeedMore if prefix.len() >= MAX_PREFIX => found(client_hello_partial(prefix)),
        outcome => outcome,
    }
}

/// Finds what there is to find in a ClientHello that will not come whole, because the capture cut packets short or lost one.
///
/// * `prefix`: as for [`client_hello`].
/// * `None`: it is no ClientHello, or breaks off before the extensions. What stands in an extension that is cut is not read,
///   so a name is never a part of a name.
pub fn client_hello_partial(prefix: &[u8]) -> Option<ClientHello> {
    let joined = join(prefix, |bytes| {
        !matches!(body(bytes, CLIENT_HELLO), Body::Cut(_))
    });
    match body(&joined.bytes, CLIENT_HELLO) {
        Body::Whole(body) | Body::Cut(body) => read_client_hello(body),
        Body::Other => None,
    }
}

/// Finds what a client asks for in handshake messages that lie in no records, as QUIC carries them in CRYPTO frames.
///
/// * `handshake`: the messages' bytes from the first on, in order, without gaps.
///
/// Source: RFC 9001 §4.
pub fn client_hello_message(handshake: &[u8]) -> Outcome<ClientHello> {
    match body(handshake, CLIENT_HELLO) {
        Body::Whole(body) => found(read_client_hello(body)),
        Body::Cut(_) => Outcome::NeedMore,
        Body::Other => Outcome::NotMine,
    }
}

/// Finds what there is to find in a ClientHello that lies in no records, and is not whole yet.
///
/// * `handshake`: as for [`client_hello_message`].
/// * `None`: as for [`client_hello_partial`].
pub fn client_hello_message_partial(handshake: &[u8]) -> Option<ClientHello> {
    match body(handshake, CLIENT_HELLO) {
        Body::Whole(body) | Body::Cut(body) => read_client_hello(body),
        Body::Other => None,
    }
}

/// Finds what a server chooses in its ServerHello, or in the HelloRetryRequest that stands in its place.
///
/// * `prefix`: the server's bytes from the start of the flow, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`]. A warning may stand first: servers send `unrecognized_name` so.
/// * Gives up past [`MAX_PREFIX`].
///
/// Source: RFC 8446 §4.1.3; RFC 5246 §7.4.1.3; RFC 6066 §3 (the warning).
pub fn server_hello(prefix: &[u8]) -> Outcome<ServerHello> {
    match after_warnings(prefix) {
        Some(rest) => match hello(rest, SERVER_HELLO, read_server_hello) {
            Outcome::NeedMore if prefix.len() >= MAX_PREFIX => Outcome::NotMine,
            outcome => outcome,
        },
        None => Outcome::NeedMore,
    }
}

/// Finds the names in the certificate that a server sends behind its ServerHello, in TLS up to 1.2.
///
/// * `prefix`: as for [`server_hello`].
/// * Only the server's own certificate is waited for, not the chain behind it. Names as they stand, the star of a wildcard
///   included: first the subject's common names, then alternative names that are hosts or addresses; at most
///   [`MAX_CERTIFICATE_NAMES`].
/// * Where the records break off (a capture that lost some, a server that turned to encryption), the names that are whole.
/// * `NotMine`: the server sends no certificate, which is so when a session is resumed; or not within [`MAX_PREFIX`].
///
/// Source: RFC 5246 §7.4.2; RFC 5280 §4.1.
pub fn certificate_names(prefix: &[u8]) -> Outcome<Vec<DomainName>> {
    let Some(rest) = after_warnings(prefix) else {
        return Outcome::NeedMore;
    };
    let joined = join(rest, |bytes| {
        leaf_in(bytes).is_none_or(|(_, is_whole)| is_whole)
    });
    match leaf_in(&joined.bytes) {
        Some((leaf, true)) => Outcome::Found(names(leaf)),
        Some((leaf, false)) if joined.is_broken || prefix.len() >= MAX_PREFIX => {
            found(Some(names(leaf)).filter(|names| !names.is_empty()))
        }
        Some((_, false)) => Outcome::NeedMore,
        None => Outcome::NotMine,
    }
}

/// Whether the server's certificate is one that a relay of Tor made up, for a client that asked for `asked`.
///
/// * `prefix`: as for [`certificate_names`]; the whole certificate has to be there.
pub fn is_of_tor(prefix: &[u8], asked: Option<&DomainName>) -> bool {
    let joined = join(after_warnings(prefix).unwrap_or_default(), |bytes| {
        leaf_in(bytes).is_none_or(|(_, is_whole)| is_whole)
    });
    matches!(leaf_in(&joined.bytes), Some((leaf, true)) if tor::is_certificate(leaf, asked))
}

/// Finds the names that are whole in a certificate of which no more will come.
///
/// * `prefix`: as for [`certificate_names`].
pub fn certificate_names_partial(prefix: &[u8]) -> Vec<DomainName> {
    let joined = join(after_warnings(prefix).unwrap_or_default(), |_| false);
    leaf_in(&joined.bytes).map_or_else(Vec::new, |(leaf, _)| names(leaf))
}

/// The server's own certificate among its messages, as far as it is there, and whether it is whole; `None` when none will come.
fn leaf_in(handshake: &[u8]) -> Option<(&[u8], bool)> {
    match certificate_body(handshake) {
        // A certificate that overruns its message gets no longer.
        Body::Whole(body) => leaf(body).map(|(leaf, _)| (leaf, true)),
        Body::Cut(body) => Some(leaf(body).unwrap_or_default()),
        Body::Other => None,
    }
}

/// What follows the warnings in front of a ServerHello; `None` when it is too short to tell.
fn after_warnings(prefix: &[u8]) -> Option<&[u8]> {
    let mut rest = prefix;
    for _ in 0..MAX_WARNINGS {
        match *rest {
            // A record of an alert (21), version 3.x, 2 bytes: level warning (1) and what of.
            [21, 3, _, 0, 2, 1, _, ref after @ ..] => rest = after,
            [21] | [21, 3] | [21, 3, _, ..] if rest.len() < 7 => return None,
            _ => break,
        }
    }
    Some(rest)
}

fn hello<T>(prefix: &[u8], kind: u8, read: fn(&[u8]) -> Option<T>) -> Outcome<T> {
    let joined = join(prefix, |bytes| !matches!(body(bytes, kind), Body::Cut(_)));
    match body(&joined.bytes, kind) {
        Body::Whole(body) => found(read(body)),
        Body::Cut(_) if !joined.is_broken => Outcome::NeedMore,
        Body::Cut(_) | Body::Other => Outcome::NotMine,
    }
}

fn found<T>(read: Option<T>) -> Outcome<T> {
    read.map_or(Outcome::NotMine, Outcome::Found)
}

#[cfg(test)]
mod tests;
