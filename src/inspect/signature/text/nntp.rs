//! NNTP: numbered replies like FTP's and SMTP's, but greetings of 200 and 201.

use super::super::{Opening, Recognised};
use super::line::{command, holds_one_of, is_one_of, reply};
use crate::protocol::Protocol;

/// Where servers listen without TLS.
const PORT: u16 = 119;

/// Commands that begin a session and are no other protocol's with such replies, RFC 3977 §5 to §8, RFC 4643, RFC 4644, RFC 2980.
const OWN: [&str; 18] = [
    "MODE",
    "GROUP",
    "LISTGROUP",
    "ARTICLE",
    "CAPABILITIES",
    "AUTHINFO",
    "HEAD",
    "BODY",
    "XOVER",
    "OVER",
    "XHDR",
    "HDR",
    "IHAVE",
    "CHECK",
    "TAKETHIS",
    "NEWNEWS",
    "NEWGROUPS",
    "POST",
];

/// Whether a server greets with 200 or 201, and its words, its port or what it is asked for then tell the protocol, RFC 3977 §5.1; where
/// it was not captured, whether it is asked for news at its port.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_at_port = opening.server_port == PORT;
    let asks = || command(opening.client).is_some_and(|(verb, _)| is_one_of(verb, &OWN));
    let is_nntp = match reply(opening.server) {
        Some((200 | 201, text)) => {
            is_at_port || asks() || holds_one_of(text, &["NNTP", "InterNetNews", "Usenet"])
        }
        Some(_) => false,
        None => opening.server.is_empty() && is_at_port && asks(),
    };
    is_nntp.then(|| Protocol::Nntp.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, speaks, spoken};
    use super::*;

    #[test]
    fn greetings_of_200_and_questions_for_news_say_it() {
        assert!(speaks(
            Protocol::Nntp,
            b"MODE READER\r\n",
            b"200 welcome\r\n"
        ));
        assert!(speaks(
            Protocol::Nntp,
            b"",
            b"201 news.example.org InterNetNews ready\r\n"
        ));
        assert_eq!(at_port(119, b"GROUP x\r\n", b""), Some(Protocol::Nntp));
        assert_eq!(at_port(119, b"", b"200 welcome\r\n"), Some(Protocol::Nntp));
    }

    #[test]
    fn other_numbers_and_words_do_not() {
        assert_eq!(spoken(b"", b"200 OK\r\n"), None);
        assert_eq!(spoken(b"QUIT\r\n", b"200 OK\r\n"), None);
        assert_eq!(spoken(b"MODE READER\r\n", b"220 welcome\r\n"), None);
        assert_eq!(spoken(b"GROUP x\r\n", b""), None);
    }
}
