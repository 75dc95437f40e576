//! What the user is told while the program runs, on standard error; and the text report.

use std::fmt;
use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, Result};

use super::input::shown;
use super::{GivenCapture, Options, Status, Verbosity};
use crate::capture::{CaptureSummary, Damage, MAX_LISTED_SKIPS};
use crate::pipeline::{Judged, Ran};
use crate::report::{Difference, MAX_PARTS, Part, SplitBy};
use crate::rules::RuleSet;

/// Differences that are told on the terminal; the JUnit file has all.
const MAX_DIFFERENCES: usize = 100;

/// Skipped stretches of the input that get a line each.
const MAX_SKIPS_TOLD: usize = 20;

/// Damaged inputs that are told on the terminal.
const MAX_FILES_TOLD: usize = 20;

/// Tells as much as was asked for. A terminal that is gone is no reason to stop: what cannot be told is lost.
pub(super) struct Narrator {
    verbosity: Verbosity,
}

impl Narrator {
    pub(super) const fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    fn say(&self, from: Verbosity, what: fmt::Arguments<'_>) {
        if self.verbosity >= from {
            let _ = writeln!(io::stderr().lock(), "{what}");
        }
    }

    pub(super) fn rules(&self, rules: &RuleSet) {
        self.say(
            Verbosity::Verbose,
            format_args!("rules: {}", rules.rules().len()),
        );
        for rule in rules.rules() {
            self.say(
                Verbosity::VeryVerbose,
                format_args!("  {} ({})", rule.text, rule.origin),
            );
        }
    }

    /// Whether [`judged`](Self::judged) has anything to tell.
    pub(super) fn tells_judged(&self) -> bool {
        self.verbosity >= Verbosity::Verbose
    }

    pub(super) fn judged(&self, news: &Judged, rule: Option<(&str, &str)>, is_kept: bool) {
        if !self.tells_judged() {
            return;
        }
        let (rule, origin) = rule.unwrap_or_default();
        let (tuple, packet) = (&news.five_tuple, news.packet);
        let by = match &news.ground {
            Some(ground) => format!(", by {} {}", ground.by.as_str(), ground.value),
            None => String::new(),
        };
        let what = if is_kept { "kept" } else { "blocked" };
        self.say(
            Verbosity::Verbose,
            format_args!(
                "packet {packet}: {} {} -> {} {what} by {rule} ({origin}){by}",
                tuple.protocol, tuple.src, tuple.dst
            ),
        );
        if news.flow != packet {
            self.say(
                Verbosity::VeryVerbose,
                format_args!("  its flow began with packet {}", news.flow),
            );
        }
    }

    pub(super) fn second_pass(&self, flows: u64) {
        self.say(
            Verbosity::Verbose,
            format_args!("second pass: {flows} flows to remove"),
        );
    }

    pub(super) fn unsaid(&self, comments: u64) {
        if comments > 0 {
            self.say(
                Verbosity::Normal,
                format_args!("dpi_engine: {comments} flows have no comment: the blocks of their first packets have no room for one, or too many comments waited for their packet"),
            );
        }
    }

    pub(super) fn rest(&self, by: SplitBy, rest: &Part) {
        self.say(
            Verbosity::Normal,
            format_args!(
                "dpi_engine: split by {by}, there are more than {MAX_PARTS} parts: {} flows ({} packets) are together in {}",
                rest.flows, rest.packets, rest.file
            ),
        );
    }

    pub(super) fn done(&self, ran: &Ran) {
        let counts = &ran.counts;
        self.say(
            Verbosity::Verbose,
            format_args!("packets: {} read, {} dropped", counts.total, counts.dropped),
        );
    }

    /// Shows the text report, unless nobody wants it.
    pub(super) fn report(&self, text: &str, is_standard_output_taken: bool) -> Result<()> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let write = |out: &mut dyn Write| Ok(out.write_all(text.as_bytes())?);
        show(write, is_standard_output_taken).context("cannot write the text report")
    }

    /// Differences are told even to those who want quiet: they are why the exit status is not 0.
    pub(super) fn differences(&self, expected: &str, differences: &[Difference]) {
        let count = differences.len();
        self.say(
            Verbosity::Quiet,
            format_args!("dpi_engine: the report is not as {expected} says; differences: {count}"),
        );
        let shown = differences.iter().take(MAX_DIFFERENCES);
        shown.for_each(|difference| self.say(Verbosity::Quiet, format_args!("  {difference}")));
        if count > MAX_DIFFERENCES {
            let more = count - MAX_DIFFERENCES;
            self.say(Verbosity::Quiet, format_args!("  and {more} more"));
        }
    }

    /// Of a dry run: a file that may have been meant as INPUT is taken for OUTPUT.
    pub(super) fn untouched(&self, options: &Options) {
        let Some(path) = options.untouched.as_deref().filter(|path| path.exists()) else {
            return;
        };
        self.say(
            Verbosity::Normal,
            format_args!(
                "dpi_engine: {} is not read: the last of several names is OUTPUT, with --dry-run too",
                shown(path)
            ),
        );
    }

    /// Of inputs that follow each other and should be merged: the first of them.
    pub(super) fn overlaps(&self, captures: &[GivenCapture], capture: &CaptureSummary) {
        let Some((before, after)) = capture.first_overlap() else {
            return;
        };
        let [before, after] = [before, after].map(|index| name_of(captures, index));
        self.say(
            Verbosity::Normal,
            format_args!(
                "dpi_engine: packets are not in order of time: {after} begins before {before} ends, and pcapng files follow each other whole; \
                 mergecap puts them in order"
            ),
        );
    }

    /// Damage is told even to those who want quiet: it is why the exit status is not 0.
    pub(super) fn damage(&self, captures: &[GivenCapture], capture: &CaptureSummary) {
        if capture.parts.is_empty() {
            return self.damage_of(&name_of(captures, 0), capture);
        }
        let damaged = || {
            capture
                .parts
                .iter()
                .filter(|part| part.summary.damage.is_some())
        };
        for part in damaged().take(MAX_FILES_TOLD) {
            self.damage_of(&name_of(captures, part.index), &part.summary);
        }
        let count = damaged().count();
        if count > MAX_FILES_TOLD {
            let more = count - MAX_FILES_TOLD;
            self.say(
                Verbosity::Quiet,
                format_args!("dpi_engine: {more} more inputs are damaged; --json lists all"),
            );
        }
    }

    fn damage_of(&self, input: &str, capture: &CaptureSummary) {
        let Some(Damage { offset, reason }) = &capture.damage else {
            return;
        };
        let skipped = &capture.skipped;
        let and_then = match skipped.count {
            0 => "everything before it was processed",
            _ if capture.went_on() => "what could be read behind it was processed too",
            _ => "what could be read before it was processed",
        };
        self.say(
            Verbosity::Quiet,
            format_args!("dpi_engine: {input} is damaged at byte {offset}: {reason}; {and_then}"),
        );
        for skip in skipped.listed.iter().take(MAX_SKIPS_TOLD) {
            self.say(
                Verbosity::Quiet,
                format_args!(
                    "dpi_engine: skipped {} bytes at byte {}: {}",
                    skip.length, skip.offset, skip.reason
                ),
            );
        }
        if skipped.count > MAX_SKIPS_TOLD as u64 {
            self.say(
                Verbosity::Quiet,
                format_args!(
                    "dpi_engine: skipped {} bytes at {} places in all; --json lists the first {MAX_LISTED_SKIPS}",
                    skipped.bytes, skipped.count
                ),
            );
        }
    }
}

/// What the input that was given at this place is called.
fn name_of(captures: &[GivenCapture], index: usize) -> String {
    let capture = captures.get(index);
    capture.map_or_else(String::new, |capture| shown(&capture.path))
}

/// Shows what `write` writes: on standard output, unless that belongs to something else.
///
/// A reader that has gone away has read enough; a full disk is a failure.
pub(super) fn show(
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
    is_standard_output_taken: bool,
) -> Result<()> {
    let mut out: Box<dyn Write> = if is_standard_output_taken {
        Box::new(io::stderr().lock())
    } else {
        Box::new(io::stdout().lock())
    };
    let mut out = BufWriter::new(&mut out);
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    // What is left of it after a failure would only fail again.
    let _ = out.into_parts();
    match written {
        Err(error) if Status::of_failure(error.as_ref()) == Status::Done => Ok(()),
        written => written,
    }
}
