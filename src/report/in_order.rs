//! What is told of each flow, put in order of the flows' first packets.
//!
//! Flows come in the order in which they end. What is told of one is bytes by then; [`sort`](super::sort) puts them in order within
//! bounded memory.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::sort::{LineSort, Sorted};

/// Bytes of lines that are held in memory; more go to temporary files.
pub const FLOW_LINES_BUDGET: usize = 16 << 20;

/// Why what is told of flows could not be written.
#[derive(Debug, Error)]
pub enum FlowLinesError {
    /// A temporary file could not be made, written or read.
    #[error("cannot sort flows in a temporary file in {}", dir.display())]
    Temporary {
        /// Where the file was to be.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output itself could not be written.
    #[error("cannot write flows")]
    Output(#[source] io::Error),
}

/// Takes texts in any order, gives them back in that of their numbers.
///
/// Memory: [`FLOW_LINES_BUDGET`], and a few megabytes while temporary files are merged.
#[derive(Debug)]
pub(super) struct InOrder {
    sort: LineSort,
}

impl InOrder {
    /// Nothing yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub(super) fn new(dir: impl Into<PathBuf>) -> Self {
        Self::with_budget(dir, FLOW_LINES_BUDGET)
    }

    /// The same, with at most `budget` bytes in memory.
    pub(super) fn with_budget(dir: impl Into<PathBuf>, budget: usize) -> Self {
        Self {
            sort: LineSort::new(dir.into(), budget),
        }
    }

    /// Takes in what `write` adds to the text it is given. No two may have the same `number`.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub(super) fn push(
        &mut self,
        number: u64,
        write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), FlowLinesError> {
        let pushed = self.sort.push(number, write);
        pushed.map_err(|source| FlowLinesError::Temporary {
            dir: self.sort.dir().to_owned(),
            source,
        })
    }

    /// Every text with its number, to be taken one by one.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub(super) fn into_sorted(self) -> Result<Sorted, FlowLinesError> {
        let dir = self.sort.dir().to_owned();
        let sorted = self.sort.finish();
        sorted.map_err(|source| FlowLinesError::Temporary { dir, source })
    }

    /// Gives every text with its number to `write`, the lowest number first.
    ///
    /// # Errors
    /// [`FlowLinesError`]: what `write` says shows as [`FlowLinesError::Output`].
    pub(super) fn finish(
        self,
        mut write: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), FlowLinesError> {
        let dir = self.sort.dir().to_owned();
        let temporary = |source| FlowLinesError::Temporary {
            dir: dir.clone(),
            source,
        };
        let mut sorted = self.into_sorted()?;
        while let Some((number, text)) = sorted.next().map_err(temporary)? {
            write(number, text).map_err(FlowLinesError::Output)?;
        }
        Ok(())
    }
}
