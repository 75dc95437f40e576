//! One run of the filter: opens what is named, drives the pipeline, and writes the reports.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::exports::Exports;
use super::input::{self, Input};
use super::narrator::{self, Narrator};
use super::progress::{Progress, Watched};
use super::{GivenRule, Options, Status, apps, terminal};
use crate::capture::{CaptureReader, Compression, Format, Resolution};
use crate::catalogue::{AppId, Catalogue};
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::hosts::{Hosts, Thresholds};
use crate::ini;
use crate::output::{self, OutputFile};
use crate::pipeline::{self, Blocked, Fates, Outputs, Packets, Ran, Remark, Sink};
use crate::report::{
    self, Difference, Expected, Explanations, FlowComments, FlowLines, FlowLinesError, Names,
    Query, Report, Tool,
};
use crate::rules::{RuleId, RuleSet, RuleSetBuilder};
use crate::stats::{AtomicCounters, FlowStats};

/// Bytes of packets that are gathered before they are written; larger runs are written at once.
const OUTPUT_BUFFER_BYTES: usize = 128 << 10;

/// Filters a capture, and says how it went.
///
/// # Errors
/// Whatever kept the run from its end, with the path or rule that it is about. Nothing is left behind then.
pub(super) fn run(options: &Options) -> Result<Status> {
    let narrator = Narrator::new(options.verbosity);
    output::refuse_aliases(&options.inputs(), &options.outputs())?;
    let catalogue = apps::catalogue(&options.apps)?;
    let rules = compile(&options.rules, &catalogue)?;
    narrator.rules(&rules);
    let query = options.explain.as_deref();
    let query = query.map(|text| Query::parse(text, &catalogue));
    let query = query.transpose().context("--explain")?;
    let expected = options.expect.as_deref().map(expected).transpose()?;
    let policy = Policy {
        catalogue: Arc::new(catalogue),
        rules: Arc::new(rules),
        whole_flow: options.whole_flow,
        block_by_dns: options.block_by_dns,
        max_flows: options.max_flows,
        fingerprints: options.wants_fingerprints(),
    };
    output::remove_unfinished_on_signal().context("cannot watch for signals")?;
    let writes_packets = options.output.is_some() || options.dropped.is_some();
    let is_read_twice = (options.whole_flow || options.annotate) && writes_packets;
    let input = Input::open(&options.input, is_read_twice)?;
    let mut files = Files::create(options)?;

    let names = Labels { policy: &policy };
    let exports = Exports::create(options)?;
    let mut gathered = Gathered::new(options, (&names, exports), &narrator);
    let temporary = std::env::temp_dir();
    gathered.explanations = query
        .as_ref()
        .map(|query| Explanations::new(query, &policy, temporary));
    let finished = filter(options, (input, &mut files), &policy, &mut gathered)?;
    narrator.done(&finished.ran);
    let damage = finished
        .ran
        .capture
        .damage
        .as_ref()
        .map(|damage| (damage.offset, damage.reason.to_string()));
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
    if let Some((offset, reason)) = damage {
        narrator.damage(&input::shown(&options.input), offset, &reason);
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

/// Reads the report that this run's is to be compared with.
fn expected(path: &Path) -> Result<Expected> {
    let about = || format!("cannot read the expected report {}", input::shown(path));
    let bytes = std::fs::read(path).with_context(about)?;
    Expected::parse(&bytes).with_context(about)
}

/// Compiles the rules in the order in which they were given.
fn compile(given: &[GivenRule], catalogue: &Catalogue) -> Result<RuleSet> {
    let mut rules = RuleSetBuilder::new(catalogue);
    for rule in given {
        let flag = rule.flag();
        match rule {
            GivenRule::Ip(text) => rules.block_ip(text, flag).context(flag)?,
            GivenRule::Port(text) => rules.block_port(text, flag).context(flag)?,
            GivenRule::App(text) => rules.block_app(text, flag).context(flag)?,
            GivenRule::Domain(text) => rules.block_domain(text, flag).context(flag)?,
            GivenRule::File(path) => {
                let bytes = std::fs::read(path).with_context(|| {
                    format!("cannot read the rules file {}", input::shown(path))
                })?;
                rules.file(&path.display().to_string(), &bytes)?;
            }
        }
    }
    Ok(rules.build())
}

/// Runs the capture through the pipeline, twice when whole flows are to be removed.
fn filter(
    options: &Options,
    (input, files): (Input, &mut Files),
    policy: &Policy,
    gathered: &mut Gathered<'_>,
) -> Result<Finished> {
    let about = || format!("cannot filter {}", input::shown(&options.input));
    let (capture, again) = input.read()?;
    let finished = |ran, again: &input::Again| Finished {
        ran,
        file_bytes: again.file_bytes(),
    };
    let counters = Arc::new(AtomicCounters::default());
    let watch = |counters| {
        let (bytes, total) = again.watched();
        let watched = Watched {
            bytes,
            total,
            counters,
        };
        Progress::start(options.progress, options.verbosity, watched)
    };
    let progress = watch(Some(Arc::clone(&counters)));
    let capture = (capture, counters);
    if !options.whole_flow && !options.annotate {
        let mut outputs = files.outputs();
        let ran = pipeline::run_counted(
            capture,
            options.workers,
            policy,
            Packets::Write(outputs.lend()),
            gathered,
        )
        .with_context(about)?;
        outputs.flush()?;
        return Ok(finished(ran, &again));
    }
    let mut fates = Fates::default();
    let packets = match options.whole_flow {
        true => Packets::Note(&mut fates),
        false => Packets::NoteJudged(&mut fates),
    };
    let ran = pipeline::run_counted(capture, options.workers, policy, packets, gathered)
        .with_context(about)?;
    drop(progress);
    let finished = finished(ran, &again);
    if files.has_packets() {
        let _progress = watch(None);
        gathered.narrator.second_pass(gathered.stats.blocked());
        let mut outputs = files.outputs();
        let capture = again.read()?;
        match gathered.comments.take() {
            Some(comments) => annotate((capture, &mut fates), comments, gathered, outputs.lend()),
            None => Ok(pipeline::write_judged(capture, &mut fates, outputs.lend())?),
        }
        .with_context(about)?;
        outputs.flush()?;
    }
    Ok(finished)
}

/// Writes the capture again with the flows' comments.
fn annotate(
    (capture, fates): (CaptureReader, &mut Fates),
    comments: FlowComments,
    gathered: &Gathered<'_>,
    outputs: Outputs<'_>,
) -> Result<()> {
    let rules = &gathered.names.policy.rules;
    let tool = format!("{} {}", Tool::THIS.name, Tool::THIS.version);
    let (count, digest) = (rules.rules().len(), rules.digest());
    let about = format!("{tool}; rules: {count}, sha256 {digest}");
    let mut comments = comments.finish()?;
    let mut remark = |flow| {
        let said = comments.of(flow)?;
        Ok(said.map(|(text, is_divided)| Remark { text, is_divided }))
    };
    let unsaid = pipeline::write_annotated(capture, fates, (&tool, &about), &mut remark, outputs)?;
    gathered.narrator.unsaid(unsaid);
    Ok(())
}

/// A run that came to its end.
struct Finished {
    ran: Ran,
    /// Bytes of the input, before decompression.
    file_bytes: u64,
}

/// The files of a run, all opened before it starts.
struct Files {
    output: Option<OutputFile>,
    dropped: Option<OutputFile>,
    json: Option<OutputFile>,
    flows: Option<OutputFile>,
    /// Of flows for other programs, once they are written.
    exports: Vec<OutputFile>,
    junit: Option<OutputFile>,
}

impl Files {
    fn create(options: &Options) -> Result<Self> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutputFile::create).transpose();
        Ok(Self {
            output: create(&options.output)?,
            dropped: create(&options.dropped)?,
            json: create(&options.json)?,
            flows: create(&options.flows)?,
            exports: Vec::new(),
            junit: create(&options.expect_junit)?,
        })
    }

    const fn has_packets(&self) -> bool {
        self.output.is_some() || self.dropped.is_some()
    }

    fn outputs(&mut self) -> Buffered<'_> {
        let buffered = |file| BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, file);
        Buffered {
            forwarded: self.output.as_mut().map(buffered),
            dropped: self.dropped.as_mut().map(buffered),
        }
    }

    /// Gives every file its name.
    fn commit(self) -> Result<()> {
        let files = [self.output, self.dropped, self.json, self.flows, self.junit];
        let files = files.into_iter().flatten().chain(self.exports);
        Ok(output::commit_all(files.collect())?)
    }
}

/// The two packet files, written in big pieces.
struct Buffered<'a> {
    forwarded: Option<BufWriter<&'a mut OutputFile>>,
    dropped: Option<BufWriter<&'a mut OutputFile>>,
}

impl Buffered<'_> {
    fn lend(&mut self) -> Outputs<'_> {
        Outputs {
            forwarded: self.forwarded.as_mut().map(|file| file as &mut dyn Write),
            dropped: self.dropped.as_mut().map(|file| file as &mut dyn Write),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        [&mut self.forwarded, &mut self.dropped]
            .into_iter()
            .flatten()
            .try_for_each(Write::flush)
    }
}

/// What ids are called.
pub(super) struct Labels<'a> {
    policy: &'a Policy,
}

impl Names for Labels<'_> {
    fn application(&self, id: AppId) -> Option<(&str, &str)> {
        let app = self.policy.catalogue.app(id)?;
        Some((&app.name, self.policy.catalogue.category(app.category)?))
    }

    fn application_of(&self, domain: &str) -> Option<AppId> {
        self.policy.catalogue.by_name(domain)
    }

    fn rule(&self, id: RuleId) -> Option<(&str, &str)> {
        let rule = self.policy.rules.rule(id)?;
        Some((&rule.text, &rule.origin))
    }
}

/// Everything that is learnt from the flows as they end.
struct Gathered<'a> {
    names: &'a Labels<'a>,
    narrator: &'a Narrator,
    stats: FlowStats,
    hosts: Hosts,
    lines: Option<FlowLines>,
    exports: Exports,
    comments: Option<FlowComments>,
    explanations: Option<Explanations<'a>>,
    /// What went wrong while a verdict was noted.
    failed: Option<FlowLinesError>,
}

impl<'a> Gathered<'a> {
    fn new(
        options: &Options,
        (names, exports): (&'a Labels<'a>, Exports),
        narrator: &'a Narrator,
    ) -> Self {
        let thresholds = Thresholds {
            high_volume: options.high_volume_flows.into(),
            // There are no more ports than that to contact.
            port_scan: options.port_scan_ports.try_into().unwrap_or(u16::MAX),
        };
        let temporary = std::env::temp_dir;
        Self {
            names,
            narrator,
            stats: FlowStats::default(),
            hosts: Hosts::new(thresholds),
            lines: options.flows.as_ref().map(|_| FlowLines::new(temporary())),
            exports,
            comments: options.annotate.then(|| FlowComments::new(temporary())),
            explanations: None,
            failed: None,
        }
    }

    /// Takes out what is to be explained.
    ///
    /// # Errors
    /// Nothing is, or it could not be noted.
    fn explanations(&mut self, options: &Options) -> Result<Option<Explanations<'a>>> {
        if let Some(failed) = self.failed.take() {
            return Err(failed.into());
        }
        let explanations = self.explanations.take();
        if let Some(explanations) = &explanations {
            let asked = ini::shown(options.explain.as_deref().unwrap_or_default());
            let about = || format!("--explain {asked}");
            explanations.check().with_context(about)?;
        }
        Ok(explanations)
    }

    /// Writes the reports that go to files, and gives back the one for people, and how it differs from what was expected.
    fn report(
        self,
        options: &Options,
        (finished, expected): (Finished, Option<&Expected>),
        files: &mut Files,
    ) -> Result<(String, Vec<Difference>)> {
        if let Some(lines) = self.lines {
            write_side(&mut files.flows, |out| Ok(lines.finish(out).map(|_| ())?))?;
        }
        files.exports = self.exports.write()?;
        let mut counts = finished.ran.counts;
        counts.forwarded = counts.total.saturating_sub(counts.dropped);
        counts.forwarded_bytes = counts.bytes.saturating_sub(counts.dropped_bytes);
        let gathered = report::Gathered {
            input: about_input(options, &finished),
            packets: counts,
            undecoded: finished.ran.undecoded.clone(),
            flows: self.stats.finish(),
            suspicious: self.hosts.finish(),
            fragments: finished.ran.fragments,
            untold_drops: finished.ran.untold_drops,
            forgotten_answers: finished.ran.forgotten_answers,
        };
        let report = Report::new(gathered, self.names);
        write_side(&mut files.json, |out| Ok(report::json(&report, out)?))?;
        let mut differences = Vec::new();
        if let (Some(expected), Some(path)) = (expected, &options.expect) {
            differences = expected.compare(&report)?;
            let xml = report::junit(&path.display().to_string(), &differences);
            write_side(&mut files.junit, |out| Ok(out.write_all(xml.as_bytes())?))?;
        }
        let look = terminal::look(options.color, options.is_standard_output_taken());
        Ok((report::text(&report, look), differences))
    }
}

/// Writes a side output. One whose reader has gone away is left out; it is no reason to keep OUTPUT back.
pub(super) fn write_side(
    place: &mut Option<OutputFile>,
    write: impl FnOnce(&mut BufWriter<&mut OutputFile>) -> Result<()>,
) -> Result<()> {
    let Some(file) = place else { return Ok(()) };
    let mut out = file.buffered();
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    drop(out);
    match written {
        Err(error) if Status::of_failure(error.as_ref()) == Status::Done => *place = None,
        other => other?,
    }
    Ok(())
}

impl Sink for Gathered<'_> {
    fn flow(&mut self, flow: FlowSummary) -> io::Result<()> {
        self.stats.observe(&flow);
        self.hosts.observe(&flow);
        if let Some(lines) = &mut self.lines {
            lines.push(&flow, self.names).map_err(io::Error::other)?;
        }
        self.exports
            .push(&flow, self.names)
            .map_err(io::Error::other)?;
        if let Some(comments) = &mut self.comments {
            comments.push(&flow, self.names).map_err(io::Error::other)?;
        }
        if let Some(explanations) = &mut self.explanations {
            explanations.push(&flow).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn blocked(&mut self, news: &Blocked) {
        self.narrator.blocked(news, self.names.rule(news.rule));
        if let Some(explanations) = &mut self.explanations
            && news.ground.is_none()
            && let Err(error) = explanations.blocked(news.flow, news.packet)
        {
            self.failed.get_or_insert(error);
        }
    }
}

/// What the report says of the input.
fn about_input(options: &Options, finished: &Finished) -> report::Input {
    let ran = &finished.ran;
    let capture = &ran.capture;
    report::Input {
        path: options.input.display().to_string(),
        format: match capture.format {
            Format::Pcap => "pcap",
            Format::Pcapng => "pcapng",
        },
        compression: capture.compression.map(|Compression::Gzip| "gzip"),
        link_types: capture.link_types.clone(),
        resolution: match capture.resolution {
            Some(Resolution::Us) => report::Resolution::Micro,
            Some(Resolution::Ns) => report::Resolution::Nano,
            _ => report::Resolution::Mixed,
        },
        file_bytes: finished.file_bytes,
        first_packet: ran.span.map(|(first, _)| first),
        last_packet: ran.span.map(|(_, last)| last),
        damage: capture.damage.as_ref().map(|damage| report::Damage {
            offset: damage.offset,
            reason: damage.reason.to_string(),
        }),
    }
}
