//! What the user is told while the program runs, on standard error; and the text report.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context as _, Result};

use super::Verbosity;
use crate::capture::{CaptureSummary, Damage, MAX_LISTED_SKIPS};
use crate::pipeline::{Judged, Ran};
use crate::rules::RuleSet;

/// Skipped stretches of the input that get a line each.
const MAX_SKIPS_TOLD: usize = 20;

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

    pub(super) fn judged(&self, news: &Judged, rule: Option<(&str, &str)>, is_kept: bool) {
        if self.verbosity < Verbosity::Verbose {
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

    pub(super) fn done(&self, ran: &Ran) {
        let counts = &ran.counts;
        self.say(
            Verbosity::Verbose,
            format_args!("packets: {} read, {} dropped", counts.total, counts.dropped),
        );
    }

    /// Shows the text report: on standard output, unless that belongs to something else.
    ///
    /// A reader that has gone away has read enough; a full disk is a failure.
    pub(super) fn report(&self, text: &str, is_standard_output_taken: bool) -> Result<()> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let written = if is_standard_output_taken {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot write the text report")
            }
            _ => Ok(()),
        }
    }

    /// Damage is told even to those who want quiet: it is why the exit status is not 0.
    pub(super) fn damage(&self, input: &str, capture: &CaptureSummary) {
        let Some(Damage { offset, reason }) = &capture.damage else {
            return;
        };
        let skipped = &capture.skipped;
        let and_then = match skipped.count {
            0 => "everything before it was processed",
            _ => "what could be read behind it was processed too",
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
