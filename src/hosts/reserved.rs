//! Addresses that no host on the public Internet has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// An address block that is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservedRange {
    /// The block, as `192.168.0.0/16`.
    pub prefix: IpNet,
    /// What for, in a word or two: `private`, `link-local`.
    pub purpose: &'static str,
    /// The document that says so, as `RFC 1918`.
    pub source: &'static str,
}

/// The reserved block that holds `addr`; `None` for an address that can be reached from everywhere.
///
/// Teredo, 6to4 and the well-known NAT64 prefix are not reserved: they carry public addresses.
///
/// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (the blocks that are not globally reachable); RFC 5771 and
/// RFC 4291 §2.7 for multicast.
pub fn reserved_range(addr: IpAddr) -> Option<&'static ReservedRange> {
    if let IpAddr::V4(v4) = addr
        && matches!(v4.octets(), [192, 0, 0, 9 | 10])
    {
        // Anycast addresses of PCP and TURN: reachable, in a block that otherwise is not. RFC 7723, RFC 8155.
        return None;
    }
    RESERVED.iter().find(|range| range.prefix.contains(&addr))
}

/// The first block that holds an address counts.
#[rustfmt::skip]
const RESERVED: [ReservedRange; 30] = [
    v4([0, 0, 0, 0],          8, "this network", "RFC 791"),
    v4([10, 0, 0, 0],         8, "private", "RFC 1918"),
    v4([100, 64, 0, 0],      10, "shared address space", "RFC 6598"),
    v4([127, 0, 0, 0],        8, "loopback", "RFC 1122"),
    v4([169, 254, 0, 0],     16, "link-local", "RFC 3927"),
    v4([172, 16, 0, 0],      12, "private", "RFC 1918"),
    v4([192, 0, 0, 0],       24, "protocol assignments", "RFC 6890"),
    v4([192, 0, 2, 0],       24, "documentation", "RFC 5737"),
    v4([192, 168, 0, 0],     16, "private", "RFC 1918"),
    v4([198, 18, 0, 0],      15, "benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0],    24, "documentation", "RFC 5737"),
    v4([203, 0, 113, 0],     24, "documentation", "RFC 5737"),
    v4([224, 0, 0, 0],        4, "multicast", "RFC 5771"),
    v4([255, 255, 255, 255], 32, "broadcast", "RFC 8190"),
    v4([240, 0, 0, 0],        4, "class E", "RFC 1112"),
    v6([0, 0, 0, 0, 0, 0, 0, 0],          128, "unspecified", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 1],          128, "loopback", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0],      96, "IPv4-mapped", "RFC 4291"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0],   48, "local-use translation", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0],       64, "discard-only", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0],       64, "dummy prefix", "RFC 9780"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0],      48, "benchmarking", "RFC 5180"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0],   28, "ORCHID", "RFC 4843"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],  32, "documentation", "RFC 3849"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0],      20, "documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0],      16, "segment routing", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0],       7, "unique local", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0],      10, "link-local", "RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0],      10, "site-local", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0],       8, "multicast", "RFC 4291"),
];

const fn v4(net: [u8; 4], len: u8, purpose: &'static str, source: &'static str) -> ReservedRange {
    let [a, b, c, d] = net;
    ReservedRange {
        prefix: IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), len),
        purpose,
        source,
    }
}

const fn v6(net: [u16; 8], len: u8, purpose: &'static str, source: &'static str) -> ReservedRange {
    let [a, b, c, d, e, f, g, h] = net;
    ReservedRange {
        prefix: IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), len),
        purpose,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(addr: &str) -> Option<&'static str> {
        reserved_range(addr.parse().unwrap()).map(|range| range.purpose)
    }

    #[test]
    fn blocks_end_where_the_registry_ends_them() {
        for (addr, expected) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some("private")),
            ("10.255.255.255", Some("private")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("shared address space")),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("192.0.0.8", Some("protocol assignments")),
            ("192.0.0.9", None),
            ("192.167.255.255", None),
            ("198.19.255.255", Some("benchmarking")),
            ("223.255.255.255", None),
            ("224.0.0.251", Some("multicast")),
            ("240.0.0.1", Some("class E")),
            ("255.255.255.255", Some("broadcast")),
            ("::", Some("unspecified")),
            ("::2", None),
            ("2001:db8::1", Some("documentation")),
            ("2001:db9::1", None),
            ("2001::1", None),
            ("2002:c000:0204::1", None),
            ("3fff:fff::1", Some("documentation")),
            ("fdff::1", Some("unique local")),
            ("fe00::1", None),
            ("febf::1", Some("link-local")),
            ("ff02::fb", Some("multicast")),
            ("2606:4700::6810:84e5", None),
        ] {
            assert_eq!(purpose(addr), expected, "{addr}");
        }
    }

    #[test]
    fn every_prefix_is_written_without_host_bits() {
        for range in &RESERVED {
            assert_eq!(range.prefix.trunc(), range.prefix);
        }
    }
}
