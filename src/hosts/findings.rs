//! From what was counted to what is told: reasons, who is associated, the order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;

use crate::domain::DomainName;

use super::contacts::{Contact, Contacts, HostId, MAX_CONTACTS, MAX_LISTED};
use super::reason::{Reason, Severity};
use super::reserved::{ReservedRange, reserved_range};
use super::{Host, MAX_ADDRESSES, Thresholds, Untold};

/// Findings that are put in order at once: as many as a page shows, and some more. The others are when somebody reads so far.
const RANKED_FIRST: usize = 64;

/// An address that is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The address.
    pub ip: IpAddr,
    /// The highest of its reasons.
    pub severity: Severity,
    /// Why, the worst first.
    pub reasons: Vec<Reason>,
    /// Names in the flows that it opened, sorted.
    pub domains: Vec<&'a str>,
    /// Responders of the flows that it opened, by address.
    pub peers: Vec<Peer<'a>>,
}

/// A responder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer<'a> {
    /// Its address.
    pub ip: IpAddr,
    /// The first name that it was contacted by, if there was one.
    pub name: Option<&'a str>,
}

/// Everything that was found, kept compact: [`Finding`]s are put together as they are read.
#[derive(Debug)]
pub struct Findings {
    thresholds: Thresholds,
    hosts: Vec<Host>,
    /// For each address, the flagged ones that contacted it.
    associations: Vec<Option<Association>>,
    contacts: Contacts,
    names: Vec<DomainName>,
    /// How much there is against each address.
    weights: Vec<Weight>,
    /// How many are flagged.
    flagged: usize,
    /// The [`RANKED_FIRST`] worst of them, in order.
    worst: Vec<HostId>,
    untold: Untold,
}

impl Findings {
    /// Draws the conclusions. `names` are sorted by number.
    pub(super) fn new(
        thresholds: Thresholds,
        hosts: Vec<Host>,
        contacts: Contacts,
        names: Vec<DomainName>,
        untold: Untold,
    ) -> Self {
        let mut findings = Self {
            thresholds,
            associations: vec![None; hosts.len()],
            weights: Vec::with_capacity(hosts.len()),
            hosts,
            contacts,
            names,
            flagged: 0,
            worst: Vec::new(),
            untold,
        };
        findings.weigh();
        findings.flag();
        findings
    }

    /// How many addresses are told of.
    pub fn len(&self) -> usize {
        self.flagged
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.flagged == 0
    }

    /// The findings: by severity, then by how many reasons and how many flows there are, then by address.
    pub fn iter(&self) -> impl Iterator<Item = Finding<'_>> {
        let first = self.worst.len();
        let rest = (first < self.flagged).then_some(());
        let rest = rest.into_iter().flat_map(move |()| {
            let ranked = self.ranked().into_iter().skip(first);
            ranked.map(|ranked| ranked.id)
        });
        let ids = self.worst.iter().copied().chain(rest);
        ids.filter_map(|id| self.finding(id))
    }

    /// What these findings do not tell, because a bound was reached; one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let Untold {
            flows,
            ports,
            peers,
            names,
        } = self.untold;
        let mut warnings = Vec::new();
        let mut warn = |count: u64, what: String| {
            if count > 0 {
                warnings.push(format!("suspicious activity is incomplete: {what}"));
            }
        };
        warn(
            flows,
            format!("{flows} flows have an address past the first {MAX_ADDRESSES} different ones"),
        );
        warn(
            ports,
            format!("{ports} times there was no room to count a contacted port"),
        );
        warn(
            peers,
            format!(
                "{peers} times a peer was not listed (bounds: {MAX_LISTED} an address, {MAX_CONTACTS} entries in all)"
            ),
        );
        warn(
            names,
            format!(
                "{names} times a visited domain was not listed (bounds: {MAX_LISTED} an address, {MAX_CONTACTS} entries in all)"
            ),
        );
        warnings
    }

    /// Weighs what each address did itself, and finds who was contacted by flagged ones: one hop, so that an associated address flags
    /// nobody.
    fn weigh(&mut self) {
        let addr_of = |id: HostId| self.hosts.get(id.0 as usize).map(|host| host.addr);
        for (id, host) in (0..).map(HostId).zip(&self.hosts) {
            let own = Own::of(host, &self.thresholds);
            self.weights.push(own.weight(host.flows));
            let Some(severity) = own.severity() else {
                continue;
            };
            for (contact, _) in self.contacts.of(&host.shares) {
                // Nobody is guilty by association with itself.
                let Contact::Peer(peer) = contact else {
                    continue;
                };
                if peer == id {
                    continue;
                }
                let Some(association) = self.associations.get_mut(peer.0 as usize) else {
                    continue;
                };
                let new = Association {
                    severity,
                    source: id,
                    sources: 1,
                };
                *association = Some(match *association {
                    None => new,
                    Some(known) => known.with(new, addr_of),
                });
            }
        }
    }

    /// Weighs associations too, and finds the worst of all.
    fn flag(&mut self) {
        let mut worst: BinaryHeap<Ranked> = BinaryHeap::with_capacity(RANKED_FIRST);
        let mut flagged = 0;
        let weights = self.weights.iter_mut().zip(&self.associations);
        for ((id, host), (weight, association)) in (0..).map(HostId).zip(&self.hosts).zip(weights) {
            if let Some(association) = association {
                *weight = weight.and(association.severity.step_down());
            }
            flagged += usize::from(weight.is_flagged());
            // The last of the worst is at hand. Most addresses rank behind it by their weight, and need not be looked at.
            let ranked = || Ranked::new(*weight, host, id);
            if worst.len() < RANKED_FIRST {
                worst.extend(weight.is_flagged().then(ranked));
            } else if let Some(mut last) = worst.peek_mut()
                && *weight >= last.weight.0
                && ranked() < *last
            {
                *last = ranked();
            }
        }
        self.flagged = flagged;
        let worst = worst.into_sorted_vec();
        self.worst = worst.into_iter().map(|ranked| ranked.id).collect();
    }

    /// The flagged addresses, all of them in order.
    fn ranked(&self) -> Vec<Ranked> {
        let mut ranked = Vec::with_capacity(self.flagged);
        let hosts = (0..).map(HostId).zip(&self.hosts).zip(&self.weights);
        let flagged = hosts.filter(|(_, weight)| weight.is_flagged());
        ranked.extend(flagged.map(|((id, host), weight)| Ranked::new(*weight, host, id)));
        ranked.sort_unstable();
        ranked
    }

    fn finding(&self, id: HostId) -> Option<Finding<'_>> {
        let host = self.hosts.get(id.0 as usize)?;
        let mut unusual_ports = Vec::new();
        let mut domains = Vec::new();
        let mut peers = Vec::new();
        for (contact, name) in self.contacts.of(&host.shares) {
            match contact {
                Contact::Port(_) => {}
                Contact::UnusualPort(port) => unusual_ports.push(port),
                Contact::Peer(peer) => peers.extend(self.hosts.get(peer.0 as usize).map(|peer| {
                    let name = name.and_then(|name| name.of(&self.names));
                    Peer {
                        ip: peer.addr,
                        name,
                    }
                })),
                Contact::Name(name) => domains.extend(name.of(&self.names)),
            }
        }
        unusual_ports.sort_unstable();
        domains.sort_unstable();
        peers.sort_unstable();
        let association = self.associations.get(id.0 as usize).copied().flatten();
        let mut reasons =
            Own::of(host, &self.thresholds).reasons(host, &self.thresholds, unusual_ports);
        reasons.extend(association.and_then(|association| {
            Some(Reason::Associated {
                source: self.hosts.get(association.source.0 as usize)?.addr,
                sources: association.sources,
                severity: association.severity.step_down(),
            })
        }));
        // Stable: reasons of one severity stay in the order of their kinds.
        reasons.sort_by_key(|reason| Reverse(reason.severity()));
        Some(Finding {
            ip: host.addr,
            severity: reasons.first()?.severity(),
            reasons,
            domains,
            peers,
        })
    }
}

/// A flagged address as it ranks: the worst comes first, and no two are equal.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    weight: Reverse<Weight>,
    addr: IpAddr,
    id: HostId,
}

impl Ranked {
    fn new(weight: Weight, host: &Host, id: HostId) -> Self {
        Self {
            weight: Reverse(weight),
            addr: host.addr,
            id,
        }
    }
}

/// How much there is against an address, as one number to compare by: the severity, of equals the reasons, of equals the flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight(u64);

impl Weight {
    /// Where the severity begins, one more than its number: 0 is none.
    const SEVERITY: u32 = 61;
    /// Where the reasons begin, of which there are five kinds.
    const REASONS: u32 = 58;

    fn new(severity: Option<Severity>, reasons: u8, flows: u64) -> Self {
        let severity = severity.map_or(0, |severity| severity as u64 + 1);
        let flows = flows.min((1 << Self::REASONS) - 1);
        Self(severity << Self::SEVERITY | u64::from(reasons) << Self::REASONS | flows)
    }

    const fn is_flagged(self) -> bool {
        self.0 >> Self::SEVERITY > 0
    }

    /// With one reason more, which has this severity.
    fn and(self, severity: Severity) -> Self {
        const LESS: u64 = (1 << Weight::SEVERITY) - 1;
        let severity = (severity as u64 + 1) << Self::SEVERITY;
        let highest = severity.max(self.0 & !LESS);
        Self(highest | ((self.0 & LESS) + (1 << Self::REASONS)))
    }
}

/// The flagged addresses that contacted one address.
#[derive(Debug, Clone, Copy)]
struct Association {
    /// Of the worst of them.
    severity: Severity,
    /// The worst of them; of several, the lowest address.
    source: HostId,
    sources: u32,
}

impl Association {
    /// Both together.
    fn with(self, other: Self, addr_of: impl Fn(HostId) -> Option<IpAddr>) -> Self {
        let rank = |it: &Self| (it.severity, Reverse(addr_of(it.source)));
        let worst = if rank(&self) > rank(&other) {
            self
        } else {
            other
        };
        Self {
            sources: self.sources + other.sources,
            ..worst
        }
    }
}

/// What an address is flagged for by what it did itself, association aside.
struct Own {
    has_scanned: bool,
    has_high_volume: bool,
    has_unusual_ports: bool,
    /// The reserved block that it answers from.
    range: Option<&'static ReservedRange>,
}

impl Own {
    fn of(host: &Host, thresholds: &Thresholds) -> Self {
        Self {
            has_scanned: host.shares.ports > thresholds.port_scan,
            has_high_volume: host.flows > thresholds.high_volume,
            has_unusual_ports: host.shares.unusual_ports > 0,
            range: (host.served > 0)
                .then(|| reserved_range(host.addr))
                .flatten(),
        }
    }

    fn weight(&self, flows: u64) -> Weight {
        Weight::new(self.severity(), self.count(), flows)
    }

    fn severity(&self) -> Option<Severity> {
        [
            self.has_scanned.then_some(Severity::High),
            self.has_high_volume.then_some(Severity::Medium),
            self.has_unusual_ports.then_some(Severity::Low),
            self.range.map(|_| Severity::Info),
        ]
        .into_iter()
        .max()
        .flatten()
    }

    fn count(&self) -> u8 {
        u8::from(self.has_scanned)
            + u8::from(self.has_high_volume)
            + u8::from(self.has_unusual_ports)
            + u8::from(self.range.is_some())
    }

    fn reasons(self, host: &Host, thresholds: &Thresholds, unusual_ports: Vec<u16>) -> Vec<Reason> {
        let scan = self.has_scanned.then_some(Reason::PortScan {
            ports: host.shares.ports,
            at_least: host.has_more_ports,
            threshold: thresholds.port_scan,
        });
        let volume = self.has_high_volume.then_some(Reason::HighVolume {
            flows: host.flows,
            threshold: thresholds.high_volume,
        });
        let unusual = self.has_unusual_ports.then_some(Reason::UnusualPort {
            ports: unusual_ports,
        });
        let reserved = self.range.map(|range| Reason::ReservedRange {
            range,
            flows: host.served,
        });
        [scan, volume, unusual, reserved]
            .into_iter()
            .flatten()
            .collect()
    }
}
