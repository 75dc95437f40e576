//! Texts and figures as the page shows them.

use std::fmt;

use crate::report::text::printable;

/// Most characters of a text from the capture or the rules that the page shows: all of nearly every name, so that no page grows by names.
const MOST_CHARS: usize = 100;

/// A count, with a comma before every third digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figure(pub(super) u64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A share in percent, to one digit behind the point; as HTML, SVG and people write it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percent(pub(super) f64);

impl Percent {
    /// `part` of `whole`; 0 of nothing.
    pub(super) fn of(part: u64, whole: u64) -> Self {
        Self(crate::report::percent(part, whole))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}%", self.0)
    }
}

/// `text` as it may be shown: without what is not simply seen, and with `…` for its end if it is very long.
pub(super) fn shown(text: &str) -> String {
    let mut shown = printable(text);
    if let Some((end, _)) = shown.char_indices().nth(MOST_CHARS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// `count` of what is called `one` or, if there are more, `many`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    let name = if count == 1 { one } else { many };
    format!("{} {name}", Figure(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(Figure(count).to_string(), expected);
        }
    }

    #[test]
    fn what_is_shown_is_printable_and_of_a_bounded_length() {
        assert_eq!(shown("a\u{202e}b\x1b"), "a\u{fffd}b\u{fffd}");
        let long = "é".repeat(MOST_CHARS);
        assert_eq!(shown(&long), long);
        assert_eq!(shown(&format!("{long}x")), format!("{long}…"));
    }
}
