//! ATM, as SunATM devices tell it: LLC, or Ethernet of an emulated LAN.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;

/// Flags, virtual path, virtual channel. Source: LINKTYPE_SUNATM of the tcpdump group.
const HEADER_LEN: usize = 4;
/// Of the flags: what kind of traffic it is.
const KIND: u8 = 0x0f;
const LAN_EMULATION: u8 = 1;
const LLC: u8 = 2;

/// Identifier of the emulated LAN's client. Source: ATM Forum LANE 1.0 §4.1.
const CLIENT_LEN: usize = 2;

/// A SunATM header.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let header = window.array::<HEADER_LEN>(0);
    let [flags, ..] = header.ok_or_else(|| window.too_short(Layer::SunAtm, HEADER_LEN))?;
    let after = window.skip(HEADER_LEN);
    match flags & KIND {
        LAN_EMULATION => Ok(Some((Layer::Ethernet, after.skip(CLIENT_LEN)))),
        LLC => Ok(Some((Layer::Llc, after))),
        kind => Err(after.stop(Layer::SunAtm, Reason::Kind(kind))),
    }
}
