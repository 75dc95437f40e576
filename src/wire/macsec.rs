//! MACsec: what it protects, where it only signs and does not encrypt.

use super::Step;
use super::ethernet::by_type_or_length;
use super::view::{Layer, Reason};
use super::window::Window;

/// Control bits and association number, short length, packet number. Source: IEEE 802.1AE §9.3.
const MIN_LEN: usize = 6;
/// The secure channel's identifier, where it is told. Source: IEEE 802.1AE §9.9.
const CHANNEL_LEN: usize = 8;

/// The control bits. Source: IEEE 802.1AE §9.5.
const VERSION: u8 = 0x80;
const HAS_CHANNEL: u8 = 0x20;
/// Encrypted, or changed: what is set of them says that the bytes are not those that were sent.
const IS_ENCRYPTED: u8 = 0x08;
const IS_CHANGED: u8 = 0x04;
/// Bytes of what is protected, up to 47; 0 for more. Source: IEEE 802.1AE §9.7.
const SHORT_LENGTH: u8 = 0x3f;

/// A MACsec tag, from after the ethertype that announces it.
///
/// The check value after what is protected is left to the lengths inside, as an Ethernet trailer is.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let [control, short, ..] = window
        .array::<MIN_LEN>(0)
        .ok_or_else(|| window.too_short(Layer::MacSec, MIN_LEN))?;
    if control & VERSION != 0 {
        let flags = u16::from_be_bytes([control, short]);
        return Err(window.stop(Layer::MacSec, Reason::Flags(flags)));
    }
    let tag_len = match control & HAS_CHANNEL {
        0 => MIN_LEN,
        _ => MIN_LEN + CHANNEL_LEN,
    };
    if control & (IS_ENCRYPTED | IS_CHANGED) != 0 {
        return Err(window.stop(Layer::MacSec, Reason::Encrypted));
    }
    let field = window.be16(tag_len);
    let field = field.ok_or_else(|| window.too_short(Layer::MacSec, tag_len + 2))?;
    let secured = window.skip(tag_len);
    let secured = match usize::from(short & SHORT_LENGTH) {
        // A length that leaves no room for the ethertype is not believed.
        0..=2 => secured,
        len => secured.limit(len),
    };
    by_type_or_length(Layer::MacSec, field, secured.skip(2))
}
