//! RDP: the connection request behind TPKT and X.224, which others begin with too, and the first packet of its transport over UDP.

use super::super::{Datagram, Look, Opening, Recognised};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where servers listen.
const PORT: u16 = 3389;

/// TPKT, RFC 1006 §6: version, reserved, then the length of everything.
const TPKT_VERSION: u8 = 3;
/// Connection request and confirm, X.224 §13.3 and §13.4.
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
/// Bytes of X.224's header behind its length: code, two references, class.
const X224_LEN: u8 = 6;

/// Source: MS-RDPBCGR §2.2.1.1: what routes to a session, by its user or by a broker's token.
const COOKIES: [&[u8]; 3] = [b"Cookie: mstshash=", b"Cookie: msts=", b"tsv://"];
/// MS-RDPBCGR §2.2.1.1.1, §2.2.1.2.1, §2.2.1.2.2: request, response, failure; each of eight bytes.
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;

/// Source: MS-RDPEUDP §2.2.2.1: the number of what was received last, when nothing was.
const NOTHING_RECEIVED: [u8; 4] = [0xff; 4];
/// SYN, MS-RDPEUDP §2.2.2.1.
const SYN: u16 = 1;
/// Sizes of packets that sides may ask for, MS-RDPEUDP §2.2.2.5; the first packet is as large as the largest.
const MTU: std::ops::RangeInclusive<u16> = 1132..=1232;

/// Whether a client asks for a connection with a cookie or with what only RDP negotiates, or a server answers that; a bare request or
/// answer is believed at the port.
///
/// Source: MS-RDPBCGR §2.2.1.1, §2.2.1.2.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_port = opening.server_port == PORT;
    let is_rdp = match (
        variable_part(opening.client, CONNECTION_REQUEST),
        variable_part(opening.server, CONNECTION_CONFIRM),
    ) {
        (Some(asked), _) if is_request(asked) => true,
        (_, Some(answered))
            if is_negotiation(answered, &[NEGOTIATION_RESPONSE, NEGOTIATION_FAILURE]) =>
        {
            true
        }
        (Some([]), _) | (None, Some([])) => is_at_port,
        _ => false,
    };
    is_rdp.then(|| Protocol::Rdp.into())
}

/// Whether a datagram opens RDP's own transport: nothing received yet, and sizes of packets within its bounds.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let rest = datagram.bytes.strip_prefix(&NOTHING_RECEIVED)?;
    let mut cursor = Cursor(rest);
    let (_window, flags) = (cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let is_syn = flags & SYN != 0
        && MTU.contains(&cursor.u16()?)
        && MTU.contains(&cursor.u16()?)
        && datagram.origlen >= usize::from(*MTU.start());
    is_syn.then(|| Protocol::Rdp.into())
}

/// What follows the fixed header of a request or confirmation, `None` for anything else.
fn variable_part(bytes: &[u8], code: u8) -> Option<&[u8]> {
    let mut cursor = Cursor(bytes);
    if cursor.u8()? != TPKT_VERSION || cursor.u8()? != 0 {
        return None;
    }
    let (total_len, header_len) = (cursor.u16()?, cursor.u8()?);
    // TPKT's four bytes, and the one that tells X.224's length.
    let is_all = usize::from(total_len) == usize::from(header_len) + 5;
    if !is_all || cursor.u8()? != code {
        return None;
    }
    let variable_len = header_len.checked_sub(X224_LEN)?;
    // References, and the class that is wanted.
    cursor.take(4)?;
    if cursor.u8()? != 0 {
        return None;
    }
    let len = usize::from(variable_len);
    Some(cursor.0.get(..len).unwrap_or(cursor.0)).filter(|part| part.is_empty() == (len == 0))
}

fn is_request(part: &[u8]) -> bool {
    COOKIES.iter().any(|cookie| part.starts_with(cookie))
        || is_negotiation(part, &[NEGOTIATION_REQUEST])
}

/// A kind, flags, the length 8 with its low byte first, and what is wanted.
fn is_negotiation(part: &[u8], kinds: &[u8]) -> bool {
    matches!(part, [kind, _flags, 8, 0, _, 0, 0, 0, ..] if kinds.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, datagram, speaks, spoken};
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn requests_with_a_cookie_or_a_negotiation_are_told_anywhere() {
        let mut cookie = hex("03 00 0024 1f e0 0000 0000 00");
        cookie.extend(b"Cookie: mstshash=guest\r\n");
        cookie[3] = cookie.len() as u8;
        cookie[4] = cookie.len() as u8 - 5;
        assert!(speaks(Protocol::Rdp, &cookie, b""));
        let negotiation = hex("03 00 0013 0e e0 0000 0000 00  01 00 0800 0b000000");
        assert!(speaks(Protocol::Rdp, &negotiation, b""));
        let answer = hex("03 00 0013 0e d0 0000 1234 00  02 1f 0800 02000000");
        assert!(speaks(Protocol::Rdp, b"", &answer));
    }

    #[test]
    fn a_bare_request_is_believed_at_the_port() {
        let bare = hex("03 00 000b 06 e0 0000 0000 00");
        assert_eq!(spoken(&bare, b""), None);
        assert_eq!(at_port(PORT, &bare, b""), Some(Protocol::Rdp));
    }

    #[test]
    fn others_that_use_x224_are_not_taken_for_it() {
        // S7 names its ends: size, source, destination.
        let s7 = hex("03 00 0016 11 e0 0000 0001 00  c0010a c1020100 c2020102");
        assert_eq!(at_port(PORT, &s7, b""), None);
        let confirm = hex("03 00 0016 11 d0 0001 0002 00  c0010a c1020100 c2020102");
        assert_eq!(at_port(PORT, &s7, &confirm), None);
    }

    #[test]
    fn its_own_transport_is_told_by_its_first_packet() {
        let mut syn = hex("ffffffff 0040 0001  6d3b6f2f 04d0 04d0");
        syn.resize(1232, 0);
        assert_eq!(datagram(9999, &syn), Some(Protocol::Rdp));
        syn[12] = 5;
        assert_eq!(datagram(9999, &syn), None);
    }
}
