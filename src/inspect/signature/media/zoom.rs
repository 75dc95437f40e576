//! Zoom's media: what its servers put around RTP.
//!
//! In: a datagram to or from one of the servers' ports. Out: Zoom's media, and RTP with it where that is inside.
//!
//! The outer header is short and was never published, so that no port but Zoom's is believed.

use super::{rtcp, rtp};
use crate::inspect::signature::{Datagram, Likely, Look, Recognised};
use crate::protocol::{Protocol, Shape};

/// Ports of Zoom's media servers. Source: Zoom, "Network firewall or proxy server settings".
const PORTS: std::ops::RangeInclusive<u16> = 8801..=8810;
/// Bytes of the encapsulation to and from a server: type, sequence, direction.
const SERVER_HEADER_LEN: usize = 8;
/// Bytes of the shortest greeting.
const MIN_GREETING_LEN: usize = 32;

/// Tells Zoom's greetings and media; its probes when they come again.
///
/// Source: O. Michel et al., "Enabling Passive Measurement of Zoom Performance in Production Networks", IMC 2022, §4.2 and its
/// plugin for Wireshark; nDPI, `zoom.c`, for greetings and probes.
pub(super) fn media(datagram: &Datagram<'_>) -> Option<Look> {
    if !PORTS.contains(&datagram.src_port) && !PORTS.contains(&datagram.dst_port) {
        return None;
    }
    match *datagram.bytes {
        // A client's greeting and a server's, of two versions.
        [1 | 2, 0, 2 | 3, ..] if datagram.origlen >= MIN_GREETING_LEN => {
            Some(Shape::ZoomMedia.into())
        }
        // Probes of the way there and back: a counter follows.
        [kind @ (3 | 4), 0, 0, 0, ..] if datagram.origlen > SERVER_HEADER_LEN => {
            Some(Look::Likely(Likely {
                what: Shape::ZoomMedia.into(),
                mark: u64::from(kind),
                count: None,
                wanted: 3,
            }))
        }
        [5, ..] => {
            let inside = datagram.bytes.get(SERVER_HEADER_LEN..)?;
            let len = datagram.origlen.checked_sub(SERVER_HEADER_LEN)?;
            let protocol = inner(inside, len)?;
            Some(Look::Sure(Recognised {
                protocol: Some(protocol),
                shape: Some(Shape::ZoomMedia),
            }))
        }
        _ => None,
    }
}

/// What a media encapsulation holds, by its type: that says where the packet begins.
fn inner(bytes: &[u8], origlen: usize) -> Option<Protocol> {
    let start = match bytes.first()? {
        // Shared screens, sound, pictures, screens between peers.
        13 => 27,
        15 => 19,
        16 => 24,
        30 => 20,
        33..=35 => 16,
        _ => return None,
    };
    let (packet, len) = (bytes.get(start..)?, origlen.checked_sub(start)?);
    if start == 16 {
        rtcp::is_compound(packet, len).then_some(Protocol::Rtcp)
    } else {
        rtp::Header::read(packet, len).map(|_| Protocol::Rtp)
    }
}
