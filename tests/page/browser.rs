//! A Chromium of its own, told what to do over WebDriver.
//!
//! Source: WebDriver 2 (<https://www.w3.org/TR/webdriver2/>); what begins with `goog` is chromedriver's.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What an element's reference stands under.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The Enter key.
pub(crate) const ENTER: &str = "\u{e007}";
/// The right arrow.
pub(crate) const RIGHT: &str = "\u{e014}";

pub(crate) struct Browser {
    driver: Child,
    session: String,
    /// Where the browser keeps what it writes.
    _profile: TempDir,
}

/// An element of the page.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    path: String,
}

impl Browser {
    /// Starts a browser without a window.
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver (Debian: chromium-driver) is installed");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        // It says more later, and must not wait for somebody to read it.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = TempDir::new().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1280,1000",
            &user_data,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let root = format!("http://127.0.0.1:{port}/session");
        // Made first, so that the driver ends even where there comes no session.
        let mut browser = Self {
            driver,
            session: root.clone(),
            _profile: profile,
        };
        let made = post(&root, &wanted);
        let id = made["sessionId"].as_str().unwrap();
        browser.session = format!("{root}/{id}");
        browser
    }

    /// Opens a file, and returns when it has loaded.
    pub(crate) fn open(&self, page: &Path) {
        let url = format!("file://{}", page.display());
        self.command("url", &json!({"url": url}));
    }

    /// The first element that a CSS selector meets.
    #[track_caller]
    pub(crate) fn find(&self, selector: &str) -> Element<'_> {
        let by = json!({"using": "css selector", "value": selector});
        let found = self.command("element", &by);
        let id = found[ELEMENT].as_str().unwrap();
        Element {
            browser: self,
            path: format!("element/{id}"),
        }
    }

    /// What a function's body returns in the page.
    #[track_caller]
    pub(crate) fn script(&self, body: &str) -> Value {
        self.command("execute/sync", &json!({"script": body, "args": []}))
    }

    /// The texts of all elements that a CSS selector meets.
    #[track_caller]
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let body = format!(
            "return [...document.querySelectorAll({})].map(found => found.textContent)",
            json!(selector)
        );
        serde_json::from_value(self.script(&body)).unwrap()
    }

    /// What the browser has logged since it was asked last: `browser` or `performance`.
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.command("se/log", &json!({"type": kind}));
        entries.as_array().unwrap().clone()
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, name: &str, parameters: &Value) -> Value {
        let command = json!({"cmd": name, "params": parameters});
        self.command("goog/cdp/execute", &command)
    }

    #[track_caller]
    fn command(&self, path: &str, body: &Value) -> Value {
        post(&format!("{}/{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; a test that fails is told already.
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Element<'_> {
    #[track_caller]
    pub(crate) fn click(&self) {
        self.command("click", &json!({}));
    }

    /// Types `keys`, as a person would.
    #[track_caller]
    pub(crate) fn keys(&self, keys: &str) {
        self.command("value", &json!({"text": keys}));
    }

    #[track_caller]
    fn command(&self, name: &str, body: &Value) {
        self.browser.command(&format!("{}/{name}", self.path), body);
    }
}

/// The value that comes back; fails with the driver's own words where it refuses.
#[track_caller]
fn post(url: &str, body: &Value) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(url)
        .content_type("application/json")
        .send(body.to_string())
        .unwrap();
    let is_success = answer.status().is_success();
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()
        .unwrap();
    assert!(is_success, "{url}: {text}");
    let mut told: Value = serde_json::from_str(&text).unwrap();
    told["value"].take()
}
