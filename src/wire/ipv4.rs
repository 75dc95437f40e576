//! IPv4: addresses, protocol, options skipped, and how long the packet really is.

use etherparse::Ipv4HeaderSlice;

use super::Step;
use super::route;
use super::view::{Layer, Net, PacketView, Reason, Stop};
use super::window::Window;
use crate::packet::IpProtocol;

/// A header without options. Source: RFC 791 §3.1.
const MIN_HEADER_LEN: usize = 20;
/// The same in words of four bytes.
const MIN_HEADER_WORDS: u8 = 5;

/// An IPv4 header.
///
/// * A header whose options are cut still gives its addresses.
/// * Total length 0 is what segmentation offload leaves: the packet is as long as what was captured.
/// * A later fragment ends the walk: it has no transport header.
pub(super) fn read<'a>(window: Window<'a>, view: &mut PacketView) -> Step<'a> {
    let Ok(header) = Ipv4HeaderSlice::from_slice(window.bytes()) else {
        return Err(read_broken(window, view));
    };
    note(&header, view);
    view.tunnels = window.tunnels();
    let header_len = header.slice().len();
    if let Some(last) = route::last_hop(header.options()) {
        view.set_destination(last);
    }
    let total_len = usize::from(header.total_len());
    let packet = match total_len {
        0 => window,
        _ => window.limit(total_len),
    };
    if total_len != 0 && total_len < header_len {
        return Err(packet.too_short(Layer::Ipv4, header_len));
    }
    let after = packet.skip(header_len);
    if header.fragments_offset().value() != 0 {
        view.payload = after.empty_payload();
        return Ok(None);
    }
    let protocol = IpProtocol(header.protocol().0);
    Ok(Some((Layer::Transport(protocol), after)))
}

fn note(header: &Ipv4HeaderSlice<'_>, view: &mut PacketView) {
    let protocol = IpProtocol(header.protocol().0);
    view.set_net(
        Net::Ipv4,
        header.source_addr(),
        header.destination_addr(),
        protocol,
    );
    view.is_fragment |= header.is_fragmenting_payload();
}

/// What there is to read in a header that is cut or malformed.
#[cold]
fn read_broken(window: Window<'_>, view: &mut PacketView) -> Stop {
    let Some([first]) = window.array(0) else {
        return window.too_short(Layer::Ipv4, MIN_HEADER_LEN);
    };
    let (version, words) = (first >> 4, first & 0x0f);
    if version != 4 {
        return window.stop(Layer::Ipv4, Reason::Version(version));
    }
    if words < MIN_HEADER_WORDS {
        return window.stop(Layer::Ipv4, Reason::HeaderLen(words));
    }
    if let Some(mut fixed) = window.array::<MIN_HEADER_LEN>(0) {
        // The options are what is missing: read the rest as the header of a packet without any.
        fixed[0] = 4 << 4 | MIN_HEADER_WORDS;
        if let Ok(header) = Ipv4HeaderSlice::from_slice(&fixed) {
            note(&header, view);
            view.tunnels = window.tunnels();
        }
    }
    window.too_short(Layer::Ipv4, usize::from(words) * 4)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex, payload_numbers, tuple_text};
    use super::*;
    use crate::packet::LinkType;
    use crate::wire::decode;

    /// [`REAL_DNS`] with two bytes changed, at `at` in the IPv4 header.
    fn changed(at: usize, bytes: [u8; 2]) -> PacketView {
        let mut frame = hex(&[REAL_DNS]);
        frame[at..at + 2].copy_from_slice(&bytes);
        decode(Some(LinkType::IPV4), &frame)
    }

    fn why(view: &PacketView) -> Option<Reason> {
        view.stop.map(|stop| stop.reason)
    }

    const TOTAL_LEN: usize = 2;
    const FRAGMENT: usize = 6;
    const TUPLE: &str = "udp 10.77.0.2:48513 > 10.77.1.53:53";
    const WITHOUT_PORTS: &str = "udp 10.77.0.2:0 > 10.77.1.53:0";

    #[test]
    fn total_length_0_means_what_was_captured() {
        let view = changed(TOTAL_LEN, [0, 0]);
        assert_eq!(
            (tuple_text(&view).as_str(), payload_numbers(&view)),
            (TUPLE, (28, 33, 33))
        );
        assert_eq!(view.stop, None);
    }

    #[test]
    fn a_total_length_past_the_capture_is_a_cut_by_the_snaplen() {
        let mut frame = hex(&[REAL_DNS]);
        frame.truncate(40);
        let view = decode(Some(LinkType::IPV4), &frame);
        assert_eq!(
            (tuple_text(&view).as_str(), payload_numbers(&view)),
            (TUPLE, (28, 12, 33))
        );
        assert_eq!(view.stop, None);
    }

    #[test]
    fn a_total_length_within_the_header_ends_the_packet_after_its_addresses() {
        let view = changed(TOTAL_LEN, [0, 19]);
        assert_eq!(tuple_text(&view), WITHOUT_PORTS);
        let stop = view.stop.unwrap();
        assert_eq!((stop.need, stop.have, stop.reason), (20, 19, Reason::Short));
    }

    #[test]
    fn a_total_length_within_the_transport_header_is_told_apart_from_a_cut() {
        let view = changed(TOTAL_LEN, [0, 24]);
        assert_eq!(
            (tuple_text(&view).as_str(), why(&view)),
            (TUPLE, Some(Reason::Short))
        );
    }

    #[test]
    fn the_first_fragment_has_ports_and_payload() {
        let view = changed(FRAGMENT, [0x20, 0]);
        assert!(view.is_fragment);
        assert_eq!(
            (tuple_text(&view).as_str(), payload_numbers(&view)),
            (TUPLE, (28, 33, 33))
        );
    }

    #[test]
    fn a_later_fragment_has_neither() {
        for field in [[0x20, 0xb9], [0, 0xb9]] {
            let view = changed(FRAGMENT, field);
            assert!(view.is_fragment);
            assert_eq!(tuple_text(&view), WITHOUT_PORTS);
            assert_eq!(payload_numbers(&view), (20, 0, 0));
            assert_eq!(view.stop, None);
        }
    }

    #[test]
    fn dont_fragment_is_no_fragment() {
        assert!(!changed(FRAGMENT, [0x40, 0]).is_fragment);
    }

    #[test]
    fn cut_options_still_leave_the_addresses() {
        let mut frame = hex(&[REAL_DNS]);
        frame[0] = 0x4f;
        frame.truncate(50);
        let view = decode(Some(LinkType::IPV4), &frame);
        assert_eq!(tuple_text(&view), WITHOUT_PORTS);
        let stop = view.stop.unwrap();
        assert_eq!((stop.need, stop.have, stop.reason), (60, 50, Reason::Cut));
    }

    #[test]
    fn a_source_route_tells_the_destination() {
        let mut frame = hex(&[REAL_DNS]);
        frame[0] = 0x47;
        frame[3] += 8;
        frame.splice(20..20, hex(&["83 07 04 c0 00 02 09 00"]));
        let view = decode(Some(LinkType::IPV4), &frame);
        assert_eq!(tuple_text(&view), "udp 10.77.0.2:48513 > 192.0.2.9:53");
    }

    #[test]
    fn nothing_is_read_of_a_malformed_header() {
        for (first, reason) in [(0x44, Reason::HeaderLen(4)), (0x65, Reason::Version(6))] {
            let view = changed(0, [first, 0]);
            assert_eq!((tuple_text(&view).as_str(), why(&view)), ("", Some(reason)));
        }
    }
}
