//! From what the user wrote to rules, and from rules to what answers fast.

use ahash::{HashMap, HashSet};
use ipnet::IpNet;
use thiserror::Error;

use super::file::{self, RulesFileError};
use super::{Matcher, Rule, RuleId, RuleSet};
use crate::catalogue::{Catalogue, CategoryId, Target, UnknownName};
use crate::domain::{DomainPattern, PatternError};
use crate::domain_map::DomainMap;
use crate::endpoints::{self, AddressError, PortError};
use crate::ini::printable;
use crate::protocol::Protocol;
use crate::ranges::Ranges;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No address or prefix.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No port or range of ports.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A name that the catalogue does not know.
    #[error(transparent)]
    App(#[from] UnknownName),
    /// `Unknown`, which is what remains when a flow is over and nothing was recognised in it: too late to block it.
    #[error(
        "'Unknown' cannot be blocked, for only at its end is it certain that a flow stays unknown; expected an application, a category or a protocol"
    )]
    Undecidable,
    /// No domain pattern.
    #[error(transparent)]
    Domain(#[from] PatternError),
}

/// Collects rules in the order in which they are given.
///
/// A rule that is there already is not added again: the origin given first stays.
#[derive(Debug)]
pub struct RuleSetBuilder<'a> {
    catalogue: &'a Catalogue,
    rules: Vec<Rule>,
    known: HashSet<Matcher>,
}

impl<'a> RuleSetBuilder<'a> {
    /// No rules yet. The catalogue says what the names of applications mean.
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            rules: Vec::new(),
            known: HashSet::default(),
        }
    }

    /// Blocks an address or a prefix. Host bits in a prefix are dropped: `10.0.0.1/8` is `10.0.0.0/8`.
    ///
    /// # Errors
    /// [`RuleError::Address`].
    pub fn block_ip(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add(Matcher::Address(endpoints::net(text.trim())?), origin);
        Ok(())
    }

    /// Blocks a port, or a range of ports `LO-HI`.
    ///
    /// # Errors
    /// [`RuleError::Port`].
    pub fn block_port(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add(Matcher::Ports(endpoints::ports(text.trim())?), origin);
        Ok(())
    }

    /// Blocks an application, a category or a protocol. The category `Protocols` is every flow whose protocol is recognised.
    ///
    /// # Errors
    /// [`RuleError::App`] for a name the catalogue does not know, [`RuleError::Undecidable`] for `Unknown`.
    pub fn block_app(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        let matcher = self.parse_app(text)?;
        self.add(matcher, origin);
        Ok(())
    }

    /// Blocks a name, or with `*.` in front a name and everything below it.
    ///
    /// # Errors
    /// [`RuleError::Domain`].
    pub fn block_domain(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add(Matcher::Domain(DomainPattern::parse(text)?), origin);
        Ok(())
    }

    /// Adds the rules of a file, or none of them when any line is wrong.
    ///
    /// * `path`: as messages and reports show it.
    ///
    /// # Errors
    /// [`RulesFileError`] lists the wrong lines.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), RulesFileError> {
        let found = file::read(path, bytes, |kind, text| match kind {
            file::Section::Ips => Ok(Matcher::Address(endpoints::net(text)?)),
            file::Section::Ports => Ok(Matcher::Ports(endpoints::ports(text)?)),
            file::Section::Apps => self.parse_app(text),
            file::Section::Domains => Ok(Matcher::Domain(DomainPattern::parse(text)?)),
        })?;
        for (line, matcher) in found {
            self.add(matcher, &format!("{}:{line}", printable(path)));
        }
        Ok(())
    }

    /// The rules, compiled.
    pub fn build(self) -> RuleSet {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        let mut ports = Vec::new();
        let mut domains = DomainMap::default();
        let mut targets = HashMap::default();
        for (rule, id) in self.rules.iter().zip((0..=u32::MAX).map(RuleId)) {
            match &rule.matcher {
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
        // Each target has one rule at most, for none is added twice.
        let first_for = |wanted: &[Target]| {
            let rules = wanted.iter().filter_map(|target| targets.get(target));
            rules.min().copied()
        };
        // A rule for the whole takes its parts; one for a category takes what stands in it, wherever its parts stand.
        let apps = self.catalogue.apps().map(|(id, app)| {
            let wholes = self.catalogue.wholes(id).into_iter().map(Target::App);
            let category = Target::Category(app.category);
            first_for(&wholes.chain([category]).collect::<Vec<_>>())
        });
        let all_protocols = Target::Category(CategoryId::PROTOCOLS);
        let protocols = Protocol::ALL
            .map(|protocol| first_for(&[Target::Protocol(protocol), all_protocols]))
            .to_vec();
        RuleSet {
            apps: apps.collect(),
            protocols,
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
            ports: Ranges::new(ports),
            domains,
            rules: self.rules,
        }
    }

    fn parse_app(&self, text: &str) -> Result<Matcher, RuleError> {
        match self.catalogue.resolve(text)? {
            Target::Unknown => Err(RuleError::Undecidable),
            target => Ok(Matcher::App(target)),
        }
    }

    fn add(&mut self, matcher: Matcher, origin: &str) {
        if !self.known.insert(matcher.clone()) {
            return;
        }
        let text = match &matcher {
            Matcher::Address(net) if net.prefix_len() == net.max_prefix_len() => {
                format!("ip:{}", net.addr())
            }
            Matcher::Address(net) => format!("ip:{net}"),
            Matcher::Ports(range) if range.start() == range.end() => {
                format!("port:{}", range.start())
            }
            Matcher::Ports(range) => format!("port:{}-{}", range.start(), range.end()),
            Matcher::App(target) => format!("app:{}", self.catalogue.target_name(*target)),
            Matcher::Domain(pattern) => format!("domain:{pattern}"),
        };
        self.rules.push(Rule {
            matcher,
            text,
            origin: origin.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_rule_are_refused() {
        let catalogue = Catalogue::builtin().unwrap();
        let mut builder = RuleSetBuilder::new(&catalogue);
        assert!(matches!(
            builder.block_ip("10.0.0.999", "-"),
            Err(RuleError::Address(_))
        ));
        assert!(matches!(
            builder.block_port("70000", "-"),
            Err(RuleError::Port(_))
        ));
        let unknown = builder.block_app("YouTub", "-").unwrap_err().to_string();
        assert!(unknown.contains("YouTube"), "{unknown}");
        assert!(matches!(builder.block_app("", "-"), Err(RuleError::App(_))));
        assert_eq!(
            builder.block_app("unknown", "-"),
            Err(RuleError::Undecidable)
        );
        for bad in ["", "*", "*.", "a*.b", "a..b", "http://a.b/"] {
            assert!(matches!(
                builder.block_domain(bad, "-"),
                Err(RuleError::Domain(_))
            ));
        }
        assert!(builder.build().is_empty());
    }
}
