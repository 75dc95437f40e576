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

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[
    stun::stream,
    whatsapp::chat,
    telegram::chat,
    tencent::wechat,
    viber::chat,
    spotify::access_point,
    rtp::stream,
];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[
    stun::datagram,
    rtcp::datagram,
    zoom::media,
    rtp::datagram,
    turn::channel,
    turn::multiplexed,
    discord::voice,
    telegram::reflector,
    spotify::discovery,
    tencent::qq,
];
