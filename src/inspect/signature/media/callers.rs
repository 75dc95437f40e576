//! Whose call a message of STUN belongs to, by attributes that its owner alone sets and by the realms of TURN's servers.
//!
//! Left out, for they say less than it seems: GOOG-NETWORK-INFO (0xc057) and its kin, which every program with libwebrtc in it sends; SOFTWARE,
//! which names libraries; the attributes of FaceTime and LINE, which nobody has documented.

use super::stun::Message;
use crate::inspect::signature::numbers::be32;
use crate::protocol::Shape;

/// What Zoom's clients put in a request to its own servers: 20 bytes of text. Source: nDPI, `stun.c`.
pub(super) const ZOOM_REQUEST: u16 = 0x0101;
/// What these answer: an address. Source: nDPI, `stun.c`.
pub(super) const ZOOM_RESPONSE: u16 = 0x0103;

/// Services whose servers name a domain of theirs as the realm, RFC 8489 §14.9.
const REALMS: &[(&[u8], Shape)] = &[
    (b"signal.org", Shape::SignalCall),
    (b"whispersystems.org", Shape::SignalCall),
    (b"turn.l.google.com", Shape::GoogleCall),
    (b"viber.com", Shape::Viber),
    (b"telegram.org", Shape::TelegramCall),
];

/// Whose call `message` belongs to, where that is beyond doubt.
///
/// Source: MS-TURN §2.2.2, MS-ICE2 §2.2.2 for Microsoft's; nDPI, `stun.c`, for WhatsApp's and Zoom's.
pub(super) fn whose(message: &Message<'_>) -> Option<Shape> {
    // WhatsApp's relays are asked with methods that nobody has registered.
    if message.is_modern && matches!(message.kind, 0x0800..=0x0802 | 0x0804 | 0x0805) {
        return Some(Shape::WhatsAppCall);
    }
    message
        .attributes()
        .find_map(|(kind, value)| attribute(kind, value, message.is_modern))
}

fn attribute(kind: u16, value: &[u8], is_modern: bool) -> Option<Shape> {
    match (kind, value.len()) {
        (0x0014, _) => realm(value),
        (ZOOM_REQUEST, 20) | (ZOOM_RESPONSE, 8) if !is_modern => Some(Shape::ZoomMedia),
        (0x4000..=0x4004 | 0x4007, _) if is_modern => Some(Shape::WhatsAppCall),
        // MS-VERSION, MS-SERVICE-QUALITY, IMPLEMENTATION-VERSION; a version counts from 1 up to a few.
        (0x8008 | 0x8070, 4)
            if be32(value, 0).is_some_and(|version| (1..=64).contains(&version)) =>
        {
            Some(Shape::TeamsCall)
        }
        (0x8055, 4) => Some(Shape::TeamsCall),
        _ => None,
    }
}

fn realm(value: &[u8]) -> Option<Shape> {
    let is_in = |domain: &[u8]| {
        value
            .strip_suffix(domain)
            .is_some_and(|front| front.is_empty() || front.ends_with(b"."))
    };
    let (_, shape) = REALMS.iter().find(|(domain, _)| is_in(domain))?;
    Some(*shape)
}
