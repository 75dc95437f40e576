//! One run of the filter: opens what is named, drives the pipeline, and tells how it went.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::exports::Exports;
use super::files::Files;
use super::gathered::{Gathered, Labels};
use super::input;
use super::input_list;
use super::inputs::{Again, FileFacts, Inputs, shown_all};
use super::narrator::{self, Narrator};
use super::progress::{Progress, Watched};
use super::rules::{self, Given};
use super::status::NothingToKeep;
use super::{Options, Status, split};
use crate::capture::CaptureReader;
use crate::engine::Policy;
use crate::output;
use crate::pipeline::{self, Fates, Outputs, Packets, Ran, Remark};
use crate::report::{Expected, FlowComments, Query, Tool};
use crate::rules::{Action, Removal};
use crate::stats::AtomicCounters;

/// A run that came to its end.
pub(super) struct Finished {
    pub(super) ran: Ran,
    /// Of each input, in the order in which they were given.
    pub(super) files: Vec<FileFacts>,
}

/// Filters a capture, and says how it went.
///
/// # Errors
/// Whatever kept the run from its end, with the path or rule that it is about. Nothing is left behind then.
pub(super) fn run(options: &Options) -> Result<Status> {
    let narrator = Narrator::new(options.verbosity);
    let options = input_list::resolve(options)?;
    let options = options.as_ref();
    narrator.untouched(options);
    refuse_aliases(options)?;
    if let Some(folder) = options.parts_dir() {
        output::refuse_inside(&folder, &options.outputs())?;
    }
    let Given { catalogue, rules } = rules::compile(&options.apps, &options.rules)?;
    if options.removal == Removal::AllElse && rules.tables(Action::Block).is_empty() {
        return Err(NothingToKeep.into());
    }
    narrator.rules(&rules);
    let query = options.explain.as_deref();
    let query = query.map(|text| Query::parse(text, &catalogue));
    let query = query.transpose().context("--explain")?;
    let expected = options.expect.as_deref().map(expected).transpose()?;
    let policy = Policy {
        catalogue: Arc::new(catalogue),
        rules: Arc::new(rules),
        removal: options.removal,
        block_by_dns: options.block_by_dns,
        with_dns: options.with_dns,
        max_flows: options.max_flows,
        fingerprints: options.wants_fingerprints(),
        offsets: query.as_ref().is_some_and(Query::is_for_stories),
    };
    output::remove_unfinished_on_signal().context("cannot watch for signals")?;
    let writes_packets =
        options.output.is_some() || options.dropped.is_some() || options.split.is_some();
    let is_read_twice = has_second_pass(options) && writes_packets;
    let mut inputs = Inputs::open(&options.captures, is_read_twice)?;
    if options.sha256 {
        inputs = inputs.with_digest()?;
    }
    let mut files = Files::create(options)?;

    let names = Labels { policy: &policy };
    let exports = Exports::create(options)?;
    let mut gathered = Gathered::new(options, (&names, exports), &narrator);
    if let Some(query) = &query {
        gathered.explain(query);
    }
    let finished = filter(options, (inputs, &mut files), &policy, &mut gathered)?;
    narrator.done(&finished.ran);
    let capture = finished.ran.capture.clone();
    let explanations = gathered.explanations(options)?;
    let (text, differences) =
        gathered.report(options, (finished, expected.as_ref()), &mut files)?;
    files.commit()?;

    let is_taken = options.is_standard_output_taken();
    match explanations {
        Some(told) => narrator::show(|out| Ok(told.finish(out)?), is_taken)?,
        None => narrator.report(&text, is_taken)?,
    }
    let mut status = Status::Done;
    narrator.overlaps(&options.captures, &capture);
    if capture.damage.is_some() {
        narrator.damage(&options.captures, &capture);
        status = Status::Damaged;
    }
    if let Some(path) = options
        .expect
        .as_deref()
        .filter(|_| !differences.is_empty())
    {
        narrator.differences(&input::shown(path), &differences);
        status = Status::Differs;
    }
    Ok(status)
}

/// Makes sure that no input is read twice or written over, and that no two outputs are one.
pub(super) fn refuse_aliases(options: &Options) -> Result<()> {
    let inputs = options.inputs();
    let captures = inputs.get(..options.captures.len()).unwrap_or_default();
    output::refuse_repeated(captures)?;
    let outputs = options.outputs();
    output::refuse_aliases(&inputs, &outputs)?;
    if let (Some(_), Some(output)) = (&options.output, outputs.first()) {
        output::refuse_another(captures, output)?;
    }
    Ok(())
}

/// Reads the report that this run's is to be compared with.
fn expected(path: &Path) -> Result<Expected> {
    let about = || format!("cannot read the expected report {}", input::shown(path));
    let bytes = std::fs::read(path).with_context(about)?;
    Expected::parse(&bytes).with_context(about)
}

/// Whether packets are written when all flows are known: because verdicts hold for whole flows, or are to be told with each.
fn has_second_pass(options: &Options) -> bool {
    options.removal != Removal::Inline || options.annotate || options.split.is_some()
}

/// Runs the capture through the pipeline, twice when packets are written at the end.
fn filter(
    options: &Options,
    (inputs, files): (Inputs, &mut Files),
    policy: &Policy,
    gathered: &mut Gathered<'_>,
) -> Result<Finished> {
    let about = || format!("cannot filter {}", shown_all(&options.captures));
    let (capture, mut again) = inputs.read(options.reading)?;
    let finished = |ran, again: &mut Again| -> Result<Finished> {
        let files = again.facts()?;
        Ok(Finished { ran, files })
    };
    let counters = Arc::new(AtomicCounters::default());
    let progress = watch(options, &again, Some(Arc::clone(&counters)));
    let capture = (capture, counters);
    if !has_second_pass(options) {
        let mut outputs = files.outputs()?;
        let packets = Packets::Write(outputs.lend());
        let ran = pipeline::run_counted(capture, options.workers, policy, packets, gathered)
            .with_context(about)?;
        outputs.finish()?;
        return finished(ran, &mut again);
    }
    let mut fates = Fates::default();
    let packets = match options.removal {
        Removal::Inline => Packets::NoteJudged(&mut fates),
        Removal::WholeFlow | Removal::AllElse => Packets::Note(&mut fates),
    };
    let ran = pipeline::run_counted(capture, options.workers, policy, packets, gathered)
        .with_context(about)?;
    drop(progress);
    let finished = finished(ran, &mut again)?;
    if files.has_packets() {
        write_again(options, (&again, files), (&mut fates, policy), gathered)
            .with_context(about)?;
    }
    if let (Some(flows), Some(folder)) = (gathered.parts.take(), files.parts.take()) {
        let progress = watch(options, &again, None);
        let fates = (&mut fates, flows);
        let to = (&finished, folder);
        let written = split::write(again.read()?, fates, (options, policy), to);
        let (folder, rest) = written.with_context(about)?;
        drop(progress);
        files.parts = Some(folder);
        if let (Some(rest), Some((by, _))) = (rest, &options.split) {
            gathered.narrator.rest(*by, &rest);
        }
    }
    Ok(finished)
}

/// Shows how far the reading is.
fn watch(options: &Options, again: &Again, counters: Option<Arc<AtomicCounters>>) -> Progress {
    let (bytes, total) = again.watched();
    let watched = Watched {
        bytes,
        total,
        counters,
    };
    Progress::start(options.progress, options.verbosity, watched)
}

/// Writes the capture again, now that all flows are known.
fn write_again(
    options: &Options,
    (again, files): (&Again, &mut Files),
    (fates, policy): (&mut Fates, &Policy),
    gathered: &mut Gathered<'_>,
) -> Result<()> {
    let progress = watch(options, again, None);
    gathered.narrator.second_pass(gathered.stats.blocked());
    let mut outputs = files.outputs()?;
    let (capture, lent) = (again.read()?, outputs.lend());
    let unsaid = match gathered.comments.take() {
        Some(comments) => annotate((capture, fates), comments, policy, lent)?,
        None => pipeline::write_judged(capture, fates, policy.removal, lent).map(|()| 0)?,
    };
    outputs.finish()?;
    // Nothing is told in the middle of its line.
    drop(progress);
    gathered.narrator.unsaid(unsaid);
    Ok(())
}

/// Writes the capture again with the flows' comments. How many could not be written.
fn annotate(
    (capture, fates): (CaptureReader, &mut Fates),
    comments: FlowComments,
    policy: &Policy,
    outputs: Outputs<'_>,
) -> Result<u64> {
    let (tool, about) = head(policy);
    let mut comments = comments.finish()?;
    let mut remark = |flow| {
        let said = comments.of(flow)?;
        Ok(said.map(|(text, is_divided)| Remark { text, is_divided }))
    };
    Ok(pipeline::write_annotated(
        capture,
        (fates, policy.removal),
        (&tool, &about),
        &mut remark,
        outputs,
    )?)
}

/// The program, and what is said of each section that it writes comments into.
pub(super) fn head(policy: &Policy) -> (String, String) {
    let rules = &policy.rules;
    let tool = format!("{} {}", Tool::THIS.name, Tool::THIS.version);
    let (count, digest) = (rules.rules().len(), rules.digest());
    let about = format!("{tool}; rules: {count}, sha256 {digest}");
    (tool, about)
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use crate::pipeline::tests::{DEADLY, datagrams};

    #[test]
    fn a_run_whose_worker_dies_fails_and_leaves_every_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("in"), datagrams(&[b"harmless", DEADLY])).unwrap();
        std::fs::write(at("out"), "precious").unwrap();
        let words = [
            "out",
            "--dropped",
            "dropped",
            "--json",
            "json",
            "--flows",
            "flows",
        ];
        let words = words.map(|word| match word.strip_prefix("--") {
            Some(_) => word.into(),
            None => at(word).into_os_string(),
        });
        let words = ["dpi_engine".into(), at("in").into_os_string()]
            .into_iter()
            .chain(words);
        let Ok(Request::Filter(options)) = Request::parse(words) else {
            panic!("no run");
        };
        let error = run(&options).unwrap_err();
        assert_eq!(Status::of_failure(error.as_ref()), Status::Failed);
        let told = format!("{error:#}");
        assert!(
            told.contains("at packet 2; this is a defect: please report"),
            "{told}"
        );
        assert_eq!(std::fs::read(at("out")).unwrap(), b"precious");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
