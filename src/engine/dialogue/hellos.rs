//! Listens to TLS: a client's hello, wherever in its bytes one may stand, and what its server answers.

use std::net::IpAddr;

use super::listener::{Listener, preamble_reach};
use super::stream::Phase;
use crate::alpn::Alpn;
use crate::domain::DomainName;
use crate::evidence::{Evidence, NameSource, TlsVersion};
use crate::inspect::{Outcome, tls};
use crate::protocol::Protocol;

/// The last version of TLS in which a server's certificate is not encrypted.
const LAST_WITH_CLEAR_CERTIFICATE: TlsVersion = TlsVersion(0x0303);

/// The `random` of a ServerHello that is a HelloRetryRequest, RFC 8446 §4.1.3: the SHA-256 of that name.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// Bytes in which it is looked for: the headers of record and message, the version, and some warnings before them.
const RETRY_REACH: usize = 80;

impl Listener<'_> {
    /// Bytes of which nothing is known yet, if they begin with a ClientHello; how many of them are done with.
    pub(super) fn open_hello(&mut self, bytes: &[u8]) -> Option<usize> {
        if !tls::looks_like_client_hello(bytes) || self.is_asked() {
            return None;
        }
        match (tls::client_hello(bytes), self.is_strict()) {
            (Outcome::Found(hello), false) => self.tell_hello(hello, bytes),
            (Outcome::Found(_), true) => {
                self.tell_hello(tls::whole_client_hello(bytes)?, bytes);
            }
            (Outcome::NeedMore, is_strict) => {
                if !is_strict {
                    self.tell_unfinished_hello(bytes);
                }
                return Some(0);
            }
            (Outcome::NotMine, _) => return None,
        }
        Some(bytes.len())
    }

    /// The same for a hello of SSL 2, which names nobody.
    pub(super) fn open_old_hello(&mut self, bytes: &[u8]) -> Option<usize> {
        match tls::sslv2_client_hello(bytes) {
            Outcome::Found(version) => self.tell_hello(
                tls::ClientHello {
                    server_name: None,
                    alpn: Alpn::NONE,
                    version,
                    has_ech: false,
                },
                &[],
            ),
            Outcome::NeedMore => return Some(0),
            Outcome::NotMine => return None,
        }
        Some(bytes.len())
    }

    /// The same for a ServerHello whose client was not heard: one that stands first, or that nobody on the other side disturbs.
    pub(super) fn open_choice(&mut self, bytes: &[u8]) -> Option<usize> {
        let is_first = self.has_syn && !self.own.has_begun;
        if self.is_acceptor == Some(false) || self.reply.has_spoken && !is_first {
            return None;
        }
        match tls::server_hello(bytes) {
            Outcome::Found(hello) => {
                self.evidence.push(Evidence::Protocol(Protocol::Tls));
                Some(self.tell_choice(hello.version, bytes))
            }
            Outcome::NeedMore => Some(0),
            Outcome::NotMine => None,
        }
    }

    /// Bytes of which nothing else is known are told if they are TLS. What follows is listened to as before: a hello may come.
    pub(super) fn tell_records(&mut self, bytes: &[u8]) {
        if self.shared.has_records {
            return;
        }
        self.own.has_record_front |= tls::is_front_of_record(bytes);
        let are_fronts = self.own.has_record_front && self.reply.has_record_front;
        if are_fronts || tls::are_surely_records(bytes) {
            self.shared.has_records = true;
            self.evidence.push(Evidence::TlsRecords);
        }
    }

    /// A segment that is not in order, and may begin with a hello.
    pub(super) fn peek_hello(&mut self, bytes: &[u8]) {
        if self.is_asked() {
            return;
        }
        if self.is_strict() {
            if let Some(hello) = tls::whole_client_hello(bytes) {
                self.tell_offer(hello, bytes);
            }
            return;
        }
        match tls::client_hello(bytes) {
            Outcome::Found(hello) => self.tell_offer(hello, bytes),
            Outcome::NeedMore => self.tell_unfinished_hello(bytes),
            Outcome::NotMine => {}
        }
    }

    /// Whether something else than a hello may stand here just as well: then it has to be whole and sound.
    fn is_strict(&self) -> bool {
        match self.own.phase {
            Phase::TlsHello => false,
            Phase::Requests(_) => true,
            _ => self.own.misses > 0,
        }
    }

    /// Whether the other side speaks as a client of the web: then this one says no ClientHello.
    fn is_asked(&self) -> bool {
        matches!(self.reply.phase, Phase::Requests(_) | Phase::Http2(_))
            && self.is_acceptor != Some(false)
    }

    pub(super) fn tls_reply(&mut self, bytes: &[u8]) -> usize {
        match tls::server_hello(bytes) {
            Outcome::Found(hello) => {
                if matches!(self.reply.phase, Phase::TlsHello | Phase::Open) {
                    self.reply.phase = Phase::Done;
                }
                return self.tell_choice(hello.version, bytes);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        if matches!(self.reply.phase, Phase::TlsHello) && !matches!(bytes, [20..=24, 3, ..]) {
            // An answer that is not of TLS: to whom it is from, that was no hello.
            self.reply.phase = Phase::Open;
        }
        self.miss();
        // Behind the last words before TLS, where those came together or were kept.
        tls::find_server_hello(bytes, preamble_reach(bytes)).unwrap_or(bytes.len())
    }

    /// The version that a server chose in the hello at the front of `bytes`. Where no client named the server, its certificate may;
    /// and where a client of Tor may have made up a name, it tells.
    fn tell_choice(&mut self, version: TlsVersion, bytes: &[u8]) -> usize {
        self.evidence.push(Evidence::TlsChoice(version));
        if asks_for_another_hello(bytes) {
            // The client says another hello, and that one counts.
            self.own.phase = Phase::TlsReply;
            if matches!(self.reply.phase, Phase::Done) {
                self.reply.phase = Phase::Open;
            }
            return bytes.len();
        }
        let is_told = self.shared.is_named && self.shared.made_up.is_none();
        if is_told || version > LAST_WITH_CLEAR_CERTIFICATE {
            self.own.phase = Phase::Done;
            return bytes.len();
        }
        self.own.phase = Phase::TlsCertificate;
        self.tls_certificate(bytes)
    }

    /// A server's bytes from its hello on, of which the certificate is still to come.
    pub(super) fn tls_certificate(&mut self, bytes: &[u8]) -> usize {
        match tls::certificate_names(bytes) {
            Outcome::Found(names) => {
                if tls::is_of_tor(bytes, self.shared.made_up.as_ref()) {
                    self.evidence.push(Evidence::Protocol(Protocol::Tor));
                }
                self.tell_certificate(names);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => self.own.phase = Phase::Done,
        }
        bytes.len()
    }

    pub(super) fn tell_certificate(&mut self, names: Vec<DomainName>) {
        self.own.phase = Phase::Done;
        // The hello may have come late.
        if !self.shared.is_named {
            let names = names.into_iter();
            self.evidence
                .extend(names.map(|name| Evidence::Name(name, NameSource::Certificate)));
        }
    }

    /// A ClientHello that was read in order: this side has said what it will, the other one answers.
    pub(super) fn tell_hello(&mut self, hello: tls::ClientHello, bytes: &[u8]) {
        self.tell_offer(hello, bytes);
        self.own.phase = Phase::TlsHello;
        // Any other hello is not the first thing said.
        self.own.misses = 1;
        self.expect_choice();
    }

    /// The other side will answer a hello, unless it is known to speak of something else.
    pub(super) fn expect_choice(&mut self) {
        if matches!(
            self.reply.phase,
            Phase::Open | Phase::TlsHello | Phase::Bulk | Phase::Done
        ) {
            self.reply.phase = Phase::TlsReply;
        }
    }

    /// The name may stand in what is there already: no reason to let the flow pass until the rest comes.
    fn tell_unfinished_hello(&mut self, bytes: &[u8]) {
        if let Some(name) = tls::client_hello_partial(bytes).and_then(|hello| hello.server_name) {
            self.shared.is_named |= names_host(&name);
            self.evidence.push(Evidence::Protocol(Protocol::Tls));
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }

    /// What a ClientHello says that stands at the front of `bytes`.
    pub(super) fn tell_offer(&mut self, hello: tls::ClientHello, bytes: &[u8]) {
        self.evidence.push(Evidence::Protocol(Protocol::Tls));
        self.evidence.push(Evidence::TlsOffer {
            alpn: hello.alpn,
            version: Some(hello.version),
            has_ech: hello.has_ech,
        });
        if self.shared.wants_fingerprints
            && let Some(prints) = tls::fingerprints(bytes)
        {
            self.evidence.push(Evidence::Fingerprints(Box::new(prints)));
        }
        self.shared.made_up = hello.server_name.clone().filter(tls::may_be_made_up);
        if let Some(name) = hello.server_name {
            self.shared.is_named |= names_host(&name);
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }
}

/// Whether the `random` of a HelloRetryRequest stands where that of a ServerHello does.
fn asks_for_another_hello(bytes: &[u8]) -> bool {
    let [first, ..] = RETRY_RANDOM;
    let reach = bytes.get(..RETRY_REACH).unwrap_or(bytes);
    memchr::memchr_iter(first, reach)
        .filter_map(|at| bytes.get(at..))
        .any(|rest| rest.starts_with(&RETRY_RANDOM))
}

/// Whether a server name spares its reader the certificate. An address does not, which should not stand there (RFC 6066 §3)
/// and is what some clients put there all the same.
pub(super) fn names_host(name: &DomainName) -> bool {
    name.as_str().parse::<IpAddr>().is_err()
}
