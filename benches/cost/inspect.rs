//! The readers of single protocols, each with bytes that it knows, and with bytes that are somebody else's.

use divan::{Bencher, black_box};
use dpi_engine::inspect::dns::{self, Dialect, answers};
use dpi_engine::inspect::{Outcome, dtls, h2, http, quic, tls};
use dpi_engine::packet::IpProtocol;

use crate::traffic::{noise, payloads};

/// The beginning of HTTP/2 in the clear: preface, empty settings, a request for `http://www.example.com/`.
///
/// Source: RFC 9113 §3.4, §6.5, §6.2; RFC 7541 §C.4.1.
const H2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x11\x01\x05\x00\x00\x00\x01\
    \x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";

/// A hello that fits one segment.
fn client_hello() -> Vec<u8> {
    let mut payloads = payloads("recorded/tls13_curl.pcap", IpProtocol::TCP).into_iter();
    let hello = payloads.find(|payload| tls::looks_like_client_hello(payload));
    hello.expect("a hello")
}

#[divan::bench]
fn tls_client_hello(bencher: Bencher<'_, '_>) {
    let hello = client_hello();
    assert!(matches!(tls::client_hello(&hello), Outcome::Found(_)));
    bencher.bench_local(|| tls::client_hello(black_box(&hello)));
}

#[divan::bench]
fn tls_fingerprints(bencher: Bencher<'_, '_>) {
    let hello = client_hello();
    assert!(tls::fingerprints(&hello).is_some());
    bencher.bench_local(|| tls::fingerprints(black_box(&hello)));
}

#[divan::bench]
fn tls_certificate(bencher: Bencher<'_, '_>) {
    let payloads = payloads("recorded/tls12_curl.pcap", IpProtocol::TCP);
    let is_hello = |payload: &Vec<u8>| matches!(tls::server_hello(payload), Outcome::Found(_));
    let mut flight = Vec::new();
    for payload in payloads.iter().skip_while(|payload| !is_hello(payload)) {
        flight.extend(payload);
        if let Outcome::Found(_) = tls::certificate_names(&flight) {
            break;
        }
    }
    assert!(matches!(tls::certificate_names(&flight), Outcome::Found(_)));
    bencher.bench_local(|| tls::certificate_names(black_box(&flight)));
}

/// From the first datagram to the one that completes the hello: keys, decryption, frames, hello.
#[divan::bench(args = ["recorded/quic_quinn.pcap", "recorded/quic_v2.pcap", "recorded/chromium_quic.pcap"])]
fn quic_initials(bencher: Bencher<'_, '_>, name: &str) {
    let datagrams = payloads(name, IpProtocol::UDP);
    let read = || {
        let mut initials = quic::Initials::begin(false);
        let mut outcomes = datagrams.iter().map(|bytes| initials.datagram(bytes));
        outcomes.find(|outcome| matches!(outcome, Outcome::Found(_)))
    };
    assert!(read().is_some());
    bencher.bench_local(read);
}

#[divan::bench]
fn dtls_client_hello(bencher: Bencher<'_, '_>) {
    let datagrams = payloads("dtls_fragments.pcap", IpProtocol::UDP);
    let read = || {
        let mut handshake = dtls::Handshake::begin(false);
        let mut told = datagrams.iter().map(|bytes| handshake.datagram(bytes));
        told.find(|told| !told.is_empty())
    };
    assert!(read().is_some());
    bencher.bench_local(read);
}

#[divan::bench]
fn http_request(bencher: Bencher<'_, '_>) {
    let payloads = payloads("recorded/http1.pcap", IpProtocol::TCP);
    let mut heads = payloads.iter();
    let head = heads.find(|payload| matches!(http::request(payload), Outcome::Found(_)));
    let head = head.expect("a request");
    bencher.bench_local(|| http::request(black_box(head)));
}

#[divan::bench]
fn h2_request(bencher: Bencher<'_, '_>) {
    let read = || {
        let Outcome::Found(preface) = h2::preface(black_box(H2)) else {
            return None;
        };
        let (mut requests, mut rest) = (h2::Requests::default(), H2.get(preface..)?);
        loop {
            let Outcome::Found(step) = requests.read(rest) else {
                return None;
            };
            if step.request.is_some() {
                return step.request;
            }
            rest = rest.get(step.len..)?;
        }
    };
    assert!(read().is_some_and(|request| request.hosts.len() == 1));
    bencher.bench_local(read);
}

#[divan::bench]
fn dns_question(bencher: Bencher<'_, '_>) {
    let messages = payloads("recorded/dns_udp.pcap", IpProtocol::UDP);
    let question = messages.first().expect("a message");
    let outcome = dns::message(question, Dialect::Dns);
    assert!(matches!(outcome, Outcome::Found(_)));
    bencher.bench_local(|| dns::message(black_box(question), Dialect::Dns));
}

#[divan::bench]
fn dns_answers(bencher: Bencher<'_, '_>) {
    let messages = payloads("recorded/dns_udp.pcap", IpProtocol::UDP);
    let mut answering = messages
        .iter()
        .filter(|message| answers::answers(message).is_some());
    let message = answering.next().expect("an answer");
    bencher.bench_local(|| answers::answers(black_box(message)));
}

/// The looks that turn nearly everything away: TLS, QUIC, DTLS, HTTP, DNS at one datagram or segment.
#[divan::bench(args = [64, 1400])]
fn looks_at_noise(bencher: Bencher<'_, '_>, len: usize) {
    let noise = noise(len);
    bencher.bench_local(|| {
        let noise = black_box(noise.as_slice());
        [
            tls::looks_like_client_hello(noise),
            quic::looks_like_quic(noise),
            dtls::looks_like_dtls(noise),
            http::looks_like_request(noise),
            dns::is_surely_dns(noise),
        ]
    });
}
