//! BGP: sixteen bytes of ones before every message.

use super::super::{Opening, Recognised};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Source: RFC 4271 §4.1.
const MARKER: [u8; 16] = [0xff; 16];
/// A header is the shortest message, and the longest was 4,096 bytes before RFC 8654.
const MIN_LEN: u16 = 19;
/// OPEN, UPDATE, NOTIFICATION, KEEPALIVE, and ROUTE-REFRESH of RFC 2918.
const TYPES: std::ops::RangeInclusive<u8> = 1..=5;

/// Whether either side begins with the header of a message.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_bgp = [opening.client, opening.server]
        .into_iter()
        .any(|side| is_message(side).unwrap_or_default());
    is_bgp.then(|| Protocol::Bgp.into())
}

fn is_message(bytes: &[u8]) -> Option<bool> {
    let mut cursor = Cursor(bytes.strip_prefix(&MARKER)?);
    let (len, kind) = (cursor.u16()?, cursor.u8()?);
    Some(len >= MIN_LEN && TYPES.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::super::tests::spoken;
    use super::*;

    #[test]
    fn a_marker_a_length_and_a_type_say_it() {
        let message = |tail: [u8; 3]| [&MARKER[..], &tail].concat();
        assert_eq!(spoken(&message([0, 19, 4]), b""), Some(Protocol::Bgp));
        assert_eq!(spoken(b"", &message([0, 19, 4])), Some(Protocol::Bgp));
        for tail in [[0, 18, 4], [0, 19, 0], [0, 19, 6], [0xff; 3]] {
            assert_eq!(spoken(&message(tail), b""), None);
        }
    }
}
