//! Clients that say something else before, beside or instead of the hello that counts.

use super::*;

/// A HelloRetryRequest that chooses TLS 1.3.
const RETRY: &str = "
    16 0303 0034 02 000030 0303                                         # record, message, version
    cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c    # the random that tells it
    00 1301 00 0008 002b 0002 0304 ff01                                 # session, suite, compression, extensions
";
const CHANGE_CIPHER_SPEC: &str = "14 0303 0001 01";

/// A hello that names this host.
fn hello_to(name: &str) -> Vec<u8> {
    let len = |extra: usize| ((name.len() + extra) as u16).to_be_bytes();
    let server_name = [
        &[0, 0][..],
        &len(5),
        &len(3),
        &[0],
        &len(0),
        name.as_bytes(),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0, 0, 2, 0x13, 1, 1, 0],
        &len(9),
        &server_name,
    ]
    .concat();
    let len = |extra: usize| ((body.len() + extra) as u16).to_be_bytes();
    [&[22, 3, 1][..], &len(4), &[1, 0], &len(0), &body].concat()
}

/// The names of hellos, in order.
fn hosts(talk: &Talk) -> Vec<&str> {
    let names = talk.names().into_iter();
    names
        .filter(|(_, from)| *from == NameSource::TlsSni)
        .map(|(name, _)| name)
        .collect()
}

/// A server of FTP that takes `junk` for a bad command; then TLS is asked for, and the hello comes in pieces of `size`.
fn ftp(talk: &mut Talk, junk: &[u8], size: usize) {
    talk.say(Server, b"220 ftp.example\r\n");
    talk.say(Client, junk);
    talk.say(Server, b"500 What?\r\n");
    talk.say(Client, b"AUTH TLS\r\n");
    talk.say(Server, b"234 AUTH TLS OK.\r\n");
    for piece in hello_to("real.example").chunks(size) {
        talk.say(Client, piece);
    }
}

#[test]
fn what_a_server_takes_for_no_request_or_hello_hides_none() {
    let junk: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x40\x00\x01\x00\x3f\xf0\r\n",
        b"\xd4\xc3\xb2\xa1\r\n",
    ];
    for junk in junk.iter().copied().chain([&*hello_to("decoy.example")]) {
        for size in [1000, 60, 7] {
            let mut talk = Talk::tcp(21);
            ftp(&mut talk, junk, size);
            assert_eq!(hosts(&talk).last(), Some(&"real.example"), "{junk:?}");
        }
    }
}

#[test]
fn a_secret_that_looks_like_something_hides_no_hello() {
    for secret in [
        &b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc"[..],
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut talk = Talk::tcp(1080);
        talk.say(Client, b"\x05\x01\x02");
        talk.say(Server, b"\x05\x02");
        // RFC 1929: a name of one letter. The password begins a segment of its own.
        talk.say(Client, &[1, 1, b'u', secret.len() as u8]);
        talk.say(Client, secret);
        talk.say(Server, b"\x01\x00");
        talk.say(Client, b"\x05\x01\x00\x01\xcb\x00\x71\x05\x01\xbb");
        talk.say(Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00");
        for piece in hello_to("real.example").chunks(60) {
            talk.say(Client, piece);
        }
        assert_eq!(hosts(&talk), ["real.example"], "{secret:?}");
    }
}

#[test]
fn a_long_talk_before_a_hello_hides_none() {
    let mut talk = Talk::tcp(21);
    for _ in 0..1000 {
        talk.say(Client, b"NOOP\r\n");
        talk.say(Server, b"200 OK.\r\n");
    }
    ftp(&mut talk, b"NOOP\r\n", 60);
    talk.say(Server, &hex(SERVER_FLIGHT));
    assert_eq!(hosts(&talk), ["real.example"]);
    assert_eq!(talk.choice(), Some(0x0303));
}

#[test]
fn a_second_hello_is_read_where_the_server_asks_for_it() {
    let again = [hex(CHANGE_CIPHER_SPEC), hello_to("real.example")].concat();
    for second in [&again[..], &again[6..]] {
        for size in [1000, 50] {
            for first in [hello_to("decoy.example"), hex(UNNAMED)] {
                let mut talk = Talk::tcp(443);
                talk.say(Client, &first);
                talk.say(Server, &[hex(RETRY), hex(CHANGE_CIPHER_SPEC)].concat());
                second
                    .chunks(size)
                    .for_each(|piece| talk.say(Client, piece));
                talk.say(Server, &hex(SERVER_TLS13));
                assert_eq!(hosts(&talk).last(), Some(&"real.example"));
                assert!(matches!(talk.dialogue, Dialogue::Settled));
            }
        }
    }
}

#[test]
fn another_hello_in_the_place_of_the_first_is_told_until_the_server_answers() {
    let (decoy, real) = (hello_to("decoy.example"), hello_to("real.example"));
    let mut talk = Talk::tcp(443);
    talk.segment(Client, ACK, 1000, &decoy);
    talk.segment(Client, ACK, 1000, &real);
    assert_eq!(hosts(&talk), ["decoy.example", "real.example"]);
    // As much of one as names its host will do.
    talk.segment(Client, ACK, 1000, &hex(CHROME)[..hex(CHROME).len() - 1]);
    assert_eq!(hosts(&talk)[2..], ["www.youtube.com"]);
    talk.say(Server, &hex(SERVER_TLS13));
    talk.segment(Client, ACK, 1000, &hello_to("late.example"));
    assert_eq!(hosts(&talk).len(), 3);
    assert!(matches!(talk.dialogue, Dialogue::Settled));
}

#[test]
fn a_client_whose_server_is_not_heard_is_not_listened_to_for_ever() {
    let mut talk = Talk::tcp(443);
    talk.say(Client, &hello_to("real.example"));
    let next = talk.next[Client.index()];
    for i in 0..20 {
        talk.segment(Client, ACK, next + 10 * i, &hex("17 0303 0005 0102030405"));
    }
    talk.segment(Client, ACK, 1000, &hello_to("late.example"));
    assert_eq!(hosts(&talk), ["real.example"]);
}

#[test]
fn a_new_connection_on_the_ports_of_another_is_heard() {
    let settled = |talk: &mut Talk| {
        talk.say(Client, &hello_to("first.example"));
        talk.say(Server, &hex(SERVER_TLS13));
        assert!(matches!(talk.dialogue, Dialogue::Settled));
    };
    let http = |talk: &mut Talk| {
        talk.say(Client, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        talk.say(Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    };
    let half = |talk: &mut Talk| talk.say(Client, &hello_to("first.example")[..40]);
    for before in [&settled as &dyn Fn(&mut Talk), &http, &half] {
        let mut talk = Talk::tcp(443);
        before(&mut talk);
        talk.segment(Client, SYN, 499_999, b"");
        talk.segment(Server, SYN | ACK, 699_999, b"");
        talk.next = [500_000, 700_000];
        talk.say(Client, &hello_to("second.example"));
        talk.say(Server, &hex(SERVER_TLS13));
        assert_eq!(hosts(&talk).last(), Some(&"second.example"));
        assert!(matches!(talk.dialogue, Dialogue::Settled));
    }
}

#[test]
fn a_syn_that_comes_again_changes_nothing() {
    let hello = hello_to("real.example");
    let mut talk = Talk::tcp(443);
    talk.say(Client, &hello[..40]);
    talk.segment(Client, SYN, 999, b"");
    talk.segment(Server, SYN | ACK, 1999, b"");
    talk.say(Client, &hello[40..]);
    assert_eq!(hosts(&talk), ["real.example"]);
}

#[test]
fn records_from_the_middle_of_a_connection_hide_no_hello_behind_them() {
    for before in [1, 10] {
        let mut talk = Talk::new(IpProtocol::TCP, 443);
        for _ in 0..before {
            talk.say(Client, b"\x17\x03\x03\0\x11an authentic text");
            talk.say(Server, b"\x17\x03\x03\0\x11another one there");
        }
        talk.say(Client, &hello_to("a.example"));
        assert_eq!(hosts(&talk), ["a.example"], "{before}");
        let told = talk
            .evidence
            .iter()
            .filter(|piece| **piece == Evidence::TlsRecords);
        assert_eq!(told.count(), 1);
    }
}

#[test]
fn long_records_are_told_when_both_sides_say_some() {
    let front = [&b"\x17\x03\x03\x05\xbb"[..], &[0x5a; 1447]].concat();
    let mut talk = Talk::new(IpProtocol::TCP, 443);
    talk.say(Client, &front);
    talk.say(Client, &[0x5a; 20]);
    assert_eq!(talk.evidence, []);
    talk.say(Server, &front);
    assert_eq!(talk.evidence, [Evidence::TlsRecords]);
}
