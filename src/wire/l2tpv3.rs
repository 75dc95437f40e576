//! L2TP, version 3: frames or packets in IP, or in a datagram, behind a header whose length only the two ends know.

use super::Step;
use super::certain;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Session; 0 is a control message. Source: RFC 3931 §4.1.1.
const SESSION_LEN: usize = 4;
/// What may follow it: a cookie of 0, 4 or 8 bytes, a sublayer of 0 or 4. Source: RFC 3931 §4.1, §4.6.
const LENS_AFTER_SESSION: [usize; 4] = [0, 4, 8, 12];
/// Flags and version of a data message, reserved: before the session, over UDP only. Source: RFC 3931 §4.1.2.1.
const DATA_OVER_UDP: [u8; 4] = [0, 3, 0, 0];

/// What follows the IP header of protocol 115. A control message, or what is not recognised, is payload.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    Ok(inside(window))
}

/// What a data message in a datagram carries; `None` when these are not the bytes of one, or not recognised.
pub(super) fn inside_udp(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let header = payload.array(0)?;
    (header == DATA_OVER_UDP)
        .then(|| inside(payload.skip(header.len())))
        .flatten()
}

fn inside(message: Window<'_>) -> Option<(Layer, Window<'_>)> {
    if message.array(0)? == [0; SESSION_LEN] {
        return None;
    }
    LENS_AFTER_SESSION.into_iter().find_map(|len| {
        let carried = message.skip(SESSION_LEN + len).through(Tunnel::L2tp);
        certain::frame(carried).or_else(|| certain::packet(carried))
    })
}
