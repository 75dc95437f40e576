//! The command line: from words as typed ([`Args`]) to what they mean ([`Request`], [`Options`]), to a run, and from
//! how that ended to the exit status ([`Status`]).

mod args;
mod input;
mod list_apps;
mod narrator;
mod options;
mod run;
mod status;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::catalogue::{Catalogue, CategoryId};
use crate::domain::DomainPattern;
use crate::protocol::Protocol;

pub use args::Args;
pub use list_apps::list_apps;
pub use options::{GivenRule, Options, Request, Verbosity};
pub use status::Status;

/// Does what the command line says.
pub fn main() -> ExitCode {
    let request = match Request::parse(std::env::args_os()) {
        Ok(request) => request,
        Err(error) => return Status::of_usage(&error).into(),
    };
    let outcome = match &request {
        Request::ListApps => show_apps(),
        Request::Filter(options) => run::run(options),
    };
    let status = outcome.unwrap_or_else(|error| {
        let status = Status::of_failure(error.as_ref());
        if status != Status::Done {
            // When nobody can be told, the status still says it.
            let _ = writeln!(io::stderr().lock(), "dpi_engine: {error:#}");
        }
        status
    });
    status.into()
}

fn show_apps() -> Result<Status> {
    let catalogue = Catalogue::builtin().context("the built-in catalogue")?;
    let apps = catalogue.apps().map(|(_, app)| {
        let category = catalogue.category(app.category).unwrap_or_default();
        let domains = app.domains.iter().map(|domain| match domain {
            DomainPattern::Exact(name) | DomainPattern::Subtree(name) => &**name,
        });
        (category, &*app.name, domains.collect())
    });
    // Rules may name what has no domains too.
    let protocols = Protocol::ALL.iter().map(|protocol| {
        let category = catalogue
            .category(CategoryId::PROTOCOLS)
            .unwrap_or_default();
        (category, protocol.as_str(), Vec::new())
    });
    let all = list_apps(apps.chain(protocols));
    io::stdout().lock().write_all(all.as_bytes())?;
    Ok(Status::Done)
}

#[cfg(test)]
mod tests;
