//! From evidence to conclusions: which protocols a flow speaks, and which application it belongs to.
//!
//! Asks the catalogue; knows nothing of rules.

use crate::catalogue::{AppId, Catalogue};
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
    /// The application of the first name that has one.
    pub application: Option<AppId>,
}

impl Classification {
    /// Takes in a protocol. Whether it was new.
    pub fn add_protocol(&mut self, protocol: Protocol) -> bool {
        self.protocols.push(protocol)
    }

    /// Takes in a name, and says whose it is. The first name that is anybody's decides what the flow is.
    pub fn add_name(&mut self, name: &str, catalogue: &Catalogue) -> Option<AppId> {
        let owner = catalogue.by_name(name);
        self.application = self.application.or(owner);
        owner
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
}
