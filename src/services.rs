//! Ports that belong to well-known services: who is likely the server, and which low ports are out of the ordinary.

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

/// Whether `port` is that of a well-known service, so that its owner is likely the server.
pub fn is_well_known(port: u16) -> bool {
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
