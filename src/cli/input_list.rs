//! `--input-list`: captures that files name, a path a line.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::status::BadList;
use super::{GivenCapture, Options, input};

/// Longest list, in bytes: one that never ends, such as `/dev/zero`, is none.
const MAX_LIST_LEN: u64 = 64 << 20;

/// Captures that lists may name, all of them together. What is known of one takes about a kilobyte.
const MAX_LISTED: usize = 1_000_000;

/// The options with the captures that their lists name, behind those of the command line.
///
/// # Errors
/// A list cannot be read, or names nothing or too much, or a line of it is no path.
pub(super) fn resolve(options: &Options) -> Result<Cow<'_, Options>> {
    if options.input_lists.is_empty() {
        return Ok(Cow::Borrowed(options));
    }
    let mut options = options.clone();
    for list in &options.input_lists {
        let captures = captures(list)?;
        options.captures.extend(captures);
        if options.captures.len() > MAX_LISTED {
            let count = options.captures.len();
            let found = format!(
                "{}: with it, there are {count} captures",
                input::shown(list)
            );
            return Err(BadList(format!("{found}; expected at most {MAX_LISTED}")).into());
        }
    }
    let is_standard_input = |path: &PathBuf| path == Path::new("-");
    let captures = || options.captures.iter().map(|capture| &capture.path);
    if options.input_lists.iter().any(is_standard_input) && captures().any(is_standard_input) {
        let both = "standard input cannot be both --input-list and INPUT";
        return Err(BadList(both.to_owned()).into());
    }
    Ok(Cow::Owned(options))
}

fn captures(list: &Path) -> Result<Vec<GivenCapture>> {
    let shown = input::shown(list);
    let cannot = || format!("cannot read the list of inputs {shown}");
    let source: Box<dyn Read> = match list == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(list).with_context(cannot)?),
    };
    let mut bytes = Vec::new();
    let mut source = source.take(MAX_LIST_LEN + 1);
    let len = source.read_to_end(&mut bytes).with_context(cannot)?;
    if len as u64 > MAX_LIST_LEN {
        let found = format!("{shown}: it is longer than {MAX_LIST_LEN} bytes");
        return Err(BadList(format!("{found}; expected a path a line")).into());
    }
    let mut captures = Vec::new();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    for (number, line) in (1_u64..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let origin = format!("{shown}:{number}");
        if let Some(column) = line.iter().position(|byte| *byte == 0) {
            let found = format!("byte {}: found a zero, which no path has", column + 1);
            return Err(BadList(format!("{origin}: {found}; expected a path a line")).into());
        }
        captures.push(GivenCapture {
            path: PathBuf::from(OsStr::from_bytes(line)),
            origin: Some(origin),
        });
    }
    if captures.is_empty() {
        let found = format!("{shown}: it names no capture; expected a path a line");
        return Err(BadList(found).into());
    }
    Ok(captures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &[u8]) -> Result<Vec<GivenCapture>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        captures(file.path()).map_err(|error| {
            let told = format!("{error:#}");
            told.replace(&file.path().display().to_string(), "list")
        })
    }

    #[test]
    fn comments_and_blank_lines_are_no_paths_and_paths_keep_their_lines() {
        let found =
            listed(b"# rotated\r\n\n a b.pcap \r\n\t# more\nx#1.pcap\n-\n\xff.pcap").unwrap();
        let lines: Vec<_> = found
            .iter()
            .map(|capture| {
                let origin = capture.origin.as_deref().unwrap();
                let (_, line) = origin.rsplit_once(':').unwrap();
                (capture.path.as_os_str().as_bytes(), line)
            })
            .collect();
        let expected: [(&[u8], &str); 4] = [
            (b"a b.pcap", "3"),
            (b"x#1.pcap", "5"),
            (b"-", "6"),
            (b"\xff.pcap", "7"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_list_that_never_ends_and_one_of_too_many_are_refused() {
        let told = captures(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(told.starts_with("/dev/zero: it is longer than "), "{told}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\n".repeat(MAX_LISTED / 2 + 1)).unwrap();
        let list = file.path().as_os_str();
        let mut words = vec!["dpi_engine".as_ref(), "--dry-run".as_ref()];
        words.extend(["--input-list".as_ref(), list].repeat(2));
        let Ok(super::super::Request::Filter(options)) = super::super::Request::parse(words) else {
            panic!("no run");
        };
        let told = resolve(&options).unwrap_err().to_string();
        let expected = "with it, there are 1000002 captures; expected at most 1000000";
        assert!(told.ends_with(expected), "{told}");
    }

    #[test]
    fn a_list_without_paths_and_a_line_that_is_none_are_refused() {
        for text in [&b""[..], b"# nothing\n\n"] {
            let told = listed(text).unwrap_err();
            assert!(told.starts_with("list: it names no capture"), "{told}");
        }
        let told = listed(b"a\nb\0c\n").unwrap_err();
        assert!(told.starts_with("list:2: byte 2: "), "{told}");
    }
}
