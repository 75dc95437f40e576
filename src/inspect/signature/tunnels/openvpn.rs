//! OpenVPN's control channel, over UDP and TCP.
//!
//! In: a datagram, or what a connection begins with. Out: OpenVPN beyond doubt where a reset is as long as one is, with a
//! signature or answered; a guess for what else of the control channel repeats its side's session.
//!
//! Data is encrypted and has a header of one byte or of eight; that is not told.

use std::ops::RangeInclusive;

use crate::inspect::openvpn::{
    self, CLIENT_RESET, CLIENT_RESET_V3, CONTROL, Packet, REPLAY_LEN, SERVER_RESET, SIGNATURE_LENS,
};
use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look, OPENING_LEN, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a packet's first byte and of the sender's session.
const SESSION_END: usize = 9;
/// Bytes of the signature where the control channel is encrypted.
const CRYPT_SIGNATURE_LEN: usize = 32;
/// Bytes of a client's own key as it goes along: a tag, 256 bytes of key, what the server wants to know of the client, a length. OpenVPN,
/// `tls-crypt-v2.txt`, and `tls_crypt.h` for the most.
const WRAPPED_KEY_LENS: RangeInclusive<usize> = 32 + 256 + 2..=1024;
/// Packets of a side before its reset is answered; each has a number.
const MAX_RESETS: u32 = 64;
/// Times between 1990 and 2100, seconds.
const TIMES: RangeInclusive<u32> = 0x2590_0000..=0xf490_0000;

/// Tells OpenVPN's control channel by one datagram, or by two of the same session.
///
/// Source: OpenVPN, `doc/doxygen/doc_protocol_overview.h`, `src/openvpn/ssl_pkt.h` and `tls_crypt.h`.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let packet = Packet::read(datagram.bytes)?;
    let likeness = packet.likeness(datagram.origlen)?;
    if likeness == Likeness::Reset {
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
    let (client, len) = framed(opening.client)?;
    if !matches!(client.opcode, CLIENT_RESET | CLIENT_RESET_V3) {
        return None;
    }
    let likeness = client.likeness(len)?;
    let is_ours = match framed(opening.server) {
        Some((server, len)) => server.opcode == SERVER_RESET && server.likeness(len).is_some(),
        None => likeness == Likeness::Reset && opening.server.len() <= SESSION_END,
    };
    is_ours.then(|| Protocol::OpenVpn.into())
}

/// How much a packet looks like what it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// A reset, as long as one is.
    Reset,
    /// Something of the control channel.
    Control,
}

/// The first packet of a side of a connection, and its length: all of it, or all that is kept of what a side says.
fn framed(said: &[u8]) -> Option<(Packet<'_>, usize)> {
    let len = usize::from(be16(said, 0)?);
    let packet = match openvpn::framed(said) {
        Some((packet, _)) => packet,
        None => said.get(2..).filter(|_| said.len() == OPENING_LEN)?,
    };
    Some((Packet::read(packet)?, len))
}

impl Packet<'_> {
    /// * `origlen`: bytes of the packet, some of which may not be there.
    fn likeness(&self, origlen: usize) -> Option<Likeness> {
        let is_whole = SESSION_END + self.rest.len() == origlen;
        let plain = SIGNATURE_LENS
            .into_iter()
            .find_map(|len| self.plain(len, is_whole));
        plain.or_else(|| self.encrypted(origlen))
    }

    /// As it looks where nothing but a signature of `signature_len` bytes, a counter and a time were added.
    fn plain(&self, signature_len: usize, is_whole: bool) -> Option<Likeness> {
        if signature_len > 0 {
            self.replay(signature_len)?;
        }
        let body = self.body(signature_len)?;
        let is_end = body.content.is_empty() && is_whole;
        let acks = body.acks;
        let Some(number) = body.number else {
            return (acks > 0 && is_end).then_some(Likeness::Control);
        };
        match self.opcode {
            // A client's first packet acknowledges nothing, a server's that; both have the number 0, and a key's number that is 0.
            CLIENT_RESET => (acks == 0 && number == 0 && is_end).then_some(if signature_len == 0 {
                Likeness::Control
            } else {
                Likeness::Reset
            }),
            SERVER_RESET => (acks > 0 && number == 0 && is_end).then_some(Likeness::Reset),
            // What follows is TLS, with the head of a record where one begins. Its packets are numbered from 1.
            CONTROL => {
                let is_record = matches!(body.content, [0x14..=0x17, 3, 0..=4, ..]);
                (is_record && (1..=MAX_RESETS).contains(&number)).then_some(Likeness::Control)
            }
            _ => None,
        }
    }

    /// As it looks where all behind counter, time and signature is encrypted.
    fn encrypted(&self, origlen: usize) -> Option<Likeness> {
        self.replay(0)?;
        let sealed = origlen.checked_sub(SESSION_END + REPLAY_LEN + CRYPT_SIGNATURE_LEN)?;
        let is_len = match self.opcode {
            // No acknowledgement and a number; one, the session that it is for, and a number.
            CLIENT_RESET => sealed == 5,
            SERVER_RESET => sealed == 17,
            CLIENT_RESET_V3 => {
                let key = sealed.checked_sub(5)?;
                WRAPPED_KEY_LENS.contains(&key)
            }
            _ => false,
        };
        is_len.then_some(Likeness::Reset)
    }

    /// Checks that a counter that has just begun and a time stand at `at`.
    fn replay(&self, at: usize) -> Option<()> {
        // With the third version of resets the counter begins at 0x0f000000.
        let count = be32(self.rest, at)? & 0xf0ff_ffff;
        let time = be32(self.rest, at + 4)?;
        ((1..=MAX_RESETS).contains(&count) && TIMES.contains(&time)).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, damage_stream, listen, look_at};
    use crate::inspect::testing::hex;

    const SIGNATURE: &str = "24c276d9a1a8c2321879a02264b3ccbc80770011";
    /// Resets of a client and of a server: without anything added, signed with SHA-1, encrypted.
    const PLAIN: [&str; 2] = [
        "38 334857703d96db39 00 00000000",
        "40 d31c3a6964602fa0 01 00000000 334857703d96db39 00000000",
    ];
    const SEALED: [&str; 2] = [
        "38 2a56d979d99eccf4 00000001 63cf4ff5
         b89824b0aa4e93c089c1e24af5443766b5cab18c23c17d51081eb196a229085e ec179d0d88",
        "40 2f64c09039de3623 00000001 63cf4ff5
         3036751e70bae8a84698d78c132edcf685ea93abfb4eda16e29f47208abaeeb8 0102030405060708090a0b0c0d0e0f1011",
    ];

    fn signed() -> [String; 2] {
        [
            format!("38 92b8af4a777fc742 {SIGNATURE} 00000001 577e73b3 00 00000000"),
            format!(
                "40 d916c4860cb1d8cf {SIGNATURE} 00000001 577e737d 01 00000000 92b8af4a777fc742 00000000"
            ),
        ]
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u16).to_be_bytes()[..], packet].concat()
    }

    #[test]
    fn resets_are_told_with_a_signature_encrypted_and_when_a_server_answers() {
        let [client, server] = signed();
        for text in [&client, &server, PLAIN[1], SEALED[0], SEALED[1]] {
            let bytes = hex(text);
            assert_eq!(
                look_at(datagram, &bytes),
                Some(Protocol::OpenVpn.into()),
                "{text}"
            );
            damage_datagram(datagram, &bytes, 14);
        }
    }

    #[test]
    fn what_says_little_is_a_guess_by_its_session() {
        let acknowledgement = "28 334857703d96db39 01 00000000 d31c3a6964602fa0";
        let hello = "20 334857703d96db39 00 00000001 16030101100100010c0303";
        for text in [PLAIN[0], acknowledgement, hello] {
            let Some(Look::Likely(guess)) = look_at(datagram, &hex(text)) else {
                panic!("{text}");
            };
            assert_eq!((guess.mark, guess.wanted), (0x3348_5770_3d96_db39, 2));
            damage_datagram(datagram, &hex(text), 14);
        }
    }

    #[test]
    fn other_datagrams_of_the_same_lengths_are_none() {
        for text in [
            "38 0000000000000000 00 00000000",
            "38 334857703d96db39 00 00000001",
            "40 d31c3a6964602fa0 00 00000000 334857703d96db39 00000000",
            "20 334857703d96db39 00 00000001 0102030405060708",
            // Bidirectional forwarding detection.
            "20 44 05 34 00000001 00000002 000f4240 000f4240 00000000 041c0100 00000005 00112233445566778899",
        ] {
            assert_eq!(look_at(datagram, &hex(text)), None, "{text}");
        }
    }

    #[test]
    fn a_reset_of_the_third_version_brings_a_key() {
        let head = "50 2a56d979d99eccf4 0f000001 63cf4ff5";
        let reset = |len: usize| [hex(head), vec![0xb8; len]].concat();
        let with_key = |len: usize| reset(CRYPT_SIGNATURE_LEN + 5 + len);
        let (least, most) = (*WRAPPED_KEY_LENS.start(), *WRAPPED_KEY_LENS.end());
        let (whole, longest) = (with_key(least), with_key(most));
        let (short, long) = (with_key(least - 1), with_key(most + 1));
        for reset in [&whole, &longest] {
            assert_eq!(look_at(datagram, reset), Some(Protocol::OpenVpn.into()));
        }
        for none in [&short, &long] {
            assert_eq!(look_at(datagram, none), None);
        }
        // A connection's first bytes end before it does, and need not be answered.
        let said = [whole.clone(), longest, short, long].map(|reset| framed(&reset));
        let [said, longest, short, long] = said.each_ref().map(|said| &said[..OPENING_LEN]);
        for said in [said, longest] {
            assert_eq!(listen(stream, said, b""), Some(Protocol::OpenVpn.into()));
            assert_eq!(listen(stream, said, b"HTTP/1.1 400 Bad Request"), None);
        }
        for none in [short, long] {
            assert_eq!(listen(stream, none, b""), None);
        }
        // No first key has another number.
        let later = [&[0x51], &whole[1..]].concat();
        assert_eq!(look_at(datagram, &later), None);
    }

    #[test]
    fn a_connection_is_told_by_its_resets() {
        let ours = Some(Protocol::OpenVpn.into());
        let [client, server] = signed().map(|text| framed(&hex(&text)));
        assert_eq!(listen(stream, &client, b""), ours);
        assert_eq!(listen(stream, &client, &server), ours);
        let [client, server] = PLAIN.map(|text| framed(&hex(text)));
        assert_eq!(listen(stream, &client, b""), None);
        assert_eq!(listen(stream, &client, &server), ours);
        damage_stream(stream, [&client, &server], [16, 28]);
        assert_eq!(listen(stream, &client, b"HTTP/1.1 400 Bad Request"), None);
    }
}
