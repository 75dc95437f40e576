//! CoAP: four bytes of header, which say little, and options, which say more.

use super::super::{Datagram, Likely, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Where servers listen, RFC 7252 §6.1.
const PORT: u16 = 5683;
/// Version 1, in the highest bits. Source: RFC 7252 §3.
const VERSION: u8 = 1;
/// Longest token.
const MAX_TOKEN_LEN: u8 = 8;
/// What ends the options when bytes follow them.
const PAYLOAD_MARKER: u8 = 0xff;
/// Options that name what is asked for, RFC 7252 §5.10.
const URI_HOST: u16 = 3;
const URI_PATH: u16 = 11;
/// Requests: methods of RFC 7252 §5.8 and RFC 8132.
const METHODS: std::ops::RangeInclusive<u8> = 1..=7;
/// Bytes that an option is longest, RFC 7252 §5.10, RFC 7959, RFC 8613: proxies' targets apart, 255.
const MAX_OPTION_LEN: usize = 1034;
/// How many requests have to agree where no port speaks for them.
const WANTED: u8 = 3;

/// Whether a datagram at the port is a message; elsewhere perhaps, whether it asks for something that it names.
///
/// Source: RFC 7252 §3, §12.1; its options: IANA, CoAP Option Numbers.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut cursor = Cursor(datagram.bytes);
    let first = cursor.u8()?;
    let (version, token_len) = (first >> 6, first & 0xf);
    if version != VERSION || token_len > MAX_TOKEN_LEN {
        return None;
    }
    let code = cursor.u8()?;
    if !is_code(code) {
        return None;
    }
    let _id = cursor.u16()?;
    cursor.take(usize::from(token_len))?;
    // An empty message is its header alone, RFC 7252 §4.1.
    if code == 0 && (token_len != 0 || !cursor.0.is_empty()) {
        return None;
    }
    let names_something = walk(cursor)?;
    if datagram.src_port == PORT || datagram.dst_port == PORT {
        return Some(Protocol::Coap.into());
    }
    let is_request = METHODS.contains(&code) && names_something;
    is_request.then(|| {
        Look::Likely(Likely {
            what: Protocol::Coap.into(),
            mark: u64::from(code),
            count: None,
            wanted: WANTED,
        })
    })
}

/// Empty, methods, answers of three classes, signals excepted. Source: IANA, CoAP Codes.
const fn is_code(code: u8) -> bool {
    matches!(
        (code >> 5, code & 0x1f),
        (0, 0..=7) | (2, 1..=5 | 31) | (4, 0..=31) | (5, 0..=8)
    )
}

/// Walks over the options; `None` when they break a rule, else whether one names what is asked for in letters.
fn walk(mut cursor: Cursor<'_>) -> Option<bool> {
    let mut number = 0_u16;
    let mut is_named = false;
    while let Some(head) = cursor.u8() {
        if head == PAYLOAD_MARKER {
            // A marker without a payload is an error in the message, RFC 7252 §3.
            return (!cursor.0.is_empty()).then_some(is_named);
        }
        number = number.checked_add(extended(head >> 4, &mut cursor)?)?;
        let len = usize::from(extended(head & 0xf, &mut cursor)?);
        let value = cursor.take(len)?;
        if !is_option(number) || len > MAX_OPTION_LEN {
            return None;
        }
        let is_name = matches!(number, URI_HOST | URI_PATH);
        if is_name && !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        is_named |= is_name && !value.is_empty();
    }
    Some(is_named)
}

/// A number of four bits that may be told in one or two bytes more, RFC 7252 §3.1.
fn extended(nibble: u8, cursor: &mut Cursor<'_>) -> Option<u16> {
    match nibble {
        13 => Some(u16::from(cursor.u8()?) + 13),
        14 => cursor.u16()?.checked_add(269),
        15 => None,
        small => Some(u16::from(small)),
    }
}

/// Options that are registered, without those that single makers have.
const fn is_option(number: u16) -> bool {
    matches!(
        number,
        1 | 3..=9 | 11 | 12 | 14..=17 | 19..=21 | 23 | 27 | 28 | 31 | 35 | 39 | 60 | 252 | 258 | 292
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::signature::testing;
    use crate::inspect::testing::hex;

    /// RFC 7252 §A, figure 16: GET /temperature.
    const REQUEST: &str = "40 01 7d34 bb 74656d7065726174757265";

    fn look(bytes: &[u8]) -> Option<Look> {
        testing::look_at(of_datagram, bytes)
    }

    #[test]
    fn messages_are_told_at_the_port() {
        for text in [
            REQUEST,
            "60 45 7d34 ff 32322e3320 43",
            "60 00 7d34",
            "41 01 7d35 20 bb 74656d7065726174757265",
        ] {
            assert_eq!(datagram(PORT, &hex(text)), Some(Protocol::Coap), "{text}");
        }
        for text in [
            "80 01 7d34",
            "49 01 7d34",
            "40 08 7d34",
            "60 00 7d34 00",
            "60 45 7d34 ff",
            "40 01 7d34 bb 74656d",
            "40 01 7d34 b1 01",
            "40 01 7d34 a0",
            "40 01 7d34 f0",
        ] {
            assert_eq!(datagram(PORT, &hex(text)), None, "{text}");
        }
    }

    #[test]
    fn requests_with_a_name_are_a_guess_elsewhere() {
        assert!(matches!(look(&hex(REQUEST)), Some(Look::Likely(_))));
        assert_eq!(look(&hex("60 45 7d34 ff 3232")), None);
        assert_eq!(look(&hex("40 01 7d34")), None);
    }
}
