//! Writes a capture again, taken apart: the pass of a run that makes parts of it.
//!
//! * Each packet goes to one part, and each part keeps the capture's order.
//! * A part gets what stands outside of packets (file header, section headers, interfaces, names, secrets) of each section that it has a
//!   packet of, before the first of its packets that stands behind it; what no packet of it stands behind, when the section ends.

use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use super::again::{Pass, Seen, again};
use super::{Fates, PipelineError, watched};
use crate::capture::{Annotator, CaptureReader, Chunk, Sections};
use crate::packet::Record;
use crate::rules::Removal;

/// Bytes outside of packets that are kept in memory for parts yet to come; more of a section go to an unnamed temporary file.
const MAX_OUTSIDE_IN_MEMORY: usize = 1 << 20;

/// Bytes of them that are handed to a part at once.
const COPY_LEN: usize = 64 << 10;

/// What is known of a packet that goes to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitPacket {
    /// Its number in the capture, counted from 1.
    pub number: u64,
    /// Number of the first packet of its flow; 0 for a packet of no flow.
    pub flow: u64,
    /// Whether it was dropped.
    pub is_dropped: bool,
    /// Its length on the wire.
    pub origlen: u32,
}

/// Knows which packets belong together, and takes them.
pub trait Parts {
    /// The part that the next packet goes to, and the comment that it gets where comments are written. Numbers of parts are dense.
    fn part_of(&mut self, packet: &SplitPacket) -> io::Result<(u32, Option<String>)>;

    /// Writes to a part, behind what was written to it before.
    fn write(&mut self, part: u32, bytes: &[u8]) -> io::Result<()>;
}

/// How a capture is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splitting<'a> {
    /// What removes packets, and whether it was turned round.
    pub removal: Removal,
    /// The program, and what is said of each section; `None` where no comments are written.
    pub head: Option<(&'a str, &'a str)>,
    /// Bytes outside of packets that all parts together may get: a hostile capture has many of them, and many parts to copy them to.
    pub max_outside: u64,
}

/// Writes a capture again, each packet to the part that it belongs to. Where there is no room for a comment, there is none.
///
/// # Errors
/// As [`run`](super::run); [`PipelineError::Changed`] when the capture has fewer packets than it had, [`PipelineError::Outside`] when
/// parts would get too much that is no packet.
pub fn write_parts(
    capture: CaptureReader,
    fates: &mut Fates,
    splitting: Splitting<'_>,
    parts: &mut dyn Parts,
) -> Result<(), PipelineError> {
    let mut split = Split {
        outside: Outside::new(capture.sections(), splitting.max_outside),
        annotator: splitting
            .head
            .map(|(tool, about)| capture.annotator(tool, about)),
        parts,
    };
    watched("writer", |progress| {
        again(capture, (fates, splitting.removal), &mut split, progress)?;
        split.outside.end_section(split.parts)
    })
}

struct Split<'a> {
    outside: Outside,
    annotator: Option<Annotator>,
    parts: &'a mut dyn Parts,
}

impl Pass for Split<'_> {
    fn packet(&mut self, seen: &Seen<'_>) -> Result<(), PipelineError> {
        self.between(seen.chunk, (seen.from, seen.record.start))?;
        let packet = SplitPacket {
            number: seen.number,
            flow: seen.judged.flow,
            is_dropped: seen.judged.is_dropped,
            origlen: seen.record.origlen,
        };
        self.put((seen.chunk, seen.record), &packet)
    }

    fn rest(&mut self, chunk: &Chunk, from: u32) -> Result<(), PipelineError> {
        self.between(chunk, (from, chunk.bytes().len() as u32))
    }
}

impl Split<'_> {
    /// Takes in what stands between packets.
    fn between(&mut self, chunk: &Chunk, range: (u32, u32)) -> Result<(), PipelineError> {
        for piece in self.outside.sections.pieces(chunk, range) {
            if piece.begins_section {
                self.outside.begin_section(self.parts)?;
            }
            let taken = match &mut self.annotator {
                Some(annotator) => {
                    annotator.between(chunk, (piece.start, piece.end), &mut self.outside)
                }
                None => piece.copy(chunk, &mut self.outside),
            };
            taken.map_err(PipelineError::Notes)?;
        }
        Ok(())
    }

    /// Writes a packet to its part.
    fn put(
        &mut self,
        (chunk, record): (&Chunk, &Record),
        packet: &SplitPacket,
    ) -> Result<(), PipelineError> {
        let (part, comment) = self.parts.part_of(packet).map_err(PipelineError::Flows)?;
        self.outside.bring_to(part, self.parts)?;
        let written = match &mut self.annotator {
            Some(annotator) => {
                let parts = &mut *self.parts;
                let mut to = To { parts, part };
                let said = annotator.packet((chunk, record), comment.as_deref(), &mut to);
                said.map(|_| ())
            }
            None => {
                let bytes = chunk.bytes();
                let bytes = bytes.get(record.start as usize..record.end as usize);
                self.parts.write(part, bytes.unwrap_or_default())
            }
        };
        written.map_err(PipelineError::Parts)
    }
}

/// One of the parts, to be written to.
struct To<'a> {
    parts: &'a mut dyn Parts,
    part: u32,
}

impl Write for To<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.parts.write(self.part, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What stands outside of packets in the section that is being read, and how much of it each part has.
struct Outside {
    sections: Sections,
    bytes: SpooledTempFile,
    len: u64,
    /// Number of the section, counted from 1.
    section: u64,
    /// By the number of the part.
    places: Vec<Place>,
    /// Parts that have a packet of the section.
    concerned: Vec<u32>,
    /// Bytes that parts may yet get.
    left: u64,
    max: u64,
    /// Used again for every copy.
    copy: Vec<u8>,
}

/// How far a part has got.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    section: u64,
    /// Bytes of what stands outside of packets in that section.
    got: u64,
}

impl Outside {
    fn new(sections: Sections, max: u64) -> Self {
        Self {
            sections,
            bytes: SpooledTempFile::new(MAX_OUTSIDE_IN_MEMORY),
            len: 0,
            section: 0,
            places: Vec::new(),
            concerned: Vec::new(),
            left: max,
            max,
            copy: Vec::new(),
        }
    }

    fn begin_section(&mut self, parts: &mut dyn Parts) -> Result<(), PipelineError> {
        self.end_section(parts)?;
        self.section += 1;
        self.len = 0;
        let emptied = self.bytes.set_len(0);
        emptied
            .and_then(|()| self.bytes.rewind())
            .map_err(PipelineError::Notes)
    }

    /// Brings what stands behind their last packet to all parts of the section.
    fn end_section(&mut self, parts: &mut dyn Parts) -> Result<(), PipelineError> {
        let mut concerned = std::mem::take(&mut self.concerned);
        for &part in &concerned {
            self.bring_to(part, parts)?;
        }
        concerned.clear();
        self.concerned = concerned;
        Ok(())
    }

    /// Brings to a part what it does not have yet of the section.
    fn bring_to(&mut self, part: u32, parts: &mut dyn Parts) -> Result<(), PipelineError> {
        let at = part as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, Place::default());
        }
        let Some(place) = self.places.get_mut(at) else {
            return Ok(());
        };
        if place.section != self.section {
            let section = self.section;
            *place = Place { section, got: 0 };
            self.concerned.push(part);
        }
        if place.got == self.len {
            return Ok(());
        }
        let from = std::mem::replace(&mut place.got, self.len);
        self.left = match self.left.checked_sub(self.len - from) {
            Some(left) => left,
            None => return Err(PipelineError::Outside { max: self.max }),
        };
        self.copy_from(from, |bytes| parts.write(part, bytes))
    }

    fn copy_from(
        &mut self,
        from: u64,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), PipelineError> {
        let bytes = &mut self.bytes;
        bytes
            .seek(SeekFrom::Start(from))
            .map_err(PipelineError::Notes)?;
        self.copy.resize(COPY_LEN, 0);
        loop {
            match bytes.read(&mut self.copy) {
                Ok(0) => return Ok(()),
                Ok(len) => {
                    let read = self.copy.get(..len).unwrap_or_default();
                    write(read).map_err(PipelineError::Parts)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(PipelineError::Notes(error)),
            }
        }
    }
}

impl Write for Outside {
    /// Behind what is there; whoever copied has read to its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.bytes.write(bytes)?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// Sends packets to parts as told beforehand.
    #[derive(Default)]
    struct Dealt {
        parts: Vec<u32>,
        written: Vec<Vec<u8>>,
    }

    impl Parts for Dealt {
        fn part_of(&mut self, packet: &SplitPacket) -> io::Result<(u32, Option<String>)> {
            Ok((self.parts[packet.number as usize - 1], None))
        }

        fn write(&mut self, part: u32, bytes: &[u8]) -> io::Result<()> {
            let part = part as usize;
            if self.written.len() <= part {
                self.written.resize(part + 1, Vec::new());
            }
            self.written[part].extend_from_slice(bytes);
            Ok(())
        }
    }

    /// Takes a capture apart, of which every packet's part is told.
    fn taken_apart(
        capture: Vec<u8>,
        parts: Vec<u32>,
        max_outside: u64,
    ) -> Result<Vec<Vec<u8>>, PipelineError> {
        let mut fates = Fates::default();
        fates.note(parts.len(), std::iter::empty()).unwrap();
        let splitting = Splitting {
            removal: Removal::Inline,
            head: None,
            max_outside,
        };
        let written = Vec::new();
        let mut dealt = Dealt { parts, written };
        let capture = CaptureReader::open(Cursor::new(capture)).unwrap();
        write_parts(capture, &mut fates, splitting, &mut dealt)?;
        Ok(dealt.written)
    }

    /// What the captures say of the length of their sections.
    const SECTION_LEN: [u8; 8] = [0, 0, 1, 0, 0, 1, 0, 0];

    /// What a random pcapng consists of.
    #[derive(Debug, Clone)]
    enum Item {
        Section {
            is_big: bool,
        },
        /// A block that is no packet, so long.
        Other(u8),
        /// A packet of this part.
        Packet(u32),
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            1 => any::<bool>().prop_map(|is_big| Item::Section { is_big }),
            2 => any::<u8>().prop_map(Item::Other),
            6 => (0u32..5).prop_map(Item::Packet),
        ]
    }

    fn block(kind: u32, body: &[u8], is_big: bool) -> Vec<u8> {
        let word = |word: u32| match is_big {
            true => word.to_be_bytes(),
            false => word.to_le_bytes(),
        };
        let len = body.len() as u32 + 12;
        [&word(kind), &word(len), body, &word(len)].concat()
    }

    fn bytes_of(item: &Item, is_big: bool, number: u8) -> Vec<u8> {
        match item {
            Item::Section { is_big } => {
                let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
                if *is_big {
                    body.reverse();
                }
                let version = if *is_big { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
                body.extend(version);
                body.extend(SECTION_LEN);
                block(0x0a0d_0d0a, &body, *is_big)
            }
            Item::Other(len) => block(0xbad, &vec![number; usize::from(*len) * 4], is_big),
            // A simple packet block, with four bytes that tell it from others.
            Item::Packet(_) => block(3, &[[0, 0, 0, 0], [number; 4]].concat(), is_big),
        }
    }

    /// A section header that tells no length.
    fn without_len(mut header: Vec<u8>) -> Vec<u8> {
        assert_eq!(header[16..24], SECTION_LEN);
        header[16..24].fill(0xff);
        header
    }

    proptest! {
        #[test]
        fn each_part_is_the_capture_without_the_packets_of_others_and_sections_of_none_of_its_own(
            items in proptest::collection::vec(item(), 0..80),
        ) {
            let mut items = items;
            items.insert(0, Item::Section { is_big: false });
            let mut is_big = false;
            let mut capture = Vec::new();
            let mut parts = Vec::new();
            // Sections, each a list of what belongs to all or to one part, with its bytes.
            let mut sections: Vec<Vec<(Option<u32>, Vec<u8>)>> = Vec::new();
            for (number, item) in (0u8..).zip(&items) {
                if let Item::Section { is_big: it } = item {
                    is_big = *it;
                    sections.push(Vec::new());
                }
                let bytes = bytes_of(item, is_big, number);
                capture.extend_from_slice(&bytes);
                let bytes = match item {
                    Item::Section { .. } => without_len(bytes),
                    _ => bytes,
                };
                let part = match item {
                    Item::Packet(part) => Some(*part),
                    _ => None,
                };
                parts.extend(part);
                sections.last_mut().unwrap().push((part, bytes));
            }
            let written = taken_apart(capture, parts, u64::MAX).unwrap();
            for (part, written) in (0..5).zip(written.into_iter().chain(std::iter::repeat(Vec::new()))) {
                let expected: Vec<u8> = sections
                    .iter()
                    .filter(|section| section.iter().any(|(of, _)| *of == Some(part)))
                    .flatten()
                    .filter(|(of, _)| of.is_none_or(|of| of == part))
                    .flat_map(|(_, bytes)| bytes.clone())
                    .collect();
                prop_assert_eq!(written, expected, "part {}", part);
            }
        }
    }

    #[test]
    fn what_is_outside_of_packets_is_bounded_and_not_lost_in_a_file() {
        let section = bytes_of(&Item::Section { is_big: false }, false, 0);
        // More than is kept in memory.
        let other = block(0xbad, &vec![7; 2 * MAX_OUTSIDE_IN_MEMORY], false);
        let capture = [&section[..], &other].concat();
        let outside = [without_len(section), other].concat();
        let packet = bytes_of(&Item::Packet(0), false, 1);
        let capture = [&capture[..], &packet, &packet, &packet].concat();
        let twice = 2 * outside.len() as u64;
        let written = taken_apart(capture.clone(), vec![0, 1, 0], twice).unwrap();
        assert!(written[0] == [&outside[..], &packet, &packet].concat());
        assert!(written[1] == [&outside[..], &packet].concat());
        let refused = taken_apart(capture, vec![0, 1, 0], twice - 1).unwrap_err();
        assert!(matches!(refused, PipelineError::Outside { max } if max == twice - 1));
    }
}
