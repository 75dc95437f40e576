//! A flow's story: what was found in which packet, what it was concluded to be, what the rules said and what became of it.

use std::io::{self, Write};

use super::evidence::{self, Outcome, Piece};
use super::trial;
use crate::catalogue::Label;
use crate::engine::Policy;
use crate::evidence::{Basis, NameSource};
use crate::flow::{FlowEnd, FlowSummary};
use crate::packet::IpProtocol;
use crate::report::flows::{port_guess, protocol_packets};
use crate::report::name_of;
use crate::report::text::printable;
use crate::rules::Removal;
use crate::tunnel::Tunnel;

/// Pieces of evidence that are told of one flow; what decided always is.
const MAX_TOLD: usize = 200;

/// A line for one flow.
pub(super) fn write_line(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let (src, dst) = flow.shown_ends();
    let protocol = flow.key.protocol();
    let what = label(flow, policy).name;
    write!(out, "{}  {protocol} {src} -> {dst}  {what}", flow.first)?;
    if let Some(name) = name_of(flow) {
        write!(out, "  {}", printable(name))?;
    }
    write!(out, "  {}", count(flow.packets, "packet"))?;
    let dropped = flow.dropped_in_all();
    if flow.is_dropped() {
        write!(out, ", {dropped} dropped")?;
    } else {
        write!(out, ", forwarded")?;
    }
    if let Some(rule) = flow.decided_by().and_then(|id| policy.rules.rule(id)) {
        write!(out, " by {}", rule.text)?;
    }
    if !flow.is_dropped() && dropped > 0 {
        write!(out, " but for {dropped}")?;
    }
    writeln!(out)
}

/// A flow's whole story.
pub(super) fn write(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let (src, dst) = flow.shown_ends();
    let protocol = flow.key.protocol();
    writeln!(out, "{protocol} {src} -> {dst}  ({})", flow.community_id())?;
    begin(flow, out)?;
    found(flow, policy, out)?;
    offered(flow, out)?;
    concluded(flow, policy, out)?;
    trial::write(flow, policy, out)?;
    counted(flow, policy, out)
}

fn begin(flow: &FlowSummary, out: &mut Vec<u8>) -> io::Result<()> {
    let (src, _) = flow.shown_ends();
    let (packet, first) = (flow.first_packet, flow.first);
    writeln!(out, "  began     in packet {packet} at {first}")?;
    let why = if flow.initiator_known {
        "its SYN says so"
    } else {
        "a guess by ports and by who spoke first"
    };
    writeln!(out, "  opened by {src}: {why}")?;
    let tunnels: Vec<_> = flow.tunnels.iter().map(Tunnel::as_str).collect();
    if !tunnels.is_empty() {
        writeln!(out, "  inside    {}", tunnels.join(", "))?;
    }
    Ok(())
}

/// What was found, packet by packet.
fn found(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let pieces = evidence::of(flow, &policy.catalogue);
    let mut protocols = flow
        .protocols
        .iter()
        .zip(protocol_packets(flow).iter().copied())
        .peekable();
    let mut told = 0;
    for piece in &pieces {
        while let Some((protocol, at)) = protocols.next_if(|(_, at)| *at <= piece.packet) {
            writeln!(out, "  packet {at}: {protocol}")?;
        }
        told += 1;
        if told <= MAX_TOLD || piece.outcome == Outcome::Decided {
            write_piece(piece, policy, out)?;
        }
    }
    for (protocol, at) in protocols {
        writeln!(out, "  packet {at}: {protocol}")?;
    }
    if pieces.len() > MAX_TOLD {
        let more = pieces.len() - MAX_TOLD;
        writeln!(out, "  and {more} more names and signs (--flows has all)")?;
    }
    Ok(())
}

fn write_piece(piece: &Piece<'_>, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let (at, by) = (piece.packet, piece.by.as_str());
    write!(out, "  packet {at}: {by} {}", printable(piece.value))?;
    if let Some(offset) = piece.offset {
        write!(out, " at byte {offset} of its payload")?;
    }
    if piece.by == Basis::Name(NameSource::DnsAnswer) {
        write!(out, " (what its client was told before)")?;
    }
    let app = piece.app.and_then(|id| policy.catalogue.app(id));
    let Some(app) = app else {
        return writeln!(out);
    };
    let outcome = match piece.outcome {
        Outcome::Decided => "; it decided",
        Outcome::Lighter => "; it lost to what weighs more",
        Outcome::Later => "; it lost to what came first and weighs the same",
        Outcome::Refuted => "; it lost to a name that is no application's",
        Outcome::Agrees | Outcome::Nothing => "",
    };
    writeln!(out, " -> {}{outcome}", app.name)
}

/// What the client and the server agreed on, of which no packet is known.
fn offered(flow: &FlowSummary, out: &mut Vec<u8>) -> io::Result<()> {
    let findings = flow.findings();
    let mut said = Vec::new();
    if let Some(version) = findings.tls_version() {
        said.push(version.to_string());
    }
    if !findings.alpn.is_empty() {
        let offered: Vec<_> = findings.alpn.iter().collect();
        said.push(format!("offers {}", printable(&offered.join(", "))));
    }
    if findings.has_ech {
        said.push("its hello is possibly encrypted, the name a cover".to_owned());
    }
    if findings.host_conflict {
        said.push("a request in it names more hosts than one".to_owned());
    }
    match said.as_slice() {
        [] => Ok(()),
        said => writeln!(out, "  says      {}", said.join("; ")),
    }
}

fn concluded(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let Label { name, category } = label(flow, policy);
    write!(out, "  is        {name} ({category})")?;
    if let Some((by, value, packet)) = flow.findings().decided_by() {
        let value = printable(value);
        writeln!(
            out,
            ", because of {} {value} in packet {packet}",
            by.as_str()
        )
    } else if !flow.protocols.is_empty() {
        writeln!(out, ", because of its bytes")
    } else if let Some(guess) = port_guess(flow) {
        writeln!(out, "; its port alone would say {guess}")
    } else {
        writeln!(out, ": nothing was recognised in it")
    }
}

/// What became of its packets.
fn counted(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    let end = match flow.end {
        FlowEnd::Finished => "the capture ended",
        FlowEnd::Replaced => "its addresses and ports were used again",
        FlowEnd::Expired => "it was silent for too long",
        FlowEnd::Evicted => "the table of flows was full",
    };
    let state = flow.state.as_str();
    writeln!(out, "  ended     at {} ({state}): {end}", flow.last)?;
    let dropped = flow.dropped_in_all();
    let dropped_bytes = flow.dropped_bytes_in_all();
    let kept = flow.packets.saturating_sub(dropped);
    let kept_bytes = flow.bytes.saturating_sub(dropped_bytes);
    writeln!(
        out,
        "  packets   {}: {kept} forwarded ({kept_bytes} bytes), {dropped} dropped ({dropped_bytes} bytes)",
        flow.packets
    )?;
    for shared in &flow.findings().rare().shared_fates {
        let rule = policy.rules.rule(shared.rule).map_or("", |rule| &rule.text);
        let packets = count(shared.packets, "packet");
        let fate = match policy.removal {
            Removal::AllElse => "forwarded",
            Removal::Inline | Removal::WholeFlow => "dropped",
        };
        let why = why_shared(flow);
        writeln!(out, "    {packets} of them {fate} {why}, by {rule}")?;
    }
    let verdict = flow.verdict();
    match flow.decided_by().and_then(|id| policy.rules.rule(id)) {
        Some(rule) => {
            let (text, origin) = (&rule.text, printable(&rule.origin));
            writeln!(out, "  verdict   {verdict}, by {text} ({origin})")
        }
        None if flow.is_dropped() => writeln!(out, "  verdict   drop, for no rule keeps it"),
        None => writeln!(out, "  verdict   forward"),
    }
}

/// Why another rule than its own took packets of a flow.
fn why_shared(flow: &FlowSummary) -> &'static str {
    let quotes = matches!(flow.key.protocol(), IpProtocol::ICMP | IpProtocol::ICMP6);
    match (flow.allowed, quotes) {
        (Some(_), false) => "before it was allowed",
        (Some(_), true) => "before it was allowed, or with a flow that they quote",
        (None, _) => "with a flow that they quote",
    }
}

fn label<'a>(flow: &FlowSummary, policy: &'a Policy) -> Label<'a> {
    let innermost = flow.protocols.innermost();
    policy.catalogue.label(flow.application, innermost)
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
