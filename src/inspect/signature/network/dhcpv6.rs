//! DHCPv6: a type, and options to the end.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where clients and servers listen, RFC 8415 §7.2.
const PORTS: [u16; 2] = [546, 547];
/// Highest type that is registered. Source: IANA, DHCPv6 Message Types.
const MAX_TYPE: u8 = 37;
/// Messages of relays, which have a form of their own, RFC 8415 §9.
const RELAY_TYPES: [u8; 2] = [12, 13];
/// Bytes of the transaction's number, RFC 8415 §8.
const TRANSACTION_LEN: usize = 3;
/// Number of relays, and two addresses, RFC 8415 §9.
const RELAY_HEADER_LEN: usize = 33;
/// Highest code of an option that is believed; 149 are registered. Source: IANA, DHCPv6 Option Codes.
const MAX_OPTION: u16 = 255;

/// Whether a datagram between DHCPv6's ports is a message, or at one of them a message whose options, as far as it was captured, follow
/// each other to its end.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let is_at = [datagram.src_port, datagram.dst_port].map(|port| PORTS.contains(&port));
    let is_between = is_at == [true, true];
    if is_at == [false, false] {
        return None;
    }
    let mut cursor = Cursor(datagram.bytes);
    let kind = cursor.u8()?;
    if kind == 0 || kind > MAX_TYPE {
        return None;
    }
    cursor.take(if RELAY_TYPES.contains(&kind) {
        RELAY_HEADER_LEN
    } else {
        TRANSACTION_LEN
    })?;
    let is_cut = datagram.bytes.len() < datagram.origlen;
    (is_between || is_cut || has_options(cursor)).then(|| Protocol::Dhcpv6.into())
}

/// Whether what is left is options, one behind the other.
fn has_options(mut cursor: Cursor<'_>) -> bool {
    while !cursor.0.is_empty() {
        if !option(&mut cursor).is_some_and(|code| (1..=MAX_OPTION).contains(&code)) {
            return false;
        }
    }
    true
}

/// Takes an option, whose code it tells.
fn option(cursor: &mut Cursor<'_>) -> Option<u16> {
    let (code, len) = (cursor.u16()?, cursor.u16()?);
    cursor.take(usize::from(len))?;
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{between, datagram};
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn options_to_the_end_say_it_at_the_ports() {
        let solicit = hex("01 b9 3f2e  0008 0002 0000  0001 000a 00030001 0242ac110002");
        assert_eq!(datagram(547, &solicit), Some(Protocol::Dhcpv6));
        assert_eq!(datagram(9999, &solicit), None);
        for cut in [5, 9, 12] {
            assert_eq!(datagram(547, &solicit[..cut]), None, "{cut}");
            assert_eq!(between(546, 547, &solicit[..cut]), Some(Protocol::Dhcpv6));
        }
        let mut relayed = hex("0c 00");
        relayed.resize(34, 0xfe);
        relayed.extend(hex("0012 0001 05"));
        assert_eq!(between(547, 547, &relayed), Some(Protocol::Dhcpv6));
    }
}
