//! A frame and its link type in, a [`PacketView`] of offsets out.
//!
//! Pure: no allocation, no state from frame to frame. Every header is a step of one walk: it is handed a window onto the frame
//! and answers with the next header and its window, with nothing (the payload is reached), or with a [`Stop`]. One protocol, one file;
//! a new encapsulation is a [`Layer`], a file and a line in the walk.
//!
//! A tunnel is entered with the view of the packet around it complete. It changes when an IP header further in is read, so that a tunnel
//! that holds none leaves the packet around it. What goes by a UDP port alone is only a hint: such a tunnel's header must look right too.
//!
//! The input is hostile. Traffic that is cut or malformed is no error: what was read up to there stands, and the stop says why there is no more.
//! Header slices of `etherparse` read what is whole; what is cut we read ourselves.
//!
//! Knows nothing of capture files, flows and what a payload holds.

#![deny(clippy::indexing_slicing)]

mod ah;
mod atm;
mod ayiya;
mod batman;
mod capwap;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod carried_wireless;
mod cause;
mod certain;
#[cfg(test)]
mod doubt;
mod dsa;
mod etherip;
mod ethernet;
mod fabricpath;
mod frame_relay;
mod geneve;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_links;
#[cfg(test)]
mod golden_wireless;
mod gre;
mod gtp;
mod icmp;
mod ieee80211;
mod ipv4;
mod ipv6;
mod juniper;
mod l2tp;
mod l2tpv3;
mod link;
mod lisp;
mod llc;
mod macsec;
mod mpls;
mod nflog;
mod nsh;
mod pbb;
mod pim;
mod plain;
mod ppi;
mod ppp;
mod prism;
mod radiotap;
mod ring;
mod route;
#[cfg(test)]
mod soundness;
mod tag;
mod teredo;
mod transport;
mod trill;
#[cfg(test)]
mod tunnels;
mod tzsp;
mod udp_ports;
mod view;
mod vxlan;
mod window;

pub use cause::Cause;
pub(crate) use plain::{Plain, TakePlain};
pub use view::{Fragment, Layer, Net, PacketView, Payload, Reason, Stop, Tag};

use crate::key::FiveTuple;
use crate::packet::{IpProtocol, LinkType};
use window::Window;

/// Most headers of one frame that are read; past them it ends in [`Reason::TooDeep`].
///
/// Real frames have fewer than two dozen, in tunnels too. A bound, because otherwise the time for a frame would grow with its length.
pub const MAX_LAYERS: usize = 64;

/// Most packets around another that are told.
pub const MAX_OUTER: usize = 8;

/// What a header says comes after it: the next one and the bytes it may read, or `None` when there is no more to decode.
type Step<'a> = Result<Option<(Layer, Window<'a>)>, Stop>;

/// Decodes a frame as far as it goes.
///
/// * `link`: what the frame starts with; with `None` nothing can be decoded, and the stop says so.
/// * `frame`: the captured bytes, which may be fewer than were on the wire.
/// * Time: proportional to the number of headers, of which at most [`MAX_LAYERS`] are read.
pub fn decode(link: Option<LinkType>, frame: &[u8]) -> PacketView {
    let mut taken = None;
    plain(link, frame, &mut taken);
    match taken {
        Some(plain) => plain.view(),
        None => decode_by_walk(link, frame),
    }
}

/// The same of a frame that is one of the commonest and simplest, as quickly as can be; `None`, and nothing for `taker`, for any other.
#[inline]
pub(crate) fn plain(
    link: Option<LinkType>,
    frame: &[u8],
    taker: &mut impl TakePlain,
) -> Option<()> {
    match link {
        Some(LinkType::ETHERNET) => plain::read(frame, taker),
        _ => None,
    }
}

/// As [`decode`], for a frame that is known not to be [`plain()`], and to the same end for any.
pub(crate) fn decode_by_walk(link: Option<LinkType>, frame: &[u8]) -> PacketView {
    let mut view = PacketView::default();
    let first = (Layer::Frame, Window::new(frame));
    view.stop = walk(link, first, &mut view, |_| ()).err();
    view
}

/// Adds the packets around the innermost one to `outer`: protocol, addresses and ports of each, the outermost first.
///
/// * Adds none where [`PacketView::is_inside`] says no, and [`MAX_OUTER`] at most.
pub fn outer_packets(link: Option<LinkType>, frame: &[u8], outer: &mut Vec<FiveTuple>) {
    let mut view = PacketView::default();
    let first = (Layer::Frame, Window::new(frame));
    // Where it ends does not matter here.
    let _ = walk(link, first, &mut view, |around| note(around, outer));
}

fn note(around: &PacketView, outer: &mut Vec<FiveTuple>) {
    if outer.len() < MAX_OUTER {
        outer.extend(around.five_tuple);
    }
}

/// Decodes what an IP header carries, from fragments put together.
///
/// * `of`: the view of one of the fragments: the addresses.
/// * `protocol`: what the datagram carries, by the first fragment's header.
/// * `bytes`: the datagram's bytes from its first on, as far as they are there; offsets in the view are into these.
/// * `origlen`: how many there are when it is whole; `None` when fragments are missing. Its beginning still tells the flow, in a tunnel too.
/// * `outer`: gets the datagram itself, and those in it, as far as there are others inside; as [`outer_packets`].
pub fn decode_datagram(
    of: &PacketView,
    protocol: IpProtocol,
    (bytes, origlen): (&[u8], Option<u32>),
    outer: &mut Vec<FiveTuple>,
) -> PacketView {
    let mut view = PacketView::default();
    let (Some(net), Some(tuple)) = (of.net, of.five_tuple) else {
        return view;
    };
    view.set_net(net, tuple.src.addr, tuple.dst.addr, protocol);
    let window = match origlen {
        Some(origlen) => Window::new(bytes).limit(origlen as usize),
        None => Window::new(bytes),
    };
    let first = match net {
        Net::Ipv4 => Ok(Some((Layer::Transport(protocol), window))),
        Net::Ipv6 => ipv6::by_next_header(protocol, window, &mut view),
    };
    let walked = first.and_then(|first| match first {
        Some(first) => walk(None, first, &mut view, |around| note(around, outer)),
        None => Ok(()),
    });
    view.stop = walked.err();
    let inside = view.tunnels;
    view.tunnels = of.tunnels;
    view.tunnels.add(inside);
    view.is_inside |= of.is_inside;
    view
}

/// The flow that an ICMP error is about: protocol, addresses and ports of the packet that it quotes, its sender first.
///
/// * `view`: what decoding made of `frame`.
/// * `None`: it is no ICMP error, or quotes too little.
pub fn quoted(view: &PacketView, frame: &[u8]) -> Option<FiveTuple> {
    let protocol = view.five_tuple?.protocol;
    let start = view.payload.offset as usize;
    let end = start.checked_add(view.payload.caplen as usize)?;
    let packet = icmp::quoted_packet(protocol, frame.get(start..end)?)?;
    let mut inner = PacketView::default();
    // A quotation is cut as a rule: what was read up to there counts.
    let _ = walk(None, (Layer::Raw, Window::new(packet)), &mut inner, |_| ());
    inner.five_tuple
}

fn walk<'a>(
    link: Option<LinkType>,
    first: (Layer, Window<'a>),
    view: &mut PacketView,
    mut goes_in: impl FnMut(&PacketView),
) -> Result<(), Stop> {
    let (mut layer, mut window) = first;
    for _ in 0..MAX_LAYERS {
        let is_ip = matches!(layer, Layer::Ipv4 | Layer::Ipv6);
        let around = (is_ip && view.net.is_some()).then_some(*view);
        if around.is_some() {
            // There again when the header can be read, be it in part.
            view.net = None;
        }
        let step = read(link, (layer, window), view);
        if let Some(around) = around {
            if view.net.is_some() {
                view.is_inside = true;
                goes_in(&around);
            } else {
                view.net = around.net;
            }
        }
        match step? {
            None => return Ok(()),
            Some(next) => (layer, window) = next,
        }
    }
    Err(window.stop(layer, Reason::TooDeep))
}

/// Reads one header. `link`: what a frame starts with.
fn read<'a>(
    link: Option<LinkType>,
    (layer, window): (Layer, Window<'a>),
    view: &mut PacketView,
) -> Step<'a> {
    match layer {
        Layer::Frame => link::read_frame(link, window),
        Layer::Ethernet => ethernet::read(window),
        Layer::Vlan => ethernet::read_tag(window),
        Layer::Tag(tag) => tag::read(tag, window),
        Layer::MacSec => macsec::read(window),
        Layer::Pbb => pbb::read(window),
        Layer::FabricPath => fabricpath::read(window),
        Layer::Trill => trill::read(window),
        Layer::Nsh => nsh::read(window),
        Layer::Batman => batman::read(window),
        Layer::Llc => llc::read(window),
        Layer::LinuxSll => link::read_sll(window),
        Layer::LinuxSll2 => link::read_sll2(window),
        Layer::Null => link::read_null(window),
        Layer::Loop => link::read_loop(window),
        Layer::Raw => link::read_raw(window),
        Layer::Ieee80211 => ieee80211::read(window),
        Layer::Radiotap => radiotap::read(window),
        Layer::Prism => prism::read(window),
        Layer::Avs => prism::read_avs(window),
        Layer::Ppi => ppi::read(window),
        Layer::Pktap => ppi::read_pktap(window),
        Layer::Nflog => nflog::read(window),
        Layer::Pflog => link::read_pflog(window),
        Layer::Enc => link::read_enc(window),
        Layer::Fddi => ring::read_fddi(window),
        Layer::TokenRing => ring::read(window),
        Layer::FrameRelay => frame_relay::read(window),
        Layer::SunAtm => atm::read(window),
        Layer::Juniper(link) => juniper::read(link, window),
        Layer::Dsa(link) => dsa::read(link, window),
        Layer::Ipv4 => ipv4::read(window, view),
        Layer::Ipv6 => ipv6::read(window, view),
        Layer::Ipv6Extension(kind) => ipv6::read_extension(kind, window, view),
        Layer::Ah => ah::read(window, view),
        Layer::Gre => gre::read(window),
        Layer::EtherIp => etherip::read(window),
        Layer::Pim => pim::read(window),
        Layer::L2tpV3 => l2tpv3::read(window),
        Layer::Mpls => mpls::read(window),
        Layer::Pppoe => ppp::read_pppoe(window),
        Layer::Ppp => ppp::read(window),
        Layer::CiscoHdlc => ppp::read_cisco_hdlc(window),
        Layer::Transport(protocol) => transport::read(protocol, window, view),
    }
}

#[cfg(test)]
mod tests {
    use super::golden::{ETHERNET, IS_IPV4, REAL_DNS, hex, tuple_text};
    use super::*;

    fn tagged(tags: usize) -> Vec<u8> {
        hex(&[ETHERNET, &"81 00 00 01".repeat(tags), IS_IPV4, REAL_DNS])
    }

    #[test]
    fn an_unknown_link_type_is_told() {
        let view = decode(None, &[0x45; 60]);
        assert_eq!(
            view.stop.map(|stop| (stop.layer, stop.reason)),
            Some((Layer::Frame, Reason::NoLink))
        );
        assert_eq!(view.five_tuple, None);
    }

    #[test]
    fn a_packet_of_which_nothing_can_be_read_has_nothing_around_it() {
        let around = "45 00 00 18 00 01 00 00 40 04 00 00 c0 00 02 01 c0 00 02 02";
        for inner in ["45 00 00 1c", "15 00 00 1c", ""] {
            let frame = hex(&[around, inner]);
            let view = decode(Some(LinkType::RAW), &frame);
            assert_eq!(tuple_text(&view), "4 192.0.2.1:0 > 192.0.2.2:0");
            assert!(!view.is_inside, "{inner}");
            let mut outer = Vec::new();
            outer_packets(Some(LinkType::RAW), &frame, &mut outer);
            assert_eq!(outer, [], "{inner}");
        }
    }

    #[test]
    fn nesting_ends_at_its_bound() {
        // Besides the tags: the frame, Ethernet, IPv4, UDP.
        let most = MAX_LAYERS - 4;
        let view = decode(Some(LinkType::ETHERNET), &tagged(most));
        assert_eq!(tuple_text(&view), "udp 10.77.0.2:48513 > 10.77.1.53:53");
        assert_eq!(view.stop, None);
        let view = decode(Some(LinkType::ETHERNET), &tagged(100_000));
        assert_eq!(
            view.stop.map(|stop| (stop.layer, stop.reason)),
            Some((Layer::Vlan, Reason::TooDeep))
        );
    }
}
