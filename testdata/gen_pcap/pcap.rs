//! Packets → a pcap file. Source: draft-ietf-opsawg-pcap.

use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapTsResolution, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness};

use super::packet::{Packet, SECOND};

/// The choices that a pcap file's header makes.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) big_endian: bool,
    pub(crate) nanoseconds: bool,
    pub(crate) snaplen: u32,
    /// LINKTYPE_ number.
    pub(crate) link: u32,
}

/// Little-endian, microseconds, Ethernet.
pub(crate) const USUAL: Format = Format {
    big_endian: false,
    nanoseconds: false,
    snaplen: 262_144,
    link: 1,
};

/// The packets in a pcap file.
pub(crate) fn file(format: Format, packets: &[Packet]) -> Vec<u8> {
    let header = PcapHeader {
        snaplen: format.snaplen,
        datalink: DataLink::from(format.link),
        ts_resolution: if format.nanoseconds {
            PcapTsResolution::NanoSecond
        } else {
            PcapTsResolution::MicroSecond
        },
        endianness: if format.big_endian {
            Endianness::Big
        } else {
            Endianness::Little
        },
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).expect("a vector takes all");
    for packet in packets {
        let time = Duration::from_nanos(packet.at);
        // Raw, because the checked way refuses records longer than the header's snaplen.
        let record = RawPcapPacket {
            ts_sec: time.as_secs() as u32,
            ts_frac: if format.nanoseconds {
                time.subsec_nanos()
            } else {
                time.subsec_micros()
            },
            incl_len: packet.frame.len() as u32,
            orig_len: packet.origlen,
            data: (&packet.frame).into(),
        };
        writer
            .write_raw_packet(&record)
            .expect("a vector takes all");
    }
    writer.into_inner()
}

/// The packets in the variant of Alexey Kuznetzov's patched libpcap: a record header of 24 bytes,
/// with the interface's index, the protocol and the packet's type after the usual 16.
pub(crate) fn kuznetzov(packets: &[Packet]) -> Vec<u8> {
    let mut out = 0xa1b2_cd34_u32.to_le_bytes().to_vec();
    out.extend(&file(USUAL, &[])[4..]);
    for packet in packets {
        for field in [
            (packet.at / SECOND) as u32,
            (packet.at % SECOND / 1000) as u32,
            packet.frame.len() as u32,
            packet.origlen,
            2,
        ] {
            out.extend(field.to_le_bytes());
        }
        out.extend(0x0800_u16.to_le_bytes());
        out.extend([0, 0]);
        out.extend(&packet.frame);
    }
    out
}
