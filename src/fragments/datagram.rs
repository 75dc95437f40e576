//! The parts of one datagram, and whether they make it whole.

use crate::wire::{Fragment, Net, PacketView};

/// Most bytes that an IP packet carries. Source: RFC 791 §3.1; jumbograms have no fragments (RFC 2675 §3).
const MAX_LEN: u32 = 65_535;
/// Most parts that a datagram has: 65,535 bytes over a link of 68 bytes a packet, the least that IPv4 asks for (RFC 791 §3.2).
const MAX_PARTS: usize = 1366;
/// Every part but the last is a multiple of that long. Source: RFC 791 §3.2; RFC 8200 §4.5.
const UNIT: u32 = 8;

/// One datagram, as far as its parts have come.
///
/// * Overlaps: in IPv4 the bytes that came first stay; in IPv6 the datagram is broken (RFC 5722 §3).
/// * Repeated parts change nothing, and parts without a byte say nothing.
#[derive(Debug)]
pub(super) struct Datagram {
    /// The view of its first part, or of another one until that comes.
    view: PacketView,
    has_first: bool,
    fragment: Fragment,
    /// Its length, once the last part was seen.
    len: Option<u32>,
    /// Ascending, not overlapping.
    parts: Vec<Part>,
    /// Bytes that the parts cover.
    covered: u32,
    is_broken: bool,
    has_conflict: bool,
}

#[derive(Debug)]
struct Part {
    start: u32,
    end: u32,
    /// Fewer than `end - start` where the capture cut them.
    bytes: Box<[u8]>,
}

impl Datagram {
    /// A datagram of which nothing is there yet; `view` and `fragment` are of one of its parts.
    pub(super) fn new(view: &PacketView, fragment: Fragment) -> Self {
        Self {
            view: *view,
            has_first: false,
            fragment,
            len: None,
            parts: Vec::new(),
            covered: 0,
            is_broken: false,
            has_conflict: false,
        }
    }

    /// Adds a part; `bytes` are those of it that were captured.
    pub(super) fn add(&mut self, view: &PacketView, fragment: Fragment, bytes: &[u8]) {
        let start = u32::from(fragment.offset);
        let mut len = fragment.part.origlen;
        if fragment.has_more && !len.is_multiple_of(UNIT) {
            self.is_broken |= self.is_ipv6();
            len -= len % UNIT;
        }
        let end = start.saturating_add(len);
        let is_beyond = end > self.len.unwrap_or(MAX_LEN);
        if is_beyond || len == 0 {
            // A "ping of death", or a header whose lengths lie.
            self.is_broken |= is_beyond && self.is_ipv6();
            return;
        }
        if start == 0 && !self.has_first {
            self.has_first = true;
            self.view = *view;
            self.fragment = fragment;
        }
        if !fragment.has_more {
            let contradicts = self.len.is_some_and(|len| len != end)
                || self.parts.last().is_some_and(|part| part.end > end);
            if contradicts {
                self.is_broken |= self.is_ipv6();
                self.has_conflict = true;
                return;
            }
            self.len = Some(end);
        }
        if self.insert((start, end), bytes) {
            self.has_conflict = true;
            self.is_broken |= self.is_ipv6();
        }
        self.is_broken |= self.parts.len() > MAX_PARTS;
    }

    fn is_ipv6(&self) -> bool {
        self.view.net == Some(Net::Ipv6)
    }

    /// Puts in what no other part covers. Whether there was an overlap that is no repetition.
    fn insert(&mut self, (start, end): (u32, u32), bytes: &[u8]) -> bool {
        let mut at = self.parts.partition_point(|part| part.end <= start);
        let over = self.parts.get(at).filter(|part| part.start < end);
        if over.is_some_and(|part| part.start == start && part.end == end) {
            return over.is_some_and(|part| *part.bytes != *bytes);
        }
        let is_overlap = over.is_some();
        let mut from = start;
        while from < end {
            match self.parts.get(at) {
                Some(part) if part.start <= from => from = part.end,
                next => {
                    let to = next.map_or(end, |part| part.start.min(end));
                    let there = |offset: u32| bytes.len().min((offset - start) as usize);
                    let own = bytes.get(there(from)..there(to)).unwrap_or_default();
                    self.covered += to - from;
                    let part = Part {
                        start: from,
                        end: to,
                        bytes: own.into(),
                    };
                    self.parts.insert(at, part);
                    from = to;
                }
            }
            at += 1;
        }
        is_overlap
    }

    /// Whether every byte of it has come (or was on the wire, where the capture cut it).
    pub(super) fn is_whole(&self) -> bool {
        !self.is_broken && self.len == Some(self.covered)
    }

    /// Whether it never will be whole, and nothing more is to be learnt of it.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.is_broken && self.has_first
    }

    /// Whether parts contradicted one another.
    pub(super) const fn has_conflict(&self) -> bool {
        self.has_conflict
    }

    /// Its length, if it is whole.
    pub(super) fn len(&self) -> Option<u32> {
        self.len.filter(|_| self.is_whole())
    }

    /// The view of its first part, and what the datagram carries; of another part while the first is missing.
    pub(super) const fn head(&self) -> (&PacketView, &Fragment) {
        (&self.view, &self.fragment)
    }

    /// Whether its first part is there, the one with the transport's header.
    pub(super) const fn has_first(&self) -> bool {
        self.has_first
    }

    /// Where its parts lie, and a hash of each one's bytes.
    pub(super) fn outline(&self, hash: impl Fn(&[u8]) -> u64) -> Vec<(u32, u32, u64)> {
        let outline = |part: &Part| (part.start, part.end, hash(&part.bytes));
        self.parts.iter().map(outline).collect()
    }

    /// Its bytes from the first on, up to the first that is missing.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.covered as usize);
        if self.is_broken {
            return bytes;
        }
        for part in &self.parts {
            if part.start as usize != bytes.len() {
                break;
            }
            bytes.extend_from_slice(&part.bytes);
        }
        bytes
    }
}
