//! Dropbox's discovery of clients in the local network: JSON that says who has which folders.

use memchr::memmem;

use crate::inspect::signature::{Datagram, Look};
use crate::protocol::Shape;

/// Keys that every announcement has.
const KEYS: [&[u8]; 2] = [b"\"host_int\"", b"\"namespaces\""];

/// Tells Dropbox's announcements by their keys.
///
/// Source: nDPI, `dropbox.c`; what every client since 2010 sends to port 17500.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    (bytes.starts_with(b"{\"") && KEYS.iter().all(|key| memmem::find(bytes, key).is_some()))
        .then(|| Shape::DropboxLan.into())
}
