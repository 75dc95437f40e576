//! The names on the command line: which are captures, and which is OUTPUT.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::GivenCapture;
use super::args::Args;

/// What the names on the command line stand for.
pub(super) struct Names {
    pub(super) captures: Vec<GivenCapture>,
    pub(super) output: Option<PathBuf>,
    pub(super) untouched: Option<PathBuf>,
}

impl Names {
    /// The last of several is OUTPUT, where there is one: a list of inputs counts as one of them.
    pub(super) fn of(args: &Args) -> Result<Self, clap::Error> {
        let mut paths = args.paths.clone();
        let has_list = !args.input_list.is_empty();
        if paths.is_empty() && !has_list {
            return Err(missing("INPUT is missing: the capture to read"));
        }
        let writes_packets = args.diff_rules.is_empty();
        let last = match paths.len() + usize::from(has_list) {
            0 | 1 => None,
            _ if writes_packets => paths.pop(),
            _ => None,
        };
        let is_ambiguous = paths.len() > 1 || has_list;
        let (output, untouched) = match last {
            None if writes_packets && !args.dry_run => {
                return Err(missing(
                    "OUTPUT is missing: the file to write (or --dry-run, to write none)",
                ));
            }
            last if args.dry_run => (None, last.filter(|_| is_ambiguous)),
            last => (last, None),
        };
        let captures = paths
            .into_iter()
            .map(|path| GivenCapture { path, origin: None });
        Ok(Self {
            captures: captures.collect(),
            output,
            untouched,
        })
    }
}

/// Told with the lines of usage.
fn missing(message: &str) -> clap::Error {
    Args::command().error(ErrorKind::MissingRequiredArgument, message)
}
