//! One flow as JSON.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::alpn::Alpn;
use crate::domain::DomainName;
use crate::evidence::{Basis, FoundName, Ground, TlsVersion};
use crate::flow::FlowSummary;
use crate::packet::{IpProtocol, Timestamp};
use crate::protocol::{Protocol, Protocols};
use crate::report::Names;
use crate::report::json::Shown;
use crate::services;
use crate::tunnel::{Tunnel, Tunnels};

/// A flow's line, less its `id`, which is known only when all flows are.
#[derive(Debug, Serialize)]
pub(super) struct FlowLine<'a> {
    first: Shown<Timestamp>,
    last: Shown<Timestamp>,
    protocol: Shown<IpProtocol>,
    src: IpAddr,
    src_port: u16,
    dst: IpAddr,
    dst_port: u16,
    community_id: String,
    packets: u64,
    bytes: u64,
    dropped: u64,
    state: &'static str,
    #[serde(serialize_with = "protocols")]
    protocols: Protocols,
    /// The number of the packet at which each of them was told.
    protocol_packets: &'a [u64],
    application: Option<&'a str>,
    category: Option<&'a str>,
    classification: Option<Decided<'a>>,
    /// What else than names leads to an application, whether it decided or not.
    signs: Vec<Decided<'a>>,
    #[serde(serialize_with = "names")]
    names: &'a [FoundName],
    alpn: &'a Alpn,
    tls_version: Option<Shown<TlsVersion>>,
    /// Whether the `tls_sni` or `quic_sni` name is possibly a cover for an encrypted one.
    ech: bool,
    ja3: Option<&'a str>,
    ja4: Option<&'a str>,
    #[serde(serialize_with = "tunnels")]
    tunnels: Tunnels,
    verdict: &'static str,
    rule: Option<&'a str>,
    initiator_known: bool,
}

/// What decided the application; without one, the protocol.
#[derive(Debug, Serialize)]
struct Decided<'a> {
    /// What kind of evidence: where a name stood, else `alpn`, `content`, `address` or `port`. The last is a guess.
    by: &'static str,
    /// What it says: the name, the protocol, the address, ….
    value: &'a str,
    /// The number of the packet that carried it.
    packet: u64,
}

impl<'a> Decided<'a> {
    fn by_ground(ground: &'a Ground) -> Self {
        Self {
            by: ground.by.as_str(),
            value: &ground.value,
            packet: ground.packet,
        }
    }

    fn of(flow: &'a FlowSummary) -> Option<Self> {
        let content = |protocol: Protocol, packet| Self {
            by: Basis::Content.as_str(),
            value: protocol.as_str(),
            packet,
        };
        let application = flow
            .findings()
            .decided_by()
            .map(|(by, value, packet)| Self {
                by: by.as_str(),
                value,
                packet,
            });
        let guess = || {
            Some(Self {
                by: Basis::Port.as_str(),
                value: port_guess(flow)?.as_str(),
                packet: flow.first_packet,
            })
        };
        application
            .or_else(|| {
                let packet = protocol_packets(flow).last().copied();
                Some(content(
                    flow.protocols.innermost()?,
                    packet.unwrap_or(flow.first_packet),
                ))
            })
            .or_else(guess)
    }
}

fn signs(flow: &FlowSummary) -> Vec<Decided<'_>> {
    let signs = flow.findings().rare().signs.iter();
    signs.map(Decided::by_ground).collect()
}

/// The protocol whose service has the flow's port.
pub(in crate::report) fn port_guess(flow: &FlowSummary) -> Option<Protocol> {
    services::protocol_of(flow.key.protocol(), flow.dst().port)
}

/// The packets at which the flow's protocols were told, in their order.
pub(in crate::report) fn protocol_packets(flow: &FlowSummary) -> &[u64] {
    &flow.findings().grounds.protocols
}

impl<'a> FlowLine<'a> {
    pub(super) fn new(flow: &'a FlowSummary, names: &'a impl Names) -> Self {
        let (src, dst) = flow.shown_ends();
        let application = flow.application.and_then(|id| names.application(id));
        let findings = flow.findings();
        let fingerprints = findings.fingerprints.as_deref();
        Self {
            first: Shown(flow.first),
            last: Shown(flow.last),
            protocol: Shown(flow.key.protocol()),
            src: src.addr,
            src_port: src.port,
            dst: dst.addr,
            dst_port: dst.port,
            community_id: flow.community_id(),
            packets: flow.packets,
            bytes: flow.bytes,
            dropped: flow.dropped_in_all(),
            state: flow.state.as_str(),
            protocols: flow.protocols,
            protocol_packets: protocol_packets(flow),
            application: application.map(|(name, _)| name),
            category: application.map(|(_, category)| category),
            classification: Decided::of(flow),
            signs: signs(flow),
            names: &findings.names,
            alpn: &findings.alpn,
            tls_version: findings.tls_version().map(Shown),
            ech: findings.has_ech,
            ja3: fingerprints.map(|prints| &*prints.ja3),
            ja4: fingerprints.map(|prints| &*prints.ja4),
            tunnels: flow.tunnels,
            verdict: flow.verdict(),
            rule: flow.decided_by().and_then(|id| Some(names.rule(id)?.0)),
            initiator_known: flow.initiator_known,
        }
    }
}

fn protocols<S: Serializer>(protocols: &Protocols, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(protocols.iter().map(Protocol::as_str))
}

fn tunnels<S: Serializer>(tunnels: &Tunnels, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(tunnels.iter().map(Tunnel::as_str))
}

fn names<S: Serializer>(names: &[FoundName], to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct NameLine<'a> {
        name: &'a str,
        from: &'static str,
        packet: u64,
    }
    to.collect_seq(names.iter().map(|found| NameLine {
        name: DomainName::as_str(&found.name),
        from: found.from.as_str(),
        packet: found.packet,
    }))
}
