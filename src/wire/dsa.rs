//! Ethernet as a host sees it that has a switch chip behind its port: with the chip's tag in it.

use super::Step;
use super::ethernet::by_type_or_length;
use super::view::Layer;
use super::window::Window;
use crate::packet::LinkType;

/// Two addresses, before the tag.
const ADDRESSES_LEN: usize = 12;

/// Marvell's tag, which takes the place of a VLAN tag, or Broadcom's. Source: LINKTYPE_DSA_TAG_DSA and LINKTYPE_DSA_TAG_BRCM of the tcpdump group.
const TAG_LEN: usize = 4;
/// Marvell's tag behind an ethertype of its own. Source: LINKTYPE_DSA_TAG_EDSA of the tcpdump group.
const LONG_TAG_LEN: usize = 8;

/// An Ethernet header with a tag between addresses and type.
#[cold]
pub(super) fn read(link: LinkType, window: Window<'_>) -> Step<'_> {
    let tag_len = match link {
        LinkType::DSA_TAG_EDSA => LONG_TAG_LEN,
        _ => TAG_LEN,
    };
    let type_at = ADDRESSES_LEN + tag_len;
    let field = window.be16(type_at);
    let field = field.ok_or_else(|| window.too_short(Layer::Dsa(link), type_at + 2))?;
    by_type_or_length(Layer::Dsa(link), field, window.skip(type_at + 2))
}
