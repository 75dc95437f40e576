//! GTP: control of tunnels of both versions, user data that nothing could be unwrapped from, and charging (GTP').

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where nodes listen. Source: 3GPP TS 29.060 §10.1.2, TS 29.281 §4.4.2, TS 32.295 §6.1.2.
const CONTROL: u16 = 2123;
const USER: u16 = 2152;
const CHARGING: u16 = 3386;
/// Bytes of headers that the length does not count: version 1 (TS 29.060 §6), version 2 (TS 29.274 §5.1).
const V1_UNCOUNTED: usize = 8;
const V2_UNCOUNTED: usize = 4;
/// Bytes of the header of GTP', and of version 0, which early charging may have too, TS 32.295 §6.1.1.
const CHARGING_HEADER_LEN: usize = 6;
const LONG_HEADER_LEN: usize = 20;

/// Whether a datagram at one of GTP's ports has the header of the version that it names, and is as long as that says.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let is_at = |port| datagram.src_port == port || datagram.dst_port == port;
    if ![CONTROL, USER, CHARGING].into_iter().any(is_at) {
        return None;
    }
    let mut cursor = Cursor(datagram.bytes);
    let (flags, kind, len) = (cursor.u8()?, cursor.u8()?, usize::from(cursor.u16()?));
    let is_user_protocol = flags & 0x10 != 0;
    let is_as_long = |uncounted: usize| datagram.origlen == uncounted.saturating_add(len);
    let is_gtp = match flags >> 5 {
        // One bit between version and flags is spare in version 1.
        1 if is_user_protocol && flags & 8 == 0 => {
            kind != 0 && !is_at(CHARGING) && is_as_long(V1_UNCOUNTED)
        }
        // The bit says that a second message follows the first.
        2 if is_at(CONTROL) => {
            let is_all = is_as_long(V2_UNCOUNTED);
            let has_more = is_user_protocol && datagram.origlen > V2_UNCOUNTED.saturating_add(len);
            kind != 0 && (is_all || has_more)
        }
        // Version 0 of both, TS 09.60 §6; its charging protocol may have a short header.
        0 if is_at(CHARGING) => {
            let is_short = !is_user_protocol && flags & 1 != 0;
            kind != 0
                && is_as_long(if is_short {
                    CHARGING_HEADER_LEN
                } else {
                    LONG_HEADER_LEN
                })
        }
        1 | 2 if is_at(CHARGING) && !is_user_protocol => {
            kind != 0 && is_as_long(CHARGING_HEADER_LEN)
        }
        _ => false,
    };
    is_gtp.then(|| Protocol::Gtp.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn headers_and_lengths_say_it_at_the_ports() {
        for (port, text) in [
            (CONTROL, "32 01 0004 00000000 0001 0000"),
            (USER, "32 01 0004 00000000 0001 0000"),
            (CONTROL, "40 01 0009 000001 00 03 0001 00 05"),
            (CHARGING, "0f 01 0000 0001"),
            (CHARGING, "4e 07 0000 0001"),
            (CHARGING, "1e 01 0000 0001 0000 ff ffffff 0000000000000000"),
        ] {
            let mut bytes = hex(text);
            assert_eq!(datagram(port, &bytes), Some(Protocol::Gtp), "{text}");
            assert_eq!(datagram(9999, &bytes), None, "{text}");
            bytes.push(0);
            assert_eq!(datagram(port, &bytes), None, "{text}");
        }
    }
}
