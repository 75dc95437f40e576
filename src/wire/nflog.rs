//! NFLOG: what Linux's packet filter logs, as netlink attributes of which one is the packet.

use super::Step;
use super::ethernet::by_ethertype;
use super::link::by_family;
use super::view::{Layer, Reason};
use super::window::Window;

/// Address family, version, group. Source: LINKTYPE_NFLOG of the tcpdump group.
const HEADER_LEN: usize = 4;
/// Length of the attribute, this header included, and its type.
const ATTRIBUTE_LEN: usize = 4;
/// Attributes: the one that begins with the packet's ethertype, and the packet. Source: `NFULA_PACKET_HDR` and `NFULA_PAYLOAD` of
/// linux/netfilter/nfnetlink_log.h.
const PACKET_HEADER: u16 = 1;
const PAYLOAD: u16 = 9;
/// Flags in the type. Source: `NLA_TYPE_MASK` of linux/netlink.h.
const TYPE_FLAGS: u16 = 0xc000;
/// `NFPROTO_IPV4` and `NFPROTO_IPV6`; rules of other families see packets of several ethertypes. Source: linux/netfilter.h.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// Most attributes that are passed; there are some two dozen types.
const MAX_ATTRIBUTES: usize = 64;

/// A log entry: a header and its attributes.
///
/// They are in the capturing host's byte order, which is not recorded. Types are small numbers, so that the smaller reading of the first one is
/// meant (later ones may have flags in their high bits).
#[cold]
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let too_short = || window.too_short(Layer::Nflog, HEADER_LEN + ATTRIBUTE_LEN);
    let [family, version, ..] = window.array::<HEADER_LEN>(0).ok_or_else(too_short)?;
    if version != 0 {
        let flags = u16::from_be_bytes([family, version]);
        return Err(window.stop(Layer::Nflog, Reason::Flags(flags)));
    }
    let mut rest = window.skip(HEADER_LEN);
    let first: [u8; 2] = rest.array(2).ok_or_else(too_short)?;
    let number = match u16::from_le_bytes(first) < u16::from_be_bytes(first) {
        true => u16::from_le_bytes,
        false => u16::from_be_bytes,
    };
    let mut ethertype = None;
    for _ in 0..MAX_ATTRIBUTES {
        if rest.origlen() == 0 {
            break;
        }
        let fields = rest.array(0).zip(rest.array(2));
        let (len, kind) = fields.ok_or_else(|| rest.too_short(Layer::Nflog, ATTRIBUTE_LEN))?;
        let len = usize::from(number(len));
        if len < ATTRIBUTE_LEN {
            return Err(rest.limit(len).too_short(Layer::Nflog, ATTRIBUTE_LEN));
        }
        let content = rest.limit(len).skip(ATTRIBUTE_LEN);
        match number(kind) & !TYPE_FLAGS {
            PACKET_HEADER => ethertype = content.be16(0),
            PAYLOAD => return by_kind(family, ethertype, content),
            _ => {}
        }
        rest = rest.past(Layer::Nflog, len.next_multiple_of(4), ATTRIBUTE_LEN)?;
    }
    Err(rest.stop(Layer::Nflog, Reason::NoPacket))
}

/// The packet, by the family of the rule that logged it, else by its ethertype.
fn by_kind(family: u8, ethertype: Option<u16>, packet: Window<'_>) -> Step<'_> {
    match (family, ethertype) {
        (IPV4 | IPV6, _) | (_, None) => by_family(Layer::Nflog, u32::from(family), packet),
        (_, Some(ethertype)) => by_ethertype(Layer::Nflog, ethertype, packet),
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex, tuple_text};
    use super::MAX_ATTRIBUTES;
    use crate::packet::LinkType;
    use crate::wire::{Reason, decode};

    #[test]
    fn attributes_are_passed_up_to_a_bound() {
        for (count, is_found) in [
            (0, true),
            (MAX_ATTRIBUTES - 1, true),
            (MAX_ATTRIBUTES, false),
        ] {
            let marks = "08 00 02 00 00 00 00 01".repeat(count);
            let frame = hex(&["02 00 00 05", &marks, "41 00 09 00", REAL_DNS]);
            let view = decode(Some(LinkType::NFLOG), &frame);
            assert_eq!(!tuple_text(&view).is_empty(), is_found, "{count}");
            let reason = view.stop.map(|stop| stop.reason);
            assert_eq!(reason, (!is_found).then_some(Reason::NoPacket));
        }
    }
}
