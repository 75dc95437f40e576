//! One run of the pipeline with everything that it tells, and whether that adds up.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use dpi_engine::capture::CaptureReader;
use dpi_engine::catalogue::AppId;
use dpi_engine::engine::Policy;
use dpi_engine::flow::FlowSummary;
use dpi_engine::hosts::{Hosts, Thresholds};
use dpi_engine::packet::Timestamp;
use dpi_engine::pipeline::{self, Fates, Judged, Outputs, Packets, Ran, Sink};
use dpi_engine::report::{self, FlowLines, Names, Report, Resolution};
use dpi_engine::rules::{Action, Removal, RuleId};
use dpi_engine::stats::{FlowStats, FlowTables, PacketCounts};

use crate::capture::{self, Sound};
use crate::conversation::is_sound;

/// Everything that comes out of a run.
pub struct Run {
    pub forwarded: Vec<u8>,
    pub dropped: Vec<u8>,
    /// Every verdict: packet, flow and rule.
    pub judged: Vec<(u64, u64, RuleId)>,
    pub flows: Vec<FlowSummary>,
    /// The flows, as lines of JSON.
    pub lines: Vec<u8>,
    pub json: Vec<u8>,
    counts: PacketCounts,
    untold_drops: u64,
    removal: Removal,
}

/// Takes in what the pipeline tells.
struct Gathered<'a> {
    names: &'a Labels<'a>,
    lines: FlowLines,
    stats: FlowStats,
    hosts: Hosts,
    flows: Vec<FlowSummary>,
    judged: Vec<(u64, u64, RuleId)>,
}

impl Sink for Gathered<'_> {
    fn flow(&mut self, flow: &FlowSummary) -> io::Result<()> {
        self.stats.observe(flow);
        self.hosts.observe(flow);
        self.lines
            .push(flow, self.names)
            .map_err(io::Error::other)?;
        self.flows.push(flow.clone());
        Ok(())
    }

    fn judged(&mut self, news: &Judged) {
        self.judged.push((news.packet, news.flow, news.rule));
    }
}

/// What ids are called.
struct Labels<'a>(&'a Policy);

impl Names for Labels<'_> {
    fn application(&self, id: AppId) -> Option<(&str, &str)> {
        let app = self.0.catalogue.app(id)?;
        Some((&app.name, self.0.catalogue.category(app.category)?))
    }

    fn application_of(&self, domain: &str) -> Option<AppId> {
        self.0.catalogue.by_name(domain)
    }

    fn rule(&self, id: RuleId) -> Option<(&str, &str)> {
        let rule = self.0.rules.rule(id)?;
        Some((&rule.text, &rule.origin))
    }

    fn keeps(&self, id: RuleId) -> bool {
        let rule = self.0.rules.rule(id);
        let allows = rule.is_some_and(|rule| rule.action == Action::Allow);
        allows != (self.0.removal == Removal::AllElse)
    }
}

impl Run {
    /// Runs the pipeline over a capture that can be opened.
    pub fn over(
        source: impl Read + Clone + Send + 'static,
        policy: &Policy,
        workers: usize,
    ) -> Self {
        let open = || CaptureReader::open(source.clone()).expect("it was opened before");
        let names = Labels(policy);
        let mut gathered = Gathered {
            names: &names,
            lines: FlowLines::new(std::env::temp_dir()),
            stats: FlowStats::default(),
            hosts: Hosts::new(Thresholds::default()),
            flows: Vec::new(),
            judged: Vec::new(),
        };
        let (mut forwarded, mut dropped) = (Vec::new(), Vec::new());
        let outputs = Outputs {
            forwarded: Some(&mut forwarded as &mut dyn Write),
            dropped: Some(&mut dropped),
        };
        let mut fates = Fates::default();
        let ran = if policy.removal != Removal::Inline {
            let ran = pipeline::run(
                open(),
                workers,
                policy,
                Packets::Note(&mut fates),
                &mut gathered,
            );
            pipeline::write_judged(open(), &mut fates, policy.removal, outputs)
                .expect("the second pass ends well");
            ran
        } else {
            pipeline::run(
                open(),
                workers,
                policy,
                Packets::Write(outputs),
                &mut gathered,
            )
        };
        let ran = ran.expect("a run over bytes in memory ends well");
        let Gathered {
            lines,
            stats,
            hosts,
            flows,
            judged,
            ..
        } = gathered;
        let mut told = Vec::new();
        let count = lines.finish(&mut told).expect("a Vec takes everything");
        assert_eq!(count, flows.len() as u64);
        let mut counts = ran.counts;
        counts.forwarded = counts.total - counts.dropped;
        counts.forwarded_bytes = counts.bytes - counts.dropped_bytes;
        let tables = stats.finish();
        has_every_flow_once(&tables, &flows);
        let untold_drops = ran.untold_drops;
        let json = reported(ran, counts, (tables, hosts), &names);
        Self {
            forwarded,
            dropped,
            judged,
            flows,
            lines: told,
            json,
            counts,
            untold_drops,
            removal: policy.removal,
        }
    }

    /// Checks that what was counted is what was there.
    pub fn adds_up(&self, read: &Sound) {
        let counts = &self.counts;
        assert!(counts.reconciles(), "{counts:?}");
        assert_eq!(counts.total, read.packets.len() as u64);
        assert_eq!(
            counts.bytes,
            read.packets
                .iter()
                .map(|packet| u64::from(packet.origlen))
                .sum::<u64>()
        );
        let sum = |figure: fn(&FlowSummary) -> u64| self.flows.iter().map(figure).sum::<u64>();
        assert_eq!(sum(|flow| flow.packets) + counts.undecoded, counts.total);
        let dropped = sum(FlowSummary::dropped_in_all);
        match self.removal {
            // What quotes a flow that is kept is kept with it.
            Removal::AllElse => assert_eq!(
                dropped + counts.undecoded,
                counts.dropped + self.untold_drops
            ),
            _ => assert_eq!(dropped + self.untold_drops, counts.dropped),
        }
        self.flows.iter().for_each(is_sound);
        let dropped = capture::read(&self.dropped, None).expect("its header is the input's");
        assert_eq!(dropped.packets.len() as u64, counts.dropped);
        let mut firsts: Vec<_> = self.flows.iter().map(|flow| flow.first_packet).collect();
        firsts.sort_unstable();
        assert!(
            firsts.windows(2).all(|pair| pair[0] < pair[1]),
            "two flows begin with one packet"
        );
    }
}

fn has_every_flow_once(tables: &FlowTables, flows: &[FlowSummary]) {
    assert!(tables.counts.reconciles());
    assert_eq!(tables.counts.total, flows.len() as u64);
    let blocked = flows.iter().filter(|flow| flow.is_dropped()).count();
    assert_eq!(tables.counts.blocked, blocked as u64);
    let shown: u64 = tables.shown.iter().map(|(_, tally)| tally.packets).sum();
    assert_eq!(shown, flows.iter().map(|flow| flow.packets).sum::<u64>());
}

/// The report in JSON.
fn reported(
    ran: Ran,
    packets: PacketCounts,
    (flows, hosts): (FlowTables, Hosts),
    names: &Labels<'_>,
) -> Vec<u8> {
    let span = |end: fn((Timestamp, Timestamp)) -> Timestamp| ran.span.map(end);
    let input = report::Input {
        path: "capture".into(),
        format: "pcap",
        compression: None,
        link_types: ran.capture.link_types.clone(),
        resolution: Resolution::Mixed,
        file_bytes: 0,
        first_packet: span(|(first, _)| first),
        last_packet: span(|(_, last)| last),
        damage: ran.capture.damage.as_ref().map(|damage| report::Damage {
            offset: damage.offset,
            reason: damage.reason.to_string(),
        }),
        skipped: report::Skipped::default(),
        files: Vec::new(),
    };
    let report = Report::new(
        report::Gathered {
            input,
            digests: None,
            packets,
            undecoded: ran.undecoded,
            flows,
            suspicious: hosts.finish(),
            fragments: ran.fragments,
            untold_drops: ran.untold_drops,
            untold_lookups: ran.untold_lookups,
            forgotten_answers: ran.forgotten_answers,
            overlapping_inputs: 0,
        },
        names,
    );
    let mut json = Vec::new();
    report::json(&report, &mut json).expect("a Vec takes everything");
    // Takes as long as all else, and says the same: of one report in eight.
    if super::is_one_in(8, &json) {
        is_fit_for_terminals(&report);
    }
    json
}

/// Checks that the report for people holds nothing that a terminal would act on.
fn is_fit_for_terminals(report: &Report) {
    let look = report::Look {
        width: report::MIN_WIDTH,
        is_coloured: false,
    };
    let text = report::text(report, look);
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

/// Checks that two captures are the halves of the one that was read: each packet in one of them, in order, and all else in both.
pub fn is_an_interleaving(read: &Sound, halves: [&[u8]; 2]) {
    let halves = halves.map(|half| capture::read(half, None).expect("its header is the input's"));
    for half in &halves {
        assert_eq!(half.summary.damage, None);
        assert!(without_packets(half).eq(without_packets(read)));
    }
    // Equal records have one number: there may be many of them, and long ones.
    let mut numbers: BTreeMap<&[u8], usize> = BTreeMap::new();
    let [one, other] = [&halves[0], &halves[1]].map(|half| numbered(half, &mut numbers));
    let all = numbered(read, &mut numbers);
    assert_eq!(one.len() + other.len(), read.packets.len());
    // How many of the first half may have been passed so far: several ways, where packets are alike.
    let mut reached = vec![0];
    for (number, record) in all.iter().enumerate() {
        let mut next = Vec::new();
        for &passed in &reached {
            if one.get(passed) == Some(record) {
                next.push(passed + 1);
            }
            if other.get(number - passed) == Some(record) {
                next.push(passed);
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    assert!(
        reached.contains(&one.len()),
        "a packet is lost, changed or out of order"
    );
}

/// A number for each record, the same for equal ones.
fn numbered<'r>(of: &'r Sound, numbers: &mut BTreeMap<&'r [u8], usize>) -> Vec<usize> {
    let records = of.packets.iter().map(|packet| packet.record);
    let number = |(from, to): (usize, usize)| {
        let next = numbers.len();
        *numbers.entry(&of.bytes[from..to]).or_insert(next)
    };
    records.map(number).collect()
}

/// The bytes that are no packet's.
fn without_packets(of: &Sound) -> impl Iterator<Item = &u8> {
    let ends = of.packets.iter().map(|packet| packet.record.1);
    let starts = of.packets.iter().map(|packet| packet.record.0);
    let between = std::iter::once(0)
        .chain(ends)
        .zip(starts.chain([of.bytes.len()]));
    between.flat_map(|(from, to)| &of.bytes[from..to])
}
