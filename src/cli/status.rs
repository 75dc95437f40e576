//! How the run ended, as a number for whoever started it; the only place that knows these numbers.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use crate::catalogue::AppsFileError;
use crate::output::{AliasError, OutputError};
use crate::report::QueryError;
use crate::rules::{RuleError, RulesFileError};

/// The exit status. A run that a signal ends has 128 + n instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Everything was done.
    Done = 0,
    /// It failed, and OUTPUT was not made.
    Failed = 1,
    /// The command line or a rule is wrong.
    Usage = 2,
    /// Everything readable was done, but the input is damaged.
    Damaged = 3,
    /// Everything was done, but the report is not as it was expected.
    Differs = 4,
}

/// Rules that are turned round, and none of them blocks anything: then nothing would be kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "--only keeps what rules block, and none of them blocks anything: expected a rule such as --block-app YouTube, or one in a file"
)]
pub(super) struct NothingToKeep;

/// A list of inputs that is none: which, where, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadList(pub(super) String);

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

impl Status {
    /// Prints what the command line's reader has to say: help and version on standard output, wrong usage on standard error.
    pub fn of_usage(error: &clap::Error) -> Self {
        // Whom should it be told to, when standard error is closed?
        let _ = error.print();
        match error.exit_code() {
            0 => Self::Done,
            _ => Self::Usage,
        }
    }

    /// The status that `error`, or what caused it, stands for.
    ///
    /// A closed pipe is [`Status::Done`]: its reader has read enough, and there is nothing to tell.
    pub fn of_failure(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if is_broken_pipe(cause) {
                return Self::Done;
            }
            let is_rule = cause.is::<RuleError>() || cause.is::<RulesFileError>();
            if is_rule
                || cause.is::<QueryError>()
                || cause.is::<AliasError>()
                || cause.is::<AppsFileError>()
                || cause.is::<NothingToKeep>()
                || cause.is::<BadList>()
            {
                return Self::Usage;
            }
            next = cause.source();
        }
        Self::Failed
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return error.kind() == io::ErrorKind::BrokenPipe;
    }
    error
        .downcast_ref::<OutputError>()
        .is_some_and(OutputError::is_broken_pipe)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anyhow::Context;

    use super::*;

    fn write_error(kind: io::ErrorKind) -> OutputError {
        let (path, reason) = (PathBuf::from("out"), kind.into());
        OutputError::Write { path, reason }
    }

    #[test]
    fn a_closed_pipe_is_success_however_deep_it_lies() {
        let broken = io::ErrorKind::BrokenPipe;
        let wrapped = io::Error::new(broken, write_error(broken));
        let plain: Result<(), _> = Err(write_error(broken));
        for error in [
            anyhow::Error::from(io::Error::from(broken)),
            anyhow::Error::from(wrapped).context("cannot write the report"),
            plain.context("one").context("two").unwrap_err(),
        ] {
            assert_eq!(
                Status::of_failure(error.as_ref()),
                Status::Done,
                "{error:#}"
            );
        }
    }

    #[test]
    fn other_failures_have_their_numbers() {
        let full = write_error(io::ErrorKind::StorageFull);
        assert_eq!(Status::of_failure(&full), Status::Failed);
        let alias = AliasError::SameOutput {
            first: "a".into(),
            second: "b".into(),
        };
        let alias = anyhow::Error::from(alias).context("nothing was written");
        assert_eq!(Status::of_failure(alias.as_ref()), Status::Usage);
        let numbers = [
            Status::Done,
            Status::Failed,
            Status::Usage,
            Status::Damaged,
            Status::Differs,
        ];
        assert_eq!(numbers.map(|status| status as u8), [0, 1, 2, 3, 4]);
    }
}
