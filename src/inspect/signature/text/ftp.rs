//! FTP: the control connection, told apart from the mail protocols that share its words and its numbers.

use super::super::{Opening, Recognised};
use super::line::{command, holds_one_of, is_one_of, reply, starts_with};
use super::smtp;
use crate::protocol::Protocol;

/// Where servers listen, which is also where a word that others have as well is believed.
const PORT: u16 = 21;

/// Commands that neither POP3 nor SMTP has.
///
/// Source: RFC 959 §4.1, RFC 2228 §3, RFC 2389 §3, RFC 2428, RFC 3659, RFC 7151.
const OWN: [&str; 30] = [
    "ACCT", "ALLO", "APPE", "CDUP", "CLNT", "CWD", "EPRT", "EPSV", "FEAT", "HOST", "LPRT", "MDTM",
    "MKD", "MLSD", "MLST", "NLST", "OPTS", "PASV", "PBSZ", "PORT", "PROT", "PWD", "REIN", "RMD",
    "SITE", "SIZE", "STOR", "STRU", "SYST", "TYPE",
];
/// Commands that POP3 has too, whose server does not answer in numbers.
const SHARED: [&str; 5] = ["USER", "PASS", "RETR", "LIST", "DELE"];
/// Commands that mean nothing but at the port.
const SILENT: [&str; 3] = ["QUIT", "NOOP", "HELP"];
/// Those of [`OWN`] that want no argument and are no other protocol's, so that they are believed alone.
const TELLING: [&str; 4] = ["FEAT", "SYST", "PASV", "EPSV"];
/// What a server says first, RFC 959 §5.4.
const FIRST_REPLIES: [u16; 4] = [120, 220, 421, 530];
/// What it says up to the login, where a name or a password is FTP's.
const LOGIN_REPLIES: [u16; 6] = [120, 220, 230, 331, 332, 530];
/// What a client asks to be secured by, RFC 4217 §2 and RFC 2228 §3.
const MECHANISMS: [&str; 6] = ["TLS", "TLS-C", "TLS-P", "SSL", "GSSAPI", "KERBEROS_V4"];

/// Whether a server's numbers and a client's commands are those of FTP.
///
/// * A greeting alone says it when it names the protocol, or comes from its port.
/// * A word alone that other protocols have too says it at the port only.
///
/// Source: RFC 959 §4, §5.4.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_port = opening.server_port == PORT;
    let is_ftp = match (reply(opening.server), command(opening.client)) {
        (None, _) if !opening.server.is_empty() => false,
        (None, Some((verb, argument))) => {
            is_at_port
                && (is_own(verb, argument) || is_one_of(verb, &SHARED) || is_one_of(verb, &SILENT))
                || is_one_of(verb, &TELLING) && argument.is_empty()
        }
        (Some((number, _)), _) if opening.is_certain && !FIRST_REPLIES.contains(&number) => false,
        (Some((number, text)), client) => {
            is_at_port
                || is_own_reply(number, text, opening.server_port)
                || client.is_some_and(|(verb, argument)| {
                    is_own(verb, argument)
                        || is_one_of(verb, &SHARED) && LOGIN_REPLIES.contains(&number)
                })
        }
        (None, None) => false,
    };
    is_ftp.then(|| Protocol::Ftp.into())
}

fn is_own(verb: &[u8], argument: &[u8]) -> bool {
    is_one_of(verb, &OWN) || verb.eq_ignore_ascii_case(b"AUTH") && is_one_of(argument, &MECHANISMS)
}

fn is_own_reply(number: u16, text: &[u8], port: u16) -> bool {
    match number {
        220 => !smtp::PORTS.contains(&port) && holds_one_of(text, &["ftp"]),
        227 => starts_with(text, " Entering Passive Mode"),
        229 => starts_with(text, " Entering Extended Passive Mode"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, late, speaks, spoken};
    use super::*;

    #[test]
    fn a_greeting_says_it_when_it_names_it_or_comes_from_its_port() {
        assert!(speaks(Protocol::Ftp, b"", b"220 (vsFTPd 3.0.5)\r\n"));
        assert!(speaks(
            Protocol::Ftp,
            b"",
            b"220---------- Welcome to Pure-FTPd [TLS]\r\n"
        ));
        assert_eq!(spoken(b"", b"220 Welcome.\r\n"), None);
        assert_eq!(at_port(21, b"", b"220 Welcome.\r\n"), Some(Protocol::Ftp));
        assert_eq!(
            at_port(587, b"", b"220 ftp.example.org\r\n"),
            Some(Protocol::Smtp)
        );
        assert_eq!(
            spoken(b"", b"220 ftp.example.org ESMTP\r\n"),
            Some(Protocol::Smtp)
        );
    }

    #[test]
    fn the_clients_words_tell_it_from_mail() {
        let greeting = b"220 Welcome.\r\n";
        for line in [
            "USER me\r\n",
            "user me\r\n",
            "AUTH TLS\r\n",
            "FEAT\r\n",
            "SYST\r\n",
        ] {
            assert!(speaks(Protocol::Ftp, line.as_bytes(), greeting), "{line}");
        }
        assert_eq!(spoken(b"EHLO me\r\n", greeting), Some(Protocol::Smtp));
        for line in ["USER me", "AUTH PLAIN\r\n", "QUIT\r\n", "NOOP\r\n", ""] {
            assert_eq!(spoken(line.as_bytes(), greeting), None, "{line}");
        }
        assert_eq!(
            spoken(b"USER me\r\n", b"+OK ready\r\n"),
            Some(Protocol::Pop3)
        );
    }

    #[test]
    fn a_client_alone_is_believed_where_no_other_protocol_has_its_words() {
        assert!(speaks(Protocol::Ftp, b"PASV\r\n", b""));
        assert_eq!(spoken(b"USER me\r\n", b""), None);
        assert_eq!(at_port(21, b"USER me\r\n", b""), Some(Protocol::Ftp));
        assert_eq!(at_port(21, b"QUIT\r\n", b""), Some(Protocol::Ftp));
        assert_eq!(spoken(b"PORT AUTHORITY\r\n", b""), None);
    }

    #[test]
    fn the_middle_of_a_connection_is_told_by_its_replies() {
        let passive = b"227 Entering Passive Mode (192,0,2,1,19,137).\r\n";
        assert_eq!(late(b"", passive), Some(Protocol::Ftp));
        assert_eq!(late(passive, b""), Some(Protocol::Ftp));
        assert_eq!(spoken(b"", passive), None);
    }
}
