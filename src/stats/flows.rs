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
pub(crate) mod tests {
    use super::*;
    use crate::evidence::{Fingerprints, FoundName, NameSource};
    use crate::flow::FlowState;
    use crate::key::{Endpoint, FiveTuple, FlowKey};
    use crate::packet::Timestamp;
    use crate::protocol::Protocols;
    use crate::rules::Removal;
    use crate::tunnel::Tunnels;

    fn flow(first_packet: u64, protocol: IpProtocol, names: &[&str]) -> FlowSummary {
        let ends = ("192.168.1.2:50000", "140.82.112.21:443");
        sample_flow(first_packet, protocol, ends, names)
    }

    /// A flow of ten packets between two `address:port`, the initiator first, with `names` from TLS.
    pub(crate) fn sample_flow(
        first_packet: u64,
        protocol: IpProtocol,
        (src, dst): (&str, &str),
        names: &[&str],
    ) -> FlowSummary {
        let end = |text: &str| {
            let end: std::net::SocketAddr = text.parse().unwrap();
            Endpoint {
                addr: end.ip(),
                port: end.port(),
            }
        };
        let (key, initiator) = FlowKey::of(&FiveTuple {
            src: end(src),
            dst: end(dst),
            protocol,
        });
        let mut findings = Findings::default();
        findings.names.extend(names.iter().map(|name| FoundName {
            name: DomainName::from_bytes(name.as_bytes()).unwrap(),
            from: NameSource::TlsSni,
            packet: first_packet,
            offset: None,
        }));
        FlowSummary {
            first_packet,
            key,
            initiator,
            initiator_known: true,
            first: Timestamp::from_ns(0),
            last: Timestamp::from_ns(1),
            packets: 10,
            bytes: 1000,
            dropped_packets: 0,
            dropped_bytes: 0,
            state: FlowState::Established,
            end: FlowEnd::Finished,
            protocols: Protocols::default(),
            application: None,
            tunnels: Tunnels::default(),
            icmp: None,
            rule: None,
            allowed: None,
            removal: Removal::Inline,
            findings: Some(Box::new(findings)),
        }
    }

    #[test]
    fn flows_are_counted_by_protocol_fate_and_what_they_show() {
        let mut stats = FlowStats::default();
        let mut tls = flow(1, IpProtocol::TCP, &[]);
        tls.protocols.push(Protocol::Tls);
        tls.protocols.push(Protocol::Https);
        stats.observe(&tls);
        let mut doh = tls.clone();
        doh.protocols.push(Protocol::DnsOverHttps);
        doh.findings_mut().has_ech = true;
        stats.observe(&FlowSummary {
            application: Some(AppId(7)),
            rule: Some(RuleId(2)),
            dropped_packets: 9,
            dropped_bytes: 950,
            ..doh
        });
        let mut conflict = flow(3, IpProtocol::ICMP6, &[]);
        conflict.findings_mut().host_conflict = true;
        conflict.end = FlowEnd::Evicted;
        stats.observe(&conflict);
        stats.observe(&flow(4, IpProtocol::SCTP, &[]));
        let tables = stats.finish();
        let one = Tally {
            flows: 1,
            packets: 10,
            bytes: 1000,
        };
        assert_eq!(
            tables.counts,
            FlowCounts {
                total: 4,
                tcp: 2,
                udp: 0,
                icmp: 1,
                other: 1,
                blocked: 1,
                evicted: 1,
                host_conflicts: 1,
                ech: 1,
                encrypted_dns: 1,
            }
        );
        assert_eq!(
            tables.shown,
            [
                (Shown::Application(AppId(7)), one),
                (Shown::Protocol(Protocol::Https), one),
                (
                    Shown::Unknown,
                    Tally {
                        flows: 2,
                        packets: 20,
                        bytes: 2000
                    }
                ),
            ]
        );
        assert_eq!(
            tables.rules,
            [(
                RuleId(2),
                Tally {
                    flows: 1,
                    packets: 9,
                    bytes: 950
                }
            )]
        );
    }

    #[test]
    fn caveats_are_counted_by_times_and_by_flows() {
        let mut stats = FlowStats::default();
        for conflicts in [0, 2, 3] {
            let mut flow = flow(1, IpProtocol::TCP, &[]);
            flow.findings_mut().caveats().conflicts = conflicts;
            stats.observe(&flow);
        }
        let tables = stats.finish();
        assert_eq!(
            (tables.caveats.conflicts, tables.caveat_flows.conflicts),
            (5, 2)
        );
    }

    #[test]
    fn fingerprints_are_counted_by_flow() {
        let mut stats = FlowStats::default();
        for ja4 in ["b", "a", "c", "c"] {
            let mut flow = flow(1, IpProtocol::TCP, &[]);
            flow.findings_mut().fingerprints = Some(Box::new(Fingerprints {
                ja3: "".into(),
                ja4: ja4.into(),
            }));
            stats.observe(&flow);
        }
        stats.observe(&flow(2, IpProtocol::TCP, &[]));
        let told = stats.finish().ja4;
        assert_eq!(told, [("c".into(), 2), ("a".into(), 1), ("b".into(), 1)]);
    }

    #[test]
    fn a_netbios_name_is_no_domain() {
        let mut stats = FlowStats::default();
        let mut named = flow(1, IpProtocol::UDP, &["workgroup"]);
        named.findings_mut().names[0].from = NameSource::Netbios;
        stats.observe(&named);
        assert_eq!(stats.finish().domains, []);
    }

    #[test]
    fn a_name_counts_once_a_flow() {
        let mut stats = FlowStats::default();
        stats.observe(&flow(1, IpProtocol::TCP, &["b.c", "a.c", "b.c"]));
        stats.observe(&flow(2, IpProtocol::TCP, &["d.c", "B.C."]));
        let told: Vec<_> = stats
            .finish()
            .domains
            .into_iter()
            .map(|(name, flows)| (name.to_string(), flows))
            .collect();
        assert_eq!(
            told,
            [("b.c".into(), 2), ("a.c".into(), 1), ("d.c".into(), 1)]
        );
    }

    #[test]
    fn flows_that_are_looked_ahead_for_together_count_as_each_alone() {
        let of_no_domain = {
            let mut flow = flow(2, IpProtocol::UDP, &["workgroup", "b.c"]);
            flow.findings_mut().names[0].from = NameSource::Netbios;
            flow
        };
        let flows = [
            flow(1, IpProtocol::TCP, &[]),
            of_no_domain,
            flow(3, IpProtocol::TCP, &["a.c", "b.c", "a.c"]),
            FlowSummary {
                findings: None,
                ..flow(4, IpProtocol::ICMP, &[])
            },
            flow(5, IpProtocol::TCP, &["c.c", "d.c"]),
            flow(6, IpProtocol::TCP, &["a.c"]),
        ];
        let bounded = || FlowStats {
            domains: NameTable::new(3, MAX_DOMAIN_BYTES),
            ..FlowStats::default()
        };
        let (mut together, mut alone) = (bounded(), bounded());
        // Known or not when they are looked ahead for.
        for _ in 0..2 {
            let ahead = together.look_ahead(&flows);
            together.observe_all(&ahead);
            flows.iter().for_each(|flow| alone.observe(flow));
        }
        let tables = together.finish();
        assert_eq!(tables, alone.finish());
        let told: Vec<_> = tables.domains.iter().map(|(_, flows)| *flows).collect();
        // The second time, the only flow with c.c is the one that was counted last.
        assert_eq!((told, tables.untold_domains), (vec![4, 4, 1], 2));
    }

    #[test]
    fn names_past_the_bound_are_counted_as_untold() {
        let mut stats = FlowStats {
            domains: NameTable::new(MAX_DOMAINS, 6),
            ..FlowStats::default()
        };
        stats.observe(&flow(1, IpProtocol::TCP, &["a.c", "b.c", "c.c"]));
        stats.observe(&flow(2, IpProtocol::TCP, &["c.c", "a.c"]));
        let tables = stats.finish();
        assert_eq!((tables.domains.len(), tables.untold_domains), (2, 2));
        assert_eq!(tables.domains[0].1, 2);
    }

    #[test]
    fn names_are_counted_up_to_the_bytes_that_are_promised() {
        // Of 250 bytes each, 4,096 a flow.
        let tail = [&*"x".repeat(60); 4].join(".");
        let mut stats = FlowStats::default();
        for number in 0..17 {
            let names: Vec<_> = (0..4096)
                .map(|n| format!("{number:02}{n:04}.{tail}"))
                .collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            stats.observe(&flow(number, IpProtocol::TCP, &names));
        }
        let tables = stats.finish();
        let counted = MAX_DOMAIN_BYTES / 250;
        assert_eq!(tables.domains.len(), counted);
        assert_eq!(tables.untold_domains, 17 * 4096 - counted as u64);
    }
}
