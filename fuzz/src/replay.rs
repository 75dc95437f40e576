//! Every committed file, shown to its target: what once was found stays mended, and nothing of it takes long.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::TARGETS;

/// What one file may take, without optimisation and on a busy machine. Those in the corpus take some milliseconds.
const MAX_TIME: Duration = Duration::from_secs(20);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(dir).iter().map(stem).collect()
}

#[test]
fn every_target_holds_of_its_corpus() {
    // Several at once: most of the time goes into a few of them.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while let Some((name, target)) =
            TARGETS.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            let files = files(&corpus().join(name));
            assert!(!files.is_empty(), "{name} has no corpus");
            for path in files {
                let begin = Instant::now();
                // A panic names the place; which file it was stands here.
                println!("{}", path.display());
                target(&fs::read(&path).unwrap());
                let took = begin.elapsed();
                assert!(took < MAX_TIME, "{} took {took:?}", path.display());
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(targets.len(), TARGETS.len());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(targets, names_in(&manifest.join("fuzz_targets")));
    assert_eq!(targets, names_in(&corpus()));
}

#[test]
fn no_target_minds_an_empty_input_or_a_plain_one() {
    for (name, target) in TARGETS {
        println!("{name}");
        for len in [0, 1, 2, 3, 7, 64, 300] {
            for byte in [0, 1, 0x7f, 0xff] {
                target(&vec![byte; len]);
            }
        }
    }
}
