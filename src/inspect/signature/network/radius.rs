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

/// Whether a datagram is a message whose attributes fill its length; off the ports, at least two of them.
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
    let is_radius = match attributes.map(count) {
        Some(Some(count)) => is_at_port || count >= WANTED && len == datagram.origlen,
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

/// How many attributes there are; `None` when they do not end where the message does.
fn count(attributes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(attributes);
    let mut count = 0;
    while !cursor.0.is_empty() {
        let (kind, len) = (cursor.u8()?, cursor.u8()?);
        if kind == 0 {
            return None;
        }
        cursor.take(usize::from(len).checked_sub(2)?)?;
        count += 1;
    }
    Some(count)
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
    fn an_answer_without_attributes_is_believed_at_the_ports() {
        let answer = hex("05 07 0014 00112233445566778899aabbccddeeff");
        assert_eq!(datagram(1813, &answer), Some(Protocol::Radius));
        assert_eq!(datagram(9999, &answer), None);
    }
}
