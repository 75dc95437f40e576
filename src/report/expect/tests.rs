use serde_json::json;

use super::*;
use crate::report::tests::report;

fn value() -> Value {
    serde_json::to_value(report()).unwrap()
}

/// What differs when the kept report was changed in this way.
fn differences(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut kept = value();
    change(&mut kept);
    let kept = Expected::parse(kept.to_string().as_bytes()).unwrap();
    let differences = kept.compare(&report()).unwrap();
    differences.iter().map(Difference::to_string).collect()
}

#[test]
fn a_report_is_as_it_is_expected_by_itself() {
    assert_eq!(differences(|_| {}), [""; 0]);
}

#[test]
fn what_differs_by_its_nature_or_by_version_is_not_compared() {
    let changed = differences(|kept| {
        kept["tool"]["version"] = json!("9.9.9");
        kept["input"]["path"] = json!("/elsewhere");
        kept["input"]["file_bytes"] = json!(1);
        kept["input"]["compression"] = json!("gzip");
        kept["rules"][0]["origin"] = json!("other.txt:3");
        kept["packets"]["a_key_of_the_future"] = json!(7);
        kept["future"] = json!([1]);
        kept.as_object_mut().unwrap().remove("domains");
        kept["flows"].as_object_mut().unwrap().remove("ech");
    });
    assert_eq!(changed, [""; 0]);
}

#[test]
fn what_is_new_gone_or_changed_is_told() {
    let changed = differences(|kept| {
        kept["packets"]["dropped"] = json!(1);
        kept["input"]["resolution"] = json!("ns");
        let applications = kept["applications"].as_array_mut().unwrap();
        let github = applications
            .iter()
            .position(|row| row["name"] == "GitHub")
            .unwrap();
        applications.remove(github);
        applications.push(json!({"name": "Gone\u{1b}[2J", "flows": 3}));
        kept["rules"][0]["packets"] = json!(5);
        kept["suspicious"][0]["severity"] = json!("info");
        kept["warnings"] = json!(["a warning"]);
    });
    let has = |text: &str| changed.iter().any(|line| line.starts_with(text));
    for text in [
        "input: resolution: expected ns, found us",
        "packets: dropped: expected 1, found ",
        "applications: GitHub is new (1 flows)",
        "applications: Gone\u{fffd}[2J is gone (3 flows)",
        "rules: app:GitHub, packets: expected 5, found 8",
        "suspicious: 192.168.1.3, severity: expected info, found high",
        "warnings: a warning is gone",
    ] {
        assert!(has(text), "{text} is missing in {changed:#?}");
    }
}

#[test]
fn what_is_no_report_is_refused_with_its_place() {
    let place = |text: &str| Expected::parse(text.as_bytes()).unwrap_err().to_string();
    let of = |change: Value| {
        let mut kept = value();
        for (key, value) in change.as_object().unwrap() {
            kept[key] = value.clone();
        }
        place(&kept.to_string())
    };
    assert!(
        place("{\n  \"a\": }").starts_with("line 2, column 8: expected value"),
        "{}",
        place("{\n  \"a\": }")
    );
    assert!(place("").starts_with("line 1, column 0: EOF"));
    assert_eq!(place("[]"), "at /: found a list, expected a report");
    assert_eq!(
        place("{}"),
        format!("at /schema: found nothing, expected {SCHEMA:?}")
    );
    assert!(of(json!({"schema": "other/2"})).starts_with("at /schema: found other/2"));
    assert_eq!(
        of(json!({"packets": 7})),
        "at /packets: found 7, expected an object"
    );
    assert_eq!(
        of(json!({"rules": [{"rule": 1}]})),
        "at /rules/0/rule: found 1, expected a string"
    );
    assert_eq!(
        of(json!({"warnings": {}})),
        "at /warnings: found an object, expected a list"
    );
}
