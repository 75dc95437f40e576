//! RTMP: a version, a time, and four bytes that are zero or tell whose program it is.

use super::super::{OPENING_LEN, Opening, Recognised};
use crate::protocol::Protocol;

/// The versions that are in use: plain and encrypted. Source: Adobe's Real Time Messaging Protocol Specification 1.0, §5.2.2; librtmp.
const VERSIONS: [u8; 2] = [3, 6];

/// First numbers of the versions of players and servers that put theirs into the handshake, as librtmp's handshake.h knows it.
const FLASH_VERSIONS: std::ops::RangeInclusive<u8> = 1..=64;
/// Bytes of the version, the time and what follows it.
const HEAD_LEN: usize = 9;
/// How often a byte may stand in what should be random.
const MAX_REPEATS: usize = 16;
/// What stands there when a player marks its version otherwise.
const MARKED_VERSION: u8 = 0x80;

/// Whether a client begins with version, time, four zeros and bytes that are random (§5.2.2, §5.2.3; if the server answers, they need not
/// be), or where Flash's own versions stand in
/// the zeros' place, whether both sides begin like that.
///
/// Each side goes on for more than 1,536 bytes, so that both fill what is kept of them.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let (client, server) = (opening.client, opening.server);
    let is_rtmp = match Hello::read(client)? {
        // Files hold versions with zeros behind them, too; but what follows here is random.
        Hello::Plain if server.is_empty() => client.len() == OPENING_LEN && is_random(client),
        Hello::Plain => server.first() == client.first(),
        Hello::Flash => {
            client.len() == OPENING_LEN
                && server.len() == OPENING_LEN
                && Hello::read(server).is_some()
        }
    };
    is_rtmp.then(|| Protocol::Rtmp.into())
}

/// Whether no byte is there suspiciously often: of [`OPENING_LEN`] random ones each is there about once.
fn is_random(bytes: &[u8]) -> bool {
    let mut counts = [0_usize; 256];
    for &byte in bytes.iter().skip(HEAD_LEN) {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    counts.iter().all(|&count| count <= MAX_REPEATS)
}

/// How a side begins.
enum Hello {
    /// With zeros behind the time.
    Plain,
    /// With a program's version there, which Flash's handshake with digests has.
    Flash,
}

impl Hello {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (head, random) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let [version, _, _, _, _, program @ ..] = *head;
        if !VERSIONS.contains(&version) {
            return None;
        }
        match program {
            // Nothing but zeros is no hello, and neither is a length with zeros behind it.
            [0, 0, 0, 0] => random
                .iter()
                .take(16)
                .any(|&byte| byte != 0)
                .then_some(Self::Plain),
            // Programs count their versions from one; TPKT begins alike, but X.224's codes stand here.
            [MARKED_VERSION, ..] => Some(Self::Flash),
            [major, ..] if FLASH_VERSIONS.contains(&major) => Some(Self::Flash),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{speaks, spoken};
    use super::*;
    use crate::inspect::testing::hex;

    fn hello(head: &str) -> Vec<u8> {
        let mut bytes = hex(head);
        bytes.extend((0..(OPENING_LEN - HEAD_LEN) as u32).map(|n| (n * 167 + 13) as u8));
        bytes
    }

    #[test]
    fn a_time_and_zeros_say_it() {
        assert!(speaks(Protocol::Rtmp, &hello("03 00a4b2c3 00000000"), b""));
        assert!(speaks(
            Protocol::Rtmp,
            &hello("03 00a4b2c3 00000000"),
            &hello("03 00000001 00000000")
        ));
        assert_eq!(spoken(&[&[3][..], &[0; 255]].concat(), b""), None);
        assert_eq!(spoken(&hello("03 00a4b2c3 00000000")[..200], b""), None);
        let table = hex("06000000 09000000 00000000").repeat(22);
        assert_eq!(spoken(&table[..OPENING_LEN], b""), None);
        assert_eq!(spoken(&hello("05 00a4b2c3 00000000"), b""), None);
    }

    #[test]
    fn programs_versions_say_it_where_both_sides_begin_so() {
        let (client, server) = (hello("03 00a4b2c3 80000702"), hello("03 12345678 04050001"));
        assert!(speaks(Protocol::Rtmp, &client, &server));
        assert_eq!(spoken(&client, b""), None);
        assert_eq!(spoken(&client[..100], &server), None);
        assert_eq!(spoken(&client, b"HTTP/1.1 "), None);
        let tpkt = [hello("03 00001611 e0000000"), hello("03 00001611 d0000000")];
        assert_eq!(spoken(&tpkt[0], &tpkt[1]), None);
    }
}
