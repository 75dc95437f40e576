//! Who opened a flow, as the first packet of it that was captured shows.

use crate::key::{FlowKey, Side};
use crate::packet::{TcpFlags, TcpSegment, Timestamp};
use crate::services;

/// A packet that may be the first of its flow.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The flow.
    pub key: &'a FlowKey,
    /// Which end of the flow sent it.
    pub sender: Side,
    /// What its TCP header says, if it has one.
    pub tcp: Option<TcpSegment>,
    /// Whether it came through a tunnel.
    pub is_inside: bool,
    /// When it was captured.
    pub at: Timestamp,
}

impl Opening<'_> {
    /// The end that opened the flow, and whether a SYN says so; otherwise it is a guess by port, or by who spoke first.
    pub fn opener(&self) -> (Side, bool) {
        if let Some(tcp) = self.tcp.filter(|tcp| tcp.flags.has(TcpFlags::SYN)) {
            return if tcp.flags.has(TcpFlags::ACK) {
                (self.sender.other(), true)
            } else {
                (self.sender, true)
            };
        }
        let [is_from_service, is_to_service] = [self.sender, self.sender.other()]
            .map(|side| services::is_well_known(self.key.endpoint(side).port));
        if is_from_service && !is_to_service {
            (self.sender.other(), false)
        } else {
            (self.sender, false)
        }
    }
}
