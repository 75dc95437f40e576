//! BACnet over UDP.
//!
//! In: a datagram. Out: whether it is one message of BACnet's virtual link.

use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::{Datagram, Look};
use crate::protocol::Protocol;

/// What a message of BACnet/IP begins with, ANSI/ASHRAE 135 annex J.2.
const BACNET_IP: u8 = 0x81;
/// The ports that the standard gives for it: 0xbac0 to 0xbacf.
const PORTS: std::ops::RangeInclusive<u16> = 0xbac0..=0xbacf;
/// The version that a network message begins with, ANSI/ASHRAE 135 §6.2.1.
const VERSION: u8 = 1;
/// Bits of a network message's control that are reserved, ANSI/ASHRAE 135 §6.2.2.
const RESERVED: u8 = 0b0101_0000;

/// BACnet, when the datagram is as long as it says and holds a network message, or, at its ports, what manages the link.
pub(in super::super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let (&[BACNET_IP, function, _, _], body) = datagram.bytes.split_first_chunk()? else {
        return None;
    };
    if usize::from(be16(datagram.bytes, 2)?) != datagram.origlen {
        return None;
    }
    let is_at_home = PORTS.contains(&datagram.src_port) || PORTS.contains(&datagram.dst_port);
    let is_told = match function {
        // Forwarded behind its origin's address; to be spread; to one; to all.
        0x04 => is_network_message(body.get(6..)?),
        0x09..=0x0b => is_network_message(body),
        // What came of it, tables, registrations, something secured.
        0x00..=0x08 | 0x0c => is_at_home,
        _ => false,
    };
    is_told.then_some(Protocol::Bacnet.into())
}

fn is_network_message(message: &[u8]) -> bool {
    matches!(message, [VERSION, control, _, ..] if control & RESERVED == 0)
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn network_messages_are_bacnet_on_any_port() {
        for message in [
            "81 0b 000c  01 20 ffff 00 ff  10 08", // who is there, to all
            "81 0a 0011  01 04  00 05 01 0c 0c 023fffff 19 4b", // a property is read
            "81 04 0012 0a000001 bac0  01 20 ffff 00 ff  10 08", // forwarded
        ] {
            assert_datagram(Protocol::Bacnet, ANY_PORT, &hex(message));
        }
    }

    #[test]
    fn the_link_s_own_messages_need_the_port() {
        let register = hex("81 05 0006 003c");
        assert_datagram(Protocol::Bacnet, 47_808, &register);
        assert_eq!(datagram_answers(ANY_PORT, &register), []);
    }

    #[test]
    fn another_length_or_version_is_not() {
        for message in [
            "81 0b 000d 01 20 ffff 00 ff 10 08",
            "81 0b 000c 02 20 ffff 00 ff 10 08",
        ] {
            assert_eq!(datagram_answers(47_808, &hex(message)), []);
        }
    }
}
