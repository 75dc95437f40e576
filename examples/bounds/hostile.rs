//! Captures made to fill memory: each drives one kind of thing that a run remembers far past what it may hold.
//!
//! They are made as they are written, so that they may be of any length. Raw IP in pcap, a microsecond between packets, unless they
//! are about the file format itself.

use std::io::{self, Write};

/// Little-endian pcap, version 2.4, snaplen 256 KiB, LINKTYPE_RAW.
const PCAP_HEADER: &[u8; 24] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0";

/// Little-endian pcapng section header of unknown length.
const SECTION_HEADER: &[u8; 28] =
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0";

/// Longest record or block that the program reads.
const MAX_RECORD_LEN: usize = 16 << 20;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// 198.51.100.1, who is talked to.
const SERVER: u32 = 0xc633_6401;
/// 10.0.0.0, from where clients count up.
const CLIENTS: u32 = 0x0a00_0000;

/// A kind of hostile capture.
pub(crate) struct Hostile {
    /// What to call it.
    pub(crate) name: &'static str,
    /// How many of what it is about stand in the full one.
    pub(crate) full: u64,
    /// As many as a test has time for: with the smallest flow table they still drive flows out of it.
    pub(crate) scaled: u64,
    /// The exit status that it ends with.
    pub(crate) status: i32,
    /// Writes it; returns how many packets there are.
    pub(crate) write: fn(u64, &mut dyn Write) -> io::Result<u64>,
}

/// Every kind.
pub(crate) const ALL: [Hostile; 16] = [
    Hostile {
        name: "distinct five-tuples",
        full: 10_000_000,
        scaled: 4_000,
        status: 0,
        write: five_tuples,
    },
    Hostile {
        name: "DNS answers with names of their own",
        full: 2_000_000,
        scaled: 2_000,
        status: 0,
        write: answers,
    },
    Hostile {
        name: "unfinished segments in one flow",
        full: 1_000_000,
        scaled: 4_000,
        status: 0,
        write: segments,
    },
    Hostile {
        name: "flows with 16 segments waiting in each",
        full: 100_000,
        scaled: 1_000,
        status: 0,
        write: waiting,
    },
    Hostile {
        name: "flows with half of a hello",
        full: 1_000_000,
        scaled: 1_000,
        status: 0,
        write: half_hellos,
    },
    Hostile {
        name: "unfinished datagrams",
        full: 1_000_000,
        scaled: 4_000,
        status: 0,
        write: fragments,
    },
    Hostile {
        name: "DNS messages of a thousand pointers",
        full: 20_000,
        scaled: 50,
        status: 0,
        write: dns_bombs,
    },
    Hostile {
        name: "HTTP hosts in one flow",
        full: 1_000_000,
        scaled: 4_000,
        status: 0,
        write: http_hosts,
    },
    Hostile {
        name: "hosts scanned by one",
        full: 20_000_000,
        scaled: 4_000,
        status: 0,
        write: host_scan,
    },
    Hostile {
        name: "scanners of 100 ports each",
        full: 100_000,
        scaled: 40,
        status: 0,
        write: port_scans,
    },
    Hostile {
        name: "ICMP errors that quote a flow each",
        full: 2_000_000,
        scaled: 2_000,
        status: 0,
        write: quotes,
    },
    Hostile {
        name: "records of 16 MiB",
        full: 512,
        scaled: 16,
        status: 0,
        write: huge_records,
    },
    Hostile {
        name: "pcapng block of 4 GiB",
        full: 1 << 30,
        scaled: 1 << 20,
        status: 3,
        write: huge_block,
    },
    Hostile {
        name: "pcapng blocks of 16 MiB",
        full: 512,
        scaled: 16,
        status: 0,
        write: large_blocks,
    },
    Hostile {
        name: "pcapng interfaces",
        full: 1_000_000,
        scaled: 100_000,
        status: 0,
        write: interfaces,
    },
    Hostile {
        name: "pcapng options, of an interface and of a packet",
        full: 1_000_000,
        scaled: 100_000,
        status: 0,
        write: options,
    },
];

/// Writes records of a pcap.
struct Pcap<'a> {
    out: &'a mut dyn Write,
    packets: u64,
    /// Used again for each.
    packet: Vec<u8>,
}

impl<'a> Pcap<'a> {
    fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        out.write_all(PCAP_HEADER)?;
        let packet = Vec::new();
        Ok(Self {
            out,
            packets: 0,
            packet,
        })
    }

    /// Writes an IPv4 packet; `place`: its identification, and its flags and offset.
    fn ip(
        &mut self,
        protocol: u8,
        ends: (u32, u32),
        place: (u16, u16),
        body: &[&[u8]],
    ) -> io::Result<()> {
        let body_len: usize = body.iter().map(|part| part.len()).sum();
        let len = (20 + body_len) as u32;
        let seconds = (self.packets / 1_000_000) as u32;
        let micros = (self.packets % 1_000_000) as u32;
        let packet = &mut self.packet;
        packet.clear();
        packet.extend(
            [seconds, micros, len, len]
                .map(u32::to_le_bytes)
                .as_flattened(),
        );
        packet.extend([0x45, 0]);
        packet.extend(
            [len as u16, place.0, place.1]
                .map(u16::to_be_bytes)
                .as_flattened(),
        );
        packet.extend([64, protocol, 0, 0]);
        packet.extend([ends.0, ends.1].map(u32::to_be_bytes).as_flattened());
        body.iter().for_each(|part| packet.extend(*part));
        self.packets += 1;
        self.out.write_all(packet)
    }

    fn tcp(
        &mut self,
        ends: (u32, u32),
        ports: (u16, u16),
        (seq, flags): (u32, u8),
        payload: &[u8],
    ) -> io::Result<()> {
        let mut header = [0; 20];
        header[..2].copy_from_slice(&ports.0.to_be_bytes());
        header[2..4].copy_from_slice(&ports.1.to_be_bytes());
        header[4..8].copy_from_slice(&seq.to_be_bytes());
        header[12..16].copy_from_slice(&[0x50, flags, 0xff, 0xff]);
        self.ip(TCP, ends, (0, 0), &[&header, payload])
    }

    fn udp(&mut self, ends: (u32, u32), ports: (u16, u16), payload: &[u8]) -> io::Result<()> {
        let fields = [ports.0, ports.1, 8 + payload.len() as u16, 0];
        self.ip(
            UDP,
            ends,
            (0, 0),
            &[fields.map(u16::to_be_bytes).as_flattened(), payload],
        )
    }
}

fn five_tuples(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        pcap.tcp((CLIENTS + number, SERVER), (40_000, 443), (1, SYN), b"")?;
    }
    Ok(pcap.packets)
}

fn answers(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        // A response to one question, with one answer.
        let mut message = b"\0\x01\x81\x80\0\x01\0\x01\0\0\0\0".to_vec();
        let label = format!("{number:032x}");
        for _ in 0..3 {
            message.push(label.len() as u8);
            message.extend(label.as_bytes());
        }
        // The root; A, IN. The name of the question: A, IN, for an hour, four bytes.
        message.extend(b"\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04");
        message.extend((0x2000_0000 + number).to_be_bytes());
        pcap.udp((SERVER, CLIENTS + number), (53, 40_000), &message)?;
    }
    Ok(pcap.packets)
}

fn segments(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    let (ends, ports) = ((CLIENTS + 1, SERVER), (40_000, 8080));
    pcap.tcp(ends, ports, (0, SYN), b"")?;
    for number in 0..count as u32 {
        // Byte 1 never comes, and a byte is missing before each.
        pcap.tcp(
            ends,
            ports,
            (number.wrapping_mul(101).wrapping_add(2), ACK),
            &[b'x'; 100],
        )?;
    }
    Ok(pcap.packets)
}

fn waiting(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        let (ends, ports) = ((CLIENTS + number, SERVER), (40_000, 8080));
        pcap.tcp(ends, ports, (0, SYN), b"")?;
        for segment in 0..16 {
            pcap.tcp(ends, ports, (2 + segment * 1001, ACK), &[b'x'; 1000])?;
        }
    }
    Ok(pcap.packets)
}

fn half_hellos(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    // A record of 8192 bytes of handshake, and in it a ClientHello of 8188: the legacy version, and the random.
    let mut hello = b"\x16\x03\x01\x20\0\x01\0\x1f\xfc\x03\x03".to_vec();
    hello.resize(1200, 7);
    for number in 0..count as u32 {
        let (ends, ports) = ((CLIENTS + number, SERVER), (40_000, 443));
        pcap.tcp(ends, ports, (0, SYN), b"")?;
        pcap.tcp(ends, ports, (1, ACK), &hello)?;
    }
    Ok(pcap.packets)
}

fn fragments(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    const MORE_FRAGMENTS: u16 = 0x2000;
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        // Ports, a length that there is not, no checksum.
        let start = b"\x9c\x40\0\x35\x10\0\0\0";
        let ends = (CLIENTS + (number >> 16), SERVER);
        pcap.ip(
            UDP,
            ends,
            (number as u16, MORE_FRAGMENTS),
            &[start, &[0; 1000]],
        )?;
    }
    Ok(pcap.packets)
}

fn dns_bombs(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    // 20,000 questions are told; each is a label of 5 bytes and a pointer to the question before.
    let mut message = b"\0\x01\x01\0\x4e\x20\0\0\0\0\0\0".to_vec();
    message.extend(b"\x05start\0\0\x01\0\x01");
    let mut before: u16 = 12;
    while message.len() < 60_000 {
        let this = message.len() as u16;
        message.extend(b"\x05");
        message.extend(format!("{this:05x}").as_bytes());
        // Pointers reach 16 KiB; those behind point at the last one that can be.
        message.extend((0xc000 | before).to_be_bytes());
        message.extend(b"\0\x01\0\x01");
        before = if this < 0x4000 { this } else { before };
    }
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        pcap.udp((CLIENTS + number, SERVER), (40_000, 53), &message)?;
    }
    Ok(pcap.packets)
}

fn http_hosts(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    let (ends, ports) = ((CLIENTS + 1, SERVER), (40_000, 80));
    pcap.tcp(ends, ports, (0, SYN), b"")?;
    let mut seq: u32 = 1;
    for number in 0..count {
        let request = format!("GET / HTTP/1.1\r\nHost: h{number}.example\r\n\r\n");
        pcap.tcp(ends, ports, (seq, ACK), request.as_bytes())?;
        seq = seq.wrapping_add(request.len() as u32);
    }
    Ok(pcap.packets)
}

fn host_scan(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        // 16.0.0.0 and up.
        pcap.tcp((CLIENTS, 0x1000_0000 + number), (40_000, 80), (1, SYN), b"")?;
    }
    Ok(pcap.packets)
}

fn port_scans(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut pcap = Pcap::new(out)?;
    for port in 1..=100 {
        for number in 0..count as u32 {
            pcap.tcp((CLIENTS + number, SERVER), (40_000, port), (1, SYN), b"")?;
        }
    }
    Ok(pcap.packets)
}

fn quotes(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    const ICMP: u8 = 1;
    let mut pcap = Pcap::new(out)?;
    for number in 0..count as u32 {
        let client = CLIENTS + number;
        pcap.udp((client, SERVER), (40_000, 9999), b"hello")?;
        // Port unreachable, and the header of what was sent.
        let mut error = b"\x03\x03\0\0\0\0\0\0\x45\0\0\x21\0\0\0\0\x40\x11\0\0".to_vec();
        error.extend([client, SERVER].map(u32::to_be_bytes).as_flattened());
        error.extend(b"\x9c\x40\x27\x0f\0\x0d\0\0");
        pcap.ip(ICMP, (SERVER, client), (0, 0), &[&error])?;
    }
    Ok(pcap.packets)
}

fn huge_records(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    out.write_all(PCAP_HEADER)?;
    let frame = vec![0; MAX_RECORD_LEN];
    for _ in 0..count {
        out.write_all(&[0; 8])?;
        out.write_all([frame.len() as u32; 2].map(u32::to_le_bytes).as_flattened())?;
        out.write_all(&frame)?;
    }
    Ok(count)
}

/// Writes a pcapng block.
fn block(kind: u32, body: &[&[u8]], out: &mut dyn Write) -> io::Result<()> {
    let len: usize = body.iter().map(|part| part.len()).sum();
    let total_len = (len + 12) as u32;
    out.write_all([kind, total_len].map(u32::to_le_bytes).as_flattened())?;
    body.iter().try_for_each(|part| out.write_all(part))?;
    out.write_all(&total_len.to_le_bytes())
}

/// Ethernet, without a limit to packets.
const INTERFACE: (u32, &[u8]) = (1, b"\x01\0\0\0\0\0\0\0");

/// An enhanced packet block of four bytes on interface 0.
const PACKET: (u32, &[u8]) = (
    6,
    b"\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\x04\0\0\0\xff\xff\xff\xff",
);

fn huge_block(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    out.write_all(SECTION_HEADER)?;
    block(INTERFACE.0, &[INTERFACE.1], out)?;
    block(PACKET.0, &[PACKET.1], out)?;
    out.write_all([6, u32::MAX - 3].map(u32::to_le_bytes).as_flattened())?;
    let zeros = [0; 1 << 16];
    for _ in 0..count >> 16 {
        out.write_all(&zeros)?;
    }
    Ok(1)
}

fn large_blocks(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    out.write_all(SECTION_HEADER)?;
    block(INTERFACE.0, &[INTERFACE.1], out)?;
    let zeros = vec![0; MAX_RECORD_LEN - 12];
    for _ in 0..count {
        // Of a kind that nobody knows.
        block(0x0bad, &[&zeros], out)?;
    }
    block(PACKET.0, &[PACKET.1], out)?;
    Ok(1)
}

fn interfaces(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    out.write_all(SECTION_HEADER)?;
    for _ in 0..count {
        block(INTERFACE.0, &[INTERFACE.1], out)?;
    }
    block(PACKET.0, &[PACKET.1], out)?;
    Ok(1)
}

fn options(count: u64, out: &mut dyn Write) -> io::Result<u64> {
    // Comments without a letter.
    let comments = b"\x01\0\0\0".repeat(count as usize);
    out.write_all(SECTION_HEADER)?;
    block(INTERFACE.0, &[INTERFACE.1, &comments], out)?;
    block(PACKET.0, &[PACKET.1, &comments], out)?;
    Ok(1)
}
