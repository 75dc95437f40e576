//! MPLS: a stack of labels, and a guess at what is under it, because no label says.

use super::Step;
use super::certain;
use super::ethernet;
use super::link;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Source: RFC 3032 §2.1.
const LABEL_LEN: usize = 4;
/// Set in the third byte of the last label.
const BOTTOM_OF_STACK: u8 = 0x01;
/// Most labels that are looked through where only a port hints at them.
const MAX_LABELS_IN_UDP: usize = 16;
/// What an Ethernet frame may have before it. Source: RFC 4385 §3.
const CONTROL_WORD_LEN: usize = 4;

/// One label.
///
/// Under the last one, what looks like IP is IP (RFC 4928 §3), then what is an Ethernet frame of a known ethertype behind a control word or
/// without one.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let label = window.array::<LABEL_LEN>(0);
    let [_, _, third, _] = label.ok_or_else(|| window.too_short(Layer::Mpls, LABEL_LEN))?;
    let after = window.skip(LABEL_LEN).through(Tunnel::Mpls);
    if third & BOTTOM_OF_STACK == 0 {
        return Ok(Some((Layer::Mpls, after)));
    }
    if after.bytes().is_empty() {
        return Err(after.too_short(Layer::Mpls, 1));
    }
    under(after).map_or_else(
        || Err(after.stop(Layer::Mpls, Reason::Unlabelled)),
        |packet| Ok(Some(packet)),
    )
}

/// The label stack that a datagram carries; `None` when what would be under it is not certain: any bits make a label.
pub(super) fn inside_udp(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let bottom = (0..MAX_LABELS_IN_UDP).find(|label| {
        let third = payload.array::<1>(label * LABEL_LEN + 2);
        third.is_some_and(|[third]| third & BOTTOM_OF_STACK != 0)
    })?;
    under(payload.skip((bottom + 1) * LABEL_LEN))
        .and_then(certain::whole)
        .map(|_| (Layer::Mpls, payload))
}

/// What is under the last label, as far as it can be told.
fn under(after: Window<'_>) -> Option<(Layer, Window<'_>)> {
    if let Some(packet) = link::inside_raw(after) {
        return Some(packet);
    }
    let [first] = after.array(0)?;
    let framed = after.skip(CONTROL_WORD_LEN);
    if first >> 4 == 0 && ethernet::is_decoded(framed) {
        return Some((Layer::Ethernet, framed));
    }
    ethernet::is_decoded(after).then_some((Layer::Ethernet, after))
}
