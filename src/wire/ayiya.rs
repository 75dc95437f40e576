//! AYIYA ("Anything in Anything"): IP in signed datagrams that pass address translation.

use super::certain;
use super::view::Layer;
use super::window::Window;
use crate::packet::IpProtocol;
use crate::tunnel::Tunnel;

/// Lengths and kinds of identity and signature, what is to be done, next header, time. Source: draft-massar-v6ops-ayiya-02 §3.
const FIXED_LEN: usize = 8;
/// The operation that carries a packet. Source: the same, §3.1.
const FORWARD: u8 = 1;

/// What an AYIYA datagram carries; `None` when these are not the bytes of one, or it carries no IP that is certain.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    // exponent of the identity's length and its kind: 1; words of the signature and its hash: 1; authentication and operation: 1;
    // next header: 1; time: 4
    let [identity, signature, operation, next, ..] = payload.array::<FIXED_LEN>(0)?;
    if operation & 0x0f != FORWARD {
        return None;
    }
    let header_len = FIXED_LEN + (1_usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
    let expected = match IpProtocol(next) {
        IpProtocol::IPV4 => Layer::Ipv4,
        IpProtocol::IPV6 => Layer::Ipv6,
        _ => return None,
    };
    certain::whole((expected, payload.skip(header_len).through(Tunnel::Ayiya)))
}
