//! Remote procedure calls of Sun, over TCP and UDP, and the Network File System among them.
//!
//! In: what a side said first, or a datagram. Out: NFS where the call's program is one of its family, else RPC. Knows nothing of
//! what is called; calls tell the program, replies do not.

use crate::inspect::signature::numbers::be32;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Set in a fragment's length when it is the last one of its message, RFC 5531 §11.
const LAST_FRAGMENT: u32 = 1 << 31;
/// Bytes of the shortest call and reply, both with empty credentials.
const CALL_LEN: usize = 40;
const REPLY_LEN: usize = 24;
/// The longest credentials and verifiers, RFC 5531 §8.2.
const MAX_AUTHENTICATION_LEN: u32 = 400;
/// The port of NFS, and of the port mapper that tells where the others are.
const NFS_PORT: u16 = 2049;
const PORT_MAPPER_PORT: u16 = 111;

/// NFS or RPC, when the client begins with a call, or the server with a reply.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    if let Some((_, message)) = fragment(opening.client) {
        return call(message).map(Recognised::from);
    }
    let (len, message) = fragment(opening.server)?;
    let is_told = is_reply(message) && len.is_multiple_of(4);
    is_told.then(|| replier(opening.server_port).unwrap_or(Protocol::Rpc).into())
}

/// NFS or RPC, when the datagram is a call, or a reply from a port that tells whose.
///
/// * A reply from another port says nothing: its call has told what there is to tell.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    // Everything is written in units of four bytes, RFC 4506 §3.
    if !datagram.origlen.is_multiple_of(4) {
        return None;
    }
    let told = call(datagram.bytes)
        .or_else(|| replier(datagram.src_port).filter(|_| is_reply(datagram.bytes)));
    told.map(Look::from)
}

/// Who replies from this port, where that is known.
fn replier(port: u16) -> Option<Protocol> {
    match port {
        NFS_PORT => Some(Protocol::Nfs),
        PORT_MAPPER_PORT => Some(Protocol::Rpc),
        _ => None,
    }
}

/// The length and the bytes of a message's first fragment.
fn fragment(side: &[u8]) -> Option<(usize, &[u8])> {
    let mark = be32(side, 0)?;
    let len = (mark & !LAST_FRAGMENT) as usize;
    let is_sane = len >= REPLY_LEN && (mark & LAST_FRAGMENT != 0 || len >= 1024);
    // 16 MiB: past any message that real servers take.
    (is_sane && len <= 1 << 24).then_some((len, side.get(4..)?))
}

/// Whose call this is; `None` when it is none.
///
/// Source: RFC 5531 §9; programs: the IANA's registry of RPC program numbers.
fn call(message: &[u8]) -> Option<Protocol> {
    // A call, of version 2.
    if be32(message, 4)? != 0 || be32(message, 8)? != 2 || message.len() < CALL_LEN {
        return None;
    }
    let (program, version, procedure) =
        (be32(message, 12)?, be32(message, 16)?, be32(message, 20)?);
    let (flavour, len) = (be32(message, 24)?, be32(message, 28)?);
    let is_program = match program {
        // Registered, by Sun and since.
        100_000..0x2000_0000 => version <= 0xffff,
        // A user's own, or made up for a while: less is known of them, so their versions have to be as real ones are.
        0x2000_0000..0x6000_0000 => (1..=0xff).contains(&version),
        _ => false,
    };
    let is_call = is_program && procedure <= 0xffff && is_authentication(flavour, len);
    if !is_call {
        return None;
    }
    Some(match program {
        // NFS itself, its mounts, locks and access lists.
        100_003 | 100_005 | 100_021 | 100_227 => Protocol::Nfs,
        _ => Protocol::Rpc,
    })
}

/// Source: RFC 5531 §9.
fn is_reply(message: &[u8]) -> bool {
    let field = |at| be32(message, at);
    if field(4) != Some(1) {
        return false;
    }
    match (field(8), field(12), field(16)) {
        // Accepted: a verifier, then what came of it.
        (Some(0), Some(flavour), Some(len)) => {
            let at = (len as usize).saturating_add(20);
            is_authentication(flavour, len)
                && message.len() >= REPLY_LEN
                && field(at).is_none_or(|state| state <= 5)
        }
        // Denied: versions that do not meet, or who is refused, and why.
        (Some(1), Some(0), Some(low)) => field(20).is_some_and(|high| low <= high && high <= 16),
        _ => false,
    }
}

/// Whether credentials or a verifier may be of this flavour and length.
///
/// Source: the IANA's registry of RPC authentication numbers; pseudo-flavours do not stand in messages.
fn is_authentication(flavour: u32, len: u32) -> bool {
    match flavour {
        0 => len == 0,
        // System, short, Diffie-Hellman, GSS, TLS.
        1..=3 | 6 | 7 => len <= MAX_AUTHENTICATION_LEN,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// A call of procedure 0 without credentials.
    fn call_of(program: u32) -> Vec<u8> {
        let mut bytes = hex("3841aadf 00000000 00000002");
        bytes.extend(program.to_be_bytes());
        bytes.extend(hex(
            "00000002 00000000  00000000 00000000  00000000 00000000",
        ));
        bytes
    }
    const REPLY: &str = "3841aadf 00000001 00000000  00000000 00000000 00000000";

    fn framed(message: &[u8]) -> Vec<u8> {
        let mark = LAST_FRAGMENT | message.len() as u32;
        [mark.to_be_bytes().as_slice(), message].concat()
    }

    #[test]
    fn calls_tell_their_program() {
        assert_datagram(Protocol::Rpc, ANY_PORT, &call_of(100_000));
        assert_datagram(Protocol::Nfs, ANY_PORT, &call_of(100_003));
        let (call, reply) = (framed(&call_of(100_005)), framed(&hex(REPLY)));
        assert_eq!(
            stream_answers(ANY_PORT, &call, &reply),
            [Protocol::Nfs.into()]
        );
        assert_stream(Protocol::Rpc, ANY_PORT, &framed(&call_of(100_000)), &reply);
    }

    #[test]
    fn replies_are_told_by_the_port_that_they_come_from() {
        let answer = |src_port| {
            let bytes = hex(REPLY);
            of_datagram(&Datagram {
                bytes: &bytes,
                origlen: bytes.len(),
                src_port,
                dst_port: ANY_PORT,
            })
        };
        assert_eq!(answer(PORT_MAPPER_PORT), Some(Protocol::Rpc.into()));
        assert_eq!(answer(NFS_PORT), Some(Protocol::Nfs.into()));
        assert_eq!(answer(700), None);
        assert_stream(Protocol::Rpc, ANY_PORT, &[], &framed(&hex(REPLY)));
    }

    #[test]
    fn denied_replies_are_rpc() {
        let mismatch = framed(&hex(
            "00000007 00000001 00000001  00000000 00000002 00000002",
        ));
        assert_stream(Protocol::Rpc, ANY_PORT, &[], &mismatch);
    }

    #[test]
    fn what_no_call_says_is_none() {
        for (at, byte) in [(7, 2), (11, 3), (12, 0x70), (27, 9), (31, 4)] {
            let mut bytes = call_of(100_003);
            bytes[at] = byte;
            assert_eq!(datagram_answers(ANY_PORT, &bytes), [], "{at}");
        }
        let mut odd = call_of(100_003);
        odd.push(0);
        assert_eq!(datagram_answers(ANY_PORT, &odd), []);
    }
}
