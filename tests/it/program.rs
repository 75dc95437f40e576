//! Runs the program in a folder of its own and picks up what it made.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The program with arguments, ready to run.
pub(crate) fn dpi_engine<I, A>(args: I) -> Command
where
    I: IntoIterator<Item = A>,
    A: AsRef<OsStr>,
{
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpi_engine"));
    command.args(args);
    command
}

/// What a run left behind.
pub(crate) struct Run {
    /// Exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

impl Run {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("the report is UTF-8")
    }

    /// Fails unless the run ended with `status` and without a panic.
    #[track_caller]
    pub(crate) fn assert_status(&self, status: i32, what: &str) {
        assert_eq!(self.status, Some(status), "{what}: {}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{what}: {}", self.stderr);
    }
}

/// Runs the program to its end.
pub(crate) fn run<I, A>(args: I) -> Run
where
    I: IntoIterator<Item = A>,
    A: AsRef<OsStr>,
{
    dpi_engine(args).output().unwrap().into()
}

/// Runs the program to its end with `input` on its standard input.
pub(crate) fn run_with_input<I, A>(args: I, input: &[u8]) -> Run
where
    I: IntoIterator<Item = A>,
    A: AsRef<OsStr>,
{
    let mut child = dpi_engine(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may stop reading early; that is its own affair.
    let feeder = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output.into()
}

/// The exit status of a running program, which gets half a minute to end.
pub(crate) fn wait(mut child: Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder for one test, gone when the test is.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What the program made of a capture.
pub(crate) struct Filtered {
    pub(crate) run: Run,
    pub(crate) output: Option<Vec<u8>>,
    pub(crate) dropped: Option<Vec<u8>>,
    pub(crate) report: Option<Vec<u8>>,
    pub(crate) flows: Option<Vec<u8>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file into the folder.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Makes a FIFO in the folder.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    /// The names of what is in the folder, sorted.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Filters `input` with every output there is, and takes the outputs away.
    pub(crate) fn filter(&self, input: &Path, options: &[&str]) -> Filtered {
        let made = ["output", "dropped", "report", "flows"].map(|name| self.path(name));
        let [output, dropped, report, flows] = &made;
        let mut command = dpi_engine([input, output]);
        command.arg("--dropped").arg(dropped);
        command.arg("--json").arg(report);
        command.arg("--flows").arg(flows);
        let run = command.args(options).output().unwrap().into();
        let [output, dropped, report, flows] = made.map(|path| {
            let bytes = std::fs::read(&path).ok()?;
            std::fs::remove_file(&path).unwrap();
            Some(bytes)
        });
        Filtered {
            run,
            output,
            dropped,
            report,
            flows,
        }
    }
}

impl Filtered {
    /// The JSON report; fails with the program's own words when there is none.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let bytes = self.report.as_deref();
        let bytes = bytes.unwrap_or_else(|| panic!("no report: {}", self.run.stderr));
        serde_json::from_slice(bytes).expect("the report is JSON")
    }

    /// The lines of `--flows`.
    #[track_caller]
    pub(crate) fn flow_lines(&self) -> Vec<Value> {
        let bytes = self.flows.as_deref();
        let bytes = bytes.unwrap_or_else(|| panic!("no flows: {}", self.run.stderr));
        let text = std::str::from_utf8(bytes).expect("flows are UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }

    /// OUTPUT; fails with the program's own words when there is none.
    #[track_caller]
    pub(crate) fn kept(&self) -> &[u8] {
        match &self.output {
            Some(bytes) => bytes,
            None => panic!("no OUTPUT: {}", self.run.stderr),
        }
    }

    /// The dropped packets' file; fails with the program's own words when there is none.
    #[track_caller]
    pub(crate) fn gone(&self) -> &[u8] {
        match &self.dropped {
            Some(bytes) => bytes,
            None => panic!("no dropped packets: {}", self.run.stderr),
        }
    }
}

/// A number in a JSON report, by its path.
#[track_caller]
pub(crate) fn number(json: &Value, pointer: &str) -> u64 {
    let value = json.pointer(pointer).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no number at {pointer}"))
}

/// A list in a JSON report, by its path.
#[track_caller]
pub(crate) fn list<'a>(json: &'a Value, pointer: &str) -> &'a [Value] {
    let value = json.pointer(pointer).and_then(Value::as_array);
    value.unwrap_or_else(|| panic!("no list at {pointer}"))
}
