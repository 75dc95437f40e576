//! Listens to web clients: HTTP/1 requests one after the other, and HTTP/2 that follows on them or stands alone.

use super::listener::Listener;
use super::stream::{Body, Phase};
use crate::domain::DomainName;
use crate::evidence::{Evidence, NameSource};
use crate::inspect::{Outcome, h2, http};
use crate::protocol::Protocol;

impl Listener<'_> {
    /// Bytes of which nothing is known yet, if a web client could have sent them; how many of them are done with.
    pub(super) fn open_web(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.shared.is_lines {
            return None;
        }
        match h2::preface(bytes) {
            Outcome::Found(len) => return Some(self.begin_http2(len)),
            Outcome::NeedMore => return Some(0),
            Outcome::NotMine => {}
        }
        if self.has_no_new_line(bytes) {
            return Some(0);
        }
        match http::request(bytes) {
            Outcome::Found(_) => {
                self.own.phase = Phase::Requests(Body::Head);
                Some(self.requests(bytes))
            }
            Outcome::NeedMore => {
                self.tell_unfinished_request(bytes);
                Some(0)
            }
            Outcome::NotMine => None,
        }
    }

    /// What answers a client of HTTP/2, which is a server's SETTINGS first of all (RFC 9113 §3.4); how many bytes are done with.
    ///
    /// `None` when the other side is no such client, after all or to begin with.
    pub(super) fn open_http2_reply(&mut self, bytes: &[u8]) -> Option<usize> {
        let Phase::Http2(_) = self.reply.phase else {
            return None;
        };
        let is_first = self.has_syn && !self.own.has_begun;
        match *bytes {
            // Of any length: type 4, no flags, stream 0.
            [_, _, _, 4, 0, 0, 0, 0, 0, ..] => {}
            _ if !is_first => {}
            [] | [_] | [_, _] | [_, _, _] => return Some(0),
            _ => {
                self.reply.phase = Phase::Open;
                return None;
            }
        }
        // A server's frames name nobody.
        self.own.phase = Phase::Bulk;
        Some(bytes.len())
    }

    /// One step through a client's requests: a head, or what is there of a body.
    pub(super) fn requests(&mut self, bytes: &[u8]) -> usize {
        let Phase::Requests(body) = &mut self.own.phase else {
            return 0;
        };
        match body {
            Body::Length(left) => {
                let step = (bytes.len() as u64).min(*left);
                *left -= step;
                self.own.has_passed_body = true;
                if *left == 0 {
                    *body = Body::Head;
                }
                step as usize
            }
            Body::Chunked(chunks) => {
                self.own.has_passed_body = true;
                match chunks.skip(bytes) {
                    Outcome::Found(len) => {
                        *body = Body::Head;
                        len
                    }
                    Outcome::NeedMore => bytes.len(),
                    Outcome::NotMine => {
                        *body = Body::Lost { is_answered: true };
                        bytes.len()
                    }
                }
            }
            Body::Head => self.request_head(bytes),
            Body::Lost { is_answered } => {
                if *is_answered && http::looks_like_request(bytes) {
                    *body = Body::Head;
                    return self.request_head(bytes);
                }
                self.miss();
                bytes.len()
            }
        }
    }

    fn request_head(&mut self, bytes: &[u8]) -> usize {
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if blank > 0 {
            // RFC 9112 §2.2: a server ignores empty lines before a request line.
            return blank;
        }
        // After an upgrade (RFC 7540 §3.2) the client goes on with its preface. Nothing else can begin like that.
        match h2::preface(bytes) {
            Outcome::Found(len) => return self.begin_http2(len),
            Outcome::NeedMore => return 0,
            Outcome::NotMine => {}
        }
        if self.has_no_new_line(bytes) {
            return 0;
        }
        match http::request(bytes) {
            Outcome::Found(request) => {
                let len = request.len;
                self.own.phase = match request.body {
                    // What follows is another protocol, if the proxy or the server agrees.
                    http::Body::None if request.is_connect || request.has_upgrade => Phase::Open,
                    http::Body::None | http::Body::Length(0) => Phase::Requests(Body::Head),
                    http::Body::Length(len) => Phase::Requests(Body::Length(len)),
                    http::Body::Chunked => {
                        Phase::Requests(Body::Chunked(http::ChunkedBody::default()))
                    }
                };
                self.tell_request(request);
                len
            }
            Outcome::NeedMore => {
                self.tell_unfinished_request(bytes);
                0
            }
            Outcome::NotMine => {
                self.own.phase = Phase::Requests(Body::Lost { is_answered: true });
                self.miss();
                bytes.len()
            }
        }
    }

    /// A head whose end was lost: what is there of it still names its host.
    pub(super) fn unfinished_request(&mut self, unread: &[u8]) {
        if self.shared.is_lines {
            return;
        }
        if let Some(request) = http::request_partial(unread) {
            self.own.phase = Phase::Requests(self.lost());
            self.tell_request(request);
        }
    }

    /// A segment that is not in order may hold a head, or as much of it as names the host.
    pub(super) fn peek_request(&mut self, bytes: &[u8]) {
        if self.shared.is_lines {
            return;
        }
        let request = match http::request(bytes) {
            Outcome::Found(request) => Some(request),
            Outcome::NeedMore => http::request_partial(bytes),
            Outcome::NotMine => None,
        };
        if let Some(request) = request {
            self.tell_request(request);
        }
    }

    /// Whether an unfinished head, which was looked through before, has no line more than it had then: nothing in it can be new.
    fn has_no_new_line(&self, bytes: &[u8]) -> bool {
        let new = bytes.get(self.own.read_lines..).unwrap_or(bytes);
        self.own.read_lines > 0 && bytes.len() < http::MAX_HEAD && !new.contains(&b'\n')
    }

    fn begin_http2(&mut self, len: usize) -> usize {
        self.own.misses = 0;
        self.own.phase = Phase::Http2(Box::default());
        self.evidence.push(Evidence::Protocol(Protocol::Http));
        self.evidence.push(Evidence::Protocol(Protocol::Http2));
        len
    }

    /// One step through a client's HTTP/2: a frame, or what is there of one that need not be read.
    pub(super) fn http2(&mut self, bytes: &[u8]) -> usize {
        let Phase::Http2(requests) = &mut self.own.phase else {
            return 0;
        };
        match requests.read(bytes) {
            Outcome::Found(step) => {
                if let Some(request) = step.request {
                    self.tell_hosts(request.hosts, request.host_conflict);
                }
                step.len
            }
            Outcome::NeedMore => 0,
            Outcome::NotMine => {
                self.own.phase = Phase::Done;
                bytes.len()
            }
        }
    }

    /// HTTP/2 of which something is missing: unless that is of a body, later header blocks can't be read without it.
    pub(super) fn http2_gap(&mut self, unread: &[u8], missing: Option<u32>) {
        if let (Phase::Http2(requests), Some(missing), []) = (&mut self.own.phase, missing, unread)
            && requests.skip_gap(missing as usize)
        {
            return;
        }
        if let Phase::Http2(requests) = std::mem::replace(&mut self.own.phase, Phase::Done)
            && let Some(request) = requests.read_partial(unread)
        {
            self.tell_hosts(request.hosts, request.host_conflict);
        }
    }

    /// The host may stand in what is there already: no reason to let the flow pass until the rest of the head comes.
    fn tell_unfinished_request(&mut self, bytes: &[u8]) {
        self.own.read_lines = bytes.len();
        if let Some(request) = http::request_partial(bytes) {
            self.tell_request(request);
        }
    }

    fn tell_request(&mut self, request: http::Request) {
        self.own.misses = 0;
        self.evidence.push(Evidence::Protocol(Protocol::Http));
        if request.wants_web_socket {
            self.evidence.push(Evidence::Protocol(Protocol::WebSocket));
        }
        if request.carries_dns {
            self.evidence
                .push(Evidence::Protocol(Protocol::DnsOverHttps));
        }
        if request.asks_tracker {
            self.evidence.push(Evidence::Protocol(Protocol::BitTorrent));
        }
        self.tell_hosts(request.hosts, request.host_conflict);
    }

    fn tell_hosts(&mut self, hosts: Vec<DomainName>, is_conflict: bool) {
        let names = hosts
            .into_iter()
            .map(|host| Evidence::Name(host, NameSource::HttpHost));
        self.evidence.extend(names);
        if is_conflict {
            self.evidence.push(Evidence::HostConflict);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;
    use crate::key::{Endpoint, FiveTuple, FlowKey};
    use crate::observation::Observation;
    use crate::packet::{IpProtocol, TcpFlags, TcpSegment};

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

    /// HTTP/2: the preface, and two requests of which the second finds its host in the table.
    fn http2() -> Vec<u8> {
        [
            h2::PREFACE,
            b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x84\x86\x41\x09b.example",
            b"\0\0\x04\x01\x05\0\0\0\x03\x82\x84\x86\xbe",
        ]
        .concat()
    }

    /// A client's bytes on their way, from sequence number 1 on.
    #[derive(Default)]
    struct Client {
        stream: Stream,
        evidence: Vec<Evidence>,
    }

    impl Client {
        /// Sends the bytes at `seq`, of which the capture kept `bytes`; what the flow said of itself because of that.
        fn send_cut(&mut self, seq: u32, bytes: &[u8], origlen: usize) -> String {
            let end = |port| Endpoint {
                addr: [10, 0, 0, 1].into(),
                port,
            };
            let (key, sender) = FlowKey::of(&FiveTuple {
                src: end(50_000),
                dst: end(80),
                protocol: IpProtocol::TCP,
            });
            let flags = TcpFlags::ACK;
            let seen = Observation {
                tcp: Some(TcpSegment { flags, seq }),
                payload_origlen: origlen as u32,
                ..Observation::with_payload((key, sender), bytes)
            };
            self.evidence.clear();
            self.stream.hear(&seen, false, &mut self.evidence);
            let words = self.evidence.iter().filter_map(|piece| match piece {
                Evidence::Name(name, NameSource::HttpHost) => Some(name.to_string()),
                Evidence::HostConflict => Some("conflict".into()),
                _ => None,
            });
            words.collect::<Vec<_>>().join(" ")
        }

        fn send(&mut self, seq: u32, bytes: &[u8]) -> String {
            self.send_cut(seq, bytes, bytes.len())
        }

        fn speaks(&self, protocol: Protocol) -> bool {
            self.evidence.contains(&Evidence::Protocol(protocol))
        }
    }

    #[test]
    fn a_host_is_told_with_the_segment_that_completes_its_line() {
        let mut client = Client::default();
        assert_eq!(client.send(1, b"GET / HTTP/1.1\r\nHo"), "");
        assert!(client.speaks(Protocol::Http));
        assert_eq!(client.send(19, b"st: a.example\r"), "");
        assert_eq!(client.send(33, b"\nCookie: "), "a.example");
    }

    #[test]
    fn every_request_of_a_connection_is_told() {
        let mut client = Client::default();
        let post = b"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 40\r\n\r\n";
        let body = [b'x'; 40];
        let pipelined = [GET, post, &body, b"GET http://c.example/ HTTP/1.0\n\n"].concat();
        assert_eq!(client.send(1, &pipelined), "a.example b.example c.example");
        let seq = 1 + pipelined.len() as u32;
        assert_eq!(client.send(seq, GET), "a.example");
    }

    #[test]
    fn a_question_to_a_tracker_of_bittorrent_is_both() {
        let mut client = Client::default();
        client.send(
            1,
            b"GET /announce?info_hash=abcdefghijklmnopqrst HTTP/1.1\r\n\r\n",
        );
        assert!(client.speaks(Protocol::Http) && client.speaks(Protocol::BitTorrent));
    }

    #[test]
    fn what_a_request_turns_to_is_told() {
        let mut client = Client::default();
        client.send(
            1,
            b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n",
        );
        assert!(client.speaks(Protocol::Http) && client.speaks(Protocol::WebSocket));
        let mut client = Client::default();
        let query = b"POST /dns-query HTTP/1.1\r\nContent-Type: application/dns-message\r\n\r\n";
        client.send(1, query);
        assert!(client.speaks(Protocol::DnsOverHttps) && !client.speaks(Protocol::WebSocket));
    }

    #[test]
    fn contradicting_hosts_are_told() {
        let head = b"GET / HTTP/1.1\r\nHost: a.example\r\nHOST: b.example\r\n\r\n";
        assert_eq!(
            Client::default().send(1, head),
            "a.example b.example conflict"
        );
    }

    #[test]
    fn http2_is_read_from_its_preface_on() {
        let bytes = http2();
        let mut client = Client::default();
        assert_eq!(client.send(1, &bytes), "b.example b.example");
        assert!(client.speaks(Protocol::Http) && client.speaks(Protocol::Http2));
        for cut in 1..bytes.len() {
            let mut client = Client::default();
            let before = client.send(1, &bytes[..cut]);
            let after = client.send(1 + cut as u32, &bytes[cut..]);
            let all = [before, after].join(" ");
            assert_eq!(all.trim(), "b.example b.example", "{cut}");
        }
    }

    #[test]
    fn an_upgraded_request_may_be_followed_by_anything() {
        let upgrade = b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n\r\n";
        let (accepted, refused) = ([upgrade, &*http2()].concat(), [&upgrade[..], GET].concat());
        assert_eq!(
            Client::default().send(1, &accepted),
            "a.example b.example b.example"
        );
        assert_eq!(Client::default().send(1, &refused), "a.example a.example");
    }

    #[test]
    fn http2_follows_on_an_upgraded_request_with_a_body() {
        let upgrade =
            b"POST / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\n\
            Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 2\r\n\r\n{}";
        let mut client = Client::default();
        assert_eq!(client.send(1, upgrade), "a.example");
        let seq = 1 + upgrade.len() as u32;
        assert_eq!(client.send(seq, &http2()), "b.example b.example");
        assert!(client.speaks(Protocol::Http2));
    }

    #[test]
    fn http2_without_its_beginning_is_nothing() {
        let bytes = http2();
        for from in 1..bytes.len() {
            assert_eq!(Client::default().send(1, &bytes[from..]), "", "{from}");
        }
    }

    #[test]
    fn http2_is_given_up_where_a_header_block_may_be_missing() {
        let bytes = http2();
        let second = bytes.len() - 13;
        // The capture cut the first block behind the host, in the host, or all of it.
        for (kept, told) in [(second, "b.example"), (second - 1, ""), (24, "")] {
            let mut client = Client::default();
            assert_eq!(client.send_cut(1, &bytes[..kept], second + 1), told);
            let other = b"\0\0\x04\x01\x05\0\0\0\x05\x82\x84\x86\xbe";
            assert_eq!(client.send(second as u32 + 2, other), "");
        }
    }

    #[test]
    fn http2_goes_on_behind_a_body_that_was_cut() {
        let data = [b"\0\x01\0\0\0\0\0\0\x01", &[b'x'; 256][..]].concat();
        let bytes = [http2(), data].concat();
        let end = 1 + bytes.len() as u32;
        let mut client = Client::default();
        client.send_cut(1, &bytes[..bytes.len() - 200], bytes.len());
        let next = b"\0\0\x04\x01\x05\0\0\0\x05\x82\x84\x86\xbe";
        assert_eq!(client.send(end, next), "b.example");
    }

    #[test]
    fn a_retransmission_with_other_bytes_is_looked_into() {
        let mut client = Client::default();
        // Three bytes of padding that were taken for a payload.
        assert_eq!(client.send(1, b"\0\0\0"), "");
        assert_eq!(client.send(1, GET), "a.example");
    }

    #[test]
    fn a_head_behind_a_lost_segment_names_its_host() {
        let mut client = Client::default();
        client.send(1, b"GET / HTTP/1.1\r\n");
        assert_eq!(client.send(2000, GET), "a.example");
        let mut client = Client::default();
        client.send(1, b"GET / HTTP/1.1\r\n");
        assert_eq!(client.send(2000, &GET[..GET.len() - 2]), "a.example");
    }

    #[test]
    fn an_http2_state_is_counted_and_released() {
        let mut client = Client::default();
        client.send(1, &http2());
        assert!(client.stream.held_bytes() > size_of::<h2::Requests>());
        // No HTTP/2: a header block in stream 0.
        client.send(1 + http2().len() as u32, b"\0\0\x01\x01\x04\0\0\0\0\x82");
        assert_eq!(client.stream.held_bytes(), 0);
    }
}
