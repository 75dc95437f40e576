//! Everything but the visits of TLS servers: lookups, HTTP in the clear, the scan, and what else crosses an office.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{ArpOperation, ArpPacket, EtherType, PacketBuilder};

use super::super::dns;
use super::super::packet::{ACK, Ends, MS, Packet, RST, START, SYN, noise, ping, udp};
use super::super::tcp::{Side, Tcp};
use super::{Flow, Named, flow};

/// Name lookups: when, who, what, which types, and the address that is answered.
const LOOKUPS: [(u64, &str, &str, &[u16], &str); 7] = [
    (
        100,
        "192.168.1.2:41001",
        "www.youtube.com",
        &[dns::A, dns::AAAA, dns::HTTPS],
        "203.0.113.10",
    ),
    (
        1560,
        "192.168.1.5:41002",
        "github.com",
        &[dns::A],
        "198.51.100.20",
    ),
    (
        2260,
        "192.168.1.4:41003",
        "www.tiktok.com",
        &[dns::A, dns::HTTPS],
        "198.51.100.30",
    ),
    (
        3060,
        "[2001:db8:1::4]:41004",
        "www.facebook.com",
        &[dns::AAAA],
        "2001:db8:face::35",
    ),
    (
        8950,
        "[2001:db8:1::2]:41005",
        "www.example.org",
        &[dns::A, dns::AAAA, dns::HTTPS],
        "2001:db8:80::80",
    ),
    (
        10_150,
        "192.168.1.5:41006",
        "example.org",
        &[dns::A],
        "192.0.2.80",
    ),
    (
        14_950,
        "192.168.1.100:41007",
        "updates.example.net",
        &[dns::A],
        "192.0.2.91",
    ),
];

/// Requests of one kept-alive connection.
const REQUESTS: [(&str, &str); 4] = [
    ("example.org", "/"),
    ("www.example.org", "/news"),
    ("ads.example.com", "/banner?id=1"),
    ("example.org", "/style.css"),
];

/// What 192.168.1.3 knocks at.
const SCANNED: [u16; 16] = [
    21, 22, 23, 25, 80, 110, 135, 139, 143, 443, 445, 1433, 3306, 3389, 5900, 8080,
];
/// Those of them that answer.
const ANSWERING: [u16; 3] = [22, 80, 443];

fn lookup(&(at, client, name, kinds, addr): &(u64, &str, &'static str, &[u16], &str)) -> Flow {
    let resolver = if client.starts_with('[') {
        "[2001:db8:1::1]:53"
    } else {
        "192.168.1.1:53"
    };
    let ends = Ends::new(client, resolver);
    let addr: IpAddr = addr.parse().expect("an address");
    let mut packets = Vec::new();
    for (i, &kind) in (0..).zip(kinds) {
        let id = ends.from.port() ^ kind << 8;
        let asked = START + (at + i) * MS;
        let query = dns::query(id, name.as_bytes(), kind);
        let answer = dns::answer(id, name.as_bytes(), kind, &[addr]);
        packets.push((asked, udp(ends, &query)));
        packets.push((asked + 12 * MS, udp(ends.reversed(), &answer)));
    }
    packets.sort_by_key(|&(at, _)| at);
    let named = Named {
        name,
        from: "dns_query",
        packet: 0,
    };
    flow("udp", ends, [named], packets)
}

fn keep_alive() -> Flow {
    let ends = Ends::new("192.168.1.5:50205", "192.0.2.80:80");
    let mut tcp = Tcp::new(ends, START + 10_200 * MS).open();
    let mut names = Vec::new();
    for (name, path) in REQUESTS {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: office/1.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
        );
        let packet = tcp.say(Side::Client, request.as_bytes());
        if names.iter().all(|named: &Named| named.name != name) {
            names.push(Named {
                name,
                from: "http_host",
                packet,
            });
        }
        let body = "<p>hello from the office</p>\n".repeat(40);
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        tcp.say(Side::Server, response.as_bytes());
        tcp.wait(150 * MS);
    }
    tcp.close();
    flow("tcp", ends, names, tcp.packets)
}

fn scan() -> impl Iterator<Item = Flow> {
    (0_u16..).zip(SCANNED).map(|(i, port)| {
        let ends = Ends::new(
            &format!("192.168.1.3:{}", 40_000 + i),
            &format!("192.168.1.20:{port}"),
        );
        let mut tcp = Tcp::new(ends, START + (11_500 + 20 * u64::from(i)) * MS);
        tcp.send(Side::Client, SYN, &[]);
        if ANSWERING.contains(&port) {
            tcp.send(Side::Server, SYN | ACK, &[]);
            tcp.send(Side::Client, RST, &[]);
        } else {
            tcp.send(Side::Server, RST | ACK, &[]);
        }
        flow("tcp", ends, None, tcp.packets)
    })
}

fn torrent() -> Flow {
    let ends = Ends::new("192.168.1.5:50206", "198.51.100.66:6881");
    let mut tcp = Tcp::new(ends, START + 16_000 * MS).open();
    for (side, seed) in [(Side::Client, 1), (Side::Server, 2)] {
        let greeting = [&b"\x13BitTorrent protocol"[..], &[0; 8], &noise(seed, 40)].concat();
        tcp.say(side, &greeting);
    }
    tcp.say(Side::Server, &noise(3, 17_000));
    flow("tcp", ends, None, tcp.packets)
}

fn pings(from: &str, to: &str, at: u64, count: u16) -> Flow {
    let ends = Ends::new(from, to);
    let packets = (0..count)
        .flat_map(|seq| {
            let at = START + (at + 1000 * u64::from(seq)) * MS;
            [
                (at, ping(ends, false, seq)),
                (at + 9 * MS, ping(ends.reversed(), true, seq)),
            ]
        })
        .collect();
    let protocol = if ends.from.is_ipv4() { "icmp" } else { "icmp6" };
    flow(protocol, ends, None, packets)
}

fn clock() -> Flow {
    let ends = Ends::new("192.168.1.100:41008", "192.0.2.123:123");
    let at = START + 17_000 * MS;
    let ask = [&[0x23, 0, 6, 0xe9][..], &[0; 44]].concat();
    let tell = [&[0x24, 2, 6, 0xe9][..], &noise(4, 44)].concat();
    let packets = vec![
        (at, udp(ends, &ask)),
        (at + 20 * MS, udp(ends.reversed(), &tell)),
    ];
    flow("udp", ends, None, packets)
}

fn casting() -> Flow {
    let ends = Ends::new("192.168.1.6:5353", "224.0.0.251:5353");
    let query = dns::multicast_query(b"_googlecast._tcp.local", dns::PTR);
    let named = Named {
        name: "_googlecast._tcp.local",
        from: "mdns",
        packet: 0,
    };
    let packets = [3900, 4900].map(|at| (START + at * MS, udp(ends, &query)));
    flow("udp", ends, [named], packets.to_vec())
}

/// Every flow of these kinds.
pub(super) fn all() -> Vec<Flow> {
    let mut flows: Vec<Flow> = LOOKUPS.iter().map(lookup).collect();
    flows.extend(scan());
    flows.extend([keep_alive(), torrent(), clock(), casting()]);
    flows.push(pings("192.168.1.2:0", "203.0.113.1:0", 18_000, 4));
    flows.push(pings("[2001:db8:1::2]:0", "[2001:db8:1::1]:0", 18_500, 2));
    flows
}

/// A question for the router's station address and its answer, outside any flow.
pub(super) fn arp() -> Vec<Packet> {
    let laptop = (Ipv4Addr::new(192, 168, 1, 2), [2, 0, 192, 168, 1, 2]);
    let router = (Ipv4Addr::new(192, 168, 1, 1), [2, 0, 192, 168, 1, 1]);
    let frame = |operation, from: (Ipv4Addr, [u8; 6]), to: (Ipv4Addr, [u8; 6]), station| {
        let packet = ArpPacket::new(
            etherparse::ArpHardwareId::ETHERNET,
            EtherType::IPV4,
            operation,
            &from.1,
            &from.0.octets(),
            &to.1,
            &to.0.octets(),
        )
        .expect("sizes agree");
        let mut out = Vec::new();
        PacketBuilder::ethernet2(from.1, station)
            .arp(packet)
            .write(&mut out)
            .expect("fits");
        out
    };
    let asked = frame(ArpOperation::REQUEST, laptop, (router.0, [0; 6]), [0xff; 6]);
    let told = frame(ArpOperation::REPLY, router, laptop, laptop.1);
    vec![Packet::new(START, asked), Packet::new(START + MS / 2, told)]
}
