//! What the user wants removed, and what kept all the same: rules from flags and files, compiled once, asked for every flow.
//!
//! Texts go in through [`RuleSetBuilder`]; a [`RuleSet`] comes out, whose [`Tables`] answer for an address, a port, an application, a protocol
//! and a name which rule holds. Which of these is asked first, and what a match means for a flow, is not known here.

mod builder;
mod file;
mod tables;

use std::ops::RangeInclusive;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

pub use builder::{RuleError, RuleSetBuilder};
pub use file::{BadLine, GivenThresholds, LineFault, RulesFileError, applications};
pub use tables::Tables;

use crate::catalogue::Target;
use crate::domain::DomainPattern;
use crate::packet::IpProtocol;

/// A rule of a [`RuleSet`]: its place in the order in which the rules were given, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// What becomes of the flows that rules block, and of all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Removal {
    /// A blocked flow is dropped from the packet on that decides, as in a firewall.
    #[default]
    Inline,
    /// A blocked flow is dropped from its first packet.
    WholeFlow,
    /// The rules are turned round: what they block is kept from its first packet, and all else is dropped.
    AllElse,
}

/// What a rule does to the flows that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// They are kept, whatever else blocks them.
    Allow,
    /// They are removed, unless something allows them.
    Block,
}

impl Action {
    /// Both, in the order in which rules are asked.
    pub const ALL: [Self; 2] = [Self::Allow, Self::Block];
}

/// What the text of a rule is, in a flag or in a section of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An address or a prefix.
    Ip,
    /// A port or a range of ports.
    Port,
    /// An application, a category or a protocol.
    App,
    /// A name, or a pattern of names.
    Domain,
}

impl Kind {
    /// All of them, in the order in which rules are asked.
    pub const ALL: [Self; 4] = [Self::Ip, Self::Port, Self::App, Self::Domain];
}

/// What a rule matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// Addresses at an end of a flow: no host bits set; IPv4-mapped IPv6 prefixes are held as the IPv4 prefixes they are.
    Address(End, IpNet),
    /// Ports, both ends included, of one transport or of all.
    Ports(RangeInclusive<u16>, Option<IpProtocol>),
    /// An application, a category or a protocol.
    App(Target),
    /// Names.
    Domain(DomainPattern),
    /// Names that hold this text, which is in lower case and never empty.
    NamePart(Box<str>),
}

impl Matcher {
    /// What the text of such a rule is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Address(..) => Kind::Ip,
            Self::Ports(..) => Kind::Port,
            Self::App(_) => Kind::App,
            Self::Domain(_) | Self::NamePart(_) => Kind::Domain,
        }
    }
}

/// Which end of a flow a rule for addresses is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Whoever sends a packet of it.
    Sender,
    /// Its initiator.
    Initiator,
    /// Its responder.
    Responder,
    /// Both.
    Either,
}

impl End {
    /// All of them; the place of each is its number.
    pub const ALL: [Self; 4] = [Self::Sender, Self::Initiator, Self::Responder, Self::Either];

    /// What stands before an address of that end in the text of a rule.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Sender => "",
            Self::Initiator => "src:",
            Self::Responder => "dst:",
            Self::Either => "any:",
        }
    }
}

/// One thing that the user wants removed or kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// What it matches.
    pub matcher: Matcher,
    /// How reports show it: `ip:10.0.0.0/8`, `port:1-1023`, `app:YouTube`, `domain:*.tiktok.com`.
    pub text: String,
    /// Where it was given: `--block-app`, or `rules.txt:7` for a line of a file.
    pub origin: String,
}

/// Rules, compiled: immutable, shared by every worker.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// [`RuleId`] is the place here.
    rules: Vec<Rule>,
    allow: Tables,
    block: Tables,
    thresholds: GivenThresholds,
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

    /// A digest by which the same rules in the same order are known again: SHA-256 of what they do and of their texts, a line each, in hex.
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        for rule in &self.rules {
            let action: &[u8] = match rule.action {
                Action::Allow => b"allow ",
                Action::Block => b"",
            };
            for piece in [action, rule.text.as_bytes(), b"\n"] {
                sha.update(piece);
            }
        }
        sha.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// When an address is told of as suspicious, as far as files of rules say so.
    pub const fn thresholds(&self) -> GivenThresholds {
        self.thresholds
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What answers for the rules of one action.
    pub const fn tables(&self, action: Action) -> &Tables {
        match action {
            Action::Allow => &self.allow,
            Action::Block => &self.block,
        }
    }
}

#[cfg(test)]
mod tests;
