//! What bytes say of a flow, before anybody concludes anything: names and where they stood, and the protocols that were recognised.

use std::fmt;

use arrayvec::ArrayString;
use smallvec::SmallVec;

use crate::alpn::Alpn;
use crate::caveats::Caveats;
use crate::domain::DomainName;
use crate::protocol::{Protocol, Shape};

/// Where in the traffic a name stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameSource {
    /// `server_name` of a TLS ClientHello over TCP, RFC 6066 §3.
    TlsSni,
    /// `server_name` of the ClientHello in QUIC Initial packets, RFC 9001 §4.
    QuicSni,
    /// `server_name` of a DTLS ClientHello, RFC 9147.
    DtlsSni,
    /// Host of an HTTP/1 request, or the authority in its target, RFC 9112 §3.2; authority of an HTTP/2 request, RFC 9113 §8.3.1.
    HttpHost,
    /// Question of a DNS message, RFC 1035 §4.1.2.
    DnsQuery,
    /// Question of a multicast DNS message, RFC 6762.
    Mdns,
    /// Question of an LLMNR message, RFC 4795.
    Llmnr,
    /// Question or registration of the NetBIOS name service, or an end of its datagrams, RFC 1002 §4.2, §4.4.
    Netbios,
    /// Subject or alternative name of the server's certificate, RFC 5280; only where no ClientHello named the server.
    ///
    /// A wildcard stands with its star. It is in the subtree of `*.example.com`, and is no single name such as `www.example.com`:
    /// the flow may lead to any that the certificate covers.
    Certificate,
    /// A DNS answer that led to this flow's address.
    DnsAnswer,
}

impl NameSource {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsSni => "tls_sni",
            Self::QuicSni => "quic_sni",
            Self::DtlsSni => "dtls_sni",
            Self::HttpHost => "http_host",
            Self::DnsQuery => "dns_query",
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
            Self::Netbios => "netbios",
            Self::Certificate => "certificate",
            Self::DnsAnswer => "dns_answer",
        }
    }

    /// Whether names from there are domain names, which belong to applications and are matched with rules.
    ///
    /// NetBIOS has a space of names of its own, a flat one, however much some of them look like domains. RFC 1001 §5.2.
    pub const fn is_of_domains(self) -> bool {
        !matches!(self, Self::Netbios)
    }
}

impl fmt::Display for NameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the conclusion rests on that a flow is of some application, or speaks some protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The port that it goes to: a guess.
    Port,
    /// The address that it goes to.
    Address,
    /// The shape of its bytes.
    Content,
    /// An application protocol that its client offers in TLS, RFC 7301.
    Alpn,
    /// A name.
    Name(NameSource),
}

impl Basis {
    /// How much it weighs: where two lead to different applications, the heavier one decides, and of equals the first.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Port => 1,
            Self::Address => 2,
            Self::Content | Self::Alpn => 3,
            Self::Name(NameSource::DnsAnswer) => 4,
            Self::Name(NameSource::Certificate) => 5,
            Self::Name(_) => 6,
        }
    }

    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Address => "address",
            Self::Content => "content",
            Self::Alpn => "alpn",
            Self::Name(source) => source.as_str(),
        }
    }
}

/// The evidence that decided, and the packet that carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// What kind it is of.
    pub by: Basis,
    /// What it says: the name, the protocol, the address, ….
    pub value: Box<str>,
    /// Number of the packet, counted from 1.
    pub packet: u64,
}

/// What decided a flow's application, or its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deciding {
    /// The name at this place among the flow's.
    Name(u32),
    /// Something else, or a name that the flow's list had no room for.
    Sign(Box<Ground>),
}

/// What is known of a flow's application and protocols, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grounds {
    /// What decided the application.
    pub application: Option<Deciding>,
    /// The packets at which the protocols were told, in the order of [`crate::protocol::Protocols`]. Most flows show one or two.
    pub protocols: SmallVec<[u64; 2]>,
}

impl Grounds {
    /// None at all.
    pub const NONE: Self = Self {
        application: None,
        protocols: SmallVec::new_const(),
    };
}

/// A name found in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundName {
    /// The name.
    pub name: DomainName,
    /// Where it stood.
    pub from: NameSource,
    /// Number of the packet that completed it, counted from 1; of a DNS answer, the packet that answered, which is of another flow.
    pub packet: u64,
    /// Where in that packet's payload it stands as it is; only where that was asked for.
    pub offset: Option<u32>,
}

/// One thing that bytes said of their flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A protocol was recognised.
    Protocol(Protocol),
    /// A service was recognised by the shape of its bytes.
    Shape(Shape),
    /// A name stood there.
    Name(DomainName, NameSource),
    /// What a client offers in its ClientHello, over TCP, in QUIC or in DTLS.
    TlsOffer {
        /// Application protocols, in the client's order, escaped as names are.
        alpn: Alpn,
        /// The highest version offered; `None` before QUIC used TLS.
        version: Option<TlsVersion>,
        /// Whether it carries an encrypted ClientHello, or something random in its place: its name is possibly a cover name.
        has_ech: bool,
    },
    /// What the ClientHello of such an offer looks like; told where fingerprints are asked for.
    Fingerprints(Box<Fingerprints>),
    /// Records of TLS, of a connection whose hellos were not captured.
    TlsRecords,
    /// The TLS version that the server chose.
    TlsChoice(TlsVersion),
    /// A request names more hosts than one, and whom it is for depends on who reads it. Each is told as a name, the first first.
    HostConflict,
    /// A bound was met, or bytes contradict each other.
    Caveats(Caveats),
}

/// What a client's software is known by: its ClientHello, less what differs from one connection to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprints {
    /// JA3: an MD5 in hex.
    pub ja3: ArrayString<JA3_LEN>,
    /// JA4: the first ten characters can be read.
    pub ja4: ArrayString<JA4_LEN>,
}

/// Characters of a JA3.
pub const JA3_LEN: usize = 32;
/// Characters of a JA4: the ten that can be read, and two hashes of twelve, each behind an underscore.
pub const JA4_LEN: usize = 36;

/// A version of TLS.
///
/// Source: the `ProtocolVersion` values of RFC 8446 §4.1.2 and the documents that it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0002 => f.write_str("SSL 2.0"),
            0x0300 => f.write_str("SSL 3.0"),
            0x0301 => f.write_str("TLS 1.0"),
            0x0302 => f.write_str("TLS 1.1"),
            0x0303 => f.write_str("TLS 1.2"),
            0x0304 => f.write_str("TLS 1.3"),
            // The second is what it was before it had a number of its own.
            0xfeff | 0x0100 => f.write_str("DTLS 1.0"),
            0xfefd => f.write_str("DTLS 1.2"),
            0xfefc => f.write_str("DTLS 1.3"),
            other => write!(f, "0x{other:04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_flow_itself_names_weighs_most_and_a_port_least() {
        let ordered = [
            Basis::Name(NameSource::TlsSni),
            Basis::Name(NameSource::Certificate),
            Basis::Name(NameSource::DnsAnswer),
            Basis::Content,
            Basis::Address,
            Basis::Port,
        ];
        assert!(ordered.is_sorted_by(|a, b| a.weight() > b.weight()));
    }
}
