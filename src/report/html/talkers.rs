//! Which addresses took part in most traffic.
//!
//! Memory: [`MOST_ADDRESSES`] at a time. When there are more, the half with fewer bytes is let go: a large talker stays, and what it had is at
//! least what is told.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use crate::flow::FlowSummary;

/// Most addresses that are counted at a time.
pub(super) const MOST_ADDRESSES: usize = 65_536;

/// Counts traffic by address.
#[derive(Debug)]
pub(super) struct Talkers {
    counted: HashMap<IpAddr, Talk, ahash::RandomState>,
    bound: usize,
    /// Whether an address was let go.
    is_partial: bool,
}

/// What an address took part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Talk {
    /// Flows that it opened.
    pub(super) opened: u64,
    /// Flows that were opened to it.
    pub(super) answered: u64,
    /// Bytes on the wire of all of them, in both directions.
    pub(super) bytes: u64,
    /// Of these, what was dropped.
    pub(super) dropped_bytes: u64,
}

/// The addresses with most bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TopTalkers {
    /// The one with most bytes first.
    pub(super) rows: Vec<(IpAddr, Talk)>,
    /// How many there are besides, as far as they are known.
    pub(super) more: u64,
    /// Whether figures may be too low.
    pub(super) is_partial: bool,
}

impl Talkers {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::with_bound(MOST_ADDRESSES)
    }

    fn with_bound(bound: usize) -> Self {
        Self {
            counted: HashMap::default(),
            bound,
            is_partial: false,
        }
    }

    /// Takes a flow in.
    pub(super) fn push(&mut self, flow: &FlowSummary) {
        let (src, dst) = (flow.src().addr, flow.dst().addr);
        let talk = |opened, answered| Talk {
            opened,
            answered,
            bytes: flow.bytes,
            dropped_bytes: flow.dropped_bytes_in_all(),
        };
        if src == dst {
            self.add(src, talk(1, 1));
            return;
        }
        self.add(src, talk(1, 0));
        self.add(dst, talk(0, 1));
    }

    /// The `most` addresses with most bytes.
    pub(super) fn finish(self, most: usize) -> TopTalkers {
        let mut rows: Vec<_> = self.counted.into_iter().collect();
        rows.sort_unstable_by_key(rank);
        let more = rows.len().saturating_sub(most) as u64;
        rows.truncate(most);
        TopTalkers {
            rows,
            more,
            is_partial: self.is_partial,
        }
    }

    fn add(&mut self, addr: IpAddr, talk: Talk) {
        if self.counted.len() >= self.bound && !self.counted.contains_key(&addr) {
            self.let_go();
        }
        let sum = self.counted.entry(addr).or_default();
        sum.opened = sum.opened.saturating_add(talk.opened);
        sum.answered = sum.answered.saturating_add(talk.answered);
        sum.bytes = sum.bytes.saturating_add(talk.bytes);
        sum.dropped_bytes = sum.dropped_bytes.saturating_add(talk.dropped_bytes);
    }

    fn let_go(&mut self) {
        let mut rows: Vec<_> = self.counted.drain().collect();
        rows.sort_unstable_by_key(rank);
        rows.truncate(self.bound / 2);
        self.counted.extend(rows);
        self.is_partial = true;
    }
}

/// Most bytes first; addresses put equal ones in an order that does not depend on the table.
const fn rank(&(addr, talk): &(IpAddr, Talk)) -> (Reverse<u64>, IpAddr) {
    (Reverse(talk.bytes), addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::IpProtocol;
    use crate::stats::flows::tests::sample_flow;

    fn flow(src: &str, dst: &str, bytes: u64) -> FlowSummary {
        let ends = (&*format!("{src}:1"), &*format!("{dst}:2"));
        let mut flow = sample_flow(1, IpProtocol::TCP, ends, &[]);
        flow.bytes = bytes;
        flow
    }

    fn told(top: &TopTalkers) -> Vec<(String, u64)> {
        let rows = top.rows.iter();
        rows.map(|(addr, talk)| (addr.to_string(), talk.bytes))
            .collect()
    }

    #[test]
    fn both_ends_of_a_flow_took_part_in_it_and_one_that_talks_to_itself_once() {
        let mut talkers = Talkers::new();
        let mut dropped = flow("10.0.0.1", "10.0.0.2", 50);
        dropped.dropped_bytes = 40;
        talkers.push(&dropped);
        talkers.push(&flow("10.0.0.3", "10.0.0.1", 7));
        talkers.push(&flow("10.0.0.1", "10.0.0.1", 1));
        let top = talkers.finish(2);
        let first = Talk {
            opened: 2,
            answered: 2,
            bytes: 58,
            dropped_bytes: 40,
        };
        assert_eq!(top.rows[0], ("10.0.0.1".parse().unwrap(), first));
        assert_eq!(told(&top)[1], ("10.0.0.2".to_owned(), 50));
        assert_eq!((top.more, top.is_partial), (1, false));
    }

    #[test]
    fn large_talkers_stay_when_there_are_too_many() {
        let mut talkers = Talkers::with_bound(8);
        for n in 0..200 {
            talkers.push(&flow("10.0.0.1", &format!("10.0.1.{n}"), 1 + n % 3));
            assert!(talkers.counted.len() <= 8);
        }
        let top = talkers.finish(1);
        let all = (0..200).map(|n| 1 + n % 3).sum();
        assert_eq!(told(&top), [("10.0.0.1".to_owned(), all)]);
        assert!(top.is_partial);
    }
}
