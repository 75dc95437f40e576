//! Transports: ports, what flow tracking needs of TCP, and where the payload begins.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::Step;
use super::udp_ports;
use super::view::{Layer, Net, PacketView, Reason, Stop};
use super::window::Window;
use crate::packet::{IpProtocol, TcpFlags, TcpSegment};
use crate::tunnel::Tunnel;

/// A TCP header without options. Source: RFC 9293 §3.1.
const TCP_MIN_LEN: usize = 20;
/// The same in words of four bytes.
const TCP_MIN_WORDS: u8 = 5;
/// Source: RFC 768.
const UDP_LEN: usize = 8;
/// Source and destination, which all of them begin with.
const PORTS_LEN: usize = 4;
/// The common header. Source: RFC 9260 §3.1.
const SCTP_LEN: usize = 12;

const ETHERIP: IpProtocol = IpProtocol(97);
const PIM: IpProtocol = IpProtocol(103);
const L2TP: IpProtocol = IpProtocol(115);
const MPLS: IpProtocol = IpProtocol(137);
/// Source: RFC 8986 §10.1.
const ETHERNET: IpProtocol = IpProtocol(143);

/// A transport header; what is not TCP, UDP or SCTP has no ports, and all of it is payload, perhaps with another packet in it.
///
/// Where the lengths say that not even ports are there, there is no transport: the packet belongs to no connection, and is one of its two
/// addresses alone. A fragment is no tunnel that can be entered: what is in it is not whole.
pub(super) fn read<'a>(
    protocol: IpProtocol,
    window: Window<'a>,
    view: &mut PacketView,
) -> Step<'a> {
    if has_ports(protocol) && !window.may_hold(PORTS_LEN) {
        view.set_no_transport();
        return Err(window.too_short(Layer::Transport(protocol), PORTS_LEN));
    }
    match protocol {
        IpProtocol::TCP => read_tcp(window, view)?,
        IpProtocol::UDP => return read_udp(window, view),
        IpProtocol::SCTP => read_sctp(window, view)?,
        IpProtocol::AH => return Ok(Some((Layer::Ah, window))),
        _ => {
            view.payload = window.payload();
            return Ok(inside(protocol, window, view.net).filter(|_| !view.is_fragment));
        }
    }
    Ok(None)
}

const fn has_ports(protocol: IpProtocol) -> bool {
    matches!(
        protocol,
        IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP
    )
}

/// The header that a packet of this protocol carries, where it is a tunnel. Source: IANA "Assigned Internet Protocol Numbers".
fn inside(
    protocol: IpProtocol,
    window: Window<'_>,
    outer: Option<Net>,
) -> Option<(Layer, Window<'_>)> {
    let is_in_ipv6 = outer == Some(Net::Ipv6);
    let (layer, tunnel) = match protocol {
        IpProtocol::IPV4 if is_in_ipv6 => (Layer::Ipv4, Tunnel::FourInSix),
        IpProtocol::IPV4 => (Layer::Ipv4, Tunnel::IpIp),
        IpProtocol::IPV6 if is_in_ipv6 => (Layer::Ipv6, Tunnel::SixInSix),
        IpProtocol::IPV6 => (Layer::Ipv6, Tunnel::SixInFour),
        ETHERNET => (Layer::Ethernet, Tunnel::EtherIp),
        // These say themselves that they are tunnels.
        IpProtocol::GRE => return Some((Layer::Gre, window)),
        ETHERIP => return Some((Layer::EtherIp, window)),
        PIM => return Some((Layer::Pim, window)),
        L2TP => return Some((Layer::L2tpV3, window)),
        MPLS => return Some((Layer::Mpls, window)),
        _ => return None,
    };
    Some((layer, window.through(tunnel)))
}

fn read_tcp(window: Window<'_>, view: &mut PacketView) -> Result<(), Stop> {
    let Ok(header) = TcpHeaderSlice::from_slice(window.bytes()) else {
        return Err(read_broken_tcp(window, view));
    };
    let bytes = header.slice();
    view.set_ports(header.source_port(), header.destination_port());
    view.tcp = Some(TcpSegment {
        flags: TcpFlags(bytes.get(13).copied().unwrap_or_default()),
        seq: header.sequence_number(),
    });
    view.payload = window.skip(bytes.len()).payload();
    Ok(())
}

/// What there is to read in a header that is cut or malformed.
#[cold]
fn read_broken_tcp(window: Window<'_>, view: &mut PacketView) -> Stop {
    let layer = Layer::Transport(IpProtocol::TCP);
    read_ports(window, view);
    if let (Some(seq), Some([flags])) = (window.array(4), window.array(13)) {
        view.tcp = Some(TcpSegment {
            flags: TcpFlags(flags),
            seq: u32::from_be_bytes(seq),
        });
    }
    let Some([offset]) = window.array(12) else {
        return window.too_short(layer, TCP_MIN_LEN);
    };
    let words = offset >> 4;
    if words < TCP_MIN_WORDS {
        return window.stop(layer, Reason::HeaderLen(words));
    }
    // None of the payload was captured, but how long it was is known.
    let header_len = usize::from(words) * 4;
    view.payload = window.skip(header_len).payload();
    window.too_short(layer, header_len)
}

/// A length field of less than a header is taken for none (RFC 2675 §4 has 0 in jumbograms), one that claims more than IP has is not believed.
fn read_udp<'a>(window: Window<'a>, view: &mut PacketView) -> Step<'a> {
    let Ok(header) = UdpHeaderSlice::from_slice(window.bytes()) else {
        read_ports(window, view);
        return Err(window.too_short(Layer::Transport(IpProtocol::UDP), UDP_LEN));
    };
    let (src, dst) = (header.source_port(), header.destination_port());
    view.set_ports(src, dst);
    let datagram = match usize::from(header.length()) {
        len @ UDP_LEN.. if len <= window.origlen() => window.limit(len),
        _ => window,
    };
    let payload = datagram.skip(UDP_LEN);
    view.payload = payload.payload();
    if view.is_fragment {
        return Ok(None);
    }
    Ok(udp_ports::inside(src, dst, payload))
}

fn read_sctp(window: Window<'_>, view: &mut PacketView) -> Result<(), Stop> {
    read_ports(window, view);
    if window.bytes().len() < SCTP_LEN {
        return Err(window.too_short(Layer::Transport(IpProtocol::SCTP), SCTP_LEN));
    }
    view.payload = window.skip(SCTP_LEN).payload();
    Ok(())
}

/// Source and destination port, which TCP, UDP and SCTP all begin with.
fn read_ports(window: Window<'_>, view: &mut PacketView) {
    if let (Some(src), Some(dst)) = (window.be16(0), window.be16(2)) {
        view.set_ports(src, dst);
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, REAL_SYN, hex, payload_numbers, tuple_text};
    use super::*;
    use crate::packet::LinkType;
    use crate::wire::decode;

    const DNS: &str = "udp 10.77.0.2:48513 > 10.77.1.53:53";
    const SYN: &str = "tcp 10.77.0.2:52074 > 10.77.1.10:443";

    fn view(frame: &[u8]) -> PacketView {
        decode(Some(LinkType::RAW), frame)
    }

    fn dns_with_length(len: u16) -> PacketView {
        let mut frame = hex(&[REAL_DNS]);
        frame[24..26].copy_from_slice(&len.to_be_bytes());
        view(&frame)
    }

    #[test]
    fn a_syn_tells_its_flags_and_sequence_number() {
        let view = view(&hex(&[REAL_SYN]));
        let tcp = view.tcp.unwrap();
        assert_eq!((tcp.flags, tcp.seq), (TcpFlags::SYN, 0x4250_2f38));
    }

    #[test]
    fn a_cut_tcp_header_gives_its_ports_then_its_flags() {
        let frame = hex(&[REAL_SYN]);
        for cut in 20..60 {
            let view = view(&frame[..cut]);
            assert_eq!(tuple_text(&view) == SYN, cut >= 24, "{cut}");
            assert_eq!(view.tcp.is_some(), cut >= 34, "{cut}");
            let stop = view.stop.unwrap();
            assert_eq!(stop.layer, Layer::Transport(IpProtocol::TCP));
            let need = if cut > 32 { 40 } else { 20 };
            assert_eq!(
                (stop.need, stop.have, stop.reason),
                (need, cut as u32 - 20, Reason::Cut)
            );
        }
    }

    #[test]
    fn the_payload_behind_cut_tcp_options_has_a_length() {
        let mut frame = hex(&[REAL_SYN]);
        frame[2..4].copy_from_slice(&1500u16.to_be_bytes());
        assert_eq!(payload_numbers(&view(&frame[..56])), (56, 0, 1440));
        // Up to here the header's length is not known, and so neither is the payload's.
        assert_eq!(payload_numbers(&view(&frame[..32])), (0, 0, 0));
    }

    #[test]
    fn a_tcp_header_of_less_than_five_words_has_ports_and_no_payload() {
        let mut frame = hex(&[REAL_SYN]);
        frame[32] = 0x40;
        let view = view(&frame);
        assert_eq!(tuple_text(&view), SYN);
        assert_eq!(view.tcp.map(|tcp| tcp.flags), Some(TcpFlags::SYN));
        assert_eq!(payload_numbers(&view), (0, 0, 0));
        assert_eq!(
            view.stop.map(|stop| stop.reason),
            Some(Reason::HeaderLen(4))
        );
    }

    #[test]
    fn a_udp_length_within_the_packet_is_believed() {
        assert_eq!(payload_numbers(&dns_with_length(18)), (28, 10, 10));
        assert_eq!(payload_numbers(&dns_with_length(8)), (28, 0, 0));
    }

    #[test]
    fn an_absurd_udp_length_is_not() {
        for len in [0, 7, 42, u16::MAX] {
            let view = dns_with_length(len);
            assert_eq!(
                (tuple_text(&view).as_str(), payload_numbers(&view)),
                (DNS, (28, 33, 33))
            );
            assert_eq!(view.stop, None);
        }
    }

    #[test]
    fn a_cut_udp_header_gives_its_ports() {
        let frame = hex(&[REAL_DNS]);
        for cut in 20..28 {
            let view = view(&frame[..cut]);
            assert_eq!(tuple_text(&view) == DNS, cut >= 24, "{cut}");
            assert_eq!(view.stop.map(|stop| stop.reason), Some(Reason::Cut));
        }
    }

    #[test]
    fn lengths_that_leave_no_room_for_ports_leave_no_transport() {
        for frame in [hex(&[REAL_SYN]), hex(&[REAL_DNS])] {
            for total_len in 20..26 {
                let mut frame = frame.clone();
                frame[3] = total_len;
                let view = view(&frame);
                let protocol = view.five_tuple.unwrap().protocol;
                let has_ports = view.five_tuple.unwrap().src.port != 0;
                assert_eq!(has_ports, total_len >= 24);
                assert_eq!(protocol == IpProtocol::NO_NEXT_HEADER, total_len < 24);
                assert_eq!(view.stop.map(|stop| stop.reason), Some(Reason::Short));
            }
        }
    }

    #[test]
    fn a_protocol_without_ports_is_all_payload() {
        let mut frame = hex(&[REAL_DNS]);
        for protocol in [1, 50, 255] {
            frame[9] = protocol;
            let view = view(&frame);
            assert_eq!(
                view.five_tuple.map(|tuple| tuple.protocol),
                Some(IpProtocol(protocol))
            );
            assert_eq!(view.five_tuple.map(|tuple| tuple.src.port), Some(0));
            assert_eq!((payload_numbers(&view), view.stop), ((20, 41, 41), None));
        }
    }
}
