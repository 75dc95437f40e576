//! uTP, over which BitTorrent's peers talk where they do not use TCP.
//!
//! In: a datagram. Out: BitTorrent beyond doubt where a peer's handshake is inside, else a guess.

use super::bittorrent::HANDSHAKE;
use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look};
use crate::protocol::Protocol;

/// Bytes of the header, BEP 29.
const HEADER_LEN: usize = 20;
/// Extensions that a header is believed to have: selective acknowledgements, extension bits, close reason.
const MAX_EXTENSIONS: usize = 3;
/// The highest window that is believed, bytes.
const MAX_WINDOW: u32 = 1 << 28;
/// What the first byte's upper half says.
const DATA: u8 = 0;
const SYN: u8 = 4;

/// Guesses at uTP: packets of version 1 of one connection, each as long as its kind is.
///
/// Source: BEP 29.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let kind = match bytes.first()? {
        first if first & 0xf == 1 && first >> 4 <= SYN => first >> 4,
        _ => return None,
    };
    let payload_at = header_len(bytes)?;
    let payload_len = datagram.origlen.checked_sub(payload_at)?;
    let (connection, time) = (be16(bytes, 2)?, be32(bytes, 4)?);
    let window = be32(bytes, 12)?;
    let is_fit = match kind {
        // Data has some; a request for a connection has measured no delay yet.
        DATA => payload_len > 0 && window > 0,
        SYN => payload_len == 0 && be32(bytes, 8)? == 0,
        _ => payload_len == 0,
    };
    if !is_fit || connection == 0 || time == 0 || window > MAX_WINDOW {
        return None;
    }
    if bytes.get(payload_at..)?.starts_with(HANDSHAKE) {
        return Some(Protocol::BitTorrent.into());
    }
    Some(Look::Likely(Likely {
        what: Protocol::BitTorrent.into(),
        // What follows a request for a connection bears the next number.
        mark: u64::from(connection.wrapping_add(u16::from(kind == SYN))),
        count: None,
        wanted: 3,
    }))
}

/// Bytes of header and extensions; `None` for extensions that nobody knows.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let mut next = *bytes.get(1)?;
    let mut at = HEADER_LEN;
    for _ in 0..=MAX_EXTENSIONS {
        match next {
            0 => return Some(at),
            1..=3 => {
                next = *bytes.get(at)?;
                at += 2 + usize::from(*bytes.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};
    use crate::inspect::testing::hex;

    /// A request for a connection, and data behind a selective acknowledgement.
    const REQUEST: &str = "41 00 4567 ed639296 00000000 00100000 0001 0000";
    const DATA_1: &str = "01 01 4568 ed7a591d 000000a7 00100000 0002 23c6 00 04 00000000";

    fn mark(bytes: &[u8]) -> Option<u64> {
        match look_at(datagram, bytes)? {
            Look::Likely(guess) => Some(guess.mark),
            Look::Sure(_) => None,
        }
    }

    #[test]
    fn packets_of_a_connection_have_one_mark() {
        let data = [hex(DATA_1), b"data".to_vec()].concat();
        assert_eq!(mark(&hex(REQUEST)), Some(0x4568));
        assert_eq!(mark(&data), Some(0x4568));
        damage_datagram(datagram, &hex(REQUEST), 20);
        damage_datagram(datagram, &data, 20);
    }

    #[test]
    fn a_handshake_inside_leaves_no_doubt() {
        let bytes = [&hex(DATA_1)[..], HANDSHAKE].concat();
        assert_eq!(look_at(datagram, &bytes), Some(Protocol::BitTorrent.into()));
    }

    #[test]
    fn packets_that_are_not_as_long_as_their_kind_are_none() {
        let long = [hex(REQUEST), vec![0]].concat();
        let endless =
            hex("21 01 4568 ed7a591d 000000a7 00100000 0002 23c6 01 00 01 00 01 00 01 00");
        for bytes in [
            &long,
            &hex(DATA_1),
            &endless,
            &hex(&REQUEST.replace("41 00", "51 00")),
        ] {
            assert_eq!(look_at(datagram, bytes), None);
        }
    }
}
