//! Packets of OpenVPN's control channel, which carries TLS in numbered pieces: signed or not, but not encrypted.
//!
//! In: one packet, without the length that it stands behind over TCP. Out: whose it is, which piece, and the piece. Knows nothing of
//! what came before, and of the data channel, which is encrypted.
//!
//! Source: OpenVPN, `doc/doxygen/doc_protocol_overview.h`, `src/openvpn/ssl_pkt.h`.

use super::cursor::Cursor;

/// What the upper five bits of the first byte say, the lower three being a key's number.
pub const CONTROL: u8 = 4;
pub(super) const ACK: u8 = 5;
pub(super) const CLIENT_RESET: u8 = 7;
pub(super) const SERVER_RESET: u8 = 8;
pub(super) const CLIENT_RESET_V3: u8 = 10;
/// Data, without and with a peer's number.
const DATA: [u8; 2] = [6, 9];

/// Bytes of the signatures in use: none, MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
pub(super) const SIGNATURE_LENS: [usize; 7] = [0, 16, 20, 28, 32, 48, 64];
/// Bytes of a counter and a time, which go with a signature.
pub(super) const REPLAY_LEN: usize = 8;
/// Acknowledgements that one packet holds at most.
const MAX_ACKS: u8 = 8;

/// A packet of the control channel, as far as it looks the same however it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Its kind, such as [`CONTROL`].
    pub opcode: u8,
    /// Number of the key that is negotiated, 0 to 7: the first of a session is 0.
    pub key: u8,
    /// Number of the sender's session, which is not 0.
    pub session: u64,
    /// What follows.
    pub(super) rest: &'a [u8],
}

/// What stands in a packet behind its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    /// How many packets it acknowledges.
    pub acks: u8,
    /// Which packet of its sender it is: a reset is 0, pieces of TLS count from 1. `None` in a mere acknowledgement.
    pub number: Option<u32>,
    /// What it carries: a piece of TLS.
    pub content: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The packet in `bytes`, if it is of a kind that is read.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (opcode, key) = (first >> 3, first & 7);
        let is_read = match opcode {
            CONTROL | ACK => true,
            CLIENT_RESET | SERVER_RESET | CLIENT_RESET_V3 => key == 0,
            _ => false,
        };
        let session = u64::from_be_bytes(*session);
        (is_read && session != 0).then_some(Self {
            opcode,
            key,
            session,
            rest,
        })
    }

    /// What stands behind a signature of so many bytes, and the counter and the time that go with one.
    pub fn body(&self, signature_len: usize) -> Option<Body<'a>> {
        let mut rest = Cursor(self.rest);
        if signature_len > 0 {
            rest.take(signature_len + REPLAY_LEN)?;
        }
        let acks = rest.u8().filter(|acks| *acks <= MAX_ACKS)?;
        rest.take(4 * usize::from(acks))?;
        if acks > 0 {
            // The session that they are for.
            rest.take(8)
                .filter(|session| session.iter().any(|&byte| byte != 0))?;
        }
        let mut number = None;
        if self.opcode != ACK {
            let (bytes, after) = rest.0.split_first_chunk()?;
            number = Some(u32::from_be_bytes(*bytes));
            rest.0 = after;
        }
        Some(Body {
            acks,
            number,
            content: rest.0,
        })
    }

    /// How many bytes of signature the packets of a channel have, where this one leaves no doubt: a reset, which ends behind its
    /// number, or the first piece of TLS, which is a hello.
    ///
    /// * `is_whole`: whether the capture has all of it.
    pub fn signature_len(&self, is_whole: bool) -> Option<usize> {
        // The longest first: a byte of a signature may count acknowledgements that reach to where they really end.
        SIGNATURE_LENS.into_iter().rev().find(|&len| {
            let Some(body) = self.body(len) else {
                return false;
            };
            let is_reset = |has_acks| {
                (body.acks > 0) == has_acks && body.number == Some(0) && body.content.is_empty()
            };
            match self.opcode {
                CLIENT_RESET => is_whole && is_reset(false),
                SERVER_RESET => is_whole && is_reset(true),
                CONTROL => body.number == Some(1) && is_hello(body.content),
                _ => false,
            }
        })
    }
}

/// Whether TLS begins with `content`: a record of version 3, in it a ClientHello or a ServerHello of less than 64 KiB.
pub fn is_hello(content: &[u8]) -> bool {
    matches!(content, [22, 3, 0..=4, _, _, 1 | 2, 0, ..])
}

/// A packet at the front of what a side of a connection says, where each stands behind its length; and how many bytes it takes.
pub fn framed(said: &[u8]) -> Option<(&[u8], usize)> {
    let mut rest = Cursor(said);
    let len = usize::from(rest.u16()?);
    Some((rest.take(len)?, 2 + len))
}

/// Whether a packet is of the data channel.
pub fn is_data(packet: &[u8]) -> bool {
    packet
        .first()
        .is_some_and(|first| DATA.contains(&(first >> 3)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    const SIGNATURE: &str = "24c276d9a1a8c2321879a02264b3ccbc80770011";
    const RESET: &str = "38 334857703d96db39 00 00000000";
    const ANSWER: &str = "40 d31c3a6964602fa0 01 00000000 334857703d96db39 00000000";
    const ACKNOWLEDGEMENT: &str = "28 334857703d96db39 01 00000000 d31c3a6964602fa0";
    const HELLO: &str = "20 334857703d96db39 00 00000001 16030101100100010c0303";
    const SECOND: &str = "21 334857703d96db39 00 00000002 0102";

    fn signed(text: &str) -> Vec<u8> {
        let (front, back) = text.split_at("38 334857703d96db39".len());
        hex(&format!("{front} {SIGNATURE} 00000001 577e73b3 {back}"))
    }

    #[test]
    fn packets_are_read_signed_or_not() {
        for (text, len, acks, number, content_len) in [
            (RESET, Some(0), 0, Some(0), 0),
            (ANSWER, Some(0), 1, Some(0), 0),
            (ACKNOWLEDGEMENT, None, 1, None, 0),
            (HELLO, Some(0), 0, Some(1), 11),
            (SECOND, None, 0, Some(2), 2),
        ] {
            for (bytes, signature_len) in [(hex(text), 0), (signed(text), 20)] {
                let packet = Packet::read(&bytes).unwrap();
                let told = packet.signature_len(true);
                assert_eq!(told, len.map(|_| signature_len), "{text}");
                let body = packet.body(signature_len).unwrap();
                assert_eq!(
                    (body.acks, body.number, body.content.len()),
                    (acks, number, content_len)
                );
            }
        }
        assert_eq!(Packet::read(&hex(SECOND)).unwrap().key, 1);
    }

    #[test]
    fn a_signature_is_not_taken_for_acknowledgements() {
        // Eight of them, and a session, end where the one does that stands behind the signature.
        let signature = SIGNATURE.replacen("24", "08", 1);
        for (front, back) in [
            ("40 d31c3a6964602fa0", "00000000"),
            ("20 d31c3a6964602fa0", "00000001 16030101100200010c0303"),
        ] {
            let acknowledgement = "01 00000000 334857703d96db39";
            let text = format!("{front} {signature} 00000001 577e73b3 {acknowledgement} {back}");
            let bytes = hex(&text);
            let packet = Packet::read(&bytes).unwrap();
            assert_eq!(packet.body(0).unwrap().acks, 8);
            assert_eq!(packet.signature_len(true), Some(20), "{text}");
        }
    }

    #[test]
    fn what_is_cut_tells_nothing_and_damage_is_harmless() {
        for text in [RESET, ANSWER] {
            let bytes = hex(text);
            for cut in 0..bytes.len() {
                let packet = Packet::read(&bytes[..cut]);
                assert_eq!(packet.and_then(|packet| packet.signature_len(false)), None);
                assert_eq!(packet.and_then(|packet| packet.signature_len(true)), None);
            }
        }
        for bytes in [hex(ANSWER), hex(HELLO), signed(HELLO)] {
            each_mutation(&bytes, 2000, |damaged| {
                if let Some(packet) = Packet::read(damaged) {
                    packet.signature_len(true);
                }
                framed(damaged);
            });
        }
    }

    #[test]
    fn other_packets_are_none() {
        for text in [
            "",
            "38",
            "38 0000000000000000 00 00000000",
            "39 334857703d96db39 00 00000000",
            "30 334857703d96db39 00 00000000",
        ] {
            assert!(Packet::read(&hex(text)).is_none(), "{text}");
        }
        assert!(is_data(&[0x30]) && is_data(&[0x48]) && !is_data(&[0x20]) && !is_data(&[]));
    }

    #[test]
    fn a_packet_of_a_connection_stands_behind_its_length() {
        let said = hex("0003 010203 04");
        assert_eq!(framed(&said), Some((&[1, 2, 3][..], 5)));
        assert_eq!(framed(&said[..4]), None);
        assert_eq!(framed(&[0]), None);
    }
}
