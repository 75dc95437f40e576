//! What the sides of a flow say first tells its protocol, on any port and however it is cut, and hides no name behind it.

use super::*;

const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

fn protocols(talk: &Talk) -> Vec<Protocol> {
    let told = talk.evidence.iter().filter_map(|piece| match piece {
        Evidence::Protocol(protocol) => Some(*protocol),
        _ => None,
    });
    told.collect()
}

#[test]
fn an_opening_is_recognised_wherever_segments_end() {
    for len in 1..=SSH.len() {
        let mut talk = Talk::tcp(2200);
        for piece in SSH.chunks(len) {
            talk.say(Server, piece);
        }
        for piece in SSH.chunks(len) {
            talk.say(Client, piece);
        }
        assert_eq!(protocols(&talk), [Protocol::Ssh], "segments of {len}");
    }
}

#[test]
fn mail_that_turns_to_tls_is_both_the_outer_first() {
    let mut talk = Talk::tcp(2525);
    talk.say(Server, b"220 mail.example ESMTP ready\r\n");
    talk.say(Client, b"EHLO client.example\r\n");
    talk.say(Server, b"250-mail.example\r\n250 STARTTLS\r\n");
    talk.say(Client, b"STARTTLS\r\n");
    talk.say(Server, b"220 go ahead\r\n");
    talk.say(Client, &hex(CHROME));
    assert_eq!(protocols(&talk), [Protocol::Smtp, Protocol::Tls]);
    assert_eq!(talk.names().len(), 1);
}

#[test]
fn a_hello_behind_empty_records_is_heard_wherever_segments_end() {
    let said = [b"\x16\x03\x01\0\0".repeat(32), hex(CHROME)].concat();
    let mut alone = Talk::tcp(443);
    alone.say(Client, &hex(CHROME));
    for len in [1, 5, 7, 160, 1400] {
        let mut talk = Talk::tcp(443);
        said.chunks(len).for_each(|piece| talk.say(Client, piece));
        assert_eq!(protocols(&talk)[0], Protocol::Tls, "segments of {len}");
        assert_eq!(talk.names(), alone.names(), "segments of {len}");
    }
}

#[test]
fn what_was_recognised_holds_no_bytes() {
    let mut talk = Talk::tcp(2200);
    talk.say(Server, SSH);
    talk.say(Client, SSH);
    assert_eq!(talk.dialogue.held_bytes(), 0);
}

#[test]
fn first_words_are_bounded() {
    let mut talk = Talk::tcp(9);
    for _ in 0..40 {
        talk.say(Client, &[0xa5; 1400]);
        talk.say(Server, &[0x5a; 1400]);
    }
    assert!(protocols(&talk).is_empty());
    assert!(talk.dialogue.held_bytes() <= 4 * crate::inspect::signature::OPENING_LEN);
}

#[test]
fn what_lies_behind_a_loss_is_no_beginning() {
    let mut talk = Talk::tcp(2200);
    talk.say(Client, b"what is this");
    // A segment is lost, and so much follows that nobody waits for it any more.
    talk.next[0] += 100;
    for _ in 0..70 {
        talk.say(Client, SSH);
    }
    assert!(protocols(&talk).is_empty());
}

/// A ClientHello whose list of extensions ends amid one: believed only where it is the first thing said.
fn unsound_hello() -> Vec<u8> {
    let mut hello = hex(UNNAMED);
    hello.extend(b"\0");
    // The lengths of the record, the message and the list count it, and no extension does.
    let list = 5 + 4 + 2 + 32 + 1 + usize::from(hello[43]);
    let list = list + 2 + usize::from(u16::from_be_bytes([hello[list], hello[list + 1]]));
    let list = list + 1 + usize::from(hello[list]);
    for at in [4, 8, list + 1] {
        hello[at] = hello[at].checked_add(1).unwrap();
    }
    hello
}

/// Whether what a client offers in TLS was told.
fn is_offer_told(talk: &Talk) -> bool {
    let is_offer = |piece: &Evidence| matches!(piece, Evidence::TlsOffer { .. });
    talk.evidence.iter().any(is_offer)
}

#[test]
fn a_probe_before_the_first_word_is_none() {
    for times in 0..4 {
        let mut talk = Talk::new(IpProtocol::TCP, 443);
        for _ in 0..times {
            talk.segment(Client, ACK, 999, b"\0");
        }
        assert!(!is_offer_told(&talk));
        talk.say(Client, &unsound_hello());
        assert!(is_offer_told(&talk), "{times} probes");
    }
}

#[test]
fn an_opening_behind_a_probe_is_recognised() {
    let mut talk = Talk::new(IpProtocol::TCP, 2200);
    talk.segment(Server, ACK, 1999, b"\0");
    talk.say(Server, SSH);
    talk.say(Client, SSH);
    assert_eq!(protocols(&talk), [Protocol::Ssh]);
}

#[test]
fn who_only_sent_a_probe_has_said_nothing() {
    let mut talk = Talk::new(IpProtocol::TCP, 443);
    talk.segment(Client, ACK, 999, b"\0");
    talk.say(Server, &hex(SERVER_TLS13));
    assert_eq!(talk.choice(), Some(0x0304));
}

#[test]
fn what_is_no_probe_is_a_word() {
    // One that holds another byte, or more, or whose number says that it is the first byte.
    for (opened, word) in [(false, &b"x"[..]), (false, b"\0\0"), (true, b"\0")] {
        let mut talk = match opened {
            true => Talk::tcp(443),
            false => Talk::new(IpProtocol::TCP, 443),
        };
        talk.say(Client, word);
        talk.say(Client, &unsound_hello());
        assert!(!is_offer_told(&talk), "{word:?}");
    }
    let mut talk = Talk::new(IpProtocol::TCP, 443);
    talk.say_cut(Client, b"\0\0", 1);
    talk.say(Client, &unsound_hello());
    assert!(!is_offer_told(&talk), "a longer one that was cut");
}

#[test]
fn datagrams_are_recognised_besides_what_bears_names() {
    // A binding request of STUN, RFC 5769 §2 without its attributes.
    let stun = hex("00 01 00 00 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae");
    let mut talk = Talk::udp();
    talk.datagram(Client, &stun);
    talk.datagram(Client, &datagrams(QUIC_CLIENT)[0]);
    assert_eq!(protocols(&talk).first(), Some(&Protocol::Stun));
}

#[test]
fn a_number_of_ip_tells_what_has_no_ports() {
    let mut talk = Talk::new(IpProtocol(89), 0);
    talk.datagram(Client, &[2, 1]);
    talk.datagram(Server, &[2, 1]);
    assert_eq!(protocols(&talk), [Protocol::Ospf]);
}

/// What is said before TLS begins: the outer protocol; who says what, in turn.
type Preamble = (Protocol, &'static [(Side, &'static [u8])]);

const PREAMBLES: [Preamble; 9] = [
    (
        Protocol::Smtp,
        &[
            (Server, b"220 mail.example ESMTP\r\n"),
            (Client, b"EHLO client.example\r\n"),
            (Server, b"250-mail.example\r\n250 STARTTLS\r\n"),
            (Client, b"STARTTLS\r\n"),
            (Server, b"220 go ahead\r\n"),
        ],
    ),
    (
        Protocol::Imap,
        &[
            (Server, b"* OK IMAP4rev2 ready\r\n"),
            (Client, b"a1 STARTTLS\r\n"),
            (Server, b"a1 OK begin\r\n"),
        ],
    ),
    (
        Protocol::Ftp,
        &[
            (Server, b"220 FTP ready\r\n"),
            (Client, b"AUTH TLS\r\n"),
            (Server, b"234 proceed\r\n"),
        ],
    ),
    (
        Protocol::Xmpp,
        &[
            (Client, b"<stream:stream to='example.org' xmlns='jabber:client'>"),
            (Server, b"<stream:stream><stream:features><starttls/></stream:features>"),
            (Client, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (Server, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ],
    ),
    (
        Protocol::Socks,
        &[
            (Client, b"\x05\x01\0"),
            (Server, b"\x05\0"),
            (Client, b"\x05\x01\0\x01\xc0\0\x02\x01\x01\xbb"),
            (Server, b"\x05\0\0\x01\0\0\0\0\0\0"),
        ],
    ),
    // SSLRequest, and that it is welcome.
    (
        Protocol::Postgresql,
        &[(Client, b"\0\0\0\x08\x04\xd2\x16\x2f"), (Server, b"S")],
    ),
    // A greeting, and the short login that asks for TLS.
    (
        Protocol::Mysql,
        &[
            (Server, b"\x4a\0\0\0\x0a8.0.36\0\x0c\0\0\0aaaaaaaa\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0caching_sha2_password\0"),
            (Client, b"\x20\0\0\x01\x85\xae\xff\x19\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ],
    ),
    // StartTLS by its number, RFC 4511 §4.14.
    (
        Protocol::Ldap,
        &[
            (Client, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
            (Server, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"),
        ],
    ),
    // A request that offers TLS, and that it is chosen.
    (
        Protocol::Rdp,
        &[
            (Client, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
            (Server, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x01\0\0\0"),
        ],
    ),
];

#[test]
fn what_is_recognised_hides_no_name_behind_it() {
    for (outer, lines) in PREAMBLES {
        for size in [1, 7, 1400] {
            let mut talk = Talk::tcp(61_000);
            for (side, bytes) in lines {
                bytes.chunks(size).for_each(|piece| talk.say(*side, piece));
            }
            talk.say(Client, &hex(CHROME));
            assert_eq!(protocols(&talk), [outer, Protocol::Tls], "{size}");
            assert_eq!(talk.names().len(), 1, "{outer} {size}");
        }
    }
}

#[test]
fn a_request_behind_what_was_recognised_is_read() {
    let preambles: [Preamble; 2] = [PREAMBLES[4], (Protocol::Ssh, &[(Client, SSH)])];
    for (outer, lines) in preambles {
        let mut talk = Talk::tcp(61_000);
        for (side, bytes) in lines {
            talk.say(*side, bytes);
        }
        talk.say(Client, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
        assert_eq!(protocols(&talk).first(), Some(&outer));
        assert_eq!(talk.names(), [("example.org", NameSource::HttpHost)]);
    }
}

#[test]
fn a_cut_opening_is_recognised_by_what_was_captured() {
    let mut talk = Talk::tcp(61_000);
    talk.say_cut(Server, SSH, 8);
    assert_eq!(protocols(&talk), [Protocol::Ssh]);
    // The rest might have made it a request of HTTP.
    let mut talk = Talk::tcp(61_000);
    talk.say_cut(Client, b"OPTIONS rtsp://example.org/ RTSP/1.0\r\n", 24);
    assert_eq!(protocols(&talk), [Protocol::Rtsp]);
}
