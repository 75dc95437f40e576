//! Everything that a run learns of the flows as they end, and what becomes of it: the reports.

use std::env::temp_dir;
use std::io::{self, Write};

use anyhow::{Context as _, Result};

use super::exports::Exports;
use super::files::{Files, write_side};
use super::narrator::Narrator;
use super::run::Finished;
use super::{Options, terminal};
use crate::capture::{Compression, Format, Resolution, Skipped};
use crate::catalogue::AppId;
use crate::engine::Policy;
use crate::flow::FlowSummary;
use crate::hosts::{Hosts, Thresholds};
use crate::ini;
use crate::pipeline::{Judged, Sink};
use crate::report::{
    self, Difference, Expected, Explanations, FlowComments, FlowLines, FlowLinesError, HtmlReport,
    Names, Query, Report,
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
            page: options.html.as_ref().map(|_| HtmlReport::new()),
            lines: options.flows.as_ref().map(|_| FlowLines::new(temp_dir())),
            exports,
            comments: options.annotate.then(|| FlowComments::new(temp_dir())),
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

impl Sink for Gathered<'_> {
    fn flow(&mut self, flow: FlowSummary) -> io::Result<()> {
        self.stats.observe(&flow);
        self.hosts.observe(&flow);
        if let Some(page) = &mut self.page {
            page.push(&flow);
        }
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

    fn judged(&mut self, news: &Judged) {
        let (rule, is_kept) = (self.names.rule(news.rule), self.names.keeps(news.rule));
        self.narrator.judged(news, rule, is_kept);
        if let Some(explanations) = &mut self.explanations
            && let Err(error) = explanations.judged(news.flow, news.packet, news.rule)
        {
            self.failed.get_or_insert(error);
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
