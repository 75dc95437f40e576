//! Cisco FabricPath: an Ethernet frame behind the fabric's own header.

use super::Step;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Forwarding tag and time to live. Source: Cisco, "FabricPath Encapsulation".
const TAG_LEN: usize = 2;

/// What follows the ethertype of a FabricPath header.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    if window.bytes().len() < TAG_LEN {
        return Err(window.too_short(Layer::FabricPath, TAG_LEN));
    }
    let frame = window.skip(TAG_LEN).through(Tunnel::FabricPath);
    Ok(Some((Layer::Ethernet, frame)))
}
