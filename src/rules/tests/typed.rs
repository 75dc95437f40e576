//! Claims about rules that say more of themselves than the plain lists do, and about what else may stand in a file of rules.

use super::*;

/// Rules as flags give them, each with its kind.
fn rules_from(given: &[(Kind, &str)]) -> Result<RuleSet, RuleError> {
    let catalogue = catalogue();
    let mut builder = RuleSetBuilder::new(&catalogue);
    for &(kind, text) in given {
        builder.add((Action::Block, kind), text, "-")?;
    }
    Ok(builder.build())
}

#[test]
fn an_address_may_be_of_one_end() {
    let rules = rules_from(&[
        (Kind::Ip, "10.0.0.1"),
        (Kind::Ip, "src:10.0.0.2"),
        (Kind::Ip, "DST: 10.0.0.3/32"),
        (Kind::Ip, "any:10.0.1.0/24"),
        (Kind::Ip, "src:2001:db8::/32"),
    ]);
    let rules = rules.unwrap();
    let shown = [
        "ip:10.0.0.1",
        "ip:src:10.0.0.2",
        "ip:dst:10.0.0.3",
        "ip:any:10.0.1.0/24",
        "ip:src:2001:db8::/32",
    ];
    assert_eq!(texts(&rules), shown);
    let tables = rules.tables(Action::Block);
    let ends = |from, to| tables.for_ends(address(from), address(to)).map(|id| id.0);
    assert_eq!(ends("10.0.0.1", "10.0.0.1"), None, "not a matter of ends");
    assert_eq!(ends("10.0.0.2", "10.9.9.9"), Some(1));
    assert_eq!(ends("10.9.9.9", "10.0.0.2"), None);
    assert_eq!(ends("10.9.9.9", "10.0.0.3"), Some(2));
    assert_eq!(ends("10.0.0.3", "10.9.9.9"), None);
    assert_eq!(ends("10.0.1.7", "10.9.9.9"), Some(3));
    assert_eq!(ends("10.9.9.9", "::ffff:10.0.1.7"), Some(3));
    assert_eq!(ends("2001:db8::1", "10.0.0.3"), Some(2), "the first given");
    let sender = |from| {
        tables
            .for_address(End::Sender, address(from))
            .map(|id| id.0)
    };
    assert_eq!(["10.0.0.1", "10.0.0.2"].map(sender), [Some(0), None]);
}

#[test]
fn a_rule_of_either_version_is_met_where_there_is_none_of_the_other() {
    for (net, from) in [("2001:db8::/32", "2001:db8::1"), ("10.0.0.0/8", "10.0.0.1")] {
        for end in ["src", "any"] {
            let rules = rules_from(&[(Kind::Ip, &format!("{end}:{net}"))]).unwrap();
            let tables = rules.tables(Action::Block);
            let other = address("192.0.2.1");
            assert!(
                tables.for_ends(address(from), other).is_some(),
                "{end}:{net}"
            );
            assert!(tables.for_ends(other, other).is_none(), "{end}:{net}");
        }
    }
}

#[test]
fn a_port_may_be_of_one_transport() {
    let rules = rules_from(&[
        (Kind::Port, "443/udp"),
        (Kind::Port, "1-1023/TCP"),
        (Kind::Port, "53"),
    ]);
    let rules = rules.unwrap();
    assert_eq!(
        texts(&rules),
        ["port:443/udp", "port:1-1023/tcp", "port:53"]
    );
    let asked = |transport, port| {
        let rule = rules.tables(Action::Block).for_port(transport, port);
        rule.map(|id| id.0)
    };
    assert_eq!(asked(IpProtocol::UDP, 443), Some(0));
    assert_eq!(asked(IpProtocol::TCP, 443), Some(1));
    assert_eq!(asked(IpProtocol::UDP, 80), None);
    assert_eq!(asked(IpProtocol(132), 80), None, "SCTP");
    assert_eq!(asked(IpProtocol(132), 53), Some(2));
    assert_eq!(asked(IpProtocol::TCP, 53), Some(1), "the first given");
}

#[test]
fn a_text_may_stand_anywhere_in_a_name() {
    let rules = rules_from(&[
        (Kind::Domain, "~Track"),
        (Kind::Domain, "~s."),
        (Kind::Domain, "*.example"),
        (
            Kind::Domain,
            "~a-very-long-text-that-is-longer-than-most-names",
        ),
    ]);
    let rules = rules.unwrap();
    assert_eq!(texts(&rules)[0], "domain:~track");
    let asked = |name| {
        let rule = rules.tables(Action::Block).for_domain(name);
        rule.map(|id| id.0)
    };
    assert_eq!(asked("mytracker.example"), Some(0));
    assert_eq!(asked("track"), Some(0));
    assert_eq!(asked("tra.ck"), None);
    assert_eq!(asked("ads.example"), Some(1));
    assert_eq!(asked("ad.example"), Some(2));
    assert_eq!(asked(""), None);
}

#[test]
fn typed_values_that_are_none_are_refused() {
    for (kind, bad) in [
        (Kind::Ip, "src:"),
        (Kind::Ip, "from:10.0.0.1"),
        (Kind::Ip, "src:dst:10.0.0.1"),
        (Kind::Port, "80/sctp"),
        (Kind::Port, "80/"),
        (Kind::Port, "/tcp"),
        (Kind::Port, "80/tcp/udp"),
        (Kind::Domain, "~"),
        (Kind::Domain, "~a*b"),
        (Kind::Domain, "~bücher"),
        (Kind::Domain, "~two words"),
        (Kind::Domain, "~~x"),
    ] {
        assert!(rules_from(&[(kind, bad)]).is_err(), "{kind:?} {bad}");
    }
    let refused = refusal(b"[BLOCKED_DOMAINS]\n ~\n[BLOCKED_PORTS]\n80/sctp\n");
    let lines: Vec<_> = refused.lines().collect();
    assert!(lines[0].starts_with("rules:2:2: '~' is no part of a name, expected"));
    assert!(lines[1].starts_with("rules:4:1: found the transport 'sctp', expected tcp or udp"));
}

#[test]
fn thresholds_stand_among_the_rules() {
    let rules = rules_of(
        "[Thresholds]\nhigh-volume-flows = 7 # few\n[BLOCKED_PORTS]\n80\n[THRESHOLDS]\nPORT_SCAN_PORTS=0\n",
    );
    let given = GivenThresholds {
        high_volume_flows: Some(7),
        port_scan_ports: Some(0),
    };
    assert_eq!(rules.thresholds(), given);
    assert_eq!(texts(&rules), ["port:80"]);
    for bad in [
        "port-scan-ports",
        "port-scan-ports = ",
        "port-scan-ports = -1",
        "port-scan-ports = 4294967296",
        "ports = 1",
    ] {
        let refused = refusal(format!("[THRESHOLDS]\n{bad}\n").as_bytes());
        assert!(refused.starts_with("rules:2:1: found '"), "{refused}");
    }
}

#[test]
fn applications_stand_among_the_rules_and_keep_their_places() {
    let text = "[BLOCKED_APPS]\nwiki\n\n  [app  Our wiki] # ours\n\tcategory = In house\ndomain = é.example ; x\n\
                [BLOCKED_PORTS]\n80\n[APP Other]\nnonsense\n";
    let apps = applications(text.as_bytes()).unwrap();
    let want =
        "\n\n\n  [Our wiki]\n category = In house\ndomain = é.example\n\n\n[Other]\nnonsense";
    assert_eq!(apps, want);
    let rules = rules_of("[BLOCKED_PORTS]\n80\n[APP Other]\nnonsense\n[BLOCKED_PORTS]\n81\n");
    assert_eq!(texts(&rules), ["port:80", "port:81"]);
    assert_eq!(applications(b"[BLOCKED_PORTS]\n80\n"), None);
    assert_eq!(applications(b"\xff[APP x]"), None);
    assert!(refusal(b"[APP]\nx\n").starts_with("rules:1:1: found the section '[APP]'"));
}

#[test]
fn the_tables_say_of_which_kinds_there_are_rules() {
    let kinds_of = |kind, text| {
        let rules = rules_from(&[(kind, text)]).unwrap();
        let tables = rules.tables(Action::Block);
        (tables.has_places(), tables.has_ends(), tables.has_ports())
    };
    assert_eq!(kinds_of(Kind::App, "YouTube"), (false, false, false));
    assert_eq!(kinds_of(Kind::Domain, "~ads"), (false, false, false));
    assert_eq!(kinds_of(Kind::Ip, "10.0.0.1"), (true, false, false));
    assert_eq!(kinds_of(Kind::Ip, "::1"), (true, false, false));
    for end in ["src:10.0.0.1", "dst:::1", "any:10.0.0.0/8"] {
        assert_eq!(kinds_of(Kind::Ip, end), (true, true, false), "{end}");
    }
    for port in ["53", "53/udp", "1-9/tcp"] {
        assert_eq!(kinds_of(Kind::Port, port), (true, false, true), "{port}");
    }
}
