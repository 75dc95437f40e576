//! Sorts any number of lines by a number, within bounded memory.
//!
//! As databases do it: lines are gathered up to a budget, and set aside, sorted, in temporary files without a name (runs); in the end the
//! runs are merged. Where all lines fit the budget, there is no file.
//!
//! * Lines come nearly in order, as flows end nearly in the order in which they began. So half of what is gathered stays when there is no
//!   more room, and a run goes on as long as half of the lines follow on it: those that come far too late wait for the next (replacement
//!   selection, Knuth, The Art of Computer Programming 5.4.1). One run then holds most lines, and hardly any is copied again.

mod run;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use run::{Merge, RunWriter};

/// Runs of one size that are merged into a larger one as soon as there are so many.
///
/// So there are at most 15 of each size, a size is made of 16 of the one before, and every line is copied once a size: a billion flows
/// that ended in no order make four sizes.
const FAN_IN: usize = 16;

/// Lines that come in any order.
#[derive(Debug)]
pub(super) struct LineSort {
    dir: PathBuf,
    budget: usize,
    gathered: Gathered,
    open: Option<OpenRun>,
    /// Runs by size, the smallest first.
    runs: Vec<Vec<File>>,
    /// Whether a run could not be written or merged: it may end within a line, and who goes on all the same is not to get a part for the whole.
    is_broken: bool,
}

/// A run that lines can still be added to.
#[derive(Debug)]
struct OpenRun {
    writer: RunWriter,
    last_key: u64,
}

/// Lines in memory, in the order in which they came.
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

/// Bytes that a line takes beside its text, where it is put in order as well.
const LINE_LEN: usize = 2 * size_of::<Line>();

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
            open: None,
            runs: Vec::new(),
            is_broken: false,
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
        while self.gathered.bytes() + LINE_LEN > self.budget && !self.gathered.lines.is_empty() {
            start = self.spill(start)?;
        }
        let end = self.gathered.text.len();
        self.gathered.lines.push(Line { key, start, end });
        Ok(())
    }

    /// Every line, in order; an error if one that was taken in could not be set aside.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        if self.open.is_none() && self.runs.is_empty() {
            self.gathered.sort();
            return Ok(Sorted::InMemory(GatheredLines {
                gathered: self.gathered,
                next: 0,
            }));
        }
        while !self.gathered.lines.is_empty() {
            self.spill(self.gathered.text.len())?;
        }
        self.close_run()?;
        // Room for the merge's buffers.
        drop(self.gathered);
        let runs = self.runs.into_iter().flatten().collect();
        Ok(Sorted::InRuns(Merge::new(runs)?))
    }

    /// Adds the first half of the lines that follow on the open run to it. Where those are few, a new run begins, with half of all lines; with
    /// all, where they come in no order.
    ///
    /// * `rest`: where the text stands that is no line yet. Returns where it stands then.
    fn spill(&mut self, rest: usize) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::Error::other("lines before it could not be set aside"));
        }
        let spilled = self.spill_next(rest);
        // Without any run, all that was taken in is still in memory.
        let has_runs = self.open.is_some() || !self.runs.is_empty();
        self.is_broken = spilled.is_err() && has_runs;
        spilled
    }

    fn spill_next(&mut self, rest: usize) -> io::Result<usize> {
        let lines = &self.gathered.lines;
        let mut after = self.open.as_ref().map(|run| run.last_key);
        let follows =
            |after: Option<u64>| move |line: &Line| after.is_none_or(|key| line.key > key);
        let mut next: Vec<Line> = lines.iter().copied().filter(follows(after)).collect();
        let are_few = 2 * next.len() < lines.len();
        let mut in_order = !are_few && are_nearly_in_order(&next);
        if !in_order {
            after = None;
            next.clone_from(lines);
            in_order = are_few && are_nearly_in_order(&next);
            self.close_run()?;
        }
        let run = match &mut self.open {
            Some(run) => run,
            none => none.insert(OpenRun {
                writer: RunWriter::new(&self.dir)?,
                last_key: 0,
            }),
        };
        if in_order && next.len() > 1 {
            let half = next.len().div_ceil(2);
            next.select_nth_unstable_by_key(half, |line| line.key);
            next.truncate(half);
        }
        next.sort_unstable_by_key(|line| line.key);
        for &line in &next {
            run.writer.push(line.key, self.gathered.text_of(line))?;
            run.last_key = line.key;
        }
        let (follows, last_key) = (follows(after), run.last_key);
        let is_written = |line: &Line| follows(line) && line.key <= last_key;
        Ok(self.gathered.drop_lines(is_written, rest))
    }

    /// Lets nothing more be added to the open run, if there is one.
    fn close_run(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(run) => self.add_run(run.writer.finish()?),
            None => Ok(()),
        }
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

/// Whether of the lines that came last hardly any belongs among the first half: such a line would have had to wait for a run of its own.
fn are_nearly_in_order(lines: &[Line]) -> bool {
    let half = lines.len() / 2;
    let mut keys: Vec<u64> = lines.iter().map(|line| line.key).collect();
    let Some(came_last) = lines.get(half..).filter(|lines| !lines.is_empty()) else {
        return true;
    };
    let (_, &mut median, _) = keys.select_nth_unstable(half);
    let early = came_last.iter().filter(|line| line.key < median);
    4 * early.count() <= came_last.len()
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
        self.text.len() + self.lines.len() * LINE_LEN
    }

    fn sort(&mut self) {
        self.lines.sort_unstable_by_key(|line| line.key);
    }

    /// Drops these lines, and moves the text of all others together, and what stands from `rest` on behind it: where that is then.
    fn drop_lines(&mut self, is_dropped: impl Fn(&Line) -> bool, rest: usize) -> usize {
        let (text, mut end) = (&mut self.text, 0);
        // They stand in the order of their text.
        self.lines.retain_mut(|line| {
            if is_dropped(line) {
                return false;
            }
            text.copy_within(line.start..line.end, end);
            let start = end;
            end += line.end - line.start;
            (line.start, line.end) = (start, end);
            true
        });
        text.drain(end..rest);
        end
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::run::RUN_BUFFER;
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
            disorder in 0usize..60,
        ) {
            let mut lines: Vec<_> = lines.into_iter().collect();
            // In no order at all, or in order but for some places.
            if disorder < 50 {
                lines.sort();
                lines.chunks_mut(disorder + 1).for_each(<[_]>::reverse);
            }
            let mut expected = lines.clone();
            expected.sort();
            let expected: Vec<_> = expected.into_iter().map(|(_, line)| line).collect();
            prop_assert_eq!(sorted(&lines, budget), expected);
        }
    }

    /// Sorts so many lines, of which a hundred fit the budget, and counts the runs that it takes.
    fn runs_for(keys: &[u64]) -> usize {
        let line = [b'x'; 52];
        let mut sort = LineSort::new(std::env::temp_dir(), 100 * (LINE_LEN + line.len()));
        for &key in keys {
            push(&mut sort, key, &line);
        }
        let closed = sort.runs.iter().enumerate();
        let closed: usize = closed
            .map(|(size, runs)| runs.len() * FAN_IN.pow(size as u32))
            .sum();
        let runs = closed + usize::from(sort.open.is_some());
        let mut sorted = sort.finish().unwrap();
        let mut expected = keys.to_vec();
        expected.sort_unstable();
        for key in expected {
            assert_eq!(sorted.next().unwrap(), Some((key, &line[..])));
        }
        assert!(sorted.next().unwrap().is_none());
        runs
    }

    #[test]
    fn lines_that_come_nearly_in_order_take_one_run_and_a_few_late_ones_hardly_more() {
        // Each up to thirty places too late or too early.
        let nearly = |n: u64| n * 100 + n * 7919 % 3000;
        let nearly: Vec<u64> = (0..5000).map(nearly).collect();
        assert_eq!(runs_for(&nearly), 1);
        // Of every fifty lines one is as late as can be.
        let with_late = nearly.chunks(50).zip(0..);
        let with_late =
            with_late.flat_map(|(keys, late)| keys.iter().copied().chain([late * 100 + 3050]));
        let mut seen = std::collections::HashSet::new();
        let with_late: Vec<u64> = with_late.filter(|key| seen.insert(*key)).collect();
        let runs = runs_for(&with_late);
        assert!((2..=4).contains(&runs), "{runs}");
    }

    #[test]
    fn lines_in_no_order_take_no_more_runs_than_they_fill() {
        // 2741 and 5000 have no common divisor: every number once.
        let keys: Vec<u64> = (0..5000).map(|n| n * 2741 % 5000).collect();
        let runs = runs_for(&keys);
        assert!((40..=50).contains(&runs), "{runs}");
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
            // The last first: each makes a run of its own.
            let key = 4499 - key;
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
    fn nothing_is_told_once_a_run_could_not_be_written() {
        let line = vec![b'x'; 2 * RUN_BUFFER];
        let mut sort = LineSort::new(std::env::temp_dir(), 3 * RUN_BUFFER);
        push(&mut sort, 1, &line);
        // As on a full disk.
        let file = File::open("/dev/null").unwrap();
        sort.open = Some(OpenRun {
            writer: RunWriter::to(file),
            last_key: 0,
        });
        let write = |text: &mut Vec<u8>| text.write_all(&line);
        assert!(sort.push(2, write).is_err());
        sort.open = Some(OpenRun {
            writer: RunWriter::new(&std::env::temp_dir()).unwrap(),
            last_key: 0,
        });
        assert!(sort.push(3, write).is_err());
        assert!(sort.finish().is_err());
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
