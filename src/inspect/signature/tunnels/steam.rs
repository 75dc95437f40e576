//! Steam: questions to game servers, its transports over UDP and TCP, and its discovery in a local network.

use crate::inspect::signature::numbers::{le16, le32};
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Shape;

/// What questions and discovery begin with: what a server is, who plays there, by which rules (both without a challenge
/// that was answered), and who in the local network streams.
///
/// Source: Valve Developer Community, "Server queries"; Collabora and `steam-remote-client` for the discovery that streaming at home uses.
const STARTS: [&[u8]; 4] = [
    b"\xff\xff\xff\xffTSource Engine Query\0",
    b"\xff\xff\xff\xffU\xff\xff\xff\xff",
    b"\xff\xff\xff\xffV\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\x21\x4c\x5f\xa0",
];
/// What a packet of Steam's transport over UDP begins with, the bytes of its header, and the kinds there are.
///
/// Source: SteamRE, SteamKit, `UdpHeader`, `EUdpPacketType`.
const DATAGRAM_MAGIC: &[u8] = b"VS01";
const DATAGRAM_HEADER_LEN: usize = 36;
const DATAGRAM_KINDS: std::ops::RangeInclusive<u8> = 1..=7;
/// What stands behind the length of a message over TCP, and the longest that is believed.
///
/// Source: SteamRE, SteamKit, `TcpConnection`.
const STREAM_MAGIC: &[u8] = b"VT01";
const MAX_MESSAGE_LEN: u32 = 1 << 24;

/// Tells Steam by what a datagram begins with.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let is_steam = STARTS.iter().any(|start| bytes.starts_with(start)) || is_transport(datagram);
    is_steam.then(|| Shape::Steam.into())
}

/// Tells Steam's connections by the messages that either side begins with; the server speaks first.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(is_message)
        .then(|| Shape::Steam.into())
}

/// Whether the header is of a kind that there is, and what it holds fits.
fn is_transport(datagram: &Datagram<'_>) -> bool {
    let bytes = datagram.bytes;
    let len = le16(bytes, DATAGRAM_MAGIC.len()).map(usize::from);
    bytes.starts_with(DATAGRAM_MAGIC)
        && bytes
            .get(6)
            .is_some_and(|kind| DATAGRAM_KINDS.contains(kind))
        && len.is_some_and(|len| DATAGRAM_HEADER_LEN + len <= datagram.origlen)
}

fn is_message(side: &[u8]) -> bool {
    side.get(4..)
        .is_some_and(|rest| rest.starts_with(STREAM_MAGIC))
        && le32(side, 0).is_some_and(|len| (1..=MAX_MESSAGE_LEN).contains(&len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};

    /// A packet that holds a challenge.
    fn transport(kind: u8, held: u8) -> Vec<u8> {
        let mut packet = [DATAGRAM_MAGIC, &[8, 0, kind, 4]].concat();
        packet.resize(DATAGRAM_HEADER_LEN + usize::from(held), 0);
        packet
    }

    #[test]
    fn questions_transport_and_discovery_are_told() {
        let packet = transport(2, 8);
        for said in STARTS.into_iter().chain([&packet[..]]) {
            assert_eq!(look_at(datagram, said), Some(Shape::Steam.into()));
            damage_datagram(datagram, said, said.len());
        }
        for other in [
            &b"\xff\xff\xff\xffgetstatus"[..],
            b"\xff\xff\xff\xffU\x01\x02\x03\x04",
            b"VS01 and some more text behind it, of any kind",
            &transport(0, 8),
            &transport(8, 8),
            &transport(2, 7),
        ] {
            assert_eq!(look_at(datagram, other), None, "{other:?}");
        }
    }

    #[test]
    fn a_connection_is_told_by_the_first_message_of_either_side() {
        let message = b"\x1c\0\0\0VT01\x17\x05\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
        let steam = Some(Shape::Steam.into());
        assert_eq!(listen(stream, b"", message), steam);
        assert_eq!(listen(stream, message, b""), steam);
        assert_eq!(listen(stream, b"VT01", b"\0\0\0\0VT01"), None);
        assert_eq!(listen(stream, b"textVT01", b""), None);
        damage_stream(stream, [b"", message], [0, 8]);
    }
}
