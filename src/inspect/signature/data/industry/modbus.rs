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
    let are_rows = |frame_len: fn(&[u8]) -> Option<usize>| {
        [opening.client, opening.server].into_iter().all(|side| {
            side.is_empty() || row(side, LEAST_LEN, frame_len).is_some_and(|row| row.is_whole)
        })
    };
    if !are_rows(framed_len) {
        return None;
    }
    // Some plants' connections are opened the other way round.
    let is_at_home = [opening.client_port, opening.server_port].contains(&PORT);
    let is_answered = is_answer_to(opening.server, opening.client);
    let is_told = if are_rows(frame_len) {
        is_at_home && opening.client.len() + opening.server.len() > 0
            || is_request(opening.client) && is_answered
    } else {
        // Who tries all functions begins with those that there are not, and is refused.
        is_at_home && is_answered && is_refusal(opening.server)
    };
    is_told.then_some(Protocol::Modbus.into())
}

/// Whether the first answer is an exception, and says which.
fn is_refusal(answer: &[u8]) -> bool {
    be16(answer, 4) == Some(3)
        && answer
            .get(HEADER_LEN + 1)
            .is_some_and(|function| function & EXCEPTION != 0)
}

/// Bytes of the frame at the front, whatever its function.
///
/// Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.1.3.
fn framed_len(bytes: &[u8]) -> Option<usize> {
    let len = be16(bytes, 4)?;
    (be16(bytes, 2)? == 0 && (2..=MAX_LEN).contains(&len)).then_some(HEADER_LEN + usize::from(len))
}

/// The same, if its function is known.
///
/// Source: MODBUS Application Protocol V1.1b3 §5.1.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let function = bytes.get(HEADER_LEN + 1)? & !EXCEPTION;
    // Public ones, and what makers use for their own: 90 is Schneider's.
    let is_function = matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 65..=72 | 90 | 100..=110 | 125 | 126);
    framed_len(bytes).filter(|_| is_function)
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
    fn functions_that_are_refused_need_not_be_known() {
        let asked = hex("0000 0000 0006 01 00 0000 0000 0000 0000 0006 01 09 0000 0000");
        let refused = hex("0000 0000 0003 01 80 01 0000 0000 0003 01 89 01");
        assert_stream(Protocol::Modbus, PORT, &asked, &refused);
        assert_no_stream(ANY_PORT, &asked, &refused);
        assert_no_stream(PORT, &asked, &[]);
        assert_no_stream(PORT, &asked, &asked);
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
