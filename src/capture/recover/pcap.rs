//! Damaged pcaps: what a record header looks like, and what a sound one leads to.
//!
//! A record header has nothing that tells it for certain. A chain of them does: each leads exactly to the next, and their lengths and times
//! are what lengths and times are.

use super::super::error::DamageReason;
use super::super::pcap::{PcapWalk, RecordHeader};
use super::super::walk::{MAX_RECORD_LEN, Stop, Walked};
use super::{Found, MAX_BROKEN_CLAIMS, REACH, Search, Sight, View};
use crate::packet::Record;

/// Headers that follow each other where a sound record is believed to begin.
const CHAIN: usize = 3;

/// The same where the first is years away from what was read before: a clock was set, or bytes look like a header by chance.
const LONG_CHAIN: usize = 16;

/// Headers of a chain that suffice where the capture ends, or the reach.
const SHORT_CHAIN: usize = 2;

/// Bytes of a frame that need no larger snaplen in the file's header: what libpcap captures at most when it is told nothing.
const USUAL_MAX_LEN: u32 = 256 * 1024;

/// Seconds that records near each other are apart at most: ten years, for captures that were put together of others.
const NEAR_SECONDS: u32 = 10 * 366 * 24 * 60 * 60;

/// Stretches of years that records of a capture are from: more than one where a clock was set, or a time is corrupt.
const MAX_ERAS: usize = 4;

/// How well a header fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Good,
    /// Real captures have such headers, but not many.
    Odd,
    /// No record has such a header.
    Bad,
}

/// Steps over the records of a damaged pcap.
///
/// * A record is taken when its header and the next one are good. If not, it is taken all the same unless a sound one begins inside it, or
///   both are odd and their like lead past the next sound one. So what is read of a sound capture is what is read of it otherwise.
#[derive(Debug)]
pub(in super::super) struct PcapRecovery {
    search: Search,
    eras: Eras,
    /// Longest frame that is no oddity, in bytes.
    usual_max_len: u32,
    /// Offset in the capture of a sound record to which all before it lead, however odd.
    believed_to: u64,
    broken_claims: u32,
}

impl PcapRecovery {
    pub(in super::super) fn new(walk: &PcapWalk) -> Self {
        let snaplen = walk.snaplen();
        Self {
            search: Search::default(),
            eras: Eras::default(),
            usual_max_len: match snaplen {
                USUAL_MAX_LEN..=MAX_RECORD_LEN => snaplen,
                _ => USUAL_MAX_LEN,
            },
            believed_to: 0,
            broken_claims: 0,
        }
    }

    /// Adds the whole records of `view` from offset `start` on to `records`, as long as they are believed.
    pub(in super::super) fn advance(
        &mut self,
        walk: &PcapWalk,
        view: View<'_>,
        start: usize,
        records: &mut Vec<Record>,
    ) -> Walked {
        let mut end = start;
        let stop = loop {
            let header = match self.judge(walk, view, end) {
                Ok(header) => header,
                Err(stop) => break stop,
            };
            let len = walk.record_header_len() + header.caplen as usize;
            if view.bytes.len() - end < len {
                break Stop::Need(len);
            }
            if self.eras.learn(header.seconds) {
                self.search = Search::default();
            }
            records.push(walk.record(&header, end));
            end += len;
        };
        Walked { end, stop }
    }

    /// The first place from `from` on where a sound record begins.
    pub(in super::super) fn seek(&mut self, walk: &PcapWalk, view: View<'_>, from: usize) -> Found {
        self.find(walk, view, (from, usize::MAX))
    }

    fn find(&mut self, walk: &PcapWalk, view: View<'_>, range: (usize, usize)) -> Found {
        let chains = Chains {
            walk,
            view,
            usual_max_len: self.usual_max_len,
        };
        let eras = self.eras;
        self.search.find(view, range, |at| chains.look(at, eras))
    }

    /// The header of the record at `start`, if it is believed.
    fn judge(
        &mut self,
        walk: &PcapWalk,
        view: View<'_>,
        start: usize,
    ) -> Result<RecordHeader, Stop> {
        let header_len = walk.record_header_len();
        let chains = Chains {
            walk,
            view,
            usual_max_len: self.usual_max_len,
        };
        let header = chains.header(start).ok_or(Stop::Need(header_len))?;
        let fit = chains.fit(&header, self.eras.include(header.seconds));
        if fit == Fit::Bad {
            return Err(Stop::Damaged(header.misfit()));
        }
        let end = start + header_len + header.caplen as usize;
        let is_far = end + header_len > start + REACH;
        let next = chains.header(end);
        let is_next_good = next.is_some_and(|next| {
            let is_near = is_near(next.seconds, header.seconds) || self.eras.include(next.seconds);
            chains.fit(&next, is_near) == Fit::Good
        });
        match next {
            _ if is_far && fit == Fit::Good => return Ok(header),
            _ if is_far => {}
            Some(_) if is_next_good && fit == Fit::Good => return Ok(header),
            None if view.is_end && end >= view.bytes.len() => return Ok(header),
            None if !view.is_end => return Err(Stop::Need(end + header_len - start)),
            _ => {}
        }
        if view.base + (start as u64) < self.believed_to {
            return Ok(header);
        }
        let is_believed = match self.find(walk, view, (start + 1, start + REACH)) {
            Found::NotBefore(_) if !view.is_end => return Err(Stop::Need(2 * REACH)),
            Found::At(sound) if sound < end => false,
            Found::NotBefore(_) | Found::Nowhere if is_far => {
                let is_kept = self.keeps_its_claim(&chains, end);
                is_kept.ok_or(Stop::Need(end + header_len - start))?
            }
            _ if is_next_good || fit == Fit::Good => true,
            Found::At(sound) => {
                let leads = chains.leads_to(end, sound);
                if leads {
                    self.believed_to = view.base + sound as u64;
                }
                leads
            }
            Found::NotBefore(_) | Found::Nowhere => chains.goes_on(start),
        };
        match is_believed {
            true => Ok(header),
            false => Err(Stop::Damaged(header.misfit())),
        }
    }

    /// Whether what stands at `end`, where an odd record beyond the reach claims to end, could be a record: else it would take
    /// sound ones with it. `None`: the bytes that tell have yet to come.
    fn keeps_its_claim(&mut self, chains: &Chains<'_>, end: usize) -> Option<bool> {
        if self.broken_claims >= MAX_BROKEN_CLAIMS {
            return Some(false);
        }
        let is_kept = match chains.header(end) {
            Some(next) => chains.fit(&next, true) != Fit::Bad && self.has_likely_lengths(&next),
            None if chains.view.is_end => true,
            None => return None,
        };
        if !is_kept {
            self.broken_claims += 1;
        }
        Some(is_kept)
    }

    /// Whether lengths are as in most captures: far fewer headers by chance have them than are not bad.
    fn has_likely_lengths(&self, header: &RecordHeader) -> bool {
        let RecordHeader {
            caplen, origlen, ..
        } = *header;
        caplen == origlen || caplen.max(origlen) <= self.usual_max_len
    }
}

/// Follows headers.
struct Chains<'a> {
    walk: &'a PcapWalk,
    view: View<'a>,
    usual_max_len: u32,
}

impl Chains<'_> {
    fn header(&self, at: usize) -> Option<RecordHeader> {
        let bytes = self.view.bytes.get(at..)?;
        let is_whole = bytes.len() >= self.walk.record_header_len();
        self.walk.header(bytes).filter(|_| is_whole)
    }

    /// Where the record behind this one begins.
    fn end(&self, at: usize, header: &RecordHeader) -> usize {
        at + self.walk.record_header_len() + header.caplen as usize
    }

    /// * `is_near`: whether its time is one that this capture has.
    fn fit(&self, header: &RecordHeader, is_near: bool) -> Fit {
        let RecordHeader {
            ticks,
            caplen,
            origlen,
            ..
        } = *header;
        // Zeroes are what a file system leaves where it lost something.
        let is_blank = header.seconds | ticks | caplen | origlen == 0;
        if is_blank || caplen > MAX_RECORD_LEN {
            return Fit::Bad;
        }
        let is_usual = caplen <= origlen
            && origlen > 0
            && origlen <= self.usual_max_len
            && ticks < self.walk.ticks_per_second();
        match is_usual && is_near {
            true => Fit::Good,
            false => Fit::Odd,
        }
    }

    /// Whether a chain of good headers begins at `at`.
    fn look(&self, at: usize, eras: Eras) -> Sight {
        let Some(first) = self.header(at) else {
            return match self.view.is_end {
                true => Sight::Nothing,
                false => Sight::Unknown,
            };
        };
        if self.fit(&first, true) != Fit::Good {
            return Sight::Nothing;
        }
        let is_near_capture = eras.include(first.seconds);
        let enough = if is_near_capture { CHAIN } else { LONG_CHAIN };
        let sound_if = |is_sound| {
            if is_sound {
                Sight::Sound
            } else {
                Sight::Nothing
            }
        };
        let mut last = first;
        let mut next = self.end(at, &first);
        for count in 1..enough {
            let is_short = is_near_capture && count >= SHORT_CHAIN;
            if next + self.walk.record_header_len() > at + REACH {
                return sound_if(is_short);
            }
            match self.header(next) {
                Some(header)
                    if self.fit(&header, is_near(header.seconds, last.seconds)) == Fit::Good =>
                {
                    next = self.end(next, &header);
                    last = header;
                }
                Some(_) => return Sight::Nothing,
                None if !self.view.is_end => return Sight::Unknown,
                None => {
                    let is_exact = next == self.view.bytes.len();
                    return sound_if(is_short || is_near_capture && is_exact);
                }
            }
        }
        Sight::Sound
    }

    /// Whether records that could be some lead from `from` to `to`.
    fn leads_to(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to {
            match self.header(at) {
                Some(header) if self.fit(&header, true) != Fit::Bad => {
                    at = self.end(at, &header);
                }
                _ => return false,
            }
        }
        at == to
    }

    /// Whether records that could be some go on from `from` for as long as a chain, or to the end, or as far as the reach: what
    /// is beyond may be there or not.
    fn goes_on(&self, from: usize) -> bool {
        let mut at = from;
        for _ in 0..CHAIN {
            if at + self.walk.record_header_len() > from + REACH {
                return true;
            }
            match self.header(at) {
                Some(header) if self.fit(&header, true) != Fit::Bad => {
                    at = self.end(at, &header);
                }
                Some(_) => return false,
                None => return at == self.view.bytes.len(),
            }
        }
        true
    }
}

impl RecordHeader {
    /// Why there is no record here.
    fn misfit(&self) -> DamageReason {
        match *self {
            Self { caplen, .. } if caplen > MAX_RECORD_LEN => self.too_long(),
            Self {
                seconds,
                caplen,
                origlen,
                ..
            } => DamageReason::Misfit {
                seconds,
                caplen,
                origlen,
            },
        }
    }
}

fn is_near(seconds: u32, other: u32) -> bool {
    seconds.abs_diff(other) <= NEAR_SECONDS
}

/// The times of a capture, roughly: a moment of each stretch of years that records were from.
#[derive(Debug, Clone, Copy, Default)]
struct Eras([Option<u32>; MAX_ERAS]);

impl Eras {
    /// Whether a moment is one of them. Of a capture of which nothing is known, every one is.
    fn include(&self, seconds: u32) -> bool {
        let mut known = self.0.iter().flatten().peekable();
        known.peek().is_none() || known.any(|era| is_near(seconds, *era))
    }

    /// Takes in the moment of a record. Whether other places than before may be sound now: the first record changes nothing.
    fn learn(&mut self, seconds: u32) -> bool {
        let is_first = self.0.first().is_some_and(Option::is_none);
        if !is_first && self.include(seconds) {
            return false;
        }
        let room = self.0.iter_mut().find(|era| era.is_none());
        let is_new = room.is_some() && !is_first;
        if let Some(era) = room {
            *era = Some(seconds);
        }
        is_new
    }
}
