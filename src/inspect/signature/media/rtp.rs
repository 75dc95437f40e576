//! RTP, and SRTP, which looks like it from outside: the packets of calls and streams.
//!
//! In: a datagram. Out: a guess, for a packet alone says little; its source and its sequence bear it out.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look};
use crate::protocol::Protocol;

/// Bytes of the fixed header, RFC 3550 §5.1.
const HEADER_LEN: usize = 12;
/// Packets of a source in sequence that leave no doubt.
const WANTED: u8 = 4;

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// What the payload is, by a number of seven bits.
    pub(super) payload_type: u8,
    /// Counts packets.
    pub(super) sequence: u16,
    /// The source's identifier.
    pub(super) source: u32,
}

impl Header {
    /// Reads the header of a packet of `origlen` bytes, of which `bytes` were captured; `None` for what is no RTP of version 2.
    ///
    /// Source: RFC 3550 §5.1, §5.3.1; RFC 5761 §4 for the payload types that RTCP would be taken for.
    pub(super) fn read(bytes: &[u8], origlen: usize) -> Option<Self> {
        let [flags, kind, ..] = *bytes else {
            return None;
        };
        let payload_type = kind & 0x7f;
        if flags >> 6 != 2 || matches!(payload_type, 64..=95) {
            return None;
        }
        let mut len = HEADER_LEN + 4 * usize::from(flags & 0xf);
        if flags & 0x10 != 0 {
            // A cut packet may end before its extension does.
            let words = be16(bytes, len + 2).unwrap_or_default();
            len += 4 + 4 * usize::from(words);
        }
        (len <= origlen).then_some(Self {
            payload_type,
            sequence: be16(bytes, 2)?,
            source: be32(bytes, 8)?,
        })
    }

    /// What it says of its flow.
    pub(super) fn likely(&self) -> Likely {
        Likely {
            what: Protocol::Rtp.into(),
            mark: u64::from(self.payload_type) << 32 | u64::from(self.source),
            count: Some(self.sequence),
            wanted: WANTED,
        }
    }
}

/// Guesses at RTP: packets of one source and payload type whose sequence goes up.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let header = Header::read(datagram.bytes, datagram.origlen)?;
    Some(Look::Likely(header.likely()))
}
