//! From INPUT to OUTPUT: nothing changes that no rule touches, nothing is lost, nothing changes places.

use crate::program::{Bench, run, run_with_input};
use crate::records::{self, assert_split};
use crate::testdata::{self, samples};

/// Rules that cut through most captures, each in another way.
const RULES: [&[&str]; 4] = [
    &["--block-domain", "*.com", "--block-domain", "*.example"],
    &["--block-app", "YouTube", "--block-app", "DNS"],
    &["--block-port", "1-1023", "--block-ip", "192.168.1.6"],
    &["--block-ip", "0.0.0.0/0", "--block-ip", "::/0"],
];

#[test]
fn without_rules_the_output_is_the_input_byte_for_byte() {
    let bench = Bench::new();
    for sample in samples() {
        let filtered = bench.filter(&sample.path, &[]);
        filtered.run.assert_status(0, &sample.name);
        assert!(filtered.kept() == sample.bytes, "{}", sample.name);
        let dropped = records::read(filtered.gone());
        assert!(dropped.packets.is_empty(), "{}", sample.name);
    }
}

#[test]
fn standard_input_and_output_are_as_good_as_files() {
    for name in [
        "web.pcap",
        "ng_blocks_be.pcapng",
        "pcap_be_ns.pcap",
        "empty.pcap",
    ] {
        let bytes = testdata::bytes(name);
        let run = run_with_input(["-", "-"], &bytes);
        run.assert_status(0, name);
        assert!(run.stdout == bytes, "{name}");
        assert!(
            !run.stderr.is_empty(),
            "{name}: the report is on standard error"
        );
    }
}

#[test]
fn a_second_pass_works_on_standard_input_too() {
    let bytes = testdata::bytes("web.pcap");
    let bench = Bench::new();
    let rules = ["--block-app", "YouTube", "--whole-flow"];
    let from_file = bench.filter(&testdata::path("web.pcap"), &rules);
    let from_pipe = run_with_input([&["-", "-"][..], &rules].concat(), &bytes);
    from_pipe.assert_status(0, "standard input");
    assert!(from_pipe.stdout == from_file.kept());
    assert!(from_pipe.stdout.len() < bytes.len());
}

#[test]
fn output_and_dropped_packets_together_are_the_input() {
    let bench = Bench::new();
    for sample in samples() {
        for rules in RULES {
            let what = format!("{} {rules:?}", sample.name);
            let inline = bench.filter(&sample.path, rules);
            inline.run.assert_status(0, &what);
            assert_split(&sample.bytes, inline.kept(), inline.gone(), &what);

            let whole = bench.filter(&sample.path, &[rules, &["--whole-flow"]].concat());
            whole.run.assert_status(0, &what);
            assert_split(&sample.bytes, whole.kept(), whole.gone(), &what);

            let (inline, whole) = (records::read(inline.gone()), records::read(whole.gone()));
            assert!(
                records::is_subsequence(&inline.packets, &whole.packets),
                "{what}: what goes inline goes with its whole flow too"
            );
        }
    }
}

#[test]
fn every_fragment_goes_with_its_datagram() {
    let bench = Bench::new();
    let input = testdata::bytes("ip_fragments.pcap");
    let rules = ["--block-domain", "v4.fragment.example", "--whole-flow"];
    let filtered = bench.filter(&testdata::path("ip_fragments.pcap"), &rules);
    let all = records::read(&input).packets;
    let is_v4 = |packet: &records::Packet<'_>| packet.frame[12..14] == [0x08, 0x00];
    let (v4, v6): (Vec<_>, Vec<_>) = all.into_iter().partition(is_v4);
    assert_eq!(records::read(filtered.gone()).packets, v4);
    assert_eq!(records::read(filtered.kept()).packets, v6);
}

#[test]
fn an_icmp_error_goes_with_the_flow_that_it_quotes() {
    let bench = Bench::new();
    let path = testdata::path("icmp_error.pcap");
    let rule = ["--block-domain", "nobody.error.example"];
    for options in [&rule[..], &[rule[0], rule[1], "--whole-flow"]] {
        let filtered = bench.filter(&path, options);
        assert!(records::read(filtered.kept()).packets.is_empty());
        assert_eq!(records::read(filtered.gone()).packets.len(), 2);
        let flows = filtered.flow_lines();
        let told: Vec<_> = flows
            .iter()
            .map(|flow| (&flow["dropped"], &flow["verdict"]))
            .collect();
        assert_eq!(
            told,
            [(&1.into(), &"drop".into()), (&1.into(), &"forward".into())]
        );
        let rules = &filtered.json()["rules"][0];
        assert_eq!((&rules["flows"], &rules["packets"]), (&1.into(), &2.into()));
    }
}

#[test]
fn a_reused_tuple_is_a_new_flow_and_blocked_alone() {
    let bench = Bench::new();
    let path = testdata::path("tuple_reuse.pcap");
    let all = bench.filter(&path, &[]).flow_lines();
    let packets: Vec<u64> = all
        .iter()
        .map(|flow| flow["packets"].as_u64().unwrap())
        .collect();
    let rules = ["--block-domain", "two.reuse.example", "--whole-flow"];
    let filtered = bench.filter(&path, &rules);
    let input = testdata::bytes("tuple_reuse.pcap");
    let input = records::read(&input).packets;
    let first = packets[0] as usize;
    let second = first..first + packets[1] as usize;
    assert_eq!(records::read(filtered.gone()).packets, input[second]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Bench::new();
    let input = bench.put("in.pcap", &testdata::bytes("web.pcap"));
    let input = input.to_str().unwrap();
    let unmade = bench.path("out.pcap");
    let unmade = unmade.to_str().unwrap();
    for args in [
        vec![input, "--dry-run"],
        vec![input, unmade, "--dry-run"],
        vec![input, "--dry-run", "--whole-flow", "--block-app", "YouTube"],
    ] {
        let run = run(&args);
        run.assert_status(0, "dry run");
        assert!(!run.stdout.is_empty(), "it reports");
        assert_eq!(bench.left(), ["in.pcap"], "{args:?}");
    }
}

#[test]
fn a_dry_run_reports_what_a_real_one_does() {
    let bench = Bench::new();
    let rules = ["--block-app", "Streaming"];
    let real = bench.filter(&testdata::path("web.pcap"), &rules);
    let report = bench.path("dry");
    let mut args = vec![testdata::path("web.pcap").into_os_string()];
    args.extend(["--dry-run", "--json"].map(Into::into));
    args.push(report.clone().into_os_string());
    args.extend(rules.map(Into::into));
    run(&args).assert_status(0, "dry run");
    let dry: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert!(dry["packets"]["dropped"].as_u64() > Some(0));
    assert_eq!(dry["packets"], real.json()["packets"]);
    assert_eq!(dry["rules"], real.json()["rules"]);
}
