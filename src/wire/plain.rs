//! The commonest frames, read in one step: Ethernet, IPv4 without options or fragments, and TCP or UDP whose headers are whole.
//!
//! A short way past the walk, to the same end: whatever it does not know at first sight it leaves to the walk, and a test holds the two
//! to one answer.

use super::udp_ports;
use super::view::{Net, PacketView, Payload};
use super::window::Window;
use crate::key::{Endpoint, FiveTuple};
use crate::packet::{IpProtocol, TcpFlags, TcpSegment};

/// Ethernet's addresses and IPv4's ethertype, which end where the packet begins.
const ETHERNET_LEN: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
/// Version 4, five words of header. Source: RFC 791 §3.1.
const VERSION_AND_LEN: u8 = 0x45;
const IPV4_LEN: usize = 20;
/// More fragments, and the fragment's offset. Source: RFC 791 §3.1.
const FRAGMENT_BITS: u16 = 0x3fff;
/// Where the transport's header begins.
const TRANSPORT: usize = ETHERNET_LEN + IPV4_LEN;

/// A frame of Ethernet; `None` where it takes the walk to tell.
#[inline]
pub(super) fn read(frame: &[u8]) -> Option<PacketView> {
    let (ethernet, packet) = frame.split_first_chunk::<ETHERNET_LEN>()?;
    let (header, _) = packet.split_first_chunk::<IPV4_LEN>()?;
    let [.., type_high, type_low] = *ethernet;
    #[rustfmt::skip]
    let [version, _, len_high, len_low, _, _, fragment_high, fragment_low, _, protocol, _, _,
         a, b, c, d, e, f, g, h] = *header;
    let fragment = u16::from_be_bytes([fragment_high, fragment_low]);
    if [type_high, type_low] != IPV4 || version != VERSION_AND_LEN || fragment & FRAGMENT_BITS != 0
    {
        return None;
    }
    let total_len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let origlen = total_len.checked_sub(IPV4_LEN)?;
    // Behind the packet's end may come a trailer.
    let frame = frame.get(..ETHERNET_LEN + total_len).unwrap_or(frame);
    let carried = Carried {
        frame,
        transport: frame.get(TRANSPORT..)?,
        origlen,
    };
    let protocol = IpProtocol(protocol);
    let (ports, tcp, payload) = match protocol {
        IpProtocol::TCP => carried.segment()?,
        IpProtocol::UDP => carried.datagram()?,
        _ => return None,
    };
    let end = |addr: [u8; 4], port| Endpoint {
        addr: addr.into(),
        port,
    };
    Some(PacketView {
        net: Some(Net::Ipv4),
        five_tuple: Some(FiveTuple {
            src: end([a, b, c, d], ports.0),
            dst: end([e, f, g, h], ports.1),
            protocol,
        }),
        tcp,
        payload,
        ..PacketView::default()
    })
}

/// What an IPv4 header carries.
struct Carried<'a> {
    /// Up to the packet's end.
    frame: &'a [u8],
    transport: &'a [u8],
    /// Bytes of it on the wire.
    origlen: usize,
}

type Read = ((u16, u16), Option<TcpSegment>, Payload);

impl Carried<'_> {
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
        let window = Window::new(self.frame).skip(TRANSPORT + header.len());
        if udp_ports::inside(ports.0, ports.1, window.limit(payload.len())).is_some() {
            return None;
        }
        Some((ports, None, self.payload(header.len(), len)))
    }

    /// The payload behind a header of `header_len` bytes, where header and payload had `origlen` on the wire.
    #[inline]
    fn payload(&self, header_len: usize, origlen: usize) -> Payload {
        Payload {
            offset: (TRANSPORT + header_len) as u32,
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

    fn frames() -> [Vec<u8>; 2] {
        [REAL_SYN, REAL_DNS].map(|packet| hex(&[ETHERNET, IS_IPV4, packet]))
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
        let [syn, dns] = frames();
        let changed = |frame: &[u8], at: usize, byte: u8| {
            let mut frame = frame.to_vec();
            frame[at] = byte;
            read(&frame)
        };
        // Ethertype, header with options, more fragments, ICMP, a TCP header of four words.
        for (at, byte) in [(12, 0x86), (14, 0x46), (20, 0x20), (23, 1), (46, 0x40)] {
            assert_eq!(changed(&syn, at, byte), None, "{at}");
        }
        // A length that UDP and IP do not agree on.
        assert_eq!(changed(&dns, 39, 0), None);
        for cut in 0..TRANSPORT + 20 {
            assert_eq!(read(&syn[..cut]), None, "{cut}");
        }
        for cut in 0..dns.len() {
            assert_eq!(read(&dns[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_cut_payload_is_told_as_the_walk_tells_it() {
        let [mut syn, _] = frames();
        // Behind a header that is whole.
        syn[16..18].copy_from_slice(&1500u16.to_be_bytes());
        assert_eq!(read(&syn), Some(by_walk(&syn)));
        assert!(read(&syn).is_some());
    }

    proptest! {
        #[test]
        fn both_ways_lead_to_one_view(
            which in 0usize..2,
            changes in proptest::collection::vec((0usize..80, any::<u8>()), 0..4),
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
