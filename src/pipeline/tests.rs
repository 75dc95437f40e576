//! The threads by themselves: what must hold whoever is faster.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::catalogue::Catalogue;
use crate::rules::{Removal, RuleSetBuilder};

/// A source that is always behind: one record a read.
struct Trickle {
    records: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        if self.records > 0 {
            self.records -= 1;
            // A frame of four bytes, of which nothing can be decoded.
            bytes = [[0; 4], [0; 4], [4, 0, 0, 0], [4, 0, 0, 0], [0; 4]].concat();
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

struct Nobody;

impl Sink for Nobody {
    fn flow(&mut self, _: FlowSummary) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_chunk_is_lost_however_fast_the_writer_is() {
    const RECORDS: usize = 20_000;
    let head: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
    let source = head.chain(Trickle { records: RECORDS });
    let (done_out, done) = mpsc::channel();
    std::thread::spawn(move || {
        let catalogue = Catalogue::builtin().unwrap();
        let policy = Policy {
            rules: Arc::new(RuleSetBuilder::new(&catalogue).build()),
            catalogue: Arc::new(catalogue),
            removal: Removal::Inline,
            block_by_dns: false,
            with_dns: false,
            max_flows: 64,
            fingerprints: false,
        };
        let capture = CaptureReader::open(source).unwrap();
        let packets = Packets::Write(Outputs::default());
        let ran = run(capture, 2, &policy, packets, &mut Nobody).unwrap();
        let _ = done_out.send(ran.counts.total);
    });
    let total = done.recv_timeout(Duration::from_secs(120));
    assert_eq!(
        total,
        Ok(RECORDS as u64),
        "the reader waits for a chunk that is gone"
    );
}
