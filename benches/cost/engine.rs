//! The flow table and what a packet does in it: packets of new flows, of known ones, of one more than there is room for.

use std::net::{IpAddr, Ipv4Addr};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use dpi_engine::engine::{Engine, Policy};
use dpi_engine::key::{FiveTuple, SHARDS};
use dpi_engine::packet::TcpFlags;

use crate::traffic::{Packet, packets, policy};

/// Flows that are opened at once: a shard's share of the table.
const FLOWS: usize = 4096;

/// Rules of each kind where there are any.
const RULES: u16 = 1000;

/// `tuple`, but from another host: each number gives another flow.
fn from_host(tuple: &FiveTuple, number: u32) -> FiveTuple {
    let mut other = *tuple;
    other.src.addr = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | number));
    other
}

/// The first packet of `web.pcap` for which `is_it` holds.
fn first(is_it: impl Fn(&Packet) -> bool) -> (Packet, FiveTuple) {
    let found = packets("web.pcap").into_iter().find_map(|packet| {
        let tuple = packet.five_tuple()?;
        is_it(&packet).then_some((packet, tuple))
    });
    found.expect("such a packet in web.pcap")
}

fn is_syn(packet: &Packet) -> bool {
    packet
        .view
        .tcp
        .is_some_and(|tcp| tcp.flags == TcpFlags::SYN)
}

fn is_question(packet: &Packet) -> bool {
    packet
        .five_tuple()
        .is_some_and(|tuple| tuple.dst.port == 53)
}

/// Opens `count` flows that begin like `packet`: a time a flow.
fn open_flows(bencher: Bencher<'_, '_>, policy: &Policy, like: (Packet, FiveTuple), count: usize) {
    let (packet, tuple) = like;
    let tuples: Vec<_> = (0..count as u32)
        .map(|number| from_host(&tuple, number))
        .collect();
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| (Engine::new(policy.clone()), Vec::with_capacity(count)))
        .bench_local_refs(|(engine, ended)| {
            for (number, tuple) in (1..).zip(&tuples) {
                let seen = packet.observation(number, tuple);
                black_box(engine.observe(&seen, None, ended));
            }
        });
}

#[divan::bench]
fn new_tcp_flows(bencher: Bencher<'_, '_>) {
    open_flows(bencher, &policy(0), first(is_syn), FLOWS);
}

#[divan::bench]
fn new_dns_flows(bencher: Bencher<'_, '_>) {
    open_flows(bencher, &policy(0), first(is_question), FLOWS);
}

#[divan::bench]
fn new_dns_flows_with_rules(bencher: Bencher<'_, '_>) {
    open_flows(bencher, &policy(RULES), first(is_question), FLOWS);
}

/// Each flow pushes another one out.
#[divan::bench]
fn new_tcp_flows_in_a_full_table(bencher: Bencher<'_, '_>) {
    let small = Policy {
        max_flows: SHARDS * 64,
        ..policy(0)
    };
    open_flows(bencher, &small, first(is_syn), FLOWS);
}

/// A packet of a connection that has said all that is asked of it.
#[divan::bench]
fn settled_flow(bencher: Bencher<'_, '_>) {
    let packets = packets("web.pcap");
    let (first, tuple) = first(|packet| {
        let port = packet.five_tuple().map(|tuple| tuple.dst.port);
        port == Some(443) && is_syn(packet)
    });
    drop(first);
    let mut engine = Engine::new(policy(0));
    let mut ended = Vec::new();
    let mut last_data = None;
    for (number, packet) in (1..).zip(&packets) {
        let Some(own) = packet.five_tuple() else {
            continue;
        };
        let is_of_it = own == tuple || (own.src == tuple.dst && own.dst == tuple.src);
        let is_end = packet
            .view
            .tcp
            .is_some_and(|tcp| tcp.flags.has(TcpFlags::FIN) || tcp.flags.has(TcpFlags::RST));
        if is_of_it && !is_end {
            engine.observe(&packet.observation(number, &own), None, &mut ended);
            if packet.payload().len() > 1000 {
                last_data = Some((packet, own));
            }
        }
    }
    let (packet, own) = last_data.expect("a connection with data");
    let mut number = packets.len() as u64;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        number += 1;
        engine.observe(
            &packet.observation(number, black_box(&own)),
            None,
            &mut ended,
        )
    });
}

/// Whole flows, from their first packets to their last: a time a packet.
#[divan::bench(args = [
    "web.pcap",
    "protocols.pcap",
    "recorded/chromium_tls.pcap",
    "recorded/chromium_quic.pcap",
    "recorded/http1.pcap",
])]
fn flows_of(bencher: Bencher<'_, '_>, name: &str) {
    let packets = packets(name);
    let seen: Vec<_> = (1..)
        .zip(&packets)
        .filter_map(|(number, packet)| Some((number, packet, packet.five_tuple()?)))
        .collect();
    let policy = policy(0);
    bencher
        .counter(ItemsCount::new(seen.len()))
        .with_inputs(|| (Engine::new(policy.clone()), Vec::new()))
        .bench_local_refs(|(engine, ended)| {
            for (number, packet, tuple) in &seen {
                let seen = packet.observation(*number, tuple);
                black_box(engine.observe(&seen, None, ended));
            }
        });
}
