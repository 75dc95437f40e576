//! What servers' certificates tell: names where the hello had none, and relays of Tor.

use super::*;

#[test]
fn a_link_of_tor_is_told_by_the_certificate_behind_a_made_up_name() {
    let certificate = hex(include_str!(
        "../../../inspect/tls/hellos/tor_certificate.hex"
    ));
    let three = |len: usize| (len as u32).to_be_bytes()[1..].to_vec();
    let list = [three(certificate.len()), certificate].concat();
    let body = [three(list.len()), list].concat();
    let message = [&[11][..], &three(body.len()), &body].concat();
    let len = (message.len() as u16).to_be_bytes();
    let record = [&[22, 3, 3][..], &len, &message].concat();
    let tor_flight = [hex(SERVER_TLS12), record].concat();
    let asks_for = |name: &str| {
        let mut hello = hex(CURL_TLS12);
        let mut places = hello.windows(name.len());
        let at = places.position(|there| there == NAME.0.as_bytes()).unwrap();
        hello[at..at + name.len()].copy_from_slice(name.as_bytes());
        hello
    };
    let made_up = "www.q4x7mzo.com";
    for (name, flight, is_tor) in [
        (made_up, &tor_flight, true),
        (made_up, &hex(SERVER_FLIGHT), false),
        (made_up, &hex(SERVER_TLS13), false),
        ("www.example.org", &tor_flight, false),
    ] {
        let mut talk = Talk::tcp(9001);
        talk.say(Client, &asks_for(name));
        for piece in flight.chunks(300) {
            talk.say(Server, piece);
        }
        assert_eq!(talk.speaks(Protocol::Tor), is_tor, "{name}");
        assert_eq!(talk.names(), [(name, NameSource::TlsSni)]);
    }
    // A client that names nobody may be one as well.
    let mut talk = Talk::tcp(443);
    talk.say(Client, &hex(UNNAMED));
    talk.say(Server, &tor_flight);
    assert!(talk.speaks(Protocol::Tor));
}

#[test]
fn a_certificate_names_a_server_that_the_hello_called_by_its_address() {
    let mut hello = hex(CURL_TLS12);
    let (name, address) = (NAME.0.as_bytes(), b"192.168.100.200");
    let at = hello.windows(name.len()).position(|bytes| bytes == name);
    hello[at.unwrap()..][..name.len()].copy_from_slice(address);
    let mut talk = Talk::tcp(443);
    talk.say(Client, &hello);
    talk.say(Server, &hex(SERVER_FLIGHT));
    let names = talk.names();
    assert_eq!(names[0], ("192.168.100.200", NameSource::TlsSni));
    assert_eq!(names[1], (CERTIFIED.1, NameSource::Certificate));
    assert_eq!(names.len(), 1 + CERTIFIED.0);
}

#[test]
fn a_certificate_names_what_the_hello_did_not() {
    let flight = hex(SERVER_FLIGHT);
    let certified = |talk: &Talk| {
        let names = talk.names();
        assert_eq!(names.len(), CERTIFIED.0);
        assert_eq!(names[0], (CERTIFIED.1, NameSource::Certificate));
        assert_eq!(talk.choice(), Some(0x0303));
        assert!(talk.speaks(Protocol::Tls));
    };
    // In one segment, and in many.
    for size in [flight.len(), 1400, 100, 1] {
        let mut talk = Talk::tcp(443);
        talk.say(Client, &hex(UNNAMED));
        flight
            .chunks(size)
            .for_each(|piece| talk.say(Server, piece));
        certified(&talk);
    }
    // No hello, for the capture did not hear the client.
    let mut talk = Talk::new(IpProtocol::TCP, 443);
    flight.chunks(50).for_each(|piece| talk.say(Server, piece));
    certified(&talk);
    // A hello of SSL 2.
    let mut talk = Talk::tcp(443);
    let old = "801c 01 0301 0003 0000 0010 00002f 000102030405060708090a0b0c0d0e0f";
    talk.say(Client, &hex(old));
    talk.say(Server, &flight);
    certified(&talk);
}

#[test]
fn a_certificate_says_nothing_where_the_hello_has_a_name() {
    let hello = hex(CURL_TLS12);
    for pieces in [vec![&hello[..]], vec![&hello[..150], &hello[150..]]] {
        let mut talk = Talk::tcp(443);
        pieces.iter().for_each(|piece| talk.say(Client, piece));
        talk.say(Server, &hex(SERVER_FLIGHT));
        assert_eq!(talk.names(), [NAME]);
    }
    // A name that came out of order is one as well.
    let mut talk = Talk::tcp(443);
    talk.segment(Client, ACK, 5000, &hello);
    talk.say(Server, &hex(SERVER_FLIGHT));
    assert_eq!(talk.names(), [NAME]);
}

#[test]
fn an_address_where_a_name_should_stand_leaves_the_certificate_to_tell() {
    // One extension more; record, handshake and extensions are longer by it.
    let mut hello = hex(UNNAMED);
    let address = b"192.0.2.1";
    let name_len = address.len() as u8;
    let extension = [
        &[0, 0, 0, name_len + 5, 0, name_len + 3, 0, 0, name_len],
        &address[..],
    ]
    .concat();
    let lists_at = extensions_at(&hello);
    for at in [3, 7, lists_at] {
        let len = u16::from_be_bytes([hello[at], hello[at + 1]]) + extension.len() as u16;
        hello[at..at + 2].copy_from_slice(&len.to_be_bytes());
    }
    hello.extend(extension);
    let mut talk = Talk::tcp(443);
    talk.say(Client, &hello);
    talk.say(Server, &hex(SERVER_FLIGHT));
    let names = talk.names();
    assert_eq!(names[0], ("192.0.2.1", NameSource::TlsSni));
    assert_eq!(names[1], (CERTIFIED.1, NameSource::Certificate));
}

/// Where the length of a hello's extensions stands: behind record, handshake, version, random, session, suites, compression.
fn extensions_at(hello: &[u8]) -> usize {
    let session_at = 5 + 4 + 2 + 32;
    let suites_at = session_at + 1 + usize::from(hello[session_at]);
    let suites = u16::from_be_bytes([hello[suites_at], hello[suites_at + 1]]);
    let compression_at = suites_at + 2 + usize::from(suites);
    compression_at + 1 + usize::from(hello[compression_at])
}

#[test]
fn a_server_that_sends_no_certificate_in_the_clear_is_not_waited_for() {
    let resumed = [&hex(SERVER_FLIGHT)[..70], &hex("14 0303 0001 01")].concat();
    for answer in [hex(SERVER_TLS13), resumed] {
        let mut talk = Talk::tcp(443);
        talk.say(Client, &hex(UNNAMED));
        talk.say(Server, &answer);
        assert_eq!(talk.names(), []);
        assert!(talk.choice().is_some());
        assert_eq!(talk.dialogue.held_bytes(), 0);
        assert!(matches!(talk.dialogue, Dialogue::Settled));
    }
}

#[test]
fn a_certificate_that_the_capture_cut_gives_the_names_that_are_whole() {
    let flight = hex(SERVER_FLIGHT);
    let mut counts = Vec::new();
    for caplen in (70..600).step_by(10) {
        let mut talk = Talk::tcp(443);
        talk.say(Client, &hex(UNNAMED));
        talk.say_cut(Server, &flight, caplen);
        let names = talk.names();
        assert!(
            names
                .first()
                .is_none_or(|first| *first == (CERTIFIED.1, NameSource::Certificate))
        );
        counts.push(names.len());
    }
    assert!(counts.is_sorted() && counts[0] == 0);
    assert!(counts.contains(&1) && counts.ends_with(&[CERTIFIED.0]));
}

#[test]
fn a_dtls_certificate_names_what_the_hello_did_not() {
    let mut talk = Talk::udp();
    for datagram in datagrams(DTLS_SERVER) {
        talk.datagram(Server, &datagram);
    }
    assert_eq!(talk.choice(), Some(0xfefd));
    assert_eq!(
        talk.names()[0],
        ("dtls.example.org", NameSource::Certificate)
    );
    // Where the client named the server; and where it is the client's own.
    for (sender, expected) in [(Server, 1), (Client, 1)] {
        let mut talk = Talk::udp();
        for datagram in datagrams(DTLS_CLIENT) {
            talk.datagram(Client, &datagram);
        }
        for datagram in datagrams(DTLS_SERVER) {
            talk.datagram(sender, &datagram);
        }
        assert_eq!(talk.names().len(), expected);
    }
    let mut talk = Talk::udp();
    // Without the ServerHello nothing says whose it is.
    for datagram in &datagrams(DTLS_SERVER)[2..] {
        talk.datagram(Server, datagram);
    }
    assert_eq!(talk.names(), []);
}
