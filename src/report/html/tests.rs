use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::key::{Endpoint, FiveTuple, FlowKey};
use crate::packet::{IpProtocol, Timestamp};
use crate::report::Digests;
use crate::report::tests::{Book, GITHUB, report};
use crate::stats::flows::tests::sample_flow;

/// What would be a tag, an end of the script, an attribute, an entity, or would turn the text around.
const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror='a'>\"&lt;\u{202e}\u{2028}\x1b[J\0";

fn page(flows: &[FlowSummary], report: &Report<'_>, names: &impl Names) -> String {
    let mut html = HtmlReport::new(std::env::temp_dir());
    flows.iter().for_each(|flow| html.push(flow).unwrap());
    let mut out = Vec::new();
    html.finish(report, names, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// As many flows as a busy hour has: some clients, many servers, names of usual length, each flow another size.
fn many(count: u32) -> Vec<FlowSummary> {
    let template = sample_flow(1, IpProtocol::TCP, ("10.0.0.1:1", "10.0.0.2:443"), &[]);
    (0..count)
        .map(|n| {
            let mut flow = template.clone();
            flow.first_packet = u64::from(n) * 13 + 1;
            let end = |addr: u32, port| Endpoint {
                addr: IpAddr::V4(Ipv4Addr::from_bits(addr)),
                port,
            };
            let (key, initiator) = FlowKey::of(&FiveTuple {
                src: end(0x0a00_0000 + n % 200, 32_768 + (n % 28_000) as u16),
                dst: end(0xc633_0000 + n % 3000, 443),
                protocol: IpProtocol::TCP,
            });
            (flow.key, flow.initiator) = (key, initiator);
            flow.first = Timestamp::from_ns(1_772_442_000_000_000_000 + i64::from(n) * 359_000_000);
            flow.last = Timestamp::from_ns(flow.first.as_ns() + 4_567_000_000 * i64::from(n % 9));
            flow.packets = u64::from(n % 900) + 3;
            flow.bytes = flow.packets * 777;
            let name = format!("edge-{}.region.example-service.com", n % 3000);
            let found = crate::evidence::FoundName {
                name: crate::domain::DomainName::from_bytes(name.as_bytes()).unwrap(),
                from: crate::evidence::NameSource::TlsSni,
                packet: flow.first_packet,
                offset: None,
            };
            flow.findings_mut().names.push(found);
            flow
        })
        .collect()
}

/// What stands between the first `from` behind `mark` and the next `to`.
fn between<'a>(html: &'a str, mark: &str, from: &str, to: &str) -> &'a str {
    let (_, rest) = html.split_once(mark).unwrap();
    let (_, rest) = rest.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn texts_of_every_origin_stay_texts() {
    struct Hostile;
    impl Names for Hostile {
        fn application(&self, _: crate::catalogue::AppId) -> Option<(&str, &str)> {
            Some((HOSTILE, HOSTILE))
        }
        fn application_of(&self, _: &str) -> Option<crate::catalogue::AppId> {
            Some(GITHUB)
        }
        fn rule(&self, id: crate::rules::RuleId) -> Option<(&str, &str)> {
            (id.0 == 0).then_some((HOSTILE, HOSTILE))
        }
    }
    let mut told = report();
    told.input.path = HOSTILE.to_owned();
    told.input.damage = Some(crate::report::Damage {
        offset: 7,
        reason: HOSTILE.to_owned(),
    });
    told.warnings = vec![HOSTILE.to_owned()];
    for app in &mut told.applications {
        (app.name, app.category) = (HOSTILE, Some(HOSTILE));
    }
    for rule in &mut told.rules {
        (rule.rule, rule.origin) = (HOSTILE, HOSTILE);
    }
    for domain in &mut told.domains {
        domain.application = Some(HOSTILE);
    }
    told.digests = Some(Digests {
        algorithm: Digests::ALGORITHM,
        input: HOSTILE.to_owned(),
        output: None,
        dropped: None,
        output_path: None,
        dropped_path: None,
    });
    let ends = ("10.0.0.1:1", "10.0.0.2:2");
    let mut flow = sample_flow(1, IpProtocol::TCP, ends, &["<b>&\"'</b>"]);
    (flow.application, flow.rule) = (Some(GITHUB), Some(crate::rules::RuleId(0)));
    let html = page(&[flow], &told, &Hostile);
    let harmless = page(&[], &report(), &Book);
    for tag in [
        "<script", "</script", "<img", "<b>", "<h1", "<style", "<meta",
    ] {
        let count = |html: &str| html.matches(tag).count();
        assert_eq!(count(&html), count(&harmless), "{tag}");
    }
    let is_odd = |c: char| c.is_control() && c != '\n' || crate::report::text::is_format(c);
    assert_eq!(html.find(is_odd), None);
    let rest = html.replace("&#60;/script&#62;&#60;script&#62;", "");
    assert!(html.len() - rest.len() > 12 * 30, "escaped in every place");
}

#[test]
fn the_policy_knows_the_style_and_the_script_and_nothing_else_runs() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let html = page(&many(3), &report(), &Book);
    let policy = between(&html, "Content-Security-Policy", "content=\"", "\"");
    let hash = |text: &str| {
        let digest = sha2::Sha256::digest(text);
        format!(
            "sha256-{}",
            base64::engine::general_purpose::STANDARD.encode(digest)
        )
    };
    let style = hash(between(&html, "<style", ">", "</style>"));
    let script = hash(between(&html, "flow-data", "<script>", "</script>"));
    let policy = policy.replace("&#43;", "+").replace("&#61;", "=");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
    );
    for (needle, count) in [
        ("<script", 3),
        ("<style", 1),
        (" style=", 0),
        ("<link", 0),
        ("http:", 0),
        ("https:", 0),
        ("url(", 0),
        ("javascript:", 0),
        ("innerHTML", 0),
        (" onclick", 0),
    ] {
        assert_eq!(html.matches(needle).count(), count, "{needle}");
    }
}

#[test]
fn ten_thousand_flows_make_a_page_under_a_mebibyte_that_has_them_all() {
    let html = page(&many(10_000), &report(), &Book);
    assert!(html.len() < PAGE_BYTES, "{}", html.len());
    let flows = between(&html, "id=\"flow-data\"", ">", "</script>");
    let flows: serde_json::Value = serde_json::from_str(flows).unwrap();
    assert_eq!(flows["bytes"].as_array().unwrap().len(), 10_000);
}

#[test]
fn more_flows_and_long_names_do_not_make_it_larger() {
    let mut flows = many(8000);
    for (n, flow) in flows.iter_mut().enumerate() {
        let name = format!("{n}{}", "-longest".repeat(28));
        flow.findings_mut().names[0].name =
            crate::domain::DomainName::from_bytes(name.as_bytes()).unwrap();
    }
    let html = page(&flows, &report(), &Book);
    assert!(html.len() < PAGE_BYTES, "{}", html.len());
    let kept = between(&html, "id=\"flow-data\"", ">", "</script>");
    let kept: serde_json::Value = serde_json::from_str(kept).unwrap();
    assert!(kept["bytes"].as_array().unwrap().len() > 3000);
}

#[test]
fn long_paths_many_rules_and_warnings_do_not_either() {
    // What HTML makes longest.
    let long = "&".repeat(5000);
    let mut told = report();
    told.input.path = long.clone();
    told.warnings = vec![long.clone(); 1000];
    told.input.damage = Some(crate::report::Damage {
        offset: u64::MAX,
        reason: long.clone(),
    });
    let file = crate::report::InputFile {
        path: long.clone(),
        format: "pcapng",
        compression: Some("gzip"),
        file_bytes: u64::MAX,
        first_packet: told.input.first_packet,
        last_packet: told.input.last_packet,
        damage: told.input.damage.clone(),
        skipped: told.input.skipped.clone(),
        sha256: Some("f".repeat(64)),
    };
    told.input.files = vec![file; 1000];
    for app in &mut told.applications {
        (app.name, app.category) = (&long, Some(long.as_str()));
    }
    for rule in &mut told.rules {
        (rule.rule, rule.origin) = (&long, &long);
    }
    for domain in &mut told.domains {
        domain.application = Some(long.as_str());
    }
    let rule = told.rules[0].clone();
    told.rules.resize(100_000, rule);
    let app = told.applications[0].clone();
    told.applications.resize(1000, app);
    let domain = told.domains[0].clone();
    told.domains.resize(1000, domain);
    let html = page(&many(10_000), &told, &Book);
    assert!(html.len() < PAGE_BYTES, "{}", html.len());
    for more in ["99,900", "950", "980"] {
        assert!(html.contains(&format!("{more} more ")), "{more}");
    }
    let flows: serde_json::Value =
        serde_json::from_str(between(&html, "id=\"flow-data\"", ">", "</script>")).unwrap();
    assert!(flows["bytes"].as_array().unwrap().len() > 1000);
}

#[test]
fn the_order_in_which_flows_end_changes_nothing() {
    let mut flows = many(300);
    let one = page(&flows, &report(), &Book);
    flows.sort_by_key(|flow| flow.bytes);
    assert!(page(&flows, &report(), &Book) == one);
}

#[test]
fn what_it_says_without_its_script_is_what_the_report_says() {
    let html = page(&many(2), &report(), &Book);
    for expected in [
        "134 packets forwarded, 8 dropped",
        "<bdi>github.com</bdi>",
        "<code>app:GitHub</code>",
        "captures/office.pcap",
        "2023-11-14T22:13:32.500003000Z",
        "ARP (ethertype 0x0806)",
        "<b>port scan</b>",
        "Connected to",
        "<noscript>",
    ] {
        assert!(html.contains(expected), "{expected}\n{html}");
    }
}

#[test]
fn a_capture_without_flows_is_told_as_well() {
    let html = page(&[], &report(), &Book);
    assert_eq!(html.matches("There are no flows.").count(), 3);
    assert!(!html.contains("id=\"explorer\""));
    assert_eq!(between(&html, "id=\"chart-data\"", ">", "<"), "null");
}
