//! The program as its users run it: on the captures in `testdata/`, with files, pipes and signals, seen from outside only.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its own functions too"
)]

mod allow;
mod annotate;
mod applications;
mod bounds;
mod capture;
mod caveats;
mod cli;
mod compressed;
mod cookbook;
mod damage;
mod determinism;
mod diff_rules;
mod digests;
mod dns_answers;
mod endings;
mod expect;
mod explain;
mod exports;
mod faults;
mod flow_lines;
mod fragments;
#[path = "../../testdata/gen_pcap/mod.rs"]
mod generated;
mod golden;
#[path = "../../examples/bounds/hostile.rs"]
mod hostile;
mod html;
mod injection;
mod inputs;
#[path = "../../examples/bounds/measure.rs"]
mod measure;
mod only;
mod pipeline;
mod program;
mod progress;
mod protocols;
mod records;
mod recover;
#[path = "../../testdata/gen_pcap/repeat.rs"]
mod repeat;
mod report;
mod rules;
mod rules_files;
mod schemas;
mod several;
mod split;
mod supply;
mod suspicious;
mod testdata;
mod typed_rules;
mod with_dns;
