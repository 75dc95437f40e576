//! QUIC as the standards print it, as real clients speak it, and as nobody should.

mod cutting;
mod versions;

use proptest::prelude::*;

use super::header::packets;
use super::protection::sealing::seal;
use super::version::Dialect;
use super::*;
use crate::inspect::testing::{each_mutation, hex};

const CHROMIUM: &str = include_str!("flights/chromium.hex");
const DOQ: &str = include_str!("flights/doq.hex");
const GNUTLS: &str = include_str!("flights/gnutls.hex");
const QUINN: &str = include_str!("flights/quinn.hex");
const RETRY: &str = include_str!("flights/retry.hex");
const V2: &str = include_str!("flights/v2.hex");

/// Content of the packet in RFC 9001 §A.2 and RFC 9369 §A.2, up to the padding: one CRYPTO frame with a hello to example.com.
const RFC_FRAMES: &str = "
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
    0d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
    75300901100f088394c8f03e51570806048000ffff";
const RFC_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

const ID: [u8; 8] = *b"first id";
const TLS13: TlsVersion = TlsVersion(0x0304);

/// The datagrams in a file: hex, empty lines between them.
fn datagrams(text: &str) -> Vec<Vec<u8>> {
    text.split("\n\n").map(hex).collect()
}

fn suite(version: QuicVersion) -> &'static version::Suite {
    match version.dialect() {
        Some(Dialect::Sealed(suite)) => suite,
        other => panic!("{version}: {other:?}"),
    }
}

fn keys(version: QuicVersion, id: &[u8]) -> Keys {
    Keys::of_client(suite(version), id).unwrap()
}

fn frame_number(number: usize) -> [u8; 4] {
    (number as u32 | 2 << 30).to_be_bytes()
}

fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [
        &[6],
        &frame_number(offset)[..],
        &frame_number(bytes.len()),
        bytes,
    ]
    .concat()
}

/// What an Initial packet is made of.
struct Plan<'a> {
    version: QuicVersion,
    /// The connection ID that the keys follow from, and the one that the header shows.
    id: &'a [u8],
    destination: &'a [u8],
    token: &'a [u8],
    number: &'a [u8],
}

const PLAN: Plan<'static> = Plan {
    version: QuicVersion::V1,
    id: &ID,
    destination: &ID,
    token: &[],
    number: &[0],
};

impl Plan<'_> {
    fn packet(&self, frames: &[u8]) -> Vec<u8> {
        let mut frames = frames.to_vec();
        frames.resize(frames.len().max(4), 0);
        let kind = suite(self.version).initial_type << 4;
        let mut header = vec![0xc0 | kind | (self.number.len() - 1) as u8];
        header.extend(self.version.0.to_be_bytes());
        for id in [self.destination, b"src"] {
            header.push(id.len() as u8);
            header.extend(id);
        }
        header.extend(frame_number(self.token.len()));
        header.extend(self.token);
        header.extend(frame_number(self.number.len() + frames.len() + 16));
        header.extend(self.number);
        seal(&keys(self.version, self.id), &header, &frames)
    }
}

/// A ClientHello message to `host`, with so many bytes of padding before its name.
fn hello(host: &str, padding: usize) -> Vec<u8> {
    let len = host.len() as u16;
    let mut extensions = [
        &[0, 21],
        &(padding as u16).to_be_bytes()[..],
        &vec![0; padding],
    ]
    .concat();
    extensions.extend([0, 0]);
    for len in [len + 5, len + 3] {
        extensions.extend(len.to_be_bytes());
    }
    extensions.push(0);
    extensions.extend(len.to_be_bytes());
    extensions.extend(host.as_bytes());
    let mut body = hex("0303");
    body.extend((0..32).map(|i| i * 7));
    body.extend(hex("00 0002 1301 01 00"));
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    [&(body.len() as u32 | 1 << 24).to_be_bytes()[..], &body].concat()
}

fn name(text: &str) -> Option<DomainName> {
    DomainName::from_bytes(text.as_bytes())
}

fn host(outcome: Outcome<QuicHello>) -> Option<String> {
    match outcome {
        Outcome::Found(hello) => Some(hello.server_name.unwrap().to_string()),
        _ => None,
    }
}

#[test]
fn hellos_of_real_clients_are_read() {
    for (text, needed, version, host, alpn, has_ech) in [
        (CHROMIUM, 2, QuicVersion::V1, "www.youtube.com", "h3", true),
        (
            QUINN,
            2,
            QuicVersion::V1,
            "web.whatsapp.com",
            "hq-29",
            false,
        ),
        (GNUTLS, 1, QuicVersion::V1, "localhost", "h3", false),
        (DOQ, 1, QuicVersion::V1, "dns.example.org", "doq", false),
        (V2, 1, QuicVersion::V2, "example.org", "h3", false),
    ] {
        let mut initials = Initials::default();
        for (i, datagram) in datagrams(text).iter().enumerate() {
            assert!(looks_like_quic(datagram));
            let outcome = initials.datagram(datagram);
            if i + 1 != needed {
                assert_eq!(outcome, Outcome::NeedMore, "{host} {i}");
                continue;
            }
            let tls_version = Some(TLS13);
            let server_name = name(host);
            let alpn = [alpn.as_bytes()].into_iter().collect();
            let hello = QuicHello {
                version,
                server_name,
                alpn,
                tls_version,
                has_ech,
                fingerprints: None,
            };
            assert_eq!(outcome, Outcome::Found(hello));
            assert_eq!(initials.held_bytes(), 0);
            assert_eq!(initials.partial(), None);
        }
    }
}

#[test]
fn the_order_of_datagrams_does_not_matter() {
    for text in [CHROMIUM, QUINN] {
        let datagrams = datagrams(text);
        let mut initials = Initials::default();
        assert_eq!(initials.datagram(&datagrams[1]), Outcome::NeedMore);
        assert_eq!(initials.datagram(&datagrams[1]), Outcome::NeedMore);
        assert!(initials.held_bytes() > 0);
        assert!(host(initials.datagram(&datagrams[0])).is_some());
    }
}

#[test]
fn a_hello_after_a_retry_is_read_with_new_keys() {
    let datagrams = datagrams(RETRY);
    let mut initials = Initials::default();
    assert_eq!(
        host(initials.datagram(&datagrams[0])).unwrap(),
        "discord.com"
    );
    assert_eq!(initials.datagram(&datagrams[1]), Outcome::NeedMore);
    assert_eq!(
        host(initials.datagram(&datagrams[2])).unwrap(),
        "discord.com"
    );
    // The first packet was lost: its keys were not the client's for long.
    let mut initials = Initials::default();
    assert_eq!(initials.datagram(&datagrams[1]), Outcome::NeedMore);
    assert_eq!(
        host(initials.datagram(&datagrams[2])).unwrap(),
        "discord.com"
    );
}

#[test]
fn a_server_alone_is_quic_without_a_name() {
    let server = &datagrams(V2)[1];
    let mut initials = Initials::default();
    for _ in 0..MAX_ATTEMPTS {
        assert_eq!(initials.datagram(server), Outcome::NeedMore);
    }
    assert_eq!(initials.datagram(server), Outcome::NotMine);
    // Chromium has no connection ID: nothing to make keys from, and so nothing to try.
    let server = &datagrams(CHROMIUM)[2];
    let mut initials = Initials::default();
    assert_eq!(initials.datagram(server), Outcome::NeedMore);
    assert_eq!(initials.attempts, 0);
}

#[test]
fn later_packets_have_the_keys_of_the_first() {
    let hello = hello("a.example", 0);
    let (front, back) = hello.split_at(50);
    let server = Plan {
        destination: b"srv",
        ..PLAN
    };
    let mut initials = Initials::default();
    assert_eq!(
        initials.datagram(&PLAN.packet(&crypto(0, front))),
        Outcome::NeedMore
    );
    let last = server.packet(&crypto(50, back));
    assert_eq!(host(initials.datagram(&last)).unwrap(), "a.example");
    // The server's own packets are not even tried.
    let server = Plan {
        destination: b"src",
        ..PLAN
    };
    let attempts = initials.attempts;
    assert_eq!(
        initials.datagram(&server.packet(&crypto(0, &hello))),
        Outcome::NeedMore
    );
    assert_eq!(initials.attempts, attempts);
    // Without the first one, nothing opens it.
    assert_eq!(Initials::default().datagram(&last), Outcome::NeedMore);
}

#[test]
fn keys_that_opened_nothing_are_kept_for_the_next_packet() {
    let packet = PLAN.packet(&crypto(0, &hello("a.example", 0)));
    let mut damaged = packet.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut initials = Initials::default();
    assert_eq!(initials.datagram(&damaged), Outcome::NeedMore);
    let tried = initials.tried.as_ref().unwrap();
    assert_eq!((&*tried.id, tried.version), (&ID[..], QuicVersion::V1));
    assert_eq!(tried.keys, keys(QuicVersion::V1, &ID));
    // Another version's are others.
    let v2 = Plan {
        version: QuicVersion::V2,
        ..PLAN
    };
    let v2 = v2.packet(&crypto(0, &hello("b.example", 0)));
    assert_eq!(host(initials.datagram(&v2)).unwrap(), "b.example");
    assert_eq!(initials.datagram(&damaged), Outcome::NeedMore);
    assert_eq!(host(initials.datagram(&packet)).unwrap(), "a.example");
    assert!(initials.tried.is_none());
}

#[test]
fn what_no_keys_can_open_costs_none() {
    // A header, and less behind it than is needed for a mask.
    let short =
        hex("c0 00000001 08 6669727374206964 00 00 4013 00000000 00000000000000000000000000 0000");
    let mut initials = Initials::default();
    assert_eq!(initials.datagram(&short), Outcome::NeedMore);
    assert_eq!((initials.attempts, initials.tried.is_none()), (0, true));
}

#[test]
fn padding_of_any_length_is_passed_over() {
    let hello = hello("a.example", 0);
    for padding in 0..40 {
        let frames = [&vec![0; padding], &crypto(0, &hello)[..], &[0; 100]].concat();
        let outcome = Initials::default().datagram(&PLAN.packet(&frames));
        assert_eq!(host(outcome).unwrap(), "a.example", "{padding}");
    }
}

#[test]
fn each_connection_of_a_flow_is_told_once() {
    let first = PLAN.packet(&crypto(0, &hello("a.example", 0)));
    let second = Plan {
        id: b"other id",
        destination: b"other id",
        ..PLAN
    };
    let second = second.packet(&crypto(0, &hello("b.example", 0)));
    let mut initials = Initials::default();
    assert_eq!(host(initials.datagram(&first)).unwrap(), "a.example");
    assert_eq!(initials.datagram(&first), Outcome::NeedMore);
    assert_eq!(host(initials.datagram(&second)).unwrap(), "b.example");
    assert_eq!(initials.datagram(&second), Outcome::NeedMore);
    // Packets with a short header.
    assert_eq!(initials.datagram(&[0x41; 100]), Outcome::NeedMore);
}

#[test]
fn packets_that_share_a_datagram_are_all_read() {
    let hello = hello("a.example", 0);
    let (front, back) = hello.split_at(50);
    // 0-RTT and Handshake, 3 bytes each; then zeros, as some pad a datagram.
    let zero_rtt = hex("d0 00000001 08 6669727374206964 00 03 aabbcc");
    let handshake = hex("e0 00000001 08 6669727374206964 00 03 aabbcc");
    let tokened = Plan {
        token: b"token",
        number: &[0, 0, 1, 0],
        ..PLAN
    };
    let datagram = [
        zero_rtt.clone(),
        PLAN.packet(&crypto(50, back)),
        handshake,
        tokened.packet(&crypto(0, front)),
        vec![0; 100],
    ]
    .concat();
    assert_eq!(
        host(Initials::default().datagram(&datagram)).unwrap(),
        "a.example"
    );
    assert_eq!(packets(&datagram).count(), 4);
    // There is a bound.
    let datagram = [zero_rtt.repeat(8), PLAN.packet(&crypto(0, &hello))].concat();
    assert_eq!(Initials::default().datagram(&datagram), Outcome::NeedMore);
}

#[test]
fn frames_of_other_types_are_passed_over() {
    let hello = hello("a.example", 0);
    for before in [
        "00 00 01",                  // PADDING, PING
        "4001 80000001",             // PING, written longer than needed
        "02 05 4010 01 00 03 02",    // ACK with one more range
        "03 05 10 00 00 01 4002 03", // ACK with ECN counts
        "1c 0a 06 03 627965",        // CONNECTION_CLOSE: 'bye'
        "1d 0a 00",                  // the same of an application
    ] {
        let packet = PLAN.packet(&[hex(before), crypto(0, &hello)].concat());
        assert_eq!(
            host(Initials::default().datagram(&packet)).unwrap(),
            "a.example",
            "{before}"
        );
    }
    // What must not stand there ends the packet: STREAM; an ACK that goes on for ever; a frame that overruns.
    for before in ["08 00 01 61", "02 00 00 ffffffffffffffff 00", "06 00 7fff"] {
        let packet = PLAN.packet(&[hex(before), crypto(0, &hello)].concat());
        assert_eq!(
            Initials::default().datagram(&packet),
            Outcome::NeedMore,
            "{before}"
        );
    }
}

#[test]
fn a_name_in_an_unfinished_hello_is_told_by_its_front() {
    let hello = hello("a.example", 40);
    let cut = hello.len() - 1;
    let mut initials = Initials::default();
    assert_eq!(initials.partial(), None);
    initials.datagram(&PLAN.packet(&crypto(30, &hello[30..])));
    assert_eq!(initials.partial(), None);
    let mut initials = Initials::default();
    initials.datagram(&PLAN.packet(&crypto(0, &hello[..cut])));
    assert_eq!(initials.partial().unwrap().server_name, None);
    // One that says it is longer than it is.
    let mut longer = hello.clone();
    longer[3] += 1;
    let mut initials = Initials::default();
    initials.datagram(&PLAN.packet(&crypto(0, &longer)));
    assert_eq!(initials.partial().unwrap().server_name, name("a.example"));
}

#[test]
fn a_hello_past_the_bounds_is_given_up() {
    let after = Plan {
        id: b"other id",
        destination: b"other id",
        ..PLAN
    };
    let after = after.packet(&crypto(0, &hello("b.example", 0)));
    let long = hello("a.example", MAX_CRYPTO);
    let whole: Vec<_> = long
        .chunks(1000)
        .zip(0..)
        .map(|(piece, i)| PLAN.packet(&crypto(i * 1000, piece)))
        .collect();
    let scattered: Vec<u8> = (1..100).flat_map(|at| crypto(2 * at, b"a")).collect();
    for datagrams in [
        whole,
        vec![PLAN.packet(&scattered)],
        vec![PLAN.packet(&crypto(0, b"\x02"))],
    ] {
        let mut initials = Initials::default();
        for datagram in &datagrams {
            assert_eq!(initials.datagram(datagram), Outcome::NeedMore);
            assert!(initials.held_bytes() < 2 * MAX_CRYPTO);
        }
        // And nothing is held; and the next connection is read.
        assert_eq!(initials.held_bytes(), 0);
        assert_eq!(host(initials.datagram(&after)).unwrap(), "b.example");
    }
}

#[test]
fn other_protocols_are_turned_away_at_once() {
    let known = "80 00000000 08 0102030405060708 00 0a0a0a0a 00000001";
    let unknown = "80 00000000 08 0102030405060708 00 12345678 9abcdef0";
    assert!(looks_like_quic(&hex(known)));
    for text in [
        "",
        "c0",
        "c0 00000001",
        unknown,
        "80 00 0000 01 0000 00 00000000 aabbcc",       // RTP
        "16 feff 0000 000000000000 0050 01",           // DTLS
        "0001 0000 2112a442 000000000000000000000000", // STUN
        "1234 0100 0001 0000 0000 0000 07 6578616d706c65", // DNS
        "c0 00000001 15 000000000000000000000000000000000000000000 00 00 04 00000000", // a connection ID of 21 bytes
        "c0 00000003 08 0102030405060708 00 00 04 00000000", // an unknown version
        "80 00000001 08 0102030405060708 00 00 04 00000000", // the fixed bit is clear, without a token
        "09 0102030405060708 48545450 01 00000000",          // 'HTTP'
    ] {
        let mut bytes = hex(text);
        assert!(!looks_like_quic(&bytes), "{text}");
        assert_eq!(
            Initials::default().datagram(&bytes),
            Outcome::NotMine,
            "{text}"
        );
        bytes.resize(1200, 0);
        let _ = Initials::default().datagram(&bytes);
    }
    for byte in 0..=255 {
        assert!(!looks_like_quic(&[byte; 1200]), "{byte}");
    }
}

#[test]
fn every_prefix_is_quic_without_a_name() {
    for text in [GNUTLS, V2, DOQ] {
        let datagram = &datagrams(text)[0];
        // aioquic pads the datagram behind the packet.
        let Some(Packet::Initial(packet)) = packets(datagram).next() else {
            panic!("{text}")
        };
        let mut initials = Initials::default();
        for cut in 0..packet.bytes.len() {
            let prefix = &datagram[..cut];
            let is_quic = looks_like_quic(prefix);
            assert!(is_quic || cut < packet.number_at, "{cut}");
            let expected = if is_quic {
                Outcome::NeedMore
            } else {
                Outcome::NotMine
            };
            assert_eq!(initials.datagram(prefix), expected, "{cut}");
        }
        // What is cut was never tried.
        assert_eq!(initials.attempts, 0);
        assert!(host(initials.datagram(packet.bytes)).is_some());
    }
}

#[test]
fn damaged_datagrams_never_panic_nor_name_another_host() {
    for text in [GNUTLS, V2] {
        let datagram = &datagrams(text)[0];
        let whole = Initials::default().datagram(datagram);
        each_mutation(datagram, 500, |bytes| {
            let outcome = Initials::default().datagram(bytes);
            assert!(outcome == whole || !matches!(outcome, Outcome::Found(_)));
        });
    }
    // And damage inside the seal.
    each_mutation(&hex(RFC_FRAMES), 1000, |frames| {
        let mut initials = Initials::default();
        let _ = initials.datagram(&PLAN.packet(frames));
        let _ = initials.partial();
    });
}

#[test]
fn an_unused_one_is_small() {
    assert!(size_of::<Initials>() <= 160, "{}", size_of::<Initials>());
}
