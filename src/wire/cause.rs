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
            reason => write!(f, "{reason}"),
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
