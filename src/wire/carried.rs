//! More encapsulations to test as `tunnels` does, and by what names all of them are told.

use super::decode;
use super::golden::{ETHERNET, IS_IPV4, REAL_DNS, hex, tuple_text};
use super::tunnels::{self, Carrier, IPV6_AROUND, Tunnel, tunnel};
use super::view::{PacketView, Reason};
use crate::packet::LinkType;

use Carrier::{Ethertype, Ip, Link, Udp};

/// Over IP, or over UDP.
pub(super) const IN_IP: &[Tunnel] = &[
    tunnel("EtherIP", Ip(97), &["30 00", ETHERNET, IS_IPV4], (0, 0x20)),
    tunnel("Ethernet in IP", Ip(143), &[ETHERNET, IS_IPV4], (12, 0xff)),
    tunnel("MPLS in IP", Ip(137), &["00 01 01 40"], (4, 0xff)),
    tunnel(
        "PIM Register",
        Ip(103),
        &["21 00 de ff 00 00 00 00"],
        (0, 0x20),
    ),
    tunnel(
        "Ethernet in L2TPv3",
        Ip(115),
        &["00 00 00 07 ; session", ETHERNET, IS_IPV4],
        (3, 0x00),
    ),
    tunnel(
        "Ethernet in L2TPv3 with a cookie and a sublayer",
        Ip(115),
        &[
            "00 00 00 07 01 23 45 67 89 ab cd ef 40 00 00 01",
            ETHERNET,
            IS_IPV4,
        ],
        (28, 0x09),
    ),
    tunnel(
        "IP in L2TPv3 over UDP",
        Udp(1701),
        &["00 03 00 00 00 00 00 07 01 23 45 67"],
        (1, 0x04),
    ),
    tunnel(
        "GRE redirected by WCCP",
        Ip(47),
        &["00 00 88 3e", "05 59 00 48 ; service, and buckets"],
        (3, 0x3f),
    ),
    tunnel(
        "GRE redirected by the first WCCP",
        Ip(47),
        &["00 00 88 3e"],
        (3, 0x3f),
    ),
    tunnel(
        "EoIP",
        Ip(47),
        &[
            "20 01 64 00 00 4b 07 00 ; key; version 1; length 75, tunnel 7",
            ETHERNET,
            IS_IPV4,
        ],
        (1, 0x02),
    ),
    tunnel(
        "NSH in GRE",
        Ip(47),
        &["00 00 89 4f", "0f c2 01 01 00 00 07 ff"],
        (4, 0x4f),
    ),
    tunnel(
        "GRE in UDP",
        Udp(4754),
        &["20 00 08 00 00 00 00 07"],
        (1, 0x01),
    ),
    tunnel("MPLS in UDP", Udp(6635), &["00 01 01 40"], (2, 0x00)),
    tunnel(
        "LISP",
        Udp(4341),
        &["c0 12 34 56 00 00 00 01 ; nonce and locator bits"],
        (8, 0x35),
    ),
    tunnel(
        "LISP with a next protocol",
        Udp(4341),
        &["04 00 00 03 00 00 00 00", ETHERNET, IS_IPV4],
        (3, 0x09),
    ),
    tunnel(
        "AYIYA",
        Udp(5072),
        &[
            "22 52 11 04 5a 00 00 00 ; identity of 4 bytes, signature of 5 words, forward; IPv4 next",
            "\n01 02 03 04",
            "\n00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13",
        ],
        (2, 0x10),
    ),
    tunnel(
        "NSH in VXLAN-GPE",
        Udp(4790),
        &["0c 00 00 04 00 00 07 00", "0f c2 01 01 00 00 07 ff"],
        (3, 0x09),
    ),
    tunnel(
        "VXLAN at another port",
        Udp(12345),
        &["08 00 00 00 00 00 07 00", ETHERNET, IS_IPV4],
        (32, 0xff),
    ),
    tunnel(
        "Geneve at another port",
        Udp(12345),
        &["00 00 65 58 00 00 07 00", ETHERNET, IS_IPV4],
        (25, 0x3e),
    ),
    tunnel(
        "IPv6 in GTP-U at another port",
        Udp(12345),
        &["30 ff 00 65 00 00 00 01", IPV6_AROUND],
        (13, 0x3e),
    ),
];

/// Under IP.
pub(super) const ON_LINK: &[Tunnel] = &[
    tunnel(
        "NSH with metadata of type 1",
        Ethertype("89 4f"),
        &[
            "0f c6 01 01 00 00 07 ff ; 6 words, type 1, IPv4; path 7, index 255",
            "\n00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04",
        ],
        (0, 0x8f),
    ),
    tunnel(
        "NSH with metadata of type 2",
        Ethertype("89 4f"),
        &[
            "0f c4 02 03 00 00 07 ff ; 4 words, type 2, Ethernet",
            "\n00 01 02 04 00 00 00 01",
            ETHERNET,
            IS_IPV4,
        ],
        (3, 0x09),
    ),
    tunnel(
        "PBB",
        Ethertype("88 e7"),
        &[
            "00 00 00 07",
            ETHERNET,
            "81 00 00 01 ; a customer's tag\n",
            IS_IPV4,
        ],
        (20, 0xff),
    ),
    tunnel(
        "FabricPath",
        Ethertype("89 03"),
        &["00 60 ; tag, time to live\n", ETHERNET, IS_IPV4],
        (14, 0xff),
    ),
    tunnel(
        "batman-adv, unicast",
        Ethertype("43 05"),
        &["40 0f 32 01 02 b2 d8 e5 4f 80", ETHERNET, IS_IPV4],
        (1, 0x0e),
    ),
    tunnel(
        "batman-adv, unicast with four addresses",
        Ethertype("43 05"),
        &[
            "42 0f 32 01 02 b2 d8 e5 4f 80",
            "02 b2 d8 e5 4f 81 01 00",
            ETHERNET,
            IS_IPV4,
        ],
        (0, 0x41),
    ),
    tunnel(
        "batman-adv, broadcast",
        Ethertype("43 05"),
        &[
            "01 0f 32 00 00 00 00 07 02 b2 d8 e5 4f 80",
            ETHERNET,
            IS_IPV4,
        ],
        (0, 0x00),
    ),
    tunnel(
        "TRILL",
        Ethertype("22 f3"),
        &[
            "30 7f 00 01 00 02 01 02 03 04 ; reserved bits, a word of options, 63 hops; bridges\n",
            ETHERNET,
            IS_IPV4,
        ],
        (0, 0x70),
    ),
    tunnel(
        "Cisco MetaData",
        Ethertype("89 09"),
        &["01 01 00 01 00 07", IS_IPV4],
        (6, 0xff),
    ),
    tunnel(
        "HSR",
        Ethertype("89 2f"),
        &["00 43 00 01", IS_IPV4],
        (4, 0xff),
    ),
    tunnel(
        "802.1CB under a VLAN tag",
        Ethertype("81 00"),
        &["00 07 f1 c1 00 00 00 01", IS_IPV4],
        (8, 0xff),
    ),
    tunnel(
        "LLC of a jumbo frame",
        Ethertype("88 70"),
        &["aa aa 03 00 00 00", IS_IPV4],
        (0, 0xab),
    ),
    tunnel(
        "Ethernet of a GRE device, cooked",
        Link(LinkType::LINUX_SLL),
        &[
            "00 00 03 0a 00 04 00 00 00 00 00 00 00 00 65 58",
            ETHERNET,
            IS_IPV4,
        ],
        (15, 0x5a),
    ),
    tunnel(
        "PPP, cooked",
        Link(LinkType::LINUX_SLL),
        &[
            "00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 07",
            "ff 03 00 21",
        ],
        (19, 0x23),
    ),
    tunnel(
        "802.1BR",
        Ethertype("89 3f"),
        &["00 00 00 07 00 00", IS_IPV4],
        (6, 0xff),
    ),
    tunnel(
        "VN-TAG",
        Ethertype("89 26"),
        &["00 07 00 00", IS_IPV4],
        (4, 0xff),
    ),
    tunnel(
        "MACsec that only signs",
        Ethertype("88 e5"),
        &["00 00 00 00 00 07", IS_IPV4],
        (0, 0x80),
    ),
    tunnel(
        "MACsec with a channel",
        Ethertype("88 e5"),
        &["20 00 00 00 00 07 02 b2 d8 e5 4f 80 00 01", IS_IPV4],
        (0, 0x2c),
    ),
];

/// What is told of frames above and in [`tunnels`], by name.
const TOLD: &[(&str, &[&str])] = &[
    ("IP in IP", &["ipip"]),
    ("6in4, then 4in6", &["6in4", "4in6"]),
    ("MPLS in GRE", &["gre", "mpls"]),
    ("PPTP", &["pptp"]),
    ("ERSPAN, type I", &["gre", "erspan"]),
    ("ERSPAN, type III with a subheader", &["gre", "erspan"]),
    ("VXLAN of Linux", &["vxlan"]),
    ("VXLAN-GPE", &["vxlan_gpe"]),
    ("IPv4 in Geneve", &["geneve"]),
    ("GTP-U with extension headers", &["gtp"]),
    ("Teredo", &["teredo", "4in6"]),
    ("L2TP", &["l2tp"]),
    ("802.11 of Aruba", &["gre"]),
    ("Ethernet in CAPWAP", &["capwap"]),
    ("802.11 in CAPWAP as Cisco has it", &["capwap"]),
    ("802.11 in TZSP", &["tzsp"]),
    ("PPP", &[]),
    ("Cisco HDLC", &[]),
    ("PPPoE on Ethernet", &["pppoe"]),
    ("two MPLS labels", &["mpls"]),
    ("EtherIP", &["etherip"]),
    ("Ethernet in IP", &["etherip"]),
    ("PIM Register", &["pim"]),
    ("Ethernet in L2TPv3 with a cookie and a sublayer", &["l2tp"]),
    ("GRE redirected by WCCP", &["gre"]),
    ("EoIP", &["eoip"]),
    ("NSH in GRE", &["gre", "nsh"]),
    ("GRE in UDP", &["gre"]),
    ("LISP", &["lisp"]),
    ("AYIYA", &["ayiya"]),
    ("VXLAN at another port", &["vxlan"]),
    ("IPv6 in GTP-U at another port", &["gtp", "4in6"]),
    ("PBB", &["pbb"]),
    ("FabricPath", &["fabricpath"]),
    ("batman-adv, unicast", &["batman"]),
    ("TRILL", &["trill"]),
    ("GTP, version 0", &["gtp"]),
    ("HSR", &[]),
    ("Cisco MetaData", &[]),
    ("802.1BR", &[]),
    ("MACsec with a channel", &[]),
];

fn words(view: &PacketView) -> Vec<&'static str> {
    view.tunnels
        .iter()
        .map(crate::tunnel::Tunnel::as_str)
        .collect()
}

#[test]
fn the_tunnels_around_the_innermost_packet_are_told() {
    for (name, told) in TOLD {
        let tunnel = tunnels::all().find(|tunnel| tunnel.name == *name).unwrap();
        let (link, frame) = tunnel.carrier.around(&tunnel.body(), 0);
        assert_eq!(words(&decode(Some(link), &frame)), *told, "{name}");
    }
}

#[test]
fn a_tunnel_that_holds_no_packet_is_not_told() {
    let arp = hex(&["08 00 00 00 00 00 07 00", ETHERNET, "08 06 00 01 08 00"]);
    for (body, outer) in [(&arp[..], 4789), (&arp[..4], 4789)] {
        let (link, frame) = Udp(outer).around(body, 0);
        let (_, frame) = Ip(4).around(&frame, 0);
        let view = decode(Some(link), &frame);
        assert_eq!(tuple_text(&view), "udp 192.0.2.1:12345 > 192.0.2.2:4789");
        assert_eq!(words(&view), ["ipip"]);
    }
}

#[test]
fn a_reply_from_a_tunnels_port_is_a_tunnel_too() {
    let body = hex(&["08 00 00 00 00 00 07 00", ETHERNET, IS_IPV4, REAL_DNS]);
    let (link, mut frame) = Udp(12345).around(&body, 0);
    frame[20..22].copy_from_slice(&4789u16.to_be_bytes());
    assert_eq!(words(&decode(Some(link), &frame)), ["vxlan"]);
}

#[test]
fn what_macsec_encrypts_is_not_read() {
    for control in [0x0c, 0x2c, 0x04, 0x08] {
        let mut frame = hex(&[ETHERNET, "88 e5 00 00 00 00 00 07", IS_IPV4, REAL_DNS]);
        frame[14] = control;
        let view = decode(Some(LinkType::ETHERNET), &frame);
        assert_eq!(
            (
                tuple_text(&view).as_str(),
                view.stop.map(|stop| stop.reason)
            ),
            ("", Some(Reason::Encrypted))
        );
    }
}

#[test]
fn a_short_length_of_macsec_ends_what_is_protected() {
    let mut frame = hex(&[ETHERNET, "88 e5 00 20 00 00 00 07", IS_IPV4, REAL_DNS]);
    let view = decode(Some(LinkType::ETHERNET), &frame);
    assert_eq!(tuple_text(&view), "udp 10.77.0.2:48513 > 10.77.1.53:53");
    assert_eq!(view.payload.caplen, 2);
    // No room for an ethertype: not believed.
    frame[15] = 1;
    assert_eq!(decode(Some(LinkType::ETHERNET), &frame).payload.caplen, 33);
}

#[test]
fn a_probe_of_pim_is_no_packet() {
    let body = hex(&["21 00 9e ff 40 00 00 00", REAL_DNS]);
    let (link, frame) = Ip(103).around(&body, 0);
    let view = decode(Some(link), &frame);
    assert_eq!(tuple_text(&view), "103 192.0.2.1:0 > 192.0.2.2:0");
    assert_eq!(view.stop, None);
}
