//! Modbus over TCP.
//!
//! In: what the two sides said first. Out: whether a request and its answer fit each other; at Modbus's port, whether all is framed as
//! Modbus frames it.

use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// The port that Modbus is served at.
const PORT: u16 = 502;
/// Bytes of the header up to the length, that included; then the unit and the function.
const HEADER_LEN: usize = 6;
/// Bytes that a frame has to have for a look at it.
const LEAST_LEN: usize = HEADER_LEN + 2;
/// The longest that a length says: a unit, and 253 bytes of function and data.
const MAX_LEN: u16 = 254;
/// Set in the function of an answer that is an exception.
const EXCEPTION: u8 = 0x80;

/// Modbus, when a request is as long as its function asks for and the answer repeats it; at the port, when frames follow each other.
pub(in super::super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_row = |side: &[u8]| {
        side.is_empty() || row(side, LEAST_LEN, frame_len).is_some_and(|row| row.is_whole)
    };
    if !is_row(opening.client) || !is_row(opening.server) {
        return None;
    }
    // Some plants' connections are opened the other way round.
    let is_at_home = [opening.client_port, opening.server_port].contains(&PORT);
    let is_told = is_at_home && opening.client.len() + opening.server.len() > 0
        || is_request(opening.client) && is_answer_to(opening.server, opening.client);
    is_told.then_some(Protocol::Modbus.into())
}

/// Bytes of the frame at the front.
///
/// Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.1.3; functions: MODBUS Application Protocol V1.1b3 §5.1.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let len = be16(bytes, 4)?;
    let function = bytes.get(HEADER_LEN + 1)? & !EXCEPTION;
    // Public ones, and what makers use for their own: 90 is Schneider's.
    let is_function = matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 65..=72 | 90 | 100..=110 | 125 | 126);
    (be16(bytes, 2)? == 0 && (2..=MAX_LEN).contains(&len) && is_function)
        .then_some(HEADER_LEN + usize::from(len))
}

/// Whether the first request is as long as its function asks for.
///
/// Source: MODBUS Application Protocol V1.1b3 §6.
fn is_request(side: &[u8]) -> bool {
    let (Some(len), Some(function)) = (be16(side, 4), side.get(HEADER_LEN + 1)) else {
        return false;
    };
    // Bytes behind the count that stands there; unit and function are among the others.
    let counted = |at: usize| side.get(at).map(|&count| u16::from(count));
    let asked = match function {
        1..=6 => Some(6),
        7 | 11 | 12 | 17 => Some(2),
        15 | 16 => counted(12).map(|count| 7 + count),
        22 => Some(8),
        23 => counted(16).map(|count| 11 + count),
        24 => Some(4),
        43 => Some(5),
        _ => None,
    };
    asked == Some(len)
}

/// Whether the first answer has the number, the unit and the function of the request.
fn is_answer_to(answer: &[u8], request: &[u8]) -> bool {
    match (
        answer.first_chunk::<LEAST_LEN>(),
        request.first_chunk::<LEAST_LEN>(),
    ) {
        (
            Some([number @ .., 0, 0, _, _, unit, function]),
            Some([asked_number @ .., 0, 0, _, _, asked_unit, asked_function]),
        ) => {
            number == asked_number && unit == asked_unit && function & !EXCEPTION == *asked_function
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// Read two holding registers from 0x006b on, of unit 17.
    const READ: &str = "0001 0000 0006 11 03 006b 0002";
    const ANSWER: &str = "0001 0000 0007 11 03 04 022b 0064";
    const REFUSAL: &str = "0001 0000 0003 11 83 02";

    #[test]
    fn a_request_and_its_answer_are_modbus() {
        assert_stream(Protocol::Modbus, ANY_PORT, &hex(READ), &hex(ANSWER));
        assert_stream(Protocol::Modbus, ANY_PORT, &hex(READ), &hex(REFUSAL));
        let write = "0002 0000 000b 11 10 0001 0002 04 000a 0102";
        let written = "0002 0000 0006 11 10 0001 0002";
        assert_stream(Protocol::Modbus, ANY_PORT, &hex(write), &hex(written));
    }

    #[test]
    fn one_side_is_enough_at_the_port() {
        assert_stream(Protocol::Modbus, PORT, &hex(READ), &[]);
        assert_stream(Protocol::Modbus, PORT, &[], &hex(ANSWER));
        assert_stream(
            Protocol::Modbus,
            PORT,
            &[hex(READ), hex(READ)].concat(),
            &[],
        );
        assert_no_stream(ANY_PORT, &hex(READ), &[]);
    }

    #[test]
    fn what_does_not_fit_is_not() {
        let other_number = hex("0002 0000 0007 11 03 04 022b 0064");
        assert_no_stream(ANY_PORT, &hex(READ), &other_number);
        let other_function = hex("0001 0000 0006 11 04 006b 0002");
        assert_no_stream(ANY_PORT, &hex(READ), &other_function);
        assert_no_stream(PORT, &hex("0001 0000 0005 11 03 006b 0002"), &[]);
        assert_no_stream(PORT, b"GET / HTTP/1.0\r\n\r\n", &[]);
    }
}
