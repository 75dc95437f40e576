//! Lines of text, terminals and screens.

use super::front::{Begins, DatagramRow, Front, StreamRow};

mod ftp;
mod imap;
mod irc;
mod line;
mod mgcp;
mod nntp;
mod pop3;
mod rdp;
mod rtmp;
mod rtsp;
mod sip;
mod smtp;
mod ssdp;
mod ssh;
mod syslog;
mod telnet;
#[cfg(test)]
mod tests;
mod vnc;
mod websocket;
mod xmpp;

/// What replies of three digits begin with.
const REPLIES: Front = Front::range(b'1', b'5');

/// The looks at connections. Mail before files: a banner that speaks of both is a mail server's.
pub(super) const STREAMS: &[StreamRow] = &[
    (Begins::ANY, ssh::of_stream),
    (Begins::a_side(Front::of(b"R")), vnc::of_stream),
    (Begins::a_side(Front::of(&[0x3])), rdp::of_stream),
    (Begins::client(Front::of(&[0x3, 0x6])), rtmp::of_stream),
    (Begins::ANY, telnet::of_stream),
    (Begins::server(REPLIES.or(Front::SILENCE)), smtp::of_stream),
    (Begins::server(REPLIES.or(Front::SILENCE)), ftp::of_stream),
    (
        Begins::server(
            Front::of(b"*")
                .or(Front::LETTERS)
                .or(Front::DIGITS)
                .or(Front::SILENCE),
        ),
        imap::of_stream,
    ),
    (
        Begins::server(Front::of(b"+-").or(Front::SILENCE)),
        pop3::of_stream,
    ),
    (
        Begins::server(Front::of(b"2").or(Front::SILENCE)),
        nntp::of_stream,
    ),
    (
        Begins::Either(
            Front::letters(b"nupc").or(Front::of(b":")),
            Front::of(b":NEP"),
        ),
        irc::of_stream,
    ),
    (Begins::a_side(Front::of(b"< \t\n\x0c\r")), xmpp::of_stream),
    (
        Begins::a_side(Front::letters(b"abcimnoprsu")),
        sip::of_stream,
    ),
    (Begins::a_side(Front::of(b"ADGOPRST")), rtsp::of_stream),
    (
        Begins::client(Front::of(b"<").or(Front::DIGITS)),
        syslog::of_stream,
    ),
    (
        Begins::Both(Front::of(&[0x81]), Front::of(&[0x81])),
        websocket::of_stream,
    ),
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramRow] = &[
    (Front::of(b"MNH"), ssdp::of_datagram),
    (
        Front::letters(b"abcimnoprsu").or(Front::of(b"\r\0j")),
        sip::of_datagram,
    ),
    (Front::of(b"ADGOPRST"), rtsp::of_datagram),
    (Front::of(b"<"), syslog::of_datagram),
    (Front::letters(b"ecmdrna").or(REPLIES), mgcp::of_datagram),
    (Front::of(&[0xff]), rdp::of_datagram),
];
