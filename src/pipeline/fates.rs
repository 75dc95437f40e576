//! Which flow each packet belongs to, noted in a first pass so that a second one can remove whole flows.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use crate::rules::Removal;

/// Notes that are kept in memory; more go to an unnamed temporary file.
const MAX_NOTES_IN_MEMORY: usize = 16 << 20;
/// Bytes of one note: the number of the first packet of the packet's flow, 0 for a packet of no flow.
const NOTE_LEN: usize = size_of::<u64>();

/// Set in the note of a packet that was dropped when it came. No capture has so many packets that a number needs it.
const DROPPED: u64 = 1 << 63;

/// Bytes of a note on a packet that quotes a flow: the packet's number, the first packets of its own flow and of the quoted one,
/// the packet's length.
const QUOTE_LEN: usize = 4 * size_of::<u64>();

/// A packet that quotes a flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotedQuote {
    pub(super) packet: u64,
    /// First packet of its own flow.
    pub(super) flow: u64,
    /// First packet of the flow that it quotes.
    pub(super) quoted: u64,
    /// Its length on the wire.
    pub(super) origlen: u32,
}

/// The flow of every packet of a capture, and the flows that rules block: to go, or to stay when all else goes.
///
/// * Memory: 16 MiB for each kind of note, and a bit for each packet up to the last blocked flow's first; with rules that allow, another.
pub struct Fates {
    notes: SpooledTempFile,
    /// Packets that share the fate of a second flow.
    quotes: SpooledTempFile,
    packets: u64,
    /// A flow that began there is blocked.
    blocked: Marks,
    /// A flow that began there is allowed, and what it quotes does not matter.
    spared: Marks,
    /// Used again for every chunk.
    chunk: Vec<u8>,
}

impl Default for Fates {
    fn default() -> Self {
        Self {
            notes: SpooledTempFile::new(MAX_NOTES_IN_MEMORY),
            quotes: SpooledTempFile::new(MAX_NOTES_IN_MEMORY),
            packets: 0,
            blocked: Marks::default(),
            spared: Marks::default(),
            chunk: Vec::new(),
        }
    }
}

impl Fates {
    /// Notes the next `packets` packets; `flows` says for each that has a flow its place and the flow's first packet.
    pub(super) fn note(
        &mut self,
        packets: usize,
        flows: impl Iterator<Item = (u32, u64)>,
    ) -> io::Result<()> {
        self.chunk.clear();
        self.chunk.resize(packets * NOTE_LEN, 0);
        let (places, _) = self.chunk.as_chunks_mut::<NOTE_LEN>();
        for (place, flow) in flows {
            if let Some(note) = places.get_mut(place as usize) {
                *note = flow.to_le_bytes();
            }
        }
        self.packets += packets as u64;
        self.notes.write_all(&self.chunk)
    }

    /// Notes the next `packets` packets, as [`Self::note`] does, and that those at the places in `drops` are dropped already.
    pub(super) fn note_judged(
        &mut self,
        packets: usize,
        flows: impl Iterator<Item = (u32, u64)>,
        drops: &[u32],
    ) -> io::Result<()> {
        let mut drops = drops.iter().peekable();
        let mut flows: Vec<_> = flows.collect();
        flows.sort_unstable_by_key(|(place, _)| *place);
        let judged = flows.into_iter().map(|(place, flow)| {
            while drops.next_if(|drop| **drop < place).is_some() {}
            let is_dropped = drops.next_if(|drop| **drop == place).is_some();
            (place, if is_dropped { flow | DROPPED } else { flow })
        });
        self.note(packets, judged)
    }

    /// Notes a packet that shares the fate of a second flow. Packets come in order.
    pub(super) fn note_quote(&mut self, quote: NotedQuote) -> io::Result<()> {
        let fields = [quote.packet, quote.flow, quote.quoted, quote.origlen.into()];
        self.quotes
            .write_all(fields.map(u64::to_le_bytes).as_flattened())
    }

    /// Tells every packet that quotes a condemned flow and does not belong to one.
    pub(super) fn condemned_quotes(&mut self, mut tell: impl FnMut(NotedQuote)) -> io::Result<()> {
        self.quotes.seek(SeekFrom::Start(0))?;
        let mut quotes = BufReader::new(&mut self.quotes);
        while let Some(quote) = read_quote(&mut quotes)? {
            if quote.is_condemned(&self.blocked, &self.spared) && !self.blocked.has(quote.flow) {
                tell(quote);
            }
        }
        Ok(())
    }

    /// Condemns the flow that began with packet `first_packet`.
    pub(super) fn block(&mut self, first_packet: u64) {
        self.blocked.set(first_packet);
    }

    /// Lets no packet of the flow that began with packet `first_packet` go with a flow that it quotes.
    pub(super) fn spare(&mut self, first_packet: u64) {
        self.spared.set(first_packet);
    }

    /// The verdicts, packet by packet, from the first.
    pub(super) fn judge(&mut self, removal: Removal) -> io::Result<Verdicts<'_>> {
        self.notes.seek(SeekFrom::Start(0))?;
        self.quotes.seek(SeekFrom::Start(0))?;
        let mut verdicts = Verdicts {
            notes: BufReader::with_capacity(64 << 10, &mut self.notes),
            quotes: BufReader::with_capacity(4 << 10, &mut self.quotes),
            quote: None,
            blocked: &self.blocked,
            spared: &self.spared,
            drops_all_else: removal == Removal::AllElse,
            packets: self.packets,
            at: 0,
        };
        verdicts.quote = read_quote(&mut verdicts.quotes)?;
        Ok(verdicts)
    }
}

/// What was noted of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// Number of the first packet of its flow; 0 for a packet of no flow.
    pub(super) flow: u64,
    pub(super) is_dropped: bool,
}

/// Reads the notes back.
pub(super) struct Verdicts<'a> {
    notes: BufReader<&'a mut SpooledTempFile>,
    quotes: BufReader<&'a mut SpooledTempFile>,
    /// The next packet that quotes a flow.
    quote: Option<NotedQuote>,
    blocked: &'a Marks,
    spared: &'a Marks,
    /// Whether condemned packets are those that stay.
    drops_all_else: bool,
    packets: u64,
    at: u64,
}

impl Verdicts<'_> {
    /// Packets that were noted and not asked for yet.
    pub(super) const fn left(&self) -> u64 {
        self.packets - self.at
    }

    /// Number of the packet that comes next, counted from 1.
    pub(super) const fn number(&self) -> u64 {
        self.at + 1
    }

    /// The next packet's flow, and whether the packet goes. Packets past the last one noted are of no flow.
    pub(super) fn next(&mut self) -> io::Result<Judged> {
        if self.left() == 0 {
            return Ok(Judged {
                flow: 0,
                is_dropped: self.drops_all_else,
            });
        }
        let mut note = [0; NOTE_LEN];
        self.notes.read_exact(&mut note)?;
        self.at += 1;
        let note = u64::from_le_bytes(note);
        let flow = note & !DROPPED;
        let mut is_condemned = note != flow || self.blocked.has(flow);
        while let Some(quote) = self.quote
            && quote.packet == self.at
        {
            is_condemned |= quote.is_condemned(self.blocked, self.spared);
            self.quote = read_quote(&mut self.quotes)?;
        }
        Ok(Judged {
            flow,
            is_dropped: is_condemned != self.drops_all_else,
        })
    }
}

/// Flows, by the number of their first packet: a bit for each number up to the last that is marked.
#[derive(Default)]
struct Marks(Vec<u64>);

impl Marks {
    fn set(&mut self, flow: u64) {
        let word = (flow / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (flow % 64);
    }

    /// Packets of no flow have the number 0, and are never marked.
    fn has(&self, flow: u64) -> bool {
        let word = self.0.get((flow / 64) as usize).copied().unwrap_or(0);
        flow != 0 && word >> (flow % 64) & 1 == 1
    }
}

impl NotedQuote {
    /// Whether the packet goes with the flow that it quotes.
    fn is_condemned(&self, blocked: &Marks, spared: &Marks) -> bool {
        blocked.has(self.quoted) && !spared.has(self.flow)
    }
}

fn read_quote(quotes: &mut impl Read) -> io::Result<Option<NotedQuote>> {
    let mut bytes = [0; QUOTE_LEN];
    match quotes.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut fields = [0; QUOTE_LEN / NOTE_LEN];
    let (words, _) = bytes.as_chunks::<NOTE_LEN>();
    for (field, word) in fields.iter_mut().zip(words) {
        *field = u64::from_le_bytes(*word);
    }
    let [packet, flow, quoted, origlen] = fields;
    Ok(Some(NotedQuote {
        packet,
        flow,
        quoted,
        origlen: origlen as u32,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_share_the_fate_of_their_flow() {
        let mut fates = Fates::default();
        fates.note(4, [(0, 1), (2, 3), (3, 1)].into_iter()).unwrap();
        fates.note(2, [(1, 3)].into_iter()).unwrap();
        fates.block(3);
        let mut verdicts = fates.judge(Removal::WholeFlow).unwrap();
        let dropped: Vec<bool> = (0..6)
            .map(|_| verdicts.next().unwrap().is_dropped)
            .collect();
        assert_eq!(dropped, [false, false, true, false, false, true]);
        assert_eq!(verdicts.left(), 0);
        assert!(!verdicts.next().unwrap().is_dropped);
    }

    #[test]
    fn a_packet_that_quotes_a_flow_shares_its_fate_too() {
        let mut fates = Fates::default();
        fates
            .note(4, [(0, 1), (1, 2), (2, 3), (3, 2)].into_iter())
            .unwrap();
        for (packet, flow, quoted) in [(2, 2, 3), (2, 2, 1), (4, 2, 3)] {
            let quote = NotedQuote {
                packet,
                flow,
                quoted,
                origlen: 90,
            };
            fates.note_quote(quote).unwrap();
        }
        fates.block(1);
        let mut condemned = Vec::new();
        fates
            .condemned_quotes(|quote| condemned.push(quote.packet))
            .unwrap();
        assert_eq!(condemned, [2]);
        let mut verdicts = fates.judge(Removal::WholeFlow).unwrap();
        let dropped: Vec<bool> = (0..4)
            .map(|_| verdicts.next().unwrap().is_dropped)
            .collect();
        assert_eq!(dropped, [true, true, false, false]);
    }

    #[test]
    fn packets_that_were_dropped_when_they_came_are_noted_with_their_flow() {
        let mut fates = Fates::default();
        fates
            .note_judged(4, [(3, 1), (0, 1), (2, 3)].into_iter(), &[1, 3])
            .unwrap();
        let mut verdicts = fates.judge(Removal::WholeFlow).unwrap();
        let judged: Vec<_> = (0..4).map(|_| verdicts.next().unwrap()).collect();
        let judged: Vec<_> = judged.iter().map(|j| (j.flow, j.is_dropped)).collect();
        assert_eq!(judged, [(1, false), (0, false), (3, false), (1, true)]);
    }

    #[test]
    fn flow_1000_does_not_condemn_its_neighbours() {
        let mut fates = Fates::default();
        fates
            .note(3, [(0, 999), (1, 1000), (2, 1001)].into_iter())
            .unwrap();
        fates.block(1000);
        let mut verdicts = fates.judge(Removal::WholeFlow).unwrap();
        let dropped: Vec<bool> = (0..3)
            .map(|_| verdicts.next().unwrap().is_dropped)
            .collect();
        assert_eq!(dropped, [false, true, false]);
    }
}
