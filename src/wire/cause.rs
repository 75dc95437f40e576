//! Why a frame was not decoded, in words to count frames by: ARP rather than a number, and no offsets.

use std::fmt;

use super::view::{Layer, Reason, Stop};
use crate::packet::LinkType;

/// What is common to stops that are counted as one.
///
/// Where a header announces what is not decoded, that alone counts, whichever header it was. What only a broken header says (a version, flags)
/// does not: it has too many values. Nor do the kinds of a maker's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    layer: Option<Layer>,
    reason: Reason,
}

impl From<Stop> for Cause {
    fn from(stop: Stop) -> Self {
        let layer = match stop.layer {
            Layer::Juniper(_) => Layer::Juniper(LinkType::JUNIPER_ETHER),
            Layer::Dsa(_) => Layer::Dsa(LinkType::DSA_TAG_DSA),
            layer => layer,
        };
        let (layer, reason) = match stop.reason {
            Reason::NoLink
            | Reason::Link(_)
            | Reason::Ethertype(_)
            | Reason::Llc(..)
            | Reason::Snap(..)
            | Reason::Hardware(_)
            | Reason::Ppp(_) => (None, stop.reason),
            Reason::Version(_) => (Some(layer), Reason::Version(0)),
            Reason::HeaderLen(_) => (Some(layer), Reason::HeaderLen(0)),
            Reason::Family(_) => (Some(layer), Reason::Family(0)),
            Reason::Flags(_) => (Some(layer), Reason::Flags(0)),
            reason => (Some(layer), reason),
        };
        Self { layer, reason }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(f, "{layer}: ")?;
        }
        match self.reason {
            Reason::Cut => f.write_str("cut by the capture"),
            Reason::Short => f.write_str("ended by a length field"),
            Reason::NoLink => f.write_str("link type unknown"),
            Reason::Link(link) => write!(f, "link type {link}"),
            Reason::Ethertype(n) => named(f, ethertype(n), format_args!("ethertype {n:#06x}")),
            Reason::Llc(d, s) => named(f, llc(d, s), format_args!("LLC {d:#04x}/{s:#04x}")),
            Reason::Snap(oui, n) => {
                named(f, snap(oui, n), format_args!("SNAP {oui:#08x}/{n:#06x}"))
            }
            Reason::Ppp(n) => named(f, ppp(n), format_args!("PPP {n:#06x}")),
            Reason::Hardware(n) => write!(f, "ARP hardware type {n}"),
            Reason::Version(_) => f.write_str("wrong IP version"),
            Reason::HeaderLen(_) => f.write_str("header length too small"),
            Reason::Family(_) => f.write_str("address family not decoded"),
            Reason::Flags(_) => f.write_str("version or flags not decoded"),
            Reason::Management => f.write_str("management frame"),
            Reason::Control => f.write_str("control frame"),
            Reason::NoData => f.write_str("data frame without data"),
            Reason::LaterPart => f.write_str("a later part of a frame"),
            Reason::Kind(kind) => write!(f, "frame of kind {kind:#04x} not decoded"),
            Reason::Magic => f.write_str("not the bytes that it begins with"),
            Reason::NoPacket => f.write_str("no packet in it"),
            Reason::Unlabelled => f.write_str("neither IP nor Ethernet after the labels"),
            Reason::Contents => f.write_str("contents not decoded"),
            Reason::Encrypted => f.write_str("encrypted"),
            Reason::TooDeep => f.write_str("nested too deep"),
        }
    }
}

/// `name (number)`, or the number alone.
fn named(
    f: &mut fmt::Formatter<'_>,
    name: Option<&str>,
    number: fmt::Arguments<'_>,
) -> fmt::Result {
    match name {
        Some(name) => write!(f, "{name} ({number})"),
        None => write!(f, "{number}"),
    }
}

/// Source: IANA "IEEE 802 Numbers"; linux/if_ether.h.
const fn ethertype(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x22f0 => "AVTP",
        0x6002 => "DEC MOP",
        0x8035 => "RARP",
        0x809b => "AppleTalk",
        0x80f3 => "AppleTalk ARP",
        0x8137 => "IPX",
        0x8808 => "Ethernet flow control",
        0x8809 => "Ethernet slow protocols",
        0x8863 => "PPPoE discovery",
        0x886d => "Intel teaming",
        0x888e => "EAPOL",
        0x8892 => "PROFINET",
        0x8899 => "Realtek",
        0x88a2 => "ATA over Ethernet",
        0x88a4 => "EtherCAT",
        0x88ab => "POWERLINK",
        0x88b8 => "GOOSE",
        0x88ba => "IEC 61850 sampled values",
        0x88cc => "LLDP",
        0x88e1 | 0x8912 => "HomePlug",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x8906 => "FCoE",
        0x8914 => "FCoE initialization",
        0x9000 => "loopback test",
        _ => return None,
    })
}

/// Source: IANA "IEEE 802 Numbers", "IEEE 802 SAPs".
const fn llc(dsap: u8, ssap: u8) -> Option<&'static str> {
    Some(match (dsap, ssap & 0xfe) {
        (0x42, 0x42) => "STP",
        (0xe0, 0xe0) | (0xff, 0xfe) => "IPX",
        (0xf0, 0xf0) => "NetBIOS",
        (0xfe, 0xfe) => "OSI network layer",
        _ => return None,
    })
}

/// Source: Cisco's protocol numbers as `packet-llc.c` of Wireshark has them.
const fn snap(oui: u32, protocol: u16) -> Option<&'static str> {
    Some(match (oui, protocol) {
        (0x00_000c, 0x2000) => "CDP",
        (0x00_000c, 0x2003) => "VTP",
        (0x00_000c, 0x2004) => "DTP",
        (0x00_000c, 0x010b) => "PVST+",
        (0x00_000c, 0x0111) => "UDLD",
        _ => return None,
    })
}

/// Source: IANA "PPP DLL Protocol Numbers".
const fn ppp(protocol: u16) -> Option<&'static str> {
    Some(match protocol {
        0x003d => "PPP multilink",
        0x0053 | 0x0055 => "PPP encryption",
        0x00fd => "PPP compression",
        0x8021 => "IPCP",
        0x8053 => "PPP encryption control",
        0x8057 => "IPv6CP",
        0x80fd => "PPP compression control",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc025 => "PPP link quality",
        0xc223 => "CHAP",
        0xc227 => "PPP EAP",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(layer: Layer, reason: Reason) -> Cause {
        Cause::from(Stop {
            layer,
            offset: 14,
            need: 0,
            have: 46,
            reason,
        })
    }

    /// What is told of a frame that is not decoded.
    fn told(link: LinkType, frame: &[u8]) -> String {
        let stop = crate::wire::decode(Some(link), frame).stop;
        stop.map_or_else(
            || "decoded".to_owned(),
            |stop| Cause::from(stop).to_string(),
        )
    }

    /// Checks that each of the frames, cut before a header, is told by that header.
    #[track_caller]
    fn lack(frames: &[(LinkType, &[u8], &str)]) {
        let told = |(link, frame, _): &(_, &[u8], _)| told(*link, frame);
        let expected = |(_, _, header): &(_, _, &str)| format!("{header}: cut by the capture");
        assert_eq!(
            frames.iter().map(told).collect::<Vec<_>>(),
            frames.iter().map(expected).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_empty_frame_is_told_by_the_header_of_its_link() {
        let lacks: Vec<_> = [
            (LinkType::ETHERNET, "Ethernet header"),
            (LinkType::LINUX_SLL, "Linux cooked header"),
            (LinkType::LINUX_SLL2, "Linux cooked v2 header"),
            (LinkType::NULL, "NULL header"),
            (LinkType::LOOP, "LOOP header"),
            (LinkType::RAW, "raw IP packet"),
            (LinkType::IPV4, "IPv4 header"),
            (LinkType::IPV6, "IPv6 header"),
            (LinkType::IEEE802_11, "802.11 header"),
            (LinkType::IEEE802_11_RADIOTAP, "radiotap header"),
            (LinkType::IEEE802_11_PRISM, "Prism header"),
            (LinkType::IEEE802_11_AVS, "AVS header"),
            (LinkType::PPI, "PPI header"),
            (LinkType::PKTAP, "PKTAP header"),
            (LinkType::NFLOG, "NFLOG header"),
            (LinkType::PFLOG, "PFLOG header"),
            (LinkType::ENC, "ENC header"),
            (LinkType::FDDI, "FDDI header"),
            (LinkType::TOKEN_RING, "token ring header"),
            (LinkType::FRELAY, "frame relay header"),
            (LinkType::ATM_RFC1483, "LLC header"),
            (LinkType::SUNATM, "SunATM header"),
            (LinkType::JUNIPER_PPP, "Juniper header"),
            (LinkType::DSA_TAG_EDSA, "DSA tag"),
            (LinkType::PPP, "PPP header"),
            (LinkType::PPP_ETHER, "PPPoE header"),
            (LinkType::C_HDLC, "Cisco HDLC header"),
            (LinkType::MPLS, "MPLS label"),
        ]
        .map(|(link, header)| (link, &[][..], header))
        .into();
        lack(&lacks);
    }

    #[test]
    fn a_frame_that_ends_behind_an_ethertype_is_told_by_what_that_announces() {
        for (ethertype, header) in [
            (0x8100_u16, "VLAN tag"),
            (0x893f, "802.1BR tag"),
            (0x8926, "VN-TAG"),
            (0x8909, "Cisco MetaData"),
            (0x892f, "HSR tag"),
            (0xf1c1, "802.1CB tag"),
            (0x88e5, "MACsec tag"),
            (0x88e7, "802.1ah tag"),
            (0x8903, "FabricPath header"),
            (0x22f3, "TRILL header"),
            (0x894f, "network service header"),
            (0x4305, "batman-adv header"),
        ] {
            let frame = [&[0; 12][..], &ethertype.to_be_bytes()].concat();
            lack(&[(LinkType::ETHERNET, &frame, header)]);
        }
    }

    #[test]
    fn a_packet_that_ends_behind_its_ip_header_is_told_by_what_that_announces() {
        for (protocol, header) in [
            (6, "tcp header"),
            (47, "GRE header"),
            (51, "authentication header"),
            (97, "EtherIP header"),
        ] {
            let mut packet = *b"\x45\0\0\x28\0\0\0\0\x40\0\0\0\x0a\0\0\x01\x0a\0\0\x02";
            packet[9] = protocol;
            lack(&[(LinkType::IPV4, &packet, header)]);
        }
        let mut packet = [0; 40];
        // Version, payload length; the next header is 0, hop-by-hop options.
        (packet[0], packet[5]) = (0x60, 40);
        lack(&[(LinkType::IPV6, &packet, "IPv6 extension header 0")]);
    }

    #[test]
    fn what_carries_no_packet_that_can_be_read_says_why() {
        let ethernet =
            |ethertype: u16, rest: &[u8]| [&[0; 12][..], &ethertype.to_be_bytes(), rest].concat();
        let tags = [0, 1, 0x81, 0].repeat(70);
        for (link, frame, text) in [
            (
                LinkType::IEEE802_11,
                [&[0x80, 0][..], &[0; 30]].concat(),
                "802.11 header: management frame",
            ),
            (
                LinkType::IEEE802_11,
                [&[0xd4, 0][..], &[0; 8]].concat(),
                "802.11 header: control frame",
            ),
            (
                LinkType::IEEE802_11,
                [&[0x48, 0][..], &[0; 22]].concat(),
                "802.11 header: data frame without data",
            ),
            (
                LinkType::MPLS,
                vec![0, 1, 1, 64, 0x10],
                "MPLS label: neither IP nor Ethernet after the labels",
            ),
            (
                LinkType::NFLOG,
                vec![2, 0, 0, 0, 4, 0, 10, 0],
                "NFLOG header: no packet in it",
            ),
            (
                LinkType::ETHERNET,
                ethernet(0x88e5, &[&[0x0c][..], &[0; 30]].concat()),
                "MACsec tag: encrypted",
            ),
            (
                LinkType::ETHERNET,
                ethernet(0x8100, &tags),
                "VLAN tag: nested too deep",
            ),
        ] {
            assert_eq!(told(link, &frame), text);
        }
    }

    #[test]
    fn a_cause_is_told_by_name_where_it_has_one() {
        for (reason, text) in [
            (Reason::Ethertype(0x0806), "ARP (ethertype 0x0806)"),
            (Reason::Ethertype(0x1234), "ethertype 0x1234"),
            (Reason::Llc(0x42, 0x42), "STP (LLC 0x42/0x42)"),
            (Reason::Llc(0xe0, 0xe1), "IPX (LLC 0xe0/0xe1)"),
            (Reason::Snap(0x0c, 0x2000), "CDP (SNAP 0x00000c/0x2000)"),
            (Reason::Ppp(0xc021), "LCP (PPP 0xc021)"),
            (Reason::Link(LinkType(147)), "link type LINKTYPE_147"),
            (Reason::NoLink, "link type unknown"),
        ] {
            assert_eq!(cause(Layer::Vlan, reason).to_string(), text);
        }
    }

    /// The names that two of these numbers share.
    #[track_caller]
    fn shared(names: impl Iterator<Item = Option<&'static str>>) -> Vec<&'static str> {
        let mut names: Vec<_> = names.flatten().collect();
        assert!(!names.is_empty());
        names.sort_unstable();
        let pairs = names.windows(2).filter(|pair| pair[0] == pair[1]);
        pairs.map(|pair| pair[0]).collect()
    }

    #[test]
    fn a_name_stands_for_one_number_but_where_the_registry_has_two() {
        assert_eq!(shared((0..=0xffff).map(ethertype)), ["HomePlug"]);
        assert_eq!(shared((0..=0xffff).map(ppp)), ["PPP encryption"]);
        assert_eq!(shared((0..=0xffff).map(|n| snap(0x0c, n))), [""; 0]);
        let saps = (0..=0xff).flat_map(|dsap| (0..=0xff).map(move |ssap| (dsap, ssap)));
        // Of a source SAP the last bit tells commands from responses; a raw frame of IPX looks like one SAP more.
        let of_commands = saps.filter(|(_, ssap)| ssap % 2 == 0);
        assert_eq!(shared(of_commands.map(|(d, s)| llc(d, s))), ["IPX"]);
    }

    #[test]
    fn what_a_header_announces_counts_whichever_header_it_was() {
        let arp = Reason::Ethertype(0x0806);
        assert_eq!(cause(Layer::Ethernet, arp), cause(Layer::Vlan, arp));
        let cut = Reason::Cut;
        assert_ne!(cause(Layer::Ethernet, cut), cause(Layer::Vlan, cut));
    }

    #[test]
    fn the_kinds_of_a_makers_header_count_as_one() {
        for (one, other) in [
            (
                Layer::Juniper(LinkType::JUNIPER_ETHER),
                Layer::Juniper(LinkType::JUNIPER_PPP),
            ),
            (
                Layer::Dsa(LinkType::DSA_TAG_DSA),
                Layer::Dsa(LinkType::DSA_TAG_BRCM),
            ),
        ] {
            assert_eq!(cause(one, Reason::Cut), cause(other, Reason::Cut));
        }
    }

    #[test]
    fn the_numbers_of_a_broken_header_do_not_count() {
        for (one, other, text) in [
            (
                Reason::Version(5),
                Reason::Version(7),
                "raw IP packet: wrong IP version",
            ),
            (
                Reason::HeaderLen(1),
                Reason::HeaderLen(2),
                "raw IP packet: header length too small",
            ),
            (
                Reason::Flags(1),
                Reason::Flags(2),
                "raw IP packet: version or flags not decoded",
            ),
            (
                Reason::Family(1),
                Reason::Family(3),
                "raw IP packet: address family not decoded",
            ),
            (
                Reason::Cut,
                Reason::Cut,
                "raw IP packet: cut by the capture",
            ),
        ] {
            assert_eq!(cause(Layer::Raw, one), cause(Layer::Raw, other));
            assert_eq!(cause(Layer::Raw, one).to_string(), text);
        }
    }
}
