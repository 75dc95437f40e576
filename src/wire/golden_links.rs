//! Frames to test with, of links other than Ethernet, cooked, raw and wireless ones; put together by hand.

use super::golden::{ETHERNET, Golden, IS_IPV4, REAL_DNS, dns, undecoded};
use super::golden_wireless::SNAP;
use super::view::Reason;
use crate::packet::LinkType;

const FRELAY: LinkType = LinkType::FRELAY;
const ATM: LinkType = LinkType::ATM_RFC1483;

/// A log entry of netfilter but for the packet, in little-endian order.
const NFLOG_LE: &str = "
    02 00 00 05              ; IPv4, version 0, group 5
    08 00 01 00 08 00 03 00  ; ethertype IPv4, forwarded
    06 00 0a 00 78 00 00 00  ; prefix
    0c 00 12 80 08 00 01 00 01 02 03 04 ; connection, nested
";
/// The same in big-endian order.
const NFLOG_BE: &str = "
    02 00 00 05
    00 08 00 01 08 00 03 00
    00 06 00 0a 78 00 00 00
    00 0c 80 12 00 08 00 01 01 02 03 04
";
const PFLOG: &str = "
    3d 02 00 00              ; 61 bytes, IPv4
    65 6d 30 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
";
const PKTAP: &str = "
    6c 00 00 00 01 00 00 00 0c 00 00 00 ; 108 bytes, a packet, raw IP
    65 6e 30 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
";

/// What packet filters and operating systems write about a packet.
pub(super) const LOGGED: &[Golden] = &[
    dns(
        "NFLOG",
        LinkType::NFLOG,
        &[NFLOG_LE, "41 00 09 00", REAL_DNS],
        64,
    ),
    dns(
        "NFLOG, big-endian",
        LinkType::NFLOG,
        &[NFLOG_BE, "00 41 00 09", REAL_DNS],
        64,
    ),
    dns(
        "NFLOG of a bridge",
        LinkType::NFLOG,
        &["07 00 00 05 08 00 01 00 08 00 03 00 41 00 09 00", REAL_DNS],
        44,
    ),
    undecoded(
        "NFLOG, ARP",
        LinkType::NFLOG,
        &["03 00 00 05 08 00 01 00 08 06 03 00 06 00 09 00 00 01"],
        Reason::Ethertype(0x0806),
    ),
    undecoded(
        "NFLOG of no family",
        LinkType::NFLOG,
        &["07 00 00 05 06 00 09 00 00 01"],
        Reason::Family(7),
    ),
    undecoded(
        "NFLOG without a packet",
        LinkType::NFLOG,
        &[NFLOG_LE],
        Reason::NoPacket,
    ),
    undecoded(
        "NFLOG, attribute of 3 bytes",
        LinkType::NFLOG,
        &["02 00 00 05 03 00 01 00 00 00 00 00"],
        Reason::Short,
    ),
    undecoded(
        "NFLOG, version 1",
        LinkType::NFLOG,
        &["02 01 00 05 08 00 01 00"],
        Reason::Flags(0x0201),
    ),
    dns("PFLOG", LinkType::PFLOG, &[PFLOG, REAL_DNS], 92),
    undecoded(
        "PFLOG, AppleTalk",
        LinkType::PFLOG,
        &["04 10 00 00"],
        Reason::Family(16),
    ),
    undecoded(
        "PFLOG of no length",
        LinkType::PFLOG,
        &["00 02 00 00"],
        Reason::Short,
    ),
    dns(
        "ENC",
        LinkType::ENC,
        &["02 00 00 00 00 00 00 01 00 00 00 00", REAL_DNS],
        40,
    ),
    dns(
        "ENC, big-endian",
        LinkType::ENC,
        &["00 00 00 02 00 00 00 01 00 00 00 00", REAL_DNS],
        40,
    ),
    dns("PKTAP", LinkType::PKTAP, &[PKTAP, REAL_DNS], 136),
    undecoded(
        "PKTAP, no packet",
        LinkType::PKTAP,
        &["0c 00 00 00 02 00 00 00 0c 00 00 00 45"],
        Reason::NoPacket,
    ),
    undecoded(
        "PKTAP of 11 bytes",
        LinkType::PKTAP,
        &["0b 00 00 00 01 00 00 00 0c 00 00 00"],
        Reason::Short,
    ),
];

/// Links between and within switches and routers.
pub(super) const ROUTED: &[Golden] = &[
    dns(
        "FDDI",
        LinkType::FDDI,
        &["50", ETHERNET, SNAP, REAL_DNS],
        49,
    ),
    undecoded(
        "FDDI, station management",
        LinkType::FDDI,
        &["41", ETHERNET, SNAP],
        Reason::Kind(0x41),
    ),
    dns(
        "token ring",
        LinkType::TOKEN_RING,
        &[
            "10 40",
            "40 00 00 00 00 01 40 00 00 00 00 02",
            SNAP,
            REAL_DNS,
        ],
        50,
    ),
    dns(
        "token ring, routed by the source",
        LinkType::TOKEN_RING,
        &[
            "10 40",
            "40 00 00 00 00 01 c0 00 00 00 00 02",
            "06 30 00 11 00 20",
            SNAP,
            REAL_DNS,
        ],
        56,
    ),
    undecoded(
        "token ring, route of 1 byte",
        LinkType::TOKEN_RING,
        &["10 40", "40 00 00 00 00 01 c0 00 00 00 00 02", "01 30"],
        Reason::Short,
    ),
    undecoded(
        "token ring, no LLC",
        LinkType::TOKEN_RING,
        &["10 02", ETHERNET, SNAP],
        Reason::Kind(0x02),
    ),
    dns("frame relay", FRELAY, &["18 41 03 cc", REAL_DNS], 32),
    dns(
        "frame relay, three bytes of address",
        FRELAY,
        &["18 40 41 03 cc", REAL_DNS],
        33,
    ),
    dns(
        "frame relay, four bytes of address",
        FRELAY,
        &["18 40 00 41 03 cc", REAL_DNS],
        34,
    ),
    dns(
        "frame relay, SNAP",
        FRELAY,
        &["18 41 03 00 80 00 00 00 08 00", REAL_DNS],
        38,
    ),
    dns(
        "frame relay, Ethernet",
        FRELAY,
        &["18 41 03 00 80 00 80 c2 00 07", ETHERNET, IS_IPV4, REAL_DNS],
        52,
    ),
    dns(
        "frame relay, PPP",
        FRELAY,
        &["18 41 03 cf 00 21", REAL_DNS],
        34,
    ),
    dns(
        "frame relay of Cisco",
        FRELAY,
        &["18 41 08 00", REAL_DNS],
        32,
    ),
    dns(
        "frame relay and a direction",
        LinkType::FRELAY_WITH_DIR,
        &["01 18 41 03 cc", REAL_DNS],
        33,
    ),
    undecoded(
        "frame relay, signalling",
        FRELAY,
        &["00 01 03 08 00 75"],
        Reason::Kind(0x08),
    ),
    undecoded(
        "frame relay, endless address",
        FRELAY,
        &["18 40 00 40 03 cc"],
        Reason::Kind(0x18),
    ),
    dns("ATM, LLC", ATM, &[SNAP, REAL_DNS], 36),
    dns(
        "ATM, IPv4 by its identifier",
        ATM,
        &["fe fe 03 cc", REAL_DNS],
        32,
    ),
    dns("ATM, PPP", ATM, &["fe fe 03 cf 00 21", REAL_DNS], 34),
    dns(
        "ATM, Ethernet",
        ATM,
        &["aa aa 03 00 80 c2 00 07 00 00", ETHERNET, IS_IPV4, REAL_DNS],
        52,
    ),
    undecoded("ATM, IS-IS", ATM, &["fe fe 03 83"], Reason::Llc(0xfe, 0xfe)),
    undecoded(
        "ATM, token ring",
        ATM,
        &["aa aa 03 00 80 c2 00 09 00 00"],
        Reason::Snap(0x80c2, 9),
    ),
    dns(
        "SunATM, LLC",
        LinkType::SUNATM,
        &["82 00 00 64", SNAP, REAL_DNS],
        40,
    ),
    dns(
        "SunATM, emulated LAN",
        LinkType::SUNATM,
        &["01 00 00 64 00 01", ETHERNET, IS_IPV4, REAL_DNS],
        48,
    ),
    undecoded(
        "SunATM, signalling",
        LinkType::SUNATM,
        &["06 00 00 05"],
        Reason::Kind(6),
    ),
    dns(
        "Juniper",
        LinkType::JUNIPER_ETHER,
        &[
            "4d 47 43 81 00 06 01 01 03 02 01 04",
            ETHERNET,
            IS_IPV4,
            REAL_DNS,
        ],
        54,
    ),
    dns(
        "Juniper, no Ethernet",
        LinkType::JUNIPER_ETHER,
        &["4d 47 43 02 02 00 00 00", REAL_DNS],
        36,
    ),
    dns(
        "Juniper, PPP",
        LinkType::JUNIPER_PPP,
        &["4d 47 43 00 ff 03 00 21", REAL_DNS],
        36,
    ),
    dns(
        "Juniper, frame relay",
        LinkType::JUNIPER_FRELAY,
        &["4d 47 43 00 18 41 03 cc", REAL_DNS],
        36,
    ),
    dns(
        "Juniper, Cisco HDLC",
        LinkType::JUNIPER_CHDLC,
        &["4d 47 43 00 0f 00 08 00", REAL_DNS],
        36,
    ),
    undecoded(
        "Juniper, no magic",
        LinkType::JUNIPER_ETHER,
        &["4d 47 44 00", ETHERNET],
        Reason::Magic,
    ),
    undecoded(
        "Juniper, OSI",
        LinkType::JUNIPER_ETHER,
        &["4d 47 43 02 08 00 00 00"],
        Reason::Kind(8),
    ),
    dns(
        "PPP and a direction",
        LinkType::PPP_WITH_DIR,
        &["01 ff 03 00 21", REAL_DNS],
        33,
    ),
    dns(
        "Cisco HDLC and a direction",
        LinkType::C_HDLC_WITH_DIR,
        &["01 0f 00 08 00", REAL_DNS],
        33,
    ),
    dns(
        "netANALYZER",
        LinkType::NETANALYZER,
        &["00 00 40 00", ETHERNET, IS_IPV4, REAL_DNS, "01 02 03 04"],
        46,
    ),
    dns(
        "netANALYZER with a preamble",
        LinkType::NETANALYZER_TRANSPARENT,
        &[
            "00 00 40 00 55 55 55 55 55 55 55 d5",
            ETHERNET,
            IS_IPV4,
            REAL_DNS,
            "01 02 03 04",
        ],
        54,
    ),
    dns(
        "DSA",
        LinkType::DSA_TAG_DSA,
        &[ETHERNET, "c0 08 00 01", IS_IPV4, REAL_DNS],
        46,
    ),
    dns(
        "DSA and its ethertype",
        LinkType::DSA_TAG_EDSA,
        &[ETHERNET, "da da 00 00 c0 08 00 01", IS_IPV4, REAL_DNS],
        50,
    ),
    dns(
        "Broadcom",
        LinkType::DSA_TAG_BRCM,
        &[ETHERNET, "20 00 00 01", IS_IPV4, REAL_DNS],
        46,
    ),
    dns(
        "Broadcom, in front",
        LinkType::DSA_TAG_BRCM_PREPEND,
        &["20 00 00 01", ETHERNET, IS_IPV4, REAL_DNS],
        46,
    ),
    undecoded(
        "DSA, spanning tree",
        LinkType::DSA_TAG_DSA,
        &[ETHERNET, "00 08 00 00 00 26 42 42 03"],
        Reason::Llc(0x42, 0x42),
    ),
];
