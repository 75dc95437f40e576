//! What users write: files of rules and of applications.

use std::sync::OnceLock;

use dpi_engine::catalogue::{Catalogue, CatalogueBuilder};
use dpi_engine::packet::IpProtocol;
use dpi_engine::protocol::Protocol;
use dpi_engine::rules::{Matcher, RuleSet, RuleSetBuilder};

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

/// A file of rules. What is read is shown in a way that is read again as the same.
pub fn rules_file(bytes: &[u8]) {
    let catalogue = few();
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
        let (kind, text) = rule.text.split_once(':').expect("a kind stands in front");
        let read = match kind {
            "ip" => again.block_ip(text, ""),
            "port" => again.block_port(text, ""),
            "app" => again.block_app(text, ""),
            _ => again.block_domain(text, ""),
        };
        read.unwrap_or_else(|error| panic!("{}: {error}", rule.text));
    }
    let again = again.build();
    let matchers =
        |rules: &RuleSet| Vec::from_iter(rules.rules().iter().map(|rule| rule.matcher.clone()));
    assert_eq!(matchers(&again), matchers(&rules));
    answers_for_itself(&rules);
}

/// Every rule is met by what it is about, or one given before it is.
fn answers_for_itself(rules: &RuleSet) {
    for (place, rule) in rules.rules().iter().enumerate() {
        let met = match &rule.matcher {
            Matcher::Address(net) => {
                [net.network(), net.broadcast()].map(|addr| rules.for_address(addr))
            }
            Matcher::Ports(ports) => {
                [*ports.start(), *ports.end()].map(|port| rules.for_port(port))
            }
            Matcher::Domain(pattern) => {
                let text = pattern.to_string();
                let name = text.strip_prefix("*.").unwrap_or(&text);
                let below = format!("a.{name}");
                let below = if name.len() == text.len() {
                    name
                } else {
                    &below
                };
                [name, below].map(|name| rules.for_domain(name))
            }
            Matcher::App(_) => continue,
        };
        for met in met {
            assert!(met.is_some_and(|met| met.0 as usize <= place), "{rule:?}");
        }
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
