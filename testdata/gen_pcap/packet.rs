//! Packets from the inside out: payload → IP packet → Ethernet frame.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement};

/// When the captures begin: 2026-03-02T09:00:00Z, in nanoseconds since the epoch.
pub(crate) const START: u64 = 1_772_442_000 * SECOND;
/// A second in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;

/// 802.1Q and 802.1ad tag protocol identifiers.
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;

/// TCP control bits, RFC 9293 §3.1.
pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// One packet on its way to a file.
#[derive(Clone)]
pub(crate) struct Packet {
    /// When, in nanoseconds since the epoch.
    pub(crate) at: u64,
    /// The captured bytes.
    pub(crate) frame: Vec<u8>,
    /// Length on the wire.
    pub(crate) origlen: u32,
}

impl Packet {
    pub(crate) fn new(at: u64, frame: Vec<u8>) -> Self {
        let origlen = frame.len() as u32;
        Self { at, frame, origlen }
    }
}

/// Frames a millisecond apart.
pub(crate) fn spaced(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Packet> {
    (0..)
        .zip(frames)
        .map(|(i, frame)| Packet::new(START + i * MS, frame))
        .collect()
}

/// Sender and receiver.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
}

impl Ends {
    /// Ends as text, for example `192.168.1.2:50000` and `192.0.2.1:443`.
    pub(crate) fn new(from: &str, to: &str) -> Self {
        Self {
            from: from.parse().expect("an address and a port"),
            to: to.parse().expect("an address and a port"),
        }
    }

    pub(crate) fn reversed(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
        }
    }

    fn ip(self) -> PacketBuilderStep<IpHeaders> {
        // Multicast DNS wants 255 (RFC 6762 §11).
        let hops = if self.to.ip().is_multicast() { 255 } else { 64 };
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), hops)
            }
            (from, to) => PacketBuilder::ipv6(v6(from), v6(to), hops),
        }
    }
}

fn v6(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
        IpAddr::V6(addr) => addr.octets(),
    }
}

/// An IP packet that carries a UDP datagram.
pub(crate) fn udp(ends: Ends, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ends.ip()
        .udp(ends.from.port(), ends.to.port())
        .write(&mut out, payload)
        .expect("fits");
    out
}

/// What a TCP segment says.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) payload: &'a [u8],
}

/// An IP packet that carries a TCP segment; a SYN announces the usual segment size.
pub(crate) fn tcp(ends: Ends, segment: Segment<'_>) -> Vec<u8> {
    let mut header = TcpHeader::new(ends.from.port(), ends.to.port(), segment.seq, 64_240);
    header.fin = segment.flags & FIN != 0;
    header.syn = segment.flags & SYN != 0;
    header.rst = segment.flags & RST != 0;
    header.psh = segment.flags & PSH != 0;
    header.ack = segment.flags & ACK != 0;
    header.acknowledgment_number = segment.ack;
    if header.syn {
        let size = if ends.from.is_ipv4() { 1460 } else { 1440 };
        header
            .set_options(&[
                TcpOptionElement::MaximumSegmentSize(size),
                TcpOptionElement::SelectiveAcknowledgementPermitted,
            ])
            .expect("fits");
    }
    let mut out = Vec::new();
    ends.ip()
        .tcp_header(header)
        .write(&mut out, segment.payload)
        .expect("fits");
    out
}

/// An IP packet of a protocol that etherparse does not build.
pub(crate) fn other(ends: Ends, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ends.ip()
        .write(&mut out, protocol.into(), payload)
        .expect("fits");
    out
}

/// An ICMP echo, request or reply, of the ends' own version.
pub(crate) fn ping(ends: Ends, reply: bool, seq: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let payload = *b"abcdefghijklmnopqrstuvwabcdefghi";
    let id = 0x0d71;
    match (ends.from.is_ipv4(), reply) {
        (true, false) => ends.ip().icmpv4_echo_request(id, seq),
        (true, true) => ends.ip().icmpv4_echo_reply(id, seq),
        (false, _) => return ping6(ends, reply, seq),
    }
    .write(&mut out, &payload)
    .expect("fits");
    out
}

fn ping6(ends: Ends, reply: bool, seq: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let step = if reply {
        ends.ip().icmpv6_echo_reply(0x0d72, seq)
    } else {
        ends.ip().icmpv6_echo_request(0x0d72, seq)
    };
    step.write(&mut out, b"abcdefghijklmnopqrstuvwabcdefghi")
        .expect("fits");
    out
}

/// EtherType of an IP packet.
pub(crate) fn ethertype(ip: &[u8]) -> u16 {
    match ip[0] >> 4 {
        4 => 0x0800,
        _ => 0x86dd,
    }
}

/// The IP packet in an Ethernet frame, behind `tags` (TPID, VLAN), the outermost first.
///
/// The stations' addresses are made from the IP addresses, so that they need not be told.
pub(crate) fn ethernet(ip: &[u8], tags: &[(u16, u16)]) -> Vec<u8> {
    let mut out = stations(ip).concat();
    for (tpid, vlan) in tags {
        out.extend(tpid.to_be_bytes());
        out.extend(vlan.to_be_bytes());
    }
    out.extend(ethertype(ip).to_be_bytes());
    out.extend(ip);
    out
}

/// Receiver's and sender's station address of an IP packet.
pub(crate) fn stations(ip: &[u8]) -> [[u8; 6]; 2] {
    match ip[0] >> 4 {
        4 => [
            station4([ip[16], ip[17], ip[18], ip[19]]),
            station4([ip[12], ip[13], ip[14], ip[15]]),
        ],
        _ => [station6(&ip[24..40]), station6(&ip[8..24])],
    }
}

/// Locally administered, or the group's own (RFC 1112 §6.4).
fn station4([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    if a >= 224 {
        [0x01, 0x00, 0x5e, b & 0x7f, c, d]
    } else {
        [0x02, 0x00, a, b, c, d]
    }
}

fn station6(addr: &[u8]) -> [u8; 6] {
    [0x02, 0x06, addr[1], addr[7], addr[14], addr[15]]
}

/// Bytes that look encrypted, the same for the same seed (xorshift64*).
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        })
        .collect()
}
