//! INPUT, be it one file or several that are read as one.
//!
//! Of several, a file is opened for a look at its first packet, and again each time it is read: thousands of them must not be open at
//! once. That it is still the same file is checked. What can be read only once, such as a pipe, stays open.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};

use super::GivenCapture;
use super::input::{self, Input, shown};
use crate::capture::{CaptureReader, Part, Plan, ReadOptions, Several};
use crate::output::Sha256;

/// The captures to filter.
pub(super) enum Inputs {
    One(Box<Input>),
    Several(Vec<Shared>),
}

/// Captures that were read, and can be read once more.
pub(super) enum Again {
    One(Box<input::Again>, ReadOptions),
    Several { files: Vec<Shared>, plan: Plan },
}

/// What is known of a file that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileFacts {
    /// Bytes of it, before decompression.
    pub(super) bytes: u64,
    /// Of its bytes as they are; only when asked for.
    pub(super) digest: Option<Sha256>,
}

/// One of several files, through all readings: the thread that reads it has it, and who tells of it.
pub(super) type Shared = Arc<Mutex<OneOfSeveral>>;

pub(super) struct OneOfSeveral {
    path: PathBuf,
    /// The list and the line that name it.
    origin: Option<String>,
    /// Whether it is read twice.
    twice: bool,
    wants_digest: bool,
    /// Bytes that were read of all files.
    all_bytes: Arc<AtomicU64>,
    /// By what it is known again; `None` for what can be read only once.
    known: Option<Known>,
    /// While it is read; and of what can be read only once, its copy.
    again: Option<input::Again>,
    is_open: bool,
    facts: FileFacts,
}

/// By what a file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    device: u64,
    inode: u64,
    len: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Inputs {
    /// Opens the one capture, or makes several ready to be opened when their time comes. With `twice`, what can be read only once is
    /// copied to an unnamed temporary file while it is read.
    pub(super) fn open(captures: &[GivenCapture], twice: bool) -> Result<Self> {
        if let [GivenCapture { path, origin }] = captures {
            let input = Input::open(path, twice);
            return Ok(Self::One(Box::new(with_origin(input, origin.as_deref())?)));
        }
        let all_bytes = Arc::new(AtomicU64::new(0));
        let files = captures.iter().map(|capture| {
            Arc::new(Mutex::new(OneOfSeveral {
                path: capture.path.clone(),
                origin: capture.origin.clone(),
                twice,
                wants_digest: false,
                all_bytes: Arc::clone(&all_bytes),
                known: None,
                again: None,
                is_open: false,
                facts: FileFacts {
                    bytes: 0,
                    digest: None,
                },
            }))
        });
        Ok(Self::Several(files.collect()))
    }

    /// Has a digest made of each file that is read.
    pub(super) fn with_digest(self) -> Result<Self> {
        match self {
            Self::One(input) => Ok(Self::One(Box::new(input.with_digest()?))),
            Self::Several(files) => {
                for file in &files {
                    locked(file).wants_digest = true;
                }
                Ok(Self::Several(files))
            }
        }
    }

    /// The capture from its beginning, and what it takes to read it again.
    pub(super) fn read(self, options: ReadOptions) -> Result<(CaptureReader, Again)> {
        match self {
            Self::One(input) => {
                let (capture, again) = input.read(options)?;
                Ok((capture, Again::One(Box::new(again), options)))
            }
            Self::Several(files) => {
                let several = Several::look(parts(&files), options)?;
                let plan = several.plan();
                let capture = CaptureReader::of_several(several);
                Ok((capture, Again::Several { files, plan }))
            }
        }
    }
}

impl Again {
    /// What is known of each file, in the order in which they were given. Ask when the capture was read.
    pub(super) fn facts(&mut self) -> Result<Vec<FileFacts>> {
        match self {
            Self::One(again, _) => Ok(vec![FileFacts {
                digest: again.digest()?,
                bytes: again.file_bytes(),
            }]),
            Self::Several { files, .. } => {
                Ok(files.iter().map(|file| locked(file).facts).collect())
            }
        }
    }

    /// Bytes that were read, and how many there are, as far as that is known.
    pub(super) fn watched(&self) -> (Arc<AtomicU64>, Option<u64>) {
        match self {
            Self::One(again, _) => again.watched(),
            Self::Several { files, .. } => {
                let lens = files.iter().map(|file| Some(locked(file).known?.len));
                let bytes = files
                    .first()
                    .map(|file| Arc::clone(&locked(file).all_bytes));
                (bytes.unwrap_or_default(), lens.sum())
            }
        }
    }

    /// The capture once more, as it was the first time. What is read of it counts as [`Self::watched`], from 0 again.
    pub(super) fn read(&self) -> Result<CaptureReader> {
        match self {
            Self::One(again, options) => again.read(*options),
            Self::Several { files, plan } => {
                for file in files {
                    let mut file = locked(file);
                    file.wants_digest = false;
                    file.all_bytes.store(0, Ordering::Relaxed);
                }
                let several = Several::again(parts(files), plan.clone());
                Ok(CaptureReader::of_several(several))
            }
        }
    }
}

impl OneOfSeveral {
    fn look(&mut self) -> Result<Option<Box<dyn Read + Send>>> {
        // To open a pipe might wait, and takes what it gives away.
        let is_stream = self.path == Path::new("-")
            || fs::metadata(&self.path).is_ok_and(|about| !about.is_file() || about.len() == 0);
        if is_stream {
            return Ok(None);
        }
        let input = Input::open(&self.path, false)?;
        self.known = Some(Known::of(input.about()));
        Ok(Some(Box::new(input.source()?.0)))
    }

    fn open(&mut self) -> Result<Box<dyn Read + Send>> {
        if self.known.is_none()
            && let Some(copy) = &self.again
        {
            return Ok(Box::new(copy.source()?));
        }
        let mut input = Input::open(&self.path, self.twice && self.known.is_none())?;
        if let Some(known) = self.known {
            known.check(&Known::of(input.about()), &self.path)?;
            input = input.up_to(known.len);
        }
        if self.wants_digest {
            input = input.with_digest()?;
        }
        let (source, again) = input.counted(Arc::clone(&self.all_bytes)).source()?;
        self.again = Some(again);
        self.is_open = true;
        Ok(Box::new(source))
    }

    fn close(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_open) {
            return Ok(());
        }
        let Some(mut again) = self.again.take() else {
            return Ok(());
        };
        let digest = again.digest()?;
        self.facts = FileFacts {
            digest: digest.or(self.facts.digest),
            bytes: again.file_bytes(),
        };
        if self.known.is_none() {
            self.again = Some(again);
        }
        Ok(())
    }

    /// An error of its own as one of reading.
    fn told<T>(&self, result: Result<T>) -> io::Result<T> {
        with_origin(result, self.origin.as_deref()).map_err(io::Error::other)
    }
}

impl Part for Shared {
    fn name(&self) -> String {
        let file = locked(self);
        let path = shown(&file.path);
        match &file.origin {
            Some(origin) => format!("{path} ({origin})"),
            None => path,
        }
    }

    fn look(&mut self) -> io::Result<Option<Box<dyn Read + Send>>> {
        let mut file = locked(self);
        let looked = file.look();
        file.told(looked)
    }

    fn open(&mut self) -> io::Result<Box<dyn Read + Send>> {
        let mut file = locked(self);
        let opened = file.open();
        file.told(opened)
    }

    fn close(&mut self) -> io::Result<()> {
        let mut file = locked(self);
        let closed = file.close();
        file.told(closed)
    }
}

impl Known {
    fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            len: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
        }
    }

    /// Makes sure that the file is the same as before, but for what was appended to it.
    fn check(&self, now: &Self, path: &Path) -> Result<()> {
        let shown = shown(path);
        if (self.device, self.inode) != (now.device, now.inode) {
            bail!("{shown} changed while it was read: another file stands there now");
        }
        if now.len < self.len {
            let (had, has) = (self.len, now.len);
            bail!("{shown} changed while it was read: found {has} bytes, expected {had}");
        }
        if now.len == self.len && now.modified != self.modified {
            bail!("{shown} changed while it was read: it was written to");
        }
        Ok(())
    }
}

fn parts(files: &[Shared]) -> Vec<Box<dyn Part>> {
    let parts = files.iter().map(Arc::clone);
    parts.map(|file| Box::new(file) as Box<dyn Part>).collect()
}

fn locked(file: &Shared) -> MutexGuard<'_, OneOfSeveral> {
    // What a thread that panicked left behind is not read any more.
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_origin<T>(result: Result<T>, origin: Option<&str>) -> Result<T> {
    match origin {
        Some(origin) => result.with_context(|| origin.to_owned()),
        None => result,
    }
}

/// All inputs in a few words, as they stand in messages.
pub(super) fn shown_all(captures: &[GivenCapture]) -> String {
    let first = captures.first().map(|capture| shown(&capture.path));
    let first = first.unwrap_or_default();
    match captures.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}
