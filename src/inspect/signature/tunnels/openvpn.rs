//! OpenVPN's control channel, over UDP and TCP.
//!
//! In: a datagram, or what a connection begins with. Out: OpenVPN beyond doubt where a reset is whole, with or without a
//! signature; a guess for what else of the control channel repeats its side's session.
//!
//! Data is encrypted and has a header of one byte or of eight; that is not told.

use crate::inspect::signature::numbers::{be16, be32, be64};
use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// What the upper five bits of the first byte say, the lower three being a key's number.
const CONTROL: u8 = 4;
const ACK: u8 = 5;
const CLIENT_RESET: u8 = 7;
const SERVER_RESET: u8 = 8;
const CLIENT_RESET_V3: u8 = 10;

/// Bytes of that byte and of the sender's session.
const SESSION_END: usize = 9;
/// Bytes of a counter and a time, which go with a signature.
const REPLAY_LEN: usize = 8;
/// Bytes of the signatures in use: none, MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const SIGNATURE_LENS: [usize; 7] = [0, 16, 20, 28, 32, 48, 64];
/// Bytes of the signature where the control channel is encrypted.
const CRYPT_SIGNATURE_LEN: usize = 32;
/// Acknowledgements that one packet holds at most.
const MAX_ACKS: u8 = 8;
/// Packets of a side before its reset is answered; each has a number.
const MAX_RESETS: u32 = 64;
/// Times between 1990 and 2100, seconds.
const TIMES: std::ops::RangeInclusive<u32> = 0x2590_0000..=0xf490_0000;

/// Tells OpenVPN's control channel by one datagram, or by two of the same session.
///
/// Source: OpenVPN, `doc/doxygen/doc_protocol_overview.h`, `src/openvpn/ssl_pkt.h` and `tls_crypt.h`.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let packet = Packet::read(datagram.bytes)?;
    let is_whole = datagram.bytes.len() == datagram.origlen;
    let shape = packet.shape(is_whole)?;
    if shape == Shape::Reset {
        return Some(Protocol::OpenVpn.into());
    }
    Some(Look::Likely(Likely {
        what: Protocol::OpenVpn.into(),
        mark: packet.session,
        count: None,
        wanted: 2,
    }))
}

/// Tells OpenVPN by the reset that a connection begins with, and what it is answered; each packet stands behind its length.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    let client = framed(opening.client)?;
    if !matches!(client.opcode, CLIENT_RESET | CLIENT_RESET_V3) {
        return None;
    }
    let shape = client.shape(true)?;
    let is_ours = match framed(opening.server) {
        Some(server) => server.opcode == SERVER_RESET && server.shape(true).is_some(),
        None => shape == Shape::Reset && opening.server.len() <= SESSION_END,
    };
    is_ours.then(|| Protocol::OpenVpn.into())
}

/// How much a packet looks like what it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A reset to its last byte.
    Reset,
    /// Something of the control channel.
    Control,
}

/// A packet of the control channel.
#[derive(Debug, Clone, Copy)]
struct Packet<'a> {
    opcode: u8,
    session: u64,
    /// What follows.
    rest: &'a [u8],
}

/// The first packet of a side of a connection.
fn framed(said: &[u8]) -> Option<Packet<'_>> {
    let len = usize::from(be16(said, 0)?);
    Packet::read(said.get(2..)?.get(..len)?)
}

impl<'a> Packet<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let opcode = bytes.first()? >> 3;
        let session = be64(bytes, 1).filter(|session| *session != 0)?;
        let is_control = matches!(
            opcode,
            CONTROL | ACK | CLIENT_RESET | SERVER_RESET | CLIENT_RESET_V3
        );
        is_control.then_some(Self {
            opcode,
            session,
            rest: bytes.get(SESSION_END..)?,
        })
    }

    /// * `is_whole`: whether `rest` ends where the packet does.
    fn shape(&self, is_whole: bool) -> Option<Shape> {
        let plain = SIGNATURE_LENS
            .into_iter()
            .find_map(|len| self.plain(len, is_whole));
        plain.or_else(|| self.encrypted())
    }

    /// As it looks where nothing but a signature of `signature_len` bytes, a counter and a time were added.
    fn plain(&self, signature_len: usize, is_whole: bool) -> Option<Shape> {
        let mut at = 0;
        if signature_len > 0 {
            at = signature_len + REPLAY_LEN;
            self.replay(signature_len)?;
        }
        let acks = *self.rest.get(at)?;
        at += 1 + 4 * usize::from(acks);
        if acks > MAX_ACKS {
            return None;
        }
        if acks > 0 {
            // The session that they are for.
            be64(self.rest, at).filter(|session| *session != 0)?;
            at += 8;
        }
        if self.opcode == ACK {
            return (acks > 0 && at == self.rest.len() && is_whole).then_some(Shape::Control);
        }
        let number = be32(self.rest, at)?;
        at += 4;
        let is_end = at == self.rest.len() && is_whole;
        match self.opcode {
            // A client's first packet acknowledges nothing, a server's that; both have the number 0, and a key's number that is 0.
            CLIENT_RESET => (acks == 0 && number == 0 && is_end).then_some(if signature_len == 0 {
                Shape::Control
            } else {
                Shape::Reset
            }),
            SERVER_RESET => (acks > 0 && number == 0 && is_end).then_some(Shape::Reset),
            // What follows is TLS. Its packets are numbered from 1.
            CONTROL => ((1..=MAX_RESETS).contains(&number) && !is_end).then_some(Shape::Control),
            _ => None,
        }
    }

    /// As it looks where all behind counter, time and signature is encrypted.
    fn encrypted(&self) -> Option<Shape> {
        self.replay(0)?;
        let sealed = self
            .rest
            .len()
            .checked_sub(REPLAY_LEN + CRYPT_SIGNATURE_LEN)?;
        let is_len = match self.opcode {
            // No acknowledgement and a number; one, the session that it is for, and a number.
            CLIENT_RESET => sealed == 5,
            SERVER_RESET => sealed >= 17,
            _ => sealed > 5,
        };
        is_len.then_some(Shape::Control)
    }

    /// Checks that a counter that has just begun and a time stand at `at`.
    fn replay(&self, at: usize) -> Option<()> {
        // With the third version of resets the counter begins at 0x0f000000.
        let count = be32(self.rest, at)? & 0xf0ff_ffff;
        let time = be32(self.rest, at + 4)?;
        ((1..=MAX_RESETS).contains(&count) && TIMES.contains(&time)).then_some(())
    }
}
