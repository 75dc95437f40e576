//! MGCP: commands to and from gateways, and their answers.

use super::super::{Datagram, Look};
use super::line::{first_line, is_number, is_one_of, is_text, reply, split_word};
use crate::protocol::Protocol;

/// Where gateways and call agents listen, RFC 3435 §3.5.
const PORTS: [u16; 2] = [2427, 2727];
/// Longest number of a transaction, RFC 3435 §3.2.1.2: up to 999,999,999.
const MAX_NUMBER_LEN: usize = 9;
/// Source: RFC 3435 §3.2.1.1.
const VERBS: [&str; 10] = [
    "EPCF", "CRCX", "MDCX", "DLCX", "RQNT", "NTFY", "AUEP", "AUCX", "RSIP", "MESG",
];

/// Whether a datagram is a command, or at the ports an answer.
///
/// Source: RFC 3435 §3.2.1, §3.3.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let is_at_port = PORTS.contains(&datagram.src_port) || PORTS.contains(&datagram.dst_port);
    let is_mgcp = is_command(datagram.bytes) || is_at_port && is_answer(datagram.bytes);
    is_mgcp.then(|| Protocol::Mgcp.into())
}

/// `RQNT 1201 endpoint@gateway.example.org MGCP 1.0`, and the name of a profile.
fn is_command(bytes: &[u8]) -> bool {
    // Cheap, and turns away nearly everything: every verb has four letters.
    let Some((verb, [b' ', rest @ ..])) = bytes.split_at_checked(4) else {
        return false;
    };
    if !is_one_of(verb, &VERBS) {
        return false;
    }
    // Some end lines with a carriage return alone.
    let line = first_line(rest)
        .split(|&byte| byte == b'\r')
        .next()
        .unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    let mut is_next = |is: fn(&[u8]) -> bool| words.next().is_some_and(is);
    is_text(line)
        && is_next(is_transaction)
        && is_next(|endpoint| !endpoint.is_empty())
        && is_next(|name| name.eq_ignore_ascii_case(b"MGCP"))
        && is_next(|version| matches!(version, [b'0' | b'1', b'.', b'0'..=b'9']))
}

/// `200 1201 OK`.
fn is_answer(bytes: &[u8]) -> bool {
    reply(bytes)
        .and_then(|(_, text)| text.strip_prefix(b" "))
        .is_some_and(|text| is_transaction(split_word(text).0))
}

fn is_transaction(word: &[u8]) -> bool {
    is_number(word) && word.len() <= MAX_NUMBER_LEN
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;

    #[test]
    fn commands_are_told_anywhere_and_answers_at_the_ports() {
        let command = b"RQNT 1201 aaln/1@rgw-2567.whatever.net MGCP 1.0\r\nN: ca@x\r\n";
        assert_eq!(datagram(9999, command), Some(Protocol::Mgcp));
        let returns = b"RQNT 1 *@gateway.example.org MGCP 0.1\rR: l/hd(n)\r";
        assert_eq!(datagram(9999, returns), Some(Protocol::Mgcp));
        assert_eq!(datagram(2427, b"200 1201 OK\r\n"), Some(Protocol::Mgcp));
        assert_eq!(datagram(9999, b"200 1201 OK\r\n"), None);
        for text in [
            "200 OK\r\n",
            "RQNT x y MGCP 1.0\r\n",
            "RQNT 1 y\r\n",
            "HELO 1 y MGCP 1.0\r\n",
        ] {
            assert_eq!(datagram(2427, text.as_bytes()), None, "{text}");
        }
    }
}
