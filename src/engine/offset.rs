//! Where a name stands in the payload that says it.

use memchr::memchr2_iter;

/// Offset in `payload` of the first place where `name` stands, in letters of either case: as text, or as the labels of DNS.
///
/// * Of labels, the offset of the first one's letters; RFC 1035 §3.1 puts its length before them.
/// * `None` where the payload does not say it as it is: encrypted, spread over several packets, compressed, escaped.
/// * Takes payload times name at the worst: for those who ask where each name stood, not for every packet.
pub(super) fn offset_of(name: &str, payload: &[u8]) -> Option<u32> {
    let name = name.as_bytes();
    let first = *name.first()?;
    let starts = memchr2_iter(
        first.to_ascii_lowercase(),
        first.to_ascii_uppercase(),
        payload,
    );
    let is_there = |start: &usize| {
        let (before, there) = payload.split_at_checked(*start).unwrap_or_default();
        let Some((there, behind)) = there.split_at_checked(name.len()) else {
            return false;
        };
        let (before, behind) = (before.last(), behind.first());
        let is_whole = || ![before, behind].into_iter().flatten().any(is_of_names);
        if there.eq_ignore_ascii_case(name) && is_whole() {
            return true;
        }
        before.is_some_and(|len| usize::from(*len) == label_len(name)) && is_labels(there, name)
    };
    starts
        .into_iter()
        .find(is_there)
        .and_then(|start| u32::try_from(start).ok())
}

/// Whether a name of which this is the next byte would be another one.
fn is_of_names(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')
}

/// Bytes of the label that `name` begins with.
fn label_len(name: &[u8]) -> usize {
    name.iter().take_while(|&&byte| byte != b'.').count()
}

/// Whether `there`, of the same length, is `name` with the length of the next label in place of each dot.
fn is_labels(there: &[u8], name: &[u8]) -> bool {
    let mut pairs = there.iter().zip(name).enumerate();
    pairs.all(|(at, (said, byte))| match byte {
        b'.' => {
            let label = name.get(at + 1..).unwrap_or_default();
            usize::from(*said) == label_len(label)
        }
        byte => said.eq_ignore_ascii_case(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_text_in_either_case() {
        let request = b"GET / HTTP/1.1\r\nHost: WWW.Example.org\r\n\r\n";
        assert_eq!(offset_of("www.example.org", request), Some(22));
        assert_eq!(offset_of("example.org", request), None, "another name");
        assert_eq!(offset_of("www.example.net", request), None);
        assert_eq!(offset_of("", request), None);
    }

    #[test]
    fn a_name_is_found_as_labels_of_dns() {
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07Example\x03org\0\0\x01\0\x01";
        assert_eq!(offset_of("example.org", question), Some(13));
        assert_eq!(offset_of("ample.org", question), None, "another name");
        assert_eq!(offset_of("example.or", question), None);
        assert_eq!(offset_of("www.example.org", question), None);
    }

    #[test]
    fn a_length_that_is_a_digit_too_is_no_part_of_the_name() {
        let host = "x".repeat(usize::from(b'0'));
        let question = format!("\0\0\x30{host}\0\0\x01\0\x01");
        assert_eq!(offset_of(&host, question.as_bytes()), Some(3));
        let text = format!("Host: 1{host}");
        assert_eq!(offset_of(&host, text.as_bytes()), None);
    }

    #[test]
    fn a_name_that_is_cut_is_not_there() {
        let said = b"\x07example\x03org";
        for len in 0..said.len() {
            assert_eq!(offset_of("example.org", &said[..len]), None, "{len}");
        }
        assert_eq!(offset_of("example.org", said), Some(1));
    }
}
