//! Provider backbone bridges: a customer's Ethernet frame in the provider's ("MAC in MAC").

use super::Step;
use super::view::Layer;
use super::window::Window;
use crate::tunnel::Tunnel;

/// Priority, flags and the service's identifier; the customer's addresses follow. Source: IEEE 802.1Q §9.7 (once 802.1ah).
const TAG_LEN: usize = 4;

/// A service tag (I-TAG), from after the ethertype that announces it.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    if window.bytes().len() < TAG_LEN {
        return Err(window.too_short(Layer::Pbb, TAG_LEN));
    }
    let customer = window.skip(TAG_LEN).through(Tunnel::Pbb);
    Ok(Some((Layer::Ethernet, customer)))
}
