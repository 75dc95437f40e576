//! The files that a run writes: opened before it starts, and given their names when it has come to its end.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;

use super::{Options, Status};
use crate::output::{self, OutputFile, OutputFolder, Packer, Packing, Sha256};
use crate::pipeline::Outputs;
use crate::report;

/// The files of a run, all opened before it starts.
pub(super) struct Files {
    output: Option<OutputFile>,
    dropped: Option<OutputFile>,
    pub(super) json: Option<OutputFile>,
    pub(super) html: Option<OutputFile>,
    pub(super) flows: Option<OutputFile>,
    /// Of flows for other programs, once they are written.
    pub(super) exports: Vec<OutputFile>,
    pub(super) junit: Option<OutputFile>,
    /// Of the capture's parts.
    pub(super) parts: Option<OutputFolder>,
}

impl Files {
    pub(super) fn create(options: &Options) -> Result<Self> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutputFile::create).transpose();
        let packets = |path| match create(path)? {
            Some(file) if options.sha256 => file.with_digest().map(Some),
            file => Ok(file),
        };
        let parts = options.parts_dir();
        let parts = parts
            .map(|dir| OutputFolder::create(dir.path))
            .transpose()?;
        Ok(Self {
            parts,
            output: packets(&options.output)?,
            dropped: packets(&options.dropped)?,
            json: create(&options.json)?,
            html: create(&options.html)?,
            flows: create(&options.flows)?,
            exports: Vec::new(),
            junit: create(&options.expect_junit)?,
        })
    }

    pub(super) const fn has_packets(&self) -> bool {
        self.output.is_some() || self.dropped.is_some()
    }

    pub(super) fn outputs(&mut self) -> io::Result<Buffered<'_>> {
        Ok(Buffered {
            forwarded: self.output.as_mut().map(packer).transpose()?,
            dropped: self.dropped.as_mut().map(packer).transpose()?,
        })
    }

    /// The digests of the files of packets, which are all written, beside the input's.
    pub(super) fn digests(&mut self, input: Sha256) -> Result<report::Digests> {
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
    pub(super) fn commit(self) -> Result<()> {
        let packets = [self.output, self.dropped];
        let reports = [self.json, self.html, self.flows, self.junit];
        let files = packets.into_iter().chain(reports).flatten();
        let files = files.chain(self.exports);
        Ok(output::commit_all(files.collect(), self.parts)?)
    }
}

/// The two packet files, written in big pieces, and compressed where their names say so.
pub(super) struct Buffered<'a> {
    forwarded: Option<PacketFile<'a>>,
    dropped: Option<PacketFile<'a>>,
}

type PacketFile<'a> = Packer<&'a mut OutputFile>;

fn packer(file: &mut OutputFile) -> io::Result<PacketFile<'_>> {
    let packing = Packing::of(file.path());
    Packer::new(packing, file)
}

impl Buffered<'_> {
    pub(super) fn lend(&mut self) -> Outputs<'_> {
        Outputs {
            forwarded: self.forwarded.as_mut().map(|file| file as &mut dyn Write),
            dropped: self.dropped.as_mut().map(|file| file as &mut dyn Write),
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let files = [self.forwarded, self.dropped];
        files.into_iter().flatten().try_for_each(Packer::finish)
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
