//! The names in a server's certificate, real, odd, cut and damaged.

use super::*;

/// A value of DER: a tag, a length, a content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    [&[tag, 0x82][..], &len.to_be_bytes(), content].concat()
}

/// A certificate with this subject and these extensions, and nothing true in it besides.
fn certificate_of(subject: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let tbs = [
        der(0xa0, &[2, 1, 2]),
        // A serial number below zero, which RFC 5280 forbids.
        der(2, &[0xff, 1]),
        der(0x30, b""),
        der(0x30, &common_name(12, b"An Issuer")),
        der(0x30, b"no dates"),
        der(0x30, subject),
        der(0x30, b""),
        der(0xa3, &der(0x30, &extensions.concat())),
    ];
    der(0x30, &[der(0x30, &tbs.concat()), der(0x30, b"")].concat())
}

fn common_name(string_type: u8, text: &[u8]) -> Vec<u8> {
    let attribute = [&hex("0603 550403")[..], &der(string_type, text)].concat();
    der(0x31, &der(0x30, &attribute))
}

fn alternative_names(list: &[(u8, &[u8])]) -> Vec<u8> {
    let list: Vec<u8> = list
        .iter()
        .flat_map(|(kind, value)| der(0x80 | kind, value))
        .collect();
    let value = der(4, &der(0x30, &list));
    der(0x30, &[&hex("0603 551d11 0101ff")[..], &value].concat())
}

/// A server's flight with this certificate, in one record.
fn flight(certificate: &[u8]) -> Vec<u8> {
    let three = |len: usize| (len as u32).to_be_bytes()[1..].to_vec();
    let list = [three(certificate.len()), certificate.to_vec()].concat();
    let body = [three(list.len()), list].concat();
    let message = [&[CERTIFICATE][..], &three(body.len()), &body].concat();
    let hello = &hex(SERVER_TLS12)[5..];
    record(&[hello, &message, &hex("0e000000")].concat())
}

fn certified(prefix: &[u8]) -> Vec<String> {
    match certificate_names(prefix) {
        Outcome::Found(names) => names.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_names_of_a_real_certificate_are_read() {
    let names = certified(&hex(SERVER_FLIGHT_TLS12));
    assert_eq!(names.len(), 9);
    assert_eq!(names[0], "www.youtube.com");
    // In a session that is resumed, and in TLS 1.3, something else follows the hello.
    for text in [SERVER_TLS12, SERVER_TLS13] {
        let hello = hex(text);
        assert_eq!(certificate_names(&hello), Outcome::NeedMore);
        let resumed = [&hello[..], &hex("14 0303 0001 01")].concat();
        assert_eq!(certificate_names(&resumed), Outcome::NotMine);
    }
    let anonymous = record(&[&hex(SERVER_TLS12)[5..], &hex("0c000000")].concat());
    assert_eq!(certificate_names(&anonymous), Outcome::NotMine);
}

#[test]
fn names_that_stand_alone_are_those_of_a_certificate_without_more() {
    let common = common_name(12, b"host.example");
    let country = der(
        0x31,
        &der(0x30, &[&hex("0603 550406")[..], &der(19, b"AT")].concat()),
    );
    let fields = |subject: &[u8], last: &[u8]| {
        let tbs = [
            &der(0xa0, &[2, 1, 2])[..],
            &der(2, &[1]),
            &der(0x30, b""),
            &der(0x30, &common_name(12, b"issuer.example")),
            &der(0x30, b"no dates"),
            &der(0x30, subject),
            &der(0x30, b"no key"),
            last,
        ];
        der(0x30, &[der(0x30, &tbs.concat()), der(0x30, b"")].concat())
    };
    let alone = certificate::lone_common_names(&fields(&common, b"")).unwrap();
    assert_eq!(
        [alone.0.as_str(), alone.1.as_str()],
        ["issuer.example", "host.example"]
    );
    for (subject, last) in [
        (&common, der(0xa3, &der(0x30, b""))),
        (&common, der(0x30, b"")),
        (&[&common[..], &country].concat(), Vec::new()),
        (&country, Vec::new()),
        (&Vec::new(), Vec::new()),
    ] {
        assert_eq!(
            certificate::lone_common_names(&fields(subject, &last)),
            None
        );
    }
}

#[test]
fn certificates_are_read_however_odd() {
    let subject = [
        common_name(12, b"Example.org"),
        common_name(19, b"An \x1bExample"),
        der(0x31, b"broken"),
    ];
    let extensions = [
        der(0x30, b"broken"),
        alternative_names(&[
            (2, b"*.Example.org"),
            (1, b"who@example.org"),
            (2, b"bank.example\0.evil.example"),
            (2, b"\xffwide"),
            (7, &[192, 0, 2, 1]),
            (7, &[192, 0, 2]),
            (7, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (2, b""),
            (2, b"example.org"),
        ]),
    ];
    let certificate = certificate_of(&subject.concat(), &extensions);
    assert_eq!(
        certified(&flight(&certificate)),
        [
            "example.org",
            "an \\027example",
            "*.example.org",
            "bank.example\\000.evil.example",
            "\\255wide",
            "192.0.2.1",
            "fe80::1",
        ]
    );
    assert!(certified(&flight(b"no certificate")).is_empty());
    assert!(certified(&flight(&certificate_of(b"", &[]))).is_empty());
}

#[test]
fn names_of_a_certificate_are_bounded() {
    let names: Vec<String> = (0..400).map(|i| format!("h{i}.example")).collect();
    let list: Vec<(u8, &[u8])> = names.iter().map(|name| (2, name.as_bytes())).collect();
    let certificate = certificate_of(b"", &[alternative_names(&list)]);
    let found = certified(&flight(&certificate));
    assert_eq!(found, names[..MAX_CERTIFICATE_NAMES]);
}

#[test]
fn every_prefix_of_a_flight_needs_more_and_shows_no_wrong_name() {
    let bytes = hex(SERVER_FLIGHT_TLS12);
    let whole = certified(&bytes);
    let mut most = 0;
    for cut in 0..bytes.len() {
        let partial = certificate_names_partial(&bytes[..cut]);
        assert!(
            partial.iter().all(|name| whole.contains(&name.to_string())),
            "{cut}"
        );
        assert!(partial.len() >= most, "{cut}");
        most = partial.len();
        match certificate_names(&bytes[..cut]) {
            Outcome::NeedMore => {}
            Outcome::Found(names) => assert_eq!(names, partial, "{cut}"),
            Outcome::NotMine => panic!("{cut}"),
        }
        // Lost in the middle: the names that are whole.
        let broken = [&bytes[..cut], &[0; 2000]].concat();
        let _ = certificate_names(&broken);
    }
    assert_eq!(most, whole.len());
}

#[test]
fn a_certificate_that_never_ends_is_given_up() {
    let mut endless = flight(&certificate_of(b"", &[]));
    let at = hex(SERVER_TLS12).len();
    // Message, list and certificate of 8 MiB.
    for at in [at + 1, at + 4, at + 7] {
        endless[at] = 0x7f;
    }
    assert_eq!(certificate_names(&endless), Outcome::NotMine);
    let long = records(
        &[&hex("0b 00fff0 00ffed 00ffea")[..], &[0; 65_000]].concat(),
        1,
    );
    assert_eq!(
        certificate_names(&long[..MAX_PREFIX - 1]),
        Outcome::NeedMore
    );
    assert_eq!(certificate_names(&long[..MAX_PREFIX]), Outcome::NotMine);
}

#[test]
fn damaged_flights_never_panic() {
    each_mutation(&hex(SERVER_FLIGHT_TLS12), 2000, |bytes| {
        let _ = certificate_names(bytes);
        let _ = certificate_names_partial(bytes);
    });
}

proptest! {
    #[test]
    fn any_split_of_a_flight_gives_the_same_names(size in 1usize..300) {
        let bytes = hex(SERVER_FLIGHT_TLS12);
        let whole = certified(&bytes);
        // Four records, joined and cut anew.
        let mut rest = &bytes[..];
        let mut handshake = Vec::new();
        while let [_, _, _, high, low, after @ ..] = rest {
            let (fragment, after) = after.split_at(usize::from(*high) << 8 | usize::from(*low));
            handshake.extend(fragment);
            rest = after;
        }
        prop_assert_eq!(certified(&records(&handshake, size)), whole);
    }

    #[test]
    fn any_certificate_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = certificate_names(&flight(&bytes));
        let _ = certificate_names(&flight(&certificate_of(&bytes, &[])));
        let _ = certificate_names(&flight(&certificate_of(b"", &[bytes])));
    }
}
