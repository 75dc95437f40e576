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
            Some(Look::Sure(Recognised::of(protocol, Some(Shape::ZoomMedia))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{self, each_prefix_and_mutation};
    use crate::inspect::testing::hex;

    fn look(bytes: &[u8]) -> Option<Look> {
        testing::shown(media, &testing::datagram(bytes, 50_000, 8801))
    }

    #[test]
    fn greetings_are_told_on_zooms_ports_alone() {
        let greeting = [&hex("01 0002 7d464d35ff")[..], &[7; 99]].concat();
        assert_eq!(look(&greeting), Some(Shape::ZoomMedia.into()));
        assert_eq!(media(&testing::datagram(&greeting, 50_000, 443)), None);
        assert!(matches!(
            look(&hex("03 00000001 762a8d74 005a0e3e")),
            Some(Look::Likely(_))
        ));
    }

    #[test]
    fn sound_is_rtp_behind_two_headers() {
        let mut sound = hex("05 0001 00000000 04");
        sound.push(15);
        sound.resize(SERVER_HEADER_LEN + 19, 0);
        sound.extend(hex("80 70 1b33 0003a2f0 5d2c9e14 ffffffff"));
        let told = Recognised::of(Protocol::Rtp, Some(Shape::ZoomMedia));
        assert_eq!(look(&sound), Some(Look::Sure(told)));
        each_prefix_and_mutation(&sound, |bytes| {
            look(bytes);
        });
        sound[SERVER_HEADER_LEN] = 99;
        assert_eq!(look(&sound), None);
    }
}
