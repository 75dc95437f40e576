//! Several captures read as one, each of them whatever it is: a script says what stands in them, and which are streams.
//!
//! What holds: no packet is lost or made, whatever the order; what is read is a sound capture; and a second reading is the same.

use std::io::{self, Cursor, Read};

use dpi_engine::capture::{CaptureReader, Part, ReadOptions, Several};

use crate::capture::{open, read, read_all};
use crate::script::Script;

/// Most captures.
const MAX_FILES: usize = 5;

/// A capture in memory.
struct Memory {
    bytes: Vec<u8>,
    is_stream: bool,
}

impl Part for Memory {
    fn name(&self) -> String {
        "a part".to_owned()
    }

    fn look(&mut self) -> io::Result<Option<Box<dyn Read + Send>>> {
        match self.is_stream {
            true => Ok(None),
            false => self.open().map(Some),
        }
    }

    fn open(&mut self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.bytes.clone())))
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures behind their lengths.
pub fn several(bytes: &[u8]) {
    let mut script = Script(bytes);
    let choices = script.u8();
    let files = script.pieces(MAX_FILES);
    let options = ReadOptions {
        recover: choices & 1 == 1,
        ..ReadOptions::default()
    };
    let parts = || -> Vec<Box<dyn Part>> {
        let part = |(i, file): (usize, &&[u8])| {
            let part = Memory {
                bytes: file.to_vec(),
                is_stream: choices >> (i + 1) & 1 == 1,
            };
            Box::new(part) as Box<dyn Part>
        };
        files.iter().enumerate().map(part).collect()
    };
    let Ok(several) = Several::look(parts(), options) else {
        return;
    };
    let plan = several.plan();
    let Ok(whole) = read_all(&mut CaptureReader::of_several(several)) else {
        return;
    };
    let again = Several::again(parts(), plan);
    let again = read_all(&mut CaptureReader::of_several(again)).expect("it was read before");
    assert_eq!(again.bytes, whole.bytes);
    assert_eq!(again.packets, whole.packets);
    assert_eq!(again.summary, whole.summary);
    let packets = files.iter().map(|file| {
        let mut alone = open(file, None, options).expect("its header was read before");
        let alone = read_all(&mut alone).expect("it was read before");
        alone.packets.len()
    });
    assert_eq!(packets.sum::<usize>(), whole.packets.len());
    assert_eq!(whole.summary.parts.len(), files.len());
    if files.is_empty() {
        return;
    }
    let read = read(&whole.bytes, None).expect("it has a header");
    assert_eq!(read.summary.damage, None);
    assert_eq!(read.packets.len(), whole.packets.len());
}
