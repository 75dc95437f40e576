//! Rules of one action, compiled: what answers for an address, a port, an application, a protocol and a name which of them holds.

use std::net::IpAddr;

use ahash::HashMap;
use ipnet::IpNet;

use super::{Matcher, RuleId};
use crate::catalogue::{AppId, Catalogue, CategoryId, Target};
use crate::domain_map::DomainMap;
use crate::protocol::Protocol;
use crate::ranges::Ranges;

/// Rules of one action, compiled.
///
/// Where several rules of a kind hold, the one given first is told. No answer takes a walk over the rules, however many there are.
#[derive(Debug, Default)]
pub struct Tables {
    has_rules: bool,
    v4: Ranges<u32, RuleId>,
    v6: Ranges<u128, RuleId>,
    ports: Ranges<u16, RuleId>,
    /// [`AppId`] is the place here.
    apps: Vec<Option<RuleId>>,
    /// [`Protocol`] is the place here.
    protocols: Vec<Option<RuleId>>,
    domains: DomainMap<RuleId>,
}

impl Tables {
    /// The tables of `rules`.
    pub(super) fn new<'r>(
        rules: impl Iterator<Item = (RuleId, &'r Matcher)>,
        catalogue: &Catalogue,
    ) -> Self {
        let mut has_rules = false;
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        let mut ports = Vec::new();
        let mut domains = DomainMap::default();
        let mut targets = HashMap::default();
        for (id, matcher) in rules {
            has_rules = true;
            match matcher {
                Matcher::Address(IpNet::V4(net)) => {
                    v4.push((net.network().to_bits()..=net.broadcast().to_bits(), id));
                }
                Matcher::Address(IpNet::V6(net)) => {
                    v6.push((net.network().to_bits()..=net.broadcast().to_bits(), id));
                }
                Matcher::Ports(range) => ports.push((range.clone(), id)),
                Matcher::App(target) => {
                    targets.insert(*target, id);
                }
                Matcher::Domain(pattern) => {
                    domains.insert(pattern, id);
                }
            }
        }
        let (apps, protocols) = if targets.is_empty() {
            Default::default()
        } else {
            by_target(&targets, catalogue)
        };
        Self {
            has_rules,
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
            ports: Ranges::new(ports),
            apps,
            protocols,
            domains,
        }
    }

    /// Whether there are no rules.
    pub const fn is_empty(&self) -> bool {
        !self.has_rules
    }

    /// The rule for an address.
    ///
    /// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) meets the rules for the IPv4 address too.
    pub fn for_address(&self, address: IpAddr) -> Option<RuleId> {
        let v4 = match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.to_bits()),
            IpAddr::V6(_) => None,
        };
        let v6 = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => self.v6.get(address.to_bits()),
        };
        [v4, v6].into_iter().flatten().min()
    }

    /// The rule for a port.
    pub fn for_port(&self, port: u16) -> Option<RuleId> {
        self.ports.get(port)
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
        self.domains.matches(name).map(|met| met.value).min()
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
