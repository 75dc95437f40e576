//! Hellos of clients and servers, real, odd, cut and damaged.

mod certificates;

use proptest::prelude::*;

use super::extension::{ALPN, SERVER_NAME, SUPPORTED_VERSIONS};
use super::*;
use crate::alpn::Alpn;
use crate::evidence::TlsVersion;
use crate::inspect::testing::{each_mutation, hex};

const CHROME: &str = include_str!("hellos/chrome.hex");
const CHROMIUM: &str = include_str!("hellos/chromium.hex");
const CURL: &str = include_str!("hellos/curl.hex");
const CURL_TLS12: &str = include_str!("hellos/curl_tls12.hex");
const EDGE: &str = include_str!("hellos/edge.hex");
const FIREFOX: &str = include_str!("hellos/firefox.hex");
const OPENSSL_UNNAMED: &str = include_str!("hellos/openssl_unnamed.hex");
const RUSTLS: &str = include_str!("hellos/rustls.hex");
const SAFARI: &str = include_str!("hellos/safari.hex");
const SERVER_FLIGHT_TLS12: &str = include_str!("hellos/server_flight_tls12.hex");
const SERVER_TLS12: &str = include_str!("hellos/server_tls12.hex");
const SERVER_TLS13: &str = include_str!("hellos/server_tls13.hex");

const TLS12: TlsVersion = TlsVersion(0x0303);
const TLS13: TlsVersion = TlsVersion(0x0304);

/// The smallest hello that has a name.
const SMALL: &str = "
    16 0301 0042                 # record: handshake, version 3.1, 66 bytes
    01 00003e                    # ClientHello, 62 bytes
    0303                         # legacy_version: TLS 1.2
    0000000000000000000000000000000000000000000000000000000000000000 # random
    00                           # no session
    0002 1301                    # TLS_AES_128_GCM_SHA256
    01 00                        # no compression
    0013                         # extensions, 19 bytes
    0000 000f                    # server_name, 15 bytes
    000d 00 000a 412e4578616d706c652e # list of 13 bytes, host_name, 10 bytes: 'A.Example.'
";

fn name(text: &str) -> Option<DomainName> {
    DomainName::from_bytes(text.as_bytes())
}

fn found(bytes: &[u8]) -> ClientHello {
    match client_hello(bytes) {
        Outcome::Found(hello) => hello,
        other => panic!("{other:?}"),
    }
}

/// The extension of `kind` with `content`.
fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [
        &kind.to_be_bytes(),
        &(content.len() as u16).to_be_bytes(),
        content,
    ]
    .concat()
}

fn server_name(host: &str) -> Vec<u8> {
    let len = host.len() as u16;
    let header = [&(len + 3).to_be_bytes()[..], &[0], &len.to_be_bytes()].concat();
    extension(SERVER_NAME, &[&header, host.as_bytes()].concat())
}

/// A ClientHello message, TLS 1.2, with these extensions.
fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let mut body = hex("0303");
    body.extend([7; 32]);
    body.extend(hex("00 0002 1301 01 00"));
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = (body.len() as u32 | 1 << 24).to_be_bytes().to_vec();
    message.extend(body);
    message
}

fn record(fragment: &[u8]) -> Vec<u8> {
    [
        &[22, 3, 1],
        &(fragment.len() as u16).to_be_bytes()[..],
        fragment,
    ]
    .concat()
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(record).collect()
}

#[test]
fn the_smallest_hello_is_read() {
    let hello = ClientHello {
        server_name: name("a.example"),
        alpn: Alpn::NONE,
        version: TLS12,
        has_ech: false,
    };
    let bytes = hex(SMALL);
    assert_eq!(client_hello(&bytes), Outcome::Found(hello.clone()));
    assert_eq!(client_hello_message(&bytes[5..]), Outcome::Found(hello));
}

#[test]
fn hellos_of_real_clients_are_read() {
    let web: &[&str] = &["h2", "http/1.1"];
    for (text, host, alpn, version, has_ech) in [
        (CHROME, "www.youtube.com", web, TLS13, true),
        (FIREFOX, "www.youtube.com", web, TLS13, true),
        (SAFARI, "www.youtube.com", web, TLS13, false),
        (EDGE, "www.youtube.com", web, TLS13, false),
        (CHROMIUM, "web.whatsapp.com", web, TLS13, true),
        (RUSTLS, "web.whatsapp.com", &["http/1.1"], TLS13, false),
        (CURL, "www.youtube.com", web, TLS13, false),
        (CURL_TLS12, "www.youtube.com", web, TLS12, false),
        (OPENSSL_UNNAMED, "", &[], TLS12, false),
    ] {
        let hello = found(&hex(text));
        assert_eq!(hello.server_name, name(host), "{text}");
        let offered: Vec<&str> = hello.alpn.iter().collect();
        assert_eq!(offered, alpn, "{text}");
        assert_eq!((hello.version, hello.has_ech), (version, has_ech), "{text}");
    }
}

#[test]
fn hellos_of_real_servers_are_read() {
    let chosen = |version, alpn: Option<&str>| {
        let alpn = alpn.map(Into::into);
        Outcome::Found(ServerHello { version, alpn })
    };
    assert_eq!(server_hello(&hex(SERVER_TLS13)), chosen(TLS13, None));
    assert_eq!(server_hello(&hex(SERVER_TLS12)), chosen(TLS12, Some("h2")));
    // The warning `unrecognized_name` first.
    let warned = [hex("15 0303 0002 01 70"), hex(SERVER_TLS12)].concat();
    assert_eq!(server_hello(&warned), chosen(TLS12, Some("h2")));
    for cut in 0..warned.len() {
        assert_eq!(server_hello(&warned[..cut]), Outcome::NeedMore, "{cut}");
    }
    // A fatal alert is an answer too, and no hello; and so is a client's.
    assert_eq!(server_hello(&hex("15 0303 0002 02 28")), Outcome::NotMine);
    assert_eq!(server_hello(&hex(SMALL)), Outcome::NotMine);
    assert_eq!(client_hello(&hex(SERVER_TLS12)), Outcome::NotMine);
    assert_eq!(
        server_hello(&hex("15 0303 0002 01 70").repeat(9000)),
        Outcome::NotMine
    );
}

#[test]
fn every_prefix_needs_more_and_shows_no_wrong_name() {
    for text in [SMALL, CHROME, FIREFOX, CURL_TLS12, RUSTLS] {
        let bytes = hex(text);
        let whole = found(&bytes);
        for cut in 0..bytes.len() {
            let prefix = &bytes[..cut];
            assert!(looks_like_client_hello(prefix));
            assert_eq!(client_hello(prefix), Outcome::NeedMore, "{cut}");
            let partial = client_hello_partial(prefix).and_then(|hello| hello.server_name);
            assert!(partial.is_none() || partial == whole.server_name, "{cut}");
        }
        let longer = [&bytes[..], b"\x14\x03\x03\x00\x01\x01"].concat();
        assert_eq!(found(&longer), whole);
        assert_eq!(client_hello_partial(&bytes), Some(whole));
    }
    for text in [SERVER_TLS12, SERVER_TLS13] {
        let bytes = hex(text);
        for cut in 0..bytes.len() {
            assert_eq!(server_hello(&bytes[..cut]), Outcome::NeedMore, "{cut}");
        }
    }
}

#[test]
fn a_name_before_the_cut_is_found() {
    let bytes = record(&message(&[
        server_name("a.example"),
        extension(21, &[0; 900]),
    ]));
    let end_of_name = 5 + 4 + 2 + 32 + 1 + 4 + 2 + 2 + server_name("a.example").len();
    let partial =
        |cut: usize| client_hello_partial(&bytes[..cut]).and_then(|hello| hello.server_name);
    assert_eq!(partial(end_of_name - 1), None);
    assert_eq!(partial(end_of_name), name("a.example"));
    // Something else where the second record should stand: what came before it counts all the same.
    let broken = [record(&bytes[5..200]), vec![0; 100]].concat();
    assert_eq!(client_hello(&broken), Outcome::NotMine);
    assert_eq!(
        client_hello_partial(&broken).unwrap().server_name,
        name("a.example")
    );
}

#[test]
fn other_protocols_are_turned_away_at_once() {
    for start in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x17\x03\x03\x00\x20",         // application data
        b"\x15\x03\x01\x00\x02\x02\x28", // alert
        b"\x16\x02\x00\x00\x20",         // version 2
        b"\x16\x03\x01\x41\x01",         // record of 16,641 bytes
        b"\x16\x03\x01\x00\x20\x02",     // ServerHello
        b"\x80\x2e\x01\x00\x02\x00\x15", // hello of SSL 2
    ] {
        assert!(!looks_like_client_hello(start));
        assert_eq!(client_hello(start), Outcome::NotMine, "{start:?}");
        assert_eq!(client_hello_partial(start), None);
    }
    let of_131_397 = b"\x16\x03\x01\x40\x00\x01\x02\x01\x45";
    assert_eq!(client_hello(of_131_397), Outcome::NotMine);
    assert_eq!(client_hello(&of_131_397[..8]), Outcome::NeedMore);
}

#[test]
fn empty_records_are_passed_over_up_to_a_bound() {
    let hello = hex(SMALL);
    let with = |empty: usize| [record(&[]).repeat(empty), hello.clone()].concat();
    assert_eq!(client_hello(&with(32)), client_hello(&hello));
    assert_eq!(client_hello(&with(33)), Outcome::NotMine);
    let behind = with(32);
    for cut in 0..=behind.len() {
        assert!(looks_like_client_hello(&behind[..cut]), "{cut}");
    }
    assert!(!looks_like_client_hello(&with(33)));
    assert!(!looks_like_client_hello(b"\x16\x03\x01\0\0\x01"));
    // Only those that follow each other count.
    let message = message(&[server_name("a.example")]);
    let pieces = message.chunks(1).map(record);
    let mixed: Vec<u8> = pieces
        .flat_map(|piece| [record(&[]), piece].concat())
        .collect();
    assert_eq!(found(&mixed).server_name, name("a.example"));
}

#[test]
fn a_hello_that_never_ends_is_told_for_what_it_says() {
    let padding = vec![extension(21, &[0; 60_000]), server_name("a.example")];
    let long = records(&message(&padding), 16_000);
    assert_eq!(found(&long).server_name, name("a.example"));
    let tiny = records(&message(&padding), 1);
    assert_eq!(client_hello(&tiny[..MAX_PREFIX - 1]), Outcome::NeedMore);
    assert_eq!(found(&tiny[..MAX_PREFIX]).server_name, None);
    let mut of_server = tiny;
    of_server[5] = SERVER_HELLO;
    assert_eq!(
        server_hello(&of_server[..MAX_PREFIX - 1]),
        Outcome::NeedMore
    );
    assert_eq!(server_hello(&of_server[..MAX_PREFIX]), Outcome::NotMine);
}

#[test]
fn a_name_in_front_of_64_kib_is_told() {
    let first = server_name("a.example");
    let padding = extension(21, &vec![0; usize::from(u16::MAX) - first.len() - 4]);
    let long = records(&message(&[first, padding]), 16_000);
    assert!(long.len() > MAX_PREFIX);
    assert_eq!(client_hello(&long[..MAX_PREFIX - 1]), Outcome::NeedMore);
    let early = client_hello_partial(&long[..200]).unwrap();
    assert_eq!(early.server_name, name("a.example"));
    for len in [MAX_PREFIX, long.len()] {
        assert_eq!(found(&long[..len]).server_name, name("a.example"));
    }
}

#[test]
fn no_malformed_extension_hides_the_name() {
    let kinds = (0..=65).chain([13172, 17513, 17613, 0xfe0d, 0xff01, 0xffce, 0x0a0a]);
    for kind in kinds {
        for content in [
            &[][..],
            &[0],
            &[0xff],
            &[0, 0],
            &[0xff; 3],
            &[0, 9, 0, 0, 200, 1],
        ] {
            let bad = extension(kind, content);
            let hello = message(&[bad.clone(), server_name("a.example"), bad]);
            let hello = found(&record(&hello));
            assert_eq!(hello.server_name, name("a.example"), "{kind} {content:?}");
        }
    }
}

#[test]
fn the_first_host_name_counts_however_it_is_wrapped() {
    let host =
        |content: &[u8]| found(&record(&message(&[extension(SERVER_NAME, content)]))).server_name;
    assert_eq!(host(&hex("0004 00 0001 61")), name("a"));
    // A list that says it is longer, shorter, empty.
    assert_eq!(host(&hex("ffff 00 0001 61")), name("a"));
    assert_eq!(host(&hex("0000 00 0001 61")), name("a"));
    // Another type of name first; an empty name first; two names.
    assert_eq!(host(&hex("0008 07 0001 62 00 0001 61")), name("a"));
    assert_eq!(host(&hex("0007 00 0000 00 0001 61")), name("a"));
    assert_eq!(host(&hex("0008 00 0001 61 00 0001 62")), name("a"));
    // Cut short, or none at all.
    assert_eq!(host(&hex("0004 00 0002 61")), None);
    assert_eq!(host(&hex("0004 00 00")), None);
    let twice = message(&[server_name("a"), server_name("b")]);
    assert_eq!(found(&record(&twice)).server_name, name("a"));
    // What is no host name stays as it is.
    for text in ["192.0.2.1", "2001:db8::1", "a.example:443", "_x y"] {
        let hello = message(&[server_name(text)]);
        assert_eq!(found(&record(&hello)).server_name, name(text));
    }
}

#[test]
fn a_length_that_overruns_the_hello_loses_no_name() {
    let mut hello = message(&[server_name("a.example")]);
    let at = hello.len() - server_name("a.example").len() - 2;
    hello[at] = 0xff;
    assert_eq!(found(&record(&hello)).server_name, name("a.example"));
}

#[test]
fn the_highest_version_counts() {
    let version = |list: &[u8]| {
        let content = [&[list.len() as u8], list].concat();
        found(&record(&message(&[extension(
            SUPPORTED_VERSIONS,
            &content,
        )])))
        .version
    };
    assert_eq!(version(&hex("caca 0303 0304 0302")), TLS13);
    assert_eq!(version(&hex("0303 7f17")), TlsVersion(0x7f17));
    assert_eq!(version(&hex("7f1c 0304")), TLS13);
    assert_eq!(version(&hex("0302 0301")), TlsVersion(0x0302));
    // Nothing known in it: the old field.
    assert_eq!(version(&hex("eaea fb17")), TLS12);
    assert_eq!(version(&[]), TLS12);
}

#[test]
fn application_protocols_are_bounded_and_fit_to_show() {
    let alpn = |list: &[&[u8]]| {
        let mut content = vec![0, 0];
        for protocol in list {
            content.push(protocol.len() as u8);
            content.extend(*protocol);
        }
        found(&record(&message(&[extension(ALPN, &content)]))).alpn
    };
    let shown = ["h3-Q050", "a\\027\\255"];
    let offered = alpn(&[b"\xea\xea", b"h3-Q050", b"", b"a\x1b\xff"]);
    assert_eq!(offered.iter().collect::<Vec<_>>(), shown);
    assert_eq!(alpn(&[&b"h2"[..]; 40]).iter().count(), MAX_ALPN);
}

#[test]
fn damaged_hellos_never_panic() {
    for text in [SMALL, CHROME, CURL] {
        each_mutation(&hex(text), 2000, |bytes| {
            let _ = client_hello(bytes);
            let _ = client_hello_partial(bytes);
            let _ = client_hello_message(bytes);
            let _ = server_hello(bytes);
        });
    }
    each_mutation(&hex(SERVER_TLS12), 2000, |bytes| {
        let _ = server_hello(bytes);
    });
}

#[test]
fn a_hello_is_found_behind_other_bytes() {
    let hello = hex(SMALL);
    for before in [&b"STARTTLS\r\n"[..], &[22; 40], b"\x16\x03\x01\x00\x42\x01"] {
        let bytes = [before, &hello].concat();
        // The front is not looked at, and bytes that only begin like a hello hide none.
        assert_eq!(find_client_hello(&bytes, before.len()), Some(before.len()));
        assert_eq!(find_client_hello(&bytes, before.len() - 1), None);
        for cut in 1..hello.len() {
            let found = find_client_hello(&bytes[..before.len() + cut], usize::MAX - 1);
            assert!(found.is_some_and(|at| at <= before.len()), "{cut}");
        }
    }
    assert_eq!(find_client_hello(&hello, 500), None);
    let server = [b"S", &hex(SERVER_TLS12)[..]].concat();
    assert_eq!(find_server_hello(&server, 1), Some(1));
    assert_eq!(find_client_hello(&server, 500), None);
}

proptest! {
    #[test]
    fn any_split_into_records_gives_the_same_answer(sizes in prop::collection::vec(1usize..600, 1..40), cut in 0usize..3000) {
        let bytes = hex(CHROME);
        let whole = found(&bytes);
        let mut rest = &bytes[5..];
        let mut split = Vec::new();
        for &size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (fragment, after) = rest.split_at(size.min(rest.len()));
            split.extend(record(fragment));
            rest = after;
        }
        prop_assert_eq!(found(&split), whole.clone());
        let prefix = &split[..cut.min(split.len() - 1)];
        prop_assert_eq!(client_hello(prefix), Outcome::NeedMore);
        let partial = client_hello_partial(prefix).and_then(|hello| hello.server_name);
        prop_assert!(partial.is_none() || partial == whole.server_name);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut hello = hex("16 0301 00c0 01 0000bc 0303");
        hello.extend(&bytes);
        let _ = client_hello(&hello);
        let _ = client_hello_partial(&hello);
        let _ = client_hello_partial(&bytes);
        hello[5] = SERVER_HELLO;
        let _ = server_hello(&hello);
    }
}
