//! Everything that a run learns of the flows as they end, and what becomes of it: the reports.

use std::env::temp_dir;
use std::error::Error;
use std::io::{self, Write};
use std::slice;

use anyhow::{Context as _, Result};

use super::exports::Exports;
use super::files::{Files, write_side};
use super::inputs::FileFacts;
use super::narrator::Narrator;
use super::run::Finished;
use super::{Options, terminal};
use crate::capture::{CaptureSummary, Compression, Format, PartSummary, Resolution, Skipped};
use crate::catalogue::AppId;
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::hosts::{AHEAD, Hosts, Thresholds};
use crate::ini;
use crate::pipeline::{Judged, Sink};
use crate::report::{
    self, Difference, Expected, Explanations, FlowComments, FlowLines, FlowLinesError, FlowParts,
    HtmlReport, Names, Query, Report,
};
use crate::rules::{Action, GivenThresholds, Removal, RuleId};
use crate::stats::FlowStats;

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
pub(super) struct Gathered<'a> {
    pub(super) names: &'a Labels<'a>,
    pub(super) narrator: &'a Narrator,
    pub(super) stats: FlowStats,
    hosts: Hosts,
    page: Option<HtmlReport>,
    lines: Option<FlowLines>,
    exports: Exports,
    pub(super) comments: Option<FlowComments>,
    pub(super) parts: Option<FlowParts>,
    explanations: Option<Explanations<'a>>,
    /// What went wrong while a verdict was noted.
    failed: Option<FlowLinesError>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(
        options: &Options,
        (names, exports): (&'a Labels<'a>, Exports),
        narrator: &'a Narrator,
    ) -> Self {
        let thresholds = thresholds(options, names.policy.rules.thresholds());
        Self {
            names,
            narrator,
            stats: FlowStats::default(),
            hosts: Hosts::new(thresholds),
            page: options.html.as_ref().map(|_| HtmlReport::new(temp_dir())),
            lines: options.flows.as_ref().map(|_| FlowLines::new(temp_dir())),
            exports,
            comments: options.annotate.then(|| FlowComments::new(temp_dir())),
            parts: options
                .split
                .as_ref()
                .map(|(by, _)| FlowParts::new(*by, options.annotate, temp_dir())),
            explanations: None,
            failed: None,
        }
    }

    /// Has the flows explained that are asked for.
    pub(super) fn explain(&mut self, query: &'a Query) {
        self.explanations = Some(Explanations::new(query, self.names.policy, temp_dir()));
    }

    /// Takes out what is to be explained.
    ///
    /// # Errors
    /// Nothing is, or it could not be noted.
    pub(super) fn explanations(&mut self, options: &Options) -> Result<Option<Explanations<'a>>> {
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
    pub(super) fn report(
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
            digests: match first_of(&finished).and_then(|(_, facts)| facts.digest) {
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
            overlapping_inputs: finished.ran.capture.overlap_count(),
        };
        let report = Report::new(gathered, self.names);
        write_side(&mut files.json, |out| Ok(report::json(&report, out)?))?;
        if let Some(page) = self.page {
            let names = self.names;
            write_side(&mut files.html, |out| Ok(page.finish(&report, names, out)?))?;
        }
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

impl Gathered<'_> {
    fn count(&mut self, flows: &[FlowSummary]) {
        let (hosts, stats) = (self.hosts.look_ahead(flows), self.stats.look_ahead(flows));
        self.stats.observe_all(&stats);
        self.hosts.observe_all(&hosts);
    }

    /// Has every report that goes flow by flow take `flows` in.
    fn tell(&mut self, flows: &[FlowSummary]) -> io::Result<()> {
        let names = self.names;
        if let Some(page) = &mut self.page {
            tell_each(flows, |flow| page.push(flow))?;
        }
        if let Some(lines) = &mut self.lines {
            tell_each(flows, |flow| lines.push(flow, names))?;
        }
        self.exports.push(flows, names).map_err(io::Error::other)?;
        if let Some(comments) = &mut self.comments {
            tell_each(flows, |flow| comments.push(flow, names))?;
        }
        if let Some(parts) = &mut self.parts {
            tell_each(flows, |flow| parts.push(flow, names))?;
        }
        if let Some(explanations) = &mut self.explanations {
            tell_each(flows, |flow| explanations.push(flow))?;
        }
        Ok(())
    }
}

fn tell_each<E: Into<Box<dyn Error + Send + Sync>>>(
    flows: &[FlowSummary],
    push: impl FnMut(&FlowSummary) -> Result<(), E>,
) -> io::Result<()> {
    flows.iter().try_for_each(push).map_err(io::Error::other)
}

impl Sink for Gathered<'_> {
    fn flows(&mut self, flows: &[FlowSummary]) -> io::Result<()> {
        for flows in flows.chunks(AHEAD) {
            // All are counted before the first is told of: that would drive what was fetched out of the caches.
            self.count(flows);
            self.tell(flows)?;
        }
        Ok(())
    }

    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()> {
        self.flows(slice::from_ref(flow))
    }

    fn hears_judged(&self) -> bool {
        self.narrator.tells_judged() || self.explanations.is_some()
    }

    fn judged(&mut self, news: &Judged) {
        let (rule, is_kept) = (self.names.rule(news.rule), self.names.keeps(news.rule));
        self.narrator.judged(news, rule, is_kept);
        // Once is enough: what could not be written is as large the next time.
        if self.failed.is_none()
            && let Some(explanations) = &mut self.explanations
            && let Err(error) = explanations.judged(news.flow, news.packet, news.rule)
        {
            self.failed = Some(error);
        }
    }
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

/// The input whose packets come first: its place among those that were given, and what is known of it.
fn first_of(finished: &Finished) -> Option<(usize, FileFacts)> {
    let first = finished.ran.capture.parts.first();
    let index = first.map_or(0, |part| part.index);
    Some((index, *finished.files.get(index)?))
}

/// What the report says of the input.
fn about_input(options: &Options, finished: &Finished) -> report::Input {
    let ran = &finished.ran;
    let capture = &ran.capture;
    let (first, _) = first_of(finished).unzip();
    report::Input {
        path: path_of(options, first.unwrap_or_default()),
        format: format(capture.format),
        compression: capture.compression.map(Compression::as_str),
        link_types: capture.link_types.clone(),
        resolution: match capture.resolution {
            Some(Resolution::Us) => report::Resolution::Micro,
            Some(Resolution::Ns) => report::Resolution::Nano,
            _ => report::Resolution::Mixed,
        },
        file_bytes: finished.files.iter().map(|file| file.bytes).sum(),
        first_packet: ran.span.map(|(first, _)| first),
        last_packet: ran.span.map(|(_, last)| last),
        damage: damage(capture),
        skipped: skipped(&capture.skipped),
        files: {
            let parts = capture.parts.iter();
            parts
                .map(|part| about_file(options, (part, finished)))
                .collect()
        },
    }
}

/// What the report says of one of several inputs.
fn about_file(options: &Options, (part, finished): (&PartSummary, &Finished)) -> report::InputFile {
    let capture = &part.summary;
    let facts = finished.files.get(part.index);
    report::InputFile {
        path: path_of(options, part.index),
        format: format(capture.format),
        compression: capture.compression.map(Compression::as_str),
        file_bytes: facts.map_or(0, |facts| facts.bytes),
        first_packet: part.span.map(|(first, _)| first),
        last_packet: part.span.map(|(_, last)| last),
        damage: damage(capture),
        skipped: skipped(&capture.skipped),
        sha256: facts.and_then(|facts| Some(facts.digest?.to_string())),
    }
}

fn path_of(options: &Options, index: usize) -> String {
    let capture = options.captures.get(index);
    capture.map_or_else(String::new, |capture| capture.path.display().to_string())
}

const fn format(format: Format) -> &'static str {
    match format {
        Format::Pcap => "pcap",
        Format::Pcapng => "pcapng",
    }
}

fn damage(capture: &CaptureSummary) -> Option<report::Damage> {
    let damage = capture.damage.as_ref()?;
    Some(report::Damage {
        offset: damage.offset,
        reason: damage.reason.to_string(),
    })
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
