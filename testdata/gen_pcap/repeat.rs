//! One capture, many times over: each time later, and with other clients, so that every flow is a new one.
//!
//! For measurements, which want more traffic than a repository should hold. Servers, names and all other bytes stay as they are.

use std::io::{self, Write};
use std::ops::Range;

/// Magic of a little-endian pcap with microseconds.
const MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;

/// Time between the last packet of a round and the first of the next, in microseconds.
const PAUSE: u64 = 1_000_000;

/// Rounds that have clients of their own; then the first ones come again.
const ROUNDS: u64 = 1 << 16;

/// EtherTypes: tags, and what they and frames carry.
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// What the addresses of the office's hosts begin with.
const NET_V4: [u8; 2] = [192, 168];
const NET_V6: [u8; 6] = [0x20, 0x01, 0x0d, 0xb8, 0, 1];

/// Writes `capture` again and again until there are `size` bytes or more; returns the number of packets.
///
/// * `capture`: a little-endian pcap with microseconds, of whole Ethernet frames.
pub(crate) fn repeat(capture: &[u8], size: u64, out: &mut impl Write) -> io::Result<u64> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "no such capture to repeat");
    let (head, records) = capture
        .split_at_checked(FILE_HEADER_LEN)
        .filter(|(head, _)| head.starts_with(&MAGIC))
        .ok_or_else(broken)?;
    let records = read(records).ok_or_else(broken)?;
    let times = || records.iter().map(|(at, _)| *at);
    let period = times().max().ok_or_else(broken)? - times().min().ok_or_else(broken)? + PAUSE;

    out.write_all(head)?;
    let (mut written, mut packets) = (head.len() as u64, 0);
    for round in 0.. {
        if written >= size {
            break;
        }
        for (at, record) in &records {
            let mut record = record.clone();
            let at = at + round * period;
            record[..4].copy_from_slice(&((at / 1_000_000) as u32).to_le_bytes());
            record[4..8].copy_from_slice(&((at % 1_000_000) as u32).to_le_bytes());
            move_clients(&mut record[RECORD_HEADER_LEN..], (round % ROUNDS) as u16);
            out.write_all(&record)?;
            written += record.len() as u64;
            packets += 1;
        }
    }
    Ok(packets)
}

/// Each record with its time in microseconds.
fn read(mut rest: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (header, _) = rest.split_at_checked(RECORD_HEADER_LEN)?;
        let word = |at: usize| {
            header[at..at + 4]
                .iter()
                .rev()
                .fold(0, |w, b| w << 8 | u64::from(*b))
        };
        let at = word(0) * 1_000_000 + word(4);
        let (record, tail) = rest.split_at_checked(RECORD_HEADER_LEN + word(8) as usize)?;
        records.push((at, record.to_vec()));
        rest = tail;
    }
    Some(records)
}

/// Gives each host of the office another address in each round, and keeps its checksums right.
fn move_clients(frame: &mut [u8], round: u16) {
    let mut ethertype = 12;
    while matches!(word(frame, ethertype), Some(VLAN | SERVICE_VLAN)) {
        ethertype += 4;
    }
    let ip = ethertype + 2;
    match word(frame, ethertype) {
        Some(IPV4) if frame.len() >= ip + 20 => {
            let header_len = usize::from(frame[ip] & 0x0f) * 4;
            let is_first = word(frame, ip + 6).is_some_and(|field| field & 0x1fff == 0);
            let protocol = frame[ip + 9];
            for address in [ip + 12, ip + 16] {
                // 192.168.N.H becomes 10.R.R.H: H alone tells them apart.
                if frame[address..].starts_with(&NET_V4) {
                    let [high, low] = round.to_be_bytes();
                    let host = frame[address + 3];
                    let new = [10, high, low, host];
                    let sums = [
                        Some(ip + 10),
                        checksum(protocol, ip + header_len).filter(|_| is_first),
                    ];
                    put(frame, address..address + 4, &new, sums);
                }
            }
        }
        Some(IPV6) if frame.len() >= ip + 40 => {
            let sums = [None, checksum(frame[ip + 6], ip + 40)];
            for address in [ip + 8, ip + 24] {
                // The fourth word is the number of the subnet.
                if frame[address..].starts_with(&NET_V6) {
                    put(frame, address + 6..address + 8, &round.to_be_bytes(), sums);
                }
            }
        }
        _ => {}
    }
}

/// Where the checksum over the addresses stands in a transport's header that begins at `start`.
fn checksum(protocol: u8, start: usize) -> Option<usize> {
    match protocol {
        6 => Some(start + 16),
        17 => Some(start + 6),
        58 => Some(start + 2),
        _ => None,
    }
}

/// Puts `new` at `place`, and what that changes into each of the checksums.
///
/// Source: RFC 1624 §3.
fn put(frame: &mut [u8], place: Range<usize>, new: &[u8], sums: [Option<usize>; 2]) {
    for sum in sums.into_iter().flatten() {
        let Some(old_sum) = word(frame, sum) else {
            continue;
        };
        let mut total = u32::from(!old_sum);
        for (at, new) in place.clone().step_by(2).zip(new.chunks(2)) {
            let old = word(frame, at).unwrap_or_default();
            total += u32::from(!old) + new.iter().fold(0, |w, b| w << 8 | u32::from(*b));
        }
        while total > 0xffff {
            total = (total & 0xffff) + (total >> 16);
        }
        frame[sum..sum + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
    }
    frame[place].copy_from_slice(new);
}

/// Two bytes of `frame`, as a number.
fn word(frame: &[u8], at: usize) -> Option<u16> {
    let bytes = frame.get(at..at + 2)?;
    Some(bytes.iter().fold(0, |w, b| w << 8 | u16::from(*b)))
}
