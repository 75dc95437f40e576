//! Claims about the grammar, and about names as people type them.

use super::*;
use crate::endpoints::PortError;
use crate::ini::Position;

pub(super) fn builtin() -> Catalogue {
    Catalogue::builtin().unwrap()
}

pub(super) fn app_of<'a>(catalogue: &'a Catalogue, name: &str) -> Option<&'a str> {
    let id = catalogue.by_name(name)?;
    Some(&catalogue.app(id).unwrap().name)
}

fn fault(text: &str) -> (usize, usize, Fault) {
    let error = Catalogue::parse(text).unwrap_err();
    (error.at.line, error.at.column, error.fault)
}

#[test]
fn lookups_stop_at_label_borders() {
    let catalogue = builtin();
    for name in [
        "notyoutube.com",
        "youtube.com.example.org",
        "ax.com",
        "tt.co",
        "com",
        "",
        ".",
        "1.2.3.4",
    ] {
        assert_eq!(catalogue.by_name(name), None, "{name}");
    }
    // Long and deep names cost no more than their labels, and break nothing.
    assert_eq!(catalogue.by_name(&"a.".repeat(500)), None);
    assert_eq!(
        app_of(&catalogue, &format!("{}youtube.com", "a.".repeat(100))),
        Some("YouTube")
    );
}

#[test]
fn no_application_takes_what_else_a_protocol_is_called() {
    let catalogue = builtin();
    for protocol in Protocol::ALL {
        for alias in protocol.aliases() {
            assert_eq!(catalogue.resolve(alias), Ok(Target::Protocol(protocol)));
        }
    }
}

#[test]
fn case_blanks_and_punctuation_do_not_count() {
    let catalogue = builtin();
    let twitter = catalogue.resolve("Twitter/X").unwrap();
    for typed in [
        "twitter/x",
        "twitterx",
        "Twitter X",
        "TWITTER",
        "x",
        " twitter-x ",
    ] {
        assert_eq!(catalogue.resolve(typed), Ok(twitter), "{typed}");
    }
    assert_eq!(
        catalogue.resolve("mdns"),
        Ok(Target::Protocol(Protocol::Mdns))
    );
    assert_eq!(
        catalogue.resolve("upnp"),
        Ok(Target::Protocol(Protocol::Ssdp))
    );
    assert_eq!(
        catalogue.resolve("protocols"),
        Ok(Target::Category(CategoryId::PROTOCOLS))
    );
}

#[test]
fn an_unknown_name_is_told_the_nearest_ones() {
    let catalogue = builtin();
    let nearest = |typed: &str| catalogue.resolve(typed).unwrap_err().nearest;
    assert_eq!(nearest("YouTub")[0], "YouTube");
    assert_eq!(nearest("Youtbue")[0], "YouTube");
    assert_eq!(nearest("tiktko")[0], "TikTok");
    assert_eq!(nearest("gogle")[0], "Google");
    assert_eq!(nearest("streeming")[0], "Streaming");
    assert_eq!(nearest("instagramm")[0], "Instagram");
    assert_eq!(nearest(""), [""; 0]);
    assert_eq!(nearest("qwertzuiop"), [""; 0]);
    assert_eq!(nearest(&"youtube".repeat(100_000)), [""; 0]);
    for typed in ["h", "ht", "in", "a", "s", "net"] {
        assert!(nearest(typed).len() <= MAX_NEAREST);
    }
    let told = catalogue.resolve("You\x1bTub").unwrap_err().to_string();
    let start =
        "'You\\u{1b}Tub' is no application, category or protocol; the nearest names: YouTube";
    assert!(told.starts_with(start), "{told}");
}

#[test]
fn a_text_is_read_as_its_grammar_says() {
    let catalogue = Catalogue::parse(
        "\u{feff}# mine\r\n[ My App ]\r\ncategory = In house\r\nalias = ma, the app\r\n\
         domain = a.example, B.example. ; two\r\ndomain=c.example\r\nhost = only.d.example\r\n\
         [Other]\ncategory = IN-HOUSE\ndomain = only.d.example bücher.example\n",
    )
    .unwrap();
    let apps: Vec<_> = catalogue
        .apps()
        .map(|(id, app)| (id.0, &*app.name))
        .collect();
    assert_eq!(apps, [(0, "My App"), (1, "Other")]);
    assert_eq!(catalogue.resolve("theapp").unwrap(), Target::App(AppId(0)));
    for (name, app) in [
        ("x.a.example", Some("My App")),
        ("b.example", Some("My App")),
        ("c.example", Some("My App")),
        ("only.d.example", Some("My App")),
        ("x.only.d.example", Some("Other")),
        ("d.example", None),
        ("xn--bcher-kva.example", Some("Other")),
    ] {
        assert_eq!(app_of(&catalogue, name), app, "{name}");
    }
    let categories: Vec<_> = catalogue.categories().map(|(_, name)| name).collect();
    assert_eq!(categories, ["In house", "Protocols", "Unknown"]);
    assert_eq!(Catalogue::parse("").unwrap().apps().count(), 0);
}

/// An application before the line in question.
const A: &str = "[A]\ncategory = C\ndomain = a.example\n";

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let after = |text: &str| fault(&format!("{A}{text}"));
    assert_eq!(fault("  [A"), (1, 3, Fault::Section("[A".into())));
    assert_eq!(fault("[]"), (1, 1, Fault::Section("[]".into())));
    assert_eq!(fault("x = y"), (1, 1, Fault::NoSection("x = y".into())));
    assert_eq!(after("what"), (4, 1, Fault::NoKey("what".into())));
    assert_eq!(
        after("domains = b.example"),
        (4, 1, Fault::UnknownKey("domains".into()))
    );
    assert_eq!(after("domain = # b"), (4, 1, Fault::NoValue("domain")));
    assert_eq!(
        after("category = D"),
        (4, 12, Fault::SecondCategory("D".into()))
    );
    assert_eq!(
        fault("\n [A]\ndomain = a.example\n[B]"),
        (2, 2, Fault::NoCategory("A".into()))
    );
    assert_eq!(
        fault("[A]\ncategory = C"),
        (1, 1, Fault::NoSign("A".into()))
    );
    for (text, column, taken) in [
        ("[a]", 1, "a"),
        ("[Quic]", 1, "Quic"),
        ("[Unknown]", 1, "Unknown"),
        ("[C]", 1, "C"),
        ("alias = b, http", 12, "http"),
    ] {
        assert_eq!(after(text), (4, column, Fault::NameTaken(taken.into())));
    }
    assert_eq!(
        fault("[A]\ncategory = a"),
        (2, 12, Fault::NameTaken("a".into()))
    );
    assert_eq!(fault("[!]"), (1, 1, Fault::NoName("!".into())));
    assert_eq!(fault("[A\0]"), (1, 1, Fault::NoName("A\0".into())));
    assert_eq!(
        after("[B]\ndomain = b.example,A.example"),
        (
            5,
            20,
            Fault::SignTaken {
                sign: "A.example".into(),
                app: "A".into()
            }
        )
    );
    assert_eq!(
        after("domain = *.b.example"),
        (4, 10, Fault::Star("*.b.example".into()))
    );
    let (line, column, bad) = after("host = b.example http://c.example/");
    assert_eq!((line, column), (4, 18));
    assert!(bad.to_string().contains("http://c.example/"), "{bad}");
    let error = CatalogueError {
        at: Position { line: 4, column: 1 },
        fault: Fault::NoKey("\x07".into()),
    };
    assert_eq!(
        error.to_string(),
        "4:1: found '\\u{7}', expected KEY = VALUE, such as domain = example.com"
    );
}

#[test]
fn signs_that_are_none_are_told_with_their_place() {
    let after = |text: &str| fault(&format!("{A}{text}"));
    assert_eq!(
        after("port = 1-2 5060/sctp"),
        (4, 12, Fault::Port(PortError::Transport("sctp".into())))
    );
    assert_eq!(
        after("shape = steam, sTeam"),
        (4, 16, Fault::Shape("sTeam".into()))
    );
    assert_eq!(
        after("certificate = a, ."),
        (4, 18, Fault::Certificate(".".into()))
    );
    assert!(matches!(
        after("address = 10.0.0.0/33"),
        (4, 11, Fault::Address(_))
    ));
    assert!(matches!(after("port = 0"), (4, 8, Fault::Port(_))));
    assert!(matches!(after("sni = a*.b"), (4, 7, Fault::Domain(_))));
    assert_eq!(after("within = B"), (4, 10, Fault::NoApp("B".into())));
    assert_eq!(after("part-of = A"), (4, 11, Fault::NoApp("A".into())));
}

#[test]
fn every_prefix_of_a_text_is_read_or_refused() {
    let text = "[A]\ncategory = C\nalias = b, c\ndomain = a.example é.example\n\
        [B]\ncategory = C\nhost = b.example\nsni = *.c\ncertificate = d e, *.f\nalpn = g\nwithin = A\npart-of = A\n\
        address = 10.0.0.0/8 ::/0\nport = 1/udp 2-3\nshape = viber\n";
    for (cut, _) in text.char_indices() {
        let _ = Catalogue::parse(&text[..cut]);
    }
    let mut seed = 1u64;
    for _ in 0..5000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 24) as u8 & 0x7f;
        }
        let _ = Catalogue::parse(&String::from_utf8_lossy(&bytes));
    }
}
