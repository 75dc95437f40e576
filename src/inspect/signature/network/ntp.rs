//! NTP: packets of clocks, and those that ask and steer its servers.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where everybody listens.
const PORT: u16 = 123;
/// Bytes of a packet without extensions and authentication. Source: RFC 5905 §7.3.
const HEADER_LEN: usize = 48;
/// Bytes of a control message's header, RFC 9327 §2.
const CONTROL_HEADER_LEN: usize = 12;
/// Bytes of a private message's header; ntpd's own, `ntp_request.h`.
const PRIVATE_HEADER_LEN: usize = 8;
/// Highest stratum: 16 is not synchronised.
const MAX_STRATUM: u8 = 16;
/// Lowest second of this century, counted from 1900, that a clock is believed to show off the port: 2000-01-01.
const YEAR_2000: u32 = 0xbc17_c200;

/// Modes, RFC 5905 §7.3: from symmetric active to broadcast, then control and private.
const SERVER: u8 = 4;
const BROADCAST: u8 = 5;
const CONTROL: u8 = 6;

/// Who implements private messages: anybody, and ntpd before and since it had keys; `ntp_request.h`.
const IMPLEMENTATIONS: [u8; 3] = [0, 2, 3];

/// Whether a datagram at NTP's port has the form that its mode asks for; elsewhere, whether it is a server's answer whose receipt and
/// departure are a second apart at most.
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
        let stratum = datagram.bytes.get(1).copied().unwrap_or_default();
        match mode {
            // Mode 0 is what clients of version 1 said.
            0 if version > 1 => false,
            0..=BROADCAST => datagram.origlen >= HEADER_LEN && stratum <= MAX_STRATUM,
            CONTROL => datagram.origlen >= CONTROL_HEADER_LEN && has_counted(datagram),
            _ => datagram.origlen >= PRIVATE_HEADER_LEN && is_private(datagram.bytes),
        }
    } else {
        mode == SERVER && version >= 3 && is_answer(datagram.bytes)?
    };
    is_ntp.then(|| Protocol::Ntp.into())
}

/// Whether a control message holds as many bytes as it says.
fn has_counted(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    // Mode, operation; sequence, status, association, offset.
    let count = cursor.take(10).and_then(|_| cursor.u16());
    count.is_none_or(|count| datagram.origlen >= CONTROL_HEADER_LEN + usize::from(count))
}

/// Mode; sequence; who implements it, what is asked.
fn is_private(bytes: &[u8]) -> bool {
    bytes
        .get(2)
        .is_none_or(|implementation| IMPLEMENTATIONS.contains(implementation))
}

fn is_answer(bytes: &[u8]) -> Option<bool> {
    let mut cursor = Cursor(bytes);
    let stratum = cursor.take(2)?.last()?;
    // Interval, precision; delay, dispersion, reference; when it was set; when it was asked.
    cursor.take(30)?;
    let received = seconds(&mut cursor)?;
    let sent = seconds(&mut cursor)?;
    Some(
        (1..MAX_STRATUM).contains(stratum)
            && received >= YEAR_2000
            && sent.wrapping_sub(received) <= 1,
    )
}

/// The seconds of a time, whose fraction is passed over.
fn seconds(cursor: &mut Cursor<'_>) -> Option<u32> {
    let seconds = u32::from(cursor.u16()?) << 16 | u32::from(cursor.u16()?);
    cursor.take(4)?;
    Some(seconds)
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
