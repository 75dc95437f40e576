//! EtherIP: an Ethernet frame in IP.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::tunnel::Tunnel;

/// Version and reserved bits. Source: RFC 3378 §3.
const HEADER_LEN: usize = 2;
/// Version 3; what is reserved is 0.
const VERSION_3: u16 = 0x3000;

/// An EtherIP header.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let version = window.be16(0);
    let version = version.ok_or_else(|| window.too_short(Layer::EtherIp, HEADER_LEN))?;
    if version != VERSION_3 {
        return Err(window.stop(Layer::EtherIp, Reason::Flags(version)));
    }
    let frame = window.skip(HEADER_LEN).through(Tunnel::EtherIp);
    Ok(Some((Layer::Ethernet, frame)))
}
