//! PPP, bare or framed, PPP over Ethernet, and Cisco HDLC, which shares its link types.

use super::Step;
use super::ethernet::by_ethertype;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Address and control field of HDLC-like framing. Source: RFC 1662 §3.1.
const FRAMING: [u8; 2] = [0xff, 0x03];
/// Address fields of Cisco HDLC, unicast and multicast; the control field is 0. Source: RFC 1547 §4.3.1.
const CISCO_ADDRESSES: [u8; 2] = [0x0f, 0x8f];
/// Address, control, ethertype.
const CISCO_HDLC_LEN: usize = 4;
/// Version and type, code, session, length. Source: RFC 2516 §4.
const PPPOE_LEN: usize = 6;
/// Version 1, type 1, and the code of a session's data.
const PPPOE_DATA: u16 = 0x1100;

/// Source: IANA "PPP DLL Protocol Numbers".
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS_UNICAST: u16 = 0x0281;
const MPLS_MULTICAST: u16 = 0x0283;

/// A PPP header, with or without address and control fields, its protocol field of one byte or two.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    if let Some([address, 0]) = window.array(0)
        && CISCO_ADDRESSES.contains(&address)
    {
        return Ok(Some((Layer::CiscoHdlc, window)));
    }
    let (protocol, after) =
        split(window).ok_or_else(|| window.too_short(Layer::Ppp, window.bytes().len() + 1))?;
    match next_of(protocol) {
        Some(next) => Ok(Some((next, after))),
        None => Err(after.stop(Layer::Ppp, Reason::Ppp(protocol))),
    }
}

/// Whether the bytes look like a PPP frame whose protocol is decoded.
pub(super) fn is_decoded(window: Window<'_>) -> bool {
    split(window)
        .and_then(|(protocol, _)| next_of(protocol))
        .is_some()
}

/// The protocol number, and what follows it.
fn split(window: Window<'_>) -> Option<(u16, Window<'_>)> {
    let bare = match window.array(0) {
        Some(FRAMING) => window.skip(FRAMING.len()),
        _ => window,
    };
    // The low bit is set in the last byte of the number, and only there. Source: RFC 1661 §2.
    let [first] = bare.array(0)?;
    match first & 1 {
        1 => Some((u16::from(first), bare.skip(1))),
        _ => Some((bare.be16(0)?, bare.skip(2))),
    }
}

fn next_of(protocol: u16) -> Option<Layer> {
    Some(match protocol {
        IPV4 => Layer::Ipv4,
        IPV6 => Layer::Ipv6,
        MPLS_UNICAST | MPLS_MULTICAST => Layer::Mpls,
        _ => return None,
    })
}

/// A PPPoE header of the session stage.
pub(super) fn read_pppoe(window: Window<'_>) -> Step<'_> {
    let fields = window.be16(0).zip(window.be16(PPPOE_LEN - 2));
    let (flags, len) = fields.ok_or_else(|| window.too_short(Layer::Pppoe, PPPOE_LEN))?;
    if flags != PPPOE_DATA {
        return Err(window.stop(Layer::Pppoe, Reason::Flags(flags)));
    }
    let after = window.skip(PPPOE_LEN).through(Tunnel::Pppoe);
    Ok(Some((Layer::Ppp, after.limit(usize::from(len)))))
}

/// A Cisco HDLC header.
pub(super) fn read_cisco_hdlc(window: Window<'_>) -> Step<'_> {
    let ethertype = window.be16(CISCO_HDLC_LEN - 2);
    let ethertype = ethertype.ok_or_else(|| window.too_short(Layer::CiscoHdlc, CISCO_HDLC_LEN))?;
    by_ethertype(Layer::CiscoHdlc, ethertype, window.skip(CISCO_HDLC_LEN))
}
