//! TRILL: an Ethernet frame that is routed from bridge to bridge.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Version, flags, length of the options, hops; the bridges where the frame leaves and entered. Source: RFC 6325 §3.2.
const MIN_LEN: usize = 6;
/// Version 0. The reserved bits after it are ignored.
const VERSION: u16 = 0xc000;
/// Length of the options, in words of four bytes.
const OPTION_WORDS: u16 = 0x07c0;
const OPTION_WORDS_SHIFT: u32 = 6;

/// What follows the ethertype of a TRILL header.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let fields = window.be16(0);
    let fields = fields.ok_or_else(|| window.too_short(Layer::Trill, MIN_LEN))?;
    if fields & VERSION != 0 {
        return Err(window.stop(Layer::Trill, Reason::Flags(fields)));
    }
    let header_len = MIN_LEN + usize::from((fields & OPTION_WORDS) >> OPTION_WORDS_SHIFT) * 4;
    let frame = window.past(Layer::Trill, header_len, MIN_LEN)?;
    Ok(Some((Layer::Ethernet, frame.through(Tunnel::Trill))))
}
