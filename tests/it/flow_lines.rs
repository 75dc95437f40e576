//! `--flows`: a line a flow, in order, that tells what its maker knows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::generated::web;
use crate::program::{Bench, list};
use crate::testdata;

#[test]
fn a_flow_line_has_the_keys_of_its_schema() {
    let bench = Bench::new();
    let flows = bench
        .filter(&testdata::path("web.pcap"), &["--block-app", "YouTube"])
        .flow_lines();
    const KEYS: &str = "id first last protocol src src_port dst dst_port packets bytes dropped state protocols application \
                        category names alpn tls_version ech ja4 tunnels verdict rule initiator_known";
    assert!(!flows.is_empty());
    for flow in &flows {
        for key in KEYS.split_whitespace() {
            assert!(flow.get(key).is_some(), "no {key} in {flow}");
        }
        assert_eq!(
            flow["rule"].is_null(),
            flow["verdict"] == "forward",
            "{flow}"
        );
    }
    let ids: BTreeSet<String> = flows.iter().map(|flow| flow["id"].to_string()).collect();
    assert_eq!(ids.len(), flows.len(), "identifiers are unique");
}

#[test]
fn flows_stand_in_order_of_their_first_packets_and_as_they_were_made() {
    let bench = Bench::new();
    let lines = bench.filter(&testdata::path("web.pcap"), &[]).flow_lines();
    let office = web::office();
    assert_eq!(lines.len(), office.flows.len());
    for (number, (line, flow)) in lines.iter().zip(&office.flows).enumerate() {
        let ends = [("src", flow.ends.from), ("dst", flow.ends.to)];
        for (key, end) in ends {
            assert_eq!(line[key], end.ip().to_string(), "{flow}");
        }
        assert_eq!(line["protocol"], flow.protocol, "{flow}");
        if !flow.protocol.starts_with("icmp") {
            assert_eq!(line["src_port"], flow.ends.from.port(), "{flow}");
            assert_eq!(line["dst_port"], flow.ends.to.port(), "{flow}");
        }
        let packets = office.order.iter().flatten().filter(|at| at.0 == number);
        assert_eq!(line["packets"], packets.count(), "{flow}");
        let names: BTreeSet<(&str, &str)> = list(line, "/names")
            .iter()
            .map(|name| {
                (
                    name["name"].as_str().unwrap(),
                    name["from"].as_str().unwrap(),
                )
            })
            .filter(|(_, from)| *from != "dns_answer")
            .collect();
        let made = flow
            .names
            .iter()
            .map(|named| (named.name, named.from))
            .collect();
        assert_eq!(names, made, "{flow}");
    }
}

#[test]
fn flows_carry_application_category_protocols_and_what_the_hello_offered() {
    let bench = Bench::new();
    let flows = bench.filter(&testdata::path("web.pcap"), &[]).flow_lines();
    let by_port = |port: u16| {
        let flow = flows.iter().find(|flow| flow["src_port"] == port);
        flow.unwrap_or_else(|| panic!("no flow from port {port}"))
    };
    for (port, application, category, protocols) in [
        (50_101, "YouTube", "Streaming", &["TLS", "HTTPS"][..]),
        (50_102, "YouTube", "Streaming", &["TLS", "HTTPS"]),
        (50_201, "GitHub", "Developer", &["TLS", "HTTPS"]),
        (50_301, "TikTok", "Streaming", &["TLS", "HTTPS"]),
        (50_302, "Facebook", "Social", &["TLS", "HTTPS"]),
        (50_401, "Netflix", "Streaming", &["TLS", "HTTPS"]),
        (50_202, "Discord", "Developer", &["TLS", "HTTPS"]),
        (50_203, "Spotify", "Streaming", &["TLS", "HTTPS"]),
        (50_303, "WhatsApp", "Social", &["TLS", "HTTPS"]),
        (50_501, "Instagram", "Social", &["TLS", "HTTPS"]),
        (41_001, "YouTube", "Streaming", &["DNS"]),
    ] {
        let flow = by_port(port);
        assert_eq!(flow["application"], application, "{flow}");
        assert_eq!(flow["category"], category, "{flow}");
        assert_eq!(flow["protocols"], Value::from(protocols), "{flow}");
    }
    assert_eq!(by_port(50_103)["application"], Value::Null);
    assert_eq!(by_port(50_204)["protocols"], Value::from(vec!["TLS"]));
    assert_eq!(by_port(50_205)["protocols"], Value::from(vec!["HTTP"]));
    assert_eq!(by_port(5353)["protocols"], Value::from(vec!["mDNS"]));
    assert_eq!(by_port(50_101)["alpn"], Value::from(vec!["h2", "http/1.1"]));
    assert_eq!(by_port(50_101)["tls_version"], "TLS 1.3");
    assert_eq!(by_port(50_101)["initiator_known"], true);
    assert_eq!(by_port(41_001)["initiator_known"], false);
}

#[test]
fn states_tell_how_far_a_connection_came() {
    let bench = Bench::new();
    let flows = bench.filter(&testdata::path("web.pcap"), &[]).flow_lines();
    for (port, state) in [
        (50_101, "closed"),
        (50_102, "established"),
        (50_301, "reset"),
        (50_202, "reset"),
        (40_000, "reset"),
    ] {
        let flow = flows.iter().find(|flow| flow["src_port"] == port).unwrap();
        assert_eq!(flow["state"], state, "{flow}");
    }
}
