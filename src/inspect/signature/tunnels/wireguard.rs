//! WireGuard, by the fixed lengths of its handshake and the counter of its data.
//!
//! In: a datagram. Out: WireGuard beyond doubt for a handshake that nobody had to prove an address for, else a guess.

use crate::inspect::signature::numbers::{le16, le32};
use crate::inspect::signature::{Datagram, Likely, Look};
use crate::protocol::Protocol;

/// Bytes of the messages, WireGuard white paper §5.4.
const INITIATION_LEN: usize = 148;
const RESPONSE_LEN: usize = 92;
const COOKIE_LEN: usize = 64;
/// Bytes of the shortest data message: a keep-alive.
const MIN_DATA_LEN: usize = 32;
/// Bytes of the last field of a handshake message: zeros, unless the other side asked for a proof.
const PROOF_LEN: usize = 16;
/// Bytes of a key.
const KEY_LEN: usize = 32;
/// Zeros that a key may have by chance.
const MAX_ZEROS: usize = 4;

/// Tells WireGuard's four messages: a type, three zeros, and a length that is fixed, or for data a multiple of 16.
///
/// * Data: the receiver's number is the mark, the counter counts.
///
/// Source: J. Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", §5.4.2 to §5.4.7.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let [kind @ 1..=4, 0, 0, 0, ..] = *bytes else {
        return None;
    };
    // Where a handshake's key begins.
    let key_at = match (kind, datagram.origlen) {
        (1, INITIATION_LEN) => 8,
        (2, RESPONSE_LEN) => 12,
        (3, COOKIE_LEN) => return Some(likely(u64::from(le32(bytes, 4)?), None, 2)),
        (4, len) if len >= MIN_DATA_LEN && len.is_multiple_of(16) => {
            let receiver = u64::from(le32(bytes, 4)?);
            // The upper six bytes of the counter go with the mark: eight packets may not be 65,536 apart.
            let upper = u64::from(le16(bytes, 10)?);
            let is_counter = le32(bytes, 12)? == 0 && receiver != 0;
            return is_counter.then(|| likely(upper << 32 | receiver, le16(bytes, 8), 3));
        }
        _ => return None,
    };
    let key = bytes.get(key_at..key_at + KEY_LEN)?;
    if key.iter().filter(|&&byte| byte == 0).count() > MAX_ZEROS {
        return None;
    }
    match bytes.last_chunk::<PROOF_LEN>() {
        Some(proof) if bytes.len() == datagram.origlen && *proof == [0; PROOF_LEN] => {
            Some(Protocol::WireGuard.into())
        }
        _ => Some(likely(u64::from(kind), None, 2)),
    }
}

fn likely(mark: u64, count: Option<u16>, wanted: u8) -> Look {
    Look::Likely(Likely {
        what: Protocol::WireGuard.into(),
        mark,
        count,
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};
    use crate::inspect::testing::hex;

    /// A message that begins like this, of `len` bytes, random to its proof of zeros.
    fn message(head: &str, len: usize) -> Vec<u8> {
        let mut bytes = hex(head);
        while bytes.len() < len - PROOF_LEN {
            bytes.push((bytes.len() * 37 + 11) as u8 | 1);
        }
        bytes.resize(len, 0);
        bytes
    }

    #[test]
    fn handshakes_are_told_by_type_length_and_proof() {
        let initiation = message("01000000 d837d030", INITIATION_LEN);
        let response = message("02000000 06f47dab d837d030", RESPONSE_LEN);
        for bytes in [initiation, response] {
            assert_eq!(look_at(datagram, &bytes), Some(Protocol::WireGuard.into()));
            damage_datagram(datagram, &bytes, bytes.len());
        }
    }

    #[test]
    fn a_handshake_with_a_proof_is_a_guess_and_zeros_are_no_key() {
        let mut bytes = message("01000000 d837d030", INITIATION_LEN);
        bytes[INITIATION_LEN - 1] = 1;
        assert!(matches!(look_at(datagram, &bytes), Some(Look::Likely(_))));
        let mut zeros = vec![0; INITIATION_LEN];
        zeros[0] = 1;
        assert_eq!(look_at(datagram, &zeros), None);
    }

    #[test]
    fn data_is_a_guess_by_its_receiver_and_counter() {
        let data = message("04000000 be40698d 6b00000000000000", 48);
        let Some(Look::Likely(guess)) = look_at(datagram, &data) else {
            panic!();
        };
        assert_eq!((guess.mark, guess.count), (0x8d69_40be, Some(0x6b)));
        damage_datagram(datagram, &data, 32);
        // No multiple of 16, a counter that nobody reaches, reserved bytes in use.
        let long = message("04000000 be40698d 6b00000000000001", 48);
        let used = message("04000001 be40698d 6b00000000000000", 48);
        for bytes in [&data[..47], &long, &used] {
            assert_eq!(look_at(datagram, bytes), None);
        }
    }
}
