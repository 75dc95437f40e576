//! From evidence to conclusions: which protocols a flow speaks, and which application it belongs to.
//!
//! Asks the catalogue; knows nothing of rules.

use crate::alpn::Alpn;
use crate::catalogue::{AppId, Catalogue};
use crate::evidence::{Basis, NameSource};
use crate::protocol::{Protocol, Protocols};

/// Port of HTTPS, RFC 9110 §4.2.2.
const HTTPS_PORT: u16 = 443;

/// Application protocols (RFC 7301 identifiers) that are HTTP.
const HTTP_ALPN: [&str; 4] = ["h2", "http/1.1", "http/1.0", "http/0.9"];

/// Whether TLS with this offer, to this port, carries HTTP.
///
/// * An offer that names protocols but no HTTP is something else, also on port 443.
pub fn is_https(alpn: &Alpn, responder_port: u16) -> bool {
    if alpn.is_empty() {
        return responder_port == HTTPS_PORT;
    }
    alpn.iter().any(|offered| HTTP_ALPN.contains(&offered))
}

/// What a flow is concluded to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classification {
    /// Protocols recognised, outermost first.
    pub protocols: Protocols,
    /// The application that the weightiest evidence leads to, and what that is; apart from answers of DNS.
    own: Option<(AppId, Basis)>,
    /// The application that an answer of DNS leads to. Apart, because it is a hint of another flow's: it may be refuted, and verdicts
    /// may have to do without it. What the flow itself is known by must then still be there.
    answered: Option<AppId>,
}

impl Classification {
    /// The application that the weightiest evidence leads to.
    pub fn application(&self) -> Option<AppId> {
        if self.is_by_answer() {
            self.answered
        } else {
            self.own_application()
        }
    }

    /// The same without answers of DNS.
    pub fn own_application(&self) -> Option<AppId> {
        self.own.map(|(app, _)| app)
    }

    /// Whether an answer of DNS decides.
    pub fn is_by_answer(&self) -> bool {
        let answer = Basis::Name(NameSource::DnsAnswer).weight();
        self.answered.is_some() && self.own.is_none_or(|(_, basis)| basis.weight() < answer)
    }

    /// Takes in a protocol. Whether it was new.
    pub fn add_protocol(&mut self, protocol: Protocol) -> bool {
        self.protocols.push(protocol)
    }

    /// Takes in evidence for an application. Whether it is the weightiest of its kind now: an answer of DNS, or all else.
    pub fn consider(&mut self, application: AppId, basis: Basis) -> bool {
        if basis == Basis::Name(NameSource::DnsAnswer) {
            let is_first = self.answered.is_none();
            self.answered.get_or_insert(application);
            return is_first;
        }
        let decides = self
            .own
            .is_none_or(|(_, before)| before.weight() < basis.weight());
        if decides {
            self.own = Some((application, basis));
        }
        decides
    }

    /// Takes in a name that is nobody's: where the flow itself names a host, an answer of DNS that says otherwise is refuted.
    pub fn consider_stranger(&mut self, source: NameSource) {
        if Basis::Name(source).weight() > Basis::Name(NameSource::DnsAnswer).weight() {
            self.answered = None;
        }
    }
}

/// Whose a name is that was found there.
pub fn owner(name: &str, from: NameSource, catalogue: &Catalogue) -> Option<AppId> {
    match from {
        NameSource::Netbios => None,
        NameSource::TlsSni | NameSource::QuicSni | NameSource::DtlsSni => catalogue.by_sni(name),
        NameSource::Certificate => catalogue.by_certificate(name),
        NameSource::HttpHost
        | NameSource::DnsQuery
        | NameSource::Mdns
        | NameSource::Llmnr
        | NameSource::DnsAnswer => catalogue.by_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_told_by_alpn_and_only_else_by_port() {
        let offer = |names: &[&str]| names.iter().map(|name| name.as_bytes()).collect::<Alpn>();
        assert!(is_https(&Alpn::NONE, 443) && !is_https(&Alpn::NONE, 993));
        assert!(is_https(&offer(&["h2", "http/1.1"]), 8443));
        assert!(!is_https(&offer(&["imap"]), 443) && !is_https(&offer(&["dot"]), 853));
    }

    #[test]
    fn the_weightiest_evidence_decides_and_of_equals_the_first() {
        let mut flow = Classification::default();
        for (app, basis, decides) in [
            (1, Basis::Port, 1),
            (2, Basis::Name(NameSource::DnsAnswer), 2),
            (3, Basis::Content, 2),
            (4, Basis::Alpn, 2),
            (5, Basis::Name(NameSource::DnsAnswer), 2),
            (6, Basis::Name(NameSource::TlsSni), 6),
            (7, Basis::Name(NameSource::HttpHost), 6),
            (8, Basis::Name(NameSource::Certificate), 6),
        ] {
            flow.consider(AppId(app), basis);
            assert_eq!(flow.application(), Some(AppId(decides)), "{basis:?}");
        }
    }

    #[test]
    fn a_name_of_nobody_refutes_an_answer_of_dns_and_nothing_else() {
        let mut flow = Classification::default();
        flow.consider(AppId(1), Basis::Name(NameSource::DnsAnswer));
        flow.consider_stranger(NameSource::DnsAnswer);
        assert_eq!(flow.application(), Some(AppId(1)));
        flow.consider(AppId(2), Basis::Address);
        assert_eq!(flow.application(), Some(AppId(1)));
        assert_eq!(flow.own_application(), Some(AppId(2)));
        flow.consider_stranger(NameSource::TlsSni);
        assert_eq!(flow.application(), Some(AppId(2)), "what was beside it");
        flow.consider_stranger(NameSource::TlsSni);
        assert_eq!(flow.application(), Some(AppId(2)));
    }
}
