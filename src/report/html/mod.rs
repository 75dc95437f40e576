//! The report as a web page: one file that needs no other, and no network.
//!
//! In go flows as they end, and the report; out comes HTML. The page's own files stand beside this one: its template, its style and its
//! script. Whatever comes from a capture or a person is escaped by the template, or stands in JSON that the script only ever makes text of; the
//! page's Content-Security-Policy lets nothing run but that script, and nothing be fetched.
//!
//! Memory: some tens of megabytes at most, whatever comes; the page is bounded too ([`PAGE_BYTES`]).

mod chart;
mod flows;
mod headline;
mod page;
mod talkers;
mod text;
mod timeline;

use std::io::{self, Write};
use std::path::PathBuf;

use askama::Template as _;

use super::in_order::FlowLinesError;
use super::{Names, Report};
use crate::flow::FlowSummary;
use chart::Chart;
use flows::LargestFlows;
use page::Page;
use talkers::Talkers;
use timeline::Timeline;

/// Most bytes of a page. Its table of flows has what room the rest leaves.
const PAGE_BYTES: usize = 1 << 20;

/// Takes flows as they end, and makes a page of them and the report.
#[derive(Debug)]
pub struct HtmlReport {
    timeline: Timeline,
    talkers: Talkers,
    flows: LargestFlows,
}

impl HtmlReport {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            timeline: Timeline::new(),
            talkers: Talkers::new(),
            flows: LargestFlows::new(dir),
        }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary) -> Result<(), FlowLinesError> {
        self.timeline.push(flow);
        self.talkers.push(flow);
        self.flows.push(flow)
    }

    /// Writes the page: of the report, and of the flows that were taken in.
    ///
    /// * Lists are cut: each says how much more there is. Of the flows it has at most 10,000, the largest.
    /// * Under 1 MiB, whatever there is.
    ///
    /// # Errors
    /// Those of `out`, and of temporary files.
    pub fn finish(
        self,
        report: &Report<'_>,
        names: &impl Names,
        mut out: impl Write,
    ) -> io::Result<()> {
        let chart = self.timeline.finish(names);
        let chart = chart.map(|traffic| Chart::new(traffic, report.packets.bytes));
        let talkers = self.talkers.finish(page::MOST_TALKERS);
        let mut page = Page::new(report, chart, talkers)?;
        let rest = page.render().map_err(io::Error::other)?.len();
        let room = PAGE_BYTES.saturating_sub(rest);
        page.flows = self.flows.json((report.flows.total, room), names)?;
        page.write_into(&mut out).map_err(io::Error::other)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests;
