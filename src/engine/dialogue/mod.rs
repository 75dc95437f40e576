//! What has been read of one flow so far, and what is still worth reading: turns a flow's payloads into evidence.
//!
//! Any port, by content. DNS is taken for granted on its own ports; on others its bytes have to leave no doubt.

mod association;
mod datagrams;
mod dtls;
mod listener;
mod naming;
mod web;

use crate::evidence::Evidence;
use crate::flow::assembly::{Assembly, Segment};
use crate::flow::tcp;
use crate::inspect::{h2, http};
use crate::key::{FlowKey, Side};
use crate::observation::Observation;
use crate::packet::{IpProtocol, TcpFlags};
use association::Association;
use datagrams::Datagrams;
use listener::Listener;
use naming::expected_over_tcp;

/// Port of DNS, RFC 1035 §4.2.
const DNS_PORT: u16 = 53;
/// Port of multicast DNS, RFC 6762 §3.
const MDNS_PORT: u16 = 5353;
/// Port of LLMNR, RFC 4795 §2.1.
const LLMNR_PORT: u16 = 5355;

/// A flow's payloads, as far as they still have something to say.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// A connection that has not carried a byte yet; the sequence numbers of its SYNs, by [`Side::index`].
    /// Most connections of a scan never get further, and cost no more than this.
    Silent([Option<u32>; 2]),
    /// A connection whose first bytes are being read.
    Stream(Box<Stream>),
    /// An SCTP association whose first bytes are being read.
    Association(Box<Association>),
    /// Datagrams, each of which may be of any protocol.
    Datagrams(Datagrams),
    /// Nothing more to learn.
    Settled,
}

/// Both directions of a TCP connection, or of what is heard like one, by [`Side::index`].
#[derive(Debug, Default)]
pub(super) struct Stream {
    ways: [Way; 2],
    /// Whether a ClientHello named the server.
    is_named: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    assembly: Assembly,
    phase: Phase,
    misses: u8,
}

impl Way {
    /// Whether there is nothing more to learn from it.
    const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    fn held_bytes(&self) -> usize {
        let requests = match &self.phase {
            Phase::Http2(requests) => requests.held_bytes(),
            _ => 0,
        };
        self.assembly.held_bytes() + requests
    }
}

/// What one direction is about.
#[derive(Debug, Default)]
enum Phase {
    /// Not known yet.
    #[default]
    Open,
    /// A TLS client has spoken; its server answers here.
    TlsReply,
    /// A TLS server has said its hello, and the certificate behind it is wanted.
    TlsCertificate,
    /// HTTP requests, one after the other.
    Requests(Body),
    /// HTTP/2 requests.
    Http2(Box<h2::Requests>),
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
            IpProtocol::UDP => Self::Datagrams(Datagrams::begin(ports)),
            IpProtocol::SCTP => Self::Association(Box::default()),
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
        match self {
            Self::Settled | Self::Silent(_) => {}
            Self::Datagrams(datagrams) => datagrams.hear(seen, evidence),
            Self::Stream(stream) => {
                if stream.hear(seen, evidence) {
                    *self = Self::Settled;
                }
            }
            Self::Association(association) => {
                if association.hear(seen, evidence) {
                    *self = Self::Settled;
                }
            }
        }
    }

    /// Bytes that are held for later.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Stream(stream) => stream.held_bytes(),
            Self::Association(association) => association.held_bytes(),
            Self::Datagrams(datagrams) => datagrams.held_bytes(),
            Self::Silent(_) | Self::Settled => 0,
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
        let way = &mut self.ways[seen.sender.index()];
        let mut seq = tcp.seq;
        if tcp.flags.has(TcpFlags::SYN) {
            way.assembly.synchronise(seq);
            if tcp::is_opening(tcp.flags) {
                way.phase = Phase::Open;
            }
            seq = seq.wrapping_add(1);
        }
        if way.is_done() || seen.payload_origlen == 0 {
            return false;
        }
        let segment = Segment {
            seq,
            bytes: seen.payload,
            origlen: seen.payload_origlen,
        };
        self.listen(seen, evidence, |assembly, listener| {
            assembly.push(segment, listener);
        });
        self.is_done()
    }

    /// Lets `hand_over` hand bytes of the packet's sender to whoever listens to that direction, if anybody still does.
    fn listen(
        &mut self,
        seen: &Observation<'_>,
        evidence: &mut Vec<Evidence>,
        hand_over: impl FnOnce(&mut Assembly, &mut Listener<'_>),
    ) {
        let [low, high] = &mut self.ways;
        let (way, reply) = match seen.sender {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        if way.is_done() {
            return;
        }
        let ports = seen.key.five_tuple(seen.sender);
        let mut listener = Listener {
            expected: expected_over_tcp([ports.src.port, ports.dst.port]),
            phase: &mut way.phase,
            misses: &mut way.misses,
            reply: &mut reply.phase,
            is_named: &mut self.is_named,
            evidence,
        };
        hand_over(&mut way.assembly, &mut listener);
        let caveats = way.assembly.take_caveats();
        if !caveats.is_empty() {
            evidence.push(Evidence::Caveats(caveats));
        }
        for way in [way, reply] {
            if way.is_done() {
                way.assembly = Assembly::default();
            }
        }
    }

    /// Whether there is nothing more to learn from it.
    fn is_done(&self) -> bool {
        self.ways.iter().all(Way::is_done)
    }

    fn held_bytes(&self) -> usize {
        self.ways.iter().map(Way::held_bytes).sum()
    }
}

#[cfg(test)]
mod tests;
