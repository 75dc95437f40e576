//! Traffic over time, by what it is: gathered as flows are told, whose span is known only in the end.
//!
//! A flow's bytes are spread evenly from its first packet to its last, for a flow tells no more. Time is cut into intervals of one length,
//! a round one; whenever there would be too many of them, a longer length is taken, a multiple of the last, and they are put together.
//!
//! Memory: [`MOST_INTERVALS`] counters for each application or protocol that occurs.

use std::collections::BTreeMap;

use crate::flow::FlowSummary;
use crate::report::{Names, shown_as};
use crate::stats::Shown;

/// Most intervals that a capture is cut into.
pub(super) const MOST_INTERVALS: usize = 240;

/// Series that are told apart; what remains is told as [`OTHER`].
pub(super) const MOST_SERIES: usize = 11;

/// The name of all that is not told apart.
pub(super) const OTHER: &str = "Other";

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Counts bytes by interval.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Nanoseconds of an interval; intervals are counted from the epoch on.
    length: i64,
    /// The first interval and the last, which lie less than [`MOST_INTERVALS`] apart.
    span: Option<(i64, i64)>,
    rows: BTreeMap<Shown, Row>,
}

/// Bytes by interval; interval `n` stands at `n` modulo [`MOST_INTERVALS`], so that the span may grow at both ends.
#[derive(Debug)]
struct Row([u64; MOST_INTERVALS]);

/// Traffic, cut into intervals.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Traffic<'a> {
    /// Nanoseconds since the epoch at which the first interval begins.
    pub(super) start: i64,
    /// Nanoseconds of an interval.
    pub(super) length: i64,
    /// How many intervals there are.
    pub(super) intervals: usize,
    /// The series with most bytes first; [`OTHER`] last.
    pub(super) series: Vec<Series<'a>>,
}

/// What goes by one name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Series<'a> {
    /// The application, the protocol, or [`OTHER`].
    pub(super) name: &'a str,
    /// Bytes on the wire, of all intervals.
    pub(super) total: u64,
    /// Bytes on the wire, by interval.
    pub(super) bytes: Vec<u64>,
}

impl Timeline {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            length: steps().next().unwrap_or(SECOND),
            span: None,
            rows: BTreeMap::new(),
        }
    }

    /// Takes a flow in.
    pub(super) fn push(&mut self, flow: &FlowSummary) {
        let (first, last) = (flow.first.as_ns(), flow.last.as_ns());
        // Captures may go back in time.
        let (first, last) = (first.min(last), first.max(last));
        self.reach(first, last);
        let row = self.rows.entry(Shown::of(flow)).or_insert(Row::EMPTY);
        let (from, to) = (first.div_euclid(self.length), last.div_euclid(self.length));
        // Bytes a nanosecond, times 2^64 and rounded up: divided once a flow, for a division takes longer than all else.
        let duration = u128::from(first.abs_diff(last)) + 1;
        let rate = (u128::from(flow.bytes) << 64).div_ceil(duration);
        // Differences of running sums, so that all of them together are all bytes.
        let mut told = 0;
        for interval in from..to {
            let passed = u128::from(first.abs_diff((interval + 1) * self.length));
            let so_far = (rate.saturating_mul(passed) >> 64) as u64;
            row.add(interval, so_far.saturating_sub(told));
            told = so_far;
        }
        row.add(to, flow.bytes.saturating_sub(told));
    }

    /// All of it; `None` where there was no flow.
    pub(super) fn finish<'a>(self, names: &'a impl Names) -> Option<Traffic<'a>> {
        let (from, to) = self.span?;
        let mut named: BTreeMap<&str, Series<'a>> = BTreeMap::new();
        for (shown, row) in &self.rows {
            let (name, _) = shown_as(*shown, names);
            let bytes: Vec<_> = (from..=to).map(|interval| row.of(interval)).collect();
            match named.get_mut(name) {
                Some(series) => series.add(&bytes),
                None => {
                    named.insert(name, Series::new(name, bytes));
                }
            }
        }
        let mut series: Vec<_> = named.into_values().collect();
        // Stable, so that equal ones stay in the order of their names.
        series.sort_by_key(|series| std::cmp::Reverse(series.total));
        if series.len() > MOST_SERIES + 1 {
            let mut rest = series.split_off(MOST_SERIES).into_iter();
            if let Some(first) = rest.next() {
                let mut other = Series::new(OTHER, first.bytes);
                rest.for_each(|series| other.add(&series.bytes));
                series.push(other);
            }
        }
        Some(Traffic {
            start: from.saturating_mul(self.length),
            length: self.length,
            intervals: series.first().map_or(0, |series| series.bytes.len()),
            series,
        })
    }

    /// Makes room for what happens between `first` and `last`, in intervals as short as there is room for.
    fn reach(&mut self, first: i64, last: i64) {
        loop {
            let (from, to) = (first.div_euclid(self.length), last.div_euclid(self.length));
            let (from, to) = self
                .span
                .map_or((from, to), |span| (from.min(span.0), to.max(span.1)));
            if from.abs_diff(to) < MOST_INTERVALS as u64 {
                self.span = Some((from, to));
                return;
            }
            let longer = steps().find(|step| *step > self.length && step % self.length == 0);
            // Unreachable: all time that timestamps can tell has room in intervals of the last length.
            let Some(longer) = longer else { return };
            self.lengthen(longer);
        }
    }

    fn lengthen(&mut self, length: i64) {
        let factor = length / self.length;
        self.length = length;
        let Some((from, to)) = self.span else { return };
        for row in self.rows.values_mut() {
            let mut together = Row::EMPTY;
            for interval in from..=to {
                together.add(interval.div_euclid(factor), row.of(interval));
            }
            *row = together;
        }
        self.span = Some((from.div_euclid(factor), to.div_euclid(factor)));
    }
}

impl Row {
    const EMPTY: Self = Self([0; MOST_INTERVALS]);

    const fn place(interval: i64) -> usize {
        interval.rem_euclid(MOST_INTERVALS as i64) as usize
    }

    fn of(&self, interval: i64) -> u64 {
        self.0.get(Self::place(interval)).copied().unwrap_or(0)
    }

    fn add(&mut self, interval: i64, bytes: u64) {
        if let Some(sum) = self.0.get_mut(Self::place(interval)) {
            *sum = sum.saturating_add(bytes);
        }
    }
}

impl<'a> Series<'a> {
    fn new(name: &'a str, bytes: Vec<u64>) -> Self {
        let total = bytes
            .iter()
            .fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        Self { name, total, bytes }
    }

    fn add(&mut self, bytes: &[u64]) {
        for (sum, bytes) in self.bytes.iter_mut().zip(bytes) {
            *sum = sum.saturating_add(*bytes);
            self.total = self.total.saturating_add(*bytes);
        }
    }
}

/// Round lengths of time in nanoseconds, the shortest, a microsecond, first; the last is some years.
pub(super) fn steps() -> impl Iterator<Item = i64> {
    /// What clocks are divided into.
    const OF_CLOCKS: [i64; 17] = [
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        15 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
    ];
    let decimal = |unit: i64, powers: std::ops::Range<u32>| {
        powers.flat_map(move |power| [1, 2, 5].map(|n| n * unit * 10_i64.pow(power)))
    };
    decimal(1, 3..9).chain(OF_CLOCKS).chain(decimal(DAY, 0..4))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{IpProtocol, Timestamp};
    use crate::report::tests::{Book, GITHUB};
    use crate::stats::flows::tests::sample_flow;

    fn flow(first: i64, last: i64, bytes: u64) -> FlowSummary {
        let ends = ("10.0.0.1:1", "10.0.0.2:2");
        let mut flow = sample_flow(1, IpProtocol::TCP, ends, &[]);
        (flow.first, flow.last) = (Timestamp::from_ns(first), Timestamp::from_ns(last));
        flow.bytes = bytes;
        flow
    }

    fn traffic(flows: &[FlowSummary]) -> Traffic<'static> {
        let mut timeline = Timeline::new();
        flows.iter().for_each(|flow| timeline.push(flow));
        timeline.finish(&Book).unwrap()
    }

    #[test]
    fn bytes_are_spread_evenly_over_a_flow() {
        let told = traffic(&[flow(0, 100 * SECOND - 1, 1000)]);
        assert_eq!((told.length, told.intervals), (SECOND, 100));
        assert!(told.series[0].bytes.iter().all(|bytes| *bytes == 10));
    }

    #[test]
    fn intervals_begin_at_round_times_before_the_epoch_too() {
        let told = traffic(&[flow(-7 * SECOND, 500 * SECOND, 508)]);
        assert_eq!((told.start, told.length), (-10 * SECOND, 10 * SECOND));
        assert_eq!(told.series[0].bytes[..2], [7, 10]);
        assert_eq!(told.series[0].total, 508);
    }

    #[test]
    fn no_flow_makes_no_traffic() {
        assert!(Timeline::new().finish(&Book).is_none());
    }

    #[test]
    fn what_goes_by_one_name_is_one_series_and_the_largest_comes_first() {
        let mut by_name = flow(0, 0, 5);
        by_name.application = Some(crate::catalogue::AppId(5));
        let mut by_bytes = flow(0, 0, 6);
        by_bytes.protocols.push(crate::protocol::Protocol::Dns);
        let mut github = flow(0, 0, 10);
        github.application = Some(GITHUB);
        let told = traffic(&[flow(0, 0, 1), by_name, github, by_bytes]);
        let told: Vec<_> = told.series.iter().map(|s| (s.name, s.total)).collect();
        assert_eq!(told, [("DNS", 11), ("GitHub", 10), ("Unknown", 1)]);
    }

    #[test]
    fn the_smallest_are_told_together() {
        use crate::protocol::Protocol::*;
        let all = [
            Dns, Mdns, Tls, Https, Http, Quic, Ssh, Smtp, Ftp, Mqtt, Ntp, Dhcp, Sip,
        ];
        let flows: Vec<_> = all
            .into_iter()
            .enumerate()
            .map(|(place, protocol)| {
                let mut flow = flow(0, 0, 100 - place as u64);
                flow.protocols.push(protocol);
                flow
            })
            .collect();
        let told = traffic(&flows);
        assert_eq!(told.series.len(), MOST_SERIES + 1);
        let last = told.series.last().unwrap();
        assert_eq!((last.name, last.total), (OTHER, 89 + 88));
    }

    #[test]
    fn steps_grow_and_some_step_holds_all_time() {
        let steps: Vec<_> = steps().collect();
        assert!(steps.is_sorted());
        let told = traffic(&[flow(i64::MIN, i64::MIN, 1), flow(i64::MAX, i64::MAX, 2)]);
        assert!(told.intervals <= MOST_INTERVALS);
        assert_eq!(told.series[0].total, 3);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_the_order_of_flows_changes_nothing(
            flows in proptest::collection::vec((any::<i64>(), any::<i64>(), 0..1u64 << 50, 0..63u32), 1..20)
        ) {
            let mut flows: Vec<_> = flows
                .into_iter()
                .map(|(first, last, bytes, shift)| flow(first >> shift, last >> shift, bytes))
                .collect();
            let all: u64 = flows.iter().map(|flow| flow.bytes).sum();
            let told = traffic(&flows);
            prop_assert_eq!(told.series.iter().map(|series| series.total).sum::<u64>(), all);
            prop_assert_eq!(told.series[0].bytes.iter().sum::<u64>(), all);
            prop_assert!(told.intervals <= MOST_INTERVALS);
            flows.reverse();
            // Where a length is taken before all flows are there, the shares of each may differ by a byte.
            let other = traffic(&flows);
            prop_assert_eq!((told.start, told.length, told.intervals), (other.start, other.length, other.intervals));
        }
    }
}
