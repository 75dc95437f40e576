use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::thread;

use super::*;

/// Names in `dir`, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_file_has_its_name_only_after_commit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.pcap");
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"packets").unwrap();
    assert!(!path.exists());
    let [part] = &names(dir.path())[..] else {
        panic!("one temporary file");
    };
    assert!(
        part.starts_with(".out.pcap.") && part.ends_with(".part"),
        "{part}"
    );
    file.commit().unwrap();
    assert_eq!(names(dir.path()), ["out.pcap"]);
    assert_eq!(fs::read(&path).unwrap(), b"packets");
}

#[test]
fn a_dropped_file_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "stays").unwrap();
    for name in ["old", "new"] {
        let mut file = OutputFile::create(&dir.path().join(name)).unwrap();
        file.write_all(b"half").unwrap();
    }
    assert_eq!(names(dir.path()), ["old"]);
    assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"stays");
}

#[test]
fn a_new_file_has_the_mode_of_any_new_file() {
    let dir = tempfile::tempdir().unwrap();
    File::create(dir.path().join("any")).unwrap();
    let ours = dir.path().join("ours");
    OutputFile::create(&ours).unwrap().commit().unwrap();
    assert_eq!(mode(&ours), mode(&dir.path().join("any")));
}

#[test]
fn a_replaced_file_keeps_its_mode_also_while_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    for (old, new) in [
        (0o600, 0o600),
        (0o666, 0o666),
        (0o755, 0o755),
        (0o4755, 0o755),
    ] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(old)).unwrap();
        let file = OutputFile::create(&path).unwrap();
        let names = names(dir.path());
        let part = names.iter().find(|name| name.ends_with(".part")).unwrap();
        assert_eq!(mode(&dir.path().join(part)), new, "{old:o}");
        file.commit().unwrap();
        assert_eq!(mode(&path), new, "{old:o}");
    }
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let target = dir.path().join("sub/target");
    let link = dir.path().join("link");
    symlink("sub/target", &link).unwrap();
    // First the link leads nowhere, then to what the first round made.
    for content in ["first", "second"] {
        let mut file = OutputFile::create(&link).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), content);
    }
    assert_eq!(names(&dir.path().join("sub")), ["target"]);
}

#[test]
fn a_fifo_is_written_directly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let reader = thread::spawn({
        let path = path.clone();
        move || fs::read(path).unwrap()
    });
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"through").unwrap();
    file.commit().unwrap();
    assert_eq!(reader.join().unwrap(), b"through");
    assert_eq!(names(dir.path()), ["fifo"]);
}

#[test]
fn a_reader_that_goes_away_is_a_broken_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let reader = thread::spawn({
        let path = path.clone();
        move || drop(File::open(path).unwrap())
    });
    let mut file = OutputFile::create(&path).unwrap();
    reader.join().unwrap();
    let error = file.write_all(b"to nobody").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(file.commit().unwrap_err().is_broken_pipe());
}

#[test]
fn a_full_disk_is_told_with_the_path_and_fails_the_commit() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let mut file = OutputFile::create(full).unwrap();
    let error = file.write_all(b"packets").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let told = "cannot write /dev/full: No space left on device";
    assert_eq!(error.to_string(), told);
    assert_eq!(file.commit().unwrap_err().to_string(), told);
}

#[test]
fn an_error_that_a_buffer_swallowed_fails_the_commit() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let mut file = OutputFile::create(full).unwrap();
    let mut buffered = file.buffered();
    buffered.write_all(b"small").unwrap();
    drop(buffered);
    assert!(file.commit().is_err());
}

#[test]
fn when_one_file_failed_none_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let good = OutputFile::create(&dir.path().join("good")).unwrap();
    let mut bad = OutputFile::create(&dir.path().join("bad")).unwrap();
    bad.note(io::ErrorKind::StorageFull.into());
    assert!(commit_all(vec![good, bad], None).is_err());
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_name_that_was_taken_meanwhile_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let file = OutputFile::create(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = file.commit().unwrap_err();
    assert!(matches!(error, OutputError::Finish { .. }), "{error}");
    assert_eq!(names(dir.path()), ["out"]);
}

#[test]
fn errors_name_the_path_and_the_reason() {
    let message = |path: &str| {
        let error = OutputFile::create(Path::new(path)).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        message("no/where"),
        "cannot create no/where: there is no folder no"
    );
    assert_eq!(message("/"), "cannot create /: is a directory");
    assert_eq!(
        message("/dev/null/out"),
        "cannot create /dev/null/out: Not a directory"
    );
}

#[test]
fn small_writes_are_gathered_and_all_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines");
    let mut file = OutputFile::create(&path).unwrap();
    let mut buffered = file.buffered();
    for line in 0..20_000 {
        writeln!(buffered, "{line}").unwrap();
    }
    buffered.flush().unwrap();
    drop(buffered);
    file.commit().unwrap();
    let lines = fs::read_to_string(&path).unwrap();
    assert!(
        lines
            .lines()
            .map(|line| line.parse::<u32>().unwrap())
            .eq(0..20_000)
    );
}
