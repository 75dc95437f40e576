//! NTP: packets of clocks, and those that ask and steer its servers.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::inspect::signature::numbers::be32;
use crate::protocol::Protocol;

/// Where everybody listens.
const PORT: u16 = 123;
/// Bytes of a packet without extensions and authentication. Source: RFC 5905 §7.3.
const HEADER_LEN: usize = 48;
/// Lengths that most packets have: bare, and with a key's number and a digest by MD5 or SHA-1, RFC 5905 §7.3, RFC 8573.
const USUAL_LENS: [usize; 3] = [HEADER_LEN, 68, 72];
/// Bytes of a control message's header, RFC 9327 §2.
const CONTROL_HEADER_LEN: usize = 12;
/// Bytes of a private message's header; ntpd's own, `ntp_request.h`.
const PRIVATE_HEADER_LEN: usize = 8;
/// Where the seconds of receipt and departure stand.
const RECEIVED_AT: usize = 32;
const SENT_AT: usize = 40;
/// Highest stratum: 16 is not synchronised.
const MAX_STRATUM: u8 = 16;
/// Powers of two, negative ones, that servers' clocks are precise to: from half a minute's fraction to less than a nanosecond.
const PRECISIONS: std::ops::RangeInclusive<u8> = 0xe0..=0xff;
/// Lowest second of this century, counted from 1900, that a clock is believed to show off the port: 2000-01-01.
const YEAR_2000: u32 = 0xbc17_c200;

/// Modes, RFC 5905 §7.3: from symmetric active to broadcast, then control and private.
const SERVER: u8 = 4;
const BROADCAST: u8 = 5;
const CONTROL: u8 = 6;

/// What may be asked: RFC 9327 §2, but for what nothing uses.
const OPERATIONS: std::ops::RangeInclusive<u8> = 0..=12;
/// Who implements private messages: anybody, and ntpd before and since it had keys; `ntp_request.h`.
const IMPLEMENTATIONS: [u8; 3] = [0, 2, 3];

/// Whether a datagram at NTP's port has the form that its mode asks for; elsewhere, whether it is a server's answer of that form whose
/// receipt and departure are a second apart at most.
///
/// Source: RFC 5905 §7.3; RFC 1119 and RFC 958 for the versions before.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let first = *datagram.bytes.first()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !(1..=4).contains(&version) {
        return None;
    }
    let is_at_port = datagram.src_port == PORT || datagram.dst_port == PORT;
    let is_ntp = if is_at_port {
        match mode {
            // Mode 0 is what clients of version 1 said.
            0 => version == 1 && is_clock(datagram),
            1..=BROADCAST => is_clock(datagram),
            CONTROL => datagram.origlen >= CONTROL_HEADER_LEN && has_counted(datagram),
            _ => datagram.origlen >= PRIVATE_HEADER_LEN && is_private(datagram.bytes),
        }
    } else {
        mode == SERVER && version >= 3 && is_clock(datagram) && is_answer(datagram.bytes)?
    };
    is_ntp.then(|| Protocol::Ntp.into())
}

/// Whether a packet has one of the usual lengths, or extensions behind plausible exponents of its interval and precision.
fn is_clock(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    let mut next = || cursor.u8();
    let (Some(_), Some(stratum), Some(interval), Some(precision)) =
        (next(), next(), next(), next())
    else {
        return false;
    };
    let has_exponents = matches!(interval, 0..=17 | 0xf0..) && matches!(precision, 0..=32 | 0xd0..);
    let len = datagram.origlen;
    stratum <= MAX_STRATUM
        && (USUAL_LENS.contains(&len) || len > HEADER_LEN && len.is_multiple_of(4) && has_exponents)
}

/// Whether a control message holds as many bytes as it says.
fn has_counted(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    // Mode, operation; sequence, status, association, offset.
    let operation = cursor.take(2).and_then(<[u8]>::last);
    let count = cursor.take(8).and_then(|_| cursor.u16());
    operation.is_some_and(|operation| OPERATIONS.contains(&(operation & 0x1f)))
        && count.is_none_or(|count| datagram.origlen >= CONTROL_HEADER_LEN + usize::from(count))
}

/// Mode; sequence; who implements it, what is asked; errors and items; four zeros and the size of an item.
fn is_private(bytes: &[u8]) -> bool {
    let is = |at: usize, is: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| is(byte));
    is(2, |implementation| {
        IMPLEMENTATIONS.contains(&implementation)
    }) && is(6, |size| size >> 4 == 0)
}

/// Whether a clock that somebody trusts tells when it received a question and when it sent this.
fn is_answer(bytes: &[u8]) -> Option<bool> {
    let stratum = bytes.get(1)?;
    let precision = bytes.get(3)?;
    let received = be32(bytes, RECEIVED_AT)?;
    let sent = be32(bytes, SENT_AT)?;
    Some(
        (1..MAX_STRATUM).contains(stratum)
            && PRECISIONS.contains(precision)
            && received >= YEAR_2000
            && sent.wrapping_sub(received) <= 1,
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::testing::hex;

    const ANSWER: &str = "
        24 02 06 e9  00000a3d 00000f0e c0000201  # server, version 4, stratum 2
        e0000000 12345678  e0000010 00000000     # set; asked
        e0000010 80000000  e0000010 80010000     # received; sent
    ";

    #[test]
    fn clocks_are_told_at_the_port() {
        let mut ask = vec![0x23];
        ask.resize(HEADER_LEN, 0);
        assert_eq!(datagram(PORT, &ask), Some(Protocol::Ntp));
        assert_eq!(datagram(9999, &ask), None);
        assert_eq!(datagram(PORT, &ask[..44]), None);
        ask[0] = 0x2b;
        assert_eq!(datagram(PORT, &ask), None);
    }

    #[test]
    fn answers_are_told_anywhere_when_their_times_agree() {
        let mut answer = hex(ANSWER);
        assert_eq!(datagram(9999, &answer), Some(Protocol::Ntp));
        answer[43] = 0x20;
        assert_eq!(datagram(9999, &answer), None);
        assert_eq!(datagram(PORT, &answer), Some(Protocol::Ntp));
        // Words that are all alike agree as well, but tell no precision.
        let alike = hex("ec930200").repeat(12);
        assert_eq!(datagram(9999, &alike), None);
    }

    #[test]
    fn questions_to_servers_are_told_at_the_port() {
        assert_eq!(
            datagram(PORT, &hex("16 01 0001 0000 0000 0000 0000")),
            Some(Protocol::Ntp)
        );
        assert_eq!(datagram(PORT, &hex("16 01 0001 0000 0000 0000 0004")), None);
        assert_eq!(
            datagram(PORT, &hex("17 00 03 2a 00000000")),
            Some(Protocol::Ntp)
        );
        assert_eq!(datagram(9999, &hex("17 00 03 2a 00000000")), None);
    }
}
