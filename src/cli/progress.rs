//! How far a run is, on standard error: a line that is written over, or where none can be, a line every second.
//!
//! indicatif draws it. What it tells is read from the side, five times a second at most: the packets' way knows nothing of it.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
    TermLike,
};

use super::{Verbosity, When};
use crate::stats::AtomicCounters;

/// What is over sooner needs no telling.
const QUIET_TIME: Duration = Duration::from_secs(1);
/// How often a line is written over.
const REDRAWN: Duration = Duration::from_millis(200);
/// How often a line is added where none can be written over.
const REPEATED: Duration = Duration::from_secs(1);

/// The line where the input's length is known, and where it is not. `packets` and `left` are ours, and empty where nothing is known.
const OF_ALL: &str =
    "{percent:>3} %  {binary_bytes} of {binary_total_bytes}{packets}  {binary_bytes_per_sec}{left}";
const SO_FAR: &str = "{binary_bytes}{packets}  {binary_bytes_per_sec}";

/// What is watched.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    /// Bytes of the input that were read.
    pub(super) bytes: Arc<AtomicU64>,
    /// How many there are; `None` for what comes through a pipe.
    pub(super) total: Option<u64>,
    /// Counts packets; `None` for a pass that counts none.
    pub(super) counters: Option<Arc<AtomicCounters>>,
}

/// Tells how far the run is until it is dropped.
pub(super) struct Progress {
    /// Dropped first, which ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to watch, if it is to be told.
    pub(super) fn start(when: When, verbosity: Verbosity, watched: Watched) -> Self {
        let Some((target, pause)) = target(when, verbosity) else {
            return Self {
                stop: None,
                thread: None,
            };
        };
        let (stop, stopped) = bounded(0);
        let body = move || tell(&watched, target, pause, &stopped);
        // A run goes on without being told of.
        let thread = thread::Builder::new().name("progress".to_owned());
        Self {
            stop: Some(stop),
            thread: thread.spawn(body).ok(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say if it panicked.
            let _ = thread.join();
        }
    }
}

/// Where it is to be told, and how often; `None` if it is not.
fn target(when: When, verbosity: Verbosity) -> Option<(ProgressDrawTarget, Duration)> {
    let is_welcome = match when {
        When::Always => true,
        When::Never => false,
        // Other lines would stand in the middle of this one.
        When::Auto => verbosity == Verbosity::Normal,
    };
    let terminal = ProgressDrawTarget::stderr();
    match (is_welcome, terminal.is_hidden()) {
        (false, _) => None,
        (true, false) => Some((terminal, REDRAWN)),
        // No terminal, or one that writes nothing over.
        (true, true) if when == When::Always => {
            let lines = Box::new(Lines::new(io::stderr()));
            Some((ProgressDrawTarget::term_like(lines), REPEATED))
        }
        (true, true) => None,
    }
}

fn tell(watched: &Watched, target: ProgressDrawTarget, pause: Duration, stopped: &Receiver<()>) {
    let bar = bar(watched, target);
    let mut wait = QUIET_TIME;
    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        // This draws; what cannot be told is lost.
        bar.set_position(watched.bytes.load(Ordering::Relaxed));
        wait = pause;
    }
    bar.finish_and_clear();
}

/// A line that is drawn whenever its position is set.
fn bar(watched: &Watched, target: ProgressDrawTarget) -> ProgressBar {
    let template = match watched.total {
        Some(_) => OF_ALL,
        None => SO_FAR,
    };
    let counters = watched.counters.clone();
    let packets = move |_: &ProgressState, out: &mut dyn fmt::Write| {
        if let Some(counters) = &counters {
            let packets = HumanCount(counters.snapshot().total);
            // It takes all that is written to it, being a String in the end.
            let _ = write!(out, "  {packets} packets");
        }
    };
    let left = |state: &ProgressState, out: &mut dyn fmt::Write| {
        if state.pos() > 0 {
            let _ = write!(out, "  {:#} left", HumanDuration(state.eta()));
        }
    };
    // The tests hold the templates to what they say.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(watched.total, target)
        .with_style(style.with_key("packets", packets).with_key("left", left))
}

/// Takes for a terminal what is none: each time that something is drawn becomes a line.
#[derive(Debug)]
struct Lines<W>(Mutex<(String, W)>);

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        Self(Mutex::new((String::new(), out)))
    }

    fn lock(&self) -> MutexGuard<'_, (String, W)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write + fmt::Debug + Send> TermLike for Lines<W> {
    /// Lines are filled up to it with blanks, which are cut off again.
    fn width(&self) -> u16 {
        80
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.flush()
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.lock().0.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.lock().0.clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let (line, out) = &mut *self.lock();
        let line = std::mem::take(line);
        match line.trim_end() {
            "" => Ok(()),
            line => writeln!(out, "{line}").and_then(|()| out.flush()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::PacketCounts;

    /// What is written, for both who write and who look.
    #[derive(Debug, Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is told of a run that is at `bytes` of `total`.
    fn told(bytes: u64, total: Option<u64>, packets: Option<u64>) -> String {
        let paper = Paper::default();
        let counters = packets.map(|total| {
            let counters = AtomicCounters::default();
            counters.add(&PacketCounts {
                total,
                ..PacketCounts::default()
            });
            Arc::new(counters)
        });
        let watched = Watched {
            bytes: Arc::default(),
            total,
            counters,
        };
        let lines = Box::new(Lines::new(paper.clone()));
        let bar = bar(&watched, ProgressDrawTarget::term_like(lines));
        bar.set_position(bytes);
        bar.finish_and_clear();
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let (line, rest) = text.split_once('\n').unwrap();
        assert_eq!(rest, "", "the end tells nothing");
        line.to_owned()
    }

    #[test]
    fn a_line_tells_bytes_packets_rate_and_time_left() {
        let line = told(100 << 20, Some(400 << 20), Some(123_456));
        let known = " 25 %  100.00 MiB of 400.00 MiB  123,456 packets  ";
        let rate = line.strip_prefix(known).unwrap_or_else(|| panic!("{line}"));
        assert!(rate.contains("B/s  ") && rate.ends_with("s left"), "{rate}");
        let line = told(100 << 20, None, None);
        assert!(line.starts_with("100.00 MiB  "), "{line}");
        assert!(line.ends_with("B/s"), "{line}");
        assert_eq!(told(0, Some(1), None), "  0 %  0 B of 1 B  0 B/s");
    }

    #[test]
    fn no_figure_is_too_large_or_too_small() {
        assert!(told(u64::MAX, Some(1), Some(u64::MAX)).starts_with("100 %"));
        assert!(told(1, Some(u64::MAX), Some(0)).starts_with("  0 %"));
        assert!(told(0, Some(0), None).starts_with("100 %"));
    }

    #[test]
    fn what_cannot_be_written_harms_nobody() {
        let broken = Lines::new(Broken);
        let watched = Watched {
            bytes: Arc::default(),
            total: None,
            counters: None,
        };
        let bar = bar(&watched, ProgressDrawTarget::term_like(Box::new(broken)));
        bar.set_position(7);
        bar.finish_and_clear();
    }

    #[derive(Debug)]
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
}
