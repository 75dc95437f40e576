//! The same few packets in every kind of pcap file, and captures that cut or stretch their records.

use super::packet::{ACK, Ends, MS, PSH, Packet, START, SYN, Segment, ethernet, noise, tcp, udp};
use super::pcap::{self, Format, USUAL};
use super::tcp::{Side, Tcp};
use super::{Capture, Truth, dns, tls};

/// A lookup and the beginning of a request: two flows, six packets, each at a time of its own down to the nanosecond.
fn sample() -> Vec<Packet> {
    let lookup = Ends::new("192.168.1.2:41001", "192.168.1.1:53");
    let web = Ends::new("192.168.1.2:50001", "192.0.2.1:80");
    let query = dns::query(7, b"format.example", dns::A);
    let answer = dns::answer(7, b"format.example", dns::A, &[web.to.ip()]);
    let segment = |flags, seq, ack, payload| Segment {
        flags,
        seq,
        ack,
        payload,
    };
    let request = b"GET / HTTP/1.1\r\nHost: format.example\r\n\r\n";
    let packets = [
        udp(lookup, &query),
        udp(lookup.reversed(), &answer),
        tcp(web, segment(SYN, 100, 0, &[])),
        tcp(web.reversed(), segment(SYN | ACK, 900, 101, &[])),
        tcp(web, segment(ACK, 101, 901, &[])),
        tcp(web, segment(ACK | PSH, 101, 901, request)),
    ];
    (0..)
        .zip(packets)
        .map(|(i, ip)| Packet::new(START + i * MS + 123_456 + i, ethernet(&ip, &[])))
        .collect()
}

fn sampled(name: &'static str, resolution: &'static str, bytes: Vec<u8>) -> Capture {
    let names = [
        ("format.example", "dns_query"),
        ("format.example", "http_host"),
    ];
    let truth = Truth {
        resolution,
        ..Truth::new(sample().len(), 2, &names)
    };
    Capture { name, bytes, truth }
}

/// A hello's flow under a limit of 96 bytes a packet, as `tcpdump -s 96` leaves it, with a lookup that fits.
fn snaplen() -> Capture {
    let format = Format {
        snaplen: 96,
        ..USUAL
    };
    let query = dns::query(8, b"short.example", dns::A);
    let mut ips = vec![udp(
        Ends::new("192.168.1.2:41002", "192.168.1.1:53"),
        &query,
    )];
    let ends = Ends::new("192.168.1.2:50002", "192.0.2.1:443");
    let mut talk = Tcp::new(ends, START).open();
    let hello = tls::Hello {
        sni: b"cut.example",
        alpn: &["h2"],
        post_quantum: true,
        seed: 1,
    };
    talk.say(Side::Client, &tls::hello_record(&hello));
    talk.say(Side::Server, &tls::server_flight(1));
    ips.extend(talk.packets.into_iter().map(|(_, ip)| ip));
    let packets: Vec<Packet> = (0..)
        .zip(&ips)
        .map(|(i, ip)| {
            let mut packet = Packet::new(START + i * MS, ethernet(ip, &[]));
            packet.frame.truncate(96);
            packet
        })
        .collect();
    Capture {
        name: "snaplen.pcap",
        bytes: pcap::file(format, &packets),
        truth: Truth::new(packets.len(), 2, &[("short.example", "dns_query")]),
    }
}

/// Frames that keep their check sequence, as the header's link type field tells in its upper bits.
fn with_fcs() -> Vec<u8> {
    let packets: Vec<Packet> = sample()
        .into_iter()
        .enumerate()
        .map(|(i, packet)| {
            let frame = [&packet.frame[..], &noise(i as u64, 4)].concat();
            Packet::new(packet.at, frame)
        })
        .collect();
    let format = Format {
        link: 0x2400_0001,
        ..USUAL
    };
    pcap::file(format, &packets)
}

pub(crate) fn all() -> Vec<Capture> {
    let packets = sample();
    let format = |big_endian, nanoseconds| Format {
        big_endian,
        nanoseconds,
        ..USUAL
    };
    let file = |format| pcap::file(format, &packets);
    let narrow = Format {
        snaplen: 64,
        ..USUAL
    };
    vec![
        Capture {
            name: "empty.pcap",
            bytes: pcap::file(USUAL, &[]),
            truth: Truth::new(0, 0, &[]),
        },
        sampled("pcap_le_us.pcap", "us", file(USUAL)),
        sampled("pcap_be_us.pcap", "us", file(format(true, false))),
        sampled("pcap_le_ns.pcap", "ns", file(format(false, true))),
        sampled("pcap_be_ns.pcap", "ns", file(format(true, true))),
        sampled("pcap_kuznetzov.pcap", "us", pcap::kuznetzov(&packets)),
        sampled("pcap_fcs.pcap", "us", with_fcs()),
        sampled("over_snaplen.pcap", "us", file(narrow)),
        snaplen(),
    ]
}
