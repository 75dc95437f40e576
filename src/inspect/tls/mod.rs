//! TLS over a byte stream: what a client asks for and what a server chooses, from the hello each begins with.
//!
//! In: the bytes of one direction from its start. Out: names, application protocols, versions. Knows nothing of
//! segments, of ports, or of what is encrypted after the hellos.

mod extension;
mod record;

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use self::extension::{ALPN, ENCRYPTED_CLIENT_HELLO, Extensions, SERVER_NAME, SUPPORTED_VERSIONS};
use self::record::{Body, body, is_handshake_record, join};
use super::Outcome;
use crate::domain::DomainName;
use crate::evidence::TlsVersion;

/// Most bytes of a flow that a hello is looked for in. Hellos with post-quantum key shares take 2 KiB, with a
/// resumption ticket that holds a certificate chain 20 KiB; past this we would rather miss a name than hold the bytes.
pub const MAX_PREFIX: usize = 64 * 1024;

/// Most application protocols that are kept of a ClientHello.
pub const MAX_ALPN: usize = 16;

/// Most warnings of a server that are passed over before its hello.
const MAX_WARNINGS: usize = 4;

/// `HandshakeType` values, RFC 8446 §4.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// The first host name in its `server_name` extensions, RFC 6066 §3: as it stands, also where it is an address or has a port.
    pub server_name: Option<DomainName>,
    /// The application protocols it offers, in its order, escaped as names are but with their letter case; at most
    /// [`MAX_ALPN`], without GREASE. RFC 7301 §3.1, RFC 8701 §2.
    pub alpn: Vec<Box<str>>,
    /// The highest version it offers: of the `supported_versions` extension, else the `legacy_version` field. RFC 8446 §4.2.1.
    pub version: TlsVersion,
    /// Whether it carries an encrypted ClientHello, RFC 9849 §5: `server_name` may then be a front. Browsers send the
    /// extension with random content as well (GREASE ECH), and the two can't be told apart.
    pub has_ech: bool,
}

/// What a server chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// The version: of the `supported_versions` extension, else the `legacy_version` field. RFC 8446 §4.2.1.
    pub version: TlsVersion,
    /// The application protocol, escaped as in [`ClientHello::alpn`]. TLS 1.3 encrypts it.
    pub alpn: Option<Box<str>>,
}

/// Whether a TLS ClientHello could begin with `start`: looks at the six first bytes, or at as many as there are.
///
/// Source: RFC 8446 §5.1 (record), §4 (handshake).
pub fn looks_like_client_hello(start: &[u8]) -> bool {
    is_handshake_record(start) && start.get(5).is_none_or(|&kind| kind == CLIENT_HELLO)
}

/// Finds what a client asks for in its ClientHello.
///
/// * `prefix`: the client's bytes from the start of the flow, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`].
/// * The hello may be spread over any number of records. An extension that is malformed hides no other.
/// * Gives up past [`MAX_PREFIX`]. When no more bytes will come, [`client_hello_partial`] reads what there is.
///
/// Source: RFC 8446 §4.1.2, §5.1; RFC 6066 §3; RFC 7301 §3.1.
pub fn client_hello(prefix: &[u8]) -> Outcome<ClientHello> {
    hello(prefix, CLIENT_HELLO, read_client_hello)
}

/// Finds what there is to find in a ClientHello that will not come whole, because the capture cut packets short or lost one.
///
/// * `prefix`: as for [`client_hello`].
/// * `None`: it is no ClientHello, or breaks off before the extensions. What stands in an extension that is cut is not read,
///   so a name is never a part of a name.
pub fn client_hello_partial(prefix: &[u8]) -> Option<ClientHello> {
    match body(&join(prefix, CLIENT_HELLO).bytes, CLIENT_HELLO) {
        Body::Whole(body) | Body::Cut(body) => read_client_hello(body),
        Body::Other => None,
    }
}

/// Finds what a client asks for in handshake messages that lie in no records, as QUIC carries them in CRYPTO frames.
///
/// * `handshake`: the messages' bytes from the first on, in order, without gaps.
///
/// Source: RFC 9001 §4.
pub fn client_hello_message(handshake: &[u8]) -> Outcome<ClientHello> {
    match body(handshake, CLIENT_HELLO) {
        Body::Whole(body) => found(read_client_hello(body)),
        Body::Cut(_) => Outcome::NeedMore,
        Body::Other => Outcome::NotMine,
    }
}

/// Finds what there is to find in a ClientHello that lies in no records, and is not whole yet.
///
/// * `handshake`: as for [`client_hello_message`].
/// * `None`: as for [`client_hello_partial`].
pub fn client_hello_message_partial(handshake: &[u8]) -> Option<ClientHello> {
    match body(handshake, CLIENT_HELLO) {
        Body::Whole(body) | Body::Cut(body) => read_client_hello(body),
        Body::Other => None,
    }
}

/// Finds what a server chooses in its ServerHello, or in the HelloRetryRequest that stands in its place.
///
/// * `prefix`: the server's bytes from the start of the flow, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`]. A warning may stand first: servers send `unrecognized_name` so.
/// * Gives up past [`MAX_PREFIX`].
///
/// Source: RFC 8446 §4.1.3; RFC 5246 §7.4.1.3; RFC 6066 §3 (the warning).
pub fn server_hello(prefix: &[u8]) -> Outcome<ServerHello> {
    let mut rest = prefix;
    for _ in 0..MAX_WARNINGS {
        match *rest {
            // A record of an alert (21), version 3.x, 2 bytes: level warning (1) and what of.
            [21, 3, _, 0, 2, 1, _, ref after @ ..] => rest = after,
            [21] | [21, 3] | [21, 3, _, ..] if rest.len() < 7 => return Outcome::NeedMore,
            _ => break,
        }
    }
    hello(rest, SERVER_HELLO, read_server_hello)
}

fn hello<T>(prefix: &[u8], kind: u8, read: fn(&[u8]) -> Option<T>) -> Outcome<T> {
    let joined = join(prefix, kind);
    match body(&joined.bytes, kind) {
        Body::Whole(body) => found(read(body)),
        Body::Cut(_) if !joined.is_broken && prefix.len() < MAX_PREFIX => Outcome::NeedMore,
        Body::Cut(_) | Body::Other => Outcome::NotMine,
    }
}

fn found<T>(read: Option<T>) -> Outcome<T> {
    read.map_or(Outcome::NotMine, Outcome::Found)
}

/// Reads the ClientHello in `body`, as far as it goes; `None` when it breaks off, or is malformed, before the extensions.
fn read_client_hello(body: &[u8]) -> Option<ClientHello> {
    let (after, fixed) = parse_tls_handshake_client_hello(body).ok()?;
    let mut hello = ClientHello {
        server_name: None,
        alpn: Vec::new(),
        version: TlsVersion(fixed.version.0),
        has_ech: false,
    };
    let mut offers_versions = false;
    for (kind, content) in Extensions::new(fixed.ext, after) {
        match kind {
            SERVER_NAME if hello.server_name.is_none() => {
                hello.server_name = extension::host_name(content);
            }
            ALPN if hello.alpn.is_empty() => {
                let offered = extension::protocols(content).take(MAX_ALPN);
                hello.alpn = offered.map(crate::domain::escaped).collect();
            }
            SUPPORTED_VERSIONS if !offers_versions => {
                if let Some(version) = extension::highest_version(content) {
                    hello.version = version;
                    offers_versions = true;
                }
            }
            ENCRYPTED_CLIENT_HELLO => hello.has_ech = true,
            _ => {}
        }
    }
    Some(hello)
}

/// Reads the ServerHello in `body`; `None` when it is malformed before the extensions.
fn read_server_hello(body: &[u8]) -> Option<ServerHello> {
    let (after, fixed) = parse_tls_handshake_server_hello(body).ok()?;
    let mut hello = ServerHello {
        version: TlsVersion(fixed.version.0),
        alpn: None,
    };
    for (kind, content) in Extensions::new(fixed.ext, after) {
        match (kind, content) {
            (SUPPORTED_VERSIONS, &[major, minor]) => {
                hello.version = TlsVersion(u16::from_be_bytes([major, minor]));
            }
            (ALPN, _) if hello.alpn.is_none() => {
                hello.alpn = extension::protocols(content)
                    .next()
                    .map(crate::domain::escaped);
            }
            _ => {}
        }
    }
    Some(hello)
}

#[cfg(test)]
mod tests;
