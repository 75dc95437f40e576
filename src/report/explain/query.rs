//! Which flows are to be explained: what a person writes behind `--explain`.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::catalogue::{Catalogue, CategoryId, Target};
use crate::domain::DomainPattern;
use crate::flow::FlowSummary;
use crate::ini::shown;
use crate::key::Endpoint;
use crate::packet::IpProtocol;

/// Which flows are to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The flow with this number, as `--flows` counts them.
    Number(u64),
    /// The flows between two ends, in either direction: one after the other where ports were used again.
    Between([End; 2], Option<IpProtocol>),
    /// The flows from or to an end.
    At(End, Option<IpProtocol>),
    /// The flows that bear a name, and those of an application, a category or a protocol. One of both is there.
    Named {
        /// The domain and all below it.
        domain: Option<DomainPattern>,
        /// Whom a rule for an application of that name would take.
        target: Option<Target>,
    },
}

/// An end of a flow, as far as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Its address.
    pub addr: IpAddr,
    /// Its port; `None` for any.
    pub port: Option<u16>,
}

/// A text that names no flow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "'{}' names no flow; expected a number of --flows, IP:PORT-IP:PORT (IPv6 in brackets; /tcp or /udp may follow), an address, a domain or an application{}", shown(.text), nearest_names(.nearest)
)]
pub struct QueryError {
    /// What was given.
    pub text: String,
    /// Applications that are called much like it.
    pub nearest: Vec<String>,
}

impl Query {
    /// Reads what a person writes: `7`, `10.0.0.1:50000-[2001:db8::1]:443/tcp`, `10.0.0.1`, `youtube.com`, `YouTube`.
    ///
    /// # Errors
    /// [`QueryError`]: it is none of these.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, QueryError> {
        let text = text.trim();
        if let Ok(number @ 1..) = text.parse() {
            return Ok(Self::Number(number));
        }
        let (ends, protocol) = match text.rsplit_once('/') {
            Some((ends, name)) => match protocol_of(name) {
                Some(protocol) => (ends, Some(protocol)),
                None => (text, None),
            },
            None => (text, None),
        };
        let between = || {
            let (one, other) = ends.split_once('-')?;
            Some([End::parse(one)?, End::parse(other)?])
        };
        if let Some(ends) = between() {
            return Ok(Self::Between(ends, protocol));
        }
        if let Some(end) = End::parse(ends) {
            return Ok(Self::At(end, protocol));
        }
        Self::named(text, catalogue)
    }

    fn named(text: &str, catalogue: &Catalogue) -> Result<Self, QueryError> {
        let target = catalogue.resolve(text);
        // With a colon it was to be an address, and a number is none of a domain: better said than not found.
        let is_name = text.chars().any(char::is_alphabetic) && !text.contains(':');
        let domain =
            DomainPattern::parse(text)
                .ok()
                .filter(|_| is_name)
                .map(|pattern| match pattern {
                    DomainPattern::Exact(name) | DomainPattern::Subtree(name) => {
                        DomainPattern::Subtree(name)
                    }
                });
        match (domain, target) {
            (None, Err(unknown)) => Err(QueryError {
                text: text.to_owned(),
                nearest: unknown.nearest,
            }),
            (domain, target) => Ok(Self::Named {
                domain,
                target: target.ok(),
            }),
        }
    }

    /// Whether the whole story of each flow is wanted, and not a line.
    pub const fn is_for_stories(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Between(..))
    }

    /// Whether it means `flow`; of a number that cannot be told by the flow alone.
    pub(super) fn means(&self, flow: &FlowSummary, catalogue: &Catalogue) -> bool {
        let (src, dst) = flow.shown_ends();
        let has_protocol =
            |wanted: Option<IpProtocol>| wanted.is_none_or(|wanted| wanted == flow.key.protocol());
        match self {
            // The flow with number n cannot begin before packet n.
            Self::Number(number) => flow.first_packet >= *number,
            Self::Between([one, other], protocol) => {
                let are = |a, b| one.is(a) && other.is(b);
                has_protocol(*protocol) && (are(src, dst) || are(dst, src))
            }
            Self::At(end, protocol) => has_protocol(*protocol) && (end.is(src) || end.is(dst)),
            Self::Named { domain, target } => {
                let names = &flow.findings().names;
                let bears = |domain: &DomainPattern| {
                    names
                        .iter()
                        .any(|found| domain.matches(found.name.as_str()))
                };
                domain.as_ref().is_some_and(bears)
                    || target.is_some_and(|target| is_of(flow, target, catalogue))
            }
        }
    }
}

impl End {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(end) = text.parse::<SocketAddr>() {
            return Some(Self {
                addr: end.ip(),
                port: Some(end.port()),
            });
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let addr = bare.unwrap_or(text).parse().ok()?;
        Some(Self { addr, port: None })
    }

    fn is(&self, end: Endpoint) -> bool {
        self.addr == end.addr && self.port.is_none_or(|port| port == end.port)
    }

    /// How much of it `end` has: its address, its port.
    pub(super) fn likeness(&self, end: Endpoint) -> u32 {
        2 * u32::from(self.addr == end.addr) + u32::from(self.port == Some(end.port))
    }
}

/// Whether a rule for `target` means a flow of what this one was concluded to be.
pub(super) fn is_of(flow: &FlowSummary, target: Target, catalogue: &Catalogue) -> bool {
    let app = flow.application;
    match target {
        Target::App(wanted) => app.is_some_and(|app| catalogue.wholes(app).contains(&wanted)),
        Target::Category(CategoryId::PROTOCOLS) => !flow.protocols.is_empty(),
        Target::Category(wanted) => app
            .and_then(|app| catalogue.app(app))
            .is_some_and(|app| app.category == wanted),
        Target::Protocol(protocol) => flow.protocols.has(protocol),
        Target::Unknown => app.is_none() && flow.protocols.is_empty(),
    }
}

fn protocol_of(name: &str) -> Option<IpProtocol> {
    let known = [
        IpProtocol::TCP,
        IpProtocol::UDP,
        IpProtocol::ICMP,
        IpProtocol::ICMP6,
        IpProtocol::SCTP,
    ];
    let name = name.to_ascii_lowercase();
    let named = known.into_iter().find(|known| known.to_string() == name);
    named.or_else(|| name.parse().ok().map(IpProtocol))
}

fn nearest_names(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; the nearest applications: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::flows::tests::sample_flow;

    fn parse(text: &str) -> Result<Query, QueryError> {
        Query::parse(text, &Catalogue::builtin().unwrap())
    }

    #[test]
    fn numbers_ends_addresses_and_names_are_told_apart() {
        let end = |addr: &str, port| End {
            addr: addr.parse().unwrap(),
            port,
        };
        let v6 = end("2001:db8::1", Some(443));
        let between = |protocol| Query::Between([end("10.0.0.1", Some(5)), v6], protocol);
        for (text, query) in [
            ("7", Query::Number(7)),
            ("10.0.0.1:5-[2001:db8::1]:443", between(None)),
            (
                "10.0.0.1:5-[2001:db8::1]:443/TCP",
                between(Some(IpProtocol::TCP)),
            ),
            (
                "10.0.0.1:5-[2001:db8::1]:443/47",
                between(Some(IpProtocol::GRE)),
            ),
            ("10.0.0.1", Query::At(end("10.0.0.1", None), None)),
            ("10.0.0.1:5", Query::At(end("10.0.0.1", Some(5)), None)),
            (
                "[2001:db8::1]/udp",
                Query::At(end("2001:db8::1", None), Some(IpProtocol::UDP)),
            ),
            (
                "Video-1.Example.",
                Query::Named {
                    domain: Some(DomainPattern::Subtree("video-1.example".into())),
                    target: None,
                },
            ),
        ] {
            assert_eq!(parse(text), Ok(query), "{text}");
        }
        for text in ["twitter/x", "Streaming", "QUIC"] {
            let query = parse(text);
            assert!(
                matches!(
                    query,
                    Ok(Query::Named {
                        target: Some(_),
                        ..
                    })
                ),
                "{query:?}"
            );
        }
    }

    #[test]
    fn what_names_no_flow_is_refused_with_what_was_expected() {
        for text in [
            "",
            "0",
            "10.0.0.1:99999",
            "10.0.0.1:1-10.0.0.2:x",
            "You Tub",
            "\x1b[2J",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("expected a number of --flows"), "{error}");
            assert!(!error.contains('\x1b'));
        }
        let error = parse("You Tub").unwrap_err().to_string();
        assert!(
            error.ends_with("applications: YouTube") || error.contains("YouTube,"),
            "{error}"
        );
    }

    #[test]
    fn both_directions_are_meant_and_only_the_given_protocol() {
        let catalogue = Catalogue::builtin().unwrap();
        let ends = ("10.0.0.1:5", "10.0.0.2:443");
        let mut flow = sample_flow(9, IpProtocol::TCP, ends, &["www.youtube.com"]);
        flow.application = catalogue.by_name("www.youtube.com");
        for (text, means) in [
            ("10.0.0.1:5-10.0.0.2:443", true),
            ("10.0.0.2:443-10.0.0.1:5/tcp", true),
            ("10.0.0.2:443-10.0.0.1:5/udp", false),
            ("10.0.0.2-10.0.0.1", true),
            ("10.0.0.2:5-10.0.0.1:443", false),
            ("10.0.0.2", true),
            ("10.0.0.2:5", false),
            ("youtube.com", true),
            ("*.youtube.com", true),
            ("tube.com", false),
            ("you-tube", true),
            ("streaming", true),
            ("Netflix", false),
            ("9", true),
            ("10", false),
        ] {
            assert_eq!(
                parse(text).unwrap().means(&flow, &catalogue),
                means,
                "{text}"
            );
        }
    }
}
