//! Listens to one direction of a TCP connection: bytes in order in, evidence out.

use super::{Body, Phase};
use crate::domain::DomainName;
use crate::evidence::{Evidence, NameSource, Protocol, TlsVersion};
use crate::flow::assembly::Reader;
use crate::inspect::{Outcome, dns, http, tls};

/// Pieces of one direction that may say nothing before we stop listening to it.
///
/// Enough for the plain-text beginning of a connection that turns to TLS later, few enough that a long download costs nothing.
const MAX_MISSES: u8 = 64;

/// The last version of TLS in which a server's certificate is not encrypted.
const LAST_WITH_CLEAR_CERTIFICATE: TlsVersion = TlsVersion(0x0303);

/// Bytes that may stand before a ClientHello in one piece where they are no text: a request of SOCKS with a name and a password, an LDAP or MySQL
/// message that asks for TLS, a header of the PROXY protocol.
const MAX_BINARY_PREAMBLE: usize = 600;

/// Reads one direction's bytes in order.
pub(super) struct Listener<'a> {
    /// What its ports say that it speaks.
    pub(super) expected: Option<dns::Dialect>,
    pub(super) phase: &'a mut Phase,
    pub(super) misses: &'a mut u8,
    /// The other direction's phase: what one side says tells what the other will.
    pub(super) reply: &'a mut Phase,
    /// Whether a ClientHello of this connection named the server.
    pub(super) is_named: &'a mut bool,
    pub(super) evidence: &'a mut Vec<Evidence>,
}

impl Reader for Listener<'_> {
    fn read(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        loop {
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                return done;
            }
            let step = match self.phase {
                Phase::Open => self.open(rest),
                Phase::TlsReply => self.tls_reply(rest),
                Phase::TlsCertificate => self.tls_certificate(rest),
                Phase::Requests(_) => self.requests(rest),
                Phase::Http2(_) => self.http2(rest),
                Phase::DnsMessages(_) => self.dns_messages(rest),
                Phase::Done => rest.len(),
            };
            if step == 0 {
                return done;
            }
            done += step;
        }
    }

    fn gap(&mut self, unread: &[u8], missing: Option<u32>) {
        match self.phase {
            Phase::Requests(Body::Length(left))
                if missing.is_some_and(|missing| u64::from(missing) < *left) =>
            {
                // The hole lies inside a body: what follows it is still that body.
                *left -= u64::from(missing.unwrap_or_default());
            }
            Phase::DnsMessages(skip)
                if missing.is_some_and(|missing| (missing as usize) < *skip) =>
            {
                *skip -= missing.unwrap_or_default() as usize;
            }
            Phase::Open if !unread.is_empty() => {
                if let Some(hello) = tls::client_hello_partial(unread) {
                    self.tell_hello(hello);
                } else {
                    self.unfinished_request(unread);
                }
            }
            Phase::Requests(body) => {
                let was_head = matches!(body, Body::Head);
                *body = Body::Lost;
                if was_head {
                    self.unfinished_request(unread);
                }
            }
            Phase::Http2(_) => self.http2_gap(unread, missing),
            Phase::DnsMessages(_) => *self.phase = Phase::Open,
            Phase::TlsCertificate => {
                self.tell_certificate(tls::certificate_names_partial(unread));
            }
            Phase::Open | Phase::TlsReply | Phase::Done => {}
        }
    }

    fn peek(&mut self, bytes: &[u8]) {
        if !matches!(
            self.phase,
            Phase::Open | Phase::Requests(Body::Head | Body::Lost)
        ) {
            return;
        }
        if tls::looks_like_client_hello(bytes) {
            match tls::client_hello(bytes) {
                Outcome::Found(hello) => self.tell_offer(hello),
                Outcome::NeedMore => self.tell_unfinished_hello(bytes),
                Outcome::NotMine => {}
            }
        } else {
            self.peek_request(bytes);
        }
    }
}

impl Listener<'_> {
    /// Bytes of which nothing is known yet.
    fn open(&mut self, bytes: &[u8]) -> usize {
        if tls::looks_like_client_hello(bytes) {
            match tls::client_hello(bytes) {
                Outcome::Found(hello) => {
                    self.tell_hello(hello);
                    return bytes.len();
                }
                Outcome::NeedMore => {
                    self.tell_unfinished_hello(bytes);
                    return 0;
                }
                Outcome::NotMine => {}
            }
        }
        if let Some(step) = self.open_web(bytes) {
            return step;
        }
        match self.begins_dns(bytes) {
            Outcome::Found(()) => {
                *self.phase = Phase::DnsMessages(0);
                return self.dns_messages(bytes);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        match tls::sslv2_client_hello(bytes) {
            Outcome::Found(version) => {
                self.tell_hello(tls::ClientHello {
                    server_name: None,
                    alpn: Vec::new(),
                    version,
                    has_ech: false,
                });
                return bytes.len();
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        if let Some(at) = tls::find_client_hello(bytes, preamble_reach(bytes)) {
            self.miss();
            return at;
        }
        self.open_reply(bytes)
    }

    /// The same for what a server would say, of a connection whose client was not heard.
    fn open_reply(&mut self, bytes: &[u8]) -> usize {
        match tls::server_hello(bytes) {
            Outcome::Found(hello) => {
                self.evidence.push(Evidence::Protocol(Protocol::Tls));
                return self.tell_choice(hello.version, bytes);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        if http::is_response(bytes) {
            self.evidence.push(Evidence::Protocol(Protocol::Http));
            *self.phase = Phase::Done;
        } else {
            self.miss();
        }
        bytes.len()
    }

    /// Counts a piece that said nothing.
    pub(super) fn miss(&mut self) {
        *self.misses = self.misses.saturating_add(1);
        if *self.misses >= MAX_MISSES {
            *self.phase = Phase::Done;
        }
    }

    fn tls_reply(&mut self, bytes: &[u8]) -> usize {
        match tls::server_hello(bytes) {
            Outcome::Found(hello) => return self.tell_choice(hello.version, bytes),
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        self.miss();
        // Behind the last words before TLS, where those came together or were kept.
        tls::find_server_hello(bytes, preamble_reach(bytes)).unwrap_or(bytes.len())
    }

    /// The version that a server chose in the hello at the front of `bytes`. Where no client named the server, its certificate may.
    fn tell_choice(&mut self, version: TlsVersion, bytes: &[u8]) -> usize {
        self.evidence.push(Evidence::TlsChoice(version));
        if *self.is_named || version > LAST_WITH_CLEAR_CERTIFICATE {
            *self.phase = Phase::Done;
            return bytes.len();
        }
        *self.phase = Phase::TlsCertificate;
        self.tls_certificate(bytes)
    }

    /// A server's bytes from its hello on, of which the certificate is still to come.
    fn tls_certificate(&mut self, bytes: &[u8]) -> usize {
        match tls::certificate_names(bytes) {
            Outcome::Found(names) => self.tell_certificate(names),
            Outcome::NeedMore => return 0,
            Outcome::NotMine => *self.phase = Phase::Done,
        }
        bytes.len()
    }

    fn tell_certificate(&mut self, names: Vec<DomainName>) {
        *self.phase = Phase::Done;
        // The hello may have come late.
        if !*self.is_named {
            let names = names.into_iter();
            self.evidence
                .extend(names.map(|name| Evidence::Name(name, NameSource::Certificate)));
        }
    }

    /// A ClientHello that was read in order: this side is done, the other one answers.
    fn tell_hello(&mut self, hello: tls::ClientHello) {
        self.tell_offer(hello);
        *self.phase = Phase::Done;
        *self.reply = Phase::TlsReply;
    }

    /// The name may stand in what is there already: no reason to let the flow pass until the rest comes.
    fn tell_unfinished_hello(&mut self, bytes: &[u8]) {
        if let Some(name) = tls::client_hello_partial(bytes).and_then(|hello| hello.server_name) {
            *self.is_named = true;
            self.evidence.push(Evidence::Protocol(Protocol::Tls));
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }

    fn tell_offer(&mut self, hello: tls::ClientHello) {
        self.evidence.push(Evidence::Protocol(Protocol::Tls));
        self.evidence.push(Evidence::TlsOffer {
            alpn: hello.alpn,
            version: Some(hello.version),
            has_ech: hello.has_ech,
        });
        if let Some(name) = hello.server_name {
            *self.is_named = true;
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }
}

/// How many bytes at the front can be what a client says before its hello without waiting for an answer: to a server before it turns
/// to TLS, or to a proxy before it speaks to the server. A few bytes of any kind, or any lines of text.
///
/// A file on its way may hold hellos as well (a capture does): so not more.
fn preamble_reach(bytes: &[u8]) -> usize {
    let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let text_len = bytes.iter().take_while(|&&byte| is_text(byte)).count();
    text_len.max(MAX_BINARY_PREAMBLE)
}
