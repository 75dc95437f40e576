//! A capture that is being read, wherever its bytes come from.

use std::io::Read;

use super::annotate::Annotator;
use super::chunk::Chunk;
use super::error::CaptureError;
use super::pcap::PcapWalk;
use super::reader::{ReadOptions, SourceReader};
use super::sections::Sections;
use super::several::{Several, SeveralReader};
use super::summary::CaptureSummary;

/// Reads a capture chunk by chunk.
#[derive(Debug)]
pub struct CaptureReader(Kind);

#[derive(Debug)]
enum Kind {
    Source(Box<SourceReader>),
    Several(Box<SeveralReader>),
}

impl CaptureReader {
    /// Opens a capture: tells compression and format by the first bytes, and reads the file header or the first section header.
    ///
    /// Reads with large buffers of its own; `source` needs none.
    ///
    /// # Errors
    /// All but [`CaptureError::Io`] say that `source` is no capture that can be read.
    pub fn open(source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Self::open_with(source, ReadOptions::default())
    }

    /// As [`Self::open`], in the way that `options` say.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        source: impl Read + Send + 'static,
        options: ReadOptions,
    ) -> Result<Self, CaptureError> {
        let reader = SourceReader::open(Box::new(source), options)?;
        Ok(Self(Kind::Source(Box::new(reader))))
    }

    /// Reads several captures as one. They are opened when their time comes, and closed at their end.
    pub fn of_several(several: Several) -> Self {
        Self(Kind::Several(Box::new(SeveralReader::new(several))))
    }

    /// Fills `chunk` with the next whole records. `false`: the capture is over and nothing is in the chunk.
    ///
    /// * A source that delivers fills the chunk. One that is behind (a read came back short, as from a pipe) is not waited
    ///   for as soon as there is one whole record.
    /// * Damage is no error: what stands before it is delivered, then the capture is over; see [`CaptureSummary::damage`]. Of several
    ///   captures the others go on.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the source fails, [`CaptureError::Expansion`] and [`CaptureError::Window`] when decompressing
    /// it would take too much. Nothing is in the chunk then, and the capture is over. Of several captures, also those of opening one.
    pub fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, CaptureError> {
        self.fill_as(chunk, false)
    }

    /// As [`Self::fill`], but waits for a source that is behind until the chunk is full.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn fill_up(&mut self, chunk: &mut Chunk) -> Result<bool, CaptureError> {
        self.fill_as(chunk, true)
    }

    fn fill_as(&mut self, chunk: &mut Chunk, is_patient: bool) -> Result<bool, CaptureError> {
        match &mut self.0 {
            Kind::Source(reader) => reader.fill_as(chunk, is_patient),
            Kind::Several(reader) => reader.fill_as(chunk, is_patient),
        }
    }

    /// What writes this capture again as a pcapng with comments, chunk by chunk from the first on.
    ///
    /// * `tool`: what wrote it; said where the capture has no section of its own.
    /// * `comment`: said of each section.
    pub fn annotator(&self, tool: &str, comment: &str) -> Annotator {
        Annotator::new(self.pcap().cloned(), tool, comment)
    }

    /// What tells this capture's sections, chunk by chunk from the first on.
    pub fn sections(&self) -> Sections {
        Sections::new(self.pcap().is_some())
    }

    /// How records stand in a pcap; `None` of a pcapng.
    fn pcap(&self) -> Option<&PcapWalk> {
        match &self.0 {
            Kind::Source(reader) => reader.pcap(),
            Kind::Several(reader) => reader.pcap(),
        }
    }

    /// What is known of the capture so far.
    pub fn summary(&self) -> &CaptureSummary {
        match &self.0 {
            Kind::Source(reader) => reader.summary(),
            Kind::Several(reader) => reader.summary(),
        }
    }
}
