//! Several captures that are read as one, ordered by time: a rotated capture, or one from several places.
//!
//! * In: [`Part`]s, each of which can be opened. Out: chunks as of one capture.
//! * Captures are put in the order of their first packets; of equals, the one that was given first stays first, and those without
//!   packets come last. A capture is opened when its time has come, and closed at its end, so few are open at a time.
//! * pcaps have to be alike. They become one pcap with the header of the first and the largest snaplen. Where they overlap in time, their
//!   records are merged by time; no capture's own order is ever changed.
//! * pcapngs follow each other whole, for a packet means nothing outside of its section. Where they overlap in time, the packets
//!   are therefore not in order of time; [`PartSummary::span`](super::PartSummary::span) tells where.

mod reader;

use std::io::{self, Read};
use std::sync::Arc;

use super::chunk::Chunk;
use super::error::{CaptureError, SeveralError};
use super::pcap::PcapWalk;
use super::reader::{ReadOptions, SourceReader};
use super::summary::Format;
use super::walk::MAX_RECORD_LEN;
use crate::packet::Timestamp;

pub(super) use reader::SeveralReader;

/// pcaps that may overlap in time at one moment: each of them is open, and has a chunk of its own.
pub const MAX_OVERLAPPING: usize = 256;

/// Bytes that a look at the beginning of a capture reads at once.
const LOOK_LEN: usize = 8 * 1024;

/// Bytes without a packet after which a capture that can be read only once is taken for one that has none: what is looked at is held.
const MAX_LOOK_LEN: usize = MAX_RECORD_LEN as usize;

/// One of several captures.
///
/// Errors of its methods should name it.
pub trait Part: Send {
    /// What it is called in messages.
    fn name(&self) -> String;

    /// Opens it for a look at its beginning; `None`: it can be read only once.
    ///
    /// # Errors
    /// It cannot be opened.
    fn look(&mut self) -> io::Result<Option<Box<dyn Read + Send>>>;

    /// Opens it at its beginning, to be read.
    ///
    /// # Errors
    /// It cannot be opened.
    fn open(&mut self) -> io::Result<Box<dyn Read + Send>>;

    /// It was read as far as it could be.
    ///
    /// # Errors
    /// What it takes to be done with it fails.
    fn close(&mut self) -> io::Result<()>;
}

/// Several captures that were looked at, and can be read as one.
pub struct Several {
    parts: Vec<Box<dyn Part>>,
    plan: Plan,
    /// Those that can be read only once, by their place in the plan: opened already.
    begun: Vec<(usize, Begun)>,
}

/// In which order captures are read, and as what: all that it takes to read them once more.
#[derive(Debug, Clone)]
pub struct Plan {
    options: ReadOptions,
    format: Format,
    /// Of the pcap that they become, and how records stand in it.
    pcap: Option<(Vec<u8>, PcapWalk)>,
    order: Arc<[Place]>,
}

/// A capture in the order of reading.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its place in the order in which it was given.
    index: usize,
    /// The time of its first packet; `None` for one without packets.
    first: Option<Timestamp>,
}

/// A capture of which the first packet was read.
struct Begun {
    reader: SourceReader,
    chunk: Chunk,
}

/// What a look at a capture told.
struct Look {
    place: Place,
    head: Vec<u8>,
    pcap: Option<PcapWalk>,
    begun: Option<Begun>,
}

impl Several {
    /// Looks at each capture's beginning, and makes sure that they can be read as one.
    ///
    /// # Errors
    /// One of them cannot be opened or is no capture, or they are not alike.
    pub fn look(mut parts: Vec<Box<dyn Part>>, options: ReadOptions) -> Result<Self, CaptureError> {
        let mut looks: Vec<Look> = Vec::with_capacity(parts.len());
        for index in 0..parts.len() {
            let Some(part) = parts.get_mut(index) else {
                break;
            };
            let look = look(part.as_mut(), (index, options))?;
            let alike = looks.first().map_or(Ok(()), |first| first.check(&look));
            if let Err((expected, found)) = alike {
                let name = |index: usize| parts.get(index).map(|part| part.name());
                return Err(SeveralError::Unlike {
                    first: name(0).unwrap_or_default(),
                    expected,
                    name: name(index).unwrap_or_default(),
                    found,
                }
                .into());
            }
            looks.push(look);
        }
        // Stable: of equals, the one that was given first stays first.
        looks.sort_by_key(|look| (look.place.first.is_none(), look.place.first));
        let plan = Plan {
            options,
            format: match looks.first().is_some_and(|look| look.pcap.is_some()) {
                true => Format::Pcap,
                false => Format::Pcapng,
            },
            pcap: pcap(&looks),
            order: looks.iter().map(|look| look.place).collect(),
        };
        let begun = looks.into_iter().enumerate();
        let begun = begun.filter_map(|(rank, look)| Some((rank, look.begun?)));
        Ok(Self {
            parts,
            plan,
            begun: begun.collect(),
        })
    }

    /// The same captures once more, in the order and as what they were read before.
    pub fn again(parts: Vec<Box<dyn Part>>, plan: Plan) -> Self {
        Self {
            parts,
            plan,
            begun: Vec::new(),
        }
    }

    /// What it takes to read them once more.
    pub fn plan(&self) -> Plan {
        self.plan.clone()
    }
}

impl Look {
    /// Makes sure that records of `other` mean there what they mean here; else tells what is here, and what there.
    fn check(&self, other: &Self) -> Result<(), (String, String)> {
        let is_alike = match (&self.pcap, &other.pcap) {
            (Some(pcap), Some(other)) => pcap.is_like(other),
            (None, None) => true,
            _ => false,
        };
        let shown = |look: &Self| {
            let pcap = look.pcap.as_ref();
            pcap.map_or_else(|| Format::Pcapng.to_string(), ToString::to_string)
        };
        match is_alike {
            true => Ok(()),
            false => Err((shown(self), shown(other))),
        }
    }
}

impl Begun {
    /// Opens a capture, and takes out the header that a pcap begins with.
    fn open(
        source: Box<dyn Read + Send>,
        options: ReadOptions,
    ) -> Result<(Self, Vec<u8>), CaptureError> {
        let mut reader = SourceReader::open(source, options)?;
        let head = match reader.pcap() {
            Some(_) => reader.take_head(),
            None => Vec::new(),
        };
        let chunk = Chunk::new();
        Ok((Self { reader, chunk }, head))
    }
}

/// Reads a capture up to its first packet.
fn look(part: &mut dyn Part, (index, options): (usize, ReadOptions)) -> Result<Look, CaptureError> {
    let (source, is_kept) = match part.look().map_err(SeveralError::Source)? {
        Some(source) => (Box::new(Sips(source)) as Box<dyn Read + Send>, false),
        None => (part.open().map_err(SeveralError::Source)?, true),
    };
    let of_part = |source| named(part, source);
    let (Begun { mut reader, .. }, head) = Begun::open(source, options).map_err(of_part)?;
    let pcap = reader.pcap().cloned();
    let (mut seen, mut chunk) = (Chunk::new(), Chunk::new());
    seen.begin(&[], 1);
    while seen.records().is_empty() && seen.bytes().len() < MAX_LOOK_LEN {
        if !reader.fill_as(&mut chunk, false).map_err(of_part)? {
            break;
        }
        if !is_kept {
            seen.begin(&[], 1);
        }
        let (bytes, records) = (chunk.bytes().len(), chunk.records().len());
        seen.append(&chunk, 0..bytes, 0..records);
    }
    let first = seen.records().first().map(|record| record.timestamp);
    Ok(Look {
        place: Place { index, first },
        head,
        pcap,
        begun: is_kept.then_some(Begun {
            reader,
            chunk: seen,
        }),
    })
}

/// The header of the pcap that all become, and how records stand in it: the first one's, with the largest snaplen.
fn pcap(looks: &[Look]) -> Option<(Vec<u8>, PcapWalk)> {
    let first = looks.first()?;
    let (mut head, mut walk) = (first.head.clone(), first.pcap.clone()?);
    let limits = || {
        looks
            .iter()
            .filter_map(|look| Some(look.pcap.as_ref()?.snaplen()))
    };
    // 0 is no limit.
    let largest = limits().max().filter(|_| limits().all(|limit| limit > 0));
    walk.write_snaplen(largest.unwrap_or(0), &mut head);
    Some((head, walk))
}

/// An error of one of the captures, with its name.
fn named(part: &dyn Part, source: CaptureError) -> CaptureError {
    SeveralError::Part {
        name: part.name(),
        source: Box::new(source),
    }
    .into()
}

/// Gives little at a time, so that a look reads no more than it takes to see one packet.
struct Sips(Box<dyn Read + Send>);

impl Read for Sips {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(LOOK_LEN);
        self.0.read(buffer.get_mut(..len).unwrap_or_default())
    }
}
