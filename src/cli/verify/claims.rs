//! What a report claims of its files. All else that stands in it is passed over while it is read, however long.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use super::shown;
use crate::report::{self, SCHEMA};

/// The part of a report that can be checked.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) input: Input,
    pub(super) packets: Packets,
    pub(super) digests: Digests,
}

#[derive(Debug, Deserialize)]
struct Report {
    schema: String,
    input: Input,
    packets: Packets,
    digests: Option<Digests>,
}

/// Of [`report::Input`].
#[derive(Debug, Deserialize)]
pub(super) struct Input {
    pub(super) path: String,
    /// Where there are several.
    #[serde(default)]
    pub(super) files: Vec<InputFile>,
    /// More than none: it was read with `--recover`.
    skipped_count: u64,
}

/// Of [`report::InputFile`].
#[derive(Debug, Deserialize)]
pub(super) struct InputFile {
    pub(super) path: String,
    pub(super) sha256: Option<String>,
}

impl Input {
    /// Whether it was read on behind damage.
    pub(super) const fn was_recovered(&self) -> bool {
        self.skipped_count > 0
    }
}

/// Of [`PacketCounts`](crate::stats::PacketCounts).
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Packets {
    pub(super) total: u64,
    pub(super) forwarded: u64,
    pub(super) dropped: u64,
}

/// [`report::Digests`].
#[derive(Debug, Deserialize)]
pub(super) struct Digests {
    algorithm: String,
    pub(super) input: String,
    pub(super) output: Option<String>,
    pub(super) dropped: Option<String>,
    pub(super) output_path: Option<String>,
    pub(super) dropped_path: Option<String>,
}

impl Claims {
    /// Reads the report at `path`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let about = || format!("cannot read the report {}", shown(path));
        let file = File::open(path).with_context(about)?;
        let report = serde_json::from_reader(BufReader::new(file));
        let report: Report = report
            .map_err(|error: serde_json::Error| match error.is_io() {
                true => error.into(),
                false => anyhow!("{error}; a report of --json with --sha256 is expected"),
            })
            .with_context(about)?;
        let expected = |what: &str, found: &str, expected: &str| {
            let found = found.escape_debug();
            format!(
                "{}: {what}: found \"{found}\", expected \"{expected}\"",
                shown(path)
            )
        };
        if report.schema != SCHEMA {
            bail!(expected("schema", &report.schema, SCHEMA));
        }
        let Some(digests) = report.digests else {
            bail!(
                "{}: it holds no digests; a report made with --sha256 does",
                shown(path)
            );
        };
        let algorithm = report::Digests::ALGORITHM;
        if digests.algorithm != algorithm {
            bail!(expected("algorithm", &digests.algorithm, algorithm));
        }
        Ok(Self {
            input: report.input,
            packets: report.packets,
            digests,
        })
    }
}
