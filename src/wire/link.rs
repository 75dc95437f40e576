//! What a frame of each link type starts with, and the small link headers that are no protocol of their own:
//! cooked captures, loopback and its kin of OpenBSD, raw IP.

use super::Step;
use super::ethernet::by_ethertype;
use super::gre::BRIDGED_ETHERNET;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::packet::LinkType;

/// Source: LINKTYPE_LINUX_SLL of the tcpdump group.
const SLL_LEN: usize = 16;
/// Source: LINKTYPE_LINUX_SLL2 of the tcpdump group.
const SLL2_LEN: usize = 20;
/// What stands for an ethertype where the packet begins with an LLC header. Source: `ETH_P_802_2` of linux/if_ether.h.
const PROTOCOL_LLC: u16 = 0x0004;
/// The same for PPP. Source: `ETH_P_WAN_PPP` of linux/if_ether.h.
const PROTOCOL_PPP: u16 = 0x0007;

/// A GRE device, whose packets are of GRE's protocols. Source: `ARPHRD_IPGRE` of linux/if_arp.h.
const HARDWARE_GRE: u16 = 778;
/// Hardware types whose packets are of no ethertype, whatever the protocol field says. Source: `ARPHRD_*` of linux/if_arp.h.
const HARDWARE_80211: u16 = 801;
const HARDWARE_80211_PRISM: u16 = 802;
const HARDWARE_80211_RADIOTAP: u16 = 803;
const HARDWARE_NETLINK: u16 = 824;

/// Length of the address family before a loopback packet.
const FAMILY_LEN: usize = 4;

/// Length and address family, before the other fields of a log entry. Source: LINKTYPE_PFLOG of the tcpdump group.
const PFLOG_MIN_LEN: usize = 2;
/// Address family, index of the security association, flags. Source: LINKTYPE_ENC of the tcpdump group.
const ENC_LEN: usize = 12;

/// A byte that tells which way a frame went. Source: LINKTYPE_PPP_WITH_DIR of the tcpdump group.
const DIRECTION_LEN: usize = 1;
/// Source: LINKTYPE_DSA_TAG_BRCM_PREPEND of the tcpdump group.
const BROADCOM_TAG_LEN: usize = 4;
/// What netANALYZER puts before a frame, and the preamble that may follow. Source: LINKTYPE_NETANALYZER_TRANSPARENT of the tcpdump group.
const NETANALYZER_LEN: usize = 4;
const PREAMBLE_LEN: usize = 8;

/// An IPv4 header without options. Source: RFC 791 §3.1.
const IPV4_MIN_LEN: usize = 20;
/// The fixed IPv6 header. Source: RFC 8200 §3.
const IPV6_LEN: usize = 40;

/// The first header of a frame, as its link type says.
#[inline]
pub(super) fn read_frame(link: Option<LinkType>, window: Window<'_>) -> Step<'_> {
    let link = link.ok_or_else(|| window.stop(Layer::Frame, Reason::NoLink))?;
    if link == LinkType::ETHERNET {
        return Ok(Some((Layer::Ethernet, window)));
    }
    let (layer, at) =
        first_of(link).ok_or_else(|| window.stop(Layer::Frame, Reason::Link(link)))?;
    Ok(Some((layer, window.skip(at))))
}

/// The first header, and how many bytes that say nothing come before it.
#[inline(never)]
fn first_of(link: LinkType) -> Option<(Layer, usize)> {
    let layer = match link {
        LinkType::ETHERNET => Layer::Ethernet,
        LinkType::LINUX_SLL => Layer::LinuxSll,
        LinkType::LINUX_SLL2 => Layer::LinuxSll2,
        LinkType::PPP | LinkType::PPP_HDLC => Layer::Ppp,
        LinkType::PPP_ETHER => Layer::Pppoe,
        LinkType::C_HDLC => Layer::CiscoHdlc,
        LinkType::MPLS => Layer::Mpls,
        LinkType::NULL => Layer::Null,
        LinkType::LOOP => Layer::Loop,
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => Layer::Raw,
        LinkType::IPV4 => Layer::Ipv4,
        LinkType::IPV6 => Layer::Ipv6,
        LinkType::IEEE802_11 => Layer::Ieee80211,
        LinkType::IEEE802_11_RADIOTAP => Layer::Radiotap,
        LinkType::IEEE802_11_PRISM => Layer::Prism,
        LinkType::IEEE802_11_AVS => Layer::Avs,
        LinkType::PPI => Layer::Ppi,
        LinkType::PKTAP => Layer::Pktap,
        LinkType::NFLOG => Layer::Nflog,
        LinkType::PFLOG => Layer::Pflog,
        LinkType::ENC => Layer::Enc,
        LinkType::FDDI => Layer::Fddi,
        LinkType::TOKEN_RING => Layer::TokenRing,
        LinkType::FRELAY => Layer::FrameRelay,
        LinkType::ATM_RFC1483 => Layer::Llc,
        LinkType::SUNATM => Layer::SunAtm,
        LinkType::JUNIPER_ETHER
        | LinkType::JUNIPER_PPP
        | LinkType::JUNIPER_FRELAY
        | LinkType::JUNIPER_CHDLC => Layer::Juniper(link),
        LinkType::DSA_TAG_BRCM | LinkType::DSA_TAG_DSA | LinkType::DSA_TAG_EDSA => Layer::Dsa(link),
        LinkType::PPP_WITH_DIR => return Some((Layer::Ppp, DIRECTION_LEN)),
        LinkType::C_HDLC_WITH_DIR => return Some((Layer::CiscoHdlc, DIRECTION_LEN)),
        LinkType::FRELAY_WITH_DIR => return Some((Layer::FrameRelay, DIRECTION_LEN)),
        LinkType::DSA_TAG_BRCM_PREPEND => return Some((Layer::Ethernet, BROADCOM_TAG_LEN)),
        LinkType::NETANALYZER => return Some((Layer::Ethernet, NETANALYZER_LEN)),
        LinkType::NETANALYZER_TRANSPARENT => {
            return Some((Layer::Ethernet, NETANALYZER_LEN + PREAMBLE_LEN));
        }
        _ => return None,
    };
    Some((layer, 0))
}

/// Linux cooked capture, version 1.
///
/// Not read with `LinuxSllHeaderSlice`, which refuses packet and hardware types that it does not know; what counts is the protocol.
pub(super) fn read_sll(window: Window<'_>) -> Step<'_> {
    // packet type: 2, hardware type: 2, address length: 2, address: 8, protocol: 2
    let fields = window.array(2).zip(window.array(14));
    let (hardware, protocol) = fields.ok_or_else(|| window.too_short(Layer::LinuxSll, SLL_LEN))?;
    by_cooked_type(Layer::LinuxSll, hardware, protocol, window.skip(SLL_LEN))
}

/// Linux cooked capture, version 2.
pub(super) fn read_sll2(window: Window<'_>) -> Step<'_> {
    // protocol: 2, reserved: 2, interface: 4, hardware type: 2, packet type: 1, address length: 1, address: 8
    let header = window.array::<SLL2_LEN>(0);
    let fields = header.and(window.array(8).zip(window.array(0)));
    let (hardware, protocol) =
        fields.ok_or_else(|| window.too_short(Layer::LinuxSll2, SLL2_LEN))?;
    by_cooked_type(Layer::LinuxSll2, hardware, protocol, window.skip(SLL2_LEN))
}

fn by_cooked_type<'a>(
    layer: Layer,
    hardware: [u8; 2],
    protocol: [u8; 2],
    after: Window<'a>,
) -> Step<'a> {
    match (u16::from_be_bytes(hardware), u16::from_be_bytes(protocol)) {
        (HARDWARE_80211, _) => Ok(Some((Layer::Ieee80211, after))),
        (HARDWARE_80211_PRISM, _) => Ok(Some((Layer::Prism, after))),
        (HARDWARE_80211_RADIOTAP, _) => Ok(Some((Layer::Radiotap, after))),
        (HARDWARE_NETLINK, _) => Err(after.stop(layer, Reason::Hardware(HARDWARE_NETLINK))),
        (HARDWARE_GRE, BRIDGED_ETHERNET) => Ok(Some((Layer::Ethernet, after))),
        (_, PROTOCOL_PPP) => Ok(Some((Layer::Ppp, after))),
        (_, PROTOCOL_LLC) => Ok(Some((Layer::Llc, after))),
        (_, ethertype) => by_ethertype(layer, ethertype, after),
    }
}

/// BSD loopback.
pub(super) fn read_null(window: Window<'_>) -> Step<'_> {
    by_host_family(Layer::Null, FAMILY_LEN, window)
}

/// What OpenBSD's `enc` interface shows of IPsec: a packet before or after it.
#[cold]
pub(super) fn read_enc(window: Window<'_>) -> Step<'_> {
    by_host_family(Layer::Enc, ENC_LEN, window)
}

/// A header of `len` bytes that begins with an address family.
///
/// The capturing host's byte order is not recorded; families are small numbers, so that the smaller reading is meant.
fn by_host_family(layer: Layer, len: usize, window: Window<'_>) -> Step<'_> {
    let after = window.past(layer, len, len)?;
    let family = window.array::<FAMILY_LEN>(0).unwrap_or_default();
    let family = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
    by_family(layer, family, after)
}

/// What OpenBSD's packet filter logs: a header whose length is told without its padding, then the packet.
#[cold]
pub(super) fn read_pflog(window: Window<'_>) -> Step<'_> {
    let fields = window.array::<PFLOG_MIN_LEN>(0);
    let [len, family] = fields.ok_or_else(|| window.too_short(Layer::Pflog, PFLOG_MIN_LEN))?;
    let len = usize::from(len).next_multiple_of(4);
    let after = window.past(Layer::Pflog, len, PFLOG_MIN_LEN)?;
    by_family(Layer::Pflog, u32::from(family), after)
}

/// OpenBSD loopback.
#[cold]
pub(super) fn read_loop(window: Window<'_>) -> Step<'_> {
    let family = window.array::<FAMILY_LEN>(0);
    let family = family.ok_or_else(|| window.too_short(Layer::Loop, FAMILY_LEN))?;
    by_family(
        Layer::Loop,
        u32::from_be_bytes(family),
        window.skip(FAMILY_LEN),
    )
}

/// IP of the version that an address family means.
///
/// Source: LINKTYPE_NULL of the tcpdump group. 2 is AF_INET everywhere; AF_INET6 is 24 on NetBSD, OpenBSD and BSD/OS, 28 on FreeBSD, 30 on
/// macOS, 10 on Linux and 23 on Windows.
pub(super) fn by_family(layer: Layer, family: u32, after: Window<'_>) -> Step<'_> {
    match family {
        2 => Ok(Some((Layer::Ipv4, after))),
        10 | 23 | 24 | 28 | 30 => Ok(Some((Layer::Ipv6, after))),
        _ => Err(after.stop(layer, Reason::Family(family))),
    }
}

/// IP of the version that its first four bits tell.
pub(super) fn read_raw(window: Window<'_>) -> Step<'_> {
    let [first] = window
        .array(0)
        .ok_or_else(|| window.too_short(Layer::Raw, 1))?;
    match first >> 4 {
        4 => Ok(Some((Layer::Ipv4, window))),
        6 => Ok(Some((Layer::Ipv6, window))),
        version => Err(window.stop(Layer::Raw, Reason::Version(version))),
    }
}

/// What [`read_raw`] reads, where nothing says that it is IP: `None` unless the header is whole, and its lengths agree with one another and
/// with those around it.
pub(super) fn inside_raw(window: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [first, _, len @ ..] = window.array::<4>(0)?;
    match first >> 4 {
        4 => {
            let (header_len, len) = (
                usize::from(first & 0x0f) * 4,
                usize::from(u16::from_be_bytes(len)),
            );
            let is_sound = header_len >= IPV4_MIN_LEN
                && window.bytes().len() >= header_len
                && (len == 0 || len >= header_len)
                && window.may_hold(len);
            is_sound.then_some((Layer::Ipv4, window))
        }
        6 => {
            let len = IPV6_LEN + usize::from(window.be16(4)?);
            let is_sound = window.bytes().len() >= IPV6_LEN && window.may_hold(len);
            is_sound.then_some((Layer::Ipv6, window))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex, tuple_text};
    use crate::packet::LinkType;
    use crate::wire::decode;

    #[test]
    fn a_cooked_packet_of_an_unheard_hardware_type_is_read_by_its_protocol() {
        let head = "00 09 ff ff 00 00 00 00 00 00 00 00 00 00 08 00";
        let view = decode(Some(LinkType::LINUX_SLL), &hex(&[head, REAL_DNS]));
        assert_eq!(tuple_text(&view), "udp 10.77.0.2:48513 > 10.77.1.53:53");
    }

    #[test]
    fn a_decoded_link_type_has_a_name() {
        for link in (0..=u16::MAX).map(LinkType) {
            let is_named = !link.to_string().starts_with("LINKTYPE_");
            assert_eq!(super::first_of(link).is_some(), is_named, "{link}");
        }
    }
}
