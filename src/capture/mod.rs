//! Captures: bytes of a pcap or pcapng, plain or compressed, come in; [`Chunk`]s of whole records go out.
//!
//! * Nothing is rewritten. The chunks' bytes, one after the other, are the capture, and a [`Record`] says which of them
//!   belong to a packet: a filter copies everything but the records it drops.
//! * Nothing is refused that can be stepped over. What cannot ends the reading there, and is told as [`Damage`]; or, if so asked,
//!   is left out up to where sound records go on ([`ReadOptions::recover`]).
//! * Several captures are read as one, in order of time ([`Several`]).
//! * Knows nothing of what a frame holds, of files and their names, or of threads.
//!
//! ```
//! # fn main() -> Result<(), dpi_engine::capture::CaptureError> {
//! # let file: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
//! use dpi_engine::capture::{CaptureReader, Chunk};
//!
//! let mut reader = CaptureReader::open(file)?;
//! let mut chunk = Chunk::new();
//! let mut frame_bytes = 0;
//! while reader.fill(&mut chunk)? {
//!     frame_bytes += chunk.records().iter().map(|record| chunk.frame(record).len()).sum::<usize>();
//! }
//! assert!(reader.summary().damage.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! [`Record`]: crate::packet::Record

mod annotate;
mod chunk;
mod clock;
mod compress;
mod error;
mod head;
mod opened;
mod pcap;
mod pcapng;
mod reader;
mod recover;
mod sections;
mod several;
mod summary;
mod walk;

pub use annotate::{Annotator, MAX_COMMENT_LEN};
pub use chunk::{CHUNK_LEN, Chunk};
pub use compress::{Compression, DEFAULT_MAX_EXPANSION};
pub use error::{CaptureError, Damage, DamageReason, SeveralError};
pub use head::is_capture;
pub use opened::CaptureReader;
pub use reader::ReadOptions;
pub use sections::{Piece, Sections};
pub use several::{MAX_OVERLAPPING, Part, Plan, Several};
pub use summary::{
    CaptureSummary, Format, MAX_LISTED_SKIPS, PartSummary, Resolution, Skip, Skipped,
};
pub use walk::MAX_RECORD_LEN;

#[cfg(test)]
mod tests;
