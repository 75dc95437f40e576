//! DNP3, over TCP and UDP.
//!
//! In: what a side said first, or a datagram. Out: whether a frame's header stands there with the right checksum.

use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// What a frame begins with, IEEE 1815 §9.2.4.
const START: [u8; 2] = [0x05, 0x64];
/// Bytes of a header that its checksum covers.
const COVERED_LEN: usize = 8;
/// The least that a frame's length says: control, destination, source.
const LEAST_LEN: u8 = 5;
/// The checksum's polynomial, its bits turned round, IEEE 1815 annex E.
const POLYNOMIAL: u16 = 0xa6bc;

/// DNP3, when a side begins with a frame.
pub(in super::super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_frame(opening.client) || is_frame(opening.server)).then_some(Protocol::Dnp3.into())
}

/// DNP3, when the datagram begins with a frame.
pub(in super::super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    is_frame(datagram.bytes).then_some(Protocol::Dnp3.into())
}

fn is_frame(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&START) {
        return false;
    }
    match bytes.split_first_chunk::<COVERED_LEN>() {
        Some((header, [low, high, ..])) => {
            header.get(2).is_some_and(|&len| len >= LEAST_LEN)
                && checksum(header) == u16::from_le_bytes([*low, *high])
        }
        _ => false,
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    let sum = bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ u16::from(byte), |sum, _| match sum & 1 {
            0 => sum >> 1,
            _ => sum >> 1 ^ POLYNOMIAL,
        })
    });
    !sum
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// A request for the state of the link, from 1024 to 1.
    const REQUEST: &str = "05 64 05 c9 0100 0004 e521";

    #[test]
    fn checksums_are_the_standard_s() {
        // The check value of CRC-16/DNP.
        assert_eq!(checksum(b"123456789"), 0xea82);
    }

    #[test]
    fn a_frame_is_dnp3_over_tcp_and_udp() {
        let mut frame = hex(REQUEST);
        let sum = checksum(&frame[..COVERED_LEN]);
        frame[COVERED_LEN..].copy_from_slice(&sum.to_le_bytes());
        assert_stream(Protocol::Dnp3, ANY_PORT, &frame, &frame);
        assert_stream(Protocol::Dnp3, ANY_PORT, &[], &frame);
        assert_datagram(Protocol::Dnp3, ANY_PORT, &frame);
        for at in 0..frame.len() {
            let mut damaged = frame.clone();
            damaged[at] ^= 0x10;
            assert_no_stream(20_000, &damaged, &[]);
        }
    }
}
