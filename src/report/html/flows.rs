//! The page's table of flows: the largest ones, as the JSON that its script reads.
//!
//! A page is to stay small, so the table is written by columns, texts stand in lists and are told by their places, and numbers of packets and
//! times by their distance from those of the flow before.
//!
//! A flow's number, by which the flow file and `--explain` know it, is its place among all flows, and known only in the end.
//!
//! Memory: [`MOST_FLOWS`] flows, with one name each; and [`FLOW_LINES_BUDGET`](crate::report::FLOW_LINES_BUDGET) to number them by.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::text::shown;
use crate::flow::FlowSummary;
use crate::key::Endpoint;
use crate::packet::{IpProtocol, Timestamp};
use crate::report::in_order::{FlowLinesError, InOrder};
use crate::report::{Names, inert, name_of, shown_as};
use crate::rules::RuleId;
use crate::stats::Shown;

/// Most flows in a page.
pub(super) const MOST_FLOWS: usize = 10_000;

const NS_A_MILLISECOND: i64 = 1_000_000;

/// Keeps the largest flows.
#[derive(Debug)]
pub(super) struct LargestFlows {
    /// By bytes, and of equal ones by the first packet, the later first: the first of all is the first to go.
    kept: BTreeMap<(u64, Reverse<u64>), Flow>,
    bound: usize,
    /// The first packets of all flows, kept or not.
    order: InOrder,
}

/// What the page tells of a flow.
#[derive(Debug)]
struct Flow {
    /// 1 for the flow of the capture's first packet; 0 until that is known.
    number: u64,
    first_packet: u64,
    first: Timestamp,
    last: Timestamp,
    protocol: IpProtocol,
    src: Endpoint,
    dst: Endpoint,
    packets: u64,
    bytes: u64,
    dropped: u64,
    shown: Shown,
    name: Option<Box<str>>,
    is_dropped: bool,
    rule: Option<RuleId>,
}

/// Columns of equal length, one entry a flow, in order of first packet.
#[derive(Debug, Default, Serialize)]
struct Columns {
    /// Of all flows of the capture, in the page or not.
    flows: u64,
    /// Milliseconds since the epoch from which `first` counts.
    start: i64,
    texts: Vec<String>,
    /// Its number, less that of the flow before; so with its first packet.
    number: Vec<u64>,
    packet: Vec<u64>,
    /// Milliseconds, less those of the flow before.
    first: Vec<i64>,
    /// Milliseconds from its first packet to its last.
    lasted: Vec<u64>,
    protocol: Vec<usize>,
    src: Vec<usize>,
    src_port: Vec<u16>,
    dst: Vec<usize>,
    dst_port: Vec<u16>,
    packets: Vec<u64>,
    bytes: Vec<u64>,
    dropped: Vec<u64>,
    application: Vec<usize>,
    /// The empty text where it has none; so with `rule`.
    name: Vec<usize>,
    rule: Vec<usize>,
    /// 1 for those whose verdict is to be dropped.
    drop: Vec<u8>,
}

/// Texts, each once, and their places.
#[derive(Debug, Default)]
struct Texts {
    places: HashMap<String, usize>,
    list: Vec<String>,
}

impl LargestFlows {
    /// None yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub(super) fn new(dir: impl Into<PathBuf>) -> Self {
        Self::with_bound(MOST_FLOWS, dir)
    }

    fn with_bound(bound: usize, dir: impl Into<PathBuf>) -> Self {
        Self {
            kept: BTreeMap::new(),
            bound,
            order: InOrder::new(dir),
        }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub(super) fn push(&mut self, flow: &FlowSummary) -> Result<(), FlowLinesError> {
        self.order.push(flow.first_packet, |_| Ok(()))?;
        let size = (flow.bytes, Reverse(flow.first_packet));
        if self.kept.len() >= self.bound {
            if self.kept.keys().next().is_none_or(|least| size < *least) {
                return Ok(());
            }
            self.kept.pop_first();
        }
        self.kept.insert(size, Flow::new(flow));
        Ok(())
    }

    /// As many of them as `room` bytes of JSON hold, and how many flows there are in all: the largest, in order of first packet.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub(super) fn json(
        self,
        (flows, room): (u64, usize),
        names: &impl Names,
    ) -> io::Result<String> {
        let mut largest: Vec<_> = self.kept.into_values().rev().collect();
        number(&mut largest, self.order).map_err(io::Error::other)?;
        loop {
            let json = inert::script(&Columns::new(flows, &largest, names))?;
            if json.len() <= room || largest.is_empty() {
                return Ok(json);
            }
            let fitting = largest.len() * room / json.len();
            largest.truncate(fitting.min(largest.len() - 1));
        }
    }
}

/// Gives flows the numbers that they have in `order`, which has all first packets.
fn number(flows: &mut [Flow], order: InOrder) -> Result<(), FlowLinesError> {
    let mut unnumbered: Vec<_> = flows.iter_mut().collect();
    unnumbered.sort_unstable_by_key(|flow| flow.first_packet);
    let mut unnumbered = unnumbered.into_iter().peekable();
    let mut number = 0;
    order.finish(|first_packet, _| {
        number += 1;
        if let Some(flow) = unnumbered.next_if(|flow| flow.first_packet == first_packet) {
            flow.number = number;
        }
        Ok(())
    })
}

impl Flow {
    fn new(flow: &FlowSummary) -> Self {
        let (src, dst) = flow.shown_ends();
        Self {
            number: 0,
            first_packet: flow.first_packet,
            first: flow.first,
            last: flow.last,
            protocol: flow.key.protocol(),
            src,
            dst,
            packets: flow.packets,
            bytes: flow.bytes,
            dropped: flow.dropped_in_all(),
            shown: Shown::of(flow),
            name: name_of(flow).map(|name| shown(name).into()),
            is_dropped: flow.is_dropped(),
            rule: flow.decided_by(),
        }
    }
}

impl Columns {
    fn new(flows: u64, listed: &[Flow], names: &impl Names) -> Self {
        let mut listed: Vec<_> = listed.iter().collect();
        listed.sort_unstable_by_key(|flow| flow.first_packet);
        let milliseconds = |time: Timestamp| time.as_ns().div_euclid(NS_A_MILLISECOND);
        let start = listed.first().map_or(0, |flow| milliseconds(flow.first));
        let mut columns = Self {
            flows,
            start,
            ..Self::default()
        };
        let mut texts = Texts::default();
        let mut before = (0, 0, start);
        for flow in listed {
            let first = milliseconds(flow.first);
            columns.number.push(flow.number - before.0);
            columns.packet.push(flow.first_packet - before.1);
            columns.first.push(first - before.2);
            before = (flow.number, flow.first_packet, first);
            let lasted = flow.last.ns_since(flow.first);
            columns
                .lasted
                .push(lasted / NS_A_MILLISECOND.unsigned_abs());
            columns
                .protocol
                .push(texts.place(flow.protocol.to_string()));
            columns.src.push(texts.place(flow.src.addr.to_string()));
            columns.src_port.push(flow.src.port);
            columns.dst.push(texts.place(flow.dst.addr.to_string()));
            columns.dst_port.push(flow.dst.port);
            columns.packets.push(flow.packets);
            columns.bytes.push(flow.bytes);
            columns.dropped.push(flow.dropped);
            let (application, _) = shown_as(flow.shown, names);
            columns.application.push(texts.place(shown(application)));
            let name = flow.name.as_deref().unwrap_or_default();
            columns.name.push(texts.place(name.to_owned()));
            let rule = flow.rule.and_then(|id| names.rule(id));
            let rule = rule.map(|(rule, _)| shown(rule)).unwrap_or_default();
            columns.rule.push(texts.place(rule));
            columns.drop.push(flow.is_dropped.into());
        }
        columns.texts = texts.list;
        columns
    }
}

impl Texts {
    fn place(&mut self, text: String) -> usize {
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(text.clone());
        self.places.insert(text, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::tests::{Book, GITHUB};
    use crate::stats::flows::tests::sample_flow;

    fn flow(first_packet: u64, bytes: u64) -> FlowSummary {
        let ends = match first_packet.is_multiple_of(2) {
            true => ("10.0.0.1:1", "10.0.0.2:2"),
            false => ("[::ffff:10.0.0.2]:2", "[2001:db8::1]:443"),
        };
        let mut flow = sample_flow(first_packet, IpProtocol::TCP, ends, &["github.com"]);
        flow.bytes = bytes;
        flow
    }

    fn json(flows: &[FlowSummary], bound: usize, room: usize) -> Value {
        let mut largest = LargestFlows::with_bound(bound, std::env::temp_dir());
        flows.iter().for_each(|flow| largest.push(flow).unwrap());
        let json = largest.json((flows.len() as u64, room), &Book).unwrap();
        assert!(json.len() <= room);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn every_column_tells_of_every_flow_in_order_of_first_packet() {
        let mut large = flow(9, 500);
        (large.application, large.rule, large.dropped_packets) = (Some(GITHUB), Some(RuleId(0)), 4);
        (large.first, large.last) = (Timestamp::from_ns(-1), Timestamp::from_ns(7_000_000));
        let told = json(&[large, flow(4, 70)], 10, 4000);
        let texts = told["texts"].as_array().unwrap();
        let column = |name: &str| {
            let places = told[name].as_array().unwrap().iter();
            places
                .map(|place| texts[place.as_u64().unwrap() as usize].as_str().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(column("application"), ["Unknown", "GitHub"]);
        assert_eq!(column("protocol"), ["tcp", "tcp"]);
        assert_eq!(column("name"), ["github.com", "github.com"]);
        assert_eq!(column("rule"), ["", "app:GitHub"]);
        assert_eq!(column("src"), ["10.0.0.1", "::ffff:10.0.0.2"]);
        for (name, expected) in [
            ("number", "[1,1]"),
            ("packet", "[4,5]"),
            ("first", "[0,-1]"),
            ("lasted", "[0,7]"),
            ("dst_port", "[2,443]"),
            ("packets", "[10,10]"),
            ("bytes", "[70,500]"),
            ("dropped", "[0,4]"),
            ("drop", "[0,1]"),
            ("flows", "2"),
            ("start", "0"),
        ] {
            assert_eq!(told[name].to_string(), expected, "{name}");
        }
    }

    #[test]
    fn the_largest_stay_whatever_comes_first() {
        let mut flows: Vec<_> = (1..=40).map(|n| flow(n, n % 10 * 100)).collect();
        let told = json(&flows, 6, 4000);
        // Of equal ones, the first.
        assert_eq!(told["packet"].to_string(), "[8,1,9,1,10,10]");
        // Of all flows, as the flow file numbers them.
        assert_eq!(told["number"], told["packet"]);
        flows.reverse();
        assert_eq!(json(&flows, 6, 4000), told);
        assert_eq!(told["flows"], 40);
        assert_eq!(told["bytes"].to_string(), "[800,900,800,900,900,900]");
    }

    #[test]
    fn as_many_are_told_as_there_is_room_for() {
        let flows: Vec<_> = (1..=400).map(|n| flow(n, n)).collect();
        let all = json(&flows, 400, 100_000)["bytes"]
            .as_array()
            .unwrap()
            .len();
        let some = json(&flows, 400, 5000);
        let some = some["bytes"].as_array().unwrap();
        assert_eq!(all, 400);
        assert!(some.len() > 50 && some.len() < 300, "{}", some.len());
        assert_eq!(some.last().unwrap(), 400);
    }
}
