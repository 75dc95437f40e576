//! Lines of text, terminals and screens.

use super::{DatagramLook, StreamLook};

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

/// The looks at connections. Mail before files: a banner that speaks of both is a mail server's.
pub(super) const STREAMS: &[StreamLook] = &[
    ssh::of_stream,
    vnc::of_stream,
    rdp::of_stream,
    rtmp::of_stream,
    telnet::of_stream,
    smtp::of_stream,
    ftp::of_stream,
    imap::of_stream,
    pop3::of_stream,
    nntp::of_stream,
    irc::of_stream,
    xmpp::of_stream,
    sip::of_stream,
    rtsp::of_stream,
    syslog::of_stream,
    websocket::of_stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    ssdp::of_datagram,
    sip::of_datagram,
    rtsp::of_datagram,
    syslog::of_datagram,
    mgcp::of_datagram,
    rdp::of_datagram,
];
