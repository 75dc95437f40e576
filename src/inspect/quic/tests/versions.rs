//! The standards' own examples, and every version that carries a hello.

use super::*;

#[test]
fn keys_are_those_of_the_standards() {
    // RFC 9001 §A.1, RFC 9369 §A.1.
    for (version, key, iv, header) in [
        (
            QuicVersion::V1,
            "1f369613dd76d5467730efcbe3b1a22d",
            "fa044b2f42a3fd3b46fb255c",
            "9f50449e04a0e810283a1e9933adedd2",
        ),
        (
            QuicVersion::V2,
            "8b1a0bc121284290a29e0971b5cd045d",
            "91f73e2351d8fa91660e909f",
            "45b95e15235d6f45a6b19cbcb0294ba9",
        ),
    ] {
        let keys = keys(version, &RFC_ID);
        assert_eq!(keys.key, *hex(key));
        assert_eq!(keys.iv, *hex(iv));
        assert_eq!(keys.header, *hex(header));
    }
}

#[test]
fn packets_of_the_standards_are_opened() {
    let mut frames = hex(RFC_FRAMES);
    frames.resize(1162, 0);
    // RFC 9001 §A.2, RFC 9369 §A.2: the header, what comes out of it, and the last bytes, which vouch for all of the packet.
    for (version, header, sealed_front, sealed_end) in [
        (
            QuicVersion::V1,
            "c300000001088394c8f03e5157080000449e00000002",
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            QuicVersion::V2,
            "d36b3343cf088394c8f03e5157080000449e00000002",
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ] {
        let datagram = seal(&keys(version, &RFC_ID), &hex(header), &frames);
        assert_eq!(datagram.len(), 1200);
        assert!(datagram.starts_with(&hex(sealed_front)) && datagram.ends_with(&hex(sealed_end)));
        let Some(Packet::Initial(packet)) = packets(&datagram).next() else {
            panic!("{version}")
        };
        assert_eq!(keys(version, &RFC_ID).open(&packet).unwrap(), frames);
        let expected = QuicHello {
            version,
            server_name: name("example.com"),
            alpn: [&b"alpn"[..]].into_iter().collect(),
            tls_version: Some(TLS13),
            has_ech: false,
            fingerprints: None,
        };
        assert_eq!(
            Initials::default().datagram(&datagram),
            Outcome::Found(expected)
        );
    }
}

#[test]
fn every_version_is_read() {
    let plain = hello("a.example", 0);
    let drafts = (22..=34).map(|draft| 0xff00_0000 | draft);
    let others = [
        0x709a_50c4,
        0xface_b001,
        0xface_b002,
        0xface_b00e,
        0xbaba_baba,
    ];
    for version in drafts.chain(others).map(QuicVersion) {
        let packet = Plan { version, ..PLAN }.packet(&crypto(0, &plain));
        assert_eq!(
            host(Initials::default().datagram(&packet)).unwrap(),
            "a.example",
            "{version}"
        );
    }
    // Google's: another frame type.
    for version in [0x5430_3530, 0x5430_3531].map(QuicVersion) {
        let mut frames = [&[0, 0, 7][..], &crypto(0, &plain)].concat();
        frames[3] = 8;
        let packet = Plan { version, ..PLAN }.packet(&frames);
        assert_eq!(
            host(Initials::default().datagram(&packet)).unwrap(),
            "a.example",
            "{version}"
        );
    }
}

#[test]
fn a_hello_that_is_sure_to_be_refused_leaves_the_fingerprints_to_the_next() {
    let plain = hello("a.example", 0);
    let mut initials = Initials::begin(true);
    for (version, has_fingerprints) in [(0xbaba_baba, false), (1, true)] {
        let version = QuicVersion(version);
        let packet = Plan { version, ..PLAN }.packet(&crypto(0, &plain));
        let Outcome::Found(hello) = initials.datagram(&packet) else {
            panic!("{version}")
        };
        assert_eq!(hello.fingerprints.is_some(), has_fingerprints, "{version}");
    }
}

/// A CHLO: 2 values.
const CHLO: &str =
    "43484c4f 0200 0000  50414400 04000000  534e4900 0d000000  2d2d2d2d 612e6578616d706c65";

#[test]
fn hellos_of_googles_versions_are_read() {
    let public = [
        &hex("0d 0102030405060708 51303433 01  000000000000000000000000  a0 01 1400")[..],
        &hex(CHLO),
    ]
    .concat();
    let long = [
        &hex("c3 51303436 50 0102030405060708 00000001 000000000000000000000000 a0 01 0014")[..],
        &hex(CHLO),
    ]
    .concat();
    let sealed = Plan {
        version: QuicVersion(0x5130_3530),
        ..PLAN
    };
    let sealed = sealed.packet(&[&hex("08 00 4014")[..], &hex(CHLO), &[0; 900]].concat());
    for (datagram, version) in [(public, "Q043"), (long, "Q046"), (sealed, "Q050")] {
        assert!(looks_like_quic(&datagram));
        let mut initials = Initials::default();
        let Outcome::Found(hello) = initials.datagram(&datagram) else {
            panic!("{version}")
        };
        assert_eq!(hello.version.to_string(), version);
        assert_eq!(
            (hello.server_name, hello.tls_version),
            (name("a.example"), None)
        );
        assert_eq!(initials.datagram(&datagram), Outcome::NeedMore);
        for cut in 0..datagram.len() {
            assert_eq!(
                host(Initials::default().datagram(&datagram[..cut])),
                None,
                "{cut}"
            );
        }
    }
}
