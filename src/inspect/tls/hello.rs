//! What stands in the body of a hello, over a stream or in datagrams.

use smol_str::SmolStr;
use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::extension::{
    self, ALPN, ENCRYPTED_CLIENT_HELLO, Extensions, SERVER_NAME, SUPPORTED_VERSIONS,
};
use crate::alpn::Alpn;
use crate::domain::DomainName;
use crate::evidence::TlsVersion;
use crate::inspect::cursor::Cursor;

/// Most application protocols that are kept of a ClientHello.
pub const MAX_ALPN: usize = 16;

/// Length of the `random` field, RFC 8446 §4.1.2.
const RANDOM_LEN: usize = 32;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// The first host name in its `server_name` extensions, RFC 6066 §3: as it stands, also where it is an address or has a port.
    pub server_name: Option<DomainName>,
    /// The application protocols it offers, in its order, escaped as names are but with their letter case; at most
    /// [`MAX_ALPN`], without GREASE. RFC 7301 §3.1, RFC 8701 §2.
    pub alpn: Alpn,
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
    pub alpn: Option<SmolStr>,
}

/// Reads the ClientHello in `body`, as far as it goes; `None` when it breaks off, or is malformed, before the extensions.
pub(super) fn read_client_hello(body: &[u8]) -> Option<ClientHello> {
    let (after, fixed) = parse_tls_handshake_client_hello(body).ok()?;
    let version = TlsVersion(fixed.version.0);
    Some(client_hello(version, Extensions::new(fixed.ext, after)))
}

/// The same of DTLS, whose hello has a cookie more.
///
/// Source: RFC 6347 §4.2.1; RFC 9147 §5.3.
pub(in crate::inspect) fn read_dtls_client_hello(body: &[u8]) -> Option<ClientHello> {
    let front = Front::read(body, true)?;
    Some(client_hello(
        front.version,
        Extensions::new(None, front.rest),
    ))
}

/// What stands before the extensions of a ClientHello.
pub(super) struct Front<'a> {
    pub(super) version: TlsVersion,
    /// The cipher suites, two bytes each.
    pub(super) suites: &'a [u8],
    /// What follows: the extensions' length, and they.
    pub(super) rest: &'a [u8],
}

impl<'a> Front<'a> {
    /// Reads the front of `body`, with a cookie in it or without; `None` when it breaks off before its end.
    pub(super) fn read(body: &'a [u8], has_cookie: bool) -> Option<Self> {
        let mut body = Cursor(body);
        let version = TlsVersion(body.u16()?);
        body.take(RANDOM_LEN)?;
        let session_len = body.u8()?;
        body.take(session_len.into())?;
        if has_cookie {
            let cookie_len = body.u8()?;
            body.take(cookie_len.into())?;
        }
        let suites_len = body.u16()?;
        let suites = body.take(suites_len.into())?;
        let compressions_len = body.u8()?;
        body.take(compressions_len.into())?;
        Some(Self {
            version,
            suites,
            rest: body.0,
        })
    }
}

/// Reads the ServerHello in `body`; `None` when it is malformed before the extensions.
pub(super) fn read_server_hello(body: &[u8]) -> Option<ServerHello> {
    let (after, fixed) = parse_tls_handshake_server_hello(body).ok()?;
    let version = TlsVersion(fixed.version.0);
    Some(server_hello(version, Extensions::new(fixed.ext, after)))
}

/// The same of DTLS, whose versions tls-parser takes for none of TLS.
///
/// Source: RFC 6347 §4.2; RFC 9147 §5.4.
pub(in crate::inspect) fn read_dtls_server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut body = Cursor(body);
    let version = TlsVersion(body.u16()?);
    body.take(RANDOM_LEN)?;
    let session_len = body.u8()?;
    // The session, the cipher suite, the compression.
    body.take(usize::from(session_len) + 2 + 1)?;
    Some(server_hello(version, Extensions::new(None, body.0)))
}

fn client_hello(version: TlsVersion, extensions: Extensions<'_>) -> ClientHello {
    let mut hello = ClientHello {
        server_name: None,
        alpn: Alpn::NONE,
        version,
        has_ech: false,
    };
    let mut offers_versions = false;
    for (kind, content) in extensions {
        match kind {
            SERVER_NAME if hello.server_name.is_none() => {
                hello.server_name = extension::host_name(content);
            }
            ALPN if hello.alpn.is_empty() => {
                hello.alpn = extension::protocols(content).take(MAX_ALPN).collect();
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
    hello
}

fn server_hello(version: TlsVersion, extensions: Extensions<'_>) -> ServerHello {
    let mut hello = ServerHello {
        version,
        alpn: None,
    };
    for (kind, content) in extensions {
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
    hello
}
