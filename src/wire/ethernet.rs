//! Ethernet: Ethernet II and IEEE 802.3, VLAN tags, and what an ethertype leads to.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::Step;
use super::view::{Layer, Reason, Tag};
use super::window::Window;

/// Two addresses and the type. Source: IEEE 802.3 §3.1.1.
const HEADER_LEN: usize = 14;
/// Tag control information and the type. Source: IEEE 802.1Q §9.3.
const TAG_LEN: usize = 4;
/// Largest value of the type field that is a length in bytes. Source: IEEE 802.3 §3.2.6.
const MAX_802_3_LEN: u16 = 1500;

/// Source: IANA "IEEE 802 Numbers".
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Customer and service tags, and what came before these. Source: IEEE 802.1Q §9.5.
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const DOUBLE_VLAN: u16 = 0x9100;
/// Source: RFC 3032 §5.
const MPLS_UNICAST: u16 = 0x8847;
/// Labels assigned upstream. Source: RFC 5332 §3.
const MPLS_MULTICAST: u16 = 0x8848;
/// Source: RFC 2516 §4.
const PPPOE_SESSION: u16 = 0x8864;
/// Source: IEEE 802.1AE §9.8.
const MACSEC: u16 = 0x88e5;
/// Service tag of a backbone. Source: IEEE 802.1Q §9.5 (once 802.1ah).
const PBB: u16 = 0x88e7;
/// Source: IEEE 802.1BR §7.5.
const EXTENDER_TAG: u16 = 0x893f;
/// Source: RFC 8300 §11.1.
const NSH: u16 = 0x894f;
/// Cisco. Source: IANA "IEEE 802 Numbers".
const FABRICPATH: u16 = 0x8903;
/// Cisco. Source: IANA "IEEE 802 Numbers".
const VN_TAG: u16 = 0x8926;
/// Source: `ETH_P_BATMAN` of linux/if_ether.h.
const BATMAN: u16 = 0x4305;
/// LLC in frames longer than 802.3 can tell. Source: draft-ietf-isis-ext-eth-01 §2.
const JUMBO_LLC: u16 = 0x8870;
/// Source: RFC 6325 §3.2.
const TRILL: u16 = 0x22f3;
/// Cisco. Source: `packet-cisco-metadata.c` of Wireshark.
const META_DATA: u16 = 0x8909;
/// High-availability seamless redundancy. Source: IEC 62439-3 §5.6.
const SEAMLESS: u16 = 0x892f;
/// Source: IEEE 802.1CB §7.8.
const REDUNDANCY_TAG: u16 = 0xf1c1;
/// Smallest ethertype. Source: IEEE 802.3 §3.2.6.
const MIN_ETHERTYPE: u16 = 0x0600;

/// An Ethernet header.
#[inline]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let header = Ethernet2HeaderSlice::from_slice(window.bytes())
        .map_err(|_| window.too_short(Layer::Ethernet, HEADER_LEN))?;
    by_type_or_length(
        Layer::Ethernet,
        header.ether_type().0,
        window.skip(HEADER_LEN),
    )
}

/// A VLAN tag, from after the ethertype that announces it.
#[inline]
pub(super) fn read_tag(window: Window<'_>) -> Step<'_> {
    let tag = SingleVlanHeaderSlice::from_slice(window.bytes())
        .map_err(|_| window.too_short(Layer::Vlan, TAG_LEN))?;
    by_type_or_length(Layer::Vlan, tag.ether_type().0, window.skip(TAG_LEN))
}

/// The header that a field announces which holds an ethertype, or the length of an LLC packet.
#[inline]
pub(super) fn by_type_or_length(layer: Layer, field: u16, after: Window<'_>) -> Step<'_> {
    if field <= MAX_802_3_LEN {
        return Ok(Some((Layer::Llc, after.limit(usize::from(field)))));
    }
    by_ethertype(layer, field, after)
}

/// The header that an ethertype announces.
///
/// * `layer`: the header that the ethertype stands in.
/// * `after`: what follows that header.
///
/// Source: IANA "IEEE 802 Numbers".
#[inline]
pub(super) fn by_ethertype(layer: Layer, ethertype: u16, after: Window<'_>) -> Step<'_> {
    match next_of(ethertype) {
        Some(next) => Ok(Some((next, after))),
        None => Err(after.stop(layer, Reason::Ethertype(ethertype))),
    }
}

/// Whether the bytes look like an Ethernet frame: their type field is a length, or could be an ethertype.
pub(super) fn is_plausible(window: Window<'_>) -> bool {
    let field = window.be16(HEADER_LEN - 2);
    field.is_some_and(|field| field <= MAX_802_3_LEN || field >= MIN_ETHERTYPE)
}

/// Whether the bytes look like an Ethernet frame whose ethertype is decoded.
pub(super) fn is_decoded(window: Window<'_>) -> bool {
    window.be16(HEADER_LEN - 2).and_then(next_of).is_some()
}

/// Whether an ethertype leads further.
pub(super) fn is_ethertype_decoded(ethertype: u16) -> bool {
    next_of(ethertype).is_some()
}

#[inline]
fn next_of(ethertype: u16) -> Option<Layer> {
    match ethertype {
        IPV4 => Some(Layer::Ipv4),
        IPV6 => Some(Layer::Ipv6),
        VLAN => Some(Layer::Vlan),
        rare => rare_next_of(rare),
    }
}

#[cold]
fn rare_next_of(ethertype: u16) -> Option<Layer> {
    Some(match ethertype {
        SERVICE_VLAN | DOUBLE_VLAN => Layer::Vlan,
        MPLS_UNICAST | MPLS_MULTICAST => Layer::Mpls,
        PPPOE_SESSION => Layer::Pppoe,
        MACSEC => Layer::MacSec,
        PBB => Layer::Pbb,
        EXTENDER_TAG => Layer::Tag(Tag::Extender),
        VN_TAG => Layer::Tag(Tag::VirtualInterface),
        META_DATA => Layer::Tag(Tag::MetaData),
        SEAMLESS => Layer::Tag(Tag::Seamless),
        REDUNDANCY_TAG => Layer::Tag(Tag::Redundancy),
        NSH => Layer::Nsh,
        FABRICPATH => Layer::FabricPath,
        TRILL => Layer::Trill,
        BATMAN => Layer::Batman,
        JUMBO_LLC => Layer::Llc,
        _ => return None,
    })
}
