use arrayvec::ArrayString;

use super::*;
use crate::catalogue::AppId;
use crate::community_id::IcmpKind;
use crate::evidence::{Basis, Deciding, Fingerprints, Ground, Grounds, NameSource, TlsVersion};
use crate::packet::IpProtocol;
use crate::protocol::Protocol;
use crate::report::inert;
use crate::report::tests::{Book, GITHUB};
use crate::rules::RuleId;
use crate::stats::flows::tests::sample_flow;
use crate::tunnel::Tunnel;

const ENDS: (&str, &str) = ("192.168.1.2:50000", "140.82.112.21:443");

fn written(lines: FlowLines) -> String {
    let mut out = Vec::new();
    lines.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_flow_is_one_line_with_every_key_in_its_place() {
    let mut flow = sample_flow(3, IpProtocol::TCP, ENDS, &["github.com"]);
    flow.protocols.push(Protocol::Tls);
    flow.protocols.push(Protocol::Https);
    flow.application = Some(GITHUB);
    let findings = flow.findings_mut();
    findings.grounds = Grounds {
        application: Some(Deciding::Name(0)),
        protocols: smallvec::smallvec![6, 6],
    };
    findings.rare_mut().signs.push(Ground {
        by: Basis::Alpn,
        value: "h9".into(),
        packet: 6,
    });
    findings.alpn = [&b"h2"[..], b"http/1.1"].into_iter().collect();
    findings.offered = Some(TlsVersion(0x0304));
    findings.chosen = Some(TlsVersion(0x0303));
    findings.has_ech = true;
    findings.fingerprints = Some(Box::new(Fingerprints {
        ja3: ArrayString::from("c1").unwrap(),
        ja4: ArrayString::from("t13d").unwrap(),
    }));
    flow.rule = Some(RuleId(0));
    flow.dropped_packets = 8;
    flow.tunnels = [Tunnel::Pppoe, Tunnel::Vxlan].into_iter().collect();
    let mut plain = sample_flow(
        1,
        IpProtocol::ICMP6,
        ("[fe80::1]:128", "[ff02::1]:7"),
        &["a"],
    );
    plain.findings_mut().names[0].from = NameSource::Mdns;
    plain.initiator_known = false;
    plain.icmp = Some(IcmpKind { kind: 128, code: 0 });
    let mut lines = FlowLines::new("/nonexistent");
    lines.push(&flow, &Book).unwrap();
    lines.push(&plain, &Book).unwrap();
    let expected = concat!(
        r#"{"id":1,"first":"1970-01-01T00:00:00.000000000Z","last":"1970-01-01T00:00:00.000000001Z","protocol":"icmp6","#,
        r#""src":"fe80::1","src_port":0,"dst":"ff02::1","dst_port":0,"community_id":"1:5JAKAI+s/N079uLbdWhYmMj8Ig8=","packets":10,"bytes":1000,"dropped":0,"#,
        r#""state":"established","protocols":[],"protocol_packets":[],"application":null,"category":null,"classification":null,"signs":[],"#,
        r#""names":[{"name":"a","from":"mdns","packet":1}],"alpn":[],"tls_version":null,"ech":false,"ja3":null,"ja4":null,"tunnels":[],"#,
        r#""verdict":"forward","rule":null,"initiator_known":false}"#,
        "\n",
        r#"{"id":2,"first":"1970-01-01T00:00:00.000000000Z","last":"1970-01-01T00:00:00.000000001Z","protocol":"tcp","#,
        r#""src":"192.168.1.2","src_port":50000,"dst":"140.82.112.21","dst_port":443,"community_id":"1:FD68+tP7lGCxmnujfa9/P+kEXbs=","packets":10,"bytes":1000,"dropped":8,"#,
        r#""state":"established","protocols":["TLS","HTTPS"],"protocol_packets":[6,6],"application":"GitHub","category":"Developer","#,
        r#""classification":{"by":"tls_sni","value":"github.com","packet":3},"signs":[{"by":"alpn","value":"h9","packet":6}],"#,
        r#""names":[{"name":"github.com","from":"tls_sni","packet":3}],"alpn":["h2","http/1.1"],"tls_version":"TLS 1.2","ech":true,"ja3":"c1","ja4":"t13d","tunnels":["pppoe","vxlan"],"#,
        r#""verdict":"drop","rule":"app:GitHub","initiator_known":true}"#,
        "\n",
    );
    assert_eq!(written(lines), expected);
}

#[test]
fn what_decided_is_told_and_a_port_alone_is_marked_as_such() {
    let decided = |flow: &FlowSummary| {
        let mut lines = FlowLines::new("/nonexistent");
        lines.push(flow, &Book).unwrap();
        let line = written(lines);
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["classification"].take()
    };
    let ends = ("192.168.1.2:50000", "140.82.112.21:22");
    let mut flow = sample_flow(3, IpProtocol::TCP, ends, &[]);
    assert_eq!(
        decided(&flow),
        serde_json::json!({"by": "port", "value": "SSH", "packet": 3})
    );
    flow.protocols.push(Protocol::Telnet);
    flow.findings_mut().grounds.protocols.push(5);
    assert_eq!(
        decided(&flow),
        serde_json::json!({"by": "content", "value": "Telnet", "packet": 5})
    );
    let ends = ("192.168.1.2:50000", "140.82.112.21:50001");
    let flow = sample_flow(3, IpProtocol::TCP, ends, &[]);
    assert!(decided(&flow).is_null());
}

#[test]
fn what_people_call_things_is_escaped_wherever_it_stands() {
    /// A catalogue and rules with what a terminal would obey, and with what would end a string.
    struct Hostile;

    const NAME: &str = "a\u{202e}\"b";
    const CATEGORY: &str = "\u{7f}\\";
    const RULE: &str = "app:a\u{202e}\u{9b}\n";

    impl Names for Hostile {
        fn application(&self, _: AppId) -> Option<(&str, &str)> {
            Some((NAME, CATEGORY))
        }

        fn application_of(&self, _: &str) -> Option<AppId> {
            None
        }

        fn rule(&self, _: RuleId) -> Option<(&str, &str)> {
            Some((RULE, "--block-app"))
        }
    }

    let sign = "\u{feff}sign";
    let mut flow = sample_flow(1, IpProtocol::TCP, ENDS, &[]);
    flow.application = Some(GITHUB);
    let findings = flow.findings_mut();
    let ground = Ground {
        by: Basis::Alpn,
        value: sign.into(),
        packet: 1,
    };
    findings.rare_mut().signs.push(ground.clone());
    findings.grounds.application = Some(Deciding::Sign(Box::new(ground)));
    // Those that a rule kept are told as those that one dropped.
    flow.allowed = Some(RuleId(0));
    let mut lines = FlowLines::new("/nonexistent");
    lines.push(&flow, &Hostile).unwrap();
    let line = written(lines);
    assert!(inert::is_plain(line.as_bytes()), "{line:?}");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (key, text) in [
        ("application", NAME),
        ("category", CATEGORY),
        ("rule", RULE),
    ] {
        assert_eq!(line[key], text);
    }
    assert_eq!(line["classification"]["value"], sign);
    assert_eq!(line["signs"][0]["value"], sign);
}

#[test]
fn ids_follow_the_first_packet_however_flows_end() {
    let mut lines = FlowLines::of(InOrder::with_budget(std::env::temp_dir(), 3000));
    for i in 0..200u64 {
        let first_packet = (i * 77) % 200 + 1;
        let mut flow = sample_flow(first_packet, IpProtocol::UDP, ENDS, &[]);
        flow.packets = first_packet;
        lines.push(&flow, &Book).unwrap();
    }
    for (i, line) in written(lines).lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&line["id"], &line["packets"]),
            (&(i + 1).into(), &(i + 1).into())
        );
    }
}

#[test]
fn no_flows_make_an_empty_file() {
    assert_eq!(written(FlowLines::new("/nonexistent")), "");
}

#[test]
fn errors_say_whose_fault_it_is() {
    let mut lines = FlowLines::of(InOrder::with_budget("/nonexistent", 10));
    let flow = sample_flow(1, IpProtocol::UDP, ENDS, &[]);
    lines.push(&flow, &Book).unwrap();
    let error = lines.push(&flow, &Book).unwrap_err();
    assert!(error.to_string().ends_with("in /nonexistent"), "{error}");
    assert!(std::error::Error::source(&error).is_some());

    let mut lines = FlowLines::new("/nonexistent");
    lines.push(&flow, &Book).unwrap();
    let full: &mut [u8] = &mut [0; 10];
    let error = lines.finish(full).unwrap_err();
    assert!(matches!(error, FlowLinesError::Output(_)));
}
