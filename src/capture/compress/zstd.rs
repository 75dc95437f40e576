//! Undoes zstd: frames and skippable frames, one after another.
//!
//! libzstd does it; the loop around it is ours, because the crate's own reader tells a window that is too large in words only,
//! and hands out nothing of a frame's last piece when its checksum is wrong.
//!
//! Source: RFC 8878 §3.

use std::io::{self, BufRead, Read};

use zstd::zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, get_error_name, zstd_sys};

/// What libzstd says of a window beyond the limit. It returns errors as negative numbers.
const WINDOW_TOO_LARGE: ErrorCode =
    (zstd_sys::ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge as ErrorCode)
        .wrapping_neg();

/// Bytes of the next block's header, which libzstd asks for together with what stands before it.
///
/// Source: RFC 8878 §3.1.1.2.
const BLOCK_HEADER_LEN: usize = 3;

/// Reads what zstd frames hold.
///
/// Errors: [`io::ErrorKind::UnexpectedEof`] inside a frame, [`io::ErrorKind::OutOfMemory`] for a window beyond the limit,
/// [`io::ErrorKind::InvalidData`] for anything that is no frame.
pub(super) struct ZstdReader<R> {
    source: R,
    context: DCtx<'static>,
    /// Bytes that libzstd would like next; 0 between frames.
    hint: usize,
    /// Whether it may have more to say without more bytes.
    is_flushing: bool,
}

impl<R: BufRead> ZstdReader<R> {
    /// * `max_window_log`: the largest window is two to this power, in bytes.
    pub(super) fn new(source: R, max_window_log: u32) -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        context
            .set_parameter(DParameter::WindowLogMax(max_window_log))
            .map_err(error_of)?;
        Ok(Self {
            source,
            context,
            hint: 0,
            is_flushing: false,
        })
    }

    pub(super) const fn get_ref(&self) -> &R {
        &self.source
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let available = match self.is_flushing {
                true => &[],
                false => self.source.fill_buf()?,
            };
            if available.is_empty() && !self.is_flushing {
                return match self.hint {
                    0 => Ok(0),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            // No more than it asks for, and not yet the header behind it: what it makes of that is ours before the next piece can fail,
            // however the source cuts its bytes.
            let wanted = match self.hint {
                hint @ ..=BLOCK_HEADER_LEN => hint.max(1),
                hint => hint - BLOCK_HEADER_LEN,
            };
            let len = available.len().min(wanted);
            let mut input = InBuffer::around(available.get(..len).unwrap_or_default());
            let mut output = OutBuffer::around(&mut *buffer);
            let outcome = self.context.decompress_stream(&mut output, &mut input);
            let (used, made) = (input.pos(), output.pos());
            self.hint = outcome.map_err(error_of)?;
            self.source.consume(used);
            self.is_flushing = made == buffer.len() && self.hint > 0;
            if made > 0 {
                return Ok(made);
            }
        }
    }
}

fn error_of(code: ErrorCode) -> io::Error {
    match code {
        WINDOW_TOO_LARGE => io::ErrorKind::OutOfMemory.into(),
        _ => io::Error::new(io::ErrorKind::InvalidData, get_error_name(code)),
    }
}
