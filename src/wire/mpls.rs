//! MPLS: a stack of labels, and a guess at what is under it, because no label says.

use super::Step;
use super::ethernet;
use super::link;
use super::view::{Layer, Reason};
use super::window::Window;

/// Source: RFC 3032 §2.1.
const LABEL_LEN: usize = 4;
/// Set in the third byte of the last label.
const BOTTOM_OF_STACK: u8 = 0x01;
/// What an Ethernet frame may have before it. Source: RFC 4385 §3.
const CONTROL_WORD_LEN: usize = 4;

/// One label.
///
/// Under the last one, what looks like IP is IP (RFC 4928 §3), then what is an Ethernet frame of a known ethertype behind a control word or
/// without one.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let label = window.array::<LABEL_LEN>(0);
    let [_, _, third, _] = label.ok_or_else(|| window.too_short(Layer::Mpls, LABEL_LEN))?;
    let after = window.skip(LABEL_LEN);
    if third & BOTTOM_OF_STACK == 0 {
        return Ok(Some((Layer::Mpls, after)));
    }
    let [first] = after
        .array(0)
        .ok_or_else(|| after.too_short(Layer::Mpls, 1))?;
    if let Some(packet) = link::inside_raw(after) {
        return Ok(Some(packet));
    }
    let framed = after.skip(CONTROL_WORD_LEN);
    if first >> 4 == 0 && ethernet::is_decoded(framed) {
        return Ok(Some((Layer::Ethernet, framed)));
    }
    if ethernet::is_decoded(after) {
        return Ok(Some((Layer::Ethernet, after)));
    }
    Err(after.stop(Layer::Mpls, Reason::Unlabelled))
}
