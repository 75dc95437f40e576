//! Listens to OpenVPN's control channel: packets of both sides in, evidence of the TLS in them out.
//!
//! A piece of TLS stands behind its number, and is sent again until it is acknowledged. So pieces are put in order by that, and
//! heard as if they were a connection's. An encrypted channel says nothing, and neither does the data channel.

use super::stream::Stream;
use crate::evidence::Evidence;
use crate::flow::assembly::Segment;
use crate::inspect::openvpn::{CONTROL, Packet, is_hello};
use crate::inspect::tls;
use crate::observation::Observation;
use crate::protocol::Protocol;

/// How far ahead of the next piece another may be and still be waited for. OpenVPN keeps so many itself
/// (`TLS_RELIABLE_N_REC_BUFFERS`).
const MAX_AHEAD: u32 = 12;
/// Bytes that may wait in them, for each side.
const MAX_WAITING_BYTES: usize = 16 << 10;

/// A control channel.
#[derive(Debug)]
pub(in crate::engine) struct Channel {
    /// Bytes of its packets' signature, as the last packet told that left no doubt.
    signature_len: usize,
    wants_fingerprints: bool,
    orders: [Order; 2],
    /// The TLS in it.
    stream: Stream,
}

/// Where one side is.
#[derive(Debug, Default)]
struct Order {
    /// The session and the number of the key that it negotiates.
    of: Option<(u64, u8)>,
    /// Number of the next piece; `None` when no more is heard.
    next: Option<u32>,
    /// Later pieces.
    waiting: Vec<Piece>,
    /// Bytes that were in order so far.
    bytes: u32,
}

/// A piece of TLS.
#[derive(Debug)]
struct Piece {
    number: u32,
    bytes: Box<[u8]>,
    origlen: u32,
}

impl Channel {
    /// The channel that `packet` is of, if it tells how its packets are signed.
    ///
    /// * `is_whole`: whether the capture has all of it.
    pub(super) fn begin(packet: &[u8], is_whole: bool, wants_fingerprints: bool) -> Option<Self> {
        Some(Self {
            signature_len: Packet::read(packet)?.signature_len(is_whole)?,
            wants_fingerprints,
            orders: Default::default(),
            stream: Stream::inside(wants_fingerprints),
        })
    }

    /// Reads a packet of the sender of `seen`.
    ///
    /// * `missing`: bytes at its end that the capture cut off.
    pub(super) fn hear(
        &mut self,
        packet: &[u8],
        missing: u32,
        seen: &Observation<'_>,
        evidence: &mut Vec<Evidence>,
    ) {
        let Some(packet) = Packet::read(packet).filter(|packet| packet.opcode == CONTROL) else {
            return;
        };
        if let Some(len) = packet.signature_len(missing == 0) {
            self.signature_len = len;
        }
        let Some(body) = packet.body(self.signature_len) else {
            return;
        };
        let order = &mut self.orders[seen.sender.index()];
        order.enter((packet.session, packet.key));
        order.keep(Piece {
            number: body.number.unwrap_or_default(),
            bytes: body.content.into(),
            origlen: body.content.len() as u32 + missing,
        });
        while let Some(piece) = self.orders[seen.sender.index()].next_waiting() {
            self.hand_over(&piece, seen, evidence);
        }
    }

    fn hand_over(&mut self, piece: &Piece, seen: &Observation<'_>, evidence: &mut Vec<Evidence>) {
        let order = &mut self.orders[seen.sender.index()];
        if piece.number == 1 {
            if !is_hello(&piece.bytes) {
                // Not the channel that we took it for.
                order.end();
                return;
            }
            evidence.push(Evidence::Protocol(Protocol::OpenVpn));
            if tls::looks_like_client_hello(&piece.bytes) {
                self.stream = Stream::inside(self.wants_fingerprints);
            }
        }
        let segment = Segment {
            seq: order.bytes,
            bytes: &piece.bytes,
            origlen: piece.origlen,
        };
        order.bytes = order.bytes.wrapping_add(piece.origlen);
        self.stream.listen(seen, evidence, |assembly, listener| {
            assembly.push(segment, listener);
        });
    }

    /// Whether there is nothing more to learn from it, unless another key is negotiated.
    pub(super) fn is_done(&self) -> bool {
        self.stream.is_done()
    }

    /// Bytes that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        let orders: usize = self.orders.iter().map(Order::held_bytes).sum();
        size_of::<Self>() + self.stream.held_bytes() + orders
    }
}

impl Order {
    /// Begins anew where another session or key is negotiated.
    fn enter(&mut self, of: (u64, u8)) {
        if self.of != Some(of) {
            *self = Self {
                of: Some(of),
                next: Some(1),
                ..Self::default()
            };
        }
    }

    /// Hears no more of this session and key.
    fn end(&mut self) {
        *self = Self {
            of: self.of,
            ..Self::default()
        };
    }

    /// Keeps a piece that is not heard yet, if there is room.
    fn keep(&mut self, piece: Piece) {
        let is_known = |there: &Piece| there.number == piece.number;
        let held: usize = self.waiting.iter().map(|piece| piece.bytes.len()).sum();
        let ahead = self.next.and_then(|next| piece.number.checked_sub(next));
        let is_wanted = match ahead {
            // It does not wait, and lets the others go on.
            Some(0) => true,
            Some(1..MAX_AHEAD) => held + piece.bytes.len() <= MAX_WAITING_BYTES,
            _ => false,
        };
        if is_wanted && !self.waiting.iter().any(is_known) {
            self.waiting.push(piece);
        }
    }

    /// Takes out the next piece, if it is there.
    fn next_waiting(&mut self) -> Option<Piece> {
        let next = self.next?;
        let at = self.waiting.iter().position(|piece| piece.number == next)?;
        self.next = next.checked_add(1);
        Some(self.waiting.swap_remove(at))
    }

    fn held_bytes(&self) -> usize {
        let bytes: usize = self.waiting.iter().map(|piece| piece.bytes.len()).sum();
        bytes + self.waiting.capacity() * size_of::<Piece>()
    }
}
