//! Both directions of an SCTP association: puts chunks in order, and lets each stream be listened to as if it were a connection of TCP.
//!
//! Chunks are counted through all streams, so they are put in order first and parted then; a message is never torn apart by that.

use super::Stream;
use crate::evidence::Evidence;
use crate::flow::assembly::{Reader, Segment};
use crate::inspect::sctp::{self, Chunk, Data};
use crate::key::Side;
use crate::observation::Observation;

/// Chunks of one direction that may wait for an earlier one.
const MAX_WAITING_CHUNKS: usize = 32;
/// Bytes that may wait in them.
const MAX_WAITING_BYTES: usize = 64 << 10;
/// How far from the expected chunk's number another's may lie and still be waited for, or be late.
const MAX_DISTANCE: u32 = 1 << 10;
/// Streams of an association that are listened to at a time; the one that was silent for the longest makes room for another.
const MAX_STREAMS: usize = 8;

/// An association.
#[derive(Debug, Default)]
pub(in crate::engine) struct Association {
    streams: Streams,
    orders: [Order; 2],
}

/// The streams of an association, the one that was heard last behind the others.
#[derive(Debug, Default)]
struct Streams {
    pairs: Vec<Pair>,
    wants_fingerprints: bool,
}

/// The streams of one number in both directions: what a client says in one is answered in the other. RFC 3436.
#[derive(Debug)]
struct Pair {
    number: u16,
    stream: Stream,
    /// Bytes that were in order so far, by [`Side::index`].
    bytes: [u32; 2],
}

/// Where one direction is.
#[derive(Debug, Default)]
struct Order {
    /// Number of the next chunk in order; `None` before the first one.
    next: Option<u32>,
    /// Later chunks, by their distance from the next one.
    waiting: Vec<Waiting>,
    /// Number of a chunk that was too far away to be believed; a second one there is.
    jump: Option<u32>,
}

#[derive(Debug)]
struct Waiting {
    tsn: u32,
    stream: u16,
    bytes: Box<[u8]>,
    origlen: u32,
}

impl Association {
    /// Reads the chunks of a packet. Whether there is nothing more to learn from the association.
    pub(super) fn hear(
        &mut self,
        seen: &Observation<'_>,
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) -> bool {
        self.streams.wants_fingerprints = wants_fingerprints;
        for chunk in sctp::chunks(seen.payload) {
            match chunk {
                Chunk::Init(tsn) => self.orders[seen.sender.index()].begin(tsn),
                Chunk::Data(data) => self.take(data, seen, evidence),
            }
        }
        self.streams.are_done()
    }

    /// Bytes that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        let orders: usize = self.orders.iter().map(Order::held_bytes).sum();
        size_of::<Self>() + self.streams.held_bytes() + orders
    }

    fn take(&mut self, data: Data<'_>, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let order = &mut self.orders[seen.sender.index()];
        let next = *order.next.get_or_insert(data.tsn);
        let (ahead, behind) = (data.tsn.wrapping_sub(next), next.wrapping_sub(data.tsn));
        if ahead == 0 {
            order.next = Some(next.wrapping_add(1));
            self.streams.hand_over(data, seen, evidence);
            self.release(seen, evidence);
            return;
        }
        self.streams.peek(data, seen, evidence);
        if ahead <= MAX_DISTANCE {
            order.keep(data, self.streams.is_heard(data.stream, seen.sender));
            if order.is_full() {
                self.skip_gap(seen, evidence);
            }
        } else if behind > MAX_DISTANCE && order.is_confirmed(data.tsn) {
            self.move_to(data, seen, evidence);
        }
    }

    /// Hands over the waiting chunks that are now in order.
    fn release(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        while let Some(chunk) = self.orders[seen.sender.index()].next_waiting() {
            self.streams.hand_over(chunk.data(), seen, evidence);
        }
    }

    /// Gives up the chunks before the first that waits.
    fn skip_gap(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let order = &mut self.orders[seen.sender.index()];
        order.next = order.waiting.first().map(|w| w.tsn).or(order.next);
        self.streams.lose(seen, evidence);
        self.release(seen, evidence);
    }

    /// Goes on with `data`, and gives up what is missing before it.
    fn move_to(&mut self, data: Data<'_>, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        while !self.orders[seen.sender.index()].waiting.is_empty() {
            self.skip_gap(seen, evidence);
        }
        self.streams.lose(seen, evidence);
        self.orders[seen.sender.index()].next = Some(data.tsn.wrapping_add(1));
        self.streams.hand_over(data, seen, evidence);
    }
}

impl Streams {
    /// Hands over the next bytes of a stream.
    fn hand_over(&mut self, data: Data<'_>, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let Pair { stream, bytes, .. } = self.pair(data.stream);
        let seq = &mut bytes[seen.sender.index()];
        let segment = Segment {
            seq: *seq,
            bytes: data.bytes,
            origlen: data.origlen,
        };
        *seq = seq.wrapping_add(data.origlen);
        stream.listen(seen, evidence, |assembly, listener| {
            assembly.push(segment, listener);
        });
    }

    /// Lets a chunk that is not in order be looked into.
    fn peek(&mut self, data: Data<'_>, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let stream = &mut self.pair(data.stream).stream;
        stream.listen(seen, evidence, |_, listener| listener.peek(data.bytes));
    }

    /// Chunks of the sender will not come, of which streams nobody knows.
    fn lose(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        for pair in &mut self.pairs {
            pair.stream.listen(seen, evidence, |assembly, listener| {
                assembly.lose(None, listener);
            });
        }
    }

    fn pair(&mut self, number: u16) -> &mut Pair {
        match self.pairs.iter().position(|pair| pair.number == number) {
            Some(at) => self.pairs[at..].rotate_left(1),
            None => {
                if self.pairs.len() >= MAX_STREAMS {
                    self.pairs.remove(0);
                }
                self.pairs.push(Pair::new(number));
            }
        }
        let last = self.pairs.len() - 1;
        let pair = &mut self.pairs[last];
        pair.stream.ask_fingerprints(self.wants_fingerprints);
        pair
    }

    /// Whether anybody listens to what `sender` says in a stream.
    fn is_heard(&self, number: u16, sender: Side) -> bool {
        let pair = self.pairs.iter().find(|pair| pair.number == number);
        pair.is_none_or(|pair| !pair.stream.ways[sender.index()].is_done())
    }

    /// Whether there is nothing more to learn from as many streams as are listened to. With fewer, another may begin.
    fn are_done(&self) -> bool {
        self.pairs.len() >= MAX_STREAMS && self.pairs.iter().all(|pair| pair.stream.is_done())
    }

    fn held_bytes(&self) -> usize {
        let streams: usize = self.pairs.iter().map(|pair| pair.stream.held_bytes()).sum();
        streams + self.pairs.capacity() * size_of::<Pair>()
    }
}

impl Pair {
    fn new(number: u16) -> Self {
        Self {
            number,
            stream: Stream::default(),
            bytes: [0; 2],
        }
    }
}

impl Order {
    /// The sender's first chunk will have this number.
    fn begin(&mut self, tsn: u32) {
        self.next.get_or_insert(tsn);
    }

    fn distance(&self, tsn: u32) -> u32 {
        tsn.wrapping_sub(self.next.unwrap_or_default())
    }

    /// Keeps a chunk for later; without its bytes where nobody listens to them.
    fn keep(&mut self, data: Data<'_>, is_heard: bool) {
        let distance = self.distance(data.tsn);
        let place = self
            .waiting
            .partition_point(|w| self.distance(w.tsn) < distance);
        if self.waiting.get(place).is_none_or(|w| w.tsn != data.tsn) {
            self.waiting.insert(
                place,
                Waiting {
                    tsn: data.tsn,
                    stream: data.stream,
                    bytes: if is_heard { data.bytes } else { &[] }.into(),
                    origlen: data.origlen,
                },
            );
        }
    }

    /// Takes out the next chunk in order, if it waits.
    fn next_waiting(&mut self) -> Option<Waiting> {
        let first = self.waiting.first()?;
        if Some(first.tsn) != self.next {
            return None;
        }
        self.next = Some(first.tsn.wrapping_add(1));
        let chunk = self.waiting.remove(0);
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        Some(chunk)
    }

    /// Whether another chunk was as far away as this one, and near to it: one alone proves nothing.
    fn is_confirmed(&mut self, tsn: u32) -> bool {
        let is_confirmed = self
            .jump
            .is_some_and(|jump| tsn.wrapping_sub(jump).min(jump.wrapping_sub(tsn)) <= MAX_DISTANCE);
        self.jump = (!is_confirmed).then_some(tsn);
        is_confirmed
    }

    fn is_full(&self) -> bool {
        self.waiting.len() > MAX_WAITING_CHUNKS || self.held_bytes() > MAX_WAITING_BYTES
    }

    fn held_bytes(&self) -> usize {
        let bytes: usize = self.waiting.iter().map(|w| w.bytes.len()).sum();
        bytes + self.waiting.capacity() * size_of::<Waiting>()
    }
}

impl Waiting {
    fn data(&self) -> Data<'_> {
        Data {
            tsn: self.tsn,
            stream: self.stream,
            bytes: &self.bytes,
            origlen: self.origlen,
        }
    }
}

#[cfg(test)]
mod tests;
