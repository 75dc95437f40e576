//! NetBIOS over UDP: which names are asked for, registered, and spoken to.
//!
//! In: a datagram's payload. Out: the names in it, read and made fit to compare. Knows nothing of ports and of what answers say.
//!
//! The name service has DNS's message format, and names that would pass for labels of DNS: 32 letters from A to P, two for
//! each byte. Nothing is believed that is not written so.

use super::Outcome;
use super::cursor::Cursor;
use super::dns::name::Labels;
use crate::domain::DomainName;

/// Bytes of the name service's header, RFC 1002 §4.2.1.1.
const NAME_HEADER_LEN: usize = 12;
/// Bytes of the datagram service's header up to the names, RFC 1002 §4.4.2.
const DATAGRAM_HEADER_LEN: usize = 14;
/// Letters of an encoded name, RFC 1001 §14.1: two for each of its bytes.
const ENCODED_LEN: usize = 32;
/// Bytes of a name less the last one, which tells what kind of service has it.
const NAME_LEN: usize = 15;

/// Reads the names in a message of the name service (what a question asks for, what a registration or release is about) or of the
/// datagram service (whose it is, whom it is for).
///
/// * Which service it is of, its bytes tell: nothing that is not an encoded name passes for one. So this may be asked of any port.
/// * `Found` without names: answers repeat no question; the wildcard `*` is no name, nor are those of services that are no host's
///   (they hold control bytes).
/// * A name is told without its last byte and its padding; its scope, if it has one, follows behind a dot.
/// * Never [`Outcome::NeedMore`]: a datagram is all there is. Reports of errors, which name nobody, are not read.
///
/// Source: RFC 1001 §14.1; RFC 1002 §4.1, §4.2, §4.4.
pub fn names(datagram: &[u8]) -> Outcome<Vec<DomainName>> {
    match name_service(datagram).or_else(|| datagram_service(datagram)) {
        Some(names) => Outcome::Found(names.into_iter().flatten().collect()),
        None => Outcome::NotMine,
    }
}

fn name_service(datagram: &[u8]) -> Option<[Option<DomainName>; 2]> {
    let mut header = Cursor(datagram);
    let _id = header.u16()?;
    let flags = header.u16()?;
    let questions = header.u16()?;
    // Query, registration, release, wait, refresh (both numbers that are in use), registration of one with several addresses.
    let is_operation = matches!(flags >> 11 & 0xf, 0 | 5..=9 | 15);
    if !is_operation || questions > 1 {
        return None;
    }
    // Where no question stands, an answer does, and begins with a name as well.
    let (name, end) = read_name(datagram, NAME_HEADER_LEN)?;
    if questions == 0 {
        return Some([None, None]);
    }
    let mut rest = Cursor(datagram.get(end..)?);
    // NB, NBSTAT; IN.
    let is_question = matches!(rest.u16()?, 0x20 | 0x21) && rest.u16()? == 1;
    is_question.then_some([name, None])
}

fn datagram_service(datagram: &[u8]) -> Option<[Option<DomainName>; 2]> {
    // To one name, to a group of them, to all.
    if !matches!(datagram.first()?, 0x10..=0x12) {
        return None;
    }
    let (source, end) = read_name(datagram, DATAGRAM_HEADER_LEN)?;
    let (destination, _) = read_name(datagram, end)?;
    Some([source, destination])
}

/// The name that stands encoded at `at`, and where it ends; `None` for bytes that are no encoded name.
fn read_name(message: &[u8], at: usize) -> Option<(Option<DomainName>, usize)> {
    let mut labels = Labels::new(message, at);
    let name = decode(labels.next()?.ok()?)?;
    let mut text = trim(name.get(..NAME_LEN)?).to_vec();
    let is_name =
        !text.is_empty() && text != b"*" && !text.iter().any(|byte| byte.is_ascii_control());
    for scope in labels.by_ref() {
        text.push(b'.');
        text.extend_from_slice(scope.ok()?);
    }
    let name = DomainName::from_bytes(&text).filter(|_| is_name);
    Some((name, labels.end().ok()?))
}

/// The 16 bytes that 32 letters from A to P stand for: each letter four bits.
fn decode(label: &[u8]) -> Option<[u8; ENCODED_LEN / 2]> {
    let letters: &[u8; ENCODED_LEN] = label.try_into().ok()?;
    if !letters.iter().all(|letter| matches!(letter, b'A'..=b'P')) {
        return None;
    }
    let mut name = [0; ENCODED_LEN / 2];
    let (pairs, _) = letters.as_chunks::<2>();
    for (byte, [high, low]) in name.iter_mut().zip(pairs) {
        *byte = high.wrapping_sub(b'A') << 4 | low.wrapping_sub(b'A');
    }
    Some(name)
}

/// A name without what fills it up: blanks, or zeros behind a wildcard.
fn trim(name: &[u8]) -> &[u8] {
    let len = name
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | 0))
        .map_or(0, |last| last + 1);
    name.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// What Windows asks all hosts of its network for `FILESERVER`.
    const QUERY: &str = "
        8f2b 0110                                  # id; query, recursion desired, broadcast
        0001 0000 0000 0000
        20                                         # 32 letters
        4547 454a 454d 4546 4644 4546 4643 4647    # F I L E S E R V
        4546 4643 4341 4341 4341 4341 4341 4341 00 # E R, blanks; the last one is the kind: file server
        0020 0001                                  # NB, IN
    ";

    /// `name`, filled up with blanks, of kind `kind`, as it is encoded.
    fn encoded(name: &[u8], kind: u8) -> Vec<u8> {
        let mut bytes = name.to_vec();
        bytes.resize(NAME_LEN, b' ');
        bytes.push(kind);
        let letters = bytes
            .iter()
            .flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
        [32].into_iter().chain(letters).chain([0]).collect()
    }

    /// A message of the name service with these flags, one question.
    fn message(flags: u16, name: &[u8], qtype: u16) -> Vec<u8> {
        let mut bytes = hex("1234 0000 0001 0000 0000 0000");
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes.extend(name);
        bytes.extend(qtype.to_be_bytes());
        bytes.extend([0, 1]);
        bytes
    }

    /// A message of the datagram service from one name to another.
    fn datagram(source: &[u8], destination: &[u8]) -> Vec<u8> {
        let head = hex("11 0e 8a4c c0a80107 008a 00c8 0000");
        [&head, source, destination, b"\xffSMB"].concat()
    }

    /// The names in a message, with a blank between them.
    fn asked(bytes: &[u8]) -> String {
        match names(bytes) {
            Outcome::Found(names) => {
                let names: Vec<&str> = names.iter().map(DomainName::as_str).collect();
                names.join(" ")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_is_read_without_its_padding_and_kind() {
        assert_eq!(asked(&hex(QUERY)), "fileserver");
        let lone = |name: &[u8], kind| asked(&message(0x0110, &encoded(name, kind), 0x20));
        assert_eq!(lone(b"FIFTEEN_LETTERS", 0x1c), "fifteen_letters");
        assert_eq!(lone(b"TWO WORDS", 0x20), "two words");
        assert_eq!(lone(b"WWW.EXAMPLE.ORG", 0), "www.example.org");
        assert_eq!(lone(b"B\x9aRO", 0), "b\\154ro");
    }

    #[test]
    fn registrations_refreshes_and_releases_name_their_owner() {
        // Registration, release, refresh (two numbers), registration with several addresses.
        for flags in [0x2910, 0x3010, 0x4010, 0x4810, 0x7910] {
            let mut bytes = message(flags, &encoded(b"WORKGROUP", 0x1e), 0x20);
            // The record with the address, its name a pointer to the question's.
            bytes[11] = 1;
            bytes.extend(hex("c00c 0020 0001 000493e0 0006 e000 c0a80107"));
            assert_eq!(asked(&bytes), "workgroup", "{flags:04x}");
        }
        let dns_update = message(0x2800, b"\x03lan\0", 6);
        assert_eq!(names(&dns_update), Outcome::NotMine);
    }

    #[test]
    fn wildcards_services_and_answers_have_no_name() {
        let mut wildcard = [0; NAME_LEN];
        wildcard[0] = b'*';
        assert_eq!(asked(&message(0, &encoded(&wildcard, 0), 0x21)), "");
        assert_eq!(asked(&message(0, &encoded(b"*", b' '), 0x21)), "");
        assert_eq!(asked(&message(0, &encoded(b"", b' '), 0x20)), "");
        let browser = encoded(b"\x01\x02__MSBROWSE__\x02", 1);
        assert_eq!(asked(&message(0x2910, &browser, 0x20)), "");
        let mut answer = message(0x8500, &encoded(b"FILESERVER", 0x20), 0x20);
        answer[5] = 0;
        answer[7] = 1;
        assert_eq!(asked(&answer), "");
    }

    #[test]
    fn a_scope_follows_behind_a_dot() {
        let mut name = encoded(b"HOST", 0);
        name.pop();
        name.extend(b"\x05SCOPE\x02ID\0");
        assert_eq!(asked(&message(0x0110, &name, 0x20)), "host.scope.id");
    }

    #[test]
    fn names_that_are_not_encoded_are_not_believed() {
        let mut short = encoded(b"HOST", 0);
        short[0] = 31;
        short.remove(20);
        let mut letter = encoded(b"HOST", 0);
        letter[7] = b'Q';
        let lower: Vec<u8> = encoded(b"HOST", 0).to_ascii_lowercase();
        for bad in [short, letter, lower, b"\x03www\0".to_vec(), vec![0]] {
            assert_eq!(names(&message(0, &bad, 0x20)), Outcome::NotMine);
            assert_eq!(
                names(&datagram(&encoded(b"HOST", 0), &bad)),
                Outcome::NotMine
            );
        }
        let good = encoded(b"HOST", 0);
        assert_eq!(names(&message(0, &good, 1)), Outcome::NotMine);
        let two = [&hex("1234 0000 0002 0000 0000 0000")[..], &good, &good].concat();
        assert_eq!(names(&two), Outcome::NotMine);
    }

    #[test]
    fn datagrams_name_both_ends() {
        let bytes = datagram(&encoded(b"LAPTOP", 0), &encoded(b"WORKGROUP", 0x1d));
        assert_eq!(asked(&bytes), "laptop workgroup");
        let browser = encoded(b"\x01\x02__MSBROWSE__\x02", 1);
        assert_eq!(asked(&datagram(&encoded(b"LAPTOP", 0), &browser)), "laptop");
        let mut error = bytes;
        error[0] = 0x13;
        assert_eq!(names(&error), Outcome::NotMine);
    }

    #[test]
    fn a_cut_message_has_no_name() {
        let bytes = hex(QUERY);
        let sent = datagram(&encoded(b"LAPTOP", 0), &encoded(b"WORKGROUP", 0x1d));
        for cut in 0..bytes.len() {
            assert_eq!(names(&bytes[..cut]), Outcome::NotMine, "{cut}");
        }
        for cut in 0..sent.len() - 4 {
            assert_eq!(names(&sent[..cut]), Outcome::NotMine, "{cut}");
        }
    }

    #[test]
    fn damaged_messages_never_panic() {
        let sent = datagram(&encoded(b"LAPTOP", 0), &encoded(b"WORKGROUP", 0x1d));
        each_mutation(&hex(QUERY), 5000, |bytes| drop(names(bytes)));
        each_mutation(&sent, 5000, |bytes| drop(names(bytes)));
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "[A-Z0-9_$-]{1,15}", kind: u8) {
            let bytes = message(0x0110, &encoded(name.as_bytes(), kind), 0x20);
            prop_assert_eq!(asked(&bytes), name.to_ascii_lowercase());
        }
    }
}
