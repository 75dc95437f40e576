//! BitTorrent: peers over TCP, the distributed hash table, trackers over UDP, and the search in a local network.
//!
//! Peers over UDP speak uTP, which has a file of its own; trackers over HTTP are HTTP. Encrypted peers look like random bytes.

use crate::inspect::signature::numbers::{be16, be32, be64};
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// What a peer begins with, BEP 3.
pub(super) const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
/// What the search in a local network begins with, BEP 14.
const SEARCH: &[u8] = b"BT-SEARCH * HTTP/1.1\r\n";
/// What a client that asks a tracker for a connection says, BEP 15.
const TRACKER_COOKIE: u64 = 0x417_2710_1980;
/// Bytes of that request: the cookie, what it is, which it is.
const CONNECT_LEN: usize = 16;
/// Bytes of an announcement to a tracker, without extensions.
const ANNOUNCE_LEN: usize = 98;
/// What messages of the hash table begin with when their end was cut off: a query, an answer, an answer with the asker's address, an error.
const TABLE_STARTS: [&[u8]; 5] = [
    b"d1:ad2:id20:",
    b"d1:rd2:id20:",
    b"d2:ip6:",
    b"d2:ip18:",
    b"d1:eli20",
];

/// Tells a peer by its handshake, on either side.
///
/// Source: BEP 3, peer protocol.
pub(super) fn peer(opening: &Opening<'_>) -> Option<Recognised> {
    let is_peer = opening.client.starts_with(HANDSHAKE) || opening.server.starts_with(HANDSHAKE);
    is_peer.then(|| Protocol::BitTorrent.into())
}

/// Tells messages of the distributed hash table: dictionaries whose last entry is what kind of message they are.
///
/// Source: BEP 5, KRPC protocol; BEP 42 for addresses in answers.
pub(super) fn table(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let [b'd', b'1'..=b'9', ..] = *bytes else {
        return None;
    };
    let is_end = matches!(
        bytes.last_chunk::<7>(),
        Some([b'1', b':', b'y', b'1', b':', b'q' | b'r' | b'e', b'e'])
    );
    let is_start = TABLE_STARTS.iter().any(|start| bytes.starts_with(start))
        && memchr::memmem::find(bytes, b"2:id20:").is_some();
    (is_end || is_start).then(|| Protocol::BitTorrent.into())
}

/// Tells what a tracker is asked: for a connection, and to announce a client whose name has the usual form.
///
/// Source: BEP 15; BEP 20 for names.
pub(super) fn tracker(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let action = be32(bytes, 8)?;
    let is_connect = be64(bytes, 0)? == TRACKER_COOKIE && action == 0;
    let is_announce = || {
        // Which peer: a hyphen, six letters or digits, a hyphen; event; port.
        let is_name = matches!(
            bytes.get(36..44),
            Some([b'-', name @ .., b'-']) if name.iter().all(u8::is_ascii_alphanumeric)
        );
        let is_event = be32(bytes, 80).is_some_and(|event| event <= 3);
        is_name && is_event && be16(bytes, 96).is_some()
    };
    ((is_connect && datagram.origlen >= CONNECT_LEN)
        || (action == 1 && datagram.origlen >= ANNOUNCE_LEN && is_announce()))
    .then(|| Protocol::BitTorrent.into())
}

/// Tells the search for peers in a local network.
///
/// Source: BEP 14.
pub(super) fn search(datagram: &Datagram<'_>) -> Option<Look> {
    datagram
        .bytes
        .starts_with(SEARCH)
        .then(|| Protocol::BitTorrent.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};
    use crate::inspect::testing::hex;

    const OURS: Option<Look> = Some(Look::Sure(Recognised::of(Protocol::BitTorrent, None)));

    #[test]
    fn a_peer_is_told_by_either_side() {
        let said = [HANDSHAKE, &[0; 48]].concat();
        let ours = Some(Protocol::BitTorrent.into());
        assert_eq!(listen(peer, &said, b""), ours);
        assert_eq!(listen(peer, b"", &said), ours);
        damage_stream(peer, [&said, b""], [20, 0]);
    }

    #[test]
    fn messages_of_the_table_are_told_whole_and_cut() {
        // BEP 5's examples: ping, its answer, an error.
        for text in [
            &b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"[..],
            b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
            b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
        ] {
            assert_eq!(look_at(table, text), OURS);
            damage_datagram(table, text, 12);
        }
        assert_eq!(
            look_at(table, b"d1:ad2:id20:abcdefghij0123456789e1:q4:p"),
            OURS
        );
        assert_eq!(
            look_at(table, b"d2:ip6:abcdef1:rd2:id20:mnopqrstuvwxyz12"),
            OURS
        );
        assert_eq!(
            look_at(table, b"d8:announce20:http://tracker.examplee"),
            None
        );
        assert_eq!(look_at(table, b"d1:y1:qe."), None);
    }

    #[test]
    fn trackers_and_searches_are_told() {
        let connect = hex("0000041727101980 00000000 12345678");
        let mut announce = hex("0102030405060708 00000001 12345678");
        announce.extend([0x5a; 20]);
        announce.extend(b"-XX1234-abcdefghijkl");
        announce.resize(ANNOUNCE_LEN, 0);
        for bytes in [&connect, &announce] {
            assert_eq!(look_at(tracker, bytes), OURS);
            damage_datagram(tracker, bytes, 16);
        }
        announce[43] = b'x';
        assert_eq!(look_at(tracker, &announce), None);
        assert_eq!(look_at(search, b"BT-SEARCH * HTTP/1.1\r\nHost: x"), OURS);
        assert_eq!(look_at(search, b"M-SEARCH * HTTP/1.1\r\n"), None);
    }
}
