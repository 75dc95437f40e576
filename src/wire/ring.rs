//! FDDI and token ring: LLC on a ring.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;

/// Frame control and two addresses. Source: ISO 9314-2 §7.3.
const FDDI_LEN: usize = 13;
/// Access control, frame control and two addresses. Source: IEEE 802.5 §3.2.
const TOKEN_RING_LEN: usize = 14;

/// Frame control of FDDI without class and priority: long addresses, LLC.
const FDDI_FORMAT: u8 = 0x70;
const FDDI_LLC: u8 = 0x50;
/// Frame control of token ring: the type of frame.
const TOKEN_RING_FORMAT: u8 = 0xc0;
const TOKEN_RING_LLC: u8 = 0x40;

/// In the first byte of the source address: routing information follows. Source: IEEE 802.5 §3.2.4.2.
const HAS_ROUTE: u8 = 0x80;
/// In the first byte of routing information: its length in bytes, itself included.
const ROUTE_LEN: u8 = 0x1f;
const MIN_ROUTE_LEN: usize = 2;

/// An FDDI header.
///
/// Some systems write the addresses with the bits of each byte reversed; they are not read.
#[cold]
pub(super) fn read_fddi(window: Window<'_>) -> Step<'_> {
    let header = window.array::<FDDI_LEN>(0);
    let [control, ..] = header.ok_or_else(|| window.too_short(Layer::Fddi, FDDI_LEN))?;
    let after = window.skip(FDDI_LEN);
    if control & FDDI_FORMAT != FDDI_LLC {
        return Err(after.stop(Layer::Fddi, Reason::Kind(control)));
    }
    Ok(Some((Layer::Llc, after)))
}

/// A token ring header, with routing information or without.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let too_short = || window.too_short(Layer::TokenRing, TOKEN_RING_LEN);
    let header = window.array::<TOKEN_RING_LEN>(0);
    let [_, control, _, _, _, _, _, _, source, ..] = header.ok_or_else(too_short)?;
    let after = window.skip(TOKEN_RING_LEN);
    if control & TOKEN_RING_FORMAT != TOKEN_RING_LLC {
        return Err(after.stop(Layer::TokenRing, Reason::Kind(control)));
    }
    if source & HAS_ROUTE == 0 {
        return Ok(Some((Layer::Llc, after)));
    }
    let [len] = after
        .array(0)
        .ok_or_else(|| after.too_short(Layer::TokenRing, MIN_ROUTE_LEN))?;
    let len = usize::from(len & ROUTE_LEN);
    Ok(Some((
        Layer::Llc,
        after.past(Layer::TokenRing, len, MIN_ROUTE_LEN)?,
    )))
}
