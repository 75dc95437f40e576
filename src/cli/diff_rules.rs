//! What a change of rules would do to a capture: two runs that write no packets, the second of which is held against the first.
//!
//! Whole flows are compared, so that a flow is dropped or is not, and nothing depends on the packet at which a rule was met.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::files::write_side;
use super::gathered::Labels;
use super::input_list;
use super::inputs::{Inputs, shown_all};
use super::narrator::Narrator;
use super::rules::{self, Given};
use super::run::refuse_aliases;
use super::{GivenRule, Options, Status};
use crate::capture::CaptureReader;
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::output::{self, OutputFile};
use crate::pipeline::{self, Fates, Packets, Ran, Sink};
use crate::report::{self, Change, RulesDiff};
use crate::rules::Removal;
use crate::stats::{FlowStats, Tally};

/// Compares what the rules of two files drop, and says how it went.
///
/// # Errors
/// As for a run that filters.
pub(super) fn run(options: &Options, [old, new]: &[PathBuf; 2]) -> Result<Status> {
    let narrator = Narrator::new(options.verbosity);
    let options = input_list::resolve(options)?;
    let options = options.as_ref();
    let [before, after] = [old, new].map(|path| {
        let mut options = options.clone();
        options.rules.push(GivenRule::File(path.clone()));
        options
    });
    refuse_aliases(&before)?;
    refuse_aliases(&after)?;
    let (old_policy, new_policy) = (policy(&before)?, policy(&after)?);
    output::remove_unfinished_on_signal().context("cannot watch for signals")?;
    let inputs = Inputs::open(&options.captures, true)?;
    let mut json = options
        .json
        .as_deref()
        .map(OutputFile::create)
        .transpose()?;

    let (capture, again) = inputs.read(options.reading)?;
    let mut dropped = Dropped::default();
    judge(options, capture, &old_policy, &mut dropped)?;
    let mut changes = Changes {
        before: dropped,
        newly_dropped: Counted::default(),
        newly_passed: Counted::default(),
    };
    let ran = judge(options, again.read()?, &new_policy, &mut changes)?;

    let names = Labels {
        policy: &new_policy,
    };
    let shown = |path: &Path| path.display().to_string();
    let captures = options.captures.iter();
    let captures = captures.map(|capture| shown(&capture.path)).collect();
    let [newly_dropped, newly_passed] = [changes.newly_dropped, changes.newly_passed]
        .map(|counted| Change::new(counted.taken, counted.stats.finish(), &names));
    let diff = RulesDiff::new(
        (captures, [shown(old), shown(new)]),
        newly_dropped,
        newly_passed,
    );
    write_side(&mut json, |out| Ok(report::rules_diff_json(&diff, out)?))?;
    output::commit_all(json.into_iter().collect(), None)?;
    let text = report::rules_diff_text(&diff);
    narrator.report(&text, options.is_standard_output_taken())?;
    narrator.overlaps(&options.captures, &ran.capture);
    narrator.damage(&options.captures, &ran.capture);
    Ok(match &ran.capture.damage {
        None => Status::Done,
        Some(_) => Status::Damaged,
    })
}

fn policy(options: &Options) -> Result<Policy> {
    let Given { catalogue, rules } = rules::compile(&options.apps, &options.rules)?;
    Ok(Policy {
        catalogue: Arc::new(catalogue),
        rules: Arc::new(rules),
        removal: Removal::WholeFlow,
        block_by_dns: options.block_by_dns,
        with_dns: options.with_dns,
        max_flows: options.max_flows,
        fingerprints: false,
        offsets: false,
    })
}

fn judge(
    options: &Options,
    capture: CaptureReader,
    policy: &Policy,
    sink: &mut dyn Sink,
) -> Result<Ran> {
    // What is noted of the packets is for those that quote flows.
    let packets = &mut Fates::default();
    pipeline::run(
        capture,
        options.workers,
        policy,
        Packets::Note(packets),
        sink,
    )
    .with_context(|| format!("cannot filter {}", shown_all(&options.captures)))
}

/// What was dropped of the flows, by their first packets.
///
/// Memory: a bit for each packet up to the last dropped flow's first, and what is kept of flows that quote others.
#[derive(Default)]
struct Dropped {
    flows: Vec<u64>,
    /// Packets and bytes of flows that are not dropped, but quote some that are.
    shared: HashMap<u64, (u64, u64), ahash::RandomState>,
}

impl Dropped {
    /// Whether a flow was.
    fn has(&self, flow: &FlowSummary) -> bool {
        let word = self.flows.get((flow.first_packet / 64) as usize);
        word.is_some_and(|word| word >> (flow.first_packet % 64) & 1 == 1)
    }

    /// Packets and bytes that were dropped of a flow.
    fn of(&self, flow: &FlowSummary) -> (u64, u64) {
        if self.has(flow) {
            return (flow.packets, flow.bytes);
        }
        let shared = self.shared.get(&flow.first_packet);
        shared.copied().unwrap_or_default()
    }
}

impl Sink for Dropped {
    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()> {
        if flow.is_dropped() {
            let word = (flow.first_packet / 64) as usize;
            if self.flows.len() <= word {
                self.flows.resize(word + 1, 0);
            }
            if let Some(word) = self.flows.get_mut(word) {
                *word |= 1 << (flow.first_packet % 64);
            }
        } else if let Some(shared) = shared(flow) {
            self.shared.insert(flow.first_packet, shared);
        }
        Ok(())
    }

    fn hears_judged(&self) -> bool {
        false
    }
}

/// Packets and bytes of a flow that are dropped with others that they quote.
fn shared(flow: &FlowSummary) -> Option<(u64, u64)> {
    let shared = flow.findings().rare().shared_fates.iter();
    let shared = shared.fold((0, 0), |(packets, bytes), shared| {
        (packets + shared.packets, bytes + shared.bytes)
    });
    (shared != (0, 0)).then_some(shared)
}

/// Holds the flows of the second run against the first.
struct Changes {
    before: Dropped,
    newly_dropped: Counted,
    newly_passed: Counted,
}

/// Flows whose verdict changes one way.
#[derive(Default)]
struct Counted {
    taken: Tally,
    stats: FlowStats,
}

impl Counted {
    /// Counts packets and bytes of a flow; and the flow, unless they only quote others.
    fn observe(&mut self, flow: &FlowSummary, (packets, bytes): (u64, u64), is_whole: bool) {
        self.taken.add(Tally {
            flows: u64::from(is_whole),
            packets,
            bytes,
        });
        if is_whole {
            self.stats.observe(flow);
        }
    }
}

impl Sink for Changes {
    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()> {
        let (old, old_bytes) = self.before.of(flow);
        let (new, new_bytes) = if flow.is_dropped() {
            (flow.packets, flow.bytes)
        } else {
            shared(flow).unwrap_or_default()
        };
        let is_whole = self.before.has(flow) != flow.is_dropped();
        let more = |a: u64, b: u64| a.saturating_sub(b);
        if new > old {
            let taken = (new - old, more(new_bytes, old_bytes));
            self.newly_dropped.observe(flow, taken, is_whole);
        } else if old > new {
            let taken = (old - new, more(old_bytes, new_bytes));
            self.newly_passed.observe(flow, taken, is_whole);
        }
        Ok(())
    }

    fn hears_judged(&self) -> bool {
        false
    }
}
