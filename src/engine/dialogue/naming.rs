//! DNS and its kin in a dialogue: where their messages begin, and what they say.

use super::listener::Listener;
use super::stream::Phase;
use super::{DNS_PORT, LLMNR_PORT};
use crate::caveats::Caveats;
use crate::domain::DomainName;
use crate::evidence::{Evidence, NameSource};
use crate::inspect::{Outcome, dns};
use crate::protocol::Protocol;

/// The dialect that a connection between these ports is expected to speak.
pub(super) fn expected_over_tcp(ports: [u16; 2]) -> Option<dns::Dialect> {
    if ports.contains(&DNS_PORT) {
        Some(dns::Dialect::Dns)
    } else if ports.contains(&LLMNR_PORT) {
        Some(dns::Dialect::Llmnr)
    } else {
        None
    }
}

/// Adds what a message of DNS asks.
pub(super) fn tell_dns(message: dns::Message, dialect: dns::Dialect, evidence: &mut Vec<Evidence>) {
    let (protocol, source) = match dialect {
        dns::Dialect::Dns => (Protocol::Dns, NameSource::DnsQuery),
        dns::Dialect::Mdns => (Protocol::Mdns, NameSource::Mdns),
        dns::Dialect::Llmnr => (Protocol::Llmnr, NameSource::Llmnr),
    };
    evidence.push(Evidence::Protocol(protocol));
    if message.unread_questions > 0 {
        evidence.push(Evidence::Caveats(Caveats {
            questions: message.unread_questions.into(),
            ..Caveats::default()
        }));
    }
    let names = message
        .questions
        .into_iter()
        .filter_map(|question| question.name);
    tell_names(names, source, evidence);
}

/// Adds whom a message of NetBIOS is about.
pub(super) fn tell_netbios(names: Vec<DomainName>, evidence: &mut Vec<Evidence>) {
    evidence.push(Evidence::Protocol(Protocol::Netbios));
    tell_names(names.into_iter(), NameSource::Netbios, evidence);
}

fn tell_names(
    names: impl Iterator<Item = DomainName>,
    source: NameSource,
    evidence: &mut Vec<Evidence>,
) {
    evidence.extend(names.map(|name| Evidence::Name(name, source)));
}

impl Listener<'_> {
    /// Whether a DNS message begins here; on ports that are not its own it has to leave no doubt.
    pub(super) fn begins_dns(&self, bytes: &[u8]) -> Outcome<()> {
        let Some(dialect) = self.expected else {
            return dns::is_surely_dns_over_tcp(bytes);
        };
        match dns::tcp_message(bytes, dialect) {
            Outcome::Found(_) => Outcome::Found(()),
            Outcome::NeedMore => Outcome::NeedMore,
            Outcome::NotMine => Outcome::NotMine,
        }
    }

    /// One step through one side's messages.
    pub(super) fn dns_messages(&mut self, bytes: &[u8]) -> usize {
        if let Phase::DnsMessages(skip @ 1..) = &mut self.own.phase {
            let step = bytes.len().min(*skip);
            *skip -= step;
            return step;
        }
        let dialect = self.expected.unwrap_or(dns::Dialect::Dns);
        match dns::tcp_message(bytes, dialect) {
            Outcome::Found((len, message)) => {
                tell_dns(message, dialect, self.evidence);
                // The questions stand in front: they are told before the whole message is there.
                let step = len.min(bytes.len());
                self.own.phase = Phase::DnsMessages(len - step);
                step
            }
            Outcome::NeedMore => 0,
            Outcome::NotMine => {
                self.own.phase = Phase::Open;
                self.miss();
                bytes.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialogue;
    use super::*;
    use crate::key::{Endpoint, FiveTuple, FlowKey};
    use crate::observation::Observation;
    use crate::packet::{IpProtocol, TcpFlags, TcpSegment};

    /// A flow between two ports, and the names found in it.
    struct Talk {
        key: FlowKey,
        ports: (u16, u16),
        protocol: IpProtocol,
        dialogue: Dialogue,
        evidence: Vec<Evidence>,
    }

    impl Talk {
        fn new(protocol: IpProtocol, ports: (u16, u16)) -> Self {
            let key = FlowKey::of(&tuple(protocol, ports, true)).0;
            Self {
                key,
                ports,
                protocol,
                dialogue: Dialogue::begin(&key),
                evidence: Vec::new(),
            }
        }

        fn say(&mut self, is_client: bool, seq: u32, payload: &[u8]) {
            let is_tcp = self.protocol == IpProtocol::TCP;
            let sender = FlowKey::of(&tuple(self.protocol, self.ports, is_client)).1;
            let flow = (self.key, sender);
            self.dialogue.hear(
                &Observation {
                    tcp: is_tcp.then_some(TcpSegment {
                        flags: TcpFlags(0x10),
                        seq,
                    }),
                    ..Observation::with_payload(flow, payload)
                },
                false,
                &mut self.evidence,
            );
        }

        /// Says `bytes` from the client in pieces of `len`.
        fn stream(&mut self, bytes: &[u8], len: usize) {
            let mut seq = 1;
            for piece in bytes.chunks(len) {
                self.say(true, seq, piece);
                seq += piece.len() as u32;
            }
        }

        /// Where names stood, and the names.
        fn names(&self) -> Vec<(&'static str, &str)> {
            self.evidence
                .iter()
                .filter_map(|piece| match piece {
                    Evidence::Name(name, from) => Some((from.as_str(), name.as_str())),
                    _ => None,
                })
                .collect()
        }
    }

    fn tuple(protocol: IpProtocol, ports: (u16, u16), is_forth: bool) -> FiveTuple {
        let [client, server] = [(1, ports.0), (2, ports.1)].map(|(last, port)| Endpoint {
            addr: [10, 0, 0, last].into(),
            port,
        });
        let (src, dst) = if is_forth {
            (client, server)
        } else {
            (server, client)
        };
        FiveTuple { src, dst, protocol }
    }

    /// A query for the address of `<name>.example`.
    fn query(name: &str) -> Vec<u8> {
        let mut bytes = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
        for label in [name, "example"] {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend(b"\0\0\x01\0\x01");
        bytes
    }

    /// The messages as TCP carries them.
    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        let frame =
            |message: &Vec<u8>| [&(message.len() as u16).to_be_bytes(), &message[..]].concat();
        messages.iter().flat_map(frame).collect()
    }

    #[test]
    fn messages_of_a_connection_are_read_wherever_segments_end() {
        let stream = framed(&[query("one"), query("two"), query("three")]);
        let names = ["one.example", "two.example", "three.example"].map(|name| ("dns_query", name));
        for port in [53, 5353, 8053] {
            // On ports of others a lone byte is not waited for.
            for len in if port == 53 { 1 } else { 2 }..=stream.len() {
                let mut talk = Talk::new(IpProtocol::TCP, (40_000, port));
                talk.stream(&stream, len);
                assert_eq!(talk.names(), names, "port {port}, segments of {len}");
            }
        }
    }

    #[test]
    fn llmnr_is_told_apart_over_tcp_as_well() {
        let mut talk = Talk::new(IpProtocol::TCP, (40_000, 5355));
        talk.stream(&framed(&[query("one")]), 7);
        assert_eq!(talk.names(), [("llmnr", "one.example")]);
    }

    #[test]
    fn a_message_may_be_cut_and_what_was_whole_stays() {
        let stream = framed(&[query("one"), query("two")]);
        for port in [53, 8053] {
            for cut in 0..stream.len() {
                let mut talk = Talk::new(IpProtocol::TCP, (40_000, port));
                talk.say(true, 1, &stream[..cut]);
                let whole = usize::from(cut >= stream.len() / 2);
                assert_eq!(talk.names().len(), whole, "port {port}, cut at {cut}");
            }
        }
    }

    #[test]
    fn each_side_of_a_connection_is_read_by_itself() {
        let mut answer = query("two");
        answer[2] |= 0x80;
        let mut talk = Talk::new(IpProtocol::TCP, (40_000, 8053));
        talk.say(true, 1, &framed(&[query("one")]));
        talk.say(false, 1, &framed(&[answer]));
        talk.say(
            true,
            1 + 2 + query("one").len() as u32,
            &framed(&[query("three")]),
        );
        assert_eq!(
            talk.names(),
            ["one", "two", "three"]
                .map(|name| ("dns_query", format!("{name}.example")))
                .each_ref()
                .map(|(from, name)| (*from, name.as_str()))
        );
    }

    /// Says so much behind `after` that what was lost before is waited for no longer.
    fn give_up_what_is_lost(talk: &mut Talk, after: u32) {
        for i in 0..=64 {
            talk.say(true, after + 2000 + i, b"x");
        }
    }

    #[test]
    fn what_follows_a_lost_segment_is_read_again() {
        let (first, third) = (framed(&[query("one")]), framed(&[query("three")]));
        let mut talk = Talk::new(IpProtocol::TCP, (40_000, 8053));
        talk.say(true, 1, &first);
        let after = 1 + first.len() as u32 + 100;
        talk.say(true, after, &third);
        give_up_what_is_lost(&mut talk, after);
        assert_eq!(
            talk.names(),
            [("dns_query", "one.example"), ("dns_query", "three.example")]
        );
    }

    #[test]
    fn what_follows_a_hole_in_a_long_message_is_still_of_it() {
        // Right behind the hole it holds what would be a message elsewhere.
        let mut long = framed(&[[query("one"), vec![b'x'; 2000]].concat()]);
        let decoy = framed(&[query("two")]);
        long[600..][..decoy.len()].copy_from_slice(&decoy);
        let mut talk = Talk::new(IpProtocol::TCP, (40_000, 53));
        talk.say(true, 1, &long[..100]);
        // Bytes 100 to 600 are lost.
        talk.say(true, 601, &long[600..]);
        let after = 1 + long.len() as u32;
        let third = framed(&[query("three")]);
        talk.say(true, after, &third);
        give_up_what_is_lost(&mut talk, after);
        assert_eq!(
            talk.names(),
            [("dns_query", "one.example"), ("dns_query", "three.example")]
        );
    }

    #[test]
    fn the_port_tells_which_of_the_kin_a_datagram_is_of() {
        for (port, from) in [
            (53, Some("dns_query")),
            (5353, Some("mdns")),
            (5355, Some("llmnr")),
            (1053, Some("dns_query")),
        ] {
            let mut talk = Talk::new(IpProtocol::UDP, (40_000, port));
            talk.say(true, 0, &query("one"));
            let names: Vec<_> = from.map(|from| (from, "one.example")).into_iter().collect();
            assert_eq!(talk.names(), names, "{port}");
        }
    }

    #[test]
    fn a_flow_may_turn_to_dns_however_late() {
        let stun = b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl";
        for before in [&stun[..], b"something else"] {
            let mut talk = Talk::new(IpProtocol::UDP, (40_000, 3478));
            for _ in 0..1000 {
                talk.say(true, 0, before);
            }
            talk.say(true, 0, &query("one"));
            assert_eq!(talk.names(), [("dns_query", "one.example")]);
        }
    }

    #[test]
    fn questions_past_the_bound_are_counted() {
        let mut bytes = query("one");
        bytes[5] = 100;
        for _ in 1..100 {
            bytes.extend(b"\xc0\x0c\0\x01\0\x01");
        }
        let mut talk = Talk::new(IpProtocol::UDP, (40_000, 53));
        talk.say(true, 0, &bytes);
        let caveats = Caveats {
            questions: 100 - dns::MAX_QUESTIONS as u64,
            ..Caveats::default()
        };
        assert!(talk.evidence.contains(&Evidence::Caveats(caveats)));
    }

    #[test]
    fn netbios_is_told_apart_from_dns_on_every_port() {
        // `PRINTER`, asked for and asked for with a datagram of its own.
        let asked =
            b"\x8f\x2b\x01\x10\0\x01\0\0\0\0\0\0\x20FAFCEJEOFEEFFCCACACACACACACACACA\0\0\x20\0\x01";
        for port in [137, 138, 4137] {
            let mut talk = Talk::new(IpProtocol::UDP, (port, port));
            talk.say(true, 0, b"?");
            talk.say(true, 0, asked);
            talk.say(true, 0, b"?");
            assert_eq!(talk.names(), [("netbios", "printer")]);
            assert_eq!(
                talk.evidence.first(),
                Some(&Evidence::Protocol(Protocol::Netbios))
            );
        }
        let mut talk = Talk::new(IpProtocol::UDP, (137, 137));
        talk.say(true, 0, &query("one"));
        assert_eq!(talk.names(), [("dns_query", "one.example")]);
    }

    #[test]
    fn what_a_netbios_datagram_carries_is_told_as_well() {
        let name = b"\x20FAFCEJEOFEEFFCCACACACACACACACACA\0";
        let datagram = [
            b"\x11\x0a\x80\x01\x0a\0\0\x01\0\x8a\0\xbb\0\0".as_slice(),
            name,
            name,
            b"\xffSMB\x25",
            &[0; 40],
        ];
        let mut talk = Talk::new(IpProtocol::UDP, (138, 138));
        talk.say(true, 0, &datagram.concat());
        let told: Vec<_> = talk
            .evidence
            .iter()
            .filter_map(|evidence| match evidence {
                Evidence::Protocol(protocol) => Some(*protocol),
                _ => None,
            })
            .collect();
        assert_eq!(told, [Protocol::Netbios, Protocol::Smb]);
    }
}
