//! DHCP, and BOOTP before it: a fixed form, and a cookie behind it.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where servers and clients listen.
const PORTS: [u16; 2] = [67, 68];
/// Request and reply. Source: RFC 2131 §2.
const OPERATIONS: [u8; 2] = [1, 2];
/// Bytes before the cookie.
const FORM_LEN: usize = 236;
/// What follows them when options do, RFC 2131 §3.
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// Longest hardware address that the form has room for.
const MAX_ADDRESS_LEN: u8 = 16;
/// Most relays that a request passes, RFC 1542 §4.1.1.
const MAX_HOPS: u8 = 16;

/// Whether a datagram is the form with its cookie; at both ports, whether it is as long as the form (BOOTP had no cookie, and
/// captures cut).
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut cursor = Cursor(datagram.bytes);
    let is_form = OPERATIONS.contains(&cursor.u8()?)
        && cursor.u8()? != 0
        && cursor.u8()? <= MAX_ADDRESS_LEN
        && cursor.u8()? <= MAX_HOPS;
    if !is_form {
        return None;
    }
    let cookie = datagram.bytes.get(FORM_LEN..);
    let is_at_ports = PORTS.contains(&datagram.src_port) && PORTS.contains(&datagram.dst_port);
    let is_dhcp = cookie.is_some_and(|cookie| cookie.starts_with(&COOKIE))
        || is_at_ports && datagram.origlen >= FORM_LEN;
    is_dhcp.then(|| Protocol::Dhcp.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{between, datagram};
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn a_cookie_says_it_anywhere_and_the_form_at_its_ports() {
        let mut form = hex("01 01 06 00 3903f326");
        form.resize(FORM_LEN, 0);
        assert_eq!(datagram(9999, &form), None);
        assert_eq!(between(68, 67, &form), Some(Protocol::Dhcp));
        form.extend(COOKIE);
        assert_eq!(datagram(9999, &form), Some(Protocol::Dhcp));
        form[2] = 17;
        assert_eq!(between(68, 67, &form), None);
    }

    #[test]
    fn a_cut_form_is_believed_at_its_ports() {
        let cut = Datagram {
            bytes: &hex("02 01 06 00 3903f326"),
            origlen: 300,
            src_port: 67,
            dst_port: 68,
        };
        assert_eq!(of_datagram(&cut), Some(Protocol::Dhcp.into()));
        let short = Datagram { origlen: 8, ..cut };
        assert_eq!(of_datagram(&short), None);
    }
}
