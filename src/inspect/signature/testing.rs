//! What the tests of every look share: what the bytes come in, and the damage that none may panic at.

use super::front::DatagramRow;
use super::{
    Datagram, DatagramLook, Look, Opening, Recognised, StreamLook, datagram_looks, of_datagram,
    of_sides, stream_looks,
};
use crate::inspect::testing::each_mutation;
use crate::protocol::Protocol;

/// A whole datagram between two ports.
pub(super) fn datagram(bytes: &[u8], src_port: u16, dst_port: u16) -> Datagram<'_> {
    Datagram {
        bytes,
        origlen: bytes.len(),
        src_port,
        dst_port,
    }
}

/// What `look` says of a whole datagram between ports that nobody knows.
pub(super) fn look_at(look: DatagramLook, bytes: &[u8]) -> Option<Look> {
    shown(look, &datagram(bytes, 40_000, 50_000))
}

/// What `look` says; and no table keeps it from being heard.
pub(super) fn shown(look: DatagramLook, datagram: &Datagram<'_>) -> Option<Look> {
    let said = look(datagram);
    if said.is_some() {
        check_datagram_table(datagram);
    }
    said
}

/// The looks that a datagram is shown to say what all together would.
pub(super) fn check_datagram_table(datagram: &Datagram<'_>) {
    let mut said = datagram_looks().filter_map(|look| look(datagram));
    let first = said.next();
    let sure = first
        .into_iter()
        .chain(said)
        .find(|said| matches!(said, Look::Sure(_)));
    assert_eq!(of_datagram(datagram), sure.or(first), "{datagram:02x?}");
}

/// The same for a connection, and the looks at it.
pub(super) fn check_stream_table(opening: &Opening<'_>) {
    let first = stream_looks().find_map(|look| look(opening));
    assert_eq!(of_sides(opening), first, "{opening:02x?}");
}

/// The protocol that a look of `rows` is sure of. No two may be.
pub(super) fn sure_of(rows: &[DatagramRow], datagram: &Datagram<'_>) -> Option<Protocol> {
    check_datagram_table(datagram);
    let mut sure = rows.iter().filter_map(|(_, look)| match look(datagram) {
        Some(Look::Sure(Recognised { protocol, .. })) => protocol,
        _ => None,
    });
    let first = sure.next();
    assert_eq!(sure.next(), None, "two looks are sure of {datagram:02x?}");
    first
}

/// What the sides of a connection to a port that nobody knows said first.
pub(super) fn opening<'a>(client: &'a [u8], server: &'a [u8]) -> Opening<'a> {
    Opening {
        client,
        server,
        is_certain: true,
        client_port: 40_000,
        server_port: 50_000,
    }
}

/// What `look` says of it.
pub(super) fn listen(look: StreamLook, client: &[u8], server: &[u8]) -> Option<Recognised> {
    let opening = opening(client, server);
    let said = look(&opening);
    if said.is_some() {
        check_stream_table(&opening);
    }
    said
}

/// Shows `look` every prefix of `bytes`, as a datagram of its own and as one that the capture cut, and damaged copies.
///
/// * `is_sure_from`: prefixes shorter than this are not to be told as anything.
pub(super) fn damage_datagram(look: DatagramLook, bytes: &[u8], is_sure_from: usize) {
    for cut in 0..bytes.len() {
        let prefix = &bytes[..cut];
        let said = look_at(look, prefix);
        assert!(cut >= is_sure_from || said.is_none(), "{cut}: {said:?}");
        let cut = Datagram {
            origlen: bytes.len(),
            ..datagram(prefix, 40_000, 50_000)
        };
        shown(look, &cut);
    }
    each_mutation(bytes, 3000, |bytes| {
        look_at(look, bytes);
    });
}

/// Shows `look` every prefix of what a client and a server say, and damaged copies.
///
/// * `is_sure_from`: prefixes shorter than this, of the client and of the server, are not to be told as anything.
pub(super) fn damage_stream(look: StreamLook, said: [&[u8]; 2], is_sure_from: [usize; 2]) {
    let [client, server] = said;
    for cut in 0..client.len() {
        let told = listen(look, &client[..cut], server);
        assert!(cut >= is_sure_from[0] || told.is_none(), "client {cut}");
    }
    for cut in 0..server.len() {
        let told = listen(look, client, &server[..cut]);
        assert!(cut >= is_sure_from[1] || told.is_none(), "server {cut}");
    }
    each_mutation(client, 2000, |client| {
        listen(look, client, server);
    });
    each_mutation(server, 2000, |server| {
        listen(look, client, server);
    });
}

/// Shows `check` every prefix of `bytes`, and damaged copies.
pub(super) fn each_prefix_and_mutation(bytes: &[u8], mut check: impl FnMut(&[u8])) {
    (0..bytes.len()).for_each(|cut| check(&bytes[..cut]));
    each_mutation(bytes, 3000, check);
}
