//! Panics, which no input should cause: told so that they can be reported, and made a failed run.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::thread;

use super::Status;

/// From now on panics are told in a line of standard error. What they quote may come from a capture, so it is escaped.
pub(super) fn tell_panics() {
    panic::set_hook(Box::new(|panicked| {
        let backtrace = Backtrace::capture();
        let mut to = io::stderr().lock();
        // When nobody can be told, the status still says it.
        let _ = writeln!(to, "dpi_engine: {}", words(panicked));
        if backtrace.status() == BacktraceStatus::Captured {
            let _ = writeln!(to, "{backtrace}");
        }
    }));
}

/// Runs `body`; a panic in it, which its hook has told, is a failure.
pub(super) fn survive(body: impl FnOnce() -> Status) -> Status {
    // What it panicked over is gone with it; unfinished files were removed on the way here.
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let advice = "dpi_engine: this is a defect: please report it with the capture";
        let _ = writeln!(io::stderr().lock(), "{advice}");
        Status::Failed
    })
}

fn words(panicked: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("?");
    let place = panicked.location().map(|place| format!(" at {place}"));
    let reason = panicked
        .payload_as_str()
        .unwrap_or("no words")
        .escape_debug();
    format!(
        "the {name} thread panicked{}: {reason}",
        place.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_is_a_failure() {
        assert_eq!(survive(|| Status::Damaged), Status::Damaged);
        assert_eq!(survive(|| panic!("a defect")), Status::Failed);
    }

    #[test]
    fn what_a_panic_quotes_is_escaped() {
        let (told, words_of) = mpsc::channel();
        let before = panic::take_hook();
        let here = thread::current().id();
        panic::set_hook(Box::new(move |panicked| {
            if thread::current().id() == here {
                let _ = told.send(words(panicked));
            } else {
                before(panicked);
            }
        }));
        survive(|| panic!("name \u{1b}[2J\u{202e}{}", 1));
        let words = words_of.recv().unwrap();
        assert!(words.ends_with(r"name \u{1b}[2J\u{202e}1"), "{words}");
        assert!(words.contains("defect.rs:"), "{words}");
    }
}
