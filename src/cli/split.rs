//! INPUT taken apart: its parts are written when all flows are known, and then listed in `index.json`.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, Result};

use super::Options;
use super::run::{Finished, head};
use crate::capture::{CaptureReader, Format};
use crate::engine::Policy;
use crate::output::{OutputFolder, PartFiles};
use crate::pipeline::{self, Fates, Parts, SplitPacket, Splitting};
use crate::report::{Division, FlowParts, Holds, Part, SplitIndex, SplitInput, split_index_json};

/// The list of parts.
const INDEX: &str = "index.json";

/// Bytes outside of packets that may always be copied to parts, however small INPUT is.
const MIN_OUTSIDE: u64 = 64 << 20;

/// Fills a folder with the parts of a capture and their list. The folder, and the part of what has none of its own.
pub(super) fn write(
    capture: CaptureReader,
    (fates, flows): (&mut Fates, FlowParts),
    (options, policy): (&Options, &Policy),
    (finished, folder): (&Finished, OutputFolder),
) -> Result<(OutputFolder, Option<Part>)> {
    let extension = match finished.ran.capture.format {
        Format::Pcap if !options.annotate => "pcap",
        Format::Pcap | Format::Pcapng => "pcapng",
    };
    let mut split = Split {
        division: Division::new(flows, extension)?,
        files: PartFiles::new(folder, options.sha256),
    };
    let (tool, about) = head(policy);
    let ratio = u64::from(options.reading.max_expansion);
    let read: u64 = finished.files.iter().map(|file| file.bytes).sum();
    let splitting = Splitting {
        removal: policy.removal,
        head: options.annotate.then_some((&tool, &about)),
        max_outside: read.saturating_mul(ratio).max(MIN_OUTSIDE),
    };
    pipeline::write_parts(capture, fates, splitting, &mut split)?;
    let (folder, written) = split.files.finish()?;
    let by = (split.division.by(), split.division.flows());
    let parts = split.division.into_parts();
    let rest = parts.iter().find(|part| part.holds == Holds::Rest).cloned();
    let parts = parts.into_iter().zip(written);
    let parts = parts.map(|(part, written)| {
        let digest = written.digest.map(|digest| digest.to_string());
        (part, written.bytes, digest)
    });
    let inputs = options.captures.iter().zip(&finished.files);
    let inputs = inputs.map(|(capture, file)| SplitInput {
        path: capture.path.display().to_string(),
        sha256: file.digest.map(|digest| digest.to_string()),
    });
    let index = SplitIndex::new(inputs.collect(), by, parts);
    let mut file = BufWriter::new(folder.file(INDEX)?);
    split_index_json(&index, &mut file)
        .and_then(|()| file.flush())
        .map_err(|reason| folder.cannot_write(INDEX, reason))
        .context("cannot list the parts")?;
    Ok((folder, rest))
}

/// Finds each packet's part, and writes it there.
struct Split {
    division: Division,
    files: PartFiles,
}

impl Parts for Split {
    fn part_of(&mut self, packet: &SplitPacket) -> io::Result<(u32, Option<String>)> {
        let number = (packet.number, packet.flow);
        let found = self
            .division
            .part_of(number, packet.is_dropped, packet.origlen)?;
        let new = self.division.parts().get(self.files.len()..);
        for part in new.unwrap_or_default() {
            self.files.add(&part.file);
        }
        Ok(found)
    }

    fn write(&mut self, part: u32, bytes: &[u8]) -> io::Result<()> {
        let written = self.files.write(part as usize, bytes);
        written.map_err(io::Error::other)
    }
}
