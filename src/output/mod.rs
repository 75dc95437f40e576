//! The files that the program makes: each appears under its name whole, or not at all.
//!
//! In: paths as the user typed them. Out: [`OutputFile`]s and [`OutputFolder`]s to write to, and what must be said when that fails.
//! Also the digests by which they, and what was read, are known again.
//! Knows nothing of captures or reports: bytes are bytes. Unix only (modes, links, signals).

mod alias;
mod digest;
mod folder;
mod packed;
mod parts;
mod target;
mod unfinished;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IoSlice, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

pub use alias::{
    AliasError, NamedPath, refuse_aliases, refuse_another, refuse_inside, refuse_repeated,
};
pub use digest::{Digester, NoDigest, Sha256};
pub use folder::OutputFolder;
pub use packed::{Packer, Packing};
pub use parts::PartFiles;
pub use target::is_standard_output;
pub use unfinished::remove_unfinished_on_signal;

use target::Target;
use unfinished::Unfinished;

/// Bytes that [`OutputFile::buffered`] gathers before it writes.
const BUFFER_BYTES: usize = 64 << 10;

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file cannot be opened or put beside its place.
    #[error("cannot create {}: {}", shown(path), words(reason))]
    Create {
        /// As the user typed it.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file took no more bytes.
    #[error("cannot write {}: {}", shown(path), words(reason))]
    Write {
        /// As the user typed it.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is complete, but cannot be given its name.
    #[error("cannot finish {}: {}", shown(path), words(reason))]
    Finish {
        /// As the user typed it.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

impl OutputError {
    /// Whether the reader of a pipe went away, which is its right and no failure.
    pub fn is_broken_pipe(&self) -> bool {
        let (Self::Create { reason, .. }
        | Self::Write { reason, .. }
        | Self::Finish { reason, .. }) = self;
        reason.kind() == io::ErrorKind::BrokenPipe
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes in it.
    pub bytes: u64,
    /// Their digest, if one was asked for.
    pub digest: Option<Sha256>,
}

/// A file in the making.
///
/// * A regular file is written beside its place as `.NAME.XXXXXX.dpi_engine.part`, and takes its name in
///   [`commit`](Self::commit), in one step. Dropped before that, it is gone, and what stood there still stands. A run that is killed
///   cannot take it away; the next one to the same place does.
/// * It has the permissions of the file that it replaces (and its owner, where the system allows that),
///   else those that the umask leaves. A file that may not be written is not replaced either.
/// * Behind a symbolic link the link's target is replaced. Other hard links to it keep the old content.
/// * What is no regular file (a FIFO, `/dev/null`, `/dev/fd/3`) is written directly, and so is
///   standard output (`-`, `/dev/stdout`).
/// * Writes go straight to the system: write big pieces, or use [`buffered`](Self::buffered).
///   A closed pipe is [`io::ErrorKind::BrokenPipe`].
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    file: File,
    /// `None` for what is written directly.
    unfinished: Option<Unfinished>,
    /// The first write that failed. Kept, so that no file with a gap is ever committed, even if
    /// somebody (a dropped `BufWriter`, say) swallowed the error.
    failed: Option<io::Error>,
    /// `None` when nobody has asked for a digest, or it was told.
    digester: Option<Digester>,
}

impl OutputFile {
    /// Opens what `path` names, for writing.
    ///
    /// A FIFO waits here for its reader.
    ///
    /// Errors: `path` is a directory, its directory does not exist, or the system refuses.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        match open(path) {
            Ok((file, unfinished)) => Ok(Self {
                path: path.to_owned(),
                file,
                unfinished,
                failed: None,
                digester: None,
            }),
            Err(reason) => Err(OutputError::Create {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    /// From now on, what is written counts for [`digest`](Self::digest) too.
    ///
    /// # Errors
    /// The system refuses a thread for it.
    pub fn with_digest(mut self) -> Result<Self, OutputError> {
        match Digester::start() {
            Ok(digester) => self.digester = Some(digester),
            Err(reason) => {
                let path = self.path;
                return Err(OutputError::Create { path, reason });
            }
        }
        Ok(self)
    }

    /// The digest of what was written since [`with_digest`](Self::with_digest), once; `None` without that. Ask when all is written.
    ///
    /// # Errors
    /// The digest could not be made.
    pub fn digest(&mut self) -> Result<Option<Sha256>, OutputError> {
        let digest = self.digester.take().map(Digester::finish).transpose();
        digest.map_err(|reason| {
            let path = self.path.clone();
            OutputError::Write { path, reason }
        })
    }

    /// The path as the user typed it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same file for small writes; flush it, for an error while it is dropped is told only by [`commit`](Self::commit).
    pub fn buffered(&mut self) -> BufWriter<&mut Self> {
        BufWriter::with_capacity(BUFFER_BYTES, self)
    }

    /// Gives the file its name.
    ///
    /// Not synced to the disk: whole for every other program at once, but not proof against a power cut in the next seconds.
    ///
    /// Errors: an earlier write failed, or the file cannot be renamed; then it is removed.
    pub fn commit(self) -> Result<(), OutputError> {
        commit_all(vec![self], None)
    }

    /// Remembers a failed write, and names the file in what the caller sees; the kind stays.
    fn note(&mut self, reason: io::Error) -> io::Error {
        let kind = reason.kind();
        if kind == io::ErrorKind::Interrupted {
            return reason;
        }
        if self.failed.is_none() {
            self.failed = Some(match reason.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::from(kind),
            });
        }
        let path = self.path.clone();
        io::Error::new(kind, OutputError::Write { path, reason })
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        if let (Ok(len), Some(digester)) = (&written, &mut self.digester) {
            digester.update(bytes.get(..*len).unwrap_or(bytes));
        }
        written.map_err(|reason| self.note(reason))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.file.write_vectored(pieces);
        if let (Ok(len), Some(digester)) = (&written, &mut self.digester) {
            let mut left = *len;
            for piece in pieces {
                let taken = piece.get(..left).unwrap_or(piece);
                digester.update(taken);
                left -= taken.len();
            }
        }
        written.map_err(|reason| self.note(reason))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        flushed.map_err(|reason| self.note(reason))
    }
}

/// Commits a folder and several files as one: none of them when one was not written well, and no signal comes between.
///
/// Errors: as [`OutputFile::commit`]. Only when the system refuses a rename are those before it in the list committed
/// and the rest not; the folder, whose place may be taken by now, is the first.
pub fn commit_all(
    mut files: Vec<OutputFile>,
    folder: Option<OutputFolder>,
) -> Result<(), OutputError> {
    for file in &mut files {
        if let Some(reason) = file.failed.take() {
            let path = file.path.clone();
            return Err(OutputError::Write { path, reason });
        }
    }
    let unfinished = files
        .iter()
        .filter_map(|file| Some((file.path.as_path(), file.unfinished.as_ref()?)));
    let folder = folder.as_ref();
    let folder = folder.map(|folder| (folder.path(), folder.unfinished()));
    unfinished::commit_all(folder.into_iter().chain(unfinished)).map_err(|(path, reason)| {
        OutputError::Finish {
            path: path.to_owned(),
            reason,
        }
    })
}

fn open(path: &Path) -> io::Result<(File, Option<Unfinished>)> {
    match Target::of(path)? {
        // Not `io::stdout()` itself: that looks for line ends in everything it is given.
        Target::StandardOutput => Ok((io::stdout().as_fd().try_clone_to_owned()?.into(), None)),
        // Appended to, because whoever opened the descriptor may have written there before us.
        Target::Descriptor => Ok((OpenOptions::new().append(true).open(path)?, None)),
        Target::Direct => Ok((OpenOptions::new().write(true).open(path)?, None)),
        Target::Replace { path, old } => {
            if old.is_some() {
                // A rename asks only the directory; whoever protects a file means its content.
                OpenOptions::new().write(true).open(&path)?;
            }
            let (file, unfinished) = Unfinished::create(&path, old.as_ref())?;
            Ok((file, Some(unfinished)))
        }
    }
}

/// A path without what a terminal would obey: strangers give names to files too.
pub fn escaped(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

/// A path as messages show it.
fn shown(path: &Path) -> String {
    if is_standard_output(path) {
        "standard output".to_owned()
    } else {
        escaped(path)
    }
}

/// The system's words, without the number that `io::Error` puts behind them.
fn words(reason: &io::Error) -> String {
    let text = reason.to_string();
    match reason.raw_os_error() {
        Some(code) => text
            .trim_end_matches(&format!(" (os error {code})"))
            .to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
