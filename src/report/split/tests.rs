use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::flow::FlowSummary;
use crate::packet::IpProtocol;
use crate::protocol::Protocol;
use crate::report::tests::{Book, GITHUB};
use crate::stats::flows::tests::sample_flow;

const ENDS: (&str, &str) = ("10.0.0.1:5000", "10.0.0.2:443");

fn flow(first_packet: u64, packets: u64, names: &[&str]) -> FlowSummary {
    FlowSummary {
        packets,
        ..sample_flow(first_packet, IpProtocol::TCP, ENDS, names)
    }
}

/// A division of a capture with these flows, told in reverse.
fn division(by: SplitBy, flows: &[FlowSummary], max_parts: usize) -> Division {
    let mut gathered = FlowParts::new(by, false, "/nonexistent");
    for flow in flows.iter().rev() {
        gathered.push(flow, &Book).unwrap();
    }
    Division::with_max_parts(gathered, "pcap", max_parts).unwrap()
}

/// The files of packets of these flows, 0 for none: the first packet's number is 1.
fn files(division: &mut Division, flows: &[u64]) -> Vec<String> {
    let numbers = (1..).zip(flows);
    let parts: Vec<_> = numbers
        .map(|(number, flow)| division.part_of((number, *flow), false, 100).unwrap().0)
        .collect();
    let file = |part: u32| division.parts()[part as usize].file.clone();
    parts.into_iter().map(file).collect()
}

#[test]
fn a_flow_is_under_what_it_turns_out_to_be() {
    let mut github = flow(1, 1, &["github.com", "www.example.org"]);
    github.application = Some(GITHUB);
    let mut ssh = flow(2, 1, &[]);
    ssh.protocols.push(Protocol::Ssh);
    let named = flow(3, 1, &["b.example"]);
    let mut icmp = sample_flow(
        4,
        IpProtocol::ICMP,
        ("[2001:db8::1]:0", "[2001:db8::2]:0"),
        &[],
    );
    icmp.packets = 1;
    let flows = [github, ssh, named, icmp];
    for (by, expected) in [
        (SplitBy::App, ["GitHub", "SSH", "Unknown", "Unknown"]),
        (SplitBy::Protocol, ["Unknown", "SSH", "Unknown", "Unknown"]),
        (SplitBy::Verdict, ["forward"; 4]),
        (
            SplitBy::Host,
            ["github.com", "10.0.0.2", "b.example", "2001-db8--2"],
        ),
        (
            SplitBy::Flow,
            [
                "000001_tcp_10.0.0.1-5000_10.0.0.2-443_GitHub",
                "000002_tcp_10.0.0.1-5000_10.0.0.2-443_SSH",
                "000003_tcp_10.0.0.1-5000_10.0.0.2-443_Unknown",
                "000004_icmp_2001-db8--1_2001-db8--2_Unknown",
            ],
        ),
    ] {
        let found = files(&mut division(by, &flows, 9), &[1, 2, 3, 4]);
        assert_eq!(found, expected.map(|file| format!("{file}.pcap")), "{by}");
    }
    let mut division = division(SplitBy::Flow, &flows, 9);
    files(&mut division, &[1, 2, 3, 4]);
    let names: Vec<_> = division.parts().iter().map(|part| &*part.name).collect();
    assert_eq!(names[0], "10.0.0.1:5000-10.0.0.2:443/tcp");
    assert_eq!(names[3], "2001:db8::1-2001:db8::2/icmp");
}

#[test]
fn past_the_bound_what_has_no_part_yet_goes_to_the_rest() {
    let names = ["a", "b", "c", "a", "d"];
    let flows: Vec<_> = (1..)
        .zip(names)
        .map(|(first, name)| flow(first, 2, &[name]))
        .collect();
    let mut division = division(SplitBy::Host, &flows, 2);
    let packets = [1, 2, 3, 4, 5, 0, 5, 4, 3, 2, 1];
    let found = files(&mut division, &packets);
    let expected = [
        "a", "b", "_rest", "a", "_rest", "_no-flow", "_rest", "a", "_rest", "b", "a",
    ];
    assert_eq!(found, expected.map(|file| format!("{file}.pcap")));
    let figures: Vec<_> = division
        .parts()
        .iter()
        .map(|part| (part.holds, part.flows, part.packets, part.bytes))
        .collect();
    let expected = [
        (Holds::Named, 2, 4, 400),
        (Holds::Named, 1, 2, 200),
        (Holds::Rest, 2, 4, 400),
        (Holds::NoFlow, 0, 1, 100),
    ];
    assert_eq!(figures, expected);
    assert!(division.open.is_empty(), "each flow has had its packets");
}

#[test]
fn a_divided_flow_counts_and_is_commented_on_both_sides() {
    let mut gathered = FlowParts::new(SplitBy::Verdict, true, "/nonexistent");
    gathered.push(&flow(1, 4, &["a.example"]), &Book).unwrap();
    let mut division = Division::new(gathered, "pcap").unwrap();
    let mut said = Vec::new();
    for (number, is_dropped) in [(1, false), (2, false), (3, true), (4, true)] {
        let (part, comment) = division.part_of((number, 1), is_dropped, 9).unwrap();
        said.push((part, comment.is_some()));
    }
    assert_eq!(said, [(0, true), (0, false), (1, true), (1, false)]);
    let flows: Vec<_> = division.parts().iter().map(|part| part.flows).collect();
    assert_eq!(flows, [1, 1]);
}

#[test]
fn the_list_has_the_largest_first_and_what_is_no_part_of_its_own_last() {
    let part = |file: &str, holds, packets| {
        let part = Part {
            file: file.into(),
            holds,
            name: file.into(),
            flows: 1,
            packets,
            bytes: 10,
        };
        (part, 0, None)
    };
    let parts = || {
        [
            part("_no-flow", Holds::NoFlow, 99),
            part("c", Holds::Named, 1),
            part("_rest", Holds::Rest, 99),
            part("b", Holds::Named, 7),
            part("a", Holds::Named, 1),
        ]
    };
    let listed = |by| {
        let input = SplitInput {
            path: "in".into(),
            sha256: None,
        };
        let index = SplitIndex::new(vec![input], (by, 5), parts().into_iter());
        assert_eq!((index.packets, index.bytes), (207, 50));
        let files = index.parts.into_iter().map(|part| part.file);
        files.collect::<Vec<_>>()
    };
    assert_eq!(listed(SplitBy::App), ["b", "a", "c", "_no-flow", "_rest"]);
    assert_eq!(listed(SplitBy::Flow), ["a", "b", "c", "_no-flow", "_rest"]);
}

#[test]
fn keys_are_read_as_they_are_shown() {
    for by in SplitBy::ALL {
        assert_eq!(by.to_string().parse(), Ok(by));
    }
    assert_eq!("App".parse::<SplitBy>(), Err(NoSplit));
}

proptest! {
    #[test]
    fn each_packet_is_in_the_part_of_its_flow(
        packets in proptest::collection::vec(0u64..12, 0..200),
        max_parts in 0usize..6,
    ) {
        // Packets of a dozen flows, mixed; the number of a flow's first packet is the flow's.
        let mut first = BTreeMap::new();
        let mut counts = BTreeMap::new();
        let mut sequence = Vec::new();
        for (number, which) in (1u64..).zip(&packets) {
            let flow = match which {
                0 => 0,
                _ => *first.entry(*which).or_insert(number),
            };
            *counts.entry(flow).or_insert(0u64) += 1;
            sequence.push(flow);
        }
        let names = ["a", "b", "c", "a!", "A", "d"];
        let name = |flow: u64| names[flow as usize % names.len()];
        let flows: Vec<_> = counts
            .iter()
            .filter(|(flow, _)| **flow != 0)
            .map(|(first, packets)| flow(*first, *packets, &[name(*first)]))
            .collect();
        let mut division = division(SplitBy::Host, &flows, max_parts);
        let mut parts = BTreeMap::new();
        for (number, flow) in (1u64..).zip(&sequence) {
            let (part, _) = division.part_of((number, *flow), false, 1).unwrap();
            prop_assert_eq!(*parts.entry(*flow).or_insert(part), part);
            let told = &division.parts()[part as usize];
            match told.holds {
                Holds::NoFlow => prop_assert_eq!(*flow, 0),
                Holds::Named => prop_assert_eq!(&*told.name, name(*flow).to_lowercase()),
                Holds::Rest => prop_assert!(*flow != 0),
            }
        }
        prop_assert!(division.open.is_empty());
        let parts = division.into_parts();
        prop_assert_eq!(parts.iter().map(|part| part.packets).sum::<u64>(), packets.len() as u64);
        prop_assert_eq!(parts.iter().map(|part| part.flows).sum::<u64>(), flows.len() as u64);
        prop_assert!(parts.iter().filter(|part| part.holds == Holds::Named).count() <= max_parts);
    }
}
