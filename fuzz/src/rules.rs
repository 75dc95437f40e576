//! What users write: files of rules and of applications.

use std::sync::OnceLock;

use dpi_engine::catalogue::{Catalogue, CatalogueBuilder};
use dpi_engine::domain::DomainPattern;
use dpi_engine::packet::IpProtocol;
use dpi_engine::protocol::Protocol;
use dpi_engine::rules::{End, Matcher, RuleId, RuleSet, RuleSetBuilder, Tables, applications};

use crate::engine::kind_and_text;

/// A few applications: what is like a misspelt name is searched among all of them, which takes long among thousands.
const FEW: &str = "
[YouTube]
category = Streaming
domain = youtube.com
[Twitter/X]
alias = X
category = Social
domain = x.com
[Zoom]
category = Productivity
domain = zoom.us
";

fn few() -> &'static Catalogue {
    static FEW_APPS: OnceLock<Catalogue> = OnceLock::new();
    FEW_APPS.get_or_init(|| Catalogue::parse(FEW).expect("it is well-formed"))
}

/// A file of rules, and of applications that they may name. What is read is shown in a way that is read again as the same.
pub fn rules_file(bytes: &[u8]) {
    let own = applications(bytes).and_then(|text| {
        let builder = CatalogueBuilder::empty().file("rules\x1b.txt", text.as_bytes());
        builder
            .inspect_err(|error| is_fit_to_print(&error.to_string()))
            .ok()
    });
    let own = own.map(CatalogueBuilder::build);
    let catalogue = own.as_ref().unwrap_or_else(|| few());
    let mut builder = RuleSetBuilder::new(catalogue);
    if let Err(error) = builder.file("rules\x1b.txt", bytes) {
        is_fit_to_print(&error.to_string());
        assert!(builder.build().is_empty(), "half of a bad file is there");
        return;
    }
    let rules = builder.build();
    let mut again = RuleSetBuilder::new(catalogue);
    for rule in rules.rules() {
        is_fit_to_print(&rule.text);
        is_fit_to_print(&rule.origin);
        let shown = rule.text.strip_prefix("allow:").unwrap_or(&rule.text);
        let (kind, text) = kind_and_text(shown);
        let read = again.add((rule.action, kind), text, "");
        read.unwrap_or_else(|error| panic!("{}: {error}", rule.text));
    }
    let again = again.build();
    let said = |rules: &RuleSet| -> Vec<_> {
        let rules = rules.rules().iter();
        rules
            .map(|rule| (rule.action, rule.matcher.clone()))
            .collect()
    };
    assert_eq!(said(&again), said(&rules));
    for (place, rule) in rules.rules().iter().enumerate() {
        for met in met_by_its_own(rules.tables(rule.action), &rule.matcher) {
            assert!(met.is_some_and(|met| met.0 as usize <= place), "{rule:?}");
        }
    }
}

/// The rules that are met by what a matcher is about: itself, or one given before it.
fn met_by_its_own(tables: &Tables, matcher: &Matcher) -> Vec<Option<RuleId>> {
    match matcher {
        Matcher::Address(End::Either, net) => vec![tables.for_ends(net.network(), net.broadcast())],
        Matcher::Address(end, net) => {
            vec![
                tables.for_address(*end, net.network()),
                tables.for_address(*end, net.broadcast()),
            ]
        }
        Matcher::Ports(ports, transport) => {
            let transport = transport.unwrap_or(IpProtocol::SCTP);
            [*ports.start(), *ports.end()]
                .map(|port| tables.for_port(transport, port))
                .to_vec()
        }
        Matcher::Domain(pattern) => match pattern {
            DomainPattern::Exact(name) => vec![tables.for_domain(name)],
            DomainPattern::Subtree(name) => {
                vec![
                    tables.for_domain(name),
                    tables.for_domain(&format!("a.{name}")),
                ]
            }
        },
        Matcher::NamePart(part) => vec![
            tables.for_domain(part),
            tables.for_domain(&format!("a{part}b")),
        ],
        Matcher::App(_) => Vec::new(),
    }
}

/// A file of applications.
pub fn apps_file(bytes: &[u8]) {
    let alone = CatalogueBuilder::empty().file("apps\x1b.txt", bytes);
    let catalogue = match alone {
        Ok(builder) => builder.build(),
        Err(error) => return is_fit_to_print(&error.to_string()),
    };
    for (id, app) in catalogue.apps() {
        assert!(!app.name.contains(char::is_control), "{:?}", app.name);
        let wholes = catalogue.wholes(id);
        assert!(wholes.first() == Some(&id) && wholes.len() <= catalogue.apps().count());
        let target = catalogue.resolve(&app.name);
        let target = target.expect("every application is found by its name");
        assert_eq!(catalogue.target_name(target), &*app.name);
        for name in app
            .signs
            .iter()
            .map(ToString::to_string)
            .chain([app.name.to_string()])
        {
            let _ = (
                catalogue.by_name(&name),
                catalogue.by_sni(&name),
                catalogue.by_certificate(&name),
            );
            let _ = catalogue.by_alpn(&name);
        }
    }
    for port in [0, 53, 443, 0xffff] {
        let _ = catalogue.by_port(IpProtocol::UDP, port);
        let _ = catalogue.by_address([10, 0, port as u8, 1].into());
    }
    let _ = catalogue.label(None, Some(Protocol::ALL[0]));
}

/// No control character, and nothing that turns the direction of text around.
fn is_fit_to_print(text: &str) {
    let is_fit = |c: char| {
        c == '\n'
            || !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(text.chars().all(is_fit), "{text:?}");
}
