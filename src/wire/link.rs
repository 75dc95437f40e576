//! What a frame of each link type starts with, and the small link headers that are no protocol of their own:
//! cooked captures, loopback, raw IP.

use super::Step;
use super::ethernet::by_ethertype;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::packet::LinkType;

/// Source: LINKTYPE_LINUX_SLL of the tcpdump group.
const SLL_LEN: usize = 16;
/// Source: LINKTYPE_LINUX_SLL2 of the tcpdump group.
const SLL2_LEN: usize = 20;
/// What stands for an ethertype where the packet begins with an LLC header. Source: `ETH_P_802_2` of linux/if_ether.h.
const PROTOCOL_LLC: u16 = 0x0004;

/// Hardware types whose packets are of no ethertype, whatever the protocol field says: IEEE 802.11 bare, with Prism and with
/// radiotap headers, netlink. Source: `ARPHRD_*` of linux/if_arp.h.
const HARDWARE_WITHOUT_ETHERTYPE: [u16; 4] = [801, 802, 803, 824];

/// Length of the address family before a loopback packet.
const FAMILY_LEN: usize = 4;

/// An IPv4 header without options. Source: RFC 791 §3.1.
const IPV4_MIN_LEN: usize = 20;
/// The fixed IPv6 header. Source: RFC 8200 §3.
const IPV6_LEN: usize = 40;

/// The first header of a frame, as its link type says.
pub(super) fn read_frame(link: Option<LinkType>, window: Window<'_>) -> Step<'_> {
    let link = link.ok_or_else(|| window.stop(Layer::Frame, Reason::NoLink))?;
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
        _ => return Err(window.stop(Layer::Frame, Reason::Link(link))),
    };
    Ok(Some((layer, window)))
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
    let hardware = u16::from_be_bytes(hardware);
    if HARDWARE_WITHOUT_ETHERTYPE.contains(&hardware) {
        return Err(after.stop(layer, Reason::Hardware(hardware)));
    }
    match u16::from_be_bytes(protocol) {
        PROTOCOL_LLC => Ok(Some((Layer::Llc, after))),
        ethertype => by_ethertype(layer, ethertype, after),
    }
}

/// BSD loopback. The capturing host's byte order is not recorded; families are small numbers, so that the smaller reading is meant.
pub(super) fn read_null(window: Window<'_>) -> Step<'_> {
    let family = window.array::<FAMILY_LEN>(0);
    let family = family.ok_or_else(|| window.too_short(Layer::Null, FAMILY_LEN))?;
    let family = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
    by_family(Layer::Null, family, window.skip(FAMILY_LEN))
}

/// OpenBSD loopback.
pub(super) fn read_loop(window: Window<'_>) -> Step<'_> {
    let family = window.array::<FAMILY_LEN>(0);
    let family = family.ok_or_else(|| window.too_short(Layer::Loop, FAMILY_LEN))?;
    by_family(
        Layer::Loop,
        u32::from_be_bytes(family),
        window.skip(FAMILY_LEN),
    )
}

/// Source: LINKTYPE_NULL of the tcpdump group. 2 is AF_INET everywhere; AF_INET6 is 24 on NetBSD, OpenBSD and BSD/OS, 28 on FreeBSD, 30 on
/// macOS, 10 on Linux and 23 on Windows.
fn by_family(layer: Layer, family: u32, after: Window<'_>) -> Step<'_> {
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
}
