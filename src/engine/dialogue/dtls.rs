//! Listens to a flow of DTLS: datagrams of both sides in, evidence out.

use super::hellos::names_host;
use crate::evidence::{Evidence, NameSource};
use crate::inspect::dtls::{Handshake, Message};
use crate::key::Side;
use crate::protocol::Protocol;

/// What has been read of a flow of DTLS.
#[derive(Debug, Default)]
pub(in crate::engine) struct Dtls {
    sides: [Handshake; 2],
    /// Which side has sent a ClientHello: its certificate is not the server's.
    client: Option<Side>,
    /// Whether a ClientHello named the server.
    is_named: bool,
    is_told: bool,
}

impl Dtls {
    /// A flow of which nothing was heard.
    pub(super) fn begin(wants_fingerprints: bool) -> Self {
        Self {
            sides: [(); 2].map(|()| Handshake::begin(wants_fingerprints)),
            ..Self::default()
        }
    }

    /// Reads one datagram.
    pub(super) fn hear(&mut self, sender: Side, datagram: &[u8], evidence: &mut Vec<Evidence>) {
        if !std::mem::replace(&mut self.is_told, true) {
            evidence.push(Evidence::Protocol(Protocol::Dtls));
        }
        let [low, high] = &mut self.sides;
        let side = match sender {
            Side::Low => low,
            Side::High => high,
        };
        for message in side.datagram(datagram) {
            match message {
                Message::ClientHello(hello, fingerprints) => {
                    self.client = Some(sender);
                    self.is_named |= hello.server_name.as_ref().is_some_and(names_host);
                    evidence.push(Evidence::TlsOffer {
                        alpn: hello.alpn,
                        version: Some(hello.version),
                        has_ech: hello.has_ech,
                    });
                    evidence.extend(fingerprints.map(Evidence::Fingerprints));
                    let name = hello.server_name;
                    evidence.extend(name.map(|name| Evidence::Name(name, NameSource::DtlsSni)));
                }
                Message::Named(name) => {
                    self.client = Some(sender);
                    self.is_named |= names_host(&name);
                    evidence.push(Evidence::Name(name, NameSource::DtlsSni));
                }
                Message::ServerHello(hello) => {
                    self.client = Some(sender.other());
                    evidence.push(Evidence::TlsChoice(hello.version));
                }
                Message::Certificate(names) => {
                    if !self.is_named && self.client == Some(sender.other()) {
                        let names = names.into_iter();
                        evidence.extend(
                            names.map(|name| Evidence::Name(name, NameSource::Certificate)),
                        );
                    }
                }
            }
        }
    }

    /// Bytes that are held for later.
    pub(super) fn held_bytes(&self) -> usize {
        self.sides.iter().map(Handshake::held_bytes).sum()
    }
}
