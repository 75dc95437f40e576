//! The application-layer protocols that are told apart, and what one flow is seen to speak.

use std::fmt;

/// Declares [`Protocol`]: each variant with its name in rules and reports, and what it is.
macro_rules! protocols {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A protocol that was recognised by its bytes.
        ///
        /// In no order that means anything.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Protocol {
            $($(#[$doc])+ $variant,)+
        }

        impl Protocol {
            /// Every protocol, in the order of declaration.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// Its name in rules and reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

protocols! {
    /// TLS, or SSL before it.
    Tls = "TLS",
    /// TLS that carries HTTP: port 443, or ALPN `h2` or `http/1.1`.
    Https = "HTTPS",
    /// QUIC.
    Quic = "QUIC",
    /// HTTP in the clear, of any version.
    Http = "HTTP",
    /// HTTP/2 in the clear.
    Http2 = "HTTP/2",
    /// WebSocket, behind a request of HTTP in the clear.
    WebSocket = "WebSocket",
    /// DNS over UDP or TCP.
    Dns = "DNS",
    /// Multicast DNS.
    Mdns = "mDNS",
    /// Link-local multicast name resolution.
    Llmnr = "LLMNR",
    /// Tor: a link to a relay, told by the certificate that the relay makes up; links of TLS 1.3 are not told.
    Tor = "Tor",
    /// DNS over TLS.
    DnsOverTls = "DoT",
    /// DNS over HTTPS.
    DnsOverHttps = "DoH",
    /// DNS over QUIC.
    DnsOverQuic = "DoQ",
    /// TLS over datagrams.
    Dtls = "DTLS",
    /// NetBIOS over TCP/IP: its name, datagram and session services.
    Netbios = "NetBIOS",
    /// Secure Shell.
    Ssh = "SSH",
    /// File Transfer Protocol, its control connection.
    Ftp = "FTP",
    /// Simple Mail Transfer Protocol.
    Smtp = "SMTP",
    /// Internet Message Access Protocol.
    Imap = "IMAP",
    /// Post Office Protocol, version 3.
    Pop3 = "POP3",
    /// Network News Transfer Protocol.
    Nntp = "NNTP",
    /// Internet Relay Chat.
    Irc = "IRC",
    /// Extensible Messaging and Presence Protocol.
    Xmpp = "XMPP",
    /// Telnet.
    Telnet = "Telnet",
    /// Syslog.
    Syslog = "syslog",
    /// Simple Service Discovery Protocol, of UPnP.
    Ssdp = "SSDP",
    /// Dynamic Host Configuration Protocol, and BOOTP before it.
    Dhcp = "DHCP",
    /// Dynamic Host Configuration Protocol for IPv6.
    Dhcpv6 = "DHCPv6",
    /// Network Time Protocol.
    Ntp = "NTP",
    /// Simple Network Management Protocol.
    Snmp = "SNMP",
    /// Trivial File Transfer Protocol.
    Tftp = "TFTP",
    /// Remote Authentication Dial-In User Service.
    Radius = "RADIUS",
    /// NetFlow of Cisco, versions 1 to 9.
    NetFlow = "NetFlow",
    /// IP Flow Information Export.
    Ipfix = "IPFIX",
    /// sFlow.
    Sflow = "sFlow",
    /// Border Gateway Protocol.
    Bgp = "BGP",
    /// Lightweight Directory Access Protocol.
    Ldap = "LDAP",
    /// Kerberos, version 5.
    Kerberos = "Kerberos",
    /// Server Message Block, and CIFS before it.
    Smb = "SMB",
    /// Remote procedure calls of DCE, as Windows uses them.
    DceRpc = "DCE/RPC",
    /// Remote procedure calls of Sun, ONC RPC.
    Rpc = "RPC",
    /// Network File System.
    Nfs = "NFS",
    /// Remote Desktop Protocol.
    Rdp = "RDP",
    /// Virtual Network Computing: the remote framebuffer protocol.
    Vnc = "VNC",
    /// Session Initiation Protocol.
    Sip = "SIP",
    /// Real-time Transport Protocol.
    Rtp = "RTP",
    /// RTP Control Protocol.
    Rtcp = "RTCP",
    /// Session Traversal Utilities for NAT.
    Stun = "STUN",
    /// Traversal Using Relays around NAT.
    Turn = "TURN",
    /// Real-Time Streaming Protocol.
    Rtsp = "RTSP",
    /// Real-Time Messaging Protocol.
    Rtmp = "RTMP",
    /// Media Gateway Control Protocol.
    Mgcp = "MGCP",
    /// BitTorrent: peers over TCP or uTP, the distributed hash table, trackers over UDP.
    BitTorrent = "BitTorrent",
    /// Message Queuing Telemetry Transport.
    Mqtt = "MQTT",
    /// Advanced Message Queuing Protocol.
    Amqp = "AMQP",
    /// Constrained Application Protocol.
    Coap = "CoAP",
    /// Apache Kafka.
    Kafka = "Kafka",
    /// Redis.
    Redis = "Redis",
    /// MySQL and MariaDB.
    Mysql = "MySQL",
    /// PostgreSQL.
    Postgresql = "PostgreSQL",
    /// MongoDB.
    Mongodb = "MongoDB",
    /// Memcached.
    Memcached = "Memcached",
    /// Apache Cassandra.
    Cassandra = "Cassandra",
    /// Tabular Data Stream, of Microsoft SQL Server and Sybase.
    Tds = "TDS",
    /// WireGuard.
    WireGuard = "WireGuard",
    /// OpenVPN.
    OpenVpn = "OpenVPN",
    /// Internet Key Exchange.
    Ike = "IKE",
    /// IPsec: its Encapsulating Security Payload and Authentication Header, bare or in UDP.
    Ipsec = "IPsec",
    /// Layer Two Tunneling Protocol.
    L2tp = "L2TP",
    /// Point-to-Point Tunneling Protocol, its control connection.
    Pptp = "PPTP",
    /// Generic Routing Encapsulation, of which the inside could not be read.
    Gre = "GRE",
    /// GPRS Tunnelling Protocol: control messages, or user data of which the inside could not be read.
    Gtp = "GTP",
    /// SOCKS, versions 4 and 5.
    Socks = "SOCKS",
    /// Modbus.
    Modbus = "Modbus",
    /// Distributed Network Protocol 3.
    Dnp3 = "DNP3",
    /// S7 communication, of Siemens.
    S7 = "S7",
    /// OPC Unified Architecture.
    OpcUa = "OPC UA",
    /// Building Automation and Control networks.
    Bacnet = "BACnet",
    /// Internet Group Management Protocol.
    Igmp = "IGMP",
    /// Open Shortest Path First.
    Ospf = "OSPF",
    /// Virtual Router Redundancy Protocol.
    Vrrp = "VRRP",
    /// Protocol Independent Multicast.
    Pim = "PIM",
    /// Internet Control Message Protocol.
    Icmp = "ICMP",
    /// Internet Control Message Protocol for IPv6.
    Icmpv6 = "ICMPv6",
    /// MTProto, of Telegram.
    Mtproto = "MTProto",
}

impl Protocol {
    /// What else people call it, or call a part of it.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Tls => &["SSL"],
            Self::DnsOverTls => &["DNS over TLS"],
            Self::DnsOverHttps => &["DNS over HTTPS"],
            Self::DnsOverQuic => &["DNS over QUIC"],
            Self::Ssdp => &["UPnP"],
            Self::Dhcp => &["BOOTP"],
            Self::Smb => &["CIFS"],
            Self::DceRpc => &["MSRPC"],
            Self::Rpc => &["ONC RPC", "Sun RPC"],
            Self::Vnc => &["RFB"],
            Self::BitTorrent => &["uTP"],
            Self::Postgresql => &["Postgres"],
            _ => &[],
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares [`Shape`]: each variant with its word in the catalogue, and what it is.
macro_rules! shapes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A service that gives itself away by the shape of its bytes, without a name. The catalogue says whose it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Shape {
            $($(#[$doc])+ $variant,)+
        }

        impl Shape {
            /// Every shape, in the order of declaration.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word for it in catalogues and reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

shapes! {
    /// Steam's discovery, queries and datagram transport.
    Steam = "steam",
    /// Discord's voice: address discovery and keep-alives of its media servers.
    DiscordVoice = "discord-voice",
    /// WhatsApp's calls: attributes of its own in STUN.
    WhatsAppCall = "whatsapp-call",
    /// WhatsApp's chat connection: the prologue of its Noise handshake.
    WhatsAppChat = "whatsapp-chat",
    /// Telegram's calls: reflector requests in the shape of MTProto.
    TelegramCall = "telegram-call",
    /// Telegram's chat connection: MTProto's transports.
    TelegramChat = "telegram-chat",
    /// Zoom's media: its encapsulation around RTP, and its attributes in STUN.
    ZoomMedia = "zoom-media",
    /// Skype's and Teams' calls: Microsoft's attributes in STUN.
    TeamsCall = "teams-call",
    /// Google Meet's and Duo's calls, by the realm that their relays name.
    GoogleCall = "google-call",
    /// Signal's calls, by the realm that its relays name.
    SignalCall = "signal-call",
    /// Viber's calls and chat.
    Viber = "viber",
    /// WeChat's chat connection.
    WeChat = "wechat",
    /// QQ's chat datagrams.
    Qq = "qq",
    /// TeamViewer's own protocol.
    TeamViewer = "teamviewer",
    /// Spotify's discovery of players, and the hello to its access points.
    Spotify = "spotify",
    /// Dropbox's discovery in the local network.
    DropboxLan = "dropbox-lan",
}

/// The protocols of one flow, outermost first, without repetition.
///
/// At most [`Protocols::MAX`]; more are not told (no real stack is deeper).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Protocols {
    list: [Option<Protocol>; Self::MAX],
}

impl Protocols {
    /// How many protocols one flow can show.
    pub const MAX: usize = 6;

    /// Adds `protocol` as the innermost one, unless it is there already. Whether it was new.
    pub fn push(&mut self, protocol: Protocol) -> bool {
        for place in &mut self.list {
            match place {
                Some(there) if *there == protocol => return false,
                Some(_) => {}
                None => {
                    *place = Some(protocol);
                    return true;
                }
            }
        }
        false
    }

    /// From the outermost to the innermost.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Protocol> {
        self.list.into_iter().flatten()
    }

    /// The one that carries no other.
    pub fn innermost(&self) -> Option<Protocol> {
        // Not by the iterator, which looks for the first as well.
        self.list.iter().rev().find_map(|place| *place)
    }

    /// Whether `protocol` is among them.
    pub fn has(&self, protocol: Protocol) -> bool {
        self.list.contains(&Some(protocol))
    }

    /// Whether none was recognised.
    pub fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_keep_their_order_and_do_not_repeat() {
        let mut stack = Protocols::default();
        assert!(stack.is_empty());
        assert!(
            stack.push(Protocol::Tls) && stack.push(Protocol::Https) && !stack.push(Protocol::Tls)
        );
        assert_eq!(
            stack.iter().collect::<Vec<_>>(),
            [Protocol::Tls, Protocol::Https]
        );
        assert_eq!(stack.innermost(), Some(Protocol::Https));
        assert!(!stack.has(Protocol::Dns));
    }

    #[test]
    fn names_are_told_apart_without_case_and_punctuation() {
        let plain = |name: &str| -> String {
            name.chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect()
        };
        let own = Protocol::ALL.iter().map(|p| plain(p.as_str()));
        let aliases = Protocol::ALL.iter().flat_map(|p| p.aliases());
        let mut names: Vec<_> = own.chain(aliases.map(|name| plain(name))).collect();
        let len = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), len);
    }
}
