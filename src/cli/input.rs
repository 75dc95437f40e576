//! One INPUT: opened once, read once, and again from the beginning by runs that write when they know their flows.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

use crate::capture::{CaptureReader, ReadOptions};
use crate::output::{Digester, Sha256, escaped};

/// The capture to filter.
pub(super) struct Input {
    path: PathBuf,
    /// Length of a regular file when it was opened: what is appended while we read is left alone.
    len: Option<u64>,
    /// Where in it the capture begins: standard input may have been read before.
    start: u64,
    source: File,
    /// What can be read again: the file itself, or the copy of what came through a pipe.
    again: Option<File>,
    digest: Option<Digest>,
    all_bytes: Option<Arc<AtomicU64>>,
    about: Metadata,
}

/// What it takes to tell the digest of an input.
struct Digest {
    digester: Arc<Mutex<Digester>>,
    /// Stands where the reading ends, before a damage too: what is left counts as well.
    rest: File,
}

/// Counts what is read, copies it when it is to be read again, and has its digest made when that is asked for.
struct Tee {
    source: File,
    copy: Option<File>,
    bytes: Arc<AtomicU64>,
    /// The same of all inputs, where there are several.
    all_bytes: Option<Arc<AtomicU64>>,
    digester: Option<Arc<Mutex<Digester>>>,
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(buffer)?;
        self.bytes.fetch_add(len as u64, Ordering::Relaxed);
        if let Some(all) = &self.all_bytes {
            all.fetch_add(len as u64, Ordering::Relaxed);
        }
        let read = buffer.get(..len).unwrap_or_default();
        if let Some(copy) = &mut self.copy {
            copy.write_all(read)?;
        }
        if let Some(digester) = &self.digester {
            let digester = digester.lock();
            digester
                .unwrap_or_else(PoisonError::into_inner)
                .update(read);
        }
        Ok(len)
    }
}

impl Input {
    /// Opens `path`, `-` for standard input. With `twice`, what is no regular file is copied to an
    /// unnamed temporary file while it is read.
    pub(super) fn open(path: &Path, twice: bool) -> Result<Self> {
        let cannot = || format!("cannot open {}", shown(path));
        // Opening it would fail too, but in words that help nobody.
        if fs::metadata(path).is_ok_and(|about| about.file_type().is_socket()) {
            bail!(
                "cannot read {}: a socket; expected a file or a pipe (a connection can be standard input)",
                shown(path)
            );
        }
        let source = if path == Path::new("-") {
            // Not `io::stdin()`, which reads through a buffer of its own.
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let source = source.with_context(cannot)?;
        let about = source.metadata().with_context(cannot)?;
        if about.is_dir() {
            bail!(
                "cannot read {}: a directory; expected a pcap or pcapng file",
                shown(path)
            );
        }
        // Files of /proc and the like say that they are empty, and are not.
        let len = Some(about.len()).filter(|&len| about.is_file() && len > 0);
        let again = match (twice, len) {
            (false, _) => None,
            (true, Some(_)) => Some(source.try_clone().with_context(cannot)?),
            (true, None) => {
                Some(tempfile::tempfile().context("cannot make a temporary file for the input")?)
            }
        };
        let start = match len {
            Some(_) => (&source).stream_position().with_context(cannot)?,
            None => 0,
        };
        let len = len.map(|len| len.saturating_sub(start));
        let path = path.to_owned();
        Ok(Self {
            path,
            len,
            start,
            source,
            again,
            digest: None,
            all_bytes: None,
            about,
        })
    }

    /// What the system said of it when it was opened.
    pub(super) const fn about(&self) -> &Metadata {
        &self.about
    }

    /// Leaves alone what stands behind so many bytes.
    pub(super) fn up_to(mut self, len: u64) -> Self {
        self.len = Some(len);
        self
    }

    /// Counts what is read of it to this besides.
    pub(super) fn counted(mut self, all_bytes: Arc<AtomicU64>) -> Self {
        self.all_bytes = Some(all_bytes);
        self
    }

    /// Has a digest made of what is read.
    pub(super) fn with_digest(mut self) -> Result<Self> {
        let cannot = || format!("cannot make a digest of {}", shown(&self.path));
        let digester = Digester::start().with_context(cannot)?;
        self.digest = Some(Digest {
            digester: Arc::new(Mutex::new(digester)),
            rest: self.source.try_clone().with_context(cannot)?,
        });
        Ok(self)
    }

    /// The capture from its beginning, and what it takes to read it again.
    pub(super) fn read(self, options: ReadOptions) -> Result<(CaptureReader, Again)> {
        let (source, again) = self.source()?;
        let capture = CaptureReader::open_with(source, options)
            .with_context(|| format!("cannot read {}", shown(&again.path)))?;
        Ok((capture, again))
    }

    /// Its bytes from the beginning, and what it takes to read them again.
    pub(super) fn source(self) -> Result<(impl Read + Send + use<>, Again)> {
        let copy = match (self.len, &self.again) {
            (None, Some(copy)) => Some(
                copy.try_clone()
                    .context("cannot keep a copy of the input")?,
            ),
            _ => None,
        };
        let bytes = Arc::new(AtomicU64::new(0));
        let source = Tee {
            source: self.source,
            copy,
            bytes: Arc::clone(&bytes),
            all_bytes: self.all_bytes.clone(),
            digester: self
                .digest
                .as_ref()
                .map(|digest| Arc::clone(&digest.digester)),
        };
        let source = source.take(self.len.unwrap_or(u64::MAX));
        let again = Again {
            path: self.path,
            len: self.len,
            start: self.start,
            file: self.again,
            bytes,
            all_bytes: self.all_bytes,
            digest: self.digest,
        };
        Ok((source, again))
    }
}

/// An input that was read, and can be read once more.
pub(super) struct Again {
    path: PathBuf,
    len: Option<u64>,
    start: u64,
    file: Option<File>,
    bytes: Arc<AtomicU64>,
    all_bytes: Option<Arc<AtomicU64>>,
    digest: Option<Digest>,
}

impl Again {
    /// The digest of all bytes of the input as they are, once; `None` when it was not asked for. Ask when the capture was read.
    pub(super) fn digest(&mut self) -> Result<Option<Sha256>> {
        let Some(Digest { digester, rest }) = self.digest.take() else {
            return Ok(None);
        };
        let cannot = || format!("cannot make a digest of {}", shown(&self.path));
        let read = self.bytes.load(Ordering::Relaxed);
        let left = self.len.map_or(u64::MAX, |len| len.saturating_sub(read));
        let mut rest = Tee {
            source: rest,
            copy: None,
            bytes: Arc::clone(&self.bytes),
            all_bytes: self.all_bytes.clone(),
            digester: Some(digester),
        };
        io::copy(&mut (&mut rest).take(left), &mut io::sink()).with_context(cannot)?;
        let digester = rest.digester.and_then(Arc::into_inner);
        let digester = digester.with_context(cannot)?;
        let digester = digester
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        digester.finish().map(Some).with_context(cannot)
    }

    /// Bytes of the input: a regular file's length; of anything else, what was read of it so far.
    pub(super) fn file_bytes(&self) -> u64 {
        self.len
            .unwrap_or_else(|| self.bytes.load(Ordering::Relaxed))
    }

    /// Bytes that were read, and how many there are, as far as that is known.
    pub(super) fn watched(&self) -> (Arc<AtomicU64>, Option<u64>) {
        (Arc::clone(&self.bytes), self.len)
    }

    /// The capture once more, as it was the first time. What is read of it counts as [`Self::watched`], from 0 again.
    pub(super) fn read(&self, options: ReadOptions) -> Result<CaptureReader> {
        let about = format!("cannot read {} again", shown(&self.path));
        CaptureReader::open_with(self.source()?, options).context(about)
    }

    /// Its bytes once more.
    pub(super) fn source(&self) -> Result<impl Read + Send + use<>> {
        let cannot = || format!("cannot read {} again", shown(&self.path));
        let Some(source) = &self.file else {
            bail!("{}: it was not kept", cannot())
        };
        let mut source = source.try_clone().with_context(cannot)?;
        source
            .seek(SeekFrom::Start(self.start))
            .with_context(cannot)?;
        self.bytes.store(0, Ordering::Relaxed);
        let source = Tee {
            source,
            copy: None,
            bytes: Arc::clone(&self.bytes),
            all_bytes: self.all_bytes.clone(),
            digester: None,
        };
        Ok(source.take(self.len.unwrap_or(u64::MAX)))
    }
}

/// An input's path as it stands in messages.
pub(super) fn shown(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => escaped(path),
    }
}
