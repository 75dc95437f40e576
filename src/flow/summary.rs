//! What is known of a flow when it ends: the only thing that reports, statistics and host findings are made from.

use super::Findings;
use crate::catalogue::AppId;
use crate::community_id::{IcmpKind, community_id};
use crate::key::{Endpoint, FlowKey, Side};
use crate::packet::{IpProtocol, Timestamp};
use crate::protocol::Protocols;
use crate::rules::{Removal, RuleId};
use crate::tunnel::Tunnels;

/// How far a flow has come in its life.
///
/// Source: RFC 9293 §3.3.2, seen from the middle of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowState {
    /// TCP: a SYN, no answer yet.
    Syn,
    /// TCP: SYN and SYN-ACK.
    SynAck,
    /// TCP: data or acknowledgements flow, or the capture began in the middle.
    Established,
    /// TCP: one direction has sent its FIN.
    Fin,
    /// TCP: both directions have sent their FIN.
    Closed,
    /// TCP: one side has reset the connection.
    Reset,
    /// Not TCP: packets from one side only.
    OneWay,
    /// Not TCP: packets from both sides.
    TwoWay,
}

impl FlowState {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAck => "syn_ack",
            Self::Established => "established",
            Self::Fin => "fin",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::OneWay => "one_way",
            Self::TwoWay => "two_way",
        }
    }
}

/// Why nothing more is heard of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowEnd {
    /// The capture ended first.
    Finished,
    /// A SYN opened a new flow on its closed five-tuple; or it was allowed in tunnels, and the packets outside need leave of their own.
    Replaced,
    /// No packet for as long as its protocol's idle timeout.
    Expired,
    /// The table was full, and it had waited longest.
    Evicted,
}

/// Packets of a flow that a rule took which is not the flow's: they quote another flow, as ICMP errors do, and it blocked that one; or
/// it blocked their flow until something was found that allows it.
///
/// They were dropped; where all else is dropped, they alone were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedFate {
    /// The rule.
    pub rule: RuleId,
    /// Packets.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// A flow, told when it ends.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSummary {
    /// Number of its first packet in the capture, counted from 1; no two flows share it.
    pub first_packet: u64,
    /// Protocol, addresses and ports.
    pub key: FlowKey,
    /// Which end opened it.
    pub initiator: Side,
    /// Whether a SYN told so; otherwise it is a guess by port or by the first sender.
    pub initiator_known: bool,
    /// When the first packet was captured.
    pub first: Timestamp,
    /// When the last packet was captured.
    pub last: Timestamp,
    /// Packets in both directions.
    pub packets: u64,
    /// Their bytes on the wire, frame headers included.
    pub bytes: u64,
    /// Packets that were dropped for its own verdict, its [`SharedFate`]s apart.
    pub dropped_packets: u64,
    /// Their bytes on the wire.
    pub dropped_bytes: u64,
    /// How far it came.
    pub state: FlowState,
    /// Why it ended.
    pub end: FlowEnd,
    /// Protocols recognised, outermost first.
    pub protocols: Protocols,
    /// The application concluded.
    pub application: Option<AppId>,
    /// The tunnels that its packets came through, the outermost first; of all packets, where they differ.
    pub tunnels: Tunnels,
    /// What kind of message its first packet was, where that is of ICMP or ICMPv6.
    pub icmp: Option<IcmpKind>,
    /// The rule that blocks it, if one does and none allows it.
    pub rule: Option<RuleId>,
    /// The rule that allows it, if one does.
    pub allowed: Option<RuleId>,
    /// What became of blocked flows, and of all others.
    pub removal: Removal,
    /// What was found in it; `None` when nothing was.
    pub findings: Option<Box<Findings>>,
}

impl FlowSummary {
    /// What was found in it, be it nothing.
    pub fn findings(&self) -> &Findings {
        static NONE: Findings = Findings::NONE;
        self.findings.as_deref().unwrap_or(&NONE)
    }

    /// What was found in it, to be added to.
    pub fn findings_mut(&mut self) -> &mut Findings {
        self.findings.get_or_insert_default()
    }

    /// Takes in a rule that blocks it, now that it is over.
    pub(crate) fn block(&mut self, rule: RuleId) {
        self.rule = Some(rule);
        self.settle();
    }

    /// Makes its figures those of its verdict, where that holds for all of its packets.
    pub(crate) const fn settle(&mut self) {
        if !matches!(self.removal, Removal::Inline) {
            (self.dropped_packets, self.dropped_bytes) = if self.is_dropped() {
                (self.packets, self.bytes)
            } else {
                (0, 0)
            };
        }
    }

    /// Whether its verdict is to be dropped.
    pub const fn is_dropped(&self) -> bool {
        match self.removal {
            Removal::Inline | Removal::WholeFlow => self.rule.is_some(),
            Removal::AllElse => self.rule.is_none(),
        }
    }

    /// The rule that its verdict comes from.
    pub fn decided_by(&self) -> Option<RuleId> {
        self.rule.or(self.allowed)
    }

    /// Packets and bytes that its rule took: that were dropped because of one that blocks, or kept because of one that allows; the other way
    /// round where all else is dropped.
    pub fn ruled(&self) -> (u64, u64) {
        match (self.decided_by(), self.removal) {
            (None, _) => (0, 0),
            (Some(_), Removal::WholeFlow | Removal::AllElse) => (self.packets, self.bytes),
            (Some(_), Removal::Inline) if self.rule.is_some() => {
                (self.dropped_packets, self.dropped_bytes)
            }
            (Some(_), Removal::Inline) => {
                let shared = self.findings().rare().shared_fates.iter();
                shared.fold((self.packets, self.bytes), |(packets, bytes), shared| {
                    (
                        packets.saturating_sub(shared.packets),
                        bytes.saturating_sub(shared.bytes),
                    )
                })
            }
        }
    }

    /// Packets that were dropped, for whatever verdict.
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped_with_shared(self.dropped_packets, |shared| shared.packets)
    }

    /// Bytes on the wire of the packets that were dropped, for whatever verdict.
    pub fn dropped_bytes_in_all(&self) -> u64 {
        self.dropped_with_shared(self.dropped_bytes, |shared| shared.bytes)
    }

    fn dropped_with_shared(&self, own: u64, of: impl Fn(&SharedFate) -> u64) -> u64 {
        let shared: u64 = self.findings().rare().shared_fates.iter().map(of).sum();
        match self.removal {
            Removal::Inline | Removal::WholeFlow => own + shared,
            Removal::AllElse => own.saturating_sub(shared),
        }
    }

    /// What its verdict is called in outputs.
    pub const fn verdict(&self) -> &'static str {
        if self.is_dropped() { "drop" } else { "forward" }
    }

    /// Its [Community ID](community_id()), by its first packet.
    pub fn community_id(&self) -> String {
        community_id(&self.key.five_tuple(self.initiator), self.icmp)
    }

    /// Both ends as reports show them, the one that opened the flow first.
    ///
    /// What stands in an ICMP flow's place of ports, if anything, is no port.
    pub fn shown_ends(&self) -> (Endpoint, Endpoint) {
        let shown = |end: Endpoint| match self.key.protocol() {
            IpProtocol::ICMP | IpProtocol::ICMP6 => Endpoint { port: 0, ..end },
            _ => end,
        };
        (shown(self.src()), shown(self.dst()))
    }

    /// The end that opened the flow.
    pub fn src(&self) -> Endpoint {
        self.key.endpoint(self.initiator)
    }

    /// The end that was spoken to.
    pub fn dst(&self) -> Endpoint {
        self.key.endpoint(self.initiator.other())
    }
}
