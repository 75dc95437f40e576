//! Teredo: IPv6 in datagrams that pass address translation.

use super::link;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

const AUTHENTICATION: u16 = 0x0001;
const ORIGIN: u16 = 0x0000;
/// Indicator, lengths of identifier and value, nonce, confirmation. Source: RFC 4380 §5.1.1.
const AUTHENTICATION_MIN_LEN: usize = 13;
/// Indicator, port, address. Source: RFC 4380 §5.1.1.
const ORIGIN_LEN: usize = 8;

/// What a Teredo datagram carries; `None` when these are not the bytes of one.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let mut rest = payload;
    if rest.be16(0) == Some(AUTHENTICATION) {
        let [id_len, value_len] = rest.array(2)?;
        rest = rest.skip(AUTHENTICATION_MIN_LEN + usize::from(id_len) + usize::from(value_len));
    }
    if rest.be16(0) == Some(ORIGIN) {
        rest = rest.skip(ORIGIN_LEN);
    }
    link::inside_raw(rest.through(Tunnel::Teredo)).filter(|(layer, _)| *layer == Layer::Ipv6)
}
