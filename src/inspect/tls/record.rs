//! TLS records: takes their headers off and joins the handshake bytes inside, as far as the first message needs it.
//!
//! Not tls-parser's record parser, for that one wants whole messages in each record, and a hello may be cut anywhere.

use std::borrow::Cow;

use super::{CERTIFICATE, SERVER_HELLO, SUPPLEMENTAL_DATA};

/// Content type of records that carry handshake messages, RFC 8446 §5.1.
pub(super) const HANDSHAKE: u8 = 22;
/// Most bytes in a record: 2^14, and what encryption or compression may add. RFC 5246 §6.2.2 allows 1,024 more, RFC 8446 §5.2
/// 256; hellos need neither.
pub(super) const MAX_FRAGMENT: usize = (1 << 14) + 256;
/// Records without content that are passed over, one after the other. RFC 8446 §5.1 forbids them; OpenSSL takes so many
/// (`MAX_EMPTY_RECORDS`).
const MAX_EMPTY_RECORDS: usize = 32;
/// Longest message that a stack would take: OpenSSL a ClientHello of so much (`CLIENT_HELLO_MAX_LENGTH`), others less.
const MAX_MESSAGE: usize = 131_396;

/// Handshake bytes from the start of a flow.
pub(super) struct Joined<'a> {
    /// The bytes: at least the first message, or all there are of it. Borrowed where they lie in one record.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether something else than a handshake record stood where the message should go on.
    pub(super) is_broken: bool,
}

/// What follows the 4 bytes of a handshake message's header.
pub(super) enum Body<'a> {
    /// All of it, and nothing behind it.
    Whole(&'a [u8]),
    /// Its beginning.
    Cut(&'a [u8]),
    /// It is another kind of message, or longer than [`MAX_MESSAGE`].
    Other,
}

/// Joins the handshake bytes in the records of `prefix`, up to the record with which they are enough.
pub(super) fn join(prefix: &[u8], is_enough: impl Fn(&[u8]) -> bool) -> Joined<'_> {
    let mut bytes = Cow::Borrowed(&[][..]);
    let mut rest = prefix;
    let mut empty_records = 0;
    let mut is_broken = false;
    loop {
        let Some((fragment, after)) = split_record(rest) else {
            is_broken = true;
            break;
        };
        if bytes.is_empty() {
            bytes = Cow::Borrowed(fragment);
        } else {
            bytes.to_mut().extend_from_slice(fragment);
        }
        if after.is_empty() || is_enough(&bytes) {
            break;
        }
        empty_records = if fragment.is_empty() {
            empty_records + 1
        } else {
            0
        };
        if empty_records > MAX_EMPTY_RECORDS {
            is_broken = true;
            break;
        }
        rest = after;
    }
    Joined { bytes, is_broken }
}

/// The body of the first message in `handshake`, which must be of `kind`.
pub(super) fn body(handshake: &[u8], kind: u8) -> Body<'_> {
    match *handshake {
        [] => Body::Cut(&[]),
        [first, ..] if first != kind => Body::Other,
        [_, high, mid, low, ref there @ ..] => {
            let len = usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low);
            match there.get(..len) {
                _ if len > MAX_MESSAGE => Body::Other,
                Some(body) => Body::Whole(body),
                None => Body::Cut(there),
            }
        }
        _ => Body::Cut(&[]),
    }
}

/// The body of the Certificate message in a server's first flight, up to TLS 1.2.
///
/// Source: RFC 5246 §7.3; RFC 4680 §2 (what may stand between).
pub(super) fn certificate_body(handshake: &[u8]) -> Body<'_> {
    let mut rest = handshake;
    for before in [Some(SERVER_HELLO), Some(SUPPLEMENTAL_DATA), None] {
        match (body(rest, CERTIFICATE), before) {
            (Body::Other, Some(kind)) => match body(rest, kind) {
                Body::Whole(body) => rest = rest.get(4 + body.len()..).unwrap_or_default(),
                Body::Cut(_) => return Body::Cut(&[]),
                Body::Other => {}
            },
            (body, _) => return body,
        }
    }
    Body::Other
}

/// Whether `start`, the first bytes of a record or as many as there are, can be a handshake record's.
pub(super) fn is_handshake_record(start: &[u8]) -> bool {
    // What isn't there yet stands as what fits.
    let at = |i: usize, fitting: u8| start.get(i).copied().unwrap_or(fitting);
    let len = usize::from(u16::from_be_bytes([at(3, 0), at(4, 0)]));
    at(0, HANDSHAKE) == HANDSHAKE && at(1, 3) == 3 && len <= MAX_FRAGMENT
}

/// What follows the empty handshake records at the front of `bytes`: as many as [`join`] passes over.
pub(super) fn after_empty_records(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..MAX_EMPTY_RECORDS {
        match rest {
            [_, _, _, 0, 0, after @ ..] if is_handshake_record(rest) => rest = after,
            _ => break,
        }
    }
    rest
}

/// What the handshake record at the front of `bytes` holds, as far as it is there, and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !is_handshake_record(bytes) {
        return None;
    }
    let [_, _, _, high, low, after @ ..] = bytes else {
        return Some((&[], &[]));
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    Some(after.split_at_checked(len).unwrap_or((after, &[])))
}
