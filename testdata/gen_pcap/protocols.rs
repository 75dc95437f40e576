//! A short flow of each of many protocols, every one on a port that means nothing; and one to a port that does, which carries nothing.

use super::packet::{ACK, Ends, FIN, MS, PSH, Packet, START, ethernet, udp};
use super::tcp::Side::{self, Client, Server};
use super::tcp::Tcp;
use super::{Capture, Truth, pcap};

/// First of the ports of servers, of which each flow has one.
const FIRST_PORT: u16 = 61_000;
/// The port of SSH.
const SSH_PORT: u16 = 22;

/// What is said, and by whom.
type Line = (Side, &'static [u8]);

/// A flow, as it was made.
pub(crate) struct Spoken {
    /// The word for its protocol in reports.
    pub(crate) protocol: &'static str,
    /// The port of its server.
    pub(crate) port: u16,
    /// Index of the packet, among the flow's own, that tells the protocol; `None` where none does.
    pub(crate) told: Option<usize>,
    packets: Vec<(u64, Vec<u8>)>,
}

/// What is said over TCP; the last line tells the protocol.
const STREAMS: [(&str, &[Line]); 22] = [
    ("SSH", &[(Server, b"SSH-2.0-OpenSSH_9.7\r\n")]),
    (
        "FTP",
        &[
            (Server, b"220 Welcome.\r\n"),
            (Client, b"USER anonymous\r\n"),
        ],
    ),
    (
        "SMTP",
        &[
            (Server, b"220 mail.example.org\r\n"),
            (Client, b"EHLO client.example.org\r\n"),
        ],
    ),
    ("IMAP", &[(Server, b"* OK IMAP4rev2 ready\r\n")]),
    (
        "POP3",
        &[(Server, b"+OK ready\r\n"), (Client, b"USER me\r\n")],
    ),
    (
        "NNTP",
        &[
            (Server, b"200 news.example.org\r\n"),
            (Client, b"MODE READER\r\n"),
        ],
    ),
    ("IRC", &[(Client, b"NICK me\r\nUSER me 0 * :Me\r\n")]),
    ("Telnet", &[(Server, b"\xff\xfd\x18\xff\xfd\x1f")]),
    (
        "XMPP",
        &[(
            Client,
            b"<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client'>",
        )],
    ),
    (
        "RTSP",
        &[(
            Client,
            b"OPTIONS rtsp://example.org/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        )],
    ),
    (
        "VNC",
        &[(Server, b"RFB 003.008\n")],
    ),
    // TPKT, a connection request of X.224, and what security is offered: MS-RDPBCGR §4.1.1.
    (
        "RDP",
        &[(
            Client,
            b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        )],
    ),
    // A marker, and OPEN: RFC 4271 §4.1, §4.2.
    (
        "BGP",
        &[(
            Client,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x1d\x01\x04\xfd\xe8\0\xb4\xc0\0\x02\x01\0",
        )],
    ),
    // Version 10: thread 12, a scramble, what the server can do.
    (
        "MySQL",
        &[(
            Server,
            b"\x4a\0\0\0\x0a8.0.36\0\x0c\0\0\0aaaaaaaa\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0caching_sha2_password\0",
        )],
    ),
    // StartupMessage, version 3.
    (
        "PostgreSQL",
        &[(Client, b"\0\0\0\x11\0\x03\0\0user\0me\0\0")],
    ),
    ("Redis", &[(Client, b"*1\r\n$4\r\nPING\r\n"), (Server, b"+PONG\r\n")]),
    // OP_MSG that holds { ping: 1 }.
    (
        "MongoDB",
        &[(
            Client,
            b"\x25\0\0\0\x02\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x10\0\0\0\x10ping\0\x01\0\0\0\0",
        )],
    ),
    // CONNECT, version 3.1.1.
    (
        "MQTT",
        &[(Client, b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04test")],
    ),
    ("AMQP", &[(Client, b"AMQP\0\0\x09\x01")]),
    // An anonymous bind, and that it succeeded: RFC 4511 §4.2.
    (
        "LDAP",
        &[
            (Client, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0"),
            (Server, b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0"),
        ],
    ),
    // No authentication is offered, and taken: RFC 1928 §3.
    ("SOCKS", &[(Client, b"\x05\x01\0"), (Server, b"\x05\0")]),
    (
        "BitTorrent",
        &[(
            Client,
            b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa-XX0001-bbbbbbbbbbbb",
        )],
    ),
];

/// What is said in datagrams; the last one tells the protocol.
const DATAGRAMS: [(&str, &[Line]); 9] = [
    (
        "SIP",
        &[(Client, b"OPTIONS sip:a@example.org SIP/2.0\r\nMax-Forwards: 70\r\n\r\n")],
    ),
    (
        "syslog",
        &[(Client, b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed")],
    ),
    (
        "SSDP",
        &[(Client, b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n")],
    ),
    // A binding request without attributes, RFC 8489 §5.
    (
        "STUN",
        &[(Client, b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl")],
    ),
    // Version 1, `public` asks for sysDescr.
    (
        "SNMP",
        &[(
            Client,
            b"\x30\x26\x02\x01\0\x04\x06public\xa0\x19\x02\x04\x1a\x2b\x3c\x4d\x02\x01\0\x02\x01\0\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\0",
        )],
    ),
    ("TFTP", &[(Client, b"\0\x01boot.img\0octet\0")]),
    // RFC 2865 §7.1.
    (
        "RADIUS",
        &[(
            Client,
            b"\x01\0\0\x38\x0f\x40\x3f\x94\x73\x97\x80\x57\xbd\x83\xd5\xcb\x98\xf4\x22\x7a\x01\x06nemo\x02\x12\x0d\xbe\x70\x8d\x93\xd4\x13\xce\x31\x96\xe4\x3f\x78\x2a\x0a\xee\x04\x06\xc0\xa8\x01\x10\x05\x06\0\0\0\x03",
        )],
    ),
    // IKE_SA_INIT with an empty security association, RFC 7296 §3.1.
    (
        "IKE",
        &[(
            Client,
            b"abcdefgh\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x20\0\0\0\x04",
        )],
    ),
    // Three requests for a path, one after the other: RFC 7252 §3.
    (
        "CoAP",
        &[
            (Client, b"\x40\x01\x7d\x34\xbbtemperature"),
            (Client, b"\x40\x01\x7d\x35\xbbtemperature"),
            (Client, b"\x40\x01\x7d\x36\xbbtemperature"),
        ],
    ),
];

fn ends(number: u16, port: u16) -> Ends {
    let client = format!("192.168.1.2:{}", 52_000 + number);
    Ends::new(&client, &format!("192.0.2.1:{port}"))
}

fn stream((number, (protocol, lines)): (u16, (&'static str, &[Line]))) -> Spoken {
    let port = FIRST_PORT + number;
    let mut tcp = Tcp::new(ends(number, port), START + u64::from(number) * 10 * MS).open();
    let mut told = tcp.len();
    for (side, bytes) in lines {
        told = tcp.len();
        tcp.send(*side, ACK | PSH, bytes);
    }
    tcp.close();
    Spoken {
        protocol,
        port,
        told: Some(told),
        packets: tcp.packets,
    }
}

fn datagrams((number, (protocol, lines)): (u16, (&'static str, &[Line]))) -> Spoken {
    let port = FIRST_PORT + number;
    let there = ends(number, port);
    let packets = (0..).zip(lines).map(|(nth, (side, bytes))| {
        let ends = match side {
            Client => there,
            Server => there.reversed(),
        };
        let at = START + u64::from(number) * 10 * MS + nth * MS;
        (at, udp(ends, bytes))
    });
    Spoken {
        protocol,
        port,
        told: Some(lines.len() - 1),
        packets: packets.collect(),
    }
}

/// A connection to the port of SSH that is closed before anybody has said anything.
fn silent(number: u16) -> Spoken {
    let at = START + u64::from(number) * 10 * MS;
    let mut tcp = Tcp::new(ends(number, SSH_PORT), at).open();
    tcp.send(Client, FIN | ACK, &[]);
    tcp.send(Server, FIN | ACK, &[]);
    Spoken {
        protocol: "SSH",
        port: SSH_PORT,
        told: None,
        packets: tcp.packets,
    }
}

/// Every flow, in order of its first packet.
pub(crate) fn flows() -> Vec<Spoken> {
    let mut flows: Vec<Spoken> = (0..).zip(STREAMS).map(stream).collect();
    flows.extend((STREAMS.len() as u16..).zip(DATAGRAMS).map(datagrams));
    flows.push(silent((STREAMS.len() + DATAGRAMS.len()) as u16));
    flows
}

pub(crate) fn capture() -> Capture {
    let flows = flows();
    let mut packets: Vec<_> = flows.iter().flat_map(|flow| &flow.packets).collect();
    packets.sort_by_key(|(at, _)| *at);
    let packets: Vec<Packet> = packets
        .into_iter()
        .map(|(at, ip)| Packet::new(*at, ethernet(ip, &[])))
        .collect();
    Capture {
        name: "protocols.pcap",
        bytes: pcap::file(pcap::USUAL, &packets),
        truth: Truth::new(packets.len(), flows.len(), &[]),
    }
}
