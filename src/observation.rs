//! One packet as the core takes it in: who, when, how long, and the payload. A frame of a capture file is one way to make one.

use crate::key::{FiveTuple, FlowKey, Side};
use crate::opening::Opening;
use crate::packet::{TcpSegment, Timestamp};
use crate::tunnel::Tunnels;

/// The only intake of the core.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Number of the packet, counted from 1; no two observations share it.
    pub number: u64,
    /// When it was captured.
    pub timestamp: Timestamp,
    /// The flow it belongs to.
    pub key: FlowKey,
    /// Which end of the flow sent it.
    pub sender: Side,
    /// Length on the wire, frame header included.
    pub origlen: u32,
    /// The packets around it, the outermost first, as their senders say; told where there are rules to ask about them.
    pub outer: &'a [FiveTuple],
    /// Whether there are any.
    pub is_inside: bool,
    /// The tunnels that it came through.
    pub tunnels: Tunnels,
    /// What its TCP header says, if it has one.
    pub tcp: Option<TcpSegment>,
    /// The transport's payload, as far as it was captured.
    pub payload: &'a [u8],
    /// The payload's length on the wire.
    pub payload_origlen: u32,
}

impl Observation<'_> {
    /// The packet as the first of its flow, which it may be.
    pub const fn opening(&self) -> Opening<'_> {
        Opening {
            key: &self.key,
            sender: self.sender,
            tcp: self.tcp,
            is_inside: self.is_inside,
            at: self.timestamp,
        }
    }
}

#[cfg(test)]
impl<'a> Observation<'a> {
    /// A packet of its flow with this payload, and nothing special about it.
    pub(crate) fn with_payload((key, sender): (FlowKey, Side), payload: &'a [u8]) -> Self {
        Self {
            number: 1,
            timestamp: Timestamp::from_ns(0),
            key,
            sender,
            origlen: 100,
            outer: &[],
            is_inside: false,
            tunnels: Tunnels::default(),
            tcp: None,
            payload,
            payload_origlen: payload.len() as u32,
        }
    }
}
