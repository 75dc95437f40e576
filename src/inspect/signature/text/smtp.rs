//! SMTP and its kin LMTP: a greeting, and a client that introduces itself.

use super::super::{Opening, Recognised};
use super::line::{command, holds_one_of, is_one_of, reply, starts_with};
use crate::protocol::Protocol;

/// Where servers listen: relays, submission (with and without TLS), and what providers open where those are closed.
pub(super) const PORTS: [u16; 4] = [25, 465, 587, 2525];

/// How clients introduce themselves, RFC 5321 §4.1.1.1 and RFC 2033 §4.1.
const HELLOS: [&str; 3] = ["EHLO", "HELO", "LHLO"];
/// Commands that mean nothing but at the port, RFC 5321 §4.1.1.
const SILENT: [&str; 7] = ["QUIT", "NOOP", "RSET", "HELP", "VRFY", "EXPN", "AUTH"];
/// Extensions that servers list in their answer to it. Source: IANA, Mail Parameters, SMTP Service Extensions.
const EXTENSIONS: [&str; 6] = [
    "PIPELINING",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "DSN",
    "SIZE",
];

/// Whether somebody is introduced or mail is handed over, in the words of RFC 5321.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let said = reply(opening.server);
    if said.is_none() && !opening.server.is_empty() {
        return None;
    }
    let is_smtp = says_so(opening, said.is_some())
        || said.is_some_and(|(number, text)| {
            is_greeting(number, text, opening) || lists_extensions(number, text, opening.server)
        });
    is_smtp.then(|| Protocol::Smtp.into())
}

fn says_so(opening: &Opening<'_>, is_answered: bool) -> bool {
    let Some((verb, argument)) = command(opening.client) else {
        return false;
    };
    is_one_of(verb, &HELLOS) && (is_answered || is_name(argument))
        || starts_with(opening.client, "MAIL FROM:<")
        || starts_with(opening.client, "RCPT TO:<")
        || is_answered && verb.eq_ignore_ascii_case(b"STARTTLS") && argument.is_empty()
        || PORTS.contains(&opening.server_port) && is_one_of(verb, &SILENT)
}

/// A host's name, or its address in brackets.
fn is_name(argument: &[u8]) -> bool {
    let argument = argument.trim_ascii();
    !argument.is_empty() && !argument.contains(&b' ')
}

fn is_greeting(number: u16, text: &[u8], opening: &Opening<'_>) -> bool {
    let is_at_port = PORTS.contains(&opening.server_port);
    match number {
        220 => is_at_port || holds_one_of(text, &["SMTP", "LMTP"]),
        // No service; else any reply, when nobody knows whether it is the first.
        421 | 554 => is_at_port,
        _ => is_at_port && !opening.is_certain,
    }
}

/// Whether this is a server's list of what it can do: the greeting was not captured.
fn lists_extensions(number: u16, text: &[u8], server: &[u8]) -> bool {
    number == 250 && text.starts_with(b"-") && holds_one_of(server, &EXTENSIONS)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, late, speaks, spoken};
    use super::*;

    #[test]
    fn greetings_say_it_by_name_or_port() {
        assert!(speaks(
            Protocol::Smtp,
            b"",
            b"220 mx.example.org ESMTP Postfix\r\n"
        ));
        assert!(speaks(
            Protocol::Smtp,
            b"",
            b"220-mx smtp service\r\n220 ok\r\n"
        ));
        assert_eq!(spoken(b"", b"220 mx.example.org\r\n"), None);
        assert_eq!(
            at_port(25, b"", b"220 mx.example.org\r\n"),
            Some(Protocol::Smtp)
        );
        assert_eq!(
            at_port(25, b"", b"554 no service\r\n"),
            Some(Protocol::Smtp)
        );
        assert_eq!(at_port(25, b"", b"HTTP/1.0 400\r\n"), None);
    }

    #[test]
    fn clients_introduce_themselves() {
        for line in [
            "EHLO [192.0.2.1]\r\n",
            "helo me\r\n",
            "LHLO x\r\n",
            "MAIL FROM:<a@b.c>\r\n",
        ] {
            assert!(speaks(Protocol::Smtp, line.as_bytes(), b""), "{line}");
        }
        assert!(speaks(Protocol::Smtp, b"EHLO\r\n", b"220 x\r\n"));
        for line in ["HELO\r\n", "HELO you there\r\n", "EHLO me", "STARTTLS\r\n"] {
            assert_eq!(spoken(line.as_bytes(), b""), None, "{line}");
        }
        assert_eq!(at_port(25, b"QUIT\r\n", b""), Some(Protocol::Smtp));
        assert_eq!(spoken(b"HELO me\r\n", b"\x16\x03\x01"), None);
    }

    #[test]
    fn the_middle_of_a_connection_is_told_by_what_the_server_can_do() {
        let list = b"250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 10240000\r\n";
        assert_eq!(late(b"", list), Some(Protocol::Smtp));
        assert_eq!(late(b"", b"250 Ok\r\n"), None);
    }
}
