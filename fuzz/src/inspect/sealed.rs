//! QUIC Initial packets that are sealed as a client seals them: a script of packets and of the frames in them.
//!
//! Whoever changes a byte of a sealed packet gets one that nobody opens, so what is in them has to be made up before. Besides,
//! it is known here what the flow said, and so what has to be found.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use dpi_engine::inspect::Outcome;
use dpi_engine::inspect::quic::Initials;
use dpi_engine::inspect::tls::client_hello_message;
use hkdf::Hkdf;
use sha2::Sha256;

use super::datagrams::hear_quic;
use crate::script::Script;

/// Versions 1, 2 and draft 29: their salts, labels and the type of an Initial. RFC 9001 §5.2, RFC 9369 §3.
const SUITES: [Suite; 3] = [
    Suite {
        version: 1,
        salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
        labels: [b"quic key", b"quic iv", b"quic hp"],
        initial: 0,
    },
    Suite {
        version: 0x6b33_43cf,
        salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
        initial: 1,
    },
    Suite {
        version: 0xff00_001d,
        salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
        labels: [b"quic key", b"quic iv", b"quic hp"],
        initial: 0,
    },
];

/// Packets of a script, and frames of a packet.
const MAX_PACKETS: usize = 16;
const MAX_FRAMES: usize = 48;
/// Packets of a datagram that are surely looked at.
const MAX_COALESCED: usize = 8;
/// Pieces of a hello that are surely put together, in any order.
const MAX_PIECES: usize = 60;
/// Packets that surely do not use up the attempts at opening them.
const MAX_KNOWN_PACKETS: usize = 16;

struct Suite {
    version: u32,
    salt: [u8; 20],
    labels: [&'static [u8]; 3],
    initial: u8,
}

struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    header: [u8; 16],
}

/// What a client sends over QUIC.
pub fn quic(bytes: &[u8]) {
    let mut script = Script(bytes);
    let suite = &SUITES[script.below(SUITES.len())];
    let id_len = 8 + script.below(13);
    let mut id = script.take(id_len).to_vec();
    id.resize(id_len, 1);
    let keys = Keys::of_client(suite, &id);
    let hello = hello(&mut script);
    let mut flow = Initials::begin(true);
    let mut told = Told::new(hello.len());
    let mut found = Vec::new();
    let mut datagram = Vec::new();
    let mut coalesced = 0;
    for packet in 0..MAX_PACKETS {
        if script.is_over() {
            break;
        }
        let flags = script.u8();
        let frames = frames(&mut script, &hello, &mut told);
        datagram.extend(keys.packet(suite, &id, packet as u8, &frames));
        coalesced += 1;
        if flags & 1 == 0 || coalesced == MAX_COALESCED {
            found.push(hear_quic(&mut flow, &datagram));
            datagram.clear();
            coalesced = 0;
        }
    }
    if !datagram.is_empty() {
        found.push(hear_quic(&mut flow, &datagram));
    }
    let hellos: Vec<_> = found
        .into_iter()
        .filter_map(|outcome| match outcome {
            Outcome::Found(hello) => Some(hello),
            _ => None,
        })
        .collect();
    assert!(hellos.len() <= 1, "{hellos:?}");
    if told.is_whole() {
        let Outcome::Found(asked) = client_hello_message(&hello) else {
            panic!("a hello that is none");
        };
        assert_eq!(hellos.len(), 1);
        assert_eq!(hellos[0].server_name, asked.server_name);
        assert_eq!(hellos[0].alpn, asked.alpn);
    }
}

/// Which bytes of the hello were said, as long as nothing was said besides.
struct Told {
    bytes: Vec<bool>,
    pieces: usize,
    is_plain: bool,
    packets: usize,
}

impl Told {
    fn new(len: usize) -> Self {
        Self {
            bytes: vec![false; len],
            pieces: 0,
            is_plain: true,
            packets: 0,
        }
    }

    /// Whether all of it was said, in a way that leaves no room for doubt.
    fn is_whole(&self) -> bool {
        self.is_plain
            && self.pieces <= MAX_PIECES
            && self.packets <= MAX_KNOWN_PACKETS
            && self.bytes.iter().all(|&told| told)
    }
}

/// The frames of a packet: pieces of the hello, padding, acknowledgements, and what the script has of its own.
fn frames(script: &mut Script<'_>, hello: &[u8], told: &mut Told) -> Vec<u8> {
    let mut frames = Vec::new();
    told.packets += 1;
    for _ in 0..=script.below(MAX_FRAMES) {
        match script.u8() & 7 {
            0..=3 => {
                let from = usize::from(script.u16()) % hello.len();
                let len = usize::from(script.u16()).min(hello.len() - from);
                frames.push(6);
                frames.extend(number(from));
                frames.extend(number(len));
                frames.extend(&hello[from..from + len]);
                told.bytes[from..from + len].fill(true);
                told.pieces += 1;
            }
            4 => frames.extend(vec![0; usize::from(script.u8())]),
            5 => frames.push(1),
            6 => {
                // ACK of one packet.
                frames.extend([2, script.u8() & 0x3f, 0, 0, 0]);
            }
            _ => {
                frames.extend(script.piece());
                told.is_plain = false;
            }
        }
    }
    // Enough for a sample.
    frames.resize(frames.len().max(4), 0);
    frames
}

/// A ClientHello message to a host of the script's, with a protocol and padding of its choice. RFC 8446 §4.1.2.
fn hello(script: &mut Script<'_>) -> Vec<u8> {
    let host: Vec<u8> = script.piece().iter().copied().take(80).collect();
    let padding = usize::from(script.u16()) % 3000;
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, body: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((body.len() as u16).to_be_bytes());
        extensions.extend(body);
    };
    extension(21, &vec![0; padding]);
    let name = [&[0][..], &(host.len() as u16).to_be_bytes(), &host].concat();
    extension(0, &[&(name.len() as u16).to_be_bytes()[..], &name].concat());
    extension(16, b"\0\x03\x02h3");
    extension(43, b"\x02\x03\x04");
    let mut body = b"\x03\x03".to_vec();
    body.extend([7; 32]);
    body.extend(b"\0\0\x02\x13\x01\x01\0");
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let len = (body.len() as u32).to_be_bytes();
    [&[1][..], &len[1..], &body].concat()
}

/// A variable-length integer of four bytes, RFC 9000 §16.
fn number(number: usize) -> [u8; 4] {
    (number as u32 | 2 << 30).to_be_bytes()
}

impl Keys {
    /// RFC 9001 §5.1, §5.2.
    fn of_client(suite: &Suite, id: &[u8]) -> Self {
        let (_, initial) = Hkdf::<Sha256>::extract(Some(&suite.salt), id);
        let secret: [u8; 32] = expand(&initial, b"client in");
        let client = Hkdf::from_prk(&secret).expect("a secret is long enough");
        let [key, iv, header] = suite.labels;
        Self {
            key: expand(&client, key),
            iv: expand(&client, iv),
            header: expand(&client, header),
        }
    }

    /// An Initial packet, RFC 9000 §17.2.2, sealed as RFC 9001 §5.3 and §5.4 say.
    fn packet(&self, suite: &Suite, id: &[u8], packet: u8, frames: &[u8]) -> Vec<u8> {
        let mut header = vec![0xc0 | suite.initial << 4];
        header.extend(suite.version.to_be_bytes());
        header.push(id.len() as u8);
        header.extend(id);
        // Source ID, token.
        header.extend(b"\x03src\0");
        header.extend(number(1 + frames.len() + 16));
        let number_at = header.len();
        header.push(packet);

        let mut nonce = self.iv;
        nonce[11] ^= packet;
        let mut body = frames.to_vec();
        let tag = Aes128Gcm::new(&self.key.into())
            .encrypt_inout_detached(&nonce.into(), &header, body.as_mut_slice().into())
            .expect("the body is short enough");
        let mut packet = [&header, &body[..], tag.as_slice()].concat();
        let sample: [u8; 16] = packet[number_at + 4..][..16].try_into().expect("16 bytes");
        let mut mask = sample.into();
        Aes128::new(&self.header.into()).encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        packet[number_at] ^= mask[1];
        packet
    }
}

/// HKDF-Expand-Label without a context, RFC 8446 §7.1.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    let lens = [0, N as u8, 6 + label.len() as u8];
    secret
        .expand_multi_info(&[&lens, b"tls13 ", label, &[0]], &mut output)
        .expect("the output is short enough");
    output
}
