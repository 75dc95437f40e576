//! Private networks, proxies and peers.

mod bittorrent;
mod dropbox;
mod ike;
mod l2tp;
mod openvpn;
mod pptp;
mod socks;
mod steam;
mod teamviewer;
mod utp;
mod wireguard;

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[
    bittorrent::peer,
    socks::stream,
    openvpn::stream,
    pptp::stream,
    teamviewer::stream,
    ike::stream,
    steam::stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    wireguard::datagram,
    openvpn::datagram,
    ike::datagram,
    ike::payload,
    l2tp::datagram,
    bittorrent::table,
    bittorrent::tracker,
    bittorrent::search,
    utp::datagram,
    steam::datagram,
    teamviewer::datagram,
    dropbox::datagram,
];
