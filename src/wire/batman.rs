//! batman-adv: Ethernet frames that hop through a mesh.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// The version since 2014, the only one that is decoded. Source: `BATADV_COMPAT_VERSION` of linux/batadv_packet.h.
const VERSION: u8 = 15;

/// Type, version and time to live, then what the type asks for. Source: linux/batadv_packet.h.
const MIN_LEN: usize = 3;

/// A packet of the mesh; those that carry no frame of a user, or a part of one, are not decoded.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let header = window.array::<MIN_LEN>(0);
    let [kind, version, _] = header.ok_or_else(|| window.too_short(Layer::Batman, MIN_LEN))?;
    if version != VERSION {
        let flags = u16::from_be_bytes([kind, version]);
        return Err(window.stop(Layer::Batman, Reason::Flags(flags)));
    }
    let header_len = match kind {
        // broadcast: reserved: 1, sequence number: 4, originator: 6
        0x01 => 14,
        // unicast: version of the translation table: 1, destination: 6
        0x40 => 10,
        // unicast with four addresses: the same, source: 6, subtype and reserved: 2
        0x42 => 18,
        _ => return Err(window.stop(Layer::Batman, Reason::Contents)),
    };
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Batman, header_len));
    }
    let frame = window.skip(header_len).through(Tunnel::Batman);
    Ok(Some((Layer::Ethernet, frame)))
}
