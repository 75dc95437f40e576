//! Makes seeds for every target out of captures and of the texts that users write: `seeds OUT_DIR FILE...`.
//!
//! Far more than a corpus should hold: `run.sh refresh` keeps the smallest ones that reach everything that they reach together.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dpi_engine::key::{FiveTuple, FlowKey, Side};
use dpi_engine::packet::{IpProtocol, TcpSegment};
use dpi_engine::wire::decode;
use dpi_engine_fuzz::capture::{Sound, read};
use dpi_engine_fuzz::script::piece;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes of a seed, and frames of a capture, that are taken.
const MAX_SEED: usize = 4096;
const MAX_FRAMES: usize = 600;
/// Packets of a flow that a conversation takes up.
const MAX_TALK: usize = 24;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut seeds = Seeds {
        dir: arguments.next().unwrap_or_else(|| "seeds".into()),
        count: 0,
    };
    for path in arguments {
        let bytes = fs::read(&path)?;
        match read(&bytes, None) {
            Ok(capture) => of_capture(&mut seeds, &bytes, &capture)?,
            Err(_) => of_text(&mut seeds, &path, &bytes)?,
        }
    }
    by_hand(&mut seeds)
}

struct Seeds {
    dir: PathBuf,
    count: usize,
}

impl Seeds {
    fn add(&mut self, target: &str, parts: &[&[u8]]) -> io::Result<()> {
        let mut seed = parts.concat();
        seed.truncate(MAX_SEED);
        let dir = self.dir.join(target);
        fs::create_dir_all(&dir)?;
        self.count += 1;
        fs::write(dir.join(format!("{:06}", self.count)), seed)
    }
}

/// What one side of a flow said, and its packets.
#[derive(Default)]
struct Flow {
    said: [Vec<u8>; 2],
    datagrams: [Vec<u8>; 2],
    steps: Vec<(Side, Option<TcpSegment>, Vec<u8>)>,
}

fn of_capture(seeds: &mut Seeds, file: &[u8], capture: &Sound) -> io::Result<()> {
    if capture.summary.compression.is_some() {
        return seeds.add("capture_compressed", &[&[0], file]);
    }
    let is_pcapng = file.starts_with(b"\x0a\x0d\x0d\x0a");
    let front = &file[..file.len().min(MAX_SEED)];
    seeds.add("capture_recover", &[front])?;
    let half = &file[..file.len().min(MAX_SEED / 2 - 8)];
    let len = (half.len() as u16).to_be_bytes();
    seeds.add("capture_several", &[&[0], &len, half, &len, half])?;
    if let (Some((first, _)), Some((_, last))) =
        (front.split_at_checked(200), front.split_at_checked(230))
    {
        seeds.add("capture_recover", &[first, &[0xa5; 40], last])?;
    }
    seeds.add(
        if is_pcapng {
            "capture_pcapng"
        } else {
            "capture_pcap"
        },
        &[front],
    )?;
    if is_pcapng {
        seeds.add("capture_blocks", &[&blocks(front)])?;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(front)?;
    seeds.add("capture_compressed", &[&[0], &packed.finish()?])?;
    seeds.add("capture_compressed", &[&[1, 6, 0, 0, 1, 0, 50], front])?;
    for policy in 0..4 {
        seeds.add("engine_capture", &[&[policy, 0], front])?;
    }
    let mut flows: HashMap<FlowKey, (FiveTuple, Flow)> = HashMap::new();
    for packet in capture.packets.iter().take(MAX_FRAMES) {
        let frame = &capture.bytes[packet.frame.0..packet.frame.1];
        let link = packet.link.map_or(u16::MAX, |link| link.0);
        seeds.add("wire", &[&link.to_be_bytes(), frame])?;
        let view = decode(packet.link, frame);
        let Some(tuple) = view.five_tuple else {
            continue;
        };
        let from = view.payload.offset as usize;
        let payload = &frame[from..from + view.payload.caplen as usize];
        let (key, sender) = FlowKey::of(&tuple);
        let (_, flow) = flows.entry(key).or_insert_with(|| (tuple, Flow::default()));
        flow.steps.push((sender, view.tcp, payload.to_vec()));
        flow.said[sender.index()].extend(payload);
        flow.datagrams[sender.index()].extend(piece(payload));
        if !payload.is_empty() && tuple.protocol != IpProtocol::TCP {
            of_datagram(seeds, &tuple, payload)?;
        }
    }
    for (tuple, flow) in flows.values() {
        of_flow(seeds, tuple, flow)?;
    }
    Ok(())
}

fn of_datagram(seeds: &mut Seeds, tuple: &FiveTuple, payload: &[u8]) -> io::Result<()> {
    seeds.add("dns", &[&[0, 12], payload])?;
    for target in ["dns_answers", "netbios", "openvpn", "sctp"] {
        seeds.add(target, &[payload])?;
    }
    let ports = [tuple.dst.port.to_be_bytes(), tuple.src.port.to_be_bytes()].concat();
    seeds.add(
        "signature_all",
        &[&[tuple.protocol.0, 2], &ports, &[0, 0, 0], payload],
    )
}

fn of_flow(seeds: &mut Seeds, tuple: &FiveTuple, flow: &Flow) -> io::Result<()> {
    let (_, sender) = FlowKey::of(tuple);
    let sides = [sender.index(), sender.other().index()];
    let [client, server] = sides.map(|side| &flow.said[side]);
    let opening = &client[..client.len().min(256)];
    let ports = [tuple.src.port.to_be_bytes(), tuple.dst.port.to_be_bytes()].concat();
    seeds.add(
        "signature_all",
        &[&[6, 2], &ports, &[0], &piece(opening), server],
    )?;
    for said in [client, server] {
        for target in ["tls_client", "tls_server", "http", "http_chunked", "dns"] {
            seeds.add(target, &[&[0, 9], said])?;
        }
        seeds.add("http2", &[&[5, 0], said])?;
        seeds.add("openvpn", &[said])?;
    }
    for side in sides {
        for target in ["quic", "dtls"] {
            seeds.add(target, &[&flow.datagrams[side]])?;
        }
    }
    for policy in [0, 1] {
        seeds.add("conversation", &[&conversation(policy, tuple, flow)])?;
    }
    Ok(())
}

/// The script of a conversation that goes like the flow, as far as its ports have numbers there.
fn conversation(policy: u8, tuple: &FiveTuple, flow: &Flow) -> Vec<u8> {
    let ports = [
        443, 80, 53, 5353, 5355, 853, 25, 137, 1194, 1701, 3478, 4433, 5060, 8080, 40_000, 22,
    ];
    let port = ports
        .iter()
        .position(|&port| port == tuple.dst.port)
        .unwrap_or(14) as u8;
    let protocol = match tuple.protocol {
        IpProtocol::TCP => 0,
        IpProtocol::UDP => 3,
        IpProtocol::SCTP => 6,
        _ => 7,
    };
    let mut script = vec![policy, 0, protocol | port << 4];
    let (_, first) = FlowKey::of(tuple);
    for (sender, tcp, payload) in flow.steps.iter().take(MAX_TALK) {
        script.push(u8::from(*sender != first) | 2);
        script.push(tcp.map_or(0, |tcp| tcp.flags.0));
        script.extend(piece(payload));
    }
    script
}

/// The blocks of a pcapng file as a script.
fn blocks(file: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let mut script = vec![0];
    let mut rest = file;
    while let Some(header) = rest.get(..8) {
        let (kind, len) = (number(&header[..4]), number(&header[4..]) as usize);
        let Some(body) = rest.get(8..len.saturating_sub(4)) else {
            break;
        };
        let is_first = script.len() == 1;
        let (code, body) = match kind {
            0x0a0d_0d0a => (0, body.get(16..).unwrap_or_default()),
            1 => (1, body),
            2 => (2, body),
            3 => (3, body),
            6 => (4, body),
            4 => (5, body),
            5 => (6, body),
            _ => (8, body),
        };
        if !is_first {
            script.push(code);
        }
        script.extend(piece(body));
        rest = &rest[len..];
    }
    script
}

fn of_text(seeds: &mut Seeds, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_apps = path.parent().is_some_and(|dir| dir.ends_with("apps"));
    for stretch in bytes.chunks(MAX_SEED / 2).take(4) {
        seeds.add(if is_apps { "apps_file" } else { "rules_file" }, &[stretch])?;
    }
    for line in bytes.split(|&byte| byte == b'\n').take(40) {
        seeds.add("domain_names", &[line])?;
    }
    let mut script = Vec::new();
    for (kind, word) in (0..).zip(bytes.split(u8::is_ascii_whitespace)).take(60) {
        let word = &word[..word.len().min(255)];
        script.extend([&[kind, word.len() as u8], word].concat());
    }
    seeds.add("domain_map", &[&script])
}

/// Scripts that no capture holds.
fn by_hand(seeds: &mut Seeds) -> io::Result<()> {
    seeds.add(
        "ranges",
        &[b"\0\x03\0\x10\0\x20\x01\0\x18\0\x30\x02\0\0\xff\xff"],
    )?;
    seeds.add("ranges", &[&[1, 7], &[0; 32], &[2], &[0xff; 32]])?;
    seeds.add("signature_one", &[&[0; 40]])?;
    // In order, out of order, twice.
    let segments = b"\0\0\x10\0\0\x08\0\x40\x0b\x01\x00\0\x30\x0b\0\xff\0\x20\x08\0\x40\x20\0\x55";
    seeds.add("reassembly", &[segments])?;
    // A datagram in parts, and a stray fragment among them.
    seeds.add(
        "fragments",
        &[
            &[0],
            &piece(&[9; 300]),
            &[3, 0, 1, 2, 3, 4],
            b"\x03\x03\x02\x01\0\0\0\x08abcdefgh\x03\x03\x03",
        ],
    )?;
    seeds.add(
        "fragments",
        &[
            &[4],
            &piece(&[9; 100]),
            &[0, 0, 1, 2, 0xff, 4, 3, 3, 3, 3, 3, 3],
        ],
    )?;
    for suite in 0..3 {
        let pieces =
            b"\0\x00\0\0\0\xff\xff\0\x01\0\x10\x01\x00\x02\0\0\x10\0\0\x00\0\x40\x05\0\0\0\0\0\x20";
        seeds.add(
            "quic_sealed",
            &[
                &[suite, 0],
                b"firstid8",
                &piece(b"www.example.com"),
                &[0, 40],
                pieces,
            ],
        )?;
    }
    for flow in 0..400_u16 {
        let [high, low] = flow.to_be_bytes();
        let straight: Vec<u8> = (0..12).flat_map(|_| [0, high, low]).collect();
        let odd: Vec<u8> = (0..8)
            .flat_map(|n| [n % 5, high, low, 1, 0, 40, 3])
            .collect();
        seeds.add("engine_packets", &[&[flow as u8 & 3], &straight])?;
        seeds.add("engine_packets", &[&[flow as u8 & 3], &odd])?;
    }
    Ok(())
}
