//! INPUT: opened once, read once, and for whole-flow runs once more from the beginning.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use anyhow::{Context as _, Result, bail};

use crate::capture::CaptureReader;

/// The capture to filter.
pub struct Input {
    /// The path as the user gave it; `-` is standard input.
    pub path: String,
    /// Length of a regular file when it was opened: what grows behind that while we read is left alone.
    len: Option<u64>,
    /// For the second pass: the file itself, or the copy of what came through a pipe.
    again: Option<File>,
    source: Option<File>,
}

/// Copies what is read, so that it can be read again.
struct Tee {
    source: File,
    copy: File,
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(buffer)?;
        self.copy.write_all(buffer.get(..len).unwrap_or_default())?;
        Ok(len)
    }
}

impl Input {
    /// Opens `path`. With `twice`, what is no regular file is copied to an unnamed temporary file while it is read.
    ///
    /// # Errors
    /// Names the path, and why it cannot be opened.
    pub fn open(path: &str, twice: bool) -> Result<Self> {
        let source = if path == "-" { standard_input() } else { File::open(path) };
        let source = source.with_context(|| format!("cannot open {}", shown(path)))?;
        let about = source.metadata().with_context(|| format!("cannot open {}", shown(path)))?;
        if about.is_dir() {
            bail!("cannot read {}: it is a directory; expected a pcap or pcapng file", shown(path));
        }
        let len = about.is_file().then_some(about.len());
        let again = match (twice, len) {
            (false, _) => None,
            (true, Some(_)) => Some(source.try_clone()?),
            (true, None) => Some(tempfile::tempfile().context("cannot make a temporary file for the input")?),
        };
        Ok(Self { path: path.to_owned(), len, again, source: Some(source) })
    }

    /// Length of the file; `None` when it is none.
    pub const fn file_bytes(&self) -> Option<u64> {
        self.len
    }

    /// The capture, from its beginning.
    ///
    /// # Errors
    /// When it is none; names the path, what was found and what was expected.
    pub fn read(&mut self) -> Result<CaptureReader> {
        let Some(source) = self.source.take() else { bail!("{} was read already", shown(&self.path)) };
        let opened = match (self.len, &self.again) {
            // Files of /proc and the like say that they are empty, and are not.
            (Some(0), _) => CaptureReader::open(source),
            (Some(len), _) => CaptureReader::open(source.take(len)),
            (None, None) => CaptureReader::open(source),
            (None, Some(copy)) => CaptureReader::open(Tee { source, copy: copy.try_clone()? }),
        };
        opened.with_context(|| format!("cannot read {}", shown(&self.path)))
    }

    /// The capture once more, as it was read the first time.
    ///
    /// # Errors
    /// As [`Input::read`].
    pub fn read_again(&mut self) -> Result<CaptureReader> {
        let Some(mut file) = self.again.take() else { bail!("{} can be read only once", shown(&self.path)) };
        let context = || format!("cannot read {} again", shown(&self.path));
        file.seek(SeekFrom::Start(0)).with_context(context)?;
        let opened = match self.len {
            Some(len) if len > 0 => CaptureReader::open(file.take(len)),
            _ => CaptureReader::open(file),
        };
        opened.with_context(context)
    }
}

/// A path as it stands in messages.
pub fn shown(path: &str) -> String {
    if path == "-" { "standard input".to_owned() } else { path.escape_debug().to_string() }
}

/// Standard input without the buffer of `std::io::Stdin`.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Standard input without the buffer of `std::io::Stdin`.
#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}
