//! Times as text, quicker than one by one.

use std::fmt::Write;

use arrayvec::ArrayString;

use crate::packet::Timestamp;

const NS_PER_SECOND: i64 = 1_000_000_000;
/// Characters of a time, and of those up to the point.
const TIME_LEN: usize = "1970-01-01T00:00:00.000000000Z".len();
const SECOND_LEN: usize = "1970-01-01T00:00:00.".len();
/// Seconds whose text is kept: flows begin and end near to each other.
const KEPT: usize = 64;

/// Shows times as [`Timestamp`] does. Of a second that was shown before, only the digits behind the point are written anew.
#[derive(Debug)]
pub(super) struct Clock {
    /// Seconds since 1970, each in a place that follows from it, with their text.
    kept: [Option<(i64, ArrayString<SECOND_LEN>)>; KEPT],
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { kept: [None; KEPT] }
    }

    /// `time` as it is shown.
    pub(super) fn show(&mut self, time: Timestamp) -> ArrayString<TIME_LEN> {
        let second = time.as_ns().div_euclid(NS_PER_SECOND);
        let ns = time.as_ns().rem_euclid(NS_PER_SECOND);
        let mut text = ArrayString::new();
        let kept = self.kept.get_mut(second.rem_euclid(KEPT as i64) as usize);
        if let Some(Some((of, begin))) = &kept
            && *of == second
        {
            let mut digits = itoa::Buffer::new();
            // One digit more, so that none of the others is left out.
            let digits = digits.format(NS_PER_SECOND + ns).get(1..);
            for part in [begin, digits.unwrap_or_default(), "Z"] {
                // They fit: every year that there is has four digits.
                let _ = text.try_push_str(part);
            }
            return text;
        }
        let _ = write!(text, "{time}");
        if let (Some(kept), Some(begin)) = (kept, text.get(..SECOND_LEN)) {
            *kept = ArrayString::from(begin).ok().map(|begin| (second, begin));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_shown_as_they_are_elsewhere(
            begin in any::<i64>(),
            steps in prop::collection::vec(-200 * NS_PER_SECOND..200 * NS_PER_SECOND, 1..200),
        ) {
            let mut clock = Clock::new();
            for step in steps {
                for time in [begin.saturating_add(step), begin.saturating_add(step / 100)] {
                    let time = Timestamp::from_ns(time);
                    prop_assert_eq!(clock.show(time).to_string(), time.to_string());
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_and_the_turns_of_seconds_are_shown() {
        let mut clock = Clock::new();
        let ends = [
            i64::MIN,
            -1,
            0,
            1,
            NS_PER_SECOND - 1,
            NS_PER_SECOND,
            i64::MAX,
        ];
        // A second with the same place as the first.
        let same_place = KEPT as i64 * NS_PER_SECOND + 5;
        for ns in ends.into_iter().chain([7, same_place, 8, same_place + 1]) {
            for _ in 0..2 {
                let time = Timestamp::from_ns(ns);
                assert_eq!(clock.show(time).as_str(), time.to_string());
            }
        }
        assert_eq!(
            clock.show(Timestamp::from_ns(42)).as_str(),
            "1970-01-01T00:00:00.000000042Z"
        );
    }
}
