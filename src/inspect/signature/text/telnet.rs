//! Telnet: both sides negotiate options before anybody types.

use super::super::{Opening, Recognised};
use super::line::holds_one_of;
use crate::protocol::Protocol;

/// Where servers listen.
const PORT: u16 = 23;
/// Commands that have to be seen, of both sides together; one, and that anywhere, at the port.
const WANTED: usize = 2;

/// Interpret as command, and the commands that follow it, RFC 854.
const IAC: u8 = 255;
const SUBNEGOTIATION_END: u8 = 240;
const NO_OPERATION: u8 = 241;
const GO_AHEAD: u8 = 249;
const SUBNEGOTIATION: u8 = 250;
const WILL: u8 = 251;
const DONT: u8 = 254;

/// What asks for a name and a password where the negotiation was not captured.
const PROMPTS: [&str; 3] = ["login: ", "username: ", "password: "];

/// Whether the sides begin with negotiations of known options, RFC 854 and RFC 855; at the port, whether the server asks who is there.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_port = opening.server_port == PORT;
    let count = negotiations(opening.client) + negotiations(opening.server);
    let is_telnet = count >= WANTED
        || is_at_port
            && (negotiates_later(opening.client)
                || negotiates_later(opening.server)
                || holds_one_of(opening.server, &PROMPTS));
    is_telnet.then(|| Protocol::Telnet.into())
}

/// How many options are negotiated before the first byte that is something else.
fn negotiations(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut rest = bytes;
    while let [IAC, command, behind @ ..] = rest {
        rest = match (*command, behind) {
            (NO_OPERATION..=GO_AHEAD, _) => behind,
            (WILL..=DONT, [option, behind @ ..]) if is_option(*option) => {
                count += 1;
                behind
            }
            (SUBNEGOTIATION, [option, behind @ ..]) if is_option(*option) => {
                count += 1;
                let end = memchr::memmem::find(behind, &[IAC, SUBNEGOTIATION_END]);
                end.and_then(|end| behind.get(end + 2..))
                    .unwrap_or_default()
            }
            _ => break,
        };
    }
    count
}

/// Whether an option is negotiated anywhere, perhaps behind a text.
fn negotiates_later(bytes: &[u8]) -> bool {
    bytes
        .windows(3)
        .any(|window| matches!(window, [IAC, SUBNEGOTIATION..=DONT, option] if is_option(*option)))
}

/// Options that are registered, and those that games use. Source: IANA, Telnet Options.
const fn is_option(option: u8) -> bool {
    matches!(option, 0..=49 | 69 | 70 | 85..=93 | 138..=140 | 200 | 201 | 255)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, speaks, spoken};
    use super::*;

    #[test]
    fn negotiations_say_it_on_any_port() {
        // DO terminal type, WILL window size.
        assert!(speaks(Protocol::Telnet, b"", b"\xff\xfd\x18\xff\xfb\x1f"));
        assert!(speaks(
            Protocol::Telnet,
            b"\xff\xfb\x01",
            b"\xff\xfd\x01login: "
        ));
        let named = b"\xff\xfa\x18\x00xterm\xff\xf0\xff\xfb\x01";
        assert!(speaks(Protocol::Telnet, named, b""));
    }

    #[test]
    fn one_alone_says_it_at_the_port_only() {
        assert_eq!(spoken(b"\xff\xfb\x01", b""), None);
        assert_eq!(at_port(23, b"\xff\xfb\x01", b""), Some(Protocol::Telnet));
        assert_eq!(at_port(23, b"", b"\r\nbox login: "), Some(Protocol::Telnet));
        assert_eq!(
            at_port(23, b"", b"hello\xff\xfb\x01"),
            Some(Protocol::Telnet)
        );
        assert_eq!(at_port(23, b"", b"welcome\r\n"), None);
    }

    #[test]
    fn texts_and_sounds_that_begin_alike_are_not_it() {
        // UTF-16 with its mark, MPEG audio, a message of BGP.
        for bytes in [
            &b"\xff\xfe<\0x\0m\0l\0"[..],
            b"\xff\xfb\x90\x44\0\0",
            &[0xff; 19],
        ] {
            assert_eq!(spoken(bytes, b""), None, "{bytes:?}");
        }
    }
}
