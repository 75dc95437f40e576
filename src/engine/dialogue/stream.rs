//! Both directions of a TCP connection: which bytes each is listened to in, and by whom.

use super::listener::{Listener, MAX_MISSES};
use super::naming::expected_over_tcp;
use super::openings::FirstWords;
use super::openvpn::Channel;
use crate::domain::DomainName;
use crate::evidence::Evidence;
use crate::flow::assembly::{Assembly, Segment};
use crate::flow::tcp;
use crate::inspect::{h2, http, tls};
use crate::key::Side;
use crate::observation::Observation;
use crate::packet::{TcpFlags, TcpSegment};

/// What Windows sends to keep a connection alive: a byte before all that is still to be said, and how many there are.
///
/// Where the SYN or anything before it was captured, its number tells it, that of a byte which is known. Where not, only the byte
/// does: but for messages of DNS, nothing that is told here begins with one like it in a segment of its own.
///
/// Source: RFC 9293 §3.8.4.
const PROBE: (&[u8], u32) = (&[0], 1);

/// What the SYNs of a connection said.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Syns {
    /// The sequence number of each side's first byte, by [`Side::index`].
    firsts: [Option<u32>; 2],
    /// Who took the connection.
    acceptor: Option<Side>,
}

/// Both directions of a TCP connection, or of what is heard like one, by [`Side::index`].
#[derive(Debug, Default)]
pub(in crate::engine) struct Stream {
    pub(super) ways: [Way; 2],
    syns: Syns,
    shared: Shared,
}

/// What is known of both sides.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether a ClientHello named the server.
    pub(super) is_named: bool,
    /// The name that the last ClientHello asked for, if a client of Tor may have made it up: then the certificate tells.
    pub(super) made_up: Option<DomainName>,
    /// Whether who took the connection began with a line of text that is no HTTP: then nobody speaks that in it.
    pub(super) is_lines: bool,
    /// Whether the opening told a protocol.
    pub(super) is_recognised: bool,
    /// Whether records of TLS were told whose hellos were not heard.
    pub(super) has_records: bool,
    /// The control channel, in a connection of OpenVPN.
    pub(super) openvpn: Option<Box<Channel>>,
    /// Packets of it that are still to be heard.
    pub(super) packets: Vec<Box<[u8]>>,
    /// Whether fingerprints of clients are asked for.
    pub(super) wants_fingerprints: bool,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Way {
    assembly: Assembly,
    voice: Voice,
}

/// What one side has said, and is about.
#[derive(Debug, Default)]
pub(super) struct Voice {
    pub(super) phase: Phase,
    /// Pieces that said nothing, or since a ClientHello, pieces.
    pub(super) misses: u8,
    /// Bytes of an unfinished head in which there is no new line.
    pub(super) read_lines: usize,
    /// Whether any packet of this side was captured.
    pub(super) is_heard: bool,
    /// Whether this side has said anything.
    pub(super) has_spoken: bool,
    /// Whether bytes in order are done with, or lost.
    pub(super) has_begun: bool,
    /// Whether the body of a request was passed over since this was last looked at.
    pub(super) has_passed_body: bool,
    /// Where the last body of a request ended, or later: what comes again from before it is no head.
    heads_from: Option<u32>,
    /// Whether a segment waits that looks like a request, and nobody has looked into it.
    pub(super) has_early_request: bool,
    /// Whether a segment of which nothing else is known is the front of a long record of TLS.
    pub(super) has_record_front: bool,
    /// What it said first.
    pub(super) first_words: FirstWords,
}

impl Way {
    /// Whether nothing is read in order any more.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.voice.phase, Phase::Done | Phase::Bulk)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let requests = match &self.voice.phase {
            Phase::Http2(requests) => requests.held_bytes(),
            _ => 0,
        };
        self.assembly.held_bytes() + self.voice.first_words.held_bytes() + requests
    }
}

/// What one direction is about.
#[derive(Debug, Default)]
pub(super) enum Phase {
    /// Not known yet.
    #[default]
    Open,
    /// A TLS client has said its hello; until the server answers, another in its place is as good.
    TlsHello,
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
    /// Packets of OpenVPN, each behind its length.
    OpenVpn,
    /// Much that says nothing: nobody listens before a segment begins with a ClientHello.
    Bulk,
    /// Nothing more to learn.
    Done,
}

/// Where in a request we are.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// At the beginning of a head.
    #[default]
    Head,
    /// In a body with so many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(http::ChunkedBody),
    /// Lost; the next segment that looks like a request begins one, if the other side has answered since.
    Lost {
        /// Whether it has.
        is_answered: bool,
    },
}

impl Syns {
    /// Takes in what a packet says if it is a SYN. `false` when it is another connection's than those before it.
    pub(super) fn take(&mut self, tcp: TcpSegment, sender: Side) -> bool {
        if !tcp.flags.has(TcpFlags::SYN) {
            return true;
        }
        let first = tcp.seq.wrapping_add(1);
        let known = self.firsts[sender.index()].replace(first);
        let is_opening = tcp::is_opening(tcp.flags);
        self.acceptor = Some(if is_opening { sender.other() } else { sender });
        known.is_none_or(|known| known == first)
    }
}

impl Stream {
    /// The connection of these SYNs.
    pub(super) fn begin(syns: Syns) -> Self {
        let mut stream = Self {
            syns,
            ..Self::default()
        };
        for (way, first) in stream.ways.iter_mut().zip(syns.firsts) {
            way.begin(first);
        }
        stream
    }

    /// What is heard inside another protocol: how it opens is not looked at.
    pub(super) fn inside(wants_fingerprints: bool) -> Self {
        let mut stream = Self::default();
        stream.shared.is_recognised = true;
        stream.ask_fingerprints(wants_fingerprints);
        stream
    }

    /// Reads a segment. Whether there is nothing more to learn from the connection.
    pub(super) fn hear(
        &mut self,
        seen: &Observation<'_>,
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) -> bool {
        let Some(tcp) = seen.tcp else { return false };
        self.ask_fingerprints(wants_fingerprints);
        let mut seq = tcp.seq;
        if tcp.flags.has(TcpFlags::SYN) {
            self.synchronise(tcp, seen.sender);
            seq = seq.wrapping_add(1);
        }
        if seen.payload_origlen == 0 {
            return false;
        }
        let has_syn = self.syns.firsts[seen.sender.index()].is_some();
        let way = &mut self.ways[seen.sender.index()];
        way.voice.is_heard = true;
        let is_unknown = !way.voice.has_spoken && !has_syn;
        if is_unknown && (seen.payload, seen.payload_origlen) == PROBE && !is_of_dns(seen) {
            return false;
        }
        way.voice.has_spoken = true;
        way.wake(seen.payload);
        let segment = Segment {
            seq,
            bytes: seen.payload,
            origlen: seen.payload_origlen,
        };
        self.listen(seen, evidence, |assembly, listener| {
            listener.is_early = assembly.is_early(seq);
            listener.is_body = listener.own.is_body(seq);
            assembly.push(segment, listener);
        });
        self.answered(seen, evidence);
        let is_settled = |way: &Way| matches!(way.voice.phase, Phase::Done);
        self.ways.iter().all(is_settled)
    }

    /// Says whether fingerprints of clients are to be told from now on.
    pub(super) const fn ask_fingerprints(&mut self, are_wanted: bool) {
        self.shared.wants_fingerprints = are_wanted;
    }

    /// Takes in a SYN.
    fn synchronise(&mut self, tcp: TcpSegment, sender: Side) {
        let way = &mut self.ways[sender.index()];
        let known = self.syns.firsts[sender.index()];
        if !self.syns.take(tcp, sender) {
            let mut syns = Syns::default();
            syns.take(tcp, sender);
            let wants_fingerprints = self.shared.wants_fingerprints;
            *self = Self::begin(syns);
            self.ask_fingerprints(wants_fingerprints);
        } else if known.is_none() {
            if tcp::is_opening(tcp.flags) {
                way.voice.phase = Phase::Open;
            }
            way.begin(Some(tcp.seq.wrapping_add(1)));
        }
    }

    /// Lets `hand_over` hand bytes of the packet's sender to whoever listens to that direction, if anybody still does.
    pub(super) fn listen(
        &mut self,
        seen: &Observation<'_>,
        evidence: &mut Vec<Evidence>,
        hand_over: impl FnOnce(&mut Assembly, &mut Listener<'_>),
    ) {
        let (assembly, mut listener) = self.listener(seen, seen.sender, evidence);
        if matches!(listener.own.phase, Phase::Done | Phase::Bulk) {
            return;
        }
        hand_over(assembly, &mut listener);
        listener.own.note_body(assembly.next());
        let caveats = assembly.take_caveats();
        if !caveats.is_empty() {
            evidence.push(Evidence::Caveats(caveats));
        }
        self.hear_openvpn(seen, evidence);
        for way in &mut self.ways {
            if way.is_done() {
                way.assembly = Assembly::default();
            }
        }
    }

    /// Lets the packets of OpenVPN be heard that came with a segment of the sender of `seen`.
    fn hear_openvpn(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let Some(channel) = &mut self.shared.openvpn else {
            return;
        };
        // Taken, not drained: a list of tiny packets takes more room than the segment that they came in.
        for packet in std::mem::take(&mut self.shared.packets) {
            channel.hear(&packet, 0, seen, evidence);
        }
        let has_ended = channel.is_done();
        let is_over = |way: &Way| !matches!(way.voice.phase, Phase::OpenVpn);
        if has_ended || self.ways.iter().all(is_over) {
            self.shared.openvpn = None;
        }
        if has_ended {
            for way in &mut self.ways {
                way.voice.phase = Phase::Done;
            }
        }
    }

    /// Who listens to `side`, and the bytes of it that wait for him.
    fn listener<'a>(
        &'a mut self,
        seen: &Observation<'_>,
        side: Side,
        evidence: &'a mut Vec<Evidence>,
    ) -> (&'a mut Assembly, Listener<'a>) {
        let [low, high] = &mut self.ways;
        let (way, reply) = match side {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        let ports = seen.key.five_tuple(side);
        let listener = Listener {
            expected: expected_over_tcp([ports.src.port, ports.dst.port]),
            ports: [ports.src.port, ports.dst.port],
            is_acceptor: self.syns.acceptor.map(|acceptor| acceptor == side),
            has_syn: self.syns.firsts[side.index()].is_some(),
            is_early: true,
            is_body: false,
            own: &mut way.voice,
            reply: &mut reply.voice,
            shared: &mut self.shared,
            evidence,
        };
        (&mut way.assembly, listener)
    }

    /// The packet's sender has answered what the other side said: a request that waits there is one.
    fn answered(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let voice = &mut self.ways[seen.sender.other().index()].voice;
        if let Phase::Requests(Body::Lost { is_answered }) = &mut voice.phase {
            *is_answered = true;
        }
        let may_begin = matches!(
            voice.phase,
            Phase::Open | Phase::Requests(Body::Head | Body::Lost { .. })
        );
        if std::mem::take(&mut voice.has_early_request) && may_begin {
            let (assembly, mut listener) = self.listener(seen, seen.sender.other(), evidence);
            for bytes in assembly.waiting() {
                listener.peek_request(bytes);
            }
        }
    }

    /// Whether there is nothing more to learn from what comes in order.
    pub(super) fn is_done(&self) -> bool {
        self.ways.iter().all(Way::is_done)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let channel = self.shared.openvpn.as_ref();
        let openvpn = channel.map_or(0, |channel| channel.held_bytes());
        let packets = self.shared.packets.capacity() * size_of::<Box<[u8]>>();
        self.ways.iter().map(Way::held_bytes).sum::<usize>() + openvpn + packets
    }
}

/// Whether the ports of a segment say that it is of DNS.
fn is_of_dns(seen: &Observation<'_>) -> bool {
    let ports = seen.key.five_tuple(seen.sender);
    expected_over_tcp([ports.src.port, ports.dst.port]).is_some()
}

impl Way {
    /// The SYN, if there was one, said that its first byte has this number.
    fn begin(&mut self, first: Option<u32>) {
        if let Some(first) = first {
            self.voice.is_heard = true;
            self.assembly.synchronise(first.wrapping_sub(1));
        }
    }

    /// Listens again if a segment with these bytes may begin a ClientHello.
    fn wake(&mut self, bytes: &[u8]) {
        if matches!(self.voice.phase, Phase::Bulk)
            && !bytes.is_empty()
            && tls::looks_like_client_hello(bytes)
        {
            self.voice.phase = Phase::Open;
            // The next miss is the last again.
            self.voice.misses = MAX_MISSES - 1;
        }
    }
}

impl Voice {
    /// Whether what begins at `seq` was read already, and may be of a body.
    fn is_body(&self, seq: u32) -> bool {
        self.heads_from
            .is_some_and(|from| (seq.wrapping_sub(from) as i32) < 0)
    }

    /// Remembers where bodies ended; `next` is the next byte in order.
    fn note_body(&mut self, next: Option<u32>) {
        let is_in_body = matches!(
            self.phase,
            Phase::Requests(Body::Length(_) | Body::Chunked(_) | Body::Lost { .. })
        );
        if std::mem::take(&mut self.has_passed_body) || is_in_body {
            self.heads_from = next;
        }
    }
}
