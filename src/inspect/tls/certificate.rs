//! The names in a server's certificate.
//!
//! x509-parser reads the parts; the way to them is ours, for a capture cuts certificates short, and an oddity in one field
//! (a serial number below zero, a date that is none) must not hide the names in another.

use std::net::IpAddr;

use x509_parser::asn1_rs::{FromDer, Header, Oid, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_EXT_SUBJECT_ALT_NAME};
use x509_parser::x509::RelativeDistinguishedName;

use crate::domain::DomainName;
use crate::inspect::cursor::Cursor;

/// Most names that are taken from a certificate. Those of content networks hold some two hundred.
pub const MAX_CERTIFICATE_NAMES: usize = 256;

/// Which of the sequences in a `TBSCertificate` are the issuer and the subject: the signature's algorithm stands before them, the
/// validity between them, and the public key behind them.
const ISSUER: usize = 1;
const SUBJECT: usize = 3;
const SEQUENCES: usize = 5;
/// Tag of the version in a `TBSCertificate`.
const VERSION: Tag = Tag(0);
/// Tag of the extensions in a `TBSCertificate`.
const EXTENSIONS: Tag = Tag(3);
/// Tag of a `dNSName` among the alternative names.
const DNS_NAME: Tag = Tag(2);

/// The server's own certificate, the first in the body of a Certificate message, as far as it is there; and whether it is whole.
///
/// Source: RFC 5246 §7.4.2. TLS 1.3 has another form, and encrypts it.
pub(in crate::inspect) fn leaf(body: &[u8]) -> Option<(&[u8], bool)> {
    let mut list = Cursor(body.get(3..)?);
    let high = list.u8()?;
    let len = usize::from(high) << 16 | usize::from(list.u16()?);
    Some(
        list.0
            .get(..len)
            .map_or((list.0, false), |leaf| (leaf, true)),
    )
}

/// The names that `certificate` is for: the common names of its subject, then its alternative names that are hosts or addresses.
///
/// * As they stand, with the star of a wildcard; at most [`MAX_CERTIFICATE_NAMES`].
/// * `certificate`: DER. Of one that is cut, the names that are whole.
///
/// Source: RFC 5280 §4.1, §4.1.2.6, §4.2.1.6.
pub(in crate::inspect) fn names(certificate: &[u8]) -> Vec<DomainName> {
    let mut names = Vec::new();
    let mut sequences = 0;
    for field in fields(certificate) {
        if field.is(Tag::Sequence) {
            if sequences == SUBJECT {
                common_names(&field, &mut names);
            }
            sequences += 1;
        } else if field.header.is_contextspecific() && field.header.tag() == EXTENSIONS {
            alternative_names(&field, &mut names);
        }
    }
    names
}

/// The common names of the issuer and the subject of `certificate`, where they have no other attribute and it has no extension.
///
/// Source: RFC 5280 §4.1.
pub(super) fn lone_common_names(certificate: &[u8]) -> Option<(DomainName, DomainName)> {
    let whole = Elements(certificate).next()?;
    if whole.header.length().definite().ok()? != whole.content.len() {
        return None;
    }
    let mut sequences = Vec::with_capacity(SEQUENCES);
    for field in fields(certificate) {
        let is_version = field.header.is_contextspecific() && field.header.tag() == VERSION;
        if field.is(Tag::Sequence) && sequences.len() < SEQUENCES {
            sequences.push(field);
        } else if !is_version && !field.is(Tag::Integer) {
            return None;
        }
    }
    if sequences.len() != SEQUENCES {
        return None;
    }
    let lone = |name: &Element<'_>| {
        let mut parts = Elements(name.content);
        let (part, None) = (parts.next()?, parts.next()) else {
            return None;
        };
        let (_, part) = RelativeDistinguishedName::from_der(part.bytes).ok()?;
        let mut attributes = part.iter();
        let (attribute, None) = (attributes.next()?, attributes.next()) else {
            return None;
        };
        (*attribute.attr_type() == OID_X509_COMMON_NAME)
            .then(|| DomainName::from_bytes(attribute.attr_value().data))
            .flatten()
    };
    Some((
        lone(sequences.get(ISSUER)?)?,
        lone(sequences.get(SUBJECT)?)?,
    ))
}

/// The fields of the `TBSCertificate` in `certificate`.
fn fields(certificate: &[u8]) -> Elements<'_> {
    let tbs = Elements(certificate)
        .next()
        .and_then(|certificate| Elements(certificate.content).next());
    Elements(tbs.map_or(&[], |tbs| tbs.content))
}

fn common_names(subject: &Element<'_>, names: &mut Vec<DomainName>) {
    for part in Elements(subject.content) {
        let Ok((_, part)) = RelativeDistinguishedName::from_der(part.bytes) else {
            continue;
        };
        for attribute in part.iter() {
            if *attribute.attr_type() == OID_X509_COMMON_NAME {
                add(DomainName::from_bytes(attribute.attr_value().data), names);
            }
        }
    }
}

fn alternative_names(extensions: &Element<'_>, names: &mut Vec<DomainName>) {
    let list = Elements(extensions.content).next();
    for extension in Elements(list.map_or(&[], |list| list.content)) {
        let mut fields = Elements(extension.content);
        let is_it = fields
            .next()
            .and_then(|field| Oid::from_der(field.bytes).ok())
            .is_some_and(|(_, oid)| oid == OID_X509_EXT_SUBJECT_ALT_NAME);
        let value = fields
            .find(|field| field.is(Tag::OctetString))
            .filter(|_| is_it);
        let list = value.and_then(|value| Elements(value.content).next());
        for name in Elements(list.map_or(&[], |list| list.content)) {
            let Ok((_, name)) = GeneralName::from_der(name.bytes) else {
                continue;
            };
            let name = match name {
                GeneralName::DNSName(name) => DomainName::from_bytes(name.as_bytes()),
                GeneralName::Invalid(DNS_NAME, bytes) => DomainName::from_bytes(bytes),
                GeneralName::IPAddress(bytes) => address(bytes)
                    .and_then(|address| DomainName::from_bytes(address.to_string().as_bytes())),
                _ => None,
            };
            add(name, names);
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).ok()
}

fn add(name: Option<DomainName>, names: &mut Vec<DomainName>) {
    if let Some(name) = name
        && names.len() < MAX_CERTIFICATE_NAMES
        && !names.contains(&name)
    {
        names.push(name);
    }
}

/// A value in DER.
struct Element<'a> {
    header: Header<'a>,
    /// Header and content, as far as they are there.
    bytes: &'a [u8],
    content: &'a [u8],
}

impl Element<'_> {
    fn is(&self, tag: Tag) -> bool {
        self.header.is_universal() && self.header.tag() == tag
    }
}

/// Values in DER, one after the other; the last may be cut.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (after, header) = Header::from_der(self.0).ok()?;
        let len = header.length().definite().ok()?;
        let content = after.get(..len).unwrap_or(after);
        let (bytes, rest) = self
            .0
            .split_at_checked(self.0.len() - after.len() + content.len())?;
        self.0 = rest;
        Some(Element {
            header,
            bytes,
            content,
        })
    }
}
