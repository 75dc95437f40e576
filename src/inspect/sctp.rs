//! SCTP: walks over the chunks of a packet, and takes out what carries users' bytes and where they are counted from.
//!
//! In: a packet's bytes behind the common header. Out: chunks. Knows nothing of their order, and of what users say.

use super::cursor::Cursor;

/// Type and flags of a chunk, and its length. Source: RFC 9260 §3.2.
const CHUNK_HEADER_LEN: usize = 4;
/// Header of a DATA chunk, with its stream, its place there, and its payload protocol. Source: RFC 9260 §3.3.1.
const DATA_HEADER_LEN: usize = 16;
/// Chunks begin at multiples of this.
const ALIGNMENT: usize = 4;

/// Types of chunks, RFC 9260 §3.2.
const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;

/// A chunk that is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// INIT or INIT ACK: the transmission sequence number of its sender's first DATA chunk.
    Init(u32),
    /// DATA.
    Data(Data<'a>),
}

/// A piece of a user's message, or all of it.
///
/// Loses: where messages begin and end, and their places in the stream. The pieces of a message follow each other without a number
/// between them, RFC 9260 §6.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// Transmission sequence number; the next chunk's is one more, modulo 2^32.
    pub tsn: u32,
    /// The stream that the message belongs to.
    pub stream: u16,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// Bytes on the wire.
    pub origlen: u32,
}

/// The chunks of a packet that are of use, up to the first that is malformed, or cut before its user's bytes.
///
/// Source: RFC 9260 §3.
pub fn chunks(payload: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        loop {
            let mut cursor = Cursor(rest);
            let (kind, _flags) = (cursor.u8()?, cursor.u8()?);
            let len = usize::from(cursor.u16()?);
            let value_len = len.checked_sub(CHUNK_HEADER_LEN)?;
            let value = cursor.0.get(..value_len).unwrap_or(cursor.0);
            rest = rest.get(len.next_multiple_of(ALIGNMENT)..).unwrap_or(&[]);
            let chunk = match kind {
                DATA => data(value, len),
                INIT | INIT_ACK => init(value),
                _ => continue,
            };
            return chunk;
        }
    })
}

fn data(value: &[u8], len: usize) -> Option<Chunk<'_>> {
    let mut cursor = Cursor(value);
    let tsn = u32_of(&mut cursor)?;
    let stream = cursor.u16()?;
    // Number there, payload protocol.
    cursor.take(6)?;
    Some(Chunk::Data(Data {
        tsn,
        stream,
        bytes: cursor.0,
        origlen: len.checked_sub(DATA_HEADER_LEN)? as u32,
    }))
}

fn init(value: &[u8]) -> Option<Chunk<'_>> {
    let mut cursor = Cursor(value);
    // Tag, window, numbers of streams both ways.
    cursor.take(12)?;
    u32_of(&mut cursor).map(Chunk::Init)
}

fn u32_of(cursor: &mut Cursor<'_>) -> Option<u32> {
    Some(u32::from(cursor.u16()?) << 16 | u32::from(cursor.u16()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    const PACKET: &str = "
        01 00 0018 11223344 0001a000 000a 0800 89abcdef  000b0005 # INIT, and a parameter inside it
        03 00 0010 00000001 0000ffff 0000 0000           # SACK
        00 03 0013 89abcdef 0000 0000 00000000 474554 00 # DATA, 3 bytes, padded
        00 02 0010 89abcdf0 0001 0000 00000000           # DATA without a byte
        00 01 0014 89abcdf1 0001 0000 00000000 20202020";

    fn read(payload: &[u8]) -> Vec<Chunk<'_>> {
        chunks(payload).collect()
    }

    fn data_of(tsn: u32, stream: u16, bytes: &[u8]) -> Data<'_> {
        Data {
            tsn,
            stream,
            bytes,
            origlen: bytes.len() as u32,
        }
    }

    #[test]
    fn the_chunks_of_a_packet_are_told() {
        assert_eq!(
            read(&hex(PACKET)),
            [
                Chunk::Init(0x89ab_cdef),
                Chunk::Data(data_of(0x89ab_cdef, 0, b"GET")),
                Chunk::Data(data_of(0x89ab_cdf0, 1, b"")),
                Chunk::Data(data_of(0x89ab_cdf1, 1, b"    ")),
            ]
        );
    }

    #[test]
    fn every_cut_tells_what_is_there() {
        let packet = hex(PACKET);
        let whole = read(&packet);
        for cut in 0..packet.len() {
            let told = read(&packet[..cut]);
            assert!(told.len() <= whole.len());
            for (chunk, whole) in told.iter().zip(&whole) {
                match (chunk, whole) {
                    (Chunk::Data(cut), Chunk::Data(whole)) => {
                        assert_eq!((cut.tsn, cut.stream), (whole.tsn, whole.stream));
                        assert_eq!(cut.origlen, whole.origlen);
                        assert!(whole.bytes.starts_with(cut.bytes));
                    }
                    _ => assert_eq!(chunk, whole),
                }
            }
        }
        // 24 of INIT, 16 of SACK, 16 of the header, one byte.
        let cut = Data {
            origlen: 3,
            ..data_of(0x89ab_cdef, 0, b"G")
        };
        assert_eq!(read(&packet[..57])[1], Chunk::Data(cut));
    }

    #[test]
    fn a_length_that_can_not_be_ends_the_walk() {
        for bad in [
            "00 03 0003 00000001",
            "00 03 0000 00000001",
            "00 03 000f 00000001 0000 0000 00000000",
        ] {
            assert_eq!(read(&[hex(bad), hex(PACKET)].concat()), []);
        }
    }

    #[test]
    fn damaged_packets_never_panic() {
        each_mutation(&hex(PACKET), 5000, |packet| {
            for chunk in chunks(packet) {
                if let Chunk::Data(data) = chunk {
                    assert!(data.bytes.len() <= data.origlen as usize);
                }
            }
        });
    }
}
