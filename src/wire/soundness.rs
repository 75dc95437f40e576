//! What must hold of every frame: whole, cut anywhere, with bytes changed, and of its reply.

use proptest::prelude::*;

use super::golden::{Golden, LINKS, NETWORKS, hex, payload_numbers, tuple_text};
use super::golden_links::{LOGGED, ROUTED};
use super::golden_wireless::WIRELESS;
use super::{Layer, PacketView, Reason, decode};
use crate::key::FlowKey;
use crate::packet::{IpProtocol, LinkType};

fn all() -> impl Iterator<Item = (&'static Golden, Vec<u8>)> {
    LINKS
        .iter()
        .chain(NETWORKS)
        .chain(WIRELESS)
        .chain(LOGGED)
        .chain(ROUTED)
        .map(|golden| (golden, hex(golden.frame)))
}

/// What holds of the view of any bytes whatever.
fn assert_sound(view: &PacketView, frame: &[u8]) {
    let len = frame.len() as u32;
    assert!(
        view.payload
            .offset
            .checked_add(view.payload.caplen)
            .unwrap()
            <= len,
        "{view:?}"
    );
    assert!(view.payload.caplen <= view.payload.origlen, "{view:?}");
    assert_eq!(view.net.is_some(), view.five_tuple.is_some(), "{view:?}");
    let protocol = view.five_tuple.map(|tuple| tuple.protocol);
    assert!(
        view.tcp.is_none() || protocol == Some(IpProtocol::TCP),
        "{view:?}"
    );
    if let Some(stop) = view.stop {
        assert!(stop.offset + stop.have <= len, "{view:?}");
        let lacks = matches!(stop.reason, Reason::Cut | Reason::Short);
        assert_eq!(stop.need > stop.have, lacks, "{view:?}");
    } else {
        assert!(view.net.is_some(), "{view:?}");
    }
}

/// Checks that `more`, the view of a longer piece of the same frame, takes back nothing that `less` said.
fn assert_keeps(less: &PacketView, more: &PacketView, name: &str) {
    let what = || format!("{name}:\n{less:?}\n{more:?}");
    assert!(less.net.is_none() || less.net == more.net, "{}", what());
    assert!(less.tcp.is_none() || less.tcp == more.tcp, "{}", what());
    assert!(!less.is_fragment || more.is_fragment, "{}", what());
    if let Some(before) = less.five_tuple {
        let after = more.five_tuple.unwrap();
        assert_eq!(
            (before.src.addr, before.dst.addr),
            (after.src.addr, after.dst.addr),
            "{}",
            what()
        );
        let ports = (before.src.port, before.dst.port);
        assert!(
            ports == (0, 0) || ports == (after.src.port, after.dst.port),
            "{}",
            what()
        );
        let in_extension =
            less.stop.map(|stop| stop.layer) == Some(Layer::Ipv6Extension(before.protocol));
        assert!(
            in_extension || before.protocol == after.protocol,
            "{}",
            what()
        );
    }
    if less.payload.caplen > 0 {
        assert_eq!(less.payload.offset, more.payload.offset, "{}", what());
    }
    let origlen = less.payload.origlen;
    assert!(
        origlen == 0 || origlen == more.payload.origlen,
        "{}",
        what()
    );
}

/// The next number of a fixed sequence (xorshift64).
fn next_random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize
}

#[test]
fn every_link_and_network_header_leads_to_the_payload() {
    for (golden, frame) in all() {
        let view = decode(Some(golden.link), &frame);
        assert_eq!(tuple_text(&view), golden.tuple, "{}: {view:?}", golden.name);
        assert_eq!(
            payload_numbers(&view),
            golden.payload,
            "{}: {view:?}",
            golden.name
        );
        assert_eq!(
            view.stop.map(|stop| stop.reason),
            golden.stop,
            "{}: {view:?}",
            golden.name
        );
        assert_sound(&view, &frame);
    }
}

#[test]
fn more_of_a_frame_adds_and_never_takes_back() {
    for (golden, whole) in all() {
        let mut before = decode(Some(golden.link), &[]);
        assert!(before.stop.is_some(), "{}", golden.name);
        for cut in 0..=whole.len() {
            let prefix = &whole[..cut];
            let view = decode(Some(golden.link), prefix);
            assert_sound(&view, prefix);
            assert_keeps(&before, &view, golden.name);
            let is_headers_cut = golden.stop.is_none() && (cut as u32) < golden.payload.0;
            assert!(
                !is_headers_cut || view.stop.is_some(),
                "{} at {cut}",
                golden.name
            );
            before = view;
        }
    }
}

#[test]
fn changed_bytes_give_a_sound_view_on_every_link() {
    let links: Vec<LinkType> = all().map(|(golden, _)| golden.link).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for (golden, whole) in all() {
        for _ in 0..300 {
            let mut frame = whole.clone();
            for _ in 0..=next_random(&mut state) % 4 {
                let at = next_random(&mut state) % frame.len();
                frame[at] = next_random(&mut state) as u8;
            }
            let link = links[next_random(&mut state) % links.len()];
            assert_sound(&decode(Some(link), &frame), &frame);
            assert_sound(&decode(Some(golden.link), &frame), &frame);
        }
    }
}

/// A packet from `src` to `dst`, written by etherparse.
fn written(
    src: ([u8; 16], u16),
    dst: ([u8; 16], u16),
    is_v6: bool,
    is_tcp: bool,
    payload: &[u8],
) -> Vec<u8> {
    let start = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let v4 = |addr: [u8; 16]| *addr.first_chunk::<4>().unwrap();
    let ip = if is_v6 {
        start.ipv6(src.0, dst.0, 64)
    } else {
        start.ipv4(v4(src.0), v4(dst.0), 64)
    };
    let mut frame = Vec::new();
    if is_tcp {
        ip.tcp(src.1, dst.1, 7, 1024)
            .write(&mut frame, payload)
            .unwrap();
    } else {
        ip.udp(src.1, dst.1).write(&mut frame, payload).unwrap();
    }
    frame
}

proptest! {
    #[test]
    fn the_reply_has_the_reversed_tuple(
        src: ([u8; 16], u16), dst: ([u8; 16], u16), is_v6: bool, is_tcp: bool, payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let there = written(src, dst, is_v6, is_tcp, &payload);
        let view = decode(Some(LinkType::ETHERNET), &there);
        let reply = decode(Some(LinkType::ETHERNET), &written(dst, src, is_v6, is_tcp, &payload));
        let (tuple, reversed) = (view.five_tuple.unwrap(), reply.five_tuple.unwrap());
        prop_assert_eq!((tuple.src, tuple.dst), (reversed.dst, reversed.src));
        prop_assert_eq!(tuple.protocol, reversed.protocol);
        prop_assert_eq!((tuple.src.port, tuple.dst.port), (src.1, dst.1));
        prop_assert_eq!(FlowKey::of(&tuple).0, FlowKey::of(&reversed).0);
        let at = view.payload.offset as usize;
        prop_assert_eq!(&there[at..at + view.payload.caplen as usize], &payload[..]);
        prop_assert_eq!(view.stop, None);
        prop_assert_eq!(view.tcp.map(|tcp| tcp.seq), is_tcp.then_some(7));
    }

    #[test]
    fn any_bytes_give_a_sound_view(link in 0u16..300, frame in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_sound(&decode(Some(LinkType(link)), &frame), &frame);
        assert_sound(&decode(Some(LinkType::RAW), &frame), &frame);
    }
}
