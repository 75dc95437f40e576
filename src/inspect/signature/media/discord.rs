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
