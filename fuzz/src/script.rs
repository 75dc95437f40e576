//! Bytes as a script: numbers and pieces taken from the front, one after the other, until there are no more.
//!
//! A script that is at its end gives zeroes and empty pieces, so that every prefix of a script is one as well.

/// What is left of a script.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next two bytes as a number.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// The next four bytes as a number.
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// The next 16 bytes as a number.
    pub fn u128(&mut self) -> u128 {
        u128::from_be_bytes(self.array())
    }

    /// A number below `count`, by the next byte; 0 where there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.u8()).checked_rem(count).unwrap_or(0)
    }

    /// One of `list`, by the next byte.
    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).copied()
    }

    /// The next `len` bytes, or as many as are left.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// A piece behind its length, which takes two bytes.
    pub fn piece(&mut self) -> &'a [u8] {
        let len = self.u16();
        self.take(len.into())
    }

    /// Pieces behind their lengths until the script is over; `most` of them at most.
    pub fn pieces(&mut self, most: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !self.is_over() && pieces.len() < most {
            pieces.push(self.piece());
        }
        pieces
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let front = self.take(N);
        array[..front.len()].copy_from_slice(front);
        array
    }
}

/// A piece of a script that [`Script::piece`] takes as `bytes`; what lies past 64 KiB is left out.
pub fn piece(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len().min(usize::from(u16::MAX));
    let mut piece = (len as u16).to_be_bytes().to_vec();
    piece.extend_from_slice(&bytes[..len]);
    piece
}
