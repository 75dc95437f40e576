//! pcap-file as an independent witness: what it writes and reads is what is read here.

use std::borrow::Cow;
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapReader, PcapTsResolution, PcapWriter, RawPcapPacket};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::blocks::simple_packet::SimplePacketBlock;
use pcap_file::pcapng::{Block, PcapNgBlock, PcapNgReader, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use proptest::prelude::*;

use super::*;

fn endianness() -> impl Strategy<Value = Endianness> {
    prop_oneof![Just(Endianness::Big), Just(Endianness::Little)]
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..70)
}

/// (time, link, original length, frame)
type Seen = (i64, Option<LinkType>, u32, Vec<u8>);

fn seen(got: Delivered) -> Vec<Seen> {
    let packets = got.packets.into_iter();
    packets
        .map(|p| (p.ns, p.link, p.origlen, p.frame))
        .collect()
}

fn ns(time: Duration) -> i64 {
    time.as_nanos().try_into().unwrap()
}

fn link(datalink: DataLink) -> Option<LinkType> {
    Some(LinkType(u32::from(datalink) as u16))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pcap_is_read_as_pcap_file_reads_it(
        endianness in endianness(),
        is_nano in any::<bool>(),
        number in 0_u32..300,
        packets in prop::collection::vec((any::<u32>(), 0_u32..1_000_000, 0_u32..5_000, frame()), 0..12),
    ) {
        let header = PcapHeader {
            endianness,
            datalink: number.into(),
            ts_resolution: if is_nano { PcapTsResolution::NanoSecond } else { PcapTsResolution::MicroSecond },
            ..PcapHeader::default()
        };
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        for (ts_sec, ts_frac, more, frame) in packets {
            let incl_len = frame.len() as u32;
            let packet = RawPcapPacket { ts_sec, ts_frac, incl_len, orig_len: incl_len + more, data: frame.into() };
            writer.write_raw_packet(&packet).unwrap();
        }
        let capture = writer.into_inner();

        let mut theirs = Vec::new();
        let mut reader = PcapReader::new(&capture[..]).unwrap();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.unwrap();
            theirs.push((ns(packet.timestamp()), link(header.datalink), packet.orig_len(), packet.data().to_vec()));
        }
        let ours = read_bytes(&capture).unwrap();
        prop_assert_eq!(&ours.bytes, &capture);
        prop_assert_eq!(&ours.summary.damage, &None);
        prop_assert_eq!(seen(ours), theirs);
    }

    #[test]
    fn pcapng_is_read_as_pcap_file_reads_it(
        sections in prop::collection::vec(
            (endianness(), prop::collection::vec(described(), 1..4), prop::collection::vec(packet(), 0..8)),
            1..4,
        ),
    ) {
        let capture = written(&sections);
        let mut theirs: Vec<Seen> = Vec::new();
        let mut reader = PcapNgReader::new(&capture[..]).unwrap();
        while let Some(block) = reader.next_block() {
            let (block, state) = block.unwrap();
            let interfaces = state.interfaces();
            match block {
                Block::EnhancedPacket(packet) => {
                    let on = interfaces[packet.interface_id as usize].linktype;
                    theirs.push((ns(packet.timestamp), link(on), packet.original_len, packet.data.to_vec()));
                }
                Block::SimplePacket(packet) => {
                    let before = theirs.last().map_or(0, |packet| packet.0);
                    let on = interfaces[0].linktype;
                    theirs.push((before, link(on), packet.original_len, packet.data.to_vec()));
                }
                _ => {}
            }
        }
        let ours = read_bytes(&capture).unwrap();
        prop_assert_eq!(&ours.bytes, &capture);
        prop_assert_eq!(&ours.summary.damage, &None);
        prop_assert_eq!(seen(ours), theirs);
    }
}

/// Link type, binary resolution or not, its exponent, offset in seconds.
type Described = (u16, bool, u8, i64);

fn described() -> impl Strategy<Value = Described> {
    (any::<u16>(), any::<bool>(), 0_u8..=9, 0_i64..1_000_000)
}

/// Is it simple, which interface, ticks after the epoch in units of the interface, frame, comment.
type Written = (bool, usize, u64, Vec<u8>, Option<String>);

fn packet() -> impl Strategy<Value = Written> {
    (
        any::<bool>(),
        any::<usize>(),
        0_u64..4_000_000_000,
        frame(),
        prop::option::of(".{0,9}"),
    )
}

fn written(sections: &[(Endianness, Vec<Described>, Vec<Written>)]) -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), sections[0].0).unwrap();
    for (i, (endianness, interfaces, packets)) in sections.iter().enumerate() {
        if i > 0 {
            let header = SectionHeaderBlock {
                endianness: *endianness,
                ..SectionHeaderBlock::default()
            };
            writer.write_pcapng_block(header).unwrap();
        }
        for &(number, is_binary, exponent, offset) in interfaces {
            let resolution = InterfaceTsResolution::new(is_binary, exponent).unwrap();
            let mut block = InterfaceDescriptionBlock::new(u32::from(number).into(), 0);
            block.options = vec![
                InterfaceDescriptionOption::IfTsResol(resolution),
                InterfaceDescriptionOption::IfTsOffset(offset),
            ];
            writer.write_pcapng_block(block).unwrap();
        }
        for (is_simple, interface, ticks, frame, comment) in packets {
            let (data, original_len) = (Cow::Borrowed(&frame[..]), frame.len() as u32);
            let block = if *is_simple {
                SimplePacketBlock { original_len, data }.into_block()
            } else {
                let index = interface % interfaces.len();
                let (_, _, _, offset) = interfaces[index];
                EnhancedPacketBlock {
                    interface_id: index as u32,
                    timestamp: Duration::from_micros(*ticks) + Duration::from_secs(offset as u64),
                    original_len,
                    data,
                    options: comment
                        .iter()
                        .map(|text| {
                            EnhancedPacketOption::Common(CommonOption::Comment(text.into()))
                        })
                        .collect(),
                }
                .into_block()
            };
            writer.write_block(&block).unwrap();
        }
    }
    writer.into_inner()
}
