//! Teredo: IPv6 in datagrams that pass address translation.

use super::certain;
use super::link;
use super::view::Layer;
use super::window::Window;
use crate::packet::IpProtocol;
use crate::tunnel::Tunnel;

const AUTHENTICATION: u16 = 0x0001;
const ORIGIN: u16 = 0x0000;
/// Indicator, lengths of identifier and value, nonce, confirmation. Source: RFC 4380 §5.1.1.
const AUTHENTICATION_MIN_LEN: usize = 13;
/// Indicator, port, address. Source: RFC 4380 §5.1.1.
const ORIGIN_LEN: usize = 8;

/// Kinds of what may stand behind the packet, each with a length. Source: RFC 6081 §4.
const TRAILERS: std::ops::RangeInclusive<u8> = 1..=5;
const TRAILER_MIN_LEN: usize = 2;
/// Most of them that are looked through.
const MAX_TRAILERS: usize = 8;

/// The fixed IPv6 header. Source: RFC 8200 §3.
const IPV6_LEN: usize = 40;

/// What a Teredo datagram carries; `None` when these are not the bytes of one.
///
/// Clients of other protocols come to have its port: the packet must end where its own length says, or trailers follow it to the end. A bubble,
/// which is a header without a packet, may have anything behind it.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let mut rest = payload;
    if rest.be16(0) == Some(AUTHENTICATION) {
        let [id_len, value_len] = rest.array(2)?;
        rest = rest.skip(AUTHENTICATION_MIN_LEN + usize::from(id_len) + usize::from(value_len));
    }
    if rest.be16(0) == Some(ORIGIN) {
        rest = rest.skip(ORIGIN_LEN);
    }
    let packet = rest.through(Tunnel::Teredo);
    certain::packet(packet)
        .or_else(|| before_trailers(packet))
        .filter(|(layer, _)| *layer == Layer::Ipv6)
}

/// A packet that is shorter than its window, if nothing but trailers comes behind it.
fn before_trailers(packet: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let inside = link::inside_raw(packet)?;
    let [l0, l1, next] = packet.array(4)?;
    let len = u16::from_be_bytes([l0, l1]);
    if len == 0 && IpProtocol(next) == IpProtocol::NO_NEXT_HEADER {
        return Some(inside);
    }
    let mut rest = packet.skip(IPV6_LEN + usize::from(len));
    for _ in 0..MAX_TRAILERS {
        let [kind, len] = rest.array(0)?;
        let trailer_len = TRAILER_MIN_LEN + usize::from(len);
        if !TRAILERS.contains(&kind) || !rest.may_hold(trailer_len) {
            return None;
        }
        rest = rest.skip(trailer_len);
        if rest.origlen() == 0 {
            return Some(inside);
        }
    }
    None
}
