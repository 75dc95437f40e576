//! Headers that name the link type of the frame behind them: per-packet information, and the one that macOS writes.

use super::Step;
use super::link::read_frame;
use super::view::{Layer, Reason};
use super::window::Window;
use crate::packet::LinkType;

/// Version, flags, length, link type. Source: CACE Technologies, "PPI Per-Packet Information Header Specification" §3.1.
const PPI_MIN_LEN: usize = 8;

/// Length, type of record, link type. Source: LINKTYPE_PKTAP of the tcpdump group; `bsd/net/pktap.h` of XNU.
const PKTAP_MIN_LEN: usize = 12;
/// The record is a packet.
const PKTAP_PACKET: u32 = 1;

/// A PPI header. All its numbers are little-endian.
///
/// Its fields are passed: none of them changes where the frame is.
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let fields = window.array(0).zip(window.array(4));
    let ([version, flags, l0, l1], link) =
        fields.ok_or_else(|| window.too_short(Layer::Ppi, PPI_MIN_LEN))?;
    if version != 0 {
        let flags = u16::from_be_bytes([version, flags]);
        return Err(window.stop(Layer::Ppi, Reason::Flags(flags)));
    }
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    let frame = window.past(Layer::Ppi, len, PPI_MIN_LEN)?;
    read_frame(link_type(link), frame)
}

/// A PKTAP header. All its numbers are little-endian.
#[cold]
pub(super) fn read_pktap(window: Window<'_>) -> Step<'_> {
    let fields = window.array(0).zip(window.array(4)).zip(window.array(8));
    let ((len, kind), link) =
        fields.ok_or_else(|| window.too_short(Layer::Pktap, PKTAP_MIN_LEN))?;
    let len = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
    let frame = window.past(Layer::Pktap, len, PKTAP_MIN_LEN)?;
    if u32::from_le_bytes(kind) != PKTAP_PACKET {
        return Err(frame.stop(Layer::Pktap, Reason::NoPacket));
    }
    read_frame(link_type(link), frame)
}

fn link_type(number: [u8; 4]) -> Option<LinkType> {
    u16::try_from(u32::from_le_bytes(number)).ok().map(LinkType)
}
