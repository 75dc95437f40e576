//! Claims about rules: how they are written, refused, shown and found.

mod typed;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::catalogue::{AppId, Catalogue};
use crate::domain::suffixes;
use crate::packet::IpProtocol;
use crate::protocol::Protocol;

fn catalogue() -> Catalogue {
    Catalogue::builtin().unwrap()
}

/// The rules of a file that is named `rules.txt`.
fn rules_of(text: &str) -> RuleSet {
    let catalogue = catalogue();
    let mut builder = RuleSetBuilder::new(&catalogue);
    builder
        .file("rules.txt", text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}"));
    builder.build()
}

/// What is said of a file that is named `rules`.
fn refusal(bytes: &[u8]) -> String {
    let catalogue = catalogue();
    let mut builder = RuleSetBuilder::new(&catalogue);
    let error = builder.file("rules", bytes).unwrap_err().to_string();
    assert!(builder.build().is_empty(), "half of a file was applied");
    error
}

fn texts(rules: &RuleSet) -> Vec<&str> {
    rules.rules().iter().map(|rule| &*rule.text).collect()
}

fn text(rules: &RuleSet, id: Option<RuleId>) -> Option<&str> {
    id.map(|id| &*rules.rule(id).unwrap().text)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn no_rules_match_nothing() {
    let rules = RuleSet::default();
    assert!(rules.is_empty() && rules.tables(Action::Block).is_empty());
    assert_eq!(
        rules
            .tables(Action::Block)
            .for_address(End::Sender, address("10.0.0.1")),
        None
    );
    assert_eq!(
        rules
            .tables(Action::Block)
            .for_address(End::Sender, address("::1")),
        None
    );
    assert_eq!(
        rules.tables(Action::Block).for_port(IpProtocol::TCP, 443),
        None
    );
    assert_eq!(rules.tables(Action::Block).for_app(AppId(0)), None);
    assert_eq!(
        rules.tables(Action::Block).for_protocol(Protocol::Tls),
        None
    );
    assert_eq!(rules.tables(Action::Block).for_domain("example.com"), None);
    assert_eq!(rules.rule(RuleId(0)), None);
}

#[test]
fn a_rule_for_the_whole_takes_its_parts_and_one_for_a_part_that_alone() {
    let catalogue = Catalogue::parse(
        "[Whole]\ncategory = One\ndomain = a.example\n\
         [Part]\ncategory = Two\npart-of = Whole\ndomain = part.a.example\n\
         [Piece]\ncategory = Two\npart-of = Part\ndomain = b.example\n\
         [Tenant]\ncategory = Two\nwithin = Whole\ndomain = tenant.a.example\n",
    )
    .unwrap();
    let taken_by = |rules: &[&str]| {
        let mut builder = RuleSetBuilder::new(&catalogue);
        for rule in rules {
            builder.block_app(rule, "-").unwrap();
        }
        let rules = builder.build();
        [0, 1, 2, 3].map(|app| {
            rules
                .tables(Action::Block)
                .for_app(AppId(app))
                .map(|RuleId(rule)| rule)
        })
    };
    assert_eq!(taken_by(&["Whole"]), [Some(0), Some(0), Some(0), None]);
    assert_eq!(taken_by(&["Part"]), [None, Some(0), Some(0), None]);
    assert_eq!(taken_by(&["Piece"]), [None, None, Some(0), None]);
    // A category is what stands in it.
    assert_eq!(taken_by(&["One"]), [Some(0), None, None, None]);
    // Of several that hold the first is told.
    assert_eq!(
        taken_by(&["Part", "Whole", "Two"]),
        [Some(1), Some(0), Some(0), Some(2)]
    );
}

#[test]
fn the_example_file_works() {
    let rules = rules_of(include_str!("../../rules.example.txt"));
    assert_eq!(
        texts(&rules),
        [
            "ip:192.168.1.50",
            "ip:203.0.113.0/24",
            "ip:2001:db8:bad::/48",
            "ip:dst:192.0.2.254",
            "app:YouTube",
            "app:TikTok",
            "app:Twitter/X",
            "domain:ads.example.com",
            "domain:*.tracker.example",
            "domain:~telemetry",
            "port:6881-6889",
            "port:8333",
            "port:27015/udp",
            "domain:status.tracker.example",
        ]
    );
    let blocking = |rule: &&Rule| rule.action == Action::Block;
    assert_eq!(rules.rules().iter().filter(blocking).count(), 13);
}

#[test]
fn sections_comments_and_line_ends_are_taken_as_people_write_them() {
    let rules = rules_of(
        "\u{feff}; mine\r\n\r\n [ blocked_ips ] # addresses\r\n 10.0.0.1/8# home\r\r\n\
         [Blocked Apps]\r streaming ; all of it\n[BLOCKED_PORTS]\n\t80\n1 - 1023\n\
         [BLOCKED_DOMAINS]\n*.BÜCHER.example.\n[BLOCKED_IPS]\n2001:DB8::1\n[BLOCKED_PORTS]",
    );
    let told: Vec<_> = rules
        .rules()
        .iter()
        .map(|rule| (&*rule.text, &*rule.origin))
        .collect();
    assert_eq!(
        told,
        [
            ("ip:10.0.0.0/8", "rules.txt:4"),
            ("app:Streaming", "rules.txt:7"),
            ("port:80", "rules.txt:9"),
            ("port:1-1023", "rules.txt:10"),
            ("domain:*.xn--bcher-kva.example", "rules.txt:12"),
            ("ip:2001:db8::1", "rules.txt:14"),
        ]
    );
    assert!(rules_of("").is_empty());
    assert!(rules_of("# nothing\n[BLOCKED_IPS]\n").is_empty());
}

#[test]
fn the_same_rule_given_twice_is_one_rule() {
    let catalogue = catalogue();
    let mut builder = RuleSetBuilder::new(&catalogue);
    builder.block_app("x", "--block-app").unwrap();
    builder.block_ip("10.9.9.9/8", "--block-ip").unwrap();
    builder
        .file(
            "f",
            b"[BLOCKED_APPS]\nTwitter\n[BLOCKED_IPS]\n10.0.0.0/8\n[BLOCKED_PORTS]\n80\n080\n80-80",
        )
        .unwrap();
    builder.block_port("80", "--block-port").unwrap();
    builder.block_domain("X.example", "--block-domain").unwrap();
    builder
        .block_domain("x.EXAMPLE.", "--block-domain")
        .unwrap();
    let rules = builder.build();
    let told: Vec<_> = rules
        .rules()
        .iter()
        .map(|rule| (&*rule.text, &*rule.origin))
        .collect();
    assert_eq!(
        told,
        [
            ("app:Twitter/X", "--block-app"),
            ("ip:10.0.0.0/8", "--block-ip"),
            ("port:80", "f:6"),
            ("domain:x.example", "--block-domain"),
        ]
    );
}

#[test]
fn wrong_lines_are_told_with_their_place() {
    assert_eq!(
        refusal(b"[BLOCKED_IPS]\n10.0.0.1\n10.0.0.999\n"),
        "rules:3:1: '10.0.0.999' is no IP address or prefix, expected one such as 192.168.1.50, 10.0.0.0/8 or 2001:db8::/32"
    );
    assert_eq!(
        refusal(b"[BLOCKED_THINGS]\nx\n"),
        "rules:1:1: found the section '[BLOCKED_THINGS]', expected [BLOCKED_IPS], [BLOCKED_APPS], [BLOCKED_DOMAINS] or [BLOCKED_PORTS], one with ALLOWED in place of BLOCKED, [APP Name] or [THRESHOLDS]"
    );
    assert_eq!(
        refusal(b"\n  10.0.0.1\n10.0.0.2"),
        "rules:2:3: found '10.0.0.1' before any section, expected [BLOCKED_IPS], [BLOCKED_APPS], [BLOCKED_DOMAINS] or [BLOCKED_PORTS], one with ALLOWED in place of BLOCKED, [APP Name] or [THRESHOLDS]"
    );
    assert_eq!(
        refusal(b"[BLOCKED_PORTS]\r\n80\r\n\xff\xfe"),
        "rules:3:1: found the byte 0xff, expected text in UTF-8"
    );
    assert!(
        refusal(b"[BLOCKED_IPS\n10.0.0.1")
            .starts_with("rules:1:1: found the section '[BLOCKED_IPS',")
    );
    assert!(refusal(b"[]").starts_with("rules:1:1: found the section '[]',"));
    assert!(
        refusal(b"[BLOCKED_APPS]\nYouTub").starts_with("rules:2:1: 'YouTub' is no application")
    );
    assert!(refusal(b"[BLOCKED_APPS]\nUnknown").starts_with("rules:2:1: 'Unknown' is no rule"));
    assert!(
        refusal(b"[BLOCKED_PORTS]\n \x1b[31m").starts_with("rules:2:2: '\\u{1b}[31m' is no port")
    );
}

#[test]
fn all_wrong_lines_are_told_up_to_a_limit() {
    let told = refusal(b"[BLOCKED_PORTS]\n0\n80\nx # y\n[THINGS]\na\nb\n[BLOCKED_IPS]\n::g\n");
    let places: Vec<_> = told
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["rules:2:1", "rules:4:1", "rules:5:1", "rules:9:1"]);
    let many = format!("[BLOCKED_PORTS]\n{}", "no\n".repeat(1000));
    let told = refusal(many.as_bytes());
    assert_eq!(told.lines().count(), 21);
    assert!(told.ends_with("\nrules: 980 more lines are wrong"));
}

#[test]
fn a_long_list_in_the_wrong_section_is_refused_at_once() {
    let domains = (0..100_000).map(|n| format!("ads{n}.example.com\n"));
    let text = format!("[BLOCKED_APPS]\nYouTube\n{}", domains.collect::<String>());
    let told = refusal(text.as_bytes());
    assert!(told.ends_with("\nrules: 99980 more lines are wrong"));
}

#[test]
fn the_rule_given_first_wins() {
    let rules = rules_of(
        "[BLOCKED_IPS]\n10.1.0.0/16\n10.0.0.0/8\n10.1.2.3\n[BLOCKED_PORTS]\n80\n1-1023\n443\n\
         [BLOCKED_DOMAINS]\n*.b.example\n*.example\na.b.example\n\
         [BLOCKED_APPS]\nNetflix\nStreaming\nYouTube\nQUIC\nProtocols\nTLS\n",
    );
    let at = |found| text(&rules, found);
    for (ip, rule) in [
        ("10.1.2.3", Some("ip:10.1.0.0/16")),
        ("10.2.0.0", Some("ip:10.0.0.0/8")),
        ("10.255.255.255", Some("ip:10.0.0.0/8")),
        ("11.0.0.0", None),
    ] {
        assert_eq!(
            at(rules
                .tables(Action::Block)
                .for_address(End::Sender, address(ip))),
            rule
        );
    }
    assert_eq!(
        at(rules.tables(Action::Block).for_port(IpProtocol::TCP, 80)),
        Some("port:80")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_port(IpProtocol::TCP, 443)),
        Some("port:1-1023")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_port(IpProtocol::TCP, 0)),
        None
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_port(IpProtocol::TCP, 1024)),
        None
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_domain("a.b.example")),
        Some("domain:*.b.example")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_domain("c.example")),
        Some("domain:*.example")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_protocol(Protocol::Quic)),
        Some("app:QUIC")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_protocol(Protocol::Tls)),
        Some("app:Protocols")
    );
    let catalogue = catalogue();
    let app = |name: &str| catalogue.by_name(name).unwrap();
    assert_eq!(
        at(rules.tables(Action::Block).for_app(app("netflix.com"))),
        Some("app:Netflix")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_app(app("youtube.com"))),
        Some("app:Streaming")
    );
    assert_eq!(
        at(rules.tables(Action::Block).for_app(app("facebook.com"))),
        None
    );
    assert_eq!(rules.tables(Action::Block).for_app(AppId(u16::MAX)), None);
}

#[test]
fn a_star_begins_at_a_label() {
    let rules = rules_of("[BLOCKED_DOMAINS]\n*.tiktok.com\nads.example.com\n");
    for (name, rule) in [
        ("tiktok.com", Some("domain:*.tiktok.com")),
        ("v16.cdn.tiktok.com", Some("domain:*.tiktok.com")),
        ("nottiktok.com", None),
        ("tiktok.com.example", None),
        ("com", None),
        ("ads.example.com", Some("domain:ads.example.com")),
        ("x.ads.example.com", None),
        ("example.com", None),
        ("", None),
    ] {
        assert_eq!(
            text(&rules, rules.tables(Action::Block).for_domain(name)),
            rule,
            "{name}"
        );
    }
}

#[test]
fn a_mapped_address_is_the_address_that_it_maps() {
    let rules = rules_of(
        "[BLOCKED_IPS]\n::ffff:10.1.2.3/104\n192.0.2.7\n::ffff:192.0.2.8\n2001:db8::/32\n",
    );
    assert_eq!(
        texts(&rules),
        [
            "ip:10.0.0.0/8",
            "ip:192.0.2.7",
            "ip:192.0.2.8",
            "ip:2001:db8::/32"
        ]
    );
    for (ip, rule) in [
        ("10.9.9.9", Some("ip:10.0.0.0/8")),
        ("::ffff:10.9.9.9", Some("ip:10.0.0.0/8")),
        ("::ffff:192.0.2.7", Some("ip:192.0.2.7")),
        ("192.0.2.8", Some("ip:192.0.2.8")),
        ("::192.0.2.8", None),
        ("2001:db8:ffff::1", Some("ip:2001:db8::/32")),
    ] {
        assert_eq!(
            text(
                &rules,
                rules
                    .tables(Action::Block)
                    .for_address(End::Sender, address(ip))
            ),
            rule,
            "{ip}"
        );
    }
    // All of IPv6 is not all of IPv4, but it is every address written in IPv6.
    let rules = rules_of("[BLOCKED_IPS]\n::/0\n");
    assert_eq!(
        rules
            .tables(Action::Block)
            .for_address(End::Sender, address("10.0.0.1")),
        None
    );
    assert!(
        rules
            .tables(Action::Block)
            .for_address(End::Sender, address("::ffff:10.0.0.1"))
            .is_some()
    );
}

#[test]
fn tens_of_thousands_of_rules_are_read_and_asked_at_once() {
    let mut text = String::from("[BLOCKED_DOMAINS]\n");
    for n in 0..20_000 {
        text += &format!("*.host{n}.example\n");
    }
    text += "[BLOCKED_IPS]\n";
    for n in 0..20_000u32 {
        text += &format!("{}/{}\n", Ipv4Addr::from_bits(n << 12), 8 + n % 25);
    }
    let rules = rules_of(&text);
    for n in 0..20_000 {
        assert_eq!(
            rules
                .tables(Action::Block)
                .for_domain(&format!("www.host{n}.example")),
            Some(RuleId(n))
        );
        assert!(
            rules
                .tables(Action::Block)
                .for_address(End::Sender, Ipv4Addr::from_bits(n << 12).into())
                .is_some()
        );
    }
}

#[test]
fn no_bytes_break_the_file_reader() {
    let catalogue = catalogue();
    let good = b"\xef\xbb\xbf[BLOCKED_IPS]\r\n10.0.0.0/8\r::/0\n[BLOCKED_APPS]\nquic ; x\n[BLOCKED_PORTS]\n1-9\n[BLOCKED_DOMAINS]\n*.\xc3\xa9.x\n";
    let try_reading = |bytes: &[u8]| {
        let mut builder = RuleSetBuilder::new(&catalogue);
        match builder.file("rules", bytes) {
            Ok(()) => assert!(builder.build().rules().len() <= 5),
            Err(error) => assert!(error.to_string().starts_with("rules:")),
        }
    };
    for cut in 0..=good.len() {
        try_reading(&good[..cut]);
    }
    let mut seed = 3u64;
    for _ in 0..1000 {
        let mut bytes = good.to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 24) as u8;
        }
        try_reading(&bytes);
    }
}

/// Addresses that lie close together, so that prefixes overlap: IPv4, IPv4-mapped and other IPv6.
fn near_address() -> impl Strategy<Value = IpAddr> {
    (0..3u8, 0..16u32, 0..16u32).prop_map(|(kind, high, low)| {
        let v4 = Ipv4Addr::from_bits(high << 28 | low);
        match kind {
            0 => v4.into(),
            1 => v4.to_ipv6_mapped().into(),
            _ => Ipv6Addr::from_bits(u128::from(high) << 124 | u128::from(low)).into(),
        }
    })
}

proptest! {
    #[test]
    fn an_address_meets_what_a_walk_over_all_rules_finds(
        nets in prop::collection::vec((near_address(), 0..=128u8), 0..12),
        asked in prop::collection::vec(near_address(), 50),
    ) {
        let catalogue = Catalogue::parse("").unwrap();
        let mut builder = RuleSetBuilder::new(&catalogue);
        for (ip, length) in nets {
            let length = if ip.is_ipv4() { length % 33 } else { length };
            builder.block_ip(&format!("{ip}/{length}"), "-").unwrap();
        }
        let rules = builder.build();
        for ip in asked {
            let naive = rules.rules().iter().position(|rule| match &rule.matcher {
                Matcher::Address(_, net) => net.contains(&ip) || net.contains(&ip.to_canonical()),
                _ => false,
            });
            prop_assert_eq!(rules.tables(Action::Block).for_address(End::Sender, ip).map(|id| id.0 as usize), naive);
        }
    }

    #[test]
    fn a_name_meets_what_a_walk_over_all_rules_finds(
        patterns in prop::collection::vec("(\\*\\.)?[ab](\\.[ab]){0,3}", 0..12),
        asked in prop::collection::vec("[ab]{1,2}(\\.[ab]){0,5}", 20),
    ) {
        let catalogue = Catalogue::parse("").unwrap();
        let mut builder = RuleSetBuilder::new(&catalogue);
        for pattern in patterns {
            builder.block_domain(&pattern, "-").unwrap();
        }
        let rules = builder.build();
        for name in asked {
            let naive = rules.rules().iter().position(|rule| match &rule.matcher {
                Matcher::Domain(DomainPattern::Exact(exact)) => **exact == *name,
                Matcher::Domain(DomainPattern::Subtree(top)) => {
                    suffixes(&name).any(|suffix| suffix == &**top)
                }
                _ => false,
            });
            prop_assert_eq!(rules.tables(Action::Block).for_domain(&name).map(|id| id.0 as usize), naive);
        }
    }
}

#[test]
fn the_digest_tells_rules_and_their_order_apart_and_not_where_they_stood() {
    let catalogue = Catalogue::builtin().unwrap();
    let digest = |ports: &[&str], origin: &str| {
        let mut rules = RuleSetBuilder::new(&catalogue);
        for port in ports {
            rules.block_port(port, origin).unwrap();
        }
        rules.build().digest()
    };
    // Of nothing at all, FIPS 180-4.
    assert!(digest(&[], "a").starts_with("e3b0c44298fc1c14"));
    assert_eq!(digest(&["1", "2"], "a"), digest(&["1", "2"], "b"));
    assert_ne!(digest(&["1", "2"], "a"), digest(&["2", "1"], "a"));
}
