//! The commonest frames, read in one step: Ethernet, IPv4 without options or fragments or IPv6 without extensions, and TCP or UDP whose
//! headers are whole.
//!
//! A short way past the walk, to the same end: whatever it does not know at first sight it leaves to the walk, and a test holds the two
//! to one answer.

use super::udp_ports;
use super::view::{Net, PacketView, Payload};
use super::window::Window;
use crate::key::{FlowKey, Side};
use crate::packet::{IpProtocol, TcpFlags, TcpSegment};

/// Ethernet's addresses and the ethertype, which end where the packet begins.
const ETHERNET_LEN: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
/// Version 4, five words of header. Source: RFC 791 §3.1.
const VERSION_AND_LEN: u8 = 0x45;
const IPV4_LEN: usize = 20;
/// More fragments, and the fragment's offset. Source: RFC 791 §3.1.
const FRAGMENT_BITS: u16 = 0x3fff;
/// Source: RFC 8200 §3.
const IPV6_LEN: usize = 40;
/// Source: RFC 768.
const UDP_LEN: usize = 8;

/// What there is to tell of such a frame: all that a [`PacketView`] of it says, and the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) net: Net,
    /// The flow, and which end of it sent the packet.
    pub(crate) key: FlowKey,
    pub(crate) sender: Side,
    pub(crate) src_port: u16,
    /// There in a segment, and only there.
    pub(crate) tcp: Option<TcpSegment>,
    pub(crate) payload: Payload,
}

impl Plain {
    pub(super) fn view(&self) -> PacketView {
        PacketView {
            net: Some(self.net),
            five_tuple: Some(self.key.five_tuple(self.sender)),
            tcp: self.tcp,
            payload: self.payload,
            ..PacketView::default()
        }
    }
}

/// Takes in what there is to tell of a frame.
///
/// Not a value that is given back: it would be put together at the end of every way through the headers, only to be taken apart again.
pub(crate) trait TakePlain {
    fn take(&mut self, plain: Plain);
}

impl TakePlain for Option<Plain> {
    #[inline]
    fn take(&mut self, plain: Plain) {
        *self = Some(plain);
    }
}

/// A frame of Ethernet; `None`, and nothing for `taker`, where it takes the walk to tell.
#[inline]
pub(super) fn read(frame: &[u8], taker: &mut impl TakePlain) -> Option<()> {
    let (ethernet, packet) = frame.split_first_chunk::<ETHERNET_LEN>()?;
    let [.., type_high, type_low] = *ethernet;
    match [type_high, type_low] {
        IPV4 => ipv4(packet, taker),
        IPV6 => ipv6(packet, taker),
        _ => None,
    }
}

#[inline]
fn ipv4(packet: &[u8], taker: &mut impl TakePlain) -> Option<()> {
    let (header, rest) = packet.split_first_chunk::<IPV4_LEN>()?;
    #[rustfmt::skip]
    let [version, _, len_high, len_low, _, _, fragment_high, fragment_low, _, protocol, _, _,
         a, b, c, d, e, f, g, h] = *header;
    let fragment = u16::from_be_bytes([fragment_high, fragment_low]);
    if version != VERSION_AND_LEN || fragment & FRAGMENT_BITS != 0 {
        return None;
    }
    let total_len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let carried = Carried {
        start: ETHERNET_LEN + IPV4_LEN,
        origlen: total_len.checked_sub(IPV4_LEN)?,
        rest,
    };
    let protocol = IpProtocol(protocol);
    let src = u32::from_be_bytes([a, b, c, d]);
    let dst = u32::from_be_bytes([e, f, g, h]);
    carried.give((Net::Ipv4, protocol), taker, |ports| {
        FlowKey::over_ipv4(((src, ports.0), (dst, ports.1)), protocol)
    })
}

#[inline]
fn ipv6(packet: &[u8], taker: &mut impl TakePlain) -> Option<()> {
    let (header, rest) = packet.split_first_chunk::<IPV6_LEN>()?;
    let [version, _, _, _, len_high, len_low, next, _, ends @ ..] = header;
    if version >> 4 != 6 {
        return None;
    }
    let (src, dst) = ends.split_first_chunk::<16>()?;
    let dst = dst.first_chunk::<16>()?;
    let carried = Carried {
        start: ETHERNET_LEN + IPV6_LEN,
        origlen: usize::from(u16::from_be_bytes([*len_high, *len_low])),
        rest,
    };
    let protocol = IpProtocol(*next);
    let src = u128::from_be_bytes(*src);
    let dst = u128::from_be_bytes(*dst);
    carried.give((Net::Ipv6, protocol), taker, |ports| {
        FlowKey::over_ipv6(((src, ports.0), (dst, ports.1)), protocol)
    })
}

/// What an IP header carries.
struct Carried<'a> {
    /// Where the transport's header begins in the frame.
    start: usize,
    /// Bytes of it on the wire.
    origlen: usize,
    /// The frame from `start` on: behind the packet's end may come a trailer.
    rest: &'a [u8],
}

type Read = ((u16, u16), Option<TcpSegment>, Payload);

impl<'a> Carried<'a> {
    /// Gives the packet to `taker`; `key_of` makes its key of the ports of sender and receiver.
    // Wherever it is called, the version of IP is known.
    #[inline(always)]
    fn give(
        &self,
        (net, protocol): (Net, IpProtocol),
        taker: &mut impl TakePlain,
        key_of: impl FnOnce((u16, u16)) -> (FlowKey, Side),
    ) -> Option<()> {
        let (ports, tcp, payload) = self.read(protocol)?;
        let (key, sender) = key_of(ports);
        taker.take(Plain {
            net,
            key,
            sender,
            src_port: ports.0,
            tcp,
            payload,
        });
        Some(())
    }

    #[inline]
    fn read(&self, protocol: IpProtocol) -> Option<Read> {
        match protocol {
            IpProtocol::TCP => self.segment(),
            IpProtocol::UDP => self.datagram(),
            _ => None,
        }
    }

    /// Source: RFC 9293 §3.1.
    #[inline]
    fn segment(&self) -> Option<Read> {
        let bytes = self.rest.get(..self.origlen).unwrap_or(self.rest);
        let (header, _) = bytes.split_first_chunk::<20>()?;
        #[rustfmt::skip]
        let [a, b, c, d, seq0, seq1, seq2, seq3, _, _, _, _, offset, flags, ..] = *header;
        let header_len = usize::from(offset >> 4) * 4;
        if header_len < header.len() || header_len > bytes.len() {
            return None;
        }
        let tcp = TcpSegment {
            flags: TcpFlags(flags),
            seq: u32::from_be_bytes([seq0, seq1, seq2, seq3]),
        };
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Some((ports, Some(tcp), self.payload(header_len, bytes.len())))
    }

    /// Source: RFC 768.
    #[inline]
    fn datagram(&self) -> Option<Read> {
        // The walk tells what is cut.
        let bytes = self.rest.get(..self.origlen)?;
        let (header, payload) = bytes.split_first_chunk::<UDP_LEN>()?;
        let [a, b, c, d, len_high, len_low, _, _] = *header;
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // The walk judges what a length field is worth that says anything else.
        let is_whole = usize::from(u16::from_be_bytes([len_high, len_low])) == self.origlen;
        if !is_whole || (udp_ports::may_be_inside(ports, payload) && is_tunnel(ports, bytes)) {
            return None;
        }
        Some((ports, None, self.payload(UDP_LEN, bytes.len())))
    }

    /// The payload behind a header of `header_len` bytes, where `caplen` bytes of header and payload were captured.
    #[inline]
    const fn payload(&self, header_len: usize, caplen: usize) -> Payload {
        Payload {
            offset: (self.start + header_len) as u32,
            caplen: (caplen - header_len) as u32,
            origlen: (self.origlen - header_len) as u32,
        }
    }
}

/// Whether a whole datagram carries what the walk goes into.
#[cold]
fn is_tunnel((src, dst): (u16, u16), datagram: &[u8]) -> bool {
    let payload = Window::new(datagram)
        .skip(UDP_LEN)
        .limit(datagram.len().saturating_sub(UDP_LEN));
    udp_ports::inside(src, dst, payload).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::golden::{ETHERNET, IS_IPV4, REAL_DNS, REAL_SYN, hex};
    use super::super::{Layer, walk};
    use super::*;
    use crate::packet::LinkType;

    fn by_walk(frame: &[u8]) -> PacketView {
        let mut view = PacketView::default();
        let first = (Layer::Frame, Window::new(frame));
        view.stop = walk(Some(LinkType::ETHERNET), first, &mut view, |_| ()).err();
        view
    }

    fn read(frame: &[u8]) -> Option<Plain> {
        let mut plain = None;
        let read = super::read(frame, &mut plain);
        assert_eq!(read.is_some(), plain.is_some());
        plain
    }

    fn read_view(frame: &[u8]) -> Option<PacketView> {
        read(frame).map(|plain| plain.view())
    }

    /// Where the transport's header begins.
    const BEHIND_IPV4: usize = ETHERNET_LEN + IPV4_LEN;

    /// Real packets, and the same with another header of IP.
    fn frames() -> [Vec<u8>; 4] {
        let [syn, dns] = [REAL_SYN, REAL_DNS].map(|packet| hex(&[ETHERNET, IS_IPV4, packet]));
        let over_ipv6 = |frame: &[u8]| {
            let (ethernet, packet) = frame.split_at(ETHERNET_LEN);
            let (header, transport) = packet.split_at(IPV4_LEN);
            let len = (transport.len() as u16).to_be_bytes();
            let mut frame = ethernet[..12].to_vec();
            frame.extend(IPV6);
            frame.extend([0x60, 0, 0, 0, len[0], len[1], header[9], 64]);
            frame.extend([[0x20, 1, 0xd, 0xb8], [0; 4], [0; 4], [0, 0, 0, 1]].concat());
            frame.extend([[0x20, 1, 0xd, 0xb8], [0; 4], [0; 4], [0, 0, 0, 2]].concat());
            frame.extend(transport);
            frame
        };
        let (syn6, dns6) = (over_ipv6(&syn), over_ipv6(&dns));
        [syn, dns, syn6, dns6]
    }

    #[test]
    fn real_frames_take_the_short_way() {
        for frame in frames() {
            assert_eq!(read_view(&frame), Some(by_walk(&frame)));
            let mut with_trailer = frame.clone();
            with_trailer.extend([0; 6]);
            assert_eq!(read_view(&with_trailer), Some(by_walk(&frame)));
        }
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_to_the_walk() {
        let [syn, dns, syn6, dns6] = frames();
        let changed = |frame: &[u8], at: usize, byte: u8| {
            let mut frame = frame.to_vec();
            frame[at] = byte;
            read(&frame)
        };
        // Ethertype, header with options, more fragments, ICMP, a TCP header of four words.
        for (at, byte) in [(12, 0x86), (14, 0x46), (20, 0x20), (23, 1), (46, 0x40)] {
            assert_eq!(changed(&syn, at, byte), None, "{at}");
        }
        // Ethertype, version, length, an extension, a TCP header of four words.
        for (at, byte) in [(12, 0x87), (14, 0x40), (19, 0), (20, 0), (66, 0x40)] {
            assert_eq!(changed(&syn6, at, byte), None, "{at}");
        }
        // A tunnel: VXLAN, whose first byte has this flag.
        for mut frame in [dns.clone(), dns6.clone()] {
            let udp = frame.len() - (dns.len() - BEHIND_IPV4);
            frame[udp + 2..udp + 4].copy_from_slice(&4789u16.to_be_bytes());
            assert!(read(&frame).is_some());
            frame[udp + 8..udp + 16].copy_from_slice(&[8, 0, 0, 0, 0, 0, 1, 0]);
            assert_eq!(read(&frame), None);
        }
        // A length that UDP and IP do not agree on.
        assert_eq!(changed(&dns, 39, 0), None);
        assert_eq!(changed(&dns6, 59, 0), None);
        for cut in 0..ETHERNET_LEN + IPV6_LEN + 20 {
            assert_eq!(read(&syn6[..cut]), None, "{cut}");
        }
        for cut in 0..BEHIND_IPV4 + 20 {
            assert_eq!(read(&syn[..cut]), None, "{cut}");
        }
        for cut in 0..dns.len() {
            assert_eq!(read(&dns[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_cut_payload_is_told_as_the_walk_tells_it() {
        let [mut syn, _, mut syn6, _] = frames();
        // Behind a header that is whole.
        syn[16..18].copy_from_slice(&1500u16.to_be_bytes());
        syn6[18..20].copy_from_slice(&1500u16.to_be_bytes());
        for frame in [syn, syn6] {
            assert!(read(&frame).is_some());
            assert_eq!(read_view(&frame), Some(by_walk(&frame)));
        }
    }

    proptest! {
        #[test]
        fn both_ways_lead_to_one_view(
            which in 0usize..4,
            changes in proptest::collection::vec((0usize..100, any::<u8>()), 0..4),
            more in proptest::collection::vec(any::<u8>(), 0..80),
            cut in 0usize..160,
        ) {
            let mut frame = frames()[which].clone();
            frame.extend(more);
            for (at, byte) in changes {
                if let Some(there) = frame.get_mut(at) {
                    *there = byte;
                }
            }
            frame.truncate(cut);
            if let Some(plain) = read(&frame) {
                let view = plain.view();
                prop_assert_eq!(view, by_walk(&frame));
                let tuple = view.five_tuple.unwrap();
                prop_assert_eq!(FlowKey::of(&tuple), (plain.key, plain.sender));
                prop_assert_eq!(tuple.src.port, plain.src_port);
                prop_assert_eq!(view.tcp.is_some(), plain.key.protocol() == IpProtocol::TCP);
            }
        }
    }
}
