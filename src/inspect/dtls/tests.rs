use proptest::prelude::*;

use super::*;
use crate::alpn::Alpn;
use crate::evidence::TlsVersion;
use crate::inspect::testing::{each_mutation, hex};

const CLIENT: &str = include_str!("flights/client.hex");
const SERVER: &str = include_str!("flights/server.hex");

const DTLS10: TlsVersion = TlsVersion(0xfeff);
const DTLS12: TlsVersion = TlsVersion(0xfefd);
const DTLS13: TlsVersion = TlsVersion(0xfefc);

/// The smallest hello that has a name, of DTLS 1.3.
const SMALL: &str = "
    16 fefd 0000 000000000000 005a # record: handshake, version 1.2, epoch 0, number 0, 90 bytes
    01 00004e 0000 000000 00004e   # ClientHello, 78 bytes, message 0, all of it
    fefd                           # legacy_version: DTLS 1.2
    0000000000000000000000000000000000000000000000000000000000000000 # random
    00 02 abcd                     # no session, a cookie
    0002 1301                      # TLS_AES_128_GCM_SHA256
    01 00                          # no compression
    0020                           # extensions, 32 bytes
    002b 0005 04 fefc fefd         # supported_versions: 1.3, 1.2
    fe0d 0000                      # encrypted_client_hello
    0000 000f                      # server_name, 15 bytes
    000d 00 000a 412e4578616d706c652e # list of 13 bytes, host_name, 10 bytes: 'A.Example.'
";

/// The datagrams of a flight: blank lines stand between them.
fn datagrams(text: &str) -> Vec<Vec<u8>> {
    let all = text.split("\n\n").map(hex);
    all.filter(|datagram| !datagram.is_empty()).collect()
}

fn name(text: &str) -> DomainName {
    DomainName::from_bytes(text.as_bytes()).unwrap()
}

/// What is told of these datagrams.
fn told(datagrams: &[Vec<u8>]) -> Vec<Message> {
    let mut handshake = Handshake::default();
    let all = datagrams.iter().flat_map(|d| handshake.datagram(d));
    all.collect()
}

/// A record of one fragment of `message`, which is a body without header.
fn record(number: u16, message: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let three = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    let fragment = [
        &[CLIENT_HELLO][..],
        &three(message.len()),
        &number.to_be_bytes(),
        &three(range.start),
        &three(range.len()),
        &message[range],
    ]
    .concat();
    [
        &hex("16 feff 0000 000000000000")[..],
        &(fragment.len() as u16).to_be_bytes(),
        &fragment,
    ]
    .concat()
}

/// The body of the smallest hello, and what it says.
fn small() -> (Vec<u8>, ClientHello) {
    let hello = ClientHello {
        server_name: Some(name("a.example")),
        alpn: Alpn::NONE,
        version: DTLS13,
        has_ech: true,
    };
    (hex(SMALL)[25..].to_vec(), hello)
}

#[test]
fn the_smallest_hello_is_read() {
    let bytes = hex(SMALL);
    assert!(looks_like_dtls(&bytes));
    assert_eq!(told(&[bytes]), [Message::ClientHello(small().1, None)]);
}

#[test]
fn a_real_client_asks_twice_because_of_the_cookie() {
    let datagrams = datagrams(CLIENT);
    assert_eq!(datagrams.len(), 4);
    let hello = ClientHello {
        server_name: Some(name("named.example.org")),
        alpn: [&b"coap"[..], b"h2"].into_iter().collect(),
        version: DTLS12,
        has_ech: false,
    };
    // The name stands in the first of two fragments each time.
    assert_eq!(
        told(&datagrams),
        [
            Message::Named(name("named.example.org")),
            Message::ClientHello(hello.clone(), None),
            Message::Named(name("named.example.org")),
            Message::ClientHello(hello, None),
        ]
    );
}

#[test]
fn a_real_server_is_read_as_far_as_it_speaks_in_the_clear() {
    let datagrams = datagrams(SERVER);
    assert!(datagrams.iter().all(|datagram| looks_like_dtls(datagram)));
    let told = told(&datagrams);
    let chosen = ServerHello {
        version: DTLS12,
        alpn: None,
    };
    assert_eq!(told[0], Message::ServerHello(chosen));
    let Some(Message::Certificate(names)) = told.last() else {
        panic!("{told:?}")
    };
    let names: Vec<&str> = names.iter().map(DomainName::as_str).collect();
    assert_eq!(
        names,
        [
            "dtls.example.org",
            "*.dtls.example.org",
            "alt.example.org",
            "192.0.2.7",
            "2001:db8::7"
        ]
    );
    let mut handshake = Handshake::default();
    for datagram in &datagrams {
        handshake.datagram(datagram);
    }
    assert_eq!(handshake.held_bytes(), 0);
}

#[test]
fn records_behind_the_handshake_are_known_by_their_length() {
    let data = hex("17 fefd 0001 000000000001 0003 aabbcc");
    assert!(looks_like_dtls(&data));
    assert!(looks_like_dtls(&data.repeat(2)));
    assert!(!looks_like_dtls(&data[..15]));
    assert!(!looks_like_dtls(&[&data[..], b"?"].concat()));
    assert_eq!(told(&[data]), []);
    // The Finished is encrypted: what it seems to say is not read.
    let mut encrypted = hex(SMALL);
    encrypted[4] = 1;
    assert_eq!(told(&[encrypted]), []);
}

#[test]
fn other_protocols_are_turned_away_at_once() {
    for text in [
        "",
        "16 fefd 0000 000000000000",
        "16 0301 0042 01 00003e 0303", // TLS
        "16 fefe 0000 000000000000 000c 01000000 0000 000000000000", // no such version
        "16 fefd 0000 000000000000 000c 63000000 0000 000000000000", // no such message
        "16 fefd 0000 000000000000 000c 01000001 0000 000001000001", // past the message's end
        "16 fefd 0000 000000000000 0000", // an empty record
        "c0 00000001 08 0001020304050607 00 00", // QUIC
        "80 60 0001 00000000 00000000 00000000 00000000", // RTP
    ] {
        let bytes = hex(text);
        assert!(!looks_like_dtls(&bytes), "{text}");
        assert_eq!(told(&[bytes]), [], "{text}");
    }
}

#[test]
fn every_prefix_shows_no_wrong_name() {
    let bytes = hex(SMALL);
    for cut in 0..bytes.len() {
        let told = told(&[bytes[..cut].to_vec()]);
        assert_eq!(told, [], "{cut}");
    }
    let server = datagrams(SERVER);
    let names = match told(&server).pop() {
        Some(Message::Certificate(names)) => names,
        other => panic!("{other:?}"),
    };
    for cut in 0..server[3].len() {
        let flight = [&server[..3], &[server[3][..cut].to_vec()]].concat();
        for message in told(&flight) {
            if let Message::Certificate(part) = message {
                assert!(part.iter().all(|name| names.contains(name)), "{cut}");
            }
        }
    }
}

#[test]
fn a_datagram_that_the_capture_cut_shows_the_name_before_the_cut() {
    let first = &datagrams(CLIENT)[0];
    assert_eq!(
        told(&[first[..200].to_vec()]),
        [Message::Named(name("named.example.org"))]
    );
}

#[test]
fn fragments_of_two_messages_do_not_mix() {
    let (body, hello) = small();
    let len = body.len();
    let flight = [
        record(0, &body, 0..30),
        record(1, &body, 30..len),
        record(1, &vec![0; len + 1], 0..30),
        record(0, &body, 30..len),
    ];
    assert_eq!(told(&flight), [Message::ClientHello(hello, None)]);
}

#[test]
fn two_messages_of_the_same_number_and_length_do_not_mix() {
    let (body, hello) = small();
    let mut other = body.clone();
    // The random field, and the name's first bytes.
    other[2..34].fill(7);
    let at = body.len() - 10;
    other[at..at + 3].copy_from_slice(b"bbb");
    let len = body.len();
    for cut in 35..len {
        let before = record(0, &other, 0..cut);
        let pieces = [record(0, &body, 0..30), record(0, &body, 30..len)];
        let told = told(&[&[before][..], &pieces].concat());
        assert_eq!(
            told.last(),
            Some(&Message::ClientHello(hello.clone(), None)),
            "{cut}"
        );
        for message in told {
            let Message::ClientHello(told, _) = message else {
                continue;
            };
            assert_eq!(told, hello, "{cut}");
        }
    }
}

#[test]
fn a_fragment_far_behind_takes_no_more_than_its_bytes() {
    let mut handshake = Handshake::default();
    let message = vec![0; MAX_MESSAGE];
    for number in 0..100 {
        handshake.datagram(&record(number, &message, MAX_MESSAGE - 1..MAX_MESSAGE));
        assert!(handshake.held_bytes() < MAX_UNFINISHED * 256);
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut handshake = Handshake::default();
    let message = vec![0; 100_000];
    for number in 0..500 {
        for at in (0..message.len()).step_by(16_000) {
            handshake.datagram(&record(number, &message, at..at + 1));
            handshake.datagram(&record(
                number,
                &message,
                at + 1..(at + 9000).min(message.len()),
            ));
            assert!(handshake.held_bytes() <= MAX_UNFINISHED * (2 * MAX_MESSAGE + 4096));
        }
    }
    // More stretches than are kept: given up.
    let mut handshake = Handshake::default();
    for at in 1..200 {
        handshake.datagram(&record(0, &message, 2 * at..2 * at + 1));
    }
    assert!(handshake.held_bytes() < 4096);
}

#[test]
fn damaged_flights_never_panic() {
    for datagram in [datagrams(CLIENT), datagrams(SERVER), vec![hex(SMALL)]].concat() {
        let mut handshake = Handshake::default();
        each_mutation(&datagram, 500, |bytes| {
            let _ = looks_like_dtls(bytes);
            let _ = handshake.datagram(bytes);
        });
    }
}

proptest! {
    #[test]
    fn any_fragmentation_order_and_repetition_gives_the_same_hello(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        overlap in 0usize..9,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        together in any::<bool>(),
        version in prop::sample::select(vec![DTLS10, DTLS12]),
    ) {
        let (body, hello) = small();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).chain([0, body.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let pieces: Vec<Vec<u8>> = cuts.windows(2).map(|pair| {
            let mut piece = record(3, &body, pair[0]..(pair[1] + overlap).min(body.len()));
            piece[1..3].copy_from_slice(&version.0.to_be_bytes());
            piece
        }).collect();
        let mut flight: Vec<Vec<u8>> = order.iter().map(|i| pieces[i.index(pieces.len())].clone()).collect();
        flight.extend(pieces.into_iter().rev());
        if together {
            flight = vec![flight.concat()];
        }
        let told = told(&flight);
        prop_assert!(told.contains(&Message::ClientHello(hello, None)));
        for message in told {
            match message {
                Message::ClientHello(hello, _) => prop_assert_eq!(hello.server_name, Some(name("a.example"))),
                Message::Named(found) => prop_assert_eq!(found, name("a.example")),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut datagram = hex("16 fefd 0000 000000000000 0060 01 000054 0000 000000 000054 fefd");
        datagram.extend(&bytes);
        let _ = told(&[datagram, bytes]);
    }
}
