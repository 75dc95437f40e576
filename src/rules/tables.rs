//! Rules of one action, compiled: what answers for an address, a port, an application, a protocol and a name which of them holds.

use std::net::{IpAddr, Ipv6Addr};

use ahash::HashMap;
use ipnet::IpNet;

use super::{End, Matcher, RuleId};
use crate::catalogue::{AppId, Catalogue, CategoryId, Target};
use crate::domain_map::DomainMap;
use crate::packet::IpProtocol;
use crate::protocol::Protocol;
use crate::ranges::Ranges;

/// Rules of one action, compiled.
///
/// Where several rules of a kind hold, the one given first is told. No answer takes a walk over the rules, however many there are.
#[derive(Debug, Default)]
pub struct Tables {
    has_rules: bool,
    has_places: bool,
    has_ends: bool,
    has_ports: bool,
    /// [`End`] is the place here.
    addresses: [Addresses; End::ALL.len()],
    ports: Ranges<u16, RuleId>,
    tcp_ports: Ranges<u16, RuleId>,
    udp_ports: Ranges<u16, RuleId>,
    /// [`AppId`] is the place here.
    apps: Vec<Option<RuleId>>,
    /// [`Protocol`] is the place here.
    protocols: Vec<Option<RuleId>>,
    domains: DomainMap<RuleId>,
    name_parts: NameParts,
}

/// Rules for the addresses of one end.
#[derive(Debug, Default)]
struct Addresses {
    v4: Ranges<u32, RuleId>,
    v6: Ranges<u128, RuleId>,
}

impl Addresses {
    const fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    #[inline]
    fn get(&self, address: IpAddr) -> Option<RuleId> {
        match address {
            IpAddr::V4(address) => self.v4.get(address.to_bits()),
            IpAddr::V6(address) => self.get_v6(address),
        }
    }

    /// A call of its own: a search among numbers of 128 bits keeps every register busy, for IPv4 too.
    #[inline(never)]
    fn get_v6(&self, address: Ipv6Addr) -> Option<RuleId> {
        let bits = address.to_bits();
        // As `Ipv6Addr::to_ipv4_mapped` says, which takes the address apart byte by byte.
        let mapped = if bits >> 32 == 0xffff {
            self.v4.get(bits as u32)
        } else {
            None
        };
        match (mapped, self.v6.get(bits)) {
            (Some(mapped), Some(own)) => Some(mapped.min(own)),
            (mapped, own) => mapped.or(own),
        }
    }
}

impl Tables {
    /// The tables of `rules`.
    pub(super) fn new<'r>(
        rules: impl Iterator<Item = (RuleId, &'r Matcher)>,
        catalogue: &Catalogue,
    ) -> Self {
        let (mut has_rules, mut has_places) = (false, false);
        let mut addresses = End::ALL.map(|_| (Vec::new(), Vec::new()));
        let mut ports: [Vec<_>; 3] = Default::default();
        let mut domains = DomainMap::default();
        let mut name_parts = NameParts::default();
        let mut targets = HashMap::default();
        for (id, matcher) in rules {
            has_rules = true;
            has_places |= matches!(matcher, Matcher::Address(..) | Matcher::Ports(..));
            match matcher {
                Matcher::Address(end, net) => {
                    let (v4, v6) = &mut addresses[*end as usize];
                    match net {
                        IpNet::V4(net) => {
                            v4.push((net.network().to_bits()..=net.broadcast().to_bits(), id));
                        }
                        IpNet::V6(net) => {
                            v6.push((net.network().to_bits()..=net.broadcast().to_bits(), id));
                        }
                    }
                }
                Matcher::Ports(range, transport) => {
                    let [any, tcp, udp] = &mut ports;
                    let of_transport = match *transport {
                        None => any,
                        Some(IpProtocol::TCP) => tcp,
                        Some(_) => udp,
                    };
                    of_transport.push((range.clone(), id));
                }
                Matcher::App(target) => {
                    targets.insert(*target, id);
                }
                Matcher::Domain(pattern) => {
                    domains.insert(pattern, id);
                }
                Matcher::NamePart(part) => name_parts.insert(part, id),
            }
        }
        let (apps, protocols) = if targets.is_empty() {
            Default::default()
        } else {
            by_target(&targets, catalogue)
        };
        let addresses = addresses.map(|(v4, v6)| Addresses {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        });
        let is_of_ends = |&end: &End| !matches!(end, End::Sender);
        let mut ends = End::ALL.into_iter().filter(is_of_ends);
        let has_ports = ports.iter().any(|ports| !ports.is_empty());
        let [ports, tcp_ports, udp_ports] = ports.map(Ranges::new);
        Self {
            has_rules,
            has_places,
            has_ends: ends.any(|end| !addresses[end as usize].is_empty()),
            has_ports,
            addresses,
            ports,
            tcp_ports,
            udp_ports,
            apps,
            protocols,
            domains,
            name_parts,
        }
    }

    /// Whether there are no rules.
    pub const fn is_empty(&self) -> bool {
        !self.has_rules
    }

    /// Whether any is for addresses or ports.
    pub const fn has_places(&self) -> bool {
        self.has_places
    }

    /// Whether any is for an address at another end than [`End::Sender`].
    pub const fn has_ends(&self) -> bool {
        self.has_ends
    }

    /// Whether any is for ports.
    pub const fn has_ports(&self) -> bool {
        self.has_ports
    }

    /// The rule for an address at this end of a flow; rules for [`End::Either`] are another end's.
    ///
    /// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) meets the rules for the IPv4 address too.
    #[inline]
    pub fn for_address(&self, end: End, address: IpAddr) -> Option<RuleId> {
        let addresses = &self.addresses[end as usize];
        // Mostly there are rules for one end alone, if for any.
        if addresses.is_empty() {
            return None;
        }
        addresses.get(address)
    }

    /// The rule for a flow that goes from the one address to the other, whoever of them has sent.
    pub fn for_ends(&self, initiator: IpAddr, responder: IpAddr) -> Option<RuleId> {
        let mut first = None;
        for (end, address) in [
            (End::Initiator, initiator),
            (End::Responder, responder),
            (End::Either, initiator),
            (End::Either, responder),
        ] {
            if let Some(met) = self.for_address(end, address) {
                first = Some(first.map_or(met, |first: RuleId| first.min(met)));
            }
        }
        first
    }

    /// The rule for a port.
    pub fn for_port(&self, transport: IpProtocol, port: u16) -> Option<RuleId> {
        let of_transport = match transport {
            IpProtocol::TCP => self.tcp_ports.get(port),
            IpProtocol::UDP => self.udp_ports.get(port),
            _ => None,
        };
        [self.ports.get(port), of_transport]
            .into_iter()
            .flatten()
            .min()
    }

    /// The rule for an application, or for its category.
    pub fn for_app(&self, app: AppId) -> Option<RuleId> {
        self.apps.get(usize::from(app.0)).copied().flatten()
    }

    /// The rule for a protocol, or for the category of all protocols.
    pub fn for_protocol(&self, protocol: Protocol) -> Option<RuleId> {
        self.protocols.get(protocol as usize).copied().flatten()
    }

    /// The rule for a name.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is.
    pub fn for_domain(&self, name: &str) -> Option<RuleId> {
        let by_pattern = self.domains.matches(name).map(|met| met.value).min();
        if self.name_parts.rules.is_empty() {
            return by_pattern;
        }
        let by_part = self.name_parts.first_in(name);
        [by_pattern, by_part].into_iter().flatten().min()
    }
}

/// Bytes of a text that are looked for before the whole of it is.
const HEAD_LEN: usize = 4;

/// Texts that names may hold.
#[derive(Debug, Default)]
struct NameParts {
    rules: HashMap<Box<str>, RuleId>,
    /// What texts begin with, and how long those are that do: each once. Few places of a name begin as a text does, so that it hardly
    /// matters of how many lengths texts are.
    heads: HashMap<Box<str>, Vec<usize>>,
    /// How long heads are, each once: [`HEAD_LEN`], and less where a text is shorter.
    head_lens: Vec<usize>,
}

impl NameParts {
    fn insert(&mut self, part: &str, id: RuleId) {
        self.rules.entry(part.into()).or_insert(id);
        let head = part.get(..HEAD_LEN).unwrap_or(part);
        let lens = self.heads.entry(head.into()).or_default();
        for (lens, len) in [(lens, part.len()), (&mut self.head_lens, head.len())] {
            if !lens.contains(&len) {
                lens.push(len);
            }
        }
    }

    /// The first rule whose text `name` holds: some looks for each place, however many texts there are.
    fn first_in(&self, name: &str) -> Option<RuleId> {
        let lens = self.head_lens.iter();
        let places = lens.flat_map(|&len| (0..name.len()).map(move |from| (from, len)));
        let begun = places.filter_map(|(from, len)| {
            let lens = self.heads.get(name.get(from..from + len)?)?;
            Some((from, lens))
        });
        let pieces = begun.flat_map(|(from, lens)| {
            let piece = move |&len: &usize| name.get(from..from + len);
            lens.iter().filter_map(piece)
        });
        pieces
            .filter_map(|piece| self.rules.get(piece))
            .min()
            .copied()
    }
}

/// The rule for each application and each protocol.
fn by_target(
    targets: &HashMap<Target, RuleId>,
    catalogue: &Catalogue,
) -> (Vec<Option<RuleId>>, Vec<Option<RuleId>>) {
    // Each target has one rule at most, for none is added twice.
    let first_for = |wanted: &[Target]| {
        let rules = wanted.iter().filter_map(|target| targets.get(target));
        rules.min().copied()
    };
    // A rule for the whole takes its parts; one for a category takes what stands in it, wherever its parts stand.
    let apps = catalogue.apps().map(|(id, app)| {
        let wholes = catalogue.wholes(id).into_iter().map(Target::App);
        let category = Target::Category(app.category);
        first_for(&wholes.chain([category]).collect::<Vec<_>>())
    });
    let all_protocols = Target::Category(CategoryId::PROTOCOLS);
    let protocols =
        Protocol::ALL.map(|protocol| first_for(&[Target::Protocol(protocol), all_protocols]));
    (apps.collect(), protocols.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_texts_that_a_search_for_each_finds() {
        let letters = |seed: usize, len: usize| -> String {
            let letter = |n: usize| char::from(b'a' + (seed >> n & 1) as u8);
            (0..len).map(letter).collect()
        };
        for step in 1..40 {
            let texts: Vec<_> = (0..8)
                .map(|n| letters(step * 37 + n * 211, 1 + (step + n * 3) % 9))
                .collect();
            let mut parts = NameParts::default();
            for (text, id) in texts.iter().zip(0..) {
                parts.insert(text, RuleId(id));
            }
            for seed in 0..200 {
                let name = letters(seed * 7919, seed % 14);
                let first = texts.iter().position(|text| name.contains(text));
                let found = parts.first_in(&name).map(|RuleId(id)| id as usize);
                assert_eq!(found, first, "{name} {texts:?}");
            }
        }
        assert_eq!(NameParts::default().first_in("a"), None);
    }
}
