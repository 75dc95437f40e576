//! What a datagram carries: its ports are hints, its first bytes decide.

use super::view::Layer;
use super::window::Window;
use super::{
    ayiya, capwap, certain, geneve, gre, gtp, l2tp, l2tpv3, lisp, mpls, teredo, tzsp, vxlan,
};
use crate::port_sieve::PortSieve;

/// What a datagram of these ports carries; `None` where it is no tunnel's.
///
/// * Of a tunnel's port, either one: its header must look right.
/// * Of any other: VXLAN, Geneve and GTP-U, which are found on many, where the packet inside is certain.
pub(super) fn inside(src: u16, dst: u16, payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    by_port(dst, payload)
        .or_else(|| by_port(src, payload))
        .or_else(|| on_any_port(payload))
}

/// Whether [`inside`] may say anything of a datagram with these ports: quick, and no for nearly every one that carries no tunnel.
///
/// * `payload`: all of it.
#[inline]
pub(super) fn may_be_inside((src, dst): (u16, u16), payload: &[u8]) -> bool {
    let is_odd = match *payload {
        // What `on_any_port` looks for begins so.
        [first, second, ..] => (first < 0x40) & ((second == 0) | (second == 0xff)),
        _ => false,
    };
    SIEVE.may_have(src) | SIEVE.may_have(dst) | is_odd
}

static SIEVE: PortSieve<16> = PortSieve::of(&[&TUNNELS]);

/// Those that [`of_port`] knows.
const TUNNELS: [u16; 14] = [
    1701, 2152, 3386, 3544, 4341, 4754, 4789, 8472, 4790, 5072, 5247, 6081, 6635, 37008,
];

type Inside = for<'a> fn(Window<'a>) -> Option<(Layer, Window<'a>)>;

fn by_port(port: u16, payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    of_port(port)?(payload)
}

/// Source: IANA "Service Name and Transport Protocol Port Number Registry"; 8472 is what Linux took for VXLAN before there was a number, 37008 what MikroTik
/// streams to.
fn of_port(port: u16) -> Option<Inside> {
    Some(match port {
        1701 => |payload| l2tp::inside(payload).or_else(|| l2tpv3::inside_udp(payload)),
        2152 => gtp::inside,
        3386 => gtp::inside_0,
        3544 => teredo::inside,
        4341 => lisp::inside,
        4754 => gre::inside_udp,
        4789 | 8472 => vxlan::inside,
        4790 => vxlan::inside_gpe,
        5072 => ayiya::inside,
        5247 => capwap::inside,
        6081 => geneve::inside,
        6635 => mpls::inside_udp,
        37008 => tzsp::inside,
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_a_tunnel_passes_the_sieve_and_few_others_do() {
        let of_tunnels = (0..=u16::MAX).filter(|&port| of_port(port).is_some());
        assert!(of_tunnels.clone().all(|port| TUNNELS.contains(&port)));
        assert!(of_tunnels.clone().all(|port| SIEVE.may_have(port)));
        assert_eq!(of_tunnels.count(), TUNNELS.len());
        let passed = (0..=u16::MAX).filter(|&port| SIEVE.may_have(port));
        assert!(passed.count() <= TUNNELS.len() * 64);
    }

    #[test]
    fn what_is_looked_at_on_any_port_passes_too() {
        // A packet inside each of them that is certain would take many bytes: so all that may lead to one has to pass.
        for (first, second) in (0..=u8::MAX).flat_map(|first| [(first, 0), (first, 0xff)]) {
            let is_looked_at = matches!(
                (first, second),
                (0x08, 0) | (0x30..=0x37, 0xff) | (0x00..=0x3f, 0)
            );
            let passes = may_be_inside((1, 2), &[first, second, 0]);
            assert!(passes || !is_looked_at, "{first:02x} {second:02x}");
        }
        assert!(!may_be_inside((1, 2), &[]) && !may_be_inside((1, 2), &[0]));
        assert!(on_any_port(Window::new(&[])).is_none());
    }
}
