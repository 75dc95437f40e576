//! Runs: sorted lines in temporary files, written one after the other and read several as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Bytes that are read from, or written to, a run at a time.
pub(super) const RUN_BUFFER: usize = 64 << 10;

/// Writes a run: for each line its number and its length, eight bytes each, then its bytes.
#[derive(Debug)]
pub(super) struct RunWriter(BufWriter<File>);

impl RunWriter {
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        tempfile::tempfile_in(dir).map(Self::to)
    }

    pub(super) fn to(file: File) -> Self {
        Self(BufWriter::with_capacity(RUN_BUFFER, file))
    }

    pub(super) fn push(&mut self, key: u64, line: &[u8]) -> io::Result<()> {
        self.0.write_all(&key.to_le_bytes())?;
        self.0.write_all(&(line.len() as u64).to_le_bytes())?;
        self.0.write_all(line)
    }

    pub(super) fn finish(self) -> io::Result<File> {
        let mut file = self
            .0
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}

/// Reads several runs as one.
#[derive(Debug)]
pub(in super::super) struct Merge {
    runs: Vec<RunReader>,
    /// Number of each run's line, and which run: the lowest number on top.
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    /// The run whose line was given last.
    given: Option<usize>,
}

#[derive(Debug)]
struct RunReader {
    file: BufReader<File>,
    /// Bytes of the line that comes first in the file's buffer; 0 if it is in `line`.
    buffered: usize,
    /// The line, where the buffer does not hold it whole.
    line: Vec<u8>,
}

impl Merge {
    pub(super) fn new(files: Vec<File>) -> io::Result<Self> {
        let mut merge = Self {
            runs: Vec::with_capacity(files.len()),
            heap: BinaryHeap::with_capacity(files.len()),
            given: None,
        };
        for (i, file) in files.into_iter().enumerate() {
            merge.runs.push(RunReader {
                file: BufReader::with_capacity(RUN_BUFFER, file),
                buffered: 0,
                line: Vec::new(),
            });
            merge.advance(i)?;
        }
        Ok(merge)
    }

    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        if let Some(run) = self.given.take() {
            self.advance(run)?;
        }
        let Some(Reverse((key, run))) = self.heap.pop() else {
            return Ok(None);
        };
        self.given = Some(run);
        Ok(self.runs.get(run).map(|run| (key, run.line())))
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some(reader) = self.runs.get_mut(run)
            && let Some(key) = reader.advance()?
        {
            self.heap.push(Reverse((key, run)));
        }
        Ok(())
    }
}

impl RunReader {
    /// The line that was read last.
    fn line(&self) -> &[u8] {
        match self.buffered {
            0 => &self.line,
            len => self.file.buffer().get(..len).unwrap_or_default(),
        }
    }

    /// Reads the next line, and tells its number; `None` at the end.
    fn advance(&mut self) -> io::Result<Option<u64>> {
        self.file.consume(std::mem::take(&mut self.buffered));
        self.line.clear();
        let mut number = [0; 8];
        match self.file.read(&mut number[..1])? {
            0 => return Ok(None),
            _ => self.file.read_exact(&mut number[1..])?,
        }
        let key = u64::from_le_bytes(number);
        self.file.read_exact(&mut number)?;
        let len = u64::from_le_bytes(number);
        // Most lines are in the buffer, and are taken from there.
        if len <= self.file.buffer().len() as u64 {
            self.buffered = len as usize;
            return Ok(Some(key));
        }
        let read = (&mut self.file).take(len).read_to_end(&mut self.line)?;
        if read as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(key))
    }
}
