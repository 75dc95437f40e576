//! One flow in a shard's table: its figures, its life, and what was found in it.

use ahash::RandomState;
use hashbrown::HashTable;

use crate::catalogue::AppId;
use crate::caveats::Caveats;
use crate::classify::Classification;
use crate::community_id::IcmpKind;
use crate::domain::DomainName;
use crate::evidence::{Basis, Fingerprints, FoundName, Ground, Grounds, NameSource, TlsVersion};
use crate::flow::tcp::TcpLife;
use crate::flow::{FlowEnd, FlowState, FlowSummary};
use crate::key::{FlowKey, Side};
use crate::observation::Observation;
use crate::packet::{IpProtocol, TcpFlags, Timestamp};
use crate::protocol::Protocol;
use crate::rules::RuleId;
use crate::services;
use crate::tunnel::Tunnels;

use super::dialogue::Dialogue;

/// Distinct names kept of one flow. Rules still see every one.
pub const MAX_NAMES_PER_FLOW: usize = 4096;
/// Bytes of names kept of one flow.
pub const MAX_NAME_BYTES_PER_FLOW: usize = 256 << 10;
/// Names up to which a plain scan finds a repetition as fast as an index.
const SCANNED_NAMES: usize = 16;

/// A flow that is still in the table. Rare parts are boxed: most flows of a scan have none.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) first_packet: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) dropped_packets: u64,
    pub(super) dropped_bytes: u64,
    pub(super) life: Option<TcpLife>,
    pub(super) initiator: Side,
    pub(super) initiator_known: bool,
    /// Which sides have sent a packet, by [`Side::index`].
    pub(super) heard: [bool; 2],
    /// Around any of its packets.
    pub(super) tunnels: Tunnels,
    pub(super) classification: Classification,
    pub(super) grounds: Option<Box<Grounds>>,
    /// Whether it was asked whose the place is that it goes to.
    pub(super) is_placed: bool,
    pub(super) rule: Option<RuleId>,
    /// What kind of message its first packet was, where that is of ICMP.
    icmp: Option<IcmpKind>,
    /// Whether its first packet came through a tunnel over IP.
    pub(super) began_inside: bool,
    /// What packets like the first say: all in a tunnel, or none.
    dialogue: Dialogue,
    /// What the others say. Apart, because any host can make up a packet in a tunnel that seems to be of this flow: it may add to
    /// what is known, but must not spoil what we hear.
    other: Option<Box<Dialogue>>,
    pub(super) found: Option<Box<Found>>,
    /// What the flow adds to the shard's load, in bytes.
    pub(super) load: usize,
}

/// What a packet tells of its flow apart from its payload.
pub(super) struct News {
    /// Its sender had not spoken before.
    pub(super) is_first_of_sender: bool,
    /// It says, for the first time or better than before, which end is the responder.
    pub(super) names_responder: bool,
}

/// What was found in a flow.
#[derive(Debug, Default)]
pub(super) struct Found {
    names: Vec<FoundName>,
    name_bytes: usize,
    /// Places in `names`, once there are more than a scan should look at.
    index: Option<(RandomState, HashTable<u32>)>,
    pub(super) alpn: Vec<Box<str>>,
    pub(super) offered: Option<TlsVersion>,
    pub(super) chosen: Option<TlsVersion>,
    pub(super) has_ech: bool,
    pub(super) host_conflict: bool,
    pub(super) fingerprints: Option<Box<Fingerprints>>,
    pub(super) caveats: Caveats,
}

impl Entry {
    /// The flow that `seen` begins.
    pub(super) fn begin(seen: &Observation<'_>) -> Self {
        let (initiator, initiator_known) = initiator(seen);
        Self {
            first_packet: seen.number,
            first: seen.timestamp,
            last: seen.timestamp,
            packets: 0,
            bytes: 0,
            dropped_packets: 0,
            dropped_bytes: 0,
            life: seen.tcp.map(|tcp| TcpLife::begin(tcp.flags, seen.sender)),
            initiator,
            initiator_known,
            heard: [false; 2],
            tunnels: seen.tunnels,
            classification: Classification::default(),
            grounds: None,
            is_placed: false,
            rule: None,
            icmp: icmp_kind(seen),
            began_inside: seen.is_inside,
            dialogue: Dialogue::begin(&seen.key),
            other: None,
            found: None,
            load: 0,
        }
    }

    /// Counts a packet of the flow.
    pub(super) fn count(&mut self, seen: &Observation<'_>) -> News {
        let mut news = News {
            is_first_of_sender: !std::mem::replace(&mut self.heard[seen.sender.index()], true),
            names_responder: self.packets == 0,
        };
        self.packets += 1;
        self.bytes += u64::from(seen.origlen);
        self.last = self.last.max(seen.timestamp);
        self.tunnels.add(seen.tunnels);
        if let Some(tcp) = seen.tcp {
            self.life
                .get_or_insert_with(|| TcpLife::begin(tcp.flags, seen.sender))
                .advance(tcp.flags, seen.sender);
            if !self.initiator_known && tcp.flags.has(TcpFlags::SYN) {
                let (opener, is_known) = initiator(seen);
                news.names_responder |= opener != self.initiator;
                (self.initiator, self.initiator_known) = (opener, is_known);
            }
        }
        news
    }

    /// What packets of this one's kind say; `None` when there is nothing more to learn from them.
    pub(super) fn dialogue(&mut self, seen: &Observation<'_>) -> Option<&mut Dialogue> {
        let dialogue = if seen.is_inside == self.began_inside {
            &mut self.dialogue
        } else {
            self.other
                .get_or_insert_with(|| Box::new(Dialogue::begin(&seen.key)))
        };
        (!dialogue.is_settled_before(seen)).then_some(dialogue)
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        let other = self.other.as_ref().map_or(0, |other| other.held_bytes());
        let grounds = self.grounds.as_ref().map_or(0, |grounds| {
            size_of::<Grounds>() + grounds.signs.capacity() * size_of::<Ground>()
        });
        let found = self.found.as_ref().map_or(0, |found| found.size());
        self.dialogue.held_bytes() + other + grounds + found
    }

    /// The port that the flow goes to.
    pub(super) fn responder_port(&self, key: &FlowKey) -> u16 {
        key.endpoint(self.initiator.other()).port
    }

    /// Takes in what leads to an application.
    pub(super) fn is_of(&mut self, app: AppId, by: Basis, ground: impl FnOnce() -> Ground) {
        // Of an answer of DNS, the name that is kept is the ground.
        if self.classification.consider(app, by) && by != Basis::Name(NameSource::DnsAnswer) {
            self.grounds.get_or_insert_default().application = Some(ground());
        }
    }

    /// Takes in the rule that blocks the flow, and what met it.
    pub(super) fn block(&mut self, rule: RuleId, ground: Ground) {
        self.rule = Some(rule);
        self.grounds.get_or_insert_default().verdict = Some(ground);
    }

    /// Whether its client says a hello in several datagrams, of which some are still to come.
    pub(super) fn awaits_hello(&self) -> bool {
        let protocols = &self.classification.protocols;
        let is_said_in_datagrams = protocols.has(Protocol::Quic) || protocols.has(Protocol::Dtls);
        let is_heard = self
            .found
            .as_ref()
            .is_some_and(|found| found.offered.is_some() || found.names_itself());
        is_said_in_datagrams && !is_heard
    }

    /// How far it has come.
    pub(super) fn state(&self) -> FlowState {
        match &self.life {
            Some(life) => life.state(),
            None if self.heard == [true; 2] => FlowState::TwoWay,
            None => FlowState::OneWay,
        }
    }

    /// What is told of the flow now that it is over.
    pub(super) fn summary(self, key: FlowKey, end: FlowEnd) -> FlowSummary {
        let state = self.state();
        let found = self.found.map(|found| *found).unwrap_or_default();
        let mut grounds = self.grounds;
        if self.classification.is_by_answer() {
            grounds.get_or_insert_default().application = found.answer();
        }
        FlowSummary {
            first_packet: self.first_packet,
            key,
            initiator: self.initiator,
            initiator_known: self.initiator_known,
            first: self.first,
            last: self.last,
            packets: self.packets,
            bytes: self.bytes,
            dropped_packets: self.dropped_packets,
            dropped_bytes: self.dropped_bytes,
            shared_drops: Vec::new(),
            state,
            end,
            protocols: self.classification.protocols,
            application: self.classification.application(),
            grounds,
            names: found.names,
            alpn: found.alpn,
            tls_version: found.chosen.or(found.offered),
            tunnels: self.tunnels,
            has_ech: found.has_ech,
            host_conflict: found.host_conflict,
            fingerprints: found.fingerprints,
            icmp: self.icmp,
            rule: self.rule,
            caveats: (!found.caveats.is_empty()).then(|| Box::new(found.caveats)),
        }
    }
}

/// What kind of ICMP message `seen` is.
fn icmp_kind(seen: &Observation<'_>) -> Option<IcmpKind> {
    match (seen.key.protocol(), seen.payload) {
        (IpProtocol::ICMP | IpProtocol::ICMP6, &[kind, code, ..]) => Some(IcmpKind { kind, code }),
        _ => None,
    }
}

/// Who opened the flow that `seen` begins, and whether a SYN says so.
fn initiator(seen: &Observation<'_>) -> (Side, bool) {
    if let Some(tcp) = seen.tcp.filter(|tcp| tcp.flags.has(TcpFlags::SYN)) {
        let opens = !tcp.flags.has(TcpFlags::ACK);
        return (
            if opens {
                seen.sender
            } else {
                seen.sender.other()
            },
            true,
        );
    }
    let [src, dst] = [seen.sender, seen.sender.other()]
        .map(|side| services::is_well_known(seen.key.endpoint(side).port));
    (
        if src && !dst {
            seen.sender.other()
        } else {
            seen.sender
        },
        false,
    )
}

impl Found {
    /// Adds a name unless it is there already; counts it only when there is no more room.
    pub(super) fn add(&mut self, name: DomainName, from: NameSource, packet: u64) {
        if self.has(&name, from) {
            return;
        }
        let size = name.as_str().len();
        if self.names.len() >= MAX_NAMES_PER_FLOW
            || self.name_bytes + size > MAX_NAME_BYTES_PER_FLOW
        {
            self.caveats.names = self.caveats.names.saturating_add(1);
            return;
        }
        self.name_bytes += size;
        self.names.push(FoundName { name, from, packet });
        self.index_last();
    }

    /// Whether any of the names was found in the flow itself.
    fn names_itself(&self) -> bool {
        self.names
            .iter()
            .any(|found| found.from != NameSource::DnsAnswer)
    }

    /// The answer of DNS that led to the flow, as what its application rests on.
    fn answer(&self) -> Option<Ground> {
        let by = NameSource::DnsAnswer;
        let found = self.names.iter().find(|found| found.from == by)?;
        Some(Ground {
            by: Basis::Name(by),
            value: found.name.as_str().into(),
            packet: found.packet,
        })
    }

    /// Bytes that the names take.
    pub(super) fn size(&self) -> usize {
        let alpn: usize = self
            .alpn
            .iter()
            .map(|name| name.len() + size_of::<Box<str>>())
            .sum();
        size_of::<Self>() + alpn + self.name_bytes + self.names.len() * size_of::<FoundName>()
    }

    fn has(&self, name: &DomainName, from: NameSource) -> bool {
        let is_it = |there: &FoundName| there.name == *name && there.from == from;
        match &self.index {
            None => self.names.iter().any(is_it),
            Some((hasher, places)) => {
                let hash = hasher.hash_one((name, from));
                places
                    .find(hash, |&place| {
                        self.names.get(place as usize).is_some_and(is_it)
                    })
                    .is_some()
            }
        }
    }

    fn index_last(&mut self) {
        let names = &self.names;
        if self.index.is_none() && names.len() <= SCANNED_NAMES {
            return;
        }
        let first = if self.index.is_none() {
            0
        } else {
            names.len() - 1
        };
        let (hasher, places) = self.index.get_or_insert_with(Default::default);
        let hash = |place: u32| {
            names
                .get(place as usize)
                .map_or(0, |there| hasher.hash_one((&there.name, there.from)))
        };
        for place in first as u32..names.len() as u32 {
            places.insert_unique(hash(place), place, |&other| hash(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_however_many_there_are() {
        let mut found = Found::default();
        for round in 0..3u64 {
            for i in 0..1000u64 {
                let name = DomainName::from_bytes(format!("host{i}.example").as_bytes()).unwrap();
                found.add(name, NameSource::DnsQuery, round * 1000 + i);
            }
        }
        assert_eq!(found.names.len(), 1000);
        assert!(
            found
                .names
                .iter()
                .enumerate()
                .all(|(i, name)| name.packet == i as u64)
        );
        let name = DomainName::from_bytes(b"host7.example").unwrap();
        found.add(name, NameSource::TlsSni, 9);
        assert_eq!(found.names.len(), 1001);
    }

    #[test]
    fn names_of_one_flow_are_bounded() {
        let mut found = Found::default();
        for i in 0..MAX_NAMES_PER_FLOW + 10 {
            found.add(
                DomainName::from_bytes(format!("{i}").as_bytes()).unwrap(),
                NameSource::HttpHost,
                1,
            );
        }
        assert_eq!(found.names.len(), MAX_NAMES_PER_FLOW);
        assert_eq!(found.caveats.names, 10);
        found.add(
            DomainName::from_bytes(b"7").unwrap(),
            NameSource::HttpHost,
            1,
        );
        assert_eq!(found.caveats.names, 10, "a name that is listed");
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Entry>() <= 256, "{}", size_of::<Entry>());
    }
}
