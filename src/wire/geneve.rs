//! Geneve: any ethertype in a datagram, behind options that are skipped.

use super::certain;
use super::ethernet::by_ethertype;
use super::gre::BRIDGED_ETHERNET;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// A header without options. Source: RFC 8926 §3.4.
const HEADER_LEN: usize = 8;
/// Length of the options, in words of four bytes; the two bits above are the version, which is 0.
const OPTION_WORDS: u8 = 0x3f;
/// Bits that are reserved in the byte after: all but control and critical.
const RESERVED: u8 = 0x3f;

/// What a Geneve datagram carries; `None` when these are not the bytes of one.
///
/// A receiver ignores the reserved bits. Here they tell Geneve from what else comes to its port: where they are set, the packet inside must
/// be certain.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [first, flags, t0, t1, .., last] = payload.array::<HEADER_LEN>(0)?;
    if first & !OPTION_WORDS != 0 {
        return None;
    }
    let header_len = HEADER_LEN + usize::from(first & OPTION_WORDS) * 4;
    if payload.bytes().len() < header_len {
        return None;
    }
    let after = payload.skip(header_len).through(Tunnel::Geneve);
    let inside = match u16::from_be_bytes([t0, t1]) {
        BRIDGED_ETHERNET => (Layer::Ethernet, after),
        // A type that leads no further makes this an ordinary datagram.
        ethertype => by_ethertype(Layer::Ethernet, ethertype, after).ok()??,
    };
    match flags & RESERVED == 0 && last == 0 {
        true => Some(inside),
        false => certain::whole(inside),
    }
}
