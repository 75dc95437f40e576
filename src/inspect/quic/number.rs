//! Variable-length integers, RFC 9000 §16.

use crate::inspect::cursor::Cursor;

/// Takes a number of 1, 2, 4 or 8 bytes off the front; the two highest bits of the first say how many. Longer forms than needed count as well.
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let rest = cursor.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |number, &byte| {
        number << 8 | u64::from(byte)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn numbers_are_read_in_each_of_their_lengths() {
        // RFC 9000 §A.1.
        for (text, number) in [
            ("c2197c5eff14e88c", 151_288_809_941_952_652),
            ("9d7f3e7d", 494_878_333),
            ("7bbd", 15_293),
            ("25", 37),
            ("4025", 37),
        ] {
            let bytes = hex(text);
            let mut cursor = Cursor(&bytes);
            assert_eq!(varint(&mut cursor), Some(number));
            assert!(cursor.0.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(varint(&mut Cursor(&bytes[..cut])), None);
            }
        }
    }
}
