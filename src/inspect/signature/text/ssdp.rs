//! SSDP: requests and answers of HTTP's shape in datagrams.

use super::super::{Datagram, Look};
use super::line::{starts_with, whole_lines};
use crate::protocol::Protocol;

/// Where everybody listens.
const PORT: u16 = 1900;

/// What searches and announcements begin with. Source: UPnP Device Architecture 2.0 §1.2, §1.3.
const REQUESTS: [&[u8]; 2] = [b"M-SEARCH * HTTP/1.", b"NOTIFY * HTTP/1."];
/// What answers begin with, §1.3.3.
const ANSWERS: [&[u8]; 2] = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"];
/// Headers that answers have, of which others know nothing.
const HEADERS: [&str; 2] = ["ST:", "USN:"];

/// Whether a datagram searches for devices, announces one, or answers a search.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let is_request = REQUESTS.iter().any(|start| bytes.starts_with(start));
    let is_answer = || {
        let has_header =
            || whole_lines(bytes).any(|line| HEADERS.iter().any(|name| starts_with(line, name)));
        ANSWERS.iter().any(|start| bytes.starts_with(start))
            && (datagram.src_port == PORT || datagram.dst_port == PORT || has_header())
    };
    (is_request || is_answer()).then(|| Protocol::Ssdp.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;

    #[test]
    fn searches_announcements_and_answers_are_told() {
        for text in [
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n",
            "NOTIFY * HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1\r\nst: upnp:rootdevice\r\n",
        ] {
            assert_eq!(
                datagram(9999, text.as_bytes()),
                Some(Protocol::Ssdp),
                "{text}"
            );
        }
        assert_eq!(
            datagram(PORT, b"HTTP/1.1 200 OK\r\n\r\n"),
            Some(Protocol::Ssdp)
        );
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "HTTP/1.1 200 OK\r\nServer: x\r\n",
            "NOTIFY sip:a SIP/2.0\r\n",
            "M-SEARCH",
        ] {
            assert_ne!(
                datagram(9999, text.as_bytes()),
                Some(Protocol::Ssdp),
                "{text}"
            );
        }
    }
}
