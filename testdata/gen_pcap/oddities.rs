//! What is neither web nor lookup: SCTP, ICMP errors, frames that hold nothing readable, one host that never stops.

use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, PacketBuilder};

use super::packet::{Ends, SYN, Segment, ethernet, other, spaced, stations, tcp, udp};
use super::{Capture, Truth, dns, pcap};

fn file(name: &'static str, truth: Truth, frames: Vec<Vec<u8>>) -> Capture {
    let bytes = pcap::file(pcap::USUAL, &spaced(frames));
    Capture { name, bytes, truth }
}

/// The checksum of SCTP, RFC 9260 appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

fn sctp_packet(ends: Ends, tag: u32, chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(ends.from.port().to_be_bytes());
    out.extend(ends.to.port().to_be_bytes());
    out.extend(tag.to_be_bytes());
    out.extend([0; 4]);
    out.extend(chunk);
    let crc = crc32c(&out);
    out[8..12].copy_from_slice(&crc.to_le_bytes());
    ethernet(&other(ends, 132, &out), &[])
}

fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let len = (value.len() as u16 + 4).to_be_bytes();
    let mut out = [&[kind, flags][..], &len, value].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An association: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, DATA, SACK.
fn sctp() -> Capture {
    let ends = Ends::new("192.168.1.2:50900", "192.168.1.21:50901");
    let back = ends.reversed();
    let init = |tag: u32| {
        let rest = b"\x00\x01\x00\x00\x00\x0a\x00\x0a\x00\x00\x00\x01";
        [&tag.to_be_bytes()[..], rest].concat()
    };
    let cookie = b"\x00\x07\x00\x0cbiscuits";
    let data = b"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00hello";
    let frames = vec![
        sctp_packet(ends, 0, &chunk(1, 0, &init(0x1111))),
        sctp_packet(
            back,
            0x1111,
            &chunk(2, 0, &[&init(0x2222)[..], cookie].concat()),
        ),
        sctp_packet(ends, 0x2222, &chunk(10, 0, b"biscuits")),
        sctp_packet(back, 0x1111, &chunk(11, 0, &[])),
        sctp_packet(ends, 0x2222, &chunk(0, 3, data)),
        sctp_packet(
            back,
            0x1111,
            &chunk(3, 0, b"\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
        ),
    ];
    file("sctp.pcap", Truth::new(frames.len(), 1, &[]), frames)
}

/// A query that nobody serves: the ICMP error quotes it and goes where it goes; the error is a flow of its own.
fn icmp_error() -> Capture {
    let ends = Ends::new("192.168.1.2:47001", "192.168.1.30:53");
    let query = udp(ends, &dns::query(1, b"nobody.error.example", dns::A));
    let mut error = Vec::new();
    PacketBuilder::ipv4([192, 168, 1, 30], [192, 168, 1, 2], 64)
        .icmpv4(Icmpv4Type::DestinationUnreachable(
            DestUnreachableHeader::Port,
        ))
        .write(&mut error, &query)
        .expect("fits");
    let frames = vec![ethernet(&query, &[]), ethernet(&error, &[])];
    let names = [("nobody.error.example", "dns_query")];
    file("icmp_error.pcap", Truth::new(2, 2, &names), frames)
}

/// Frames that hold no IP packet, or none that can be read; and one good query among them.
fn undecoded() -> Capture {
    let ends = Ends::new("192.168.1.2:48001", "192.168.1.1:53");
    let ip = udp(ends, &dns::query(1, b"good.undecoded.example", dns::A));
    let good = ethernet(&ip, &[]);
    let stations = stations(&ip).concat();
    let lldp = [
        &stations[..],
        b"\x88\xcc\x02\x07\x04\x02\x00\xc0\xa8\x01\x02\x00\x00",
    ]
    .concat();
    let spanning_tree = [&stations[..], b"\x00\x07\x42\x42\x03\x00\x00\x00\x00"].concat();
    let mut short_header = good.clone();
    short_header[14] = 0x43; // an IPv4 header of 12 bytes
    let mut version_9 = good.clone();
    version_9[14] = 0x95;
    let frames = vec![
        lldp,
        spanning_tree,
        Vec::new(),
        good[..5].to_vec(),
        good[..24].to_vec(),
        good.clone(),
        short_header,
        version_9,
    ];
    let truth = Truth {
        undecoded: frames.len() - 1,
        ..Truth::new(frames.len(), 1, &[("good.undecoded.example", "dns_query")])
    };
    file("undecoded.pcap", truth, frames)
}

/// More than a hundred attempts of one host at one server.
fn high_volume() -> Capture {
    let frames: Vec<_> = (0..101)
        .map(|i| {
            let ends = Ends::new(&format!("192.168.1.9:{}", 53_000 + i), "203.0.113.9:443");
            let segment = Segment {
                flags: SYN,
                seq: i,
                ack: 0,
                payload: &[],
            };
            ethernet(&tcp(ends, segment), &[])
        })
        .collect();
    file("high_volume.pcap", Truth::new(101, 101, &[]), frames)
}

pub(crate) fn all() -> Vec<Capture> {
    vec![sctp(), icmp_error(), undecoded(), high_volume()]
}
