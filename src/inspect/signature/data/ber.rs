//! Elements of the Basic Encoding Rules, of which LDAP and Kerberos are made.
//!
//! In: bytes, perhaps cut. Out: the element at their front. Knows nothing of what tags mean.

/// An element: a tag, a length, contents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    /// Class, form and number, as they stand in one byte.
    pub(super) tag: u8,
    /// Bytes of its contents.
    pub(super) len: usize,
    /// Its contents, as far as they are there.
    pub(super) contents: &'a [u8],
    /// Bytes of tag, length and contents.
    pub(super) total_len: usize,
}

/// The element at the front; `None` when its length is not there, is not given beforehand, or takes more than four bytes.
///
/// * Tags of more than one byte are no element here: no protocol that is looked for has any.
///
/// Source: X.690 §8.1.2, §8.1.3.
pub(super) fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let long_len = match first {
        0..=0x7f => 0,
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(long_len)?;
    let len = match digits {
        [] => usize::from(first),
        digits => digits
            .iter()
            .fold(0, |len, &digit| len << 8 | usize::from(digit)),
    };
    Some(Element {
        tag,
        len,
        contents: rest.get(..len).unwrap_or(rest),
        total_len: len.checked_add(2 + long_len)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    fn read(text: &str) -> Option<(u8, usize, usize, usize)> {
        let bytes = hex(text);
        element(&bytes).map(|e| (e.tag, e.len, e.contents.len(), e.total_len))
    }

    #[test]
    fn lengths_of_every_form_are_read() {
        assert_eq!(read("02 01 05"), Some((2, 1, 1, 3)));
        assert_eq!(read("30 81 03 02 01 05 ff"), Some((0x30, 3, 3, 6)));
        assert_eq!(
            read("30 84 00000003 02 01 05"),
            Some((0x30, 3, 3, 9)),
            "as Active Directory writes it"
        );
        assert_eq!(read("42 00"), Some((0x42, 0, 0, 2)));
    }

    #[test]
    fn cut_contents_keep_their_length() {
        assert_eq!(read("30 82 1234 02 01"), Some((0x30, 0x1234, 2, 0x1238)));
        assert_eq!(
            read("30 84 ffffffff"),
            Some((0x30, 0xffff_ffff, 0, 0x1_0000_0005))
        );
    }

    #[test]
    fn what_has_no_length_is_none() {
        for none in [
            "",
            "30",
            "30 80 00 00",
            "30 82 01",
            "30 85 0000000001",
            "1f 81 01",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn damaged_elements_never_panic() {
        each_mutation(&hex("30 84 00000003 02 01 05"), 2000, |bytes| {
            if let Some(element) = element(bytes) {
                assert!(element.contents.len() <= element.len);
            }
        });
    }
}
