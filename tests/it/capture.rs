//! Every kind of capture is read for what it is: formats, byte orders, resolutions, link types, and the names inside.

use serde_json::Value;

use crate::generated::{self, Truth};
use crate::program::{Bench, Filtered, list, number};
use crate::{records, testdata};

/// Whether some flow carries this name, found there.
fn is_named(flows: &[Value], name: &str, from: &str) -> bool {
    let is_it = |found: &Value| found["name"] == name && found["from"] == from;
    flows
        .iter()
        .any(|flow| list(flow, "/names").iter().any(is_it))
}

/// What of `truth` the program did not see.
fn missed(truth: &Truth, filtered: &Filtered) -> Vec<String> {
    let report = filtered.json();
    let mut missed = Vec::new();
    let mut expect = |what: &str, is: &Value, should: Value| {
        if *is != should {
            missed.push(format!("{what} is {is}, not {should}"));
        }
    };
    expect("format", &report["input"]["format"], truth.format.into());
    if truth.packets > 0 {
        let resolution = &report["input"]["resolution"];
        expect("resolution", resolution, truth.resolution.into());
    }
    expect("packets", &report["packets"]["total"], truth.packets.into());
    let undecoded = &report["packets"]["undecoded"];
    expect("undecoded", undecoded, truth.undecoded.into());
    expect("flows", &report["flows"]["total"], truth.flows.into());
    expect("damage", &report["input"]["damage"], Value::Null);
    if !truth.links.is_empty() {
        let links = &report["input"]["link_types"];
        expect("link types", links, truth.links.into());
    }
    let flows = filtered.flow_lines();
    for (name, from) in &truth.names {
        if !is_named(&flows, name, from) {
            missed.push(format!("no {name} from {from}"));
        }
    }
    missed
}

#[test]
fn made_captures_are_read_for_what_they_are() {
    let bench = Bench::new();
    let mut failed = Vec::new();
    for capture in generated::all() {
        let filtered = bench.filter(&testdata::path(capture.name), &[]);
        filtered.run.assert_status(0, capture.name);
        let missed = missed(&capture.truth, &filtered);
        failed.extend(
            missed
                .iter()
                .map(|what| format!("{}: {what}", capture.name)),
        );
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Packets of a recording, and names that its clients asked for.
type Recording = (&'static str, u64, &'static [(&'static str, &'static str)]);

const RECORDINGS: [Recording; 26] = [
    (
        "chromium_quic",
        107,
        &[
            ("www.youtube.com", "quic_sni"),
            ("update.googleapis.com", "dns_query"),
        ],
    ),
    (
        "chromium_tls",
        147,
        &[
            ("web.whatsapp.com", "tls_sni"),
            ("www.youtube.com", "tls_sni"),
            ("www.youtube.com", "dns_query"),
        ],
    ),
    ("dns_ipfrag", 16, &[("big.example.org", "dns_query")]),
    (
        "dns_tcp",
        36,
        &[
            ("www.youtube.com", "dns_query"),
            ("big.example.org", "dns_query"),
            ("example.org", "dns_query"),
            ("discord.com", "dns_query"),
        ],
    ),
    (
        "dns_udp",
        30,
        &[
            ("www.youtube.com", "dns_query"),
            ("_sip._udp.example.org", "dns_query"),
            ("_dns.example.org", "dns_query"),
            ("2.0.77.10.in-addr.arpa", "dns_query"),
            ("chaos-case.example.org", "dns_query"),
        ],
    ),
    (
        "dot_doh_doq",
        57,
        &[
            ("dns.example.org", "tls_sni"),
            ("dns.example.org", "quic_sni"),
        ],
    ),
    (
        "http1",
        88,
        &[("example.org", "http_host"), ("discord.com", "http_host")],
    ),
    ("misc_protocols", 117, &[("10.77.1.12", "http_host")]),
    ("multicast", 33, &[]),
    ("nano_http", 12, &[("example.org", "http_host")]),
    ("portscan", 32, &[]),
    (
        "quic_aioquic_h3",
        103,
        &[
            ("www.youtube.com", "quic_sni"),
            ("rr3---sn-4g5ednsz.googlevideo.com", "quic_sni"),
            ("discord.com", "quic_sni"),
        ],
    ),
    ("quic_chrome_fp", 40, &[("www.youtube.com", "quic_sni")]),
    ("quic_gnutls", 12, &[("localhost", "quic_sni")]),
    ("quic_quinn", 51, &[("web.whatsapp.com", "quic_sni")]),
    ("quic_v2", 32, &[("example.org", "quic_sni")]),
    ("sll2_any", 46, &[("discord.com", "tls_sni")]),
    ("ssh", 49, &[]),
    (
        "tls12_curl",
        60,
        &[
            ("www.youtube.com", "tls_sni"),
            ("discord.com", "tls_sni"),
            ("www.youtube.com", "certificate"),
        ],
    ),
    (
        "tls13_browser_fp",
        126,
        &[
            ("www.youtube.com", "tls_sni"),
            ("web.whatsapp.com", "tls_sni"),
        ],
    ),
    (
        "tls13_curl",
        141,
        &[
            ("www.youtube.com", "tls_sni"),
            ("rr3---sn-4g5ednsz.googlevideo.com", "tls_sni"),
            ("discord.com", "tls_sni"),
            ("example.org", "tls_sni"),
            ("www.tiktok.com", "tls_sni"),
        ],
    ),
    ("tls13_resume", 35, &[("www.youtube.com", "tls_sni")]),
    (
        "tls13_rustls_mlkem",
        87,
        &[
            ("web.whatsapp.com", "tls_sni"),
            ("www.netflix.com", "tls_sni"),
            ("www.youtube.com", "tls_sni"),
        ],
    ),
    (
        "tls13_tiny_mss",
        138,
        &[("discord.com", "tls_sni"), ("web.whatsapp.com", "tls_sni")],
    ),
    ("vxlan", 22, &[("example.org", "http_host")]),
    ("websocket", 37, &[("gateway.discord.gg", "tls_sni")]),
];

#[test]
fn recorded_clients_are_named() {
    let bench = Bench::new();
    let mut failed = Vec::new();
    for (name, packets, names) in RECORDINGS {
        let path = testdata::path(&format!("recorded/{name}.pcap"));
        let filtered = bench.filter(&path, &[]);
        filtered.run.assert_status(0, name);
        let total = number(&filtered.json(), "/packets/total");
        if total != packets {
            failed.push(format!("{name}: {total} packets, not {packets}"));
        }
        let flows = filtered.flow_lines();
        for (host, from) in names {
            if !is_named(&flows, host, from) {
                failed.push(format!("{name}: no {host} from {from}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_recording_is_listed_here() {
    let recorded = testdata::samples()
        .into_iter()
        .filter(|sample| sample.name.starts_with("recorded"));
    let names: Vec<String> = recorded.map(|sample| sample.name).collect();
    let listed: Vec<String> = RECORDINGS
        .iter()
        .map(|(name, ..)| format!("recorded/{name}.pcap"))
        .collect();
    assert_eq!(names, listed);
}

#[test]
fn the_innermost_header_counts() {
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("recorded/vxlan.pcap"), &[]);
    let flows = filtered.flow_lines();
    let inner = flows.iter().find(|flow| flow["dst"] == "10.77.9.1");
    let inner = inner.unwrap_or_else(|| panic!("no flow inside the tunnel: {flows:?}"));
    assert_eq!(inner["dst_port"], 80);
    assert_eq!(inner["tunnels"], serde_json::json!(["vxlan"]));
}

fn nanoseconds(moment: &Value) -> i128 {
    let moment = moment.as_str().expect("a moment is text");
    let moment: jiff::Timestamp = moment.parse().expect("a moment is RFC 3339");
    moment.as_nanosecond()
}

#[test]
fn moments_are_right_in_every_resolution() {
    const START: i128 = 1_772_442_000_000_000_000;
    let bench = Bench::new();
    for (name, first, last) in [
        ("pcap_le_us.pcap", 123_000, 5_123_000),
        ("pcap_be_us.pcap", 123_000, 5_123_000),
        ("pcap_kuznetzov.pcap", 123_000, 5_123_000),
        ("pcap_le_ns.pcap", 123_456, 5_123_461),
        ("pcap_be_ns.pcap", 123_456, 5_123_461),
    ] {
        let report = bench.filter(&testdata::path(name), &[]).json();
        let input = &report["input"];
        assert_eq!(nanoseconds(&input["first_packet"]), START + first, "{name}");
        assert_eq!(nanoseconds(&input["last_packet"]), START + last, "{name}");
    }
    // Microseconds, nanoseconds, 2^-20 s with an offset, milliseconds: a packet every 50 ms.
    let filtered = bench.filter(&testdata::path("ng_sections.pcapng"), &[]);
    for (i, flow) in (0..).zip(filtered.flow_lines()) {
        let error = nanoseconds(&flow["first"]) - START - i * 50_000_000;
        assert!((-1000..1000).contains(&error), "{flow}");
    }
}

#[test]
fn blocks_that_are_no_packets_pass_even_when_every_packet_is_dropped() {
    let bench = Bench::new();
    for name in ["ng_blocks_le.pcapng", "ng_blocks_be.pcapng"] {
        let input = testdata::bytes(name);
        let filtered = bench.filter(&testdata::path(name), &["--block-port", "1-65535"]);
        let (before, after) = (records::read(&input), records::read(filtered.kept()));
        assert!(after.packets.is_empty(), "{name}");
        assert_eq!(after.others, before.others, "{name}");
    }
}

#[test]
fn a_flow_tells_the_tunnel_that_it_came_through() {
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("tunnels.pcap"), &[]);
    for flow in filtered.flow_lines() {
        let name = flow["names"][0]["name"].as_str().unwrap();
        let (word, _) = name.split_once('.').unwrap();
        let tunnels = flow["tunnels"].as_array().unwrap();
        assert_eq!(tunnels.last().unwrap(), word, "{name}: the innermost");
    }
}
