//! Hellos, requests and certificates that are none of the flow's: in files on their way, in mails, in bodies.

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: www.youtube.com\r\n\r\n";

/// A capture file of two packets, the second of which is a ClientHello at the offset that is told; `behind` follows that.
fn capture(behind: &[u8]) -> (Vec<u8>, usize) {
    let magic = hex("d4c3b2a1 0200 0400 00000000 00000000 00000400 65000000");
    let record = hex("e8030000 01000000 80000000 80000000");
    let front = [&magic[..], &record, &[0x45; 60], &record, &[0x45; 40]].concat();
    let bytes = [&front, &hex(CURL_TLS12), behind].concat();
    (bytes, front.len())
}

#[test]
fn a_capture_on_its_way_names_nobody() {
    let record = hex("e8030000 02000000 80000000 80000000");
    for behind in [&record[..], b""] {
        let (bytes, at) = capture(behind);
        for side in [Client, Server] {
            // In one piece, and cut before the file's first hello.
            for cut in [0, at - 10] {
                let mut talk = Talk::tcp(20);
                talk.say(side, &bytes[..cut]);
                talk.say(side, &bytes[cut..]);
                assert_eq!(talk.names(), [], "{cut}");
            }
        }
        // Where the file is in something else: what follows the hello tells.
        if !behind.is_empty() {
            for cut in [0, at] {
                let mut talk = Talk::tcp(20);
                talk.say(Client, b"put");
                talk.say(Client, &bytes[4..][..cut.saturating_sub(4)]);
                talk.say(Client, &bytes[cut.max(4)..]);
                assert_eq!(talk.names(), [], "{cut}");
            }
        }
    }
}

#[test]
fn empty_lines_like_the_front_of_pcapng_hide_no_request() {
    let mut talk = Talk::tcp(80);
    talk.say(Client, &[b"\n\r\r\n", REQUEST].concat());
    assert_eq!(talk.names().len(), 1);
    let front = hex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000");
    let mut talk = Talk::tcp(20);
    talk.say(Client, &[front, hex(CURL_TLS12)].concat());
    assert_eq!(talk.names(), []);
}

#[test]
fn a_download_that_holds_a_hello_leaves_the_client_its_requests() {
    let mut talk = Talk::new(IpProtocol::TCP, 80);
    talk.say(Client, b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n");
    // The response's head was not captured.
    talk.say(Server, &hex(CURL_TLS12));
    talk.say(Client, b"GET /b HTTP/1.1\r\nHost: b.example\r\n\r\n");
    let from = NameSource::HttpHost;
    assert_eq!(talk.names(), [("a.example", from), ("b.example", from)]);
}

#[test]
fn a_server_that_begins_as_a_client_of_http2_hides_no_hello() {
    let mut talk = Talk::tcp(443);
    talk.say(Server, crate::inspect::h2::PREFACE);
    talk.say(Client, &hex(CURL_TLS12));
    assert_eq!(talk.names(), [NAME]);
}

#[test]
fn a_mail_line_by_line_is_no_request() {
    let mut talk = Talk::tcp(25);
    talk.say(Server, b"220 mail.example ESMTP\r\n");
    talk.say(Client, b"DATA\r\n");
    talk.say(Server, b"354 Go on.\r\n");
    for line in REQUEST.split_inclusive(|&byte| byte == b'\n') {
        talk.say(Client, line);
    }
    talk.say(Client, REQUEST);
    // One that comes early, too.
    talk.segment(Client, ACK, 9000, REQUEST);
    talk.say(Server, b"250 OK.\r\n");
    assert_eq!(talk.evidence, [Evidence::Protocol(Protocol::Smtp)]);
}

#[test]
fn a_server_of_lines_says_no_request() {
    let mut talk = Talk::tcp(6667);
    talk.say(Server, b":irc.example NOTICE * :Hello.\r\n");
    talk.say(Server, REQUEST);
    assert_eq!(talk.evidence, [Evidence::Protocol(Protocol::Irc)]);
}

#[test]
fn requests_behind_a_greeting_that_is_no_line_are_told() {
    let mut talk = Talk::tcp(1080);
    talk.say(Client, b"\x05\x01\x00");
    talk.say(Server, b"\x05\x00");
    talk.say(Client, b"\x05\x01\x00\x03\x0chost.example\x00\x50");
    talk.say(Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00");
    talk.say(Client, REQUEST);
    assert_eq!(talk.names(), [("www.youtube.com", NameSource::HttpHost)]);
}

/// The head of a request whose body is another request.
fn post() -> Vec<u8> {
    let len = REQUEST.len();
    format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {len}\r\n\r\n").into_bytes()
}

const POSTED: (&str, NameSource) = ("a.example", NameSource::HttpHost);

#[test]
fn a_body_whose_head_is_late_is_no_request() {
    let post = post();
    let mut talk = Talk::tcp(80);
    talk.segment(Client, ACK, 1000 + post.len() as u32, REQUEST);
    talk.segment(Client, ACK, 1000, &post);
    talk.say(Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(talk.names(), [POSTED]);
}

#[test]
fn a_body_of_which_something_is_late_is_no_request() {
    let post = format!(
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n",
        100 + REQUEST.len()
    );
    let mut talk = Talk::tcp(80);
    let body = 1000 + post.len() as u32;
    talk.segment(Client, ACK, body + 100, REQUEST);
    talk.segment(Client, ACK, 1000, post.as_bytes());
    talk.say(Server, b"HTTP/1.1 100 Continue\r\n\r\n");
    talk.segment(Client, ACK, body, &[b'x'; 100]);
    assert_eq!(talk.names(), [POSTED]);
}

#[test]
fn a_request_behind_a_lost_segment_is_told_when_the_server_answers() {
    let mut talk = Talk::tcp(80);
    talk.segment(Client, ACK, 2000, REQUEST);
    assert_eq!(talk.names(), []);
    talk.say(Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(talk.names(), [("www.youtube.com", NameSource::HttpHost)]);
}

#[test]
fn a_body_that_comes_again_is_no_request() {
    for body in [REQUEST, &hex(CURL_TLS12)] {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut talk = Talk::tcp(80);
        talk.say(Client, head.as_bytes());
        talk.say(Client, body);
        talk.segment(Client, ACK, 1000 + head.len() as u32, body);
        // All of it in one segment, of which the end comes again.
        let mut together = Talk::tcp(80);
        together.say(Client, &[head.as_bytes(), body].concat());
        together.segment(Client, ACK, 1000 + head.len() as u32, body);
        for talk in [talk, together] {
            assert_eq!(talk.names(), [POSTED]);
        }
    }
}

#[test]
fn another_request_in_the_place_of_the_first_is_told() {
    let mut talk = Talk::tcp(80);
    talk.segment(
        Client,
        ACK,
        1000,
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    talk.segment(Client, ACK, 1000, REQUEST);
    assert_eq!(talk.names().len(), 2);
}

#[test]
fn chunks_behind_a_lost_one_are_no_requests_before_the_server_answers() {
    let mut talk = Talk::tcp(80);
    talk.say(
        Client,
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    talk.say(Client, b"1000\r\nxxx");
    talk.next[Client.index()] += 1000;
    // So much waits that the lost segment is given up.
    talk.say(Client, REQUEST);
    for _ in 0..80 {
        talk.say(Client, &[b'x'; 100]);
        assert_eq!(talk.names(), [POSTED]);
    }
}

#[test]
fn a_hole_in_a_body_of_known_length_ends_no_body() {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n",
        1000 + REQUEST.len()
    );
    let mut talk = Talk::tcp(80);
    talk.say(Client, head.as_bytes());
    talk.say_cut(Client, &[b'x'; 1000], 100);
    talk.say(Client, REQUEST);
    talk.say(Client, b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
    assert_eq!(talk.names(), [POSTED, ("b.example", NameSource::HttpHost)]);
}

#[test]
fn requests_are_told_again_when_the_server_has_answered_a_lost_one() {
    let mut talk = Talk::tcp(80);
    talk.say(
        Client,
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let cut = [&b"1000\r\n"[..], &[b'x'; 1000]].concat();
    talk.say_cut(Client, &cut, 100);
    talk.say(Client, REQUEST);
    assert_eq!(talk.names(), [POSTED]);
    talk.say(Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    talk.say(Client, REQUEST);
    assert_eq!(talk.names().len(), 2);
}

#[test]
fn a_server_flight_amid_a_file_certifies_nobody() {
    let flight = hex(SERVER_FLIGHT);
    for side in [Client, Server] {
        let mut talk = Talk::tcp(20);
        talk.say(side.other(), b"hello");
        talk.say(side, &[0x80; 1400]);
        talk.say(side, &flight);
        assert_eq!(talk.names(), []);
    }
    // An upload of a file that is nothing else.
    let mut talk = Talk::tcp(20);
    talk.say(Client, &flight);
    assert_eq!(talk.names(), []);
    // A client whose hello was lost, and the rest of whose flight was not.
    let mut talk = Talk::tcp(443);
    talk.segment(Client, ACK, 1500, &[0x80; 100]);
    talk.say(Server, &flight);
    assert_eq!(talk.names().len(), CERTIFIED.0);
}

#[test]
fn a_head_in_many_tiny_segments_is_looked_through_at_new_lines_only() {
    let lines = "Host: a.example\r\n".repeat(200);
    let head = format!("GET / HTTP/1.1\r\n{lines}X: y\r\n\r\n");
    let mut talk = Talk::tcp(80);
    for (i, byte) in head.as_bytes().chunks(1).enumerate() {
        let told = talk.evidence.len();
        talk.say(Client, byte);
        assert!(
            talk.evidence.len() == told || byte == b"\n" || i < 16,
            "{i}"
        );
    }
    assert_eq!(talk.names(), [POSTED]);
}
