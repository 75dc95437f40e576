//! A plain reader of pcap and pcapng records that shares no code with the program, to judge what it writes.

use std::ops::Range;

use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::PcapNgParser;

use crate::testdata;

/// One packet record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packet<'a> {
    /// The whole record or block, as it stands in the file.
    pub(crate) record: &'a [u8],
    /// The captured bytes.
    pub(crate) frame: &'a [u8],
}

/// A capture, read up to its end or its first damage.
#[derive(Default)]
pub(crate) struct Reading<'a> {
    pub(crate) packets: Vec<Packet<'a>>,
    /// pcapng blocks that are no packets, sections and interfaces included.
    pub(crate) others: Vec<&'a [u8]>,
    /// Where the file can be cut without harm: behind its header and behind every record or block; the last one ends what was read.
    pub(crate) ends: Vec<usize>,
}

impl Reading<'_> {
    /// The last harmless end at or before `at`; `None` inside the file header.
    pub(crate) fn whole_before(&self, at: usize) -> Option<usize> {
        self.ends.iter().copied().rfind(|&end| end <= at)
    }
}

#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u32(self, bytes: &[u8]) -> usize {
        let bytes = bytes[..4].try_into().unwrap();
        let value = if self.big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        };
        value as usize
    }
}

/// Reads a capture of either format.
pub(crate) fn read(data: &[u8]) -> Reading<'_> {
    if data.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        pcapng(data)
    } else {
        pcap(data)
    }
}

fn pcap(data: &[u8]) -> Reading<'_> {
    let mut reading = Reading::default();
    let (big, header_len) = match data.get(..4) {
        Some(b"\xd4\xc3\xb2\xa1" | b"\x4d\x3c\xb2\xa1") => (false, 16),
        Some(b"\xa1\xb2\xc3\xd4" | b"\xa1\xb2\x3c\x4d") => (true, 16),
        Some(b"\x34\xcd\xb2\xa1") => (false, 24),
        Some(b"\xa1\xb2\xcd\x34") => (true, 24),
        _ => return reading,
    };
    let mut at = 24;
    while at <= data.len() {
        reading.ends.push(at);
        let Some(header) = data.get(at..at + header_len) else {
            break;
        };
        let frame = at + header_len;
        let end = frame + Order { big }.u32(&header[8..]);
        if end > data.len() {
            break;
        }
        reading.packets.push(Packet {
            record: &data[at..end],
            frame: &data[frame..end],
        });
        at = end;
    }
    reading
}

fn pcapng(data: &[u8]) -> Reading<'_> {
    let mut reading = Reading::default();
    let mut order = Order { big: false };
    let mut snaplen = None;
    let mut at = 0;
    while let Some(head) = data.get(at..at + 12) {
        if head[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
            order.big = head[8..] == [0x1a, 0x2b, 0x3c, 0x4d];
            snaplen = None;
        }
        let end = at + order.u32(&head[4..]);
        if end < at + 12 || end > data.len() {
            break;
        }
        let block = &data[at..end];
        let kind = order.u32(head);
        if kind == 1 && snaplen.is_none() {
            snaplen = Some(order.u32(&block[12..]));
        }
        match packet_of(order, kind, block, snaplen) {
            Some(frame) => reading.packets.push(Packet {
                record: block,
                frame: &block[frame],
            }),
            None => reading.others.push(block),
        }
        reading.ends.push(end);
        at = end;
    }
    reading
}

/// Where the frame stands in a block, if it holds one.
fn packet_of(
    order: Order,
    kind: usize,
    block: &[u8],
    snaplen: Option<usize>,
) -> Option<Range<usize>> {
    match kind {
        2 | 6 => Some(28..28 + order.u32(&block[20..])),
        3 => {
            let origlen = order.u32(&block[8..]);
            let limit = snaplen.filter(|&limit| limit > 0).unwrap_or(origlen);
            Some(12..12 + origlen.min(limit))
        }
        _ => None,
    }
}

/// Whether `part` stands in `whole`, in the same order.
pub(crate) fn is_subsequence(part: &[Packet<'_>], whole: &[Packet<'_>]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|packet| rest.any(|other| other == packet))
}

/// Fails unless `kept` and `dropped` together are `input`, packet for packet, each in the input's order.
#[track_caller]
pub(crate) fn assert_split(input: &[u8], kept: &[u8], dropped: &[u8], what: &str) {
    let (input, kept, dropped) = (read(input), read(kept), read(dropped));
    assert!(
        is_subsequence(&kept.packets, &input.packets),
        "{what}: OUTPUT is out of order"
    );
    assert!(
        is_subsequence(&dropped.packets, &input.packets),
        "{what}: the dropped packets are out of order"
    );
    let mut together = [kept.packets, dropped.packets].concat();
    let mut whole = input.packets;
    together.sort_unstable();
    whole.sort_unstable();
    assert!(
        together == whole,
        "{what}: {} packets kept and dropped, {} read",
        together.len(),
        whole.len()
    );
    assert_eq!(kept.others, input.others, "{what}: other blocks");
}

/// Frames as pcap-file sees them, until the end or the first thing it cannot read.
fn frames_by_pcap_file(data: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    if let Ok((mut rest, parser)) = PcapParser::new(data) {
        while let Ok((next, packet)) = parser.next_raw_packet(rest) {
            frames.push(packet.data.to_vec());
            rest = next;
        }
    } else if let Ok((mut rest, mut parser)) = PcapNgParser::new(data) {
        while let Ok((next, block)) = parser.next_block(rest) {
            use pcap_file::pcapng::Block;
            match block {
                Block::EnhancedPacket(packet) => frames.push(packet.data.to_vec()),
                Block::SimplePacket(packet) => frames.push(packet.data.to_vec()),
                Block::Packet(packet) => frames.push(packet.data.to_vec()),
                _ => {}
            }
            rest = next;
        }
    }
    frames
}

#[test]
fn this_reader_agrees_with_pcap_file() {
    // What pcap-file does not read to the end: the variant, and options that it refuses.
    const BEYOND_IT: [&str; 5] = [
        "pcap_kuznetzov.pcap",
        "ng_blocks_le.pcapng",
        "ng_blocks_be.pcapng",
        "ng_bad_options.pcapng",
        "ng_unknown_interface.pcapng",
    ];
    for sample in testdata::samples() {
        let ours = read(&sample.bytes);
        assert_eq!(
            ours.ends.last(),
            Some(&sample.bytes.len()),
            "{}: read to the end",
            sample.name
        );
        if BEYOND_IT.contains(&sample.name.as_str()) {
            continue;
        }
        let theirs = frames_by_pcap_file(&sample.bytes);
        let ours: Vec<&[u8]> = ours.packets.iter().map(|packet| packet.frame).collect();
        assert!(ours == theirs, "{}", sample.name);
    }
}
