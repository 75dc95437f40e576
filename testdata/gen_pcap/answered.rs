//! Flows that name nobody, to addresses that a name server has answered with.

use super::packet::{Ends, MS, Packet, SECOND, START, ethernet, noise, udp};
use super::tcp::{Side, Tcp};
use super::tls::{self, Hello};
use super::{Capture, Truth, dns, pcap};

/// A flow to an answered address.
pub(crate) struct Led {
    /// Milliseconds into the capture.
    at: u64,
    /// The client's end, which tells the flow.
    pub(crate) client: &'static str,
    server: &'static str,
    /// What its hello says.
    pub(crate) sni: &'static str,
    /// The name that was answered for its address, where the answer counts.
    pub(crate) answered: Option<&'static str>,
    /// How many packets it has.
    pub(crate) packets: usize,
}

const LED: Led = Led {
    at: 0,
    client: "192.168.1.2:52001",
    server: "203.0.113.10:443",
    sni: "",
    answered: None,
    packets: 7,
};

/// Every flow but those to the name servers, in order.
pub(crate) const FLOWS: [Led; 8] = [
    // Before the answer.
    Led {
        at: 0,
        client: "192.168.1.2:52000",
        ..LED
    },
    Led {
        at: 200,
        answered: Some("www.youtube.com"),
        ..LED
    },
    // Not the one who asked.
    Led {
        at: 300,
        client: "192.168.1.3:52002",
        ..LED
    },
    // An address that an HTTPS record hints at; and not over TCP.
    Led {
        at: 400,
        client: "192.168.1.2:52003",
        server: "203.0.113.20:443",
        answered: Some("www.netflix.com"),
        packets: 1,
        ..LED
    },
    // Named by itself as well, by the same name and by another one.
    Led {
        at: 500,
        client: "192.168.1.2:52004",
        server: "203.0.113.30:443",
        sni: "own.answer.example",
        answered: Some("own.answer.example"),
        ..LED
    },
    Led {
        at: 600,
        client: "192.168.1.2:52005",
        server: "203.0.113.30:443",
        sni: "github.com",
        answered: Some("own.answer.example"),
        ..LED
    },
    // The alias lives for 30 s, its address for 60.
    Led {
        at: 29_000,
        client: "192.168.1.2:52006",
        answered: Some("www.youtube.com"),
        ..LED
    },
    Led {
        at: 31_000,
        client: "192.168.1.2:52007",
        ..LED
    },
];

/// The answers: an alias and its address, an address that a service hints at, one over TCP, and one that filters give.
fn answers() -> [(u64, Vec<Vec<u8>>); 4] {
    let video: &[u8] = b"www.youtube.com";
    let alias: &[u8] = b"youtube-ui.l.google.com";
    let record = |owner, kind, ttl, data| dns::Record {
        owner,
        kind,
        ttl,
        data,
    };
    let aliased = [
        record(video, dns::CNAME, 30, dns::labels(alias)),
        record(alias, dns::A, 60, vec![203, 0, 113, 10]),
    ];
    let film: &[u8] = b"www.netflix.com";
    let hint = b"\x00\x01\x00\x00\x01\x00\x03\x02h2\x00\x04\x00\x04\xcb\x00\x71\x14".to_vec();
    let own: &[u8] = b"own.answer.example";
    let addr = "203.0.113.30".parse().expect("an address");
    let resolver = "192.168.1.1:53";
    let ask = |port: u16, name, kind, answer: Vec<u8>| {
        let ends = Ends::new(&format!("192.168.1.2:{port}"), resolver);
        vec![
            udp(ends, &dns::query(port, name, kind)),
            udp(ends.reversed(), &answer),
        ]
    };
    let ends = Ends::new("192.168.1.2:45003", resolver);
    let mut tcp = Tcp::new(ends, START).open();
    tcp.say(Side::Client, &dns::over_tcp(&dns::query(3, own, dns::A)));
    tcp.say(
        Side::Server,
        &dns::over_tcp(&dns::answer(3, own, dns::A, &[addr])),
    );
    let blocked = "0.0.0.0".parse().expect("an address");
    [
        (
            100,
            ask(
                45_001,
                video,
                dns::A,
                dns::answer_of(45_001, video, dns::A, &aliased),
            ),
        ),
        (
            120,
            ask(
                45_002,
                film,
                dns::HTTPS,
                dns::answer_of(
                    45_002,
                    film,
                    dns::HTTPS,
                    &[record(film, dns::HTTPS, 300, hint)],
                ),
            ),
        ),
        (140, tcp.packets.into_iter().map(|(_, ip)| ip).collect()),
        (
            160,
            ask(
                45_004,
                b"ads.answer.example",
                dns::A,
                dns::answer(45_004, b"ads.answer.example", dns::A, &[blocked]),
            ),
        ),
    ]
}

fn led((seed, flow): (u64, &Led)) -> Vec<Vec<u8>> {
    let ends = Ends::new(flow.client, flow.server);
    if flow.packets == 1 {
        return vec![udp(ends, &noise(seed, 300))];
    }
    let mut tcp = Tcp::new(ends, START).open();
    let hello = Hello {
        sni: flow.sni.as_bytes(),
        alpn: &["h2"],
        post_quantum: false,
        seed,
    };
    tcp.say(Side::Client, &tls::hello_record(&hello));
    tcp.say(
        Side::Server,
        &tls::records(22, &tls::server_hello(seed), 16_384),
    );
    tcp.packets.into_iter().map(|(_, ip)| ip).collect()
}

pub(crate) fn capture() -> Capture {
    let flows = (0..).zip(&FLOWS).map(|flow| (flow.1.at, led(flow)));
    let mut packets: Vec<Packet> = answers()
        .into_iter()
        .chain(flows)
        .flat_map(|(at, ips)| {
            (0..).zip(ips).map(move |(i, ip)| {
                let after = at * MS + i * MS;
                Packet::new(START + after, ethernet(&ip, &[]))
            })
        })
        .collect();
    packets.sort_by_key(|packet| packet.at);
    debug_assert!(packets.iter().all(|packet| packet.at < START + 60 * SECOND));
    let led = FLOWS.iter().flat_map(|flow| {
        let own = Some((flow.sni, "tls_sni")).filter(|(name, _)| !name.is_empty());
        flow.answered
            .map(|name| (name, "dns_answer"))
            .into_iter()
            .chain(own)
    });
    let mut names: Vec<_> = led.collect();
    for asked in [
        "ads.answer.example",
        "own.answer.example",
        "www.netflix.com",
        "www.youtube.com",
    ] {
        names.push((asked, "dns_query"));
    }
    names.sort_unstable();
    names.dedup();
    let truth = Truth::new(packets.len(), FLOWS.len() + 4, &names);
    Capture {
        name: "dns_answers.pcap",
        bytes: pcap::file(pcap::USUAL, &packets),
        truth,
    }
}
