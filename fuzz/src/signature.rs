//! What tells a protocol by its first bytes: every look, all of them and one by one.

use std::cell::Cell;

use dpi_engine::inspect::signature::{
    Datagram, DatagramLook, Look, OPENING_LEN, Opening, StreamLook, datagram_looks, of_datagram,
    of_ip_protocol, of_stream, stream_looks,
};
use dpi_engine::packet::IpProtocol;

use crate::script::Script;

/// Ports that tip the scales for one look or another, and two that nobody knows.
const PORTS: [u16; 40] = [
    40_000, 50_000, 20, 21, 22, 23, 25, 53, 67, 68, 69, 102, 110, 119, 123, 143, 161, 389, 443,
    502, 514, 546, 547, 1701, 1883, 2055, 2123, 2152, 2427, 3306, 3389, 3478, 3702, 4500, 5060,
    5222, 5683, 6379, 8000, 11_211,
];

/// What both sides said, and the second side's bytes as a datagram.
struct Said<'a> {
    opening: Opening<'a>,
    datagram: Datagram<'a>,
}

/// A script of what was said: flags, ports, the client's bytes, the server's.
fn said<'a>(script: &mut Script<'a>) -> Said<'a> {
    let flags = script.u8();
    let mut port = || match flags & 2 {
        0 => script.one_of(&PORTS).unwrap_or_default(),
        _ => script.u16(),
    };
    let (client_port, server_port) = (port(), port());
    let missing = usize::from(script.u8());
    let (client, server) = (script.piece(), script.0);
    let opening = |said: &'a [u8]| &said[..said.len().min(OPENING_LEN)];
    Said {
        opening: Opening {
            client: opening(client),
            server: opening(server),
            is_certain: flags & 1 == 0,
            client_port,
            server_port,
        },
        datagram: Datagram {
            bytes: server,
            origlen: server.len() + if flags & 4 == 0 { 0 } else { missing },
            src_port: server_port,
            dst_port: client_port,
        },
    }
}

/// Every look, and that asking those which may know gives the same as asking all.
pub fn all(bytes: &[u8]) {
    let mut script = Script(bytes);
    let protocol = IpProtocol(script.u8());
    let Said { opening, datagram } = said(&mut script);
    let exchanged = Opening {
        client: opening.server,
        server: opening.client,
        client_port: opening.server_port,
        server_port: opening.client_port,
        ..opening
    };
    let first = |opening: &Opening<'_>| stream_looks().find_map(|look| look(opening));
    let (one, other) = (first(&opening), first(&exchanged));
    let told = one.or(other.filter(|_| !opening.is_certain));
    assert_eq!(of_stream(&opening), told, "{opening:02x?}");
    let mut guess = None;
    let sure = datagram_looks().find_map(|look| match look(&datagram) {
        sure @ Some(Look::Sure(_)) => sure,
        likely => {
            guess = guess.or(likely);
            None
        }
    });
    assert_eq!(of_datagram(&datagram), sure.or(guess), "{datagram:02x?}");
    let _ = of_ip_protocol(protocol, datagram.bytes);
}

/// One look, which the first byte chooses.
pub fn one(bytes: &[u8]) {
    let mut script = Script(bytes);
    let number = usize::from(script.u8());
    let Said { opening, datagram } = said(&mut script);
    let streams = stream_looks().len();
    let place = number % (streams + datagram_looks().len());
    let shown = Cell::new(false);
    let show_stream = |look: StreamLook| {
        shown.set(true);
        let said = look(&opening);
        assert_eq!(said, look(&opening));
        // Nothing said, nothing recognised.
        let silent = Opening {
            client: &[],
            server: &[],
            ..opening
        };
        assert_eq!(look(&silent), None);
    };
    let show_datagram = |look: DatagramLook| {
        shown.set(true);
        if let Some(Look::Likely(likely)) = look(&datagram) {
            assert!(likely.wanted > 1, "{likely:?}");
        }
        let cut = Datagram {
            bytes: &[],
            ..datagram
        };
        assert!(!matches!(look(&cut), Some(Look::Sure(_))), "{cut:?}");
    };
    match place.checked_sub(streams) {
        None => stream_looks().nth(place).into_iter().for_each(show_stream),
        Some(place) => datagram_looks()
            .nth(place)
            .into_iter()
            .for_each(show_datagram),
    }
    assert!(shown.get());
}
