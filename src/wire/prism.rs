//! Prism and AVS: what older wireless drivers tell about the reception of an 802.11 frame.

use super::Step;
use super::view::Layer;
use super::window::Window;

/// Message code, message length, device, and ten values of twelve bytes. Source: LINKTYPE_IEEE802_11_PRISM of the tcpdump group.
const PRISM_LEN: usize = 144;

/// First four bytes of an AVS header, of its versions 1 and 2. Source: LINKTYPE_IEEE802_11_AVS of the tcpdump group.
const AVS_VERSIONS: [u32; 2] = [0x8021_1001, 0x8021_1002];
/// Version and length.
const AVS_MIN_LEN: usize = 8;

/// A Prism header, or the AVS header that some drivers write in its place.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let version = window.array(0).map(u32::from_be_bytes);
    if version.is_some_and(|version| AVS_VERSIONS.contains(&version)) {
        return Ok(Some((Layer::Avs, window)));
    }
    let frame = window.past(Layer::Prism, PRISM_LEN, PRISM_LEN)?;
    Ok(Some((Layer::Ieee80211, frame)))
}

/// An AVS header.
#[cold]
pub(super) fn read_avs(window: Window<'_>) -> Step<'_> {
    let len = window.array(4).map(u32::from_be_bytes);
    let len = len.ok_or_else(|| window.too_short(Layer::Avs, AVS_MIN_LEN))?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let frame = window.past(Layer::Avs, len, AVS_MIN_LEN)?;
    Ok(Some((Layer::Ieee80211, frame)))
}
