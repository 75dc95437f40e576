//! Puts the first bytes of one direction of a TCP connection in order.
//!
//! Segments come in as they were captured: repeated, overlapping, out of order, with gaps. What goes out are bytes in
//! order, each once, handed to a reader that says how many it is done with. Knows nothing of what the bytes mean.

/// Segments that may wait for an earlier one.
pub const MAX_WAITING_SEGMENTS: usize = 64;
/// Bytes that may wait for an earlier segment.
pub const MAX_WAITING_BYTES: usize = 64 << 10;
/// Bytes in order that a reader may leave unread before they are taken from it.
pub const MAX_UNREAD_BYTES: usize = 72 << 10;
/// How far from the expected byte a segment may lie and still be of these bytes; past that it is of another connection, or lies.
const MAX_DISTANCE: u32 = 1 << 20;
/// Unread bytes up to which the reader is asked again for every segment, however small.
const ALWAYS_ASKED_BYTES: usize = 4096;
/// Past that it is asked when the unread bytes have grown by this fraction: tiny segments must not cost quadratic time.
const ASKED_AGAIN_FRACTION: usize = 32;

/// One segment's payload.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Sequence number of the first byte.
    pub seq: u32,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// Bytes on the wire: more than `bytes.len()` when the capture cut the packet.
    pub origlen: u32,
}

/// What becomes of the bytes in order.
pub trait Reader {
    /// Reads `bytes`, which follow on what it was given and was done with before. Returns how many it is done with;
    /// the rest comes again with more behind it.
    fn read(&mut self, bytes: &[u8]) -> usize;

    /// Bytes are missing here for good: what comes next does not follow on what came before.
    ///
    /// * `unread`: what the reader was not done with; it does not come again.
    /// * `missing`: how many bytes were lost; `None` when what follows is out of all proportion to what came before.
    fn gap(&mut self, unread: &[u8], missing: Option<u32>);

    /// A segment that has to wait for an earlier one, or comes too late, or partly so; a reader may look into it.
    fn peek(&mut self, bytes: &[u8]);
}

/// The bytes of one direction, in order as far as they came.
///
/// * Bounds: [`MAX_WAITING_SEGMENTS`], [`MAX_WAITING_BYTES`], [`MAX_UNREAD_BYTES`]; what would exceed one makes the gap final.
/// * Overlaps: the bytes that came first stay, as RFC 9293 §3.10.7.4 has receivers do.
#[derive(Debug, Default)]
pub struct Assembly {
    /// Sequence number of the next byte in order; `None` before the first segment.
    next: Option<u32>,
    /// Bytes in order that the reader is not done with.
    unread: Vec<u8>,
    /// How many bytes were unread when the reader was last asked.
    asked_bytes: usize,
    /// Later segments, ascending, not overlapping, each past `next`.
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    /// Where a segment lay that was too far away to be believed; a second one there is.
    jump: Option<u32>,
}

#[derive(Debug)]
struct Waiting {
    seq: u32,
    bytes: Box<[u8]>,
    origlen: u32,
}

impl Segment<'_> {
    /// What of the segment lies at `seq` and after it.
    fn after(self, seq: u32) -> Self {
        let skip = distance(self.seq, seq)
            .max(0)
            .unsigned_abs()
            .min(self.origlen);
        Self {
            seq: self.seq.wrapping_add(skip),
            bytes: self.bytes.get(skip as usize..).unwrap_or_default(),
            origlen: self.origlen - skip,
        }
    }
}

impl Waiting {
    /// Sequence number just past the last byte.
    const fn end(&self) -> u32 {
        self.seq.wrapping_add(self.origlen)
    }
}

/// Signed distance from `from` to `to` in sequence space (RFC 9293 §3.4).
const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

impl Assembly {
    /// The connection's SYN carried `seq`: the first byte follows it. What was there before belongs to an older connection.
    pub fn synchronise(&mut self, seq: u32) {
        let first = seq.wrapping_add(1);
        if self.next != Some(first) && !self.waiting.iter().any(|w| w.seq == first) {
            *self = Self {
                next: Some(first),
                ..Self::default()
            };
        }
    }

    /// Takes in a segment and hands everything that is now in order to `reader`.
    pub fn push(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        if segment.origlen == 0 {
            return;
        }
        let next = *self.next.get_or_insert(segment.seq);
        let ahead = distance(next, segment.seq);
        if ahead.unsigned_abs() > MAX_DISTANCE {
            self.doubt(segment, reader);
        } else if ahead > 0 {
            self.wait(segment, reader);
        } else {
            let fresh = segment.after(next);
            if fresh.origlen < segment.origlen {
                // A retransmission, whose bytes may be others this time; or the begin of a connection of which we saw a later
                // part first.
                reader.peek(segment.bytes);
            }
            if fresh.origlen == 0 {
                return;
            }
            self.deliver(fresh, reader);
            self.release(reader);
        }
    }

    /// Tells the reader that bytes before the next in order will not come, and drops what it has not read.
    ///
    /// * `missing`: as for [`Reader::gap`].
    pub fn lose(&mut self, missing: Option<u32>, reader: &mut impl Reader) {
        reader.gap(&self.unread, missing);
        self.unread.clear();
        self.asked_bytes = 0;
    }

    /// A segment far from everything: one alone proves nothing, a second one in its neighbourhood moves us there.
    fn doubt(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        reader.peek(segment.bytes);
        let is_confirmed = self
            .jump
            .is_some_and(|seq| distance(seq, segment.seq).unsigned_abs() <= MAX_DISTANCE);
        if !is_confirmed {
            self.jump = Some(segment.seq);
            return;
        }
        self.skip_gap(reader);
        self.lose(None, reader);
        self.jump = None;
        self.next = Some(segment.seq);
        self.push(segment, reader);
    }

    /// Hands over `segment`, which begins at the next byte in order.
    fn deliver(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        let fresh = segment.bytes;
        self.next = Some(segment.seq.wrapping_add(segment.origlen));
        if self.unread.is_empty() {
            let done = reader.read(fresh).min(fresh.len());
            self.unread.extend_from_slice(&fresh[done..]);
            self.asked_bytes = self.unread.len();
        } else {
            self.unread.extend_from_slice(fresh);
            let len = self.unread.len();
            if len <= ALWAYS_ASKED_BYTES || len - self.asked_bytes >= len / ASKED_AGAIN_FRACTION {
                let done = reader.read(&self.unread).min(len);
                self.unread.drain(..done);
                self.asked_bytes = self.unread.len();
            }
        }
        let cut = segment.origlen.saturating_sub(fresh.len() as u32);
        if cut > 0 || self.unread.len() > MAX_UNREAD_BYTES {
            self.lose(Some(cut), reader);
        }
    }

    /// Keeps a segment that came too early.
    fn wait(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        reader.peek(segment.bytes);
        self.keep(segment);
        if self.waiting.len() > MAX_WAITING_SEGMENTS || self.waiting_bytes > MAX_WAITING_BYTES {
            self.skip_gap(reader);
        }
    }

    /// Puts into the waiting list what it does not hold yet of `segment`.
    fn keep(&mut self, segment: Segment<'_>) {
        let mut rest = segment;
        let mut at = self
            .waiting
            .partition_point(|w| distance(w.seq, segment.seq) >= 0);
        if let Some(before) = at.checked_sub(1).and_then(|i| self.waiting.get(i)) {
            rest = rest.after(before.end());
        }
        while rest.origlen > 0 {
            let room = self
                .waiting
                .get(at)
                .map_or(u32::MAX, |w| w.seq.wrapping_sub(rest.seq));
            if room > 0 {
                let origlen = rest.origlen.min(room);
                let bytes: Box<[u8]> = rest
                    .bytes
                    .get(..origlen as usize)
                    .unwrap_or(rest.bytes)
                    .into();
                self.waiting_bytes += bytes.len();
                self.waiting.insert(
                    at,
                    Waiting {
                        seq: rest.seq,
                        bytes,
                        origlen,
                    },
                );
                at += 1;
            }
            let Some(after) = self.waiting.get(at) else {
                return;
            };
            rest = rest.after(after.end());
            at += 1;
        }
    }

    /// Hands over the waiting segments that are now in order.
    fn release(&mut self, reader: &mut impl Reader) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.first()) {
            if distance(next, first.seq) > 0 {
                return;
            }
            let waiting = self.waiting.remove(0);
            self.waiting_bytes -= waiting.bytes.len();
            let segment = Segment {
                seq: waiting.seq,
                bytes: &waiting.bytes,
                origlen: waiting.origlen,
            };
            let fresh = segment.after(next);
            if fresh.origlen > 0 {
                self.deliver(fresh, reader);
            }
        }
    }

    /// Bytes that are held for later.
    pub fn held_bytes(&self) -> usize {
        self.unread.len() + self.waiting_bytes + self.waiting.len() * size_of::<Waiting>()
    }

    /// Gives up on the missing bytes before the first waiting segment, and goes on from there.
    fn skip_gap(&mut self, reader: &mut impl Reader) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.first()) {
            let missing = distance(next, first.seq).max(0).unsigned_abs();
            self.next = Some(first.seq);
            self.lose(Some(missing), reader);
            self.release(reader);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads everything at once; notes gaps.
    #[derive(Default)]
    struct Tape {
        bytes: Vec<u8>,
        gaps: usize,
        peeked: usize,
        /// Leaves bytes unread until this many are there.
        patience: usize,
    }

    impl Reader for Tape {
        fn read(&mut self, bytes: &[u8]) -> usize {
            if bytes.len() < self.patience {
                return 0;
            }
            self.bytes.extend_from_slice(bytes);
            bytes.len()
        }

        fn gap(&mut self, _: &[u8], _: Option<u32>) {
            self.gaps += 1;
        }

        fn peek(&mut self, _: &[u8]) {
            self.peeked += 1;
        }
    }

    fn segment(seq: u32, bytes: &[u8]) -> Segment<'_> {
        Segment {
            seq,
            bytes,
            origlen: bytes.len() as u32,
        }
    }

    #[test]
    fn bytes_come_out_once_and_in_order() {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        assembly.synchronise(u32::MAX - 2);
        for (seq, bytes) in [
            (u32::MAX - 1, "ab"),
            (2, "ef"),
            (0, "cd"),
            (0, "cd"),
            (1, "XXXg"),
            (5, "h"),
        ] {
            assembly.push(segment(seq, bytes.as_bytes()), &mut tape);
        }
        assert_eq!(
            (tape.bytes.as_slice(), tape.gaps, tape.peeked),
            (b"abcdefgh".as_slice(), 0, 3)
        );
    }

    #[test]
    fn the_first_bytes_win_among_waiting_segments() {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        assembly.synchronise(0);
        for (seq, bytes) in [
            (4, "DEF"),
            (14, "no"),
            (3, "cxyz"),
            (6, "zzzGHijklmXX"),
            (1, "ab"),
        ] {
            assembly.push(segment(seq, bytes.as_bytes()), &mut tape);
        }
        assert_eq!(tape.bytes, b"abcDEFzzGHijknoXX");
    }

    #[test]
    fn unread_bytes_come_again_with_more_behind_them() {
        let (mut assembly, mut tape) = (
            Assembly::default(),
            Tape {
                patience: 3,
                ..Tape::default()
            },
        );
        for (seq, bytes) in [(10, "a"), (11, "b"), (12, "c")] {
            assembly.push(segment(seq, bytes.as_bytes()), &mut tape);
        }
        assert_eq!(tape.bytes, b"abc");
    }

    #[test]
    fn a_cut_segment_leaves_a_gap_and_the_next_goes_on() {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        assembly.push(
            Segment {
                seq: 0,
                bytes: b"ab",
                origlen: 5,
            },
            &mut tape,
        );
        assembly.push(segment(5, b"fg"), &mut tape);
        assert_eq!((tape.bytes.as_slice(), tape.gaps), (b"abfg".as_slice(), 1));
    }

    #[test]
    fn a_lost_segment_is_given_up_when_too_much_waits() {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        assembly.synchronise(0);
        for i in 0..200u32 {
            assembly.push(segment(2 + i, b"x"), &mut tape);
            assert!(assembly.waiting.len() <= MAX_WAITING_SEGMENTS);
        }
        assert_eq!((tape.bytes.len(), tape.gaps), (200, 1));
    }

    #[test]
    fn one_stray_segment_moves_nothing_and_two_move_us() {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        assembly.synchronise(0);
        assembly.push(segment(5 << 20, b"?"), &mut tape);
        assembly.push(segment(1, b"ab"), &mut tape);
        assert_eq!((tape.bytes.as_slice(), tape.gaps), (b"ab".as_slice(), 0));
        assembly.push(segment((5 << 20) + 1, b"cd"), &mut tape);
        assembly.push(segment((5 << 20) + 3, b"ef"), &mut tape);
        assert_eq!(
            (tape.bytes.as_slice(), tape.gaps),
            (b"abcdef".as_slice(), 1)
        );
    }

    #[test]
    fn tiny_segments_do_not_cost_quadratic_time() {
        #[derive(Default)]
        struct Meter(usize);
        impl Reader for Meter {
            fn read(&mut self, bytes: &[u8]) -> usize {
                self.0 += bytes.len();
                0
            }
            fn gap(&mut self, _: &[u8], _: Option<u32>) {}
            fn peek(&mut self, _: &[u8]) {}
        }
        let (mut assembly, mut meter) = (Assembly::default(), Meter::default());
        assembly.synchronise(0);
        for i in 0..60_000 {
            assembly.push(segment(1 + i, b"x"), &mut meter);
        }
        assert!(meter.0 < 12_000_000, "{} bytes read", meter.0);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let (mut assembly, mut tape) = (
            Assembly::default(),
            Tape {
                patience: usize::MAX,
                ..Tape::default()
            },
        );
        assembly.synchronise(0);
        for i in 0..10_000u32 {
            assembly.push(segment(1 + i * 1000, &[0; 1000]), &mut tape);
            assembly.push(segment(i.wrapping_mul(0x9e37_79b9), &[1; 1400]), &mut tape);
            assert!(
                assembly.unread.len() <= MAX_UNREAD_BYTES
                    && assembly.waiting_bytes <= MAX_WAITING_BYTES + 1400
            );
        }
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_give_the_same_bytes(
            cuts in proptest::collection::vec(1usize..40, 1..30),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 30..90),
            start in any::<u32>(),
        ) {
            let text: Vec<u8> = (0..cuts.iter().sum::<usize>()).map(|i| (i * 7 + i / 256) as u8).collect();
            let mut pieces = Vec::new();
            let mut at = 0;
            for len in cuts {
                pieces.push((at, &text[at..at + len]));
                at += len;
            }
            let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
            assembly.synchronise(start);
            let send = |i: usize, assembly: &mut Assembly, tape: &mut Tape| {
                let (at, bytes) = pieces[i];
                assembly.push(segment(start.wrapping_add(1 + at as u32), bytes), tape);
            };
            for index in order {
                send(index.index(pieces.len()), &mut assembly, &mut tape);
            }
            for i in (0..pieces.len()).rev() {
                send(i, &mut assembly, &mut tape);
            }
            prop_assert_eq!(tape.bytes, text);
            prop_assert_eq!(tape.gaps, 0);
        }
    }
}
