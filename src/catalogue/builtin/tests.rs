//! Claims about what is compiled in.

use std::collections::BTreeSet;

use super::TEXT;
use crate::catalogue::tests::{app_of, builtin};
use crate::catalogue::{App, AppId, Catalogue, Label, Sign, Target};
use crate::domain::{DomainPattern, suffixes};
use crate::protocol::{Protocol, Shape};

#[test]
fn the_compiled_in_text_is_well_formed() {
    if let Err(error) = Catalogue::builtin() {
        let line = TEXT.lines().nth(error.at.line - 1);
        panic!("{error}, in the line {line:?}");
    }
}

/// Domains under which anybody may have a name: only hosting and content networks may claim them.
const OPEN_TO_ANYBODY: &str = "github.io appspot.com web.app run.app firebaseapp.com cloudfunctions.net page.link \
    cloudfront.net elasticbeanstalk.com amazonaws.com amplifyapp.com awsapps.com on.aws \
    azurewebsites.net azure-api.net azureedge.net azurefd.net cloudapp.net cloudapp.azure.com azurestaticapps.net trafficmanager.net \
    core.windows.net blob.core.windows.net workers.dev pages.dev r2.dev trycloudflare.com cdn.cloudflare.net \
    akamaihd.net akamaized.net akadns.net edgekey.net edgesuite.net akamai.net akamaiedge.net fastly.net map.fastly.net \
    herokuapp.com netlify.app vercel.app onrender.com fly.dev myshopify.com storage.googleapis.com b-cdn.net cdn77.org";

/// Companies' own top-level domains.
const BRANDS: [&str; 7] = [
    "amazon",
    "apple",
    "aws",
    "goog",
    "google",
    "microsoft",
    "youtube",
];

/// Every domain and host of the compiled-in catalogue.
fn domains(catalogue: &Catalogue) -> Vec<(AppId, &App, &str)> {
    let mut all = Vec::new();
    for (id, app) in catalogue.apps() {
        for sign in &app.signs {
            if let Sign::Domain(DomainPattern::Exact(name) | DomainPattern::Subtree(name)) = sign {
                all.push((id, app, &**name));
            }
        }
    }
    all
}

/// Whom a domain would belong to, did it not stand in the catalogue itself.
fn around(catalogue: &Catalogue, name: &str) -> Option<AppId> {
    suffixes(name)
        .skip(1)
        .find_map(|suffix| catalogue.by_name(suffix))
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
}

#[test]
fn what_firewalls_are_asked_to_block_is_known() {
    let catalogue = builtin();
    for name in [
        "sip",
        "rtp",
        "skype",
        "teams",
        "zoom",
        "http",
        "https",
        "bittorrent",
        "ftp",
        "storage",
        "netflix",
        "youtube",
        "spotify",
        "salesforce",
        "office365",
        "webex",
    ] {
        assert!(catalogue.resolve(name).is_ok(), "{name}");
    }
    let Ok(Target::Category(storage)) = catalogue.resolve("Storage") else {
        panic!("no category");
    };
    for name in [
        "Dropbox",
        "OneDrive",
        "Google Drive",
        "iCloud",
        "Box",
        "Mega",
        "pCloud",
        "WeTransfer",
    ] {
        let Ok(Target::App(id)) = catalogue.resolve(name) else {
            panic!("{name} is no application");
        };
        assert_eq!(catalogue.app(id).unwrap().category, storage, "{name}");
    }
}

#[test]
fn the_catalogue_is_as_large_as_promised() {
    let catalogue = builtin();
    assert!(catalogue.apps().count() >= 150);
    assert!(domains(&catalogue).len() >= 1200);
    for shape in Shape::ALL {
        assert!(catalogue.by_shape(shape).is_some(), "{}", shape.as_str());
    }
}

#[test]
fn no_domain_repeats_what_a_shorter_one_says() {
    // That none stands twice is the parser's to refuse.
    let catalogue = builtin();
    for (id, app, name) in domains(&catalogue) {
        assert_ne!(
            around(&catalogue, name),
            Some(id),
            "{}: {name} is redundant",
            app.name
        );
    }
}

#[test]
fn names_are_taken_out_of_other_applications_domains_only_where_that_is_said() {
    let catalogue = builtin();
    let mut taken = BTreeSet::new();
    for (id, app, name) in domains(&catalogue) {
        if let Some(other) = around(&catalogue, name) {
            let other_name = &catalogue.app(other).unwrap().name;
            let is_said = app.within.contains(&other);
            assert!(
                is_said,
                "[{}] takes {name} out of {other_name}: within = {other_name}",
                app.name
            );
            taken.insert((id, other));
        }
    }
    for (id, app) in catalogue.apps() {
        for other in &app.within {
            let other_name = &catalogue.app(*other).unwrap().name;
            assert!(
                taken.contains(&(id, *other)),
                "[{}] takes nothing out of {other_name}",
                app.name
            );
        }
    }
}

#[test]
fn no_domain_is_a_public_suffix() {
    let catalogue = builtin();
    for (_, app, name) in domains(&catalogue) {
        if BRANDS.contains(&name) {
            continue;
        }
        let suffix = psl::suffix(name.as_bytes()).unwrap();
        let is_whole = suffix.as_bytes() == name.as_bytes();
        let is_public = is_whole && suffix.typ() != Some(psl::Type::Private);
        assert!(!is_public && name.contains('.'), "{}: {name}", app.name);
    }
}

#[test]
fn only_clouds_claim_what_is_open_to_anybody() {
    let catalogue = builtin();
    let open: Vec<_> = OPEN_TO_ANYBODY.split_whitespace().collect();
    for (_, app, name) in domains(&catalogue) {
        if open.contains(&name) {
            assert_eq!(
                catalogue.category(app.category),
                Some("Cloud"),
                "{}: {name}",
                app.name
            );
        }
    }
    for (customer, cloud) in [
        ("someone.github.io", "GitHub Pages"),
        ("d111111abcdef8.cloudfront.net", "Amazon AWS"),
        ("site.pages.dev", "Cloudflare Pages"),
        ("x.blob.core.windows.net", "Azure"),
        ("bucket.storage.googleapis.com", "Google Cloud"),
    ] {
        assert_eq!(app_of(&catalogue, customer), Some(cloud), "{customer}");
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
        ("dynamodb.us-east-1.amazonaws.com", "Amazon AWS"),
        ("mail.google.com", "Gmail"),
        ("weixin.qq.com", "WeChat"),
        ("c-drive.docs.google.com", "Google Docs"),
        ("teams.microsoft.com", "Teams"),
        ("outlook.office365.com", "Office 365"),
        ("www.apple.com.edgekey.net", "Apple"),
        ("ctldl.windowsupdate.com", "Windows Update"),
        ("one.one.one.one", "Cloudflare"),
    ] {
        assert_eq!(app_of(&catalogue, name), Some(app), "{name}");
    }
}

#[test]
fn products_are_parts_of_their_company_and_brands_and_tenants_are_not() {
    let catalogue = builtin();
    let id = |name: &str| match catalogue.resolve(name) {
        Ok(Target::App(id)) => id,
        other => panic!("{name}: {other:?}"),
    };
    for (whole, parts, others) in [
        (
            "Google",
            "Gmail, Google Drive, Google Ads, Google Maps, Gemini",
            "YouTube, Google Cloud, Firebase, Blogger, Waze",
        ),
        (
            "Microsoft",
            "Office 365, Teams, Outlook, OneDrive, SharePoint, Bing, Xbox, Skype",
            "Azure, GitHub, LinkedIn, ChatGPT",
        ),
        (
            "Apple",
            "iCloud, App Store, Apple Music, FaceTime",
            "Shazam",
        ),
        ("Amazon", "Prime Video, Alexa", "Amazon AWS, Twitch, Ring"),
        ("Facebook", "Messenger", "Instagram, WhatsApp, Threads"),
    ] {
        for part in parts.split(", ") {
            assert!(catalogue.wholes(id(part)).contains(&id(whole)), "{part}");
        }
        for other in others.split(", ") {
            assert!(!catalogue.wholes(id(other)).contains(&id(whole)), "{other}");
        }
    }
}

#[test]
fn nothing_open_to_anybody_is_a_part() {
    let catalogue = builtin();
    for (_, app) in catalogue.apps() {
        let is_cloud = catalogue.category(app.category) == Some("Cloud");
        assert!(!is_cloud || app.wholes.is_empty(), "{}", app.name);
        for whole in &app.wholes {
            let whole = catalogue.app(*whole).unwrap();
            let category = catalogue.category(whole.category);
            assert_ne!(category, Some("Cloud"), "{} of {}", app.name, whole.name);
        }
    }
}
