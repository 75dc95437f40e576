//! A page in a box of double lines, whose right edge is straight whatever is printed.
//!
//! Makes text safe to print as well: what would move the cursor, turn the direction of text around, or take no column of its own
//! where that can be told is replaced.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for a character that is not printed.
const REPLACEMENT: char = '\u{fffd}';

/// A page that is being printed.
#[derive(Debug)]
pub(super) struct Page {
    /// Columns between the box's edges, less one for the blank on each side.
    columns: usize,
    text: String,
    /// Whether styles are shown.
    is_coloured: bool,
    /// How the next lines look between the edges.
    style: Style,
}

/// How text looks on a terminal.
///
/// Source: SGR, ECMA-48 §8.3.117.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Red,
    Yellow,
    Cyan,
    Faint,
}

impl Style {
    /// What turns it on; nothing turns nothing on.
    const fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("\x1b[1m"),
            Self::Red => Some("\x1b[1;31m"),
            Self::Yellow => Some("\x1b[33m"),
            Self::Cyan => Some("\x1b[36m"),
            Self::Faint => Some("\x1b[2m"),
        }
    }
}

/// What turns every style off.
const RESET: &str = "\x1b[0m";

impl Page {
    /// An empty page, `width` columns wide with its edges.
    pub(super) fn new(width: usize, is_coloured: bool) -> Self {
        let mut page = Self {
            columns: width.saturating_sub(4),
            text: String::new(),
            is_coloured,
            style: Style::Plain,
        };
        page.edge('╔', '╗');
        page
    }

    /// Columns that a line can fill.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// A line, cut where it is too long.
    pub(super) fn line(&mut self, text: &str) {
        let style = self.style.sgr().filter(|_| self.is_coloured);
        self.text.push_str("║ ");
        self.text.push_str(style.unwrap_or_default());
        self.text.push_str(&fit(text, self.columns));
        self.text.push_str(style.map_or("", |_| RESET));
        self.text.push_str(" ║\n");
    }

    /// The lines that `write` adds look like this.
    pub(super) fn styled(&mut self, style: Style, write: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.style, style);
        write(self);
        self.style = before;
    }

    /// A line in the middle.
    pub(super) fn centred(&mut self, text: &str) {
        let blank = self.columns.saturating_sub(width(text)) / 2;
        self.line(&format!("{:blank$}{text}", ""));
    }

    /// The title of what follows, between two rules.
    pub(super) fn section(&mut self, title: &str) {
        self.edge('╠', '╣');
        self.styled(Style::Bold, |page| page.line(title));
        self.edge('╠', '╣');
    }

    /// A line with text at both sides; false, and no line, when they would touch.
    pub(super) fn sides(&mut self, left: &str, right: &str) -> bool {
        let (left, right) = (printable(left), printable(right));
        let used = width(&left) + width(&right);
        let fits = used + 2 <= self.columns;
        if fits {
            let blank = self.columns - used;
            self.line(&format!("{left}{:blank$}{right}", ""));
        }
        fits
    }

    /// As many lines as the text needs. `head` stands before the first, and all begin below its end.
    pub(super) fn wrapped(&mut self, head: &str, text: &str) {
        let mut line = head.to_owned();
        let indent = width(head);
        let mut used = indent;
        for word in printable(text).split(' ') {
            if used > indent && used + 1 + width(word) > self.columns {
                self.next_line(&mut line, &mut used, indent);
            } else if used > indent {
                line.push(' ');
                used += 1;
            }
            for c in word.chars() {
                if used + width_of(c) > self.columns {
                    self.next_line(&mut line, &mut used, indent);
                }
                line.push(c);
                used += width_of(c);
            }
        }
        self.line(&line);
    }

    /// The page, with its last edge.
    pub(super) fn finish(mut self) -> String {
        self.edge('╚', '╝');
        self.text
    }

    fn next_line(&mut self, line: &mut String, used: &mut usize, indent: usize) {
        self.line(line);
        line.clear();
        line.extend(std::iter::repeat_n(' ', indent));
        *used = indent;
    }

    fn edge(&mut self, left: char, right: char) {
        self.text.push(left);
        self.text
            .extend(std::iter::repeat_n('═', self.columns.saturating_add(2)));
        self.text.push(right);
        self.text.push('\n');
    }
}

/// `text` in exactly `columns` columns: cut with `…`, or filled up with blanks.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let text = printable(text);
    let mut fitted = String::with_capacity(columns);
    let mut used = 0;
    if width(&text) <= columns {
        fitted.push_str(&text);
        used = width(&text);
    } else if columns > 0 {
        for c in text.chars() {
            if used + width_of(c) > columns - 1 {
                break;
            }
            fitted.push(c);
            used += width_of(c);
        }
        fitted.push('…');
        used += 1;
    }
    fitted.extend(std::iter::repeat_n(' ', columns - used));
    fitted
}

/// `text` without what terminals do not simply print, so that its width is the sum of its characters' widths.
///
/// Where several characters take less room together than each by itself (some scripts' ligatures, flags), terminals disagree on how
/// much it is; nothing but ASCII stays of such a text.
pub(in crate::report) fn printable(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|c| match c.width() {
            Some(_) if !is_format(c) => c,
            _ => REPLACEMENT,
        })
        .collect();
    if width(&shown) == shown.width() {
        return shown;
    }
    shown
        .chars()
        .map(|c| if c.is_ascii() { c } else { REPLACEMENT })
        .collect()
}

/// Whether `c` is not seen and changes how others are: joiners, direction marks, variation selectors, line separators, tags.
///
/// Source: the Default_Ignorable_Code_Point and Bidi_Control properties, and the line and paragraph separators, of Unicode 16.
pub(in crate::report) const fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_cut_or_filled_to_the_column() {
        for (text, columns, expected) in [
            ("github.com", 12, "github.com  "),
            ("github.com", 10, "github.com"),
            ("github.com", 9, "github.c…"),
            ("小佛.example", 6, "小佛.…"),
            // Half of a wide character cannot be shown.
            ("小佛.example", 4, "小… "),
            ("小", 1, "…"),
            ("", 2, "  "),
            ("abc", 0, ""),
            // A mark stays with the letter that it stands on.
            ("e\u{301}te\u{301}", 2, "e\u{301}…"),
        ] {
            assert_eq!(fit(text, columns), expected, "{text:?} {columns}");
        }
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_the_text_gets_through() {
        assert_eq!(
            printable("a\x1b[2Jb\r\n\t\u{9b}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(printable("x\u{202e}moc\u{200d}"), "x\u{fffd}moc\u{fffd}");
        // Lam and alef, which some terminals draw as one.
        assert_eq!(printable("a\u{644}\u{627}"), "a\u{fffd}\u{fffd}");
        assert_eq!(printable("bücher.ελ.中"), "bücher.ελ.中");
    }

    #[test]
    fn words_wrap_below_the_end_of_the_head() {
        let mut page = Page::new(24, false);
        page.wrapped("File: ", "a bc def ghijklm nopqrstuvwxyzabcdefgh");
        assert_eq!(
            page.finish(),
            "\
╔══════════════════════╗
║ File: a bc def       ║
║       ghijklm        ║
║       nopqrstuvwxyza ║
║       bcdefgh        ║
╚══════════════════════╝
"
        );
    }

    #[test]
    fn sides_never_touch() {
        let mut page = Page::new(24, false);
        assert!(!page.sides("left 0123456789", "right"));
        assert!(page.sides("left 0123456789", "abc"));
    }

    #[test]
    fn styles_stand_between_the_edges_and_only_where_they_are_wanted() {
        let page = |is_coloured| {
            let mut page = Page::new(10, is_coloured);
            page.styled(Style::Red, |page| page.line("a\x1b[0m"));
            page.line("b");
            page.finish()
        };
        assert!(page(true).contains("║ \x1b[1;31ma\u{fffd}[0m \x1b[0m ║\n║ b      ║"));
        assert!(!page(false).contains('\x1b'));
    }

    proptest! {
        #[test]
        fn every_line_is_equally_wide(text in any::<String>(), more in "\\PC*", width in 24usize..100) {
            let mut page = Page::new(width, false);
            page.line(&text);
            page.section(&more);
            page.centred(&text);
            page.sides(&text, &more);
            page.wrapped("a: ", &text);
            page.wrapped("     ", &more);
            for line in page.finish().lines() {
                prop_assert_eq!(line.width(), width, "{:?}", line);
                prop_assert_eq!(line.chars().map(width_of).sum::<usize>(), width, "{:?}", line);
            }
        }
    }
}
