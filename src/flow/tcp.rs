//! The life of a TCP connection as somebody in the middle of the path sees it: flags in, state out.

use super::FlowState;
use crate::key::Side;
use crate::packet::TcpFlags;

/// How far a TCP connection has come.
///
/// Source: RFC 9293 §3.3.2, reduced to what two one-way observations can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpLife {
    state: FlowState,
    /// Which sides have sent their FIN, by [`Side::index`].
    has_fin: [bool; 2],
}

impl TcpLife {
    /// The life of a connection whose first packet carries `flags` from `sender`.
    pub fn begin(flags: TcpFlags, sender: Side) -> Self {
        let mut life = Self {
            state: FlowState::Established,
            has_fin: [false; 2],
        };
        if flags.has(TcpFlags::SYN) {
            life.state = if flags.has(TcpFlags::ACK) {
                FlowState::SynAck
            } else {
                FlowState::Syn
            };
        }
        life.advance(flags, sender);
        life
    }

    /// Takes in the next packet's flags.
    pub fn advance(&mut self, flags: TcpFlags, sender: Side) {
        if matches!(self.state, FlowState::Reset | FlowState::Closed) {
            return;
        }
        if flags.has(TcpFlags::RST) {
            self.state = FlowState::Reset;
            return;
        }
        if flags.has(TcpFlags::SYN) {
            if flags.has(TcpFlags::ACK) && self.state == FlowState::Syn {
                self.state = FlowState::SynAck;
            }
        } else if matches!(self.state, FlowState::Syn | FlowState::SynAck) {
            // A packet without SYN: the handshake is over, or its other half was not captured.
            self.state = FlowState::Established;
        }
        if flags.has(TcpFlags::FIN) {
            self.has_fin[sender.index()] = true;
            self.state = if self.has_fin == [true; 2] {
                FlowState::Closed
            } else {
                FlowState::Fin
            };
        }
    }

    /// The state now.
    pub const fn state(&self) -> FlowState {
        self.state
    }

    /// Whether the connection is over, so that a SYN on its five-tuple opens a new one.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, FlowState::Closed | FlowState::Reset)
    }
}

/// Whether `flags` are those of the packet that opens a connection.
pub const fn is_opening(flags: TcpFlags) -> bool {
    flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK) && !flags.has(TcpFlags::RST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: TcpFlags = TcpFlags::SYN;
    const ACK: TcpFlags = TcpFlags::ACK;
    const SYN_ACK: TcpFlags = TcpFlags(0x12);
    const FIN_ACK: TcpFlags = TcpFlags(0x11);
    const RST: TcpFlags = TcpFlags::RST;

    fn states(packets: &[(TcpFlags, Side)]) -> Vec<FlowState> {
        let mut life = TcpLife::begin(packets[0].0, packets[0].1);
        let mut seen = vec![life.state()];
        for &(flags, sender) in &packets[1..] {
            life.advance(flags, sender);
            seen.push(life.state());
        }
        seen
    }

    #[test]
    fn a_whole_life_is_told_step_by_step() {
        use FlowState::{Closed, Established, Fin, Syn, SynAck};
        let (a, b) = (Side::Low, Side::High);
        let packets = [
            (SYN, a),
            (SYN_ACK, b),
            (ACK, a),
            (ACK, b),
            (FIN_ACK, a),
            (ACK, b),
            (FIN_ACK, b),
            (ACK, a),
        ];
        assert_eq!(
            states(&packets),
            [
                Syn,
                SynAck,
                Established,
                Established,
                Fin,
                Fin,
                Closed,
                Closed
            ]
        );
    }

    #[test]
    fn a_reset_ends_it_at_any_time() {
        let (a, b) = (Side::Low, Side::High);
        assert_eq!(
            states(&[(SYN, a), (RST, b), (ACK, a)]),
            [FlowState::Syn, FlowState::Reset, FlowState::Reset]
        );
        assert_eq!(states(&[(RST, a)]), [FlowState::Reset]);
    }

    #[test]
    fn two_fins_of_one_side_do_not_close() {
        let a = Side::Low;
        assert_eq!(
            states(&[(ACK, a), (FIN_ACK, a), (FIN_ACK, a)]),
            [FlowState::Established, FlowState::Fin, FlowState::Fin]
        );
    }

    #[test]
    fn only_a_syn_without_ack_opens() {
        assert!(is_opening(SYN) && !is_opening(SYN_ACK) && !is_opening(ACK));
    }
}
