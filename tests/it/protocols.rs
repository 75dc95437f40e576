//! Protocols are told by what is said, on ports that mean nothing; a port alone is a guess, and blocks nothing.

use serde_json::{Value, json};

use crate::generated::protocols;
use crate::program::Bench;
use crate::testdata;

fn lines(options: &[&str]) -> Vec<Value> {
    let bench = Bench::new();
    let filtered = bench.filter(&testdata::path("protocols.pcap"), options);
    filtered.run.assert_status(0, &format!("{options:?}"));
    filtered.flow_lines()
}

#[test]
fn each_protocol_is_told_by_its_content_on_any_port() {
    let (flows, lines) = (protocols::flows(), lines(&[]));
    assert_eq!(lines.len(), flows.len());
    for (flow, line) in flows.iter().zip(&lines) {
        assert_eq!(line["dst_port"], flow.port, "{line}");
        let classification = &line["classification"];
        assert_eq!(classification["value"], flow.protocol, "{line}");
        let (by, told) = match flow.told {
            Some(_) => ("content", json!([flow.protocol])),
            None => ("port", json!([])),
        };
        assert_eq!(classification["by"], by, "{line}");
        assert_eq!(line["protocols"], told, "{line}");
    }
}

#[test]
fn a_protocol_is_blocked_from_the_packet_on_that_tells_it() {
    for (protocol, option) in [("SSH", "ssh"), ("SMTP", "SMTP"), ("CoAP", "coap")] {
        let (flows, lines) = (protocols::flows(), lines(&["--block-app", option]));
        for (flow, line) in flows.iter().zip(&lines) {
            let packets = line["packets"].as_u64().unwrap();
            let passed = match flow.told {
                Some(told) if flow.protocol == protocol => told as u64,
                _ => packets,
            };
            assert_eq!(line["dropped"], packets - passed, "{line}");
            assert_eq!(line["verdict"] == "drop", passed < packets, "{line}");
        }
    }
}
