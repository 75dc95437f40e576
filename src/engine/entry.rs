//! One flow in a shard's table: its figures, its life, and what was found in it.

use crate::catalogue::AppId;
use crate::classify::Classification;
use crate::community_id::IcmpKind;
use crate::domain::DomainName;
use crate::evidence::{Deciding, Ground, NameSource};
use crate::flow::tcp::TcpLife;
use crate::flow::{Findings, FlowEnd, FlowState, FlowSummary, SharedFate};
use crate::inspect::dns;
use crate::key::{FlowKey, Side};
use crate::observation::Observation;
use crate::packet::{IpProtocol, TcpFlags, Timestamp};
use crate::prefetch::prefetch;
use crate::protocol::Protocol;
use crate::rules::{Action, Removal, RuleId};
use crate::tunnel::Tunnels;

use super::Spare;
use super::dialogue::Dialogue;
use super::ruling::Ruling;

/// A flow that is still in the table. Rare parts are boxed: most flows of a scan have none.
///
/// What every packet needs comes first, next to the key, which need not begin a line of memory: the lines behind are left alone by packets
/// that have nothing new to say.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) last: Timestamp,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first_packet: u64,
    pub(super) ruling: Ruling,
    /// Around any of its packets.
    pub(super) tunnels: Tunnels,
    /// What the flow adds to the shard's load, in bytes: as it was weighed last.
    load: u32,
    /// As much of that as is found in it.
    findings_load: u32,
    pub(super) life: Option<TcpLife>,
    pub(super) initiator: Side,
    pub(super) initiator_known: bool,
    /// Which sides have sent a packet, by [`Side::index`].
    pub(super) heard: [bool; 2],
    /// The same, through no tunnel.
    heard_outside: [bool; 2],
    /// Whether it was asked whose the place is that it goes to.
    pub(super) is_placed: bool,
    /// Whether its first packet came through a tunnel over IP.
    pub(super) began_inside: bool,
    /// Whether any of its packets came through none.
    pub(super) is_bare: bool,
    /// What kind of message its first packet was, where that is of ICMP.
    icmp: Option<IcmpKind>,
    pub(super) findings: Option<Box<Findings>>,
    /// What packets like the first say: all in a tunnel, or none.
    dialogue: Dialogue,
    /// What the others say. Apart, because any host can make up a packet in a tunnel that seems to be of this flow: it may add to
    /// what is known, but must not spoil what we hear.
    other: Option<Box<Dialogue>>,
    pub(super) classification: Classification,
    pub(super) first: Timestamp,
    pub(super) dropped_packets: u64,
    pub(super) dropped_bytes: u64,
}

/// What a packet tells of its flow apart from its payload.
pub(super) struct News {
    /// Its sender had not spoken before, or only in tunnels.
    pub(super) is_first_of_sender: bool,
    /// The end that opened the flow, where it says so for the first time, the first time outside of tunnels, or better than before.
    pub(super) opener: Option<Side>,
}

/// No flow.
impl Default for Entry {
    fn default() -> Self {
        Self {
            first_packet: 0,
            first: Timestamp::default(),
            last: Timestamp::default(),
            packets: 0,
            bytes: 0,
            dropped_packets: 0,
            dropped_bytes: 0,
            life: None,
            initiator: Side::Low,
            initiator_known: false,
            heard: [false; 2],
            heard_outside: [false; 2],
            tunnels: Tunnels::default(),
            classification: Classification::default(),
            is_placed: false,
            ruling: Ruling::None,
            icmp: None,
            began_inside: false,
            is_bare: false,
            dialogue: Dialogue::Settled,
            other: None,
            findings: None,
            load: 0,
            findings_load: 0,
        }
    }
}

impl Entry {
    /// Asks for each line of memory that a packet needs, but for the one it begins in.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.load);
        prefetch(&self.dialogue);
    }

    /// The same of all that is needed when it ends, but for what was found in it.
    #[inline]
    pub(super) fn prefetch_all(&self) {
        self.prefetch();
        prefetch(&self.classification);
        prefetch(&self.first);
        prefetch(&self.dropped_bytes);
    }

    /// Asks for the name that a message of DNS may repeat.
    #[inline]
    pub(super) fn prefetch_last_question(&self) {
        if self.dialogue.is_of_dns()
            && let Some(findings) = &self.findings
        {
            prefetch(&findings.names);
        }
    }

    /// Whether there is nothing more to learn from packets like the first.
    #[inline]
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self.dialogue, Dialogue::Settled)
    }

    /// Makes it the flow that `seen` begins, whatever was left of another: there, where it stands, because it is copied as often as it is
    /// moved.
    pub(super) fn begin(&mut self, seen: &Observation<'_>) {
        // All of them by name, so that none is left out.
        let Self {
            last,
            packets,
            bytes,
            first_packet,
            ruling,
            tunnels,
            load,
            findings_load,
            life,
            initiator,
            initiator_known,
            heard,
            heard_outside,
            is_placed,
            began_inside,
            is_bare,
            icmp,
            findings,
            dialogue,
            other,
            classification,
            first,
            dropped_packets,
            dropped_bytes,
        } = self;
        (*initiator, *initiator_known) = seen.opening().opener();
        *first_packet = seen.number;
        (*first, *last) = (seen.timestamp, seen.timestamp);
        *life = seen.tcp.map(|tcp| TcpLife::begin(tcp.flags, seen.sender));
        *tunnels = seen.tunnels;
        *icmp = icmp_kind(seen);
        *began_inside = seen.is_inside;
        *dialogue = Dialogue::begin(&seen.key);
        (*packets, *bytes) = (0, 0);
        (*dropped_packets, *dropped_bytes) = (0, 0);
        (*load, *findings_load) = (0, 0);
        (*heard, *heard_outside) = ([false; 2], [false; 2]);
        (*is_placed, *is_bare) = (false, false);
        (*findings, *other) = (None, None);
        *ruling = Ruling::None;
        *classification = Classification::default();
    }

    /// Counts a packet of the flow.
    pub(super) fn count(&mut self, seen: &Observation<'_>) -> News {
        // What was said in tunnels before must not keep a packet outside from the rules for addresses and ports.
        let is_first_outside = !self.is_bare && !seen.is_inside;
        self.is_bare |= !seen.is_inside;
        let is_first_of =
            |heard: &mut [bool; 2]| !std::mem::replace(&mut heard[seen.sender.index()], true);
        let mut news = News {
            is_first_of_sender: is_first_of(&mut self.heard),
            opener: if self.packets == 0 {
                Some(self.initiator)
            } else {
                is_first_outside.then(|| seen.opening().opener().0)
            },
        };
        if !seen.is_inside {
            news.is_first_of_sender |= is_first_of(&mut self.heard_outside);
        }
        self.packets += 1;
        self.bytes += u64::from(seen.origlen);
        self.last = self.last.max(seen.timestamp);
        self.tunnels.add(seen.tunnels);
        if let Some(tcp) = seen.tcp {
            self.life
                .get_or_insert_with(|| TcpLife::begin(tcp.flags, seen.sender))
                .advance(tcp.flags, seen.sender);
            // The first packet's word is known since it began the flow.
            let is_better = self.packets > 1 && (!self.initiator_known || is_first_outside);
            if is_better && tcp.flags.has(TcpFlags::SYN) {
                let (opener, is_known) = seen.opening().opener();
                if opener != self.initiator {
                    news.opener = Some(opener);
                }
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

    /// Bytes that it held when it was weighed, apart from what every flow with a name has.
    pub(super) const fn load(&self) -> usize {
        self.load as usize
    }

    /// Takes note of what it holds; see [`Entry::weigh_findings`].
    pub(super) fn weigh(&mut self) {
        debug_assert_eq!(self.findings_load, self.held_by_findings(), "not weighed");
        let other = self.other.as_ref().map_or(0, |other| other.held_bytes());
        let held = self.dialogue.held_bytes() + other + self.findings_load as usize;
        self.load = u32::try_from(held).unwrap_or(u32::MAX);
    }

    /// Takes note of what is found in it, before it is weighed itself: not for every packet, because they lie elsewhere in memory.
    pub(super) fn weigh_findings(&mut self) {
        self.findings_load = self.held_by_findings();
    }

    fn held_by_findings(&self) -> u32 {
        let findings = self.findings.as_ref();
        let held = findings.map_or(0, |findings| findings.held_bytes());
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    /// The port that the flow goes to.
    pub(super) fn responder_port(&self, key: &FlowKey) -> u16 {
        key.endpoint(self.initiator.other()).port
    }

    /// Whether this is the name that was found in it last, and said by packets like this one's.
    pub(super) fn was_named_last(&self, name: &DomainName, from: NameSource) -> bool {
        if self.other.is_some() {
            return false;
        }
        let findings = self.findings.as_ref();
        let last = findings.and_then(|findings| findings.names.last());
        last.is_some_and(|last| last.from == from && last.name == *name)
    }

    /// Whether `seen` only asks again what was asked last, or repeats it in its answer: nothing in it is new.
    #[inline]
    pub(super) fn asks_again(&self, seen: &Observation<'_>) -> bool {
        if !self.dialogue.is_of_dns() || self.other.is_some() || seen.is_inside != self.began_inside
        {
            return false;
        }
        let last = self
            .findings
            .as_ref()
            .and_then(|findings| findings.names.last());
        last.is_some_and(|last| {
            last.from == NameSource::DnsQuery
                && self.classification.protocols.has(Protocol::Dns)
                && dns::asks_only_for(seen.payload, &last.name)
        })
    }

    /// Takes room for what is found in it that is spare, if it has none.
    #[inline]
    pub(super) fn take_spare(&mut self, spare: &mut Spare) {
        if self.findings.is_none() {
            self.findings = spare.pop();
            if let Some(next) = spare.last() {
                next.prefetch();
            }
        }
    }

    /// What was found in it, to be added to.
    pub(super) fn findings(&mut self) -> &mut Findings {
        self.findings.get_or_insert_default()
    }

    /// Takes in what leads to an application, apart from names.
    pub(super) fn is_of(&mut self, app: AppId, ground: Ground) {
        if self.classification.consider(app, ground.by) {
            let sign = Deciding::Sign(Box::new(ground));
            self.findings().grounds.application = Some(sign);
        }
    }

    /// Whether a rule of this action that `seen` meets would change what becomes of the flow.
    ///
    /// What comes in a tunnel allows no flow that was seen outside: any host can wrap a packet that seems to be of it.
    pub(super) fn is_open_to(&self, action: Action, seen: &Observation<'_>) -> bool {
        let is_hearsay = seen.is_inside && self.is_bare;
        self.ruling.is_open_to(action) && !(action == Action::Allow && is_hearsay)
    }

    /// Takes in a rule that the flow meets by `seen`, unless its verdict stands without.
    ///
    /// * `ground`: what met it; `None` for a rule of addresses or ports.
    pub(super) fn judge(
        &mut self,
        (action, rule): (Action, RuleId),
        ground: Option<Deciding>,
        seen: &Observation<'_>,
        removal: Removal,
    ) {
        if !self.is_open_to(action, seen) {
            return;
        }
        if let Some(blocked) = self.ruling.block() {
            self.free(blocked, removal);
        }
        self.ruling = match action {
            Action::Allow => Ruling::Allow(rule),
            Action::Block => Ruling::Block(rule),
        };
        if ground.is_some() || self.findings.is_some() {
            self.findings().verdict = ground;
            self.weigh_findings();
        }
    }

    /// Lets go of the rule that blocked the flow so far. What it has dropped stays dropped, and is told as its doing.
    fn free(&mut self, rule: RuleId, removal: Removal) {
        let (packets, bytes) = (self.dropped_packets, self.dropped_bytes);
        (self.dropped_packets, self.dropped_bytes) = (0, 0);
        if removal == Removal::Inline && packets > 0 {
            self.findings().rare_mut().shared_fates.push(SharedFate {
                rule,
                packets,
                bytes,
            });
        }
    }

    /// Whether its client says a hello in several datagrams, of which some are still to come.
    pub(super) fn awaits_hello(&self) -> bool {
        let protocols = &self.classification.protocols;
        let is_said_in_datagrams = protocols.has(Protocol::Quic) || protocols.has(Protocol::Dtls);
        let is_heard = self
            .findings
            .as_ref()
            .is_some_and(|findings| findings.offered.is_some() || findings.names_itself());
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

    /// What is told of the flow now that it is over, with all that was found in it: nothing is left that takes memory elsewhere.
    pub(super) fn summary(&mut self, key: FlowKey, end: FlowEnd, removal: Removal) -> FlowSummary {
        let state = self.state();
        let mut findings = self.findings.take();
        self.other = None;
        self.dialogue = Dialogue::Settled;
        if let Some(findings) = &mut findings {
            findings.close();
            if self.classification.is_by_answer() {
                findings.grounds.application = findings.answer().map(Deciding::Name);
            }
        }
        let mut flow = FlowSummary {
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
            state,
            end,
            protocols: self.classification.protocols,
            application: self.classification.application(),
            tunnels: self.tunnels,
            icmp: self.icmp,
            rule: self.ruling.block(),
            allowed: self.ruling.allow(),
            removal,
            findings,
        };
        // What was counted packet by packet goes by what was known then.
        flow.settle();
        flow
    }
}

/// What kind of ICMP message `seen` is.
fn icmp_kind(seen: &Observation<'_>) -> Option<IcmpKind> {
    match (seen.key.protocol(), seen.payload) {
        (IpProtocol::ICMP | IpProtocol::ICMP6, &[kind, code, ..]) => Some(IcmpKind { kind, code }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_small() {
        // With its key, as it stands in the table: three lines of memory.
        let size = size_of::<(FlowKey, Entry)>();
        assert!(size <= 3 * 64, "{size}");
        assert!(size_of::<Findings>() <= 192, "{}", size_of::<Findings>());
    }
}
