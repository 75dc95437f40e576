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
use crate::domain_map::{DomainMap, Met};
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
    nets: HashMap<IpNet, Owner>,
    ports: HashMap<(IpProtocol, RangeInclusive<u16>), Owner>,
}

impl Claims {
    /// Gives `sign` to `owner`, and says whose it was.
    pub(super) fn claim(&mut self, sign: &Sign, owner: Owner) -> Option<Owner> {
        match sign {
            Sign::Domain(pattern) => self.signs.domains.replace(pattern, owner),
            Sign::Sni(pattern) => self.signs.sni.replace(pattern, owner),
            Sign::Certificate(pattern) => self.signs.certificates.replace(pattern, owner),
            Sign::Alpn(id) => self.signs.alpn.insert(id.clone(), owner),
            Sign::Address(net) => self.nets.insert(*net, owner),
            Sign::Ports(transport, range) => self.ports.insert((*transport, range.clone()), owner),
            Sign::Shape(shape) => self.signs.shapes.insert(*shape, owner),
        }
    }

    /// Puts the ranges in order, so that they can be asked.
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
    sni: DomainMap<Owner>,
    certificates: DomainMap<Owner>,
    alpn: HashMap<Box<str>, Owner>,
    v4: Ranges<u32, RangeClaim>,
    v6: Ranges<u128, RangeClaim>,
    tcp: Ranges<u16, RangeClaim>,
    udp: Ranges<u16, RangeClaim>,
    shapes: HashMap<Shape, Owner>,
}

impl Signs {
    pub(super) fn by_name(&self, name: &str) -> Option<AppId> {
        last(&self.domains, name).map(|met| met.value.app)
    }

    pub(super) fn by_sni(&self, name: &str) -> Option<AppId> {
        self.by_special(&self.sni, name)
    }

    pub(super) fn by_certificate(&self, name: &str) -> Option<AppId> {
        self.by_special(&self.certificates, name)
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

    /// What `special` says of `name`, unless a longer domain says something else.
    fn by_special(&self, special: &DomainMap<Owner>, name: &str) -> Option<AppId> {
        let plain = last(&self.domains, name);
        if special.is_empty() {
            return plain.map(|met| met.value.app);
        }
        let special = last(special, name);
        let is_longer = |met: &Met<_>| special.is_none_or(|special| met.len > special.len);
        let met = plain.filter(is_longer).or(special)?;
        Some(met.value.app)
    }
}

fn last(map: &DomainMap<Owner>, name: &str) -> Option<Met<Owner>> {
    map.matches(name).last()
}
