//! What name servers answer names the flows that follow: `dns_answers.pcap`, and captures of many chunks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::generated::answered::{FLOWS, Led};
use crate::program::{Bench, Filtered, list};
use crate::{records, testdata};

/// The line of the flow from `client`.
fn line<'a>(lines: &'a [Value], client: &str) -> &'a Value {
    let (addr, port) = client.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let line = lines
        .iter()
        .find(|line| line["src"] == addr && line["src_port"] == port);
    line.unwrap_or_else(|| panic!("no flow from {client}"))
}

fn names(line: &Value) -> Vec<(&str, &str)> {
    let names = list(line, "/names").iter();
    names
        .map(|name| {
            (
                name["name"].as_str().unwrap(),
                name["from"].as_str().unwrap(),
            )
        })
        .collect()
}

fn sample(options: &[&str]) -> Filtered {
    let filtered = Bench::new().filter(&testdata::path("dns_answers.pcap"), options);
    filtered.run.assert_status(0, "dns_answers.pcap");
    filtered
}

#[test]
fn a_flow_tells_the_name_that_was_answered_for_its_address_first() {
    let lines = sample(&[]).flow_lines();
    for flow in &FLOWS {
        let answered = flow.answered.map(|name| (name, "dns_answer"));
        let own = Some((flow.sni, "tls_sni")).filter(|_| !flow.sni.is_empty());
        let expected: Vec<_> = answered.into_iter().chain(own).collect();
        assert_eq!(
            names(line(&lines, flow.client)),
            expected,
            "{}",
            flow.client
        );
    }
    let lookups = lines.iter().filter(|line| line["dst_port"] == 53);
    for lookup in lookups {
        assert!(names(lookup).iter().all(|(_, from)| *from == "dns_query"));
    }
}

#[test]
fn domains_count_a_flow_once_however_often_it_is_named() {
    let report = sample(&[]).json();
    let flows = |name: &str| {
        let domains = list(&report, "/domains");
        domains
            .iter()
            .find(|domain| domain["name"] == name)
            .unwrap()["flows"]
            .as_u64()
    };
    // The lookup, and the two flows to its address; one of them says so itself.
    assert_eq!(flows("own.answer.example"), Some(3));
    assert_eq!(flows("www.youtube.com"), Some(3));
}

/// Asserts that of all flows but lookups exactly those for which `is_blocked` holds are dropped, from their first packet.
fn assert_dropped(options: &[&str], is_blocked: impl Fn(&Led) -> bool) {
    for workers in ["1", "8"] {
        let filtered = sample(&[options, &["--workers", workers]].concat());
        let lines = filtered.flow_lines();
        for flow in &FLOWS {
            let line = line(&lines, flow.client);
            assert_eq!(line["packets"], flow.packets, "{line}");
            let dropped = if is_blocked(flow) { flow.packets } else { 0 };
            assert_eq!(line["dropped"], dropped, "{options:?}: {line}");
        }
        let dropped: u64 = lines
            .iter()
            .map(|line| line["dropped"].as_u64().unwrap())
            .sum();
        assert_eq!(records::read(filtered.gone()).packets.len() as u64, dropped);
    }
}

#[test]
fn answers_block_only_where_they_may() {
    for rule in [
        ["--block-domain", "*.youtube.com"],
        ["--block-app", "YouTube"],
    ] {
        for whole in [&[][..], &["--whole-flow"]] {
            assert_dropped(&[&rule, whole].concat(), |_| false);
            let by_dns = [&rule, whole, &["--block-by-dns"]].concat();
            assert_dropped(&by_dns, |flow| flow.answered == Some("www.youtube.com"));
        }
    }
    // Shared by two names: both go.
    let shared = ["--block-domain", "own.answer.example", "--block-by-dns"];
    assert_dropped(&shared, |flow| flow.answered == Some("own.answer.example"));
}

/// A record of a capture of raw IP packets, `ms` after its beginning.
fn record(ms: u32, packet: &[u8]) -> Vec<u8> {
    let len = packet.len() as u32;
    let mut out = Vec::new();
    for word in [1_700_000_000 + ms / 1000, ms % 1000 * 1000, len, len] {
        out.extend(word.to_le_bytes());
    }
    out.extend(packet);
    out
}

/// An IPv4 packet with a fragment field and an identification.
fn ip((src, dst): ([u8; 4], [u8; 4]), (id, fragment): (u16, u16), datagram: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + datagram.len() as u16).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, 17, 0, 0]);
    packet.extend([src, dst].concat());
    packet.extend(datagram);
    packet
}

fn udp((src, dst): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let mut datagram = [src, dst, len, 0].map(u16::to_be_bytes).concat();
    datagram.extend(payload);
    datagram
}

/// The answer that `name` (one label of three letters below `example`) has these addresses for `ttl` seconds.
fn answer(name: &[u8; 3], addrs: &[[u8; 4]], ttl: u32) -> Vec<u8> {
    let mut message = b"\x12\x34\x81\x80\0\x01\0".to_vec();
    message.push(addrs.len() as u8);
    message.extend(b"\0\0\0\0\x03");
    message.extend(name);
    message.extend(b"\x07example\0\0\x01\0\x01");
    for addr in addrs {
        message.extend(b"\xc0\x0c\0\x01\0\x01");
        message.extend(ttl.to_be_bytes());
        message.extend(b"\0\x04");
        message.extend(addr);
    }
    udp((53, 4000), &message)
}

/// Answers in [`crowd`].
const CROWD: u32 = 1500;

/// A capture of several chunks in which many clients ask for the same few addresses under changing names and speak to them at once,
/// every tenth answer in two fragments with other packets between them.
fn crowd() -> Vec<u8> {
    const RESOLVER: [u8; 4] = [10, 9, 9, 9];
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    let mut put = |ms: u32, packet: &[u8]| file.extend(record(ms, packet));
    for i in 0..CROWD {
        let ms = i * 20;
        let client = [10, 0, 0, (i * 7 % 50) as u8];
        let server = [203, 0, 113, (i * 13 % 20) as u8];
        let name = format!("{:03}", i % 1000);
        let name = name.as_bytes().first_chunk().unwrap();
        let told = answer(name, &[server], i % 3 * 10);
        let flow = udp((i as u16 + 50_000, 4433), &[0xff; 500]);
        if i % 10 == 0 {
            let (front, back) = told.split_at(24);
            put(ms, &ip((RESOLVER, client), (i as u16, 3), back));
            put(ms + 1, &ip((client, server), (0, 0), &flow));
            put(ms + 2, &ip((RESOLVER, client), (i as u16, 0x2000), front));
        } else {
            put(ms, &ip((RESOLVER, client), (0, 0), &told));
            put(ms + 3, &ip((client, server), (0, 0), &flow));
        }
        // Another client's flow to the same address, perhaps with an answer of its own that is older.
        let other = [10, 0, 0, (i * 11 % 50) as u8];
        let flow = udp((i as u16 + 50_000, 4434), &[0xfe; 100]);
        put(ms + 4, &ip((other, server), (0, 0), &flow));
    }
    file
}

#[test]
fn answers_count_in_packet_order_whichever_worker_has_the_flow() {
    let bench = Bench::new();
    let path = bench.put("crowd.pcap", &crowd());
    let rules = [
        "--block-domain",
        "007.example",
        "--block-domain",
        "123.example",
    ];
    for whole in [&[][..], &["--whole-flow"]] {
        let options = [&rules, whole, &["--block-by-dns"]].concat();
        let with = |workers| {
            let filtered = bench.filter(&path, &[&options[..], &["--workers", workers]].concat());
            filtered.run.assert_status(0, workers);
            filtered
        };
        let one = with("1");
        let lines = one.flow_lines();
        let own: BTreeMap<u64, &Value> = lines
            .iter()
            .filter(|line| line["dst_port"] == 4433)
            .map(|line| (line["src_port"].as_u64().unwrap(), line))
            .collect();
        for i in 0..CROWD {
            let port = i + 50_000;
            let own = own[&u64::from(port)];
            let name = format!("{:03}.example", i % 1000);
            assert_eq!(names(own), [(&name[..], "dns_answer")], "{own}");
            let is_blocked = matches!(i % 1000, 7 | 123);
            assert_eq!(own["verdict"] == "drop", is_blocked, "{own}");
        }
        let is_named = |line: &&Value| line["dst_port"] == 4434 && !names(line).is_empty();
        let others = lines.iter().filter(is_named).count();
        assert!((1..CROWD as usize).contains(&others), "{others}");
        for workers in ["2", "3", "8"] {
            let many = with(workers);
            assert!(one.flows == many.flows, "{workers} workers: flows");
            assert!(one.report == many.report, "{workers} workers: report");
            assert!(one.output == many.output, "{workers} workers: output");
            assert!(one.dropped == many.dropped, "{workers} workers: dropped");
        }
    }
}

#[test]
fn answers_that_are_forgotten_are_told_once() {
    const AT_ONCE: u32 = 32;
    const TOO_MANY: u32 = 65_536 + 4 * AT_ONCE;
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    for i in 0..TOO_MANY / AT_ONCE {
        let addr = |place: u32| (0x0b00_0000 + i * AT_ONCE + place).to_be_bytes();
        let addrs: Vec<_> = (0..AT_ONCE).map(addr).collect();
        let told = answer(b"abc", &addrs, 3600);
        file.extend(record(
            i,
            &ip(([10, 9, 9, 9], [10, 0, 0, 1]), (0, 0), &told),
        ));
    }
    let bench = Bench::new();
    let path = bench.put("many.pcap", &file);
    for workers in ["1", "8"] {
        let report = bench.filter(&path, &["--workers", workers]).json();
        assert_eq!(
            report["warnings"],
            Value::from(vec![
                "names from DNS answers are incomplete: 128 addresses were forgotten before their time, past the last 65536 or 4194304 bytes of names"
            ])
        );
    }
}
