//! Names that have to be put together from a stream: byte by byte, over records, out of order, behind a proxy; and tuples used twice.

use super::packet::{ACK, Ends, MS, PSH, Packet, SECOND, START, ethernet, udp};
use super::tcp::Side::{Client, Server};
use super::tcp::Tcp;
use super::tls::{self, Hello};
use super::{Capture, Truth, dns, pcap};

fn talk(port: u16, server: &str) -> Tcp {
    Tcp::new(Ends::new(&format!("192.168.1.2:{port}"), server), START)
}

fn hello(name: &str) -> Hello<'_> {
    Hello {
        sni: name.as_bytes(),
        alpn: &["h2", "http/1.1"],
        post_quantum: false,
        seed: 9,
    }
}

fn file(
    name: &'static str,
    flows: usize,
    names: &[(&'static str, &'static str)],
    mut packets: Vec<(u64, Vec<u8>)>,
) -> Capture {
    packets.sort_by_key(|&(at, _)| at);
    let packets: Vec<Packet> = packets
        .into_iter()
        .map(|(at, ip)| Packet::new(at, ethernet(&ip, &[])))
        .collect();
    Capture {
        name,
        bytes: pcap::file(pcap::USUAL, &packets),
        truth: Truth::new(packets.len(), flows, names),
    }
}

/// A hello in segments of one byte each.
fn bytes() -> Capture {
    let mut tcp = talk(51_001, "192.0.2.1:443").open();
    for byte in tls::hello_record(&hello("bytes.stream.example")) {
        tcp.send(Client, ACK | PSH, &[byte]);
    }
    tcp.say(Server, &tls::server_flight(9));
    let names = [("bytes.stream.example", "tls_sni")];
    file("hello_bytes.pcap", 1, &names, tcp.packets)
}

/// A hello over records of five bytes each, its own header in two of them.
fn records() -> Capture {
    let mut tcp = talk(51_002, "192.0.2.1:443").open();
    let message = tls::client_hello(&hello("records.stream.example"));
    tcp.say(Client, &tls::records(22, &message[..3], 3));
    tcp.say(Client, &tls::records(22, &message[3..], 5));
    tcp.say(Server, &tls::server_flight(9));
    let names = [("records.stream.example", "tls_sni")];
    file("hello_records.pcap", 1, &names, tcp.packets)
}

/// A hello in four segments: the last first, the second twice, the third overlapping its neighbours.
fn out_of_order() -> Capture {
    let mut tcp = talk(51_003, "192.0.2.1:443").open();
    let record = tls::hello_record(&Hello {
        post_quantum: true,
        ..hello("order.stream.example")
    });
    let first = tcp.seq(Client);
    let quarter = record.len() / 4;
    let pieces = [
        (3 * quarter, record.len()),
        (quarter, 2 * quarter),
        (quarter, 2 * quarter),
        (2 * quarter - 10, 3 * quarter + 10),
        (0, quarter),
    ];
    for (from, to) in pieces {
        let seq = first.wrapping_add(from as u32);
        tcp.send_at(Client, ACK | PSH, seq, &record[from..to]);
    }
    tcp.skip(Client, record.len());
    tcp.say(Server, &tls::server_flight(9));
    let names = [("order.stream.example", "tls_sni")];
    file("hello_out_of_order.pcap", 1, &names, tcp.packets)
}

fn request(name: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\n\r\n")
}

/// Requests that do not wait for answers: three in one segment, the last of them cut in its Host line; one with an absolute target.
fn pipeline() -> Capture {
    let mut tcp = talk(51_004, "192.0.2.1:8000").open();
    let third = request("three.pipeline.example");
    let (head, tail) = third.split_at(third.find("pipeline").expect("the name") + 3);
    let together = [
        request("one.pipeline.example"),
        request("two.pipeline.example"),
        head.to_owned(),
    ];
    tcp.send(Client, ACK | PSH, together.concat().as_bytes());
    tcp.wait(MS);
    tcp.send(Client, ACK | PSH, tail.as_bytes());
    tcp.say(
        Client,
        b"GET http://absolute.pipeline.example/x HTTP/1.1\r\nHost: absolute.pipeline.example\r\n\r\n",
    );
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n".repeat(4);
    tcp.say(Server, &answer);
    tcp.close();
    let names = [
        ("one.pipeline.example", "http_host"),
        ("two.pipeline.example", "http_host"),
        ("three.pipeline.example", "http_host"),
        ("absolute.pipeline.example", "http_host"),
    ];
    file("http_pipeline.pcap", 1, &names, tcp.packets)
}

/// Two questions in one segment, a third with its length cut in two, and their answers.
fn dns_over_tcp() -> Capture {
    let mut tcp = talk(51_005, "192.168.1.1:53").open();
    let asked = ["one.tcp.example", "two.tcp.example", "three.tcp.example"];
    let message = |i: usize| dns::over_tcp(&dns::query(i as u16, asked[i].as_bytes(), dns::A));
    tcp.say(Client, &[message(0), message(1)].concat());
    let third = message(2);
    tcp.send(Client, ACK | PSH, &third[..1]);
    tcp.say(Client, &third[1..]);
    for (i, name) in asked.iter().enumerate() {
        let addr = "192.0.2.1".parse().expect("an address");
        let answer = dns::answer(i as u16, name.as_bytes(), dns::A, &[addr]);
        tcp.say(Server, &dns::over_tcp(&answer));
    }
    tcp.close();
    let names = asked.map(|name| (name, "dns_query"));
    file("dns_over_tcp.pcap", 1, &names, tcp.packets)
}

/// The same five-tuple three times: closed by both, then reset, then left open; each time with another name.
fn tuple_reuse() -> Capture {
    let names = [
        "one.reuse.example",
        "two.reuse.example",
        "three.reuse.example",
    ];
    let mut packets = Vec::new();
    for (i, name) in (0..).zip(names) {
        let ends = Ends::new("192.168.1.2:51006", "192.0.2.1:443");
        let mut tcp = Tcp::new(ends, START + i * SECOND);
        // A later connection numbers its bytes higher.
        tcp.skip(Client, i as usize * 1_000_000);
        tcp.skip(Server, i as usize * 1_000_000);
        tcp = tcp.open();
        tcp.say(Client, &tls::hello_record(&hello(name)));
        tcp.say(Server, &tls::server_flight(9));
        match i {
            0 => tcp.close(),
            1 => tcp.reset(Client),
            _ => {}
        }
        packets.extend(tcp.packets);
    }
    let names = names.map(|name| (name, "tls_sni"));
    file("tuple_reuse.pcap", 3, &names, packets)
}

/// Silence short of the time-outs (59 s for UDP, 3,599 s for TCP), and longer (61 s, 3,601 s): two flows of each.
fn idle() -> Capture {
    let ends = Ends::new("192.168.1.2:51007", "192.168.1.1:53");
    let mut packets = Vec::new();
    for (at, name) in [
        (0, "before.idle.example"),
        (59, "before.idle.example"),
        (59 + 61, "after.idle.example"),
    ] {
        let query = dns::query(at as u16, name.as_bytes(), dns::A);
        packets.push((START + at * SECOND, udp(ends, &query)));
    }
    let mut tcp = talk(51_008, "192.0.2.1:9000").open();
    for seconds in [3599, 3601] {
        tcp.wait(seconds * SECOND);
        tcp.send(Client, ACK | PSH, b"still here\n");
    }
    packets.extend(tcp.packets);
    let names = [
        ("before.idle.example", "dns_query"),
        ("after.idle.example", "dns_query"),
    ];
    file("idle.pcap", 4, &names, packets)
}

/// A TLS hello behind SMTP's STARTTLS, behind a CONNECT request, and behind a SOCKS5 request.
fn behind() -> Capture {
    let mut smtp = talk(51_009, "192.0.2.1:25").open();
    smtp.say(Server, b"220 mail.behind.example ESMTP\r\n");
    smtp.say(Client, b"EHLO office.example\r\n");
    smtp.say(Server, b"250-mail.behind.example\r\n250 STARTTLS\r\n");
    smtp.say(Client, b"STARTTLS\r\n");
    smtp.say(Server, b"220 ready\r\n");
    smtp.say(
        Client,
        &tls::hello_record(&hello("starttls.behind.example")),
    );
    smtp.say(Server, &tls::server_flight(9));

    let mut proxy = talk(51_010, "192.0.2.1:3128").open();
    proxy.say(
        Client,
        b"CONNECT connect.behind.example:443 HTTP/1.1\r\nHost: connect.behind.example:443\r\n\r\n",
    );
    proxy.say(Server, b"HTTP/1.1 200 Connection established\r\n\r\n");
    proxy.say(Client, &tls::hello_record(&hello("connect.behind.example")));
    proxy.say(Server, &tls::server_flight(9));

    // RFC 1928 §3, §4: no authentication, then connect to a name.
    let mut socks = talk(51_011, "192.0.2.1:1080").open();
    socks.say(Client, &[5, 1, 0]);
    socks.say(Server, &[5, 0]);
    socks.say(Client, b"\x05\x01\x00\x03\x14socks.behind.example\x01\xbb");
    socks.say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    socks.say(Client, &tls::hello_record(&hello("socks.behind.example")));
    socks.say(Server, &tls::server_flight(9));

    let names = [
        ("starttls.behind.example", "tls_sni"),
        ("connect.behind.example", "tls_sni"),
        ("socks.behind.example", "tls_sni"),
    ];
    let packets = [smtp.packets, proxy.packets, socks.packets].concat();
    file("hello_behind.pcap", 3, &names, packets)
}

/// A DTLS 1.2 hello in three handshake fragments, one a datagram, the second and third exchanged (RFC 6347 §4.2.3).
fn dtls() -> Capture {
    let message = tls::client_hello(&hello("dtls.stream.example"));
    // DTLS puts an empty cookie behind the session identifier: version 2, random 32, identifier 1 + 32.
    let (head, tail) = message[4..].split_at(67);
    let body = [&[0xfe, 0xfd], &head[2..], &[0], tail].concat();
    let third = body.len() / 3;
    let ends = Ends::new("192.168.1.2:51012", "192.0.2.1:5684");
    let pieces = [(0, third), (2 * third, body.len()), (third, 2 * third)];
    let packets = (0..)
        .zip(pieces)
        .map(|(number, (from, to)): (u8, _)| {
            let three = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
            let fragment = [
                &[1][..],
                &three(body.len()),
                &[0, 0],
                &three(from),
                &three(to - from),
                &body[from..to],
            ]
            .concat();
            let record = [
                &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, number][..],
                &(fragment.len() as u16).to_be_bytes(),
                &fragment,
            ]
            .concat();
            (START + u64::from(number) * MS, udp(ends, &record))
        })
        .collect();
    let names = [("dtls.stream.example", "dtls_sni")];
    file("dtls_fragments.pcap", 1, &names, packets)
}

pub(crate) fn all() -> Vec<Capture> {
    vec![
        bytes(),
        records(),
        out_of_order(),
        behind(),
        dtls(),
        pipeline(),
        dns_over_tcp(),
        tuple_reuse(),
        idle(),
    ]
}
