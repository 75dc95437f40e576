//! Frames in Initial packets: finds those that carry the handshake.

use super::number::varint;
use super::version::Content;
use crate::inspect::cursor::Cursor;

/// Bytes of the handshake, and where they belong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Frame types of RFC 9000 §19 that Initial packets may hold (§17.2.2).
mod ietf {
    pub(super) const PADDING: u64 = 0x00;
    pub(super) const PING: u64 = 0x01;
    pub(super) const ACK: u64 = 0x02;
    pub(super) const ACK_ECN: u64 = 0x03;
    pub(super) const CRYPTO: u64 = 0x06;
    pub(super) const CONNECTION_CLOSE: u64 = 0x1c;
    pub(super) const CONNECTION_CLOSE_APPLICATION: u64 = 0x1d;
}

/// Google's own, of Q050, T050 and T051, as far as they come before a hello.
mod google {
    pub(super) const PADDING: u64 = 0x00;
    pub(super) const PING: u64 = 0x07;
    pub(super) const CRYPTO: u64 = 0x08;
}

/// The pieces of the handshake in `frames`, an opened packet's content. Ends at what no such packet may hold.
pub(super) fn pieces(frames: &[u8], content: Content) -> impl Iterator<Item = Piece<'_>> {
    let next = match content {
        Content::Tls => next_frame,
        Content::GoogleTls | Content::Chlo => next_google_frame,
    };
    let mut cursor = Cursor(frames);
    std::iter::from_fn(move || {
        loop {
            match next(&mut cursor)? {
                Frame::Crypto(piece) => return Some(piece),
                Frame::Other => {}
            }
        }
    })
}

enum Frame<'a> {
    Crypto(Piece<'a>),
    Other,
}

fn next_frame<'a>(cursor: &mut Cursor<'a>) -> Option<Frame<'a>> {
    match varint(cursor)? {
        ietf::PADDING => skip_padding(cursor),
        ietf::PING => {}
        ietf::ACK => skip_ack(cursor)?,
        ietf::ACK_ECN => {
            skip_ack(cursor)?;
            skip_numbers(cursor, 3)?;
        }
        ietf::CRYPTO => return crypto(cursor),
        ietf::CONNECTION_CLOSE => {
            skip_numbers(cursor, 2)?;
            bytes(cursor)?;
        }
        ietf::CONNECTION_CLOSE_APPLICATION => {
            skip_numbers(cursor, 1)?;
            bytes(cursor)?;
        }
        _ => return None,
    }
    Some(Frame::Other)
}

fn next_google_frame<'a>(cursor: &mut Cursor<'a>) -> Option<Frame<'a>> {
    match u64::from(cursor.u8()?) {
        google::PADDING => skip_padding(cursor),
        google::PING => {}
        google::CRYPTO => return crypto(cursor),
        _ => return None,
    }
    Some(Frame::Other)
}

fn crypto<'a>(cursor: &mut Cursor<'a>) -> Option<Frame<'a>> {
    let offset = varint(cursor)?;
    let bytes = bytes(cursor)?;
    Some(Frame::Crypto(Piece { offset, bytes }))
}

/// Most of an Initial packet may be padding: it goes in one step.
fn skip_padding(cursor: &mut Cursor<'_>) {
    while let Some((&chunk, rest)) = cursor.0.split_first_chunk()
        && u128::from_ne_bytes(chunk) == 0
    {
        cursor.0 = rest;
    }
    while let [0, rest @ ..] = cursor.0 {
        cursor.0 = rest;
    }
}

/// RFC 9000 §19.3. A count that is too high ends at the packet's end.
fn skip_ack(cursor: &mut Cursor<'_>) -> Option<()> {
    skip_numbers(cursor, 2)?;
    let ranges = varint(cursor)?;
    skip_numbers(cursor, 1)?;
    for _ in 0..ranges {
        skip_numbers(cursor, 2)?;
    }
    Some(())
}

fn skip_numbers(cursor: &mut Cursor<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        varint(cursor)?;
    }
    Some(())
}

/// Bytes behind their length.
fn bytes<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = varint(cursor)?;
    cursor.take(usize::try_from(len).ok()?)
}
