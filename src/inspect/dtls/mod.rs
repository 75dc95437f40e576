//! DTLS over datagrams: what a client asks for, what a server chooses, and the names in the server's certificate.
//!
//! In: the UDP payloads that one side of a flow sends. Out: names, application protocols, versions. Knows nothing of addresses, ports, and of
//! what is encrypted.
//!
//! A message may come in fragments, over any number of records and datagrams, in any order and more than once.

mod record;

use self::record::{Fragment, fragments, is_plausible};
use super::scattered::Scattered;
use super::tls::{self, ClientHello, ServerHello};
use crate::domain::DomainName;
use crate::evidence::Fingerprints;

/// Most bytes of an unfinished message that are kept. A hello takes 2 KiB; of a chain of certificates the first is read,
/// which stands in front.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// Most unfinished messages of one side that are kept; the oldest goes first. A server's flight has two that are read.
pub const MAX_UNFINISHED: usize = 4;

/// An unfinished message is read again when there is so much more of it, as a fraction: tiny fragments must not cost quadratic time.
const READ_AGAIN_FRACTION: usize = 16;

/// What CAPWAP puts before records.
const CAPWAP_PREAMBLE: [u8; 4] = [1, 0, 0, 0];

/// `HandshakeType` values, RFC 8446 §4, RFC 6347 §4.3.2.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What a client asks for. Told again where a server made the client say it again (HelloVerifyRequest, HelloRetryRequest).
    ///
    /// With it its fingerprints, where they are asked for.
    ClientHello(ClientHello, Option<Box<Fingerprints>>),
    /// What there is of a ClientHello that is not whole yet, once that has a name; the name will be told again.
    Named(DomainName),
    /// What a server chooses. The version in a HelloVerifyRequest is no choice (RFC 6347 §4.2.1), and is not told.
    ServerHello(ServerHello),
    /// The names in the sender's certificate, as [`tls::certificate_names`] finds them; while it is not whole, those that are.
    Certificate(Vec<DomainName>),
}

/// The handshake messages that one side of a flow sends in the clear.
///
/// * Holds at most [`MAX_UNFINISHED`] messages of [`MAX_MESSAGE`] bytes.
/// * Messages of a fragment each, which most are, are read where they lie.
///
/// Source: RFC 6347 §4.1, §4.2; RFC 9147 §4, §5.
#[derive(Debug, Default)]
pub struct Handshake {
    unfinished: Vec<Unfinished>,
    wants_fingerprints: bool,
}

/// A message of which fragments came.
#[derive(Debug)]
struct Unfinished {
    kind: u8,
    number: u16,
    len: usize,
    bytes: Scattered,
    /// How many bytes there were in front when they were last read.
    read_len: usize,
}

/// Whether `datagram` begins with a record of DTLS: its headers alone are looked at, for a few nanoseconds.
///
/// A record behind the handshake's beginning has no more to be told by than its version and its length, so that has to fit.
///
/// Source: RFC 6347 §4.1, §4.2.2; RFC 7983 §7 (the first byte).
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    is_plausible(datagram)
}

/// The records in a datagram of CAPWAP, which has four bytes before them; any other datagram as it is.
///
/// Source: RFC 5415 §4.2: version 0, "CAPWAP DTLS header", reserved.
pub fn without_preamble(datagram: &[u8]) -> &[u8] {
    datagram
        .strip_prefix(&CAPWAP_PREAMBLE)
        .filter(|records| is_plausible(records))
        .unwrap_or(datagram)
}

impl Handshake {
    /// A side of which nothing was heard; whether the fingerprints of its hellos are to be taken.
    pub fn begin(wants_fingerprints: bool) -> Self {
        Self {
            wants_fingerprints,
            ..Self::default()
        }
    }

    /// Takes in a UDP payload of this side, and tells what is new by it, in order.
    ///
    /// * Messages that are told already and come again are told again.
    pub fn datagram(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut told = Vec::new();
        for fragment in fragments(bytes) {
            if matches!(fragment.kind, CLIENT_HELLO | SERVER_HELLO | CERTIFICATE) {
                told.extend(self.fragment(&fragment));
            }
        }
        told
    }

    /// Bytes that are held for later.
    pub fn held_bytes(&self) -> usize {
        let held = |message: &Unfinished| size_of::<Unfinished>() + message.bytes.held_bytes();
        self.unfinished.iter().map(held).sum()
    }

    fn fragment(&mut self, fragment: &Fragment<'_>) -> Option<Message> {
        if fragment.bytes.len() == fragment.message_len {
            self.unfinished.retain(|message| !message.is_of(fragment));
            let told = read(fragment.kind, fragment.bytes, true);
            return self.with_fingerprints(told, fragment.bytes);
        }
        let known = self.unfinished.iter().position(|m| m.is_of(fragment));
        let place = known.unwrap_or_else(|| {
            if self.unfinished.len() >= MAX_UNFINISHED {
                self.unfinished.remove(0);
            }
            self.unfinished.push(Unfinished::begin(fragment));
            self.unfinished.len() - 1
        });
        let message = self.unfinished.get_mut(place)?;
        let offset = fragment.offset as u64;
        if message.bytes.contradicts(offset, fragment.bytes) {
            // Another message of the same number, of another connection say: a name out of both was sent by nobody.
            *message = Unfinished::begin(fragment);
        }
        let is_kept = message.bytes.insert(offset, fragment.bytes).is_ok();
        let told = message.read();
        if !is_kept || message.is_done() {
            let message = self.unfinished.remove(place);
            return self.with_fingerprints(told, message.bytes.front());
        }
        told
    }

    /// `told` of a message with this body.
    fn with_fingerprints(&self, told: Option<Message>, body: &[u8]) -> Option<Message> {
        match told? {
            Message::ClientHello(hello, None) if self.wants_fingerprints => {
                let fingerprints = tls::body_fingerprints(body, tls::Carrier::Dtls);
                Some(Message::ClientHello(hello, fingerprints.map(Box::new)))
            }
            told => Some(told),
        }
    }
}

impl Unfinished {
    fn begin(fragment: &Fragment<'_>) -> Self {
        Self {
            kind: fragment.kind,
            number: fragment.number,
            len: fragment.message_len,
            bytes: Scattered::new(fragment.message_len.min(MAX_MESSAGE)),
            read_len: 0,
        }
    }

    /// Whether `fragment` is of this message.
    const fn is_of(&self, fragment: &Fragment<'_>) -> bool {
        self.kind == fragment.kind
            && self.number == fragment.number
            && self.len == fragment.message_len
    }

    /// Whether nothing more can be learnt from it.
    fn is_done(&self) -> bool {
        self.bytes.front().len() >= self.len.min(MAX_MESSAGE)
    }

    /// Reads what is there in front, unless that was read already, or nearly.
    fn read(&mut self) -> Option<Message> {
        let front = self.bytes.front();
        let fresh = front.len() - self.read_len;
        if fresh == 0 || !self.is_done() && fresh < front.len() / READ_AGAIN_FRACTION {
            return None;
        }
        let told = read(self.kind, front, front.len() == self.len);
        self.read_len = front.len();
        told
    }
}

/// Reads the front of a message.
fn read(kind: u8, body: &[u8], is_whole: bool) -> Option<Message> {
    match kind {
        CLIENT_HELLO => {
            let hello = tls::read_dtls_client_hello(body)?;
            if is_whole {
                Some(Message::ClientHello(hello, None))
            } else {
                hello.server_name.map(Message::Named)
            }
        }
        SERVER_HELLO if is_whole => tls::read_dtls_server_hello(body).map(Message::ServerHello),
        CERTIFICATE => {
            let (leaf, _) = tls::leaf(body)?;
            let names = tls::names(leaf);
            (!names.is_empty()).then_some(Message::Certificate(names))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
