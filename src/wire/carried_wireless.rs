//! Encapsulations of wireless networks, to test as `tunnels` does.

use super::golden::{ETHERNET, IS_IPV4};
use super::golden_wireless::{DNS_SUBFRAME, SNAP, WIFI_HEADER};
use super::tunnels::{Carrier, Tunnel, tunnel};

use Carrier::{Ip, Udp};

/// Over IP, or over UDP.
pub(super) const IN_IP: &[Tunnel] = &[
    tunnel(
        "802.11 of Aruba",
        Ip(47),
        &["00 00 82 00", "88 01", WIFI_HEADER, "00 00", SNAP],
        (2, 0x84),
    ),
    tunnel(
        "an aggregate of 802.11, of Aruba",
        Ip(47),
        &["00 00 83 70", "88 02", WIFI_HEADER, "80 00", DNS_SUBFRAME],
        (3, 0x78),
    ),
    tunnel(
        "Ethernet in CAPWAP",
        Udp(5247),
        &[
            "00 10 02 00 00 00 00 00 ; plain; 2 words, for 802.11",
            ETHERNET,
            IS_IPV4,
        ],
        (0, 0x01),
    ),
    tunnel(
        "802.11 in CAPWAP",
        Udp(5247),
        &[
            "00 18 43 10 00 00 00 00 ; 3 words, radio 1, for 802.11, native, radio address",
            "\n00 00 00 00 08 01",
            WIFI_HEADER,
            SNAP,
        ],
        (3, 0x90),
    ),
    tunnel(
        "802.11 in CAPWAP as Cisco has it",
        Udp(5247),
        &[
            "00 20 03 20 00 00 00 00 ; 4 words, for 802.11, native, wireless information",
            "\n01 04 00 00 00 00 00 00 01 88 ; frame control swapped",
            "\n00 00 02 00 00 00 00 01 02 00 00 00 00 02 02 00 00 00 00 03",
            "\n01 50 00 00 ; fragment 0, frame 21, QoS",
            SNAP,
        ],
        (7, 0x01),
    ),
    tunnel(
        "Ethernet in TZSP",
        Udp(37008),
        &["01 00 00 01 01", ETHERNET, IS_IPV4],
        (1, 0x04),
    ),
    tunnel(
        "802.11 in TZSP",
        Udp(37008),
        &[
            "01 00 00 12 ; version 1, received, 802.11",
            "\n0a 01 d8 00 12 01 06 01 ; signal, padding, channel, end",
            "\n88 01",
            WIFI_HEADER,
            "00 00",
            SNAP,
        ],
        (4, 0x01),
    ),
];
