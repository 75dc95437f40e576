//! What both formats share in stepping from record to record.

use pcap_file::Endianness;

use super::error::DamageReason;

/// Longest record that is believed, in bytes: the captured length of a pcap record, the total length of a pcapng block.
///
/// Real frames stay under 256 KiB, blocks of secrets or names may be larger; beyond this a length is corrupt, and to go on
/// would mean to hold gigabytes for a record that never ends. Wireshark draws the line for blocks at the same place.
pub const MAX_RECORD_LEN: u32 = 16 * 1024 * 1024;

/// Where a walk over bytes stopped, and why.
#[derive(Debug)]
pub(super) struct Walked {
    /// Offset just past the last whole record.
    pub(super) end: usize,
    /// Why it went no further.
    pub(super) stop: Stop,
}

/// Why a walk stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes are used up; so many, counted from the end of the last whole record, are needed to see more.
    Need(usize),
    /// What stands there is no record.
    Damaged(DamageReason),
}

/// The first `N` 32-bit words of `bytes`; `None` when there are fewer.
pub(super) fn words<const N: usize>(bytes: &[u8], order: Endianness) -> Option<[u32; N]> {
    let (words, _) = bytes.as_chunks::<4>();
    let words: &[[u8; 4]; N] = words.first_chunk()?;
    Some(match order {
        Endianness::Big => words.map(u32::from_be_bytes),
        Endianness::Little => words.map(u32::from_le_bytes),
    })
}
