//! The bytes as the file or pipe gives them, before decompression.

use std::io::{self, Cursor, Read};

/// The source as it is, with the bytes that were looked at in front again.
pub(in super::super) struct Source {
    head: Cursor<Vec<u8>>,
    rest: Box<dyn Read + Send>,
    /// Bytes that were read through it.
    bytes: u64,
    is_behind: bool,
    has_failed: bool,
}

impl Source {
    /// * `head`: bytes that were already taken from `rest`.
    pub(super) fn new(head: Vec<u8>, rest: Box<dyn Read + Send>) -> Self {
        Self {
            head: Cursor::new(head),
            rest,
            bytes: 0,
            is_behind: false,
            has_failed: false,
        }
    }

    /// Bytes that were read through it so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the last read gave less than it was asked for.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether a read has failed: what a decoder says after that is no fault of its data.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn read_rest(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.rest.read(buffer) {
                Ok(len) => {
                    self.is_behind = len < buffer.len();
                    return Ok(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.has_failed = true;
                    return Err(error);
                }
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = match self.head.read(buffer)? {
            0 => self.read_rest(buffer)?,
            from_head => from_head,
        };
        self.bytes += len as u64;
        Ok(len)
    }
}
