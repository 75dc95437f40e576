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
fn waiting_bytes_win_over_later_ones_that_fill_the_hole() {
    let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
    assembly.synchronise(0);
    for (seq, bytes) in [(4, "DE"), (8, "H"), (2, "bcdefghij"), (1, "a")] {
        assembly.push(segment(seq, bytes.as_bytes()), &mut tape);
    }
    assert_eq!(tape.bytes, b"abcDEfgHij");
    let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
    assembly.synchronise(0);
    for (seq, bytes) in [(4, "DE"), (8, "H"), (1, "abcdefghij")] {
        assembly.push(segment(seq, bytes.as_bytes()), &mut tape);
    }
    assert_eq!(tape.bytes, b"abcDEfgHij");
}

#[test]
fn a_segment_whose_beginning_came_before_may_be_looked_into_whole() {
    #[derive(Default)]
    struct Peeker(Vec<Vec<u8>>);
    impl Reader for Peeker {
        fn read(&mut self, bytes: &[u8]) -> usize {
            bytes.len()
        }
        fn gap(&mut self, _: &[u8], _: Option<u32>) {}
        fn peek(&mut self, bytes: &[u8]) {
            self.0.push(bytes.to_vec());
        }
    }
    let (mut assembly, mut peeker) = (Assembly::default(), Peeker::default());
    assembly.synchronise(0);
    assembly.push(segment(1, b"\0\0"), &mut peeker);
    assembly.push(segment(1, b"hello"), &mut peeker);
    assert_eq!(peeker.0, [b"hello"]);
}

#[test]
fn bytes_that_contradict_what_is_held_are_counted_by_segment() {
    // A segment held first, others after it, and how many of those differ from what is held.
    for (patience, others, conflicts) in [
        // Waiting.
        (
            0,
            &[(11, "bcd"), (9, "xabcdezz"), (12, "c"), (20, "")][..],
            0,
        ),
        (0, &[(11, "bXd"), (9, "xabcdXzz"), (12, "Q")], 3),
        (0, &[(8, "xyZ"), (15, "zzz"), (8, "123"), (14, "e")], 2),
        // Unread: the same bytes at the beginning of the stream.
        (99, &[(11, "bcd"), (10, "abcde"), (10, "abcdef")], 0),
        (99, &[(11, "bXd"), (13, "dXf"), (10, "Xbcdefghi")], 3),
        // A keep-alive probe: one byte of no meaning before the next.
        (99, &[(14, "\0"), (14, "e")], 0),
    ] {
        let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
        tape.patience = patience;
        assembly.synchronise(if patience == 0 { 0 } else { 9 });
        assembly.push(segment(10, b"abcde"), &mut tape);
        for (seq, bytes) in others {
            assembly.push(segment(*seq, bytes.as_bytes()), &mut tape);
        }
        let expected = Caveats {
            conflicts,
            ..Caveats::default()
        };
        assert_eq!(assembly.take_caveats(), expected, "{others:?}");
        assert!(assembly.take_caveats().is_empty());
    }
}

#[test]
fn what_a_cut_packet_does_not_show_contradicts_nothing() {
    let (mut assembly, mut tape) = (Assembly::default(), Tape::default());
    assembly.synchronise(0);
    let cut = Segment {
        seq: 10,
        bytes: b"ab",
        origlen: 6,
    };
    assembly.push(cut, &mut tape);
    assembly.push(segment(10, b"abXXXX"), &mut tape);
    assembly.push(segment(12, b"YYYY"), &mut tape);
    assert!(assembly.take_caveats().is_empty());
    assembly.push(segment(11, b"X"), &mut tape);
    assert_eq!(assembly.take_caveats().conflicts, 1);
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
    let given_up = Caveats {
        holes: 1,
        ..Caveats::default()
    };
    assert_eq!(assembly.take_caveats(), given_up);
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
    assert!(assembly.take_caveats().unfinished > 0);
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
