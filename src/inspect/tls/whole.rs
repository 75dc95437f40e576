//! ClientHellos beyond doubt: for places where a hello may stand, and so may anything else.

use std::borrow::Cow;

use super::record::{HANDSHAKE, MAX_FRAGMENT};
use super::{CLIENT_HELLO, ClientHello, Outcome, client_hello};
use crate::inspect::cursor::Cursor;

/// Content types of records, RFC 8446 §5.1 and RFC 6520 §3: from change_cipher_spec to heartbeat.
const CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=24;
/// The highest minor version in use, of TLS 1.3 in drafts.
const MAX_MINOR: u8 = 4;
/// Longest session identifier, RFC 8446 §4.1.2.
const MAX_SESSION: u8 = 32;
/// Length of the `random` field, RFC 8446 §4.1.2.
const RANDOM_LEN: usize = 32;
/// Places that are looked at in one search; only what begins with a hello's fixed bytes counts as one.
const MAX_PLACES: usize = 8;
/// Bytes that tell a place: a record's header, a message's, the version.
const FRONT_LEN: usize = 5 + 4 + 2;

/// Reads the ClientHello at the front of `bytes`, if it is whole and every length in it and around it is right.
///
/// * Nothing follows it, or another record of TLS does, as far as it is there: a file that holds a hello goes on otherwise.
///
/// Source: RFC 8446 §4.1.2, §4.2, §5.1.
pub fn whole_client_hello(bytes: &[u8]) -> Option<ClientHello> {
    let mut rest = Cursor(bytes);
    let mut message = Cow::Borrowed(&[][..]);
    let body = loop {
        let fragment = handshake_record(&mut rest)?;
        if message.is_empty() {
            message = Cow::Borrowed(fragment);
        } else {
            message.to_mut().extend_from_slice(fragment);
        }
        if let [kind, high, mid, low, body @ ..] = &*message {
            let len = usize::from(*high) << 16 | usize::from(*mid) << 8 | usize::from(*low);
            if *kind != CLIENT_HELLO || body.len() > len {
                return None;
            }
            if body.len() == len {
                break body;
            }
        }
    };
    if !is_sound(body) || !can_be_record(rest.0) {
        return None;
    }
    match client_hello(bytes) {
        Outcome::Found(hello) => Some(hello),
        Outcome::NeedMore | Outcome::NotMine => None,
    }
}

/// The last of the whole ClientHellos in `bytes` that do not stand at the front, and the bytes from there on; see
/// [`whole_client_hello`].
pub fn find_whole_client_hello(bytes: &[u8]) -> Option<(ClientHello, &[u8])> {
    let places = memchr::memrchr_iter(HANDSHAKE, bytes).filter(|&at| at > 0);
    let starts = places.filter_map(|at| bytes.get(at..));
    starts
        .filter(|start| has_front(start))
        .take(MAX_PLACES)
        .find_map(|start| Some((whole_client_hello(start)?, start)))
}

/// Whether a record's, a message's and a hello's first bytes stand in front. The message may be in records of its own size, but its
/// own header in one: nothing that is looked for so cuts it.
fn has_front(start: &[u8]) -> bool {
    matches!(
        start.get(..FRONT_LEN),
        Some(&[
            HANDSHAKE,
            3,
            0..=MAX_MINOR,
            _,
            _,
            CLIENT_HELLO,
            0 | 1,
            _,
            _,
            3,
            0..=MAX_MINOR
        ])
    )
}

/// The content of the handshake record at the front of `rest`, if all of it is there.
fn handshake_record<'a>(rest: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let (kind, major, minor) = (rest.u8()?, rest.u8()?, rest.u8()?);
    let len = usize::from(rest.u16()?);
    let is_sane =
        kind == HANDSHAKE && major == 3 && minor <= MAX_MINOR && (1..=MAX_FRAGMENT).contains(&len);
    rest.take(len).filter(|_| is_sane)
}

/// Whether `bytes` are nothing, or begin with a record of TLS as far as they go.
fn can_be_record(bytes: &[u8]) -> bool {
    let fits = |at: usize, fits: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| fits(byte));
    fits(0, |kind| CONTENT_TYPES.contains(&kind))
        && fits(1, |major| major == 3)
        && fits(2, |minor| minor <= MAX_MINOR)
        && fits(3, |high| usize::from(high) << 8 <= MAX_FRAGMENT)
}

/// Whether `body` is a ClientHello in which every length is right.
fn is_sound(body: &[u8]) -> bool {
    let mut rest = Cursor(body);
    has_sound_front(&mut rest).is_some()
        && (rest.0.is_empty() || has_sound_extensions(rest).is_some())
}

fn has_sound_front(rest: &mut Cursor<'_>) -> Option<()> {
    let (major, minor) = (rest.u8()?, rest.u8()?);
    rest.take(RANDOM_LEN)?;
    let session_len = rest.u8()?;
    rest.take(session_len.into())?;
    let suites_len = rest.u16()?;
    rest.take(suites_len.into())?;
    let compressions_len = rest.u8()?;
    rest.take(compressions_len.into())?;
    (major == 3
        && minor <= MAX_MINOR
        && session_len <= MAX_SESSION
        && suites_len >= 2
        && suites_len % 2 == 0
        && compressions_len >= 1)
        .then_some(())
}

fn has_sound_extensions(mut rest: Cursor<'_>) -> Option<()> {
    let len = usize::from(rest.u16()?);
    if len != rest.0.len() {
        return None;
    }
    while !rest.0.is_empty() {
        let _kind = rest.u16()?;
        let len = rest.u16()?;
        rest.take(len.into())?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    const CHROME: &str = include_str!("hellos/chrome.hex");
    const CURL: &str = include_str!("hellos/curl.hex");

    fn name(hello: Option<ClientHello>) -> Option<String> {
        hello.and_then(|hello| Some(hello.server_name?.to_string()))
    }

    #[test]
    fn a_whole_hello_is_read_alone_and_before_records() {
        for text in [
            CHROME,
            CURL,
            include_str!("hellos/firefox.hex"),
            include_str!("hellos/safari.hex"),
            include_str!("hellos/rustls.hex"),
            include_str!("hellos/openssl_unnamed.hex"),
        ] {
            let hello = hex(text);
            let expected = whole_client_hello(&hello);
            assert!(expected.is_some());
            for behind in ["14 0303 0001 01", "17", "17 03", "1703030100"] {
                let bytes = [&hello[..], &hex(behind)].concat();
                assert_eq!(whole_client_hello(&bytes), expected);
            }
        }
    }

    #[test]
    fn a_hello_in_many_records_is_read() {
        for size in [1, 3, 100] {
            let pieces = hex(CURL);
            let records = pieces[5..].chunks(size).map(|piece| {
                let len = (piece.len() as u16).to_be_bytes();
                [&[22, 3, 1], &len[..], piece].concat()
            });
            let bytes = records.collect::<Vec<_>>().concat();
            assert_eq!(
                whole_client_hello(&bytes),
                whole_client_hello(&hex(CURL)),
                "{size}"
            );
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_otherwise_is_none() {
        let hello = hex(CHROME);
        for cut in 0..hello.len() {
            assert_eq!(whole_client_hello(&hello[..cut]), None, "{cut}");
        }
        for behind in [&b"\x5a"[..], b"\x16\x04", b"\x65\x3a\0\0", b"\r\n"] {
            assert_eq!(whole_client_hello(&[&hello[..], behind].concat()), None);
        }
    }

    #[test]
    fn a_wrong_length_is_noticed() {
        let hello = hex(CURL);
        // Of the record, the message, the session.
        for at in [4, 8, 43] {
            let mut damaged = hello.clone();
            damaged[at] = damaged[at].wrapping_add(1);
            assert_eq!(whole_client_hello(&damaged), None, "{at}");
        }
        each_mutation(&hello, 2000, |damaged| {
            whole_client_hello(damaged);
            find_whole_client_hello(damaged);
        });
    }

    #[test]
    fn the_last_hello_behind_others_is_found() {
        let (chrome, curl) = (hex(CHROME), hex(CURL));
        let decoy = hex("16 0301 4000 01 003ff0 0303 0d0a");
        for before in [&b"GET / HTTP/1.1\r\n"[..], &decoy, &chrome, &[0x16; 5000]] {
            let bytes = [before, &curl].concat();
            assert_eq!(
                name(find_whole_client_hello(&bytes).map(|(hello, _)| hello)),
                name(whole_client_hello(&curl))
            );
            assert_eq!(find_whole_client_hello(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(find_whole_client_hello(&curl), None);
    }
}
