//! VXLAN and its generic protocol extension: an Ethernet frame, or an IP packet, in a datagram.

use super::certain;
use super::ethernet;
use super::nsh::by_next_protocol;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Source: RFC 7348 §5.
const HEADER_LEN: usize = 8;
/// The network identifier counts.
const HAS_VNI: u8 = 0x08;
/// The two bytes after the flags are a group policy. Source: draft-smith-vxlan-group-policy §2.1.
const HAS_POLICY: u8 = 0x80;
/// The next-protocol byte counts. Source: draft-ietf-nvo3-vxlan-gpe §3.1.
const HAS_NEXT: u8 = 0x04;
/// The flags of a packet with an extension.
const GPE: u8 = HAS_VNI | HAS_NEXT;
/// Broadcast, multicast, or for a receiver whose place is unknown. Source: the same.
const IS_BUM: u8 = 0x02;
/// The version, which is 0. Source: the same.
const GPE_VERSION: u8 = 0x30;

/// What a VXLAN datagram carries; `None` when these are not the bytes of one.
///
/// A receiver ignores the reserved bits. Here they tell VXLAN from what else comes to its port: where they are set, or the network has no
/// identifier, the packet inside must be certain.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, r0, r1, r2, .., last] = payload.array::<HEADER_LEN>(0)?;
    let has_policy = flags & HAS_POLICY != 0;
    let are_reserved_zero =
        flags & !HAS_POLICY == HAS_VNI && last == 0 && (has_policy || (r0, r1, r2) == (0, 0, 0));
    let frame = payload.skip(HEADER_LEN).through(Tunnel::Vxlan);
    match are_reserved_zero {
        true => ethernet::is_plausible(frame).then_some((Layer::Ethernet, frame)),
        false => certain::frame(frame),
    }
}

/// What a VXLAN-GPE datagram carries; `None` when these are not the bytes of one.
///
/// Where reserved bits are set, the packet inside must be certain, as in VXLAN.
pub(super) fn inside_gpe(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, r0, r1, next, .., last] = payload.array::<HEADER_LEN>(0)?;
    if flags & GPE_VERSION != 0 {
        return None;
    }
    let (layer, tunnel) = match flags & HAS_NEXT {
        // No extension is in use.
        0 => (Layer::Ethernet, Tunnel::Vxlan),
        _ => (by_next_protocol(next)?, Tunnel::VxlanGpe),
    };
    let after = payload.skip(HEADER_LEN).through(tunnel);
    let are_reserved_zero =
        (r0, r1, last) == (0, 0, 0) && matches!((flags & !IS_BUM, next), (HAS_VNI, 0) | (GPE, _));
    match (are_reserved_zero, layer) {
        (false, _) => certain::whole((layer, after)),
        (true, Layer::Ethernet) => ethernet::is_plausible(after).then_some((layer, after)),
        (true, _) => Some((layer, after)),
    }
}
