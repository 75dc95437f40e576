//! Network service header: what goes through a chain of services, with or without metadata.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Base header and service path header. Source: RFC 8300 §2.1.
const MIN_LEN: usize = 8;
/// Version 0 of two bits, and the unassigned bit after them and the OAM bit; the OAM bit says that nothing is carried for its own sake.
const VERSION_AND_OAM: u16 = 0xe000;
/// In words of four bytes. Source: RFC 8300 §2.2.
const LENGTH: u16 = 0x003f;

/// A network service header. Its metadata, of fixed length (type 1) or not (type 2), is passed by the header's length.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    // version, OAM, TTL, length: 2; metadata type: 1; next protocol: 1; service path and index: 4
    let header = window.array::<MIN_LEN>(0);
    let [f0, f1, _, next, ..] = header.ok_or_else(|| window.too_short(Layer::Nsh, MIN_LEN))?;
    let flags = u16::from_be_bytes([f0, f1]);
    let header_len = usize::from(flags & LENGTH) * 4;
    if flags & VERSION_AND_OAM != 0 || header_len < MIN_LEN {
        return Err(window.stop(Layer::Nsh, Reason::Flags(flags)));
    }
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Nsh, header_len));
    }
    let after = window.skip(header_len).through(Tunnel::Nsh);
    match by_next_protocol(next) {
        Some(layer) => Ok(Some((layer, after))),
        None => Err(after.stop(Layer::Nsh, Reason::Contents)),
    }
}

/// What a next-protocol number announces, of a network service header as of what was modelled on it.
///
/// Source: RFC 8300 §11.2.3; draft-ietf-nvo3-vxlan-gpe §3.2; RFC 9305 §3.
pub(super) const fn by_next_protocol(number: u8) -> Option<Layer> {
    match number {
        1 => Some(Layer::Ipv4),
        2 => Some(Layer::Ipv6),
        3 => Some(Layer::Ethernet),
        4 => Some(Layer::Nsh),
        5 => Some(Layer::Mpls),
        _ => None,
    }
}
