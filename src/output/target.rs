//! What a path that the user gave for an output stands for.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::shown;

/// Symbolic links followed from one path: what Linux allows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Names of standard output.
const STANDARD_OUTPUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Whether `path` means standard output: `-`, `/dev/stdout`, and its other names.
pub fn is_standard_output(path: &Path) -> bool {
    STANDARD_OUTPUT.iter().any(|name| path == Path::new(name))
}

/// Where the bytes of an output go.
#[derive(Debug)]
pub(super) enum Target {
    /// The descriptor that the program was started with.
    StandardOutput,
    /// Another descriptor that the program was started with, by its path. It may lead to a regular file, but
    /// that file belongs to whoever opened it, and is not to be replaced.
    Descriptor,
    /// Something that exists and is no regular file.
    Direct,
    /// A regular file.
    Replace {
        /// Absolute, without symbolic links.
        path: PathBuf,
        /// What stands there now.
        old: Option<Metadata>,
    },
}

impl Target {
    /// Looks `path` up. Opens nothing, so a FIFO does not block here.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if is_standard_output(path) {
            return Ok(Self::StandardOutput);
        }
        if is_descriptor(path) {
            return Ok(Self::Descriptor);
        }
        match fs::metadata(path) {
            Ok(old) if old.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(old) if old.is_file() => Ok(Self::Replace {
                path: fs::canonicalize(path)?,
                old: Some(old),
            }),
            Ok(_) => Ok(Self::Direct),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Replace {
                path: absent(path)?,
                old: None,
            }),
            Err(error) => Err(error),
        }
    }
}

fn is_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stderr")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

/// The one absolute path of a file that does not exist yet, also behind a symbolic link that leads nowhere.
pub(super) fn absent(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        let parent = fs::canonicalize(parent).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let there_is_none = format!("there is no folder {}", shown(parent));
                io::Error::new(error.kind(), there_is_none)
            }
            _ => error,
        })?;
        let place = parent.join(name);
        match fs::read_link(&place) {
            Ok(next) => path = parent.join(next),
            // No link (or nothing at all): this is the place. Opening it tells what else is wrong.
            Err(_) => return Ok(place),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_standard_output_is_known() {
        for name in STANDARD_OUTPUT {
            assert!(matches!(
                Target::of(Path::new(name)),
                Ok(Target::StandardOutput)
            ));
        }
        assert!(!is_standard_output(Path::new("./-")));
    }

    #[test]
    fn descriptors_and_devices_are_written_directly() {
        for name in ["/dev/stderr", "/dev/fd/63", "/proc/self/fd/63"] {
            let target = Target::of(Path::new(name));
            assert!(matches!(target, Ok(Target::Descriptor)), "{name}");
        }
        assert!(matches!(
            Target::of(Path::new("/dev/null")),
            Ok(Target::Direct)
        ));
    }

    #[test]
    fn an_absent_file_has_one_path_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("sub")).unwrap();
        std::os::unix::fs::symlink("sub/../new", root.join("link")).unwrap();
        std::os::unix::fs::symlink("link", root.join("link to link")).unwrap();
        for name in ["new", "./new", "sub/../new", "link", "link to link"] {
            assert_eq!(
                absent(&root.join(name)).unwrap(),
                root.join("new"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_path_that_can_only_be_a_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let kind = |name| Target::of(&dir.path().join(name)).unwrap_err().kind();
        assert_eq!(kind(""), io::ErrorKind::IsADirectory);
        assert_eq!(kind("new/"), io::ErrorKind::IsADirectory);
        assert_eq!(kind("no/where"), io::ErrorKind::NotFound);
        assert_eq!(kind("no/.."), io::ErrorKind::NotFound);
        let empty = Target::of(Path::new("")).unwrap_err().kind();
        assert_eq!(empty, io::ErrorKind::NotFound);
    }

    #[test]
    fn links_that_lead_in_a_circle_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("b", dir.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("b")).unwrap();
        assert!(Target::of(&dir.path().join("a")).is_err());
        assert!(absent(&dir.path().join("a")).is_err());
    }
}
