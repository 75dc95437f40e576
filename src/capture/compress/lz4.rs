//! Undoes LZ4: frames and skippable frames, one after another.
//!
//! lz4_flex undoes the blocks; the frames around them are read here, because its own reader takes a capture that is cut between blocks
//! for a whole one, and a block that holds nothing for the end.
//!
//! Source: the LZ4 Frame Format Description, version 1.6.4.

use std::hash::Hasher;
use std::io::{self, BufRead, Read};

use twox_hash::XxHash32;

/// What a frame begins with.
pub(super) const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

/// Bytes before a block that it may refer to.
const WINDOW_LEN: usize = 64 * 1024;

/// A block's length field: set when its bytes stand as they are.
const STORED: u32 = 1 << 31;

/// Reads what LZ4 frames hold. Gives out a block only when all of it is there.
///
/// Holds a block compressed and undone, 4 MiB each at most, a window, and room for as much as a window before that has to move.
///
/// Errors: [`io::ErrorKind::UnexpectedEof`] inside a frame, [`io::ErrorKind::InvalidData`] for anything that is no frame, or
/// one that needs a dictionary.
pub(super) struct Lz4Reader<R> {
    source: R,
    frame: Option<Frame>,
    compressed: Vec<u8>,
    /// Blocks one after another, until there is no room for one more: then the last of their bytes move to the front. So what a
    /// block costs depends on its length alone.
    undone: Vec<u8>,
    /// Where the bytes begin that the next block may refer to.
    window: usize,
    /// Where the bytes end that were given out, and those that were undone.
    given: usize,
    end: usize,
}

/// A frame that is being read.
struct Frame {
    max_block_len: usize,
    is_linked: bool,
    has_block_checksums: bool,
    /// Bytes that it has yet to hold, where it says so.
    left: Option<u64>,
    checksum: Option<XxHash32>,
}

impl<R: BufRead> Lz4Reader<R> {
    pub(super) const fn new(source: R) -> Self {
        Self {
            source,
            frame: None,
            compressed: Vec::new(),
            undone: Vec::new(),
            window: 0,
            given: 0,
            end: 0,
        }
    }

    pub(super) const fn get_ref(&self) -> &R {
        &self.source
    }

    /// Reads on to the next frame's first block. Whether there is a frame.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            let magic = self.array()?;
            if let Some(frame) = match u32::from_le_bytes(magic) {
                0x184d_2a50..=0x184d_2a5f => {
                    let len = u64::from(u32::from_le_bytes(self.array()?));
                    let skipped = io::copy(&mut (&mut self.source).take(len), &mut io::sink())?;
                    if skipped < len {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    None
                }
                _ if magic == MAGIC => Some(self.descriptor()?),
                _ => return Err(corrupt("no LZ4 frame")),
            } {
                let room = 2 * WINDOW_LEN + frame.max_block_len;
                if self.undone.len() < room {
                    self.undone.resize(room, 0);
                }
                (self.window, self.given, self.end) = (0, 0, 0);
                self.frame = Some(frame);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a frame's descriptor, the magic before it being read.
    fn descriptor(&mut self) -> io::Result<Frame> {
        let [flags, block] = self.array()?;
        let mut hash = XxHash32::with_seed(0);
        hash.write(&[flags, block]);
        if flags & 0b1100_0010 != 0b0100_0000 || block & 0b1000_1111 != 0 {
            return Err(corrupt("reserved bits of an LZ4 frame are set"));
        }
        let max_block_len = match block >> 4 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            _ => return Err(corrupt("unknown LZ4 block size")),
        };
        let mut left = None;
        if flags & 0b1000 != 0 {
            let size: [u8; 8] = self.array()?;
            hash.write(&size);
            left = Some(u64::from_le_bytes(size));
        }
        if flags & 1 != 0 {
            return Err(corrupt("the LZ4 frame needs a dictionary"));
        }
        let [checksum] = self.array()?;
        if checksum != (hash.finish_32() >> 8) as u8 {
            return Err(corrupt("wrong checksum of an LZ4 frame's head"));
        }
        Ok(Frame {
            max_block_len,
            is_linked: flags & 0b10_0000 == 0,
            has_block_checksums: flags & 0b1_0000 != 0,
            left,
            checksum: (flags & 0b100 != 0).then(|| XxHash32::with_seed(0)),
        })
    }

    /// Undoes the frame's next block, or finishes the frame.
    fn next_block(&mut self, mut frame: Frame) -> io::Result<()> {
        let size = u32::from_le_bytes(self.array()?);
        if size == 0 {
            return self.end_of(&frame);
        }
        let len = (size & !STORED) as usize;
        if len > frame.max_block_len {
            return Err(corrupt("an LZ4 block is longer than its frame allows"));
        }
        self.compressed.resize(len, 0);
        self.source.read_exact(&mut self.compressed)?;
        if frame.has_block_checksums {
            let expected = u32::from_le_bytes(self.array()?);
            if XxHash32::oneshot(0, &self.compressed) != expected {
                return Err(corrupt("wrong checksum of an LZ4 block"));
            }
        }
        self.make_room(&frame);
        let block = self.undo(size & STORED != 0, frame.max_block_len)?;
        self.end += block;
        let made = (self.undone.get(self.given..self.end)).unwrap_or_default();
        if let Some(checksum) = &mut frame.checksum {
            checksum.write(made);
        }
        if let Some(left) = &mut frame.left {
            let short = || corrupt("an LZ4 frame holds more than it says");
            *left = left.checked_sub(made.len() as u64).ok_or_else(short)?;
        }
        self.frame = Some(frame);
        Ok(())
    }

    /// Makes room for one more block of the frame behind those before; all of them were given out.
    fn make_room(&mut self, frame: &Frame) {
        let history = if frame.is_linked { WINDOW_LEN } else { 0 };
        self.window = self.window.max(self.end.saturating_sub(history));
        if self.end + frame.max_block_len > self.undone.len() {
            self.undone.copy_within(self.window..self.end, 0);
            self.end -= self.window;
            (self.window, self.given) = (0, self.end);
        }
    }

    /// Undoes the compressed block, and says how long it has become.
    fn undo(&mut self, is_stored: bool, max_len: usize) -> io::Result<usize> {
        let (before, block) = self
            .undone
            .split_at_mut_checked(self.end)
            .unwrap_or_default();
        let len = block.len().min(max_len);
        let block = block.get_mut(..len).unwrap_or_default();
        if is_stored {
            let len = self.compressed.len();
            let room = block.get_mut(..len);
            let room = room.ok_or_else(|| corrupt("an LZ4 block is too long"))?;
            room.copy_from_slice(&self.compressed);
            return Ok(len);
        }
        let history = before.get(self.window..).unwrap_or_default();
        lz4_flex::block::decompress_into_with_dict(&self.compressed, block, history)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// What stands after a frame's last block.
    fn end_of(&mut self, frame: &Frame) -> io::Result<()> {
        if let Some(checksum) = &frame.checksum {
            let expected = u32::from_le_bytes(self.array()?);
            if checksum.finish_32() != expected {
                return Err(corrupt("wrong checksum of an LZ4 frame"));
            }
        }
        match frame.left {
            None | Some(0) => Ok(()),
            Some(_) => Err(corrupt("an LZ4 frame holds less than it says")),
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: BufRead> Read for Lz4Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.undone.get(self.given..self.end);
            let ready = ready.unwrap_or_default();
            if !ready.is_empty() || buffer.is_empty() {
                let len = ready.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..len), ready.get(..len)) {
                    to.copy_from_slice(from);
                }
                self.given += len;
                return Ok(len);
            }
            match self.frame.take() {
                Some(frame) => self.next_block(frame)?,
                None if self.next_frame()? => {}
                None => return Ok(0),
            }
        }
    }
}

fn corrupt(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
