//! The commonest frames, read in one step: Ethernet, IPv4 without options or fragments or IPv6 without extensions, and TCP or UDP whose
//! headers are whole.
//!
//! A short way past the walk, to the same end: whatever it does not know at first sight it leaves to the walk, and a test holds the two
//! to one answer.

use std::net::IpAddr;

use super::udp_ports;
use super::view::{Net, PacketView, Payload};
use super::window::Window;
use crate::key::{Endpoint, FiveTuple};
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

/// A frame of Ethernet; `None` where it takes the walk to tell.
#[inline]
pub(super) fn read(frame: &[u8]) -> Option<PacketView> {
    let (ethernet, packet) = frame.split_first_chunk::<ETHERNET_LEN>()?;
    let [.., type_high, type_low] = *ethernet;
    match [type_high, type_low] {
        IPV4 => ipv4(frame, packet),
        IPV6 => ipv6(frame, packet),
        _ => None,
    }
}

#[inline]
fn ipv4(frame: &[u8], packet: &[u8]) -> Option<PacketView> {
    let (header, _) = packet.split_first_chunk::<IPV4_LEN>()?;
    #[rustfmt::skip]
    let [version, _, len_high, len_low, _, _, fragment_high, fragment_low, _, protocol, _, _,
         a, b, c, d, e, f, g, h] = *header;
    let fragment = u16::from_be_bytes([fragment_high, fragment_low]);
    if version != VERSION_AND_LEN || fragment & FRAGMENT_BITS != 0 {
        return None;
    }
    let total_len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let origlen = total_len.checked_sub(IPV4_LEN)?;
    let carried = Carried::of(frame, IPV4_LEN, origlen)?;
    let ends = ([a, b, c, d].into(), [e, f, g, h].into());
    carried.view(Net::Ipv4, ends, IpProtocol(protocol))
}

#[inline]
fn ipv6(frame: &[u8], packet: &[u8]) -> Option<PacketView> {
    let (header, _) = packet.split_first_chunk::<IPV6_LEN>()?;
    let [version, _, _, _, len_high, len_low, next, _, ends @ ..] = header;
    let origlen = usize::from(u16::from_be_bytes([*len_high, *len_low]));
    if version >> 4 != 6 {
        return None;
    }
    let (src, dst) = ends.split_first_chunk::<16>()?;
    let dst: &[u8; 16] = dst.try_into().ok()?;
    let carried = Carried::of(frame, IPV6_LEN, origlen)?;
    let ends = ((*src).into(), (*dst).into());
    carried.view(Net::Ipv6, ends, IpProtocol(*next))
}

/// What an IP header carries.
struct Carried<'a> {
    /// Up to the packet's end.
    frame: &'a [u8],
    /// Where the transport's header begins.
    start: usize,
    transport: &'a [u8],
    /// Bytes of it on the wire.
    origlen: usize,
}

type Read = ((u16, u16), Option<TcpSegment>, Payload);

impl<'a> Carried<'a> {
    /// What is behind an IP header of `header_len` bytes, and had `origlen` on the wire.
    #[inline]
    fn of(frame: &'a [u8], header_len: usize, origlen: usize) -> Option<Self> {
        let start = ETHERNET_LEN + header_len;
        // Behind the packet's end may come a trailer.
        let frame = frame.get(..start + origlen).unwrap_or(frame);
        Some(Self {
            frame,
            start,
            transport: frame.get(start..)?,
            origlen,
        })
    }

    #[inline]
    fn view(
        &self,
        net: Net,
        (src, dst): (IpAddr, IpAddr),
        protocol: IpProtocol,
    ) -> Option<PacketView> {
        let (ports, tcp, payload) = match protocol {
            IpProtocol::TCP => self.segment()?,
            IpProtocol::UDP => self.datagram()?,
            _ => return None,
        };
        let end = |addr, port| Endpoint { addr, port };
        Some(PacketView {
            net: Some(net),
            five_tuple: Some(FiveTuple {
                src: end(src, ports.0),
                dst: end(dst, ports.1),
                protocol,
            }),
            tcp,
            payload,
            ..PacketView::default()
        })
    }

    /// Source: RFC 9293 §3.1.
    #[inline]
    fn segment(&self) -> Option<Read> {
        let (header, _) = self.transport.split_first_chunk::<20>()?;
        #[rustfmt::skip]
        let [a, b, c, d, seq0, seq1, seq2, seq3, _, _, _, _, offset, flags, ..] = *header;
        let header_len = usize::from(offset >> 4) * 4;
        if header_len < header.len() || header_len > self.transport.len() {
            return None;
        }
        let tcp = TcpSegment {
            flags: TcpFlags(flags),
            seq: u32::from_be_bytes([seq0, seq1, seq2, seq3]),
        };
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Some((ports, Some(tcp), self.payload(header_len, self.origlen)))
    }

    /// Source: RFC 768.
    #[inline]
    fn datagram(&self) -> Option<Read> {
        let (header, payload) = self.transport.split_first_chunk::<8>()?;
        let [a, b, c, d, len_high, len_low, _, _] = *header;
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        // The walk judges what a length field is worth that says anything else.
        if len != self.origlen || payload.len() != len.checked_sub(header.len())? {
            return None;
        }
        let window = Window::new(self.frame).skip(self.start + header.len());
        if udp_ports::inside(ports.0, ports.1, window.limit(payload.len())).is_some() {
            return None;
        }
        Some((ports, None, self.payload(header.len(), len)))
    }

    /// The payload behind a header of `header_len` bytes, where header and payload had `origlen` on the wire.
    #[inline]
    fn payload(&self, header_len: usize, origlen: usize) -> Payload {
        Payload {
            offset: (self.start + header_len) as u32,
            caplen: (self.transport.len() - header_len) as u32,
            origlen: (origlen - header_len) as u32,
        }
    }
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
            assert_eq!(read(&frame), Some(by_walk(&frame)));
            let mut with_trailer = frame.clone();
            with_trailer.extend([0; 6]);
            assert_eq!(read(&with_trailer), Some(by_walk(&frame)));
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
            assert_eq!(read(&frame), Some(by_walk(&frame)));
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
            if let Some(view) = read(&frame) {
                prop_assert_eq!(view, by_walk(&frame));
            }
        }
    }
}
