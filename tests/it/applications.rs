//! Applications: those of a user's own file, what a flow's line says decided, and what clients and flows are known by elsewhere.

use serde_json::{Value, json};

use crate::program::{Bench, Filtered};
use crate::testdata;

/// For `web.pcap`: one application for each kind of evidence, and a built-in domain that moves.
const APPS: &str = "
[Our video]
category = In house
alias = vids
domain = youtube.com, updates.example.net
[Pastes]
category = In house
sni = *.example.net
[Old web]
category = By offer
alpn = h2
[Lab]
category = By place
address = 192.168.1.20 2001:db8:80::/48
[Console]
category = By place
port = 8443/tcp 20-30
";

/// What a capture in `testdata/` becomes; the same for every number of workers.
#[track_caller]
fn filter(name: &str, apps: &str, options: &[&str]) -> Filtered {
    let bench = Bench::new();
    let path = bench.put("apps.txt", apps.as_bytes());
    let run = |workers: &str| {
        let apps = ["--apps", path.to_str().unwrap(), "--workers", workers];
        let filtered = bench.filter(&testdata::path(name), &[options, &apps].concat());
        filtered.run.assert_status(0, name);
        filtered
    };
    let one = run("1");
    for workers in ["2", "8"] {
        let many = run(workers);
        assert!(one.flows == many.flows, "{workers} workers: flows");
        assert!(one.report == many.report, "{workers} workers: report");
        assert!(one.output == many.output, "{workers} workers: output");
        assert!(one.dropped == many.dropped, "{workers} workers: dropped");
    }
    one
}

/// The line of the flow from this port.
#[track_caller]
fn from_port(lines: &[Value], port: u16) -> &Value {
    let line = lines.iter().find(|line| line["src_port"] == port);
    line.unwrap_or_else(|| panic!("no flow from port {port}"))
}

/// Asserts what a flow is concluded to be, and by what.
#[track_caller]
fn assert_decided(line: &Value, application: Option<&str>, (by, value): (&str, &str), packet: u64) {
    assert_eq!(line["application"], json!(application), "{line}");
    let decided = json!({"by": by, "value": value, "packet": packet});
    assert_eq!(line["classification"], decided, "{line}");
}

#[test]
fn applications_of_ones_own_are_known_by_all_that_their_file_says() {
    let lines = filter("web.pcap", APPS, &[]).flow_lines();
    for (port, application, by, packet) in [
        // A built-in domain that moved, and one that was nobody's.
        (50_101, "Our video", ("tls_sni", "www.youtube.com"), 13),
        (41_001, "Our video", ("dns_query", "www.youtube.com"), 3),
        (50_701, "Our video", ("tls_sni", "updates.example.net"), 605),
        // What did not move.
        (
            50_102,
            "YouTube",
            ("tls_sni", "rr3---sn-4g5ednsz.googlevideo.com"),
            23,
        ),
        (50_603, "Pastes", ("tls_sni", "pastebin.example.net"), 573),
        // Its address is the lab's, but its offer weighs more.
        (50_103, "Old web", ("alpn", "h2"), 441),
        (50_204, "Console", ("port", "8443"), 457),
        // Its port is the console's, but its address weighs more.
        (40_001, "Lab", ("address", "192.168.1.20"), 507),
    ] {
        assert_decided(from_port(&lines, port), Some(application), by, packet);
    }
    assert_eq!(from_port(&lines, 50_204)["category"], "By place");
    // The lookup is of a name, which is no server's.
    let lookup = from_port(&lines, 41_007);
    assert_eq!(lookup["application"], "Our video");
}

#[test]
fn a_certificate_leads_to_an_application_of_ones_own() {
    let apps = "[Relay]\ncategory = In house\ncertificate = www.youtube.com\n";
    let lines = filter("recorded/tls12_curl.pcap", apps, &[]).flow_lines();
    let by = ("certificate", "www.youtube.com");
    assert_decided(from_port(&lines, 38_814), Some("Relay"), by, 51);
    let by = ("tls_sni", "www.youtube.com");
    assert_decided(from_port(&lines, 52_092), Some("YouTube"), by, 6);
}

#[test]
fn rules_for_applications_of_ones_own_take_what_is_theirs() {
    let bench = Bench::new();
    let apps = bench.put("apps.txt", APPS.as_bytes());
    let (apps, capture) = (apps.to_str().unwrap(), testdata::path("web.pcap"));
    for (rule, ports) in [
        ("Our video", &[41_001, 41_007, 50_101, 50_104, 50_701][..]),
        ("vids", &[41_001, 41_007, 50_101, 50_104, 50_701]),
        ("Pastes", &[50_603]),
        ("by OFFER", &[50_103]),
        ("Console", &[50_204]),
    ] {
        for whole in [&[][..], &["--whole-flow"]] {
            let options = [&["--block-app", rule, "--apps", apps], whole].concat();
            let lines = bench.filter(&capture, &options).flow_lines();
            let mut dropped: Vec<u64> = lines
                .iter()
                .filter(|line| line["verdict"] == "drop")
                .map(|line| line["src_port"].as_u64().unwrap())
                .collect();
            dropped.sort_unstable();
            assert_eq!(dropped, ports, "{options:?}");
        }
    }
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_place() {
    for (text, told) in [
        ("[A]\ncategory = B\ndomian = a.example\n", "apps.txt:3:1: "),
        (
            "[A]\ncategory = B\naddress = 10.0.0.300\n",
            "apps.txt:3:11: ",
        ),
        ("[A]\ncategory = B\nport = 80/sctp\n", "apps.txt:3:8: "),
        ("[A]\ndomain = a.example\n", "apps.txt:1:1: "),
        ("domain = a.example\n", "apps.txt:1:1: "),
    ] {
        let bench = Bench::new();
        let path = bench.put("apps.txt", text.as_bytes());
        let options = ["--apps", path.to_str().unwrap()];
        let filtered = bench.filter(&testdata::path("web.pcap"), &options);
        filtered.run.assert_status(2, text);
        let stderr = &filtered.run.stderr;
        assert!(stderr.contains(told), "{told}: {stderr}");
        assert_eq!(bench.left(), ["apps.txt"], "nothing is made");
    }
}

#[test]
fn a_line_says_what_decided() {
    let lines = filter("web.pcap", "", &[]).flow_lines();
    for (port, application, by, packet) in [
        (50_101, Some("YouTube"), ("tls_sni", "www.youtube.com"), 13),
        (50_206, None, ("content", "BitTorrent"), 628),
        (50_103, None, ("content", "HTTPS"), 441),
        (40_001, None, ("port", "SSH"), 507),
    ] {
        assert_decided(from_port(&lines, port), application, by, packet);
    }
    // An answer of DNS, in the packet that answered, which is of another flow.
    let lines = filter("dns_answers.pcap", "", &[]).flow_lines();
    let by_answer = |line: &&Value| line["classification"]["by"] == "dns_answer";
    let line = lines.iter().find(by_answer).unwrap();
    assert_eq!(line["classification"]["value"], line["names"][0]["name"]);
    assert_eq!(line["classification"]["packet"], line["names"][0]["packet"]);
    assert_eq!(line["application"], "YouTube", "{line}");
}

#[test]
fn dns_that_is_encrypted_is_a_protocol_of_its_own() {
    let lines = filter("recorded/dot_doh_doq.pcap", "", &[]).flow_lines();
    let dot = from_port(&lines, 41_287);
    assert_eq!(dot["protocols"], json!(["TLS", "DoT"]));
    assert_decided(dot, None, ("content", "DoT"), 4);
    let doq = from_port(&lines, 45_084);
    assert_eq!(doq["protocols"], json!(["QUIC", "DoQ"]));
    for (rule, blocked) in [("DoT", &[41_287][..]), ("DoQ", &[45_084]), ("DNS", &[])] {
        let lines = filter("recorded/dot_doh_doq.pcap", "", &["--block-app", rule]).flow_lines();
        let dropped = lines.iter().filter(|line| line["verdict"] == "drop");
        let ports: Vec<_> = dropped.map(|line| line["src_port"].clone()).collect();
        assert_eq!(json!(ports), json!(blocked), "{rule}");
    }
}

/// As tshark 4.4 tells them.
#[test]
fn clients_have_the_fingerprints_that_other_tools_give_them() {
    for (capture, port, ja3, ja4) in [
        (
            "recorded/tls13_browser_fp.pcap",
            52_130,
            "93f406cae5b1c0971a02ce9872f976c2",
            "t13d1516h2_8daaf6152771_806a8c22fdea",
        ),
        (
            "recorded/tls13_rustls_mlkem.pcap",
            58_324,
            "e2a4063b04ca3f30a02e73506debef54",
            "t13d1011h1_61a7ad8aa9b6_0d308c48d2a3",
        ),
        (
            "recorded/tls12_curl.pcap",
            38_814,
            "fbe7e189e37a07ee33706f86bc746344",
            "t12i280600_d943125447b4_e7e480e5a997",
        ),
    ] {
        let lines = filter(capture, "", &[]).flow_lines();
        let line = from_port(&lines, port);
        assert_eq!((&line["ja3"], &line["ja4"]), (&json!(ja3), &json!(ja4)));
    }
}

/// As tshark tells them.
#[test]
fn flows_have_the_names_that_other_tools_give_them() {
    let lines = filter("web.pcap", "", &[]).flow_lines();
    for (protocol, port, id) in [
        ("tcp", 50_101, "1:UtlIJwCQmrw/Jc3kJaEaMKPi18g="),
        ("tcp", 50_302, "1:iSeP4YqbDaqytk4RjUfVwC77bN0="),
        ("udp", 41_001, "1:++B8tfuczKD6w81DDwcEXt5vI7M="),
        ("icmp", 0, "1:DB75J4sCEP7w60reru1EZS7kteo="),
        ("icmp6", 0, "1:mIwpOOn6wCvAnEMXyW5m+OA3J+0="),
    ] {
        let is_it = |line: &&Value| line["protocol"] == protocol && line["src_port"] == port;
        let line = lines.iter().find(is_it).unwrap();
        assert_eq!(line["community_id"], id, "{line}");
    }
}
