//! Refuses runs that would write over what they read, write two things to one place, or read one capture twice.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::shown;
use super::target::Target;

/// A path and what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedPath<'a> {
    /// As the command line calls it: `INPUT`, `--json`.
    pub role: &'static str,
    /// As the user typed it; `-` is standard input or standard output.
    pub path: &'a Path,
}

impl fmt::Display for NamedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.role, shown(self.path))
    }
}

/// Two paths that may not lead to the same file, but do. Both are told with their roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AliasError {
    /// The run would write over what it reads.
    #[error("{output} is the same file as {input}, which would be overwritten")]
    OverwritesInput {
        /// What would be written.
        output: String,
        /// What would be lost.
        input: String,
    },
    /// The run would read one capture twice.
    #[error("{first} and {second} are the same file; expected each capture once")]
    SameInput {
        /// Of the two, the one that stands first in the list.
        first: String,
        /// The other.
        second: String,
    },
    /// The run would write over what looks like one more of the captures that it reads.
    #[error(
        "{output} exists and is named like {input}: if it is a capture to read, OUTPUT is missing behind it; if not, remove it first"
    )]
    AnotherInput {
        /// What would be written.
        output: String,
        /// The capture that it is named like.
        input: String,
    },
    /// The run would write two things to one place.
    #[error("{first} and {second} are the same file")]
    SameOutput {
        /// Of the two, the one that stands first in the list.
        first: String,
        /// The other.
        second: String,
    },
    /// The run would write into a folder that it makes itself.
    #[error("{output} is in {folder}, which has to be empty")]
    InFolder {
        /// What would be written.
        output: String,
        /// The folder.
        folder: String,
    },
}

/// Makes sure that every output is a file of its own, and none of them an input, by no name and no link.
///
/// * Files are told apart by device and inode, those that do not exist yet by directory and name;
///   nothing is opened, so a FIFO does not block, and a file need not be readable.
/// * Standard input and output count as the files that the shell made them.
/// * Character devices and sockets may repeat: `/dev/null`, a terminal, both ends of a network connection.
/// * Standard output may be named once.
/// * A path that cannot be looked up is passed over here; opening it tells why.
pub fn refuse_aliases(
    inputs: &[NamedPath<'_>],
    outputs: &[NamedPath<'_>],
) -> Result<(), AliasError> {
    let mut written: Vec<(Identity, &NamedPath<'_>)> = Vec::new();
    for output in outputs {
        for identity in output_identities(output.path) {
            if let Some((_, first)) = written.iter().find(|(other, _)| *other == identity) {
                return Err(AliasError::SameOutput {
                    first: first.to_string(),
                    second: output.to_string(),
                });
            }
            written.push((identity, output));
        }
    }
    for input in inputs {
        let Some(identity) = input_identity(input.path) else {
            continue;
        };
        if let Some((_, output)) = written.iter().find(|(other, _)| *other == identity) {
            return Err(AliasError::OverwritesInput {
                output: output.to_string(),
                input: as_input(input),
            });
        }
    }
    Ok(())
}

/// Makes sure that `output` is none of several rotated captures, which is written over when nothing is named behind them.
///
/// What is there already, in the folder of one of `captures`, and has its name but for the digits, is taken for one.
pub fn refuse_another(
    captures: &[NamedPath<'_>],
    output: &NamedPath<'_>,
) -> Result<(), AliasError> {
    if captures.len() < 2 || !output.path.is_file() {
        return Ok(());
    }
    let without_digits = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.replace(|letter: char| letter.is_ascii_digit(), "")
    };
    let place = (output.path.parent(), without_digits(output.path));
    let like = |input: &&NamedPath<'_>| (input.path.parent(), without_digits(input.path)) == place;
    match captures.iter().find(like) {
        Some(input) => Err(AliasError::AnotherInput {
            output: output.to_string(),
            input: as_input(input),
        }),
        None => Ok(()),
    }
}

/// Makes sure that no two inputs are the same file, by no name and no link. Files are told apart as [`refuse_aliases`] does it.
pub fn refuse_repeated(inputs: &[NamedPath<'_>]) -> Result<(), AliasError> {
    let mut read: HashMap<Identity, &NamedPath<'_>> = HashMap::with_capacity(inputs.len());
    for input in inputs {
        let Some(identity) = input_identity(input.path) else {
            continue;
        };
        if let Some(first) = read.insert(identity, input) {
            return Err(AliasError::SameInput {
                first: as_input(first),
                second: as_input(input),
            });
        }
    }
    Ok(())
}

/// Makes sure that no output is in a folder that is made whole by itself. Of the outputs, that folder may be one.
pub fn refuse_inside(folder: &NamedPath<'_>, outputs: &[NamedPath<'_>]) -> Result<(), AliasError> {
    // Where there is no such folder, nothing can be in it.
    let Ok(place) = fs::canonicalize(folder.path) else {
        return Ok(());
    };
    for output in outputs.iter().filter(|output| *output != folder) {
        if let Ok(Target::Replace { path, .. }) = Target::of(output.path)
            && path.starts_with(&place)
        {
            return Err(AliasError::InFolder {
                output: output.to_string(),
                folder: folder.to_string(),
            });
        }
    }
    Ok(())
}

/// A path that is read, with its role.
fn as_input(input: &NamedPath<'_>) -> String {
    match input.path == Path::new("-") {
        true => format!("{} (standard input)", input.role),
        false => input.to_string(),
    }
}

/// What makes a file this one and no other.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    StandardOutput,
    Existing { device: u64, inode: u64 },
    Absent(PathBuf),
}

fn output_identities(path: &Path) -> Vec<Identity> {
    let identities = match Target::of(path) {
        Ok(Target::StandardOutput) => {
            let redirected = existing(metadata_of(&io::stdout()));
            [Some(Identity::StandardOutput), redirected]
        }
        Ok(Target::Replace { path, old: None }) => [Some(Identity::Absent(path)), None],
        Ok(Target::Replace { old, .. }) => [existing(old), None],
        Ok(Target::Descriptor | Target::Direct) => [existing(fs::metadata(path).ok()), None],
        // No such directory, or a directory: creating it tells.
        Err(_) => [None, None],
    };
    identities.into_iter().flatten().collect()
}

fn input_identity(path: &Path) -> Option<Identity> {
    if path == Path::new("-") {
        return existing(metadata_of(&io::stdin()));
    }
    existing(fs::metadata(path).ok())
}

fn existing(metadata: Option<Metadata>) -> Option<Identity> {
    let metadata = metadata?;
    let kind = metadata.file_type();
    if kind.is_char_device() || kind.is_socket() {
        return None;
    }
    Some(Identity::Existing {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

fn metadata_of(stream: &impl AsFd) -> Option<Metadata> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    file.metadata().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn named<'a>(role: &'static str, paths: &[&'a Path]) -> Vec<NamedPath<'a>> {
        let named = paths.iter().map(|path| NamedPath { role, path });
        named.collect()
    }

    fn check(inputs: &[&Path], outputs: &[&Path]) -> Result<(), AliasError> {
        refuse_aliases(&named("INPUT", inputs), &named("OUTPUT", outputs))
    }

    fn is_overwriting(input: &Path, output: &Path) -> bool {
        matches!(
            check(&[input], &[output]),
            Err(AliasError::OverwritesInput { .. })
        )
    }

    fn is_same_output(first: &Path, second: &Path) -> bool {
        matches!(
            check(&[], &[first, second]),
            Err(AliasError::SameOutput { .. })
        )
    }

    #[test]
    fn what_looks_like_one_more_of_rotated_captures_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let is_refused = |inputs: &[&str], output: &str| {
            let inputs: Vec<_> = inputs.iter().map(|name| dir.path().join(name)).collect();
            let inputs: Vec<_> = inputs.iter().map(PathBuf::as_path).collect();
            let output = dir.path().join(output);
            let output = named("OUTPUT", &[&output]).remove(0);
            refuse_another(&named("INPUT", &inputs), &output).is_err()
        };
        for name in ["day_3.pcap", "day.pcap10", "out.pcap"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert!(is_refused(&["day_1.pcap", "day_2.pcap"], "day_3.pcap"));
        assert!(is_refused(&["day.pcap", "day.pcap1"], "day.pcap10"));
        assert!(!is_refused(&["day_1.pcap", "day_2.pcap"], "out.pcap"));
        assert!(!is_refused(&["day_1.pcap", "day_2.pcap"], "day_4.pcap"));
        assert!(!is_refused(&["a/day_1.pcap", "a/day_2.pcap"], "day_3.pcap"));
        // Of one capture after the other, such names are steps of somebody's work.
        assert!(!is_refused(&["day_2.pcap"], "day_3.pcap"));
    }

    #[test]
    fn an_output_is_recognised_in_a_folder_behind_every_name_and_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("parts/sub")).unwrap();
        symlink("parts", at("link")).unwrap();
        symlink("parts/new", at("out of it")).unwrap();
        let is_inside = |folder: &str, output: &str| {
            let (folder, output) = (at(folder), at(output));
            let folder = named("--split-dir", &[&folder]).remove(0);
            let outputs = [folder, named("OUTPUT", &[&output]).remove(0)];
            matches!(
                refuse_inside(&folder, &outputs),
                Err(AliasError::InFolder { .. })
            )
        };
        for output in [
            "parts/a",
            "link/a",
            "parts/sub/a",
            "parts/../link/a",
            "out of it",
        ] {
            assert!(
                is_inside("parts", output) && is_inside("link", output),
                "{output}"
            );
        }
        for output in ["a", "parts2", "parts/../a"] {
            assert!(!is_inside("parts", output), "{output}");
        }
        assert!(!is_inside("none", "none/a"), "nothing can be in it");
    }

    #[test]
    fn an_input_is_recognised_behind_every_name_and_link() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("in");
        fs::write(&input, "").unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        symlink("in", dir.path().join("symbolic")).unwrap();
        symlink("sub/../symbolic", dir.path().join("twice")).unwrap();
        fs::hard_link(&input, dir.path().join("hard")).unwrap();
        for name in ["in", "./in", "sub/../in", "symbolic", "twice", "hard"] {
            let other = dir.path().join(name);
            assert!(is_overwriting(&input, &other), "{name}");
            assert!(is_overwriting(&other, &input), "{name}");
        }
        fs::write(dir.path().join("copy"), "").unwrap();
        assert_eq!(check(&[&input], &[&dir.path().join("copy")]), Ok(()));
        assert_eq!(check(&[&input], &[&dir.path().join("new")]), Ok(()));
    }

    #[test]
    fn two_outputs_may_not_be_one_file_even_before_it_exists() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        symlink("new", dir.path().join("dangling")).unwrap();
        let new = dir.path().join("new");
        for name in ["new", "./new", "sub/../new", "dangling"] {
            assert!(is_same_output(&new, &dir.path().join(name)), "{name}");
        }
        assert_eq!(check(&[], &[&new, &dir.path().join("sub/new")]), Ok(()));

        fs::write(&new, "").unwrap();
        let hard = dir.path().join("hard");
        fs::hard_link(&new, &hard).unwrap();
        assert!(is_same_output(&new, &hard));
    }

    #[test]
    fn an_input_that_is_read_twice_is_refused_behind_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let (first, other) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&first, "").unwrap();
        fs::write(&other, "").unwrap();
        let link = dir.path().join("link");
        symlink("a", &link).unwrap();
        let check = |paths: &[&Path]| {
            let named: Vec<_> = paths
                .iter()
                .map(|path| NamedPath {
                    role: "INPUT",
                    path,
                })
                .collect();
            refuse_repeated(&named)
        };
        assert_eq!(check(&[&first, &other]), Ok(()));
        let nowhere = Path::new("/no/where");
        assert_eq!(check(&[nowhere, nowhere]), Ok(()));
        for again in [&first, &link] {
            let error = check(&[&first, &other, again]).unwrap_err().to_string();
            let name = format!("INPUT ({})", again.display());
            assert!(error.contains(&name), "{error}");
        }
        let dash = Path::new("-");
        if input_identity(dash).is_some() {
            assert!(check(&[dash, dash]).is_err());
        }
    }

    #[test]
    fn devices_repeat_but_pipes_and_standard_output_do_not() {
        let null = Path::new("/dev/null");
        assert_eq!(check(&[null], &[null, null]), Ok(()));

        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        assert!(is_same_output(&fifo, &fifo));
        assert!(is_overwriting(&fifo, &fifo));

        assert!(is_same_output(Path::new("-"), Path::new("/dev/stdout")));
    }

    #[test]
    fn standard_streams_are_the_files_that_the_shell_made_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        fs::write(&path, "").unwrap();
        let stream = File::open(&path).unwrap();
        assert_eq!(
            existing(metadata_of(&stream)),
            input_identity(&path),
            "a descriptor and a path of one file"
        );
        assert_eq!(
            input_identity(Path::new("-")),
            existing(metadata_of(&io::stdin()))
        );
    }

    #[test]
    fn what_cannot_be_looked_up_is_left_to_those_who_open_it() {
        let nowhere = Path::new("/no/where");
        assert_eq!(
            check(&[nowhere], &[nowhere, nowhere, Path::new("/")]),
            Ok(())
        );
    }

    #[test]
    fn messages_tell_both_paths_and_what_they_are_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pcap");
        fs::write(&path, "").unwrap();
        let shown = path.display();
        assert_eq!(
            check(&[&path], &[&path]).unwrap_err().to_string(),
            format!(
                "OUTPUT ({shown}) is the same file as INPUT ({shown}), which would be overwritten"
            )
        );
        let dash = Path::new("-");
        assert_eq!(
            check(&[], &[dash, dash]).unwrap_err().to_string(),
            "OUTPUT (standard output) and OUTPUT (standard output) are the same file"
        );
    }
}
