//! What the user wants removed: rules from flags and files, compiled once, asked for every flow.
//!
//! Texts go in through [`RuleSetBuilder`]; a [`RuleSet`] comes out and answers for an address, a port, an application, a protocol and a name which rule
//! holds. Which of these is asked first, and what a match means for a flow, is not known here.

mod builder;
mod file;

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

pub use builder::{RuleError, RuleSetBuilder};
pub use file::{BadLine, LineFault, RulesFileError};

use crate::catalogue::{AppId, Target};
use crate::domain::DomainPattern;
use crate::domain_map::DomainMap;
use crate::protocol::Protocol;
use crate::ranges::Ranges;

/// A rule of a [`RuleSet`]: its place in the order in which the rules were given, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// What a rule matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// Addresses: no host bits set; IPv4-mapped IPv6 prefixes are held as the IPv4 prefixes they are.
    Address(IpNet),
    /// Ports, both ends included.
    Ports(RangeInclusive<u16>),
    /// An application, a category or a protocol.
    App(Target),
    /// Names.
    Domain(DomainPattern),
}

/// One thing that the user wants removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it matches.
    pub matcher: Matcher,
    /// How reports show it: `ip:10.0.0.0/8`, `port:1-1023`, `app:YouTube`, `domain:*.tiktok.com`.
    pub text: String,
    /// Where it was given: `--block-app`, or `rules.txt:7` for a line of a file.
    pub origin: String,
}

/// Rules, compiled: immutable, shared by every worker.
///
/// Where several rules of a kind hold, the one given first is told. No answer takes a walk over the rules, however many there are.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// [`RuleId`] is the place here.
    rules: Vec<Rule>,
    v4: Ranges<u32, RuleId>,
    v6: Ranges<u128, RuleId>,
    ports: Ranges<u16, RuleId>,
    /// [`AppId`] is the place here.
    apps: Vec<Option<RuleId>>,
    /// [`Protocol`] is the place here.
    protocols: Vec<Option<RuleId>>,
    domains: DomainMap<RuleId>,
}

impl RuleSet {
    /// All rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// One of the rules.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(usize::try_from(id.0).ok()?)
    }

    /// A digest by which the same rules in the same order are known again: SHA-256 of their texts, a line each, in hex.
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        for rule in &self.rules {
            sha.update(rule.text.as_bytes());
            sha.update(b"\n");
        }
        sha.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Whether nothing is to be removed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether any rule asks for the application or the protocol: if not, there is no need to find out.
    pub fn has_app_rules(&self) -> bool {
        self.apps.iter().chain(&self.protocols).any(Option::is_some)
    }

    /// Whether any rule asks for names.
    pub fn has_domain_rules(&self) -> bool {
        !self.domains.is_empty()
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

#[cfg(test)]
mod tests;
