//! NetFlow and IPFIX: a version, and records or sets that fill the datagram.

use super::super::{Datagram, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// The versions that collectors meet: of fixed records, with schemes of aggregation, with templates; and IPFIX, which counts on.
const V9: u16 = 9;
const IPFIX: u16 = 10;

/// Bytes of header and record, most records. Source: Cisco, NetFlow Export Datagram Formats.
const FIXED: [(u16, Shape); 3] = [
    (
        1,
        Shape {
            header_len: 16,
            record_len: 52,
            most: 24,
        },
    ),
    (
        5,
        Shape {
            header_len: 24,
            record_len: 48,
            most: 30,
        },
    ),
    (
        7,
        Shape {
            header_len: 24,
            record_len: 52,
            most: 28,
        },
    ),
];
/// Version 8, whose records are as long as its scheme says: 28, 32, 40 bytes, and so on, in words.
const V8: u16 = 8;
const V8_HEADER_LEN: usize = 28;
/// Where its header tells the scheme, and the schemes there are.
const V8_SCHEME_AT: usize = 22;
const V8_SCHEMES: std::ops::RangeInclusive<u8> = 1..=14;

/// Bytes of version 9's header behind the count: uptime, seconds, sequence, source. RFC 3954 §5.1.
const V9_REST_LEN: usize = 16;
const V9_HEADER_LEN: usize = 20;
/// Bytes of IPFIX's header behind the length: export time, sequence, domain. RFC 7011 §3.1.
const IPFIX_REST_LEN: usize = 12;
const IPFIX_HEADER_LEN: usize = 16;
/// Lowest number of a set of data; below it are templates. RFC 3954 §5.2, RFC 7011 §3.3.2.
const FIRST_DATA_SET: u16 = 256;
/// Bytes of a set's number and length.
const SET_HEADER_LEN: usize = 4;
/// Fewest bytes that a record takes: a flow has an address at least, and a template a number and how many fields it has.
const MIN_RECORD_LEN: usize = 4;

/// A version whose records are all of one length.
struct Shape {
    header_len: usize,
    record_len: usize,
    most: u16,
}

/// Whether a datagram is one of exported flows: as long as its records say, or full of sets.
///
/// Source: Cisco, NetFlow Export Datagram Formats; RFC 3954; RFC 7011.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut cursor = Cursor(datagram.bytes);
    let version = cursor.u16()?;
    if !(1..=IPFIX).contains(&version) {
        return None;
    }
    let count = cursor.u16()?;
    match version {
        V8 => is_v8(datagram, count)?.then(|| Protocol::NetFlow.into()),
        V9 => {
            cursor.take(V9_REST_LEN)?;
            let sets_len = datagram.origlen.checked_sub(V9_HEADER_LEN)?;
            let is_count = (1..=sets_len / MIN_RECORD_LEN).contains(&usize::from(count));
            (is_count && has_sets(cursor, sets_len, [0, 1])).then(|| Protocol::NetFlow.into())
        }
        IPFIX => {
            cursor.take(IPFIX_REST_LEN)?;
            let sets_len = datagram.origlen.checked_sub(IPFIX_HEADER_LEN)?;
            let is_whole = usize::from(count) == datagram.origlen;
            let is_empty = usize::from(count) == IPFIX_HEADER_LEN;
            (is_whole && !is_empty && has_sets(cursor, sets_len, [2, 3]))
                .then(|| Protocol::Ipfix.into())
        }
        _ => {
            let (_, shape) = FIXED.iter().find(|(known, _)| *known == version)?;
            let len = shape.header_len + usize::from(count) * shape.record_len;
            let is_whole = (1..=shape.most).contains(&count) && len == datagram.origlen;
            is_whole.then(|| Protocol::NetFlow.into())
        }
    }
}

fn is_v8(datagram: &Datagram<'_>, count: u16) -> Option<bool> {
    let scheme = datagram.bytes.get(V8_SCHEME_AT)?;
    let records_len = datagram.origlen.checked_sub(V8_HEADER_LEN)?;
    let record_len = records_len.checked_div(usize::from(count))?;
    Some(
        V8_SCHEMES.contains(scheme)
            && record_len * usize::from(count) == records_len
            && (28..=88).contains(&record_len)
            && record_len.is_multiple_of(4),
    )
}

/// Whether what was captured is sets, one behind the other: of templates, whose numbers depend on the version, or of data.
///
/// * `len`: bytes that they have on the wire. The last one that was captured may go on behind the end of `cursor`, but not of these.
fn has_sets(mut cursor: Cursor<'_>, len: usize, templates: [u16; 2]) -> bool {
    let mut left = len;
    let mut sets = 0;
    while let (Some(id), Some(len)) = (cursor.u16(), cursor.u16()) {
        // What fills the datagram up.
        if (id, len) == (0, 0) {
            break;
        }
        let is_id = templates.contains(&id) || id >= FIRST_DATA_SET;
        let (body_len, rest) = (
            usize::from(len).checked_sub(SET_HEADER_LEN),
            left.checked_sub(usize::from(len)),
        );
        let (true, Some(body_len), Some(rest)) = (is_id, body_len, rest) else {
            return false;
        };
        left = rest;
        sets += 1;
        if cursor.take(body_len).is_none() {
            break;
        }
    }
    sets > 0
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn records_that_fill_the_datagram_say_it() {
        for (version, header, record) in [(1, 16, 52), (5, 24, 48), (7, 24, 52)] {
            let mut bytes = vec![0, version, 0, 2];
            bytes.resize(header + 2 * record, 0x11);
            assert_eq!(datagram(9999, &bytes), Some(Protocol::NetFlow), "{version}");
            bytes.push(0);
            assert_eq!(datagram(9999, &bytes), None, "{version}");
        }
        let mut v8 = vec![0, 8, 0, 3];
        v8.resize(28 + 3 * 32, 5);
        assert_eq!(datagram(9999, &v8), Some(Protocol::NetFlow));
        v8[22] = 0;
        assert_eq!(datagram(9999, &v8), None);
    }

    #[test]
    fn what_was_captured_of_sets_says_it_when_the_rest_has_room_for_them() {
        let at_collector = |bytes: &[u8], origlen| {
            let whole = testing::datagram(bytes, 40_000, 9999);
            of_datagram(&Datagram { origlen, ..whole })
        };
        let cut = hex("0009 0002 00010000 65000000 00000001 00000000  0100 0060 c0000201");
        assert_eq!(at_collector(&cut, 116), Some(Protocol::NetFlow.into()));
        assert_eq!(at_collector(&cut, 115), None);
        let many = hex("0009 0064 00010000 65000000 00000001 00000000  0100 0060 c0000201");
        assert_eq!(at_collector(&many, 116), None);
    }

    #[test]
    fn sets_that_follow_each_other_say_it() {
        let nine =
            hex("0009 0001 00010000 65000000 00000001 00000000  0000 000c 0100 0001 0008 0004");
        assert_eq!(datagram(9999, &nine), Some(Protocol::NetFlow));
        let ten = hex("000a 001c 65000000 00000001 00000000  0002 000c 0100 0001 0008 0004");
        assert_eq!(datagram(9999, &ten), Some(Protocol::Ipfix));
        assert_eq!(datagram(9999, &ten[..27]), None);
        assert_eq!(datagram(9999, &nine[..31]), None);
        for (at, byte) in [(17, 9), (19, 3)] {
            let mut bad = ten.clone();
            bad[at] = byte;
            assert_eq!(datagram(9999, &bad), None);
        }
    }
}
