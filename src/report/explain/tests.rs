use std::sync::Arc;

use super::*;
use crate::catalogue::Catalogue;
use crate::packet::IpProtocol;
use crate::rules::{Removal, RuleId, RuleSetBuilder};
use crate::stats::flows::tests::sample_flow;

/// What is asked for with the rules that `add` adds.
pub(super) fn policy(add: impl FnOnce(&mut RuleSetBuilder<'_>)) -> Policy {
    let catalogue = Catalogue::builtin().unwrap();
    let mut rules = RuleSetBuilder::new(&catalogue);
    add(&mut rules);
    Policy {
        rules: Arc::new(rules.build()),
        catalogue: Arc::new(catalogue),
        removal: Removal::Inline,
        block_by_dns: false,
        with_dns: false,
        max_flows: 64,
        fingerprints: false,
        offsets: false,
    }
}

/// What is told of flows that begin with these packets, each to a port of its own; the one with packet 30 is blocked by packet 31.
fn told(text: &str, first_packets: &[u64]) -> Result<String, String> {
    let policy = policy(|rules| rules.block_port("443", "--block-port").unwrap());
    let query = Query::parse(text, &policy.catalogue).unwrap();
    let mut explanations = Explanations::new(&query, &policy, "/nonexistent");
    explanations.judged(30, 31, RuleId(0)).unwrap();
    for first_packet in first_packets {
        let src = format!("10.0.0.1:{first_packet}");
        let name = format!("host{first_packet}.example");
        let ends = (src.as_str(), "10.0.0.2:443");
        let mut flow = sample_flow(*first_packet, IpProtocol::TCP, ends, &[&name]);
        if *first_packet == 30 {
            flow.rule = Some(RuleId(0));
            flow.dropped_packets = 9;
        }
        explanations.push(&flow).unwrap();
    }
    explanations.check().map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    explanations.finish(&mut out).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_number_means_the_flow_that_has_it_in_order_of_first_packets() {
    for (number, first_packet) in [("1", 10), ("2", 20), ("3", 30), ("4", 40)] {
        let story = told(number, &[40, 10, 30, 20]).unwrap();
        let head = format!("flow {number}  tcp 10.0.0.1:{first_packet} -> ");
        assert!(story.starts_with(&head), "{story}");
        assert_eq!(
            story.matches("flow ").count(),
            1 + story.matches("the flow ").count()
        );
    }
    let error = told("5", &[40, 10, 30, 20]).unwrap_err();
    assert!(error.contains("the capture has 4"), "{error}");
}

#[test]
fn the_packet_of_a_verdict_that_nothing_found_led_to_is_told() {
    let story = told("10.0.0.2:443-10.0.0.1:30", &[40, 10, 30, 20]).unwrap();
    assert!(
        story.contains("  verdict   drop, by port:443 (--block-port)\n  decided   in packet 31: drop, by port:443\n"),
        "{story}"
    );
    assert!(story.contains("10: 1 forwarded"), "{story}");
    let other = told("10.0.0.2:443-10.0.0.1:40", &[40, 30]).unwrap();
    assert!(
        other.starts_with("flow 2 ") && other.ends_with("  verdict   forward\n"),
        "{other}"
    );
}

#[test]
fn several_flows_are_told_in_a_line_each_with_their_numbers() {
    let lines = told("10.0.0.1", &[40, 30]).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            "flow 1  1970-01-01T00:00:00.000000000Z  tcp 10.0.0.1:30 -> 10.0.0.2:443  Unknown  host30.example  10 packets, 9 dropped by port:443",
            "flow 2  1970-01-01T00:00:00.000000000Z  tcp 10.0.0.1:40 -> 10.0.0.2:443  Unknown  host40.example  10 packets, forwarded",
        ]
    );
    let one = told("host40.example", &[40, 30]).unwrap();
    assert!(
        one.starts_with("flow 2 ") && one.lines().count() == 1,
        "{one}"
    );
}

#[test]
fn what_comes_nearest_is_told_where_nothing_is_meant() {
    let error = told("10.0.0.1:41-10.0.0.2:443/tcp", &[40, 30]).unwrap_err();
    assert!(
        error.contains("the nearest: 10.0.0.1:30-10.0.0.2:443/tcp, 10.0.0.1:40-"),
        "{error}"
    );
    let error = told("host41.example", &[40, 30, 20, 10, 50]).unwrap_err();
    assert!(
        error.contains("the nearest: host") && error.matches("host").count() == MAX_NEAREST,
        "{error}"
    );
    let error = told("192.0.2.7", &[40]).unwrap_err();
    assert!(
        error.contains("none of the 1 flows") && !error.contains("nearest"),
        "{error}"
    );
}
