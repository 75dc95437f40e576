//! Listens to one direction of a TCP connection: bytes in order in, evidence out.

use super::stream::{Body, Phase, Shared, Voice};
use crate::capture::is_capture;
use crate::evidence::Evidence;
use crate::flow::assembly::Reader;
use crate::inspect::{Outcome, dns, http, tls};
use crate::protocol::Protocol;

/// Pieces of one direction that may say nothing before we stop listening to it, but for segments that begin with a ClientHello.
///
/// Enough for the plain-text beginning of a connection that turns to TLS later, few enough that a long download costs nothing.
pub(super) const MAX_MISSES: u8 = 64;

/// Pieces that may follow on a ClientHello before another in its place is too late: data that is sent along with it.
const MAX_BEHIND_HELLO: u8 = 8;

/// Bytes that may stand before a ClientHello in one piece where they are no text: a request of SOCKS with a name and a password, an LDAP or MySQL
/// message that asks for TLS, a header of the PROXY protocol.
const MAX_BINARY_PREAMBLE: usize = 600;

/// Reads one direction's bytes in order.
pub(super) struct Listener<'a> {
    /// What its ports say that it speaks.
    pub(super) expected: Option<dns::Dialect>,
    /// The port of this side, and of the other.
    pub(super) ports: [u16; 2],
    /// Whether this side took the connection; `None` when its opening was not captured.
    pub(super) is_acceptor: Option<bool>,
    /// Whether this side's SYN was captured, so that its first bytes are known to be the first.
    pub(super) has_syn: bool,
    /// Whether the segment that is looked into has to wait for another.
    pub(super) is_early: bool,
    /// Whether the segment that is looked into may be of a body that was passed over already.
    pub(super) is_body: bool,
    /// What this side says.
    pub(super) own: &'a mut Voice,
    /// What the other side says: the one tells what the other will.
    pub(super) reply: &'a mut Voice,
    pub(super) shared: &'a mut Shared,
    pub(super) evidence: &'a mut Vec<Evidence>,
}

impl Reader for Listener<'_> {
    fn read(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        loop {
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let step = match self.own.phase {
                Phase::Open => self.open_noted(rest),
                Phase::TlsHello => self.behind_hello(rest),
                Phase::TlsReply => self.tls_reply(rest),
                Phase::TlsCertificate => self.tls_certificate(rest),
                Phase::Requests(_) => self.requests(rest),
                Phase::Http2(_) => self.http2(rest),
                Phase::DnsMessages(_) => self.dns_messages(rest),
                Phase::OpenVpn => self.openvpn_packet(rest),
                Phase::Bulk | Phase::Done => rest.len(),
            };
            if step == 0 {
                self.look_behind(rest);
                break;
            }
            done += step;
            self.own.read_lines = 0;
        }
        self.own.has_begun |= done > 0;
        done
    }

    fn gap(&mut self, unread: &[u8], missing: Option<u32>) {
        self.own.has_begun = true;
        self.own.read_lines = 0;
        let lost = self.lost();
        match &mut self.own.phase {
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
                    self.tell_hello(hello, unread);
                } else {
                    self.unfinished_request(unread);
                }
                if matches!(self.own.phase, Phase::Open) {
                    self.note_opening(unread, true);
                }
            }
            Phase::Requests(body) => {
                let was_head = matches!(body, Body::Head);
                *body = lost;
                if was_head {
                    self.unfinished_request(unread);
                }
            }
            Phase::Http2(_) => self.http2_gap(unread, missing),
            Phase::DnsMessages(_) => self.own.phase = Phase::Open,
            // Where the next packet begins is not known.
            Phase::OpenVpn => self.own.phase = Phase::Done,
            Phase::TlsCertificate => {
                self.tell_certificate(tls::certificate_names_partial(unread));
            }
            Phase::Open | Phase::TlsHello | Phase::TlsReply | Phase::Bulk | Phase::Done => {}
        }
        self.own.first_words.end();
    }

    fn peek(&mut self, bytes: &[u8]) {
        match self.own.phase {
            Phase::Open | Phase::TlsHello => {}
            Phase::Requests(Body::Head | Body::Lost { .. }) if !self.is_body => {}
            _ => return,
        }
        if tls::looks_like_client_hello(bytes) {
            self.peek_hello(bytes);
        } else if !self.is_early || !self.reply.is_heard {
            self.peek_request(bytes);
        } else if http::looks_like_request(bytes) {
            // The body of a request whose head is late may look like one.
            self.own.has_early_request = true;
        }
    }
}

impl Listener<'_> {
    /// Bytes of which nothing is known yet; what is found in none of them is kept as what the connection began with.
    pub(super) fn open_noted(&mut self, bytes: &[u8]) -> usize {
        let step = self.open(bytes);
        if matches!(self.own.phase, Phase::Open) {
            let (noted, is_done) = match step {
                0 => (bytes, false),
                _ => (bytes.get(..step).unwrap_or(bytes), true),
            };
            self.note_opening(noted, is_done);
        }
        step
    }

    /// Bytes of which nothing is known yet.
    fn open(&mut self, bytes: &[u8]) -> usize {
        if !self.own.has_begun && is_capture(bytes) {
            // A capture on its way holds hellos that are not this flow's.
            self.own.phase = Phase::Bulk;
            return bytes.len();
        }
        if let Some(step) = self.open_http2_reply(bytes) {
            return step;
        }
        if let Some(step) = self.open_hello(bytes) {
            return step;
        }
        if let Some(step) = self.open_web(bytes) {
            return step;
        }
        match self.begins_dns(bytes) {
            Outcome::Found(()) => {
                self.own.phase = Phase::DnsMessages(0);
                return self.dns_messages(bytes);
            }
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        if let Some(step) = self.open_old_hello(bytes) {
            return step;
        }
        if let Some(at) = tls::find_client_hello(bytes, preamble_reach(bytes)) {
            self.miss();
            return at;
        }
        self.open_reply(bytes)
    }

    /// The same for what a server would say, of a connection whose client was not heard or not understood.
    fn open_reply(&mut self, bytes: &[u8]) -> usize {
        if let Some(step) = self.open_choice(bytes) {
            return step;
        }
        if http::is_response(bytes) {
            self.evidence.push(Evidence::Protocol(Protocol::Http));
            self.own.phase = Phase::Done;
            return bytes.len();
        }
        let is_first = self.is_acceptor == Some(true) && self.has_syn && !self.own.has_begun;
        self.shared.is_lines |= is_first && is_line(bytes);
        self.tell_records(bytes);
        if let Phase::Requests(_) = self.reply.phase {
            // What was taken for requests is answered with something else.
            self.reply.phase = Phase::Open;
        }
        self.miss();
        bytes.len()
    }

    /// Counts a piece that said nothing.
    pub(super) fn miss(&mut self) {
        self.own.misses = self.own.misses.saturating_add(1);
        if self.own.misses >= MAX_MISSES {
            self.own.phase = Phase::Bulk;
        }
    }

    /// Bytes behind a ClientHello, before the server's.
    fn behind_hello(&mut self, bytes: &[u8]) -> usize {
        self.own.misses = self.own.misses.saturating_add(1);
        if self.own.misses > MAX_BEHIND_HELLO {
            self.own.phase = Phase::Done;
        }
        bytes.len()
    }

    /// Bytes that begin something which may never come to its end, and behind which the other side may hear a hello all the same.
    fn look_behind(&mut self, bytes: &[u8]) {
        if matches!(self.own.phase, Phase::Open | Phase::Requests(Body::Head))
            && let Some((hello, start)) = tls::find_whole_client_hello(bytes)
        {
            self.tell_offer(hello, start);
            self.expect_choice();
        }
    }

    /// A request that is lost. Where nobody is there to answer, the next is believed without.
    pub(super) fn lost(&self) -> Body {
        Body::Lost {
            is_answered: !self.reply.is_heard,
        }
    }
}

/// How many bytes at the front can be what a client says before its hello without waiting for an answer: to a server before it turns
/// to TLS, or to a proxy before it speaks to the server. A few bytes of any kind, or any lines of text.
///
/// A file on its way may hold hellos as well (a capture does): so not more.
pub(super) fn preamble_reach(bytes: &[u8]) -> usize {
    let text_len = bytes.iter().take_while(|&&byte| is_text(byte)).count();
    text_len.max(MAX_BINARY_PREAMBLE)
}

/// Whether `bytes` begin with a line of text, as far as it is there, that is not of HTTP in any version.
fn is_line(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start();
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_http = line
        .iter()
        .zip(b"HTTP/")
        .all(|(byte, http)| byte.eq_ignore_ascii_case(http));
    !is_http && line.iter().all(|&byte| is_text(byte))
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}
