//! SMB of every version, in frames of the NetBIOS session service or straight over TCP, and in NetBIOS datagrams.
//!
//! In: what a side said first, or a datagram. Out: SMB; NetBIOS where a session was asked for and nothing of SMB came of it.

use crate::inspect::Outcome;
use crate::inspect::netbios;
use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes before a message of a session: its type, its length.
///
/// Source: RFC 1002 §4.3.1, MS-SMB2 §2.1.
const FRAME_LEN: usize = 4;
/// The port of the session service, RFC 1002 §4.3.
const SESSION_PORT: u16 = 139;
/// Bytes that tell SMB, MS-SMB2 §2.2.1.
const MAGIC_LEN: usize = 4;
/// Bytes of the datagram service's header up to the names, RFC 1002 §4.4.2.
const DATAGRAM_HEADER_LEN: usize = 14;
/// Bytes of an encoded name without a scope: its length, 32 letters, the root.
const NAME_LEN: usize = 34;

/// SMB, when a side says its magic in a frame, and NetBIOS around it where a session was made first or the port is its own; else
/// NetBIOS, when a session was asked for and refused.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    // Nearly everything else begins with another byte.
    if ![opening.client, opening.server]
        .iter()
        .any(|side| matches!(side.first(), Some(0 | 0x81..=0x85)))
    {
        return None;
    }
    let (client, server) = (
        behind_session(opening.client),
        behind_session(opening.server),
    );
    if is_framed_smb(client) || is_framed_smb(server) {
        // Straight over TCP the same frames are no session service's.
        let is_in_session = client.len() < opening.client.len()
            || server.len() < opening.server.len()
            || [opening.client_port, opening.server_port].contains(&SESSION_PORT);
        return Some(Recognised {
            outer: is_in_session.then_some(Protocol::Netbios),
            ..Protocol::Smb.into()
        });
    }
    // A session that was granted is SMB's as a rule, which will show.
    let is_over = matches!(opening.server, [0x83, 0, 0, 1, 0x80..=0x8f, ..])
        || client.len() >= FRAME_LEN + MAGIC_LEN;
    (is_session_request(opening.client) && is_over).then_some(Protocol::Netbios.into())
}

/// SMB, when a NetBIOS datagram holds it: mailslots, of which the browser service is made.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    if !matches!(datagram.bytes.first()?, 0x10..=0x12) {
        return None;
    }
    let message = datagram
        .bytes
        .get(DATAGRAM_HEADER_LEN + 2 * NAME_LEN..)
        .filter(|message| message.starts_with(b"\xffSMB"))?;
    let is_whole = matches!(netbios::names(datagram.bytes), Outcome::Found(_));
    (is_whole && is_smb(message, usize::MAX)).then_some(Protocol::Smb.into())
}

/// What a side says behind the making of a session: requests, grants, signs of life.
fn behind_session(side: &[u8]) -> &[u8] {
    let mut rest = side;
    while let [0x81 | 0x82 | 0x85, 0, ..] = rest {
        let len = usize::from(be16(rest, 2).unwrap_or(u16::MAX));
        rest = rest.get(FRAME_LEN + len..).unwrap_or_default();
    }
    rest
}

/// A request for a session: two encoded names, the called and the calling one. RFC 1002 §4.3.2.
fn is_session_request(side: &[u8]) -> bool {
    let (Some([0x81, 0, ..]), Some(len), Some(names)) =
        (side.get(..FRAME_LEN), be16(side, 2), side.get(FRAME_LEN..))
    else {
        return false;
    };
    let is_name = |name: &[u8]| {
        name.split_first().is_some_and(|(&len, letters)| {
            len == 32
                && letters
                    .iter()
                    .take(32)
                    .all(|letter| letter.is_ascii_uppercase())
        })
    };
    usize::from(len) >= 2 * NAME_LEN && names.len() >= 2 * NAME_LEN && is_name(names)
}

fn is_framed_smb(side: &[u8]) -> bool {
    let Some(&[0, high, middle, low]) = side.first_chunk() else {
        return false;
    };
    let len = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    side.get(FRAME_LEN..)
        .is_some_and(|message| is_smb(message, len))
}

/// Whether a message that is `len` bytes long begins as one of SMB's.
///
/// Source: MS-CIFS §2.2.3.1 (SMB 1), MS-SMB2 §2.2.1 (2 and 3), §2.2.41 (encrypted), §2.2.42 (compressed).
fn is_smb(message: &[u8], len: usize) -> bool {
    let header_len = match message.first_chunk() {
        Some(b"\xffSMB") => 32,
        Some(b"\xfeSMB") => 64,
        Some(b"\xfdSMB") => 52,
        Some(b"\xfcSMB") => 16,
        _ => return false,
    };
    len >= header_len
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    /// `message` in a frame.
    fn framed(magic: &[u8; 4], rest: &str, len: u8) -> Vec<u8> {
        let mut bytes = [&[0, 0, 0, len], magic.as_slice(), &hex(rest)].concat();
        bytes.resize(FRAME_LEN + usize::from(len), 0);
        bytes
    }

    /// A request for a session with the file server of `*SMBSERVER`, from `CLIENT`.
    fn session_request() -> Vec<u8> {
        let name = |name: &str| {
            let letters = format!("{name:16}");
            let letters = letters
                .bytes()
                .flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
            [32].into_iter()
                .chain(letters)
                .chain([0])
                .collect::<Vec<u8>>()
        };
        [hex("81 00 0044"), name("*SMBSERVER"), name("CLIENT")].concat()
    }

    #[test]
    fn every_version_is_smb() {
        let negotiate = framed(b"\xffSMB", "72 00000000 18 53c8", 47);
        let answer = framed(b"\xfeSMB", "4000 0000", 64);
        assert_stream(Protocol::Smb, ANY_PORT, &negotiate, &answer);
        assert_stream(Protocol::Smb, ANY_PORT, &[], &answer);
        let encrypted = framed(b"\xfdSMB", "", 120);
        let compressed = framed(b"\xfcSMB", "", 120);
        assert_stream(Protocol::Smb, ANY_PORT, &encrypted, &compressed);
    }

    #[test]
    fn smb_is_found_behind_the_making_of_a_session() {
        let negotiate = framed(b"\xffSMB", "72", 47);
        let client = [session_request(), negotiate.clone()].concat();
        let server = [hex("82 00 0000"), negotiate].concat();
        // The request alone says nothing yet; what follows may be cut anywhere.
        assert_eq!(stream_answers(139, &session_request(), &[]), []);
        assert_eq!(
            stream_answers(139, &session_request(), &hex("82 00 0000")),
            []
        );
        let in_session = Recognised {
            outer: Some(Protocol::Netbios),
            ..Protocol::Smb.into()
        };
        assert_stream(in_session, 139, &client, &server);
        // Another port, for a session was made; the port alone, for its beginning was not captured.
        assert_eq!(stream_answers(ANY_PORT, &client, &server), [in_session]);
        assert_stream(in_session, 139, &framed(b"\xffSMB", "72", 47), &[]);
    }

    #[test]
    fn a_session_that_is_refused_is_netbios() {
        let refused = hex("83 00 0001 82");
        assert_stream(Protocol::Netbios, 139, &session_request(), &refused);
        assert_no_stream(139, &hex("81 00 0044 4141"), &refused);
        let other = [session_request(), b"\0\0\0\x05hello".to_vec()].concat();
        assert_stream(Protocol::Netbios, 139, &other, &hex("82 00 0000"));
    }

    #[test]
    fn smb_in_a_netbios_datagram_is_told() {
        let names = &session_request()[FRAME_LEN..];
        let bytes = [
            hex("11 0a 8001 0a000001 008a 00bb 0000").as_slice(),
            names,
            b"\xffSMB\x25",
            &[0; 40],
        ]
        .concat();
        assert_datagram(Protocol::Smb, 138, &bytes);
    }

    #[test]
    fn a_length_too_short_for_the_header_is_not() {
        assert_no_stream(445, &framed(b"\xffSMB", "72", 31), &[]);
        assert_no_stream(445, &framed(b"\xfeSMB", "4000", 63), &[]);
    }
}
