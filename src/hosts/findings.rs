//! From what was counted to what is told: reasons, who is associated, the order.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::domain::DomainName;

use super::contacts::{Contact, HostId, MAX_CONTACTS, MAX_LISTED, NameId};
use super::reason::{Reason, Severity};
use super::reserved::{ReservedRange, reserved_range};
use super::{Host, MAX_ADDRESSES, Thresholds, Untold};

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
    contacts: Vec<(HostId, Contact, Option<NameId>)>,
    names: Vec<DomainName>,
    /// The flagged addresses, worst first.
    order: Vec<HostId>,
    untold: Untold,
}

impl Findings {
    /// Draws the conclusions. `contacts` and `names` are sorted, by address and by number.
    pub(super) fn new(
        thresholds: Thresholds,
        hosts: Vec<Host>,
        contacts: Vec<(HostId, Contact, Option<NameId>)>,
        names: Vec<DomainName>,
        untold: Untold,
    ) -> Self {
        let mut findings = Self {
            thresholds,
            associations: vec![None; hosts.len()],
            hosts,
            contacts,
            names,
            order: Vec::new(),
            untold,
        };
        findings.associate();
        findings.rank();
        findings
    }

    /// How many addresses are told of.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The findings: by severity, then by how many reasons and how many flows there are, then by address.
    pub fn iter(&self) -> impl Iterator<Item = Finding<'_>> {
        self.order.iter().filter_map(|&id| self.finding(id))
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

    /// Finds who was contacted by flagged addresses: one hop, so that an associated address flags nobody.
    fn associate(&mut self) {
        let mut from = None;
        for &(id, contact, _) in &self.contacts {
            // Nobody is guilty by association with itself.
            let (Contact::Peer(peer), Some(source)) = (contact, self.hosts.get(id.0 as usize))
            else {
                continue;
            };
            if peer == id {
                continue;
            }
            let severity = match from {
                Some((last, severity)) if last == id => severity,
                _ => Own::of(source, &self.thresholds).severity(),
            };
            from = Some((id, severity));
            if let Some(severity) = severity
                && let Some(association) = self.associations.get_mut(peer.0 as usize)
            {
                Association::add(association, severity, source.addr);
            }
        }
    }

    fn rank(&mut self) {
        let mut ranked: Vec<(Severity, u8, HostId)> = (0..)
            .map(HostId)
            .zip(self.hosts.iter().zip(&self.associations))
            .filter_map(|(id, (host, association))| {
                let own = Own::of(host, &self.thresholds);
                let associated = association.map(|a| a.severity.step_down());
                let severity = own.severity().max(associated)?;
                Some((severity, own.count() + u8::from(associated.is_some()), id))
            })
            .collect();
        let traffic = |id: HostId| {
            let host = self.hosts.get(id.0 as usize);
            host.map(|host| (Reverse(host.flows), host.addr))
        };
        ranked.sort_unstable_by(|a, b| {
            let by_weight = (b.0, b.1).cmp(&(a.0, a.1));
            by_weight.then_with(|| traffic(a.2).cmp(&traffic(b.2)))
        });
        self.order = ranked.into_iter().map(|(.., id)| id).collect();
    }

    fn finding(&self, id: HostId) -> Option<Finding<'_>> {
        let host = self.hosts.get(id.0 as usize)?;
        let start = self.contacts.partition_point(|(host, ..)| *host < id);
        let contacts = self.contacts.get(start..)?.iter();
        let mut unusual_ports = Vec::new();
        let mut domains = Vec::new();
        let mut peers = Vec::new();
        for &(_, contact, name) in contacts.take_while(|(host, ..)| *host == id) {
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
        domains.sort_unstable();
        peers.sort_unstable();
        let association = self.associations.get(id.0 as usize).copied().flatten();
        let mut reasons =
            Own::of(host, &self.thresholds).reasons(host, &self.thresholds, unusual_ports);
        reasons.extend(association.map(|association| Reason::Associated {
            source: association.source,
            sources: association.sources,
            severity: association.severity.step_down(),
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

/// The flagged addresses that contacted one address.
#[derive(Debug, Clone, Copy)]
struct Association {
    /// Of the worst of them.
    severity: Severity,
    /// The worst of them; of several, the lowest address.
    source: IpAddr,
    sources: u32,
}

impl Association {
    fn add(association: &mut Option<Self>, severity: Severity, source: IpAddr) {
        let sources = association.map_or(0, |known| known.sources) + 1;
        let worst = match *association {
            Some(known)
                if (known.severity, Reverse(known.source)) > (severity, Reverse(source)) =>
            {
                known
            }
            _ => Self {
                severity,
                source,
                sources,
            },
        };
        *association = Some(Self { sources, ..worst });
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
            has_scanned: host.ports > thresholds.port_scan,
            has_high_volume: host.flows > thresholds.high_volume,
            has_unusual_ports: host.unusual_ports > 0,
            range: reserved_range(host.addr).filter(|_| host.served > 0),
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
            ports: host.ports,
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
