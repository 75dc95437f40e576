//! L2TP's control connection, and its data where the inside could not be read.

use crate::inspect::signature::numbers::be16;
use crate::inspect::signature::{Datagram, Likely, Look};
use crate::protocol::Protocol;

/// The port that tunnels are asked for at, RFC 2661 §8.1.
const PORT: u16 = 1701;
/// Flags and version of a control message: type, length and sequence are set, all else is zero; version 2, and 3.
const CONTROL: [u16; 2] = [0xc802, 0xc803];
/// Bits of a data message that are zero but for its version, RFC 2661 §3.1.
const DATA_ZEROS: u16 = 0x34f0;
/// Bytes of a control message's header.
const CONTROL_LEN: usize = 12;
/// Bytes of the attribute that comes first: flags and length, vendor, type, message type.
const MESSAGE_TYPE_LEN: u16 = 8;
/// Message types that are registered.
const MESSAGE_TYPES: std::ops::RangeInclusive<u16> = 1..=29;

/// Tells control messages on any port, by their length and first attribute; empty ones and data on the port of L2TP.
///
/// Source: RFC 2661 §3.1, §4.1, §4.4.1; RFC 3931 §3.2.1, §4.1.2.1.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let flags = be16(bytes, 0)?;
    let is_port = datagram.src_port == PORT || datagram.dst_port == PORT;
    if CONTROL.contains(&flags) && usize::from(be16(bytes, 2)?) == datagram.origlen {
        let is_empty = datagram.origlen == CONTROL_LEN;
        return (is_empty && is_port || is_first_attribute(bytes)).then(|| Protocol::L2tp.into());
    }
    // No control, version 2.
    if !is_port || flags & 0x8000 != 0 || flags & DATA_ZEROS != 0 || flags & 0xf != 2 {
        return None;
    }
    let has_len = flags & 0x4000 != 0;
    if has_len && usize::from(be16(bytes, 2)?) > datagram.origlen {
        return None;
    }
    let at = if has_len { 4 } else { 2 };
    let (tunnel, session) = (be16(bytes, at)?, be16(bytes, at + 2)?);
    (tunnel != 0).then_some(Look::Likely(Likely {
        what: Protocol::L2tp.into(),
        mark: u64::from(flags) << 32 | u64::from(tunnel) << 16 | u64::from(session),
        count: None,
        wanted: 3,
    }))
}

/// Whether the first attribute is a message's type: mandatory or not, never hidden.
fn is_first_attribute(bytes: &[u8]) -> bool {
    let field = |at| be16(bytes, CONTROL_LEN + at);
    field(0).is_some_and(|flags| flags & 0x7fff == MESSAGE_TYPE_LEN)
        && field(2) == Some(0)
        && field(4) == Some(0)
        && field(6).is_some_and(|kind| MESSAGE_TYPES.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{self, damage_datagram, look_at};
    use crate::inspect::testing::hex;

    /// Start-Control-Connection-Request: message type, protocol version.
    const REQUEST: &str = "c802 001c 0000 0000 0000 0000 8008 0000 0000 0001 8008 0000 0002 0100";

    #[test]
    fn control_messages_are_told_on_any_port() {
        assert_eq!(
            look_at(datagram, &hex(REQUEST)),
            Some(Protocol::L2tp.into())
        );
        damage_datagram(datagram, &hex(REQUEST), 20);
        let other = REQUEST.replace("0000 0001 8008", "0005 0001 8008");
        assert_eq!(look_at(datagram, &hex(&other)), None);
    }

    #[test]
    fn empty_messages_and_data_need_the_port() {
        let empty = hex("c802 000c 1234 0000 0001 0001");
        let data = hex("4002 000a 1234 0001 ff03 c021");
        for bytes in [&empty, &data] {
            assert_eq!(look_at(datagram, bytes), None);
            assert!(datagram(&testing::datagram(bytes, PORT, PORT)).is_some());
            testing::each_prefix_and_mutation(bytes, |bytes| {
                datagram(&testing::datagram(bytes, PORT, PORT));
            });
        }
    }
}
