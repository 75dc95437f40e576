//! Generic routing encapsulation: any ethertype in IP; PPTP, which is its version 1; the mirrored frames of ERSPAN.

use super::Step;
use super::ethernet::by_ethertype;
use super::view::{Layer, Reason};
use super::window::Window;

/// Flags and version, ethertype. Source: RFC 2784 §2.1.
const HEADER_LEN: usize = 4;
/// Each optional field: checksum with offset, key, sequence number, acknowledgement. Source: RFC 2784, RFC 2890, RFC 2637 §4.1.
const FIELD_LEN: usize = 4;

const HAS_CHECKSUM: u16 = 0x8000;
/// Source routes of RFC 1701, which RFC 2784 took out.
const HAS_ROUTING: u16 = 0x4000;
const HAS_KEY: u16 = 0x2000;
const HAS_SEQUENCE: u16 = 0x1000;
/// Of version 1 alone.
const HAS_ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// An Ethernet frame ("transparent Ethernet bridging"). Source: IANA "IEEE 802 Numbers".
pub(super) const BRIDGED_ETHERNET: u16 = 0x6558;
/// Source: IANA "IEEE 802 Numbers".
const PPP: u16 = 0x880b;
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
    let optional = match (flags & VERSION, ethertype) {
        (0, _) if flags & HAS_ROUTING == 0 => HAS_CHECKSUM | HAS_KEY | HAS_SEQUENCE,
        (1, PPP) => HAS_KEY | HAS_SEQUENCE | HAS_ACKNOWLEDGEMENT,
        _ => return Err(window.stop(Layer::Gre, Reason::Flags(flags))),
    };
    let header_len = HEADER_LEN + FIELD_LEN * (flags & optional).count_ones() as usize;
    if window.bytes().len() < header_len {
        return Err(window.too_short(Layer::Gre, header_len));
    }
    let after = window.skip(header_len);
    match ethertype {
        BRIDGED_ETHERNET => Ok(Some((Layer::Ethernet, after))),
        PPP => Ok(Some((Layer::Ppp, after))),
        // Type I has no header of its own, and says so by having no sequence number.
        ERSPAN if flags & HAS_SEQUENCE == 0 => Ok(Some((Layer::Ethernet, after))),
        ERSPAN => past_erspan(after, ERSPAN_II_LEN),
        ERSPAN_III => past_erspan(after, erspan_iii_len(after)),
        _ if ARUBA.contains(&ethertype) && ethertype % ARUBA_STEP == 0 => {
            Ok(Some((Layer::Ieee80211, after)))
        }
        _ => by_ethertype(Layer::Gre, ethertype, after),
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
    Ok(Some((Layer::Ethernet, window.skip(header_len))))
}
