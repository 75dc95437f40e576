//! How an interface counts time, and how that becomes nanoseconds.

use super::summary::Resolution;
use crate::packet::Timestamp;

const NS_PER_SECOND: i128 = 1_000_000_000;

/// Microseconds.
pub(super) const DEFAULT_TSRESOL: u8 = 6;

/// A clock that counts ticks since the epoch, shifted by whole seconds.
///
/// Source: draft-ietf-opsawg-pcapng §4.2, `if_tsresol` and `if_tsoffset`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    tsresol: u8,
    offset_ns: i128,
}

impl Default for Clock {
    /// The clock of an interface that says nothing about it: microseconds.
    fn default() -> Self {
        Self::new(DEFAULT_TSRESOL, 0)
    }
}

impl Clock {
    /// * `tsresol`: the exponent of a negative power of ten, or of two where the top bit is set.
    /// * `offset_s`: seconds to add.
    pub(super) fn new(tsresol: u8, offset_s: i64) -> Self {
        Self {
            tsresol,
            offset_ns: i128::from(offset_s) * NS_PER_SECOND,
        }
    }

    pub(super) fn resolution(&self) -> Resolution {
        match self.tsresol {
            6 => Resolution::Us,
            9 => Resolution::Ns,
            exponent @ 0..0x80 => Resolution::Decimal(exponent),
            binary @ 0x80.. => Resolution::Binary(binary & 0x7f),
        }
    }

    /// The moment of a tick, rounded down to nanoseconds, saturating at the ends of [`Timestamp`].
    pub(super) fn timestamp(&self, ticks: u64) -> Timestamp {
        let ticks = i128::from(ticks);
        let ns = match self.tsresol {
            6 => ticks * 1_000,
            exponent @ 0..=9 => ticks * 10_i128.pow(u32::from(9 - exponent)),
            // A divisor beyond i128 is beyond every tick count as well.
            exponent @ 10..0x80 => 10_i128
                .checked_pow(u32::from(exponent - 9))
                .map_or(0, |divisor| ticks / divisor),
            // Under 2^94 before the shift, which is by under 128.
            binary @ 0x80.. => (ticks * NS_PER_SECOND) >> (binary & 0x7f),
        };
        let ns = (ns + self.offset_ns).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_ns(ns as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(tsresol: u8, offset_s: i64, ticks: u64) -> i64 {
        Clock::new(tsresol, offset_s).timestamp(ticks).as_ns()
    }

    #[test]
    fn every_power_of_ten_is_counted_in_nanoseconds() {
        for exponent in 0..=18_u8 {
            let a_second = 10_u64.pow(u32::from(exponent));
            assert_eq!(ns(exponent, 0, a_second), 1_000_000_000, "10^-{exponent}");
        }
        assert_eq!(ns(10, 0, 19), 1);
        assert_eq!(ns(19, 0, u64::MAX), 1_844_674_407);
        assert_eq!(ns(28, 0, u64::MAX), 1);
        assert_eq!(ns(29, 0, u64::MAX), 0);
        assert_eq!(ns(127, 0, u64::MAX), 0);
    }

    #[test]
    fn every_power_of_two_is_counted_in_nanoseconds() {
        for exponent in 0..=63_u8 {
            assert_eq!(
                ns(0x80 | exponent, 0, 1 << exponent),
                1_000_000_000,
                "2^-{exponent}"
            );
        }
        assert_eq!(ns(0x80 | 10, 0, 1), 976_562);
        assert_eq!(ns(0x80 | 64, 0, u64::MAX), 999_999_999);
        assert_eq!(ns(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn time_saturates_at_the_ends_of_what_a_timestamp_holds() {
        assert_eq!(ns(0, 0, u64::MAX), i64::MAX);
        assert_eq!(ns(0x80, 0, u64::MAX), i64::MAX);
        assert_eq!(ns(6, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(ns(6, i64::MIN, 0), i64::MIN);
        // Both are far out of range, their sum is not.
        assert_eq!(ns(0, -(1 << 62), (1 << 62) + 7), 7_000_000_000);
    }

    #[test]
    fn the_offset_goes_both_ways() {
        assert_eq!(ns(6, 3, 1_500_000), 4_500_000_000);
        assert_eq!(ns(6, -3, 1_500_000), -1_500_000_000);
    }
}
