//! What is known of a flow when it ends: the only thing that reports, statistics and host findings are made from.

use super::Findings;
use crate::catalogue::AppId;
use crate::community_id::{IcmpKind, community_id};
use crate::key::{Endpoint, FlowKey, Side};
use crate::packet::{IpProtocol, Timestamp};
use crate::protocol::Protocols;
use crate::rules::RuleId;
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
    /// A SYN opened a new flow on its closed five-tuple.
    Replaced,
    /// No packet for as long as its protocol's idle timeout.
    Expired,
    /// The table was full, and it had waited longest.
    Evicted,
}

/// Packets of a flow that were dropped because they quote another one, as ICMP errors do, and a rule blocked that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedDrop {
    /// The rule that blocked the other flow.
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
    /// Packets that were dropped for its own verdict.
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
    /// The rule that blocked it; `None` when it was forwarded.
    pub rule: Option<RuleId>,
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

    /// Packets that were dropped, for whatever verdict.
    pub fn dropped_in_all(&self) -> u64 {
        let shared = self.findings().shared_drops.iter().map(|drop| drop.packets);
        self.dropped_packets + shared.sum::<u64>()
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
