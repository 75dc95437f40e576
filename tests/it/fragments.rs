//! Fragmented datagrams through the whole program: what comes far apart still shares one verdict.

use crate::program::{Bench, run_with_input};
use crate::records;

/// Bytes of a filler packet's payload.
const FILLER_LEN: usize = 472;

/// A DNS question for `far.fragment.example` from port 40000, as a UDP datagram.
fn question() -> Vec<u8> {
    let mut message =
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03far\x08fragment\x07example\0\0\x01\0\x01".to_vec();
    let mut datagram = vec![0x9c, 0x40, 0, 53];
    datagram.extend_from_slice(&(8 + message.len() as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.append(&mut message);
    datagram
}

fn record(packet: &[u8]) -> Vec<u8> {
    let len = (packet.len() as u32).to_le_bytes();
    let head = [[0; 4], [0; 4], len, len].concat();
    [&head, packet].concat()
}

fn ipv4(field: u16, from: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&(20 + content.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[0, 9]);
    packet.extend_from_slice(&field.to_be_bytes());
    packet.extend_from_slice(&[64, 17, 0, 0, 10, 0, 0, from, 10, 0, 1, 53]);
    packet.extend_from_slice(content);
    packet
}

/// The question in two fragments, the last first, with `fillers` packets of other flows between them; raw IP.
fn capture(fillers: usize) -> Vec<u8> {
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    let question = question();
    let (front, back) = question.split_at(32);
    file.extend(record(&ipv4(4, 1, back)));
    let mut filler = vec![0x30, 0x39, 0x23, 0x28, 0, 0, 0, 0];
    filler.resize(8 + FILLER_LEN, 0xff);
    for i in 0..fillers {
        filler[0..2].copy_from_slice(&(20_000 + (i % 100) as u16).to_be_bytes());
        file.extend(record(&ipv4(0, 2, &filler)));
    }
    file.extend(record(&ipv4(0x2000, 1, front)));
    file
}

const RULE: [&str; 2] = ["--block-domain", "far.fragment.example"];

#[test]
fn a_fragment_that_came_long_before_the_first_goes_with_it() {
    let bench = Bench::new();
    let bytes = capture(3000);
    let path = bench.put("far.pcap", &bytes);
    let all = records::read(&bytes).packets;
    let ends = [all[0], all[all.len() - 1]];
    for options in [&[][..], &["--whole-flow"]] {
        let filtered = bench.filter(&path, &[&RULE, options].concat());
        assert_eq!(records::read(filtered.gone()).packets, ends, "{options:?}");
        assert_eq!(
            records::read(filtered.kept()).packets,
            all[1..all.len() - 1]
        );
        let flow = &filtered.flow_lines()[0];
        assert_eq!(
            (&flow["packets"], &flow["src_port"]),
            (&2.into(), &40_000.into())
        );
    }
}

#[test]
fn a_pipe_gives_what_the_file_gives() {
    let bench = Bench::new();
    let bytes = capture(3000);
    let path = bench.put("far.pcap", &bytes);
    let from_file = bench.filter(&path, &RULE);
    let from_pipe = run_with_input([&["-", "-"][..], &RULE].concat(), &bytes);
    assert!(from_pipe.stdout == from_file.kept());
}

#[test]
fn what_never_comes_is_not_waited_for() {
    let bench = Bench::new();
    let bytes = capture(6000);
    let path = bench.put("too-far.pcap", &bytes);
    let filtered = bench.filter(&path, &RULE);
    assert!(
        filtered.kept() == bytes,
        "each part by itself says too little"
    );
    let packets: u64 = filtered
        .flow_lines()
        .iter()
        .map(|flow| flow["packets"].as_u64().unwrap())
        .sum();
    assert_eq!(packets, 6002);
}
