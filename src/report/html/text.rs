//! Texts and figures as the page shows them.

use std::fmt;

use crate::report::text::printable;

/// Most characters of a name from the capture or the rules that the page shows: all of nearly every one, so that no page grows by names.
const MOST_CHARS: usize = 100;

/// Most characters of a sentence or a path.
const MOST_OF_SENTENCE: usize = 300;

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

/// A share in percent, to one digit behind the point; as HTML and SVG write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Percent {
    part: u64,
    whole: u64,
}

impl Percent {
    /// `part` of `whole`; 0 of nothing.
    pub(super) const fn of(part: u64, whole: u64) -> Self {
        Self { part, whole }
    }

    /// As people write it: something is never told as nothing, nor as all.
    pub(super) fn told(&self) -> String {
        match self.to_string() {
            none if self.part > 0 && none == "0.0%" => "<0.1%".to_owned(),
            all if self.part < self.whole && all == "100.0%" => ">99.9%".to_owned(),
            percent => percent,
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}%", crate::report::percent(self.part, self.whole))
    }
}

/// A name as it may be shown: without what is not simply seen, and with `…` for its end if it is very long.
pub(super) fn shown(name: &str) -> String {
    cut(printable(name), MOST_CHARS)
}

/// The same of a sentence, which may be longer.
pub(super) fn sentence(text: &str) -> String {
    cut(printable(text), MOST_OF_SENTENCE)
}

/// The same of a path, whose end tells most: with `…` for its beginning.
pub(super) fn path(path: &str) -> String {
    let mut path = printable(path);
    if path.chars().count() > MOST_OF_SENTENCE
        && let Some((start, _)) = path.char_indices().nth_back(MOST_OF_SENTENCE - 1)
    {
        path.replace_range(..start, "…");
    }
    path
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
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
        let long = "é".repeat(MOST_OF_SENTENCE);
        assert_eq!(sentence(&format!("{long}x")), format!("{long}…"));
        assert_eq!(path(&long), long);
        assert_eq!(path(&format!("éx{long}")), format!("…{long}"));
    }

    #[test]
    fn something_is_neither_nothing_nor_all() {
        for (part, whole, expected) in [
            (0, 0, "0.0%"),
            (0, 9, "0.0%"),
            (1, 9_999, "<0.1%"),
            (5, 9_999, "0.1%"),
            (9_998, 9_999, ">99.9%"),
            (9, 9, "100.0%"),
        ] {
            assert_eq!(Percent::of(part, whole).told(), expected);
        }
    }
}
