//! Calls, chats and streams, and what shapes them.

mod callers;
mod discord;
mod rtcp;
mod rtp;
mod spotify;
mod stun;
mod telegram;
mod tencent;
mod turn;
mod viber;
mod whatsapp;
mod zoom;

use super::front::{Begins, DatagramRow, Front, StreamRow};

/// The looks at connections.
pub(super) const STREAMS: &[StreamRow] = &[
    (Begins::ANY, stun::stream),
    (Begins::client(Front::of(b"WE")), whatsapp::chat),
    (Begins::ANY, telegram::chat),
    (
        Begins::a_side(Front::of(&[0x15, 0x16, 0x17, 0x19])),
        tencent::wechat,
    ),
    (Begins::ANY, viber::chat),
    (Begins::client(Front::of(&[0x0])), spotify::access_point),
    (Begins::ANY, rtp::stream),
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramRow] = &[
    (Front::range(0x00, 0x3f), stun::datagram),
    (Front::range(0x80, 0xbf), rtcp::datagram),
    (Front::range(1, 5), zoom::media),
    (Front::range(0x80, 0xbf), rtp::datagram),
    (Front::range(0x40, 0x4f), turn::channel),
    (Front::of(&[0xff]), turn::multiplexed),
    (Front::of(&[0x0, 0x13]), discord::voice),
    (Front::ANY, telegram::reflector),
    (Front::of(b"S"), spotify::discovery),
    (Front::of(&[0x2]), tencent::qq),
];
