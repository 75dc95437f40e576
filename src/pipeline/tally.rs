//! Counts plain packets as they pass: as little as can be for each, the rest when they are taken over.

use crate::packet::{Record, Timestamp};
use crate::stats::PacketCounts;
use crate::wire::{Net, Plain};

/// Plain packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// Over IPv4 and over IPv6: datagrams, then segments.
    kinds: [[u64; 2]; 2],
    bytes: u64,
    earliest: Timestamp,
    latest: Timestamp,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            kinds: [[0; 2]; 2],
            bytes: 0,
            earliest: Timestamp::from_ns(i64::MAX),
            latest: Timestamp::from_ns(i64::MIN),
        }
    }
}

impl Tally {
    /// Counts a packet.
    #[inline]
    pub(super) fn add(&mut self, record: &Record, plain: &Plain) {
        let of_net = &mut self.kinds[usize::from(plain.net == Net::Ipv6)];
        of_net[usize::from(plain.tcp.is_some())] += 1;
        self.bytes += u64::from(record.origlen);
        self.earliest = self.earliest.min(record.timestamp);
        self.latest = self.latest.max(record.timestamp);
    }

    /// Takes over what was counted, and begins anew. The times of the earliest and the latest, if there were any.
    pub(super) fn take(&mut self, counts: &mut PacketCounts) -> Option<(Timestamp, Timestamp)> {
        let Self {
            kinds: [[udp, tcp], [udp6, tcp6]],
            bytes,
            earliest,
            latest,
        } = std::mem::take(self);
        let total = udp + tcp + udp6 + tcp6;
        if total == 0 {
            return None;
        }
        counts.total += total;
        counts.bytes += bytes;
        counts.udp += udp + udp6;
        counts.tcp += tcp + tcp6;
        counts.ipv4 += udp + tcp;
        counts.ipv6 += udp6 + tcp6;
        Some((earliest, latest))
    }
}
