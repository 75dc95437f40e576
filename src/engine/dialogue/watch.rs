//! Protocols that are told by the look of a flow's datagrams, where nothing that bears names is found: at once, or when
//! several datagrams agree.

use crate::evidence::Evidence;
use crate::inspect::signature::{self, Datagram, Likely, Look, Recognised};
use crate::key::Side;
use crate::observation::Observation;

/// Guesses that a flow keeps at once: the sources of a call, on both sides.
const MAX_GUESSES: usize = 8;
/// How much a count may go up by from one datagram to the next: so many may be lost between them.
const MAX_STEP: u16 = 64;

/// What a flow's datagrams may be, as far as they agree.
#[derive(Debug, Default)]
pub(super) struct Guesses(Vec<Guess>);

/// A guess, and how many datagrams bear it out.
#[derive(Debug)]
struct Guess {
    from: Side,
    likely: Likely,
    seen: u8,
}

/// What the look of one datagram says.
pub(super) fn look_at(seen: &Observation<'_>) -> Option<Look> {
    let ports = seen.key.five_tuple(seen.sender);
    signature::of_datagram(&Datagram {
        bytes: seen.payload,
        origlen: seen.payload_origlen as usize,
        src_port: ports.src.port,
        dst_port: ports.dst.port,
    })
}

/// Tells what a datagram was recognised as.
pub(super) fn tell(recognised: &Recognised, evidence: &mut Vec<Evidence>) {
    evidence.extend(recognised.protocols().map(Evidence::Protocol));
    evidence.extend(recognised.shape.map(Evidence::Shape));
}

impl Guesses {
    /// Takes in a guess; what it is about when enough datagrams have agreed.
    pub(super) fn weigh(&mut self, from: Side, likely: Likely) -> Option<Recognised> {
        let guesses = &mut self.0;
        let known = guesses.iter_mut().find(|guess| guess.is_of(from, &likely));
        let seen = match known {
            Some(guess) => guess.take(&likely),
            None => {
                if guesses.len() >= MAX_GUESSES {
                    guesses.remove(0);
                }
                guesses.push(Guess {
                    from,
                    likely,
                    seen: 1,
                });
                1
            }
        };
        (seen >= likely.wanted).then_some(likely.what)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Guess>()
    }
}

impl Guess {
    fn is_of(&self, from: Side, likely: &Likely) -> bool {
        self.from == from && self.likely.what == likely.what && self.likely.mark == likely.mark
    }

    /// Counts a datagram of the same mark; begins anew where its count does not follow. How many agree.
    fn take(&mut self, likely: &Likely) -> u8 {
        let follows = match (self.likely.count, likely.count) {
            (Some(before), Some(now)) => (1..=MAX_STEP).contains(&now.wrapping_sub(before)),
            (None, None) => true,
            _ => false,
        };
        self.seen = if follows {
            self.seen.saturating_add(1)
        } else {
            1
        };
        self.likely = *likely;
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    fn likely(mark: u64, count: u16) -> Likely {
        Likely {
            what: Protocol::Rtp.into(),
            mark,
            count: Some(count),
            wanted: 3,
        }
    }

    #[test]
    fn a_guess_is_told_when_enough_of_one_side_agree() {
        let mut guesses = Guesses::default();
        assert_eq!(guesses.weigh(Side::Low, likely(1, 65_535)), None);
        assert_eq!(guesses.weigh(Side::High, likely(1, 0)), None);
        assert_eq!(guesses.weigh(Side::Low, likely(2, 5)), None);
        assert_eq!(guesses.weigh(Side::Low, likely(1, 0)), None);
        assert_eq!(
            guesses.weigh(Side::Low, likely(1, 2)),
            Some(Protocol::Rtp.into())
        );
    }

    #[test]
    fn a_count_that_does_not_follow_begins_anew() {
        let mut guesses = Guesses::default();
        for count in [1, 2, 2, 500, 501, 400] {
            assert_eq!(guesses.weigh(Side::Low, likely(1, count)), None, "{count}");
        }
        assert_eq!(guesses.weigh(Side::Low, likely(1, 401)), None);
        assert!(guesses.weigh(Side::Low, likely(1, 402)).is_some());
    }

    #[test]
    fn guesses_are_bounded() {
        let mut guesses = Guesses::default();
        for mark in 0..10_000 {
            assert_eq!(guesses.weigh(Side::Low, likely(mark, 1)), None);
        }
        assert!(guesses.held_bytes() <= 2 * MAX_GUESSES * size_of::<Guess>());
    }
}
