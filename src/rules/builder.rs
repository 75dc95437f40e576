//! From what the user wrote to rules, and from rules to what answers fast.

use ahash::HashSet;
use thiserror::Error;

use super::file::{self, GivenThresholds, RulesFileError};
use super::{Action, End, Kind, Matcher, Rule, RuleId, RuleSet, Tables};
use crate::catalogue::{Catalogue, Target, UnknownName};
use crate::domain::{DomainPattern, MAX_NAME_LEN, PatternError};
use crate::endpoints::{self, AddressError, PortError};
use crate::ini::{printable, shown};
use crate::packet::IpProtocol;

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
    /// `Unknown`, which is what remains when a flow is over and nothing was recognised in it: too late for a verdict.
    #[error(
        "'Unknown' is no rule, for only at its end is it certain that a flow stays unknown; expected an application, a category or a protocol"
    )]
    Undecidable,
    /// No domain pattern.
    #[error(transparent)]
    Domain(#[from] PatternError),
    /// Nothing that a name could hold.
    #[error("'~{}' is no part of a name, expected '~' and 1 to {MAX_NAME_LEN} letters, digits, dots or hyphens of ASCII, as in ~tracker", shown(.0))]
    NamePart(String),
}

/// Collects rules in the order in which they are given.
///
/// A rule that is there already is not added again: the origin given first stays.
#[derive(Debug)]
pub struct RuleSetBuilder<'a> {
    catalogue: &'a Catalogue,
    rules: Vec<Rule>,
    known: HashSet<(Action, Matcher)>,
    thresholds: GivenThresholds,
}

impl<'a> RuleSetBuilder<'a> {
    /// No rules yet. The catalogue says what the names of applications mean.
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            rules: Vec::new(),
            known: HashSet::default(),
            thresholds: GivenThresholds::default(),
        }
    }

    /// Adds a rule.
    ///
    /// * An address may be a prefix, whose host bits are dropped: `10.0.0.1/8` is `10.0.0.0/8`.
    /// * Ports may be a range `LO-HI`.
    /// * An application may be a category or a protocol; the category `Protocols` is every flow whose protocol is recognised.
    /// * An address behind `src:` is the initiator's, behind `dst:` the responder's, behind `any:` either's; alone it is whoever's that sends.
    /// * Ports may be of one transport: `LO-HI/udp`.
    /// * A name with `*.` in front is that name and everything below it; with `~` in front it is every name that holds the text.
    ///
    /// # Errors
    /// [`RuleError`] says why `text` is none.
    pub fn add(
        &mut self,
        (action, kind): (Action, Kind),
        text: &str,
        origin: &str,
    ) -> Result<(), RuleError> {
        let matcher = self.parse(kind, text.trim())?;
        self.push((action, matcher), origin);
        Ok(())
    }

    /// Blocks an address or a prefix.
    ///
    /// # Errors
    /// [`RuleError::Address`].
    pub fn block_ip(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add((Action::Block, Kind::Ip), text, origin)
    }

    /// Blocks a port, or a range of ports.
    ///
    /// # Errors
    /// [`RuleError::Port`].
    pub fn block_port(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add((Action::Block, Kind::Port), text, origin)
    }

    /// Blocks an application, a category or a protocol.
    ///
    /// # Errors
    /// [`RuleError::App`] for a name the catalogue does not know, [`RuleError::Undecidable`] for `Unknown`.
    pub fn block_app(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add((Action::Block, Kind::App), text, origin)
    }

    /// Blocks a name, or with `*.` in front a name and everything below it.
    ///
    /// # Errors
    /// [`RuleError::Domain`].
    pub fn block_domain(&mut self, text: &str, origin: &str) -> Result<(), RuleError> {
        self.add((Action::Block, Kind::Domain), text, origin)
    }

    /// Adds the rules of a file, or none of them when any line is wrong.
    ///
    /// * `path`: as messages and reports show it.
    ///
    /// # Errors
    /// [`RulesFileError`] lists the wrong lines.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), RulesFileError> {
        let parse = |kind, text: &str, is_told: bool| {
            // A list that stands in the wrong section is long, and which names are like one of its own takes a while to find.
            if kind == Kind::App && !is_told && self.catalogue.find(text).is_none() {
                let (name, nearest) = (text.to_owned(), Vec::new());
                return Err(UnknownName { name, nearest }.into());
            }
            self.parse(kind, text)
        };
        let found = file::read(path, bytes, parse)?;
        self.thresholds.add(found.thresholds);
        for (line, rule) in found.rules {
            self.push(rule, &format!("{}:{line}", printable(path)));
        }
        Ok(())
    }

    /// The rules, compiled.
    pub fn build(self) -> RuleSet {
        let Self {
            catalogue,
            rules,
            thresholds,
            ..
        } = self;
        let of = |action| {
            let all = rules.iter().zip((0..=u32::MAX).map(RuleId));
            let its = all.filter(|(rule, _)| rule.action == action);
            Tables::new(its.map(|(rule, id)| (id, &rule.matcher)), catalogue)
        };
        let (allow, block) = (of(Action::Allow), of(Action::Block));
        RuleSet {
            rules,
            allow,
            block,
            thresholds,
        }
    }

    /// What `text` means as a rule of this kind.
    fn parse(&self, kind: Kind, text: &str) -> Result<Matcher, RuleError> {
        Ok(match kind {
            Kind::Ip => parse_address(text)?,
            Kind::Port => {
                let (range, transport) = endpoints::transport_ports(text)?;
                Matcher::Ports(range, transport)
            }
            Kind::App => return self.parse_app(text),
            Kind::Domain => match text.strip_prefix('~') {
                Some(part) => Matcher::NamePart(parse_part(part)?),
                None => Matcher::Domain(DomainPattern::parse(text)?),
            },
        })
    }

    fn parse_app(&self, text: &str) -> Result<Matcher, RuleError> {
        match self.catalogue.resolve(text)? {
            Target::Unknown => Err(RuleError::Undecidable),
            target => Ok(Matcher::App(target)),
        }
    }

    fn push(&mut self, (action, matcher): (Action, Matcher), origin: &str) {
        if !self.known.insert((action, matcher.clone())) {
            return;
        }
        let text = match &matcher {
            Matcher::Address(end, net) if net.prefix_len() == net.max_prefix_len() => {
                format!("ip:{}{}", end.prefix(), net.addr())
            }
            Matcher::Address(end, net) => format!("ip:{}{net}", end.prefix()),
            Matcher::Ports(range, transport) => {
                let transport = match *transport {
                    None => "",
                    Some(IpProtocol::TCP) => "/tcp",
                    Some(_) => "/udp",
                };
                match (range.start(), range.end()) {
                    (low, high) if low == high => format!("port:{low}{transport}"),
                    (low, high) => format!("port:{low}-{high}{transport}"),
                }
            }
            Matcher::NamePart(part) => format!("domain:~{part}"),
            Matcher::App(target) => format!("app:{}", self.catalogue.target_name(*target)),
            Matcher::Domain(pattern) => format!("domain:{pattern}"),
        };
        self.rules.push(Rule {
            action,
            matcher,
            text,
            origin: origin.to_owned(),
        });
    }
}

/// An address or a prefix, behind the end that it is about.
fn parse_address(text: &str) -> Result<Matcher, RuleError> {
    let mut typed = End::ALL.into_iter().filter(|end| !end.prefix().is_empty());
    let found = typed.find_map(|end| {
        let (prefix, address) = text.split_at_checked(end.prefix().len())?;
        let is_it = prefix.eq_ignore_ascii_case(end.prefix());
        is_it.then_some((end, address.trim_start()))
    });
    let (end, address) = found.unwrap_or((End::Sender, text));
    Ok(Matcher::Address(end, endpoints::net(address)?))
}

/// A text that names may hold, in lower case. Without IDNA, whose form of a whole says nothing of its parts.
fn parse_part(text: &str) -> Result<Box<str>, RuleError> {
    let is_of_names = |b: u8| b.is_ascii_graphic() && !b"*/@\\~".contains(&b);
    if text.is_empty() || text.len() > MAX_NAME_LEN || !text.bytes().all(is_of_names) {
        return Err(RuleError::NamePart(text.to_owned()));
    }
    Ok(text.to_ascii_lowercase().into())
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
