//! One flow as JSON.
//!
//! Its values are kept without their keys until the line is written: keys are the same in all lines, and longer than most values.

use serde::{Serialize, Serializer};

use super::values::{Values, take_to};
use crate::domain::DomainName;
use crate::evidence::{Basis, Fingerprints, FoundName, Ground};
use crate::flow::FlowSummary;
use crate::protocol::Protocol;
use crate::report::Names;
use crate::report::json::Shown;
use crate::services;
use crate::tunnel::Tunnel;

/// Adds a flow's values in the order of the keys of [`write_line`].
pub(super) fn write_values(
    flow: &FlowSummary,
    names: &impl Names,
    line: &mut Values<'_>,
) -> serde_json::Result<()> {
    let (src, dst) = flow.shown_ends();
    let findings = flow.findings();
    line.time(flow.first)?;
    line.time(flow.last)?;
    line.shown(flow.key.protocol())?;
    line.own(src.addr)?;
    line.own(src.port)?;
    line.own(dst.addr)?;
    line.own(dst.port)?;
    line.word(&flow.community_id())?;
    line.own(flow.packets)?;
    line.own(flow.bytes)?;
    line.own(flow.dropped_in_all())?;
    line.word(flow.state.as_str())?;
    let protocols = flow.protocols;
    line.own(Each(|| protocols.iter().map(Protocol::as_str)))?;
    // The number of the packet at which each of them was told.
    line.own(protocol_packets(flow))?;
    let application = flow.application.and_then(|id| names.application(id));
    line.value(application.map(|(name, _)| name))?;
    line.value(application.map(|(_, category)| category))?;
    line.value(Decided::of(flow))?;
    // What else than names leads to an application, whether it decided or not.
    let signs = &findings.rare().signs;
    line.value(Each(|| signs.iter().map(Decided::by_ground)))?;
    let found = &findings.names;
    line.value(Each(|| found.iter().map(NameLine::of)))?;
    line.value(&findings.alpn)?;
    line.own(findings.tls_version().map(Shown))?;
    // Whether the `tls_sni` or `quic_sni` name is possibly a cover for an encrypted one.
    line.own(findings.has_ech)?;
    match findings.fingerprints.as_deref() {
        Some(Fingerprints { ja3, ja4 }) => {
            line.word(ja3)?;
            line.word(ja4)?;
        }
        None => {
            line.own(())?;
            line.own(())?;
        }
    }
    let tunnels = flow.tunnels;
    line.own(Each(|| tunnels.iter().map(Tunnel::as_str)))?;
    line.word(flow.verdict())?;
    let rule = flow.decided_by().and_then(|id| names.rule(id));
    line.value(rule.map(|(text, _)| text))?;
    line.own(flow.initiator_known)
}

/// Adds each value behind its key.
macro_rules! entries {
    ($line:ident, $values:ident: $($key:literal)*) => {$(
        $line.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
        take_to($line, &mut $values);
    )*};
}

/// Adds the line of the flow that is number `id` and has `values`, as [`write_values`] wrote them.
pub(super) fn write_line(id: u64, mut values: &[u8], line: &mut Vec<u8>) {
    line.extend_from_slice(b"{\"id\":");
    line.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    entries!(line, values:
        "first" "last" "protocol" "src" "src_port" "dst" "dst_port" "community_id" "packets" "bytes" "dropped" "state" "protocols"
        "protocol_packets" "application" "category" "classification" "signs" "names" "alpn" "tls_version" "ech" "ja3" "ja4" "tunnels"
        "verdict" "rule" "initiator_known");
    debug_assert!(values.is_empty(), "more values than keys");
    line.extend_from_slice(b"}\n");
}

/// A name and where it stood.
#[derive(Debug, Serialize)]
struct NameLine<'a> {
    name: &'a str,
    from: &'static str,
    packet: u64,
}

impl<'a> NameLine<'a> {
    fn of(found: &'a FoundName) -> Self {
        Self {
            name: DomainName::as_str(&found.name),
            from: found.from.as_str(),
            packet: found.packet,
        }
    }
}

/// A list of what is asked for item by item, and stands nowhere before.
struct Each<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((self.0)())
    }
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

/// The protocol whose service has the flow's port.
pub(in crate::report) fn port_guess(flow: &FlowSummary) -> Option<Protocol> {
    services::protocol_of(flow.key.protocol(), flow.dst().port)
}

/// The packets at which the flow's protocols were told, in their order.
pub(in crate::report) fn protocol_packets(flow: &FlowSummary) -> &[u64] {
    &flow.findings().grounds.protocols
}
