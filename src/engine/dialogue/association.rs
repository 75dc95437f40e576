//! Both directions of an SCTP association: puts chunks in order, and lets each direction be listened to as if it were one of TCP.
//!
//! All streams are heard as one, in the order of transmission: a message is never torn apart by that, and in what we look for,
//! messages of several streams follow each other like requests of one connection.

use super::Stream;
use crate::evidence::Evidence;
use crate::flow::assembly::{Reader, Segment};
use crate::inspect::sctp::{self, Chunk, Data};
use crate::observation::Observation;

/// Chunks of one direction that may wait for an earlier one.
const MAX_WAITING_CHUNKS: usize = 32;
/// Bytes that may wait in them.
const MAX_WAITING_BYTES: usize = 64 << 10;
/// How far from the expected chunk's number another's may lie and still be waited for.
const MAX_DISTANCE: u32 = 1 << 10;

/// An association.
#[derive(Debug, Default)]
pub(in crate::engine) struct Association {
    stream: Stream,
    orders: [Order; 2],
}

/// Where one direction is.
#[derive(Debug, Default)]
struct Order {
    /// Number of the next chunk in order; `None` before the first one.
    next: Option<u32>,
    /// Bytes that were in order so far.
    bytes: u32,
    /// Later chunks, by their distance from the next one.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    tsn: u32,
    bytes: Box<[u8]>,
    origlen: u32,
}

impl Association {
    /// Reads the chunks of a packet. Whether there is nothing more to learn from the association.
    pub(super) fn hear(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) -> bool {
        for chunk in sctp::chunks(seen.payload) {
            match chunk {
                Chunk::Init(tsn) => self.orders[seen.sender.index()].begin(tsn),
                Chunk::Data(data) => self.take(data, seen, evidence),
            }
        }
        self.stream.is_done()
    }

    /// Bytes that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        let orders: usize = self.orders.iter().map(Order::held_bytes).sum();
        size_of::<Self>() + self.stream.held_bytes() + orders
    }

    fn take(&mut self, data: Data<'_>, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let order = &mut self.orders[seen.sender.index()];
        self.stream.listen(seen, evidence, |assembly, listener| {
            let next = *order.next.get_or_insert(data.tsn);
            match data.tsn.wrapping_sub(next) {
                0 => {
                    assembly.push(order.segment(data), listener);
                    order.release(|segment| assembly.push(segment, listener));
                }
                1..=MAX_DISTANCE => {
                    listener.peek(data.bytes);
                    order.keep(data);
                    if order.is_full() {
                        assembly.lose(None, listener);
                        order.skip_gap();
                        order.release(|segment| assembly.push(segment, listener));
                    }
                }
                // Too late, or of another association.
                _ => listener.peek(data.bytes),
            }
        });
        for (way, order) in self.stream.ways.iter().zip(&mut self.orders) {
            if way.is_done() {
                order.waiting = Vec::new();
            }
        }
    }
}

impl Order {
    /// The sender's first chunk will have this number.
    fn begin(&mut self, tsn: u32) {
        self.next.get_or_insert(tsn);
    }

    /// The place of the next chunk among the bytes in order.
    fn segment<'a>(&mut self, data: Data<'a>) -> Segment<'a> {
        let seq = self.bytes;
        self.bytes = self.bytes.wrapping_add(data.origlen);
        self.next = Some(data.tsn.wrapping_add(1));
        Segment {
            seq,
            bytes: data.bytes,
            origlen: data.origlen,
        }
    }

    fn distance(&self, tsn: u32) -> u32 {
        tsn.wrapping_sub(self.next.unwrap_or_default())
    }

    fn keep(&mut self, data: Data<'_>) {
        let distance = self.distance(data.tsn);
        let place = self
            .waiting
            .partition_point(|w| self.distance(w.tsn) < distance);
        if self.waiting.get(place).is_none_or(|w| w.tsn != data.tsn) {
            self.waiting.insert(
                place,
                Waiting {
                    tsn: data.tsn,
                    bytes: data.bytes.into(),
                    origlen: data.origlen,
                },
            );
        }
    }

    /// Hands over the waiting chunks that are now in order.
    fn release(&mut self, mut deliver: impl FnMut(Segment<'_>)) {
        while self
            .waiting
            .first()
            .is_some_and(|w| Some(w.tsn) == self.next)
        {
            let Waiting {
                tsn,
                bytes,
                origlen,
            } = self.waiting.remove(0);
            let bytes = &bytes;
            deliver(self.segment(Data {
                tsn,
                bytes,
                origlen,
            }));
        }
    }

    fn skip_gap(&mut self) {
        self.next = self.waiting.first().map(|w| w.tsn).or(self.next);
    }

    fn is_full(&self) -> bool {
        self.waiting.len() > MAX_WAITING_CHUNKS || self.held_bytes() > MAX_WAITING_BYTES
    }

    fn held_bytes(&self) -> usize {
        let bytes: usize = self.waiting.iter().map(|w| w.bytes.len()).sum();
        bytes + self.waiting.len() * size_of::<Waiting>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::NameSource;
    use crate::key::{Endpoint, FiveTuple, FlowKey};
    use crate::packet::{IpProtocol, Timestamp};

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

    fn init(tsn: u32) -> Vec<u8> {
        [&[1, 0, 0, 20][..], &[0; 12], &tsn.to_be_bytes()].concat()
    }

    fn data(tsn: u32, bytes: &[u8]) -> Vec<u8> {
        let len = (16 + bytes.len() as u16).to_be_bytes();
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        let head = [&[0, 3][..], &len, &tsn.to_be_bytes(), &[0; 8]].concat();
        [head, bytes.to_vec(), padding].concat()
    }

    /// Sends a packet with this payload, and says the names that it told.
    fn send(association: &mut Association, payload: &[u8]) -> String {
        let end = |port| Endpoint {
            addr: [10, 0, 0, 1].into(),
            port,
        };
        let (key, sender) = FlowKey::of(&FiveTuple {
            src: end(50_000),
            dst: end(80),
            protocol: IpProtocol::SCTP,
        });
        let seen = Observation {
            number: 1,
            timestamp: Timestamp::from_ns(0),
            key,
            sender,
            origlen: 0,
            outer: &[],
            is_inside: false,
            tunnels: crate::tunnel::Tunnels::default(),
            tcp: None,
            payload,
            payload_origlen: payload.len() as u32,
        };
        let mut evidence = Vec::new();
        association.hear(&seen, &mut evidence);
        let names = evidence.into_iter().filter_map(|piece| match piece {
            Evidence::Name(name, NameSource::HttpHost) => Some(name.to_string()),
            _ => None,
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_request_is_found_whole_or_in_pieces() {
        let mut whole = Association::default();
        assert_eq!(send(&mut whole, &data(u32::MAX, GET)), "a.example");
        let mut pieces = Association::default();
        let (begin, end) = GET.split_at(20);
        assert_eq!(send(&mut pieces, &data(u32::MAX, begin)), "");
        assert_eq!(send(&mut pieces, &data(0, end)), "a.example");
        assert_eq!(
            send(&mut pieces, &[data(1, GET), data(2, GET)].concat()),
            "a.example a.example"
        );
    }

    #[test]
    fn chunks_are_put_in_order_from_what_init_says() {
        let mut association = Association::default();
        send(&mut association, &init(7));
        for (tsn, piece) in [
            (9, &GET[20..]),
            (8, &GET[10..20]),
            (8, b"XXXXXXXXXX"),
            (9, b"YY"),
        ] {
            assert_eq!(send(&mut association, &data(tsn, piece)), "");
        }
        assert_eq!(
            association
                .orders
                .iter()
                .map(|order| order.waiting.len())
                .sum::<usize>(),
            2
        );
        assert_eq!(send(&mut association, &data(7, &GET[..10])), "a.example");
        assert_eq!(
            association
                .orders
                .iter()
                .map(Order::held_bytes)
                .sum::<usize>(),
            0
        );
    }

    #[test]
    fn a_lost_chunk_is_given_up_when_too_much_waits() {
        let mut association = Association::default();
        send(&mut association, &init(0));
        let mut told = String::new();
        for tsn in 1..200 {
            // Every request in two chunks: none is told before the first chunk is given up.
            let (begin, end) = GET.split_at(20);
            let piece = if tsn % 2 == 1 { begin } else { end };
            told += &send(&mut association, &data(tsn, piece));
            let waiting: usize = association
                .orders
                .iter()
                .map(|order| order.waiting.len())
                .sum();
            assert!(waiting <= MAX_WAITING_CHUNKS);
        }
        assert_eq!(told.matches("a.example").count(), 99);
        let mut large = Association::default();
        send(&mut large, &init(0));
        for tsn in 1..20 {
            send(&mut large, &data(tsn, &[0; 20_000]));
            assert!(large.held_bytes() < size_of::<Association>() + MAX_WAITING_BYTES + 20_000);
        }
    }

    #[test]
    fn a_chunk_from_far_away_moves_nothing() {
        let mut association = Association::default();
        send(&mut association, &data(5, &GET[..20]));
        assert_eq!(send(&mut association, &data(5_000_000, GET)), "a.example");
        assert_eq!(send(&mut association, &data(4, GET)), "a.example");
        assert_eq!(send(&mut association, &data(6, &GET[20..])), "a.example");
    }

    proptest! {
        #[test]
        fn any_order_tells_the_same(
            order in Just((0..GET.len() as u32 / 2).collect::<Vec<_>>()).prop_shuffle(),
            start in any::<u32>(),
        ) {
            let mut association = Association::default();
            send(&mut association, &init(start));
            let mut told = Vec::new();
            for piece in order {
                let at = piece as usize * 2;
                let chunk = data(start.wrapping_add(piece), &GET[at..at + 2]);
                told.push(send(&mut association, &chunk));
            }
            prop_assert!(told.iter().any(|names| names.contains("a.example")));
        }
    }
}
