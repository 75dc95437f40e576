//! ICMP and ICMPv6 errors: the packet that caused them, of which they quote the beginning.

use crate::packet::IpProtocol;

/// What stands before the quoted packet: type, code, checksum, and four bytes that depend on the type.
/// Source: RFC 792; RFC 4443 §3.
const HEADER_LEN: usize = 8;

/// Types of ICMP that quote a packet: destination unreachable, source quench, redirect, time exceeded, parameter problem.
/// Source: IANA "ICMP Type Numbers"; RFC 792, RFC 6633 (quench).
const ERRORS: [u8; 5] = [3, 4, 5, 11, 12];
/// Types of ICMPv6 that quote a packet: destination unreachable, packet too big, time exceeded, parameter problem.
/// Source: IANA "ICMPv6 type Numbers"; RFC 4443 §2.1.
const ERRORS_6: [u8; 4] = [1, 2, 3, 4];

/// The beginning of the packet that an error quotes.
///
/// * `message`: the ICMP message, as far as it was captured.
pub(super) fn quoted_packet(protocol: IpProtocol, message: &[u8]) -> Option<&[u8]> {
    let (&kind, packet) = (message.first()?, message.get(HEADER_LEN..)?);
    let is_error = match protocol {
        IpProtocol::ICMP => ERRORS.contains(&kind),
        IpProtocol::ICMP6 => ERRORS_6.contains(&kind),
        _ => false,
    };
    is_error.then_some(packet)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex};
    use crate::key::FiveTuple;
    use crate::packet::LinkType;
    use crate::wire::{decode, quoted};

    /// From 10.77.1.53 to 10.77.0.2: destination unreachable, port unreachable.
    const ERROR: &str = "
        45 00 00 00              ; version 4, header 5 words; length left open
        00 01 00 00 40 01 00 00  ; id, ttl 64, ICMP
        0a 4d 01 35 0a 4d 00 02  ; from, to
        03 03 00 00 00 00 00 00  ; type, code, checksum, unused
    ";

    fn quoted_by(frame: &[u8]) -> Option<FiveTuple> {
        quoted(&decode(Some(LinkType::RAW), frame), frame)
    }

    #[test]
    fn an_error_tells_the_flow_of_the_packet_it_quotes() {
        let tuple = quoted_by(&hex(&[ERROR, REAL_DNS])).unwrap();
        let text = format!("{} {} > {}", tuple.protocol, tuple.src, tuple.dst);
        assert_eq!(text, "udp 10.77.0.2:48513 > 10.77.1.53:53");
    }

    #[test]
    fn eight_bytes_of_the_transport_are_enough_and_any_cut_is_harmless() {
        let frame = hex(&[ERROR, REAL_DNS]);
        let whole = quoted_by(&frame);
        for len in 0..frame.len() {
            let tuple = quoted_by(&frame[..len]);
            if len >= 28 + 20 + 4 {
                assert_eq!(tuple, whole, "{len}");
            } else if len < 28 + 20 {
                assert_eq!(tuple, None, "{len}");
            }
        }
    }

    #[test]
    fn an_echo_quotes_nothing() {
        let mut frame = hex(&[ERROR, REAL_DNS]);
        frame[20] = 8;
        assert_eq!(quoted_by(&frame), None);
        assert_eq!(quoted_by(&hex(&[REAL_DNS])), None);
    }

    #[test]
    fn icmp6_errors_have_types_of_their_own() {
        let ipv6 = |next: u8, len: u8, rest: &[u8]| {
            let mut packet = vec![0x60, 0, 0, 0, 0, len, next, 64];
            packet.extend(
                [0x20; 15]
                    .into_iter()
                    .chain([1])
                    .chain([0x20; 15])
                    .chain([2]),
            );
            packet.extend_from_slice(rest);
            packet
        };
        let udp = [0x30, 0x39, 0, 53, 0, 8, 0, 0];
        let mut message = vec![1, 4, 0, 0, 0, 0, 0, 0];
        message.extend(ipv6(17, 8, &udp));
        let error = ipv6(58, message.len() as u8, &message);
        assert_eq!(quoted_by(&error).map(|tuple| tuple.dst.port), Some(53));
        message[0] = 129;
        assert_eq!(quoted_by(&ipv6(58, message.len() as u8, &message)), None);
    }
}
