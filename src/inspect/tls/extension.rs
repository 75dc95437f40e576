//! Extensions of a hello, each read by itself: a malformed one ends neither the list nor the search.
//!
//! Not tls-parser's list parser, for that one stops at the first extension it can't read: an empty `status_request` would hide every name behind it.

use crate::domain::DomainName;
use crate::evidence::TlsVersion;
use crate::inspect::cursor::Cursor;

/// `ExtensionType` values of the IANA registry "TLS ExtensionType Values".
pub(super) const SERVER_NAME: u16 = 0;
pub(super) const ALPN: u16 = 16;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// `NameType` of a host name, RFC 6066 §3.
const HOST_NAME: u8 = 0;

/// The extensions of a hello: their types and contents. Ends at one that is cut off.
pub(super) struct Extensions<'a>(Cursor<'a>);

impl<'a> Extensions<'a> {
    /// The extensions in `block`; where the block is not whole (`None`), those that are whole in `after`, which begins with the block's length.
    pub(super) fn new(block: Option<&'a [u8]>, after: &'a [u8]) -> Self {
        Self(Cursor(block.or(after.get(2..)).unwrap_or(&[])))
    }
}

/// The extensions of a hello as dissectors walk them, which give up where a length is wrong: for fingerprints, which have to be theirs.
pub(super) struct StrictExtensions<'a> {
    rest: Cursor<'a>,
    /// Whether a length was larger than what there is: of an extension, which is told without its content, or of the block.
    pub(super) is_broken: bool,
}

impl<'a> StrictExtensions<'a> {
    /// The extensions at the front of `after`, which begins with their block's length; none where the block is cut.
    pub(super) fn new(after: &'a [u8]) -> Self {
        let mut rest = Cursor(after);
        let len = rest.u16().unwrap_or_default();
        let block = rest.take(len.into());
        Self {
            rest: Cursor(block.unwrap_or_default()),
            is_broken: block.is_none(),
        }
    }
}

impl<'a> Iterator for StrictExtensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, len) = (self.rest.u16()?, self.rest.u16()?);
        let content = self.rest.take(len.into());
        if content.is_none() {
            self.is_broken = true;
            self.rest.0 = &[];
        }
        Some((kind, content.unwrap_or_default()))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.0.u16()?;
        let len = self.0.u16()?;
        Some((kind, self.0.take(len.into())?))
    }
}

/// The first host name in a `server_name` extension. The length of its list is not believed: where it is wrong, the names still stand.
pub(super) fn host_name(content: &[u8]) -> Option<DomainName> {
    let mut names = Cursor(content.get(2..)?);
    loop {
        let kind = names.u8()?;
        let len = names.u16()?;
        let name = names.take(len.into())?;
        if kind == HOST_NAME
            && let Some(name) = DomainName::from_bytes(name)
        {
            return Some(name);
        }
    }
}

/// The protocols in an ALPN extension, without empty ones and GREASE. The length of the list is not believed here either.
pub(super) fn protocols(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Cursor(content.get(2..).unwrap_or(&[]));
    std::iter::from_fn(move || {
        let len = list.u8()?;
        list.take(len.into())
    })
    .filter(|protocol| {
        let is_grease = <[u8; 2]>::try_from(*protocol).is_ok_and(is_grease);
        !protocol.is_empty() && !is_grease
    })
}

/// The highest version in a client's `supported_versions` extension; `None` when it holds none that is known.
pub(super) fn highest_version(content: &[u8]) -> Option<TlsVersion> {
    let (pairs, _) = content.get(1..)?.as_chunks();
    let versions = pairs.iter().filter_map(|&pair| Some((rank(pair)?, pair)));
    let (_, highest) = versions.max()?;
    Some(TlsVersion(u16::from_be_bytes(highest)))
}

/// The place of a version among the versions, the newest highest; `None` for GREASE (RFC 8701 §2) and private ones.
///
/// The drafts of TLS 1.3 have 0x7f and their number; they come between 1.2 and 1.3.
fn rank(version: [u8; 2]) -> Option<(u8, u8)> {
    match version {
        [3, minor] => Some((minor, 0)),
        [0x7f, draft] => Some((3, draft)),
        // DTLS counts down, RFC 9147 §5.3.
        [0xfe, minor @ 0xfc..=0xff] => Some((!minor, 0)),
        _ => None,
    }
}

/// Whether these bytes stand for nothing, and are only there so that nobody takes the list for complete. RFC 8701 §2.
pub(super) const fn is_grease([first, second]: [u8; 2]) -> bool {
    first == second && first & 0x0f == 0x0a
}
