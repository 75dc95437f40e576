//! QUIC: what a client asks for in its first packets.
//!
//! In: the UDP payloads of a flow, from both sides. Out: the name, application protocols and versions of each connection's
//! ClientHello. Knows nothing of addresses, ports, and of what comes after the hello.
//!
//! Initial packets are sealed with keys that follow from the connection ID in the client's first one. A hello may be spread
//! over CRYPTO frames of several packets and datagrams, in any order.

mod frames;
mod gquic;
mod header;
mod number;
mod protection;
mod version;

use self::header::{Clear, Initial, Packet};
use self::protection::Keys;
use self::version::Content;
pub use self::version::QuicVersion;
use super::scattered::Scattered;
use super::{Outcome, tls};
use crate::alpn::Alpn;
use crate::domain::DomainName;
use crate::evidence::{Fingerprints, TlsVersion};

/// Most attempts to open a packet that are made after one hello for the next; a real connection needs two to ten, and some for
/// packets that don't open. After these the flow is given up.
pub const MAX_ATTEMPTS: u16 = 64;

/// Most handshake bytes of a connection that are kept. Hellos with post-quantum key shares take 2 KiB; and servers need not
/// hold more than 4 KiB that came out of order, RFC 9000 §7.5.
const MAX_CRYPTO: usize = 16 * 1024;

/// Shortest connection ID that a client may make up for its first packet, RFC 9000 §7.2.
const MIN_FIRST_CONNECTION_ID: usize = 8;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuicHello {
    /// The version of the packets that carried it.
    pub version: QuicVersion,
    /// The host name, as in [`tls::ClientHello::server_name`]; of Google's CHLO, its `SNI`.
    pub server_name: Option<DomainName>,
    /// The application protocols offered, as in [`tls::ClientHello::alpn`]; none in a CHLO.
    pub alpn: Alpn,
    /// The highest version of TLS offered; `None` for a CHLO, which is no TLS.
    pub tls_version: Option<TlsVersion>,
    /// Whether it carries an encrypted ClientHello, as in [`tls::ClientHello::has_ech`].
    pub has_ech: bool,
    /// Its fingerprints, where they are asked for; none of a CHLO.
    pub fingerprints: Option<Box<Fingerprints>>,
}

/// The beginnings of the QUIC connections in one flow.
///
/// * Holds at most 16 KiB of one unfinished hello, and what was told of the last connection.
/// * Connections that take turns in a flow are told one after the other; a connection that begins amid another's hello displaces it.
///
/// Source: RFC 9000 §7.2, §17.2, §19.6; RFC 9001 §4, §5; RFC 9369.
#[derive(Debug, Default)]
pub struct Initials {
    connection: Option<Connection>,
    /// The keys that opened nothing yet, of those made last: they take longer to make than to try.
    tried: Option<Box<Tried>>,
    /// Since the last hello; see [`MAX_ATTEMPTS`].
    attempts: u16,
    is_quic: bool,
    wants_fingerprints: bool,
}

/// A connection whose first packet was seen.
#[derive(Debug)]
struct Connection {
    version: QuicVersion,
    /// The connection ID that its client made up for the server, and the keys follow from.
    id: Box<[u8]>,
    /// The client's own connection ID.
    client_id: Box<[u8]>,
    /// Keys of what the client sends; `None` where it sends in the clear.
    keys: Option<Keys>,
    /// What there is of its hello; `None` once that was told or given up.
    stream: Option<Scattered>,
}

/// Keys that follow from a connection ID which may be nobody's first.
#[derive(Debug)]
struct Tried {
    version: QuicVersion,
    id: Box<[u8]>,
    keys: Keys,
}

/// Whether `datagram` begins with a packet of QUIC that tells its version, and the version is one that can be read.
///
/// A look at the header alone, for a few nanoseconds. Packets with a short header, which are most of a connection, look like
/// anything; so this is only for what comes first.
pub fn looks_like_quic(datagram: &[u8]) -> bool {
    header::packets(datagram).next().is_some()
}

impl Initials {
    /// A flow of which nothing was heard; whether the fingerprints of its hellos are to be taken.
    pub fn begin(wants_fingerprints: bool) -> Self {
        Self {
            wants_fingerprints,
            ..Self::default()
        }
    }

    /// Takes in a UDP payload of the flow, whichever side sent it.
    ///
    /// * `Found`: the hello of a connection is whole; once for each connection, and once more where a Retry made the client begin again.
    /// * `NeedMore`: the flow is QUIC, and this brought no hello to its end.
    /// * `NotMine`: nothing in the flow was QUIC so far; or after `NeedMore`: it is given up, there is no use in asking on.
    ///
    /// A packet that a capture cut short can't be opened, nor can one whose connection began before the capture.
    pub fn datagram(&mut self, bytes: &[u8]) -> Outcome<QuicHello> {
        if self.attempts >= MAX_ATTEMPTS {
            self.connection = None;
            return Outcome::NotMine;
        }
        for packet in header::packets(bytes) {
            self.is_quic = true;
            let hello = match packet {
                Packet::Initial(initial) => self.initial(&initial),
                Packet::Clear(clear) => self.clear(&clear),
                Packet::Other => None,
            };
            if let Some(hello) = hello {
                self.attempts = 0;
                return Outcome::Found(hello);
            }
        }
        if self.is_quic {
            Outcome::NeedMore
        } else {
            Outcome::NotMine
        }
    }

    /// What the unfinished hello says already, in its front without gaps. `None` when there is no such hello, or it says nothing yet.
    pub fn partial(&self) -> Option<QuicHello> {
        let connection = self.connection.as_ref()?;
        let front = connection.stream.as_ref()?.front();
        let hello = tls::client_hello_message_partial(front)?;
        Some(QuicHello::from_tls(connection.version, hello))
    }

    /// Bytes that are held for later.
    pub fn held_bytes(&self) -> usize {
        let stream = self
            .connection
            .as_ref()
            .and_then(|connection| connection.stream.as_ref());
        stream.map_or(0, Scattered::held_bytes)
    }

    fn initial(&mut self, packet: &Initial<'_>) -> Option<QuicHello> {
        let frames = self.open(packet)?;
        let connection = self.connection.as_mut()?;
        match packet.suite.content {
            Content::Chlo => connection.take_chlo(&frames),
            content => connection.take_tls(&frames, content, self.wants_fingerprints),
        }
    }

    /// The frames in a packet of the connection that is being read, or of a new one, which then takes its place.
    ///
    /// The client's later packets have a connection ID of the server's, and still the keys of the first one. After a Retry,
    /// the server's connection ID makes new keys. So both are tried; and what the server sends is left alone.
    fn open(&mut self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        protection::sample(packet)?;
        if let Some(connection) = &self.connection
            && connection.version == packet.version
        {
            let is_first = *packet.destination == *connection.id;
            let is_over = is_first && connection.stream.is_none();
            if is_over || *packet.destination == *connection.client_id {
                return None;
            }
            if let Some(keys) = &connection.keys {
                self.attempts += 1;
                if let Some(frames) = keys.open(packet) {
                    return Some(frames);
                }
            }
            if is_first {
                return None;
            }
        }
        if packet.destination.len() < MIN_FIRST_CONNECTION_ID {
            return None;
        }
        self.attempts += 1;
        let tried = self.tried.take().filter(|tried| tried.is_of(packet));
        let keys = match tried {
            Some(tried) => tried.keys,
            None => Keys::of_client(packet.suite, packet.destination)?,
        };
        let Some(frames) = keys.open(packet) else {
            self.tried = Some(Box::new(Tried {
                version: packet.version,
                id: packet.destination.into(),
                keys,
            }));
            return None;
        };
        self.connection = Some(Connection {
            version: packet.version,
            id: packet.destination.into(),
            client_id: packet.source.into(),
            keys: Some(keys),
            stream: Some(Scattered::new(MAX_CRYPTO)),
        });
        Some(frames)
    }

    fn clear(&mut self, packet: &Clear<'_>) -> Option<QuicHello> {
        if let Some(connection) = &self.connection
            && *connection.id == *packet.connection_id
        {
            return None;
        }
        self.attempts += 1;
        let chlo = gquic::chlo(packet.rest)?;
        self.connection = Some(Connection {
            version: packet.version,
            id: packet.connection_id.into(),
            client_id: Box::default(),
            keys: None,
            stream: None,
        });
        Some(QuicHello::from_chlo(packet.version, chlo))
    }
}

impl Tried {
    fn is_of(&self, packet: &Initial<'_>) -> bool {
        self.version == packet.version && *self.id == *packet.destination
    }
}

impl Connection {
    fn take_tls(
        &mut self,
        frames: &[u8],
        content: Content,
        wants_fingerprints: bool,
    ) -> Option<QuicHello> {
        let stream = self.stream.as_mut()?;
        let is_kept = frames::pieces(frames, content)
            .all(|piece| stream.insert(piece.offset, piece.bytes).is_ok());
        let front = stream.front();
        let outcome = tls::client_hello_message(front);
        if is_kept && outcome == Outcome::NeedMore && front.len() < MAX_CRYPTO {
            return None;
        }
        // What is sure to be refused is no connection's hello: another comes, and that one is answered.
        let fingerprints = (wants_fingerprints && !self.version.is_reserved())
            .then(|| tls::message_fingerprints(front, tls::Carrier::Quic))
            .flatten();
        // It was told, or will never be.
        self.stream = None;
        match outcome {
            Outcome::Found(hello) => Some(QuicHello {
                fingerprints: fingerprints.map(Box::new),
                ..QuicHello::from_tls(self.version, hello)
            }),
            Outcome::NeedMore | Outcome::NotMine => None,
        }
    }

    fn take_chlo(&mut self, frames: &[u8]) -> Option<QuicHello> {
        self.stream.as_ref()?;
        let chlo = gquic::chlo(frames)?;
        self.stream = None;
        Some(QuicHello::from_chlo(self.version, chlo))
    }
}

impl QuicHello {
    fn from_tls(version: QuicVersion, hello: tls::ClientHello) -> Self {
        Self {
            version,
            server_name: hello.server_name,
            alpn: hello.alpn,
            tls_version: Some(hello.version),
            has_ech: hello.has_ech,
            fingerprints: None,
        }
    }

    fn from_chlo(version: QuicVersion, chlo: gquic::Chlo) -> Self {
        Self {
            version,
            server_name: chlo.server_name,
            alpn: Alpn::NONE,
            tls_version: None,
            has_ech: false,
            fingerprints: None,
        }
    }
}

#[cfg(test)]
mod tests;
