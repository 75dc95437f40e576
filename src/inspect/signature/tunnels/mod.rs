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

use super::front::{Begins, DatagramRow, Front, StreamRow};

/// The looks at connections.
pub(super) const STREAMS: &[StreamRow] = &[
    (Begins::a_side(Front::of(&[0x13])), bittorrent::peer),
    (
        Begins::Both(Front::of(&[0x4, 0x5]), Front::of(&[0x0, 0x5])),
        socks::stream,
    ),
    // A length: with a key in it, a reset may have more than 1 KiB.
    (Begins::client(Front::range(0, 4)), openvpn::stream),
    (Begins::a_side(Front::of(&[0x0])), pptp::stream),
    (Begins::a_side(Front::of(&[0x11, 0x17])), teamviewer::stream),
    (Begins::client(Front::of(b"I")), ike::stream),
    // A length comes first, which may be any.
    (Begins::ANY, steam::stream),
];

/// A control message's flags; the first byte of those of data.
const L2TP: Front = Front::of(&[
    0xc8, 0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x40, 0x41, 0x42, 0x43, 0x48, 0x49, 0x4a,
    0x4b,
]);

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramRow] = &[
    (Front::range(1, 4), wireguard::datagram),
    (
        Front::range(0x20, 0x2f).or(Front::of(&[0x38, 0x40, 0x50])),
        openvpn::datagram,
    ),
    (Front::ANY, ike::datagram),
    (Front::ANY, ike::payload),
    (L2TP, l2tp::datagram),
    (Front::of(b"d"), bittorrent::table),
    (Front::ANY, bittorrent::tracker),
    (Front::of(b"B"), bittorrent::search),
    (Front::of(&[0x1, 0x11, 0x21, 0x31, 0x41]), utp::datagram),
    (Front::of(&[0xff, b'V']), steam::datagram),
    (Front::of(&[0x0]), teamviewer::datagram),
    (Front::of(b"{"), dropbox::datagram),
];
