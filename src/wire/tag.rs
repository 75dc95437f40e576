//! Small tags between an Ethernet header and the ethertype of what it carries: the E-TAG of IEEE 802.1BR, and Cisco's VN-TAG before it; Cisco
//! MetaData; the sequence numbers of frames that are sent twice.
//!
//! They differ in length alone, as far as decoding goes.

use super::Step;
use super::ethernet::by_type_or_length;
use super::view::{Layer, Tag};
use super::window::Window;

/// A tag, from after the ethertype that announces it.
#[cold]
pub(super) fn read(tag: Tag, window: Window<'_>) -> Step<'_> {
    let layer = Layer::Tag(tag);
    let len = len(tag);
    let field = window.be16(len - 2);
    let field = field.ok_or_else(|| window.too_short(layer, len))?;
    by_type_or_length(layer, field, window.skip(len))
}

/// Bytes from after the ethertype that announces the tag, with the ethertype at its end.
const fn len(tag: Tag) -> usize {
    match tag {
        // priority and ingress: 2, group and base: 2, extensions of both: 2, ethertype: 2. Source: IEEE 802.1BR §7.5.
        Tag::Extender => 8,
        // direction and destination: 2, version and source: 2, ethertype: 2. Source: Cisco's proposal for IEEE 802.1Qbh.
        Tag::VirtualInterface => 6,
        // version: 1, length: 1, option: 2, security group: 2, ethertype: 2. Source: `packet-cisco-metadata.c` of Wireshark.
        Tag::MetaData => 8,
        // path and size: 2, sequence number: 2, ethertype: 2. Source: IEC 62439-3 §5.6.
        Tag::Seamless => 6,
        // reserved: 2, sequence number: 2, ethertype: 2. Source: IEEE 802.1CB §7.8.
        Tag::Redundancy => 6,
    }
}
