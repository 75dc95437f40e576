//! SSH: the identification that both sides begin with, or the names of key exchanges that follow it.

use super::super::{Opening, Recognised};
use crate::inspect::cursor::Cursor;
use crate::inspect::signature::numbers::be32;
use crate::protocol::Protocol;

/// Number of the message that begins a key exchange, RFC 4253 §12.
const KEXINIT: u8 = 20;
/// Bytes of the random cookie in it, RFC 4253 §7.1.
const COOKIE_LEN: usize = 16;
/// What names of key exchanges begin with. Source: IANA, Secure Shell Protocol Parameters, Key Exchange Method Names.
const EXCHANGES: [&[u8]; 7] = [
    b"curve25519-",
    b"curve448-",
    b"diffie-hellman-",
    b"ecdh-sha2-",
    b"mlkem",
    b"sntrup",
    b"ext-info-",
];

/// Whether a side introduced itself as RFC 4253 §4.2 wants it (a server may say other lines before), or, where that was not captured,
/// whether it begins a key exchange (§7.1).
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_ssh = [opening.client, opening.server]
        .into_iter()
        .any(|side| is_identification(side) || is_key_exchange(side))
        || says_so_behind_a_notice(opening.server);
    is_ssh.then(|| Protocol::Ssh.into())
}

fn is_identification(bytes: &[u8]) -> bool {
    let Some([major @ (b'1' | b'2'), b'.', minor, b'-' | b'0'..=b'9']) = bytes
        .strip_prefix(b"SSH-")
        .and_then(|version| version.first_chunk())
    else {
        return false;
    };
    minor.is_ascii_digit() && (*major == b'1' || *minor == b'0')
}

/// Lines before the identification, which must not begin like it.
fn says_so_behind_a_notice(server: &[u8]) -> bool {
    let mut lines = memchr::memchr_iter(b'\n', server).filter_map(|at| server.get(at + 1..));
    lines
        .find(|line| line.starts_with(b"SSH-"))
        .is_some_and(is_identification)
}

fn is_key_exchange(bytes: &[u8]) -> bool {
    let first_method = || {
        let mut cursor = Cursor(bytes.get(4..)?);
        let padding = cursor.u8()?;
        if cursor.u8()? != KEXINIT {
            return None;
        }
        let len = be32(bytes, 0)?;
        if padding < 4 || u32::from(padding) >= len {
            return None;
        }
        cursor.take(COOKIE_LEN)?;
        let _names_len = (cursor.u16()?, cursor.u16()?);
        Some(cursor.0)
    };
    first_method().is_some_and(|name| EXCHANGES.iter().any(|known| name.starts_with(known)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{speaks, spoken};
    use super::*;
    use crate::inspect::testing::hex;

    #[test]
    fn either_side_introduces_itself() {
        for line in [
            "SSH-2.0-OpenSSH_9.7\r\n",
            "SSH-1.99-Cisco-1.25\n",
            "SSH-1.5-x",
            "SSH-2.0-",
        ] {
            assert!(speaks(Protocol::Ssh, line.as_bytes(), b""), "{line}");
            assert!(speaks(Protocol::Ssh, b"", line.as_bytes()), "{line}");
        }
        assert!(speaks(Protocol::Ssh, b"", b"Go away.\r\nSSH-2.0-x\r\n"));
        for other in [
            "SSH-",
            "SSH-3.0-x",
            "SSH-2.1-x",
            "SSH-2.0 x",
            "SSH",
            "xSSH-2.0-x",
        ] {
            assert_eq!(spoken(other.as_bytes(), b""), None, "{other}");
        }
    }

    #[test]
    fn a_key_exchange_gives_it_away_where_the_capture_began_late() {
        let mut bytes = hex("0000 0304 06 14 00112233445566778899aabbccddeeff 000000e6");
        bytes.extend(b"curve25519-sha256,");
        assert!(speaks(Protocol::Ssh, &bytes, b""));
        bytes[5] = 21;
        assert_eq!(spoken(&bytes, b""), None);
    }
}
