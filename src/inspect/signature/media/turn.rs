//! What goes through a TURN relay without a message of its own: channels, and Microsoft's multiplexed sessions.
//!
//! In: a datagram. Out: guesses, for the headers are short; that of what is inside, where that looks like a call's packets.

use super::{rtcp, rtp, stun};
use crate::inspect::signature::numbers::{be16, be64};
use crate::inspect::signature::{Datagram, Likely, Look, Recognised};
use crate::protocol::{Protocol, Shape};

/// Bytes of a channel's header, RFC 8656 §12.4.
const CHANNEL_HEADER_LEN: usize = 4;
/// What Microsoft's multiplexed messages begin with, MS-TURN §2.2.3.
const MULTIPLEXED: u16 = 0xff10;
/// Bytes of their header: that, the length of what follows, a session's identifier.
const MULTIPLEXED_HEADER_LEN: usize = 12;

/// Guesses at data in a channel: its number, and a length that reaches the end of the datagram.
///
/// Source: RFC 8656 §12.4, §12.5.
pub(super) fn channel(datagram: &Datagram<'_>) -> Option<Look> {
    let number = be16(datagram.bytes, 0).filter(|number| matches!(number, 0x4000..=0x4fff))?;
    let len = usize::from(be16(datagram.bytes, 2)?);
    let inside_len = datagram.origlen.checked_sub(CHANNEL_HEADER_LEN)?;
    // Over UDP the data may be filled up to four bytes, and need not.
    if len == 0 || (inside_len != len && inside_len != len.next_multiple_of(4)) {
        return None;
    }
    let inside = datagram.bytes.get(CHANNEL_HEADER_LEN..)?;
    let guess = rtp::Header::read(inside, len).map(|header| header.likely());
    Some(Look::Likely(guess.unwrap_or(Likely {
        what: Protocol::Turn.into(),
        mark: u64::from(number),
        count: None,
        wanted: 4,
    })))
}

/// Tells Microsoft's multiplexed messages: at once where STUN or RTCP is inside, else when the session's identifier comes again.
///
/// Source: MS-TURN §2.2.3.
pub(super) fn multiplexed(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    if be16(bytes, 0)? != MULTIPLEXED {
        return None;
    }
    let len = usize::from(be16(bytes, 2)?);
    let inside = bytes.get(MULTIPLEXED_HEADER_LEN..)?;
    let inside_len = datagram.origlen.checked_sub(MULTIPLEXED_HEADER_LEN)?;
    if len + CHANNEL_HEADER_LEN != datagram.origlen {
        return None;
    }
    let protocol = if let Some(message) = stun::Message::read(inside, inside_len) {
        message.recognised().protocol
    } else if rtcp::is_compound(inside, inside_len) {
        Some(Protocol::Rtcp)
    } else {
        return Some(Look::Likely(Likely {
            what: ours(Protocol::Turn),
            mark: be64(bytes, 4)?,
            count: None,
            wanted: 3,
        }));
    };
    protocol.map(|protocol| Look::Sure(ours(protocol)))
}

fn ours(protocol: Protocol) -> Recognised {
    Recognised {
        protocol: Some(protocol),
        shape: Some(Shape::TeamsCall),
    }
}
