//! LISP: an IP packet in a datagram between the routers of two sites.

use super::certain;
use super::nsh::by_next_protocol;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Flags, nonce or map version; instance or locator bits. Source: RFC 9300 §5.3.
const HEADER_LEN: usize = 8;
/// The fourth byte says what is carried. Source: RFC 9305 §3.
const HAS_NEXT: u8 = 0x04;

/// What a LISP datagram carries; `None` when these are not the bytes of one.
///
/// Any bits make a header, and other protocols' clients come to have its port: the packet inside must be certain.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [flags, _, _, next, ..] = payload.array::<HEADER_LEN>(0)?;
    let after = payload.skip(HEADER_LEN).through(Tunnel::Lisp);
    if flags & HAS_NEXT == 0 {
        return certain::packet(after);
    }
    certain::whole((by_next_protocol(next)?, after))
}
