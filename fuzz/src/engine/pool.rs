//! Captures made of real flows: which packet comes next, and what becomes of it, is a script's to say.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use dpi_engine::key::FlowKey;
use dpi_engine::packet::LinkType;
use dpi_engine::wire::decode;

use crate::capture;
use crate::script::Script;

/// Packets of a script, and bytes of the capture that it makes.
const MAX_PACKETS: usize = 200;
const MAX_BYTES: usize = 3 << 20;
/// Bytes of a packet that only takes room.
const FILLER_LEN: usize = 60_000;
/// Packets of a flow that are taken up: what comes behind is encrypted.
const MAX_FLOW_PACKETS: usize = 24;
/// Ethernet II: both addresses and the type.
const ETHERNET_LEN: usize = 14;

/// Frames of a flow, in order.
type Flow = Vec<Vec<u8>>;

/// The flows over Ethernet in the recorded captures, in the order of their files' names.
fn flows() -> &'static [Flow] {
    static FLOWS: OnceLock<Vec<Flow>> = OnceLock::new();
    FLOWS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded");
        let entries = std::fs::read_dir(dir).expect("the recorded captures are there");
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
        });
        paths.sort();
        let files = paths
            .iter()
            .map(|path| std::fs::read(path).expect("it can be read"));
        files.flat_map(|file| flows_of(&file)).collect()
    })
}

fn flows_of(file: &[u8]) -> Vec<Flow> {
    let read = capture::read(file, None).expect("a recorded capture is one");
    let mut places = HashMap::new();
    let mut flows: Vec<Flow> = Vec::new();
    for packet in &read.packets {
        let frame = &read.bytes[packet.frame.0..packet.frame.1];
        let tuple = decode(packet.link, frame).five_tuple;
        let (Some(tuple), Some(LinkType::ETHERNET)) = (tuple, packet.link) else {
            continue;
        };
        let (key, _) = FlowKey::of(&tuple);
        let place = *places.entry(key).or_insert_with(|| {
            flows.push(Flow::new());
            flows.len() - 1
        });
        if flows[place].len() < MAX_FLOW_PACKETS {
            flows[place].push(frame.to_vec());
        }
    }
    flows
}

/// The pcap file that `script` describes.
pub fn capture(script: &mut Script<'_>) -> Vec<u8> {
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    let mut passed: HashMap<usize, usize> = HashMap::new();
    let mut micros = 1_000_000_000_u64;
    for _ in 0..MAX_PACKETS {
        if script.is_over() || file.len() > MAX_BYTES {
            break;
        }
        let kind = script.u8();
        micros += match kind >> 6 {
            3 => u64::from(script.u16()) * 100_000,
            _ => 1000,
        };
        let frames = match kind & 7 {
            0..=4 => {
                let flow = usize::from(script.u16());
                let next = passed.entry(flow).or_default();
                let frames = &flows()[flow % flows().len()];
                let frame = &frames[*next % frames.len()];
                *next = next.wrapping_add(1);
                changed(frame, kind & 7, script)
            }
            5 => vec![script.piece().to_vec()],
            6 => vec![vec![script.u8(); FILLER_LEN]; 1 + script.below(4)],
            _ => {
                // Skip some packets of a flow, so that segments are missing or come again.
                let flow = usize::from(script.u16());
                let next = passed.entry(flow).or_default();
                *next = next.wrapping_add_signed(isize::from(script.u8() as i8));
                continue;
            }
        };
        for frame in frames {
            let cut = if kind & 0x20 == 0 {
                0
            } else {
                script.below(60)
            };
            let captured = frame.len() - cut.min(frame.len());
            for number in [
                micros / 1_000_000,
                micros % 1_000_000,
                captured as u64,
                frame.len() as u64,
            ] {
                file.extend((number as u32).to_le_bytes());
            }
            file.extend(&frame[..captured]);
        }
    }
    file
}

/// A frame as it is, with bytes changed, in two fragments, quoted by an ICMP error, or in a tunnel.
fn changed(frame: &[u8], how: u8, script: &mut Script<'_>) -> Vec<Vec<u8>> {
    let (header, packet) = frame.split_at(ETHERNET_LEN.min(frame.len()));
    let is_ipv4 = packet.first().is_some_and(|first| *first == 0x45) && packet.len() > 28;
    let outer = |protocol, rest: &[u8]| [header, &ipv4(protocol, packet, rest), rest].concat();
    match how {
        1 => {
            let mut frame = frame.to_vec();
            for _ in 0..=script.below(4) {
                let at = usize::from(script.u16())
                    .checked_rem(frame.len())
                    .unwrap_or(0);
                let byte = script.u8();
                frame
                    .get_mut(at)
                    .into_iter()
                    .for_each(|place| *place = byte);
            }
            vec![frame]
        }
        2 if is_ipv4 => fragments(header, packet, script),
        3 if is_ipv4 => vec![outer(
            1,
            &[&[3, 3, 0, 0, 0, 0, 0, 0], &packet[..packet.len().min(60)]].concat(),
        )],
        4 if is_ipv4 => match script.u8() & 1 {
            // IP in IP, GRE.
            0 => vec![outer(4, packet)],
            _ => vec![outer(47, &[&[0, 0, 8, 0], packet].concat())],
        },
        _ => vec![frame.to_vec()],
    }
}

/// An IPv4 header before `rest`, with the addresses of `packet` exchanged.
fn ipv4(protocol: u8, packet: &[u8], rest: &[u8]) -> Vec<u8> {
    let len = (20 + rest.len()) as u16;
    let mut header = vec![0x45, 0];
    header.extend(len.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    header.extend(&packet[16..20]);
    header.extend(&packet[12..16]);
    header
}

/// The packet in two fragments; which comes first, and whether both do, the script says.
fn fragments(header: &[u8], packet: &[u8], script: &mut Script<'_>) -> Vec<Vec<u8>> {
    let (ip, rest) = packet.split_at(20);
    let how = script.u8();
    let units = 1 + usize::from(how >> 2) % (rest.len() / 8).max(1);
    let at = (8 * units).min(rest.len());
    let id = script.u8();
    let part = |offset: u16, bytes: &[u8]| {
        let mut ip = ip.to_vec();
        ip[2..4].copy_from_slice(&((20 + bytes.len()) as u16).to_be_bytes());
        ip[4..6].copy_from_slice(&[0, id]);
        ip[6..8].copy_from_slice(&offset.to_be_bytes());
        [header, &ip, bytes].concat()
    };
    let mut parts = vec![part(1 << 13, &rest[..at]), part(units as u16, &rest[at..])];
    match how & 3 {
        0 => parts.reverse(),
        1 => drop(parts.pop()),
        _ => {}
    }
    parts
}
