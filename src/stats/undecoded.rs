//! Packets that could not be decoded, by cause.

use std::collections::BTreeMap;
use std::fmt;

use crate::wire::{Cause, Stop};

/// Most causes that are counted one by one; later ones are counted together.
pub const MAX_CAUSES: usize = 64;

/// Counts undecoded packets by cause.
///
/// Which causes are counted one by one depends on the order of the packets, and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undecoded {
    causes: BTreeMap<Cause, u64>,
    others: u64,
}

impl Undecoded {
    /// Counts a packet.
    pub fn count(&mut self, stop: Stop) {
        let cause = Cause::from(stop);
        let is_full = self.causes.len() >= MAX_CAUSES;
        match self.causes.get_mut(&cause) {
            Some(packets) => *packets += 1,
            None if is_full => self.others += 1,
            None => {
                self.causes.insert(cause, 1);
            }
        }
    }

    /// Packets by cause, the most frequent first, then by text; what was counted together is the last.
    pub fn into_rows(self) -> Vec<(UndecodedReason, u64)> {
        let texts = self.causes.into_iter();
        let mut rows: Vec<_> = texts
            .map(|(cause, packets)| (UndecodedReason::Cause(cause), packets))
            .collect();
        rows.sort_by_cached_key(|(reason, packets)| {
            (std::cmp::Reverse(*packets), reason.to_string())
        });
        if self.others > 0 {
            rows.push((UndecodedReason::Other, self.others));
        }
        rows
    }
}

/// What packets are counted under that could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndecodedReason {
    /// One cause.
    Cause(Cause),
    /// Causes past the first [`MAX_CAUSES`].
    Other,
}

impl fmt::Display for UndecodedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cause(cause) => cause.fmt(f),
            Self::Other => f.write_str("other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::LinkType;
    use crate::wire;

    fn stop(ethertype: u16) -> Stop {
        let mut frame = [0; 60];
        frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
        wire::decode(Some(LinkType::ETHERNET), &frame).stop.unwrap()
    }

    fn rows(counted: Undecoded) -> Vec<(String, u64)> {
        let rows = counted.into_rows().into_iter();
        rows.map(|(reason, packets)| (reason.to_string(), packets))
            .collect()
    }

    #[test]
    fn the_most_frequent_come_first_and_then_by_text() {
        let mut counted = Undecoded::default();
        for ethertype in [0x88cc, 0x9999, 0x0806, 0x9999, 0x1234] {
            counted.count(stop(ethertype));
        }
        let told = [
            ("ethertype 0x9999", 2),
            ("ARP (ethertype 0x0806)", 1),
            ("LLDP (ethertype 0x88cc)", 1),
            ("ethertype 0x1234", 1),
        ];
        assert_eq!(rows(counted), told.map(|(text, n)| (text.to_owned(), n)));
    }

    #[test]
    fn causes_are_bounded_and_no_packet_is_lost() {
        let mut counted = Undecoded::default();
        for _ in 0..2 {
            (0xa000..0xa100).for_each(|ethertype| counted.count(stop(ethertype)));
        }
        let rows = rows(counted);
        assert_eq!(rows.len(), MAX_CAUSES + 1);
        assert_eq!(rows.last().unwrap(), &("other".to_owned(), 2 * (256 - 64)));
        assert_eq!(rows.iter().map(|(_, packets)| packets).sum::<u64>(), 512);
    }

    #[test]
    fn nothing_undecoded_makes_no_rows() {
        assert_eq!(rows(Undecoded::default()), []);
    }
}
