//! What Juniper's routers put before a frame.

use super::Step;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::packet::LinkType;

/// "MGC", and flags. Source: `print-juniper.c` of tcpdump, which Juniper contributed.
const MAGIC: [u8; 3] = [0x4d, 0x47, 0x43];
const MIN_LEN: usize = 4;
/// Two bytes of length follow, and as many bytes of extensions.
const HAS_EXTENSIONS: u8 = 0x80;
const LEN_LEN: usize = 2;
/// The frame's own header was taken off; a number of the protocol stands in its place.
const IS_BARE: u8 = 0x02;
const PROTOCOL_LEN: usize = 4;

/// A Juniper header.
#[cold]
pub(super) fn read(link: LinkType, window: Window<'_>) -> Step<'_> {
    let layer = Layer::Juniper(link);
    let start = window.array(0).zip(window.array(MAGIC.len()));
    let (magic, [flags]) = start.ok_or_else(|| window.too_short(layer, MIN_LEN))?;
    if magic != MAGIC {
        return Err(window.stop(layer, Reason::Magic));
    }
    let mut header_len = MIN_LEN;
    if flags & HAS_EXTENSIONS != 0 {
        let len = window.be16(MIN_LEN);
        let len = len.ok_or_else(|| window.too_short(layer, MIN_LEN + LEN_LEN))?;
        header_len += LEN_LEN + usize::from(len);
    }
    let after = window.past(layer, header_len, MIN_LEN)?;
    if flags & IS_BARE == 0 {
        let inner = match link {
            LinkType::JUNIPER_PPP => Layer::Ppp,
            LinkType::JUNIPER_FRELAY => Layer::FrameRelay,
            LinkType::JUNIPER_CHDLC => Layer::CiscoHdlc,
            _ => Layer::Ethernet,
        };
        return Ok(Some((inner, after)));
    }
    let protocol = after.array(0);
    let protocol = protocol.ok_or_else(|| after.too_short(layer, PROTOCOL_LEN))?;
    let packet = after.skip(PROTOCOL_LEN);
    match u32::from_le_bytes(protocol) {
        2 => Ok(Some((Layer::Ipv4, packet))),
        5 => Ok(Some((Layer::Mpls, packet))),
        6 => Ok(Some((Layer::Ipv6, packet))),
        _ => Err(packet.stop(layer, Reason::Kind(protocol[0]))),
    }
}
