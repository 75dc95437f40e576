//! RTP, and SRTP, which looks like it from outside: the packets of calls and streams.
//!
//! In: a datagram, or what a connection begins with. Out: a guess, for a packet alone says little; its source and its
//! sequence bear it out.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of sound in 10 ms as the oldest codecs write it, RFC 3551 §4.5.
const SOUND_LEN: usize = 80;
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

/// Tells RTP over a connection: packets behind their lengths, two of a source in sequence or one of silence in the oldest codecs.
///
/// Source: RFC 4571 §2; RFC 3551 §6.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_heard = [opening.client, opening.server].into_iter().any(is_framed);
    is_heard.then(|| Protocol::Rtp.into())
}

fn is_framed(said: &[u8]) -> bool {
    let Some((first, len, rest)) = framed(said) else {
        return false;
    };
    if let Some((second, ..)) = framed(rest) {
        return second.source == first.source && second.sequence == first.sequence.wrapping_add(1);
    }
    // The next packet is out of sight: the header alone, without sources that contribute and without extension, is too little.
    let sound_len = len.saturating_sub(HEADER_LEN);
    said.get(2) == Some(&0x80)
        && sound_len > said.len()
        && sound_len.is_multiple_of(SOUND_LEN)
        && said
            .get(2 + HEADER_LEN..)
            .is_some_and(|sound| is_silence(first.payload_type, sound))
}

/// Whether sound is silence, with which calls begin, and is much of it: PCMU's and PCMA's two zeros, RFC 3551 §4.5.14.
fn is_silence(payload_type: u8, sound: &[u8]) -> bool {
    let zero = match payload_type {
        0 => 0x7f,
        8 => 0x55,
        _ => return false,
    };
    sound.len() >= SOUND_LEN && sound.iter().all(|byte| byte & 0x7f == zero)
}

/// Header and length of the packet that `said` begins with, and what follows it.
fn framed(said: &[u8]) -> Option<(Header, usize, &[u8])> {
    let len = usize::from(be16(said, 0)?);
    let packet = said.get(2..)?;
    let header = Header::read(packet.get(..len).unwrap_or(packet), len)?;
    Some((header, len, packet.get(len..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};
    use crate::inspect::testing::hex;

    /// PCMU, marked, sequence 0x1b33, a source.
    const PACKET: &str = "80 80 1b33 0003a2f0 5d2c9e14 ffffffff";

    #[test]
    fn a_packet_is_a_guess_by_its_source_and_sequence() {
        let said = look_at(datagram, &hex(PACKET));
        let guess = Header {
            payload_type: 0,
            sequence: 0x1b33,
            source: 0x5d2c_9e14,
        };
        assert_eq!(said, Some(Look::Likely(guess.likely())));
        damage_datagram(datagram, &hex(PACKET), 12);
    }

    #[test]
    fn other_versions_rtcp_and_headers_that_do_not_fit_are_none() {
        for bytes in [
            "40 80 1b33 0003a2f0 5d2c9e14 ffffffff",
            "80 c8 0006 0003a2f0 5d2c9e14 ffffffff",
            "82 80 1b33 0003a2f0 5d2c9e14 ffffffff",
            "90 80 1b33 0003a2f0 5d2c9e14 bede0001",
        ] {
            assert_eq!(look_at(datagram, &hex(bytes)), None, "{bytes}");
        }
    }

    #[test]
    fn a_connection_is_told_by_two_packets_in_sequence() {
        let first = "0010 80601b33 0003a2f0 5d2c9e14 01020304";
        let second = "0010 80601b34 0003a390 5d2c9e14 05060708";
        let said = hex(&format!("{first}{second}"));
        assert_eq!(listen(stream, &said, b""), Some(Protocol::Rtp.into()));
        damage_stream(stream, [&said, &[]], [30, 0]);
        let apart = hex(&format!("{first}{}", second.replace("1b34", "1b39")));
        assert_eq!(listen(stream, &apart, b""), None);
    }

    #[test]
    fn a_connection_is_told_by_one_packet_of_silence_in_an_old_codec() {
        let begun = |head: &str, sound: u8| {
            let said = [&hex(head)[..], &[sound; 200]].concat();
            listen(stream, &said, b"")
        };
        let ours = Some(Protocol::Rtp.into());
        assert_eq!(begun("04bc 80 88 1b33 0003a2f0 00000000", 0xd5), ours);
        assert_eq!(begun("04bc 80 80 1b33 0003a2f0 00000000", 0x7f), ours);
        assert_eq!(begun("04bd 80 88 1b33 0003a2f0 00000000", 0xd5), None);
        // The other codec's silence, zeros; what is told by no more than a header.
        assert_eq!(begun("04bc 80 80 1b33 0003a2f0 00000000", 0xd5), None);
        assert_eq!(begun("04bc 80 80 1b33 0003a2f0 00000000", 0), None);
        assert_eq!(
            listen(stream, &hex("04bc 80 88 1b33 0003a2f0 00000000"), b""),
            None
        );
    }
}
