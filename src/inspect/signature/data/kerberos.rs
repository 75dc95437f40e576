//! Kerberos 5 over UDP and TCP.
//!
//! In: the first message of a side, or a datagram. Out: whether it is one of Kerberos's messages. Knows nothing of tickets.

use super::ber;
use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of the length before a message over TCP, RFC 4120 §7.2.2.
const LENGTH_LEN: usize = 4;
/// Bytes before the AP message in a change of a password, RFC 3244 §2.
const PASSWORD_HEADER_LEN: usize = 6;

/// Kerberos, when a side begins with a message behind its length.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(|side| framed(side).is_some())
        .then_some(Protocol::Kerberos.into())
}

/// Kerberos, when the datagram is one message.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    (any_len(datagram.bytes)? == datagram.origlen).then_some(Protocol::Kerberos.into())
}

fn framed(side: &[u8]) -> Option<()> {
    let len = be32(side, 0)? as usize;
    (any_len(side.get(LENGTH_LEN..)?)? == len).then_some(())
}

fn any_len(bytes: &[u8]) -> Option<usize> {
    message_len(bytes).or_else(|| password_change_len(bytes))
}

/// Bytes of a request to change a password, or of the answer to it: a length, a version, the length of the AP message behind.
///
/// Source: RFC 3244 §2.
fn password_change_len(bytes: &[u8]) -> Option<usize> {
    let (len, version, inner_len) = (be16(bytes, 0)?, be16(bytes, 2)?, be16(bytes, 4)?);
    if !matches!(version, 1 | 0xff80) {
        return None;
    }
    let inner = message_len(bytes.get(PASSWORD_HEADER_LEN..)?)?;
    let is_change =
        inner == usize::from(inner_len) && inner + PASSWORD_HEADER_LEN <= usize::from(len);
    is_change.then_some(len.into())
}

/// Bytes of the message at the front: an application's tag, a sequence, version 5, and the tag's number once more.
///
/// Source: RFC 4120 §5.4 to §5.9, §5.10.
fn message_len(bytes: &[u8]) -> Option<usize> {
    // AS-REQ to AP-REP; SAFE, PRIV, CRED; ERROR.
    if !matches!(bytes.first()?, 0x6a..=0x6f | 0x74..=0x76 | 0x7e) {
        return None;
    }
    let message = ber::element(bytes)?;
    let fields = ber::element(message.contents)?;
    // Requests to the key distribution centre count their fields from 1.
    let first = match message.tag {
        0x6a | 0x6c => 0xa1,
        _ => 0xa0,
    };
    let head = [
        [first, 3, 2, 1, 5],
        [first + 1, 3, 2, 1, message.tag & 0x1f],
    ];
    let is_message = fields.tag == 0x30
        && fields.total_len == message.len
        && fields.contents.starts_with(head.as_flattened());
    is_message.then_some(message.total_len)
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// An AS-REQ without a body to speak of.
    const AS_REQ: &str = "6a 10  30 0e  a1 03 02 01 05  a2 03 02 01 0a  a4 02 30 00";
    /// A KRB-ERROR: preauthentication required.
    const ERROR: &str = "7e 11  30 0f  a0 03 02 01 05  a1 03 02 01 1e  a6 03 02 01 19";

    #[test]
    fn a_request_and_its_error_are_kerberos() {
        assert_datagram(Protocol::Kerberos, ANY_PORT, &hex(AS_REQ));
        assert_datagram(Protocol::Kerberos, ANY_PORT, &hex(ERROR));
        let framed = |text, len| [&[0, 0, 0, len], hex(text).as_slice()].concat();
        let (client, server) = (framed(AS_REQ, 18), framed(ERROR, 19));
        assert_stream(Protocol::Kerberos, ANY_PORT, &client, &server);
        assert_stream(Protocol::Kerberos, ANY_PORT, &[], &server);
        assert_no_stream(ANY_PORT, &framed(AS_REQ, 17), &[]);
    }

    #[test]
    fn another_kind_than_the_tag_says_is_not() {
        let message = hex("6a 10  30 0e  a1 03 02 01 05  a2 03 02 01 0c  a4 02 30 00");
        assert_eq!(datagram_answers(ANY_PORT, &message), []);
    }

    #[test]
    fn a_change_of_a_password_is_kerberos() {
        let request = hex("
            001d ff80 0012  6e 10  30 0e  a0 03 02 01 05  a1 03 02 01 0e  a2 02 03 00
            75 03 010203");
        assert_datagram(Protocol::Kerberos, 464, &request);
        let mut wrong = request;
        wrong[5] = 0x11;
        assert_eq!(datagram_answers(464, &wrong), []);
    }
}
