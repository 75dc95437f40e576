//! Traffic as a chart: what the page draws of it, and says of it.
//!
//! Areas stand one upon the other, the largest series at the bottom. They are drawn in a box of [`Chart::width`] by [`HEIGHT`] units that the page
//! stretches; labels are placed in percent of it, so that text keeps its size on every screen.

use std::fmt::Write as _;

use serde::Serialize;

use super::text::{Figure, Percent, shown};
use super::timeline::{Series, Traffic, steps};
use crate::packet::Timestamp;

/// Units from the bottom of the chart to its top.
pub(super) const HEIGHT: u64 = 1000;

/// Most labels below the chart.
const MOST_TICKS: i64 = 6;

/// Most lines above the bottom of the chart.
const MOST_LINES: u64 = 4;

const DAY: i64 = 86_400_000_000_000;

/// Traffic as it is drawn.
#[derive(Debug)]
pub(super) struct Chart {
    /// Units from its left to its right: one an interval.
    pub(super) width: usize,
    /// How long an interval is, such as `2 s`.
    pub(super) interval: String,
    /// The bottom series first.
    pub(super) areas: Vec<Area>,
    /// The lowest first.
    pub(super) lines: Vec<Label>,
    /// The earliest first.
    pub(super) ticks: Vec<Label>,
    /// What the page's script reads.
    pub(super) data: ChartData,
}

/// A series.
#[derive(Debug)]
pub(super) struct Area {
    /// What it is of.
    pub(super) name: String,
    /// Its bytes.
    pub(super) bytes: Figure,
    /// Their share of all.
    pub(super) share: Percent,
    /// The interval in which it had most bytes.
    pub(super) peak: String,
    /// How many those are.
    pub(super) peak_bytes: Figure,
    /// Its outline as an SVG path.
    pub(super) path: String,
}

/// A text at a place.
#[derive(Debug, PartialEq)]
pub(super) struct Label {
    /// From the left, or from the top.
    pub(super) at: Percent,
    /// What stands there.
    pub(super) text: String,
}

/// What the page's script tells of each interval.
#[derive(Debug, Serialize)]
pub(super) struct ChartData {
    /// When each interval begins.
    times: Vec<String>,
    /// Names of series.
    names: Vec<String>,
    /// Bytes of each series, by interval.
    bytes: Vec<Vec<u64>>,
}

impl Chart {
    /// Draws `traffic`: of the capture's `all` bytes, those in flows.
    pub(super) fn new(traffic: Traffic<'_>, all: u64) -> Self {
        let Traffic {
            start,
            length,
            intervals,
            series,
        } = traffic;
        let times = moments(start, length, intervals as i64);
        let sums: Vec<u64> = (0..intervals)
            .map(|n| series.iter().fold(0, |sum, one| add(sum, at(one, n))))
            .collect();
        let (step, lines) = scale(sums.iter().copied().max().unwrap_or(0));
        let top = step.saturating_mul(lines).max(1);
        let mut floor = vec![0; intervals];
        let areas = series
            .iter()
            .map(|one| Area::new(one, &mut floor, (top, all), &times))
            .collect();
        Self {
            width: intervals,
            interval: duration(length),
            areas,
            lines: (0..=lines)
                .map(|n| n.saturating_mul(step))
                .map(|level| Label {
                    at: Percent::of(top.saturating_sub(level), top),
                    text: bytes(level),
                })
                .collect(),
            ticks: ticks(start, length, intervals as i64),
            data: ChartData {
                times,
                names: series.iter().map(|one| shown(one.name)).collect(),
                bytes: series.into_iter().map(|one| one.bytes).collect(),
            },
        }
    }
}

impl Area {
    /// Draws a series upon `floor`, which is then its upper edge: bytes by interval.
    fn new(
        series: &Series<'_>,
        floor: &mut [u64],
        (top, all): (u64, u64),
        times: &[String],
    ) -> Self {
        let below = floor.to_vec();
        for (level, bytes) in floor.iter_mut().zip(&series.bytes) {
            *level = add(*level, *bytes);
        }
        let most = series.bytes.iter().copied().max().unwrap_or(0);
        let peak = series.bytes.iter().position(|bytes| *bytes == most);
        let peak = peak.and_then(|n| times.get(n)).cloned();
        Self {
            name: shown(series.name),
            bytes: Figure(series.total),
            share: Percent::of(series.total, all),
            peak: peak.unwrap_or_default(),
            peak_bytes: Figure(most),
            path: outline(&below, floor, top),
        }
    }
}

/// The area between two edges, in steps, as an SVG path: a closed line around each stretch in which they differ.
fn outline(below: &[u64], above: &[u64], top: u64) -> String {
    let y = |bytes: &u64| {
        let up = u128::from(*bytes) * u128::from(HEIGHT) / u128::from(top);
        HEIGHT.saturating_sub(up as u64)
    };
    let edges: Vec<_> = below.iter().map(y).zip(above.iter().map(y)).collect();
    let mut path = String::new();
    let mut from = 0;
    for stretch in edges.chunk_by(|a, b| (a.0 == a.1) == (b.0 == b.1)) {
        let to = from + stretch.len();
        if stretch.first().is_some_and(|(below, above)| below != above) {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{from} {}", stretch.first().map_or(0, |edge| edge.0));
            for (place, (_, above)) in stretch.iter().enumerate() {
                let _ = write!(path, "V{above}H{}", from + place + 1);
            }
            for (place, (below, _)) in stretch.iter().enumerate().rev() {
                let _ = write!(path, "V{below}H{}", from + place);
            }
            path.push('Z');
        }
        from = to;
    }
    path
}

/// A round distance between lines, and how many of them it takes to reach `most`.
fn scale(most: u64) -> (u64, u64) {
    let mut unit: u64 = 1;
    loop {
        for step in [1, 2, 5].map(|n| unit.saturating_mul(n)) {
            let lines = most.div_ceil(step).max(1);
            if lines <= MOST_LINES {
                return (step, lines);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// When each interval begins, with the date where one midnight or more lie between them.
fn moments(start: i64, length: i64, intervals: i64) -> Vec<String> {
    let at = |n: i64| start.saturating_add(n.saturating_mul(length));
    let is_of_days = at(0).div_euclid(DAY) != at(intervals - 1).div_euclid(DAY);
    (0..intervals)
        .map(|n| match clock(at(n), length) {
            time if is_of_days && length % DAY != 0 => format!("{} {time}", clock(at(n), DAY)),
            time => time,
        })
        .collect()
}

/// Labels at round times.
fn ticks(start: i64, length: i64, intervals: i64) -> Vec<Label> {
    let span = length.saturating_mul(intervals);
    let step = steps().find(|step| span / step <= MOST_TICKS);
    let step = step.unwrap_or(span.max(1));
    let first = start.div_euclid(step) + i64::from(start.rem_euclid(step) != 0);
    (first..)
        .map_while(|n| n.checked_mul(step))
        .take_while(|at| at.abs_diff(start) < span.unsigned_abs())
        .map(|at| Label {
            at: Percent::of(at.abs_diff(start), span.unsigned_abs()),
            text: clock(at, step),
        })
        .collect()
}

/// The moment `ns` nanoseconds after the epoch, as exact as steps of `step` need it.
fn clock(ns: i64, step: i64) -> String {
    const MINUTE: i64 = 60_000_000_000;
    // As 2026-03-02T09:00:00.000000000Z.
    let whole = Timestamp::from_ns(ns).to_string();
    let (date, time) = whole.split_once('T').unwrap_or((&whole, ""));
    let digits = match step {
        step if step % DAY == 0 => return date.to_owned(),
        step if step % MINUTE == 0 => "00:00".len(),
        step => {
            let whole = "00:00:00.".len();
            let zeros = (0..9).take_while(|power| step % 10_i64.pow(power + 1) == 0);
            match 9 - zeros.count() {
                0 => whole - 1,
                fraction => whole + fraction,
            }
        }
    };
    time.get(..digits).unwrap_or(time).to_owned()
}

/// `ns` nanoseconds in the largest unit that they are a whole number of.
fn duration(ns: i64) -> String {
    let units = [
        (DAY, "days"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1000, "µs"),
    ];
    let unit = units.into_iter().find(|(length, _)| ns % length == 0);
    let (length, name) = unit.unwrap_or((1, "ns"));
    match (ns / length, name) {
        (1, "days") => "1 day".to_owned(),
        (count, name) => format!("{count} {name}"),
    }
}

/// `count` bytes in the largest unit that leaves something before the point, to one digit behind it.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut size = 1;
    let mut units = UNITS.into_iter().peekable();
    let mut unit = units.next().unwrap_or_default();
    while count / size >= 1000
        && let Some(larger) = units.next()
    {
        size *= 1000;
        unit = larger;
    }
    match (count / size, count % size * 10 / size) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenths) => format!("{whole}.{tenths} {unit}"),
    }
}

fn at(series: &Series<'_>, interval: usize) -> u64 {
    series.bytes.get(interval).copied().unwrap_or(0)
}

const fn add(sum: u64, bytes: u64) -> u64 {
    sum.saturating_add(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    /// 2026-03-02T09:00:00Z.
    const START: i64 = 1_772_442_000 * SECOND;

    fn series(name: &'static str, bytes: &[u64]) -> Series<'static> {
        Series {
            name,
            total: bytes.iter().sum(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn areas_stand_upon_each_other_and_pass_over_what_is_empty() {
        let traffic = Traffic {
            start: START,
            length: 2 * SECOND,
            intervals: 4,
            series: vec![series("a", &[10, 20, 0, 0]), series("b", &[0, 20, 0, 40])],
        };
        let chart = Chart::new(traffic, 100);
        let [a, b] = &chart.areas[..] else { panic!() };
        assert_eq!(a.path, "M0 1000V750H1V500H2V1000H1V1000H0Z");
        assert_eq!(b.path, "M1 500V0H2V500H1ZM3 1000V0H4V1000H3Z");
        assert_eq!((&*b.peak, b.peak_bytes), ("09:00:06", Figure(40)));
        assert_eq!(b.share.to_string(), "60.0%");
        let lines = chart.lines.iter().map(|line| &*line.text);
        assert!(lines.eq(["0 B", "10 B", "20 B", "30 B", "40 B"]));
        assert_eq!(chart.interval, "2 s");
    }

    #[test]
    fn moments_of_several_days_tell_which() {
        const HOUR: i64 = 3600 * SECOND;
        assert_eq!(moments(START + 14 * HOUR, HOUR / 2, 2), ["23:00", "23:30"]);
        assert_eq!(
            moments(START + 14 * HOUR, HOUR, 2),
            ["2026-03-02 23:00", "2026-03-03 00:00"]
        );
        assert_eq!(moments(START, DAY, 2), ["2026-03-02", "2026-03-03"]);
        assert!(moments(i64::MAX, DAY, 0).is_empty());
    }

    #[test]
    fn lines_are_at_round_figures() {
        for (most, expected) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (5, (2, 3)),
            (41, (20, 3)),
            (999, (500, 2)),
            (u64::MAX, (5_000_000_000_000_000_000, 4)),
        ] {
            assert_eq!(scale(most), expected, "{most}");
        }
    }

    #[test]
    fn ticks_are_at_round_times_and_say_what_is_needed() {
        let told = |start, length, intervals| {
            let ticks = ticks(start, length, intervals);
            let texts = ticks
                .iter()
                .map(|tick| format!("{} {}", tick.at, tick.text));
            texts.collect::<Vec<_>>()
        };
        assert_eq!(
            told(START + 2 * SECOND, SECOND, 10),
            [
                "0.0% 09:00:02",
                "20.0% 09:00:04",
                "40.0% 09:00:06",
                "60.0% 09:00:08",
                "80.0% 09:00:10"
            ]
        );
        assert_eq!(
            told(START, 2_000_000, 100),
            [
                "0.0% 09:00:00.00",
                "25.0% 09:00:00.05",
                "50.0% 09:00:00.10",
                "75.0% 09:00:00.15"
            ]
        );
        assert_eq!(
            told(START, 600 * SECOND, 6),
            [
                "0.0% 09:00",
                "16.7% 09:10",
                "33.3% 09:20",
                "50.0% 09:30",
                "66.7% 09:40",
                "83.3% 09:50"
            ]
        );
        assert!(told(i64::MIN, DAY * 1000, 214).len() <= 7);
        assert!(told(i64::MAX - 5, 1000, 3).len() <= 7);
    }

    #[test]
    fn figures_are_told_in_units_that_fit() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (395_250, "395.2 kB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        for (ns, expected) in [
            (2000, "2 µs"),
            (SECOND / 5, "200 ms"),
            (DAY, "1 day"),
            (10 * DAY, "10 days"),
        ] {
            assert_eq!(duration(ns), expected);
        }
    }
}
