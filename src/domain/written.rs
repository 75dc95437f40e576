//! Whether bytes say a name that is known already: told without the name being made once more.

use super::draft::CHUNK;
use super::{DomainName, MAX_LABEL_LEN};

impl DomainName {
    /// How many bytes the name takes at the front of `bytes`, where a message of DNS writes it out as
    /// [`DomainName::from_written_out`] would read it; letter case does not count. `None` where another name stands there, and where
    /// something is escaped.
    pub(crate) fn written_out_len(&self, bytes: &[u8]) -> Option<usize> {
        let text = self.as_str().as_bytes();
        let (&first, rest) = bytes.split_first()?;
        let (there, behind) = rest.split_at_checked(text.len())?;
        let (mut len, mut end, mut borders) = (first, 0, 0);
        loop {
            end += usize::from(len);
            if usize::from(len) > MAX_LABEL_LEN || end >= text.len() {
                break;
            }
            // Where a label's length stands is the dot before the label.
            if text.get(end) != Some(&b'.') {
                return None;
            }
            len = *there.get(end)?;
            end += 1;
            borders += 1;
        }
        let is_it = usize::from(len) <= MAX_LABEL_LEN
            && end == text.len()
            && behind.first() == Some(&0)
            && dots_if_same(text, there) == Some(borders);
        is_it.then_some(text.len() + 2)
    }
}

/// How many dots are in `text`, if `bytes`, which are as many, are the same in whatever letter case, but for what stands in the place of
/// each. `None` also where a backslash makes something else of what follows it.
fn dots_if_same(text: &[u8], bytes: &[u8]) -> Option<u8> {
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    let (there, there_rest) = bytes.as_chunks::<CHUNK>();
    let mut compared = Compared::default();
    for (text, bytes) in chunks.iter().zip(there) {
        compared.take(text, bytes, 0);
    }
    if !rest.is_empty() {
        match (text.last_chunk(), bytes.last_chunk()) {
            // Quicker than to fill the rest up: some of it is looked at once more.
            (Some(text), Some(bytes)) => compared.take(text, bytes, CHUNK - rest.len()),
            _ => compared.take(&filled_up(rest), &filled_up(there_rest), 0),
        }
    }
    (compared.differs == [0; CHUNK]).then(|| compared.dots.iter().sum())
}

/// By the place in a chunk, so that all places are looked at in one step.
#[derive(Default)]
struct Compared {
    differs: [u8; CHUNK],
    dots: [u8; CHUNK],
}

impl Compared {
    /// * `known`: so many of the first places were looked at before, and their dots are counted.
    #[inline]
    fn take(&mut self, text: &[u8; CHUNK], bytes: &[u8; CHUNK], known: usize) {
        let places = self.differs.iter_mut().zip(&mut self.dots);
        let pairs = text.iter().zip(bytes);
        for (place, ((differs, dots), (text, byte))) in (0..).zip(places.zip(pairs)) {
            let is_dot = *text == b'.';
            let is_same = *text == byte.to_ascii_lowercase();
            *differs |= u8::from(!(is_same | is_dot) | (*text == b'\\'));
            *dots += u8::from(is_dot & (place >= known as u8));
        }
    }
}

/// The last of `bytes`, and letters behind them.
fn filled_up(bytes: &[u8]) -> [u8; CHUNK] {
    let mut chunk = [b'a'; CHUNK];
    chunk
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    chunk
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a message of DNS writes these labels out.
    fn written(labels: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in labels {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label);
        }
        bytes.push(0);
        bytes
    }

    fn name(labels: &[&[u8]]) -> DomainName {
        let mut labels = labels.iter().map(|label| Ok::<_, ()>(*label));
        DomainName::from_labels(&mut labels).unwrap().unwrap()
    }

    #[test]
    fn a_name_is_known_again_in_any_letter_case() {
        let bytes = [
            written(&[b"wWw", b"A-name-of-some-length", b"example"]),
            b"rest".to_vec(),
        ]
        .concat();
        let known = name(&[b"www", b"a-name-of-some-length", b"example"]);
        assert_eq!(known.written_out_len(&bytes), Some(bytes.len() - 4));
    }

    #[test]
    fn a_label_may_be_of_any_length() {
        // That of 46 bytes is written as a dot is, and that of 63 is the longest.
        for len in 1..=MAX_LABEL_LEN {
            let label = vec![b'a'; len];
            let labels = [&b"www"[..], &label, &label];
            let bytes = written(&labels);
            assert_eq!(name(&labels).written_out_len(&bytes), Some(bytes.len()));
        }
    }

    #[test]
    fn what_is_only_written_alike_is_another_name() {
        let digits = [b'5'; 0x35];
        for (known, there) in [
            (name(&[b"a", b"b"]), written(&[b"a.b"])),
            (name(&[b"a", b"b"]), written(&[b"axb"])),
            (name(&[b"a.b"]), written(&[b"a", b"b"])),
            (name(&[b"a.b"]), written(&[b"a.b"])),
            (name(&[b"a\\"]), written(&[b"a\\092"])),
            (name(&[b"a", b"bc"]), written(&[b"ab", b"c"])),
            (name(&[b"a", b"b"]), written(&[b"a", b"b", b"c"])),
            (name(&[b"a", b"b", b"c"]), written(&[b"a", b"b"])),
            // The length of the second label is the digit 5.
            (
                name(&[&[b"a5".as_slice(), &digits[1..], b"x"].concat()]),
                written(&[b"a", &digits]),
            ),
        ] {
            assert_eq!(known.written_out_len(&there), None, "{known} {there:?}");
        }
        let known = name(&[b"a", b"b"]);
        for cut in 0..5 {
            assert_eq!(
                known.written_out_len(&b"\x01a\x01b\0"[..cut]),
                None,
                "{cut}"
            );
        }
        assert_eq!(known.written_out_len(b"\x01a\x01b\xc0"), None);
    }

    /// Bytes that are something else to somebody, and lengths of short labels.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => prop::sample::select(b"aB.5\\-\x01\x02\x03\0\x40\xc0".as_slice()),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, 0..80)
    }

    fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(
            prop::collection::vec(prop::sample::select(b"abZ.5\\-".as_slice()), 1..64),
            1..4,
        )
    }

    proptest! {
        #[test]
        fn only_the_name_that_would_be_read_is_known_again(labels in labels(), other in labels(), noise in bytes()) {
            let labels: Vec<&[u8]> = labels.iter().map(Vec::as_slice).collect();
            let other: Vec<&[u8]> = other.iter().map(Vec::as_slice).collect();
            let known = name(&labels);
            for bytes in [written(&labels), written(&other), noise] {
                let read = DomainName::from_written_out(&bytes);
                let len = known.written_out_len(&bytes);
                let expected = read.filter(|(read, _)| *read == known).map(|(_, len)| len);
                prop_assert_eq!(len, expected);
            }
        }
    }
}
