//! One run of the filter: opens what is named, drives the pipeline, and writes the reports.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::input::{self, Input};
use super::narrator::Narrator;
use super::rules::{self, Given};
use super::status::NothingToKeep;
use super::{Options, Status};
use crate::capture::{Compression, Format, Resolution, Skipped};
use crate::catalogue::AppId;
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::hosts::{Hosts, Thresholds};
use crate::output::{self, OutputFile, Packer, Packing, Sha256};
use crate::pipeline::{self, Fates, Judged, Outputs, Packets, Ran, Sink};
use crate::report::{self, FlowLines, Names, Report};
use crate::rules::{Action, GivenThresholds, Removal, RuleId};
use crate::stats::FlowStats;

/// Filters a capture, and says how it went.
///
/// # Errors
/// Whatever kept the run from its end, with the path or rule that it is about. Nothing is left behind then.
pub(super) fn run(options: &Options) -> Result<Status> {
    let narrator = Narrator::new(options.verbosity);
    output::refuse_aliases(&options.inputs(), &options.outputs())?;
    let Given { catalogue, rules } = rules::compile(&options.apps, &options.rules)?;
    if options.removal == Removal::AllElse && rules.tables(Action::Block).is_empty() {
        return Err(NothingToKeep.into());
    }
    narrator.rules(&rules);
    let policy = Policy {
        catalogue: Arc::new(catalogue),
        rules: Arc::new(rules),
        removal: options.removal,
        block_by_dns: options.block_by_dns,
        with_dns: options.with_dns,
        max_flows: options.max_flows,
        fingerprints: options.flows.is_some() || options.json.is_some(),
    };
    output::remove_unfinished_on_signal().context("cannot watch for signals")?;
    let writes_packets = options.output.is_some() || options.dropped.is_some();
    let mut input = Input::open(
        &options.input,
        is_judged_at_the_end(options) && writes_packets,
    )?;
    if options.sha256 {
        input = input.with_digest()?;
    }
    let mut files = Files::create(options)?;

    let names = Labels { policy: &policy };
    let mut gathered = Gathered::new(options, &names, &narrator);
    let finished = filter(options, (input, &mut files), &policy, &mut gathered)?;
    narrator.done(&finished.ran);
    let capture = finished.ran.capture.clone();
    let text = gathered.report(options, finished, &mut files)?;
    files.commit()?;

    narrator.report(&text, options.is_standard_output_taken())?;
    if capture.damage.is_none() {
        return Ok(Status::Done);
    }
    narrator.damage(&input::shown(&options.input), &capture);
    Ok(Status::Damaged)
}

/// What the options say, else the files of rules, else the default.
fn thresholds(options: &Options, files: GivenThresholds) -> Thresholds {
    let default = Thresholds::default();
    let high_volume = options.high_volume_flows.or(files.high_volume_flows);
    let port_scan = options.port_scan_ports.or(files.port_scan_ports);
    Thresholds {
        high_volume: high_volume.map_or(default.high_volume, u64::from),
        port_scan: match port_scan {
            None => default.port_scan,
            // There are no more ports than that to contact.
            Some(ports) => ports.try_into().unwrap_or(u16::MAX),
        },
    }
}

/// Whether packets are written when all flows are known, in a second pass.
fn is_judged_at_the_end(options: &Options) -> bool {
    options.removal != Removal::Inline
}

/// Runs the capture through the pipeline, twice when whole flows are to be removed.
fn filter(
    options: &Options,
    (input, files): (Input, &mut Files),
    policy: &Policy,
    gathered: &mut Gathered<'_>,
) -> Result<Finished> {
    let about = || format!("cannot filter {}", input::shown(&options.input));
    let (capture, mut again) = input.read(options.reading)?;
    let finished = |ran, again: &mut input::Again| -> Result<Finished> {
        let digest = again.digest()?;
        let file_bytes = again.file_bytes();
        Ok(Finished {
            ran,
            file_bytes,
            digest,
        })
    };
    if !is_judged_at_the_end(options) {
        let mut outputs = files.outputs()?;
        let ran = pipeline::run(
            capture,
            options.workers,
            policy,
            Packets::Write(outputs.lend()),
            gathered,
        )
        .with_context(about)?;
        outputs.finish()?;
        return finished(ran, &mut again);
    }
    let mut fates = Fates::default();
    let ran = pipeline::run(
        capture,
        options.workers,
        policy,
        Packets::Note(&mut fates),
        gathered,
    )
    .with_context(about)?;
    let finished = finished(ran, &mut again)?;
    if !files.has_packets() {
        return Ok(finished);
    }
    gathered.narrator.second_pass(gathered.stats.blocked());
    let mut outputs = files.outputs()?;
    let capture = again.read()?;
    pipeline::write_judged(capture, &mut fates, policy.removal, outputs.lend())
        .with_context(about)?;
    outputs.finish()?;
    Ok(finished)
}

/// A run that came to its end.
struct Finished {
    ran: Ran,
    /// Bytes of the input, before decompression.
    file_bytes: u64,
    /// Of the input; only when asked for.
    digest: Option<Sha256>,
}

/// The files of a run, all opened before it starts.
struct Files {
    output: Option<OutputFile>,
    dropped: Option<OutputFile>,
    json: Option<OutputFile>,
    flows: Option<OutputFile>,
}

impl Files {
    fn create(options: &Options) -> Result<Self> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutputFile::create).transpose();
        let packets = |path| match create(path)? {
            Some(file) if options.sha256 => file.with_digest().map(Some),
            file => Ok(file),
        };
        Ok(Self {
            output: packets(&options.output)?,
            dropped: packets(&options.dropped)?,
            json: create(&options.json)?,
            flows: create(&options.flows)?,
        })
    }

    const fn has_packets(&self) -> bool {
        self.output.is_some() || self.dropped.is_some()
    }

    fn outputs(&mut self) -> io::Result<Buffered<'_>> {
        Ok(Buffered {
            forwarded: self.output.as_mut().map(packer).transpose()?,
            dropped: self.dropped.as_mut().map(packer).transpose()?,
        })
    }

    /// The digests of the files of packets, which are all written, beside the input's.
    fn digests(&mut self, input: Sha256) -> Result<report::Digests> {
        let path = |file: &Option<OutputFile>| {
            let file = file.as_ref()?;
            Some(file.path().display().to_string())
        };
        let digest = |file: &mut Option<OutputFile>| -> Result<Option<String>> {
            let digest = file.as_mut().map(OutputFile::digest).transpose()?;
            Ok(digest.flatten().map(|digest| digest.to_string()))
        };
        Ok(report::Digests {
            algorithm: report::Digests::ALGORITHM,
            input: input.to_string(),
            output: digest(&mut self.output)?,
            dropped: digest(&mut self.dropped)?,
            output_path: path(&self.output),
            dropped_path: path(&self.dropped),
        })
    }

    /// Gives every file its name.
    fn commit(self) -> Result<()> {
        let files = [self.output, self.dropped, self.json, self.flows];
        Ok(output::commit_all(files.into_iter().flatten().collect())?)
    }
}

/// The two packet files, written in big pieces, and compressed where their names say so.
struct Buffered<'a> {
    forwarded: Option<PacketFile<'a>>,
    dropped: Option<PacketFile<'a>>,
}

type PacketFile<'a> = Packer<&'a mut OutputFile>;

fn packer(file: &mut OutputFile) -> io::Result<PacketFile<'_>> {
    let packing = Packing::of(file.path());
    Packer::new(packing, file)
}

impl Buffered<'_> {
    fn lend(&mut self) -> Outputs<'_> {
        Outputs {
            forwarded: self.forwarded.as_mut().map(|file| file as &mut dyn Write),
            dropped: self.dropped.as_mut().map(|file| file as &mut dyn Write),
        }
    }

    fn finish(self) -> io::Result<()> {
        let files = [self.forwarded, self.dropped];
        files.into_iter().flatten().try_for_each(Packer::finish)
    }
}

/// What ids are called.
pub(super) struct Labels<'a> {
    pub(super) policy: &'a Policy,
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

    fn keeps(&self, id: RuleId) -> bool {
        let rule = self.policy.rules.rule(id);
        let allows = rule.is_some_and(|rule| rule.action == Action::Allow);
        allows != (self.policy.removal == Removal::AllElse)
    }
}

/// Everything that is learnt from the flows as they end.
struct Gathered<'a> {
    names: &'a Labels<'a>,
    narrator: &'a Narrator,
    stats: FlowStats,
    hosts: Hosts,
    lines: Option<FlowLines>,
}

impl<'a> Gathered<'a> {
    fn new(options: &Options, names: &'a Labels<'a>, narrator: &'a Narrator) -> Self {
        let thresholds = thresholds(options, names.policy.rules.thresholds());
        Self {
            names,
            narrator,
            stats: FlowStats::default(),
            hosts: Hosts::new(thresholds),
            lines: options
                .flows
                .is_some()
                .then(|| FlowLines::new(std::env::temp_dir())),
        }
    }

    /// Writes the reports that go to files, and gives back the one for people.
    fn report(self, options: &Options, finished: Finished, files: &mut Files) -> Result<String> {
        if let Some(lines) = self.lines {
            write_side(&mut files.flows, |out| Ok(lines.finish(out).map(|_| ())?))?;
        }
        let mut counts = finished.ran.counts;
        counts.forwarded = counts.total.saturating_sub(counts.dropped);
        counts.forwarded_bytes = counts.bytes.saturating_sub(counts.dropped_bytes);
        let gathered = report::Gathered {
            input: about_input(options, &finished),
            digests: match finished.digest {
                Some(input) => Some(files.digests(input)?),
                None => None,
            },
            packets: counts,
            undecoded: finished.ran.undecoded.clone(),
            flows: self.stats.finish(),
            suspicious: self.hosts.finish(),
            fragments: finished.ran.fragments,
            untold_drops: finished.ran.untold_drops,
            untold_lookups: finished.ran.untold_lookups,
            forgotten_answers: finished.ran.forgotten_answers,
        };
        let report = Report::new(gathered, self.names);
        write_side(&mut files.json, |out| Ok(report::json(&report, out)?))?;
        Ok(report::text(&report, report::MIN_WIDTH))
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
        Ok(())
    }

    fn judged(&mut self, news: &Judged) {
        let (rule, is_kept) = (self.names.rule(news.rule), self.names.keeps(news.rule));
        self.narrator.judged(news, rule, is_kept);
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
        compression: capture.compression.map(Compression::as_str),
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
        skipped: skipped(&capture.skipped),
    }
}

fn skipped(skipped: &Skipped) -> report::Skipped {
    let stretches = skipped.listed.iter().map(|skip| report::Skip {
        offset: skip.offset,
        length: skip.length,
        reason: skip.reason.to_string(),
    });
    report::Skipped {
        skipped: stretches.collect(),
        skipped_count: skipped.count,
        skipped_bytes: skipped.bytes,
    }
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
