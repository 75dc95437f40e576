//! IP where nothing but its own bytes says so: entered only when all of them agree.
//!
//! A port that means nothing, a header that could be another protocol's, a cookie of unknown length: a wrong guess would tell a flow that
//! is none.

use super::link;
use super::view::Layer;
use super::window::Window;

/// Two addresses and the type. Source: IEEE 802.3 §3.1.1.
const ETHERNET_LEN: usize = 14;
/// Frames are filled up to this length, without the check sequence. Source: IEEE 802.3 §3.2.8.
const MIN_FRAME_LEN: usize = 60;
/// Tag control information and the type.
const TAG_LEN: usize = 4;
/// Most tags before the packet.
const MAX_TAGS: usize = 2;

/// Source: IANA "IEEE 802 Numbers".
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 2] = [0x8100, 0x88a8];

/// The fixed IPv6 header. Source: RFC 8200 §3.
const IPV6_LEN: usize = 40;
/// What IPv6 packets carry: the extension headers, the transports, what tunnels and routers send. It has no checksum, so that this has to do.
/// Source: IANA "Assigned Internet Protocol Numbers".
const IPV6_NEXT_HEADERS: [u8; 22] = [
    0, 4, 6, 17, 33, 41, 43, 44, 46, 47, 50, 51, 58, 59, 60, 88, 89, 103, 132, 135, 136, 143,
];

/// `inside` itself, if it is an IP packet, or an Ethernet frame with one, that ends where its own length says.
pub(super) fn whole<'a>(inside: (Layer, Window<'a>)) -> Option<(Layer, Window<'a>)> {
    let (layer, window) = inside;
    match layer {
        Layer::Ethernet => frame(window),
        Layer::Ipv4 | Layer::Ipv6 => packet(window).filter(|(found, _)| *found == layer),
        _ => None,
    }
}

/// An IP packet that is as long as its window, its header's checksum right.
pub(super) fn packet(window: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let (layer, len) = ip(window)?;
    (len == window.origlen()).then_some((layer, window))
}

/// An Ethernet frame with such a packet, and what fills a short frame up at most.
pub(super) fn frame(window: Window<'_>) -> Option<(Layer, Window<'_>)> {
    let mut header_len = ETHERNET_LEN;
    for _ in 0..MAX_TAGS {
        if VLAN.contains(&window.be16(header_len - 2)?) {
            header_len += TAG_LEN;
        }
    }
    let announced = match window.be16(header_len - 2)? {
        IPV4 => Layer::Ipv4,
        IPV6 => Layer::Ipv6,
        _ => return None,
    };
    let packet = window.skip(header_len);
    let (layer, len) = ip(packet)?;
    let is_filled_up = len < packet.origlen() && window.origlen() <= MIN_FRAME_LEN;
    let is_whole = len == packet.origlen() || is_filled_up;
    (layer == announced && is_whole).then_some((Layer::Ethernet, window))
}

/// Version and length of the IP packet that the window begins with.
fn ip(window: Window<'_>) -> Option<(Layer, usize)> {
    let (layer, _) = link::inside_raw(window)?;
    let len = match layer {
        Layer::Ipv4 if is_sum_right(window) => usize::from(window.be16(2)?),
        Layer::Ipv6 if is_next_header_usual(window) => IPV6_LEN + usize::from(window.be16(4)?),
        _ => return None,
    };
    Some((layer, len))
}

fn is_next_header_usual(window: Window<'_>) -> bool {
    let next = window.array(6);
    next.is_some_and(|[next]| IPV6_NEXT_HEADERS.contains(&next))
}

/// Whether an IPv4 header's words add up to all ones. Source: RFC 1071 §1.
fn is_sum_right(window: Window<'_>) -> bool {
    let Some([first]) = window.array(0) else {
        return false;
    };
    let words = usize::from(first & 0x0f) * 2;
    let sum: u32 = (0..words)
        .filter_map(|word| window.be16(word * 2))
        .map(u32::from)
        .sum();
    (sum & 0xffff) + (sum >> 16) == 0xffff
}

#[cfg(test)]
mod tests {
    use super::super::golden::{ETHERNET, IPV6_FROM_HOP_LIMIT, IS_IPV4, REAL_DNS, UDP_16, hex};
    use super::*;

    fn is_frame(bytes: &[u8]) -> bool {
        frame(Window::new(bytes)).is_some()
    }

    fn is_packet(bytes: &[u8]) -> bool {
        packet(Window::new(bytes)).is_some()
    }

    #[test]
    fn a_packet_that_agrees_with_itself_is_certain() {
        let ipv4 = hex(&[REAL_DNS]);
        assert!(is_packet(&ipv4));
        assert!(is_packet(&hex(&[
            "60 00 00 00 00 10 11",
            IPV6_FROM_HOP_LIMIT,
            UDP_16
        ])));
        assert!(is_frame(&hex(&[ETHERNET, IS_IPV4, REAL_DNS])));
        assert!(is_frame(&hex(&[
            ETHERNET,
            "88 a8 00 01 81 00 00 02",
            IS_IPV4,
            REAL_DNS
        ])));
        assert!(whole((Layer::Ipv4, Window::new(&ipv4))).is_some());
        assert!(whole((Layer::Ipv6, Window::new(&ipv4))).is_none());
        assert!(whole((Layer::Mpls, Window::new(&ipv4))).is_none());
    }

    #[test]
    fn one_wrong_bit_of_the_header_is_doubt() {
        let packet = hex(&[REAL_DNS]);
        for bit in 0..20 * 8 {
            let mut wrong = packet.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_packet(&wrong), "bit {bit}");
        }
    }

    #[test]
    fn a_next_header_that_nobody_sends_is_doubt() {
        let is_certain = |next: u8| {
            let head = format!("60 00 00 00 00 10 {next:02x}");
            is_packet(&hex(&[&head, IPV6_FROM_HOP_LIMIT, UDP_16]))
        };
        assert!(is_certain(6) && is_certain(58) && is_certain(59));
        assert!(!is_certain(1) && !is_certain(190) && !is_certain(255));
    }

    #[test]
    fn a_length_that_is_not_exact_is_doubt() {
        let mut longer = hex(&[ETHERNET, IS_IPV4, REAL_DNS]);
        for cut in 0..longer.len() {
            assert!(!is_frame(&longer[..cut]), "{cut}");
            assert!(!is_packet(&longer[14.min(cut)..cut]), "{cut}");
        }
        longer.push(0);
        assert!(!is_frame(&longer) && !is_packet(&longer[14..]));
    }

    #[test]
    fn a_short_frame_may_be_filled_up() {
        // A datagram of one byte, its checksum put right.
        let short = "45 00 00 1d 00 00 40 00 40 11 25 00 0a 4d 00 02 0a 4d 01 35 bd 81 00 35 00 09 00 00 61";
        let frame = |fill: usize| hex(&[ETHERNET, IS_IPV4, short, &"00".repeat(fill)]);
        assert!(is_frame(&frame(0)) && is_frame(&frame(17)));
        assert!(!is_frame(&frame(18)));
    }
}
