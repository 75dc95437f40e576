//! Protocols of datagrams: a script of what one side of a flow sends, datagram by datagram.

use dpi_engine::inspect::dtls::{self, Handshake, Message};
use dpi_engine::inspect::openvpn::{self, Packet};
use dpi_engine::inspect::quic::{Initials, QuicHello, looks_like_quic};
use dpi_engine::inspect::tls::MAX_CERTIFICATE_NAMES;
use dpi_engine::inspect::{Outcome, netbios as nbns, sctp as association};

use super::is_fit_to_show;
use crate::script::Script;

/// Datagrams of one script.
const MAX_DATAGRAMS: usize = 128;
/// Bytes that a side of DTLS may hold: four messages, what their vectors have in reserve, and where their stretches lie.
const MAX_HELD_DTLS: usize = 4 * (2 * dtls::MAX_MESSAGE + 64 * 64);
/// Bytes that a flow of QUIC may hold: one hello, likewise.
pub const MAX_HELD_QUIC: usize = 2 * (16 << 10) + 64 * 64;

/// What one side sends over DTLS.
pub fn dtls(bytes: &[u8]) {
    let mut side = Handshake::begin(true);
    for datagram in Script(bytes).pieces(MAX_DATAGRAMS) {
        let _ = dtls::looks_like_dtls(datagram);
        for message in side.datagram(dtls::without_preamble(datagram)) {
            match message {
                Message::ClientHello(hello, _) => {
                    hello.server_name.iter().for_each(is_fit_to_show);
                }
                Message::Named(name) => is_fit_to_show(&name),
                Message::ServerHello(_) => {}
                Message::Certificate(names) => {
                    assert!(names.len() <= MAX_CERTIFICATE_NAMES);
                    names.iter().for_each(is_fit_to_show);
                }
            }
        }
        assert!(side.held_bytes() <= MAX_HELD_DTLS, "{}", side.held_bytes());
    }
}

/// What both sides of a flow send over QUIC.
pub fn quic(bytes: &[u8]) {
    let (mut flow, mut again) = (Initials::begin(true), Initials::begin(true));
    for datagram in Script(bytes).pieces(MAX_DATAGRAMS) {
        let outcome = hear_quic(&mut flow, datagram);
        assert_eq!(outcome, again.datagram(datagram));
    }
}

/// Shows a flow of QUIC a datagram, and checks what always holds.
pub fn hear_quic(flow: &mut Initials, datagram: &[u8]) -> Outcome<QuicHello> {
    let outcome = flow.datagram(datagram);
    if let Outcome::Found(hello) = &outcome {
        hello.server_name.iter().for_each(is_fit_to_show);
        assert!(looks_like_quic(datagram));
    }
    let partial = flow.partial();
    let names = partial
        .iter()
        .filter_map(|hello| hello.server_name.as_ref());
    names.for_each(is_fit_to_show);
    assert!(flow.held_bytes() <= MAX_HELD_QUIC, "{}", flow.held_bytes());
    outcome
}

/// A packet of OpenVPN's control channel, bare and as it stands in a stream.
pub fn openvpn(bytes: &[u8]) {
    let framed = openvpn::framed(bytes);
    if let Some((packet, len)) = framed {
        assert!(len == packet.len() + 2 && len <= bytes.len());
    }
    for packet in [Some(bytes), framed.map(|(packet, _)| packet)]
        .into_iter()
        .flatten()
    {
        let _ = (openvpn::is_data(packet), openvpn::is_hello(packet));
        let Some(packet) = Packet::read(packet) else {
            continue;
        };
        assert!(packet.session != 0 && packet.key < 8);
        for is_whole in [false, true] {
            if let Some(len) = packet.signature_len(is_whole) {
                assert!(packet.body(len).is_some());
            }
        }
        for len in 0..=64 {
            if let Some(body) = packet.body(len) {
                assert!(body.acks <= 8 && body.content.len() < bytes.len());
            }
        }
    }
}

/// A datagram of NetBIOS.
pub fn netbios(bytes: &[u8]) {
    if let Outcome::Found(names) = nbns::names(bytes) {
        assert!(names.len() <= bytes.len());
        names.iter().for_each(is_fit_to_show);
    }
}

/// A packet of SCTP, from behind its ports on.
pub fn sctp(bytes: &[u8]) {
    let mut carried = 0;
    for chunk in association::chunks(bytes) {
        if let association::Chunk::Data(data) = chunk {
            carried += data.bytes.len();
        }
    }
    assert!(carried <= bytes.len());
}
