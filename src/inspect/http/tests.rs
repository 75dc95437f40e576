use proptest::prelude::*;

use super::*;
use crate::inspect::testing::each_mutation;

/// As curl sends it.
const GET: &[u8] = b"GET /index.html HTTP/1.1\r\n\
    Host: example.org\r\n\
    User-Agent: curl/7.88.1\r\n\
    Accept: */*\r\n\
    \r\n";

fn found(head: &[u8]) -> Request {
    match request(head) {
        Outcome::Found(request) => request,
        other => panic!("{other:?}: {}", head.escape_ascii()),
    }
}

fn hosts(head: &[u8]) -> Vec<String> {
    found(head).hosts.iter().map(ToString::to_string).collect()
}

/// The host that a request with this Host header is for.
fn host(value: &str) -> Vec<String> {
    hosts(format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n").as_bytes())
}

fn body(headers: &str) -> Body {
    found(format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes()).body
}

#[test]
fn a_request_is_read() {
    let request = Request {
        len: GET.len(),
        hosts: vec![DomainName::from_bytes(b"example.org").unwrap()],
        body: Body::None,
        is_connect: false,
        has_upgrade: false,
        wants_web_socket: false,
        carries_dns: false,
        asks_tracker: false,
        host_conflict: false,
    };
    assert_eq!(found(GET), request);
    assert_eq!(found(&[GET, b"GET /2"].concat()), request);
    assert_eq!(request_partial(GET), Some(request));
}

#[test]
fn every_method_is_taken() {
    for method in [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "CONNECT",
        "OPTIONS",
        "TRACE",
        "PATCH",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
        "VERSION-CONTROL",
        "SEARCH",
        "M-SEARCH",
        "NOTIFY",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "UPDATEREDIRECTREF",
        "CCM_POST",
        "X",
    ] {
        let target = if method == "CONNECT" {
            "a.example:443"
        } else {
            "/"
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert_eq!(hosts(head.as_bytes()), ["a.example"]);
        assert_eq!(found(head.as_bytes()).is_connect, method == "CONNECT");
    }
}

#[test]
fn other_protocols_are_turned_away() {
    for start in [
        &b"\x16\x03\x01\x00\x20\x01"[..],
        b"get / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"220 mail.example ESMTP\r\n",
        b"-ERR no\r\n",
        b"ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n",
        b"GET\x00/ HTTP/1.1\r\n",
    ] {
        assert!(!looks_like_request(start), "{}", start.escape_ascii());
        assert_eq!(request(start), Outcome::NotMine);
    }
    for line in [
        &b"EHLO mail.example\r\n"[..],
        b"USER anonymous\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS rtsp://a.example/ RTSP/1.0\r\n\r\n",
        b"INVITE sip:a@a.example SIP/2.0\r\n\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.\r\n",
        b"GET / HTTP/.1\r\n",
        b"GET / HTTP/1\r\n",
        b"GET / HTTP/1.1.1\r\n",
        b"GET / HTTP/1.1x\r\n",
        b"GET / XHTTP/1.1\r\n",
        b"QUIT\r\n",
        b"GET HTTP\r\n",
        b"A  \r\n",
    ] {
        assert_eq!(request(line), Outcome::NotMine, "{}", line.escape_ascii());
        assert_eq!(request_partial(line), None);
    }
}

#[test]
fn every_prefix_needs_more_and_shows_no_wrong_name() {
    let folded =
        b"\r\nGET http://a.example/ HTTP/1.1\r\nX: 1\r\n 2\r\nHost:\r\n\tb.example\r\n\r\n";
    for head in [GET, folded] {
        let whole = found(head);
        for cut in 0..head.len() {
            let prefix = &head[..cut];
            assert_eq!(request(prefix), Outcome::NeedMore, "{cut}");
            let partial = request_partial(prefix).map_or(Vec::new(), |request| request.hosts);
            assert!(
                partial.iter().all(|host| whole.hosts.contains(host)),
                "{partial:?}"
            );
        }
    }
}

#[test]
fn a_host_before_the_cut_is_found() {
    let cut = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\nCook";
    let partial = request_partial(cut).unwrap();
    assert_eq!(
        partial.hosts,
        [DomainName::from_bytes(b"a.example").unwrap()]
    );
    assert_eq!((partial.len, partial.body), (cut.len(), Body::None));
    assert_eq!(
        request_partial(b"GET / HTTP/1.1\r\nHost: a.exam")
            .unwrap()
            .hosts,
        []
    );
    assert_eq!(request_partial(b"GET / HTTP/1.1"), None);
}

#[test]
fn hosts_are_bare() {
    assert_eq!(host("WWW.Example.com."), ["www.example.com"]);
    assert_eq!(host("example.com:8080"), ["example.com"]);
    assert_eq!(host("example.com:"), ["example.com"]);
    assert_eq!(host(" \t example.com \t"), ["example.com"]);
    assert_eq!(host("user:secret@example.com:80"), ["example.com"]);
    assert_eq!(host("192.0.2.1:80"), ["192.0.2.1"]);
    assert_eq!(host("[::1]:8000"), ["::1"]);
    assert_eq!(host("[2001:DB8::1"), ["2001:db8::1"]);
    assert_eq!(host("2001:db8::1"), ["2001:db8::1"]);
    assert_eq!(host("a:b:c"), ["a"]);
    assert_eq!(host("bücher.example"), ["b\\195\\188cher.example"]);
    assert_eq!(host("this is no name"), ["this is no name"]);
    for nothing in ["", " ", ":80", "[]", "@", "."] {
        assert!(host(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn the_target_names_a_host_too() {
    let both = |target: &str, host: &str| {
        hosts(format!("GET {target} HTTP/1.1\r\n{host}\r\n\r\n").as_bytes())
    };
    assert_eq!(
        both("http://a.example:81/x?y", "Host: b.example"),
        ["b.example", "a.example"]
    );
    assert_eq!(
        both("http://A.example/", "Host: a.example:80"),
        ["a.example"]
    );
    assert_eq!(
        both("http://a.example?http://c.example", "X: 1"),
        ["a.example"]
    );
    assert_eq!(both("ftp://u:p@[::1]", "X: 1"), ["::1"]);
    assert!(both("/http://a.example/", "X: 1").is_empty());
    assert!(both("*", "X: 1").is_empty());
    assert!(both("a:b", "X: 1").is_empty());
    let connect = found(
        b"CONNECT a.example:443 HTTP/1.1\r\nHost: front.example\r\nContent-Length: 9\r\n\r\n",
    );
    assert!(connect.is_connect && connect.body == Body::None);
    assert_eq!(connect.hosts.len(), 2);
    assert_eq!(connect.hosts[1].as_str(), "a.example");
}

#[test]
fn every_host_is_told_and_the_first_is_first() {
    let request = |target: &str, second: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nhOST:a.example\r\nHost: {second}\r\n\r\n");
        let request = found(head.as_bytes());
        let hosts: Vec<&str> = request.hosts.iter().map(DomainName::as_str).collect();
        (hosts.join(" "), request.host_conflict)
    };
    for (target, second, hosts, conflict) in [
        ("/", "A.Example:80", "a.example", false),
        ("/", "", "a.example", false),
        ("/", "b.example", "a.example b.example", true),
        (
            "http://b.example/",
            "b.example",
            "a.example b.example",
            true,
        ),
        (
            "http://c.example/",
            "b.example",
            "a.example c.example b.example",
            true,
        ),
        (
            "http://c.example/",
            "a.example",
            "a.example c.example",
            false,
        ),
    ] {
        assert_eq!(request(target, second), (hosts.into(), conflict));
    }
}

#[test]
fn lines_that_no_server_should_accept_hide_nothing() {
    for bad in [
        "X: a\r\n b",
        "X : a",
        "no colon",
        "(odd): a",
        ": a",
        "X: \0\x01",
        "\u{fc}: a",
        "X\rY: a",
    ] {
        for eol in ["\r\n", "\n"] {
            let head = format!(
                "POST / HTTP/1.1{eol}{bad}{eol}Host: a.example{eol}Content-Length: 3{eol}{bad}{eol}{eol}"
            );
            let request = found(head.as_bytes());
            assert_eq!(request.hosts[0].as_str(), "a.example", "{bad}");
            assert_eq!(
                (request.body, request.len),
                (Body::Length(3), head.len()),
                "{bad}"
            );
        }
    }
    for line in [
        "GET  /  HTTP/1.1",
        "GET /a b\x01 HTTP/1.1",
        "GET /\u{fc} HTTP/1.1 ",
        "GET / HTTP/1.2",
        "GET / HTTP/0.9",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / HTTP/2.0",
        "GET HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET\x0b/\x0cHTTP/1.1\t",
        "GET \r / HTTP/1.1\r",
    ] {
        let head = format!("{line}\r\nHost: a.example\r\n\r\n");
        assert_eq!(hosts(head.as_bytes()), ["a.example"], "{line}");
    }
    assert_eq!(
        hosts(b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n"),
        ["a.example"]
    );
    assert_eq!(
        hosts(b"GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"),
        ["a.example"]
    );
    assert_eq!(
        hosts(b"GET / HTTP/1.1\r\nHost:\r\n\r\n a.example\r\n\r\n"),
        [""; 0]
    );
}

#[test]
fn any_number_of_headers_is_read() {
    for count in [100, 127, 128, 129, 1000] {
        let many = "X: 1\r\n".repeat(count);
        let first = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{many}\r\n");
        let last = format!("GET / HTTP/1.1\r\n{many}Host: a.example\r\n\r\n");
        assert_eq!(hosts(first.as_bytes()), ["a.example"]);
        assert_eq!(hosts(last.as_bytes()), ["a.example"]);
    }
}

#[test]
fn a_head_that_never_ends_is_told_for_what_it_says() {
    let mut head = b"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nX: ".to_vec();
    head.resize(MAX_HEAD - 1, b'x');
    assert_eq!(request(&head), Outcome::NeedMore);
    head.push(b'x');
    let request = found(&head);
    assert_eq!((request.len, request.body), (MAX_HEAD, Body::None));
    assert_eq!(request.hosts.len(), 1);
    let line = [&b"GET /"[..], &[b'x'; MAX_HEAD]].concat();
    assert_eq!(super::request(&line), Outcome::NotMine);
}

#[test]
fn the_body_is_framed_as_servers_do() {
    assert_eq!(body("X: 1"), Body::None);
    assert_eq!(body("Content-Length: 5"), Body::Length(5));
    assert_eq!(body("content-length:0"), Body::None);
    assert_eq!(
        body("Content-Length: 5, 5\r\nContent-Length: 5"),
        Body::Length(5)
    );
    assert_eq!(
        body("Content-Length: 18446744073709551615"),
        Body::Length(u64::MAX)
    );
    for bad in [
        "18446744073709551616",
        "-1",
        "+5",
        "5 5",
        "0x5",
        "",
        "5, 6",
        "5\r\nContent-Length: 6",
    ] {
        assert_eq!(body(&format!("Content-Length: {bad}")), Body::None, "{bad}");
    }
    assert_eq!(body("Transfer-Encoding: gzip, Chunked"), Body::Chunked);
    assert_eq!(
        body("Content-Length: 5\r\nTransfer-Encoding: chunked"),
        Body::Chunked
    );
    assert_eq!(
        body("Content-Length: 5\r\nTransfer-Encoding: gzip"),
        Body::None
    );
}

#[test]
fn what_may_turn_into_something_else_is_told() {
    let upgrade = found(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n\r\n");
    assert!(upgrade.has_upgrade && upgrade.wants_web_socket);
    assert!(!found(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n").wants_web_socket);
    assert!(
        !found(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade-Insecure-Requests: 1\r\n\r\n").has_upgrade
    );
}

#[test]
fn responses_are_told_by_their_first_bytes() {
    assert!(is_response(b"HTTP/1.1 200 OK\r\n") && is_response(b"HTTP/1."));
    assert!(!is_response(b"HTTP/1") && !is_response(b"HTTP/2 200") && !is_response(GET));
}

#[test]
fn damaged_heads_never_panic() {
    let upload =
        b"POST http://a.example/ HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n";
    for head in [GET, upload] {
        each_mutation(head, 5000, |bytes| {
            if let Outcome::Found(request) = request(bytes) {
                assert!(request.len <= bytes.len());
            }
            let _ = request_partial(bytes);
        });
    }
}

proptest! {
    #[test]
    fn our_scan_reads_what_httparse_reads(
        target in "[a-z:/?#@.]{1,20}",
        headers in prop::collection::vec(("(Host|Content-Length|Transfer-Encoding|Upgrade|[A-Za-z-]{1,9})", "[ -~]{0,20}"), 0..8),
    ) {
        let mut head = format!("GET {target} HTTP/1.1\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        prop_assert_eq!(request_partial(head.as_bytes()), Some(found(head.as_bytes())));
    }

    #[test]
    fn any_bytes_are_answered(bytes in "(GET |POST |[A-Z]{0,25} )?[ -~\r\n\t:\u{0}-\u{ff}]{0,100}(HTTP/1.1\r\n)?(Host|Content-Length)?:?[ -~\r\n]{0,50}") {
        let _ = request(bytes.as_bytes());
        let _ = request_partial(bytes.as_bytes());
    }
}

#[test]
fn a_dns_message_is_told_by_its_type() {
    let is_dns =
        |header: &str| found(format!("POST / HTTP/1.1\r\n{header}\r\n\r\n").as_bytes()).carries_dns;
    assert!(is_dns("Content-Type: application/dns-message"));
    assert!(is_dns(
        "accept: text/plain;q=0.1, Application/DNS-Message;q=1"
    ));
    assert!(!is_dns("Content-Type: application/dns-json"));
    assert!(!is_dns("X-Type: application/dns-message"));
}

#[test]
fn a_question_to_a_tracker_is_told_by_the_hash_in_its_target() {
    let asks = |line: &str| found(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()).asks_tracker;
    let hash = "info_hash=%01%23%45g%89%AB%CD%EF%fe%dc%ba%98vT2%10abcd";
    assert!(asks(&format!(
        "GET /announce?{hash}&peer_id=-XX0001-abcdefghijkl&port=6881"
    )));
    assert!(asks(&format!(
        "GET http://tracker.example:6969/key/announce.php?key=1&{hash}"
    )));
    assert!(asks(&format!("GET /scrape?{hash}&{hash}")));
    assert!(!asks(&format!("POST /announce?{hash}")));
    assert!(!asks(&format!("GET /announce/{hash}")));
    // A byte too few, one too many, one that is not written soundly; the word elsewhere.
    assert!(!asks(&format!("GET /announce?{}", &hash[..hash.len() - 1])));
    assert!(!asks(&format!("GET /announce?{hash}e")));
    assert!(!asks("GET /announce?info_hash=abcdefghijklmnopqrst%2"));
    assert!(!asks(&format!("GET /search?q={hash}")));
}
