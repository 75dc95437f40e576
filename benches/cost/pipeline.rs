//! The threads together, and the writer by itself: the second pass of a whole-flow run reads and writes, and does nothing else.

use std::io;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use dpi_engine::engine::Policy;
use dpi_engine::flow::FlowSummary;
use dpi_engine::pipeline::{Fates, Outputs, Packets, Ran, Sink, run, write_judged};
use dpi_engine::rules::{Removal, RuleSetBuilder};

use crate::traffic::{open, policy, repeated};

/// Times that the capture is repeated: 13 MB.
const TIMES: usize = 32;

struct Nobody;

impl Sink for Nobody {
    fn flow(&mut self, _: &FlowSummary) -> io::Result<()> {
        Ok(())
    }
}

fn capture() -> Arc<[u8]> {
    repeated("web.pcap", TIMES).into()
}

/// No rules, or some that drop every other packet or so.
fn policy_that_drops(drops: bool) -> Policy {
    let policy = policy(0);
    let mut rules = RuleSetBuilder::new(&policy.catalogue);
    if drops {
        rules
            .block_app("Streaming", "bench")
            .expect("a name of the catalogue");
    }
    let rules = Arc::new(rules.build());
    Policy { rules, ..policy }
}

fn pass(capture: &Arc<[u8]>, policy: &Policy, packets: Packets<'_>) -> Ran {
    let capture = open(Arc::clone(capture));
    run(capture, 1, policy, packets, &mut Nobody).expect("a run")
}

/// Reads and writes; without drops a chunk is written in one piece.
#[divan::bench(args = [false, true])]
fn written_with_drops(bencher: Bencher<'_, '_>, drops: bool) {
    let capture = capture();
    let policy = Policy {
        removal: Removal::WholeFlow,
        ..policy_that_drops(drops)
    };
    bencher
        .counter(BytesCount::of_slice(&capture))
        .with_inputs(|| {
            let mut fates = Fates::default();
            pass(&capture, &policy, Packets::Note(&mut fates));
            (open(Arc::clone(&capture)), fates)
        })
        .bench_local_values(|(capture, mut fates)| {
            let mut sink = io::sink();
            let outputs = Outputs {
                forwarded: Some(&mut sink),
                dropped: None,
            };
            write_judged(capture, &mut fates, Removal::WholeFlow, outputs).expect("a second pass");
        });
}

/// All of it: a reader, a worker, the writer. A time a packet.
#[divan::bench(args = [false, true])]
fn run_with_drops(bencher: Bencher<'_, '_>, drops: bool) {
    let capture = capture();
    let policy = policy_that_drops(drops);
    let ran = pass(&capture, &policy, Packets::Write(Outputs::default()));
    bencher
        .counter(BytesCount::of_slice(&capture))
        .counter(ItemsCount::new(ran.counts.total))
        .bench_local(|| {
            let mut sink = io::sink();
            let outputs = Outputs {
                forwarded: Some(&mut sink),
                dropped: None,
            };
            pass(&capture, &policy, Packets::Write(outputs))
        });
}
