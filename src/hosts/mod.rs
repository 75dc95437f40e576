//! Suspicious activity: what the flows of a capture, taken together, say of an address.
//!
//! Flows go in as they end, findings come out at the end, worst first. Says what it saw and how bad that is at the worst; decides nothing,
//! and knows nothing of packets, rules or how findings are shown.
//!
//! Memory stays within 40 MiB, whatever comes: addresses, their peers, ports and names have bounds, and what goes past one is
//! counted and told ([`Findings::warnings`]).

mod contacts;
mod findings;
mod port_maps;
mod reason;
mod reserved;

use std::net::IpAddr;
use std::slice;

use smallvec::SmallVec;

use crate::evidence::{FoundName, NameSource};
use crate::flow::FlowSummary;
use crate::half_hash::HalfHash;
use crate::name_table::NameTable;
use crate::packet::IpProtocol;
use crate::prefetch::prefetch;
use crate::services;
use crate::slot_index::SlotIndex;
use contacts::{
    Contact, Contacts, HostId, MAX_CONTACTS, MAX_NAME_BYTES, MAX_NAMES, NameId, Shares,
};
use port_maps::PortMaps;

pub use findings::{Finding, Findings, Peer};
pub use reason::{Reason, Severity};
pub use reserved::{ReservedRange, reserved_range};

/// Flows to look ahead for together: so many answers may be on their way from memory at once.
pub const AHEAD: usize = 32;
/// Most addresses that are looked at.
pub const MAX_ADDRESSES: usize = 229_376;

/// When an address is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// More flows than this, from or to an address, are high volume.
    pub high_volume: u64,
    /// More distinct ports than this, contacted by an address, are a port scan.
    pub port_scan: u16,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            high_volume: 100,
            port_scan: 10,
        }
    }
}

/// Watches flows for suspicious activity.
#[derive(Debug)]
pub struct Hosts {
    thresholds: Thresholds,
    hosts: Vec<Host>,
    /// Finds their places by their addresses, and grows without a look at any of them.
    index: SlotIndex,
    hasher: ahash::RandomState,
    bound: usize,
    contacts: Contacts,
    names: NameTable<()>,
    port_maps: PortMaps,
    untold: Untold,
}

/// Flows that are about to be taken in, by the [`Hosts`] alone that looked ahead for them: what they need is on its way from memory.
#[derive(Debug)]
#[must_use = "they are not taken in yet"]
pub struct Ahead<'a> {
    flows: &'a [FlowSummary],
    /// The hashes of their addresses: from, to.
    ends: SmallVec<[[HalfHash; 2]; AHEAD]>,
    /// Places of the flows that have a name of a domain, and the hash of the first.
    named: SmallVec<[(usize, HalfHash); AHEAD]>,
}

/// What is known of one address.
#[derive(Debug, Clone)]
struct Host {
    addr: IpAddr,
    /// From it or to it.
    flows: u64,
    /// To it.
    served: u64,
    /// What it contacted.
    shares: Shares,
    port_map: Option<u16>,
    /// The port that was counted last: most flows go to the same one, and need not look it up.
    last_port: u16,
    /// Whether there were ports that could not be counted.
    has_more_ports: bool,
}

impl Host {
    /// Asks for each line of memory that it takes.
    fn prefetch(&self) {
        prefetch(&self.addr);
        prefetch(&self.has_more_ports);
    }
}

/// What went past a bound: flows, and contacts of flows, each as often as it came.
#[derive(Debug, Clone, Copy, Default)]
struct Untold {
    flows: u64,
    ports: u64,
    peers: u64,
    names: u64,
}

impl Hosts {
    /// Nothing seen yet.
    pub fn new(thresholds: Thresholds) -> Self {
        Self::with_bounds(thresholds, MAX_ADDRESSES, MAX_CONTACTS)
    }

    /// Asks for the memory that these flows will need when they are taken in: step by step for all of them together, for memory is slow, but
    /// brings many things at once. [`AHEAD`] of them are as many as should be on their way together.
    pub fn look_ahead<'a>(&self, flows: &'a [FlowSummary]) -> Ahead<'a> {
        let mut ends = SmallVec::<[_; AHEAD]>::with_capacity(flows.len());
        for flow in flows {
            flow.findings().prefetch();
            let hashes = [flow.src(), flow.dst()].map(|end| hash(&self.hasher, end.addr));
            hashes.iter().for_each(|hash| self.index.prefetch(*hash));
            ends.push(hashes);
        }
        let host = |hash| self.hosts.get(self.index.guess(hash).0 as usize);
        let mut sources = SmallVec::<[_; AHEAD]>::with_capacity(flows.len());
        for &[src, dst] in &ends {
            let (Some(src), Some(dst)) = (host(src), host(dst)) else {
                // There is no host at all yet: else a guess, however wrong, is one of them.
                break;
            };
            src.prefetch();
            dst.prefetch();
            sources.push(src);
        }
        // Once, for nobody guesses which flows have a name.
        let mut named = SmallVec::<[_; AHEAD]>::new();
        for (place, flow) in flows.iter().enumerate() {
            if let Some(first) = names_of(flow).next() {
                named.push((place, &first.name));
            }
        }
        named.iter().for_each(|(_, name)| name.prefetch());
        for host in sources {
            self.contacts.prefetch(&host.shares);
        }
        let hashes = self.names.look_ahead(named.iter().map(|(_, name)| *name));
        let places = named.iter().map(|(place, _)| *place);
        Ahead {
            flows,
            ends,
            named: places.zip(hashes).collect(),
        }
    }

    /// Takes a flow in.
    ///
    /// The order of flows matters in two ways only: which name a peer is known by (its first), and what goes past a bound.
    pub fn observe(&mut self, flow: &FlowSummary) {
        let ahead = self.look_ahead(slice::from_ref(flow));
        self.observe_all(&ahead);
    }

    /// Takes flows in, in their order.
    pub fn observe_all(&mut self, ahead: &Ahead<'_>) {
        let mut named = ahead.named.iter().peekable();
        for (place, (flow, ends)) in ahead.flows.iter().zip(&ahead.ends).enumerate() {
            let name = named.next_if(|(whose, _)| *whose == place);
            self.observe_flow(flow, ends, name.map(|(_, hash)| *hash));
        }
    }

    /// Takes a flow in, of whose addresses and first name the hashes are known.
    fn observe_flow(
        &mut self,
        flow: &FlowSummary,
        [src_hash, dst_hash]: &[HalfHash; 2],
        name_hash: Option<HalfHash>,
    ) {
        let (src, dst) = (flow.src(), flow.dst());
        let is_to_itself = src.addr == dst.addr;
        let from = self.id(src.addr, *src_hash);
        let to = if is_to_itself {
            from
        } else {
            self.id(dst.addr, *dst_hash)
        };
        if from.is_none() || to.is_none() {
            self.untold.flows += 1;
        }
        if let Some(responder) = to.and_then(|id| self.hosts.get_mut(id.0 as usize)) {
            responder.served += 1;
            // A flow from an address to itself counts once, below.
            responder.flows += u64::from(!is_to_itself);
        }
        let Some(from) = from else { return };
        let Some(initiator) = self.hosts.get_mut(from.0 as usize) else {
            return;
        };
        initiator.flows += 1;
        let last_port = initiator.last_port;
        let peer_name = name_hash.and_then(|hash| self.observe_names(from, flow, hash));
        if let (Some(to), Some(initiator)) = (to, self.hosts.get_mut(from.0 as usize)) {
            let (shares, contact) = (&mut initiator.shares, Contact::Peer(to));
            let is_kept = self.contacts.note(from, shares, contact, peer_name);
            self.untold.peers += u64::from(!is_kept);
        }
        if dst.port != 0 && last_port != dst.port {
            self.observe_port(from, flow.key.protocol(), dst.port);
        }
    }

    /// Takes the names in a flow `from` an address in; the one that its responder is known by, if any.
    ///
    /// * `first_hash`: the first one's.
    fn observe_names(
        &mut self,
        from: HostId,
        flow: &FlowSummary,
        first_hash: HalfHash,
    ) -> Option<NameId> {
        let initiator = self.hosts.get_mut(from.0 as usize)?;
        let mut hash = Some(first_hash);
        // From an answer only where no name stands in the flow itself: many names share an address.
        let mut peer: Option<(NameSource, _)> = None;
        for found in names_of(flow) {
            let hash = hash.take();
            let hash = hash.unwrap_or_else(|| self.names.hash(&found.name));
            let name = self.names.entry((&found.name, hash), ());
            let name = name.and_then(|(place, ())| NameId::of_place(place));
            let is_kept = name.is_some_and(|name| {
                let contact = Contact::Name(name);
                self.contacts
                    .note(from, &mut initiator.shares, contact, None)
            });
            self.untold.names += u64::from(!is_kept);
            let is_better = peer.is_none_or(|(from, _)| from == NameSource::DnsAnswer);
            if let Some(name) = name.filter(|_| is_better && names_its_responder(found)) {
                peer = Some((found.from, name));
            }
        }
        peer.map(|(_, name)| name)
    }

    /// What all flows together say.
    pub fn finish(mut self) -> Findings {
        drop(self.index);
        drop(self.port_maps);
        self.contacts.close();
        let names = self.names.into_names();
        let names = names.into_iter().map(|(name, ())| name).collect();
        Findings::new(
            self.thresholds,
            self.hosts,
            self.contacts,
            names,
            self.untold,
        )
    }

    fn with_bounds(thresholds: Thresholds, addresses: usize, contacts: usize) -> Self {
        Self {
            thresholds,
            // At once, for what is not touched costs nothing; a list that grows is copied again and again.
            hosts: Vec::with_capacity(addresses),
            index: SlotIndex::for_slots(addresses),
            hasher: ahash::RandomState::new(),
            bound: addresses,
            contacts: Contacts::new(contacts),
            names: NameTable::new(MAX_NAMES, MAX_NAME_BYTES),
            port_maps: PortMaps::default(),
            untold: Untold::default(),
        }
    }

    fn id(&mut self, addr: IpAddr, hash: HalfHash) -> Option<HostId> {
        debug_assert_eq!(hash, self::hash(&self.hasher, addr), "of another address");
        let hosts = &self.hosts;
        let is_it = |place: u32| {
            let host = hosts.get(place as usize);
            host.is_some_and(|host| host.addr == addr)
        };
        if let Some(place) = self.index.find(hash, is_it) {
            return Some(HostId(place));
        }
        if hosts.len() >= self.bound {
            return None;
        }
        let id = HostId(u32::try_from(hosts.len()).ok()?);
        self.index.insert(hash, id.0);
        self.hosts.push(Host {
            addr,
            flows: 0,
            served: 0,
            shares: Shares::default(),
            port_map: None,
            last_port: 0,
            has_more_ports: false,
        });
        Some(id)
    }

    fn observe_port(&mut self, from: HostId, protocol: IpProtocol, port: u16) {
        let Some(host) = self.hosts.get_mut(from.0 as usize) else {
            return;
        };
        let is_tcp_or_udp = matches!(protocol, IpProtocol::TCP | IpProtocol::UDP);
        if !is_tcp_or_udp && protocol != IpProtocol::SCTP {
            return;
        }
        let contacts = &mut self.contacts;
        let mut is_kept = true;
        if is_tcp_or_udp && services::is_unusual(port) {
            let contact = Contact::UnusualPort(port);
            is_kept = contacts.note(from, &mut host.shares, contact, None);
        }
        if !contacts.note(from, &mut host.shares, Contact::Port(port), None) {
            match self.port_maps.insert(&mut host.port_map, port) {
                // Cannot overflow: 0 is no port here, so there are no more than `u16::MAX`.
                Some(is_new) => {
                    host.shares.ports = host.shares.ports.saturating_add(u16::from(is_new));
                }
                None => {
                    host.has_more_ports = true;
                    is_kept = false;
                }
            }
        }
        self.untold.ports += u64::from(!is_kept);
        // Not after SCTP, which leaves open whether the port is unusual over TCP.
        if is_kept && is_tcp_or_udp {
            host.last_port = port;
        }
    }
}

/// Of an address of IPv4 as of the IPv6 one with the same number: it takes one step instead of three.
fn hash(hasher: &ahash::RandomState, addr: IpAddr) -> HalfHash {
    HalfHash::of(hasher.hash_one(match addr {
        IpAddr::V4(addr) => addr.to_bits().into(),
        IpAddr::V6(addr) => addr.to_bits(),
    }))
}

/// The names of domains in a flow.
fn names_of(flow: &FlowSummary) -> impl Iterator<Item = &FoundName> {
    let names = flow.findings().names.iter();
    names.filter(|found| found.from.is_of_domains())
}

/// Whether a name says whom the flow leads to. A question to a resolver, for one, does not name the resolver.
fn names_its_responder(found: &FoundName) -> bool {
    match found.from {
        NameSource::TlsSni
        | NameSource::QuicSni
        | NameSource::DtlsSni
        | NameSource::HttpHost
        | NameSource::Certificate
        | NameSource::DnsAnswer => true,
        NameSource::DnsQuery | NameSource::Mdns | NameSource::Llmnr | NameSource::Netbios => false,
    }
}

#[cfg(test)]
mod tests;
