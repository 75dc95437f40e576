//! A folder that appears under its name whole, or not at all.

use std::env;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::OutputError;
use super::target::absent;
use super::unfinished::Unfinished;

/// A folder in the making.
///
/// * It is filled beside its place as `.NAME.XXXXXX.dpi_engine.part`, and takes its name in [`commit_all`](super::commit_all), in one
///   step. Dropped before that, it is gone with all that is in it. What a killed run leaves, the next to the same place removes.
/// * Nobody but the user (and root) may enter it before.
/// * Its place has to be free: nothing there, or an empty folder, whose permissions (and owner, where the system allows that) it takes.
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
    unfinished: Unfinished,
    /// Holds its lock.
    _lock: File,
}

impl OutputFolder {
    /// Makes a folder that shall be called `path`.
    ///
    /// Errors: something stands there, the folder that it is to be in does not exist, or the system refuses.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let about = |reason| OutputError::Create {
            path: path.to_owned(),
            reason,
        };
        let (place, old) = free_place(path).map_err(about)?;
        let made = Unfinished::create_folder(&place, old.as_ref());
        let (lock, unfinished) = made.map_err(about)?;
        Ok(Self {
            path: path.to_owned(),
            unfinished,
            _lock: lock,
        })
    }

    /// The path as the user typed it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new file in it, for writing. `name` is one name, without a slash.
    ///
    /// Errors: there is one of that name, or the system refuses.
    pub fn file(&self, name: &str) -> Result<File, OutputError> {
        let made = self.unfinished.create_in(name);
        made.map_err(|reason| OutputError::Create {
            path: self.path.join(name),
            reason,
        })
    }

    /// Opens a file that was made in it, to write on.
    ///
    /// Errors: the system refuses.
    pub(super) fn append(&self, name: &str) -> Result<File, OutputError> {
        let opened = self.unfinished.append_in(name);
        opened.map_err(|reason| self.cannot_write(name, reason))
    }

    /// That a file in it could not be written.
    pub fn cannot_write(&self, name: &str, reason: io::Error) -> OutputError {
        let path = self.path.join(name);
        OutputError::Write { path, reason }
    }

    pub(super) const fn unfinished(&self) -> &Unfinished {
        &self.unfinished
    }
}

/// Where a folder shall stand, absolute and without links, and the empty one that stands there now.
fn free_place(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let old = match fs::metadata(path) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Without a slash at its end, which a folder's name may have.
            let path: PathBuf = path.components().collect();
            return Ok((absent(&path)?, None));
        }
        Err(error) => return Err(error),
    };
    if !old.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "there is something else; expected an empty folder, or nothing",
        ));
    }
    if fs::read_dir(path)?.next().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::DirectoryNotEmpty,
            "the folder is not empty; expected an empty one, or none",
        ));
    }
    // A rename asks only the folder around it; whoever protects a folder means its content.
    tempfile::tempfile_in(path)?;
    let place = fs::canonicalize(path)?;
    let around = place.parent().map(fs::metadata).transpose()?;
    if around.is_none_or(|around| around.dev() != old.dev()) {
        return Err(io::Error::new(
            io::ErrorKind::CrossesDevices,
            "another file system is mounted there; expected a folder in it, or in this one",
        ));
    }
    if env::current_dir().is_ok_and(|here| here.starts_with(&place)) {
        // It would be another folder of the same name, and whoever is in the old one would see nothing of it.
        return Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "it is the current folder; expected another",
        ));
    }
    Ok((place, Some(old)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::output::commit_all;

    #[test]
    fn a_folder_appears_whole_and_one_that_is_dropped_never() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("made");
        let folder = OutputFolder::create(&place).unwrap();
        folder.file("a").unwrap().write_all(b"first").unwrap();
        folder.append("a").unwrap().write_all(b", more").unwrap();
        assert!(folder.file("a").is_err(), "it is there");
        assert!(!place.exists());
        commit_all(Vec::new(), Some(folder)).unwrap();
        assert_eq!(fs::read(place.join("a")).unwrap(), b"first, more");
        let dropped = OutputFolder::create(&dir.path().join("dropped")).unwrap();
        dropped.file("a").unwrap();
        drop(dropped);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_not_replaced() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, Permissions::from_mode(0o500)).unwrap();
        // Root may write everywhere.
        let may_write = fs::write(place.join("any"), "").is_ok();
        if may_write {
            fs::remove_file(place.join("any")).unwrap();
        }
        assert_eq!(OutputFolder::create(&place).is_ok(), may_write);
        fs::set_permissions(&place, Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_link_that_leads_nowhere_leads_to_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        symlink("target", dir.path().join("link")).unwrap();
        let folder = OutputFolder::create(&dir.path().join("link")).unwrap();
        commit_all(Vec::new(), Some(folder)).unwrap();
        assert!(
            fs::symlink_metadata(dir.path().join("link"))
                .unwrap()
                .is_symlink()
        );
        assert!(dir.path().join("target").is_dir());
    }

    #[test]
    fn a_place_that_was_taken_meanwhile_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        let folder = OutputFolder::create(&place).unwrap();
        fs::create_dir(&place).unwrap();
        fs::write(place.join("precious"), "old").unwrap();
        let error = commit_all(Vec::new(), Some(folder)).unwrap_err();
        assert!(error.to_string().starts_with("cannot finish"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read(place.join("precious")).unwrap(), b"old");
    }
}
