//! PIM: of all its messages only Register, which carries a multicast packet to the rendezvous point.

use super::Step;
use super::link;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Version, type, checksum; flags. Source: RFC 7761 §4.9.3.
const REGISTER_LEN: usize = 8;
/// Version 2, type 1.
const REGISTER: u8 = 0x21;
/// The register is a probe: what it carries is a header without a packet.
const IS_NULL: u8 = 0x40;

/// A PIM message; one that is no Register, or not a sound one, is payload.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let packet = match window.array::<REGISTER_LEN>(0) {
        Some([REGISTER, _, _, _, flags, ..]) if flags & IS_NULL == 0 => window.skip(REGISTER_LEN),
        _ => return Ok(None),
    };
    Ok(link::inside_raw(packet.through(Tunnel::Pim)))
}
