//! TeamViewer's own protocol, over TCP and between peers over UDP.

use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Shape;

/// The port of its servers.
const PORT: u16 = 5938;
/// What commands begin with, and those of the second kind.
const MAGIC: [u8; 2] = [0x17, 0x24];
const MAGIC_2: [u8; 2] = [0x11, 0x30];

/// Tells TeamViewer when both sides begin as it does, on its port when one does.
///
/// Source: nDPI, `teamviewer.c`; L7-filter, `teamviewer1.pat`.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    let begins = |said: &[u8]| said.starts_with(&MAGIC) || said.starts_with(&MAGIC_2);
    let is_port = opening.client_port == PORT || opening.server_port == PORT;
    let is_ours = match (opening.client, opening.server) {
        (said, []) | ([], said) => is_port && said.len() > 4 && begins(said),
        (client, server) => begins(client) && begins(server),
    };
    is_ours.then(|| Shape::TeamViewer.into())
}

/// Guesses at TeamViewer between peers: the mark of its commands behind a counter.
///
/// Source: nDPI, `teamviewer.c`.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    if !bytes.starts_with(&[0; 4]) || bytes.get(11..13)? != MAGIC {
        return None;
    }
    if datagram.src_port == PORT || datagram.dst_port == PORT {
        return Some(Shape::TeamViewer.into());
    }
    Some(Look::Likely(Likely {
        what: Shape::TeamViewer.into(),
        mark: u64::from(*bytes.get(10)?),
        count: None,
        wanted: 3,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{
        self, damage_datagram, damage_stream, listen, look_at, opening,
    };
    use crate::inspect::testing::hex;

    #[test]
    fn a_connection_is_told_by_both_sides_or_by_one_on_its_port() {
        let (client, server) = (hex("1724 0a20 00000000"), hex("1130 3600 18000000"));
        let ours = Some(Shape::TeamViewer.into());
        assert_eq!(listen(stream, &client, &server), ours);
        assert_eq!(listen(stream, &client, b""), None);
        let mut on_port = opening(&client, b"");
        on_port.server_port = PORT;
        assert_eq!(stream(&on_port), ours);
        damage_stream(stream, [&client, &server], [2, 2]);
    }

    #[test]
    fn datagrams_between_peers_are_a_guess() {
        let bytes = hex("0000000000000000 0000 03 1724 4750 0005");
        assert!(matches!(look_at(datagram, &bytes), Some(Look::Likely(_))));
        let there = testing::datagram(&bytes, 50_000, PORT);
        assert_eq!(datagram(&there), Some(Shape::TeamViewer.into()));
        damage_datagram(datagram, &bytes, 13);
    }
}
