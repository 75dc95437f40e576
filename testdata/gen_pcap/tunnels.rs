//! Queries that came through tunnels and over the air: each a flow of its own, with a name that begins with the tunnel's word.

use super::packet::{Ends, ethernet, ethertype, other, spaced, udp};
use super::pcap::{self, Format, USUAL};
use super::{Capture, Truth, dns};

/// What the tunnels end in.
const OUTER: [&str; 2] = ["203.0.113.1", "203.0.113.2"];
const OUTER_V6: [&str; 2] = ["2001:db8:ffff::1", "2001:db8:ffff::2"];

fn query(number: u16, name: &str) -> Vec<u8> {
    let ends = Ends::new(
        &format!("10.9.0.{}:{}", number + 1, 45_000 + number),
        "10.9.1.53:53",
    );
    udp(ends, &dns::query(number, name.as_bytes(), dns::A))
}

fn query_v6(number: u16, name: &str) -> Vec<u8> {
    let ends = Ends::new(
        &format!("[fd09::{}]:{}", number + 1, 45_000 + number),
        "[fd09::53]:53",
    );
    udp(ends, &dns::query(number, name.as_bytes(), dns::AAAA))
}

/// An IPv4 packet of this protocol between the tunnel's ends.
fn over_ip(protocol: u8, content: &[u8]) -> Vec<u8> {
    let ends = OUTER.map(|addr| format!("{addr}:0"));
    ethernet(
        &other(Ends::new(&ends[0], &ends[1]), protocol, content),
        &[],
    )
}

/// A datagram to this port between the tunnel's ends.
fn over_udp(port: u16, content: &[u8]) -> Vec<u8> {
    let ends = [
        format!("{}:49153", OUTER[0]),
        format!("{}:{port}", OUTER[1]),
    ];
    ethernet(&udp(Ends::new(&ends[0], &ends[1]), content), &[])
}

fn over_ip6(protocol: u8, content: &[u8]) -> Vec<u8> {
    let ends = OUTER_V6.map(|addr| format!("[{addr}]:0"));
    ethernet(
        &other(Ends::new(&ends[0], &ends[1]), protocol, content),
        &[],
    )
}

/// The tunnels' words, each with a frame that holds a query for `WORD.tunnel.example`.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut add =
        |name: &'static str, build: fn(u16, &str) -> Vec<u8>, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
            let number = frames.len() as u16;
            frames.push((name, wrap(&build(number, name))));
        };
    let bridged = |ip: &[u8]| ethernet(ip, &[]);
    add("ipip.tunnel.example", query, &|ip| over_ip(4, ip));
    add("6in4.tunnel.example", query_v6, &|ip| over_ip(41, ip));
    add("4in6.tunnel.example", query, &|ip| over_ip6(4, ip));
    add("gre.tunnel.example", query, &|ip| {
        // With a key and a sequence number.
        let head = [0x30, 0, 0x08, 0, 0, 0, 0, 7, 0, 0, 0, 1];
        over_ip(47, &[&head[..], ip].concat())
    });
    add("erspan.tunnel.example", query, &|ip| {
        // Type II: GRE with a sequence number, then eight bytes.
        let head = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0];
        over_ip(47, &[&head[..], &bridged(ip)].concat())
    });
    add("vxlan.tunnel.example", query, &|ip| {
        over_udp(
            4789,
            &[&[8, 0, 0, 0, 0, 0, 42, 0][..], &bridged(ip)].concat(),
        )
    });
    add("vxlan_gpe.tunnel.example", query, &|ip| {
        over_udp(4790, &[&[0x0c, 0, 0, 1, 0, 0, 42, 0][..], ip].concat())
    });
    add("geneve.tunnel.example", query, &|ip| {
        // One option of four bytes.
        let head = [2, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 1, 0, 0, 0, 9];
        over_udp(6081, &[&head[..], &bridged(ip)].concat())
    });
    add("gtp.tunnel.example", query, &|ip| {
        let len = (ip.len() as u16).to_be_bytes();
        over_udp(
            2152,
            &[&[0x30, 0xff, len[0], len[1], 0, 0, 0, 1][..], ip].concat(),
        )
    });
    add("mpls.tunnel.example", query, &|ip| {
        over_ip(137, &[&[0, 1, 1, 64][..], ip].concat())
    });
    add("pbb.tunnel.example", query, &|ip| {
        let inner = bridged(ip);
        [&inner[..12], &[0x88, 0xe7, 0, 0, 0, 42], &inner].concat()
    });
    add("nsh.tunnel.example", query, &|ip| {
        // Metadata of type 1, sixteen bytes; then IPv4.
        let head = [0x0f, 0xc6, 1, 1, 0, 0, 42, 255];
        let inner = bridged(ip);
        [&inner[..12], &[0x89, 0x4f], &head, &[0; 16], ip].concat()
    });
    frames
}

fn named(frames: &[(&'static str, Vec<u8>)]) -> Vec<(&'static str, &'static str)> {
    frames
        .iter()
        .map(|(name, _)| (*name, "dns_query"))
        .collect()
}

fn on(
    name: &'static str,
    (format, links): (Format, &'static [&'static str]),
    frames: Vec<(&'static str, Vec<u8>)>,
) -> Capture {
    let names = named(&frames);
    let packets = spaced(frames.into_iter().map(|(_, frame)| frame));
    Capture {
        name,
        bytes: pcap::file(format, &packets),
        truth: Truth {
            links,
            ..Truth::new(names.len(), names.len(), &names)
        },
    }
}

/// LLC and SNAP, then the packet: what 802.11 carries.
fn snap(ip: &[u8]) -> Vec<u8> {
    let ethertype = ethertype(ip).to_be_bytes();
    [&[0xaa, 0xaa, 3, 0, 0, 0][..], &ethertype, ip].concat()
}

/// An 802.11 header of a data frame to the distribution system, of this subtype: three addresses.
fn to_ds(subtype: u8) -> Vec<u8> {
    let mut header = vec![subtype << 4 | 0x08, 0x01, 0, 0];
    for station in 1..=3 {
        header.extend([2, 0, 0, 0, 0, station]);
    }
    header.extend([0x10, 0]);
    header
}

/// The subtype of data with a QoS field.
const QOS: u8 = 8;

/// Radiotap without any field, then data; data with QoS; an aggregate (A-MSDU) of one packet.
fn radiotap() -> Vec<(&'static str, Vec<u8>)> {
    let radiotap = [0, 0, 8, 0, 0, 0, 0, 0];
    let names = [
        "data.radio.example",
        "qos.radio.example",
        "amsdu.radio.example",
    ];
    let data = snap(&query(0, names[0]));
    let qos = snap(&query(1, names[1]));
    let packet = snap(&query(2, names[2]));
    let len = (packet.len() as u16).to_be_bytes();
    let subframe = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1][..], &len, &packet].concat();
    vec![
        (names[0], [&radiotap[..], &to_ds(0), &data].concat()),
        (
            names[1],
            [&radiotap[..], &to_ds(QOS), &[0, 0], &qos].concat(),
        ),
        // Bit 7 of the QoS field says that it is an aggregate.
        (
            names[2],
            [&radiotap[..], &to_ds(QOS), &[0x80, 0], &subframe].concat(),
        ),
    ]
}

/// A packet as Linux's netfilter logs it: family and version, then attributes in the host's order.
fn nflog(ip: &[u8]) -> Vec<u8> {
    let family = if ip[0] >> 4 == 4 { 2 } else { 10 };
    let mut out = vec![family, 0, 0, 7];
    // The prefix of the rule, padded to four bytes; then the packet.
    out.extend([5, 0, 10, 0, 0, 0, 0, 0]);
    out.extend(((ip.len() + 4) as u16).to_le_bytes());
    out.extend([9, 0]);
    out.extend(ip);
    out
}

pub(crate) fn all() -> Vec<Capture> {
    let link = |link| Format { link, ..USUAL };
    let logged = [
        ("v4.nflog.example", query(0, "v4.nflog.example")),
        ("v6.nflog.example", query_v6(1, "v6.nflog.example")),
    ];
    let logged = logged.map(|(name, ip)| (name, nflog(&ip))).to_vec();
    vec![
        on("tunnels.pcap", (USUAL, &["ETHERNET"]), frames()),
        on(
            "link_radiotap.pcap",
            (link(127), &["IEEE802_11_RADIOTAP"]),
            radiotap(),
        ),
        on("link_nflog.pcap", (link(239), &["NFLOG"]), logged),
    ]
}
