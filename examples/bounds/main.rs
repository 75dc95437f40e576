//! Tries to make the program hold more memory than it may, and prints what it took as a table:
//!
//!     cargo build --release
//!     cargo run --release --example bounds -- [--scaled] [--count=N] [--plain] [WORD…]
//!
//! * With --scaled in the small sizes of the tests; with --count in that size, whatever the input's own is.
//! * With --plain without side outputs: those that are written in the order of flows need room on the disk.
//! * Runs those inputs whose names hold one of the words, or all of them. All together take some minutes.
//! * Each is measured in its full size and in a quarter of it: what takes more than four times the time for four times the input is not linear.
//! * Linux only: it asks /proc.
#![expect(clippy::print_stdout, reason = "a table for whoever started it")]

mod hostile;
mod measure;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use hostile::Hostile;
use measure::{Measured, measure};

/// Most memory that any of them may take, in MiB.
const LIMIT_MIB: f64 = 256.0;

/// What every run is given: all is read and written, and there is a rule.
const PLAIN: [&str; 7] = [
    "-",
    "/dev/null",
    "--block-app",
    "YouTube",
    "--quiet",
    "--workers",
    "4",
];
/// Every other output there is: all that a run can be made to remember.
const OUTPUTS: [&str; 6] = [
    "--dropped",
    "/dev/null",
    "--json",
    "/dev/null",
    "--flows",
    "/dev/null",
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let program = program()?;
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with("--"));
    let is_given = |flag: &str| flags.iter().any(|given| given == flag);
    let asked_count = flags.iter().find_map(|flag| flag.strip_prefix("--count="));
    let asked_count = asked_count.map(str::parse).transpose()?;
    let options = if is_given("--plain") {
        PLAIN.to_vec()
    } else {
        [&PLAIN[..], &OUTPUTS].concat()
    };
    let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(&**word));
    println!("| input | packets | peak MiB | CPU seconds | a quarter: MiB | CPU seconds |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut is_fine = true;
    for hostile in hostile::ALL.iter().filter(|hostile| is_asked(hostile.name)) {
        let run = |count| run(&program, &options, hostile, count);
        let count = match asked_count {
            Some(count) => count,
            None if is_given("--scaled") => hostile.scaled,
            None => hostile.full,
        };
        let (quarter, full) = (run(count / 4)?, run(count)?);
        println!(
            "| {count} {} | {} | {:.0} | {:.1} | {:.0} | {:.1} |",
            hostile.name,
            full.packets,
            full.peak_mib,
            full.cpu_seconds,
            quarter.peak_mib,
            quarter.cpu_seconds,
        );
        let has_ended = full.status == Some(hostile.status);
        if !has_ended {
            println!(
                "{}: ended with {:?}, not {}",
                hostile.name, full.status, hostile.status
            );
        }
        is_fine &= has_ended && full.peak_mib < LIMIT_MIB;
    }
    Ok(if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run(
    program: &Path,
    options: &[&str],
    hostile: &Hostile,
    count: u64,
) -> std::io::Result<Measured> {
    let mut command = Command::new(program);
    command.args(options);
    measure(command, |out| (hostile.write)(count, out))
}

/// The program that was built beside this one.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).ok_or("no folder")?;
    let program = folder.join("dpi_engine");
    if !program.exists() {
        return Err(format!(
            "{} is not there: `cargo build --release` makes it",
            program.display()
        )
        .into());
    }
    Ok(program)
}
