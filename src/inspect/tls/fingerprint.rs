//! Fingerprints of clients: JA3 and JA4, made of what a ClientHello offers.
//!
//! In: a whole ClientHello. Out: two short texts, the same for the same software whatever it connects to. Knows nothing of whose they are.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::CLIENT_HELLO;
use super::extension::{self, ALPN, Extensions, SERVER_NAME, SUPPORTED_VERSIONS};
use super::hello::Front;
use super::record::{Body, body, join};
use crate::evidence::{Fingerprints, TlsVersion};

/// `ExtensionType` values of the IANA registry "TLS ExtensionType Values".
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;

/// The highest number that JA4 has two digits for.
const MAX_COUNT: usize = 99;
/// Bytes of a hash that JA4 tells.
const HASH_LEN: usize = 6;

/// What carries a ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) enum Carrier {
    /// A byte stream.
    Stream,
    /// CRYPTO frames of QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// Takes the fingerprints of a ClientHello over a byte stream.
///
/// * `prefix`: as for [`super::client_hello`].
/// * `None`: there is no whole ClientHello, or it is malformed before the extensions.
/// * Costs some microseconds, most of them for two hashes.
///
/// Source: <https://github.com/salesforce/ja3>; <https://github.com/FoxIO-LLC/ja4>, `technical_details/JA4.md`.
pub fn fingerprints(prefix: &[u8]) -> Option<Fingerprints> {
    let is_enough = |bytes: &[u8]| !matches!(body(bytes, CLIENT_HELLO), Body::Cut(_));
    message_fingerprints(&join(prefix, is_enough).bytes, Carrier::Stream)
}

/// The same of a ClientHello that lies in no records, as it does in QUIC.
pub(in crate::inspect) fn message_fingerprints(
    handshake: &[u8],
    carrier: Carrier,
) -> Option<Fingerprints> {
    match body(handshake, CLIENT_HELLO) {
        Body::Whole(body) => body_fingerprints(body, carrier),
        Body::Cut(_) | Body::Other => None,
    }
}

/// The same of a whole ClientHello without its message header.
pub(in crate::inspect) fn body_fingerprints(body: &[u8], carrier: Carrier) -> Option<Fingerprints> {
    let offer = Offer::read(body, carrier == Carrier::Dtls)?;
    Some(Fingerprints {
        ja3: offer.ja3(),
        ja4: offer.ja4(carrier),
    })
}

/// What a ClientHello offers, in its order and without GREASE (RFC 8701), which says nothing of its sender.
#[derive(Debug, Default)]
struct Offer {
    version: u16,
    suites: Vec<u16>,
    extensions: Vec<u16>,
    groups: Vec<u16>,
    point_formats: Vec<u16>,
    signatures: Vec<u16>,
    /// The highest of the `supported_versions` extension.
    highest: Option<TlsVersion>,
    /// The first and the last byte of the first application protocol.
    alpn: Option<(u8, u8)>,
}

impl Offer {
    fn read(body: &[u8], has_cookie: bool) -> Option<Self> {
        let front = Front::read(body, has_cookie)?;
        let mut offer = Self {
            version: front.version.0,
            suites: numbers(front.suites).collect(),
            ..Self::default()
        };
        for (kind, content) in Extensions::in_block(front.rest) {
            if extension::is_grease(kind.to_be_bytes()) {
                continue;
            }
            offer.extensions.push(kind);
            // Behind the length of the list, which is not believed.
            let list = content.get(2..).unwrap_or_default();
            match kind {
                SUPPORTED_GROUPS => offer.groups.extend(numbers(list)),
                SIGNATURE_ALGORITHMS => offer.signatures.extend(numbers(list)),
                EC_POINT_FORMATS => {
                    let formats = content.iter().skip(1);
                    offer.point_formats.extend(formats.map(|&b| u16::from(b)));
                }
                SUPPORTED_VERSIONS if offer.highest.is_none() => {
                    offer.highest = extension::highest_version(content);
                }
                ALPN if offer.alpn.is_none() => {
                    let first = extension::protocols(content).next();
                    offer.alpn = first.and_then(|name| Some((*name.first()?, *name.last()?)));
                }
                _ => {}
            }
        }
        Some(offer)
    }

    fn ja3(&self) -> Box<str> {
        let mut text = self.version.to_string();
        for list in [
            &self.suites,
            &self.extensions,
            &self.groups,
            &self.point_formats,
        ] {
            text.push(',');
            join_with(&mut text, '-', list.iter());
        }
        hex(&Md5::digest(text)).into()
    }

    fn ja4(&self, carrier: Carrier) -> Box<str> {
        let letter = match carrier {
            Carrier::Stream => 't',
            Carrier::Quic => 'q',
            Carrier::Dtls => 'd',
        };
        let version = self.highest.unwrap_or(TlsVersion(self.version));
        let is_named = self.extensions.contains(&SERVER_NAME);
        format!(
            "{letter}{}{}{:02}{:02}{}_{}_{}",
            version_digits(version),
            if is_named { 'd' } else { 'i' },
            self.suites.len().min(MAX_COUNT),
            self.extensions.len().min(MAX_COUNT),
            self.alpn_digits(),
            self.suites_hash(),
            self.extensions_hash(),
        )
        .into()
    }

    /// The ends of the first application protocol; of their hex digits where one is no letter or digit.
    fn alpn_digits(&self) -> String {
        match self.alpn {
            None => "00".to_owned(),
            Some((first, last)) if is_plain(first) && is_plain(last) => {
                [first, last].map(char::from).iter().collect()
            }
            Some((first, last)) => format!("{:x}{:x}", first >> 4, last & 0x0f),
        }
    }

    fn suites_hash(&self) -> String {
        let mut suites = self.suites.clone();
        suites.sort_unstable();
        short_hash(&joined_hex(&suites))
    }

    fn extensions_hash(&self) -> String {
        let told = self.extensions.iter().copied();
        let mut told: Vec<_> = told
            .filter(|kind| ![SERVER_NAME, ALPN].contains(kind))
            .collect();
        told.sort_unstable();
        let mut text = joined_hex(&told);
        if !self.signatures.is_empty() {
            text.push('_');
            text.push_str(&joined_hex(&self.signatures));
        }
        short_hash(&text)
    }
}

/// The numbers of two bytes in `list`, without GREASE.
fn numbers(list: &[u8]) -> impl Iterator<Item = u16> {
    let (pairs, _) = list.as_chunks();
    let pairs = pairs.iter().copied();
    pairs
        .filter(|&pair| !extension::is_grease(pair))
        .map(u16::from_be_bytes)
}

/// The two characters that JA4 has for a version.
fn version_digits(version: TlsVersion) -> &'static str {
    match version.0 {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 | 0x0200 => "s2",
        // DTLS before it had a number of its own.
        0x0100 => "s1",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn join_with(text: &mut String, separator: char, items: impl Iterator<Item = impl ToString>) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            text.push(separator);
        }
        text.push_str(&item.to_string());
    }
}

/// `list` in hex, four digits each, with commas between.
fn joined_hex(list: &[u16]) -> String {
    let mut text = String::with_capacity(list.len() * 5);
    join_with(&mut text, ',', list.iter().map(|n| format!("{n:04x}")));
    text
}

/// The first digits of the hash of `text`, zeros for none.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(HASH_LEN * 2);
    }
    let hash = Sha256::digest(text);
    hex(hash.get(..HASH_LEN).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
