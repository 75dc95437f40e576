//! Claims about the compiled-in catalogue, the grammar, and names as people type them.

use super::*;
use crate::domain::suffixes;
use crate::ini::Position;

fn builtin() -> Catalogue {
    Catalogue::builtin().unwrap()
}

fn app_of<'a>(catalogue: &'a Catalogue, name: &str) -> Option<&'a str> {
    let id = catalogue.by_name(name)?;
    Some(&catalogue.app(id).unwrap().name)
}

fn fault(text: &str) -> (usize, usize, Fault) {
    let error = Catalogue::parse(text).unwrap_err();
    (error.at.line, error.at.column, error.fault)
}

/// Domains under which anybody may have a name: none of them says who serves it. The ones near our applications, and a few plain ones.
const PUBLIC_SUFFIXES: &str = "com net org info biz io co me dev app tv us eu uk de fr jp br in cn ru co.uk com.br com.cn com.au com.mx co.jp co.in \
    github.io gist.io githubpreview.dev blogspot.com appspot.com web.app run.app firebaseapp.com cloudfunctions.net page.link \
    cloudfront.net elasticbeanstalk.com s3.amazonaws.com elb.amazonaws.com amplifyapp.com awsapps.com lambda-url.us-east-1.on.aws on.aws \
    azurewebsites.net azure-api.net cloudapp.azure.com azurestaticapps.net blob.core.windows.net azurecontainer.io \
    workers.dev pages.dev r2.dev trycloudflare.com cdn.cloudflare.net akamaihd.net akamaized.net akadns.net edgekey.net edgesuite.net \
    akamai.net akamaiedge.net fastly.net map.fastly.net globalredir.akadns.net nsatc.net storage.googleapis.com";

#[test]
fn the_compiled_in_text_is_well_formed() {
    Catalogue::builtin().unwrap();
}

#[test]
fn every_promised_name_resolves_to_itself() {
    let catalogue = builtin();
    let promised = [
        ("Streaming", "YouTube Netflix Spotify TikTok"),
        ("Social", "Facebook Instagram Twitter/X WhatsApp Telegram"),
        ("Productivity", "Google Microsoft Apple Zoom"),
        ("Developer", "GitHub Discord Cloudflare"),
        ("Shopping", "Amazon"),
        ("Protocols", "HTTP HTTPS DNS TLS QUIC mDNS LLMNR"),
        ("Unknown", "Unknown"),
    ];
    for (category, names) in promised {
        assert_eq!(
            catalogue.target_name(catalogue.resolve(category).unwrap()),
            category
        );
        for name in names.split(' ') {
            let target = catalogue.resolve(name).unwrap();
            assert_eq!(catalogue.target_name(target), name);
            let label = match target {
                Target::App(id) => catalogue.label(Some(id), Some(Protocol::Tls)),
                Target::Protocol(protocol) => catalogue.label(None, Some(protocol)),
                Target::Unknown => catalogue.label(None, None),
                Target::Category(_) => panic!("{name} is a category"),
            };
            assert_eq!(label, Label { name, category });
        }
    }
    let categories: Vec<_> = catalogue.categories().map(|(_, name)| name).collect();
    assert_eq!(categories, promised.map(|(category, _)| category));
}

#[test]
fn every_application_has_a_category_and_domains_enough() {
    let catalogue = builtin();
    for (_, app) in catalogue.apps() {
        assert!(catalogue.category(app.category).is_some(), "{}", app.name);
        // Zoom serves everything under two names.
        let least = if &*app.name == "Zoom" { 2 } else { 8 };
        assert!(app.domains.len() >= least, "{}", app.name);
    }
}

#[test]
fn no_domain_repeats_what_a_shorter_one_says() {
    // That none stands twice is the parser's to refuse.
    let catalogue = builtin();
    for (id, app) in catalogue.apps() {
        for pattern in &app.domains {
            let (DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = pattern;
            let above = suffixes(name)
                .skip(1)
                .find_map(|suffix| catalogue.by_name(suffix));
            assert_ne!(above, Some(id), "{}: {name} is redundant", app.name);
        }
    }
}

#[test]
fn no_domain_is_open_to_anybody() {
    let catalogue = builtin();
    for (_, app) in catalogue.apps() {
        for pattern in &app.domains {
            let (DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = pattern;
            let open = PUBLIC_SUFFIXES.split(' ').any(|suffix| suffix == &**name);
            assert!(!open, "{}: {name}", app.name);
        }
    }
    for customer in [
        "someone.github.io",
        "shop.blogspot.com",
        "d111111abcdef8.cloudfront.net",
        "site.pages.dev",
    ] {
        assert_eq!(catalogue.by_name(customer), None, "{customer}");
    }
}

#[test]
fn names_lead_to_the_application_with_the_longest_domain() {
    let catalogue = builtin();
    for (name, app) in [
        ("www.youtube.com", "YouTube"),
        ("r3---sn-vh5ouxa-hju6.googlevideo.com", "YouTube"),
        ("youtubei.googleapis.com", "YouTube"),
        ("youtube-ui.l.google.com", "YouTube"),
        ("yt3.ggpht.com", "YouTube"),
        ("lh3.ggpht.com", "Google"),
        ("fonts.googleapis.com", "Google"),
        ("www.google.co.uk", "Google"),
        ("dns.google", "Google"),
        ("media.fmct2-1.fna.whatsapp.net", "WhatsApp"),
        ("graph.instagram.com", "Instagram"),
        ("scontent.cdninstagram.com", "Instagram"),
        ("scontent.xx.fbcdn.net", "Facebook"),
        ("x.com", "Twitter/X"),
        ("t.co", "Twitter/X"),
        ("v16-webapp.tiktokcdn-us.com", "TikTok"),
        ("github-cloud.s3.amazonaws.com", "GitHub"),
        ("dynamodb.us-east-1.amazonaws.com", "Amazon"),
        ("www.apple.com.edgekey.net", "Apple"),
        ("ctldl.windowsupdate.com", "Microsoft"),
        ("one.one.one.one", "Cloudflare"),
    ] {
        assert_eq!(app_of(&catalogue, name), Some(app), "{name}");
    }
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
        catalogue.resolve("protocols"),
        Ok(Target::Category(CategoryId::PROTOCOLS))
    );
}

#[test]
fn an_unknown_name_is_told_the_nearest_ones() {
    let catalogue = builtin();
    let nearest = |typed: &str| catalogue.resolve(typed).unwrap_err().nearest;
    assert_eq!(nearest("YouTub"), ["YouTube"]);
    assert_eq!(nearest("Youtbue")[0], "YouTube");
    assert_eq!(nearest("tiktko")[0], "TikTok");
    assert_eq!(nearest("gogle")[0], "Google");
    assert_eq!(nearest("streeming")[0], "Streaming");
    assert_eq!(nearest("instagramm"), ["Instagram"]);
    assert_eq!(nearest(""), [""; 0]);
    assert_eq!(nearest("qwertzuiop"), [""; 0]);
    assert_eq!(nearest(&"youtube".repeat(100_000)), [""; 0]);
    for typed in ["h", "ht", "in", "a", "s", "net"] {
        assert!(nearest(typed).len() <= MAX_NEAREST);
    }
    assert_eq!(
        catalogue.resolve("You\x1bTub").unwrap_err().to_string(),
        "'You\\u{1b}Tub' is no application, category or protocol; the nearest names: YouTube"
    );
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

#[test]
fn what_is_wrong_is_told_with_its_place() {
    const A: &str = "[A]\ncategory = C\ndomain = a.example\n";
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
        (1, 1, Fault::NoDomain("A".into()))
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
    assert_eq!(
        after("[B]\ndomain = b.example,A.example"),
        (
            5,
            20,
            Fault::DomainTaken {
                domain: "A.example".into(),
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
fn every_prefix_of_a_text_is_read_or_refused() {
    let text = "[A]\ncategory = C\nalias = b, c\ndomain = a.example é.example\n[B]\ncategory = C\nhost = b.example\n";
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
