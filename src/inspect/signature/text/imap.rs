//! IMAP: a greeting behind a star, commands behind a tag.

use super::super::{Opening, Recognised};
use super::line::{first_line, is_number, is_one_of, is_text, split_word, whole_lines};
use crate::protocol::Protocol;

/// Where servers listen without TLS.
const PORT: u16 = 143;
/// Longest tag that is believed; RFC 9051 §2.2.1 suggests "a short alphanumeric string".
const MAX_TAG_LEN: usize = 16;

/// Conditions that a greeting tells, RFC 9051 §7.1.
const GREETINGS: [&str; 3] = ["OK", "PREAUTH", "BYE"];
/// Other things that a server says without being asked, and what they go on with, RFC 9051 §7.2 and §7.3, RFC 3501 §7.2. Lists
/// in documents begin with a star as well.
const NEWS: [(&str, &[u8]); 4] = [
    ("CAPABILITY", b"IMAP4"),
    ("FLAGS", b"("),
    ("LIST", b"("),
    ("LSUB", b"("),
];
/// What a server says behind the number of a message or of messages, RFC 9051 §7.4 and §7.5.
const COUNTED: [&str; 4] = ["EXISTS", "RECENT", "EXPUNGE", "FETCH"];
/// Commands that are believed behind a tag, RFC 9051 §6, RFC 2971, RFC 2177.
const COMMANDS: [&str; 19] = [
    "CAPABILITY",
    "LOGIN",
    "AUTHENTICATE",
    "STARTTLS",
    "LOGOUT",
    "NOOP",
    "SELECT",
    "EXAMINE",
    "LIST",
    "LSUB",
    "STATUS",
    "FETCH",
    "UID",
    "SEARCH",
    "ID",
    "IDLE",
    "NAMESPACE",
    "ENABLE",
    "APPEND",
];

/// Whether a server greets, or a client asks behind a tag, as RFC 9051 §7.1.1 and §2.2.1 say.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_imap = if opening.server.is_empty() {
        // Nobody confirms it: then at least the port has to.
        opening.server_port == PORT && is_tagged_command(opening.client)
    } else {
        is_untagged(opening.server)
            || is_tagged_reply(opening.server) && is_tagged_command(opening.client)
    };
    is_imap.then(|| Protocol::Imap.into())
}

fn is_untagged(server: &[u8]) -> bool {
    let Some(line) = server.strip_prefix(b"* ").map(first_line) else {
        return false;
    };
    let (word, rest) = split_word(line);
    // Every server writes these in capitals, though it need not; "* Bye for now" is no server's.
    let is = |name: &str| word == name.as_bytes();
    let is_greeting = GREETINGS.into_iter().any(is) && !rest.is_empty();
    let is_news = NEWS
        .iter()
        .any(|(name, begin)| is(name) && rest.starts_with(begin));
    let is_counted = is_number(word) && is_one_of(split_word(rest).0, &COUNTED);
    is_text(line) && (is_greeting || is_news || is_counted)
}

/// The tag of the first line, and what follows it.
fn tagged(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.first().filter(|byte| byte.is_ascii_alphanumeric())?;
    let line = whole_lines(bytes).next()?;
    let (tag, rest) = split_word(line);
    let is_tag = tag.len() <= MAX_TAG_LEN
        && tag
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    (is_tag && is_text(rest)).then_some((tag, rest))
}

fn is_tagged_command(client: &[u8]) -> bool {
    tagged(client).is_some_and(|(_, command)| is_one_of(split_word(command).0, &COMMANDS))
}

fn is_tagged_reply(server: &[u8]) -> bool {
    tagged(server).is_some_and(|(_, reply)| is_one_of(split_word(reply).0, &["OK", "NO", "BAD"]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_port, late, speaks, spoken};
    use super::*;

    #[test]
    fn servers_greet_behind_a_star() {
        for line in [
            "* OK [CAPABILITY IMAP4rev1] ready.\r\n",
            "* PREAUTH welcome\r\n",
            "* BYE too many\r\n",
            "* CAPABILITY IMAP4rev1\r\n",
            "* 12 EXISTS\r\n",
        ] {
            assert!(speaks(Protocol::Imap, b"", line.as_bytes()), "{line}");
        }
        for line in [
            "* OK",
            "* 12 monkeys\r\n",
            "*OK x\r\n",
            "* HELLO\r\n",
            "* OK \x01\r\n",
            "* Enabled the build\n",
            "* List notable changes here\n",
            "* SEARCH for it\n",
        ] {
            assert_eq!(spoken(b"", line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn tags_are_believed_where_somebody_confirms_them() {
        let (client, server) = (b"a1 LOGIN me secret\r\n", b"a1 OK done\r\n");
        assert_eq!(late(client, server), Some(Protocol::Imap));
        assert_eq!(late(server, client), Some(Protocol::Imap));
        assert_eq!(spoken(client, b""), None);
        assert_eq!(at_port(143, client, b""), Some(Protocol::Imap));
        assert_eq!(spoken(b"I LIST things\r\n", b"what\r\n"), None);
    }
}
