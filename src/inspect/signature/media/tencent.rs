//! Tencent's chats: WeChat's connections, QQ's datagrams.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Shape;

/// Bytes of a record's header: kind, version, length.
const RECORD_HEADER_LEN: usize = 5;
/// Bytes of the longest record that is believed.
const MAX_RECORD_LEN: u16 = 0x4400;
/// Bytes of a datagram of QQ up to its number: mark, version, command, sequence, number.
const QQ_HEADER_LEN: usize = 11;
/// The port of QQ's servers.
const QQ_PORT: u16 = 8000;

/// Tells WeChat's connections: records as those of TLS, with versions that no TLS has.
///
/// Source: Citizen Lab, "Should We Chat, Too? Security Analysis of WeChat's MMTLS Encryption Protocol", 2024.
pub(super) fn wechat(opening: &Opening<'_>) -> Option<Recognised> {
    let is_side = |said: &[u8]| said.is_empty() || records(said) > 0;
    let records = records(opening.client) + records(opening.server);
    (records >= 2 && is_side(opening.client) && is_side(opening.server))
        .then(|| Shape::WeChat.into())
}

/// How many records what a side says begins with, the last of which may be cut.
fn records(said: &[u8]) -> usize {
    let mut rest = said;
    let mut count = 0;
    // Alerts, handshakes, data, and data in the first flight.
    while let [0x15 | 0x16 | 0x17 | 0x19, 0xf1, 3 | 4, ..] = rest {
        let len = match be16(rest, 3) {
            Some(len @ 1..=MAX_RECORD_LEN) => usize::from(len),
            _ => break,
        };
        count += 1;
        rest = rest.get(RECORD_HEADER_LEN + len..).unwrap_or_default();
    }
    count
}

/// Tells QQ's datagrams: 2, version, a command that is known, sequence, the number of who speaks; 3 at the end.
///
/// * Elsewhere than at its servers' port only when two of the same number agree.
///
/// Source: Wireshark, `packet-oicq.c`.
pub(super) fn qq(datagram: &Datagram<'_>) -> Option<Look> {
    let (first, last) = (datagram.bytes.first()?, datagram.bytes.last()?);
    let is_whole = datagram.bytes.len() == datagram.origlen && datagram.origlen > QQ_HEADER_LEN;
    if (*first, *last) != (2, 3) || !is_whole {
        return None;
    }
    let version = be16(datagram.bytes, 1)?;
    let command = be16(datagram.bytes, 3)?;
    let number = be32(datagram.bytes, 7)?;
    // Numbers were given out from 10000 on.
    if !is_command(command) || number < 10_000 || version == 0 {
        return None;
    }
    if datagram.src_port == QQ_PORT || datagram.dst_port == QQ_PORT {
        return Some(Shape::Qq.into());
    }
    Some(Look::Likely(Likely {
        what: Shape::Qq.into(),
        mark: u64::from(version) << 32 | u64::from(number),
        count: None,
        wanted: 3,
    }))
}

/// Commands that are known, from logging out to asking for a friend's state.
fn is_command(command: u16) -> bool {
    matches!(
        command,
        0x0001..=0x0002
            | 0x0004..=0x0006
            | 0x0009..=0x000b
            | 0x000d
            | 0x0012
            | 0x0016..=0x0018
            | 0x001a
            | 0x001c..=0x001d
            | 0x0021..=0x0022
            | 0x0026..=0x0027
            | 0x0029
            | 0x0030..=0x0031
            | 0x003c..=0x003e
            | 0x0058
            | 0x005c
            | 0x0062
            | 0x0065
            | 0x0067
            | 0x0080..=0x0081
            | 0x00b5
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{
        self, damage_datagram, damage_stream, listen, look_at,
    };
    use crate::inspect::testing::hex;

    #[test]
    fn wechat_is_told_by_two_records() {
        let client = hex("16 f104 0004 01020304 19 f104 0020 00");
        let server = hex("16 f104 0003 010203");
        let ours = Some(Shape::WeChat.into());
        assert_eq!(listen(wechat, &client, b""), ours);
        assert_eq!(listen(wechat, &client, &server), ours);
        assert_eq!(listen(wechat, &client[..9], b""), None);
        damage_stream(wechat, [&client, &server], [5, 0]);
        let tls = hex("16 0301 0004 01020304 17 0303 0020 00");
        assert_eq!(listen(wechat, &tls, b""), None);
    }

    #[test]
    fn qq_is_told_on_its_port_and_guessed_elsewhere() {
        let heartbeat = hex("02 3b0b 0002 0031 561f0c7b 0000 03");
        let there = testing::datagram(&heartbeat, 50_000, QQ_PORT);
        assert_eq!(qq(&there), Some(Shape::Qq.into()));
        assert!(matches!(look_at(qq, &heartbeat), Some(Look::Likely(_))));
        damage_datagram(qq, &heartbeat, 12);
        let unknown = hex("02 3b0b 0fff 0031 561f0c7b 0000 03");
        assert_eq!(look_at(qq, &unknown), None);
    }
}
