//! IRC: clients that register under a nickname, servers that put their own name before what they say.

use super::super::{Opening, Recognised};
use super::line::{is_one_of, is_text, split_word, whole_lines};
use crate::protocol::Protocol;

/// Longest nickname that is believed; networks allow 9 (RFC 2812 §1.2.1) to 32.
const MAX_NICK_LEN: usize = 32;
/// What clients negotiate before they register. Source: IRCv3, Capability Negotiation.
const CAPABILITY_COMMANDS: [&str; 3] = ["LS", "REQ", "LIST"];
/// What is said behind the name of who said it, RFC 2812 §3.
const RELAYED: [&str; 10] = [
    "NOTICE", "PRIVMSG", "JOIN", "PART", "QUIT", "MODE", "NICK", "TOPIC", "KICK", "PONG",
];

/// Whether either side speaks as RFC 2812 §2.3 and §3.1 want it: a client registers, a server answers behind its name.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_irc = registers(opening.client)
        || is_relayed(opening.server)
        || is_relayed(opening.client)
        || is_notice(opening.server)
        || is_private(opening.client)
        || is_private(opening.server);
    is_irc.then(|| Protocol::Irc.into())
}

/// Whether the first line asks for capabilities, or one of the first lines for a nickname and all of them are of a registration.
fn registers(client: &[u8]) -> bool {
    if !matches!(
        client.first(),
        Some(b'N' | b'n' | b'U' | b'u' | b'P' | b'p' | b'C' | b'c')
    ) {
        return false;
    }
    for line in whole_lines(client).take(4) {
        let (verb, rest) = split_word(line);
        if !is_text(line) {
            return false;
        }
        match verb.to_ascii_uppercase().as_slice() {
            b"NICK" => return is_nick(rest),
            b"CAP" => return is_one_of(split_word(rest).0, &CAPABILITY_COMMANDS),
            b"USER" if is_user(rest) => return true,
            b"PASS" => {}
            _ => return false,
        }
    }
    false
}

/// Name, mode or host, unused or server, and the real name, which is the last and may hold blanks: RFC 2812 §3.1.3, RFC 1459 §4.1.3.
fn is_user(argument: &[u8]) -> bool {
    let mut words = argument.splitn(4, |&byte| byte == b' ');
    words.by_ref().take(3).all(|word| !word.is_empty())
        && words.next().is_some_and(|name| name.starts_with(b":"))
}

/// Letters, digits and what RFC 2812 §2.3.1 calls special.
fn is_nick(word: &[u8]) -> bool {
    let word = word.strip_prefix(b":").unwrap_or(word).trim_ascii_end();
    let is_first = |byte: &u8| byte.is_ascii_alphabetic() || b"[]\\`_^{|}".contains(byte);
    word.first().is_some_and(is_first)
        && word.len() <= MAX_NICK_LEN
        && word
            .iter()
            .all(|byte| is_first(byte) || byte.is_ascii_digit() || *byte == b'-')
}

/// `:server 001 nick …` or `:nick!user@host PRIVMSG …`.
fn is_relayed(bytes: &[u8]) -> bool {
    let Some(line) = bytes
        .strip_prefix(b":")
        .and_then(|_| whole_lines(bytes).next())
    else {
        return false;
    };
    let (source, rest) = split_word(line);
    let (verb, rest) = split_word(rest);
    let is_host = source.contains(&b'.');
    let is_user = source.contains(&b'!') && source.contains(&b'@');
    let is_numeric = verb.len() == 3 && verb.iter().all(u8::is_ascii_digit);
    is_text(line)
        && source.len() > 1
        && !rest.is_empty()
        && ((is_host || is_user) && is_one_of(verb, &RELAYED) || is_host && is_numeric)
}

/// What servers say while they look up who is calling.
fn is_notice(server: &[u8]) -> bool {
    ["NOTICE AUTH :", "NOTICE * :***", "ERROR :Closing Link"]
        .iter()
        .any(|start| server.starts_with(start.as_bytes()))
}

/// `PRIVMSG target :text`, which a client says without its name before it.
fn is_private(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(b"PRIVMSG ")
        .and_then(|_| whole_lines(bytes).next())
        .and_then(|line| line.get(b"PRIVMSG ".len()..))
        .is_some_and(|rest| {
            let (target, text) = split_word(rest);
            !target.is_empty() && text.starts_with(b":")
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{speaks, spoken};
    use super::*;

    #[test]
    fn clients_register() {
        for lines in [
            "NICK me\r\nUSER me 0 * :Me\r\n",
            "USER me host server :My Self\r\n",
            "PASS secret\r\nNICK me\r\n",
            "CAP LS 302\r\n",
            "PRIVMSG #room :hello\r\n",
        ] {
            assert!(speaks(Protocol::Irc, lines.as_bytes(), b""), "{lines}");
        }
        for lines in [
            "NICK me",
            "USER me\r\n",
            "PASS x\r\n",
            "NICK 1x\r\n",
            "NICK me too\r\n",
            "CAP x\r\n",
        ] {
            assert_eq!(spoken(lines.as_bytes(), b""), None, "{lines}");
        }
    }

    #[test]
    fn servers_put_their_name_before_what_they_say() {
        for line in [
            ":irc.example.org 001 me :Welcome\r\n",
            ":irc.example.org NOTICE * :*** Looking up\r\n",
            ":you!~y@example.org PRIVMSG #room :hello\r\n",
            "NOTICE AUTH :*** Looking up\r\n",
        ] {
            assert!(speaks(Protocol::Irc, b"", line.as_bytes()), "{line}");
        }
        for line in [
            ":irc 001 x y\r\n",
            ":a.b hello you\r\n",
            ":a.b 1\r\n",
            ": NOTICE x\r\n",
        ] {
            assert_eq!(spoken(b"", line.as_bytes()), None, "{line}");
        }
    }
}
