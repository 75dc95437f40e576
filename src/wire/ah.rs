//! IP authentication header: it leaves what it protects in the clear.

use super::Step;
use super::ipv6;
use super::view::{Layer, Net, PacketView};
use super::window::Window;
use crate::packet::IpProtocol;

/// A header without a check value. Source: RFC 4302 §2.
const MIN_LEN: usize = 12;

/// An authentication header, over IPv4 or IPv6.
///
/// What follows is as if it were not there: a transport, another packet, or (IPv6) an extension header.
#[cold]
pub(super) fn read<'a>(window: Window<'a>, view: &mut PacketView) -> Step<'a> {
    // next header: 1, length in words less 2: 1, reserved: 2, SPI: 4, sequence number: 4
    let header = window.array::<MIN_LEN>(0);
    let [next, words, ..] = header.ok_or_else(|| window.too_short(Layer::Ah, MIN_LEN))?;
    let header_len = MIN_LEN.max((usize::from(words) + 2) * 4);
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Ah, header_len));
    }
    let next = IpProtocol(next);
    view.set_protocol(next);
    let after = window.skip(header_len);
    match view.net {
        Some(Net::Ipv6) => ipv6::by_next_header(next, after, view),
        _ => Ok(Some((Layer::Transport(next), after))),
    }
}
