use proptest::prelude::*;

use super::*;
use crate::evidence::NameSource;
use crate::key::{Endpoint, FiveTuple, FlowKey};
use crate::packet::IpProtocol;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

fn init(tsn: u32) -> Vec<u8> {
    [&[1, 0, 0, 20][..], &[0; 12], &tsn.to_be_bytes()].concat()
}

fn data_in(stream: u16, tsn: u32, bytes: &[u8]) -> Vec<u8> {
    let len = (16 + bytes.len() as u16).to_be_bytes();
    let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
    let stream = stream.to_be_bytes();
    let head = [&[0, 3][..], &len, &tsn.to_be_bytes(), &stream, &[0; 6]].concat();
    [head, bytes.to_vec(), padding].concat()
}

fn data(tsn: u32, bytes: &[u8]) -> Vec<u8> {
    data_in(0, tsn, bytes)
}

/// Sends a packet with this payload, and says the names that it told.
fn send(association: &mut Association, payload: &[u8]) -> String {
    send_between(association, (50_000, 80), payload)
}

fn send_between(association: &mut Association, (src, dst): (u16, u16), payload: &[u8]) -> String {
    let end = |port| Endpoint {
        addr: [10, 0, 0, 1].into(),
        port,
    };
    let (key, sender) = FlowKey::of(&FiveTuple {
        src: end(src),
        dst: end(dst),
        protocol: IpProtocol::SCTP,
    });
    let seen = Observation::with_payload((key, sender), payload);
    let mut evidence = Vec::new();
    association.hear(&seen, false, &mut evidence);
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

#[test]
fn streams_are_heard_apart() {
    let mut association = Association::default();
    let (begin, end) = GET.split_at(16);
    assert_eq!(send(&mut association, &data_in(0, 1, begin)), "");
    assert_eq!(send(&mut association, &data_in(1, 2, end)), "");
    let other = b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
    assert_eq!(send(&mut association, &data_in(2, 3, &other[..20])), "");
    assert_eq!(send(&mut association, &data_in(2, 5, &other[30..])), "");
    assert_eq!(send(&mut association, &data_in(0, 6, end)), "");
    // What was missing is of stream 2, and stream 0 waited for it too.
    let missing = data_in(2, 4, &other[20..30]);
    assert_eq!(send(&mut association, &missing), "b.example a.example");
}

#[test]
fn the_stream_that_was_silent_for_the_longest_makes_room() {
    let mut association = Association::default();
    let mut tsn = 0;
    let mut say = |stream: u16, bytes: &[u8]| {
        tsn += 1;
        let told = send(&mut association, &data_in(stream, tsn, bytes));
        assert!(association.streams.pairs.len() <= MAX_STREAMS);
        assert!(association.held_bytes() < 16 << 10);
        told
    };
    let (begin, end) = GET.split_at(20);
    for stream in 0..100 {
        say(stream, begin);
        assert_eq!(say(7, GET), "a.example");
    }
    assert_eq!(say(99, end), "a.example");
    assert_eq!(say(7, GET), "a.example");
    assert_eq!(say(20, end), "");
}

#[test]
fn an_association_is_done_when_many_streams_are() {
    let mut association = Association::default();
    // TLS alerts say nothing; 64 of them are enough for each side of a stream.
    for tsn in 0..64 * MAX_STREAMS as u32 {
        let chunk = data_in((tsn % MAX_STREAMS as u32) as u16, tsn, b"\x15alert");
        for ports in [(50_000, 80), (80, 50_000)] {
            assert!(!association.streams.are_done(), "{tsn}");
            send_between(&mut association, ports, &chunk);
        }
    }
    assert!(association.streams.are_done());
}

#[test]
fn a_long_gap_is_passed_with_the_second_chunk_behind_it() {
    for far in [5_000_000, 2000, u32::MAX - 5000] {
        let mut association = Association::default();
        let (begin, end) = GET.split_at(20);
        send(&mut association, &data(1, begin));
        send(&mut association, &data(3, b"waits"));
        assert_eq!(send(&mut association, &data(far, b"X-")), "");
        assert_eq!(send(&mut association, &data(far + 1, b"body")), "");
        assert!(
            association
                .orders
                .iter()
                .all(|order| order.held_bytes() == 0)
        );
        assert_eq!(send(&mut association, &data(far + 2, begin)), "");
        assert_eq!(send(&mut association, &data(far + 3, end)), "a.example");
    }
}

#[test]
fn late_chunks_move_nothing() {
    let mut association = Association::default();
    send(&mut association, &data(2000, &GET[..20]));
    for late in 1990..2000 {
        assert_eq!(send(&mut association, &data(late, b"late")), "");
    }
    assert_eq!(send(&mut association, &data(2001, &GET[20..])), "a.example");
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
