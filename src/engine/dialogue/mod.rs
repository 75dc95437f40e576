//! What has been read of one flow so far, and what is still worth reading: turns a flow's payloads into evidence.
//!
//! Any port, by content. DNS is taken for granted on its own ports; on others its bytes have to leave no doubt.
//!
//! A client may try to hide the name that counts behind something that only looks as if it counted, and a file on its way may
//! hold names that count for nobody. The rules for that:
//!
//! * Datagrams are each looked at by themselves, for ever.
//! * A ClientHello that is the first thing said is believed as it stands. Behind other words it has to be whole, every length in
//!   it right, and followed by nothing or by more of TLS. Such a one is told even behind something unfinished that swallows it.
//!   What keeps a connection alive is no word.
//! * A ClientHello is over when its server says a ServerHello. Until then another in its place is told as well; a
//!   HelloRetryRequest asks for another; and an answer that is not of TLS says that it was none.
//! * However much was said that means nothing, a segment that begins with a ClientHello is heard.
//! * A request is one if it is not answered with something else. Where who took the connection began with a line of text that is
//!   not of HTTP, nobody in it speaks HTTP.
//! * A body is not looked into: not when it comes again, and when it comes early or behind a loss, not before the other side
//!   has answered, which it does not amid a request.
//! * A ServerHello without its client's has to be the first thing that the server says, or the client has to be silent.
//! * A SYN with another number is another connection.

mod association;
mod datagrams;
mod dtls;
mod hellos;
mod listener;
mod naming;
mod openings;
mod openvpn;
mod stream;
mod watch;
mod web;

use crate::evidence::Evidence;
use crate::flow::tcp;
use crate::inspect::signature::of_ip_protocol;
use crate::key::{FlowKey, Side};
use crate::observation::Observation;
use crate::packet::{IpProtocol, TcpFlags};
use crate::services::DNS_PORT;
use association::Association;
use datagrams::Datagrams;
use stream::{Stream, Syns};

/// Port of multicast DNS, RFC 6762 §3.
const MDNS_PORT: u16 = 5353;
/// Port of LLMNR, RFC 4795 §2.1.
const LLMNR_PORT: u16 = 5355;

/// A flow's payloads, as far as they still have something to say.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// A connection that has not carried a byte yet. Most connections of a scan never get further, and cost no more than this.
    Silent(Syns),
    /// A connection whose first bytes are being read.
    Stream(Box<Stream>),
    /// An SCTP association whose first bytes are being read.
    Association(Box<Association>),
    /// Packets of a protocol that IP's own number tells.
    Numbered,
    /// Datagrams, each of which may be of any protocol.
    Datagrams(Datagrams),
    /// Nothing more to learn.
    Settled,
}

impl Dialogue {
    /// The dialogue of a flow that has just begun.
    pub(super) fn begin(key: &FlowKey) -> Self {
        let ports = [key.endpoint(Side::Low).port, key.endpoint(Side::High).port];
        match key.protocol() {
            IpProtocol::TCP => Self::Silent(Syns::default()),
            IpProtocol::UDP => Self::Datagrams(Datagrams::begin(ports)),
            IpProtocol::SCTP => Self::Association(Box::default()),
            _ => Self::Numbered,
        }
    }

    /// Reads the payload of `seen` and adds what it says to `evidence`, fingerprints of clients only if they are wanted.
    pub(super) fn hear(
        &mut self,
        seen: &Observation<'_>,
        wants_fingerprints: bool,
        evidence: &mut Vec<Evidence>,
    ) {
        if self.is_settled_before(seen) {
            return;
        }
        if let Self::Settled = self {
            *self = Self::Silent(Syns::default());
        }
        if let Self::Silent(syns) = self {
            if seen.payload_origlen == 0 {
                if let Some(tcp) = seen.tcp {
                    syns.take(tcp, seen.sender);
                }
                return;
            }
            *self = Self::Stream(Box::new(Stream::begin(*syns)));
        }
        match self {
            Self::Settled | Self::Silent(_) => {}
            Self::Numbered => {
                let protocol = of_ip_protocol(seen.key.protocol(), seen.payload);
                evidence.extend(protocol.map(Evidence::Protocol));
                *self = Self::Settled;
            }
            Self::Datagrams(datagrams) => datagrams.hear(seen, wants_fingerprints, evidence),
            Self::Stream(stream) => {
                if stream.hear(seen, wants_fingerprints, evidence) {
                    *self = Self::Settled;
                }
            }
            Self::Association(association) => {
                if association.hear(seen, wants_fingerprints, evidence) {
                    *self = Self::Settled;
                }
            }
        }
    }

    /// Whether there is nothing to learn from `seen`: where all is settled, only a new connection on the same ports begins anew; and
    /// in a connection nobody says anything without a payload, but for its beginning.
    pub(super) fn is_settled_before(&self, seen: &Observation<'_>) -> bool {
        match (self, seen.tcp) {
            (Self::Settled, None) => true,
            (Self::Settled, Some(tcp)) => !tcp::is_opening(tcp.flags),
            (Self::Silent(_) | Self::Stream(_), Some(tcp)) => {
                seen.payload_origlen == 0 && !tcp.flags.has(TcpFlags::SYN)
            }
            _ => false,
        }
    }

    /// Whether its datagrams are messages of DNS.
    #[inline]
    pub(super) const fn is_of_dns(&self) -> bool {
        matches!(self, Self::Datagrams(datagrams) if datagrams.is_of_dns())
    }

    /// Bytes that are held for later.
    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Stream(stream) => stream.held_bytes(),
            Self::Association(association) => association.held_bytes(),
            Self::Datagrams(datagrams) => datagrams.held_bytes(),
            Self::Silent(_) | Self::Numbered | Self::Settled => 0,
        }
    }
}

#[cfg(test)]
mod tests;
