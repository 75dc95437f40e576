//! How far a run is, on standard error: a line that is written over, or on what is no terminal a line every second.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::terminal;
use super::{Verbosity, When};
use crate::stats::AtomicCounters;

/// What is over sooner needs no telling.
const QUIET_TIME: Duration = Duration::from_secs(1);
/// How often a line is written over.
const REDRAWN: Duration = Duration::from_millis(200);
/// How often a line is added where none can be written over.
const REPEATED: Duration = Duration::from_secs(1);

/// Back to the first column, and nothing behind it.
const CLEAR: &str = "\r\x1b[K";

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
        let is_terminal = io::stderr().is_terminal();
        let is_told = match when {
            When::Always => true,
            When::Never => false,
            // Other lines would stand in the middle of this one.
            When::Auto => is_terminal && verbosity == Verbosity::Normal,
        };
        if !is_told {
            return Self {
                stop: None,
                thread: None,
            };
        }
        let (stop, stopped) = bounded(0);
        let body = move || tell(&watched, &stopped, is_terminal);
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

fn tell(watched: &Watched, stopped: &Receiver<()>, is_terminal: bool) {
    let begun = Instant::now();
    let mut pause = QUIET_TIME;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let elapsed = begun.elapsed();
        let line = Reading {
            bytes: watched.bytes.load(Ordering::Relaxed),
            total: watched.total,
            packets: watched
                .counters
                .as_ref()
                .map(|counters| counters.snapshot().total),
            elapsed,
        }
        .to_string();
        // What cannot be told is lost.
        let mut out = io::stderr().lock();
        let _ = if is_terminal {
            pause = REDRAWN;
            let columns = terminal::columns().unwrap_or(80).saturating_sub(1);
            let line: String = line.chars().take(columns).collect();
            write!(out, "{CLEAR}{line}").and_then(|()| out.flush())
        } else {
            pause = REPEATED;
            writeln!(out, "{line}")
        };
    }
    if is_terminal && begun.elapsed() >= QUIET_TIME {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{CLEAR}").and_then(|()| out.flush());
    }
}

/// How far it was at some moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    bytes: u64,
    total: Option<u64>,
    packets: Option<u64>,
    elapsed: Duration,
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.bytes as f64 / seconds.max(f64::MIN_POSITIVE);
        let mut parts = Vec::new();
        match self.total.filter(|total| *total > 0) {
            Some(total) => {
                let percent = (u128::from(self.bytes) * 100 / u128::from(total)).min(100);
                parts.push(format!("{percent:3} %"));
                parts.push(format!("{} of {}", mib(self.bytes), mib(total)));
            }
            None => parts.push(mib(self.bytes)),
        }
        if let Some(packets) = self.packets {
            parts.push(format!("{packets} packets"));
        }
        parts.push(format!("{:.0} MiB/s", rate / MIB));
        if let Some(total) = self.total
            && self.bytes > 0
        {
            let left = total.saturating_sub(self.bytes) as f64 / rate;
            parts.push(format!("{} left", clock(left)));
        }
        f.write_str(&parts.join("  "))
    }
}

const MIB: f64 = 1_048_576.0;

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB)
}

/// Seconds as minutes and seconds, with hours where there are any.
fn clock(seconds: f64) -> String {
    // Saturates, as it should.
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        // A String takes all that is written to it.
        let _ = write!(text, "{hours}:{minutes:02}");
    } else {
        let _ = write!(text, "{minutes}");
    }
    let _ = write!(text, ":{seconds:02}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_bytes_packets_rate_and_time_left() {
        let mut reading = Reading {
            bytes: 100 << 20,
            total: Some(400 << 20),
            packets: Some(123_456),
            elapsed: Duration::from_secs(2),
        };
        assert_eq!(
            reading.to_string(),
            " 25 %  100.0 MiB of 400.0 MiB  123456 packets  50 MiB/s  0:06 left"
        );
        reading.total = None;
        reading.packets = None;
        assert_eq!(reading.to_string(), "100.0 MiB  50 MiB/s");
        reading.bytes = 0;
        reading.total = Some(1);
        assert_eq!(reading.to_string(), "  0 %  0.0 MiB of 0.0 MiB  0 MiB/s");
    }

    #[test]
    fn no_figure_is_too_large_or_too_small() {
        let reading = |bytes, total, elapsed| {
            let packets = Some(u64::MAX);
            Reading {
                bytes,
                total,
                packets,
                elapsed,
            }
            .to_string()
        };
        assert!(reading(u64::MAX, Some(1), Duration::ZERO).starts_with("100 %"));
        assert!(reading(1, Some(u64::MAX), Duration::MAX).contains("  0 %"));
        assert_eq!(clock(3723.2), "1:02:04");
        assert_eq!(clock(f64::INFINITY).split(':').count(), 3);
    }
}
