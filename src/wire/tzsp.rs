//! TZSP: what a router or a wireless sensor streams of the frames that it sees.

use super::view::Layer;
use super::window::Window;
use super::{ethernet, ieee80211};
use crate::tunnel::Tunnel;

/// Version, type, protocol. Source: `packet-tzsp.c` of Wireshark.
const HEADER_LEN: usize = 4;
const VERSION: u8 = 1;
/// Types that carry a frame: received, and to be sent.
const MAX_TYPE: u8 = 1;
const ETHERNET: u16 = 1;
const IEEE80211: u16 = 18;

/// Tags without a length.
const PADDING: u8 = 0;
const END: u8 = 1;
/// Most tags that are passed; there are some two dozen kinds.
const MAX_TAGS: usize = 64;

/// What a TZSP datagram carries; `None` when these are not the bytes of one, or it carries no packet.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [VERSION, ..=MAX_TYPE, p0, p1] = payload.array(0)? else {
        return None;
    };
    let frame = past_tags(payload.skip(HEADER_LEN))?.through(Tunnel::Tzsp);
    let step = match u16::from_be_bytes([p0, p1]) {
        ETHERNET => ethernet::read(frame),
        IEEE80211 => ieee80211::read(frame),
        _ => return None,
    };
    step.ok().flatten()
}

fn past_tags(mut rest: Window<'_>) -> Option<Window<'_>> {
    for _ in 0..MAX_TAGS {
        match rest.array(0)? {
            [END] => return Some(rest.skip(1)),
            [PADDING] => rest = rest.skip(1),
            [_] => {
                let [_, len] = rest.array(0)?;
                rest = rest.skip(2 + usize::from(len));
            }
        }
    }
    None
}
