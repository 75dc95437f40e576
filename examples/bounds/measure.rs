//! What a run of the program takes: its peak of memory, and time.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a run.
const INTERVAL: Duration = Duration::from_millis(2);

/// Clock ticks a second in /proc (USER_HZ, the same on all Linux systems of today).
const TICKS: f64 = 100.0;

/// What a run took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Packets that it was given.
    pub(crate) packets: u64,
    /// Most memory that it held at a time, of the kernel's own count (`VmHWM`).
    pub(crate) peak_mib: f64,
    /// Time of all its threads on a core.
    pub(crate) cpu_seconds: f64,
    /// Time by the clock, in which the input was made as well.
    pub(crate) seconds: f64,
    /// Exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
}

/// Runs `command` on what `write` writes to its standard input. What it prints on standard output is lost.
pub(crate) fn measure(
    mut command: Command,
    write: impl FnOnce(&mut dyn Write) -> io::Result<u64>,
) -> io::Result<Measured> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let is_over = AtomicBool::new(false);
    let (id, pipe) = (child.id(), child.stdin.take());
    let mut measured = Measured::default();
    thread::scope(|scope| {
        let looks = scope.spawn(|| look_at(id, &is_over));
        let written: io::Result<u64> = pipe.map_or(Ok(0), |pipe| {
            let mut pipe = BufWriter::with_capacity(1 << 20, pipe);
            let packets = write(&mut pipe)?;
            pipe.flush()?;
            Ok(packets)
        });
        let status = child.wait();
        is_over.store(true, Ordering::Relaxed);
        if let Ok((peak_mib, cpu_seconds)) = looks.join() {
            measured.peak_mib = peak_mib;
            measured.cpu_seconds = cpu_seconds;
        }
        measured.status = status?.code();
        measured.packets = match written {
            // It has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            written => written?,
        };
        measured.seconds = started.elapsed().as_secs_f64();
        Ok(measured)
    })
}

/// The last that was seen of a process: the peak of its memory in MiB, and its seconds of CPU.
fn look_at(id: u32, is_over: &AtomicBool) -> (f64, f64) {
    let (mut peak, mut cpu) = (0.0, 0.0);
    while !is_over.load(Ordering::Relaxed) {
        let status = fs::read_to_string(format!("/proc/{id}/status"));
        peak = status.ok().as_deref().and_then(peak_mib).unwrap_or(peak);
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        cpu = stat.ok().as_deref().and_then(cpu_seconds).unwrap_or(cpu);
        thread::sleep(INTERVAL);
    }
    (peak, cpu)
}

/// The `VmHWM` line of /proc/PID/status, proc_pid_status(5). A process that has ended has none.
fn peak_mib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

/// The 14th and 15th field of /proc/PID/stat, proc_pid_stat(5); the second is a name in parentheses, which may hold blanks.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}
