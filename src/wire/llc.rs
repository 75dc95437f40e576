//! IEEE 802.2 logical link control, with or without SNAP: IP over what has no ethertype of its own.

use super::Step;
use super::ethernet::by_ethertype;
use super::view::{Layer, Reason};
use super::window::Window;

/// Destination, source, and a control field of one byte.
const LLC_LEN: usize = 3;
/// LLC, then the organisation's identifier and its number of the protocol.
const SNAP_LEN: usize = 8;

/// Service access point of IP. Source: RFC 1042; IANA "IEEE 802 Numbers".
const SAP_IP: u8 = 0x06;
/// Service access point of SNAP. Source: IEEE 802 §9.5.
const SAP_SNAP: u8 = 0xaa;
/// Control field of a frame without sequence numbers, the only kind that carries IP. Source: RFC 1042.
const UNNUMBERED_INFORMATION: u8 = 0x03;

/// The protocol number is an ethertype. Source: RFC 1042.
const OUI_ETHERNET: u32 = 0;
/// The same, for what a bridge must not turn into an Ethernet II frame. Source: IEEE 802.1H.
const OUI_BRIDGE_TUNNEL: u32 = 0x00_00f8;

/// An LLC header.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let header = window.array::<LLC_LEN>(0);
    let [dsap, ssap, control] = header.ok_or_else(|| window.too_short(Layer::Llc, LLC_LEN))?;
    match (dsap, ssap, control) {
        (SAP_IP, SAP_IP, UNNUMBERED_INFORMATION) => Ok(Some((Layer::Raw, window.skip(LLC_LEN)))),
        (SAP_SNAP, SAP_SNAP, UNNUMBERED_INFORMATION) => read_snap(window),
        _ => Err(window
            .skip(LLC_LEN)
            .stop(Layer::Llc, Reason::Llc(dsap, ssap))),
    }
}

fn read_snap(window: Window<'_>) -> Step<'_> {
    let snap = window.array::<{ SNAP_LEN - LLC_LEN }>(LLC_LEN);
    let [o0, o1, o2, p0, p1] = snap.ok_or_else(|| window.too_short(Layer::Llc, SNAP_LEN))?;
    let oui = u32::from_be_bytes([0, o0, o1, o2]);
    let protocol = u16::from_be_bytes([p0, p1]);
    let after = window.skip(SNAP_LEN);
    match oui {
        OUI_ETHERNET | OUI_BRIDGE_TUNNEL => by_ethertype(Layer::Llc, protocol, after),
        _ => Err(after.stop(Layer::Llc, Reason::Snap(oui, protocol))),
    }
}
