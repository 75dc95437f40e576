//! Spotify: the discovery of players in a local network, and the hello to its access points.

use crate::inspect::signature::numbers::be32;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Shape;

/// What a datagram of the discovery begins with.
const DISCOVERY: &[u8] = b"SpotUdp0";
/// What the first message to an access point begins with, before its length: the version.
const ACCESS_POINT: &[u8] = &[0, 4];
/// Bytes of a hello that are believed; real ones have some hundreds.
const MAX_HELLO_LEN: u32 = 4096;

/// Tells the discovery of players by its first word.
///
/// Source: nDPI, `spotify.c`; seen of every client since 2012.
pub(super) fn discovery(datagram: &Datagram<'_>) -> Option<Look> {
    datagram
        .bytes
        .starts_with(DISCOVERY)
        .then(|| Shape::Spotify.into())
}

/// Tells a client's hello: 0, 4, the length of all, then the build that speaks: field 10, and in it the product, field 10 again.
///
/// Source: librespot, `core/src/connection/handshake.rs` and `protocol/proto/keyexchange.proto`; nDPI, `spotify.c`.
pub(super) fn access_point(opening: &Opening<'_>) -> Option<Recognised> {
    let said = opening.client.strip_prefix(ACCESS_POINT)?;
    let is_len = (64..=MAX_HELLO_LEN).contains(&be32(said, 0)?);
    let is_build = matches!(said.get(4..)?, [0x52, 4..=0x3f, 0x50, product, ..] if *product < 16);
    (is_len && is_build).then(|| Shape::Spotify.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};
    use crate::inspect::testing::hex;

    #[test]
    fn discovery_and_hellos_are_told() {
        let ours = b"SpotUdp0\x12\x34";
        assert_eq!(look_at(discovery, ours), Some(Shape::Spotify.into()));
        damage_datagram(discovery, ours, 8);
        let hello = hex("0004 00000149 52 0f 50 02 a00100 f00106 c002");
        assert_eq!(
            listen(access_point, &hello, b""),
            Some(Shape::Spotify.into())
        );
        damage_stream(access_point, [&hello, &[]], [10, 0]);
    }
}
