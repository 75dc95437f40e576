//! The same input, rules and options give the same bytes, however many hands do the work.

use crate::program::{Bench, Filtered};
use crate::testdata::samples;

/// Every output, by name.
pub(crate) fn outputs(filtered: &Filtered) -> [(&str, Option<&[u8]>); 5] {
    [
        ("OUTPUT", filtered.output.as_deref()),
        ("dropped packets", filtered.dropped.as_deref()),
        ("JSON", filtered.report.as_deref()),
        ("flows", filtered.flows.as_deref()),
        ("text", Some(&filtered.run.stdout)),
    ]
}

#[test]
fn any_number_of_workers_gives_the_same_bytes() {
    let bench = Bench::new();
    let rules = ["--block-app", "Streaming", "--block-domain", "*.example"];
    for sample in samples() {
        let with = |workers| {
            let filtered = bench.filter(
                &sample.path,
                &[&rules[..], &["--workers", workers]].concat(),
            );
            filtered.run.assert_status(0, &sample.name);
            filtered
        };
        let one = with("1");
        for workers in ["2", "8"] {
            let many = with(workers);
            for ((what, one), (_, many)) in outputs(&one).into_iter().zip(outputs(&many)) {
                assert!(
                    one.is_some() && one == many,
                    "{}: {what} with {workers} workers",
                    sample.name
                );
            }
        }
    }
}

#[test]
fn evictions_do_not_depend_on_the_workers() {
    let bench = Bench::new();
    let path = crate::testdata::path("high_volume.pcap");
    let with = |workers| bench.filter(&path, &["--max-flows", "64", "--workers", workers]);
    let one = with("1");
    one.run.assert_status(0, "a small table");
    assert!(one.json()["flows"]["evicted"].as_u64().unwrap() > 0);
    assert_eq!(one.json()["flows"]["total"], 101);
    for workers in ["2", "8"] {
        assert!(
            outputs(&one) == outputs(&with(workers)),
            "{workers} workers"
        );
    }
}
