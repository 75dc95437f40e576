//! Generic routing encapsulation: any ethertype in IP or a datagram; PPTP and EoIP, which are its version 1; the mirrored frames of ERSPAN,
//! and what WCCP redirects.

use super::Step;
use super::certain;
use super::ethernet::{self, by_ethertype};
use super::view::{Layer, Reason, Stop};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Flags and version, ethertype. Source: RFC 2784 §2.1.
const HEADER_LEN: usize = 4;
/// Each optional field: checksum with offset, key, sequence number, acknowledgement. Source: RFC 2784, RFC 2890, RFC 2637 §4.1.
const FIELD_LEN: usize = 4;

const HAS_CHECKSUM: u16 = 0x8000;
/// Source routes of RFC 1701, which RFC 2784 took out. The field of checksum and offset is there with them.
const HAS_ROUTING: u16 = 0x4000;
const HAS_KEY: u16 = 0x2000;
const HAS_SEQUENCE: u16 = 0x1000;
/// Address family, offset, length: before each entry of a source route. One without family and length is the last. Source: RFC 1701.
const ROUTE_ENTRY_LEN: usize = 4;
/// Most entries that are passed.
const MAX_ROUTE_ENTRIES: usize = 16;
/// Of version 1 alone.
const HAS_ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// An Ethernet frame ("transparent Ethernet bridging"). Source: IANA "IEEE 802 Numbers".
pub(super) const BRIDGED_ETHERNET: u16 = 0x6558;
/// Frame relay with the network layer protocol identifier. Source: IANA "IEEE 802 Numbers".
const FRAME_RELAY: u16 = 0x6559;
/// Source: IANA "IEEE 802 Numbers".
const PPP: u16 = 0x880b;
/// Ethernet of MikroTik, in a header that is PPTP's but for the type. Source: `packet-gre.c` of Wireshark.
const EOIP: u16 = 0x6400;
/// What Cisco's web cache communication protocol redirects. Source: draft-wilson-wrec-wccp-v2-01 §4.12.
const WCCP: u16 = 0x883e;
const WCCP_LEN: usize = 4;
/// ERSPAN of types I and II. Source: draft-foschiano-erspan §4.
const ERSPAN: u16 = 0x88be;
/// ERSPAN of type III. Source: draft-foschiano-erspan §4.3.
const ERSPAN_III: u16 = 0x22eb;
const ERSPAN_II_LEN: usize = 8;
const ERSPAN_III_LEN: usize = 12;
/// The platform-specific part of a type III header, there when its last bit is set.
const ERSPAN_III_SUBHEADER_LEN: usize = 8;

/// IEEE 802.11 frames of Aruba's access points: one number for each of their tunnels, in steps of 16. Source: `packet-gre.h` of Wireshark.
const ARUBA: std::ops::RangeInclusive<u16> = 0x8200..=0x8370;
const ARUBA_STEP: u16 = 0x10;

/// A GRE header.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let fields = window.be16(0).zip(window.be16(2));
    let (flags, ethertype) = fields.ok_or_else(|| window.too_short(Layer::Gre, HEADER_LEN))?;
    let (optional, tunnel) = match (flags & VERSION, ethertype) {
        (0, _) => (HAS_CHECKSUM | HAS_KEY | HAS_SEQUENCE, Tunnel::Gre),
        (1, PPP) => (HAS_KEY | HAS_SEQUENCE | HAS_ACKNOWLEDGEMENT, Tunnel::Pptp),
        (1, EOIP) => (HAS_KEY, Tunnel::Eoip),
        _ => return Err(window.stop(Layer::Gre, Reason::Flags(flags))),
    };
    let is_routed = flags & HAS_ROUTING != 0 && tunnel == Tunnel::Gre;
    let present = flags & optional | if is_routed { HAS_CHECKSUM } else { 0 };
    let header_len = HEADER_LEN + FIELD_LEN * present.count_ones() as usize;
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Gre, header_len));
    }
    let mut after = window.skip(header_len).through(tunnel);
    if is_routed {
        after = past_routes(after)?;
    }
    match ethertype {
        BRIDGED_ETHERNET | EOIP => Ok(Some((Layer::Ethernet, after))),
        FRAME_RELAY => Ok(Some((Layer::FrameRelay, after))),
        PPP => Ok(Some((Layer::Ppp, after))),
        WCCP => Ok(Some((Layer::Ipv4, past_wccp(after)))),
        // Type I has no header of its own, and says so by having no sequence number.
        ERSPAN if flags & HAS_SEQUENCE == 0 => past_erspan(after, 0),
        ERSPAN => past_erspan(after, ERSPAN_II_LEN),
        ERSPAN_III => past_erspan(after, erspan_iii_len(after)),
        _ if ARUBA.contains(&ethertype) && ethertype % ARUBA_STEP == 0 => {
            Ok(Some((Layer::Ieee80211, after)))
        }
        _ => by_ethertype(Layer::Gre, ethertype, after),
    }
}

/// The GRE header that a datagram begins with; `None` when these are not the bytes of one, or what it announces is not decoded.
///
/// A receiver ignores the reserved bits. Here they tell GRE from what else comes to its port: where they are set, the packet inside must be
/// certain.
///
/// Source: RFC 8086 §3.
pub(super) fn inside_udp(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let (flags, ethertype) = payload.be16(0).zip(payload.be16(2))?;
    let are_reserved_zero = flags & !(HAS_CHECKSUM | HAS_KEY | HAS_SEQUENCE) == 0;
    let is_gre = match are_reserved_zero {
        true => ethertype == BRIDGED_ETHERNET || ethernet::is_ethertype_decoded(ethertype),
        false => read(payload).ok()?.and_then(certain::whole).is_some(),
    };
    is_gre.then_some((Layer::Gre, payload))
}

/// What follows the entries of a source route.
fn past_routes(window: Window<'_>) -> Result<Window<'_>, Stop> {
    let mut rest = window;
    for _ in 0..MAX_ROUTE_ENTRIES {
        let entry = rest.array(0);
        let [f0, f1, _, len] = entry.ok_or_else(|| rest.too_short(Layer::Gre, ROUTE_ENTRY_LEN))?;
        rest = rest.past(
            Layer::Gre,
            ROUTE_ENTRY_LEN + usize::from(len),
            ROUTE_ENTRY_LEN,
        )?;
        if (f0, f1, len) == (0, 0, 0) {
            return Ok(rest);
        }
    }
    Err(rest.stop(Layer::Gre, Reason::Contents))
}

/// The redirected packet behind the header of WCCP, version 2; version 1 has none.
///
/// Source: draft-wilson-wrec-wccp-v2-01 §4.12.
fn past_wccp(window: Window<'_>) -> Window<'_> {
    match window.array(0) {
        Some([first]) if first >> 4 == 4 => window,
        _ => window.skip(WCCP_LEN),
    }
}

fn erspan_iii_len(window: Window<'_>) -> usize {
    match window.array(ERSPAN_III_LEN - 1) {
        Some([last]) if last & 1 != 0 => ERSPAN_III_LEN + ERSPAN_III_SUBHEADER_LEN,
        _ => ERSPAN_III_LEN,
    }
}

fn past_erspan(window: Window<'_>, header_len: usize) -> Step<'_> {
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Gre, header_len));
    }
    let frame = window.skip(header_len).through(Tunnel::Erspan);
    Ok(Some((Layer::Ethernet, frame)))
}
