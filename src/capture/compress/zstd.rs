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

/// The longest block, and so the most that it is given at once.
///
/// Source: RFC 8878 §3.1.1.2.4.
const MAX_BLOCK_LEN: usize = 128 << 10;

/// Reads what zstd frames hold.
///
/// Errors: [`io::ErrorKind::UnexpectedEof`] inside a frame, [`io::ErrorKind::OutOfMemory`] for a window beyond the limit,
/// [`io::ErrorKind::InvalidData`] for anything that is no frame.
pub(super) struct ZstdReader<R> {
    source: R,
    context: DCtx<'static>,
    /// Bytes of the source that do not make a piece yet.
    begun: Vec<u8>,
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
            begun: Vec::new(),
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
            // No more than it asks for, and not yet the header behind it: what it makes of that is ours before the next piece can fail.
            // And no less, for what it makes of a broken frame depends on how that is cut, which must not depend on the source.
            let wanted = match self.hint {
                hint @ ..=BLOCK_HEADER_LEN => hint.max(1),
                hint => (hint - BLOCK_HEADER_LEN).min(MAX_BLOCK_LEN),
            };
            let piece = match self.is_flushing {
                true => &[],
                false => piece(&mut self.source, &mut self.begun, wanted)?,
            };
            if piece.is_empty() && !self.is_flushing {
                return match self.hint {
                    0 => Ok(0),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            let mut input = InBuffer::around(piece);
            let mut output = OutBuffer::around(&mut *buffer);
            let outcome = self.context.decompress_stream(&mut output, &mut input);
            let (used, made) = (input.pos(), output.pos());
            self.hint = outcome.map_err(error_of)?;
            match self.begun.is_empty() {
                true => self.source.consume(used),
                false => drop(self.begun.drain(..used)),
            }
            self.is_flushing = made == buffer.len() && self.hint > 0;
            if made > 0 {
                return Ok(made);
            }
        }
    }
}

/// The next `wanted` bytes, or all that are left: of the source itself where it has them in one, else gathered in `begun`, where they
/// stay until they are taken out.
fn piece<'p>(
    source: &'p mut impl BufRead,
    begun: &'p mut Vec<u8>,
    wanted: usize,
) -> io::Result<&'p [u8]> {
    if begun.is_empty() && source.fill_buf()?.len() >= wanted {
        return Ok(source.fill_buf()?.get(..wanted).unwrap_or_default());
    }
    while let Some(missing) = wanted
        .checked_sub(begun.len())
        .filter(|missing| *missing > 0)
    {
        let available = source.fill_buf()?;
        if available.is_empty() {
            break;
        }
        let taken = available.len().min(missing);
        begun.extend(available.iter().take(taken));
        source.consume(taken);
    }
    Ok(begun.get(..wanted).unwrap_or(begun))
}

fn error_of(code: ErrorCode) -> io::Error {
    match code {
        WINDOW_TOO_LARGE => io::ErrorKind::OutOfMemory.into(),
        _ => io::Error::new(io::ErrorKind::InvalidData, get_error_name(code)),
    }
}
