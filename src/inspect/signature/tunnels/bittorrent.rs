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
