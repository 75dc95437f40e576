//! What the sides of a flow say first tells its protocol, on any port and however it is cut, and hides no name behind it.

use super::*;

const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

fn protocols(talk: &Talk) -> Vec<Protocol> {
    let told = talk.evidence.iter().filter_map(|piece| match piece {
        Evidence::Protocol(protocol) => Some(*protocol),
        _ => None,
    });
    told.collect()
}

#[test]
fn an_opening_is_recognised_wherever_segments_end() {
    for len in 1..=SSH.len() {
        let mut talk = Talk::tcp(2200);
        for piece in SSH.chunks(len) {
            talk.say(Server, piece);
        }
        for piece in SSH.chunks(len) {
            talk.say(Client, piece);
        }
        assert_eq!(protocols(&talk), [Protocol::Ssh], "segments of {len}");
    }
}

#[test]
fn mail_that_turns_to_tls_is_both_the_outer_first() {
    let mut talk = Talk::tcp(2525);
    talk.say(Server, b"220 mail.example ESMTP ready\r\n");
    talk.say(Client, b"EHLO client.example\r\n");
    talk.say(Server, b"250-mail.example\r\n250 STARTTLS\r\n");
    talk.say(Client, b"STARTTLS\r\n");
    talk.say(Server, b"220 go ahead\r\n");
    talk.say(Client, &hex(CHROME));
    assert_eq!(protocols(&talk), [Protocol::Smtp, Protocol::Tls]);
    assert_eq!(talk.names().len(), 1);
}

#[test]
fn what_was_recognised_holds_no_bytes() {
    let mut talk = Talk::tcp(2200);
    talk.say(Server, SSH);
    talk.say(Client, SSH);
    assert_eq!(talk.dialogue.held_bytes(), 0);
}

#[test]
fn first_words_are_bounded() {
    let mut talk = Talk::tcp(9);
    for _ in 0..40 {
        talk.say(Client, &[0xa5; 1400]);
        talk.say(Server, &[0x5a; 1400]);
    }
    assert!(protocols(&talk).is_empty());
    assert!(talk.dialogue.held_bytes() <= 4 * crate::inspect::signature::OPENING_LEN);
}

#[test]
fn what_lies_behind_a_loss_is_no_beginning() {
    let mut talk = Talk::tcp(2200);
    talk.say(Client, b"what is this");
    // A segment is lost, and so much follows that nobody waits for it any more.
    talk.next[0] += 100;
    for _ in 0..70 {
        talk.say(Client, SSH);
    }
    assert!(protocols(&talk).is_empty());
}

#[test]
fn datagrams_are_recognised_besides_what_bears_names() {
    // A binding request of STUN, RFC 5769 §2 without its attributes.
    let stun = hex("00 01 00 00 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae");
    let mut talk = Talk::udp();
    talk.datagram(Client, &stun);
    talk.datagram(Client, &datagrams(QUIC_CLIENT)[0]);
    assert_eq!(protocols(&talk).first(), Some(&Protocol::Stun));
}

#[test]
fn a_number_of_ip_tells_what_has_no_ports() {
    let mut talk = Talk::new(IpProtocol(89), 0);
    talk.datagram(Client, &[2, 1]);
    talk.datagram(Server, &[2, 1]);
    assert_eq!(protocols(&talk), [Protocol::Ospf]);
}
