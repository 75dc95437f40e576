//! VXLAN and its generic protocol extension: an Ethernet frame, or an IP packet, in a datagram.

use super::ethernet;
use super::view::Layer;
use super::window::Window;

/// Source: RFC 7348 §5.
const HEADER_LEN: usize = 8;
/// The network identifier counts.
const HAS_VNI: u8 = 0x08;
/// The two bytes after the flags are a group policy. Source: draft-smith-vxlan-group-policy §2.1.
const HAS_POLICY: u8 = 0x80;
/// The next-protocol byte counts. Source: draft-ietf-nvo3-vxlan-gpe §3.1.
const HAS_NEXT: u8 = 0x04;

/// What a VXLAN datagram carries; `None` when these are not the bytes of one.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, r0, r1, r2, .., last] = payload.array::<HEADER_LEN>(0)?;
    let has_policy = flags & HAS_POLICY != 0;
    let are_reserved_zero = last == 0 && (has_policy || (r0, r1, r2) == (0, 0, 0));
    let frame = payload.skip(HEADER_LEN);
    let is_vxlan =
        flags & !HAS_POLICY == HAS_VNI && are_reserved_zero && ethernet::is_plausible(frame);
    is_vxlan.then_some((Layer::Ethernet, frame))
}

/// What a VXLAN-GPE datagram carries; `None` when these are not the bytes of one.
pub(super) fn inside_gpe(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, 0, 0, next, .., 0] = payload.array::<HEADER_LEN>(0)? else {
        return None;
    };
    let after = payload.skip(HEADER_LEN);
    // Source of the numbers: draft-ietf-nvo3-vxlan-gpe §3.2.
    let layer = match (flags, next) {
        (HAS_VNI, 0) => Layer::Ethernet,
        _ if flags != HAS_VNI | HAS_NEXT => return None,
        (_, 1) => Layer::Ipv4,
        (_, 2) => Layer::Ipv6,
        (_, 3) => Layer::Ethernet,
        (_, 5) => Layer::Mpls,
        _ => return None,
    };
    let is_gpe = layer != Layer::Ethernet || ethernet::is_plausible(after);
    is_gpe.then_some((layer, after))
}
