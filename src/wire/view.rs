//! What decoding makes of a frame: offsets and numbers, no bytes; and why it ended early, if it did.

use std::fmt;
use std::net::IpAddr;

use crate::key::{Endpoint, FiveTuple};
use crate::packet::{IpProtocol, LinkType, TcpSegment};
use crate::tunnel::Tunnels;

/// Version of an IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// RFC 791.
    Ipv4,
    /// RFC 8200.
    Ipv6,
}

/// Where a transport's payload lies in its frame.
///
/// * `offset + caplen` is never past the frame's end.
/// * Empty where there is nothing to read: no IP header, a later fragment, a header that is cut or malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payload {
    /// Offset of its first byte from the frame's first byte.
    pub offset: u32,
    /// Bytes of it that were captured.
    pub caplen: u32,
    /// Bytes of it on the wire, as the length fields of IP and UDP say; never below `caplen`. What was captured, where
    /// they leave it open (segmentation offload, jumbograms); 0 while the length of the header before it is unknown.
    pub origlen: u32,
}

/// A part of a datagram, as its IP header says.
///
/// Source: RFC 791 §3.2 (IPv4); RFC 8200 §4.5 (IPv6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Which datagram of its sender, receiver and (IPv4) protocol: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Where in the datagram the part begins, in bytes: a multiple of 8, at most 65,528.
    pub offset: u16,
    /// Whether more parts follow behind it.
    pub has_more: bool,
    /// What the datagram carries: IPv4's protocol, or the next header that this part's fragment header names.
    pub protocol: IpProtocol,
    /// The part's own bytes.
    pub part: Payload,
}

/// A frame, decoded: who talks to whom in its innermost IP header, and where the payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacketView {
    /// Version of the innermost IP header; `None` when no IP header was read: the packet is undecoded.
    pub net: Option<Net>,
    /// Addresses, protocol and ports; there whenever `net` is. The ports are 0 where the transport has none, or where
    /// they were not captured. The protocol is the last one that was read: an extension header's number, where that header is cut;
    /// [`IpProtocol::NO_NEXT_HEADER`], where the lengths leave no room for the ports of a protocol that has some.
    pub five_tuple: Option<FiveTuple>,
    /// Whether this is a part of a datagram, the first one included. An IPv6 atomic fragment is whole (RFC 6946).
    pub is_fragment: bool,
    /// Which part of which datagram, where this frame is such a part.
    pub fragment: Option<Fragment>,
    /// Whether another packet is around it: it came through a tunnel over IP, which any host can make up.
    pub is_inside: bool,
    /// The tunnels that the innermost IP header came through.
    pub tunnels: Tunnels,
    /// What flow tracking needs of the TCP header; there when it was captured up to its flags.
    pub tcp: Option<TcpSegment>,
    /// What the transport carries. Of a transport whose header is not read (ICMP, all others), header and payload in one.
    pub payload: Payload,
    /// Why decoding ended early; `None` when it reached the payload.
    pub stop: Option<Stop>,
}

impl PacketView {
    /// Notes an IP header; a header further in takes the place of an outer one, and who walks there notes that it lies inside.
    pub(super) fn set_net(
        &mut self,
        net: Net,
        src: impl Into<IpAddr>,
        dst: impl Into<IpAddr>,
        protocol: IpProtocol,
    ) {
        let without_port = |addr: IpAddr| Endpoint { addr, port: 0 };
        self.tcp = None;
        self.payload = Payload::default();
        self.net = Some(net);
        self.five_tuple = Some(FiveTuple {
            src: without_port(src.into()),
            dst: without_port(dst.into()),
            protocol,
        });
    }

    /// Notes that this is a part of a datagram. One that is cut into parts again is put together from the outside in.
    pub(super) fn set_fragment(&mut self, fragment: Fragment) {
        self.is_fragment = true;
        self.fragment.get_or_insert(fragment);
    }

    /// Notes the protocol that an extension header names.
    pub(super) fn set_protocol(&mut self, protocol: IpProtocol) {
        if let Some(tuple) = &mut self.five_tuple {
            tuple.protocol = protocol;
        }
    }

    /// Notes where a packet goes to in the end that is sent from stop to stop.
    pub(super) fn set_destination(&mut self, addr: impl Into<IpAddr>) {
        if let Some(tuple) = &mut self.five_tuple {
            tuple.dst.addr = addr.into();
        }
    }

    /// Notes that the packet ends before its transport begins: its lengths leave no room for ports.
    pub(super) fn set_no_transport(&mut self) {
        self.set_protocol(IpProtocol::NO_NEXT_HEADER);
    }

    /// Notes the ports of the transport header.
    pub(super) fn set_ports(&mut self, src: u16, dst: u16) {
        if let Some(tuple) = &mut self.five_tuple {
            tuple.src.port = src;
            tuple.dst.port = dst;
        }
    }
}

/// A header that decoding comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The frame itself, before its link type says what it holds.
    Frame,
    /// Ethernet II or IEEE 802.3.
    Ethernet,
    /// A tag of IEEE 802.1Q, 802.1ad, or the 0x9100 that came before it.
    Vlan,
    /// A small tag of another kind.
    Tag(Tag),
    /// MACsec, IEEE 802.1AE.
    MacSec,
    /// The service tag of provider backbone bridges.
    Pbb,
    /// Cisco FabricPath.
    FabricPath,
    /// TRILL.
    Trill,
    /// Network service header.
    Nsh,
    /// The mesh of batman-adv.
    Batman,
    /// IEEE 802.2 logical link control, SNAP included.
    Llc,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// BSD loopback, address family in the capturing host's byte order.
    Null,
    /// OpenBSD loopback, address family in network byte order.
    Loop,
    /// IP without a header before it that says which version.
    Raw,
    /// IEEE 802.11, with what may stand between its header and LLC: mesh control, the subframes of an aggregate.
    Ieee80211,
    /// What a monitor tells about the reception of an 802.11 frame: radiotap.
    Radiotap,
    /// The same: Prism.
    Prism,
    /// The same: AVS.
    Avs,
    /// Per-packet information, which names the link type of what follows.
    Ppi,
    /// What macOS tells about a packet.
    Pktap,
    /// What Linux's packet filter logs.
    Nflog,
    /// What OpenBSD's packet filter logs.
    Pflog,
    /// What OpenBSD's `enc` interface shows.
    Enc,
    /// FDDI.
    Fddi,
    /// Token ring.
    TokenRing,
    /// Frame relay, with the network layer protocol identifier.
    FrameRelay,
    /// ATM, as SunATM tells it.
    SunAtm,
    /// What Juniper's routers put before a frame; the link type says of which kind.
    Juniper(LinkType),
    /// Ethernet with the tag of a switch chip in it; the link type says of which make.
    Dsa(LinkType),
    /// IPv4.
    Ipv4,
    /// IPv6, the fixed header.
    Ipv6,
    /// An IPv6 extension header.
    Ipv6Extension(IpProtocol),
    /// IP authentication header.
    Ah,
    /// Generic routing encapsulation, ERSPAN included.
    Gre,
    /// Ethernet in IP.
    EtherIp,
    /// Protocol-independent multicast.
    Pim,
    /// L2TP, version 3, over IP.
    L2tpV3,
    /// An entry of an MPLS label stack.
    Mpls,
    /// PPP over Ethernet, session stage.
    Pppoe,
    /// PPP, with or without HDLC-like framing.
    Ppp,
    /// Cisco HDLC.
    CiscoHdlc,
    /// What IP carries.
    Transport(IpProtocol),
}

/// A tag of a few bytes between an Ethernet header and the ethertype of what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// E-TAG of bridge port extenders, IEEE 802.1BR.
    Extender,
    /// VN-TAG of Cisco, which came before it.
    VirtualInterface,
    /// Cisco MetaData: the security group.
    MetaData,
    /// High-availability seamless redundancy, IEC 62439-3.
    Seamless,
    /// R-TAG of frame replication, IEEE 802.1CB.
    Redundancy,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame => "frame",
            Self::Ethernet => "Ethernet header",
            Self::Vlan => "VLAN tag",
            Self::Tag(Tag::Extender) => "802.1BR tag",
            Self::Tag(Tag::VirtualInterface) => "VN-TAG",
            Self::Tag(Tag::MetaData) => "Cisco MetaData",
            Self::Tag(Tag::Seamless) => "HSR tag",
            Self::Tag(Tag::Redundancy) => "802.1CB tag",
            Self::MacSec => "MACsec tag",
            Self::Pbb => "802.1ah tag",
            Self::FabricPath => "FabricPath header",
            Self::Trill => "TRILL header",
            Self::Nsh => "network service header",
            Self::Batman => "batman-adv header",
            Self::Llc => "LLC header",
            Self::LinuxSll => "Linux cooked header",
            Self::LinuxSll2 => "Linux cooked v2 header",
            Self::Null => "NULL header",
            Self::Loop => "LOOP header",
            Self::Raw => "raw IP packet",
            Self::Ieee80211 => "802.11 header",
            Self::Radiotap => "radiotap header",
            Self::Prism => "Prism header",
            Self::Avs => "AVS header",
            Self::Ppi => "PPI header",
            Self::Pktap => "PKTAP header",
            Self::Nflog => "NFLOG header",
            Self::Pflog => "PFLOG header",
            Self::Enc => "ENC header",
            Self::Fddi => "FDDI header",
            Self::TokenRing => "token ring header",
            Self::FrameRelay => "frame relay header",
            Self::SunAtm => "SunATM header",
            Self::Juniper(_) => "Juniper header",
            Self::Dsa(_) => "DSA tag",
            Self::Ipv4 => "IPv4 header",
            Self::Ipv6 => "IPv6 header",
            Self::Ipv6Extension(kind) => return write!(f, "IPv6 extension header {kind}"),
            Self::Ah => "authentication header",
            Self::Gre => "GRE header",
            Self::EtherIp => "EtherIP header",
            Self::Pim => "PIM header",
            Self::L2tpV3 => "L2TPv3 header",
            Self::Mpls => "MPLS label",
            Self::Pppoe => "PPPoE header",
            Self::Ppp => "PPP header",
            Self::CiscoHdlc => "Cisco HDLC header",
            Self::Transport(protocol) => return write!(f, "{protocol} header"),
        })
    }
}

/// Why decoding ended early, and where.
///
/// What to count stops by, and what tells them in words, is [`super::Cause`]: few distinct values in practice, though a hostile sender
/// may bring about many (every ethertype, for one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The header that was being read.
    pub layer: Layer,
    /// Offset in the frame of that header's first byte; of the first byte after it where the header itself was read.
    pub offset: u32,
    /// Bytes that were needed from `offset` on to read it; 0 where the lack of bytes is not the reason.
    pub need: u32,
    /// Bytes that there were.
    pub have: u32,
    /// What was in the way.
    pub reason: Reason,
}

/// What was in the way of further decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The captured bytes end before the header does.
    Cut,
    /// A length field, of this header or of one around it, ends the packet before the header does.
    Short,
    /// An IP version other than the one expected (4 or 6, where either would do).
    Version(u8),
    /// A header length, in words of four bytes, that is less than the smallest header has.
    HeaderLen(u8),
    /// The interface, and with it the link type, is unknown.
    NoLink,
    /// A link type that is not decoded.
    Link(LinkType),
    /// An ethertype that is not decoded.
    Ethertype(u16),
    /// Service access points of LLC, destination and source, that are not decoded.
    Llc(u8, u8),
    /// A SNAP header of an organisation whose protocol numbers are not decoded: OUI, protocol.
    Snap(u32, u16),
    /// An address family of NULL and LOOP that is not decoded.
    Family(u32),
    /// An ARP hardware type of a cooked capture whose packets are not decoded.
    Hardware(u16),
    /// An IEEE 802.11 management frame, or one of the extended types.
    Management,
    /// An IEEE 802.11 control frame.
    Control,
    /// An IEEE 802.11 data frame without data.
    NoData,
    /// A part of a frame, and not the first one.
    LaterPart,
    /// A frame of a kind that carries no packet, or not the way that is decoded: the byte that tells the kind.
    Kind(u8),
    /// The first bytes are not those that such a header begins with.
    Magic,
    /// A log entry without the packet that it is about.
    NoPacket,
    /// A PPP protocol that is not decoded.
    Ppp(u16),
    /// A version or a flag that a tunnel's header does not have, or that is not decoded: the first 16 bits of the header.
    Flags(u16),
    /// What follows the last MPLS label is neither IP nor Ethernet.
    Unlabelled,
    /// What a tunnel's header announces, or what follows it, is not decoded.
    Contents,
    /// Encrypted, or changed so that it cannot be read.
    Encrypted,
    /// More headers, one in the other, than are followed.
    TooDeep,
}
