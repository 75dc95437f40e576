//! Fingerprints of clients: JA3 and JA4, made of what a ClientHello offers.
//!
//! In: a whole ClientHello. Out: two short texts, the same for the same software whatever it connects to. Knows nothing of whose they are.

use arrayvec::ArrayString;
use md5::Md5;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::CLIENT_HELLO;
use super::extension::{self, ALPN, SERVER_NAME, SUPPORTED_VERSIONS, StrictExtensions};
use super::hello::Front;
use super::record::{Body, body, join};
use crate::evidence::{Fingerprints, JA3_LEN, JA4_LEN};

/// `ExtensionType` values of the IANA registry "TLS ExtensionType Values".
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;

/// The highest number that JA4 has two digits for.
const MAX_COUNT: usize = 99;
/// Bytes of a hash that JA4 tells.
const HASH_LEN: usize = 6;

/// Room for the text that is hashed, so that it seldom grows: browsers have texts of 250.
const USUAL_TEXT: usize = 512;

/// What most lists of a hello have room in without memory of their own: browsers have lists of 20.
type Numbers = SmallVec<[u16; 32]>;

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
    let mut text = Vec::with_capacity(USUAL_TEXT);
    Some(Fingerprints {
        ja3: offer.ja3(&mut text),
        ja4: offer.ja4(carrier, &mut text),
    })
}

/// What a ClientHello offers, in its order and without GREASE (RFC 8701), which says nothing of its sender.
#[derive(Debug, Default)]
struct Offer {
    version: u16,
    suites: Numbers,
    extensions: Numbers,
    groups: Numbers,
    point_formats: Numbers,
    signatures: Numbers,
    /// Those of the `supported_versions` extension.
    versions: Numbers,
    /// The first and the last byte of the first application protocol.
    alpn: Option<(u8, u8)>,
    /// Whether its extensions break off.
    is_broken: bool,
}

impl Offer {
    fn read(body: &[u8], has_cookie: bool) -> Option<Self> {
        let front = Front::read(body, has_cookie)?;
        let mut offer = Self {
            version: front.version.0,
            ..Self::default()
        };
        add_numbers(&mut offer.suites, front.suites);
        let mut extensions = StrictExtensions::new(front.rest);
        for (kind, content) in extensions.by_ref() {
            if extension::is_grease(kind.to_be_bytes()) {
                continue;
            }
            offer.extensions.push(kind);
            // Behind the length of the list, which is not believed.
            let list = content.get(2..).unwrap_or_default();
            match kind {
                SUPPORTED_GROUPS => add_numbers(&mut offer.groups, list),
                SIGNATURE_ALGORITHMS => add_numbers(&mut offer.signatures, list),
                EC_POINT_FORMATS => {
                    let formats = content.iter().skip(1);
                    offer.point_formats.extend(formats.map(|&b| u16::from(b)));
                }
                SUPPORTED_VERSIONS => {
                    // Their length is a single byte.
                    let list = content.get(1..).unwrap_or_default();
                    add_numbers(&mut offer.versions, list);
                }
                ALPN if offer.alpn.is_none() => {
                    let first = extension::protocols(content).next();
                    offer.alpn = first.and_then(|name| Some((*name.first()?, *name.last()?)));
                }
                _ => {}
            }
        }
        offer.is_broken = extensions.is_broken;
        Some(offer)
    }

    /// * `text`: nothing; room for what is hashed.
    fn ja3(&self, text: &mut Vec<u8>) -> ArrayString<JA3_LEN> {
        push_decimal(text, self.version);
        let lists = [
            &self.suites,
            &self.extensions,
            &self.groups,
            &self.point_formats,
        ];
        // JA3 does not say what a malformed hello's is. Wireshark's ends where the hello does.
        let told = if self.is_broken { 2 } else { lists.len() };
        for list in lists.into_iter().take(told) {
            text.push(b',');
            push_decimals(text, list);
        }
        let hash = Md5::digest(&*text);
        let mut ja3 = String::with_capacity(JA3_LEN);
        push_hex(&mut ja3, &hash);
        // It fits: an MD5 has as many digits.
        ArrayString::from(&ja3).unwrap_or_default()
    }

    /// * `text`: anything; room for what is hashed.
    fn ja4(&self, carrier: Carrier, text: &mut Vec<u8>) -> ArrayString<JA4_LEN> {
        // The highest as a number, so that a draft is above them all; DTLS counts down.
        let versions = self.versions.iter().copied();
        let highest = versions.max_by_key(|&version| match carrier {
            Carrier::Dtls => !version,
            Carrier::Stream | Carrier::Quic => version,
        });
        let mut ja4 = String::with_capacity(JA4_LEN);
        ja4.push(match carrier {
            Carrier::Stream => 't',
            Carrier::Quic => 'q',
            Carrier::Dtls => 'd',
        });
        ja4.push_str(version_digits(highest.unwrap_or(self.version)));
        let is_named = self.extensions.contains(&SERVER_NAME);
        ja4.push(if is_named { 'd' } else { 'i' });
        push_count(&mut ja4, self.suites.len());
        push_count(&mut ja4, self.extensions.len());
        ja4.extend(self.alpn_digits());
        for write in [Self::write_suites, Self::write_extensions] {
            text.clear();
            write(self, text);
            ja4.push('_');
            // Behind what leads the first number.
            push_short_hash(&mut ja4, text.get(1..).unwrap_or_default());
        }
        // It fits: no part of it has more or fewer characters for any hello.
        ArrayString::from(&ja4).unwrap_or_default()
    }

    /// The ends of the first application protocol; of their hex digits where one is no letter or digit.
    fn alpn_digits(&self) -> [char; 2] {
        match self.alpn {
            None => ['0'; 2],
            Some((first, last)) if is_plain(first) && is_plain(last) => {
                [first, last].map(char::from)
            }
            Some((first, last)) => [first >> 4, last].map(hex_digit),
        }
    }

    fn write_suites(&self, text: &mut Vec<u8>) {
        let mut suites = Numbers::from_slice(&self.suites);
        suites.sort_unstable();
        push_hex_numbers(text, b',', &suites);
    }

    fn write_extensions(&self, text: &mut Vec<u8>) {
        let mut told = Numbers::from_slice(&self.extensions);
        told.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        told.sort_unstable();
        push_hex_numbers(text, b',', &told);
        // Their own extension is among those told: so the text never begins with them.
        push_hex_numbers(text, b'_', &self.signatures);
    }
}

/// Adds the numbers of two bytes in `list`, without GREASE.
fn add_numbers(numbers: &mut Numbers, list: &[u8]) {
    let (pairs, _) = list.as_chunks();
    numbers.reserve(pairs.len());
    let pairs = pairs.iter().copied();
    let told = pairs.filter(|&pair| !extension::is_grease(pair));
    numbers.extend(told.map(u16::from_be_bytes));
}

/// The two characters that JA4 has for a version.
fn version_digits(version: u16) -> &'static str {
    match version {
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

// Digits are written without `format!`: there are hundreds in a fingerprint, and its machinery costs more than the hashes do.

fn push_decimal(text: &mut Vec<u8>, number: u16) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes `list` with hyphens between its numbers.
fn push_decimals(text: &mut Vec<u8>, list: &[u16]) {
    for (i, &number) in list.iter().enumerate() {
        if i > 0 {
            text.push(b'-');
        }
        push_decimal(text, number);
    }
}

/// Writes `list`, `lead` before the first of its numbers and a comma before each other.
fn push_hex_numbers(text: &mut Vec<u8>, lead: u8, list: &[u16]) {
    let mut before = lead;
    for &number in list {
        let [high, low] = number.to_be_bytes();
        let [a, b, c, d] = [high >> 4, high, low >> 4, low].map(hex_byte);
        text.extend_from_slice(&[before, a, b, c, d]);
        before = b',';
    }
}

/// The lower four bits as a digit.
const fn hex_byte(bits: u8) -> u8 {
    let bits = bits & 0x0f;
    // Without a branch: which it is, is as good as thrown with dice.
    bits + b'0' + (bits > 9) as u8 * (b'a' - b'9' - 1)
}

/// The same.
const fn hex_digit(bits: u8) -> char {
    hex_byte(bits) as char
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(*byte));
    }
}

/// How many there are, in two digits.
fn push_count(text: &mut String, count: usize) {
    let count = count.min(MAX_COUNT) as u8;
    text.extend([count / 10, count % 10].map(hex_digit));
}

/// The first digits of the hash of `text`, zeros for none.
fn push_short_hash(digits: &mut String, text: &[u8]) {
    if text.is_empty() {
        return push_hex(digits, &[0; HASH_LEN]);
    }
    let hash = Sha256::digest(text);
    push_hex(digits, hash.get(..HASH_LEN).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    const CHROME: &str = include_str!("hellos/chrome.hex");
    const CURL: &str = include_str!("hellos/curl.hex");
    const UNNAMED: &str = include_str!("hellos/openssl_unnamed.hex");
    const RUSTLS: &str = include_str!("hellos/rustls.hex");

    #[test]
    fn hellos_have_the_fingerprints_that_other_tools_give_them() {
        for (hello, ja3, ja4) in [
            (
                CHROME,
                "93f406cae5b1c0971a02ce9872f976c2",
                "t13d1516h2_8daaf6152771_806a8c22fdea",
            ),
            (
                CURL,
                "89dfc51e72bdcb94e4ba4622588002b1",
                "t13d0412h2_16476d049b0b_85302d7e289e",
            ),
            (
                UNNAMED,
                "fbe7e189e37a07ee33706f86bc746344",
                "t12i280600_d943125447b4_e7e480e5a997",
            ),
            (
                RUSTLS,
                "e2a4063b04ca3f30a02e73506debef54",
                "t13d1011h1_61a7ad8aa9b6_0d308c48d2a3",
            ),
        ] {
            let prints = fingerprints(&hex(hello)).unwrap();
            assert_eq!((&*prints.ja3, &*prints.ja4), (ja3, ja4));
        }
    }

    /// A ClientHello's body with these suites and extensions.
    fn hello(version: u16, suites: &[u8], extensions: &[u8]) -> Vec<u8> {
        let len = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
        [
            &version.to_be_bytes()[..],
            &[0; 32],
            &[0],
            &len(suites),
            suites,
            &[1, 0],
            &len(extensions),
            extensions,
        ]
        .concat()
    }

    fn ja4(body: &[u8], carrier: Carrier) -> String {
        body_fingerprints(body, carrier).unwrap().ja4.to_string()
    }

    #[test]
    fn a_hello_without_anything_has_zeros_for_hashes() {
        let bare = hello(0x0300, &[], &[]);
        assert_eq!(
            ja4(&bare, Carrier::Stream),
            "ts3i000000_000000000000_000000000000"
        );
        let prints = body_fingerprints(&bare, Carrier::Stream).unwrap();
        // MD5 of "768,,,,".
        assert_eq!(&*prints.ja3, "ba12b548d225aa7163af96c47205964e");
        // Up to TLS 1.0 the extensions may be missing altogether.
        let without = &bare[..bare.len() - 2];
        assert_eq!(body_fingerprints(without, Carrier::Stream), Some(prints));
    }

    #[test]
    fn a_hello_whose_extensions_break_off_has_them_up_to_there() {
        let prints = |extensions: &[u8], block_len: u16| {
            let mut body = hello(0x0301, b"\0\x2f", extensions);
            let at = body.len() - extensions.len() - 2;
            body[at..at + 2].copy_from_slice(&block_len.to_be_bytes());
            let prints = body_fingerprints(&body, Carrier::Stream).unwrap();
            (prints.ja3, prints.ja4.get(..10).unwrap().to_owned())
        };
        let md5 = |text: &str| {
            let mut hex = String::new();
            push_hex(&mut hex, &Md5::digest(text));
            ArrayString::from(&hex).unwrap()
        };
        let formats = b"\0\x0b\0\x02\x01\0";
        for (extensions, block_len, ja3, ja4) in [
            (&formats[..], 6, "769,47,11,,0", "t10i010100"),
            // Too short for another: nothing breaks off.
            (
                b"\0\x0b\0\x02\x01\0\0\x0a\0",
                9,
                "769,47,11,,0",
                "t10i010100",
            ),
            (
                b"\0\x0b\0\x02\x01\0\0\x0a\0\x04\0\x02",
                12,
                "769,47,11-10",
                "t10i010200",
            ),
            (formats, 7, "769,47,", "t10i010000"),
        ] {
            assert_eq!(prints(extensions, block_len), (md5(ja3), ja4.to_owned()));
        }
    }

    #[test]
    fn grease_changes_nothing() {
        let plain = hello(
            0x0303,
            b"\x13\x01\x13\x02",
            b"\0\x0a\0\x04\0\x02\0\x1d\0\x0d\0\x04\0\x02\x04\x03\0\x2b\0\x03\x02\x03\x04\0\x10\0\x05\0\x03\x02h2",
        );
        let greased = hello(
            0x0303,
            b"\x4a\x4a\x13\x01\x13\x02\xfa\xfa",
            b"\x1a\x1a\0\0\0\x0a\0\x06\0\x04\x2a\x2a\0\x1d\0\x0d\0\x06\0\x04\x04\x03\xba\xba\0\x2b\0\x05\x04\xfa\xfa\x03\x04\
            \0\x10\0\x08\0\x06\x02\xaa\xaa\x02h2\x3a\x3a\0\x01\0",
        );
        let prints = body_fingerprints(&plain, Carrier::Stream);
        assert_eq!(body_fingerprints(&greased, Carrier::Stream), prints);
        assert!(prints.unwrap().ja4.starts_with("t13i0204h2_"));
    }

    #[test]
    fn the_first_letter_and_the_version_tell_the_carrier() {
        let both = hello(0x0303, b"\x13\x01", b"\0\x2b\0\x05\x04\x03\x03\x03\x04");
        assert!(ja4(&both, Carrier::Stream).starts_with("t13i0101"));
        assert!(ja4(&both, Carrier::Quic).starts_with("q13i0101"));
        let draft = hello(0x0303, b"\x13\x01", b"\0\x2b\0\x05\x04\x7f\x1c\x03\x04");
        assert!(ja4(&draft, Carrier::Stream).starts_with("t00i0101"));
        let mut dtls = hello(0xfefd, b"\x13\x01", b"\0\x2b\0\x05\x04\xfe\xfd\xfe\xfc");
        // An empty cookie behind the empty session.
        dtls.insert(35, 0);
        assert!(ja4(&dtls, Carrier::Dtls).starts_with("dd3i0101"));
    }

    #[test]
    fn a_protocol_that_is_no_text_is_told_by_its_digits() {
        for (name, told) in [
            (&b"h2"[..], "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"h2-", "6d"),
        ] {
            let len = name.len() as u8;
            let extension = [&[0, 16, 0, len + 3, 0, len + 1, len], name].concat();
            let text = ja4(&hello(0x0303, &[], &extension), Carrier::Stream);
            assert_eq!(text.get(8..10), Some(told), "{name:?}");
        }
    }

    #[test]
    fn counts_end_at_99() {
        let suites = [0, 47].repeat(120);
        let extensions = [0, 47, 0, 0].repeat(101);
        let text = ja4(&hello(0x0301, &suites, &extensions), Carrier::Stream);
        assert!(text.starts_with("t10i999900_"), "{text}");
    }

    #[test]
    fn a_part_of_a_hello_has_none() {
        let bytes = hex(CHROME);
        for len in 0..bytes.len() {
            assert_eq!(fingerprints(&bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn damage_is_harmless_and_keeps_the_form() {
        for hello in [CHROME, UNNAMED] {
            each_mutation(&hex(hello), 500, |damaged| {
                if let Some(prints) = fingerprints(damaged) {
                    assert_eq!((prints.ja3.len(), prints.ja4.len()), (32, 36));
                }
            });
        }
    }
}
