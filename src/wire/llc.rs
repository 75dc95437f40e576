//! IEEE 802.2 logical link control, with or without SNAP: IP over what has no ethertype of its own.

use super::Step;
use super::ethernet::by_ethertype;
use super::frame_relay;
use super::view::{Layer, Reason};
use super::window::Window;

/// Destination, source, and a control field of one byte.
const LLC_LEN: usize = 3;
/// After LLC: the organisation's identifier and its number of the protocol.
const SNAP_LEN: usize = 5;

/// Service access point of IP. Source: RFC 1042; IANA "IEEE 802 Numbers".
const SAP_IP: u8 = 0x06;
/// Service access point of SNAP. Source: IEEE 802 §9.5.
const SAP_SNAP: u8 = 0xaa;
/// Service access point of OSI's network layer: an identifier of the protocol follows. Source: ISO/IEC TR 9577; RFC 2684 §5.1.
const SAP_OSI: u8 = 0xfe;
/// Control field of a frame without sequence numbers, the only kind that carries IP. Source: RFC 1042.
const UNNUMBERED_INFORMATION: u8 = 0x03;

/// The protocol number is an ethertype. Source: RFC 1042.
const OUI_ETHERNET: u32 = 0;
/// The same, for what a bridge must not turn into an Ethernet II frame. Source: IEEE 802.1H.
const OUI_BRIDGE_TUNNEL: u32 = 0x00_00f8;
/// The protocol is a kind of network whose frame follows: Ethernet with or without its frame check sequence. Source: RFC 2427 §4.2.
const OUI_BRIDGED: u32 = 0x00_80c2;
const BRIDGED_ETHERNET: [u16; 2] = [0x0001, 0x0007];
/// Between the header and a bridged frame, over ATM. Source: RFC 2684 §5.2.
const BRIDGED_PAD_LEN: usize = 2;

/// An LLC header.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let header = window.array::<LLC_LEN>(0);
    let [dsap, ssap, control] = header.ok_or_else(|| window.too_short(Layer::Llc, LLC_LEN))?;
    match (dsap, ssap, control) {
        (SAP_IP, SAP_IP, UNNUMBERED_INFORMATION) => Ok(Some((Layer::Raw, window.skip(LLC_LEN)))),
        (SAP_SNAP, SAP_SNAP, UNNUMBERED_INFORMATION) => {
            read_snap(Layer::Llc, BRIDGED_PAD_LEN, window.skip(LLC_LEN))
        }
        (SAP_OSI, SAP_OSI, UNNUMBERED_INFORMATION) => read_osi(window),
        _ => Err(window
            .skip(LLC_LEN)
            .stop(Layer::Llc, Reason::Llc(dsap, ssap))),
    }
}

/// Whether the bytes look like an LLC header whose protocol is decoded.
pub(super) fn is_decoded(window: Window<'_>) -> bool {
    matches!(read(window), Ok(Some(_)))
}

fn read_osi(window: Window<'_>) -> Step<'_> {
    let [identifier] = window
        .array(LLC_LEN)
        .ok_or_else(|| window.too_short(Layer::Llc, LLC_LEN + 1))?;
    match frame_relay::next_of(identifier) {
        Some(next) => Ok(Some((next, window.skip(LLC_LEN + 1)))),
        None => Err(window
            .skip(LLC_LEN)
            .stop(Layer::Llc, Reason::Llc(SAP_OSI, SAP_OSI))),
    }
}

/// SNAP, in a header of `layer`; `pad_len` bytes come before a bridged frame.
pub(super) fn read_snap(layer: Layer, pad_len: usize, window: Window<'_>) -> Step<'_> {
    let snap = window.array::<SNAP_LEN>(0);
    let [o0, o1, o2, p0, p1] = snap.ok_or_else(|| window.too_short(layer, SNAP_LEN))?;
    let oui = u32::from_be_bytes([0, o0, o1, o2]);
    let protocol = u16::from_be_bytes([p0, p1]);
    let after = window.skip(SNAP_LEN);
    match oui {
        OUI_ETHERNET | OUI_BRIDGE_TUNNEL => by_ethertype(layer, protocol, after),
        OUI_BRIDGED if BRIDGED_ETHERNET.contains(&protocol) => {
            Ok(Some((Layer::Ethernet, after.skip(pad_len))))
        }
        _ => Err(after.stop(layer, Reason::Snap(oui, protocol))),
    }
}
