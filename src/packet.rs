//! What a packet is to the rest of the program: when it was seen, how long it was, on which link.
//!
//! Knows nothing of files, protocols above TCP's flags, or flows.

use std::fmt;

/// A moment of packet time.
///
/// * Unit: nanoseconds since 1970-01-01T00:00:00Z, saturating at the ends of `i64` (years 1677 to 2262).
/// * Never the wall clock: the program's notion of time is what the capture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `ns` nanoseconds after the epoch.
    pub const fn from_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_ns(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`; 0 when time ran backwards (captures do that).
    pub const fn ns_since(self, earlier: Self) -> u64 {
        if self.0 <= earlier.0 {
            return 0;
        }
        self.0.abs_diff(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with nine digits of a second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(moment) => write!(f, "{moment:.9}"),
            // Unreachable: jiff's range holds every i64 of nanoseconds.
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// A link type as captures number it.
///
/// Source: the LINKTYPE_ registry of the tcpdump group (draft-ietf-opsawg-pcaplinktype).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a four-byte address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Token ring.
    pub const TOKEN_RING: Self = Self(6);
    /// PPP, with or without HDLC-like framing.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// Raw IP as some BSDs number it in files (their DLT_RAW).
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP as OpenBSD numbers it in files.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing, or Cisco HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet, from the PPPoE header on.
    pub const PPP_ETHER: Self = Self(51);
    /// LLC over ATM, without an ATM header.
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP: the version nibble tells 4 from 6.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// IEEE 802.11, without a header about its reception.
    pub const IEEE802_11: Self = Self(105);
    /// Frame relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD loopback: a four-byte address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// What OpenBSD's `enc` interface shows of IPsec.
    pub const ENC: Self = Self(109);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// What OpenBSD's packet filter logs.
    pub const PFLOG: Self = Self(117);
    /// IEEE 802.11 behind a Prism header, or behind an AVS one.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// ATM as SunATM devices tell it.
    pub const SUNATM: Self = Self(123);
    /// IEEE 802.11 behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// IEEE 802.11 behind an AVS header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// Ethernet behind a Juniper header.
    pub const JUNIPER_ETHER: Self = Self(178);
    /// PPP behind a Juniper header.
    pub const JUNIPER_PPP: Self = Self(179);
    /// Frame relay behind a Juniper header.
    pub const JUNIPER_FRELAY: Self = Self(180);
    /// Cisco HDLC behind a Juniper header.
    pub const JUNIPER_CHDLC: Self = Self(181);
    /// A frame of any link type behind a per-packet information header.
    pub const PPI: Self = Self(192);
    /// PPP behind a byte that tells the direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Cisco HDLC behind a byte that tells the direction.
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    /// Frame relay behind a byte that tells the direction.
    pub const FRELAY_WITH_DIR: Self = Self(206);
    /// MPLS, from the label stack on.
    pub const MPLS: Self = Self(219);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// What Linux's packet filter logs, as netlink attributes.
    pub const NFLOG: Self = Self(239);
    /// Ethernet behind a netANALYZER header.
    pub const NETANALYZER: Self = Self(240);
    /// Ethernet from its preamble on, behind a netANALYZER header.
    pub const NETANALYZER_TRANSPARENT: Self = Self(241);
    /// A frame of any link type behind what macOS tells about it.
    pub const PKTAP: Self = Self(258);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
    /// Ethernet with a Broadcom tag between addresses and type.
    pub const DSA_TAG_BRCM: Self = Self(281);
    /// Ethernet behind a Broadcom tag.
    pub const DSA_TAG_BRCM_PREPEND: Self = Self(282);
    /// Ethernet with a Marvell DSA tag.
    pub const DSA_TAG_DSA: Self = Self(284);
    /// Ethernet with a Marvell DSA tag behind an ethertype.
    pub const DSA_TAG_EDSA: Self = Self(285);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::TOKEN_RING => "TOKEN_RING",
            Self::PPP => "PPP",
            Self::FDDI => "FDDI",
            Self::PPP_HDLC => "PPP_HDLC",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::ATM_RFC1483 => "ATM_RFC1483",
            Self::C_HDLC => "C_HDLC",
            Self::IEEE802_11 => "IEEE802_11",
            Self::FRELAY => "FRELAY",
            Self::MPLS => "MPLS",
            Self::RAW_BSD | Self::RAW_OPENBSD | Self::RAW => "RAW",
            Self::LOOP => "LOOP",
            Self::ENC => "ENC",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::PFLOG => "PFLOG",
            Self::IEEE802_11_PRISM => "IEEE802_11_PRISM",
            Self::SUNATM => "SUNATM",
            Self::IEEE802_11_RADIOTAP => "IEEE802_11_RADIOTAP",
            Self::IEEE802_11_AVS => "IEEE802_11_AVS",
            Self::JUNIPER_ETHER => "JUNIPER_ETHER",
            Self::JUNIPER_PPP => "JUNIPER_PPP",
            Self::JUNIPER_FRELAY => "JUNIPER_FRELAY",
            Self::JUNIPER_CHDLC => "JUNIPER_CHDLC",
            Self::PPI => "PPI",
            Self::PPP_WITH_DIR => "PPP_WITH_DIR",
            Self::C_HDLC_WITH_DIR => "C_HDLC_WITH_DIR",
            Self::FRELAY_WITH_DIR => "FRELAY_WITH_DIR",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::NETANALYZER => "NETANALYZER",
            Self::NETANALYZER_TRANSPARENT => "NETANALYZER_TRANSPARENT",
            Self::PKTAP => "PKTAP",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            Self::DSA_TAG_BRCM => "DSA_TAG_BRCM",
            Self::DSA_TAG_BRCM_PREPEND => "DSA_TAG_BRCM_PREPEND",
            Self::DSA_TAG_DSA => "DSA_TAG_DSA",
            Self::DSA_TAG_EDSA => "DSA_TAG_EDSA",
            Self(other) => return write!(f, "LINKTYPE_{other}"),
        };
        f.write_str(name)
    }
}

/// One packet of a capture, and where its record lies in the chunk of bytes that holds it.
///
/// * `start..end`: the whole record as it stands in the file (header, frame, options, padding); what the writer copies.
/// * `frame`: offset of the frame's first byte in the same chunk; `caplen` bytes of it are there.
/// * `origlen`: the frame's length on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Offset of the record's first byte in its chunk.
    pub start: u32,
    /// Offset just past the record's last byte.
    pub end: u32,
    /// Offset of the frame's first byte.
    pub frame: u32,
    /// Bytes of the frame that were captured.
    pub caplen: u32,
    /// Bytes of the frame on the wire.
    pub origlen: u32,
    /// When it was captured.
    pub timestamp: Timestamp,
    /// The link it was captured on; `None` when a pcapng packet names an interface that was never described.
    pub link: Option<LinkType>,
}

/// A protocol number of the IP header.
///
/// Source: IANA "Assigned Internet Protocol Numbers".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// Internet Control Message Protocol, RFC 792.
    pub const ICMP: Self = Self(1);
    /// IPv4 in IP, RFC 2003.
    pub const IPV4: Self = Self(4);
    /// Transmission Control Protocol, RFC 9293.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol, RFC 768.
    pub const UDP: Self = Self(17);
    /// IPv6 in IP, RFC 4213.
    pub const IPV6: Self = Self(41);
    /// Generic Routing Encapsulation, RFC 2784.
    pub const GRE: Self = Self(47);
    /// IP Authentication Header, RFC 4302.
    pub const AH: Self = Self(51);
    /// ICMP for IPv6, RFC 4443.
    pub const ICMP6: Self = Self(58);
    /// Nothing follows, RFC 8200 §4.7.
    pub const NO_NEXT_HEADER: Self = Self(59);
    /// Stream Control Transmission Protocol, RFC 9260.
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for IpProtocol {
    /// The name that stands in reports: `tcp`, `udp`, `icmp`, `icmp6`, `sctp`, else the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMP6 => f.write_str("icmp6"),
            Self::SCTP => f.write_str("sctp"),
            Self(other) => write!(f, "{other}"),
        }
    }
}

/// The control bits of a TCP header.
///
/// Source: RFC 9293 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(0x10);

    /// Whether any bit of `other` is set here.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a flow needs to know of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment {
    /// The control bits.
    pub flags: TcpFlags,
    /// Sequence number of the segment's first byte (of the SYN itself, if there is one).
    pub seq: u32,
}
