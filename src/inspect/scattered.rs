//! Puts a message's bytes together, whatever the order its pieces come in: CRYPTO frames of QUIC, handshake fragments of DTLS.

use std::ops::Range;

/// Most separate stretches that are kept. Chromium cuts a hello into some ten pieces and shuffles them.
const MAX_STRETCHES: usize = 64;

/// More stretches came than are kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooScattered;

/// The bytes of a message as far as they have come. Where pieces overlap, the first to come counts.
#[derive(Debug)]
pub(super) struct Scattered {
    /// Most bytes that are kept.
    limit: usize,
    bytes: Vec<u8>,
    /// What of `bytes` has come: in order, neither touching nor overlapping.
    stretches: Vec<Range<usize>>,
}

impl Scattered {
    /// Room for the first `limit` bytes of a message.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            stretches: Vec::new(),
        }
    }

    /// Takes in a piece that begins at `offset`. What lies past the limit is left out.
    pub(super) fn insert(&mut self, offset: u64, piece: &[u8]) -> Result<(), TooScattered> {
        let Some(start) = usize::try_from(offset)
            .ok()
            .filter(|&start| start < self.limit)
        else {
            return Ok(());
        };
        let end = start.saturating_add(piece.len()).min(self.limit);
        if start == end {
            return Ok(());
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        // The stretches that the piece touches; it fills the holes before, between and behind them, and joins them.
        let first = self
            .stretches
            .partition_point(|stretch| stretch.end < start);
        let last = self
            .stretches
            .partition_point(|stretch| stretch.start <= end);
        let mut joined = start..end;
        let mut hole = start;
        for stretch in self.stretches.get(first..last).unwrap_or_default() {
            copy(&mut self.bytes, piece, start, hole..stretch.start);
            hole = hole.max(stretch.end);
            joined = joined.start.min(stretch.start)..joined.end.max(stretch.end);
        }
        copy(&mut self.bytes, piece, start, hole..end);
        self.stretches.splice(first..last, [joined]);
        if self.stretches.len() > MAX_STRETCHES {
            return Err(TooScattered);
        }
        Ok(())
    }

    /// The bytes from the start up to the first that is missing.
    pub(super) fn front(&self) -> &[u8] {
        match self.stretches.first() {
            Some(stretch) if stretch.start == 0 => {
                self.bytes.get(..stretch.end).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// Memory that is held.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.stretches.capacity() * size_of::<Range<usize>>()
    }
}

/// Copies what `piece`, which begins at `start`, has for `hole`; nothing when the hole is none.
fn copy(bytes: &mut [u8], piece: &[u8], start: usize, hole: Range<usize>) {
    let Some(from) = hole.start.checked_sub(start) else {
        return;
    };
    let source = piece.get(from..).unwrap_or_default();
    if let Some(place) = bytes.get_mut(hole) {
        for (to, from) in place.iter_mut().zip(source) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 16 * 1024;

    fn insert(stream: &mut Scattered, offset: u64, bytes: &[u8]) {
        stream.insert(offset, bytes).unwrap();
    }

    #[test]
    fn the_first_bytes_count() {
        let mut stream = Scattered::new(LIMIT);
        insert(&mut stream, 2, b"cd");
        insert(&mut stream, 6, b"gh");
        assert_eq!(stream.front(), b"");
        insert(&mut stream, 0, b"XXXXXXXXXX");
        assert_eq!(stream.front(), b"XXcdXXghXX");
        insert(&mut stream, 0, b"..........kl");
        assert_eq!(stream.front(), b"XXcdXXghXXkl");
        insert(&mut stream, 3, b"");
        assert_eq!(stream.stretches.len(), 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut stream = Scattered::new(LIMIT);
        insert(&mut stream, u64::MAX, b"a");
        insert(&mut stream, LIMIT as u64, b"a");
        assert_eq!(stream.held_bytes(), 0);
        insert(&mut stream, LIMIT as u64 - 1, b"ab");
        assert_eq!(stream.bytes.len(), LIMIT);
        for i in 1..MAX_STRETCHES as u64 {
            insert(&mut stream, 2 * i, b"a");
        }
        let one_more = 2 * MAX_STRETCHES as u64;
        assert_eq!(stream.insert(one_more, b"a"), Err(TooScattered));
        assert!(stream.held_bytes() <= LIMIT + 2 * MAX_STRETCHES * 16);
    }

    proptest! {
        #[test]
        fn it_is_as_if_bytes_came_one_by_one(pieces in prop::collection::vec((0u64..60, prop::collection::vec(any::<u8>(), 0..20)), 0..20)) {
            let mut stream = Scattered::new(LIMIT);
            let mut truth = [None; 80];
            for (offset, bytes) in &pieces {
                insert(&mut stream, *offset, bytes);
                for (place, byte) in truth[*offset as usize..].iter_mut().zip(bytes) {
                    place.get_or_insert(*byte);
                }
            }
            let front: Vec<u8> = truth.into_iter().map_while(|byte| byte).collect();
            prop_assert_eq!(stream.front(), front);
            prop_assert!(stream.stretches.is_sorted_by(|a, b| a.end < b.start));
        }
    }
}
