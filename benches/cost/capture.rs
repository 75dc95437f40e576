//! Reading: from a file's bytes to chunks of whole records, plain and compressed.

use std::io::Write;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use dpi_engine::capture::{CaptureReader, Chunk};
use flate2::{Compression, write::GzEncoder};

use crate::traffic::{open, repeated};

/// Times that the capture is repeated: 13 MB, as many chunks as a run has and some more.
const TIMES: usize = 32;

#[divan::bench]
fn pcap(bencher: Bencher<'_, '_>) {
    reading(bencher, repeated("web.pcap", TIMES));
}

#[divan::bench]
fn pcap_gzip(bencher: Bencher<'_, '_>) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&repeated("web.pcap", TIMES))
        .expect("a vector takes all");
    reading(bencher, gzip.finish().expect("a vector takes all"));
}

fn reading(bencher: Bencher<'_, '_>, bytes: Vec<u8>) {
    let bytes: Arc<[u8]> = bytes.into();
    let (len, records) = read(open(Arc::clone(&bytes)), &mut Chunk::new());
    let mut chunk = Chunk::new();
    bencher
        .counter(BytesCount::new(len))
        .counter(ItemsCount::new(records))
        .with_inputs(|| open(Arc::clone(&bytes)))
        .bench_local_values(|capture| read(capture, &mut chunk));
}

/// Reads to the end: bytes and records.
fn read(mut capture: CaptureReader, chunk: &mut Chunk) -> (usize, usize) {
    let (mut bytes, mut records) = (0, 0);
    while capture.fill(chunk).expect("a whole capture") {
        bytes += black_box(&*chunk).bytes().len();
        records += chunk.records().len();
    }
    (bytes, records)
}
