//! Messages in a row: what both sides of nearly every protocol begin with.
//!
//! In: bytes of which no length is believed, and how long a message is. Out: how many messages follow each other, and whether the last
//! one is whole.

/// Bytes past which messages are believed although the last one is cut.
const ENOUGH: usize = 128;

/// Messages that follow each other from the first byte to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// How many begin here.
    pub(super) count: usize,
    /// Whether the last one ends where the bytes end, rather than being cut; or is cut so late that the end is not to be waited for.
    pub(super) is_whole: bool,
}

/// Walks `bytes` from message to message; `None` when one does not look like a message, or when none begins here.
///
/// * `header_len`: bytes that `len_of` needs to judge a message. Fewer than that behind a message are not judged.
/// * `len_of`: length of the message that begins its argument, header included; `None` when that is no message.
pub(super) fn row(
    bytes: &[u8],
    header_len: usize,
    len_of: impl Fn(&[u8]) -> Option<usize>,
) -> Option<Row> {
    let mut row = Row {
        count: 0,
        is_whole: true,
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        if rest.len() < header_len && row.count > 0 {
            row.is_whole = bytes.len() >= ENOUGH;
            break;
        }
        let len = len_of(rest)?.max(1);
        row.count += 1;
        row.is_whole = len <= rest.len() || bytes.len() >= ENOUGH;
        rest = rest.get(len..).unwrap_or_default();
    }
    (row.count > 0).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length byte, and that many bytes behind it; zero is none.
    fn len_of(bytes: &[u8]) -> Option<usize> {
        let len = usize::from(*bytes.first()?);
        (len > 0).then_some(len + 1)
    }

    #[test]
    fn a_row_is_counted_to_its_end() {
        let told = |bytes: &[u8]| row(bytes, 1, len_of).map(|row| (row.count, row.is_whole));
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[1, 9, 2, 9, 9]), Some((2, true)));
        assert_eq!(told(&[1, 9, 2, 9]), Some((2, false)));
        assert_eq!(told(&[1, 9, 0, 9]), None);
        let long = [[200].as_slice(), &[9; ENOUGH]].concat();
        assert_eq!(told(&long), Some((1, true)));
    }

    #[test]
    fn what_is_too_short_to_judge_is_cut() {
        let two = |bytes: &[u8]| bytes.get(1).and_then(|_| len_of(bytes));
        let told = |bytes| row(bytes, 2, two).map(|row| (row.count, row.is_whole));
        assert_eq!(told(&[1, 9, 0]), Some((1, false)));
        assert_eq!(told(&[1]), None);
    }
}
