//! What a flow of datagrams holds for later, and when it lets go of it.

use super::openvpn::vpn;
use super::*;

const QUIC_IN_TWO: &str = include_str!("../../../inspect/quic/flights/chromium.hex");

/// Datagrams of a flow that are looked at for what no name tells.
const LOOKS: u16 = 40;

/// An Initial packet of version 1, of the connection `first id`: the hello in it names a.example, and says that it has one byte more than
/// there is.
const QUIC_UNFINISHED: &str = "
    cd0000000108666972737420696403737263800000008000005f4cd14faf6203f80b316d87b69077
    6f62141d1d5dd1a2059e6be1305b6561ad5366cf4a844b392f681ccf601fd57ddfd3cca836a25ca3
    622d79cb113115be85a309a29b67fb4e3405963183f0d21218bfbf21dfbc22061621e094c2042596
    49";

/// A packet of RTP: version 2, a payload type of the callers' choice, sequence, time, source, sound.
fn rtp(sequence: u16, source: u8) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    let header = [0x80, 0x60, high, low, 0, 0, 0, 0, 7, 7, 7, source];
    [&header[..], &[0x55; 160]].concat()
}

#[test]
fn a_call_is_told_and_its_guesses_go_with_the_last_look() {
    let mut talk = Talk::udp();
    for sequence in 1..=LOOKS {
        assert_eq!(talk.speaks(Protocol::Rtp), sequence > 4, "{sequence}");
        talk.datagram(Client, &rtp(sequence, 1));
        assert!(talk.dialogue.held_bytes() > 0, "{sequence}");
    }
    let told = talk.evidence.len();
    for sequence in LOOKS + 1..300 {
        talk.datagram(Client, &rtp(sequence, 1));
        talk.datagram(Server, &rtp(sequence, 2));
        assert_eq!(talk.dialogue.held_bytes(), 0, "{sequence}");
    }
    assert_eq!(talk.evidence.len(), told);
}

#[test]
fn what_is_held_of_a_hello_goes_when_it_is_whole() {
    for flight in [QUIC_IN_TWO, DTLS_CLIENT].map(datagrams) {
        let mut talk = Talk::udp();
        assert_eq!(talk.dialogue.held_bytes(), 0);
        talk.datagram(Client, &flight[0]);
        assert!(talk.dialogue.held_bytes() > 0);
        talk.datagram(Client, &flight[1]);
        assert_eq!(talk.dialogue.held_bytes(), 0);
        assert_eq!(talk.names().len(), 1);
    }
}

#[test]
fn a_channel_of_openvpn_goes_when_there_is_nothing_more_to_learn() {
    let vpn = vpn(false, false);
    let mut talk = Talk::udp();
    // In so many pieces that no guess at what they are is left.
    let hello = vpn.pieces(Client, &hex(CHROME), 10);
    assert!(hello.len() > usize::from(LOOKS));
    vpn.say(&mut talk, Client, &hello);
    assert!(talk.dialogue.held_bytes() > 0);
    let answer = vpn.pieces(Server, &hex(SERVER_TLS13), 100);
    vpn.say(&mut talk, Server, &answer);
    assert!(is_named(&talk));
    assert_eq!(talk.dialogue.held_bytes(), 0);
}

#[test]
fn the_end_of_one_protocol_leaves_what_is_held_of_others() {
    let vpn = vpn(false, false);
    let mut talk = Talk::udp();
    let [quic, dtls] = [QUIC_IN_TWO, DTLS_CLIENT].map(datagrams);
    talk.datagram(Client, &quic[0]);
    talk.datagram(Client, &dtls[0]);
    let held = talk.dialogue.held_bytes();
    let said = [(Client, CHROME), (Server, SERVER_TLS13)];
    for (sender, said) in said {
        vpn.say(&mut talk, sender, &vpn.pieces(sender, &hex(said), 100));
    }
    for sequence in 0..=LOOKS {
        talk.datagram(Client, &rtp(sequence, 1));
    }
    assert_eq!(talk.dialogue.held_bytes(), held);
    talk.evidence.clear();
    talk.datagram(Client, &quic[1]);
    talk.datagram(Client, &dtls[1]);
    assert_eq!(talk.names().len(), 2);
    assert_eq!(talk.dialogue.held_bytes(), 0);
}

#[test]
fn a_flow_of_dtls_is_heard_behind_a_message_of_an_unknown_kind() {
    let mut talk = Talk::udp();
    let [first, last, ..] = &datagrams(DTLS_CLIENT)[..] else {
        panic!("a hello in two datagrams");
    };
    talk.datagram(Client, first);
    // A record of one handshake message without a body, of type 99.
    let unknown = hex("16 feff 0000 000000000009 000c  63 000000 0009 000000 000000");
    talk.datagram(Client, &[&unknown[..], last].concat());
    assert_eq!(talk.names().len(), 1);
    assert_eq!(talk.dialogue.held_bytes(), 0);
}

#[test]
fn a_name_in_an_unfinished_hello_is_told_once() {
    let mut talk = Talk::udp();
    for _ in 0..3 {
        talk.datagram(Client, &hex(QUIC_UNFINISHED));
        let pieces = talk.evidence.iter();
        let names: Vec<_> = pieces
            .filter_map(|piece| match piece {
                Evidence::Name(name, from) => Some((name.as_str(), *from)),
                _ => None,
            })
            .collect();
        assert_eq!(names, [("a.example", NameSource::QuicSni)]);
    }
}
