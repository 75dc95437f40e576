//! Finds the way back into a damaged capture: the next place from which sound records follow each other.
//!
//! * In: bytes of a capture, and a place where no record can be read. Out: the next place where one can.
//! * What is told of a place depends on the bytes behind it alone, and no further than [`REACH`] (but for the place where an odd record
//!   claims to end): never on how they arrive, or on where chunks end. So a second reading finds the same.
//! * Every place is looked at once, for a handful of headers: time is linear in the capture, however it is damaged.
//! * Knows the outsides of records and blocks, not what frames hold.

mod pcap;
mod pcapng;

pub(super) use pcap::PcapRecovery;
pub(super) use pcapng::PcapngRecovery;

use super::chunk::CHUNK_LEN;

/// Bytes behind a place that tell whether a sound record begins there.
///
/// A quarter of a chunk: a record is judged by places up to `REACH` behind it, each of them by bytes up to `REACH` behind that,
/// and while a chunk waits for those, half of it can be handed on.
pub(super) const REACH: usize = CHUNK_LEN / 4;

/// Records and blocks longer than the reach that may turn out to be none before no more such are believed: each costs the memory that
/// it claims, and the time to fill it.
pub(super) const MAX_BROKEN_CLAIMS: u32 = 8;

/// Bytes that are there, and whether more will come.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    /// Offset of the first of them in the capture.
    pub(super) base: u64,
    /// Whether these are its last.
    pub(super) is_end: bool,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// A record, and behind it others that fit.
    Sound,
    /// Nothing of the kind.
    Nothing,
    /// The bytes that tell have yet to come.
    Unknown,
}

/// Where a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A sound record begins here, and none before it.
    At(usize),
    /// None begins before here. Whether one begins here is for bytes to tell that have yet to come, if there are any.
    NotBefore(usize),
    /// As far as was asked for, there is none.
    Nowhere,
}

/// Remembers what was looked at, so that no place is looked at twice.
#[derive(Debug, Default)]
struct Search {
    /// Offset in the capture: from the last place that was asked for up to here, no sound record begins.
    clear: u64,
    /// Whether one begins here.
    is_found: bool,
}

impl Search {
    /// The first place from `from` on and before `to` where a sound record begins, by what `look` says of places.
    fn find(
        &mut self,
        view: View<'_>,
        (from, to): (usize, usize),
        look: impl Fn(usize) -> Sight,
    ) -> Found {
        let clear = self.clear.saturating_sub(view.base) as usize;
        if self.is_found && clear >= from {
            return if clear < to {
                Found::At(clear)
            } else {
                Found::Nowhere
            };
        }
        let mut at = from.max(clear);
        self.is_found = false;
        let found = loop {
            if at >= to {
                break Found::Nowhere;
            }
            if at >= view.bytes.len() {
                break Found::NotBefore(at);
            }
            match look(at) {
                Sight::Sound => {
                    self.is_found = true;
                    break Found::At(at);
                }
                Sight::Nothing => at += 1,
                Sight::Unknown => break Found::NotBefore(at),
            }
        };
        self.clear = view.base + at as u64;
        found
    }
}
