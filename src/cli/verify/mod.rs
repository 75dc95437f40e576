//! `--verify`: whether the files that a report tells of are still what they were, and still fit together.

mod claims;
mod packets;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::claims::Claims;
use self::packets::{Compared, Part};
use super::input::shown;
use super::inputs::Inputs;
use super::{GivenCapture, Status, Verification};
use crate::capture::{CaptureReader, ReadOptions};
use crate::output::{Digester, Sha256};

/// Bytes that are read at once.
const READ_LEN: usize = 256 << 10;

/// A file that the report tells of.
struct Claimed {
    role: &'static str,
    path: PathBuf,
    digest: Sha256,
}

/// Tells in a line each what agrees and what does not.
struct Verdicts {
    is_quiet: bool,
    checks: usize,
    failures: usize,
}

/// Checks the files, and says how it went: [`Status::Failed`] when something does not agree.
///
/// # Errors
/// The report cannot be read, or tells of no digests; or standard output cannot be written.
pub(super) fn verify(files: &Verification) -> Result<Status> {
    let claims = Claims::read(&files.report)?;
    let claimed = claimed(files, &claims)?;
    let mut verdicts = Verdicts {
        is_quiet: files.is_quiet,
        checks: 0,
        failures: 0,
    };
    for file in &claimed {
        let about = format!("{} ({})", file.role, shown(&file.path));
        match digest_of(&file.path) {
            Ok(found) if found == file.digest => {
                verdicts.agrees(&format!("{about}: SHA-256 agrees"))?
            }
            Ok(found) => {
                let expected = file.digest;
                let difference =
                    format!("{about}: SHA-256 differs: found {found}, expected {expected}");
                verdicts.differs(&difference)?;
            }
            Err(reason) => verdicts.differs(&format!("{about}: cannot be read: {reason}"))?,
        }
    }
    match compare(&claimed, &claims, files.reading) {
        Ok(Compared::Agrees(what)) => verdicts.agrees(&format!("packets: {what}"))?,
        Ok(Compared::Differs(what)) => verdicts.differs(&format!("packets: {what}"))?,
        Err(reason) => verdicts.differs(&format!("packets: {reason:#}"))?,
    }
    if verdicts.failures == 0 {
        return Ok(Status::Done);
    }
    let (failures, checks) = (verdicts.failures, verdicts.checks);
    let report = shown(&files.report);
    // When nobody can be told, the status still says it.
    let _ = writeln!(
        io::stderr().lock(),
        "dpi_engine: {report}: {failures} of {checks} checks failed"
    );
    Ok(Status::Failed)
}

impl Verdicts {
    fn agrees(&mut self, line: &str) -> Result<()> {
        self.checks += 1;
        if self.is_quiet {
            return Ok(());
        }
        tell(line)
    }

    fn differs(&mut self, line: &str) -> Result<()> {
        self.checks += 1;
        self.failures += 1;
        tell(line)
    }
}

fn tell(line: &str) -> Result<()> {
    writeln!(io::stdout().lock(), "{line}").context("cannot write to standard output")
}

/// The files to check, INPUT first: under the paths of the command line, else under the report's.
fn claimed(files: &Verification, claims: &Claims) -> Result<Vec<Claimed>> {
    let digests = &claims.digests;
    let told: Vec<_> = match claims.input.files.as_slice() {
        [] => vec![(&claims.input.path, Some(&digests.input))],
        told => {
            let told = told.iter();
            told.map(|file| (&file.path, file.sha256.as_ref()))
                .collect()
        }
    };
    let count = told.len();
    let given = files.paths.len();
    anyhow::ensure!(
        given == 0 || given == count || given == count + 1,
        "{}: the report tells of {count} INPUT: found {given} names; expected all of them, and then perhaps OUTPUT",
        shown(&files.report)
    );
    let mut roles = Vec::with_capacity(count + 2);
    for (index, (path, digest)) in told.into_iter().enumerate() {
        let about = || format!("{}: INPUT: no digest", shown(&files.report));
        let digest = Some(digest.with_context(about)?);
        roles.push(("INPUT", files.paths.get(index), Some(path), digest));
    }
    roles.push((
        "OUTPUT",
        files.paths.get(count),
        digests.output_path.as_ref(),
        digests.output.as_ref(),
    ));
    roles.push((
        "dropped packets",
        files.dropped.as_ref(),
        digests.dropped_path.as_ref(),
        digests.dropped.as_ref(),
    ));
    let mut claimed = Vec::new();
    for (role, given, told, digest) in roles {
        let about = || format!("{}: {role}", shown(&files.report));
        let Some(digest) = digest else {
            let none = || {
                format!(
                    "{}: the report tells of none, so there is nothing to compare with",
                    about()
                )
            };
            anyhow::ensure!(given.is_none(), none());
            continue;
        };
        let path = given.cloned().or_else(|| told.map(PathBuf::from));
        let path = path.with_context(|| format!("{}: the report tells no path", about()))?;
        let is_stream = path == Path::new("-");
        anyhow::ensure!(
            !is_stream,
            "{}: it was a stream; name the file that holds it now",
            about()
        );
        let digest = digest.parse();
        let digest = digest.with_context(|| format!("{}: no SHA-256 digest", about()))?;
        claimed.push(Claimed { role, path, digest });
    }
    Ok(claimed)
}

fn digest_of(path: &Path) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    let mut digester = Digester::start()?;
    let mut buffer = vec![0; READ_LEN];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return digester.finish(),
            Ok(len) => digester.update(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the packets of the files are those of INPUT, and as many as the report tells.
fn compare(claimed: &[Claimed], claims: &Claims, reading: ReadOptions) -> Result<Compared> {
    let numbers = &claims.packets;
    if numbers.forwarded.checked_add(numbers.dropped) != Some(numbers.total) {
        let odd = "the report's own numbers do not add up";
        return Ok(Compared::Differs(odd.to_owned()));
    }
    let open = |captures: &[GivenCapture], recover| -> Result<CaptureReader> {
        let reading = ReadOptions { recover, ..reading };
        Ok(Inputs::open(captures, false)?.read(reading)?.0)
    };
    let mut inputs = Vec::new();
    let mut parts = Vec::new();
    for file in claimed {
        let capture = GivenCapture {
            path: file.path.clone(),
            origin: None,
        };
        let expected = match file.role {
            "INPUT" => {
                inputs.push(capture);
                continue;
            }
            "OUTPUT" => numbers.forwarded,
            _ => numbers.dropped,
        };
        // What was written is whole.
        parts.push(Part::new(file.role, open(&[capture], false)?, expected));
    }
    let input = open(&inputs, claims.input.was_recovered())?;
    packets::compare(Part::new("INPUT", input, numbers.total), parts)
}
