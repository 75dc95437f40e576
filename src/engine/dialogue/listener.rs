//! Listens to one direction of a TCP connection: bytes in order in, evidence out.

use super::{Body, Phase};
use crate::evidence::{Evidence, NameSource, Protocol};
use crate::flow::assembly::Reader;
use crate::inspect::{Outcome, dns, http, tls};

/// Pieces of one direction that may say nothing before we stop listening to it.
///
/// Enough for the plain-text beginning of a connection that turns to TLS later, few enough that a long download costs nothing.
const MAX_MISSES: u8 = 64;

/// Reads one direction's bytes in order.
pub(super) struct Listener<'a> {
    /// What its ports say that it speaks.
    pub(super) expected: Option<dns::Dialect>,
    pub(super) phase: &'a mut Phase,
    pub(super) misses: &'a mut u8,
    /// The other direction's phase: what one side says tells what the other will.
    pub(super) reply: &'a mut Phase,
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
                Phase::Requests(_) => self.requests(rest),
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
                } else if http::looks_like_request(unread) {
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
            Phase::DnsMessages(_) => *self.phase = Phase::Open,
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
        } else if http::looks_like_request(bytes)
            && let Outcome::Found(request) = http::request(bytes)
        {
            self.tell_request(request);
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
        if http::looks_like_request(bytes) {
            match http::request(bytes) {
                Outcome::Found(_) => {
                    *self.phase = Phase::Requests(Body::Head);
                    return self.requests(bytes);
                }
                Outcome::NeedMore => return 0,
                Outcome::NotMine => {}
            }
        }
        match self.begins_dns(bytes) {
            Outcome::Found(()) => {
                *self.phase = Phase::DnsMessages(0);
                return self.dns_messages(bytes);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        self.open_reply(bytes)
    }

    /// The same for what a server would say, of a connection whose client was not heard.
    fn open_reply(&mut self, bytes: &[u8]) -> usize {
        if let Outcome::Found(hello) = tls::server_hello(bytes) {
            self.evidence.push(Evidence::Protocol(Protocol::Tls));
            self.evidence.push(Evidence::TlsChoice(hello.version));
            *self.phase = Phase::Done;
        } else if http::is_response(bytes) {
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
            Outcome::Found(hello) => {
                self.evidence.push(Evidence::TlsChoice(hello.version));
                *self.phase = Phase::Done;
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => self.miss(),
        }
        bytes.len()
    }

    /// One step through a client's requests: a head, or what is there of a body.
    fn requests(&mut self, bytes: &[u8]) -> usize {
        let Phase::Requests(body) = self.phase else {
            return 0;
        };
        match body {
            Body::Length(left) => {
                let step = (bytes.len() as u64).min(*left);
                *left -= step;
                if *left == 0 {
                    *body = Body::Head;
                }
                step as usize
            }
            Body::Chunked(chunks) => match chunks.skip(bytes) {
                Outcome::Found(len) => {
                    *body = Body::Head;
                    len
                }
                Outcome::NeedMore => bytes.len(),
                Outcome::NotMine => {
                    *body = Body::Lost;
                    bytes.len()
                }
            },
            Body::Head => self.request_head(bytes),
            Body::Lost => {
                if http::looks_like_request(bytes) {
                    *body = Body::Head;
                    return self.request_head(bytes);
                }
                self.miss();
                bytes.len()
            }
        }
    }

    fn request_head(&mut self, bytes: &[u8]) -> usize {
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if blank > 0 {
            // RFC 9112 §2.2: a server ignores empty lines before a request line.
            return blank;
        }
        match http::request(bytes) {
            Outcome::Found(request) => {
                let len = request.len;
                *self.phase = match (request.is_connect, request.body) {
                    // What follows is another protocol, if the proxy agrees.
                    (true, _) => Phase::Open,
                    (false, http::Body::None | http::Body::Length(0)) => {
                        Phase::Requests(Body::Head)
                    }
                    (false, http::Body::Length(len)) => Phase::Requests(Body::Length(len)),
                    (false, http::Body::Chunked) => {
                        Phase::Requests(Body::Chunked(http::ChunkedBody::default()))
                    }
                };
                self.tell_request(request);
                len
            }
            Outcome::NeedMore => 0,
            Outcome::NotMine => {
                *self.phase = Phase::Requests(Body::Lost);
                self.miss();
                bytes.len()
            }
        }
    }

    /// A head whose end was lost: what is there of it still names its host.
    fn unfinished_request(&mut self, unread: &[u8]) {
        if let Some(request) = http::request_partial(unread) {
            *self.phase = Phase::Requests(Body::Lost);
            self.tell_request(request);
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
            self.evidence.push(Evidence::Protocol(Protocol::Tls));
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }

    fn tell_offer(&mut self, hello: tls::ClientHello) {
        self.evidence.push(Evidence::Protocol(Protocol::Tls));
        self.evidence.push(Evidence::TlsOffer {
            alpn: hello.alpn,
            version: Some(hello.version),
        });
        if let Some(name) = hello.server_name {
            self.evidence.push(Evidence::Name(name, NameSource::TlsSni));
        }
    }

    fn tell_request(&mut self, request: http::Request) {
        *self.misses = 0;
        self.evidence.push(Evidence::Protocol(Protocol::Http));
        self.evidence.extend(
            request
                .hosts
                .into_iter()
                .map(|host| Evidence::Name(host, NameSource::HttpHost)),
        );
    }
}
