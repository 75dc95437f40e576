//! What the tests of every look share: what the bytes come in, and the damage that none may panic at.

use super::{Datagram, DatagramLook, Look, Opening, Recognised, StreamLook};
use crate::inspect::testing::each_mutation;

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
    look(&datagram(bytes, 40_000, 50_000))
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
    look(&opening(client, server))
}

/// Shows `look` every prefix of `bytes`, as a datagram of its own and as one that the capture cut, and damaged copies.
///
/// * `is_sure_from`: prefixes shorter than this are not to be told as anything.
pub(super) fn damage_datagram(look: DatagramLook, bytes: &[u8], is_sure_from: usize) {
    for cut in 0..bytes.len() {
        let prefix = &bytes[..cut];
        let said = look_at(look, prefix);
        assert!(cut >= is_sure_from || said.is_none(), "{cut}: {said:?}");
        look(&Datagram {
            origlen: bytes.len(),
            ..datagram(prefix, 40_000, 50_000)
        });
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
