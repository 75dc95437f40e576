//! HTTP/2 in the clear: whom requests are for.
//!
//! In: the client's bytes from its connection preface on. Out: the hosts of each request. Frames are walked over; only header
//! blocks are kept until they are whole, and HPACK's table from one to the next. Knows nothing of what servers send, of bodies,
//! and of HTTP/2 in TLS, which shows nothing of all this.

mod hpack;
mod huffman;
mod static_table;

use self::hpack::Table;
use super::Outcome;
use super::cursor::Cursor;
use super::http::Hosts;
use crate::domain::DomainName;

/// What a client's bytes begin with. Source: RFC 9113 §3.4.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Most bytes of a header block, and of one of its frames, that are read. Servers stop at 8 to 32 KiB, as with HTTP/1.
pub const MAX_BLOCK: usize = 32 * 1024;

/// Length of a frame's header, RFC 9113 §4.1.
const FRAME_HEADER_LEN: usize = 9;
/// Length of what the PRIORITY flag says is there, RFC 9113 §6.2.
const PRIORITY_LEN: usize = 5;

/// Types of frames, RFC 9113 §6.
const HEADERS: u8 = 0x01;
const CONTINUATION: u8 = 0x09;

/// Flags of frames, RFC 9113 §6.2.
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// The requests of one connection, told one after the other.
///
/// * Bounds: 64 KiB of fields that later blocks may refer to, and [`MAX_BLOCK`] bytes of an unfinished block.
/// * Any stream is read, in any order: all of them share one table.
///
/// Source: RFC 9113 §4, §6.2, §6.10, §8.3.
#[derive(Debug, Default)]
pub struct Requests {
    table: Table,
    /// Bytes of the current frame that need not be read.
    skip: usize,
    block: Option<Block>,
}

/// A header block whose end is still to come.
#[derive(Debug)]
struct Block {
    stream: u32,
    bytes: Vec<u8>,
}

/// What there was to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Bytes that are done with.
    pub len: usize,
    /// The request whose header block they end.
    pub request: Option<Request>,
}

/// What a header block says of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The hosts that it names, each once, without ports and user: of `:authority` first, then of `host`. None in a trailer.
    ///
    /// Where either is said very often, the first few values and the last are read.
    pub hosts: Vec<DomainName>,
    /// Whether it names more than one.
    pub host_conflict: bool,
}

/// Whether a client's HTTP/2 begins with `prefix`; `Found` is the length of its preface.
///
/// * `prefix`: the client's bytes from the start of the connection, or from the end of the request that upgrades it.
pub fn preface(prefix: &[u8]) -> Outcome<usize> {
    if prefix.starts_with(PREFACE) {
        Outcome::Found(PREFACE.len())
    } else if PREFACE.starts_with(prefix) {
        Outcome::NeedMore
    } else {
        Outcome::NotMine
    }
}

impl Requests {
    /// Reads on: one frame, or what is there of one that need not be read.
    ///
    /// * `bytes`: the client's bytes from where the last step ended, in order, without gaps. At first, from behind the preface.
    /// * `NotMine`: no HTTP/2, or more of it than is held; nothing that follows can be read.
    pub fn read(&mut self, bytes: &[u8]) -> Outcome<Step> {
        if self.skip > 0 && !bytes.is_empty() {
            let len = self.skip.min(bytes.len());
            self.skip -= len;
            return Outcome::Found(Step { len, request: None });
        }
        let Some(frame) = Frame::read(bytes) else {
            return Outcome::NeedMore;
        };
        if !self.is_of_block(&frame) {
            // Nothing may come between the frames of a block.
            if self.block.is_some() || frame.kind == CONTINUATION {
                return Outcome::NotMine;
            }
            self.skip = frame.len;
            let len = FRAME_HEADER_LEN;
            return Outcome::Found(Step { len, request: None });
        }
        let held = self.block.as_ref().map_or(0, |block| block.bytes.len());
        if held + frame.len > MAX_BLOCK || frame.stream == 0 {
            return Outcome::NotMine;
        }
        let Some(payload) = frame.payload(bytes).filter(|p| p.len() == frame.len) else {
            return Outcome::NeedMore;
        };
        let Some(fragment) = frame.fragment(payload) else {
            return Outcome::NotMine;
        };
        self.take(&frame, fragment)
    }

    /// Whether `missing` bytes, lost at this place, are of a frame that need not be read, so that reading goes on behind them.
    pub fn skip_gap(&mut self, missing: usize) -> bool {
        let is_within = missing <= self.skip;
        self.skip = self.skip.saturating_sub(missing);
        is_within
    }

    /// Reads what there is of a frame whose end will not come, because the capture cut packets short or lost one. Then nothing
    /// that follows can be read.
    ///
    /// * `bytes`: as for [`Requests::read`].
    pub fn read_partial(mut self, bytes: &[u8]) -> Option<Request> {
        let frame = Frame::read(bytes).filter(|frame| self.skip == 0 && self.is_of_block(frame))?;
        let fragment = frame.fragment(frame.payload(bytes)?)?;
        let mut fields = Fields::default();
        let mut block = self.block.map(|block| block.bytes).unwrap_or_default();
        block.extend_from_slice(fragment);
        // A field that is cut is not told.
        let _ = self
            .table
            .read(&block, |name, value| fields.add(name, value));
        Some(fields.into_request())
    }

    /// Bytes that are held for later.
    pub fn held_bytes(&self) -> usize {
        let block = self
            .block
            .as_ref()
            .map_or(0, |block| block.bytes.capacity());
        size_of::<Self>() + self.table.held_bytes() + block
    }

    /// Whether the frame begins a header block, or goes on with the one that was begun.
    fn is_of_block(&self, frame: &Frame) -> bool {
        match &self.block {
            None => frame.kind == HEADERS,
            Some(block) => frame.kind == CONTINUATION && frame.stream == block.stream,
        }
    }

    /// Takes in a piece of a header block: all of `frame` that is of use.
    fn take(&mut self, frame: &Frame, fragment: &[u8]) -> Outcome<Step> {
        let len = FRAME_HEADER_LEN + frame.len;
        if frame.flags & END_HEADERS == 0 {
            let block = self.block.get_or_insert_with(|| Block {
                stream: frame.stream,
                bytes: Vec::new(),
            });
            block.bytes.extend_from_slice(fragment);
            return Outcome::Found(Step { len, request: None });
        }
        let mut fields = Fields::default();
        let add = |name: &[u8], value: &[u8]| fields.add(name, value);
        let is_whole = match self.block.take() {
            None => self.table.read(fragment, add),
            Some(mut block) => {
                block.bytes.extend_from_slice(fragment);
                self.table.read(&block.bytes, add)
            }
        };
        match is_whole {
            Some(()) => Outcome::Found(Step {
                len,
                request: Some(fields.into_request()),
            }),
            None => Outcome::NotMine,
        }
    }
}

/// A frame's header.
///
/// Source: RFC 9113 §4.1.
struct Frame {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let len = usize::from(cursor.u8()?) << 16 | usize::from(cursor.u16()?);
        let (kind, flags) = (cursor.u8()?, cursor.u8()?);
        let stream = u32::from(cursor.u16()?) << 16 | u32::from(cursor.u16()?);
        Some(Self {
            len,
            kind,
            flags,
            // The first bit is reserved.
            stream: stream & !(1 << 31),
        })
    }

    /// What follows the header, as far as it is there.
    fn payload<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.get(FRAME_HEADER_LEN..)?;
        Some(rest.get(..self.len).unwrap_or(rest))
    }

    /// The piece of a header block in `payload`; of a cut payload, what there is of it.
    fn fragment<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let mut cursor = Cursor(payload);
        if self.kind != HEADERS {
            return Some(payload);
        }
        let (mut front, mut padding) = (0, 0);
        if self.flags & PADDED != 0 {
            padding = usize::from(cursor.u8()?);
            front += 1;
        }
        if self.flags & PRIORITY != 0 {
            cursor.take(PRIORITY_LEN)?;
            front += PRIORITY_LEN;
        }
        let len = self.len.checked_sub(front)?.checked_sub(padding)?;
        Some(cursor.0.get(..len).unwrap_or(cursor.0))
    }
}

/// The fields of a block that are of use.
#[derive(Default)]
struct Fields {
    authority: Hosts,
    host: Hosts,
    /// Whether it begins a request: trailers have no method, RFC 9113 §8.1.
    has_method: bool,
}

impl Fields {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b":authority" => self.authority.add(value),
            b"host" => self.host.add(value),
            b":method" => self.has_method = true,
            _ => {}
        }
    }

    fn into_request(self) -> Request {
        let mut hosts = self.authority.into_names();
        if self.has_method {
            for host in self.host.into_names() {
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        Request {
            host_conflict: hosts.len() > 1,
            hosts,
        }
    }
}

#[cfg(test)]
mod tests;
