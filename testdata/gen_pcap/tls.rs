//! TLS messages: hellos in the clear, everything after them noise.
//!
//! Source: RFC 8446 §4.1.2, §4.1.3, §5.1; RFC 6066 §3; RFC 7301 §3.1.

use super::packet::noise;

/// What a ClientHello says.
#[derive(Clone, Copy)]
pub(crate) struct Hello<'a> {
    /// The server's name; empty leaves the extension out.
    pub(crate) sni: &'a [u8],
    /// Application protocols; empty leaves the extension out.
    pub(crate) alpn: &'a [&'a str],
    /// Whether X25519MLKEM768 is offered with a key share of 1,216 bytes, and a GREASE encrypted hello, before the name:
    /// the hello then spans two segments, and the name stands in the second.
    pub(crate) post_quantum: bool,
    /// What the random fields are made from.
    pub(crate) seed: u64,
}

fn counted8(body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8], body].concat()
}

fn counted16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes()[..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted16(body)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u32).to_be_bytes();
    [&[kind], &len[1..], body].concat()
}

/// GREASE, AES-128/256-GCM and ChaCha20 of TLS 1.3, then ECDHE suites of TLS 1.2.
const SUITES: [u16; 10] = [
    0x6a6a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
];

/// A ClientHello as a handshake message, as a browser would send it.
pub(crate) fn client_hello(hello: &Hello<'_>) -> Vec<u8> {
    let suites: Vec<u8> = SUITES.iter().flat_map(|s| s.to_be_bytes()).collect();
    let mut extensions = extension(0x1a1a, &[]);
    if hello.post_quantum {
        extensions.extend(key_share(hello));
        extensions.extend(grease_ech(hello));
    }
    if !hello.sni.is_empty() {
        let name = [&[0][..], &counted16(hello.sni)].concat();
        extensions.extend(extension(0, &counted16(&name)));
    }
    extensions.extend(extension(23, &[])); // extended_master_secret
    extensions.extend(extension(0xff01, &[0])); // renegotiation_info
    extensions.extend(extension(
        10, // supported_groups
        b"\x00\x0a\x2a\x2a\x11\xec\x00\x1d\x00\x17\x00\x18",
    ));
    extensions.extend(extension(11, b"\x01\x00")); // ec_point_formats
    extensions.extend(extension(35, &[])); // session_ticket
    if !hello.alpn.is_empty() {
        let list: Vec<u8> = hello
            .alpn
            .iter()
            .flat_map(|p| counted8(p.as_bytes()))
            .collect();
        extensions.extend(extension(16, &counted16(&list)));
    }
    extensions.extend(extension(5, b"\x01\x00\x00\x00\x00")); // status_request
    extensions.extend(extension(
        13, // signature_algorithms
        b"\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01",
    ));
    extensions.extend(extension(18, &[])); // signed_certificate_timestamp
    if !hello.post_quantum {
        extensions.extend(key_share(hello));
    }
    extensions.extend(extension(45, b"\x01\x01")); // psk_key_exchange_modes
    extensions.extend(extension(43, b"\x06\x3a\x3a\x03\x04\x03\x03")); // supported_versions
    extensions.extend(extension(0xaaaa, &[0]));
    let body = [
        &b"\x03\x03"[..],
        &noise(hello.seed, 32),
        &counted8(&noise(hello.seed ^ 1, 32)),
        &counted16(&suites),
        b"\x01\x00",
        &counted16(&extensions),
    ]
    .concat();
    handshake(1, &body)
}

fn key_share(hello: &Hello<'_>) -> Vec<u8> {
    let mut shares = b"\x2a\x2a\x00\x01\x00".to_vec();
    if hello.post_quantum {
        shares.extend(0x11ec_u16.to_be_bytes());
        shares.extend(counted16(&noise(hello.seed ^ 2, 1216)));
    }
    shares.extend(0x001d_u16.to_be_bytes());
    shares.extend(counted16(&noise(hello.seed ^ 3, 32)));
    extension(51, &counted16(&shares))
}

/// An encrypted hello of nothing, as browsers send it where they have no key (draft-ietf-tls-esni §6.2).
fn grease_ech(hello: &Hello<'_>) -> Vec<u8> {
    let body = [
        &[0, 0, 1, 0, 1, 0x2a][..],
        &counted16(&noise(hello.seed ^ 8, 32)),
        &counted16(&noise(hello.seed ^ 9, 144)),
    ]
    .concat();
    extension(0xfe0d, &body)
}

/// A ServerHello that chooses TLS 1.3, as a handshake message.
pub(crate) fn server_hello(seed: u64) -> Vec<u8> {
    let share = [&b"\x00\x1d"[..], &counted16(&noise(seed ^ 4, 32))].concat();
    let extensions = [extension(51, &share), extension(43, b"\x03\x04")].concat();
    let body = [
        &b"\x03\x03"[..],
        &noise(seed ^ 5, 32),
        &counted8(&noise(seed ^ 1, 32)),
        b"\x13\x01\x00",
        &counted16(&extensions),
    ]
    .concat();
    handshake(2, &body)
}

/// `body` in records of at most `size` bytes; type 22 is handshake, 20 change_cipher_spec, 23 application data.
pub(crate) fn records(kind: u8, body: &[u8], size: usize) -> Vec<u8> {
    body.chunks(size)
        .flat_map(|chunk| [&[kind, 0x03, 0x03][..], &counted16(chunk)].concat())
        .collect()
}

/// A ClientHello in one record of the version that clients write there.
pub(crate) fn hello_record(hello: &Hello<'_>) -> Vec<u8> {
    let mut record = records(22, &client_hello(hello), 16_384);
    record[2] = 0x01;
    record
}

/// The server's first flight: ServerHello, change_cipher_spec, and an encrypted certificate of about 2.5 KB.
pub(crate) fn server_flight(seed: u64) -> Vec<u8> {
    [
        records(22, &server_hello(seed), 16_384),
        records(20, &[1], 1),
        records(23, &noise(seed ^ 6, 2500), 16_384),
    ]
    .concat()
}

/// The client's Finished.
pub(crate) fn client_finished(seed: u64) -> Vec<u8> {
    [
        records(20, &[1], 1),
        records(23, &noise(seed ^ 7, 53), 16_384),
    ]
    .concat()
}

/// Application data.
pub(crate) fn data(seed: u64, len: usize) -> Vec<u8> {
    records(23, &noise(seed, len), 16_384)
}
