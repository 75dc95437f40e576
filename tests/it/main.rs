//! The program as its users run it: on the captures in `testdata/`, with files, pipes and signals, seen from outside only.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its own functions too"
)]

mod annotate;
mod applications;
mod capture;
mod caveats;
mod cli;
mod damage;
mod determinism;
mod dns_answers;
mod endings;
mod expect;
mod explain;
mod exports;
mod flow_lines;
mod fragments;
#[path = "../../testdata/gen_pcap/mod.rs"]
mod generated;
mod golden;
mod pipeline;
mod program;
mod protocols;
mod records;
#[path = "../../testdata/gen_pcap/repeat.rs"]
mod repeat;
mod report;
mod rules;
mod rules_files;
mod schemas;
mod suspicious;
mod testdata;
