//! What `--json` and `--flows` write holds to the schemas in `src/report/schema`, and those describe all of it.

use serde_json::Value;

use crate::program::Bench;
use crate::split::split;
use crate::testdata;

const REPORT: &str = include_str!("../../src/report/schema/report.schema.json");
const SPLIT: &str = include_str!("../../src/report/schema/split.schema.json");
const FLOW: &str = include_str!("../../src/report/schema/flow.schema.json");

/// The keywords of JSON Schema that are understood here; another one in a schema fails.
const KEYWORDS: [&str; 14] = [
    "$schema",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "items",
    "enum",
    "const",
    "oneOf",
    "minimum",
    "maximum",
    "minItems",
    // Not checked: there is no reader of patterns here.
    "pattern",
];

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("no type: {other}"),
    }
}

/// What of `value` is not as `schema` says; keys that it does not describe as well.
fn faults(schema: &Value, value: &Value, at: &str, all: &mut Vec<String>) {
    for keyword in schema.as_object().unwrap().keys() {
        assert!(
            KEYWORDS.contains(&keyword.as_str()),
            "{keyword} is not understood"
        );
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        Value::String(name) => vec![name],
        _ => vec![],
    };
    let is_constant = schema.get("const").is_none_or(|constant| constant == value);
    let is_listed = schema["enum"]
        .as_array()
        .is_none_or(|list| list.contains(value));
    let figure = value.as_f64().unwrap_or(0.0);
    let in_range = schema["minimum"]
        .as_f64()
        .is_none_or(|least| figure >= least)
        && schema["maximum"].as_f64().is_none_or(|most| figure <= most);
    let is_typed = types.is_empty() || types.iter().any(|name| is_of_type(value, name));
    if !(is_constant && is_listed && in_range && is_typed) {
        all.push(format!("{at}: {value}"));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| {
            let mut inner = Vec::new();
            faults(choice, value, at, &mut inner);
            inner.is_empty()
        });
        if fitting.count() != 1 {
            all.push(format!("{at}: {value} fits not one of the choices"));
        }
        return;
    }
    let items = value.as_array().map_or(0, Vec::len) as u64;
    if value.is_array()
        && schema["minItems"]
            .as_u64()
            .is_some_and(|least| items < least)
    {
        all.push(format!("{at}: {items} items"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        faults(&schema["items"], item, &format!("{at}/{index}"), all);
    }
    let Some(object) = value.as_object() else {
        return;
    };
    for (key, inner) in object {
        match schema["properties"].get(key) {
            Some(described) => faults(described, inner, &format!("{at}/{key}"), all),
            None => all.push(format!("{at}/{key} is not described")),
        }
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        if !object.contains_key(key.as_str().unwrap()) {
            all.push(format!("{at}/{} is missing", key.as_str().unwrap()));
        }
    }
}

#[track_caller]
fn assert_holds(schema: &Value, value: &Value, what: &str) {
    let mut all = Vec::new();
    faults(schema, value, "", &mut all);
    assert!(all.is_empty(), "{what}: {all:#?}");
}

#[test]
fn outputs_hold_to_their_schemas_and_nothing_in_them_is_undescribed() {
    let report: Value = serde_json::from_str(REPORT).unwrap();
    let flow: Value = serde_json::from_str(FLOW).unwrap();
    let bench = Bench::new();
    for (name, rules) in [
        (
            "web.pcap",
            &["--block-app", "YouTube", "--block-ip", "192.168.1.3"][..],
        ),
        ("protocols.pcap", &[]),
        ("ng_sections.pcapng", &[]),
        ("high_volume.pcap", &[]),
        ("hostile_names.pcap", &[]),
        ("tunnels.pcap", &[]),
        ("empty.pcap", &[]),
    ] {
        let made = bench.filter(&testdata::path(name), rules);
        assert_holds(&report, &made.json(), name);
        for line in made.flow_lines() {
            assert_holds(&flow, &line, name);
        }
    }
    let whole = std::fs::read(testdata::path("web.pcap")).unwrap();
    let cut = bench.put("cut.pcap", &whole[..whole.len() - 7]);
    let damaged = bench.filter(&cut, &[]);
    assert!(damaged.json()["input"]["damage"].is_object());
    assert_holds(&report, &damaged.json(), "a damaged one");
    let broken = bench.put(
        "broken.pcap",
        &crate::recover::web_without(&crate::recover::BROKEN).0,
    );
    let recovered = bench.filter(&broken, &["--recover", "--sha256"]);
    assert!(recovered.json()["input"]["skipped"][0].is_object());
    assert!(recovered.json()["digests"].is_object());
    assert_holds(&report, &recovered.json(), "a recovered one, with digests");
    let list = bench.put("list", cut.to_str().unwrap().as_bytes());
    let options = ["--sha256", "--input-list", list.to_str().unwrap()];
    let several = bench.filter(&testdata::path("protocols.pcap"), &options);
    let files = several.json();
    let files = files["input"]["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    assert!(files.iter().any(|file| file["damage"].is_object()));
    assert!(files.iter().all(|file| file["sha256"].is_string()));
    assert_holds(&report, &several.json(), "several, with digests");
    let rules = [
        "--only",
        "--block-app",
        "Streaming",
        "--allow-app",
        "YouTube",
    ];
    let only = bench.filter(&testdata::path("web.pcap"), &rules);
    let actions = only.json();
    let actions: Vec<_> = actions["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["action"])
        .collect();
    assert_eq!(actions, ["keep", "drop"]);
    assert_holds(&report, &only.json(), "rules of both actions");
    for line in only.flow_lines() {
        assert_holds(&flow, &line, "rules of both actions");
    }
}

#[test]
fn lists_of_parts_hold_to_their_schema_and_nothing_in_them_is_undescribed() {
    let schema: Value = serde_json::from_str(SPLIT).unwrap();
    let bench = Bench::new();
    for (name, key, options) in [
        ("web.pcap", "app", &["--sha256"][..]),
        ("web.pcap", "verdict", &["--block-app", "YouTube"]),
        ("hostile_names.pcap", "host", &[]),
        ("ng_sections.pcapng", "flow", &[]),
        ("empty.pcap", "protocol", &[]),
    ] {
        let split = split(&bench, &testdata::path(name), key, options);
        assert_holds(&schema, &split.index, name);
    }
}

#[test]
fn what_is_wrong_is_found() {
    let schema: Value = serde_json::from_str(FLOW).unwrap();
    let bench = Bench::new();
    let line = bench
        .filter(&testdata::path("web.pcap"), &[])
        .flow_lines()
        .remove(1);
    for (key, value) in [
        ("id", Value::from(0)),
        ("src_port", Value::from(65_536)),
        ("state", Value::from("asleep")),
        ("names", Value::from(vec![1])),
        ("classification", Value::from(7)),
        ("a_new_key", Value::Null),
    ] {
        let mut wrong = line.clone();
        wrong[key] = value;
        let mut all = Vec::new();
        faults(&schema, &wrong, "", &mut all);
        assert_eq!(all.len(), 1, "{key}: {all:?}");
    }
    let mut short = line;
    short.as_object_mut().unwrap().remove("verdict");
    let mut all = Vec::new();
    faults(&schema, &short, "", &mut all);
    assert_eq!(all, ["/verdict is missing"]);
}
