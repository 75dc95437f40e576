//! The web page of `--html` in a real browser, from a file and without a network.
//!
//! Needs Chromium and chromedriver, so that it is run by name: `cargo test --test page`. With `DPI_PAGE_SHOTS=DIR` it leaves pictures of
//! the page there, for people to look at.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its own functions too"
)]

mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use browser::{Browser, ENTER, RIGHT};

/// A page of one of the captures in `testdata/`, and what holds it.
fn page_of(capture: &str, options: &[&str]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page.html");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(capture);
    let made = Command::new(env!("CARGO_BIN_EXE_dpi_engine"))
        .arg(capture)
        .args(["--dry-run", "-q", "--html"])
        .arg(&page)
        .args(options)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    (folder, page)
}

/// A browser that shows the page of `testdata/web.pcap`.
fn web() -> (TempDir, Browser) {
    let (folder, page) = page_of("web.pcap", &["--sha256", "--block-app", "YouTube"]);
    let browser = Browser::start();
    browser.open(&page);
    (folder, browser)
}

/// The texts of a column of the table of flows.
#[track_caller]
fn column(browser: &Browser, key: &str) -> Vec<String> {
    let body = format!(
        "const table = document.getElementById('table');
        const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.dataset.key === {});
        return [...table.tBodies[0].rows].map((row) => row.cells[place].textContent);",
        json!(key)
    );
    serde_json::from_value(browser.script(&body)).unwrap()
}

#[track_caller]
fn numbers(browser: &Browser, key: &str) -> Vec<u64> {
    let texts = column(browser, key).into_iter();
    texts
        .map(|text| text.replace(',', "").parse().unwrap())
        .collect()
}

/// Fails unless the page asked for nothing but itself, and nobody complained.
#[track_caller]
fn assert_quiet(browser: &Browser) {
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
    let mut requests = Vec::new();
    for entry in browser.log("performance") {
        let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let told = &event["message"]["params"];
        // What the browser's own first page asks for is not of this one.
        let is_browsers = |asker: &str| asker.starts_with("chrome://");
        if event["message"]["method"] == "Network.requestWillBeSent"
            && !told["documentURL"].as_str().is_some_and(is_browsers)
        {
            requests.push(told["request"]["url"].as_str().unwrap().to_owned());
        }
    }
    let is_page = |url: &String| url.starts_with("file:///") && url.ends_with("/page.html");
    assert!(
        !requests.is_empty() && requests.iter().all(is_page),
        "{requests:?}"
    );
}

/// Leaves a picture where people asked for it.
fn shoot(browser: &Browser, name: &str) {
    let Some(folder) = std::env::var_os("DPI_PAGE_SHOTS") else {
        return;
    };
    let whole = json!({"captureBeyondViewport": true});
    let shot = browser.devtools("Page.captureScreenshot", &whole);
    save(&Path::new(&folder).join(format!("{name}.png")), &shot);
}

fn save(path: &Path, told: &Value) {
    let data = told["data"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn the_page_complains_of_nothing_and_asks_for_nothing() {
    let (_folder, browser) = web();
    assert_eq!(browser.texts("h1"), ["510 packets forwarded, 173 dropped"]);
    assert_eq!(column(&browser, "packet").len(), 46);
    shoot(&browser, "light");
    browser.find("#search").keys("tiktok");
    assert_quiet(&browser);
}

#[test]
fn a_search_narrows_the_table_and_a_reset_widens_it() {
    let (_folder, browser) = web();
    browser.find("#search").keys("TIKTOK 443");
    assert_eq!(column(&browser, "name"), ["www.tiktok.com"; 2]);
    let count = browser.texts("#count");
    assert!(count[0].starts_with("2 of 46 flows, "), "{count:?}");
    browser.find("#search").keys(" nowhere");
    assert_eq!(browser.texts("#count"), ["No flow matches."]);
    browser.find("form button[type=reset]").click();
    assert_eq!(column(&browser, "name").len(), 46);
    assert_quiet(&browser);
}

#[test]
fn columns_are_sorted_by_click_and_by_keyboard() {
    let (_folder, browser) = web();
    let sort = |key: &str| {
        let body = format!(
            "return document.querySelector('th[data-key={key}]').getAttribute('aria-sort')"
        );
        browser.script(&body)
    };
    assert!(numbers(&browser, "number").into_iter().eq(1..=46));
    assert_eq!(sort("number"), "ascending");
    let bytes = browser.find("th[data-key=bytes] button");
    bytes.click();
    assert!(numbers(&browser, "bytes").into_iter().rev().is_sorted());
    assert_eq!(
        (sort("bytes"), sort("number")),
        (json!("descending"), Value::Null)
    );
    bytes.keys(ENTER);
    assert!(numbers(&browser, "bytes").is_sorted());
    assert_eq!(sort("bytes"), "ascending");
    browser.find("th[data-key=application] button").keys(" ");
    let applications = column(&browser, "application").into_iter();
    assert!(applications.map(|name| name.to_lowercase()).is_sorted());
    browser.find("th[data-key=dst] button").click();
    let dst = column(&browser, "dst");
    let place = |end: &str| dst.iter().position(|dst| dst == end).unwrap();
    assert!(place("192.168.1.20:80") < place("192.168.1.20:110"));
}

#[test]
fn filters_leave_what_they_say() {
    let (_folder, browser) = web();
    browser.find("#application option[value=GitHub]").click();
    assert_eq!(column(&browser, "application"), ["GitHub"; 3]);
    browser.find("form button[type=reset]").click();
    browser.find("#verdict option[value='1']").click();
    assert_eq!(column(&browser, "verdict"), ["dropped"; 4]);
    assert_eq!(column(&browser, "rule"), ["app:YouTube"; 4]);
    browser.find("#verdict option[value='0']").click();
    assert_eq!(column(&browser, "verdict"), ["forwarded"; 42]);
}

#[test]
fn long_tables_have_pages() {
    let (_folder, page) = page_of("high_volume.pcap", &[]);
    let browser = Browser::start();
    browser.open(&page);
    let place = || browser.texts("#place").remove(0);
    assert_eq!(place(), "Page 1 of 3");
    browser.find("#next").click();
    assert_eq!(place(), "Page 2 of 3");
    browser.find("#last").click();
    assert_eq!(
        (place(), column(&browser, "packet").len()),
        ("Page 3 of 3".to_owned(), 1)
    );
    browser.find("#first").keys(ENTER);
    assert_eq!(place(), "Page 1 of 3");
}

#[test]
fn the_chart_is_read_with_the_keyboard() {
    let (_folder, browser) = web();
    let before = browser.texts("#reading").remove(0);
    assert!(before.contains(" bytes – "), "{before}");
    browser.script("document.getElementById('moment').value = 0");
    browser.find("#moment").keys(RIGHT);
    let [told, time, value] = serde_json::from_value::<[String; 3]>(browser.script(
        "const slider = document.getElementById('moment');
        const times = JSON.parse(document.getElementById('chart-data').textContent).times;
        return [slider.getAttribute('aria-valuetext'), times[slider.value], slider.value]",
    ))
    .unwrap();
    let after = browser.texts("#reading").remove(0);
    assert!(after != before && value != "0", "{after}");
    assert!(after.starts_with(&format!("{time}: ")), "{after}");
    assert_eq!(told, after);
}

#[test]
fn dark_narrow_and_printed_pages_stand() {
    let (_folder, browser) = web();
    let background = || browser.script("return getComputedStyle(document.body).backgroundColor");
    let light = background();
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.devtools("Emulation.setEmulatedMedia", &dark);
    assert_ne!(background(), light);
    shoot(&browser, "dark");
    let narrow = json!({"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": true});
    browser.devtools("Emulation.setDeviceMetricsOverride", &narrow);
    let width = browser.script("return document.documentElement.scrollWidth");
    assert_eq!(width, 400, "only tables scroll sideways");
    shoot(&browser, "narrow");
    browser.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
    browser.devtools("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let display =
        browser.script("return getComputedStyle(document.querySelector('.pager button')).display");
    assert_eq!(display, "none");
    browser.devtools("Emulation.setEmulatedMedia", &json!({"media": ""}));
    let printed = browser.devtools("Page.printToPDF", &json!({"printBackground": true}));
    if let Some(folder) = std::env::var_os("DPI_PAGE_SHOTS") {
        save(&Path::new(&folder).join("print.pdf"), &printed);
    }
    assert!(printed["data"].as_str().unwrap().len() > 20_000);
}

#[test]
fn all_columns_stand_side_by_side_on_a_usual_screen() {
    let folder = TempDir::new().unwrap();
    let days = put_flows(folder.path(), 40, 86_400);
    let cases = [
        ("web.pcap", ["--block-domain", "*.tiktok.com"], 14),
        ("hostile_names.pcap", ["--block-domain", "~script"], 14),
        (&days, ["--block-port", "9"], 13),
    ];
    let browser = Browser::start();
    let screen = json!({"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    browser.devtools("Emulation.setDeviceMetricsOverride", &screen);
    for (capture, rule, columns) in cases {
        let (_folder, page) = page_of(capture, &rule);
        browser.open(&page);
        let widths = browser.script(
            "const region = document.querySelector('#flows .scroll');
            return [document.getElementById('table').tHead.rows[0].cells.length, region.scrollWidth - region.clientWidth]",
        );
        assert_eq!(widths, json!([columns, 0]), "{capture}");
    }
    shoot(&browser, "days");
}

/// Puts a capture of as many flows there, each of one packet, so many seconds apart.
fn put_flows(folder: &Path, count: u16, seconds: u32) -> String {
    // Magic, version 2.4, snaplen, LINKTYPE_RAW.
    let mut capture = [[0xd4, 0xc3, 0xb2, 0xa1], [2, 0, 4, 0], [0; 4], [0; 4]].concat();
    capture.extend([0, 0, 4, 0, 101, 0, 0, 0]);
    for number in 0..count {
        let [high, low] = (20_000 + number).to_be_bytes();
        let time = (u32::from(number) * seconds).to_le_bytes();
        capture.extend([time, [0; 4], [28, 0, 0, 0], [28, 0, 0, 0]].concat());
        // IPv4 and UDP without a payload, from 192.0.2.1 to port 9 of 192.0.2.2.
        capture.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1]);
        capture.extend([192, 0, 2, 2, high, low, 0, 9, 0, 8, 0, 0]);
    }
    let path = folder.join("flows.pcap");
    std::fs::write(&path, capture).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn paper_has_all_rows_up_to_a_thousand() {
    let folder = TempDir::new().unwrap();
    let browser = Browser::start();
    for (count, printed, told) in [
        (101, 101, ""),
        (
            1001,
            1000,
            "Printed are the first 1,000 of these flows, in the order of the table.",
        ),
    ] {
        let (_page_folder, page) = page_of(&put_flows(folder.path(), count, 0), &[]);
        browser.open(&page);
        browser.find("#next").click();
        browser.script(
            "window.addEventListener('beforeprint', () => {
                window.seen = [document.getElementById('table').tBodies[0].rows.length, document.getElementById('printed').textContent];
            })",
        );
        browser.devtools("Page.printToPDF", &json!({}));
        assert_eq!(browser.script("return window.seen"), json!([printed, told]));
        assert_eq!(
            browser.texts("#place")[0].split(" of").next(),
            Some("Page 2")
        );
        assert_eq!(column(&browser, "packet").len(), 50);
        assert_quiet(&browser);
    }
}

#[test]
fn hostile_names_are_text() {
    let (_folder, page) = page_of("hostile_names.pcap", &["--block-domain", "~<script>"]);
    let browser = Browser::start();
    browser.open(&page);
    let names = column(&browser, "name");
    assert!(
        names.iter().any(|name| name.contains("script")),
        "{names:?}"
    );
    let found = browser.script(
        "return [document.scripts.length, document.querySelectorAll('img, iframe, object, td *:not(span):not(svg):not(rect):not(bdi):not(code):not(wbr)').length]",
    );
    assert_eq!(found, json!([3, 0]));
    shoot(&browser, "hostile");
    assert_quiet(&browser);
}

#[test]
fn every_field_has_a_name_and_every_table_a_caption() {
    let (_folder, browser) = web();
    let nameless = browser.script(
        "const fields = [...document.querySelectorAll('input, select')].filter((field) => !field.labels.length);
        const tables = [...document.querySelectorAll('table')].filter((table) => !table.caption?.textContent);
        const cells = [...document.querySelectorAll('th')].filter((cell) => !cell.scope);
        const sections = [...document.querySelectorAll('section')].filter((section) => !document.getElementById(section.getAttribute('aria-labelledby')));
        const charts = [...document.querySelectorAll('svg[role=img]')].filter((chart) => !chart.getAttribute('aria-label'));
        return [fields, tables, cells, sections, charts].map((all) => all.length)",
    );
    assert_eq!(nameless, json!([0, 0, 0, 0, 0]));
    let marks = browser.script("return ['header', 'main', 'nav', 'footer', 'h1'].map((tag) => document.querySelectorAll(tag).length)");
    assert_eq!(marks, json!([1, 1, 2, 1, 1]));
}
