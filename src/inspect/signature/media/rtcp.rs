//! RTCP: what the ends of a call report of it to each other.
//!
//! In: a datagram. Out: RTCP beyond doubt where packets fill it to the last byte; a guess where all but the first is encrypted.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look};
use crate::protocol::Protocol;

/// Bytes of the header that every packet has, RFC 3550 §6.4.
const HEADER_LEN: usize = 4;
/// Bytes that SRTCP adds at least: its index and a tag of four bytes, RFC 3711 §3.4, §5.2.
const SRTCP_TRAILER_LEN: usize = 8;

/// Tells RTCP by one datagram that holds a compound packet, or one alone (RFC 5506) that is as long as it has to be; by two where
/// its length follows from nothing; guesses at SRTCP.
///
/// Source: RFC 3550 §6; RFC 4585 §6.1; RFC 3611 §2; RFC 3711 §3.4.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let (first_len, source) = (packet_len(bytes)?, be32(bytes, HEADER_LEN)?);
    if is_compound(bytes, datagram.origlen) {
        let is_sure = first_len < datagram.origlen || is_exact(bytes, first_len);
        return Some(if is_sure {
            Protocol::Rtcp.into()
        } else {
            likely(source, 2)
        });
    }
    // A report and its source are in the clear, what follows is not.
    let is_report = matches!(bytes.get(1)?, 200 | 201);
    (is_report && first_len + SRTCP_TRAILER_LEN <= datagram.origlen).then(|| likely(source, 3))
}

fn likely(source: u32, wanted: u8) -> Look {
    Look::Likely(Likely {
        what: Protocol::Rtcp.into(),
        mark: u64::from(source),
        count: None,
        wanted,
    })
}

/// Whether a packet of `len` bytes that stands alone is as long as what it counts, or feedback of a registered format: the rest of
/// its header is too little to go by.
fn is_exact(bytes: &[u8], len: usize) -> bool {
    let [flags, kind, ..] = *bytes else {
        return false;
    };
    // No padding, which only the last packet of several needs.
    let format = flags & 0x3f;
    match kind {
        200 => len == 28 + 24 * usize::from(format),
        201 => len == 8 + 24 * usize::from(format),
        // Requests for pictures (RFC 4585 §6.3.1, RFC 5104 §4.3.1), bandwidth by its name.
        206 => match format {
            1 => len == 12,
            4 => len == 20,
            15 => bytes.get(12..16) == Some(b"REMB"),
            _ => false,
        },
        _ => false,
    }
}

/// Whether packets fill `origlen` bytes, of which these were captured.
pub(super) fn is_compound(bytes: &[u8], origlen: usize) -> bool {
    let mut at = 0;
    while at < origlen {
        match bytes.get(at..).and_then(packet_len) {
            Some(len) => at += len,
            None => return false,
        }
    }
    at == origlen
}

/// Bytes of the packet that begins here; `None` for what is none, or too short for what it says it holds.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let [flags, kind, ..] = *bytes else {
        return None;
    };
    if flags >> 6 != 2 {
        return None;
    }
    let len = HEADER_LEN + 4 * usize::from(be16(bytes, 2)?);
    let count = usize::from(flags & 0x1f);
    let least = match kind {
        // Sender's and receiver's reports with their blocks.
        200 => 28 + 24 * count,
        201 => 8 + 24 * count,
        // Descriptions of sources, farewells.
        202 => HEADER_LEN + 4 * count,
        203 => HEADER_LEN + 4 * count,
        // The application's own, feedback of transport and payload.
        204..=206 => 12,
        // Extended reports.
        207 => 8,
        _ => return None,
    };
    (least <= len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};
    use crate::inspect::testing::hex;

    /// A receiver's report without blocks, a description: CNAME "a@b".
    const COMPOUND: &str = "
        80 c9 0001 5d2c9e14
        81 ca 0003 5d2c9e14 01 03 614062 00 0000
    ";

    #[test]
    fn packets_that_fill_a_datagram_are_told() {
        let bytes = hex(COMPOUND);
        assert_eq!(bytes.len(), 24);
        assert_eq!(look_at(datagram, &bytes), Some(Protocol::Rtcp.into()));
        for alone in [
            "81 ce 0002 5d2c9e14 00000001",
            "80 c9 0001 5d2c9e14",
            "8f ce 0005 5d2c9e14 00000000 52454d42 01 05fc18 5d2c9e15",
        ] {
            assert_eq!(
                look_at(datagram, &hex(alone)),
                Some(Protocol::Rtcp.into()),
                "{alone}"
            );
        }
        damage_datagram(datagram, &bytes, 8);
    }

    #[test]
    fn a_packet_alone_whose_length_follows_from_nothing_is_a_guess() {
        for bytes in [
            "8f cd 0005 5d2c9e14 00000001 0001 0002 00000000 2002 00 00",
            "80 c9 0003 5d2c9e14 0102030405060708",
        ] {
            let said = look_at(datagram, &hex(bytes));
            assert_eq!(said, Some(likely(0x5d2c_9e14, 2)), "{bytes}");
        }
    }

    #[test]
    fn an_encrypted_report_is_a_guess_by_its_source() {
        let bytes = [&hex("80 c9 0001 5d2c9e14")[..], &[0x5a; 18]].concat();
        let Some(Look::Likely(guess)) = look_at(datagram, &bytes) else {
            panic!();
        };
        assert_eq!((guess.mark, guess.wanted), (0x5d2c_9e14, 3));
    }

    #[test]
    fn packets_too_short_for_what_they_hold_are_none() {
        for bytes in [
            "80 c8 0001 5d2c9e14",
            "9f c9 0001 5d2c9e14",
            "80 d8 0001 5d2c9e14",
            "00 c9 0001 5d2c9e14",
        ] {
            assert_eq!(look_at(datagram, &hex(bytes)), None, "{bytes}");
        }
    }
}
