//! Protocols that are told by what the sides of a connection say first, where nothing that bears names is found.

use super::listener::Listener;
use super::openvpn::Channel;
use super::stream::{Phase, Voice};
use crate::evidence::Evidence;
use crate::inspect::signature::{self, OPENING_LEN, Opening};
use crate::inspect::{http, openvpn, tls};
use crate::protocol::Protocol;
use crate::services;

/// Pieces of one side after each of which the opening is looked at again: a terminal sends its first words byte by byte.
const MAX_LOOKS: u8 = 32;

/// What one side said first, as far as nothing else was found in it.
#[derive(Debug, Default)]
pub(super) struct FirstWords {
    /// At most [`OPENING_LEN`] bytes.
    bytes: Vec<u8>,
    looks: u8,
    /// Whether what follows does not continue `bytes`.
    is_over: bool,
}

impl FirstWords {
    /// What follows was lost, or was something else.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Listener<'_> {
    /// Takes note of bytes in which nothing else was found, and looks whether the connection begins as some protocol does.
    ///
    /// * `is_done`: whether they are done with; else they are looked at and come again.
    pub(super) fn note_opening(&mut self, bytes: &[u8], is_done: bool) {
        let words = &mut self.own.first_words;
        if self.shared.is_recognised || words.looks >= MAX_LOOKS || words.is_over {
            return;
        }
        let waits_for_more =
            || tls::looks_like_client_hello(bytes) || http::looks_like_request(bytes);
        if !is_done && waits_for_more() {
            return;
        }
        words.looks += 1;
        let kept = words.bytes.len();
        let room = OPENING_LEN.saturating_sub(kept);
        words
            .bytes
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let recognised = self.recognised();
        let words = &mut self.own.first_words;
        if !is_done {
            words.bytes.truncate(kept);
        }
        if let Some(recognised) = recognised {
            self.shared.is_recognised = true;
            if recognised.protocol == Some(Protocol::OpenVpn) {
                self.enter_openvpn();
            }
            forget(self.own);
            forget(self.reply);
            let protocols = recognised.protocols();
            self.evidence.extend(protocols.map(Evidence::Protocol));
            self.evidence.extend(recognised.shape.map(Evidence::Shape));
        }
    }

    /// Hears both sides' packets from now on, as far as they can be read.
    fn enter_openvpn(&mut self) {
        let wants_fingerprints = self.shared.wants_fingerprints;
        let channels = [&mut *self.own, &mut *self.reply]
            .map(|voice| enter_packets(voice, wants_fingerprints));
        let channel = channels.into_iter().flatten().next();
        self.shared.openvpn = channel.map(Box::new);
    }

    /// One packet of OpenVPN.
    pub(super) fn openvpn_packet(&mut self, bytes: &[u8]) -> usize {
        if tls::looks_like_client_hello(bytes) && bytes.len() > 2 {
            // No packet begins like this: it was something else that looked like OpenVPN.
            self.own.phase = Phase::Open;
            self.own.misses = 1;
            return self.open_noted(bytes);
        }
        let Some((packet, len)) = openvpn::framed(bytes) else {
            return 0;
        };
        if self.shared.openvpn.is_none() || openvpn::is_data(packet) {
            self.own.phase = Phase::Done;
        } else {
            self.shared.packets.push(packet.into());
        }
        len
    }

    fn recognised(&self) -> Option<signature::Recognised> {
        let own = &self.own.first_words.bytes[..];
        let reply = &self.reply.first_words.bytes[..];
        // Who is called server where nothing tells: whose port is well known, or who did not speak first.
        let [own_port, reply_port] = self.ports;
        let is_server = self.is_acceptor.unwrap_or_else(|| {
            match [own_port, reply_port].map(services::is_well_known) {
                [true, false] => true,
                [false, true] => false,
                _ => self.reply.has_spoken,
            }
        });
        let is_certain = self.is_acceptor.is_some();
        let opening = if is_server {
            Opening {
                client: reply,
                server: own,
                is_certain,
                client_port: reply_port,
                server_port: own_port,
            }
        } else {
            Opening {
                client: own,
                server: reply,
                is_certain,
                client_port: own_port,
                server_port: reply_port,
            }
        };
        signature::of_stream(&opening)
    }
}

/// Listens to OpenVPN's packets where `voice` has said whole ones so far. How they are signed, if the first one tells.
fn enter_packets(voice: &mut Voice, wants_fingerprints: bool) -> Option<Channel> {
    let said = &voice.first_words.bytes[..];
    let mut rest = said;
    while let Some((_, len)) = openvpn::framed(rest) {
        rest = rest.get(len..).unwrap_or_default();
    }
    // Of what is longer not all is there.
    if rest.is_empty() && said.len() < OPENING_LEN && !voice.first_words.is_over {
        voice.phase = Phase::OpenVpn;
    }
    Channel::begin(openvpn::framed(said)?.0, true, wants_fingerprints)
}

fn forget(voice: &mut Voice) {
    voice.first_words = FirstWords {
        is_over: true,
        ..FirstWords::default()
    };
}
