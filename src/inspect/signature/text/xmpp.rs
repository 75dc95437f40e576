//! XMPP: a stream of XML in namespaces of its own.

use super::super::{Opening, Recognised};
use crate::protocol::Protocol;

/// What only its streams hold, RFC 6120 §4.8, §4.9, RFC 3920 §11.2.1.
const NAMES: [&[u8]; 4] = [
    b"<stream:stream",
    b"<stream:features",
    b"<stream:error",
    b"http://etherx.jabber.org/streams",
];
/// What its stanzas begin with where the capture began late, RFC 6120 §8.
const STANZAS: [&[u8]; 3] = [b"<message ", b"<presence ", b"<iq "];
/// Attributes that stanzas have, one at least, RFC 6120 §8.1.
const ATTRIBUTES: [&[u8]; 6] = [
    b" to=\"",
    b" from=\"",
    b" type=\"",
    b" to='",
    b" from='",
    b" type='",
];
/// What names spaces of XMPP's words in either kind of quotes, RFC 6120 §4.8.2 and the registry that XEP-0053 keeps.
const SPACES: [&[u8]; 2] = [b"=\"jabber:", b"='jabber:"];

/// Whether either side opens a stream, or is in the middle of one: a stanza with an address, or anything in XMPP's namespaces.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .any(is_xmpp)
        .then(|| Protocol::Xmpp.into())
}

fn is_xmpp(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    if !text.starts_with(b"<") {
        return false;
    }
    let holds = |words: &[&[u8]]| {
        words
            .iter()
            .any(|word| memchr::memmem::find(text, word).is_some())
    };
    holds(&NAMES)
        || holds(&SPACES)
        || STANZAS.iter().any(|start| text.starts_with(start)) && holds(&ATTRIBUTES)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{speaks, spoken};
    use super::*;

    #[test]
    fn streams_and_stanzas_are_told() {
        for text in [
            "<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client'",
            " <stream:features><starttls",
            "<iq type='get' id='1'>",
            "<presence from=\"a@example.org\">",
            "<iq id='x'><query xmlns='jabber:iq:roster'/></iq>",
        ] {
            assert!(speaks(Protocol::Xmpp, text.as_bytes(), b""), "{text}");
            assert!(speaks(Protocol::Xmpp, b"", text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_xml_is_not() {
        for text in [
            "<?xml version='1.0'?><rss>",
            "<message>hi</message>",
            "stream:stream",
            "<iq>",
        ] {
            assert_eq!(spoken(text.as_bytes(), b""), None, "{text}");
        }
    }
}
