//! Frames to test with, as annotated hex, and what is to become of them.
//!
//! Those named `REAL_` were captured; the others are put together by hand, with documentation addresses.

use super::view::{PacketView, Reason};
use crate::packet::LinkType;

/// The bytes of annotated hex: on each line hex digits, then perhaps a semicolon and a remark.
pub(super) fn hex(parts: &[&str]) -> Vec<u8> {
    let digits: Vec<u8> = parts
        .iter()
        .flat_map(|part| part.lines())
        .flat_map(|line| line.split(';').next().unwrap().bytes())
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|digit| (digit as char).to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// `tcp 192.0.2.1:1 > 192.0.2.2:2`, or nothing.
pub(super) fn tuple_text(view: &PacketView) -> String {
    view.five_tuple
        .map(|tuple| format!("{} {} > {}", tuple.protocol, tuple.src, tuple.dst))
        .unwrap_or_default()
}

pub(super) fn payload_numbers(view: &PacketView) -> (u32, u32, u32) {
    let payload = view.payload;
    (payload.offset, payload.caplen, payload.origlen)
}

const ETHER: LinkType = LinkType::ETHERNET;

pub(super) const ETHERNET: &str = "
    4a 1b a2 ef 2a a2        ; to
    b2 d8 e5 4f 80 cd        ; from
";
pub(super) const IS_IPV4: &str = "08 00 ; ethertype IPv4\n";
pub(super) const IS_IPV6: &str = "86 dd ; ethertype IPv6\n";

/// A cooked header but for its protocol: sent by us, Ethernet, address.
const COOKED: &str = "00 04 00 01 00 06 b2 d8 e5 4f 80 cd 00 00";

/// A client's SYN.
pub(super) const REAL_SYN: &str = "
    45 00 00 3c              ; version 4, header 5 words; total length 60
    ee 07 40 00              ; id; don't fragment
    40 06 37 0f              ; ttl 64, TCP, checksum
    0a 4d 00 02 0a 4d 01 0a  ; 10.77.0.2 to 10.77.1.10
    cb 6a 01 bb              ; 52074 to 443
    42 50 2f 38 00 00 00 00  ; sequence number, acknowledgement
    a0 02 fa f0 63 ed 00 00  ; header 10 words, SYN, window, checksum, urgent
    02 04 05 b4 04 02        ; MSS 1460, SACK permitted
    08 0a 78 33 1c 98 00 00 00 00 ; timestamps
    01 03 03 0a              ; window scale
";
/// A DNS query.
pub(super) const REAL_DNS: &str = "
    45 00 00 3d              ; version 4, header 5 words; total length 61
    89 30 40 00              ; id; don't fragment
    40 11 9b af              ; ttl 64, UDP, checksum
    0a 4d 00 02 0a 4d 01 35  ; 10.77.0.2 to 10.77.1.53
    bd 81 00 35 00 29 75 5b  ; 48513 to 53, length 41, checksum
    78 30 01 00 00 01 00 00 00 00 00 00 03 77 77 77 07 79 6f 75 74 75 62 65 03 63 6f 6d 00 00 01 00 01
";

/// An IPv6 header but for its next-header number: version, class and label; payload length 16.
pub(super) const IPV6_UP_TO_NEXT: &str = "60 00 00 00 00 10 ; version 6, payload length 16\n";
/// The rest of that header: hop limit, 2001:db8::1 to 2001:db8::2.
pub(super) const IPV6_FROM_HOP_LIMIT: &str = "
    40
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
";
/// Eight bytes of UDP header, eight of payload.
pub(super) const UDP_16: &str = "30 39 00 35 00 10 00 00 ; 12345 to 53, length 16
    01 02 03 04 05 06 07 08";
/// The common header, and a chunk.
const SCTP_16: &str = "0b 59 0b 58 00 00 00 01 00 00 00 00 ; 2905 to 2904, tag, checksum
    0e 00 00 04              ; SHUTDOWN COMPLETE";

/// A frame, and what becomes of it.
pub(super) struct Golden {
    pub(super) name: &'static str,
    pub(super) link: LinkType,
    /// Annotated hex.
    pub(super) frame: &'static [&'static str],
    /// Empty where the frame is undecoded.
    pub(super) tuple: &'static str,
    /// Offset, caplen, origlen.
    pub(super) payload: (u32, u32, u32),
    pub(super) stop: Option<Reason>,
}

/// A DNS query over IPv4 behind `head`, whose payload is 33 bytes at `at`.
pub(super) const fn dns(
    name: &'static str,
    link: LinkType,
    head: &'static [&'static str],
    at: u32,
) -> Golden {
    golden(
        name,
        link,
        head,
        "udp 10.77.0.2:48513 > 10.77.1.53:53",
        (at, 33, 33),
    )
}

const fn golden(
    name: &'static str,
    link: LinkType,
    frame: &'static [&'static str],
    tuple: &'static str,
    payload: (u32, u32, u32),
) -> Golden {
    Golden {
        name,
        link,
        frame,
        tuple,
        payload,
        stop: None,
    }
}

pub(super) const fn undecoded(
    name: &'static str,
    link: LinkType,
    frame: &'static [&'static str],
    stop: Reason,
) -> Golden {
    Golden {
        stop: Some(stop),
        ..golden(name, link, frame, "", (0, 0, 0))
    }
}

/// A datagram over IPv6.
const fn udp6(
    name: &'static str,
    link: LinkType,
    frame: &'static [&'static str],
    payload: (u32, u32, u32),
) -> Golden {
    golden(
        name,
        link,
        frame,
        "udp [2001:db8::1]:12345 > [2001:db8::2]:53",
        payload,
    )
}

/// Frames of each link type, all with the same query inside.
pub(super) const LINKS: &[Golden] = &[
    dns("Ethernet II", ETHER, &[ETHERNET, IS_IPV4, REAL_DNS], 42),
    dns(
        "802.1Q",
        ETHER,
        &[ETHERNET, "81 00 00 07", IS_IPV4, REAL_DNS],
        46,
    ),
    dns(
        "three tags",
        ETHER,
        &[
            ETHERNET,
            "88 a8 00 01 91 00 00 02 81 00 00 03",
            IS_IPV4,
            REAL_DNS,
        ],
        54,
    ),
    dns(
        "802.3, LLC",
        ETHER,
        &[ETHERNET, "00 40 06 06 03", REAL_DNS],
        45,
    ),
    dns(
        "802.3, SNAP",
        ETHER,
        &[ETHERNET, "00 45 aa aa 03 00 00 00", IS_IPV4, REAL_DNS],
        50,
    ),
    dns(
        "SNAP of 802.1H",
        ETHER,
        &[ETHERNET, "00 45 aa aa 03 00 00 f8", IS_IPV4, REAL_DNS],
        50,
    ),
    dns(
        "802.1Q, then a length",
        ETHER,
        &[ETHERNET, "81 00 00 07 00 40 06 06 03", REAL_DNS],
        49,
    ),
    dns(
        "trailer",
        ETHER,
        &[ETHERNET, IS_IPV4, REAL_DNS, "00 00 00 00 00 00"],
        42,
    ),
    dns(
        "cooked",
        LinkType::LINUX_SLL,
        &[COOKED, "08 00", REAL_DNS],
        44,
    ),
    dns(
        "cooked, LLC",
        LinkType::LINUX_SLL,
        &[COOKED, "00 04 06 06 03", REAL_DNS],
        47,
    ),
    dns(
        "cooked, 802.1Q",
        LinkType::LINUX_SLL,
        &[COOKED, "81 00 00 07 08 00", REAL_DNS],
        48,
    ),
    dns(
        "cooked v2",
        LinkType::LINUX_SLL2,
        &[
            "08 00 00 00 00 00 00 02 00 01 00 06 b2 d8 e5 4f 80 cd 00 00",
            REAL_DNS,
        ],
        48,
    ),
    dns("raw", LinkType::RAW, &[REAL_DNS], 28),
    dns("raw of BSD", LinkType::RAW_BSD, &[REAL_DNS], 28),
    dns("raw of OpenBSD", LinkType::RAW_OPENBSD, &[REAL_DNS], 28),
    dns("raw IPv4", LinkType::IPV4, &[REAL_DNS], 28),
    dns(
        "loopback, little-endian",
        LinkType::NULL,
        &["02 00 00 00", REAL_DNS],
        32,
    ),
    dns(
        "loopback, big-endian",
        LinkType::NULL,
        &["00 00 00 02", REAL_DNS],
        32,
    ),
    dns(
        "loopback of OpenBSD",
        LinkType::LOOP,
        &["00 00 00 02", REAL_DNS],
        32,
    ),
    undecoded(
        "ARP",
        ETHER,
        &[ETHERNET, "08 06 00 01"],
        Reason::Ethertype(0x0806),
    ),
    undecoded(
        "LLDP",
        ETHER,
        &[ETHERNET, "88 cc 02 07 04"],
        Reason::Ethertype(0x88cc),
    ),
    undecoded(
        "spanning tree",
        ETHER,
        &[ETHERNET, "00 26 42 42 03 00"],
        Reason::Llc(0x42, 0x42),
    ),
    undecoded(
        "CDP",
        ETHER,
        &[ETHERNET, "00 20 aa aa 03 00 00 0c 20 00"],
        Reason::Snap(0x0c, 0x2000),
    ),
    undecoded(
        "LLC past its length",
        ETHER,
        &[ETHERNET, "00 02 06 06 03"],
        Reason::Short,
    ),
    undecoded(
        "netlink",
        LinkType::LINUX_SLL,
        &["00 04 03 38 00 00 00 00 00 00 00 00 00 00 08 00"],
        Reason::Hardware(824),
    ),
    undecoded(
        "AppleTalk",
        LinkType::LOOP,
        &["00 00 00 10 45"],
        Reason::Family(16),
    ),
    undecoded(
        "wrong byte order",
        LinkType::LOOP,
        &["02 00 00 00 45"],
        Reason::Family(0x0200_0000),
    ),
    undecoded("raw IPv5", LinkType::RAW, &["50"], Reason::Version(5)),
    undecoded(
        "USB",
        LinkType(189),
        &["00 00"],
        Reason::Link(LinkType(189)),
    ),
];

/// Packets with each network and transport header.
pub(super) const NETWORKS: &[Golden] = &[
    golden(
        "TCP",
        LinkType::RAW,
        &[REAL_SYN],
        "tcp 10.77.0.2:52074 > 10.77.1.10:443",
        (60, 0, 0),
    ),
    golden(
        "IPv4 options",
        LinkType::RAW,
        &[
            "46 00 00 28 00 00 00 00 40 11 00 00 c0 00 02 01 c0 00 02 02",
            "94 04 00 00",
            UDP_16,
        ],
        "udp 192.0.2.1:12345 > 192.0.2.2:53",
        (32, 8, 8),
    ),
    udp6(
        "IPv6 on Ethernet",
        ETHER,
        &[
            ETHERNET,
            IS_IPV6,
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (62, 8, 8),
    ),
    udp6(
        "raw IPv6",
        LinkType::RAW,
        &[IPV6_UP_TO_NEXT, "11", IPV6_FROM_HOP_LIMIT, UDP_16],
        (48, 8, 8),
    ),
    udp6(
        "Linux family",
        LinkType::NULL,
        &[
            "0a 00 00 00",
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (52, 8, 8),
    ),
    udp6(
        "Windows family",
        LinkType::NULL,
        &[
            "17 00 00 00",
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (52, 8, 8),
    ),
    udp6(
        "FreeBSD family",
        LinkType::NULL,
        &[
            "00 00 00 1c",
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (52, 8, 8),
    ),
    udp6(
        "macOS family",
        LinkType::NULL,
        &[
            "1e 00 00 00",
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (52, 8, 8),
    ),
    udp6(
        "OpenBSD family",
        LinkType::LOOP,
        &[
            "00 00 00 18",
            IPV6_UP_TO_NEXT,
            "11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16,
        ],
        (52, 8, 8),
    ),
    udp6(
        "hop-by-hop options",
        LinkType::IPV6,
        &[
            IPV6_UP_TO_NEXT,
            "00",
            IPV6_FROM_HOP_LIMIT,
            "11 00 01 04 00 00 00 00",
            "30 39 00 35 00 08 00 00",
        ],
        (56, 0, 0),
    ),
    udp6(
        "atomic fragment",
        LinkType::IPV6,
        &[
            IPV6_UP_TO_NEXT,
            "2c",
            IPV6_FROM_HOP_LIMIT,
            "11 00 00 00 00 00 00 01",
            "30 39 00 35 00 08 00 00",
        ],
        (56, 0, 0),
    ),
    golden(
        "SCTP",
        LinkType::IPV6,
        &[IPV6_UP_TO_NEXT, "84", IPV6_FROM_HOP_LIMIT, SCTP_16],
        "sctp [2001:db8::1]:2905 > [2001:db8::2]:2904",
        (52, 4, 4),
    ),
    golden(
        "ICMPv6",
        LinkType::IPV6,
        &[
            IPV6_UP_TO_NEXT,
            "3a",
            IPV6_FROM_HOP_LIMIT,
            "80 00 00 00 00 01 00 01 01 02 03 04 05 06 07 08",
        ],
        "icmp6 [2001:db8::1]:0 > [2001:db8::2]:0",
        (40, 16, 16),
    ),
    golden(
        "no next header",
        LinkType::IPV6,
        &[IPV6_UP_TO_NEXT, "3b", IPV6_FROM_HOP_LIMIT, UDP_16],
        "59 [2001:db8::1]:0 > [2001:db8::2]:0",
        (40, 0, 0),
    ),
];
