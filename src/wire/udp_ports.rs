//! What a datagram carries: its ports are hints, its first bytes decide.

use super::view::Layer;
use super::window::Window;
use super::{
    ayiya, capwap, certain, geneve, gre, gtp, l2tp, l2tpv3, lisp, mpls, teredo, tzsp, vxlan,
};

/// What a datagram of these ports carries; `None` where it is no tunnel's.
///
/// * Of a tunnel's port, either one: its header must look right.
/// * Of any other: VXLAN, Geneve and GTP-U, which are found on many, where the packet inside is certain.
pub(super) fn inside(src: u16, dst: u16, payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    by_port(dst, payload)
        .or_else(|| by_port(src, payload))
        .or_else(|| on_any_port(payload))
}

/// Source: IANA "Service Name and Transport Protocol Port Number Registry"; 8472 is what Linux took for VXLAN before there was a number, 37008 what MikroTik
/// streams to.
fn by_port(port: u16, payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    match port {
        1701 => l2tp::inside(payload).or_else(|| l2tpv3::inside_udp(payload)),
        2152 => gtp::inside(payload),
        3386 => gtp::inside_0(payload),
        3544 => teredo::inside(payload),
        4341 => lisp::inside(payload),
        4754 => gre::inside_udp(payload),
        4789 | 8472 => vxlan::inside(payload),
        4790 => vxlan::inside_gpe(payload),
        5072 => ayiya::inside(payload),
        5247 => capwap::inside(payload),
        6081 => geneve::inside(payload),
        6635 => mpls::inside_udp(payload),
        37008 => tzsp::inside(payload),
        _ => None,
    }
}

fn on_any_port(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [first, second] = payload.array(0)?;
    let inside = match (first, second) {
        (0x08, 0) => vxlan::inside(payload),
        (0x30..=0x37, 0xff) => gtp::inside(payload),
        (0x00..=0x3f, 0) => geneve::inside(payload),
        _ => None,
    };
    certain::whole(inside?)
}
