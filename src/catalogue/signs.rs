//! What applications are known by, and whom a name, an id, an address, a port or a shape leads to.
//!
//! Claims go in while texts are read; [`Signs`] comes out, of which every answer is a hash or a binary search. Knows nothing of
//! what applications are called.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ahash::HashMap;
use ipnet::IpNet;

use super::AppId;
use crate::domain::DomainPattern;
use crate::domain_map::DomainMap;
use crate::packet::IpProtocol;
use crate::protocol::Shape;
use crate::ranges::Ranges;

/// Something that an application is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A name of its hosts: [`DomainPattern::Subtree`] for a domain, [`DomainPattern::Exact`] for a single host.
    Domain(DomainPattern),
    /// A server name, which need not be a host's.
    Sni(DomainPattern),
    /// A name in its servers' certificates, which need not be a host's; normalised, as [`DomainName`](crate::domain::DomainName) is.
    Certificate(DomainPattern),
    /// An identifier of application-layer protocol negotiation, as [`escaped`](crate::domain::escaped) writes it.
    Alpn(Box<str>),
    /// Its addresses: no host bits set, none IPv4-mapped.
    Address(IpNet),
    /// Its ports of one transport, both ends included.
    Ports(IpProtocol, RangeInclusive<u16>),
    /// The shape of its bytes.
    Shape(Shape),
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(DomainPattern::Exact(name) | DomainPattern::Subtree(name)) => {
                f.write_str(name)
            }
            Self::Sni(pattern) => write!(f, "sni {pattern}"),
            Self::Certificate(pattern) => write!(f, "certificate {pattern}"),
            Self::Alpn(id) => write!(f, "alpn {id}"),
            Self::Address(net) => write!(f, "address {net}"),
            Self::Ports(transport, range) => {
                write!(f, "port {}", range.start())?;
                if range.start() < range.end() {
                    write!(f, "-{}", range.end())?;
                }
                match *transport {
                    IpProtocol::TCP => f.write_str("/tcp"),
                    _ => f.write_str("/udp"),
                }
            }
            Self::Shape(shape) => write!(f, "shape {}", shape.as_str()),
        }
    }
}

/// Who claims a sign, and in which text: 0 for the first that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) app: AppId,
    pub(super) text: u16,
}

/// A claim to a range. Of several that hold for a number the lowest wins: the narrowest; then that of the text that was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RangeClaim {
    /// Bits of an address that are free; one less than the ports of a range.
    width: u16,
    text: Reverse<u16>,
    app: AppId,
}

/// Claims that are still coming in.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    signs: Signs,
    sni: HashMap<DomainPattern, Owner>,
    certificates: HashMap<DomainPattern, Owner>,
    nets: HashMap<IpNet, Owner>,
    ports: HashMap<(IpProtocol, RangeInclusive<u16>), Owner>,
}

impl Claims {
    /// Makes room for domains; see [`DomainMap::reserve`].
    pub(super) fn reserve(&mut self, steps: usize) {
        self.signs.domains.reserve(steps);
    }

    /// Gives `sign` to `owner`, and says whose it was.
    pub(super) fn claim(&mut self, sign: &Sign, owner: Owner) -> Option<Owner> {
        match sign {
            Sign::Domain(pattern) => self.signs.domains.replace(pattern, owner),
            Sign::Sni(pattern) => self.sni.insert(pattern.clone(), owner),
            Sign::Certificate(pattern) => self.certificates.insert(pattern.clone(), owner),
            Sign::Alpn(id) => self.signs.alpn.insert(id.clone(), owner),
            Sign::Address(net) => self.nets.insert(*net, owner),
            Sign::Ports(transport, range) => self.ports.insert((*transport, range.clone()), owner),
            Sign::Shape(shape) => self.signs.shapes.insert(*shape, owner),
        }
    }

    /// Puts the names of special places over the domains and the ranges in order, so that they can be asked.
    pub(super) fn build(self) -> Signs {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (net, owner) in self.nets {
            let claim = owner.to_range(u16::from(net.max_prefix_len() - net.prefix_len()));
            match net {
                IpNet::V4(net) => {
                    v4.push((net.network().to_bits()..=net.broadcast().to_bits(), claim));
                }
                IpNet::V6(net) => {
                    v6.push((net.network().to_bits()..=net.broadcast().to_bits(), claim));
                }
            }
        }
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        for ((transport, range), owner) in self.ports {
            let claim = owner.to_range(range.end().saturating_sub(*range.start()));
            match transport {
                IpProtocol::TCP => tcp.push((range, claim)),
                _ => udp.push((range, claim)),
            }
        }
        Signs {
            sni: over(&self.signs.domains, &self.sni),
            certificates: over(&self.signs.domains, &self.certificates),
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
            tcp: Ranges::new(tcp),
            udp: Ranges::new(udp),
            ..self.signs
        }
    }
}

impl Owner {
    const fn to_range(self, width: u16) -> RangeClaim {
        RangeClaim {
            width,
            text: Reverse(self.text),
            app: self.app,
        }
    }
}

/// The signs of all applications, each with its owner.
#[derive(Debug, Clone, Default)]
pub(super) struct Signs {
    domains: DomainMap<Owner>,
    /// The domains and, over them, what holds for server names alone; `None` where that is nothing.
    sni: Option<DomainMap<Owner>>,
    /// The same for names in certificates.
    certificates: Option<DomainMap<Owner>>,
    alpn: HashMap<Box<str>, Owner>,
    v4: Ranges<u32, RangeClaim>,
    v6: Ranges<u128, RangeClaim>,
    tcp: Ranges<u16, RangeClaim>,
    udp: Ranges<u16, RangeClaim>,
    shapes: HashMap<Shape, Owner>,
}

impl Signs {
    pub(super) fn by_name(&self, name: &str) -> Option<AppId> {
        self.domains.longest(name).map(|met| met.value.app)
    }

    pub(super) fn by_sni(&self, name: &str) -> Option<AppId> {
        let names = self.sni.as_ref().unwrap_or(&self.domains);
        names.longest(name).map(|met| met.value.app)
    }

    pub(super) fn by_certificate(&self, name: &str) -> Option<AppId> {
        let names = self.certificates.as_ref().unwrap_or(&self.domains);
        names.longest(name).map(|met| met.value.app)
    }

    pub(super) fn by_alpn(&self, id: &str) -> Option<AppId> {
        self.alpn.get(id).map(|owner| owner.app)
    }

    pub(super) fn by_address(&self, address: IpAddr) -> Option<AppId> {
        let claim = match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.to_bits()),
            IpAddr::V6(address) => self.v6.get(address.to_bits()),
        };
        claim.map(|claim| claim.app)
    }

    pub(super) fn by_port(&self, transport: IpProtocol, port: u16) -> Option<AppId> {
        let claim = match transport {
            IpProtocol::TCP => self.tcp.get(port),
            IpProtocol::UDP => self.udp.get(port),
            _ => None,
        };
        claim.map(|claim| claim.app)
    }

    pub(super) fn by_shape(&self, shape: Shape) -> Option<AppId> {
        self.shapes.get(&shape).map(|owner| owner.app)
    }

    pub(super) fn has_addresses(&self) -> bool {
        !(self.v4.is_empty() && self.v6.is_empty())
    }

    pub(super) fn has_ports(&self) -> bool {
        !(self.tcp.is_empty() && self.udp.is_empty())
    }
}

/// The domains and, over them, the names that hold in one place alone; `None` where there are none.
///
/// Costs a copy of the domains, once, so that every lookup is one walk: a second one in a map of a few names would double it.
fn over(
    domains: &DomainMap<Owner>,
    special: &HashMap<DomainPattern, Owner>,
) -> Option<DomainMap<Owner>> {
    if special.is_empty() {
        return None;
    }
    let mut names = domains.clone();
    // What is said of a name and all below it goes before a host of that name; what is said of that name alone, before both.
    for (pattern, owner) in special {
        if let DomainPattern::Subtree(name) = pattern {
            names.replace(pattern, *owner);
            names.replace(&DomainPattern::Exact(name.clone()), *owner);
        }
    }
    for (pattern, owner) in special {
        if let DomainPattern::Exact(_) = pattern {
            names.replace(pattern, *owner);
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::domain::DomainName;

    const TEXT: &str = "\
[A]
category = One
domain = a.example
host = host.example
sni = front.a.example, *.cover.example, *.both.example, *.alone.both.example
certificate = AnyNet Relay, *.relay.example
alpn = x-a-1 X-a-2
address = 192.0.2.0/24 2001:db8::/32
port = 5060/udp 6000-6100 7000/tcp
shape = steam
[B]
category = One
domain = front.a.example deep.cover.example
host = both.example
sni = alone.both.example
address = 192.0.2.128/25
port = 6050
";

    fn catalogue() -> Catalogue {
        Catalogue::parse(TEXT).unwrap()
    }

    const A: Option<AppId> = Some(AppId(0));
    const B: Option<AppId> = Some(AppId(1));

    #[test]
    fn the_longest_of_server_names_and_domains_wins() {
        let catalogue = catalogue();
        for (name, by_name, by_sni) in [
            ("x.a.example", A, A),
            // Equally long: what is said of server names goes first.
            ("front.a.example", B, A),
            ("x.front.a.example", B, B),
            ("cover.example", None, A),
            ("x.cover.example", None, A),
            ("x.deep.cover.example", B, B),
            ("host.example", A, A),
            ("x.host.example", None, None),
            ("example", None, None),
            ("both.example", B, A),
            ("x.both.example", None, A),
            ("alone.both.example", None, B),
            ("x.alone.both.example", None, A),
        ] {
            assert_eq!(catalogue.by_name(name), by_name, "{name}");
            assert_eq!(catalogue.by_sni(name), by_sni, "{name}");
        }
    }

    #[test]
    fn names_in_certificates_are_compared_as_they_are_read_from_them() {
        let catalogue = catalogue();
        for (name, owner) in [
            ("AnyNet Relay", A),
            ("anynet relay.", A),
            ("*.relay.example", A),
            ("x.relay.example", A),
            ("*.a.example", A),
            ("AnyNet", None),
            ("x.anynet relay", None),
        ] {
            let name = DomainName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(catalogue.by_certificate(name.as_str()), owner, "{name}");
            assert_eq!(catalogue.by_name("anynet relay"), None);
        }
    }

    #[test]
    fn the_narrowest_range_wins() {
        let catalogue = catalogue();
        for (address, owner) in [
            ("192.0.2.1", A),
            ("192.0.2.200", B),
            ("::ffff:192.0.2.200", B),
            ("2001:db8::1", A),
            ("192.0.3.0", None),
            ("::c000:0201", None),
        ] {
            assert_eq!(
                catalogue.by_address(address.parse().unwrap()),
                owner,
                "{address}"
            );
        }
        for (transport, port, owner) in [
            (IpProtocol::UDP, 5060, A),
            (IpProtocol::TCP, 5060, None),
            (IpProtocol::TCP, 7000, A),
            (IpProtocol::UDP, 6049, A),
            (IpProtocol::TCP, 6050, B),
            (IpProtocol::UDP, 6050, B),
            (IpProtocol::SCTP, 6050, None),
            (IpProtocol::UDP, 0, None),
        ] {
            assert_eq!(catalogue.by_port(transport, port), owner, "{port}");
        }
        assert!(catalogue.has_addresses() && catalogue.has_ports());
        let bare = Catalogue::parse("[A]\ncategory = C\nshape = viber\n").unwrap();
        assert!(!bare.has_addresses() && !bare.has_ports());
    }

    #[test]
    fn identifiers_and_shapes_are_taken_by_the_letter() {
        let catalogue = catalogue();
        assert_eq!(catalogue.by_alpn("x-a-1"), A);
        assert_eq!(catalogue.by_alpn("X-a-2"), A);
        assert_eq!(catalogue.by_alpn("x-a-2"), None);
        assert_eq!(catalogue.by_shape(Shape::Steam), A);
        assert_eq!(catalogue.by_shape(Shape::Viber), None);
    }

    #[test]
    fn signs_are_shown_as_they_are_written() {
        let catalogue = catalogue();
        let shown: Vec<_> = catalogue
            .app(AppId(0))
            .unwrap()
            .signs
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown.join(", "),
            "a.example, host.example, sni front.a.example, sni *.cover.example, sni *.both.example, \
             sni *.alone.both.example, certificate anynet relay, \
             certificate *.relay.example, alpn x-a-1, alpn X-a-2, address 192.0.2.0/24, address 2001:db8::/32, \
             port 5060/udp, port 6000-6100/tcp, port 6000-6100/udp, port 7000/tcp, shape steam"
        );
    }
}
