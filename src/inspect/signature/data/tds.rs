//! Tabular Data Stream, of Microsoft SQL Server and Sybase.
//!
//! In: what the client said first, and the server. Out: whether these are packets of TDS. The TLS that may follow travels in such
//! packets too.

use crate::inspect::signature::numbers::{be16, le16, le32};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a packet's header, MS-TDS §2.2.3.1.
const HEADER_LEN: usize = 8;
/// Bytes of a field of the old login, its length behind it.
const LOGIN_FIELD_LEN: usize = 31;

/// TDS, when the client's packet is a login, its overture or a request, or the server's is an answer to that.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_request(opening.client) || is_answer(opening.server)).then_some(Protocol::Tds.into())
}

fn is_request(side: &[u8]) -> bool {
    let Some((&kind, body)) = side.first().zip(side.get(HEADER_LEN..)) else {
        return false;
    };
    let is_known = match kind {
        0x12 => is_prelogin(body),
        0x10 => is_login(body),
        0x02 => is_old_login(body),
        // A batch, a call, an order to the manager of transactions: what the connection is in stands before.
        0x01 | 0x03 | 0x0e => le32(body, 0) == Some(22) && le32(body, 4) == Some(18),
        _ => false,
    };
    is_known && row(side, HEADER_LEN, packet_len).is_some()
}

fn is_answer(side: &[u8]) -> bool {
    // Whether more packets follow, and the number of this one, which counts from 1; Sybase does not count.
    let [0x04, 0 | 1, _, _, _, _, 0 | 1, 0, body @ ..] = side else {
        return false;
    };
    (is_token(body) || is_prelogin(body))
        && row(side, HEADER_LEN, packet_len).is_some_and(|row| row.is_whole)
}

/// Whether what a server answers begins with a token, and that as it should.
///
/// Source: MS-TDS §2.2.7.
fn is_token(body: &[u8]) -> bool {
    let Some((kind, number)) = body.first().zip(le16(body, 1)) else {
        return false;
    };
    match kind {
        // Columns: how many, or none.
        0x81 => number == u16::MAX || (1..=4096).contains(&number),
        // A status, and the token behind its four bytes.
        0x79 => matches!(body.get(5), Some(0xac | 0xfd..=0xff)),
        // An order of columns.
        0xa9 => number.is_multiple_of(2) && number < 1024,
        // An error, a message, a login's end: how long they are.
        0xaa | 0xab | 0xad => (6..=8192).contains(&number),
        // A change of the surroundings: its kind behind its length.
        0xe3 => (3..=2048).contains(&number) && matches!(body.get(3), Some(1..=20)),
        // The end: bits of its status.
        0xfd..=0xff => number & !0x0337 == 0,
        _ => false,
    }
}

/// Bytes of the packet at the front.
///
/// Source: MS-TDS §2.2.3.1.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let &[kind, status, high, low, .., window] = bytes.first_chunk::<HEADER_LEN>()?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    let is_packet = matches!(kind, 1..=18) && status & !0x1f == 0 && window == 0;
    (is_packet && len > HEADER_LEN).then_some(len)
}

/// Options that begin with the version, each a token, an offset and a length, the first one's value behind the last option.
///
/// Source: MS-TDS §2.2.6.5.
fn is_prelogin(body: &[u8]) -> bool {
    let Some(values_at) = be16(body, 1).map(usize::from) else {
        return false;
    };
    // Whole options, and the byte that ends them.
    let is_table = values_at % 5 == 1 && (6..=61).contains(&values_at);
    let is_ended = body
        .get(values_at.wrapping_sub(1))
        .is_none_or(|&end| end == 0xff);
    is_table && is_ended && body.first() == Some(&0) && be16(body, 3) == Some(6)
}

/// Source: MS-TDS §2.2.6.4.
fn is_login(body: &[u8]) -> bool {
    let version = le32(body, 4).unwrap_or(0);
    // 7.0 to 7.4, and 8.0.
    le32(body, 0).is_some_and(|len| (86..=1 << 17).contains(&len))
        && matches!(version >> 24, 0x70..=0x74 | 0x08)
        && version & 0xfff0 == 0
}

/// The login of versions 4 and 5: the host, the user, the password, each filled up with zeros and its length behind it.
///
/// Source: TDS 5.0 Functional Specification, Sybase, "Login".
fn is_old_login(body: &[u8]) -> bool {
    body.len() >= 3 * LOGIN_FIELD_LEN
        && body
            .chunks_exact(LOGIN_FIELD_LEN)
            .take(3)
            .all(|field| match field.split_last() {
                Some((&len, text)) => {
                    text.get(usize::from(len)..)
                        .is_some_and(|rest| rest.iter().all(|&byte| byte == 0))
                        && text.iter().take(len.into()).all(|&byte| byte >= b' ')
                }
                None => false,
            })
        && body.first().is_some_and(|&byte| byte != 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// Version, encryption, instance, thread, and their values.
    const PRELOGIN: &str = "
        12 01 002f 0000 01 00
        00 001a 0006  01 0020 0001  02 0021 0001  03 0022 0004  04 0026 0001  ff
        11 00 09 e6 00 00  00  00  00000d54  00";
    const ANSWER: &str = "
        04 01 0030 0000 01 00
        00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0000  04 0027 0001  05 0028 0000 ff
        0f 00 07 d0 00 00  02  00  00";

    #[test]
    fn the_overture_is_tds() {
        assert_stream(Protocol::Tds, ANY_PORT, &hex(PRELOGIN), &hex(ANSWER));
        assert_stream(Protocol::Tds, ANY_PORT, &[], &hex(ANSWER));
    }

    #[test]
    fn logins_are_tds() {
        let mut login = hex("10 01 0090 0000 01 00  88000000 04000074 00100000");
        login.resize(0x90, 0);
        assert_stream(Protocol::Tds, ANY_PORT, &login, &[]);
        let mut old = hex("02 00 0200 0000 00 00");
        for text in ["host", "sa", "secret"] {
            let mut field = text.as_bytes().to_vec();
            field.resize(LOGIN_FIELD_LEN - 1, 0);
            field.push(text.len() as u8);
            old.extend(field);
        }
        assert_stream(Protocol::Tds, ANY_PORT, &old, &[]);
        old[HEADER_LEN + 20] = b'x';
        assert_no_stream(ANY_PORT, &old, &[]);
    }

    #[test]
    fn a_batch_and_its_result_are_tds() {
        let batch = hex(
            "01 01 0024 0000 01 00  16000000 12000000 0200 0000000000000000 01000000 5300 5400 5500",
        );
        let done = hex("04 01 0015 0033 01 00  fd 1000 c100 0100000000000000");
        assert_stream(Protocol::Tds, ANY_PORT, &batch, &done);
        assert_stream(Protocol::Tds, ANY_PORT, &[], &done);
        // Another status of the end, another number of the packet.
        for (at, byte) in [(9, 0x48), (6, 0x7c), (1, 0x0c)] {
            let mut other = done.clone();
            other[at] = byte;
            assert_no_stream(1433, &[], &other);
        }
    }

    #[test]
    fn socks_of_version_4_is_not() {
        assert_no_stream(
            1433,
            &hex("04 01 0050 0a000001 75736572 00"),
            &hex("00 5a 0050 0a000001"),
        );
    }
}
