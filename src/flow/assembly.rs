//! Puts the first bytes of one direction of a TCP connection in order.
//!
//! Segments come in as they were captured: repeated, overlapping, out of order, with gaps. What goes out are bytes in
//! order, each once, handed to a reader that says how many it is done with. Knows nothing of what the bytes mean.

use crate::caveats::Caveats;

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

    /// A segment that has to wait for an earlier one, or of which all or the beginning comes too late; a reader may look into it.
    fn peek(&mut self, bytes: &[u8]);
}

/// The bytes of one direction, in order as far as they came.
///
/// * Bounds: [`MAX_WAITING_SEGMENTS`], [`MAX_WAITING_BYTES`], [`MAX_UNREAD_BYTES`]; what would exceed one makes the gap final.
/// * Overlaps: the bytes that came first stay, as RFC 9293 §3.10.7.4 has receivers do. Others for the same place are noticed
///   while the first are held, waiting or unread; what was read is gone, and nothing is compared with it.
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
    /// What is to be told; see [`Assembly::take_caveats`].
    caveats: Caveats,
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
    /// The first `len` bytes of the segment.
    fn front(self, len: u32) -> Self {
        Self {
            seq: self.seq,
            bytes: self.bytes.get(..len as usize).unwrap_or(self.bytes),
            origlen: self.origlen.min(len),
        }
    }

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

/// Whether `segment` has another byte than `bytes`, which begin at `seq`, for a place that both have.
fn differs(segment: Segment<'_>, seq: u32, bytes: &[u8]) -> bool {
    let ahead = distance(seq, segment.seq);
    let skip = ahead.unsigned_abs() as usize;
    let (ours, theirs) = if ahead < 0 {
        (bytes, segment.bytes.get(skip..).unwrap_or_default())
    } else {
        (bytes.get(skip..).unwrap_or_default(), segment.bytes)
    };
    ours.iter().zip(theirs).any(|(ours, theirs)| ours != theirs)
}

/// Signed distance from `from` to `to` in sequence space (RFC 9293 §3.4).
const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

impl Assembly {
    /// The connection's SYN carried `seq`: the first byte follows it. What was there before belongs to an older connection.
    ///
    /// What [`Assembly::take_caveats`] was not asked for goes too.
    pub fn synchronise(&mut self, seq: u32) {
        let first = seq.wrapping_add(1);
        if self.next != Some(first) && !self.waiting.iter().any(|w| w.seq == first) {
            *self = Self {
                next: Some(first),
                ..Self::default()
            };
        }
    }

    /// Whether `seq` lies past the next byte in order, so that what begins there has to wait.
    pub fn is_early(&self, seq: u32) -> bool {
        self.next.is_some_and(|next| distance(next, seq) > 0)
    }

    /// Sequence number of the next byte in order; `None` before the first segment.
    pub const fn next(&self) -> Option<u32> {
        self.next
    }

    /// What waits for an earlier segment, ascending.
    pub fn waiting(&self) -> impl Iterator<Item = &[u8]> {
        self.waiting.iter().map(|waiting| &*waiting.bytes)
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
            return;
        }
        if self.contradicts(segment, next) {
            self.caveats.conflicts += 1;
        }
        if ahead > 0 {
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
            self.join(fresh, reader);
        }
    }

    /// How often a bound was met, and segments contradicted each other, since this was asked last.
    pub fn take_caveats(&mut self) -> Caveats {
        std::mem::take(&mut self.caveats)
    }

    /// Whether `segment` has another byte than what is held for the same place.
    fn contradicts(&self, segment: Segment<'_>, next: u32) -> bool {
        // A keep-alive probe has the number of the last byte that was sent, and any byte. RFC 9293 §3.8.4.
        let is_probe = segment.origlen == 1 && segment.seq.wrapping_add(1) == next;
        if is_probe {
            return false;
        }
        // What is unread ends where the next byte is to come.
        let unread_seq = next.wrapping_sub(self.unread.len() as u32);
        let end = segment.seq.wrapping_add(segment.origlen);
        let first = self
            .waiting
            .partition_point(|w| distance(w.end(), segment.seq) >= 0);
        differs(segment, unread_seq, &self.unread)
            || self
                .waiting
                .iter()
                .skip(first)
                .take_while(|w| distance(w.seq, end) > 0)
                .any(|w| differs(segment, w.seq, &w.bytes))
    }

    /// Hands over `segment`, which begins at the next byte in order, and what waited for it: where both have the same
    /// bytes, those that waited were first.
    fn join(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        let mut rest = segment;
        while rest.origlen > 0 {
            let room = self
                .waiting
                .first()
                .map_or(u32::MAX, |w| w.seq.wrapping_sub(rest.seq));
            self.deliver(rest.front(room), reader);
            self.release(reader);
            rest = rest.after(self.next.unwrap_or(rest.seq.wrapping_add(rest.origlen)));
        }
    }

    /// Tells the reader that bytes before the next in order will not come, and drops what it has not read.
    ///
    /// * `missing`: as for [`Reader::gap`].
    pub fn lose(&mut self, missing: Option<u32>, reader: &mut impl Reader) {
        reader.gap(&self.unread, missing);
        self.unread = Vec::new();
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
                // What a long head took is not kept for the short rest of the flow.
                self.unread.shrink_to(2 * self.unread.len());
                self.asked_bytes = self.unread.len();
            }
        }
        let cut = segment.origlen.saturating_sub(fresh.len() as u32);
        self.caveats.unfinished += u64::from(self.unread.len() > MAX_UNREAD_BYTES);
        if cut > 0 || self.unread.len() > MAX_UNREAD_BYTES {
            self.lose(Some(cut), reader);
        }
    }

    /// Keeps a segment that came too early.
    fn wait(&mut self, segment: Segment<'_>, reader: &mut impl Reader) {
        reader.peek(segment.bytes);
        self.keep(segment);
        if self.waiting.len() > MAX_WAITING_SEGMENTS || self.waiting_bytes > MAX_WAITING_BYTES {
            self.caveats.holes += 1;
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
        self.unread.capacity() + self.waiting_bytes + self.waiting.len() * size_of::<Waiting>()
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
mod tests;
