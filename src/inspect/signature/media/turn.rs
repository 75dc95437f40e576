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
    Recognised::of(protocol, Some(Shape::TeamsCall))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};
    use crate::inspect::testing::hex;

    #[test]
    fn a_channel_is_a_guess_by_its_number_and_by_the_call_inside() {
        let data = hex("4001 0005 0102030405 000000");
        let Some(Look::Likely(guess)) = look_at(channel, &data) else {
            panic!();
        };
        assert_eq!((guess.what, guess.mark), (Protocol::Turn.into(), 0x4001));
        let call = hex("4001 0010 8060 1b33 0003a2f0 5d2c9e14 ffffffff");
        let Some(Look::Likely(guess)) = look_at(channel, &call) else {
            panic!();
        };
        assert_eq!(guess.what, Protocol::Rtp.into());
        damage_datagram(channel, &call, 20);
        for other in ["5001 0004 01020304", "4001 0009 01020304", "4001 0000"] {
            assert_eq!(look_at(channel, &hex(other)), None, "{other}");
        }
    }

    #[test]
    fn multiplexed_messages_are_told_by_what_is_inside() {
        let stun = hex("ff10 001c 0102030405060708 0001 0000 2112a442 000102030405060708090a0b");
        assert_eq!(
            look_at(multiplexed, &stun),
            Some(Look::Sure(ours(Protocol::Stun)))
        );
        damage_datagram(multiplexed, &stun, 12);
        let report = hex("ff10 0010 0102030405060708 80c9 0001 5d2c9e14");
        assert_eq!(
            look_at(multiplexed, &report),
            Some(Look::Sure(ours(Protocol::Rtcp)))
        );
        let other = hex("ff10 000c 0102030405060708 01020304");
        assert!(matches!(
            look_at(multiplexed, &other),
            Some(Look::Likely(_))
        ));
    }
}
