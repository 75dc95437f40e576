//! From evidence to conclusions: which protocols a flow speaks, and which application it belongs to.
//!
//! Asks the catalogue; knows nothing of rules.

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
pub fn is_https(alpn: &[Box<str>], responder_port: u16) -> bool {
    if alpn.is_empty() {
        return responder_port == HTTPS_PORT;
    }
    alpn.iter().any(|offered| HTTP_ALPN.contains(&&**offered))
}

/// What a flow is concluded to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classification {
    /// Protocols recognised, outermost first.
    pub protocols: Protocols,
    /// The application that the weightiest evidence leads to.
    pub application: Option<AppId>,
    /// What that evidence is.
    basis: Option<Basis>,
}

impl Classification {
    /// Takes in a protocol. Whether it was new.
    pub fn add_protocol(&mut self, protocol: Protocol) -> bool {
        self.protocols.push(protocol)
    }

    /// Takes in evidence for an application. Whether it decides now: none that weighs as much was there before.
    pub fn consider(&mut self, application: AppId, basis: Basis) -> bool {
        let decides = self
            .basis
            .is_none_or(|before| before.weight() < basis.weight());
        if decides {
            self.application = Some(application);
            self.basis = Some(basis);
        }
        decides
    }

    /// Takes in a name that is nobody's. Whether the flow is nobody's any more: an answer of DNS had led to an application
    /// before, and the flow itself names a host that is not of it.
    pub fn consider_stranger(&mut self, source: NameSource) -> bool {
        let stranger = Basis::Name(source).weight();
        let is_refuted = self.basis == Some(Basis::Name(NameSource::DnsAnswer))
            && stranger > Basis::Name(NameSource::DnsAnswer).weight();
        if is_refuted {
            self.application = None;
            self.basis = None;
        }
        is_refuted
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
        let offer = |names: &[&str]| names.iter().map(|&n| n.into()).collect::<Vec<Box<str>>>();
        assert!(is_https(&[], 443) && !is_https(&[], 993));
        assert!(is_https(&offer(&["h2", "http/1.1"]), 8443));
        assert!(!is_https(&offer(&["imap"]), 443) && !is_https(&offer(&["dot"]), 853));
    }

    #[test]
    fn the_weightiest_evidence_decides_and_of_equals_the_first() {
        let mut flow = Classification::default();
        assert!(flow.consider(AppId(1), Basis::Port));
        assert!(flow.consider(AppId(2), Basis::Name(NameSource::DnsAnswer)));
        assert!(!flow.consider(AppId(3), Basis::Content));
        assert!(flow.consider(AppId(4), Basis::Name(NameSource::TlsSni)));
        assert!(!flow.consider(AppId(5), Basis::Name(NameSource::HttpHost)));
        assert_eq!(flow.application, Some(AppId(4)));
    }

    #[test]
    fn a_name_of_nobody_refutes_an_answer_of_dns_and_nothing_else() {
        let mut flow = Classification::default();
        flow.consider(AppId(1), Basis::Name(NameSource::DnsAnswer));
        assert!(!flow.consider_stranger(NameSource::DnsAnswer));
        assert!(flow.consider_stranger(NameSource::TlsSni));
        assert_eq!(flow.application, None);
        flow.consider(AppId(2), Basis::Address);
        assert!(!flow.consider_stranger(NameSource::TlsSni));
        assert_eq!(flow.application, Some(AppId(2)));
    }
}
