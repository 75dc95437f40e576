//! Packets in a datagram: where each begins and ends, and what its header says in the clear.

use super::number::varint;
use super::version::{Dialect, QuicVersion, Suite};
use crate::inspect::cursor::Cursor;

/// Longest connection ID in versions 1 and 2, RFC 9000 §17.2.
const MAX_CONNECTION_ID: usize = 20;

/// Most packets that are looked at in one datagram. Real ones hold up to four: one of each type, or an Initial split in two.
const MAX_COALESCED: usize = 8;

/// Bits of the first byte, RFC 9000 §17.2.
const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;

/// Flags in the first byte of Google's public header, of Q043 and before: a version follows; a reset; an 8-byte connection ID.
/// The highest two bits are never set.
const PUBLIC_VERSION: u8 = 0x01;
const PUBLIC_RESET: u8 = 0x02;
const PUBLIC_ID: u8 = 0x08;

/// One packet with a header that tells its version.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// An Initial packet, all of it there.
    Initial(Initial<'a>),
    /// A packet of Google's QUIC that isn't sealed.
    Clear(Clear<'a>),
    /// Another type, or an Initial packet that the capture cut short.
    Other,
}

/// An Initial packet, RFC 9000 §17.2.2.
#[derive(Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: QuicVersion,
    pub(super) suite: &'static Suite,
    /// The connection IDs: the receiver's and the sender's.
    pub(super) destination: &'a [u8],
    pub(super) source: &'a [u8],
    /// The whole packet.
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` the packet number begins.
    pub(super) number_at: usize,
}

/// A packet of Google's QUIC that isn't sealed.
#[derive(Debug)]
pub(super) struct Clear<'a> {
    pub(super) version: QuicVersion,
    pub(super) connection_id: &'a [u8],
    /// What follows connection ID and version: packet number, hash, frames.
    pub(super) rest: &'a [u8],
}

/// The packets in `datagram`, as far as they tell their version. None at all when it is no QUIC, or only packets with short headers.
pub(super) fn packets(datagram: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let (packet, after) = split(rest)?;
        rest = after;
        Some(packet)
    })
    .take(MAX_COALESCED)
}

/// The packet at the front of `bytes`, and what follows it.
fn split(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let first = *bytes.first()?;
    if first & LONG != 0 {
        long(bytes)
    } else if first & (LONG | FIXED | PUBLIC_VERSION | PUBLIC_RESET | PUBLIC_ID)
        == PUBLIC_VERSION | PUBLIC_ID
    {
        public(bytes)
    } else {
        None
    }
}

/// A packet with Google's public header, which fills its datagram.
fn public(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let mut cursor = Cursor(bytes.get(1..)?);
    let connection_id = cursor.take(8)?;
    let version = version(&mut cursor)?;
    let Dialect::Clear = version.dialect()? else {
        return None;
    };
    let rest = cursor.0;
    Some((
        Packet::Clear(Clear {
            version,
            connection_id,
            rest,
        }),
        &[],
    ))
}

/// A packet with a long header, RFC 9000 §17.2.
fn long(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let mut cursor = Cursor(bytes);
    let first = cursor.u8()?;
    let version = version(&mut cursor)?;
    if version == QuicVersion::NEGOTIATION {
        return negotiation(cursor);
    }
    let suite = match version.dialect()? {
        Dialect::Clear => return clear(version, cursor),
        Dialect::Sealed(suite) => suite,
    };
    let destination = connection_id(&mut cursor)?;
    let source = connection_id(&mut cursor)?;
    let kind = (first >> 4) & 3;
    let mut token: &[u8] = &[];
    if kind == suite.initial_type {
        let Some(there) = varint(&mut cursor).and_then(|len| take(&mut cursor, len)) else {
            return is_fixed(first, token).then_some((Packet::Other, &[]));
        };
        token = there;
    }
    if !is_fixed(first, token) {
        return None;
    }
    if kind == suite.retry_type {
        return Some((Packet::Other, &[]));
    }
    let Some(len) = varint(&mut cursor) else {
        return Some((Packet::Other, &[]));
    };
    let number_at = bytes.len() - cursor.0.len();
    if take(&mut cursor, len).is_none() {
        return Some((Packet::Other, &[]));
    }
    let (bytes, after) = bytes.split_at_checked(bytes.len() - cursor.0.len())?;
    let packet = if kind == suite.initial_type {
        Packet::Initial(Initial {
            version,
            suite,
            destination,
            source,
            bytes,
            number_at,
        })
    } else {
        Packet::Other
    };
    Some((packet, after))
}

/// Whether the bit that tells QUIC from other protocols is right: set, or clear in an Initial packet with a token, which a
/// client that knows its server may send. RFC 9287 §3.1.
fn is_fixed(first: u8, token: &[u8]) -> bool {
    first & FIXED != 0 || !token.is_empty()
}

/// The rest of a packet of Q044 to Q049: both lengths of connection IDs in one byte, less 3; a client's packets have one of 8 bytes.
fn clear(version: QuicVersion, mut cursor: Cursor<'_>) -> Option<(Packet<'_>, &[u8])> {
    let lens = cursor.u8()?;
    let len = |nibble: u8| {
        if nibble == 0 {
            0
        } else {
            usize::from(nibble) + 3
        }
    };
    let destination = cursor.take(len(lens >> 4))?;
    let source = cursor.take(len(lens & 0x0f))?;
    let connection_id = if destination.is_empty() {
        source
    } else {
        destination
    };
    let rest = cursor.0;
    Some((
        Packet::Clear(Clear {
            version,
            connection_id,
            rest,
        }),
        &[],
    ))
}

/// The rest of a Version Negotiation packet, RFC 9000 §17.2.1. There is little in it that is sure, so one of its versions must be known.
fn negotiation(mut cursor: Cursor<'_>) -> Option<(Packet<'_>, &[u8])> {
    connection_id(&mut cursor)?;
    connection_id(&mut cursor)?;
    let (versions, left) = cursor.0.as_chunks();
    let is_known = |bytes: &[u8; 4]| QuicVersion(u32::from_be_bytes(*bytes)).dialect().is_some();
    (left.is_empty() && versions.iter().any(is_known)).then_some((Packet::Other, &[]))
}

fn version(cursor: &mut Cursor<'_>) -> Option<QuicVersion> {
    let (&bytes, _) = cursor.take(4)?.split_first_chunk()?;
    Some(QuicVersion(u32::from_be_bytes(bytes)))
}

fn connection_id<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = usize::from(cursor.u8()?);
    if len > MAX_CONNECTION_ID {
        return None;
    }
    cursor.take(len)
}

fn take<'a>(cursor: &mut Cursor<'a>, len: u64) -> Option<&'a [u8]> {
    cursor.take(usize::try_from(len).ok()?)
}
