//! TLS from the middle of a connection whose hellos were not captured: told by its records alone.
//!
//! In: bytes of one direction from a segment's start. Out: whether they are TLS. Knows nothing of what is encrypted in them.

use super::record::{HANDSHAKE, MAX_FRAGMENT};
use crate::inspect::cursor::Cursor;

/// Content types, RFC 8446 §5.1.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;

/// Shortest encrypted content: what authenticates it takes 16 bytes. RFC 8446 §5.2, RFC 5246 §6.2.3.
const MIN_ENCRYPTED: usize = 16;
/// Records that leave no doubt when each begins where the one before it ends: 44 bits that fit.
const ENOUGH_RECORDS: usize = 2;

/// Whether `bytes` are records of TLS beyond doubt.
///
/// * They begin with a record. It ends where they end, or another begins there.
/// * All have one version, lengths that their kind can have, and content as far as it is there.
///
/// Source: RFC 8446 §5.1; RFC 5246 §6.2.1.
pub fn are_surely_records(bytes: &[u8]) -> bool {
    let mut rest = Cursor(bytes);
    let mut version = None;
    let mut records = 0;
    while !rest.0.is_empty() {
        let Some((minor, len)) = header(&mut rest) else {
            // A header that is cut, where enough was seen before it.
            return records >= ENOUGH_RECORDS && rest.0.len() < 5;
        };
        if *version.get_or_insert(minor) != minor {
            return false;
        }
        records += 1;
        if rest.take(len).is_none() {
            return records >= ENOUGH_RECORDS;
        }
    }
    records > 0
}

/// Whether `bytes` are the front of a single record of application data that goes on behind them: of TLS, if the other side says
/// the like.
///
/// * A large message leaves in one record that fills several segments: no other header stands in any of them.
///
/// Source: RFC 8446 §5.1.
pub fn is_front_of_record(bytes: &[u8]) -> bool {
    let mut rest = Cursor(bytes);
    header(&mut rest).is_some_and(|(_, len)| {
        bytes.starts_with(&[APPLICATION_DATA]) && (MIN_ENCRYPTED..len).contains(&rest.0.len())
    })
}

/// The minor version and the length in the header at the front of `rest`, if it can be one.
fn header(rest: &mut Cursor<'_>) -> Option<(u8, usize)> {
    let mut there = *rest;
    let (kind, major, minor) = (there.u8()?, there.u8()?, there.u8()?);
    let len = usize::from(there.u16()?);
    let fits = match kind {
        CHANGE_CIPHER_SPEC => len == 1,
        // In the clear it has two bytes: a level and what of.
        ALERT => len == 2 && matches!(there.0, [] | [1 | 2, ..]) || len >= MIN_ENCRYPTED,
        HANDSHAKE | APPLICATION_DATA => len >= MIN_ENCRYPTED,
        _ => false,
    };
    if !fits || major != 3 || !(1..=3).contains(&minor) || len > MAX_FRAGMENT {
        return None;
    }
    *rest = there;
    Some((minor, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::each_mutation;

    fn record(kind: u8, minor: u8, len: u16) -> Vec<u8> {
        let [high, low] = len.to_be_bytes();
        let content = (0..len).map(|i| (i * 37) as u8);
        [kind, 3, minor, high, low]
            .into_iter()
            .chain(content)
            .collect()
    }

    #[test]
    fn a_record_that_fills_its_segment_leaves_no_doubt() {
        assert!(are_surely_records(&record(APPLICATION_DATA, 3, 34)));
        assert!(are_surely_records(&record(ALERT, 1, 26)));
        assert!(are_surely_records(&[21, 3, 3, 0, 2, 1, 0]));
        assert!(are_surely_records(&[20, 3, 3, 0, 1, 1]));
        assert!(!are_surely_records(&[]));
    }

    #[test]
    fn one_that_is_cut_or_too_short_leaves_some() {
        let whole = record(APPLICATION_DATA, 3, 34);
        for len in 0..whole.len() {
            assert!(!are_surely_records(&whole[..len]), "{len}");
        }
        assert!(!are_surely_records(&record(APPLICATION_DATA, 3, 3)));
        assert!(!are_surely_records(&[&whole[..], &[0]].concat()));
    }

    #[test]
    fn records_in_a_row_may_be_cut() {
        let first = record(APPLICATION_DATA, 3, 34);
        let both = [&first[..], &record(APPLICATION_DATA, 3, 1000)].concat();
        for len in first.len()..both.len() {
            let is_told = len == first.len() || len >= first.len() + 5;
            assert_eq!(are_surely_records(&both[..len]), is_told, "{len}");
        }
    }

    #[test]
    fn a_record_that_goes_on_is_a_front() {
        let whole = record(APPLICATION_DATA, 3, 1467);
        for len in 0..whole.len() {
            assert_eq!(is_front_of_record(&whole[..len]), len >= 21, "{len}");
        }
        assert!(!is_front_of_record(&whole));
        assert!(!is_front_of_record(&record(HANDSHAKE, 3, 1467)[..1400]));
        assert!(!is_front_of_record(
            &record(APPLICATION_DATA, 0, 1467)[..1400]
        ));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        for (kind, major, minor, len) in [
            (24, 3, 3, 34),
            (19, 3, 3, 34),
            (23, 2, 3, 34),
            (23, 3, 0, 34),
            (23, 3, 4, 34),
            (20, 3, 3, 2),
        ] {
            let mut bytes = record(kind, minor, len);
            bytes[1] = major;
            assert!(!are_surely_records(&bytes), "{kind} {major}.{minor}");
        }
        let versions = [record(23, 3, 34), record(23, 1, 34)].concat();
        assert!(!are_surely_records(&versions));
    }

    #[test]
    fn damage_is_harmless() {
        let bytes = [record(22, 3, 40), record(23, 3, 300)].concat();
        each_mutation(&bytes, 2000, |damaged| {
            are_surely_records(damaged);
            is_front_of_record(damaged);
        });
    }
}
