//! How flows begin, in places where others stood as well.

use super::*;
use crate::community_id::IcmpKind;

#[test]
fn a_flow_begins_with_what_its_first_packet_says() {
    let mut bench = Bench::new(&[], 8, false);
    bench.number = 6;
    // Before 1970, which captures can say whose clock was set back.
    bench.seconds = -5;
    bench.tunnels = [Tunnel::Gre].into_iter().collect();
    let ping = tuple(IpProtocol::ICMP, (2, 0), (1, 0));
    bench.send(ping, None, b"\x08\x00ping");
    let (key, sender) = FlowKey::of(&ping);
    let entry = bench.engine.flows.peek(&key);
    assert!(entry.is_some_and(|entry| entry.began_inside && !entry.is_bare));
    let told = bench.engine.finish();
    assert_eq!(told.len(), 1);
    let flow = &told[0];
    let at = Timestamp::from_ns(-5_000_000_000);
    assert_eq!((flow.first_packet, flow.packets), (7, 1));
    assert_eq!((flow.first, flow.last), (at, at));
    assert_eq!((flow.initiator, flow.tunnels), (sender, bench.tunnels));
    assert_eq!(flow.icmp, Some(IcmpKind { kind: 8, code: 0 }));
}

#[test]
fn a_flow_begins_anew_where_another_stood() {
    let shard = |tuple| FlowKey::of(&tuple).0.shard();
    let protocols = [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::ICMP];
    let flags = |tuple: FiveTuple, flags| (tuple.protocol == IpProtocol::TCP).then_some(flags);
    let pairs = protocols.map(|before| protocols.map(|after| (before, after)));
    for &(before, after) in pairs.as_flattened() {
        let first = tuple(before, (1, 1000), (2, 53));
        let mut next = (1..).map(|port| tuple(after, (3, 80), (4, port)));
        let next = next.find(|next| shard(*next) == shard(first)).unwrap();
        let bench = || Bench::new(&["domain:*.example", "ip:10.0.0.2"], 1, false);
        // The one that stands there first has something of all there is: tunnels, names, a verdict, packets both ways.
        let mut used = bench();
        used.tunnels = [Tunnel::Gre].into_iter().collect();
        used.send(first, flags(first, SYN), QUESTION);
        used.send(back(first), flags(first, FIN_ACK), QUESTION);
        used.tunnels = Tunnels::default();
        used.send(back(first), flags(first, FIN_ACK), QUESTION);
        let mut new = Bench {
            number: used.number,
            seconds: 10,
            ..bench()
        };
        used.seconds = 10;
        for bench in [&mut used, &mut new] {
            assert!(bench.send(next, flags(next, ACK), b""));
        }
        assert_eq!(used.ends(), [FlowEnd::Evicted]);
        assert!(used.ended[0].flow.dropped_packets > 0);
        assert_eq!(used.engine.finish(), new.engine.finish());
    }
}

#[test]
fn a_flow_that_is_over_leaves_nothing_where_it_stood() {
    let mut bench = Bench::new(&[], 8, false);
    // The beginning of a hello waits for the rest of it: outside of tunnels, and in one.
    let loads = [Tunnels::default(), [Tunnel::Gre].into_iter().collect()].map(|tunnels| {
        bench.tunnels = tunnels;
        let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
        bench.send(tcp(4000), Some(ACK), hello);
        bench.engine.beside.load
    });
    assert!(0 < loads[0] && loads[0] < loads[1], "{loads:?}");
    let (key, _) = FlowKey::of(&tcp(4000));
    let Engine { flows, policy, .. } = &mut bench.engine;
    let left = flows.end(&key, flows.hash(&key), |key, entry| {
        summary(key, entry, FlowEnd::Finished, policy);
        entry.weigh_findings();
        entry.weigh();
        entry.load()
    });
    assert_eq!(left, Some(0));
}
