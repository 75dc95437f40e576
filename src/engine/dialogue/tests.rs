//! The TLS family as it is spoken: hellos in pieces, behind other protocols, and what servers answer.

mod certificates;
mod decoys;
mod files;
mod holding;
mod openings;
mod openvpn;

use proptest::prelude::*;

use super::*;
use crate::evidence::NameSource;
use crate::inspect::testing::hex;
use crate::key::{Endpoint, FiveTuple};
use crate::packet::{TcpFlags, TcpSegment};
use crate::protocol::Protocol;

const CHROME: &str = include_str!("../../inspect/tls/hellos/chrome.hex");
const CURL_TLS12: &str = include_str!("../../inspect/tls/hellos/curl_tls12.hex");
const UNNAMED: &str = include_str!("../../inspect/tls/hellos/openssl_unnamed.hex");
const SERVER_FLIGHT: &str = include_str!("../../inspect/tls/hellos/server_flight_tls12.hex");
const SERVER_TLS12: &str = include_str!("../../inspect/tls/hellos/server_tls12.hex");
const SERVER_TLS13: &str = include_str!("../../inspect/tls/hellos/server_tls13.hex");
const DTLS_CLIENT: &str = include_str!("../../inspect/dtls/flights/client.hex");
const DTLS_SERVER: &str = include_str!("../../inspect/dtls/flights/server.hex");
const QUIC_CLIENT: &str = include_str!("../../inspect/quic/flights/quinn.hex");

/// Common name and alternative names in `SERVER_FLIGHT`, and the first of them.
const CERTIFIED: (usize, &str) = (9, "www.youtube.com");

/// Who speaks.
use Side::{High as Server, Low as Client};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A flow, and all that was said of it.
struct Talk {
    dialogue: Dialogue,
    key: FlowKey,
    /// Sequence numbers of what each side says next.
    next: [u32; 2],
    evidence: Vec<Evidence>,
}

impl Talk {
    fn new(protocol: IpProtocol, port: u16) -> Self {
        let end = |last, port| Endpoint {
            addr: [192, 0, 2, last].into(),
            port,
        };
        let (key, sender) = FlowKey::of(&FiveTuple {
            src: end(1, 50_000),
            dst: end(2, port),
            protocol,
        });
        assert_eq!(sender, Client);
        Self {
            dialogue: Dialogue::begin(&key),
            key,
            next: [1000, 2000],
            evidence: Vec::new(),
        }
    }

    /// A connection that was opened.
    fn tcp(port: u16) -> Self {
        let mut talk = Self::new(IpProtocol::TCP, port);
        talk.segment(Client, SYN, 999, b"");
        talk.segment(Server, SYN | ACK, 1999, b"");
        talk
    }

    fn udp() -> Self {
        Self::new(IpProtocol::UDP, 40_000)
    }

    fn packet(&mut self, sender: Side, tcp: Option<TcpSegment>, payload: &[u8], origlen: usize) {
        let seen = Observation {
            tcp,
            payload_origlen: origlen as u32,
            ..Observation::with_payload((self.key, sender), payload)
        };
        self.dialogue.hear(&seen, false, &mut self.evidence);
    }

    fn segment(&mut self, sender: Side, flags: u8, seq: u32, payload: &[u8]) {
        let flags = TcpFlags(flags);
        let tcp = Some(TcpSegment { flags, seq });
        self.packet(sender, tcp, payload, payload.len());
    }

    /// The next bytes of one side, in one segment.
    fn say(&mut self, sender: Side, bytes: &[u8]) {
        let seq = self.next[sender.index()];
        self.segment(sender, ACK, seq, bytes);
        self.next[sender.index()] = seq.wrapping_add(bytes.len() as u32);
    }

    /// The same, of which the capture kept the first `caplen`.
    fn say_cut(&mut self, sender: Side, bytes: &[u8], caplen: usize) {
        let seq = self.next[sender.index()];
        let flags = TcpFlags(ACK);
        let tcp = Some(TcpSegment { flags, seq });
        self.packet(sender, tcp, &bytes[..caplen], bytes.len());
        self.next[sender.index()] = seq.wrapping_add(bytes.len() as u32);
    }

    fn datagram(&mut self, sender: Side, bytes: &[u8]) {
        self.packet(sender, None, bytes, bytes.len());
    }

    /// Names and where they stood, each once.
    fn names(&self) -> Vec<(&str, NameSource)> {
        let mut names = Vec::new();
        for piece in &self.evidence {
            if let Evidence::Name(name, from) = piece
                && !names.contains(&(name.as_str(), *from))
            {
                names.push((name.as_str(), *from));
            }
        }
        names
    }

    fn speaks(&self, protocol: Protocol) -> bool {
        self.evidence.contains(&Evidence::Protocol(protocol))
    }

    fn choice(&self) -> Option<u16> {
        self.evidence.iter().find_map(|piece| match piece {
            Evidence::TlsChoice(version) => Some(version.0),
            _ => None,
        })
    }
}

fn datagrams(text: &str) -> Vec<Vec<u8>> {
    let all = text.split("\n\n").map(hex);
    all.filter(|datagram| !datagram.is_empty()).collect()
}

/// Who says what, one after the other.
type Words = &'static [(Side, &'static [u8])];

/// What each protocol says before TLS: plain text, binary messages, requests to proxies. The client's last words come before its hello.
const BEFORE_TLS: &[(&str, u16, Words)] = &[
    ("SMTP", 25, &[
        (Server, b"220 mail.example ESMTP\r\n"),
        (Client, b"EHLO office.example\r\n"),
        (Server, b"250-mail.example\r\n250 STARTTLS\r\n"),
        (Client, b"STARTTLS\r\n"),
        (Server, b"220 Ready\r\n"),
    ]),
    ("IMAP", 143, &[
        (Server, b"* OK IMAP4rev1 ready\r\n"),
        (Client, b"a001 STARTTLS\r\n"),
        (Server, b"a001 OK Begin TLS negotiation now\r\n"),
    ]),
    ("POP3", 110, &[
        (Server, b"+OK ready\r\n"),
        (Client, b"STLS\r\n"),
        (Server, b"+OK Begin TLS negotiation\r\n"),
    ]),
    ("FTP", 21, &[
        (Server, b"220 ftp.example\r\n"),
        (Client, b"AUTH TLS\r\n"),
        (Server, b"234 AUTH TLS OK.\r\n"),
    ]),
    ("XMPP", 5222, &[
        (Client, b"<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client' version='1.0'>"),
        (Server, b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
        (Client, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (Server, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ]),
    // RFC 4511 §4.14.1: ExtendedRequest 1.3.6.1.4.1.1466.20037, and its response.
    ("LDAP", 389, &[
        (Client, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
        (Server, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
    ]),
    // SSLRequest: length 8, code 80877103.
    ("PostgreSQL", 5432, &[
        (Client, b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
        (Server, b"S"),
    ]),
    // The greeting, and the SSL request: packet 1 of 32 bytes, capabilities with CLIENT_SSL, 16 MiB, utf8, 23 zeros.
    ("MySQL", 3306, &[
        (Server, b"\x4a\x00\x00\x00\x0a8.0.36\x00\x0b\x00\x00\x00abcdefgh\x00\xff\xff\xff\x02\x00\xff\xdf\x15"),
        (Client, b"\x20\x00\x00\x01\x85\xae\xff\x19\x00\x00\x00\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ]),
    ("CONNECT", 3128, &[
        (Client, b"CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n"),
        (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ]),
    // Version 4, connect, port 443, an address, an empty user; with a name behind it in SOCKS4a.
    ("SOCKS4", 1080, &[
        (Client, b"\x04\x01\x01\xbb\xc0\x00\x02\x07\x00"),
        (Server, b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    ]),
    ("SOCKS4a", 1080, &[
        (Client, b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00host.example\x00"),
        (Server, b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    ]),
    ("SOCKS5", 1080, &[
        (Client, b"\x05\x01\x00"),
        (Server, b"\x05\x00"),
        (Client, b"\x05\x01\x00\x03\x0chost.example\x01\xbb"),
        (Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
    ]),
    ("PROXY", 443, &[(Client, b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n")]),
];

const NAME: (&str, NameSource) = ("www.youtube.com", NameSource::TlsSni);

fn is_named(talk: &Talk) -> bool {
    talk.speaks(Protocol::Tls) && talk.names().contains(&NAME)
}

#[test]
fn no_datagrams_hide_what_comes_later_in_their_flow() {
    let (quic, dtls) = (datagrams(QUIC_CLIENT), datagrams(DTLS_CLIENT));
    let like_dtls = hex("17 fefd 0001 000000000001 0001 78");
    let like_quic = [&hex("c0 00000001 08 6162636465666768 00")[..], &[0; 1200]].concat();
    for junk in [&b""[..], b"x", b"something else", &like_dtls, &like_quic] {
        let (mut over_quic, mut over_dtls) = (Talk::udp(), Talk::udp());
        for _ in 0..50 {
            over_quic.datagram(Client, junk);
            over_dtls.datagram(Client, junk);
        }
        quic.iter()
            .for_each(|said| over_quic.datagram(Client, said));
        dtls.iter()
            .for_each(|said| over_dtls.datagram(Client, said));
        assert!(over_quic.speaks(Protocol::Quic) && over_dtls.speaks(Protocol::Dtls));
        assert_eq!(over_quic.names().len(), 1, "{junk:?}");
        assert_eq!(over_dtls.names().len(), 1, "{junk:?}");
    }
}

#[test]
fn dtls_is_read_behind_the_preamble_of_capwap() {
    let (mut plain, mut wrapped) = (Talk::udp(), Talk::udp());
    for (side, flight) in [(Client, DTLS_CLIENT), (Server, DTLS_SERVER)] {
        for said in datagrams(flight) {
            plain.datagram(side, &said);
            wrapped.datagram(side, &[&[1, 0, 0, 0], &said[..]].concat());
        }
    }
    assert!(!plain.names().is_empty());
    assert_eq!(wrapped.evidence, plain.evidence);
    let mut other = Talk::udp();
    for said in datagrams(DTLS_CLIENT) {
        other.datagram(Client, &[&[1, 0, 0, 1], &said[..]].concat());
    }
    assert!(!other.speaks(Protocol::Dtls) && other.names().is_empty());
}

#[test]
fn protocols_that_take_turns_in_a_flow_leave_each_other_whole() {
    let mut talk = Talk::udp();
    let (quic, dtls) = (datagrams(QUIC_CLIENT), datagrams(DTLS_CLIENT));
    for i in 0..quic.len().max(dtls.len()) {
        for said in [quic.get(i), dtls.get(i)].into_iter().flatten() {
            talk.datagram(Client, said);
        }
    }
    assert_eq!(talk.names().len(), 2);
}

#[test]
fn a_hello_is_read_behind_what_each_protocol_says_before_it() {
    for hello in [CHROME, CURL_TLS12].map(hex) {
        for (protocol, port, before) in BEFORE_TLS {
            let mut talk = Talk::tcp(*port);
            for (side, said) in *before {
                talk.say(*side, said);
            }
            let (first, rest) = hello.split_at(200);
            talk.say(Client, first);
            talk.say(Client, rest);
            talk.say(Server, &hex(SERVER_FLIGHT));
            assert!(is_named(&talk), "{protocol}");
            assert_eq!(talk.choice(), Some(0x0303), "{protocol}");
        }
    }
}

#[test]
fn a_hello_is_read_in_one_piece_with_what_the_client_says_before_it() {
    let hello = hex(CHROME);
    for (protocol, port, before) in BEFORE_TLS {
        let theirs = before.iter().filter(|(side, _)| *side == Client);
        let words: Vec<u8> = theirs.flat_map(|(_, said)| said.iter().copied()).collect();
        let together = [&words[..], &hello].concat();
        // Whole, and cut at every place around the hello's beginning and in it.
        let end = words.len() + 60;
        for cut in (words.len().saturating_sub(5)..end).chain([together.len() - 1, together.len()])
        {
            let mut talk = Talk::tcp(*port);
            talk.say(Client, &together[..cut]);
            talk.say(Client, &together[cut..]);
            assert!(is_named(&talk), "{protocol}, cut at {cut}");
        }
        // A capture that kept no more than the name.
        let mut talk = Talk::tcp(*port);
        talk.say_cut(Client, &together, together.len() - 1);
        assert!(is_named(&talk), "{protocol}");
    }
}

#[test]
fn a_hello_deep_in_a_file_is_none_of_the_flow_s() {
    let mut talk = Talk::tcp(20);
    let file = [&[0x80; 1000], &hex(CHROME)[..]].concat();
    talk.say(Client, &file);
    talk.say(Server, &file);
    assert_eq!(talk.names(), []);
}

#[test]
fn an_encrypted_hello_is_told() {
    for (hello, expected) in [(CHROME, true), (CURL_TLS12, false)] {
        let mut talk = Talk::tcp(443);
        talk.say(Client, &hex(hello));
        let told = talk.evidence.iter().any(
            |piece| matches!(piece, Evidence::TlsOffer { has_ech, .. } if *has_ech == expected),
        );
        assert!(told);
    }
}

#[test]
fn dtls_is_read_behind_stun_and_between_it() {
    let stun = hex("0001 0000 2112a442 000102030405060708090a0b");
    let mut talk = Talk::udp();
    for _ in 0..100 {
        talk.datagram(Client, &stun);
        talk.datagram(Server, &stun);
    }
    for datagram in datagrams(DTLS_CLIENT) {
        talk.datagram(Client, &datagram);
        talk.datagram(Server, &stun);
    }
    assert_eq!(talk.names(), [("named.example.org", NameSource::DtlsSni)]);
    assert!(talk.speaks(Protocol::Dtls) && !talk.speaks(Protocol::Tls));
}

#[test]
fn a_port_of_dns_does_not_hide_dtls() {
    let mut talk = Talk::new(IpProtocol::UDP, DNS_PORT);
    for datagram in datagrams(DTLS_CLIENT) {
        talk.datagram(Client, &datagram);
    }
    assert_eq!(talk.names(), [("named.example.org", NameSource::DtlsSni)]);
}

/// Indices that `order` picks among `len` pieces, and then all of them, the last first.
fn shuffled(order: &[prop::sample::Index], len: usize) -> Vec<usize> {
    let picked = order.iter().map(|index| index.index(len));
    picked.chain((0..len).rev()).collect()
}

/// Where to cut `len` bytes: at both ends, and at these places.
fn borders(cuts: &[prop::sample::Index], len: usize) -> Vec<usize> {
    let mut borders: Vec<usize> = cuts.iter().map(|cut| cut.index(len)).collect();
    borders.extend([0, len]);
    borders.sort_unstable();
    borders.dedup();
    borders
}

proptest! {
    #[test]
    fn any_records_segments_order_and_repetition_give_the_same_name(
        record in 1usize..3000,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        overlap in 0usize..20,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        behind in any::<bool>(),
    ) {
        let mut bytes = if behind { b"STARTTLS\r\n".to_vec() } else { Vec::new() };
        for fragment in hex(CHROME)[5..].chunks(record) {
            bytes.extend([22, 3, 1]);
            bytes.extend((fragment.len() as u16).to_be_bytes());
            bytes.extend(fragment);
        }
        // Behind other words a hello has to be whole, and of long ones every byte is not asked for: more must come.
        bytes.extend(hex("17 0303 0190"));
        bytes.extend([0x5a; 400]);
        let borders = borders(&cuts, bytes.len());
        let mut talk = Talk::tcp(443);
        for i in shuffled(&order, borders.len() - 1) {
            let piece = &bytes[borders[i]..(borders[i + 1] + overlap).min(bytes.len())];
            talk.segment(Client, ACK, 1000 + borders[i] as u32, piece);
        }
        prop_assert_eq!(talk.names(), [NAME]);
        prop_assert!(talk.speaks(Protocol::Tls));
    }

    #[test]
    fn any_segments_order_and_repetition_give_the_same_certificate(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let bytes = hex(SERVER_FLIGHT);
        let borders = borders(&cuts, bytes.len());
        let mut talk = Talk::tcp(443);
        talk.say(Client, &hex(UNNAMED));
        for i in shuffled(&order, borders.len() - 1) {
            talk.segment(Server, ACK, 2000 + borders[i] as u32, &bytes[borders[i]..borders[i + 1]]);
        }
        prop_assert_eq!(talk.names().len(), CERTIFIED.0);
    }

    #[test]
    fn any_order_and_repetition_of_datagrams_give_the_same_dtls_name(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let datagrams = datagrams(DTLS_CLIENT);
        let mut talk = Talk::udp();
        for i in shuffled(&order, datagrams.len()) {
            talk.datagram(Client, &datagrams[i]);
        }
        prop_assert_eq!(talk.names(), [("named.example.org", NameSource::DtlsSni)]);
    }
}
