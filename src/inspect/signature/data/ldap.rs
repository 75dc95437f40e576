//! LDAP over TCP, and over UDP as Active Directory's clients look for their servers.
//!
//! In: the first messages. Out: whether each is an LDAPMessage whose operation has the form that its tag asks for. Knows nothing
//! of names in them, and of connections that SASL wraps later.

use super::ber::{self, Element};
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Tags of the Basic Encoding Rules.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
/// Tag of the controls behind an operation.
const CONTROLS: u8 = 0xa0;

/// LDAP, when a side begins with an LDAPMessage.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .find_map(message_len)
        .map(|_| Protocol::Ldap.into())
}

/// LDAP, when the datagram holds LDAPMessages and nothing else.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let first = message_len(datagram.bytes)?;
    // The answers to a search share a datagram.
    let fits = first == datagram.origlen
        || datagram
            .bytes
            .get(first..)
            .is_some_and(|rest| rest.is_empty() || message_len(rest).is_some());
    fits.then_some(Protocol::Ldap.into())
}

/// Bytes of the message at the front; `None` when that is none.
///
/// Source: RFC 4511 §4.1.1, §5.1.
fn message_len(bytes: &[u8]) -> Option<usize> {
    if *bytes.first()? != SEQUENCE {
        return None;
    }
    let message = ber::element(bytes)?;
    let id = ber::element(message.contents)?;
    if id.tag != INTEGER || !matches!(id.len, 1..=4) {
        return None;
    }
    let behind_id = message.contents.get(id.total_len..)?;
    let operation = ber::element(behind_id)?;
    let behind_len = message
        .len
        .checked_sub(id.total_len)?
        .checked_sub(operation.total_len)?;
    let is_end = behind_len == 0
        || behind_id
            .get(operation.total_len)
            .is_none_or(|&tag| tag == CONTROLS);
    (is_end && is_operation(&operation)).then_some(message.total_len)
}

/// Whether the operation begins as its tag asks for.
///
/// Source: RFC 4511 §4.2 to §4.13, RFC 4511 appendix B.
fn is_operation(operation: &Element<'_>) -> bool {
    let contents = operation.contents;
    match operation.tag {
        // Bind: version, name.
        0x60 => matches!(contents, [INTEGER, 1, 1..=3, OCTET_STRING, ..]),
        // Unbind holds nothing.
        0x42 => operation.len == 0,
        // Search: base, scope, what to do with aliases.
        0x63 => ber::element(contents)
            .filter(|base| base.tag == OCTET_STRING)
            .is_some_and(|base| match contents.get(base.total_len..) {
                Some([ENUMERATED, 1, 0..=3, ENUMERATED, 1, 0..=3, ..]) => true,
                Some([]) | None => base.total_len < operation.len,
                Some(_) => false,
            }),
        // An entry, Modify, Add, ModifyDN, Compare, references: a name comes first.
        0x64 | 0x66 | 0x68 | 0x6c | 0x6e | 0x73 => contents.first() == Some(&OCTET_STRING),
        // Delete is a name, Abandon the number of a message.
        0x4a => contents.iter().all(|byte| !byte.is_ascii_control()) && operation.len > 0,
        0x50 => matches!(operation.len, 1..=4),
        // Results: a code, a name, a message.
        0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78 => {
            matches!(contents, [ENUMERATED, 1, _, OCTET_STRING, ..])
                || matches!(contents, [ENUMERATED, 2, 0x0f | 0x10, _, OCTET_STRING, ..])
        }
        // Extended: the name of the operation, an object identifier in digits.
        0x77 => matches!(contents, [0x80, _, b'0'..=b'2', b'.', ..]),
        // Intermediate: a name, a value, or nothing.
        0x79 => operation.len == 0 || matches!(contents, [0x80 | 0x81, ..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const BIND: &str = "30 0c  02 01 01  60 07  02 01 03  04 00  80 00";
    const BIND_RESPONSE: &str = "30 0c  02 01 01  61 07  0a 01 00  04 00  04 00";
    /// As Active Directory writes it: lengths in four bytes.
    const SEARCH: &str = "
        30 84 0000002d  02 01 02
        63 84 00000024  04 00  0a 01 00  0a 01 00  02 01 00  02 01 00  01 01 00
        87 0b 6f626a656374436c617373   # objectClass is there
        30 84 00000000";
    /// An entry without attributes, and the end of the search.
    const FOUND: &str =
        "30 09 02 01 07 64 04 04 00 30 00  30 0c 02 01 07 65 07 0a 01 00 04 00 04 00";

    #[test]
    fn a_bind_and_its_response_are_ldap() {
        assert_stream(Protocol::Ldap, ANY_PORT, &hex(BIND), &hex(BIND_RESPONSE));
        assert_stream(Protocol::Ldap, ANY_PORT, &[], &hex(BIND_RESPONSE));
    }

    #[test]
    fn a_search_is_ldap_over_tcp_and_udp() {
        assert_stream(Protocol::Ldap, ANY_PORT, &hex(SEARCH), &[]);
        assert_datagram(Protocol::Ldap, ANY_PORT, &hex(SEARCH));
        assert_datagram(Protocol::Ldap, ANY_PORT, &hex(FOUND));
    }

    #[test]
    fn other_operations_are_ldap() {
        for message in [
            "30 05 02 01 03 42 00",
            "30 06 02 01 03 50 01 02",
            "30 1d 02 01 01 77 18 80 16 312e332e362e312e342e312e313436362e3230303337", // StartTLS
            "30 09 02 01 05 4a 04 6f3d6161",
            "30 0e 02 01 05 4a 04 6f3d6161 a0 03 30 01 00", // Delete, with controls
        ] {
            assert_stream(Protocol::Ldap, ANY_PORT, &hex(message), &[]);
        }
    }

    #[test]
    fn snmp_and_other_sequences_are_not() {
        for message in [
            "30 0b 02 01 00 04 06 7075626c6963",         // SNMP version 1
            "30 0c 02 01 01 60 07 02 01 09 04 00 80 00", // no such version
            "30 0c 02 01 01 60 06 02 01 03 04 00 80 00", // lengths that do not agree
            "30 0c 02 01 01 62 07 02 01 03 04 00 80 00", // no such operation
            "30 0d 02 05 0000000001 60 04 02 01 03 04",  // a number too long
        ] {
            assert_no_stream(ANY_PORT, &hex(message), &[]);
        }
    }
}
