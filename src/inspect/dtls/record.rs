//! DTLS records and the fragments of handshake messages in them, as far as they are in the clear.

use crate::inspect::cursor::Cursor;

/// Content types of records with the header of DTLS 1.0 and 1.2, RFC 6347 §4.1: change_cipher_spec, alert, handshake, application_data.
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The highest `HandshakeType` in use, of the IANA registry "TLS HandshakeType": message_hash and what is reserved apart.
const MAX_HANDSHAKE_TYPE: u8 = 26;

/// `ProtocolVersion` values of records, RFC 6347 §4.1, RFC 9147 §4: DTLS 1.0, DTLS 1.2 (and 1.3), and 1.0 as OpenSSL before 0.9.8f
/// and Cisco's AnyConnect number it.
const DTLS10: u16 = 0xfeff;
const DTLS12: u16 = 0xfefd;
const DTLS10_BEFORE_RFC: u16 = 0x0100;

/// Most bytes in a record: 2^14, and what encryption or compression may add, RFC 5246 §6.2.3.
const MAX_FRAGMENT: u16 = (1 << 14) + 2048;

/// A piece of a handshake message, RFC 6347 §4.2.2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    /// `msg_type`.
    pub(super) kind: u8,
    /// `message_seq`.
    pub(super) number: u16,
    /// `length`, of the whole message without its header.
    pub(super) message_len: usize,
    /// `fragment_offset`: where in the message it begins.
    pub(super) offset: usize,
    /// Its bytes, as far as they were captured.
    pub(super) bytes: &'a [u8],
}

/// A record.
struct Record<'a> {
    kind: u8,
    epoch: u16,
    /// Its content, as far as it was captured.
    content: &'a [u8],
    is_whole: bool,
}

/// The fragments in the records of `datagram` that are not encrypted (epoch 0). Ends at what is no DTLS.
pub(super) fn fragments(datagram: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    let mut rest = Cursor(datagram);
    std::iter::from_fn(move || record(&mut rest))
        .filter(|record| record.kind == HANDSHAKE && record.epoch == 0)
        .flat_map(|record| {
            let mut content = Cursor(record.content);
            std::iter::from_fn(move || fragment(&mut content))
        })
}

/// See [`looks_like_dtls`](super::looks_like_dtls).
pub(super) fn is_plausible(datagram: &[u8]) -> bool {
    let mut rest = Cursor(datagram);
    let Some(first) = record(&mut rest) else {
        return false;
    };
    if first.kind == HANDSHAKE && first.epoch == 0 {
        return fragment(&mut Cursor(first.content)).is_some_and(|f| f.kind <= MAX_HANDSHAKE_TYPE);
    }
    first.is_whole && (rest.0.is_empty() || record(&mut rest).is_some())
}

/// The record at the front of `rest`.
fn record<'a>(rest: &mut Cursor<'a>) -> Option<Record<'a>> {
    let kind = rest.u8()?;
    let version = rest.u16()?;
    if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind)
        || !matches!(version, DTLS10 | DTLS12 | DTLS10_BEFORE_RFC)
    {
        return None;
    }
    let epoch = rest.u16()?;
    // The sequence number of 48 bits.
    rest.take(6)?;
    let len = rest.u16().filter(|len| (1..=MAX_FRAGMENT).contains(len))?;
    let (content, is_whole) = take_there(rest, len.into());
    Some(Record {
        kind,
        epoch,
        content,
        is_whole,
    })
}

/// The fragment at the front of `rest`; a message that is whole and empty has none.
fn fragment<'a>(rest: &mut Cursor<'a>) -> Option<Fragment<'a>> {
    let kind = rest.u8()?;
    let message_len = u24(rest)?;
    let number = rest.u16()?;
    let offset = u24(rest)?;
    let len = u24(rest)?;
    if offset + len > message_len {
        return None;
    }
    let (bytes, _) = take_there(rest, len);
    Some(Fragment {
        kind,
        number,
        message_len,
        offset,
        bytes,
    })
}

fn u24(bytes: &mut Cursor<'_>) -> Option<usize> {
    let high = bytes.u8()?;
    Some(usize::from(high) << 16 | usize::from(bytes.u16()?))
}

/// The next `len` bytes, or as many as there are; and whether these are all.
fn take_there<'a>(rest: &mut Cursor<'a>, len: usize) -> (&'a [u8], bool) {
    match rest.take(len) {
        Some(bytes) => (bytes, true),
        None => (std::mem::take(&mut rest.0), false),
    }
}
