//! RADIUS: a code, a length, and attributes to the end.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where servers listen: authentication and accounting, before RFC 2865 and since; changes of authorisation (Cisco's port, and
/// RFC 5176 §2.1).
const PORTS: [u16; 6] = [1645, 1646, 1700, 1812, 1813, 3799];
/// Header and authenticator. Source: RFC 2865 §3.
const HEADER_LEN: usize = 20;
const AUTHENTICATOR_LEN: usize = 16;
/// Longest message, RFC 2865 §3.
const MAX_LEN: usize = 4096;
/// Attributes that are wanted where no port speaks for them.
const WANTED: usize = 2;
/// Attributes of four bytes: numbers and addresses. Source: RFC 2865 §5, RFC 2866 §5, RFC 2868 §3, RFC 2869 §5.
const FOUR_BYTES: [u8; 36] = [
    4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 23, 27, 28, 29, 37, 38, 40, 41, 42, 43, 45, 46, 47,
    48, 49, 51, 52, 53, 55, 61, 62, 64, 65, 85,
];

/// Whether a datagram is a message whose attributes fill its length; off the ports, at least two of them, and each of a common type
/// and as that wants it: two that only end in the right place are found in random bytes often enough.
///
/// Source: RFC 2865 §3, §5.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut cursor = Cursor(datagram.bytes);
    let code = cursor.u8()?;
    if !is_code(code) {
        return None;
    }
    let _id = cursor.u8()?;
    let len = usize::from(cursor.u16()?);
    // More may follow than the message holds: padding, which RFC 2865 §3 has receivers ignore.
    if !(HEADER_LEN..=MAX_LEN.min(datagram.origlen)).contains(&len) {
        return None;
    }
    cursor.take(AUTHENTICATOR_LEN)?;
    let is_at_port = PORTS.contains(&datagram.src_port) || PORTS.contains(&datagram.dst_port);
    let is_cut = datagram.bytes.len() < datagram.origlen;
    let attributes = cursor.0.get(..len - HEADER_LEN);
    let is_radius = match attributes.map(Attributes::read) {
        Some(Some(found)) => {
            is_at_port || found.count >= WANTED && found.are_known && len == datagram.origlen
        }
        // Damaged attributes are a server's trouble; the port and the length speak.
        Some(None) => is_at_port && len == datagram.origlen,
        None => is_at_port && is_cut,
    };
    is_radius.then(|| Protocol::Radius.into())
}

/// Access, accounting, status, disconnection and changes. Source: IANA, RADIUS Packet Type Codes.
const fn is_code(code: u8) -> bool {
    matches!(code, 1..=5 | 11..=13 | 40..=45)
}

/// What a message's attributes are like.
struct Attributes {
    count: usize,
    /// Whether each is of a common type, and as that wants it.
    are_known: bool,
}

impl Attributes {
    /// `None` when they do not end where the message does.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let (mut count, mut are_known) = (0, true);
        while !cursor.0.is_empty() {
            let (kind, len) = (cursor.u8()?, cursor.u8()?);
            if kind == 0 {
                return None;
            }
            let value = cursor.take(usize::from(len).checked_sub(2)?)?;
            count += 1;
            are_known &= !value.is_empty() && is_known(kind, value);
        }
        Some(Self { count, are_known })
    }
}

/// Whether an attribute of this type may hold this.
///
/// Source: RFC 2865 §5, RFC 2866 §5, RFC 2868 §3, RFC 2869 §5, RFC 3162 §2.
fn is_known(kind: u8, value: &[u8]) -> bool {
    let is_text = |text: &[u8]| !text.iter().any(u8::is_ascii_control);
    match kind {
        // A password is hidden in blocks, or answers a challenge; keys and addresses have one length.
        2 => value.len().is_multiple_of(16),
        3 => value.len() == 17,
        80 | 95 => value.len() == 16,
        // Names, messages, numbers of stations and of sessions.
        1 | 11 | 18 | 22 | 30..=32 | 34 | 35 | 39 | 44 | 50 | 74 | 77 | 87 | 88 => is_text(value),
        // Texts of a tunnel: a number may stand before them.
        66 | 67 | 81 | 82 | 90 | 91 => match value {
            [..=0x1f, text @ ..] | text => is_text(text),
        },
        // State, class, proxies' state, challenges, EAP: anything.
        24 | 25 | 33 | 60 | 79 => true,
        // A maker's number begins with a zero.
        26 => value.len() > 4 && value.starts_with(&[0]),
        _ => value.len() == 4 && FOUR_BYTES.contains(&kind),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::testing::hex;

    /// RFC 2865 §7.1: nemo logs in.
    const REQUEST: &str = "
        01 00 0038 0f403f9473978057bd83d5cb98f4227a
        01 06 6e656d6f                              # User-Name
        02 12 0dbe708d93d413ce3196e43f782a0aee      # User-Password
        04 06 c0a80110                              # NAS-IP-Address
        05 06 00000003                              # NAS-Port
    ";

    #[test]
    fn attributes_that_fill_the_length_say_it() {
        let mut request = hex(REQUEST);
        assert_eq!(datagram(9999, &request), Some(Protocol::Radius));
        request[21] = 5;
        assert_eq!(datagram(9999, &request), None);
        assert_eq!(datagram(1812, &request), Some(Protocol::Radius));
        request[3] = 0x39;
        assert_eq!(datagram(1812, &request), None);
    }

    #[test]
    fn a_length_that_is_right_by_chance_is_not_enough() {
        // Two attributes that end where the message does, the second a port's number of three bytes.
        let text = "05 00 001c b2ec521d2e40711b3a66e7c45d141b87  57 03 aa 05 05 b19e8e";
        assert_eq!(datagram(9999, &hex(text)), None);
        assert_eq!(datagram(1812, &hex(text)), Some(Protocol::Radius));
    }

    #[test]
    fn an_answer_without_attributes_is_believed_at_the_ports() {
        let answer = hex("05 07 0014 00112233445566778899aabbccddeeff");
        assert_eq!(datagram(1813, &answer), Some(Protocol::Radius));
        assert_eq!(datagram(9999, &answer), None);
    }
}
