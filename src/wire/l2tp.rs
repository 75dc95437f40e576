//! L2TP, version 2: PPP in a datagram.

use super::ppp;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Bits of the first two bytes. Source: RFC 2661 §3.1.
const IS_CONTROL: u16 = 0x8000;
const HAS_LENGTH: u16 = 0x4000;
const HAS_SEQUENCE: u16 = 0x0800;
const HAS_OFFSET: u16 = 0x0200;
const RESERVED: u16 = 0x34f0;
const VERSION: u16 = 0x000f;

/// What an L2TP data message carries; `None` when these are not the bytes of one.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let flags = payload.be16(0)?;
    if flags & (IS_CONTROL | RESERVED) != 0 || flags & VERSION != 2 {
        return None;
    }
    let has = |flag: u16| flags & flag != 0;
    let mut message = payload;
    // flags: 2, length: 2, tunnel and session: 4, sequence numbers: 4, offset size: 2
    let mut header_len = 2;
    if has(HAS_LENGTH) {
        let len = usize::from(payload.be16(2)?);
        if !payload.may_hold(len) {
            return None;
        }
        message = payload.limit(len);
        header_len += 2;
    }
    header_len += 4;
    if has(HAS_SEQUENCE) {
        header_len += 4;
    }
    if has(HAS_OFFSET) {
        header_len += 2 + usize::from(message.be16(header_len)?);
    }
    let frame = message.skip(header_len).through(Tunnel::L2tp);
    ppp::is_decoded(frame).then_some((Layer::Ppp, frame))
}
