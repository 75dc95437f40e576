//! Puts a message's bytes together, whatever the order its pieces come in: CRYPTO frames of QUIC, handshake fragments of DTLS.

/// Most separate stretches that are kept. Chromium cuts a hello into some ten pieces and shuffles them.
const MAX_STRETCHES: usize = 64;

/// More stretches came than are kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooScattered;

/// The bytes of a message as far as they have come. Where pieces overlap, the first to come counts.
///
/// What has not come takes no memory, wherever in the message the pieces lie.
#[derive(Debug)]
pub(super) struct Scattered {
    /// Most bytes that are kept.
    limit: usize,
    /// In order, neither touching nor overlapping.
    stretches: Vec<Stretch>,
}

/// Bytes that follow each other.
#[derive(Debug)]
struct Stretch {
    /// Where in the message they begin.
    start: usize,
    bytes: Vec<u8>,
}

impl Scattered {
    /// Room for the first `limit` bytes of a message.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            stretches: Vec::new(),
        }
    }

    /// Takes in a piece that begins at `offset`. What lies past the limit is left out.
    pub(super) fn insert(&mut self, offset: u64, piece: &[u8]) -> Result<(), TooScattered> {
        let Some((start, piece)) = self.within(offset, piece) else {
            return Ok(());
        };
        let end = start + piece.len();
        // The stretches that the piece touches; it fills the holes before, between and behind them, and joins them.
        let (first, mut last) = self.touched(start, end);
        let grows = |stretch: &Stretch| stretch.start <= start;
        if first == last || !self.stretches.get(first).is_some_and(grows) {
            let bytes = Vec::with_capacity(piece.len());
            self.stretches.insert(first, Stretch { start, bytes });
            last += 1;
        }
        let later: Vec<Stretch> = self.stretches.drain(first + 1..last).collect();
        if let Some(joined) = self.stretches.get_mut(first) {
            for stretch in later {
                joined.fill(start, piece, stretch.start);
                joined.bytes.extend(stretch.bytes);
            }
            joined.fill(start, piece, end);
        }
        if self.stretches.len() > MAX_STRETCHES {
            return Err(TooScattered);
        }
        Ok(())
    }

    /// Whether a piece that begins at `offset` has another byte than what came for the same place.
    pub(super) fn contradicts(&self, offset: u64, piece: &[u8]) -> bool {
        let Some((start, piece)) = self.within(offset, piece) else {
            return false;
        };
        let (first, last) = self.touched(start, start + piece.len());
        let touched = self.stretches.get(first..last).unwrap_or_default();
        touched.iter().any(|stretch| {
            let ours = stretch.bytes.get(start.saturating_sub(stretch.start)..);
            let theirs = piece.get(stretch.start.saturating_sub(start)..);
            let both = ours
                .unwrap_or_default()
                .iter()
                .zip(theirs.unwrap_or_default());
            both.into_iter().any(|(ours, theirs)| ours != theirs)
        })
    }

    /// The bytes from the start up to the first that is missing.
    pub(super) fn front(&self) -> &[u8] {
        match self.stretches.first() {
            Some(stretch) if stretch.start == 0 => &stretch.bytes,
            _ => &[],
        }
    }

    /// Memory that is held.
    pub(super) fn held_bytes(&self) -> usize {
        let bytes: usize = self.stretches.iter().map(|s| s.bytes.capacity()).sum();
        bytes + self.stretches.capacity() * size_of::<Stretch>()
    }

    /// What of a piece lies within the limit, and where; `None` when that is nothing.
    fn within<'a>(&self, offset: u64, piece: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let start = usize::try_from(offset).ok()?;
        let room = self.limit.checked_sub(start)?;
        let piece = piece.get(..room).unwrap_or(piece);
        (!piece.is_empty()).then_some((start, piece))
    }

    /// Which stretches (from, and up to before) have bytes between `start` and `end`, or end or begin there.
    fn touched(&self, start: usize, end: usize) -> (usize, usize) {
        let first = self.stretches.partition_point(|s| s.end() < start);
        let last = self.stretches.partition_point(|s| s.start <= end);
        (first, last)
    }
}

impl Stretch {
    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    /// Goes on up to `end` with what `piece`, which begins at `start`, has for that.
    fn fill(&mut self, start: usize, piece: &[u8], end: usize) {
        let from = self.end().saturating_sub(start);
        let missing = piece.get(from..end.saturating_sub(start));
        self.bytes.extend_from_slice(missing.unwrap_or_default());
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
        assert!(stream.held_bytes() < 256);
        for i in 1..MAX_STRETCHES as u64 {
            insert(&mut stream, 2 * i, b"a");
        }
        let one_more = 2 * MAX_STRETCHES as u64;
        assert_eq!(stream.insert(one_more, b"a"), Err(TooScattered));
        assert!(stream.held_bytes() <= 2 * MAX_STRETCHES * (size_of::<Stretch>() + 8));
        insert(&mut stream, 0, &vec![b'b'; 2 * LIMIT]);
        assert_eq!(stream.front().len(), LIMIT);
    }

    #[test]
    fn other_bytes_for_the_same_place_are_told() {
        let mut stream = Scattered::new(LIMIT);
        insert(&mut stream, 2, b"cd");
        insert(&mut stream, 6, b"gh");
        for (offset, piece, contradicts) in [
            (0, &b"abcdefghij"[..], false),
            (0, b"ab", false),
            (4, b"ef", false),
            (0, b"XXc", false),
            (0, b"abX", true),
            (3, b"X", true),
            (3, b"deXg", false),
            (3, b"defghX", false),
            (3, b"defgX", true),
            (LIMIT as u64, b"X", false),
        ] {
            assert_eq!(stream.contradicts(offset, piece), contradicts, "{piece:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_as_if_bytes_came_one_by_one(pieces in prop::collection::vec((0u64..60, prop::collection::vec(any::<u8>(), 0..20)), 0..20)) {
            let mut stream = Scattered::new(LIMIT);
            let mut truth = [None; 80];
            for (offset, bytes) in &pieces {
                let differs = truth[*offset as usize..].iter().zip(bytes).any(|(there, byte)| there.is_some_and(|there| there != *byte));
                prop_assert_eq!(stream.contradicts(*offset, bytes), differs);
                insert(&mut stream, *offset, bytes);
                for (place, byte) in truth[*offset as usize..].iter_mut().zip(bytes) {
                    place.get_or_insert(*byte);
                }
            }
            let front: Vec<u8> = truth.into_iter().map_while(|byte| byte).collect();
            prop_assert_eq!(stream.front(), front);
            prop_assert!(stream.stretches.is_sorted_by(|a, b| a.end() < b.start));
        }
    }
}
