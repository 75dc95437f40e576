//! Community ID: a name of a flow that other tools give it as well, so that what they say of it can be put together.
//!
//! In: who speaks to whom. Out: the name. Knows nothing of what is said.
//!
//! Source: <https://github.com/corelight/community-id-spec>, version 1, with seed 0.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::key::FiveTuple;
use crate::packet::IpProtocol;

/// Agreed upon by those who compare names; 0 by all who were told nothing.
const SEED: u16 = 0;

/// Bytes that are hashed, of two addresses of IPv6: the seed, the addresses, the protocol, a zero, the ports.
const MAX_HASHED: usize = 2 + 2 * 16 + 2 + 2 * 2;
/// Characters of a name: the version, a colon, the hash in Base64.
const ID_LEN: usize = 2 + 28;

/// Types of ICMP that come in pairs, a question's before its answer's: they stand in the places of ports. RFC 792, RFC 950, RFC 1256.
const PAIRS: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
/// The same for ICMPv6. RFC 4443, RFC 4861, RFC 2710, RFC 4620, RFC 6275.
const PAIRS_6: [(u8, u8); 6] = [
    (128, 129),
    (133, 134),
    (135, 136),
    (130, 131),
    (139, 140),
    (144, 145),
];

/// Type and code of an ICMP or ICMPv6 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpKind {
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// The Community ID of a flow, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`.
///
/// * `tuple`: of any of its packets.
/// * `icmp`: of the same packet; the name of a flow of ICMP or ICMPv6 depends on it. Messages that have no counterpart make a name of
///   each direction's own.
/// * TCP, UDP and SCTP are named by their ports as well, all others by their addresses alone.
pub fn community_id(tuple: &FiveTuple, icmp: Option<IcmpKind>) -> String {
    let (src, dst) = (tuple.src, tuple.dst);
    let (ports, is_one_way) = match tuple.protocol {
        IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP => (Some((src.port, dst.port)), false),
        IpProtocol::ICMP => icmp_ports(icmp, &PAIRS),
        IpProtocol::ICMP6 => icmp_ports(icmp, &PAIRS_6),
        _ => (None, false),
    };
    let (src_port, dst_port) = ports.unwrap_or_default();
    let (mut low, mut high) = ((src.addr, src_port), (dst.addr, dst_port));
    if low > high && !is_one_way {
        std::mem::swap(&mut low, &mut high);
    }
    // Put together first: that is cheaper than to have it hashed piece by piece.
    let (mut room, mut len) = ([0; MAX_HASHED], 0);
    let mut add = |bytes: &[u8]| {
        if let Some(room) = room.get_mut(len..len + bytes.len()) {
            room.copy_from_slice(bytes);
            len += bytes.len();
        }
    };
    add(&SEED.to_be_bytes());
    for (addr, _) in [low, high] {
        match addr {
            IpAddr::V4(addr) => add(&addr.octets()),
            IpAddr::V6(addr) => add(&addr.octets()),
        }
    }
    add(&[tuple.protocol.0, 0]);
    if ports.is_some() {
        add(&low.1.to_be_bytes());
        add(&high.1.to_be_bytes());
    }
    let hash = Sha1::digest(room.get(..len).unwrap_or_default());
    let mut id = String::with_capacity(ID_LEN);
    id.push_str("1:");
    STANDARD.encode_string(hash, &mut id);
    id
}

/// What stands in the places of ports: a type and its counterpart's, or where there is none, type and code, in a flow of one direction.
fn icmp_ports(icmp: Option<IcmpKind>, pairs: &[(u8, u8)]) -> (Option<(u16, u16)>, bool) {
    let Some(IcmpKind { kind, code }) = icmp else {
        return (None, false);
    };
    let counterpart = pairs.iter().find_map(|&(question, answer)| {
        let is_question = (kind == question).then_some(answer);
        is_question.or((kind == answer).then_some(question))
    });
    let ports = (kind.into(), counterpart.unwrap_or(code).into());
    (Some(ports), counterpart.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Endpoint;

    /// Of a packet as the baseline of the specification writes one: protocol, addresses, and ports or what stands for them.
    fn id(protocol: u8, src: &str, dst: &str, ports: (u16, u16)) -> String {
        let is_icmp = [1, 58].contains(&protocol);
        let end = |addr: &str, port| Endpoint {
            addr: addr.parse().unwrap(),
            port: if is_icmp { 0 } else { port },
        };
        let tuple = FiveTuple {
            src: end(src, ports.0),
            dst: end(dst, ports.1),
            protocol: IpProtocol(protocol),
        };
        let icmp = is_icmp.then_some(IcmpKind {
            kind: ports.0 as u8,
            code: ports.1 as u8,
        });
        community_id(&tuple, icmp)
    }

    /// The baseline's flows, of which both directions have one name.
    #[test]
    fn both_directions_have_the_name_that_the_specification_gives_them() {
        for (protocol, (src, src_port), (dst, dst_port), expected) in [
            (
                6,
                ("128.232.110.120", 34855),
                ("66.35.250.204", 80),
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            ),
            (
                6,
                ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                ("2607:f8b0:400c:c03::1a", 25),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            (
                17,
                ("192.168.1.52", 54585),
                ("8.8.8.8", 53),
                "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
            ),
            (
                132,
                ("192.168.170.8", 7),
                ("192.168.170.56", 7),
                "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
            ),
            (
                46,
                ("10.1.12.1", 0),
                ("10.1.12.2", 0),
                "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=",
            ),
            (
                1,
                ("192.168.0.89", 8),
                ("192.168.0.1", 0),
                "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
            ),
            (
                58,
                ("fe80::260:97ff:fe07:69ea", 135),
                ("fe80::200:86ff:fe05:80da", 136),
                "1:zavyT/cezQr1fmImYCwYnMXbgck=",
            ),
            (
                58,
                ("3ffe:507:0:1:200:86ff:fe05:80da", 128),
                ("3ffe:501:0:1001::2", 129),
                "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=",
            ),
            (
                58,
                ("fe80::200:86ff:fe05:80da", 133),
                ("ff02::2", 134),
                "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=",
            ),
            (
                58,
                ("fe80::260:97ff:fe07:69ea", 134),
                ("ff02::1", 133),
                "1:pkvHqCL88/tg1k4cPigmZXUtL00=",
            ),
        ] {
            assert_eq!(id(protocol, src, dst, (src_port, dst_port)), expected);
            assert_eq!(id(protocol, dst, src, (dst_port, src_port)), expected);
        }
    }

    #[test]
    fn an_icmp_message_without_a_counterpart_names_its_direction() {
        for (protocol, src, dst, kind, expected) in [
            (
                1,
                "10.0.0.1",
                "10.0.0.2",
                (11, 0),
                "1:YHxtAirCG//0OzkcVAukqKQN9xM=",
            ),
            (
                58,
                "3ffe:501:1800:2345::2",
                "3ffe:507:0:1:200:86ff:fe05:80da",
                (3, 0),
                "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=",
            ),
            (
                58,
                "3ffe:501:410:0:2c0:dfff:fe47:33e",
                "3ffe:507:0:1:200:86ff:fe05:80da",
                (1, 4),
                "1:hLZd0XGWojozrvxqE0dWB1iM6R0=",
            ),
        ] {
            assert_eq!(id(protocol, src, dst, kind), expected);
            assert_ne!(id(protocol, dst, src, kind), expected);
        }
    }

    /// The baseline has none over IPv6; tshark gives none.
    #[test]
    fn what_has_no_ports_is_named_over_ipv6_as_well() {
        let there = id(50, "2001:db8::1", "2001:db8::2", (0, 0));
        assert_eq!(there, "1:JIAyWiD7dl1e74CJAdetAUPF/To=");
    }

    #[test]
    fn ends_of_one_address_are_put_in_order_by_their_ports() {
        let there = id(6, "127.0.0.1", "127.0.0.1", (50_000, 80));
        assert_eq!(there, id(6, "127.0.0.1", "127.0.0.1", (80, 50_000)));
    }
}
