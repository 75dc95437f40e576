//! Undoes gzip: members, one after another.
//!
//! flate2 does it; the loop around it is ours, because its own reader hands out nothing of the step that failed, and how much that is
//! depends on how the bytes come.
//!
//! Source: RFC 1952 §2.2.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// The window is two to this power, in bytes.
///
/// Source: RFC 1951 §2.
const WINDOW_LOG: u8 = 15;

/// Reads what gzip members hold.
///
/// Errors: [`io::ErrorKind::UnexpectedEof`] inside a member, [`io::ErrorKind::InvalidData`] for anything that is no member.
pub(super) struct GzipReader<R> {
    source: R,
    /// The member that is being read; between members, none.
    member: Option<Decompress>,
    /// Whether what it has said before was all that can be had.
    is_broken: bool,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) const fn new(source: R) -> Self {
        Self {
            source,
            member: None,
            is_broken: false,
        }
    }

    pub(super) const fn get_ref(&self) -> &R {
        &self.source
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.is_broken {
            let input = self.source.fill_buf()?;
            if input.is_empty() && self.member.is_none() {
                return Ok(0);
            }
            let member = self
                .member
                .get_or_insert_with(|| Decompress::new_gzip(WINDOW_LOG));
            let before = (member.total_in(), member.total_out());
            let outcome = member.decompress(input, buffer, FlushDecompress::None);
            let used = (member.total_in() - before.0) as usize;
            let made = (member.total_out() - before.1) as usize;
            self.source.consume(used);
            match outcome {
                Ok(Status::StreamEnd) => self.member = None,
                Ok(_) if (used, made) == (0, 0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(_) => self.is_broken = true,
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }
}
