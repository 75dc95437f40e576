//! SNMP: messages in BER, of three versions.

use super::super::{Datagram, Look, Opening, Recognised};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Tags of BER. Source: X.690 §8.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// Numbers that stand for versions 1, 2c and 3. Source: RFC 1157 §4, RFC 3416 and RFC 1901 §2, RFC 3412 §6.
const V1: u8 = 0;
const V2C: u8 = 1;
const V3: u8 = 3;
/// Tags of what is asked, answered or reported, RFC 3416 §3: get, get next, response, set, trap (of version 1), get bulk, inform, trap, report.
const PDUS: std::ops::RangeInclusive<u8> = 0xa0..=0xa8;
/// Longest community that is believed.
const MAX_COMMUNITY_LEN: usize = 255;

/// Whether a datagram is a message.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    is_message(datagram.bytes)?.then(|| Protocol::Snmp.into())
}

/// Whether either side begins with a message, RFC 3430.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_snmp = [opening.client, opening.server]
        .into_iter()
        .any(|side| is_message(side).unwrap_or_default());
    is_snmp.then(|| Protocol::Snmp.into())
}

/// Whether these bytes go on like a message up to what is asked, or in version 3 to who asks; `None` where they end before.
fn is_message(bytes: &[u8]) -> Option<bool> {
    let mut cursor = Cursor(bytes);
    header(&mut cursor, SEQUENCE)?;
    let [version] = *element(&mut cursor, INTEGER)? else {
        return None;
    };
    match version {
        V1 | V2C => {
            let community = element(&mut cursor, OCTET_STRING)?;
            Some(community.len() <= MAX_COMMUNITY_LEN && PDUS.contains(&cursor.u8()?))
        }
        V3 => {
            header(&mut cursor, SEQUENCE)?;
            let (id, max_size) = (
                element(&mut cursor, INTEGER)?,
                element(&mut cursor, INTEGER)?,
            );
            let flags = element(&mut cursor, OCTET_STRING)?;
            let model = element(&mut cursor, INTEGER)?;
            let is_short = |number: &[u8]| matches!(number.len(), 1..=5);
            let is_header =
                is_short(id) && is_short(max_size) && flags.len() == 1 && is_short(model);
            Some(is_header && cursor.u8()? == OCTET_STRING)
        }
        _ => Some(false),
    }
}

/// Takes a tag and a length; `None` for another tag and for lengths that nothing has.
///
/// A length may be written with more bytes than it needs, which some agents do.
fn header(cursor: &mut Cursor<'_>, tag: u8) -> Option<usize> {
    if cursor.u8()? != tag {
        return None;
    }
    match cursor.u8()? {
        short @ ..=0x7f => Some(usize::from(short)),
        // Without a number of bytes the length is not told at all.
        0x80 => None,
        long @ 0x81..=0x84 => cursor
            .take(usize::from(long & 0x7f))?
            .iter()
            .try_fold(0_usize, |sum, &byte| {
                sum.checked_mul(256)?.checked_add(usize::from(byte))
            }),
        _ => None,
    }
}

fn element<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<&'a [u8]> {
    let len = header(cursor, tag)?;
    cursor.take(len)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{datagram, spoken};
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn each_version_is_told() {
        for text in [
            "30 26 020100 0406 7075626c6963 a0 19",
            "30 8200 26 020101 0406 7075626c6963 a5 19",
            "30 3e 020103 30 11 02045a2b6c1d 0203 00ffe3 0401 04 020103 04 10",
        ] {
            assert_eq!(datagram(9999, &hex(text)), Some(Protocol::Snmp), "{text}");
            assert_eq!(spoken(&hex(text), b""), Some(Protocol::Snmp), "{text}");
        }
    }

    #[test]
    fn other_messages_in_ber_are_not() {
        for text in [
            "30 0c 020101 60 07 020103 0400 8000",
            "30 26 020102 0406 7075626c6963 a0 19",
            "30 26 020100 0406 7075626c6963 30 19",
            "30 85 0000000026 020100 0406 7075626c6963 a0",
            "30 3e 020103 30 11 0204 5a2b6c1d 0203 00ffe3 0402 0404 020103 04",
        ] {
            assert_eq!(datagram(161, &hex(text)), None, "{text}");
        }
    }
}
