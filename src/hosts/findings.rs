//! From what was counted to what is told: reasons, who is associated, the order.

use std::cmp::{Ordering, Reverse};
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
    /// The flagged addresses; the [`RANKED_FIRST`] worst in order, before the others.
    flagged: Vec<Flagged>,
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
            hosts,
            contacts,
            names,
            flagged: Vec::new(),
            untold,
        };
        let own: Vec<_> = findings
            .hosts
            .iter()
            .map(|host| findings.own(host))
            .collect();
        findings.associate(&own);
        findings.flag(&own);
        findings
    }

    /// How many addresses are told of.
    pub fn len(&self) -> usize {
        self.flagged.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.flagged.is_empty()
    }

    /// The findings: by severity, then by how many reasons and how many flows there are, then by address.
    pub fn iter(&self) -> impl Iterator<Item = Finding<'_>> {
        let first = self.flagged.len().min(RANKED_FIRST);
        let (first, rest) = self.flagged.split_at(first);
        let rest = std::iter::once_with(|| {
            let mut rest = rest.to_vec();
            rest.sort_unstable_by(|a, b| self.rank(a, b));
            rest
        });
        first
            .iter()
            .copied()
            .chain(rest.flatten())
            .filter_map(|flagged| self.finding(flagged.id))
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

    fn own(&self, host: &Host) -> Weight {
        let own = Own::of(host, &self.thresholds);
        Weight {
            severity: own.severity(),
            reasons: own.count(),
        }
    }

    /// Finds who was contacted by flagged addresses: one hop, so that an associated address flags nobody.
    fn associate(&mut self, own: &[Weight]) {
        let addr_of = |id: HostId| self.hosts.get(id.0 as usize).map(|host| host.addr);
        for ((id, host), own) in (0..).map(HostId).zip(&self.hosts).zip(own) {
            let Some(severity) = own.severity else {
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

    fn flag(&mut self, own: &[Weight]) {
        let ids = (0..).map(HostId);
        let hosts = self.hosts.iter().zip(&self.associations).zip(own);
        let flagged = ids
            .zip(hosts)
            .filter_map(|(id, ((host, association), own))| {
                let associated = association.map(|a| a.severity.step_down());
                let all = Weight {
                    severity: own.severity.max(associated),
                    reasons: own.reasons + u8::from(associated.is_some()),
                };
                let weight = all.with_flows(host.flows)?;
                Some(Flagged { weight, id })
            });
        let mut flagged: Vec<_> = flagged.collect();
        let rank = |a: &Flagged, b: &Flagged| self.rank(a, b);
        let first = flagged.len().min(RANKED_FIRST);
        if first < flagged.len() {
            flagged.select_nth_unstable_by(first, rank);
        }
        if let Some(first) = flagged.get_mut(..first) {
            first.sort_unstable_by(rank);
        }
        self.flagged = flagged;
    }

    /// Which of two comes first: no two are equal.
    fn rank(&self, a: &Flagged, b: &Flagged) -> Ordering {
        let addr_of = |flagged: &Flagged| Some(self.hosts.get(flagged.id.0 as usize)?.addr);
        let by_weight = b.weight.cmp(&a.weight);
        by_weight.then_with(|| addr_of(a).cmp(&addr_of(b)))
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

/// A flagged address.
#[derive(Debug, Clone, Copy)]
struct Flagged {
    /// The heaviest come first.
    weight: u64,
    id: HostId,
}

/// The reasons to flag an address, in figures.
struct Weight {
    severity: Option<Severity>,
    /// There are five kinds.
    reasons: u8,
}

impl Weight {
    /// One number to compare by: the severity, of equals the reasons, of equals the flows.
    fn with_flows(&self, flows: u64) -> Option<u64> {
        const REASONS: u32 = 59;
        let severity = self.severity? as u64;
        let flows = flows.min((1 << REASONS) - 1);
        Some(severity << (REASONS + 3) | u64::from(self.reasons) << REASONS | flows)
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
