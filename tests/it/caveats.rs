//! What the program did not find, or doubts, it says: in the report, the same for every number of workers.

use serde_json::Value;

use crate::program::{Bench, list};

/// A capture of raw IP packets.
fn capture(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        bytes.extend(word.to_le_bytes());
    }
    for packet in packets {
        let len = packet.len() as u32;
        for word in [1_700_000_000, 0, len, len] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(packet);
    }
    bytes
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(payload);
    packet
}

/// A TCP segment from `port` to port 8000.
fn tcp(port: u16, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [port.to_be_bytes(), 8000u16.to_be_bytes()].concat();
    segment.extend(seq.to_be_bytes());
    segment.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ip(6, &segment)
}

/// A multicast DNS datagram that asks `questions` times for the name `a`.
fn questions(questions: u16) -> Vec<u8> {
    let mut message = vec![0; 12];
    message[4..6].copy_from_slice(&questions.to_be_bytes());
    for _ in 0..questions {
        message.extend(b"\x01a\0\0\x01\0\x01");
    }
    let len = 8 + message.len() as u16;
    let mut datagram = [5353u16, 5353, len, 0].map(u16::to_be_bytes).concat();
    datagram.extend(message);
    ip(17, &datagram)
}

#[test]
fn lost_pieces_contradictions_and_unread_questions_are_told() {
    const SYN: u8 = 2;
    const ACK: u8 = 0x10;
    let mut packets = vec![questions(70)];
    for port in 1..=9 {
        packets.push(tcp(port, 0, SYN, b""));
        // Waits for what comes before it, and is contradicted twice.
        packets.push(tcp(port, 10, ACK, b"waiting"));
        packets.push(tcp(port, 11, ACK, b"other"));
        packets.push(tcp(port, 5, ACK, b"other too"));
    }
    for i in 0..70 {
        packets.push(tcp(5, 100 + i, ACK, b"x"));
    }
    let bench = Bench::new();
    let input = bench.path("doubtful.pcap");
    std::fs::write(&input, capture(&packets)).unwrap();
    let mut reports = ["1", "2", "8"].map(|workers| {
        let filtered = bench.filter(&input, &["--workers", workers]);
        (filtered.run.text().to_owned(), filtered.json())
    });
    let (text, report) = &reports[0];
    let warnings: Vec<&str> = list(report, "/warnings")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        warnings,
        [
            "TCP streams have holes: 1 lost piece in 1 flow had to be given up, when more than 64 segments or 65536 bytes waited behind; names in them may be missing",
            "TCP segments contradict each other: 18 segments in 9 flows had other bytes than had come before for the same place; what came first was read",
            "DNS messages were not read to their end: 6 questions in 1 flow stood behind the first 64 of a message",
        ]
    );
    assert!(text.contains("18 segments in 9"), "{text}");
    reports.reverse();
    let [eight, two, one] = reports;
    assert!(one == two && two == eight);
}
