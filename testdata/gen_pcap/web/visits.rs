//! The visits of TLS servers.

use super::super::packet::{Ends, MS, START};
use super::super::tcp::{Side, Tcp};
use super::super::tls;
use super::{Flow, Named, flow};

/// How a connection ends.
#[derive(Clone, Copy)]
enum End {
    Close,
    ClientResets,
    ServerResets,
    /// It outlives the capture.
    Open,
}

/// A visit of a TLS server.
struct Visit {
    /// Milliseconds into the capture.
    at: u64,
    client: &'static str,
    server: &'static str,
    /// Empty: the hello names nobody.
    name: &'static str,
    alpn: &'static [&'static str],
    post_quantum: bool,
    /// Bytes up and down, turn by turn.
    turns: &'static [(usize, usize)],
    end: End,
}

const WEB: &[&str] = &["h2", "http/1.1"];

const VISIT: Visit = Visit {
    at: 0,
    client: "",
    server: "",
    name: "",
    alpn: WEB,
    post_quantum: false,
    turns: &[(420, 3800)],
    end: End::Close,
};

const VISITS: [Visit; 17] = [
    Visit {
        at: 140,
        client: "192.168.1.2:50101",
        server: "203.0.113.10:443",
        name: "www.youtube.com",
        post_quantum: true,
        turns: &[(600, 9000), (380, 14_000)],
        ..VISIT
    },
    Visit {
        at: 900,
        client: "192.168.1.2:50102",
        server: "203.0.113.11:443",
        name: "rr3---sn-4g5ednsz.googlevideo.com",
        turns: &[(500, 40_000), (310, 55_000)],
        end: End::Open,
        ..VISIT
    },
    Visit {
        at: 1600,
        client: "192.168.1.5:50201",
        server: "198.51.100.20:443",
        name: "github.com",
        turns: &[(700, 12_000), (640, 5200)],
        ..VISIT
    },
    Visit {
        at: 2300,
        client: "192.168.1.4:50301",
        server: "198.51.100.30:443",
        name: "www.tiktok.com",
        turns: &[(520, 30_000)],
        end: End::ClientResets,
        ..VISIT
    },
    Visit {
        at: 3100,
        client: "[2001:db8:1::4]:50302",
        server: "[2001:db8:face::35]:443",
        name: "www.facebook.com",
        turns: &[(800, 11_000), (350, 6000)],
        ..VISIT
    },
    Visit {
        at: 4000,
        client: "192.168.1.6:50401",
        server: "198.51.100.40:443",
        name: "www.netflix.com",
        turns: &[(450, 26_000)],
        end: End::Open,
        ..VISIT
    },
    Visit {
        at: 5200,
        client: "192.168.1.5:50202",
        server: "198.51.100.50:443",
        name: "discord.com",
        turns: &[(510, 4100), (120, 900), (130, 870)],
        end: End::ServerResets,
        ..VISIT
    },
    Visit {
        at: 6400,
        client: "192.168.1.5:50203",
        server: "203.0.113.60:443",
        name: "open.spotify.com",
        post_quantum: true,
        turns: &[(480, 16_000)],
        ..VISIT
    },
    Visit {
        at: 7300,
        client: "[2001:db8:1::4]:50303",
        server: "[2001:db8:face::60]:443",
        name: "web.whatsapp.com",
        alpn: &["http/1.1"],
        turns: &[(300, 2200), (280, 260)],
        end: End::Open,
        ..VISIT
    },
    Visit {
        at: 8100,
        client: "192.168.20.7:50501",
        server: "203.0.113.36:443",
        name: "www.instagram.com",
        turns: &[(400, 9500)],
        ..VISIT
    },
    Visit {
        at: 9000,
        client: "[2001:db8:1::2]:50103",
        server: "[2001:db8:80::80]:443",
        name: "www.example.org",
        ..VISIT
    },
    Visit {
        at: 9800,
        client: "192.168.1.5:50204",
        server: "198.51.100.84:8443",
        name: "",
        alpn: &[],
        turns: &[(220, 510)],
        ..VISIT
    },
    Visit {
        at: 12_400,
        client: "192.168.1.3:50601",
        server: "198.51.100.20:443",
        name: "github.com",
        ..VISIT
    },
    Visit {
        at: 13_000,
        client: "192.168.1.3:50602",
        server: "198.51.100.30:443",
        name: "www.tiktok.com",
        ..VISIT
    },
    Visit {
        at: 13_700,
        client: "192.168.1.3:50603",
        server: "192.0.2.90:443",
        name: "pastebin.example.net",
        ..VISIT
    },
    Visit {
        at: 15_000,
        client: "192.168.1.100:50701",
        server: "192.0.2.91:443",
        name: "updates.example.net",
        turns: &[(330, 7000)],
        ..VISIT
    },
    Visit {
        at: 21_000,
        client: "192.168.1.2:50104",
        server: "203.0.113.10:443",
        name: "m.youtube.com",
        ..VISIT
    },
];

fn visit(visit: &Visit) -> Flow {
    let ends = Ends::new(visit.client, visit.server);
    let seed = u64::from(ends.from.port());
    let mut tcp = Tcp::new(ends, START + visit.at * MS).open();
    let hello = tls::hello_record(&tls::Hello {
        sni: visit.name.as_bytes(),
        alpn: visit.alpn,
        post_quantum: visit.post_quantum,
        seed,
    });
    let packet = tcp.say(Side::Client, &hello);
    tcp.say(Side::Server, &tls::server_flight(seed));
    tcp.say(Side::Client, &tls::client_finished(seed));
    for (turn, &(up, down)) in (1..).zip(visit.turns) {
        // People read; so the connections of the office overlap.
        tcp.wait(850 * MS);
        tcp.say(Side::Client, &tls::data(seed ^ turn << 20, up));
        tcp.say(Side::Server, &tls::data(seed ^ turn << 24, down));
    }
    match visit.end {
        End::Close => tcp.close(),
        End::ClientResets => tcp.reset(Side::Client),
        End::ServerResets => tcp.reset(Side::Server),
        End::Open => {}
    }
    let named = (!visit.name.is_empty()).then_some(Named {
        name: visit.name,
        from: "tls_sni",
        packet,
    });
    let is_guest = visit.client.starts_with("192.168.20.");
    Flow {
        vlan: is_guest.then_some(20),
        ..flow("tcp", ends, named, tcp.packets)
    }
}

/// Every visit.
pub(super) fn all() -> impl Iterator<Item = Flow> {
    VISITS.iter().map(visit)
}
