//! Sorts any number of lines by a number, within bounded memory.
//!
//! As databases do it: lines are gathered up to a budget, sorted, and set aside in a temporary file without a name (a run); in the
//! end the runs are merged. Where all lines fit the budget, there is no file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Runs of one size that are merged into a larger one as soon as there are so many.
///
/// So there are at most 15 of each size, each size is 16 times the one before, and every line is copied once a size: a
/// billion flows make four sizes.
const FAN_IN: usize = 16;

/// Bytes that are read from, or written to, a run at a time.
const RUN_BUFFER: usize = 64 << 10;

/// Lines that come in any order.
#[derive(Debug)]
pub(super) struct LineSort {
    dir: PathBuf,
    budget: usize,
    gathered: Gathered,
    /// Runs by size, the smallest first.
    runs: Vec<Vec<File>>,
}

/// Lines in memory.
#[derive(Debug, Default)]
struct Gathered {
    text: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    key: u64,
    start: usize,
    end: usize,
}

/// Lines in ascending order of their numbers.
#[derive(Debug)]
pub(super) enum Sorted {
    /// All of them in memory, and which is next.
    InMemory(GatheredLines),
    /// All of them in runs.
    InRuns(Merge),
}

#[derive(Debug)]
pub(super) struct GatheredLines {
    gathered: Gathered,
    next: usize,
}

impl LineSort {
    /// No lines yet; runs are made in `dir` when lines take more than `budget` bytes.
    pub(super) fn new(dir: PathBuf, budget: usize) -> Self {
        Self {
            dir,
            budget,
            gathered: Gathered::default(),
            runs: Vec::new(),
        }
    }

    /// Where runs are made.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes in the line that `write` adds to the text it is given. No two may have the same `key`.
    pub(super) fn push(
        &mut self,
        key: u64,
        write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = self.gathered.text.len();
        let taken = write(&mut self.gathered.text).and_then(|()| self.take(key, start));
        if taken.is_err() {
            // Who goes on all the same is to have no line that begins with half of this one, nor the memory full of what is no line.
            self.gathered.drop_untaken();
        }
        taken
    }

    /// Makes a line of the text from `start` on.
    fn take(&mut self, key: u64, mut start: usize) -> io::Result<()> {
        if self.gathered.bytes() + size_of::<Line>() > self.budget {
            self.spill(start)?;
            start = 0;
        }
        let end = self.gathered.text.len();
        self.gathered.lines.push(Line { key, start, end });
        Ok(())
    }

    /// Every line, in order.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        if self.runs.is_empty() {
            self.gathered.sort();
            return Ok(Sorted::InMemory(GatheredLines {
                gathered: self.gathered,
                next: 0,
            }));
        }
        self.spill(self.gathered.text.len())?;
        // Room for the merge's buffers.
        drop(self.gathered);
        let runs = self.runs.into_iter().flatten().collect();
        Ok(Sorted::InRuns(Merge::new(runs)?))
    }

    /// Makes a run of all lines; what stands behind their `text_len` bytes of text stays.
    fn spill(&mut self, text_len: usize) -> io::Result<()> {
        if self.gathered.lines.is_empty() {
            return Ok(());
        }
        self.gathered.sort();
        let mut run = RunWriter::new(&self.dir)?;
        for &line in &self.gathered.lines {
            run.push(line.key, self.gathered.text_of(line))?;
        }
        self.gathered.text.drain(..text_len);
        self.gathered.lines.clear();
        self.add_run(run.finish()?)
    }

    fn add_run(&mut self, mut run: File) -> io::Result<()> {
        for size in 0.. {
            if size == self.runs.len() {
                self.runs.push(Vec::new());
            }
            let Some(alike) = self.runs.get_mut(size) else {
                break;
            };
            alike.push(run);
            if alike.len() < FAN_IN {
                break;
            }
            let mut merge = Merge::new(std::mem::take(alike))?;
            let mut merged = RunWriter::new(&self.dir)?;
            while let Some((key, line)) = merge.next()? {
                merged.push(key, line)?;
            }
            run = merged.finish()?;
        }
        Ok(())
    }
}

impl Sorted {
    /// The next line and its number; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        match self {
            Self::InMemory(lines) => Ok(lines.next()),
            Self::InRuns(merge) => merge.next(),
        }
    }
}

impl Gathered {
    fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * size_of::<Line>()
    }

    fn sort(&mut self) {
        self.lines.sort_unstable_by_key(|line| line.key);
    }

    /// Lets go of the text behind the lines.
    fn drop_untaken(&mut self) {
        let end = self.lines.iter().map(|line| line.end).max();
        self.text.truncate(end.unwrap_or_default());
    }

    fn text_of(&self, line: Line) -> &[u8] {
        self.text.get(line.start..line.end).unwrap_or_default()
    }
}

impl GatheredLines {
    fn next(&mut self) -> Option<(u64, &[u8])> {
        let line = *self.gathered.lines.get(self.next)?;
        self.next += 1;
        Some((line.key, self.gathered.text_of(line)))
    }
}

/// Writes a run: for each line its number and its length, eight bytes each, then its bytes.
struct RunWriter(BufWriter<File>);

impl RunWriter {
    fn new(dir: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        Ok(Self(BufWriter::with_capacity(RUN_BUFFER, file)))
    }

    fn push(&mut self, key: u64, line: &[u8]) -> io::Result<()> {
        self.0.write_all(&key.to_le_bytes())?;
        self.0.write_all(&(line.len() as u64).to_le_bytes())?;
        self.0.write_all(line)
    }

    fn finish(self) -> io::Result<File> {
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
pub(super) struct Merge {
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
    fn new(files: Vec<File>) -> io::Result<Self> {
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

    fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn push(sort: &mut LineSort, key: u64, line: &[u8]) {
        sort.push(key, |text| {
            text.extend_from_slice(line);
            Ok(())
        })
        .unwrap();
    }

    fn sorted(lines: &[(u64, Vec<u8>)], budget: usize) -> Vec<Vec<u8>> {
        let mut sort = LineSort::new(std::env::temp_dir(), budget);
        for (key, line) in lines {
            push(&mut sort, *key, line);
        }
        let mut sorted = sort.finish().unwrap();
        let mut all = Vec::new();
        while let Some((_, line)) = sorted.next().unwrap() {
            all.push(line.to_vec());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn runs_merge_to_what_a_plain_sort_gives(
            lines in proptest::collection::hash_map(any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40), 0..600),
            budget in 0usize..2000,
        ) {
            let lines: Vec<_> = lines.into_iter().collect();
            let mut expected = lines.clone();
            expected.sort();
            let expected: Vec<_> = expected.into_iter().map(|(_, line)| line).collect();
            prop_assert_eq!(sorted(&lines, budget), expected);
        }
    }

    #[test]
    fn lines_that_a_buffer_does_not_hold_whole_come_back_whole() {
        let line = |key: u64| (key, vec![key as u8; key as usize * 37 % 3000]);
        let mut lines: Vec<_> = (0..400).rev().map(line).collect();
        lines.push((1000, vec![b'x'; 2 * RUN_BUFFER]));
        let text: usize = lines.iter().map(|(_, line)| line.len()).sum();
        assert!(text / 3 > RUN_BUFFER);
        let mut expected = lines.clone();
        expected.sort();
        let expected: Vec<_> = expected.into_iter().map(|(_, line)| line).collect();
        assert_eq!(sorted(&lines, text / 3), expected);
    }

    #[test]
    fn thousands_of_runs_keep_few_files_open_and_every_line() {
        let mut sort = LineSort::new(std::env::temp_dir(), 1);
        for key in 0..4500u64 {
            // 2741 and 4500 have no common divisor: every number once, out of order.
            let key = key * 2741 % 4500;
            push(&mut sort, key, key.to_string().as_bytes());
            let files: usize = sort.runs.iter().map(Vec::len).sum();
            assert!(files < FAN_IN * 4);
        }
        assert_eq!(sort.runs.len(), 4);
        let mut sorted = sort.finish().unwrap();
        for key in 0..4500 {
            let line = key.to_string();
            assert_eq!(sorted.next().unwrap(), Some((key, line.as_bytes())));
        }
        assert!(sorted.next().unwrap().is_none());
    }

    #[test]
    fn a_line_that_cannot_be_taken_in_leaves_nothing_behind() {
        let failing = |text: &mut Vec<u8>| {
            text.extend_from_slice(b"half");
            Err(io::ErrorKind::Other.into())
        };
        let mut sort = LineSort::new("/nonexistent".into(), 100);
        assert!(sort.push(1, failing).is_err());
        // More than the budget, as the only line: it needs no file.
        push(&mut sort, 2, &[b'x'; 200]);
        assert!(sort.push(3, failing).is_err());
        let bytes = sort.gathered.bytes();
        for key in 4..8 {
            // There is no room for it, and no run can be made.
            assert!(sort.push(key, |text| text.write_all(b"line")).is_err());
            assert_eq!(sort.gathered.bytes(), bytes);
        }
        let mut sorted = sort.finish().unwrap();
        assert_eq!(sorted.next().unwrap(), Some((2, &[b'x'; 200][..])));
        assert_eq!(sorted.next().unwrap(), None);
    }

    #[test]
    fn few_lines_need_no_file() {
        let mut sort = LineSort::new("/nonexistent".into(), 1000);
        push(&mut sort, 2, b"b");
        push(&mut sort, 1, b"a");
        let mut sorted = sort.finish().unwrap();
        assert_eq!(sorted.next().unwrap(), Some((1, &b"a"[..])));
        assert_eq!(sorted.next().unwrap(), Some((2, &b"b"[..])));
        assert_eq!(sorted.next().unwrap(), None);
    }

    #[test]
    fn memory_stays_within_the_budget() {
        let mut sort = LineSort::new(std::env::temp_dir(), 5000);
        for key in 0..300 {
            push(&mut sort, key, &[b'x'; 100]);
            assert!(sort.gathered.bytes() <= 5000);
        }
    }
}
