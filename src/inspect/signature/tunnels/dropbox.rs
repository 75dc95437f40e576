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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};

    #[test]
    fn announcements_are_told_by_their_keys() {
        let said = br#"{"host_int": 12345, "version": [2, 0], "displayname": "", "port": 17500, "namespaces": [1]}"#;
        assert_eq!(look_at(datagram, said), Some(Shape::DropboxLan.into()));
        damage_datagram(datagram, said, 80);
        assert_eq!(look_at(datagram, br#"{"host_int": 12345}"#), None);
    }
}
