//! Transports: ports, what flow tracking needs of TCP, and where the payload begins.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::Step;
use super::view::{Layer, PacketView, Reason, Stop};
use super::window::Window;
use super::{capwap, geneve, gtp, l2tp, teredo, vxlan};
use crate::packet::{IpProtocol, TcpFlags, TcpSegment};

/// A TCP header without options. Source: RFC 9293 §3.1.
const TCP_MIN_LEN: usize = 20;
/// The same in words of four bytes.
const TCP_MIN_WORDS: u8 = 5;
/// Source: RFC 768.
const UDP_LEN: usize = 8;
/// The common header. Source: RFC 9260 §3.1.
const SCTP_LEN: usize = 12;

/// A transport header; what is not TCP, UDP or SCTP has no ports, and all of it is payload, perhaps with another packet in it.
///
/// A fragment is no tunnel that can be entered: what is in it is not whole.
pub(super) fn read<'a>(
    protocol: IpProtocol,
    window: Window<'a>,
    view: &mut PacketView,
) -> Step<'a> {
    match protocol {
        IpProtocol::TCP => read_tcp(window, view)?,
        IpProtocol::UDP => return read_udp(window, view),
        IpProtocol::SCTP => read_sctp(window, view)?,
        IpProtocol::AH => return Ok(Some((Layer::Ah, window))),
        _ => {
            view.payload = window.payload();
            return Ok(inside(protocol)
                .filter(|_| !view.is_fragment)
                .map(|layer| (layer, window)));
        }
    }
    Ok(None)
}

/// The header that a packet of this protocol carries, where it is a tunnel.
fn inside(protocol: IpProtocol) -> Option<Layer> {
    Some(match protocol {
        IpProtocol::IPV4 => Layer::Ipv4,
        IpProtocol::IPV6 => Layer::Ipv6,
        IpProtocol::GRE => Layer::Gre,
        _ => return None,
    })
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
    Ok(inside_udp(src, dst, payload))
}

/// What a datagram of these ports carries, where its first bytes are those of the tunnel that the ports hint at.
///
/// Either port counts where the reply comes from the same one. Source: IANA "Service Name and Transport Protocol Port Number
/// Registry"; 8472 is what Linux took for VXLAN before there was a number.
fn inside_udp(src: u16, dst: u16, payload: Window<'_>) -> Option<(Layer, Window<'_>)> {
    match (src, dst) {
        (_, 4789 | 8472) => vxlan::inside(payload),
        (_, 4790) => vxlan::inside_gpe(payload),
        (_, 6081) => geneve::inside(payload),
        (2152, _) | (_, 2152) => gtp::inside(payload),
        (3544, _) | (_, 3544) => teredo::inside(payload),
        (1701, _) | (_, 1701) => l2tp::inside(payload),
        (5247, _) | (_, 5247) => capwap::inside(payload),
        _ => None,
    }
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
