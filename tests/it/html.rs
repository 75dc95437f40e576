//! The report as a web page, as bytes; `tests/page` looks at it in a browser.

use serde_json::Value;

use crate::program::{Bench, Run, dpi_engine, number};
use crate::testdata;

/// The page of a capture.
fn page(capture: &str, options: &[&str]) -> String {
    let mut command = dpi_engine([testdata::path(capture)]);
    command.args(["--dry-run", "-q", "--html", "-"]);
    let run: Run = command.args(options).output().unwrap().into();
    run.assert_status(0, capture);
    run.text().to_owned()
}

/// The JSON that stands in a page for its script.
fn data(page: &str, id: &str) -> Value {
    let (_, rest) = page
        .split_once(&format!("<script type=\"application/json\" id=\"{id}\">"))
        .unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The sum of a list.
fn sum(list: &Value) -> u64 {
    let numbers = list.as_array().unwrap().iter();
    numbers.map(|number| number.as_u64().unwrap()).sum()
}

#[test]
fn the_page_says_what_the_json_report_says() {
    let bench = Bench::new();
    let report = bench.path("report");
    let options = ["--sha256", "--block-app", "YouTube", "--json"];
    let page = page(
        "web.pcap",
        &[&options[..], &[report.to_str().unwrap()]].concat(),
    );
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert!(page.contains(report["digests"]["input"].as_str().unwrap()));
    assert!(page.contains("510 packets forwarded, 173 dropped"));
    for rows in ["applications", "domains"] {
        for row in report[rows].as_array().unwrap() {
            let name = row["name"].as_str().unwrap();
            assert!(page.contains(&format!("<bdi>{name}</bdi>")), "{name}");
        }
    }
    for finding in report["suspicious"].as_array().unwrap() {
        let ip = finding["ip"].as_str().unwrap();
        assert!(page.contains(&format!("<h3>{ip} <span")), "{ip}");
    }
    let flows = data(&page, "flow-data");
    assert_eq!(number(&flows, "/flows"), number(&report, "/flows/total"));
    assert_eq!(sum(&flows["drop"]), number(&report, "/flows/blocked"));
    // What is in no flow is on the wire as well.
    let in_flows = sum(&flows["bytes"]);
    assert!(in_flows < number(&report, "/packets/bytes"));
    let drawn = data(&page, "chart-data")["bytes"].clone();
    let drawn = drawn.as_array().unwrap().iter().map(sum);
    assert_eq!(drawn.sum::<u64>(), in_flows);
}

/// What a key, or a column, tells of every flow.
fn numbers(flows: &[Value], key: &str) -> Vec<u64> {
    flows.iter().map(|flow| number(flow, key)).collect()
}

#[test]
fn flows_bear_the_numbers_of_the_flow_file() {
    let bench = Bench::new();
    let lines = bench.path("flows");
    let page = page("high_volume.pcap", &["--flows", lines.to_str().unwrap()]);
    let told = data(&page, "flow-data");
    let column = |key: &str| told[key].as_array().unwrap().clone();
    let mut sum = 0;
    let distances = column("number").into_iter();
    let ids: Vec<u64> = distances
        .map(|distance| {
            sum += number(&distance, "");
            sum
        })
        .collect();
    let lines = std::fs::read_to_string(lines).unwrap();
    let flows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(ids, numbers(&flows, "/id"));
    for key in ["bytes", "packets", "src_port"] {
        let told = numbers(&column(key), "");
        assert_eq!(told, numbers(&flows, &format!("/{key}")), "{key}");
    }
}

#[test]
fn several_files_are_told_with_their_digests_and_damage() {
    let bench = Bench::new();
    let web = testdata::bytes("web.pcap");
    let cut = bench.put("cut", &web[..web.len() - 7]);
    let mut command = dpi_engine([testdata::path("web.pcap"), cut, bench.path("out")]);
    command.args(["--dry-run", "-q", "--sha256", "--html", "-"]);
    let run: Run = command.output().unwrap().into();
    run.assert_status(3, "damage");
    let page = run.text();
    assert!(page.contains("web.pcap</bdi> and 1 more"));
    assert!(page.contains("<title>web.pcap and 1 more – "));
    assert_eq!(page.matches("\">SHA-256 ").count(), 2);
    assert!(page.contains("<dt>Damage</dt><dd>"));
    assert!(page.contains("cut at byte "));
}

#[test]
fn the_number_of_workers_changes_nothing() {
    for capture in ["web.pcap", "high_volume.pcap"] {
        let with = |workers| page(capture, &["--workers", workers, "--block-app", "DNS"]);
        assert!(with("1") == with("8"), "{capture}");
    }
}

#[test]
fn hostile_names_make_no_element() {
    let hostile = page("hostile_names.pcap", &["--block-domain", "~<script>"]);
    let harmless = page("web.pcap", &[]);
    for tag in [
        "<script",
        "</script",
        "<img",
        "<svg onload",
        "<style",
        "<!--",
    ] {
        let count = |page: &str| page.matches(tag).count();
        assert_eq!(count(&hostile), count(&harmless), "{tag}");
    }
    assert!(hostile.contains("~&#60;script&#62;"));
}

#[test]
fn a_damaged_capture_says_so_on_its_page() {
    let bench = Bench::new();
    let web = testdata::bytes("web.pcap");
    let input = bench.put("in", &web[..web.len() - 7]);
    let mut command = dpi_engine([&input]);
    command.args(["--dry-run", "-q", "--html", "-"]);
    let run: Run = command.output().unwrap().into();
    run.assert_status(3, "damage");
    assert!(run.text().contains("The capture is damaged"));
    assert!(run.text().contains("<dt>Damage</dt><dd>at byte "));
}
