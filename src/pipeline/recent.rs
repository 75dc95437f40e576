//! Flows that are sure to be in their shard's table, of which a packet therefore begins none.
//!
//! In: every packet of every shard, in capture order. Out: whether its flow is sure to be known. Knows the bounds of the flow table and
//! nothing that is in it.

use crate::engine::UDP_IDLE_TIMEOUT_NS;
use crate::key::{SHARDS, shard_of};
use crate::packet::Timestamp;
use crate::prefetch::prefetch;

/// Flows of one shard that are told from others at a time: enough to pass over nearly every packet that begins none.
const MAX_PLACES_PER_SHARD: usize = 512;

/// Flows that were seen lately, for each shard.
///
/// * Rounds: a shard's packets are taken in rounds, and a flow that was seen in this round before is known. A round ends before its
///   packets are further apart in time than the shortest silence that ends a flow, and before they are of more flows than the shard's
///   table holds: so within one, no flow can have been over, nor have had to make room.
/// * Errs on one side: a flow that is known may be taken for a new one. The other way only where the flow table closes flows because
///   they hold too many bytes, and where all bits of [`FlowKey::spread`](crate::key::FlowKey::spread) that are looked at are the same.
/// * What it says depends on the shard's own packets alone.
/// * Bound: 8 bytes for each of [`MAX_PLACES_PER_SHARD`] places of a shard.
pub(super) struct Recent {
    /// Shard by shard; each flow has one place, which others may take.
    places: Vec<Seen>,
    /// A power of two.
    places_per_shard: usize,
    rounds: [Round; SHARDS],
    /// Flows that a shard's table holds.
    flows_per_shard: usize,
}

/// A flow, and when it was last seen. Small, for there are many, and each packet looks one up.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The lower half of the flow's `spread`, its last bit turned in tunnels; the upper one leads here.
    spread: u32,
    /// Number of the round, wrapping around; the first is 1.
    round: u32,
}

/// What goes on in a shard since nobody can have left its table.
#[derive(Debug, Clone, Copy)]
struct Round {
    number: u32,
    /// Time of its earliest packet.
    earliest: Timestamp,
    /// Flows that it is of, some of them counted several times.
    flows: usize,
}

impl Recent {
    /// * `max_flows`: flows that all shards' tables hold.
    pub(super) fn new(max_flows: usize) -> Self {
        let flows_per_shard = max_flows.div_ceil(SHARDS).max(1);
        let places_per_shard = 1 << flows_per_shard.min(MAX_PLACES_PER_SHARD).ilog2();
        let first = Round {
            number: 1,
            earliest: Timestamp::default(),
            flows: flows_per_shard,
        };
        Self {
            places: vec![Seen::default(); SHARDS * places_per_shard],
            places_per_shard,
            rounds: [first; SHARDS],
            flows_per_shard,
        }
    }

    /// Asks for the memory that [`Recent::is_known`] will look at.
    #[inline]
    pub(super) fn look_ahead(&self, spread: u64) {
        if let Some(place) = self.places.get(self.place(spread)) {
            prefetch(place);
        }
    }

    /// Takes in a packet at `now` of the flow with the given [`FlowKey::spread`](crate::key::FlowKey::spread); whether the flow is sure
    /// to be known already.
    ///
    /// * `is_inside`: what is in tunnels and what is outside may be two flows, and are told apart.
    #[inline]
    pub(super) fn is_known(&mut self, (spread, is_inside): (u64, bool), now: Timestamp) -> bool {
        let place = self.place(spread);
        let (Some(round), Some(before)) = (
            self.rounds.get_mut(shard_of(spread)),
            self.places.get_mut(place),
        ) else {
            return false;
        };
        round.enter(now);
        let spread = spread as u32 ^ u32::from(is_inside);
        if (before.spread, before.round) == (spread, round.number) {
            return true;
        }
        round.count(now, self.flows_per_shard);
        *before = Seen {
            spread,
            round: round.number,
        };
        false
    }

    /// Takes in a packet at `now` of a flow that nobody wants to know of: it is not looked for, and counts as one more.
    pub(super) fn pass(&mut self, spread: u64, now: Timestamp) {
        if let Some(round) = self.rounds.get_mut(shard_of(spread)) {
            round.enter(now);
            round.count(now, self.flows_per_shard);
        }
    }

    #[inline]
    fn place(&self, spread: u64) -> usize {
        let place = (spread >> 32) as usize & (self.places_per_shard - 1);
        shard_of(spread) * self.places_per_shard + place
    }
}

impl Round {
    /// Takes in a packet, in the next round if this one would last too long with it.
    #[inline]
    fn enter(&mut self, now: Timestamp) {
        if now < self.earliest {
            self.earliest = now;
        } else if now.ns_since(self.earliest) > UDP_IDLE_TIMEOUT_NS {
            self.begin_next(now);
        }
    }

    /// Counts the flow of a packet, in the next round if this one is of too many.
    fn count(&mut self, now: Timestamp, flows_per_shard: usize) {
        if self.flows == flows_per_shard {
            self.begin_next(now);
        }
        self.flows += 1;
    }

    #[cold]
    fn begin_next(&mut self, now: Timestamp) {
        *self = Self {
            number: self.number.wrapping_add(1),
            earliest: now,
            flows: 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::engine::{Engine, Policy};
    use crate::key::{Endpoint, FiveTuple, FlowKey, Side};
    use crate::observation::Observation;
    use crate::packet::IpProtocol;
    use crate::passive_dns::is_lookup;
    use crate::rules::{Action, Kind, Removal, RuleSetBuilder};
    use crate::services::DNS_PORT;
    use crate::tunnel::Tunnels;

    const NS_PER_S: i64 = 1_000_000_000;

    /// All is allowed, so that what is in tunnels ends when its like comes outside.
    fn policy(max_flows: usize) -> Policy {
        let catalogue = Catalogue::parse("").unwrap();
        let mut rules = RuleSetBuilder::new(&catalogue);
        rules
            .add((Action::Allow, Kind::Ip), "::/0", "test")
            .unwrap();
        rules
            .add((Action::Allow, Kind::Ip), "0.0.0.0/0", "test")
            .unwrap();
        Policy {
            rules: Arc::new(rules.build()),
            catalogue: Arc::new(catalogue),
            removal: Removal::Inline,
            block_by_dns: false,
            with_dns: false,
            max_flows,
            fingerprints: false,
            offsets: false,
        }
    }

    /// Flows of one shard, to `server`'s port.
    fn keys(count: usize, protocol: IpProtocol, server: u16) -> Vec<FlowKey> {
        let end = |port| Endpoint {
            addr: [10, 0, 0, 1].into(),
            port,
        };
        let key = |port| {
            let (src, dst) = (end(port), end(server));
            let tuple = FiveTuple { src, dst, protocol };
            FlowKey::of(&tuple).0
        };
        let of_shard = (1..).map(key).filter(|key| key.shard() == 7);
        of_shard.take(count).collect()
    }

    /// Whether each packet, at its second, in a tunnel or not, begins a flow of the engine's; and whether the flow was sure to be known.
    fn begun_and_known(
        max_flows: usize,
        packets: impl IntoIterator<Item = (FlowKey, i64, bool)>,
    ) -> Vec<(bool, bool)> {
        let mut engine = Engine::new(policy(max_flows));
        let mut recent = Recent::new(max_flows);
        let told = (0..)
            .zip(packets)
            .map(|(number, (key, second, is_inside))| {
                let seen = Observation {
                    number,
                    timestamp: Timestamp::from_ns(second * NS_PER_S),
                    key,
                    sender: Side::Low,
                    origlen: 60,
                    outer: &[],
                    is_inside,
                    tunnels: Tunnels::default(),
                    tcp: None,
                    payload: &[],
                    payload_origlen: 0,
                };
                let is_known = if is_lookup(&key) {
                    recent.pass(key.spread(), seen.timestamp);
                    false
                } else {
                    recent.is_known((key.spread(), is_inside), seen.timestamp)
                };
                let answer = engine.observe(&seen, None, &mut Vec::new());
                (answer.flow == number, is_known)
            });
        told.collect()
    }

    proptest! {
        #[test]
        fn no_packet_that_begins_a_flow_is_taken_for_one_of_a_known_flow(
            flows_per_shard in 1usize..40,
            is_tcp in any::<bool>(),
            steps in proptest::collection::vec((0usize..60, -90i64..100, 0u8..8, any::<bool>()), 0..400),
        ) {
            let protocol = if is_tcp { IpProtocol::TCP } else { IpProtocol::UDP };
            let (others, lookups) = (keys(40, protocol, 4433), keys(20, protocol, DNS_PORT));
            let keys: Vec<_> = lookups.iter().zip(others.chunks(2)).flat_map(|(lookup, others)| [lookup, &others[0], &others[1]]).collect();
            let packets = steps.iter().scan(1_000, |now, &(flow, step, rarely, is_inside)| {
                // Mostly few flows, in a row; sometimes all of them, and a clock that jumps and steps back.
                let (flow, step) = if rarely == 0 { (flow, step) } else { (flow % 5, step.rem_euclid(3)) };
                *now += step;
                Some((*keys[flow], *now, is_inside))
            });
            for (place, (is_begun, is_known)) in (0..).zip(begun_and_known(flows_per_shard * SHARDS, packets)) {
                prop_assert!(!(is_begun && is_known), "packet {place}");
            }
        }
    }

    #[test]
    fn nearly_every_packet_that_begins_no_flow_is_passed_over() {
        let keys = keys(12, IpProtocol::UDP, 4433);
        let packets = (0..4_000).map(|i| (keys[i as usize % keys.len()], i / 100, false));
        let told = begun_and_known(crate::engine::DEFAULT_MAX_FLOWS, packets);
        let begun = told.iter().filter(|(is_begun, _)| *is_begun).count();
        let asked = told.iter().filter(|(_, is_known)| !is_known).count();
        assert_eq!(begun, 12);
        assert!(asked < 4_000 / 20, "{asked}");
    }

    #[test]
    fn flows_that_another_clock_ends_are_asked_for_again() {
        let keys = keys(3, IpProtocol::UDP, 4433);
        // What one network card captured, and what another did whose clock is minutes ahead.
        let packets = [(0, 100), (1, 300), (0, 101)].map(|(flow, at)| (keys[flow], at, false));
        let told = begun_and_known(crate::engine::DEFAULT_MAX_FLOWS, packets);
        assert_eq!(told, [(true, false); 3]);
    }
}
