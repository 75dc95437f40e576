//! What the program is built from, held against `deny.toml`: what `cargo deny` checks, where that is not installed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::list;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// `deny.toml` as text.
fn policy() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).unwrap()
}

/// The strings in the list of `deny.toml` that begins with `key = [`, one in each of its lines.
fn listed(policy: &str, key: &str) -> Vec<String> {
    let from = policy
        .find(&format!("\n{key} = [\n"))
        .unwrap_or_else(|| panic!("no {key}"));
    let lines = policy[from..]
        .lines()
        .skip(2)
        .take_while(|line| *line != "]");
    lines
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect()
}

/// Every package that takes part in a build or a test on this machine.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = list(&metadata, "/packages");
    assert!(packages.len() > 50);
    packages.to_vec()
}

/// Whether a licence expression (SPDX, or `/` between alternatives, as it was once written) can be met with these.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression.split(" AND ").all(|all| {
        let mut any = all.split(" OR ").map(str::trim);
        any.any(|licence| allowed.iter().any(|name| name == licence))
    })
}

#[test]
fn every_dependency_is_of_a_known_place_and_an_allowed_licence() {
    let allowed = listed(&policy(), "allow");
    assert!(is_allowed("(MIT OR LGPL-3.0) AND Zlib", &allowed));
    assert!(
        !is_allowed("GPL-3.0 OR LGPL-3.0", &allowed) && !is_allowed("MIT AND GPL-3.0", &allowed)
    );
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let source = package["source"].as_str();
        let is_ours = name.starts_with(env!("CARGO_PKG_NAME"));
        assert!(source == Some(CRATES_IO) || is_ours, "{name}: {source:?}");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &allowed), "{name}: {licence}");
    }
}

#[test]
fn every_crate_that_comes_twice_is_known_to() {
    let known = listed(&policy(), "skip");
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let text = |key: &str| package[key].as_str().unwrap().to_owned();
        versions
            .entry(text("name"))
            .or_default()
            .push(text("version"));
    }
    for (name, versions) in versions {
        let is_known = |version: &&String| {
            let mut known = known.iter().filter_map(|known| known.split_once('@'));
            known.any(|(twin, of)| twin == name && version.starts_with(of))
        };
        let strangers = versions.iter().filter(|version| !is_known(version)).count();
        assert!(
            strangers <= 1,
            "{name}: {versions:?}; deny.toml tells of {known:?}"
        );
    }
}

/// `1.85` and `1.85.0` as numbers.
fn release(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[test]
fn no_dependency_asks_for_a_newer_rust_than_is_promised() {
    assert!(release("1.9") < release("1.10.1") && release("1.85") == release("1.85.0"));
    let promised = release(env!("CARGO_PKG_RUST_VERSION"));
    let asking = packages();
    let asking = asking.iter().filter_map(|package| {
        let asked = package["rust_version"].as_str()?;
        Some((package["name"].as_str().unwrap(), asked))
    });
    let asking: Vec<_> = asking.collect();
    assert!(asking.len() > 30, "{asking:?}");
    for (name, asked) in asking {
        assert!(release(asked) <= promised, "{name} asks for Rust {asked}");
    }
}

#[test]
fn the_image_is_built_with_the_oldest_rust_that_is_promised() {
    let read =
        |name| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let promised = env!("CARGO_PKG_RUST_VERSION");
    let image = format!("FROM rust:{promised}-slim-bookworm AS build");
    assert!(
        read("Dockerfile").lines().any(|line| line == image),
        "{image}"
    );
    let need = format!("That needs Rust {promised} or newer");
    assert!(read("README.md").contains(&need), "{need}");
}
