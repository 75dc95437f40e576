//! DCE/RPC, connection-oriented over TCP and connectionless over UDP.
//!
//! In: what a side said first, or a datagram. Out: whether it begins with headers of DCE/RPC. Knows nothing of interfaces; calls in
//! SMB's named pipes are SMB.

use crate::inspect::signature::numbers::{be16, le16};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of the header that every connection-oriented packet begins with, C706 §12.6.3.1.
const HEADER_LEN: usize = 16;
/// Flags of the first and of the last fragment, C706 §12.6.3.1.
const FIRST_OR_LAST: u8 = 3;
/// Zeros among the 16 bytes of an activity's identifier: more than chance, fewer than anybody's numbers.
const MAX_ZEROS: usize = 9;
/// Bytes of the connectionless header, C706 §12.5.
const CONNECTIONLESS_LEN: usize = 80;

/// DCE/RPC, when a side speaks in packets of version 5.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    // What stands first is no fragment from the middle: nearly all bytes of such a one may be zeros, as anybody's may.
    let is_begun = |side: &[u8]| side.get(3).is_some_and(|flags| flags & FIRST_OR_LAST != 0);
    [opening.client, opening.server]
        .into_iter()
        .any(|side| is_begun(side) && row(side, HEADER_LEN, packet_len).is_some())
        .then_some(Protocol::DceRpc.into())
}

/// DCE/RPC, when the datagram is a packet of version 4.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    is_connectionless(datagram)?.then_some(Protocol::DceRpc.into())
}

/// Bytes of the packet at the front.
///
/// Source: C706 §12.6.3, §12.6.4; MS-RPCE §2.2.2.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let (&[5, 0 | 1, kind, _flags, order, float, 0, 0], _) = bytes.split_first_chunk()? else {
        return None;
    };
    let u16_at = u16_in(order, float)?;
    let len = usize::from(u16_at(bytes, 8)?);
    let authentication_len = usize::from(u16_at(bytes, 10)?);
    let least = match kind {
        // Request, response, fault.
        0 | 2 | 3 => 24,
        // Bind, its acknowledgement, alteration and its answer; more than that stands behind.
        11 | 12 | 14 | 15 => 26,
        // Refusal, authentication, shutdown, cancellation, orphan, real-time control.
        13 | 16..=20 => HEADER_LEN,
        _ => return None,
    };
    (len >= least + authentication_len).then_some(len)
}

/// A number of two bytes at a place, in the sender's order.
type NumberAt = fn(&[u8], usize) -> Option<u16>;

/// How the sender writes numbers: least byte first or last; letters are ASCII.
fn u16_in(order: u8, float: u8) -> Option<NumberAt> {
    match (order, float) {
        (0x10, 0..=3) => Some(le16),
        (0x00, 0..=3) => Some(be16),
        _ => None,
    }
}

fn is_connectionless(datagram: &Datagram<'_>) -> Option<bool> {
    let bytes = datagram.bytes;
    let (&[4, kind @ 0..=10, _flags, flags, order, float, 0], _) = bytes.split_first_chunk()?
    else {
        return None;
    };
    let u16_at = u16_in(order, float)?;
    let body_len = usize::from(u16_at(bytes, 74)?);
    let authentication = *bytes.get(78)?;
    let len = CONNECTIONLESS_LEN + body_len;
    let fits = match authentication {
        0 => datagram.origlen == len,
        _ => datagram.origlen > len,
    };
    // The one flag of the second byte that is in use: a cancellation is pending.
    let is_known = flags & !2 == 0 && u16_at(bytes, 68)? < 0x1000;
    // Requests name an interface, some of which are mostly zeros; every packet names the activity that it is of, at random.
    let has_interface = kind != 0 || bytes.get(24..40)?.iter().any(|&byte| byte != 0);
    let zeros = bytes.get(40..56)?.iter().filter(|&&byte| byte == 0);
    Some(fits && is_known && has_interface && zeros.count() <= MAX_ZEROS)
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// A bind to the endpoint mapper.
    const BIND: &str = "
        05 00 0b 03 10000000 0048 0000 00000001
        b810 b810 00000000 01000000 0000 0100
        0883afe11f5dc91191a408002b14a0fa 0300 0000
        045d888aeb1cc9119fe808002b104860 0200 0000";
    const REFUSED: &str = "05 00 0d 03 10000000 1800 0000 01000000 0000 01 05 00 00 00 00";

    fn bind() -> Vec<u8> {
        let mut bytes = hex(BIND);
        bytes[8..10].copy_from_slice(&72_u16.to_le_bytes());
        bytes
    }

    /// A request of version 4 with a body of two bytes.
    fn connectionless() -> Vec<u8> {
        let mut bytes = hex("04 00 20 00 100000 00");
        bytes.resize(CONNECTIONLESS_LEN + 2, 0);
        bytes[24..56].fill(0xde);
        bytes[74] = 2;
        bytes
    }

    #[test]
    fn a_bind_and_its_answer_are_dce_rpc() {
        assert_stream(Protocol::DceRpc, ANY_PORT, &bind(), &hex(REFUSED));
        assert_stream(Protocol::DceRpc, ANY_PORT, &[], &hex(REFUSED));
        assert_stream(Protocol::DceRpc, ANY_PORT, &[bind(), bind()].concat(), &[]);
    }

    #[test]
    fn either_byte_order_is_read() {
        let mut bytes = hex("05 00 00 03 00000000 0018 0000 00000001 00000000 0000 0000");
        assert_stream(Protocol::DceRpc, ANY_PORT, &bytes, &[]);
        let mut other = bytes.clone();
        other[4] = 0x20;
        assert_no_stream(ANY_PORT, &other, &[]);
        bytes[3] = 0;
        assert_no_stream(ANY_PORT, &bytes, &[]);
    }

    #[test]
    fn a_datagram_as_long_as_it_says_is_dce_rpc() {
        assert_datagram(Protocol::DceRpc, ANY_PORT, &connectionless());
        let mut unnamed = connectionless();
        unnamed[40..56].fill(0);
        assert_eq!(datagram_answers(ANY_PORT, &unnamed), []);
        let mut longer = connectionless();
        longer.push(0);
        assert_eq!(datagram_answers(ANY_PORT, &longer), []);
    }

    #[test]
    fn socks_is_not() {
        let client = hex("05 01 00  05 01 00 03 0b 6578616d706c652e636f6d 01bb");
        assert_no_stream(ANY_PORT, &client, &hex("05 00 05 00 00 01 00000000 0000"));
    }
}
