//! The captures in `testdata/`: made ones, which must be what the generator makes, and recorded ones.

use std::path::{Path, PathBuf};

use crate::generated;
use crate::program::{Bench, number};
use crate::repeat::repeat;

/// A committed capture.
pub(crate) struct Sample {
    /// Its path below `testdata/`, for messages.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

/// The folder of captures.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// The path of one capture.
pub(crate) fn path(name: &str) -> PathBuf {
    folder().join(name)
}

/// The bytes of one capture.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every capture, made and recorded, by name.
pub(crate) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for part in ["", "recorded"] {
        for entry in std::fs::read_dir(folder().join(part)).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|text| text.to_str());
            if !matches!(extension, Some("pcap" | "pcapng")) {
                continue;
            }
            let name = path.strip_prefix(folder()).unwrap();
            samples.push(Sample {
                name: name.to_str().unwrap().to_owned(),
                bytes: std::fs::read(&path).unwrap(),
                path,
            });
        }
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

#[test]
fn made_captures_are_what_the_generator_makes() {
    for capture in generated::all() {
        assert!(
            bytes(capture.name) == capture.bytes,
            "{} differs; run `cargo run --example gen_pcap -- testdata`",
            capture.name
        );
    }
}

#[test]
fn every_capture_has_its_source_told() {
    let sources = std::fs::read_to_string(folder().join("SOURCES.md")).unwrap();
    for sample in samples() {
        let file = sample.path.file_name().unwrap().to_str().unwrap();
        assert!(sources.contains(&format!("`{file}`")), "{}", sample.name);
    }
}

#[test]
fn a_repeated_capture_has_flows_of_its_own_each_time() {
    const TIMES: u64 = 3;
    let once = bytes("web.pcap");
    let mut repeated = Vec::new();
    let packets = repeat(&once, (TIMES - 1) * once.len() as u64, &mut repeated).unwrap();
    let bench = Bench::new();
    let told = bench
        .filter(&bench.put("repeated.pcap", &repeated), &[])
        .json();
    let office = generated::web::capture().truth;
    assert_eq!(number(&told, "/packets/total"), packets);
    assert_eq!(packets, TIMES * office.packets as u64);
    assert_eq!(number(&told, "/flows/total"), TIMES * office.flows as u64);
    assert!(repeat(&once[..once.len() - 1], 1, &mut Vec::new()).is_err());
    assert!(repeat(b"", 1, &mut Vec::new()).is_err());
}

#[test]
fn the_captures_stay_small() {
    let total: usize = samples().iter().map(|sample| sample.bytes.len()).sum();
    assert!(total < 3_000_000, "{total} bytes");
}
