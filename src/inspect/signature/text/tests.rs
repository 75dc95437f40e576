//! One sample of each protocol: each is told by its own look alone, however it is cut or damaged.

use super::super::{Opening, testing};
use super::{DATAGRAMS, STREAMS};
use crate::inspect::testing::{each_mutation, hex};
use crate::protocol::Protocol;

/// What is said in lines of text: by the client, by the server.
const TEXTS: [(Protocol, &str, &str); 12] = [
    (
        Protocol::Ssh,
        "SSH-2.0-OpenSSH_9.7\r\n",
        "SSH-2.0-dropbear_2022.83\r\n",
    ),
    (
        Protocol::Ftp,
        "USER anonymous\r\n",
        "220 FTP server ready.\r\n",
    ),
    (
        Protocol::Smtp,
        "EHLO client.example.org\r\n",
        "220 mx.example.org ESMTP\r\n",
    ),
    (
        Protocol::Imap,
        "a001 CAPABILITY\r\n",
        "* OK IMAP4rev2 ready\r\n",
    ),
    (
        Protocol::Pop3,
        "CAPA\r\n",
        "+OK POP3 ready <1896.697170952@example.org>\r\n",
    ),
    (
        Protocol::Nntp,
        "MODE READER\r\n",
        "200 news.example.org NNTP ready\r\n",
    ),
    (
        Protocol::Irc,
        "NICK me\r\nUSER me 0 * :Me\r\n",
        ":irc.example.org NOTICE * :*** Hi\r\n",
    ),
    (
        Protocol::Xmpp,
        "<?xml version='1.0'?><stream:stream to='a'>",
        "<stream:features>",
    ),
    (
        Protocol::Sip,
        "OPTIONS sip:a@example.org SIP/2.0\r\n",
        "SIP/2.0 200 OK\r\n",
    ),
    (
        Protocol::Rtsp,
        "OPTIONS rtsp://example.org/ RTSP/1.0\r\n",
        "RTSP/1.0 200 OK\r\n",
    ),
    (
        Protocol::Syslog,
        "<34>Oct 11 22:14:15 mymachine su: failed\n",
        "",
    ),
    (Protocol::Vnc, "RFB 003.008\n", "RFB 003.008\n"),
];

/// What a connection between ports that nobody knows speaks, of which the beginning was captured.
pub(super) fn spoken(client: &[u8], server: &[u8]) -> Option<Protocol> {
    at_port(9999, client, server)
}

/// Whether that is `protocol`.
pub(super) fn speaks(protocol: Protocol, client: &[u8], server: &[u8]) -> bool {
    spoken(client, server) == Some(protocol)
}

/// What a connection to this port speaks.
pub(super) fn at_port(server_port: u16, client: &[u8], server: &[u8]) -> Option<Protocol> {
    protocols(&opening(server_port, client, server))
        .first()
        .copied()
}

/// What a connection speaks of which the beginning was not captured, so that its sides are a guess.
pub(super) fn late(client: &[u8], server: &[u8]) -> Option<Protocol> {
    let guess = Opening {
        is_certain: false,
        ..opening(9999, client, server)
    };
    let exchanged = Opening {
        client: server,
        server: client,
        ..guess
    };
    let either = protocols(&guess).into_iter().chain(protocols(&exchanged));
    either.into_iter().next()
}

/// What a datagram to this port is of, when that is beyond doubt.
pub(super) fn datagram(dst_port: u16, bytes: &[u8]) -> Option<Protocol> {
    testing::sure_of(DATAGRAMS, &testing::datagram(bytes, 40_000, dst_port))
}

fn opening<'a>(server_port: u16, client: &'a [u8], server: &'a [u8]) -> Opening<'a> {
    Opening {
        server_port,
        ..testing::opening(client, server)
    }
}

fn protocols(opening: &Opening<'_>) -> Vec<Protocol> {
    testing::check_stream_table(opening);
    STREAMS
        .iter()
        .filter_map(|(_, look)| look(opening)?.protocol)
        .collect()
}

/// What the two sides of connections begin with.
fn samples() -> Vec<(Protocol, Vec<u8>, Vec<u8>)> {
    let rtmp: Vec<u8> = hex("03 00a4b2c3 00000000")
        .into_iter()
        .chain((0..247_u32).map(|n| (n * 167 + 13) as u8))
        .collect();
    let mut samples = vec![
        (Protocol::Telnet, hex("fffb1f fffb18"), hex("fffd18 fffd1f")),
        (Protocol::Rtmp, rtmp.clone(), rtmp),
        (
            Protocol::Rdp,
            hex("03000013 0ee0000000000001 000800 0b000000"),
            hex("03000013 0ed0000012340002 1f0800 02000000"),
        ),
    ];
    let texts = TEXTS.iter().map(|(protocol, client, server)| {
        (
            *protocol,
            client.as_bytes().to_vec(),
            server.as_bytes().to_vec(),
        )
    });
    samples.extend(texts);
    samples
}

#[test]
fn each_connection_is_told_by_one_look_alone() {
    for (protocol, client, server) in samples() {
        assert_eq!(protocols(&opening(9999, &client, &server)), [protocol]);
    }
}

#[test]
fn a_cut_connection_is_told_the_same_or_not_at_all() {
    for (protocol, client, server) in samples() {
        for cut in 0..client.len() {
            let told = spoken(&client[..cut], b"");
            assert!(
                told.is_none_or(|told| told == protocol),
                "{protocol} {cut}: {told:?}"
            );
        }
        for cut in 0..server.len() {
            let told = spoken(b"", &server[..cut]);
            assert!(
                told.is_none_or(|told| told == protocol),
                "{protocol} {cut}: {told:?}"
            );
        }
    }
}

#[test]
fn damaged_connections_never_panic() {
    for (_, client, server) in samples() {
        each_mutation(&client, 300, |bytes| {
            late(bytes, &server);
        });
        each_mutation(&server, 300, |bytes| {
            late(&client, bytes);
        });
    }
}

#[test]
fn damaged_and_cut_datagrams_never_panic() {
    for (text, protocol) in [
        ("M-SEARCH * HTTP/1.1\r\nHOST: x\r\n", Protocol::Ssdp),
        ("HTTP/1.1 200 OK\r\nST: x\r\n", Protocol::Ssdp),
        ("INVITE sip:bob@example.org SIP/2.0\r\n", Protocol::Sip),
        (
            "<34>1 2003-10-11T22:14:15.003Z host su - - - x",
            Protocol::Syslog,
        ),
        ("RSIP 1201 aaln/1@example.org MGCP 1.0\r\n", Protocol::Mgcp),
    ] {
        let bytes = text.as_bytes();
        assert_eq!(datagram(9999, bytes), Some(protocol));
        for cut in 0..bytes.len() {
            let told = datagram(9999, &bytes[..cut]);
            assert!(told.is_none_or(|told| told == protocol), "{protocol} {cut}");
        }
        each_mutation(bytes, 1000, |bytes| {
            datagram(9999, bytes);
        });
    }
}

#[test]
fn random_bytes_are_nobodys() {
    let mut seed = vec![0x5a; 64];
    seed.extend(hex("0102030405060708090a0b0c0d0e0f"));
    let mut told = 0;
    each_mutation(&seed, 2000, |bytes| {
        told += usize::from(late(bytes, b"").is_some() || datagram(9999, bytes).is_some());
    });
    assert_eq!(told, 0);
}
