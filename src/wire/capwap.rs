//! CAPWAP: what access points and their controller exchange frames in, while it is not encrypted.

use super::view::Layer;
use super::window::Window;
use super::{ethernet, ieee80211};
use crate::tunnel::Tunnel;

/// A header without optional fields. Source: RFC 5415 §4.3.
const MIN_LEN: usize = 8;
/// Version 0, and a CAPWAP header and not DTLS.
const PLAIN: u8 = 0x00;
/// Bits of the three bytes after: length of the header in words of four bytes, what the frame inside is, what it is encapsulated for.
const WORDS_SHIFT: u32 = 19;
const BINDING_SHIFT: u32 = 9;
const BINDING: u32 = 0x1f;
const IS_NATIVE: u32 = 0x0100;
const IS_FRAGMENT: u32 = 0x0080;
const IS_KEEPALIVE: u32 = 0x0008;
const RESERVED: u32 = 0x0007;
/// Frames that are not turned into Ethernet ones are those of IEEE 802.11. Source: RFC 5416 §2.
const BINDING_80211: u32 = 1;

/// What a CAPWAP datagram carries; `None` when these are not the bytes of one, or it carries no packet.
///
/// A part of a frame is not entered, not even the first one.
pub(super) fn inside(payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let [PLAIN, b0, b1, b2, .., last] = payload.array::<MIN_LEN>(0)? else {
        return None;
    };
    let fields = u32::from_be_bytes([0, b0, b1, b2]);
    let has_flaw =
        fields & (IS_FRAGMENT | IS_KEEPALIVE | RESERVED) != 0 || u32::from(last) & RESERVED != 0;
    let header_len = usize::try_from(fields >> WORDS_SHIFT).ok()? * 4;
    if has_flaw || header_len < MIN_LEN || payload.bytes().len() < header_len {
        return None;
    }
    let frame = payload.skip(header_len).through(Tunnel::Capwap);
    let step = match (fields & IS_NATIVE, fields >> BINDING_SHIFT & BINDING) {
        (0, _) => ethernet::read(frame),
        (_, BINDING_80211) => ieee80211::read_tunnelled(frame),
        _ => return None,
    };
    step.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::golden::{ETHERNET, IS_IPV4, REAL_DNS, hex};
    use super::super::golden_wireless::{SNAP, WIFI_HEADER};
    use super::*;

    fn is_entered(parts: &[&str]) -> bool {
        inside(Window::new(&hex(parts))).is_some()
    }

    #[test]
    fn what_is_no_plain_whole_packet_stays_a_datagram() {
        let ethernet = |header| is_entered(&[header, ETHERNET, IS_IPV4, REAL_DNS]);
        assert!(ethernet("00 10 02 00 00 00 00 00"));
        for (name, header) in [
            ("DTLS", "01 10 02 00 00 00 00 00"),
            ("a later version", "10 10 02 00 00 00 00 00"),
            ("a fragment", "00 10 02 80 00 01 00 00"),
            ("a keepalive", "00 10 02 08 00 00 00 00"),
            ("reserved bits", "00 10 02 01 00 00 00 00"),
            ("reserved bits at the end", "00 10 02 00 00 00 00 04"),
            ("a header of one word", "00 08 02 00 00 00 00 00"),
            ("a header past the end", "00 f8 02 00 00 00 00 00"),
            ("a native frame of EPC", "00 10 07 00 00 00 00 00"),
        ] {
            assert!(!ethernet(header), "{name}");
        }
    }

    #[test]
    fn an_802_11_frame_without_data_stays_a_datagram() {
        let native = "00 10 03 00 00 00 00 00";
        let is_entered = |control| is_entered(&[native, control, WIFI_HEADER, SNAP, REAL_DNS]);
        for (control, has_data) in [
            ("08 01", true),
            ("01 08", true),
            ("80 00", false),
            ("00 80", false),
            ("08 41", false),
            ("41 08", false),
            ("48 01", false),
        ] {
            assert_eq!(is_entered(control), has_data, "{control}");
        }
    }
}
