//! One query after another on every kind of link: each a flow of its own, with a name that tells what it came in.

use super::packet::{
    Ends, SERVICE_VLAN, START, VLAN, ethernet, ethertype, noise, spaced, stations, udp,
};
use super::pcap::{self, Format, USUAL};
use super::{Capture, Truth, dns};

/// A query as an IPv4 packet.
fn v4(number: u16, name: &str) -> Vec<u8> {
    let ends = Ends::new(
        &format!("192.168.1.2:{}", 43_000 + number),
        "192.168.1.1:53",
    );
    udp(ends, &dns::query(number, name.as_bytes(), dns::A))
}

/// A query as an IPv6 packet.
fn v6(number: u16, name: &str) -> Vec<u8> {
    let ends = Ends::new(
        &format!("[2001:db8:1::2]:{}", 43_000 + number),
        "[2001:db8:1::1]:53",
    );
    udp(ends, &dns::query(number, name.as_bytes(), dns::AAAA))
}

/// Linux cooked, version 1: type, hardware, address length, address, protocol.
pub(crate) fn sll(ip: &[u8]) -> Vec<u8> {
    let [_, sender] = stations(ip);
    let protocol = ethertype(ip).to_be_bytes();
    [&[0, 4, 0, 1, 0, 6][..], &sender, &[0, 0], &protocol, ip].concat()
}

/// Linux cooked, version 2: protocol, interface 3, hardware, type, address length, address.
fn sll2(ip: &[u8]) -> Vec<u8> {
    let [_, sender] = stations(ip);
    let protocol = ethertype(ip).to_be_bytes();
    let fixed = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6];
    [&protocol[..], &fixed, &sender, &[0, 0], ip].concat()
}

/// An address family in front, as BSD's loopback has it; those of IPv6 differ from system to system.
fn family(number: u32, big_endian: bool, ip: &[u8]) -> Vec<u8> {
    let number = if big_endian {
        number.to_be_bytes()
    } else {
        number.to_le_bytes()
    };
    [&number, ip].concat()
}

/// 802.3 with LLC and SNAP: a length where Ethernet II has its type.
fn snap(ip: &[u8]) -> Vec<u8> {
    let llc = [0xaa, 0xaa, 0x03, 0, 0, 0];
    let len = (llc.len() + 2 + ip.len()) as u16;
    let protocol = ethertype(ip).to_be_bytes();
    [
        &stations(ip).concat()[..],
        &len.to_be_bytes(),
        &llc,
        &protocol,
        ip,
    ]
    .concat()
}

/// Ethernet with two MPLS labels, the second at the bottom of the stack.
fn mpls(ip: &[u8]) -> Vec<u8> {
    let stack = [0x88, 0x47, 0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40];
    [&stations(ip).concat()[..], &stack, ip].concat()
}

/// Ethernet with a PPPoE session, RFC 2516 §4.
fn pppoe(ip: &[u8]) -> Vec<u8> {
    let len = (ip.len() as u16 + 2).to_be_bytes();
    let protocol = ppp_protocol(ip);
    let head = [0x88, 0x64, 0x11, 0x00, 0x00, 0x2a, len[0], len[1]];
    [&stations(ip).concat()[..], &head, &protocol, ip].concat()
}

fn ppp_protocol(ip: &[u8]) -> [u8; 2] {
    if ethertype(ip) == 0x0800 {
        [0x00, 0x21]
    } else {
        [0x00, 0x57]
    }
}

/// A capture of frames on `link`, one name a frame; `links` is empty where the report's word for it is nobody's business.
fn on(
    name: &'static str,
    format: Format,
    links: &'static [&'static str],
    frames: Vec<(&'static str, Vec<u8>)>,
) -> Capture {
    let names: Vec<_> = frames
        .iter()
        .map(|(name, _)| (*name, "dns_query"))
        .collect();
    let frames = spaced(frames.into_iter().map(|(_, frame)| frame));
    Capture {
        name,
        bytes: pcap::file(format, &frames),
        truth: Truth {
            links,
            ..Truth::new(names.len(), names.len(), &names)
        },
    }
}

/// Frames of one kind around a query of each version.
fn both(names: [&'static str; 2], wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (names[0], wrap(&v4(1, names[0]))),
        (names[1], wrap(&v6(2, names[1]))),
    ]
}

fn tagged() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut add = |name, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
        let number = frames.len() as u16;
        frames.push((name, wrap(&v4(number, name))));
    };
    add("vlan.tag.example", &|ip| ethernet(ip, &[(VLAN, 20)]));
    add("qinq.tag.example", &|ip| {
        ethernet(ip, &[(SERVICE_VLAN, 7), (VLAN, 20)])
    });
    add("four.tag.example", &|ip| {
        ethernet(ip, &[(SERVICE_VLAN, 7), (0x9100, 8), (VLAN, 9), (VLAN, 20)])
    });
    add("mpls.tag.example", &mpls);
    add("pppoe.tag.example", &pppoe);
    // Short frames are padded on the wire to 60 bytes, and captured so.
    add("pad.ex", &|ip| {
        [&ethernet(ip, &[])[..], &noise(START, 6)].concat()
    });
    frames
}

/// IP alone, or behind a protocol number and not much else.
fn bare() -> Vec<Capture> {
    let raw = || both(["v4.raw.example", "v6.raw.example"], <[u8]>::to_vec);
    let v4_only = vec![("v4.ipv4.example", v4(1, "v4.ipv4.example"))];
    let v6_only = vec![("v6.ipv6.example", v6(1, "v6.ipv6.example"))];
    let ppp = |ip: &[u8]| [&[0xff, 0x03][..], &ppp_protocol(ip), ip].concat();
    let hdlc = |ip: &[u8]| [&[0x0f, 0x00][..], &ethertype(ip).to_be_bytes(), ip].concat();
    let ppp = both(["v4.ppp.example", "v6.ppp.example"], ppp);
    let hdlc = both(["v4.hdlc.example", "v6.hdlc.example"], hdlc);
    vec![
        on("link_raw.pcap", link(101), &["RAW"], raw()),
        on("link_raw_bsd.pcap", link(12), &["RAW"], raw()),
        on("link_ipv4.pcap", link(228), &["IPV4"], v4_only),
        on("link_ipv6.pcap", link(229), &["IPV6"], v6_only),
        on("link_ppp.pcap", link(9), &[], ppp),
        on("link_hdlc.pcap", link(104), &[], hdlc),
    ]
}

/// BSD's loopbacks: the family in the capturing host's byte order, or in the network's.
fn loopbacks() -> Vec<Capture> {
    let null = |big_endian| {
        let query = |number, name, af, build: fn(u16, &str) -> Vec<u8>| {
            (name, family(af, big_endian, &build(number, name)))
        };
        vec![
            query(1, "inet.null.example", 2, v4),
            query(2, "freebsd.null.example", 28, v6),
            query(3, "darwin.null.example", 30, v6),
        ]
    };
    let big_endian = Format {
        big_endian: true,
        ..link(0)
    };
    let looped = |ip: &[u8]| family(if ip[0] >> 4 == 4 { 2 } else { 24 }, true, ip);
    let looped = both(["v4.loop.example", "v6.loop.example"], looped);
    vec![
        on("link_null_le.pcap", link(0), &["NULL"], null(false)),
        on("link_null_be.pcap", big_endian, &["NULL"], null(true)),
        on("link_loop.pcap", link(108), &["LOOP"], looped),
    ]
}

fn link(link: u32) -> Format {
    Format { link, ..USUAL }
}

pub(crate) fn all() -> Vec<Capture> {
    let cooked = both(["v4.sll.example", "v6.sll.example"], sll);
    let cooked2 = both(["v4.sll2.example", "v6.sll2.example"], sll2);
    let snapped = both(["v4.snap.example", "v6.snap.example"], snap);
    let mut all = loopbacks();
    all.extend(bare());
    all.extend([
        on("link_sll.pcap", link(113), &["LINUX_SLL"], cooked),
        on("link_sll2.pcap", link(276), &["LINUX_SLL2"], cooked2),
        on("link_snap.pcap", USUAL, &["ETHERNET"], snapped),
        on("link_tags.pcap", USUAL, &["ETHERNET"], tagged()),
    ]);
    all
}
