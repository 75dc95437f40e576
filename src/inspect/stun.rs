//! STUN: how two ends find each other before they speak of something else on the same ports.
//!
//! In: a datagram's payload. Out: whether it is a message. Knows nothing of what the message says.

use super::cursor::Cursor;

/// Bytes of a message's header, RFC 8489 §5.
const HEADER_LEN: usize = 20;
/// What tells a message from other protocols, RFC 8489 §5.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Whether a datagram is a message of STUN, TURN's included.
///
/// The type begins with two zero bits, the length is that of the datagram and in whole words, and the cookie is there: messages
/// from before there was one (RFC 3489) are not told.
///
/// Source: RFC 8489 §5, §6.3.
pub fn is_stun(datagram: &[u8]) -> bool {
    let mut header = Cursor(datagram);
    let (Some(kind), Some(len), Some(cookie)) = (header.u16(), header.u16(), header.take(4)) else {
        return false;
    };
    kind >> 14 == 0
        && len % 4 == 0
        && datagram.len() == HEADER_LEN + usize::from(len)
        && cookie == MAGIC_COOKIE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// A binding request with the software's name.
    const REQUEST: &str = "
        0001 000c 2112a442 0102030405060708090a0b0c   # type, length, cookie, number
        8022 0008 6578616d706c6531                    # SOFTWARE
    ";

    #[test]
    fn a_message_is_told_and_no_part_of_one() {
        let bytes = hex(REQUEST);
        assert!(is_stun(&bytes));
        for cut in 0..bytes.len() {
            assert!(!is_stun(&bytes[..cut]), "{cut}");
        }
        assert!(!is_stun(&[&bytes[..], &[0; 4]].concat()));
    }

    #[test]
    fn damage_in_the_header_is_noticed() {
        let bytes = hex(REQUEST);
        each_mutation(&bytes, 3000, |damaged| {
            if is_stun(damaged) {
                assert_eq!((damaged.len(), &damaged[2..8]), (bytes.len(), &bytes[2..8]));
            }
        });
        // RTP and TURN channels, which share ports with it. RFC 7983 §7.
        for first in [0x80, 0x40] {
            let mut other = bytes.clone();
            other[0] = first;
            assert!(!is_stun(&other));
        }
    }
}
