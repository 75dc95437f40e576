//! The quick way to write a name: whole, in place, sixteen bytes at a step. What it cannot write is left to the way byte by byte.

use super::text::{self, Text};
use super::{DomainName, MAX_LABEL_LEN, MAX_NAME_LEN, is_strange};

/// A name whose text is its bytes in lower case, as nearly every name's is: put together in place, so that it costs one allocation at most.
// The text begins where a word does: only from there on are texts checked word by word.
#[repr(C, align(16))]
pub(super) struct Draft {
    /// Letters behind the name fill the last chunk.
    pub(super) text: [[u8; CHUNK]; (MAX_NAME_LEN + 1) / CHUNK],
    pub(super) len: usize,
    /// Whether a byte has to be escaped, and how many are dots: known once it is in lower case.
    is_strange: bool,
    pub(super) dots: u8,
}

/// Bytes that are looked at in one step.
pub(super) const CHUNK: usize = 16;

impl Draft {
    pub(super) const fn new() -> Self {
        Self {
            text: [[b'a'; CHUNK]; (MAX_NAME_LEN + 1) / CHUNK],
            len: 0,
            is_strange: false,
            dots: 0,
        }
    }

    /// Adds `bytes` as they are. Whether there is room.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.len.saturating_add(bytes.len());
        let text = self.text.as_flattened_mut();
        match text.get_mut(self.len..end) {
            Some(room) if end <= MAX_NAME_LEN => {
                room.copy_from_slice(bytes);
                self.len = end;
                true
            }
            _ => false,
        }
    }

    /// Leaves the first `len` bytes.
    pub(super) fn cut(&mut self, len: usize) {
        let behind = len..len.next_multiple_of(CHUNK);
        if let Some(behind) = self.text.as_flattened_mut().get_mut(behind) {
            behind.fill(b'a');
        }
        self.len = len;
    }

    pub(super) fn lower(&mut self) {
        // By the place in a chunk, so that all places are looked at in one step.
        let (mut strange, mut dots) = ([0; CHUNK], [0_u8; CHUNK]);
        for chunk in self.text.iter_mut().take(self.len.div_ceil(CHUNK)) {
            for ((byte, strange), dots) in chunk.iter_mut().zip(&mut strange).zip(&mut dots) {
                *strange |= u8::from(is_strange(*byte));
                *dots += u8::from(*byte == b'.');
                byte.make_ascii_lowercase();
            }
        }
        self.is_strange = strange != [0; CHUNK];
        self.dots = dots.iter().sum();
    }

    /// The name; `None` where it has to be written in another way.
    pub(super) fn finish(&self) -> Option<DomainName> {
        if self.is_strange {
            return None;
        }
        // Whole chunks, of which the check leaves no rest to go through byte by byte.
        let chunks = self.text.get(..self.len.div_ceil(CHUNK))?;
        let text = std::str::from_utf8(chunks.as_flattened()).ok()?;
        Some(DomainName(text.get(..self.len)?.into()))
    }
}

/// A short name, as nearly every one is: so short that each step over it is a few instructions, without a loop.
#[repr(C, align(16))]
pub(super) struct Short {
    text: [u8; SHORT_LEN],
}

/// Two chunks, one byte for the length behind the name.
const SHORT_LEN: usize = text::SHORT_LEN;
const _: () = assert!(SHORT_LEN == 2 * CHUNK);

impl Short {
    /// As [`DomainName::from_written_out`]; `None` also for what is not that short.
    #[inline]
    pub(super) fn written_out(bytes: &[u8]) -> Option<(DomainName, usize)> {
        let (&first, rest) = bytes.split_first()?;
        let mut short = Self::beginning(rest);
        // Where a label's length stands goes the dot before the label.
        let (mut len, mut end, mut borders) = (first, 0, 0_u8);
        while len != 0 {
            if usize::from(len) > MAX_LABEL_LEN {
                return None;
            }
            end += usize::from(len);
            len = std::mem::replace(short.text.get_mut(end)?, b'.');
            end += 1;
            borders += 1;
        }
        // Less than the text has room for.
        let name = short.finish(end.checked_sub(1)? as u8, borders)?;
        Some((name, 1 + end))
    }

    /// The first of `bytes`. Behind them comes what is no label's length, so that no name ends there.
    #[inline]
    fn beginning(bytes: &[u8]) -> Self {
        let text = bytes.first_chunk().copied().unwrap_or_else(|| {
            let mut text = [u8::MAX; SHORT_LEN];
            text.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            text
        });
        Self { text }
    }

    /// The name that the first `len` bytes make in lower case; `None` where something is to be escaped, which a dot within a label is.
    #[inline]
    fn finish(&mut self, len: u8, labels: u8) -> Option<DomainName> {
        let (strange, dots) = self.lower(len);
        if strange != 0 || dots + 1 != labels {
            return None;
        }
        // All of it, of which the check leaves no rest to go through byte by byte.
        Text::of_first(len.into(), &self.text).map(DomainName)
    }

    /// Writes the first `len` bytes in lower case; whether one of them has to be escaped, and how many are dots.
    // Inlined, it would be looked at with what `len` is made of, in numbers of four bytes in place of one.
    #[inline(never)]
    fn lower(&mut self, len: u8) -> (u8, u8) {
        let (mut strange, mut dots) = (0, 0);
        for (place, byte) in self.text.iter_mut().enumerate() {
            // Letters behind the name, for all places are looked at.
            let there = if place as u8 >= len { b'a' } else { *byte };
            strange |= u8::from(is_strange(there));
            dots += u8::from(there == b'.');
            *byte = there.to_ascii_lowercase();
        }
        (strange, dots)
    }
}
