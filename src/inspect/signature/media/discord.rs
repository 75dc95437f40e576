//! Discord's voice servers: how a client learns its own address from them, and what keeps the way open.
//!
//! In: a datagram. Out: Discord's voice beyond doubt. What is said through them is RTP.

use crate::inspect::signature::numbers::be32;
use crate::inspect::signature::{Datagram, Look};
use crate::protocol::Shape;

/// Bytes of a message of address discovery: type, length, source, address, port.
const DISCOVERY_LEN: usize = 74;
/// Type 1, request, and 70 bytes that follow.
const REQUEST: u32 = 0x0001_0046;
/// Type 2, response, and 70 bytes that follow.
const RESPONSE: u32 = 0x0002_0046;
/// What a keep-alive begins with; a counter of four bytes follows, the lowest first.
const KEEP_ALIVE: u32 = 0x1337_cafe;

/// Tells address discovery and keep-alives.
///
/// Source: Discord's developer documentation, Voice Connections, IP Discovery; nDPI, `discord.c`, for keep-alives.
pub(super) fn voice(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let is_ours = match (be32(bytes, 0)?, datagram.origlen) {
        (KEEP_ALIVE, 8) => true,
        (REQUEST, DISCOVERY_LEN) => bytes.get(8..)?.iter().all(|&byte| byte == 0),
        (RESPONSE, DISCOVERY_LEN) => is_address(bytes.get(8..72)?),
        _ => false,
    };
    is_ours.then(|| Shape::DiscordVoice.into())
}

/// Whether a field holds an address in text, and zeros behind it.
fn is_address(field: &[u8]) -> bool {
    let end = field.iter().position(|&byte| byte == 0);
    let Some((text, fill)) = end.and_then(|end| field.split_at_checked(end)) else {
        return false;
    };
    let is_text = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    text.len() >= 2 && text.iter().all(is_text) && fill.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{damage_datagram, look_at};
    use crate::inspect::testing::hex;

    fn discovery(head: &str, address: &[u8], port: u16) -> Vec<u8> {
        let mut bytes = hex(head);
        bytes.extend(address);
        bytes.resize(72, 0);
        bytes.extend(port.to_be_bytes());
        bytes
    }

    #[test]
    fn discovery_and_keep_alives_are_told() {
        let ours = Some(Shape::DiscordVoice.into());
        let request = discovery("0001 0046 0000ace3", b"", 0);
        let response = discovery("0002 0046 0000ace3", b"203.0.113.7", 50_004);
        for bytes in [&request, &response] {
            assert_eq!(look_at(voice, bytes), ours);
            damage_datagram(voice, bytes, 74);
        }
        assert_eq!(look_at(voice, &hex("1337cafe 0e000000")), ours);
        damage_datagram(voice, &hex("1337cafe 0e000000"), 8);
    }

    #[test]
    fn a_request_that_asks_nothing_and_a_response_without_address_are_none() {
        let request = discovery("0001 0046 0000ace3", b"x", 0);
        let response = discovery("0002 0046 0000ace3", b"nowhere", 1);
        assert_eq!(look_at(voice, &request), None);
        assert_eq!(look_at(voice, &response), None);
    }
}
