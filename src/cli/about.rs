//! What the command line says of itself: completions for shells, and the manual page.

use std::io::{self, Write};

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::{Args, Status};

/// Prints what completes the options in `shell`.
pub(super) fn completions(shell: Shell) -> Result<Status> {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// Prints the manual page, in roff.
pub(super) fn man() -> Result<Status> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    print(&page)
}

/// Not straight to standard output: a closed pipe must not end in a panic of the generators.
fn print(bytes: &[u8]) -> Result<Status> {
    io::stdout().lock().write_all(bytes)?;
    Ok(Status::Done)
}
