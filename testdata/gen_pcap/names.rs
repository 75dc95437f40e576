//! Names as no form would take them, and names of the neighbourhood.

use super::packet::{Ends, START, ethernet, spaced, udp};
use super::tcp::{Side, Tcp};
use super::tls::{self, Hello};
use super::{Capture, Truth, dns, pcap};

/// A flow that says `data` and no more, as IP packets.
fn said(port: u16, server: &str, data: &[u8]) -> Vec<Vec<u8>> {
    let ends = Ends::new(&format!("192.168.1.2:{port}"), server);
    let mut tcp = Tcp::new(ends, START).open();
    tcp.say(Side::Client, data);
    tcp.packets.into_iter().map(|(_, ip)| ip).collect()
}

fn file(
    name: &'static str,
    flows: usize,
    names: &[(&'static str, &'static str)],
    ips: &[Vec<u8>],
) -> Capture {
    let packets = spaced(ips.iter().map(|ip| ethernet(ip, &[])));
    Capture {
        name,
        bytes: pcap::file(pcap::USUAL, &packets),
        truth: Truth::new(packets.len(), flows, names),
    }
}

/// Names that would colour a terminal, turn its text around, end a line, be markup, or be far too long.
fn hostile() -> Capture {
    let names: [&[u8]; 7] = [
        b"\x1b[31mred.hostile.example",
        b"<script>alert(1)</script>.hostile.example",
        b"line\r\nbreak.hostile.example",
        "\u{202e}elpmaxe.hostile.example".as_bytes(),
        b"nul\x00.hostile.example",
        b"\xff\xfe\x80.hostile.example",
        b"quote\"and\\backslash.hostile.example",
    ];
    let long = [&b"long.".repeat(48)[..], b"example"].concat();
    let wide = "会議室のプリンター二号機東京支店四階北側受付横会議室のプリンター二号機".as_bytes();
    let mut ips = Vec::new();
    let mut port = 52_000;
    for name in names.into_iter().chain([&long[..], wide]) {
        let hello = Hello {
            sni: name,
            alpn: &["h2", "\u{1b}]0;title\u{7}"],
            post_quantum: false,
            seed: 10,
        };
        ips.extend(said(port, "192.0.2.1:443", &tls::hello_record(&hello)));
        let request = [&b"GET / HTTP/1.1\r\nHost: "[..], name, b"\r\n\r\n"].concat();
        ips.extend(said(port + 1, "192.0.2.1:80", &request));
        port += 2;
    }
    let ends = Ends::new("192.168.1.6:5353", "224.0.0.251:5353");
    for name in ["会議室\u{202e}\u{1b}.local".as_bytes(), b"\xe4\xbc.local"] {
        ips.push(udp(ends, &dns::multicast_query(name, dns::PTR)));
    }
    let resolver = Ends::new("192.168.1.2:52999", "192.168.1.1:53");
    ips.push(udp(
        resolver,
        &dns::query(1, b"\x1b[2J\x07bell.hostile.example", dns::A),
    ));
    file("hostile_names.pcap", 20, &[], &ips)
}

/// Multicast DNS and link-local names, in ASCII and in letters of other scripts.
fn local() -> Capture {
    let mdns = Ends::new("192.168.1.6:5353", "224.0.0.251:5353");
    let llmnr = Ends::new("192.168.1.7:53535", "224.0.0.252:5355");
    let ips = [
        udp(mdns, &dns::multicast_query(b"_ipp._tcp.local", dns::PTR)),
        udp(
            mdns,
            &dns::multicast_query("Büro Drucker.local".as_bytes(), dns::A),
        ),
        udp(llmnr, &dns::multicast_query(b"wpad", dns::A)),
    ];
    let names = [
        ("_ipp._tcp.local", "mdns"),
        ("büro drucker.local", "mdns"),
        ("wpad", "llmnr"),
    ];
    file("local_names.pcap", 2, &names, &ips)
}

/// Questions of every sort: capitals, an address backwards, types new and unknown, a response whose query is missing.
fn questions() -> Capture {
    const ASKED: [(&str, &str, u16); 6] = [
        ("MiXeD.Question.Example", "mixed.question.example", dns::A),
        ("_dns.question.example", "_dns.question.example", 64),
        (
            "https.question.example",
            "https.question.example",
            dns::HTTPS,
        ),
        (
            "unknown.question.example",
            "unknown.question.example",
            65_400,
        ),
        ("1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", dns::PTR),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", dns::AAAA),
    ];
    let mut ips = Vec::new();
    let mut names = Vec::new();
    for (i, (asked, told, kind)) in (0..).zip(ASKED) {
        let ends = Ends::new(&format!("192.168.1.2:{}", 46_000 + i), "192.168.1.1:53");
        ips.push(udp(ends, &dns::query(i, asked.as_bytes(), kind)));
        names.push((told, "dns_query"));
    }
    let ends = Ends::new("192.168.1.2:46100", "192.168.1.1:53");
    let addr = "192.0.2.7".parse().expect("an address");
    let answer = dns::answer(100, b"answered.question.example", dns::A, &[addr]);
    ips.push(udp(ends.reversed(), &answer));
    names.push(("answered.question.example", "dns_query"));
    file("dns_questions.pcap", names.len(), &names, &ips)
}

pub(crate) fn all() -> Vec<Capture> {
    vec![hostile(), local(), questions()]
}
