//! Datagrams cut into fragments by hand, of both versions, and put together again.

use proptest::prelude::*;

use super::*;
use crate::packet::LinkType;
use crate::wire::decode;

/// A UDP datagram from port 12345 to 53, with a payload that no two places of are alike.
fn udp(payload_len: usize) -> Vec<u8> {
    let len = (payload_len + 8) as u16;
    let mut bytes = vec![0x30, 0x39, 0, 53];
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend((0..payload_len).map(|i| (i % 251) as u8));
    bytes
}

/// A part of `datagram`, as a packet of raw IP.
#[derive(Debug, Clone)]
struct Cut {
    frame: Vec<u8>,
}

fn ipv4(id: u16, protocol: u8, offset: usize, has_more: bool, part: &[u8]) -> Cut {
    let field = (offset / 8) as u16 | if has_more { 0x2000 } else { 0 };
    let mut frame = vec![0x45, 0];
    frame.extend_from_slice(&(20 + part.len() as u16).to_be_bytes());
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(&field.to_be_bytes());
    frame.extend_from_slice(&[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend_from_slice(part);
    Cut { frame }
}

fn ipv6(id: u32, offset: usize, has_more: bool, part: &[u8]) -> Cut {
    let mut frame = vec![0x60, 0, 0, 0];
    frame.extend_from_slice(&(8 + part.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[44, 64]);
    frame.extend_from_slice(&[0x20; 16]);
    frame.extend_from_slice(&[0x21; 16]);
    frame.extend_from_slice(&[17, 0]);
    frame.extend_from_slice(&(offset as u16 | u16::from(has_more)).to_be_bytes());
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(part);
    Cut { frame }
}

/// `datagram` cut at these offsets, multiples of eight.
fn cut(datagram: &[u8], at: &[usize], make: impl Fn(usize, bool, &[u8]) -> Cut) -> Vec<Cut> {
    let ends = at.iter().copied().chain([datagram.len()]);
    let starts = [0].into_iter().chain(at.iter().copied());
    starts
        .zip(ends)
        .map(|(start, end)| make(start, end < datagram.len(), &datagram[start..end]))
        .collect()
}

fn cut_v4(datagram: &[u8], at: &[usize]) -> Vec<Cut> {
    cut(datagram, at, |offset, more, part| {
        ipv4(7, 17, offset, more, part)
    })
}

fn cut_v6(datagram: &[u8], at: &[usize]) -> Vec<Cut> {
    cut(datagram, at, |offset, more, part| {
        ipv6(7, offset, more, part)
    })
}

#[derive(Default)]
struct Bench {
    fragments: Fragments<usize>,
    done: Vec<Assembled<usize>>,
    sent: usize,
    position: u64,
    seconds: i64,
}

impl Bench {
    fn now(&self) -> Moment {
        Moment {
            position: self.position,
            latest: Timestamp::from_ns(self.seconds * 1_000_000_000),
        }
    }

    fn send(&mut self, cut: &Cut) {
        self.position += cut.frame.len() as u64;
        let view = decode(Some(LinkType::RAW), &cut.frame);
        assert!(view.fragment.is_some(), "{view:?}");
        let now = self.now();
        let packet = (&view, &cut.frame[..]);
        self.fragments.take(packet, self.sent, now, &mut self.done);
        self.sent += 1;
    }

    fn send_all<'a>(&mut self, cuts: impl IntoIterator<Item = &'a Cut>) {
        cuts.into_iter().for_each(|cut| self.send(cut));
    }

    fn finish(&mut self) {
        self.fragments.finish(&mut self.done);
    }

    /// Members, port and payload of everything that came out.
    fn told(&self) -> Vec<(Vec<usize>, u16, Vec<u8>)> {
        let told = |assembled: &Assembled<usize>| {
            let payload = assembled.view.payload;
            let (start, len) = (payload.offset as usize, payload.caplen as usize);
            let payload = assembled.bytes[start..start + len].to_vec();
            let port = assembled.view.five_tuple.unwrap().dst.port;
            (assembled.members.clone(), port, payload)
        };
        self.done.iter().map(told).collect()
    }
}

#[test]
fn the_whole_is_told_once_with_all_of_its_packets_whatever_came_first() {
    let datagram = udp(3000);
    for cuts in [
        cut_v4(&datagram, &[1480, 2960]),
        cut_v6(&datagram, &[1480, 2960]),
    ] {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut bench = Bench::default();
            bench.send_all(order.map(|i| &cuts[i]));
            assert_eq!(bench.told(), [(vec![0, 1, 2], 53, datagram[8..].to_vec())]);
            assert_eq!(bench.done[0].view.payload.origlen, 3000);
            assert_eq!(bench.fragments.counts().whole, 1);
        }
    }
}

#[test]
fn datagrams_of_other_hosts_protocols_and_ids_are_kept_apart() {
    let (one, two) = (udp(100), udp(200));
    let mut bench = Bench::default();
    let a = cut(&one, &[64], |o, m, p| ipv4(1, 17, o, m, p));
    let b = cut(&two, &[64], |o, m, p| ipv4(2, 17, o, m, p));
    let c = cut(&two, &[64], |o, m, p| ipv4(1, 6, o, m, p));
    bench.send_all([&a[1], &b[1], &c[1], &b[0], &a[0], &c[0]]);
    let members: Vec<_> = bench
        .told()
        .into_iter()
        .map(|(members, ..)| members)
        .collect();
    assert_eq!(members, [vec![1, 3], vec![0, 4], vec![2, 5]]);
    assert_eq!(bench.told()[0].2, two[8..]);
    assert_eq!(bench.told()[1].2, one[8..]);
}

#[test]
fn ipv6_does_not_ask_what_later_fragments_say_they_carry() {
    let datagram = udp(100);
    let mut cuts = cut_v6(&datagram, &[64]);
    cuts[1].frame[40] = 59;
    let mut bench = Bench::default();
    bench.send_all(&cuts);
    assert_eq!(bench.told(), [(vec![0, 1], 53, datagram[8..].to_vec())]);
}

#[test]
fn the_first_bytes_win_in_ipv4() {
    let datagram = udp(120);
    let mut bench = Bench::default();
    let other = [0xee; 64];
    bench.send(&ipv4(7, 17, 0, true, &datagram[..64]));
    bench.send(&ipv4(7, 17, 32, true, &other));
    bench.send(&ipv4(7, 17, 96, false, &datagram[96..]));
    let mut expected = datagram[8..].to_vec();
    expected[56..88].fill(0xee);
    assert_eq!(bench.told(), [(vec![0, 1, 2], 53, expected)]);
    assert_eq!(bench.fragments.counts().conflicting, 1);
}

#[test]
fn an_overlap_discards_an_ipv6_datagram_but_not_its_flow() {
    let datagram = udp(120);
    let mut bench = Bench::default();
    bench.send(&ipv6(7, 0, true, &datagram[..64]));
    bench.send(&ipv6(7, 32, true, &datagram[32..96]));
    bench.send(&ipv6(7, 96, false, &datagram[96..]));
    bench.finish();
    assert_eq!(
        bench.told(),
        [(vec![0, 1], 53, vec![]), (vec![2], 53, vec![])]
    );
    assert_eq!(bench.fragments.counts().conflicting, 1);
}

#[test]
fn an_exact_repetition_is_no_overlap() {
    let datagram = udp(120);
    let cuts = cut_v6(&datagram, &[64]);
    let mut bench = Bench::default();
    bench.send_all([&cuts[1], &cuts[1], &cuts[0], &cuts[0], &cuts[1]]);
    let payload = datagram[8..].to_vec();
    assert_eq!(
        bench.told(),
        [
            (vec![0, 1, 2], 53, payload),
            (vec![3], 53, vec![]),
            (vec![4], 53, vec![])
        ]
    );
}

#[test]
fn what_is_incomplete_comes_out_with_what_there_is() {
    let datagram = udp(3000);
    let cuts = cut_v4(&datagram, &[1480, 2960]);
    let mut bench = Bench::default();
    bench.send_all([&cuts[0], &cuts[2]]);
    bench.finish();
    assert_eq!(bench.told(), [(vec![0, 1], 53, datagram[8..1480].to_vec())]);
    let mut bench = Bench::default();
    bench.send_all([&cuts[1], &cuts[2]]);
    bench.finish();
    assert_eq!(bench.told(), [(vec![0, 1], 0, vec![])]);
    assert_eq!(bench.fragments.counts().incomplete, 1);
}

#[test]
fn the_first_part_of_a_tunnelled_packet_tells_the_flow_inside() {
    let mut inner = ipv4(9, 17, 0, false, &udp(400)).frame;
    inner[6] = 0x40;
    let mut bench = Bench::default();
    bench.send(&ipv4(20, 4, 0, true, &inner[..104]));
    bench.finish();
    assert_eq!(bench.told(), [(vec![0], 53, udp(400)[8..84].to_vec())]);
}

#[test]
fn a_straggler_joins_the_flow_of_the_datagram_that_it_missed() {
    let datagram = udp(3000);
    let cuts = cut_v4(&datagram, &[1480, 2960]);
    let mut bench = Bench::default();
    bench.send_all([&cuts[0], &cuts[2]]);
    bench.position += MAX_WAIT_BYTES + 1;
    bench.send(&cuts[1]);
    bench.finish();
    assert_eq!(bench.told()[1], (vec![2], 53, vec![]));
}

#[test]
fn waiting_ends_after_so_much_capture_or_time() {
    let datagram = udp(3000);
    let cuts = cut_v4(&datagram, &[1480, 2960]);
    let wait = |position, seconds| {
        let mut bench = Bench::default();
        bench.send(&cuts[0]);
        let since = bench.position;
        bench.position = since + position;
        bench.seconds = seconds;
        bench.fragments.expire(bench.now(), &mut bench.done);
        bench.done.len()
    };
    assert_eq!(
        (
            wait(MAX_WAIT_BYTES, 30),
            wait(MAX_WAIT_BYTES + 1, 0),
            wait(0, 31)
        ),
        (0, 1, 1)
    );
}

#[test]
fn an_identification_that_comes_again_is_another_datagram() {
    let (one, two) = (udp(100), udp(160));
    let mut bench = Bench::default();
    let (a, b) = (cut_v4(&one, &[64]), cut_v4(&two, &[64]));
    bench.send(&a[0]);
    bench.seconds = 40;
    bench.send_all(&b);
    let told = bench.told();
    assert_eq!(
        (told.len(), &told[1]),
        (2, &(vec![1, 2], 53, two[8..].to_vec()))
    );
}

#[test]
fn fragments_of_a_tunnel_that_holds_fragments_are_put_together_twice() {
    let datagram = udp(400);
    let inner = cut_v4(&datagram, &[200]);
    let mut bench = Bench::default();
    for (id, inner) in (20..).zip(&inner) {
        // IP in IP, itself in two parts.
        let (front, back) = inner.frame.split_at(104);
        bench.send(&ipv4(id, 4, 0, true, front));
        bench.send(&ipv4(id, 4, 104, false, back));
    }
    assert_eq!(
        bench.told(),
        [(vec![0, 1, 2, 3], 53, datagram[8..].to_vec())]
    );
}

#[test]
fn a_fragment_in_a_tunnel_waits_no_longer_than_the_first_of_its_packets_has() {
    let inner = cut_v4(&udp(400), &[200]);
    let (front, back) = inner[0].frame.split_at(104);
    let mut bench = Bench::default();
    bench.send(&ipv4(20, 4, 0, true, front));
    let first = bench.position;
    bench.position += MAX_WAIT_BYTES - 1000;
    bench.send(&ipv4(20, 4, 104, false, back));
    assert_eq!(bench.told(), []);
    bench.position = first + MAX_WAIT_BYTES + 1;
    bench.fragments.expire(bench.now(), &mut bench.done);
    assert_eq!(bench.done[0].members, [0, 1]);
}

#[test]
fn an_empty_part_says_nothing_of_an_ipv6_datagram() {
    let datagram = udp(100);
    let mut decoy = ipv6(7, 0, true, &[]);
    decoy.frame[40] = 59;
    let mut bench = Bench::default();
    bench.send(&decoy);
    bench.send_all(&cut_v6(&datagram, &[64]));
    assert_eq!(bench.told(), [(vec![0, 1, 2], 53, datagram[8..].to_vec())]);
}

#[test]
fn so_many_parts_are_no_datagram() {
    let datagram = udp(20_000);
    let at: Vec<usize> = (8..datagram.len()).step_by(8).collect();
    let cuts = cut_v4(&datagram, &at);
    let mut bench = Bench::default();
    bench.send_all(&cuts);
    bench.finish();
    assert_eq!(bench.fragments.counts().whole, 0);
    assert!(bench.told().iter().all(|(_, port, _)| *port == 53));
}

#[test]
fn a_repeated_part_of_an_icmp_error_still_tells_whom_it_quotes() {
    let mut error = vec![3, 3, 0, 0, 0, 0, 0, 0];
    error.extend(
        ipv4(1, 17, 0, false, &udp(0))
            .frame
            .iter()
            .enumerate()
            .map(|(i, &byte)| if i == 6 { 0x40 } else { byte }),
    );
    let cuts = cut(&error, &[16], |offset, more, part| {
        ipv4(7, 1, offset, more, part)
    });
    let mut bench = Bench::default();
    bench.send_all([&cuts[0], &cuts[1], &cuts[1]]);
    let quoted: Vec<_> = bench
        .done
        .iter()
        .map(|done| done.quoted.map(|tuple| tuple.dst.port))
        .collect();
    assert_eq!(quoted, [Some(53), Some(53)]);
}

#[test]
fn what_the_capture_cut_is_whole_as_far_as_it_goes() {
    let datagram = udp(3000);
    let mut cuts = cut_v4(&datagram, &[1480, 2960]);
    cuts[1].frame.truncate(120);
    let mut bench = Bench::default();
    bench.send_all(&cuts);
    assert_eq!(
        bench.told(),
        [(vec![0, 1, 2], 53, datagram[8..1580].to_vec())]
    );
    assert_eq!(bench.done[0].view.payload.origlen, 3000);
}

#[test]
fn lengths_that_lie_are_harmless() {
    let mut bench = Bench::default();
    bench.send(&ipv4(7, 17, 65_528, false, &[0; 1000]));
    bench.send(&ipv4(7, 17, 0, true, &udp(0)));
    bench.send(&ipv4(7, 17, 8, false, &[]));
    bench.send(&ipv4(7, 17, 16, false, &[1; 9]));
    bench.send(&ipv4(7, 17, 8, false, &[1; 3]));
    bench.send(&ipv6(9, 65_528, false, &[0; 1000]));
    bench.send(&ipv6(9, 0, true, &[0; 13]));
    bench.finish();
    let told: usize = bench.done.iter().map(|done| done.members.len()).sum();
    assert_eq!(told, bench.sent);
}

proptest! {
    #[test]
    fn any_fragmentation_order_and_repetition_gives_the_same_datagram(
        len in 1usize..4000,
        cuts in proptest::collection::btree_set(1usize..500, 1..12),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        is_v6 in any::<bool>(),
    ) {
        let datagram = udp(len);
        let at: Vec<usize> = cuts.into_iter().map(|at| at * 8).filter(|&at| at < datagram.len()).collect();
        prop_assume!(!at.is_empty());
        let cuts = if is_v6 { cut_v6(&datagram, &at) } else { cut_v4(&datagram, &at) };
        let mut bench = Bench::default();
        for index in order {
            bench.send(&cuts[index.index(cuts.len())]);
        }
        bench.send_all(cuts.iter().rev());
        bench.finish();
        let told = bench.told();
        let whole: Vec<_> = told.iter().filter(|(_, _, payload)| !payload.is_empty()).collect();
        prop_assert_eq!(whole.len(), 1);
        prop_assert_eq!(&whole[0].2, &datagram[8..]);
        let mut members: Vec<usize> = told.iter().flat_map(|(members, ..)| members.iter().copied()).collect();
        members.sort_unstable();
        prop_assert_eq!(members, (0..bench.sent).collect::<Vec<_>>());
        prop_assert!(told.iter().all(|(_, port, _)| *port == 53));
    }

    #[test]
    fn every_fragment_comes_out_once_whatever_it_says(
        parts in proptest::collection::vec((0u16..4, 0usize..9000, any::<bool>(), 0usize..100, any::<bool>()), 1..60),
        step in 0u64..200_000,
    ) {
        let mut bench = Bench::default();
        for (id, offset, more, len, is_v6) in parts {
            let offset = offset * 8 % 65_536;
            prop_assume!(more || offset > 0);
            bench.position += step;
            let part = vec![id as u8; len];
            bench.send(&if is_v6 { ipv6(id.into(), offset, more, &part) } else { ipv4(id, 17, offset, more, &part) });
        }
        bench.finish();
        let mut members: Vec<usize> = bench.done.iter().flat_map(|done| done.members.iter().copied()).collect();
        members.sort_unstable();
        prop_assert_eq!(members, (0..bench.sent).collect::<Vec<_>>());
    }
}
