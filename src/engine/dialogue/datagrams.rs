//! Listens to a flow over UDP: datagrams of both sides in, evidence out.
//!
//! Each datagram is looked at by itself, for as long as the flow lasts: what came before it, and how much of it said
//! nothing, hides none. The looks that turn nearly everything away cost a few nanoseconds.

use super::dtls::Dtls;
use super::naming::{tell_dns, tell_netbios};
use super::openvpn::Channel;
use super::watch::{self, Guesses};
use super::{DNS_PORT, LLMNR_PORT, MDNS_PORT};
use crate::evidence::{Evidence, NameSource};
use crate::inspect::signature::Look;
use crate::inspect::{Outcome, dns, dtls, netbios, quic};
use crate::observation::Observation;
use crate::protocol::Protocol;

/// What has been read of a flow's datagrams.
#[derive(Debug, Default)]
pub(in crate::engine) struct Datagrams {
    /// What its messages of DNS are, when its ports say so or one has left no doubt.
    dialect: Option<dns::Dialect>,
    /// How many were looked at for what no name tells.
    looks: u8,
    /// In one piece, so that there is one thing to ask for and to let go of.
    held: Option<Box<Held>>,
}

/// What most flows do not come to: only those that carry more than DNS.
#[derive(Debug, Default)]
struct Held {
    quic: Option<Box<quic::Initials>>,
    rare: Option<Box<Rare>>,
    guesses: Guesses,
}

/// What few flows come to.
#[derive(Debug, Default)]
struct Rare {
    dtls: Option<Dtls>,
    openvpn: Option<Channel>,
}

/// Most datagrams of a flow that are looked at for what no name tells: enough for what begins behind some keep-alives, few enough that a
/// long call costs nothing.
const MAX_LOOKS: u8 = 40;

impl Datagrams {
    /// The datagrams between these ports.
    pub(super) fn begin([one, other]: [u16; 2]) -> Self {
        let dialect = [
            (MDNS_PORT, dns::Dialect::Mdns),
            (LLMNR_PORT, dns::Dialect::Llmnr),
            (DNS_PORT, dns::Dialect::Dns),
        ]
        .into_iter()
        .find(|(port, _)| one == *port || other == *port);
        Self {
            dialect: dialect.map(|(_, dialect)| dialect),
            ..Self::default()
        }
    }

    /// Whether each of them is taken for a message of DNS that can be read as one.
    #[inline]
    pub(super) const fn is_of_dns(&self) -> bool {
        matches!(self.dialect, Some(dns::Dialect::Dns))
    }

    /// Reads one datagram.
    pub(super) fn hear(
        &mut self,
        seen: &Observation<'_>,
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) {
        let datagram = seen.payload;
        // A number at its front may make a DNS message look like QUIC, but nothing makes QUIC look like DNS.
        if self.dialect.is_none() && dns::is_surely_dns(datagram) {
            self.dialect = Some(dns::Dialect::Dns);
        }
        if let Some(dialect) = self.dialect
            && let Outcome::Found(message) = dns::message(datagram, dialect)
        {
            return tell_dns(message, dialect, evidence);
        }
        if quic::looks_like_quic(datagram) && self.hear_quic(datagram, wants_fingerprints, evidence)
        {
            return;
        }
        if let Outcome::Found(names) = netbios::names(datagram) {
            tell_netbios(names, evidence);
            // What it carries is told as well: announcements of SMB, mostly.
            return self.look_at(seen, evidence);
        }
        let datagram = dtls::without_preamble(datagram);
        let is_dtls = dtls::looks_like_dtls(datagram);
        let rare = self.held.as_ref().and_then(|held| held.rare.as_ref());
        let was_dtls = rare.is_some_and(|rare| rare.dtls.is_some());
        if is_dtls || was_dtls {
            let rare = self.rare_mut();
            let begin = || Dtls::begin(wants_fingerprints);
            let told = rare.dtls.get_or_insert_with(begin);
            told.hear(seen.sender, datagram, evidence);
        }
        if !is_dtls {
            self.hear_openvpn(seen, wants_fingerprints, evidence);
            self.look_at(seen, evidence);
        }
    }

    /// Bytes that are held for later.
    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.bytes())
    }

    fn rare_mut(&mut self) -> &mut Rare {
        let held = self.held.get_or_insert_default();
        held.rare.get_or_insert_default()
    }

    /// Looks at a datagram in which nothing is that bears names.
    fn look_at(&mut self, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        if self.looks >= MAX_LOOKS {
            if let Some(held) = &mut self.held {
                held.guesses = Guesses::default();
            }
            return;
        }
        self.looks += 1;
        let recognised = match watch::look_at(seen) {
            Some(Look::Sure(recognised)) => Some(recognised),
            Some(Look::Likely(likely)) => {
                let held = self.held.get_or_insert_default();
                held.guesses.weigh(seen.sender, likely)
            }
            None => None,
        };
        if let Some(recognised) = recognised {
            watch::tell(&recognised, evidence);
        }
    }

    /// Reads one datagram, if it is of OpenVPN's control channel.
    fn hear_openvpn(
        &mut self,
        seen: &Observation<'_>,
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) {
        let packet = seen.payload;
        let missing = seen.payload_origlen.saturating_sub(packet.len() as u32);
        let rare = self.held.as_mut().and_then(|held| held.rare.as_mut());
        let channel = match rare.and_then(|rare| rare.openvpn.as_mut()) {
            Some(channel) => channel,
            None => {
                let begun = Channel::begin(packet, missing == 0, wants_fingerprints);
                let Some(begun) = begun else { return };
                self.rare_mut().openvpn.insert(begun)
            }
        };
        channel.hear(packet, missing, seen, evidence);
        if channel.is_done() {
            self.rare_mut().openvpn = None;
        }
    }

    /// Reads one datagram that looks like QUIC. Whether it is.
    fn hear_quic(
        &mut self,
        datagram: &[u8],
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) -> bool {
        let begin = || Box::new(quic::Initials::begin(wants_fingerprints));
        let held = self.held.get_or_insert_default();
        let initials = held.quic.get_or_insert_with(begin);
        let before = initials.held_bytes();
        let hello = match initials.datagram(datagram) {
            Outcome::Found(hello) => {
                evidence.push(Evidence::Protocol(Protocol::Quic));
                evidence.push(Evidence::TlsOffer {
                    alpn: hello.alpn,
                    version: hello.tls_version,
                    has_ech: hello.has_ech,
                });
                evidence.extend(hello.fingerprints.map(Evidence::Fingerprints));
                hello.server_name
            }
            Outcome::NeedMore => {
                evidence.push(Evidence::Protocol(Protocol::Quic));
                // As over TCP: a name that is there already need not wait for the rest of its hello.
                let has_grown = initials.held_bytes() > before;
                initials
                    .partial()
                    .filter(|_| has_grown)
                    .and_then(|hello| hello.server_name)
            }
            Outcome::NotMine => return false,
        };
        evidence.extend(hello.map(|name| Evidence::Name(name, NameSource::QuicSni)));
        true
    }
}

impl Held {
    fn bytes(&self) -> usize {
        let quic = self.quic.as_ref().map(|initials| initials.held_bytes());
        let rare = self.rare.as_ref().map(|rare| rare.held_bytes());
        quic.unwrap_or_default() + rare.unwrap_or_default() + self.guesses.held_bytes()
    }
}

impl Rare {
    fn held_bytes(&self) -> usize {
        let dtls = self.dtls.as_ref().map(|dtls| dtls.held_bytes());
        let openvpn = self.openvpn.as_ref().map(|channel| channel.held_bytes());
        dtls.unwrap_or_default() + openvpn.unwrap_or_default()
    }
}
