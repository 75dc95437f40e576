//! What the terminal is like that the report is shown on: how wide, and whether it has colours.

use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};

use super::When;
use crate::report::{DEFAULT_WIDTH, Look};

/// Columns beyond which a box gets no wider: lines become hard to follow.
const MAX_WIDTH: usize = 120;

/// How the text report is to look: on standard error if `is_standard_output_taken`, else on standard output.
pub(super) fn look(color: When, is_standard_output_taken: bool) -> Look {
    let (is_terminal, size) = if is_standard_output_taken {
        let stream = io::stderr();
        (stream.is_terminal(), terminal_size_of(stream))
    } else {
        let stream = io::stdout();
        (stream.is_terminal(), terminal_size_of(stream))
    };
    let width = size.map_or(DEFAULT_WIDTH, |(Width(columns), _)| usize::from(columns));
    Look {
        width: width.min(MAX_WIDTH),
        is_coloured: match color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && has_colours(),
        },
    }
}

/// Whether colours are welcome on a terminal.
///
/// Source: no-color.org: set to anything but nothing.
fn has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !is_set("NO_COLOR") && !is_dumb
}
