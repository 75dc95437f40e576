//! The command line: from words as typed ([`Args`]) to what they mean ([`Request`], [`Options`]), and from how
//! a run ended to the exit status ([`Status`]).
//!
//! Opens no file and compiles no rule; it only knows what was asked for.

mod args;
mod list_apps;
mod options;
mod status;

pub use args::Args;
pub use list_apps::list_apps;
pub use options::{GivenRule, Options, Request, Verbosity};
pub use status::Status;

#[cfg(test)]
mod tests;
