//! Frames of every link type.

use dpi_engine::key::FlowKey;
use dpi_engine::packet::{IpProtocol, LinkType};
use dpi_engine::wire::{
    Cause, MAX_OUTER, PacketView, Reason, decode, decode_datagram, outer_packets, quoted,
};

use crate::script::Script;

/// Link types are below this, all that have a number and are decoded.
const LINK_TYPES: u16 = 300;

/// A frame behind two bytes that say what it begins with.
pub fn wire(bytes: &[u8]) {
    let mut script = Script(bytes);
    let number = script.u16();
    let link = (number != u16::MAX).then_some(LinkType(number % LINK_TYPES));
    let frame = script.0;
    let view = decode(link, frame);
    is_sound(&view, frame);
    assert_eq!(view, decode(link, frame));
    if let Some(stop) = view.stop {
        assert!(!Cause::from(stop).to_string().is_empty());
    }
    let mut outer = Vec::new();
    outer_packets(link, frame, &mut outer);
    assert!(outer.len() <= MAX_OUTER);
    assert!(view.is_inside || outer.is_empty());
    if let Some(tuple) = view.five_tuple {
        let (key, sender) = FlowKey::of(&tuple);
        assert_eq!(key.five_tuple(sender), tuple);
    }
    let _ = quoted(&view, frame);
    // The same bytes as what a datagram carries.
    let protocol = IpProtocol(number as u8);
    for origlen in [None, u32::try_from(frame.len()).ok()] {
        outer.clear();
        let inner = decode_datagram(&view, protocol, (frame, origlen), &mut outer);
        is_sound_payload(&inner, frame);
        assert!(outer.len() <= MAX_OUTER);
    }
}

/// Checks what holds of the view of any frame.
pub fn is_sound(view: &PacketView, frame: &[u8]) {
    is_sound_payload(view, frame);
    if let Some(stop) = view.stop {
        assert!(
            stop.offset as usize + stop.have as usize <= frame.len(),
            "{view:?}"
        );
        let lacks = matches!(stop.reason, Reason::Cut | Reason::Short);
        assert_eq!(stop.need > stop.have, lacks, "{view:?}");
    } else {
        assert!(view.net.is_some(), "{view:?}");
    }
}

fn is_sound_payload(view: &PacketView, frame: &[u8]) {
    let parts = view.fragment.map(|fragment| fragment.part);
    for payload in [Some(view.payload), parts].into_iter().flatten() {
        let end = payload.offset as usize + payload.caplen as usize;
        assert!(end <= frame.len(), "{view:?}");
        assert!(payload.caplen <= payload.origlen, "{view:?}");
    }
    assert_eq!(view.net.is_some(), view.five_tuple.is_some(), "{view:?}");
    let protocol = view.five_tuple.map(|tuple| tuple.protocol);
    assert!(
        view.tcp.is_none() || protocol == Some(IpProtocol::TCP),
        "{view:?}"
    );
}
