//! Ports that belong to well-known services: who is likely the server, and which low ports are out of the ordinary.

use crate::packet::IpProtocol;
use crate::port_sieve::PortSieve;
use crate::protocol::Protocol;

/// Port of name servers, RFC 1035 §4.2.
pub const DNS_PORT: u16 = 53;

/// Lowest port that is nobody's in particular: below it are the system ports of RFC 6335 §6.
const FIRST_USER_PORT: u16 = 1024;

/// System ports of services that are met on real networks today, in ascending order.
///
/// * Left out on purpose, though registered: the "small services" (echo 7, discard 9, daytime 13, chargen 19, …), which hosts have
///   long ceased to offer, and the hundreds of names that no software answers to any more.
/// * Not told apart: TCP and UDP, since most numbers are registered for both.
///
/// Source: IANA Service Name and Transport Protocol Port Number Registry; what it has no name for says so.
#[rustfmt::skip]
const COMMON: [u16; 103] = [
    20, 21,                       // ftp-data, ftp
    22, 23,                       // ssh, telnet
    25,                           // smtp
    37, 43, 49,                   // time, nicname (whois), tacacs
    53,                           // domain
    67, 68, 69, 70,               // bootps, bootpc, tftp, gopher
    79, 80,                       // finger, http
    88,                           // kerberos
    102, 104,                     // iso-tsap (S7, MMS), acr-nema (DICOM)
    110, 111, 113,                // pop3, sunrpc, ident
    119, 123,                     // nntp, ntp
    135, 137, 138, 139,           // epmap, netbios-ns, -dgm, -ssn
    143,                          // imap
    161, 162,                     // snmp, snmptrap
    177, 179,                     // xdmcp, bgp
    194, 199,                     // irc, smux
    220, 264,                     // imap3, bgmp (and Check Point's topology service)
    311,                          // asip-webadmin
    319, 320,                     // ptp-event, ptp-general
    383,                          // hp-alarm-mgr
    389, 427,                     // ldap, svrloc
    443, 444, 445,                // https, snpp, microsoft-ds
    464, 465,                     // kpasswd, submissions
    497,                          // retrospect
    500, 502,                     // isakmp, mbap (Modbus)
    512, 513, 514, 515,           // exec (biff), login (who), shell (syslog), printer
    517, 518,                     // talk, ntalk
    520, 521, 524,                // router (RIP), ripng, ncp
    540, 543, 544,                // uucp, klogin, kshell
    546, 547, 548,                // dhcpv6-client, dhcpv6-server, afpovertcp
    554, 563,                     // rtsp, nntps
    587, 591, 593,                // submission, http-alt, http-rpc-epmap
    601,                          // syslog-conn
    623, 631, 636, 639,           // asf-rmcp (IPMI), ipp, ldaps, msdp
    646, 647, 655, 660,           // ldp, dhcp-failover, tinc, mac-srvr-admin
    691, 694, 698,                // msexch-routing, ha-cluster, olsr
    700, 749, 750,                // epp, kerberos-adm, kerberos-iv
    783, 802,                     // spamd (not IANA's), mbap-s
    830, 847, 848,                // netconf-ssh, dhcp-failover2, gdoi
    853, 860, 861, 862,           // domain-s (DoT, DoQ), iscsi, owamp-control, twamp-control
    873,                          // rsync
    902, 903,                     // ideafarm-door, iss-console-mgr (VMware's in practice)
    989, 990, 992, 993, 994, 995, // ftps-data, ftps, telnets, imaps, ircs (withdrawn), pop3s
];

/// Ports from 1024 up that servers of well-known services listen on, ascending.
///
/// Source: IANA Service Name and Transport Protocol Port Number Registry, and the customary ports of the protocols in question.
const REGISTERED: &[u16] = &[
    1080, 1194, 1352, 1433, 1434, 1521, 1645, 1646, 1701, 1719, 1720, 1723, 1755, 1812, 1813, 1883,
    1900, 1935, 2000, 2049, 2055, 2082, 2083, 2086, 2087, 2095, 2096, 2123, 2152, 2181, 2222, 2375,
    2376, 2404, 2483, 2484, 2598, 3000, 3128, 3260, 3268, 3269, 3306, 3389, 3478, 3544, 3690, 3702,
    3784, 3868, 4070, 4369, 4433, 4443, 4444, 4500, 4569, 4739, 4789, 4840, 5000, 5004, 5005, 5060,
    5061, 5190, 5222, 5223, 5228, 5269, 5349, 5351, 5353, 5355, 5357, 5432, 5555, 5631, 5632, 5671,
    5672, 5683, 5684, 5800, 5900, 5901, 5938, 5984, 5985, 5986, 6000, 6379, 6443, 6514, 6666, 6667,
    6668, 6669, 6697, 6881, 7000, 7070, 7547, 8000, 8008, 8009, 8080, 8081, 8086, 8088, 8181, 8333,
    8443, 8554, 8805, 8853, 8880, 8883, 8888, 9000, 9042, 9090, 9092, 9100, 9200, 9300, 9418, 9443,
    10000, 11211, 15672, 20000, 27017, 27018, 44818, 47808, 51413, 51820,
];

/// What the servers on these ports usually speak: the port, over TCP, over UDP.
///
/// Source: as above.
#[rustfmt::skip]
const SPOKEN: &[(u16, Option<Protocol>, Option<Protocol>)] = {
    use Protocol as P;
    const fn tcp(port: u16, protocol: P) -> (u16, Option<P>, Option<P>) { (port, Some(protocol), None) }
    const fn udp(port: u16, protocol: P) -> (u16, Option<P>, Option<P>) { (port, None, Some(protocol)) }
    const fn both(port: u16, protocol: P) -> (u16, Option<P>, Option<P>) { (port, Some(protocol), Some(protocol)) }
    &[
        tcp(21, P::Ftp), tcp(22, P::Ssh), tcp(23, P::Telnet), tcp(25, P::Smtp), both(53, P::Dns),
        udp(67, P::Dhcp), udp(68, P::Dhcp), udp(69, P::Tftp), tcp(80, P::Http), both(88, P::Kerberos), tcp(102, P::S7),
        tcp(110, P::Pop3), both(111, P::Rpc), tcp(119, P::Nntp), udp(123, P::Ntp), tcp(135, P::DceRpc),
        udp(137, P::Netbios), udp(138, P::Netbios), tcp(139, P::Netbios), tcp(143, P::Imap),
        udp(161, P::Snmp), udp(162, P::Snmp), tcp(179, P::Bgp), tcp(194, P::Irc), both(389, P::Ldap),
        (443, Some(P::Https), Some(P::Quic)), tcp(445, P::Smb), tcp(465, P::Smtp), udp(500, P::Ike), tcp(502, P::Modbus),
        udp(514, P::Syslog), udp(546, P::Dhcpv6), udp(547, P::Dhcpv6), tcp(554, P::Rtsp), tcp(587, P::Smtp), tcp(601, P::Syslog),
        tcp(636, P::Ldap), (853, Some(P::DnsOverTls), Some(P::DnsOverQuic)), tcp(993, P::Imap), tcp(995, P::Pop3),
        tcp(1080, P::Socks), both(1194, P::OpenVpn), tcp(1433, P::Tds), udp(1701, P::L2tp), tcp(1723, P::Pptp),
        udp(1812, P::Radius), udp(1813, P::Radius), tcp(1883, P::Mqtt), udp(1900, P::Ssdp), tcp(1935, P::Rtmp), both(2049, P::Nfs),
        udp(2055, P::NetFlow), udp(2123, P::Gtp), udp(2152, P::Gtp), tcp(3306, P::Mysql), both(3389, P::Rdp), both(3478, P::Stun),
        udp(4500, P::Ipsec), udp(4739, P::Ipfix), tcp(4840, P::OpcUa), both(5060, P::Sip), both(5061, P::Sip),
        tcp(5222, P::Xmpp), tcp(5269, P::Xmpp), udp(5353, P::Mdns), both(5355, P::Llmnr), tcp(5432, P::Postgresql), tcp(5671, P::Amqp),
        tcp(5672, P::Amqp), udp(5683, P::Coap), udp(5684, P::Coap), tcp(5900, P::Vnc), udp(6343, P::Sflow), tcp(6379, P::Redis),
        tcp(6514, P::Syslog), tcp(6667, P::Irc), tcp(6697, P::Irc), both(6881, P::BitTorrent), tcp(8080, P::Http), tcp(8443, P::Https),
        tcp(8883, P::Mqtt), tcp(9042, P::Cassandra), tcp(9092, P::Kafka), both(11_211, P::Memcached), both(20_000, P::Dnp3),
        tcp(27_017, P::Mongodb), udp(47_808, P::Bacnet), udp(51_820, P::WireGuard),
    ]
};

/// What a server on `port` usually speaks: a guess, and no more.
pub fn protocol_of(transport: IpProtocol, port: u16) -> Option<Protocol> {
    let place = SPOKEN.binary_search_by_key(&port, |row| row.0).ok()?;
    let (_, tcp, udp) = SPOKEN.get(place)?;
    match transport {
        IpProtocol::TCP => *tcp,
        IpProtocol::UDP => *udp,
        _ => None,
    }
}

/// Whether `port` is that of a well-known service, so that its owner is likely the server.
#[inline]
pub fn is_well_known(port: u16) -> bool {
    WELL_KNOWN.may_have(port) && is_listed(port)
}

static WELL_KNOWN: PortSieve<64> = PortSieve::of(&[&COMMON, REGISTERED]);

fn is_listed(port: u16) -> bool {
    if port < FIRST_USER_PORT {
        COMMON.binary_search(&port).is_ok()
    } else {
        REGISTERED.binary_search(&port).is_ok()
    }
}

/// Whether `port` is a system port that no common service uses. 0 is no port.
pub fn is_unusual(port: u16) -> bool {
    (1..FIRST_USER_PORT).contains(&port) && COMMON.binary_search(&port).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_and_on_their_side_of_the_user_ports() {
        assert!(COMMON.is_sorted_by(|a, b| a < b) && REGISTERED.is_sorted_by(|a, b| a < b));
        assert!(
            COMMON
                .iter()
                .all(|port| (1..FIRST_USER_PORT).contains(port))
        );
        assert!(
            REGISTERED
                .iter()
                .all(|port| *port >= FIRST_USER_PORT && is_well_known(*port))
        );
        assert!(!is_well_known(0) && !is_well_known(50_000));
        assert!(SPOKEN.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_port_may_mean_one_thing_over_tcp_and_another_over_udp() {
        assert_eq!(protocol_of(IpProtocol::TCP, 443), Some(Protocol::Https));
        assert_eq!(protocol_of(IpProtocol::UDP, 443), Some(Protocol::Quic));
        assert_eq!(protocol_of(IpProtocol::UDP, 22), None);
        assert_eq!(protocol_of(IpProtocol::SCTP, 443), None);
    }

    #[test]
    fn only_system_ports_without_a_common_service_are_unusual() {
        for port in [1, 7, 31, 81, 445 + 1, 666, 1023] {
            assert!(is_unusual(port), "{port}");
        }
        for port in [0, 22, 53, 80, 123, 443, 514, 853, 995, 1024, 4444, 65_535] {
            assert!(!is_unusual(port), "{port}");
        }
    }
}
