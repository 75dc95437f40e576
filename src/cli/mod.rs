//! The command line: from words as typed ([`Args`]) to what they mean ([`Request`], [`Options`]), to a run, and from
//! how that ended to the exit status ([`Status`]).

mod about;
mod apps;
mod args;
mod defect;
mod diff_rules;
mod exports;
mod files;
mod gathered;
mod help;
mod input;
mod input_list;
mod inputs;
mod list_apps;
mod names;
mod narrator;
mod options;
mod progress;
mod rules;
mod run;
mod split;
mod status;
mod terminal;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

pub use args::{Args, When};
pub use list_apps::{ListedApp, list_apps};
pub use options::{GivenCapture, GivenRule, Options, Request, Verbosity, Verification};
pub use status::Status;

/// Does what the command line says.
pub fn main() -> ExitCode {
    defect::tell_panics();
    defect::survive(run_command_line).into()
}

fn run_command_line() -> Status {
    let request = match Request::parse(std::env::args_os()) {
        Ok(request) => request,
        Err(error) => return Status::of_usage(&error),
    };
    let outcome = match &request {
        Request::ListApps(files) => apps::show(files),
        Request::Completions(shell) => about::completions(*shell),
        Request::Man => about::man(),
        Request::Verify(files) => verify::verify(files),
        Request::Filter(options) => run::run(options),
        Request::DiffRules(options, files) => diff_rules::run(options, files),
    };
    outcome.unwrap_or_else(|error| {
        let status = Status::of_failure(error.as_ref());
        if status != Status::Done {
            // When nobody can be told, the status still says it.
            let _ = writeln!(io::stderr().lock(), "dpi_engine: {error:#}");
        }
        status
    })
}

#[cfg(test)]
mod tests;
