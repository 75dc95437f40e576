//! GTP-U, version 1: what mobile networks carry a subscriber's packets in; and GTP, version 0, before it.

use super::link;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Flags, message type, length, tunnel. Source: 3GPP TS 29.281 §5.1.
const HEADER_LEN: usize = 8;
/// Sequence number, N-PDU number, type of the next extension header: all there when one of them counts.
const OPTIONAL_LEN: usize = 4;
/// Version 1, GTP and not GTP', the reserved bit 0.
const VERSION_1: u8 = 0x30;
const HAS_EXTENSION: u8 = 0x04;
const HAS_OPTIONAL: u8 = 0x07;
/// The message that carries a packet. Source: 3GPP TS 29.281 §6.1.
const G_PDU: u8 = 255;
/// Most extension headers that are passed; the standard has seven kinds.
const MAX_EXTENSIONS: usize = 16;

/// Flags, message type, length, sequence number, flow label, SNDCP number, spare, tunnel. Source: 3GPP TS 09.60 §6.
const HEADER_0_LEN: usize = 20;
/// Version 0, GTP and not GTP', spare bits 1. The bit after says whether the SNDCP number counts.
const VERSION_0: u8 = 0x1e;
const HAS_SNDCP: u8 = 0x01;

/// What a GTP datagram of version 0 carries; `None` when these are not the bytes of one, or it carries no packet.
pub(super) fn inside_0(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, G_PDU, l0, l1, ..] = payload.array::<HEADER_0_LEN>(0)? else {
        return None;
    };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & !HAS_SNDCP != VERSION_0 || !payload.may_hold(HEADER_0_LEN + len) {
        return None;
    }
    let packet = payload.skip(HEADER_0_LEN).limit(len);
    link::inside_raw(packet.through(Tunnel::Gtp))
}

/// What a GTP-U datagram carries; `None` when these are not the bytes of one, or it carries no packet.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, G_PDU, l0, l1, ..] = payload.array::<HEADER_LEN>(0)? else {
        return None;
    };
    let message_len = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & !HAS_OPTIONAL != VERSION_1 || !payload.may_hold(HEADER_LEN + message_len) {
        return None;
    }
    let message = payload.skip(HEADER_LEN).limit(message_len);
    let packet = match flags & HAS_OPTIONAL {
        0 => message,
        _ => past_extensions(flags & HAS_EXTENSION != 0, message)?,
    };
    link::inside_raw(packet.through(Tunnel::Gtp))
}

/// What follows the optional fields and the extension headers.
fn past_extensions(is_extended: bool, message: Window<'_>) -> Option<Window<'_>> {
    let [.., mut next] = message.array::<OPTIONAL_LEN>(0)?;
    let mut rest = message.skip(OPTIONAL_LEN);
    if !is_extended {
        return Some(rest);
    }
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return Some(rest);
        }
        // length in words: 1, content, type of the next: 1
        let [words] = rest.array(0)?;
        let len = usize::from(words) * 4;
        [next] = rest.array(len.checked_sub(1)?)?;
        rest = rest.skip(len);
    }
    None
}
