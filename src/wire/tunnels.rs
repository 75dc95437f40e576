//! What must hold of every encapsulation: the packet inside is what the view tells; what holds none leaves the packet around it.

use super::golden::{ETHERNET, IS_IPV4, REAL_DNS, hex, payload_numbers, tuple_text};
use super::{PacketView, Reason, decode};
use super::{carried, carried_wireless};
use crate::packet::LinkType;

const INNER: &str = "udp 10.77.0.2:48513 > 10.77.1.53:53";

/// What an encapsulation puts between its carrier and [`REAL_DNS`].
pub(super) struct Tunnel {
    pub(super) name: &'static str,
    pub(super) carrier: Carrier,
    header: &'static [&'static str],
    /// Where the header has a byte that makes it none of this kind, and the byte.
    spoilt: (usize, u8),
}

#[derive(Clone, Copy)]
pub(super) enum Carrier {
    Ip(u8),
    Udp(u16),
    Link(LinkType),
    Ethertype(&'static str),
}

impl Carrier {
    /// A packet of this carrier, from 192.0.2.1 to 192.0.2.2, around `body`.
    pub(super) fn around(self, body: &[u8], fragment: u16) -> (LinkType, Vec<u8>) {
        let ip = |protocol: u8, body: &[u8]| {
            let len = (20 + body.len()) as u16;
            let mut packet = vec![0x45, 0, (len >> 8) as u8, len as u8, 0, 0];
            packet.extend(fragment.to_be_bytes());
            packet.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
            packet.extend(body);
            packet
        };
        match self {
            Self::Ip(protocol) => (LinkType::RAW, ip(protocol, body)),
            Self::Udp(port) => {
                let mut datagram = vec![0x30, 0x39];
                datagram.extend(port.to_be_bytes());
                datagram.extend(((8 + body.len()) as u16).to_be_bytes());
                datagram.extend([0, 0]);
                datagram.extend(body);
                (LinkType::RAW, ip(17, &datagram))
            }
            Self::Link(link) => (link, body.to_vec()),
            Self::Ethertype(ethertype) => {
                let mut frame = hex(&[ETHERNET, ethertype]);
                frame.extend(body);
                (LinkType::ETHERNET, frame)
            }
        }
    }

    /// The tuple of such a packet, and where its payload is.
    fn outer(self) -> (String, u32) {
        match self {
            Self::Ip(protocol) => (format!("{protocol} 192.0.2.1:0 > 192.0.2.2:0"), 20),
            Self::Udp(port) => (format!("udp 192.0.2.1:12345 > 192.0.2.2:{port}"), 28),
            Self::Link(_) | Self::Ethertype(_) => (String::new(), 0),
        }
    }
}

impl Tunnel {
    pub(super) fn body(&self) -> Vec<u8> {
        hex(&[self.header, &[REAL_DNS]].concat())
    }
}

pub(super) const fn tunnel(
    name: &'static str,
    carrier: Carrier,
    header: &'static [&'static str],
    spoilt: (usize, u8),
) -> Tunnel {
    Tunnel {
        name,
        carrier,
        header,
        spoilt,
    }
}

/// The IPv6 header around [`REAL_DNS`]: payload length 61, IPv4 next, hop limit, 2001:db8::1 to 2001:db8::2.
pub(super) const IPV6_AROUND: &str = "
    60 00 00 00 00 3d 04 40
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
";
const VXLAN: &str = "08 00 00 00 00 00 07 00 ; the identifier counts; it is 7\n";

use Carrier::{Ethertype, Ip, Link, Udp};

const IN_IP: &[Tunnel] = &[
    tunnel("IP in IP", Ip(4), &[], (0, 0x55)),
    tunnel("6in4, then 4in6", Ip(41), &[IPV6_AROUND], (0, 0x50)),
    tunnel("GRE", Ip(47), &["00 00 08 00"], (1, 0x05)),
    tunnel(
        "GRE with checksum, key and sequence number",
        Ip(47),
        &["b0 00 08 00", "ab cd 00 00", "00 00 00 01", "00 00 00 02"],
        (0, 0xf0),
    ),
    tunnel(
        "Ethernet in GRE",
        Ip(47),
        &["20 00 65 58", "00 00 00 01", ETHERNET, IS_IPV4],
        (3, 0x5a),
    ),
    tunnel(
        "GRE with a source route",
        Ip(47),
        &[
            "40 00 08 00 00 00 00 04 ; routing; checksum, which does not count, and offset",
            "\n08 00 00 08 c0 00 02 09 c0 00 02 0a ; two addresses",
            "\n08 00 04 04 c0 00 02 0b ; another one",
            "\n00 00 00 00 ; no more",
        ],
        (11, 0xff),
    ),
    tunnel(
        "frame relay in GRE",
        Ip(47),
        &["00 00 65 59", "18 41 03 cc"],
        (7, 0xcd),
    ),
    tunnel(
        "PPTP",
        Ip(47),
        &[
            "30 81 88 0b ; key, sequence and acknowledgement numbers; version 1; PPP",
            "\n00 41 00 01 00 00 00 02 00 00 00 03 ; length, call, the numbers",
            "\nff 03 00 21",
        ],
        (2, 0x08),
    ),
    tunnel(
        "MPLS in GRE",
        Ip(47),
        &["00 00 88 47", "00 01 01 40"],
        (3, 0x49),
    ),
    tunnel(
        "ERSPAN, type I",
        Ip(47),
        &["00 00 88 be", ETHERNET, IS_IPV4],
        (3, 0xbf),
    ),
    tunnel(
        "ERSPAN, type II",
        Ip(47),
        &[
            "10 00 88 be 00 00 00 01",
            "10 01 00 01 00 00 00 00",
            ETHERNET,
            IS_IPV4,
        ],
        (3, 0xbf),
    ),
    tunnel(
        "ERSPAN, type III",
        Ip(47),
        &[
            "10 00 22 eb 00 00 00 01",
            "20 01 00 01 00 00 00 00 00 00 00 00",
            ETHERNET,
            IS_IPV4,
        ],
        (3, 0xec),
    ),
    tunnel(
        "ERSPAN, type III with a subheader",
        Ip(47),
        &[
            "10 00 22 eb 00 00 00 01",
            "20 01 00 01 00 00 00 00 00 00 00 01",
            "0c 00 00 00 00 00 00 00",
            ETHERNET,
            IS_IPV4,
        ],
        (3, 0xec),
    ),
];

const IN_UDP: &[Tunnel] = &[
    tunnel("VXLAN", Udp(4789), &[VXLAN, ETHERNET, IS_IPV4], (20, 0xff)),
    tunnel(
        "VXLAN of Linux",
        Udp(8472),
        &[VXLAN, ETHERNET, IS_IPV4],
        (20, 0xff),
    ),
    tunnel(
        "VXLAN with reserved bits",
        Udp(4789),
        &["0a 08 7f 7f 00 01 2c 01", ETHERNET, IS_IPV4],
        (22, 0x46),
    ),
    tunnel(
        "VXLAN with a group policy",
        Udp(4789),
        &["88 00 00 05 00 00 07 00", ETHERNET, IS_IPV4],
        (20, 0xff),
    ),
    tunnel(
        "VXLAN-GPE",
        Udp(4790),
        &["0c 00 00 01 00 00 07 00"],
        (3, 0x04),
    ),
    tunnel(
        "Ethernet in VXLAN-GPE",
        Udp(4790),
        &["0c 00 00 03 00 00 07 00", ETHERNET, IS_IPV4],
        (0, 0x3c),
    ),
    tunnel(
        "Geneve",
        Udp(6081),
        &[
            "02 40 65 58 00 00 07 00 ; two words of options, critical ones; Ethernet; identifier 7",
            "\n01 02 80 01 00 00 00 0c",
            ETHERNET,
            IS_IPV4,
        ],
        (0, 0x42),
    ),
    tunnel(
        "IPv4 in Geneve",
        Udp(6081),
        &["00 00 08 00 00 00 07 00"],
        (0, 0x3f),
    ),
    tunnel(
        "GTP-U",
        Udp(2152),
        &["30 ff 00 3d 00 00 00 01 ; version 1, G-PDU, length 61, tunnel 1"],
        (1, 0x01),
    ),
    tunnel(
        "GTP-U with extension headers",
        Udp(2152),
        &[
            "36 ff 00 49 00 00 00 01 ; extension headers and a sequence number; length 73",
            "\n00 01 00 85 ; sequence number, N-PDU number, PDU session container",
            "\n01 10 09 c0 ; one word, then a PDCP number",
            "\n01 00 00 00 ; one word, none after it",
        ],
        (12, 0x00),
    ),
    tunnel(
        "GTP, version 0",
        Udp(3386),
        &[
            "1e ff 00 3d 00 01 00 01 ff ff ff ff ; version 0, packet, length 61, numbers",
            "\n00 00 00 00 00 00 00 07 ; tunnel",
        ],
        (0, 0x0e),
    ),
    tunnel("Teredo", Udp(3544), &[IPV6_AROUND], (0, 0x50)),
    tunnel(
        "Teredo with authentication and origin",
        Udp(3544),
        &[
            "00 01 02 01 aa bb cc 01 02 03 04 05 06 07 08 00 ; identifier of 2, value of 1, nonce",
            "\n00 00 12 34 3f ff fd fe ; origin",
            IPV6_AROUND,
        ],
        (1, 0x02),
    ),
    tunnel(
        "L2TP",
        Udp(1701),
        &["00 02 00 01 00 02", "ff 03 00 21"],
        (1, 0x03),
    ),
    tunnel(
        "L2TP with every field",
        Udp(1701),
        &[
            "4a 02 00 4f 00 01 00 02 ; length 79, sequence numbers, offset; version 2; tunnel, session",
            "\n00 00 00 00 00 02 00 00 ; the numbers; an offset of 2",
            "\n00 21",
        ],
        (2, 0x10),
    ),
];

const ON_LINK: &[Tunnel] = &[
    tunnel("PPP", Link(LinkType::PPP), &["ff 03 00 21"], (3, 0x23)),
    tunnel(
        "PPP without framing",
        Link(LinkType::PPP),
        &["00 21"],
        (1, 0x23),
    ),
    tunnel("PPP, compressed", Link(LinkType::PPP), &["21"], (0, 0x23)),
    tunnel(
        "MPLS in PPP",
        Link(LinkType::PPP_HDLC),
        &["ff 03 02 81", "00 01 01 40"],
        (3, 0x85),
    ),
    tunnel(
        "Cisco HDLC",
        Link(LinkType::C_HDLC),
        &["0f 00 08 00"],
        (2, 0x80),
    ),
    tunnel(
        "Cisco HDLC as PPP",
        Link(LinkType::PPP_HDLC),
        &["8f 00 08 00"],
        (2, 0x80),
    ),
    tunnel(
        "PPPoE",
        Link(LinkType::PPP_ETHER),
        &[
            "11 00 00 01 00 3f ; version 1, type 1; data; session 1; length 63",
            "\n00 21",
        ],
        (1, 0x09),
    ),
    tunnel(
        "PPPoE on Ethernet",
        Ethertype("88 64"),
        &["11 00 00 01 00 3f", "00 21"],
        (0, 0x21),
    ),
    tunnel(
        "two MPLS labels",
        Ethertype("88 47"),
        &["00 01 00 40", "00 02 01 40"],
        (2, 0x01),
    ),
    tunnel(
        "Ethernet under MPLS",
        Ethertype("88 47"),
        &[
            "00 01 01 40",
            "02 b2 d8 e5 4f 80 02 b2 d8 e5 4f 81",
            IS_IPV4,
        ],
        (16, 0xff),
    ),
    tunnel(
        "Ethernet and a control word under MPLS",
        Link(LinkType::MPLS),
        &["00 01 01 40", "00 00 00 00", ETHERNET, IS_IPV4],
        (20, 0xff),
    ),
];

/// Headers that are no tunnel: they leave the addresses as they are.
const AUTHENTICATION: &str = "
    04 04 00 00              ; IPv4 next; 6 words
    00 00 00 01 00 00 00 02  ; parameters, sequence number
    00 01 02 03 04 05 06 07 08 09 0a 0b ; check value
";

pub(super) fn all() -> impl Iterator<Item = &'static Tunnel> {
    let more = carried::IN_IP.iter().chain(carried::ON_LINK);
    let wireless = carried_wireless::IN_IP;
    IN_IP
        .iter()
        .chain(IN_UDP)
        .chain(ON_LINK)
        .chain(more)
        .chain(wireless)
}

fn view(carrier: Carrier, body: &[u8]) -> PacketView {
    let (link, frame) = carrier.around(body, 0);
    decode(Some(link), &frame)
}

fn assert_outer(view: &PacketView, carrier: Carrier, body: &[u8], name: &str) {
    let (tuple, at) = carrier.outer();
    assert_eq!(tuple_text(view), tuple, "{name}: {view:?}");
    let len = if tuple.is_empty() {
        0
    } else {
        body.len() as u32
    };
    assert_eq!(payload_numbers(view), (at, len, len), "{name}: {view:?}");
}

#[test]
fn every_encapsulation_leads_to_the_packet_inside() {
    for tunnel in all() {
        let body = tunnel.body();
        let (link, frame) = tunnel.carrier.around(&body, 0);
        let view = decode(Some(link), &frame);
        assert_eq!(tuple_text(&view), INNER, "{}: {view:?}", tunnel.name);
        let at = frame.len() as u32 - 33;
        assert_eq!(
            payload_numbers(&view),
            (at, 33, 33),
            "{}: {view:?}",
            tunnel.name
        );
        assert_eq!(
            (view.stop, view.is_fragment),
            (None, false),
            "{}",
            tunnel.name
        );
    }
}

#[test]
fn a_spoilt_header_leaves_the_packet_around_it() {
    for tunnel in all() {
        let mut body = tunnel.body();
        body[tunnel.spoilt.0] = tunnel.spoilt.1;
        assert_outer(
            &view(tunnel.carrier, &body),
            tunnel.carrier,
            &body,
            tunnel.name,
        );
    }
}

#[test]
fn a_tunnel_that_ends_early_leaves_the_packet_around_it() {
    for tunnel in all() {
        let whole = tunnel.body();
        for len in 0..whole.len() - 61 {
            let body = &whole[..len];
            assert_outer(
                &view(tunnel.carrier, body),
                tunnel.carrier,
                body,
                tunnel.name,
            );
        }
    }
}

#[test]
fn a_cut_frame_tells_the_outer_packet_or_the_inner_one() {
    for tunnel in all() {
        let (link, frame) = tunnel.carrier.around(&tunnel.body(), 0);
        let outer = tunnel.carrier.outer().0;
        for cut in 0..frame.len() {
            let view = decode(Some(link), &frame[..cut]);
            let tuple = tuple_text(&view);
            let is_inner = tuple.contains("10.77.0.2") || tuple.contains("2001:db8::1");
            let is_outer = outer.is_empty() == tuple.is_empty() || tuple.contains("192.0.2.1");
            assert!(
                is_inner || is_outer || cut < 20,
                "{} at {cut}: {tuple}",
                tunnel.name
            );
            let end = view.payload.offset as usize + view.payload.caplen as usize;
            assert!(end <= cut && view.payload.caplen <= view.payload.origlen);
        }
        let view = decode(Some(link), &frame[..frame.len() - 33]);
        assert_eq!(tuple_text(&view), INNER, "{}", tunnel.name);
    }
}

#[test]
fn a_fragment_is_not_entered() {
    let more = carried::IN_IP.iter().chain(carried_wireless::IN_IP);
    for tunnel in IN_IP.iter().chain(IN_UDP).chain(more) {
        let body = tunnel.body();
        for (fragment, has_payload) in [(0x2000, true), (0x2004, false), (0x0004, false)] {
            let (link, frame) = tunnel.carrier.around(&body, fragment);
            let view = decode(Some(link), &frame);
            assert!(tuple_text(&view).contains("192.0.2.1"), "{}", tunnel.name);
            assert_eq!(view.payload.caplen > 0, has_payload, "{}", tunnel.name);
            assert!(view.is_fragment);
        }
    }
}

#[test]
fn any_change_of_a_byte_gives_a_packet_that_is_within_its_frame() {
    for tunnel in all() {
        let (link, whole) = tunnel.carrier.around(&tunnel.body(), 0);
        for at in 0..whole.len() {
            for byte in [0x00, 0x01, 0x40, 0x7f, 0x80, 0xff] {
                let mut frame = whole.clone();
                frame[at] = byte;
                let view = decode(Some(link), &frame);
                let end = view.payload.offset as usize + view.payload.caplen as usize;
                assert!(end <= frame.len(), "{}: {view:?}", tunnel.name);
                assert!(
                    view.payload.caplen <= view.payload.origlen,
                    "{}",
                    tunnel.name
                );
                assert_eq!(view.net.is_some(), view.five_tuple.is_some());
            }
        }
    }
}

#[test]
fn an_authentication_header_is_passed() {
    let body = hex(&[AUTHENTICATION, REAL_DNS]);
    assert_eq!(tuple_text(&view(Ip(51), &body)), INNER);
    let mut udp = hex(&[AUTHENTICATION]);
    udp[0] = 17;
    udp.extend(hex(&["30 39 00 35 00 08 00 00"]));
    let udp = view(Ip(51), &udp);
    assert_eq!(tuple_text(&udp), "udp 192.0.2.1:12345 > 192.0.2.2:53");
    let cut = view(Ip(51), &body[..20]);
    assert_eq!(tuple_text(&cut), "51 192.0.2.1:0 > 192.0.2.2:0");
    assert_eq!(cut.stop.map(|stop| stop.reason), Some(Reason::Short));
}

#[test]
fn ports_alone_make_no_tunnel() {
    let name = "a datagram of another protocol";
    for port in [
        4789, 8472, 4790, 6081, 2152, 3386, 3544, 1701, 4341, 4754, 5072, 5247, 6635, 12345, 37008,
    ] {
        for body in [
            &b"GET / HTTP/1.1\r\n\r\n, and so on, at some length"[..],
            &[0xff; 60],
            &[0; 60],
        ] {
            assert_outer(&view(Udp(port), body), Udp(port), body, name);
        }
    }
}

#[test]
fn tunnels_in_tunnels_end_at_a_bound() {
    let nest = |depth: usize| (0..depth).fold(hex(&[REAL_DNS]), |body, _| Ip(4).around(&body, 0).1);
    let view = decode(Some(LinkType::RAW), &nest(20));
    assert_eq!((tuple_text(&view).as_str(), view.stop), (INNER, None));
    let view = decode(Some(LinkType::RAW), &nest(1000));
    assert_eq!(view.stop.map(|stop| stop.reason), Some(Reason::TooDeep));
}
