//! How a capture begins: what tells its format, and the header that has to be whole before anything else can be read.

use super::compress::{Input, ReadError};
use super::error::{CaptureError, Damage, DamageReason};
use super::pcap;
use super::pcapng::{self, PcapngWalk};
use super::summary::Format;
use super::walk::Stop;

/// Bytes that tell the format.
pub(super) const MAGIC_LEN: usize = 4;

/// Bytes of a first section header that are read at once, however long it says it is.
const HEAD_STEP: usize = 64 * 1024;

/// The format of a capture that begins with `head`, four bytes or all there are.
pub(super) fn format_of(head: &[u8]) -> Option<Format> {
    let magic = head.get(..MAGIC_LEN).unwrap_or(head);
    if pcap::could_begin_with(magic) {
        Some(Format::Pcap)
    } else if pcapng::could_begin_with(magic) {
        Some(Format::Pcapng)
    } else {
        None
    }
}

/// Whether a capture file begins with `bytes`, without a doubt.
///
/// * Compressed ones are not told. Of pcapng's first section header the byte order has to be there as well: what stands before
///   it may be four line ends.
pub fn is_capture(bytes: &[u8]) -> bool {
    let is_whole = bytes.len() >= MAGIC_LEN;
    match format_of(bytes).filter(|_| is_whole) {
        Some(Format::Pcap) => true,
        Some(Format::Pcapng) => pcapng::has_byte_order(bytes),
        None => false,
    }
}

pub(super) fn not_a_capture(head: &[u8]) -> CaptureError {
    let found = head.get(..MAGIC_LEN).unwrap_or(head).to_vec();
    CaptureError::NotACapture { found }
}

/// Reads until `head` is `len` bytes long, and not one more. Takes memory only as bytes arrive.
pub(super) fn read_head(
    input: &mut Input,
    head: &mut Vec<u8>,
    len: usize,
) -> Result<(), CaptureError> {
    while head.len() < len {
        let have = head.len();
        head.resize(len.min(have + HEAD_STEP), 0);
        let read = input.read(head.get_mut(have..).unwrap_or_default());
        head.truncate(have + read.as_ref().map_or(0, |read| *read));
        let reason = match read {
            Ok(0) if head.is_empty() => return Err(CaptureError::Empty),
            Ok(0) if format_of(head).is_none() => return Err(not_a_capture(head)),
            Ok(0) => DamageReason::CutShort {
                need: len as u64,
                have: have as u64,
            },
            Ok(_) => continue,
            Err(ReadError::Damaged(reason)) => reason,
            Err(ReadError::Refused(error)) => return Err(error),
            Err(ReadError::Io(source)) => {
                let offset = have as u64;
                return Err(CaptureError::Io { offset, source });
            }
        };
        return Err(CaptureError::Header(Damage { offset: 0, reason }));
    }
    Ok(())
}

/// Reads the rest of a pcapng's first section header.
pub(super) fn read_section_header(
    input: &mut Input,
    head: &mut Vec<u8>,
) -> Result<PcapngWalk, CaptureError> {
    let mut walk = PcapngWalk::new();
    loop {
        match walk.section_header(head) {
            Ok(()) => return Ok(walk),
            Err(Stop::Need(need)) => read_head(input, head, need)?,
            Err(Stop::Damaged(reason)) => {
                return Err(CaptureError::Header(Damage { offset: 0, reason }));
            }
        }
    }
}
