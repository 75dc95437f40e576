//! The quick way to write a name: whole, in place, sixteen bytes at a step. What it cannot write is left to the way byte by byte.

use super::{DomainName, MAX_NAME_LEN, is_strange};

/// A name whose text is its bytes in lower case, as nearly every name's is: put together in place, so that it costs one allocation.
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
const CHUNK: usize = 16;

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
