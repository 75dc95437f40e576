//! IPv6: addresses, and the chain of extension headers down to the transport.

use etherparse::Ipv6HeaderSlice;

use super::Step;
use super::view::{Layer, Net, PacketView, Reason};
use super::window::Window;
use crate::packet::IpProtocol;

/// Source: RFC 8200 §3.
const HEADER_LEN: usize = 40;
/// The length of a fragment header, and the least that any extension header has. Source: RFC 8200 §4.
const EXTENSION_LEN: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// An IPv6 header.
///
/// Payload length 0 is what segmentation offload leaves, and what a jumbogram has (RFC 2675): the packet is as long as what was captured.
/// Where nothing was, it means what it says.
pub(super) fn read<'a>(window: Window<'a>, view: &mut PacketView) -> Step<'a> {
    let Ok(header) = Ipv6HeaderSlice::from_slice(window.bytes()) else {
        return Err(match window.array(0) {
            Some([first]) if first >> 4 != 6 => {
                window.stop(Layer::Ipv6, Reason::Version(first >> 4))
            }
            _ => window.too_short(Layer::Ipv6, HEADER_LEN),
        });
    };
    let next = IpProtocol(header.next_header().0);
    view.set_net(
        Net::Ipv6,
        header.source_addr(),
        header.destination_addr(),
        next,
    );
    view.tunnels = window.tunnels();
    let after = window.skip(HEADER_LEN);
    let after = match header.payload_length() {
        0 if !after.bytes().is_empty() => after,
        len => after.limit(usize::from(len)),
    };
    by_next_header(next, after, view)
}

/// An extension header of the given kind.
///
/// A later fragment ends the walk: it has no transport header.
///
/// Source: RFC 8200 §4; RFC 6275 §6.1 (mobility); RFC 7401 §5.1 (HIP); RFC 5533 §5.1 (shim6).
pub(super) fn read_extension<'a>(
    kind: IpProtocol,
    window: Window<'a>,
    view: &mut PacketView,
) -> Step<'a> {
    let layer = Layer::Ipv6Extension(kind);
    let header = window.array::<EXTENSION_LEN>(0);
    let [next, len, offset_high, offset_low, ..] =
        header.ok_or_else(|| window.too_short(layer, EXTENSION_LEN))?;
    let header_len = match kind.0 {
        FRAGMENT => EXTENSION_LEN,
        _ => (usize::from(len) + 1) * 8,
    };
    if window.bytes().len() < header_len {
        return Err(window.too_short(layer, header_len));
    }
    let next = IpProtocol(next);
    view.set_protocol(next);
    let after = window.skip(header_len);
    if kind.0 == FRAGMENT {
        // fragment offset: 13 bits, reserved: 2, more fragments: 1
        let field = u16::from_be_bytes([offset_high, offset_low]);
        view.is_fragment |= field & !0b110 != 0;
        if field >> 3 != 0 {
            view.payload = after.empty_payload();
            return Ok(None);
        }
    }
    by_next_header(next, after, view)
}

/// The header that a next-header field announces. Source: IANA "IPv6 Extension Header Types".
pub(super) fn by_next_header<'a>(
    next: IpProtocol,
    after: Window<'a>,
    view: &mut PacketView,
) -> Step<'a> {
    let layer = match next.0 {
        HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => {
            Layer::Ipv6Extension(next)
        }
        _ if next == IpProtocol::NO_NEXT_HEADER => {
            view.payload = after.empty_payload();
            return Ok(None);
        }
        _ => Layer::Transport(next),
    };
    Ok(Some((layer, after)))
}

#[cfg(test)]
mod tests {
    use super::super::golden::{IPV6_FROM_HOP_LIMIT, UDP_16, hex, payload_numbers, tuple_text};
    use super::*;
    use crate::packet::LinkType;
    use crate::wire::decode;

    const TUPLE: &str = "udp [2001:db8::1]:12345 > [2001:db8::2]:53";

    /// A packet of 2001:db8::1 to 2001:db8::2 with `rest` after the header.
    fn packet(payload_len: u8, next: u8, rest: &[&str]) -> Vec<u8> {
        let head = format!("60 00 00 00 00 {payload_len:02x} {next:02x}");
        hex(&[&head, IPV6_FROM_HOP_LIMIT, &rest.concat()])
    }

    fn view(frame: &[u8]) -> PacketView {
        decode(Some(LinkType::IPV6), frame)
    }

    #[test]
    fn every_extension_header_is_passed() {
        // Each names the next one; the routing header has 24 bytes, so that its length counts.
        let chain = [
            "3c 00 01 04 00 00 00 00 ; hop-by-hop, then destination options\n",
            "2b 00 01 04 00 00 00 00 ; destination options, then routing\n",
            "87 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ; routing, then mobility\n",
            "8b 00 00 00 00 00 00 00 ; mobility, then HIP\n",
            "8c 00 00 00 00 00 00 00 ; HIP, then shim6\n",
            "2c 00 00 00 00 00 00 00 ; shim6, then fragment\n",
            "11 00 00 00 00 00 00 01 ; atomic fragment, then UDP\n",
            UDP_16,
        ];
        let view = view(&packet(88, 0, &chain));
        assert_eq!(
            (tuple_text(&view).as_str(), payload_numbers(&view)),
            (TUPLE, (120, 8, 8))
        );
        assert_eq!((view.is_fragment, view.stop), (false, None));
    }

    #[test]
    fn the_first_fragment_has_ports() {
        let view = view(&packet(24, FRAGMENT, &["11 00 00 01 00 00 00 01", UDP_16]));
        assert!(view.is_fragment);
        assert_eq!(tuple_text(&view), TUPLE);
    }

    #[test]
    fn a_later_fragment_has_the_protocol_alone() {
        for field in ["00 09", "00 08"] {
            let view = view(&packet(
                24,
                FRAGMENT,
                &["11 00", field, "00 00 00 01", UDP_16],
            ));
            assert!(view.is_fragment);
            assert_eq!(tuple_text(&view), "udp [2001:db8::1]:0 > [2001:db8::2]:0");
            assert_eq!((payload_numbers(&view), view.stop), ((48, 0, 0), None));
        }
    }

    #[test]
    fn payload_length_0_with_nothing_after_it_means_none() {
        let view = view(&packet(0, 17, &[]));
        assert_eq!(tuple_text(&view), "59 [2001:db8::1]:0 > [2001:db8::2]:0");
        assert_eq!(view.stop.map(|stop| stop.reason), Some(Reason::Short));
    }

    #[test]
    fn payload_length_0_means_what_was_captured() {
        let view = view(&packet(0, 17, &[UDP_16]));
        assert_eq!(
            (tuple_text(&view).as_str(), payload_numbers(&view)),
            (TUPLE, (48, 8, 8))
        );
    }

    #[test]
    fn a_payload_length_past_the_capture_is_a_cut_by_the_snaplen() {
        let mut frame = packet(200, 17, &[UDP_16]);
        frame[45] = 200; // the UDP length, so that it agrees
        assert_eq!(payload_numbers(&view(&frame)), (48, 8, 192));
    }

    #[test]
    fn an_extension_header_that_does_not_end_names_itself() {
        let frame = packet(16, 60, &["11 01 00 00 00 00 00 00", "00 00 00 00 00 00 00"]);
        let view = view(&frame);
        assert_eq!(tuple_text(&view), "60 [2001:db8::1]:0 > [2001:db8::2]:0");
        let stop = view.stop.unwrap();
        assert_eq!(stop.layer, Layer::Ipv6Extension(IpProtocol(60)));
        assert_eq!(
            (stop.offset, stop.need, stop.have, stop.reason),
            (40, 16, 15, Reason::Cut)
        );
    }

    #[test]
    fn a_chain_without_end_is_left() {
        let view = view(&packet(0, 60, &["3c 00 01 04 00 00 00 00"; 1000]));
        assert_eq!(view.stop.map(|stop| stop.reason), Some(Reason::TooDeep));
    }

    #[test]
    fn another_version_is_told() {
        let stop = view(&[0x45; 60]).stop.unwrap();
        assert_eq!((stop.layer, stop.reason), (Layer::Ipv6, Reason::Version(4)));
    }
}
