//! Flows by protocol, application, name and rule.

use std::collections::HashMap;
use std::slice;

use serde::Serialize;
use smallvec::SmallVec;

use crate::catalogue::AppId;
use crate::caveats::Caveats;
use crate::domain::DomainName;
use crate::encrypted_dns;
use crate::flow::{Findings, FlowEnd, FlowSummary};
use crate::half_hash::HalfHash;
use crate::name_table::{FEW, NameTable};
use crate::packet::IpProtocol;
use crate::protocol::Protocol;
use crate::rules::RuleId;

/// Most distinct names that are counted one by one.
pub const MAX_DOMAINS: usize = 262_144;

/// Most bytes that the text of those names may fill together. Names are 20 bytes as a rule, 1,020 at the very most.
pub const MAX_DOMAIN_BYTES: usize = 16 << 20;

/// Most distinct fingerprints that are counted one by one. A network has some hundreds.
pub const MAX_FINGERPRINTS: usize = 65_536;

/// How many flows there were: `tcp + udp + icmp + other = total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FlowCounts {
    /// Every flow.
    pub total: u64,
    /// TCP.
    pub tcp: u64,
    /// UDP.
    pub udp: u64,
    /// ICMP and ICMPv6.
    pub icmp: u64,
    /// Other protocols over IP.
    pub other: u64,
    /// Flows that were dropped.
    pub blocked: u64,
    /// Flows closed early, because the flow table was full.
    pub evicted: u64,
    /// Flows in which a request named more than one host.
    pub host_conflicts: u64,
    /// Flows whose ClientHello carried an encrypted one, or something random in its place.
    pub ech: u64,
    /// Flows that carry DNS in TLS, HTTPS or QUIC, as far as that shows.
    pub encrypted_dns: u64,
}

impl FlowCounts {
    /// Whether every flow was counted once by protocol.
    pub const fn reconciles(&self) -> bool {
        self.tcp + self.udp + self.icmp + self.other == self.total
    }
}

/// What a flow is counted under: its application, else its innermost protocol, else nothing that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// An application of the catalogue.
    Application(AppId),
    /// No application, but a protocol.
    Protocol(Protocol),
    /// Neither.
    Unknown,
}

impl Shown {
    /// What `flow` is counted under.
    pub fn of(flow: &FlowSummary) -> Self {
        match (flow.application, flow.protocols.innermost()) {
            (Some(app), _) => Self::Application(app),
            (None, Some(protocol)) => Self::Protocol(protocol),
            (None, None) => Self::Unknown,
        }
    }
}

/// Flows of one kind, with their packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Flows.
    pub flows: u64,
    /// Packets of those flows.
    pub packets: u64,
    /// Bytes of those packets on the wire.
    pub bytes: u64,
}

impl Tally {
    /// Adds `other` to these.
    pub const fn add(&mut self, other: Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Flows that are about to be counted, by the [`FlowStats`] alone that looked ahead for them: what they need is on its way from memory.
#[derive(Debug)]
#[must_use = "they are not counted yet"]
pub struct Ahead<'a> {
    flows: &'a [FlowSummary],
    /// Those that have a name of a domain, and the hash of the first.
    named: SmallVec<[(&'a FlowSummary, HalfHash); FEW]>,
}

/// Counts flows as they end.
///
/// Bounds: [`MAX_DOMAINS`] and [`MAX_DOMAIN_BYTES`] for names, [`MAX_FINGERPRINTS`]; the others have no more entries than there are applications,
/// protocols and rules.
#[derive(Debug)]
pub struct FlowStats {
    counts: FlowCounts,
    shown: ShownTallies,
    domains: NameTable<DomainCount>,
    untold_domains: u64,
    ja4: HashMap<Box<str>, u64, ahash::RandomState>,
    untold_ja4: u64,
    rules: HashMap<RuleId, Tally, ahash::RandomState>,
    caveats: Caveats,
    caveat_flows: Caveats,
}

/// What flows are counted under, in rows by number: every flow is counted here, and needs no table for it.
#[derive(Debug, Default)]
struct ShownTallies {
    applications: Vec<Tally>,
    protocols: Vec<Tally>,
    unknown: Tally,
}

impl ShownTallies {
    fn of(&mut self, shown: Shown) -> &mut Tally {
        let (row, place) = match shown {
            Shown::Application(app) => (&mut self.applications, usize::from(app.0)),
            Shown::Protocol(protocol) => (&mut self.protocols, protocol as usize),
            Shown::Unknown => return &mut self.unknown,
        };
        if row.len() <= place {
            row.resize(place + 1, Tally::default());
        }
        &mut row[place]
    }

    /// Those under which there are flows, in order.
    fn into_rows(self) -> Vec<(Shown, Tally)> {
        let applications = (0..=u16::MAX).map(AppId).map(Shown::Application);
        let protocols = Protocol::ALL.map(Shown::Protocol);
        let rows = applications
            .zip(self.applications)
            .chain(protocols.into_iter().zip(self.protocols))
            .chain([(Shown::Unknown, self.unknown)]);
        rows.filter(|(_, tally)| tally.flows > 0).collect()
    }
}

/// The names of domains in a flow.
fn names_of(flow: &FlowSummary) -> impl Iterator<Item = &DomainName> {
    let names = flow.findings().names.iter();
    let of_domains = names.filter(|found| found.from.is_of_domains());
    of_domains.map(|found| &found.name)
}

#[derive(Debug)]
struct DomainCount {
    flows: u64,
    /// First packet of the flow that was counted last, 0 for none: a flow that carries a name twice counts once.
    counted: u64,
}

/// What [`FlowStats`] counted, in an order that depends on nothing but the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowTables {
    /// All flows.
    pub counts: FlowCounts,
    /// Flows by what they are shown as.
    pub shown: Vec<(Shown, Tally)>,
    /// Flows by name, the most frequent first, then by name.
    pub domains: Vec<(DomainName, u64)>,
    /// How often a name was found in a flow and not counted, because there were too many different ones before it.
    pub untold_domains: u64,
    /// Flows by the JA4 of their client, the most frequent first, then by fingerprint.
    pub ja4: Vec<(Box<str>, u64)>,
    /// Flows whose JA4 was not counted, because there were too many different ones before it.
    pub untold_ja4: u64,
    /// Flows whose verdict a rule gave, with the packets and bytes that it took. Rules that matched nothing are absent.
    pub rules: Vec<(RuleId, Tally)>,
    /// What was not found, or is in doubt, over all flows.
    pub caveats: Caveats,
    /// In how many flows each of these was.
    pub caveat_flows: Caveats,
}

impl Default for FlowStats {
    fn default() -> Self {
        Self {
            counts: FlowCounts::default(),
            shown: ShownTallies::default(),
            domains: NameTable::new(MAX_DOMAINS, MAX_DOMAIN_BYTES),
            untold_domains: 0,
            ja4: HashMap::default(),
            untold_ja4: 0,
            rules: HashMap::default(),
            caveats: Caveats::default(),
            caveat_flows: Caveats::default(),
        }
    }
}

impl FlowStats {
    /// Asks for the memory that these flows will need when they are counted.
    pub fn look_ahead<'a>(&self, flows: &'a [FlowSummary]) -> Ahead<'a> {
        let mut named = SmallVec::<[_; FEW]>::new();
        for flow in flows {
            if let Some(first) = names_of(flow).next() {
                named.push((flow, first));
            }
        }
        let hashes = self.domains.look_ahead(named.iter().map(|(_, name)| *name));
        let named = named.iter().map(|(flow, _)| *flow);
        Ahead {
            flows,
            named: named.zip(hashes).collect(),
        }
    }

    /// Counts a flow.
    pub fn observe(&mut self, flow: &FlowSummary) {
        let ahead = self.look_ahead(slice::from_ref(flow));
        self.observe_all(&ahead);
    }

    /// Counts flows, in their order.
    pub fn observe_all(&mut self, ahead: &Ahead<'_>) {
        for flow in ahead.flows {
            self.observe_flow(flow);
        }
        for (flow, hash) in &ahead.named {
            let mut hash = Some(*hash);
            for name in names_of(flow) {
                let hash = hash.take().unwrap_or_else(|| self.domains.hash(name));
                self.observe_name((name, hash), flow.first_packet);
            }
        }
    }

    fn observe_flow(&mut self, flow: &FlowSummary) {
        self.counts.total += 1;
        *match flow.key.protocol() {
            IpProtocol::TCP => &mut self.counts.tcp,
            IpProtocol::UDP => &mut self.counts.udp,
            IpProtocol::ICMP | IpProtocol::ICMP6 => &mut self.counts.icmp,
            _ => &mut self.counts.other,
        } += 1;
        self.counts.evicted += u64::from(flow.end == FlowEnd::Evicted);
        if let Some(findings) = &flow.findings {
            self.observe_findings(findings);
        }
        let mut protocols = flow.protocols.iter();
        self.counts.encrypted_dns += u64::from(protocols.any(encrypted_dns::is_kind));
        self.shown.of(Shown::of(flow)).add(Tally {
            flows: 1,
            packets: flow.packets,
            bytes: flow.bytes,
        });
        self.counts.blocked += u64::from(flow.is_dropped());
        if let Some(rule) = flow.decided_by() {
            let (packets, bytes) = flow.ruled();
            self.rules.entry(rule).or_default().add(Tally {
                flows: 1,
                packets,
                bytes,
            });
        }
    }

    fn observe_findings(&mut self, findings: &Findings) {
        self.counts.host_conflicts += u64::from(findings.host_conflict);
        self.counts.ech += u64::from(findings.has_ech);
        if let Some(prints) = &findings.fingerprints {
            self.observe_ja4(&prints.ja4);
        }
        for shared in &findings.rare().shared_fates {
            self.rules.entry(shared.rule).or_default().add(Tally {
                flows: 0,
                packets: shared.packets,
                bytes: shared.bytes,
            });
        }
        if let Some(caveats) = &findings.rare().caveats {
            self.caveats.add(caveats);
            self.caveat_flows.add(&caveats.kinds());
        }
    }

    /// Flows that were dropped, so far.
    pub const fn blocked(&self) -> u64 {
        self.counts.blocked
    }

    /// What was counted.
    pub fn finish(self) -> FlowTables {
        let mut domains: Vec<_> = self
            .domains
            .into_names()
            .into_iter()
            .map(|(name, count)| (name, count.flows))
            .collect();
        domains.sort_unstable_by(|(a, a_flows), (b, b_flows)| b_flows.cmp(a_flows).then(a.cmp(b)));
        let mut ja4: Vec<_> = self.ja4.into_iter().collect();
        ja4.sort_unstable_by(|(a, a_flows), (b, b_flows)| b_flows.cmp(a_flows).then(a.cmp(b)));
        let mut rules: Vec<_> = self.rules.into_iter().collect();
        rules.sort_unstable_by_key(|(rule, _)| *rule);
        debug_assert!(self.counts.reconciles());
        FlowTables {
            counts: self.counts,
            shown: self.shown.into_rows(),
            domains,
            untold_domains: self.untold_domains,
            ja4,
            untold_ja4: self.untold_ja4,
            rules,
            caveats: self.caveats,
            caveat_flows: self.caveat_flows,
        }
    }

    fn observe_ja4(&mut self, ja4: &str) {
        if let Some(flows) = self.ja4.get_mut(ja4) {
            *flows += 1;
        } else if self.ja4.len() < MAX_FINGERPRINTS {
            self.ja4.insert(ja4.into(), 1);
        } else {
            self.untold_ja4 += 1;
        }
    }

    fn observe_name(&mut self, name: (&DomainName, HalfHash), flow: u64) {
        let first = DomainCount {
            flows: 0,
            counted: 0,
        };
        let Some((_, count)) = self.domains.entry(name, first) else {
            self.untold_domains += 1;
            return;
        };
        if count.counted != flow {
            count.counted = flow;
            count.flows += 1;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
