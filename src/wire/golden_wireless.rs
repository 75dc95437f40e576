//! Frames of IEEE 802.11 to test with, bare and behind what tells about their reception; put together by hand.

use super::golden::{ETHERNET, Golden, IS_IPV4, REAL_DNS, dns, undecoded};
use super::view::Reason;
use crate::packet::LinkType;

const WIFI: LinkType = LinkType::IEEE802_11;
const RADIOTAP: LinkType = LinkType::IEEE802_11_RADIOTAP;

/// What follows frame control: duration, three addresses, sequence control of frame 1.
pub(super) const WIFI_HEADER: &str = "
    00 00                    ; duration
    02 00 00 00 00 01        ; receiver
    02 00 00 00 00 02        ; transmitter
    02 00 00 00 00 03        ; source, destination or network
    10 00                    ; fragment 0, frame 1
";
const FOURTH: &str = "02 00 00 00 00 04 ; fourth address\n";
pub(super) const SNAP: &str = "aa aa 03 00 00 00 08 00 ; LLC, SNAP, ethertype IPv4\n";
/// A subframe of an aggregate, and its padding.
const ARP_SUBFRAME: &str = "
    02 00 00 00 00 01 02 00 00 00 00 02 00 0d ; addresses, length 13
    aa aa 03 00 00 00 08 06  ; LLC, SNAP, ethertype ARP
    00 01 08 00 06 00        ; five bytes of it, padding
";
pub(super) const DNS_SUBFRAME: &str = "
    02 00 00 00 00 01 02 00 00 00 00 02 00 45 ; addresses, length 69
    aa aa 03 00 00 00 08 00  ; LLC, SNAP, ethertype IPv4
";
/// 0x44, 144 bytes, a device and no values.
const PRISM: &str = "
    44 00 00 00 90 00 00 00 77 6c 61 6e 30 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
";
const AVS: &str = "
    80 21 10 01 00 00 00 40 00 00 00 00 00 00 00 00 ; version 1, 64 bytes
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
";

/// Frames with the query of [`super::golden`] in them, and frames with no packet.
pub(super) const WIRELESS: &[Golden] = &[
    dns(
        "to a distribution system",
        WIFI,
        &["08 01", WIFI_HEADER, SNAP, REAL_DNS],
        60,
    ),
    dns(
        "from one",
        WIFI,
        &["08 02", WIFI_HEADER, SNAP, REAL_DNS],
        60,
    ),
    dns(
        "within a cell",
        WIFI,
        &["08 00", WIFI_HEADER, SNAP, REAL_DNS],
        60,
    ),
    dns(
        "from one to another",
        WIFI,
        &["08 03", WIFI_HEADER, FOURTH, SNAP, REAL_DNS],
        66,
    ),
    dns(
        "QoS",
        WIFI,
        &["88 01", WIFI_HEADER, "05 00", SNAP, REAL_DNS],
        62,
    ),
    dns(
        "QoS, four addresses",
        WIFI,
        &["88 03", WIFI_HEADER, FOURTH, "05 00", SNAP, REAL_DNS],
        68,
    ),
    dns(
        "HT control",
        WIFI,
        &["88 81", WIFI_HEADER, "05 00 00 00 00 00", SNAP, REAL_DNS],
        66,
    ),
    dns(
        "strictly ordered, without QoS",
        WIFI,
        &["08 81", WIFI_HEADER, SNAP, REAL_DNS],
        60,
    ),
    dns(
        "with acknowledgement and poll",
        WIFI,
        &["38 02", WIFI_HEADER, SNAP, REAL_DNS],
        60,
    ),
    dns(
        "frame check sequence",
        WIFI,
        &["08 01", WIFI_HEADER, SNAP, REAL_DNS, "01 02 03 04"],
        60,
    ),
    dns(
        "mesh",
        WIFI,
        &[
            "88 03",
            WIFI_HEADER,
            FOURTH,
            "00 01",
            "00 1f 01 00 00 00",
            SNAP,
            REAL_DNS,
        ],
        74,
    ),
    dns(
        "mesh, two more addresses",
        WIFI,
        &[
            "88 02",
            WIFI_HEADER,
            "00 01",
            "02 1f 01 00 00 00",
            FOURTH,
            FOURTH,
            SNAP,
            REAL_DNS,
        ],
        80,
    ),
    dns(
        "no mesh, but its bit",
        WIFI,
        &["88 02", WIFI_HEADER, "00 01", SNAP, REAL_DNS],
        62,
    ),
    dns(
        "aggregate",
        WIFI,
        &["88 02", WIFI_HEADER, "80 00", DNS_SUBFRAME, REAL_DNS],
        76,
    ),
    dns(
        "aggregate, with the bit of a mesh",
        WIFI,
        &["88 02", WIFI_HEADER, "80 01", DNS_SUBFRAME, REAL_DNS],
        76,
    ),
    dns(
        "aggregate within a mesh",
        WIFI,
        &[
            "88 03",
            WIFI_HEADER,
            FOURTH,
            "80 01",
            "02 00 00 00 00 01 02 00 00 00 00 02 00 4b ; addresses, length 75",
            "\n00 1f 01 00 00 00 ; mesh control",
            "\naa aa 03 00 00 00 08 00",
            REAL_DNS,
        ],
        88,
    ),
    dns(
        "aggregate, ARP first",
        WIFI,
        &[
            "88 02",
            WIFI_HEADER,
            "80 00",
            ARP_SUBFRAME,
            DNS_SUBFRAME,
            REAL_DNS,
            "00 00 00",
            ARP_SUBFRAME,
        ],
        104,
    ),
    undecoded(
        "aggregate of ARP",
        WIFI,
        &["88 02", WIFI_HEADER, "80 00", ARP_SUBFRAME],
        Reason::Ethertype(0x0806),
    ),
    undecoded(
        "keys",
        WIFI,
        &["08 02", WIFI_HEADER, "aa aa 03 00 00 00 88 8e 02 03"],
        Reason::Ethertype(0x888e),
    ),
    undecoded(
        "protected",
        WIFI,
        &["08 41", WIFI_HEADER, "00 00 00 20 00 00 00 00"],
        Reason::Encrypted,
    ),
    undecoded(
        "later part",
        WIFI,
        &["08 01 00 00", FOURTH, FOURTH, FOURTH, "12 00", SNAP],
        Reason::LaterPart,
    ),
    undecoded("beacon", WIFI, &["80 00", WIFI_HEADER], Reason::Management),
    undecoded(
        "acknowledgement",
        WIFI,
        &["d4 00 00 00", FOURTH],
        Reason::Control,
    ),
    undecoded("no data", WIFI, &["48 11", WIFI_HEADER], Reason::NoData),
    undecoded(
        "no data, QoS",
        WIFI,
        &["c8 11", WIFI_HEADER, "00 00"],
        Reason::NoData,
    ),
    undecoded(
        "version 1",
        WIFI,
        &["09 01", WIFI_HEADER],
        Reason::Flags(0x0901),
    ),
    dns(
        "radiotap",
        RADIOTAP,
        &[
            "00 00 08 00 00 00 00 00",
            "08 01",
            WIFI_HEADER,
            SNAP,
            REAL_DNS,
        ],
        68,
    ),
    dns(
        "radiotap, padded header",
        RADIOTAP,
        &[
            "00 00 09 00 02 00 00 00 20",
            "88 01",
            WIFI_HEADER,
            "00 00",
            "00 00",
            SNAP,
            REAL_DNS,
        ],
        73,
    ),
    dns(
        "radiotap, two words of presence and a time",
        RADIOTAP,
        &[
            "00 00 19 00 03 00 00 80 00 00 00 00 ; 25 bytes; time, flags, another word; nothing in that",
            "\n00 00 00 00 01 02 03 04 05 06 07 08 20 ; alignment, time, flags",
            "\n88 01",
            WIFI_HEADER,
            "00 00",
            "00 00",
            SNAP,
            REAL_DNS,
        ],
        89,
    ),
    undecoded(
        "radiotap of 7 bytes",
        RADIOTAP,
        &["00 00 07 00 00 00 00 00", "08 01", WIFI_HEADER],
        Reason::Short,
    ),
    undecoded(
        "radiotap, version 1",
        RADIOTAP,
        &["01 00 08 00 00 00 00 00"],
        Reason::Flags(0x0100),
    ),
    dns(
        "Prism",
        LinkType::IEEE802_11_PRISM,
        &[PRISM, "08 01", WIFI_HEADER, SNAP, REAL_DNS],
        204,
    ),
    dns(
        "AVS as Prism",
        LinkType::IEEE802_11_PRISM,
        &[AVS, "08 01", WIFI_HEADER, SNAP, REAL_DNS],
        124,
    ),
    dns(
        "AVS",
        LinkType::IEEE802_11_AVS,
        &[AVS, "08 01", WIFI_HEADER, SNAP, REAL_DNS],
        124,
    ),
    undecoded(
        "AVS of 7 bytes",
        LinkType::IEEE802_11_AVS,
        &["80 21 10 01 00 00 00 07"],
        Reason::Short,
    ),
    dns(
        "cooked, 802.11",
        LinkType::LINUX_SLL,
        &[
            "00 03 03 21 00 00 00 00 00 00 00 00 00 00 00 04",
            "08 01",
            WIFI_HEADER,
            SNAP,
            REAL_DNS,
        ],
        76,
    ),
    dns(
        "cooked, Prism",
        LinkType::LINUX_SLL,
        &[
            "00 03 03 22 00 00 00 00 00 00 00 00 00 00 00 04",
            PRISM,
            "08 01",
            WIFI_HEADER,
            SNAP,
            REAL_DNS,
        ],
        220,
    ),
    dns(
        "cooked v2, radiotap",
        LinkType::LINUX_SLL2,
        &[
            "00 04 00 00 00 00 00 02 03 23 03 00 00 00 00 00 00 00 00 00",
            "00 00 08 00 00 00 00 00",
            "08 01",
            WIFI_HEADER,
            SNAP,
            REAL_DNS,
        ],
        88,
    ),
    dns(
        "PPI, 802.11",
        LinkType::PPI,
        &[
            "00 00 20 00 69 00 00 00 ; version 0, 32 bytes, link type 105",
            "\n02 00 14 00 00 00 00 00 00 00 00 00 01 00 0c 00 6c 09 a0 00 00 00 d8 9b ; 802.11-Common",
            "\n08 01",
            WIFI_HEADER,
            SNAP,
            REAL_DNS,
            "01 02 03 04",
        ],
        92,
    ),
    dns(
        "PPI, Ethernet",
        LinkType::PPI,
        &["00 00 08 00 01 00 00 00", ETHERNET, IS_IPV4, REAL_DNS],
        50,
    ),
    undecoded(
        "PPI, USB",
        LinkType::PPI,
        &["00 00 08 00 bd 00 00 00"],
        Reason::Link(LinkType(189)),
    ),
    undecoded(
        "PPI, no link type",
        LinkType::PPI,
        &["00 00 08 00 01 00 01 00"],
        Reason::NoLink,
    ),
    undecoded(
        "PPI, version 1",
        LinkType::PPI,
        &["01 00 08 00 01 00 00 00"],
        Reason::Flags(0x0100),
    ),
];
