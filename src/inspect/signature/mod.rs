//! Protocols that give themselves away by their first bytes, on any port.
//!
//! What a flow's sides said first goes in, which protocol that is comes out. A protocol is one file, or a row in a table where a
//! signature is all there is; the rooms are `text` (lines of text, terminals and screens), `network` (the services that keep a
//! network running), `data` (databases, queues, directories, files, machines), `media` (calls and streams) and `tunnels`
//! (private networks, proxies, peers). Nobody looks at a port where the bytes leave no doubt; where they leave some, a
//! port may tip the scales, but never speaks alone.
//!
//! Knows nothing of flows, packets or names. The protocols in which names are found have rooms of their own beside this one.

mod data;
mod front;
mod media;
mod network;
mod numbers;
mod row;
mod text;
mod tunnels;

#[cfg(test)]
mod testing;

use crate::protocol::{Protocol, Shape};
use front::{Begins, DatagramRow, DatagramTable, Front, StreamRow, StreamTable};

pub use network::of_ip_protocol;

/// Bytes at the front of each side of a connection that are kept for these looks.
pub const OPENING_LEN: usize = 256;

/// What the two sides of a connection said first.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// What the side that opened the connection said: from its first byte on, at most [`OPENING_LEN`], empty while it is silent.
    ///
    /// When [`is_certain`](Self::is_certain) is not set the capture may have begun in the middle, and the sides are a guess: an
    /// opening is then asked about a second time with the sides exchanged.
    pub client: &'a [u8],
    /// What the other side said.
    pub server: &'a [u8],
    /// Whether the opening of the connection was captured, so that the sides are what they are called, and begin at their beginning.
    pub is_certain: bool,
    /// The port of the side that is called client.
    pub client_port: u16,
    /// The port of the side that is called server.
    pub server_port: u16,
}

/// One datagram of a flow.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// Its payload, as far as it was captured.
    pub bytes: &'a [u8],
    /// Bytes of its payload on the wire.
    pub origlen: usize,
    /// The port that it comes from.
    pub src_port: u16,
    /// The port that it goes to.
    pub dst_port: u16,
}

/// What was recognised: a protocol, perhaps in another one, a service by its shape, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognised {
    /// What the protocol travels in, where the flow speaks both.
    pub outer: Option<Protocol>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// The service.
    pub shape: Option<Shape>,
}

impl Recognised {
    /// A protocol, and whose it is where that shows.
    const fn of(protocol: Protocol, shape: Option<Shape>) -> Self {
        Self {
            outer: None,
            protocol: Some(protocol),
            shape,
        }
    }

    /// The protocols, the outer one first.
    pub fn protocols(self) -> impl Iterator<Item = Protocol> {
        [self.outer, self.protocol].into_iter().flatten()
    }
}

impl From<Protocol> for Recognised {
    fn from(protocol: Protocol) -> Self {
        Self::of(protocol, None)
    }
}

impl From<Shape> for Recognised {
    fn from(shape: Shape) -> Self {
        Self {
            outer: None,
            protocol: None,
            shape: Some(shape),
        }
    }
}

/// What one datagram says of its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is of this, beyond doubt.
    Sure(Recognised),
    /// It may be of this, if others bear it out.
    Likely(Likely),
}

impl From<Protocol> for Look {
    fn from(protocol: Protocol) -> Self {
        Self::Sure(protocol.into())
    }
}

impl From<Shape> for Look {
    fn from(shape: Shape) -> Self {
        Self::Sure(shape.into())
    }
}

/// A guess that has to be borne out by further datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likely {
    /// What it may be.
    pub what: Recognised,
    /// What has to be the same in every datagram from the same side: a source's identifier, say.
    pub mark: u64,
    /// What has to go up by a little from one datagram to the next of the same side (by 1 to 64, modulo 2^16); `None` where nothing counts.
    pub count: Option<u16>,
    /// How many datagrams have to agree, this one included. Those that agree with nothing in between are passed over.
    pub wanted: u8,
}

/// A look at a connection.
#[doc(hidden)]
pub type StreamLook = fn(&Opening<'_>) -> Option<Recognised>;
/// A look at a datagram.
#[doc(hidden)]
pub type DatagramLook = fn(&Datagram<'_>) -> Option<Look>;

/// Every look at a connection, room by room; the first that is sure is believed.
const STREAM_ROOMS: &[&[StreamRow]] = &[
    text::STREAMS,
    tunnels::STREAMS,
    data::STREAMS,
    network::STREAMS,
    media::STREAMS,
];
static STREAMS: [StreamRow; front::count(STREAM_ROOMS)] =
    front::join(STREAM_ROOMS, (Begins::ANY, |_| None));
static STREAM_TABLE: StreamTable = StreamTable::new(&STREAMS);

/// Every look at a datagram.
const DATAGRAM_ROOMS: &[&[DatagramRow]] = &[
    network::DATAGRAMS,
    media::DATAGRAMS,
    tunnels::DATAGRAMS,
    text::DATAGRAMS,
    data::DATAGRAMS,
];
static DATAGRAMS: [DatagramRow; front::count(DATAGRAM_ROOMS)] =
    front::join(DATAGRAM_ROOMS, (Front::ANY, |_| None));
static DATAGRAM_TABLE: DatagramTable = DatagramTable::new(&DATAGRAMS);

/// What a connection that opened like this speaks; `None` when that is not known (yet).
///
/// * Costs some tens of nanoseconds: it is shown to the looks that know how it begins, and each of them first turns away nearly everything.
pub fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    if opening.is_certain {
        return of_sides(opening);
    }
    of_sides(opening).or_else(|| {
        of_sides(&Opening {
            client: opening.server,
            server: opening.client,
            client_port: opening.server_port,
            server_port: opening.client_port,
            is_certain: false,
        })
    })
}

fn of_sides(opening: &Opening<'_>) -> Option<Recognised> {
    let mut rows = STREAM_TABLE.rows(opening.client, opening.server);
    rows.find_map(|row| STREAMS.get(row).and_then(|(_, look)| look(opening)))
}

/// What a datagram says of its flow: something sure if anybody knows, else the first guess.
pub fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut guess = None;
    for row in DATAGRAM_TABLE.rows(datagram.bytes) {
        match DATAGRAMS.get(row).and_then(|(_, look)| look(datagram)) {
            Some(sure @ Look::Sure(_)) => return Some(sure),
            likely => guess = guess.or(likely),
        }
    }
    guess
}

/// Every look at a connection, in order: what [`of_stream`] shows it to is a selection.
///
/// Not for use, but to check each look by itself, and the selection.
#[doc(hidden)]
pub fn stream_looks() -> impl ExactSizeIterator<Item = StreamLook> {
    STREAMS.iter().map(|(_, look)| *look)
}

/// Every look at a datagram; as [`stream_looks`].
#[doc(hidden)]
pub fn datagram_looks() -> impl ExactSizeIterator<Item = DatagramLook> {
    DATAGRAMS.iter().map(|(_, look)| *look)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payloads that are shown to every look.
    const PAYLOADS: usize = 4000;
    /// First bytes that many protocols have: small numbers, flags, a letter.
    const FIRST: [u8; 20] = [
        0, 1, 2, 3, 4, 5, 6, 8, 0x0a, 0x10, 0x16, 0x24, 0x30, 0x40, 0x60, 0x80, 0x90, 0xc0, 0xe0,
        0xff,
    ];

    /// What encrypted or compressed bytes look like, every other time behind such a byte, every fourth time with the length behind it.
    fn payload(round: usize, random: &mut impl FnMut() -> u8) -> Vec<u8> {
        let len = 4 + usize::from(random()) % (OPENING_LEN - 4);
        let mut bytes: Vec<u8> = (0..len).map(|_| random()).collect();
        if round.is_multiple_of(2) {
            bytes[0] = FIRST[round / 2 % FIRST.len()];
        }
        if round.is_multiple_of(4) {
            bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        }
        bytes
    }

    #[test]
    fn random_bytes_are_nobodys() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        for round in 0..PAYLOADS {
            let bytes = payload(round, &mut random);
            let (client, server) = bytes.split_at(usize::from(random()) % bytes.len());
            for [client, server] in [[&bytes[..], &[]], [&[], &bytes], [client, server]] {
                let late = Opening {
                    is_certain: false,
                    ..testing::opening(client, server)
                };
                assert_eq!(of_stream(&late), None, "{client:02x?} {server:02x?}");
                testing::check_stream_table(&late);
                testing::check_stream_table(&testing::opening(client, server));
            }
            let datagram = testing::datagram(&bytes, 40_000, 50_000);
            testing::check_datagram_table(&datagram);
            let said = of_datagram(&datagram);
            assert!(
                !matches!(said, Some(Look::Sure(_))),
                "{said:?} {bytes:02x?}"
            );
        }
    }

    /// At ports that tip the scales, and with every first byte of either side.
    #[test]
    fn whoever_is_not_shown_something_has_nothing_to_say_of_it() {
        let fronts: [&[u8]; 4] = [b"", b"\0\0\0\x0c", b"\0\x01\0\x01\0\0\0\x05", b"OK a\r\n"];
        let ports = [
            21, 23, 25, 53, 67, 68, 102, 110, 119, 123, 143, 502, 514, 546, 547, 1701, 1883, 2123,
            2427, 3478, 4500, 5060, 5683, 6379, 8000, 8801, 11_211,
        ];
        for (i, port) in ports.into_iter().cycle().take(256 * 9).enumerate() {
            let (first, second) = (i as u8, (i / 256) as u8 * 29);
            let bytes = [&[first][..], &[second, 0, 4], fronts[i % 4], &[second; 40]].concat();
            for server in fronts {
                let opening = Opening {
                    server_port: port,
                    ..testing::opening(&bytes, server)
                };
                testing::check_stream_table(&opening);
                testing::check_stream_table(&Opening {
                    client: server,
                    server: &bytes,
                    ..opening
                });
            }
        }
        for port in ports {
            for first in 0..=255_u8 {
                for [second, cut] in [[0, 4], [0, 48], [1, 12], [first, 20]] {
                    let bytes = [&[first, second, 0, cut][..], &[second; 44]].concat();
                    let bytes = &bytes[..usize::from(cut).min(48)];
                    testing::check_datagram_table(&testing::datagram(bytes, port, port));
                }
            }
        }
        testing::check_stream_table(&testing::opening(b"", b""));
        testing::check_datagram_table(&testing::datagram(b"", 123, 123));
    }

    #[test]
    fn what_people_write_is_nobodys() {
        for text in [
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Notes</title>\n",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA\n",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"login\"}\n",
            "2026-03-02T09:00:00Z INFO server: listening on 0.0.0.0:8000\n",
            "Mar  2 09:00:00 box kernel: [    0.000000] Linux version 6.1\n",
            "* List of changes\n* Enabled the build\n* 12 new words\n",
            "200 things to do\n",
            "key,value\n1,2\n3,4\n",
            "USER=me\nPATH=/bin\n",
            "#!/bin/sh\nset -e\n",
            "hello\n",
            "\r\n\r\n",
        ] {
            let bytes = text.as_bytes();
            for [client, server] in [[bytes, b""], [b"", bytes], [bytes, bytes]] {
                let opening = testing::opening(client, server);
                assert_eq!(of_stream(&opening), None, "{text:?}");
            }
            let said = of_datagram(&testing::datagram(bytes, 40_000, 50_000));
            assert_eq!(said, None, "{text:?}");
        }
    }
}
