//! Many files that are written at once, little by little, with few of them open and little of them in memory.

use std::fs::File;
use std::io::Write as _;
use std::num::NonZero;

use lru::LruCache;
use sha2::Digest as _;

use super::digest::Sha256;
use super::folder::OutputFolder;
use super::{OutputError, Written};

/// Files that are open at a time: few, for a process may have as few as 256 of them.
const MAX_OPEN: NonZero<usize> = NonZero::new(32).unwrap();

/// Bytes of a file that are gathered before they are written.
const BUFFER_BYTES: usize = 128 << 10;

/// Bytes of all files that are gathered. Past that, the most of a file are written first, until half of it is free.
const MAX_BUFFERED: usize = 32 << 20;

/// The files of a folder, made and written to in any order.
///
/// * Memory: 32 MiB of buffers, and about 100 bytes a file with its name; with digests, as much again.
/// * Open at a time: 32 files.
pub struct PartFiles {
    folder: OutputFolder,
    parts: Vec<Part>,
    open: LruCache<usize, File>,
    /// Bytes that all buffers have room for.
    buffered: usize,
    max_buffered: usize,
    has_digests: bool,
}

struct Part {
    name: Box<str>,
    buffer: Vec<u8>,
    written: u64,
    is_begun: bool,
    digest: Option<sha2::Sha256>,
}

impl PartFiles {
    /// No files yet; with `has_digests`, they are digested while they are written.
    pub fn new(folder: OutputFolder, has_digests: bool) -> Self {
        Self::with_buffers(folder, has_digests, MAX_BUFFERED)
    }

    fn with_buffers(folder: OutputFolder, has_digests: bool, max_buffered: usize) -> Self {
        Self {
            folder,
            parts: Vec::new(),
            open: LruCache::new(MAX_OPEN),
            buffered: 0,
            max_buffered,
            has_digests,
        }
    }

    /// How many there are. Their numbers count from 0.
    pub const fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// One more, of this name, which no other may have. It is made when something is written to it.
    pub fn add(&mut self, name: &str) {
        self.parts.push(Part {
            name: name.into(),
            buffer: Vec::new(),
            written: 0,
            is_begun: false,
            digest: self.has_digests.then(sha2::Sha256::new),
        });
    }

    /// Writes to a file, behind what was written to it before. Nothing happens to a number that no file has.
    ///
    /// Errors: a file cannot be made, or took no more bytes.
    pub fn write(&mut self, number: usize, bytes: &[u8]) -> Result<(), OutputError> {
        let Some(part) = self.parts.get_mut(number) else {
            return Ok(());
        };
        let room = part.buffer.capacity();
        part.buffer.extend_from_slice(bytes);
        self.buffered += part.buffer.capacity() - room;
        if part.buffer.len() >= BUFFER_BYTES {
            self.flush(number)?;
        }
        if self.buffered > self.max_buffered {
            self.relieve()?;
        }
        Ok(())
    }

    /// Writes what is still to be written. The folder, and what became of each file.
    ///
    /// Errors: as [`Self::write`].
    pub fn finish(mut self) -> Result<(OutputFolder, Vec<Written>), OutputError> {
        for number in 0..self.parts.len() {
            self.flush(number)?;
        }
        let written = self.parts.into_iter().map(|part| Written {
            bytes: part.written,
            digest: part.digest.map(Sha256::of),
        });
        Ok((self.folder, written.collect()))
    }

    /// Writes the largest buffers, until half of the room is free.
    fn relieve(&mut self) -> Result<(), OutputError> {
        let sizes = self.parts.iter().enumerate();
        let sizes = sizes.map(|(number, part)| (part.buffer.capacity(), number));
        let mut sizes: Vec<_> = sizes.filter(|(size, _)| *size > 0).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (_, number) in sizes {
            if self.buffered <= self.max_buffered / 2 {
                break;
            }
            self.flush(number)?;
        }
        Ok(())
    }

    fn flush(&mut self, number: usize) -> Result<(), OutputError> {
        let Some(part) = self.parts.get_mut(number) else {
            return Ok(());
        };
        // With its room, so that what is held is what is buffered.
        let buffer = std::mem::take(&mut part.buffer);
        self.buffered -= buffer.capacity();
        if buffer.is_empty() {
            return Ok(());
        }
        let file = self.open.try_get_or_insert_mut(number, || {
            if part.is_begun {
                self.folder.append(&part.name)
            } else {
                self.folder.file(&part.name)
            }
        })?;
        part.is_begun = true;
        let written = file.write_all(&buffer);
        written.map_err(|reason| self.folder.cannot_write(&part.name, reason))?;
        part.written += buffer.len() as u64;
        if let Some(digest) = &mut part.digest {
            digest.update(&buffer);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::output::{Digester, commit_all};

    #[test]
    fn files_get_what_was_written_to_them_in_order_however_little_room_there_is() {
        const FILES: usize = 100;
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(&dir.path().join("parts")).unwrap();
        let mut files = PartFiles::with_buffers(folder, true, 1000);
        let mut expected = vec![Vec::new(); FILES];
        for round in 0..2000usize {
            // Some are written to more than others.
            let number = round * round % 97;
            while files.len() <= number {
                files.add(&format!("file-{}", files.len()));
            }
            let bytes = vec![round as u8; 1 + round % 50];
            expected[number].extend_from_slice(&bytes);
            files.write(number, &bytes).unwrap();
            assert!(files.buffered <= 1000);
            assert!(files.open.len() <= MAX_OPEN.get());
        }
        files.write(FILES, b"a file that there is not").unwrap();
        let (folder, written) = files.finish().unwrap();
        assert!(!dir.path().join("parts").exists());
        commit_all(Vec::new(), Some(folder)).unwrap();
        let mut made = 0;
        for (number, (written, expected)) in written.iter().zip(&expected).enumerate() {
            assert_eq!(written.bytes, expected.len() as u64);
            let mut digest = Digester::start().unwrap();
            digest.update(expected);
            assert_eq!(written.digest, Some(digest.finish().unwrap()));
            if !expected.is_empty() {
                made += 1;
                let path = dir.path().join(format!("parts/file-{number}"));
                assert!(fs::read(path).unwrap() == *expected, "{number}");
            }
        }
        let entries = fs::read_dir(dir.path().join("parts")).unwrap();
        assert_eq!(entries.count(), made);
    }

    #[test]
    fn a_large_buffer_is_written_at_once_and_one_beside_it_waits() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(&dir.path().join("parts")).unwrap();
        let mut files = PartFiles::new(folder, false);
        files.add("large");
        files.add("small");
        files.write(1, &[1; 100]).unwrap();
        files.write(0, &[0; BUFFER_BYTES]).unwrap();
        assert_eq!(files.open.len(), 1);
        drop(files);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "all is gone");
    }
}
