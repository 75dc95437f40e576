//! What is told by IP's own number of what it carries: no ports, and next to no bytes.

use crate::packet::IpProtocol;
use crate::protocol::Protocol;

/// What a packet speaks that IP says carries `protocol`; `None` for transports, for what has no name here, and where the first
/// bytes belie the number.
///
/// * `payload`: the bytes behind IP's headers; none at all where they were not captured, and then the number is believed.
///
/// Source: IANA, Assigned Internet Protocol Numbers.
pub fn of_ip_protocol(protocol: IpProtocol, payload: &[u8]) -> Option<Protocol> {
    let first = payload.first().copied();
    match protocol {
        IpProtocol::ICMP => Some(Protocol::Icmp),
        IpProtocol::ICMP6 => Some(Protocol::Icmpv6),
        IpProtocol::GRE => Some(Protocol::Gre),
        // 50 is ESP.
        IpProtocol(50) | IpProtocol::AH => Some(Protocol::Ipsec),
        IpProtocol(2) => first.is_none_or(is_igmp).then_some(Protocol::Igmp),
        // Version 2 for IPv4, 3 for IPv6: RFC 2328 §A.3.1, RFC 5340 §A.3.1.
        IpProtocol(89) => first
            .is_none_or(|version| matches!(version, 2 | 3))
            .then_some(Protocol::Ospf),
        // Version 2, four bits of type: RFC 7761 §4.9.
        IpProtocol(103) => first
            .is_none_or(|byte| byte >> 4 == 2)
            .then_some(Protocol::Pim),
        // Version 2 or 3, and the only type there is: RFC 3768 §5.3, RFC 9568 §5.2.
        IpProtocol(112) => first
            .is_none_or(|byte| matches!(byte, 0x21 | 0x31))
            .then_some(Protocol::Vrrp),
        // Version 3 of L2TP; its control messages begin with a session of zero: RFC 3931 §4.1.1.
        IpProtocol(115) => Some(Protocol::L2tp),
        _ => None,
    }
}

/// Queries and reports of every version, DVMRP, PIM version 1, traces and router discovery. Source: IANA, IGMP Type Numbers.
const fn is_igmp(kind: u8) -> bool {
    matches!(kind, 0x11..=0x17 | 0x1e | 0x1f | 0x22..=0x26 | 0x30..=0x32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_and_the_first_byte_tell() {
        for (number, byte, protocol) in [
            (1, 8, Protocol::Icmp),
            (2, 0x16, Protocol::Igmp),
            (47, 0, Protocol::Gre),
            (50, 0, Protocol::Ipsec),
            (51, 6, Protocol::Ipsec),
            (58, 128, Protocol::Icmpv6),
            (89, 2, Protocol::Ospf),
            (103, 0x20, Protocol::Pim),
            (112, 0x31, Protocol::Vrrp),
            (115, 0, Protocol::L2tp),
        ] {
            assert_eq!(
                of_ip_protocol(IpProtocol(number), &[byte, 0]),
                Some(protocol)
            );
            assert_eq!(of_ip_protocol(IpProtocol(number), &[]), Some(protocol));
        }
    }

    #[test]
    fn bytes_that_belie_the_number_are_believed() {
        for (number, byte) in [
            (2, 0),
            (89, 4),
            (103, 0x10),
            (112, 0x11),
            (6, 0),
            (17, 0),
            (253, 0),
        ] {
            assert_eq!(
                of_ip_protocol(IpProtocol(number), &[byte, 0]),
                None,
                "{number}"
            );
        }
    }
}
