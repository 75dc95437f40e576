//! Damaged pcapngs: a block says its length at both ends, so two that follow each other are proof enough.

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, SECTION_HEADER_BLOCK,
    SIMPLE_PACKET_BLOCK,
};

use super::super::error::DamageReason;
use super::super::pcapng::{BLOCK_OVERHEAD, Block, PACKET_FIELDS, PcapngWalk};
use super::super::summary::CaptureSummary;
use super::super::walk::{Stop, Walked, words};
use super::{Found, MAX_BROKEN_CLAIMS, REACH, Search, Sight, View};
use crate::packet::Record;

/// Steps over the blocks of a damaged pcapng. What is read of a sound capture is what is read of it otherwise.
#[derive(Debug, Default)]
pub(in super::super) struct PcapngRecovery {
    search: Search,
    broken_claims: u32,
}

impl PcapngRecovery {
    /// As [`PcapngWalk::advance`].
    pub(in super::super) fn advance(
        &mut self,
        walk: &mut PcapngWalk,
        (view, start): (View<'_>, usize),
        records: &mut Vec<Record>,
        summary: &mut CaptureSummary,
    ) -> Walked {
        let walked = walk.advance(view.bytes, (start, view.is_end), records, summary);
        if let Stop::Damaged(DamageReason::LengthMismatch { leading, .. }) = walked.stop
            && leading as usize > REACH
        {
            self.broken_claims += 1;
            if self.broken_claims >= MAX_BROKEN_CLAIMS {
                walk.limit_blocks(REACH as u32);
            }
        }
        walked
    }

    /// The first place from `from` on where a sound block begins.
    pub(in super::super) fn seek(
        &mut self,
        walk: &PcapngWalk,
        view: View<'_>,
        from: usize,
    ) -> Found {
        let order = walk.order();
        let range = (from, usize::MAX);
        self.search.find(view, range, |at| look(view, at, order))
    }
}

/// Whether two blocks that follow each other begin at `at`.
fn look(view: View<'_>, at: usize, order: Endianness) -> Sight {
    let (next, order) = match sound_block(view, at, order) {
        Ok(block) => (at + block.len, block.order),
        Err(sight) => return sight,
    };
    if next + BLOCK_OVERHEAD > at + REACH || view.is_end && next == view.bytes.len() {
        return Sight::Sound;
    }
    match sound_block(view, next, order) {
        Ok(_) => Sight::Sound,
        Err(sight) => sight,
    }
}

/// The block at `at`, when it is all there, of a kind that is known, and agrees with itself.
fn sound_block(view: View<'_>, at: usize, order: Endianness) -> Result<Block<'_>, Sight> {
    let cut = match view.is_end {
        true => Sight::Nothing,
        false => Sight::Unknown,
    };
    let bytes = view.bytes.get(at..).ok_or(cut)?;
    let [kind, _, _] = words(bytes, order).ok_or(cut)?;
    if !is_known(kind) {
        return Err(Sight::Nothing);
    }
    match Block::first_of(bytes, (order, REACH as u32), false) {
        Ok(block) if is_consistent(&block) => Ok(block),
        Err(Stop::Need(_)) => Err(cut),
        _ => Err(Sight::Nothing),
    }
}

/// Whether what its fixed fields say has room in the block.
fn is_consistent(block: &Block<'_>) -> bool {
    if !block.len.is_multiple_of(4) {
        return false;
    }
    match block.kind {
        ENHANCED_PACKET_BLOCK | PACKET_BLOCK => {
            let fields = block.fields::<5>();
            let room = block.body.len().saturating_sub(PACKET_FIELDS);
            fields.is_ok_and(|[_, _, _, caplen, _]| caplen as usize <= room)
        }
        SIMPLE_PACKET_BLOCK => block.fields::<1>().is_ok(),
        INTERFACE_DESCRIPTION_BLOCK => block.fields::<2>().is_ok(),
        SECTION_HEADER_BLOCK => block.fields::<4>().is_ok(),
        _ => true,
    }
}

/// Whether blocks of this kind are in use.
///
/// Source: the registry of block types in draft-ietf-opsawg-pcapng §10.1; process information as Darwin writes it.
const fn is_known(kind: u32) -> bool {
    const CUSTOM: u32 = 0x0bad;
    const CUSTOM_NOT_TO_COPY: u32 = 0x4000_0bad;
    const DARWIN_PROCESS: u32 = 0x8000_0001;
    matches!(
        kind,
        SECTION_HEADER_BLOCK | 1..=10 | CUSTOM | CUSTOM_NOT_TO_COPY | DARWIN_PROCESS
    )
}
