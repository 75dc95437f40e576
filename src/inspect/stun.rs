//! STUN, which comes before and between the datagrams of other protocols on one flow: told apart, not read.

/// The magic cookie, RFC 8489 §5.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Whether `datagram` is a STUN message.
///
/// Source: RFC 8489 §5; RFC 7983 §7 (the first byte).
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(*datagram, [0..=3, _, _, low, a, b, c, d, ..] if low % 4 == 0 && [a, b, c, d] == MAGIC_COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn a_binding_request_is_one_and_its_beginning_is_none() {
        let request = hex("0001 0000 2112a442 000102030405060708090a0b");
        assert!(is_stun(&request));
        assert!(!is_stun(&request[..7]));
        assert!(!is_stun(&hex(
            "0001 0002 2112a442 000102030405060708090a0b"
        )));
        assert!(!is_stun(&hex(
            "1601 0000 2112a442 000102030405060708090a0b"
        )));
    }
}
