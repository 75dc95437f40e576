//! Frame relay: packets by their network layer protocol identifier, or by an ethertype as Cisco has it.

use super::Step;
use super::ethernet::by_ethertype;
use super::llc;
use super::view::{Layer, Reason};
use super::window::Window;

/// Shortest address, control, identifier. Source: RFC 2427 §3.
const MIN_LEN: usize = 4;
/// An address ends with the first byte whose low bit is set: the second, third or fourth one. Source: ITU-T Q.922 §3.2.
const IS_LAST: u8 = 0x01;
const ADDRESS_LENS: std::ops::RangeInclusive<usize> = 2..=4;
/// Control field of a frame without sequence numbers, the only kind that carries packets.
const UNNUMBERED_INFORMATION: u8 = 0x03;
/// May stand before the identifier, to align what follows.
const PAD: u8 = 0x00;

/// Identifiers. Source: ISO/IEC TR 9577; RFC 2427 §3 and §4; RFC 1973 §3.
const SNAP: u8 = 0x80;
const IPV6: u8 = 0x8e;
const IPV4: u8 = 0xcc;
const PPP: u8 = 0xcf;

/// A frame relay header.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let too_short = || window.too_short(Layer::FrameRelay, MIN_LEN);
    let start = window.array::<MIN_LEN>(0).ok_or_else(too_short)?;
    let has_end = |len: &usize| start.get(len - 1).is_some_and(|byte| byte & IS_LAST != 0);
    let Some(address_len) = ADDRESS_LENS.clone().find(has_end) else {
        return Err(window.stop(Layer::FrameRelay, Reason::Kind(start[0])));
    };
    let rest = window.skip(address_len);
    let fields = rest
        .array(0)
        .ok_or_else(|| rest.too_short(Layer::FrameRelay, 2))?;
    match fields {
        [UNNUMBERED_INFORMATION, PAD] => by_identifier(rest.skip(2)),
        [UNNUMBERED_INFORMATION, _] => by_identifier(rest.skip(1)),
        ethertype => by_ethertype(
            Layer::FrameRelay,
            u16::from_be_bytes(ethertype),
            rest.skip(2),
        ),
    }
}

fn by_identifier(window: Window<'_>) -> Step<'_> {
    let [identifier] = window
        .array(0)
        .ok_or_else(|| window.too_short(Layer::FrameRelay, 1))?;
    let after = window.skip(1);
    match next_of(identifier) {
        Some(next) => Ok(Some((next, after))),
        None if identifier == SNAP => llc::read_snap(Layer::FrameRelay, 0, after),
        None => Err(after.stop(Layer::FrameRelay, Reason::Kind(identifier))),
    }
}

/// The header that an identifier announces, but for SNAP.
pub(super) fn next_of(identifier: u8) -> Option<Layer> {
    Some(match identifier {
        IPV4 => Layer::Ipv4,
        IPV6 => Layer::Ipv6,
        PPP => Layer::Ppp,
        _ => return None,
    })
}
