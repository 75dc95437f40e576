//! Files and folders that are not complete yet: where they lie, how they get their names, and how they go when a signal ends the program.
//!
//! One list for the whole process, because a signal is for the whole process. Everything that puts a file under
//! a name or takes it away holds the list's lock, and the signal thread keeps it until the process is gone: so no temporary
//! file is left behind, and no committed one is removed.
//!
//! What nothing can be done against is SIGKILL. So every unfinished file or folder is locked (flock(2)) as long as its process lives, and
//! who makes one removes those beside it, of the same target, that nobody holds any more.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Bits that say who may read, write and execute. The others (set-user-ID and its like) do not pass to new content.
const MODE_BITS: u32 = 0o777;

/// What the umask takes its bits from: nobody needs to execute an output.
const NEW_FILE_MODE: u32 = 0o666;

/// Names the program too: what a later run removes must be nobody else's.
const SUFFIX: &str = ".dpi_engine.part";

/// Random letters and digits in a temporary name.
const RANDOM_LEN: usize = 6;

/// What of the permissions of an unfinished folder is its owner's; nobody else may put anything there.
const OWNER_BITS: u32 = 0o700;

/// Longest name, in bytes, that still fits in a temporary one: 255 (NAME_MAX) less two dots, the random letters and the suffix.
const MAX_NAME_BYTES: usize = 255 - 2 - RANDOM_LEN - SUFFIX.len();

/// How often a temporary file is made anew when another run has taken it for a dead one's.
const MAX_TRIES: usize = 16;

/// A temporary file or folder, removed when dropped before [`commit_all`].
#[derive(Debug)]
pub(super) struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
    /// The permissions that it shall have, where those that it has are others.
    mode: Option<u32>,
}

/// What a temporary name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Unfinished {
    /// Makes the temporary file that shall become `target`, an absolute path; `old` is the file that stands there now.
    pub(super) fn create(target: &Path, old: Option<&Metadata>) -> io::Result<(File, Self)> {
        let dir = target.parent().unwrap_or(Path::new("/"));
        let mode = old.map_or(NEW_FILE_MODE, |old| old.mode() & MODE_BITS);
        let prefix = prefix(target.file_name().unwrap_or_default());
        remove_abandoned(dir, &prefix, Kind::File);

        let mut list = lock();
        let (file, temporary) = make_locked(dir, &prefix, |path| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode).open(path)
        })?;
        list.insert(temporary.clone());
        drop(list);

        let unfinished = Self {
            temporary,
            target: target.to_owned(),
            mode: None,
        };
        if let Some(old) = old {
            take_after(&file, old)?;
        }
        Ok((file, unfinished))
    }

    /// Makes the temporary folder that shall become `target`, an absolute path; `old` is the empty folder that stands there now. It is locked
    /// as long as the file that is given back lives.
    pub(super) fn create_folder(target: &Path, old: Option<&Metadata>) -> io::Result<(File, Self)> {
        let dir = target.parent().unwrap_or(Path::new("/"));
        let prefix = prefix(target.file_name().unwrap_or_default());
        remove_abandoned(dir, &prefix, Kind::Folder);

        let mut list = lock();
        let (folder, temporary) = make_locked(dir, &prefix, |path| {
            fs::create_dir(path)?;
            File::open(path)
        })?;
        list.insert(temporary.clone());
        drop(list);

        let mut unfinished = Self {
            temporary,
            target: target.to_owned(),
            mode: None,
        };
        if let Some(old) = old {
            take_after(&folder, old)?;
        }
        let mode = folder.metadata()?.permissions().mode();
        let private = mode & !MODE_BITS | OWNER_BITS;
        folder.set_permissions(Permissions::from_mode(private))?;
        unfinished.mode = Some(mode);
        Ok((folder, unfinished))
    }

    /// Makes a new file in a folder, for writing.
    ///
    /// With the list's lock: while a signal has the folder removed, nothing may come into it.
    pub(super) fn create_in(&self, name: &str) -> io::Result<File> {
        let _list = lock();
        let mut options = OpenOptions::new();
        let path = self.temporary.join(name);
        options.append(true).create_new(true).open(path)
    }

    /// Opens a file that was made in a folder, to write on.
    pub(super) fn append_in(&self, name: &str) -> io::Result<File> {
        let path = self.temporary.join(name);
        OpenOptions::new().append(true).open(path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut list = lock();
        if list.remove(&self.temporary) {
            // The run has failed for another reason, and that is what the user must read.
            let _ = remove(&self.temporary);
        }
    }
}

/// Gives each file or folder its name, in order, while no signal can come between; stops at the first that the system refuses.
pub(super) fn commit_all<'a>(
    files: impl Iterator<Item = (&'a Path, &'a Unfinished)>,
) -> Result<(), (&'a Path, io::Error)> {
    let mut list = lock();
    for (path, file) in files {
        let opened = file.mode.map_or(Ok(()), |mode| {
            fs::set_permissions(&file.temporary, Permissions::from_mode(mode))
        });
        opened
            .and_then(|()| fs::rename(&file.temporary, &file.target))
            .map_err(|error| (path, error))?;
        list.remove(&file.temporary);
    }
    Ok(())
}

/// From now on SIGINT and SIGTERM remove every unfinished file and end the process with status 128 + n.
///
/// * Call it once, before the first [`OutputFile`](super::OutputFile) is created.
/// * A thread of its own waits for them: the others may be blocked in a read meanwhile.
/// * SIGXFSZ, which would kill the process at a file size limit, becomes a failed write (`EFBIG`).
///
/// Errors: the system refuses the handlers or the thread.
pub fn remove_unfinished_on_signal() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGXFSZ])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if signal == SIGXFSZ {
                    continue;
                }
                let list = lock();
                for temporary in list.iter() {
                    // There is nobody left to tell.
                    let _ = remove(temporary);
                }
                // Without exit hooks, which could wait for what other threads hold; the lock stays ours.
                signal_hook::low_level::exit(128 + signal);
            }
        })?;
    Ok(())
}

/// The list is a set of paths, consistent after every statement: a panic elsewhere does not spoil it.
fn lock() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a temporary file or folder that other runs see to be in use.
///
/// On a file system that knows no locks nothing is locked, and nothing removed either.
fn make_locked(
    dir: &Path,
    prefix: &OsStr,
    mut make: impl FnMut(&Path) -> io::Result<File>,
) -> io::Result<(File, PathBuf)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(SUFFIX).rand_bytes(RANDOM_LEN);
    for _ in 0..MAX_TRIES {
        let made = builder.make_in(dir, &mut make)?;
        let is_taken = matches!(made.as_file().try_lock(), Err(TryLockError::WouldBlock));
        // Another run may have found it in the moment before it was locked, and removed it.
        if !is_taken && made.as_file().metadata()?.nlink() > 0 {
            return made.keep().map_err(|refused| refused.error);
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Removes the temporary files or folders of this prefix whose runs were killed.
///
/// That is housekeeping: what cannot be read, opened, locked or removed stays, and is no reason not to run.
fn remove_abandoned(dir: &Path, prefix: &OsStr, wanted: Kind) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let is_wanted = entry.file_type().is_ok_and(|kind| match wanted {
            Kind::File => kind.is_file(),
            Kind::Folder => kind.is_dir(),
        });
        if is_wanted && is_temporary(&entry.file_name(), prefix) {
            let _ = remove_if_abandoned(&entry.path(), wanted);
        }
    }
}

fn remove_if_abandoned(path: &Path, kind: Kind) -> io::Result<()> {
    // For writing where that can be: some network file systems lock nothing else.
    let is_file = kind == Kind::File;
    let file = OpenOptions::new()
        .read(!is_file)
        .write(is_file)
        .open(path)?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    // While we hold its lock nobody makes it theirs; but the name may have passed on since it was opened.
    let (ours, there) = (file.metadata()?, fs::symlink_metadata(path)?);
    if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
        remove(path)?;
    }
    Ok(())
}

/// Removes a file, or a folder with all that is in it; links are not followed.
fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Whether a temporary file that begins with `prefix` may be called `name`.
fn is_temporary(name: &OsStr, prefix: &OsStr) -> bool {
    let random = name.as_bytes().strip_prefix(prefix.as_bytes());
    let random = random.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|random| {
        random.len() == RANDOM_LEN && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    if name.len() <= MAX_NAME_BYTES {
        prefix.push(name);
        prefix.push(".");
    }
    prefix
}

/// Gives `file` the owner and the permissions of the file that it replaces.
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may give files away. For anybody else the new file is theirs, like every file they make.
        let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    }
    let mode = old.mode() & MODE_BITS;
    if file.metadata()?.mode() & MODE_BITS != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::output::OutputFile;

    /// Set for the process that a test starts to be ended by a signal: the directory to work in.
    const DIRECTORY: &str = "DPI_ENGINE_TEST_DIRECTORY";

    fn names(dir: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn is_part(name: &OsString) -> bool {
        name.to_string_lossy().ends_with(SUFFIX)
    }

    /// Not a test by itself: the other process of the tests below. Waits for a line, then writes.
    #[test]
    fn the_process_that_a_signal_ends() {
        let Some(dir) = std::env::var_os(DIRECTORY) else {
            return;
        };
        remove_unfinished_on_signal().unwrap();
        let mut output = OutputFile::create(&Path::new(&dir).join("out")).unwrap();
        // Last: it tells that the other file is there and locked.
        let done = OutputFile::create(&Path::new(&dir).join("done")).unwrap();
        done.commit().unwrap();
        io::stdin().read_line(&mut String::new()).unwrap();
        let written = io::Write::write_all(&mut output, &[0; 4096]);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(output.commit().is_err());
    }

    /// Starts it in `dir`, and returns when it has an unfinished file.
    fn start(dir: &Path, shell_prefix: &str) -> Child {
        let program = std::env::current_exe().unwrap();
        let child = Command::new("sh")
            .args(["-c", &format!("{shell_prefix} exec \"$0\" \"$@\"")])
            .arg(program)
            .args(["--exact", "--nocapture"])
            .arg("output::unfinished::tests::the_process_that_a_signal_ends")
            .env(DIRECTORY, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !(names(dir).iter().any(is_part) && dir.join("done").exists()) {
            assert!(
                Instant::now() < deadline,
                "the other process does not start"
            );
            thread::sleep(Duration::from_millis(2));
        }
        child
    }

    #[test]
    fn signals_remove_the_unfinished_file_and_spare_the_committed_one() {
        for (signal, status) in [("INT", 130), ("TERM", 143)] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("out"), "old").unwrap();
            let mut child = start(dir.path(), "");
            // Waiting would close it, and let the process go on before it has got the signal.
            let _stdin = child.stdin.take();
            let kill = Command::new("kill")
                .args(["-s", signal, &child.id().to_string()])
                .status();
            assert!(kill.unwrap().success());
            let ended = child.wait().unwrap();
            assert_eq!((ended.code(), ended.signal()), (Some(status), None));
            assert_eq!(names(dir.path()), ["done", "out"]);
            assert_eq!(fs::read(dir.path().join("out")).unwrap(), b"old");
        }
    }

    #[test]
    fn a_file_size_limit_is_a_failed_write() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = start(dir.path(), "ulimit -f 1;");
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert_eq!(names(dir.path()), ["done"]);
    }

    #[test]
    fn what_a_killed_run_left_goes_with_the_next_and_what_is_in_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let target = at("out");
        let mut child = start(dir.path(), "");
        let used = OutputFile::create(&target).unwrap();
        let parts = names(dir.path()).into_iter().filter(is_part).count();
        assert_eq!(parts, 2, "one of ours, one of the other process");
        child.kill().unwrap();
        child.wait().unwrap();
        // Not ours: other targets, other lengths, other letters, and no files.
        let others = [
            ".out2.abcDE6.dpi_engine.part",
            ".out.abcDE.dpi_engine.part",
            ".out.abc_E6.dpi_engine.part",
            ".out.abcDE6.part",
        ];
        for name in others {
            fs::write(at(name), "").unwrap();
        }
        fs::create_dir(at(".out.folder.dpi_engine.part")).unwrap();
        let before = names(dir.path()).len();

        let next = OutputFile::create(&target).unwrap();
        assert_eq!(names(dir.path()).len(), before, "one went, one came");
        assert!(at(".out.folder.dpi_engine.part").exists());
        next.commit().unwrap();
        used.commit().unwrap();
        let left = names(dir.path());
        assert_eq!(left.len(), before - 2 + 1, "{left:?}");
        assert_eq!(left.iter().filter(|name| *name == "out").count(), 1);
    }

    #[test]
    fn a_file_that_was_taken_away_before_it_was_locked_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    remove_abandoned(dir.path(), OsStr::new(".out."), Kind::File);
                }
            });
            for _ in 0..200 {
                let make = |path: &Path| File::create_new(path);
                let (_file, path) = make_locked(dir.path(), OsStr::new(".out."), make).unwrap();
                assert!(path.exists());
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn the_longest_name_still_has_a_temporary_one() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [MAX_NAME_BYTES, MAX_NAME_BYTES + 1, 255] {
            let name = OsString::from("n".repeat(bytes));
            let file = OutputFile::create(&dir.path().join(&name)).unwrap();
            file.commit().unwrap();
            assert!(names(dir.path()).contains(&name));
        }
        assert!(OutputFile::create(&dir.path().join("n".repeat(256))).is_err());
    }
}
