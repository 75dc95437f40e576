//! Steam: questions to game servers, its transport over UDP, and its discovery in a local network.

use crate::inspect::signature::{Datagram, Look};
use crate::protocol::Shape;

/// What each begins with.
///
/// Source: Valve Developer Community, "Server queries" (A2S_INFO); SteamRE, `SteamKit`, UdpPacket (VS01); Collabora and
/// `steam-remote-client` for the discovery that streaming at home uses.
const STARTS: [&[u8]; 3] = [
    b"\xff\xff\xff\xffTSource Engine Query\0",
    b"VS01",
    b"\xff\xff\xff\xff\x21\x4c\x5f\xa0",
];
/// Bytes of the header of Steam's transport.
const TRANSPORT_HEADER_LEN: usize = 36;

/// Tells Steam by what a datagram begins with.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let start = STARTS
        .iter()
        .find(|start| datagram.bytes.starts_with(start))?;
    let is_long = !start.starts_with(b"VS01") || datagram.origlen >= TRANSPORT_HEADER_LEN;
    is_long.then(|| Shape::Steam.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};

    #[test]
    fn questions_transport_and_discovery_are_told() {
        let transport = [&b"VS01"[..], &[0; 32]].concat();
        for start in [STARTS[0], &transport, STARTS[2]] {
            assert_eq!(look_at(datagram, start), Some(Shape::Steam.into()));
            damage_datagram(datagram, start, start.len());
        }
        assert_eq!(look_at(datagram, b"\xff\xff\xff\xffgetstatus"), None);
    }
}
