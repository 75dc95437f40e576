//! What the page says first.

use super::text::{Figure, counted};
use crate::report::Report;

/// What became of the packets, in a few words.
pub(super) fn headline(report: &Report<'_>) -> String {
    let packets = &report.packets;
    let all = Figure(packets.total);
    match (packets.forwarded, packets.dropped) {
        (0, 0) => "The capture has no packets".to_owned(),
        (1, 0) => "The only packet was forwarded".to_owned(),
        (0, 1) => "The only packet was dropped".to_owned(),
        (_, 0) => format!("All {all} packets were forwarded"),
        (0, _) => format!("All {all} packets were dropped"),
        (forwarded, dropped) => format!(
            "{} forwarded, {} dropped",
            counted(forwarded, "packet", "packets"),
            Figure(dropped)
        ),
    }
}

/// What stands below the headline: when it was, and what the rules took.
pub(super) fn standfirst(report: &Report<'_>) -> String {
    let mut told = Vec::new();
    let (input, flows) = (&report.input, &report.flows);
    if let (Some(first), Some(last)) = (input.first_packet, input.last_packet) {
        let lasted = about(last.ns_since(first));
        // As 2026-03-02T09:00:00.000000000Z: the date, and the time to the second.
        let first = first.to_string();
        let (date, time) = first.split_once('T').unwrap_or_default();
        let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
        told.push(format!("Captured on {date} at {time} UTC, over {lasted}"));
    }
    let in_flows = counted(flows.total, "flow", "flows");
    told.push(match (flows.blocked, report.rules.is_empty()) {
        (_, true) => format!("{in_flows}; no rules were given"),
        (0, false) => format!("{in_flows}, none of them dropped"),
        (dropped, false) => format!("{in_flows}, {} of them dropped", Figure(dropped)),
    });
    format!("{}.", told.join(". "))
}

/// `ns` nanoseconds in the largest unit of which there are two at least, to one digit behind the point.
fn about(ns: u64) -> String {
    const MILLISECOND: u64 = 1_000_000;
    const SECOND: u64 = 1000 * MILLISECOND;
    let units = [
        (86_400 * SECOND, "days"),
        (3600 * SECOND, "hours"),
        (60 * SECOND, "minutes"),
        (SECOND, "seconds"),
        (MILLISECOND, "milliseconds"),
    ];
    let unit = units.into_iter().find(|(length, _)| ns >= 2 * length);
    let (length, name) = unit.unwrap_or((1000, "microseconds"));
    format!(
        "{}.{} {name}",
        Figure(ns / length),
        ns % length * 10 / length
    )
}
