//! Names of files, made from names that strangers gave.

use std::collections::HashMap;

/// Longest name of a file, in bytes. File systems take 255; this leaves room for a path.
pub const MAX_FILE_NAME_LEN: usize = 120;

/// Room for what tells apart names that are the same: a dash and a number.
const SUFFIX_LEN: usize = 12;

/// What a name becomes of which nothing is left.
const NAMELESS: &str = "part";

/// Names that mean a device on Windows, whatever follows behind a dot.
///
/// Source: Microsoft, "Naming Files, Paths, and Namespaces". COM and LPT with a digit besides.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Gives files names that are good on every system, each only once.
///
/// * ASCII letters, digits, `-`, `.` and `_`; every other character becomes `-`. The first is no dot and no dash.
/// * At most [`MAX_FILE_NAME_LEN`] bytes, the extension among them.
/// * No device's name on Windows: `_` stands before it.
/// * No two differ by the case of their letters alone: the second becomes `name-2`, and so on.
#[derive(Debug)]
pub(super) struct FileNames {
    extension: &'static str,
    /// Names that are given, in lower case and without extension, and the number that the next one of that name gets.
    given: HashMap<Box<str>, u32, ahash::RandomState>,
}

impl FileNames {
    /// No names yet; all will end in a dot and `extension`.
    pub(super) fn new(extension: &'static str) -> Self {
        Self {
            extension,
            given: HashMap::default(),
        }
    }

    /// A name that is like `wanted`.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let extension = self.extension;
        let room = MAX_FILE_NAME_LEN - extension.len() - 1 - SUFFIX_LEN;
        let stem = safe(wanted, room);
        let lower = stem.to_ascii_lowercase().into_boxed_str();
        let Some(mut number) = self.given.get(&lower).copied() else {
            self.given.insert(lower, 2);
            return format!("{stem}.{extension}");
        };
        // Passes over those that are somebody's own name; each is passed over once.
        let suffixed = loop {
            let suffixed = format!("{lower}-{number}").into_boxed_str();
            number = number.saturating_add(1);
            if !self.given.contains_key(&suffixed) {
                break suffixed;
            }
        };
        let suffix = suffixed.get(lower.len()..).unwrap_or_default();
        let name = format!("{stem}{suffix}.{extension}");
        self.given.insert(suffixed, 2);
        self.given.insert(lower, number);
        name
    }
}

/// `wanted` in at most `room` characters that every file system takes.
fn safe(wanted: &str, room: usize) -> String {
    let safe = wanted.chars().map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' => c,
        _ => '-',
    });
    let stem: String = safe.skip_while(|c| matches!(c, '-' | '.')).collect();
    let stem = stem.get(..room).unwrap_or(&stem);
    let stem = stem.trim_end_matches(['-', '.']);
    if stem.is_empty() {
        return NAMELESS.to_owned();
    }
    if is_device(stem) {
        return format!("_{stem}");
    }
    stem.to_owned()
}

/// Whether Windows takes the name for a device's.
fn is_device(stem: &str) -> bool {
    let before_dot = stem.split('.').next().unwrap_or_default();
    let before_dot = before_dot.to_ascii_lowercase();
    let is_numbered = || {
        let number = before_dot
            .strip_prefix("com")
            .or(before_dot.strip_prefix("lpt"));
        number.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
    };
    DEVICES.contains(&&*before_dot) || is_numbered()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stay_readable() {
        let mut names = FileNames::new("pcap");
        for (wanted, given) in [
            ("YouTube", "YouTube.pcap"),
            ("Twitter/X", "Twitter-X.pcap"),
            ("Office 365", "Office-365.pcap"),
            ("www.example.org", "www.example.org.pcap"),
            ("_googlecast._tcp.local", "_googlecast._tcp.local.pcap"),
            ("2001:db8::1", "2001-db8--1.pcap"),
            ("*.example.com", "example.com.pcap"),
            ("con", "_con.pcap"),
            ("NUL.example", "_NUL.example.pcap"),
            ("com7", "_com7.pcap"),
            ("com10.example", "com10.example.pcap"),
            ("console", "console.pcap"),
        ] {
            assert_eq!(names.give(wanted), given);
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let mut names = FileNames::new("pcap");
        for (wanted, given) in [
            ("../../etc/passwd", "etc-passwd.pcap"),
            ("..", "part.pcap"),
            ("/", "part-2.pcap"),
            ("a\0b", "a-b.pcap"),
            ("C:\\x", "C--x.pcap"),
            ("-rf", "rf.pcap"),
            (".hidden", "hidden.pcap"),
            ("\u{1b}[2J\u{202e}", "2J.pcap"),
            ("会議", "part-3.pcap"),
            ("name. ", "name.pcap"),
        ] {
            assert_eq!(names.give(wanted), given);
        }
    }

    #[test]
    fn the_same_name_gets_a_number_and_a_name_with_that_number_another() {
        let mut names = FileNames::new("pcap");
        let given: Vec<_> = ["a-2", "a", "A", "a!", "a-2", "A-3"]
            .iter()
            .map(|wanted| names.give(wanted))
            .collect();
        let expected = [
            "a-2.pcap",
            "a.pcap",
            "A-3.pcap",
            "a-4.pcap",
            "a-2-2.pcap",
            "A-3-2.pcap",
        ];
        assert_eq!(given, expected);
    }

    #[test]
    fn a_hundred_thousand_of_one_name_take_no_longer_than_others() {
        let mut names = FileNames::new("pcapng");
        let last = (0..100_000).map(|_| names.give("!")).last();
        assert_eq!(last.as_deref(), Some("part-100000.pcapng"));
    }

    proptest! {
        #[test]
        fn every_name_is_good_everywhere_and_given_once(wanted in proptest::collection::vec("\\PC{0,6}|[aA.-]{0,3}|[a-z.]{100,200}|(?i:con|lpt1)\\.?", 1..60)) {
            let mut names = FileNames::new("pcapng");
            let mut seen = HashSet::new();
            for wanted in &wanted {
                let name = names.give(wanted);
                prop_assert!(name.len() <= MAX_FILE_NAME_LEN, "{name}");
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), "{name}");
                prop_assert!(!name.starts_with(['.', '-']), "{name}");
                prop_assert!(!is_device(&name), "{name}");
                prop_assert!(seen.insert(name.to_lowercase()), "{name}");
            }
        }
    }
}
