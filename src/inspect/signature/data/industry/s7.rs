//! S7 communication of Siemens, the older one and the one that is called S7CommPlus.
//!
//! In: what the two sides said first. Out: whether they speak S7 in packets of ISO transport over TCP, or ask for a partner that only S7
//! has. Knows nothing of what else travels in such packets.

use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// The port of ISO transport over TCP.
const PORT: u16 = 102;
/// Bytes of the packet header around a transport unit, RFC 1006 §6.
const PACKET_HEADER_LEN: usize = 4;
/// Codes of transport units: data, a request and a confirmation of a connection. ISO 8073 §13.
const DATA: u8 = 0xf0;
const REQUEST: u8 = 0xe0;
const CONFIRMATION: u8 = 0xd0;
/// Code of the parameter that names the called partner.
const CALLED: u8 = 0xc2;
/// Packets that are looked at on each side: a connection, and what it is for.
const MAX_PACKETS: usize = 3;

/// S7, when a side's data begin as S7's do, or a connection to a module of a rack is asked for.
pub(in super::super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_home = opening.server_port == PORT;
    [opening.client, opening.server]
        .into_iter()
        .any(|side| is_s7(side, is_at_home))
        .then_some(Protocol::S7.into())
}

fn is_s7(side: &[u8], is_at_home: bool) -> bool {
    let mut rest = side;
    for _ in 0..MAX_PACKETS {
        let Some((unit, behind)) = packet(rest) else {
            return false;
        };
        let is_told = match unit {
            // Its own length, its code, its number.
            [2, DATA, _, data @ ..] if !data.is_empty() => return is_pdu(data),
            [_, REQUEST | CONFIRMATION, ..] => is_call(unit, is_at_home),
            _ => false,
        };
        if is_told {
            return true;
        }
        rest = behind;
    }
    false
}

/// The transport unit of the packet at the front, as far as it is there, and what stands behind the packet.
fn packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[3, 0, high, low] = bytes.first_chunk()? else {
        return None;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let unit = bytes.get(PACKET_HEADER_LEN..len.min(bytes.len()))?;
    Some((unit, bytes.get(len..).unwrap_or_default()))
}

/// Whether a protocol data unit begins as S7's do.
///
/// Source: Wireshark's `packet-s7comm.c`; Thomas Wiens's notes on S7CommPlus. Siemens published neither.
fn is_pdu(data: &[u8]) -> bool {
    match data {
        // A job, an acknowledgement without and with data, user data.
        [0x32, 1..=3 | 7, 0, 0, ..] => data.len() >= 10,
        // Connecting, data with and without integrity, a sign of life.
        [0x72, 1..=3, ..] => be16(data, 2).is_some_and(|len| len > 0 && len < 0x2000),
        [0x72, 0xff, _, 0, ..] => true,
        _ => false,
    }
}

/// Whether the called partner is a module of a rack, or a controller's root; the former others may ask for too, elsewhere.
fn is_call(unit: &[u8], is_at_home: bool) -> bool {
    // Length, code, references of both, class.
    let mut rest = unit.get(7..).unwrap_or_default();
    while let [code, len, behind @ ..] = rest {
        let Some((value, behind)) = behind.split_at_checked((*len).into()) else {
            return false;
        };
        if *code == CALLED {
            return match value {
                // As a programming device, an operator's panel, or something else.
                [1..=3, _] => is_at_home,
                value => value.starts_with(b"SIMATIC-ROOT-"),
            };
        }
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const CONNECT: &str = "03 00 0016  11 e0 0000 0001 00  c0 01 0a  c1 02 0100  c2 02 0102";
    const SETUP: &str = "03 00 0019  02 f0 80  32 01 0000 0001 0008 0000  f0 00 0001 0001 01e0";

    #[test]
    fn a_job_is_s7_on_any_port() {
        let client = [hex(CONNECT), hex(SETUP)].concat();
        assert_stream(Protocol::S7, ANY_PORT, &client, &[]);
        assert_stream(Protocol::S7, ANY_PORT, &[], &hex(SETUP));
        assert_stream(Protocol::S7, PORT, &hex(CONNECT), &[]);
        assert_no_stream(ANY_PORT, &hex(CONNECT), &[]);
    }

    #[test]
    fn s7commplus_is_s7() {
        let connect = hex("
            03 00 0024  1f e0 0000 0001 00  c1 02 0620
            c2 10 53494d415449432d524f4f542d484d49  c0 01 0a");
        assert_stream(Protocol::S7, ANY_PORT, &connect, &[]);
        let create = hex("03 00 0013  02 f0 80  72 01 0008 31 0000 04ca 0000 00");
        assert_stream(Protocol::S7, ANY_PORT, &create, &[]);
    }

    #[test]
    fn others_in_iso_transport_are_not() {
        // Remote desktop, with its negotiation; MMS, whose selector is 1.
        let rdp = hex("03 00 0013  0e e0 0000 0000 00  01 00 0800 03000000");
        assert_no_stream(
            3389,
            &rdp,
            &hex("03 00 0013  0e d0 0000 1234 00  02 00 0800 02000000"),
        );
        let mms = hex("03 00 0016  11 e0 0000 0001 00  c0 01 0a  c1 02 0000  c2 02 0001");
        assert_no_stream(102, &mms, &hex("03 00 0009  02 f0 80  0d 00"));
    }
}
