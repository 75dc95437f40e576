//! What has been read of one flow so far, and what is still worth reading: turns a flow's payloads into evidence.
//!
//! Any port, by content. DNS is taken for granted on its own ports; on others its bytes have to leave no doubt.

use crate::evidence::{Evidence, NameSource, Protocol};
use crate::flow::assembly::{Assembly, Reader, Segment};
use crate::flow::tcp;
use crate::inspect::{Outcome, dns, http, quic, tls};
use crate::key::{FlowKey, Side};
use crate::observation::Observation;
use crate::packet::{IpProtocol, TcpFlags};

/// Port of DNS, RFC 1035 §4.2.
const DNS_PORT: u16 = 53;
/// Port of multicast DNS, RFC 6762 §3.
const MDNS_PORT: u16 = 5353;
/// Port of LLMNR, RFC 4795 §2.1.
const LLMNR_PORT: u16 = 5355;

/// Pieces of one direction that may say nothing before we stop listening to it.
///
/// Enough for the plain-text beginning of a connection that turns to TLS later, few enough that a long download costs nothing.
const MAX_MISSES: u8 = 64;
/// Datagrams that may say nothing before we stop listening to their flow.
const MAX_DATAGRAM_MISSES: u8 = 16;

/// A flow's payloads, as far as they still have something to say.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// A connection that has not carried a byte yet; the sequence numbers of its SYNs, by [`Side::index`].
    /// Most connections of a scan never get further, and cost no more than this.
    Silent([Option<u32>; 2]),
    /// A connection whose first bytes are being read.
    Stream(Box<Stream>),
    /// Datagrams of which nothing is known yet; how many said nothing.
    Open(u8),
    /// QUIC: its Initial packets are being read.
    Quic(Box<quic::Initials>),
    /// Each datagram is a DNS message.
    Datagrams(dns::Dialect),
    /// Nothing more to learn.
    Settled,
}

/// Both directions of a TCP connection, by [`Side::index`].
#[derive(Debug, Default)]
pub(super) struct Stream {
    ways: [Way; 2],
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    assembly: Assembly,
    phase: Phase,
    misses: u8,
}

/// What one direction is about.
#[derive(Debug, Default)]
enum Phase {
    /// Not known yet.
    #[default]
    Open,
    /// A TLS client has spoken; its server answers here.
    TlsReply,
    /// HTTP requests, one after the other.
    Requests(Body),
    /// DNS messages, one after the other; so many bytes of one are still to come that need not be read.
    DnsMessages(usize),
    /// Nothing more to learn.
    Done,
}

/// Where in a request we are.
#[derive(Debug, Default)]
enum Body {
    /// At the beginning of a head.
    #[default]
    Head,
    /// In a body with so many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(http::ChunkedBody),
    /// Lost; the next segment that looks like a request begins one.
    Lost,
}

impl Dialogue {
    /// The dialogue of a flow that has just begun.
    pub(super) fn begin(key: &FlowKey) -> Self {
        let ports = [key.endpoint(Side::Low).port, key.endpoint(Side::High).port];
        match key.protocol() {
            IpProtocol::TCP => Self::Silent([None; 2]),
            IpProtocol::UDP if ports.contains(&MDNS_PORT) => Self::Datagrams(dns::Dialect::Mdns),
            IpProtocol::UDP if ports.contains(&LLMNR_PORT) => Self::Datagrams(dns::Dialect::Llmnr),
            IpProtocol::UDP if ports.contains(&DNS_PORT) => Self::Datagrams(dns::Dialect::Dns),
            IpProtocol::UDP => Self::Open(0),
            _ => Self::Settled,
        }
    }

    /// Reads the payload of `seen` and adds what it says to `evidence`.
    pub(super) fn hear(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        if let Self::Silent(syns) = self {
            if seen.payload_origlen == 0 {
                if let Some(tcp) = seen.tcp.filter(|tcp| tcp.flags.has(TcpFlags::SYN)) {
                    syns[seen.sender.index()] = Some(tcp.seq);
                }
                return;
            }
            *self = Self::Stream(Box::new(Stream::begin(*syns)));
        }
        if let Self::Open(misses) = self {
            if quic::looks_like_quic(seen.payload) {
                *self = Self::Quic(Box::default());
            } else if dns::is_surely_dns(seen.payload) {
                *self = Self::Datagrams(dns::Dialect::Dns);
            } else if *misses < MAX_DATAGRAM_MISSES {
                *misses += 1;
            } else {
                *self = Self::Settled;
            }
        }
        match self {
            Self::Settled | Self::Silent(_) | Self::Open(_) => {}
            Self::Quic(initials) => hear_quic(initials, seen.payload, evidence),
            Self::Datagrams(dialect) => {
                if let Outcome::Found(message) = dns::message(seen.payload, *dialect) {
                    tell_dns(message, *dialect, evidence);
                } else if quic::looks_like_quic(seen.payload) {
                    // A port is no proof: somebody's ephemeral port may be 5353.
                    let mut initials = Box::default();
                    hear_quic(&mut initials, seen.payload, evidence);
                    *self = Self::Quic(initials);
                }
            }
            Self::Stream(stream) => {
                if stream.hear(seen, evidence) {
                    *self = Self::Settled;
                }
            }
        }
    }

    /// Bytes that are held for later.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Stream(stream) => stream
                .ways
                .iter()
                .map(|way| way.assembly.held_bytes())
                .sum(),
            Self::Quic(initials) => initials.held_bytes(),
            Self::Datagrams(_) | Self::Silent(_) | Self::Open(_) | Self::Settled => 0,
        }
    }
}

impl Stream {
    /// The connection whose SYNs carried these sequence numbers.
    fn begin(syns: [Option<u32>; 2]) -> Self {
        let mut stream = Self::default();
        for (way, syn) in stream.ways.iter_mut().zip(syns) {
            if let Some(seq) = syn {
                way.assembly.synchronise(seq);
            }
        }
        stream
    }

    /// Reads a segment. Whether there is nothing more to learn from the connection.
    fn hear(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) -> bool {
        let Some(tcp) = seen.tcp else { return false };
        let [low, high] = &mut self.ways;
        let (way, reply) = match seen.sender {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        let mut seq = tcp.seq;
        if tcp.flags.has(TcpFlags::SYN) {
            way.assembly.synchronise(seq);
            if tcp::is_opening(tcp.flags) {
                way.phase = Phase::Open;
            }
            seq = seq.wrapping_add(1);
        }
        if matches!(way.phase, Phase::Done) || seen.payload_origlen == 0 {
            return false;
        }
        let ports = seen.key.five_tuple(seen.sender);
        let mut listener = Listener {
            is_dns: ports.src.port == DNS_PORT || ports.dst.port == DNS_PORT,
            phase: &mut way.phase,
            misses: &mut way.misses,
            reply: &mut reply.phase,
            evidence,
        };
        way.assembly.push(
            Segment {
                seq,
                bytes: seen.payload,
                origlen: seen.payload_origlen,
            },
            &mut listener,
        );
        for way in [way, reply] {
            if matches!(way.phase, Phase::Done) {
                way.assembly = Assembly::default();
            }
        }
        self.ways.iter().all(|way| matches!(way.phase, Phase::Done))
    }
}

/// Reads one direction's bytes in order.
struct Listener<'a> {
    is_dns: bool,
    phase: &'a mut Phase,
    misses: &'a mut u8,
    /// The other direction's phase: what one side says tells what the other will.
    reply: &'a mut Phase,
    evidence: &'a mut Vec<Evidence>,
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
        if self.is_dns {
            match dns::tcp_message(bytes) {
                Outcome::Found(_) => {
                    *self.phase = Phase::DnsMessages(0);
                    return self.dns_messages(bytes);
                }
                Outcome::NeedMore => return 0,
                Outcome::NotMine => {}
            }
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
    fn miss(&mut self) {
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

    fn dns_messages(&mut self, bytes: &[u8]) -> usize {
        if let Phase::DnsMessages(skip @ 1..) = self.phase {
            let step = bytes.len().min(*skip);
            *skip -= step;
            return step;
        }
        match dns::tcp_message(bytes) {
            Outcome::Found((len, message)) => {
                tell_dns(message, dns::Dialect::Dns, self.evidence);
                // The questions stand in front: they are told before the whole message is there.
                let step = len.min(bytes.len());
                *self.phase = Phase::DnsMessages(len - step);
                step
            }
            Outcome::NeedMore => 0,
            Outcome::NotMine => {
                *self.phase = Phase::Open;
                self.miss();
                bytes.len()
            }
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

/// Reads one datagram of a QUIC flow.
fn hear_quic(initials: &mut quic::Initials, datagram: &[u8], evidence: &mut Vec<Evidence>) {
    let held = initials.held_bytes();
    let hello = match initials.datagram(datagram) {
        Outcome::Found(hello) => {
            evidence.push(Evidence::Protocol(Protocol::Quic));
            evidence.push(Evidence::TlsOffer {
                alpn: hello.alpn,
                version: hello.tls_version,
            });
            hello.server_name
        }
        Outcome::NeedMore => {
            evidence.push(Evidence::Protocol(Protocol::Quic));
            // As over TCP: a name that is there already need not wait for the rest of its hello.
            let has_grown = initials.held_bytes() > held;
            initials
                .partial()
                .filter(|_| has_grown)
                .and_then(|hello| hello.server_name)
        }
        Outcome::NotMine => None,
    };
    evidence.extend(hello.map(|name| Evidence::Name(name, NameSource::QuicSni)));
}

fn tell_dns(message: dns::Message, dialect: dns::Dialect, evidence: &mut Vec<Evidence>) {
    let (protocol, source) = match dialect {
        dns::Dialect::Dns => (Protocol::Dns, NameSource::DnsQuery),
        dns::Dialect::Mdns => (Protocol::Mdns, NameSource::Mdns),
        dns::Dialect::Llmnr => (Protocol::Llmnr, NameSource::Llmnr),
    };
    evidence.push(Evidence::Protocol(protocol));
    let names = message
        .questions
        .into_iter()
        .filter_map(|question| question.name);
    evidence.extend(names.map(|name| Evidence::Name(name, source)));
}
