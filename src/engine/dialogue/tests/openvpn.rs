//! TLS in OpenVPN's control channel, over UDP and TCP.

use super::*;

/// A side's session, and the signature that packets have where they have one.
const SESSIONS: [[u8; 8]; 2] = [*b"clientid", *b"serverid"];
const SIGNATURE: [u8; 20] = [0xa5; 20];
const SERVER_RESET: u8 = 8;
const CLIENT_RESET: u8 = 7;
const CONTROL: u8 = 4;

/// A control channel: how its packets are signed, and what carries them.
#[derive(Clone, Copy)]
pub(super) struct Vpn {
    is_signed: bool,
    is_tcp: bool,
}

pub(super) const fn vpn(is_signed: bool, is_tcp: bool) -> Vpn {
    Vpn { is_signed, is_tcp }
}

const ALL: [Vpn; 4] = [
    vpn(false, false),
    vpn(false, true),
    vpn(true, false),
    vpn(true, true),
];

impl Vpn {
    fn packet(
        self,
        sender: Side,
        (opcode, acks): (u8, u8),
        number: u32,
        content: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![opcode << 3];
        packet.extend(SESSIONS[sender.index()]);
        if self.is_signed {
            packet.extend(SIGNATURE);
            packet.extend((number + 1).to_be_bytes());
            packet.extend(0x6500_0000_u32.to_be_bytes());
        }
        packet.push(acks);
        packet.extend((0..acks).flat_map(|ack| u32::from(ack).to_be_bytes()));
        if acks > 0 {
            packet.extend(SESSIONS[sender.other().index()]);
        }
        packet.extend(number.to_be_bytes());
        packet.extend(content);
        packet
    }

    /// The packets with `said` in them, in pieces of `len`.
    pub(super) fn pieces(self, sender: Side, said: &[u8], len: usize) -> Vec<Vec<u8>> {
        let pieces = (1..).zip(said.chunks(len));
        let packet = |(number, piece): (u32, &[u8])| {
            self.packet(sender, (CONTROL, (number % 3) as u8), number, piece)
        };
        pieces.map(packet).collect()
    }

    fn talk(self) -> Talk {
        if self.is_tcp {
            Talk::tcp(443)
        } else {
            Talk::udp()
        }
    }

    pub(super) fn say(self, talk: &mut Talk, sender: Side, packets: &[Vec<u8>]) {
        if !self.is_tcp {
            return packets.iter().for_each(|p| talk.datagram(sender, p));
        }
        let framed = packets
            .iter()
            .flat_map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat());
        for segment in framed.collect::<Vec<_>>().chunks(90) {
            talk.say(sender, segment);
        }
    }

    /// Both sides' resets.
    fn reset(self, talk: &mut Talk) {
        let client = self.packet(Client, (CLIENT_RESET, 0), 0, b"");
        self.say(talk, Client, &[client]);
        let server = self.packet(Server, (SERVER_RESET, 1), 0, b"");
        self.say(talk, Server, &[server]);
    }
}

#[test]
fn a_hello_and_its_answer_are_read_in_pieces() {
    for vpn in ALL {
        for len in [7, 100, 5000] {
            let mut talk = vpn.talk();
            vpn.reset(&mut talk);
            vpn.say(&mut talk, Client, &vpn.pieces(Client, &hex(CHROME), len));
            vpn.say(
                &mut talk,
                Server,
                &vpn.pieces(Server, &hex(SERVER_TLS13), len),
            );
            assert!(talk.speaks(Protocol::OpenVpn) && is_named(&talk), "{len}");
            assert_eq!(talk.choice(), Some(0x0304), "{len}");
            let protocols: Vec<_> = talk
                .evidence
                .iter()
                .filter(|e| matches!(e, Evidence::Protocol(_)))
                .collect();
            assert_eq!(*protocols[0], Evidence::Protocol(Protocol::OpenVpn));
        }
    }
}

#[test]
fn a_certificate_is_read_where_the_hello_names_nobody() {
    for vpn in ALL {
        let mut talk = vpn.talk();
        vpn.reset(&mut talk);
        vpn.say(&mut talk, Client, &vpn.pieces(Client, &hex(UNNAMED), 100));
        vpn.say(
            &mut talk,
            Server,
            &vpn.pieces(Server, &hex(SERVER_FLIGHT), 100),
        );
        assert_eq!(talk.names().len(), CERTIFIED.0);
        assert_eq!(talk.names()[0], (CERTIFIED.1, NameSource::Certificate));
    }
}

#[test]
fn pieces_come_in_any_order_and_again() {
    for is_signed in [false, true] {
        let vpn = vpn(is_signed, false);
        let pieces = vpn.pieces(Client, &hex(CURL_TLS12), 40);
        assert!(pieces.len() <= 12);
        let mut talk = vpn.talk();
        vpn.reset(&mut talk);
        let backward = pieces.iter().rev().cloned();
        let twice: Vec<_> = backward.chain(pieces.iter().cloned()).collect();
        vpn.say(&mut talk, Client, &twice);
        assert_eq!(talk.names(), [NAME]);
        // Without the reset, the first piece tells how they are signed.
        let mut late = vpn.talk();
        vpn.say(&mut late, Client, &pieces);
        assert_eq!(late.names(), [NAME]);
    }
}

#[test]
fn a_lost_piece_makes_no_name_and_another_session_begins_anew() {
    let vpn = vpn(false, false);
    let pieces = vpn.pieces(Client, &hex(CURL_TLS12), 40);
    for lost in 0..pieces.len() {
        let mut talk = vpn.talk();
        vpn.reset(&mut talk);
        let mut some = pieces.clone();
        some.remove(lost);
        vpn.say(&mut talk, Client, &some);
        assert!(talk.names().iter().all(|name| *name == NAME), "{lost}");
        // Of another key.
        let again: Vec<_> = pieces
            .iter()
            .map(|piece| [&[piece[0] | 1], &piece[1..]].concat())
            .collect();
        vpn.say(&mut talk, Client, &again);
        assert_eq!(talk.names(), [NAME], "{lost}");
    }
}

#[test]
fn what_waits_is_bounded() {
    let vpn = vpn(false, false);
    let mut talk = vpn.talk();
    vpn.reset(&mut talk);
    for number in (2..5000).chain([u32::MAX]) {
        talk.datagram(
            Client,
            &vpn.packet(Client, (CONTROL, 0), number, &[22; 1400]),
        );
    }
    assert!(talk.dialogue.held_bytes() < 32 << 10);
    // Over TCP nothing is kept of a segment full of packets of no bytes.
    let vpn = Vpn {
        is_tcp: true,
        ..vpn
    };
    let mut talk = vpn.talk();
    vpn.reset(&mut talk);
    talk.say(Client, &[0; 60_000]);
    assert!(talk.dialogue.held_bytes() < 4 << 10);
}

#[test]
fn the_next_piece_is_heard_however_much_waits_behind_it() {
    let vpn = vpn(false, false);
    let mut talk = vpn.talk();
    vpn.reset(&mut talk);
    let hello = hex(CURL_TLS12);
    let (first, rest) = hello.split_at(hello.len() - 40);
    let late = [rest, &[20, 3, 3, 0x3f, 0xf0], &[0; 0x3ff0 - 40]].concat();
    vpn.say(
        &mut talk,
        Client,
        &[vpn.packet(Client, (CONTROL, 0), 2, &late)],
    );
    vpn.say(
        &mut talk,
        Client,
        &[vpn.packet(Client, (CONTROL, 0), 1, first)],
    );
    assert_eq!(talk.names(), [NAME]);
}

#[test]
fn a_channel_that_is_none_is_not_heard_whatever_its_pieces_are_numbered() {
    let vpn = vpn(false, false);
    let mut talk = vpn.talk();
    vpn.reset(&mut talk);
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for number in [1, 2, 0, u32::MAX, u32::MAX] {
        let packet = vpn.packet(Client, (CONTROL, 0), number, request);
        vpn.say(&mut talk, Client, &[packet]);
    }
    assert_eq!(talk.names(), []);
}

#[test]
fn a_hello_tells_how_packets_are_signed_whatever_was_said_before() {
    for (before, vpn) in [
        (vpn(false, false), vpn(true, false)),
        (vpn(true, false), vpn(false, false)),
    ] {
        let mut talk = vpn.talk();
        before.reset(&mut talk);
        vpn.say(
            &mut talk,
            Client,
            &vpn.pieces(Client, &hex(CURL_TLS12), 100),
        );
        assert_eq!(talk.names(), [NAME]);
    }
}

#[test]
fn what_is_no_tls_is_not_heard() {
    let vpn = vpn(false, false);
    let mut other = vpn.talk();
    vpn.reset(&mut other);
    vpn.say(
        &mut other,
        Client,
        &vpn.pieces(Client, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 100),
    );
    assert_eq!(other.names(), []);
}

#[test]
fn a_hello_that_lies_bare_behind_resets_is_heard_all_the_same() {
    let vpn = vpn(true, true);
    let mut talk = vpn.talk();
    vpn.reset(&mut talk);
    talk.say(Client, &hex(CHROME));
    assert!(is_named(&talk));
}

#[test]
fn a_reset_with_a_key_in_it_is_told_over_tcp_however_long() {
    let crypted = [&[0x0f, 0, 0, 1, 0x65, 0, 0, 0][..], &[0xb8; 400]].concat();
    let packet = [&[10 << 3][..], &SESSIONS[0], &crypted].concat();
    for len in [90, 200, 5000] {
        let mut talk = Talk::tcp(443);
        let framed = [&(packet.len() as u16).to_be_bytes()[..], &packet].concat();
        framed.chunks(len).for_each(|said| talk.say(Client, said));
        talk.say(Server, &framed);
        assert!(talk.speaks(Protocol::OpenVpn), "{len}");
    }
}
