//! Packets by transport and by fate.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What became of a capture's packets, each of them counted once by transport and once by fate.
///
/// * `tcp + udp + icmp + other + undecoded = total`, and `forwarded + dropped = total`; see [`Self::reconciles`].
/// * Bytes are lengths on the wire, frame headers included.
/// * Transport and IP version are those of the innermost IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PacketCounts {
    /// Every packet of the capture.
    pub total: u64,
    /// Their bytes.
    pub bytes: u64,
    /// TCP.
    pub tcp: u64,
    /// UDP.
    pub udp: u64,
    /// ICMP and ICMPv6.
    pub icmp: u64,
    /// Decoded, and none of these: other protocols over IP. What is not IP is undecoded.
    pub other: u64,
    /// IPv4.
    pub ipv4: u64,
    /// IPv6.
    pub ipv6: u64,
    /// Pieces of fragmented datagrams.
    pub fragments: u64,
    /// Packets in which no IP header was read: damaged, of an undecoded link, or not IP at all. They are always forwarded.
    pub undecoded: u64,
    /// Packets that were kept.
    pub forwarded: u64,
    /// Their bytes.
    pub forwarded_bytes: u64,
    /// Packets that a verdict removed.
    pub dropped: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
}

/// How many counters [`PacketCounts`] has.
const COUNTERS: usize = 14;

impl PacketCounts {
    /// Adds `other`'s counters to these. They stay at `u64::MAX` rather than pass it.
    pub fn add(&mut self, other: &Self) {
        let mut sum = self.to_array();
        for (counter, more) in sum.iter_mut().zip(other.to_array()) {
            *counter = counter.saturating_add(more);
        }
        *self = Self::from_array(sum);
    }

    /// Whether every packet was counted once by transport and once by fate, and no byte is missing.
    pub const fn reconciles(&self) -> bool {
        let transports = self.tcp as u128
            + self.udp as u128
            + self.icmp as u128
            + self.other as u128
            + self.undecoded as u128;
        let fates = self.forwarded as u128 + self.dropped as u128;
        let bytes = self.forwarded_bytes as u128 + self.dropped_bytes as u128;
        transports == self.total as u128
            && fates == self.total as u128
            && bytes == self.bytes as u128
            && self.ipv4 as u128 + self.ipv6 as u128 <= self.total as u128
    }

    // Two places list the counters, side by side; all that goes through every counter goes through them.
    const fn to_array(self) -> [u64; COUNTERS] {
        [
            self.total,
            self.bytes,
            self.tcp,
            self.udp,
            self.icmp,
            self.other,
            self.ipv4,
            self.ipv6,
            self.fragments,
            self.undecoded,
            self.forwarded,
            self.forwarded_bytes,
            self.dropped,
            self.dropped_bytes,
        ]
    }

    const fn from_array(counters: [u64; COUNTERS]) -> Self {
        let [
            total,
            bytes,
            tcp,
            udp,
            icmp,
            other,
            ipv4,
            ipv6,
            fragments,
            undecoded,
            forwarded,
            forwarded_bytes,
            dropped,
            dropped_bytes,
        ] = counters;
        Self {
            total,
            bytes,
            tcp,
            udp,
            icmp,
            other,
            ipv4,
            ipv6,
            fragments,
            undecoded,
            forwarded,
            forwarded_bytes,
            dropped,
            dropped_bytes,
        }
    }
}

/// [`PacketCounts`] that several threads add to: once a batch, not once a packet.
#[derive(Debug, Default)]
pub struct AtomicCounters([AtomicU64; COUNTERS]);

impl AtomicCounters {
    /// Adds a batch's counters.
    pub fn add(&self, batch: &PacketCounts) {
        for (counter, more) in self.0.iter().zip(batch.to_array()) {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    /// The counters as they stand.
    ///
    /// While threads still add, each counter is right and they need not agree with one another: good for a progress line.
    /// They reconcile once the threads have been joined.
    pub fn snapshot(&self) -> PacketCounts {
        PacketCounts::from_array(
            self.0
                .each_ref()
                .map(|counter| counter.load(Ordering::Relaxed)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> PacketCounts {
        PacketCounts::from_array(std::array::from_fn(|i| 1 << i))
    }

    #[test]
    fn no_counter_is_lost_or_swapped_on_the_way_through_atomics() {
        let counts = one_of_each();
        assert_eq!(PacketCounts::from_array(counts.to_array()), counts);
        let shared = AtomicCounters::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| shared.add(&counts)));
            }
        });
        let mut sum = PacketCounts::default();
        (0..400).for_each(|_| sum.add(&counts));
        assert_eq!(shared.snapshot(), sum);
        assert_eq!(
            (sum.total, sum.bytes, sum.dropped_bytes),
            (400, 800, 400 << 13)
        );
    }

    #[test]
    fn counters_stop_at_the_end_of_their_range() {
        let mut counts = one_of_each();
        counts.bytes = u64::MAX;
        counts.add(&one_of_each());
        assert_eq!((counts.bytes, counts.total), (u64::MAX, 2));
    }

    #[test]
    fn counts_reconcile_only_when_every_packet_has_one_transport_and_one_fate() {
        let good = PacketCounts {
            total: 10,
            bytes: 900,
            tcp: 4,
            udp: 3,
            icmp: 1,
            other: 1,
            undecoded: 1,
            ipv4: 6,
            ipv6: 2,
            forwarded: 8,
            forwarded_bytes: 700,
            dropped: 2,
            dropped_bytes: 200,
            fragments: 2,
        };
        assert!(good.reconciles() && PacketCounts::default().reconciles());
        for bad in [
            PacketCounts { tcp: 5, ..good },
            PacketCounts { dropped: 1, ..good },
            PacketCounts { bytes: 901, ..good },
            PacketCounts { ipv4: 9, ..good },
        ] {
            assert!(!bad.reconciles(), "{bad:?}");
        }
    }
}
