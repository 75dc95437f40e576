//! What a report does not tell, in sentences.

use crate::engine::{MAX_NAME_BYTES_PER_FLOW, MAX_NAMES_PER_FLOW, MAX_REMEMBERED_PER_SHARD};
use crate::flow::assembly::{MAX_UNREAD_BYTES, MAX_WAITING_BYTES, MAX_WAITING_SEGMENTS};
use crate::fragments::{FragmentCounts, MAX_WAIT_BYTES, MAX_WAIT_NS};
use crate::inspect::dns::MAX_QUESTIONS;
use crate::passive_dns;
use crate::stats::{FlowTables, MAX_DOMAIN_BYTES, MAX_DOMAINS, MAX_FINGERPRINTS};

/// A sentence for inputs that follow each other although they should be merged.
pub(super) fn of_inputs(overlapping: u64) -> Vec<String> {
    let sentence = format!(
        "packets are not in order of time: {} before another ends, and pcapng files follow each other whole; mergecap puts them in order",
        match overlapping {
            1 => "1 input begins".to_owned(),
            _ => format!("{overlapping} inputs begin"),
        },
    );
    told([(overlapping, sentence)])
}

/// One sentence for each way in which fragments made no datagram.
pub(super) fn of_fragments(counts: FragmentCounts) -> Vec<String> {
    let sentences = [
        (
            counts.incomplete,
            format!(
                "fragments are missing: {} could not be put together, within {MAX_WAIT_BYTES} bytes of capture or {} s; names in them may be missing",
                count(counts.incomplete, "datagram"),
                MAX_WAIT_NS / 1_000_000_000,
            ),
        ),
        (
            counts.conflicting,
            format!(
                "fragments contradict each other: they overlap in {}; in IPv4 what came first was read, in IPv6 nothing (RFC 5722)",
                count(counts.conflicting, "datagram"),
            ),
        ),
    ];
    told(sentences)
}

/// A sentence for dropped packets that stand in no flow's figures.
pub(super) fn of_drops(untold: u64) -> Vec<String> {
    let sentence = format!(
        "figures of flows and rules are incomplete: {} that quote a blocked flow share its fate and are not among them",
        count(untold, "packet"),
    );
    told([(untold, sentence)])
}

/// A sentence for lookups that went by their own rules alone.
pub(super) fn of_lookups(untold: u64) -> Vec<String> {
    let sentence = format!(
        "lookups are incomplete: {} too many to be held until it was known what led where; they go by their own rules, or take no lookup along",
        match untold {
            1 => "1 flow was".to_owned(),
            _ => format!("{untold} flows were"),
        },
    );
    told([(untold, sentence)])
}

/// A sentence for DNS answers that were forgotten before their time.
pub(super) fn of_answers(forgotten: u64) -> Vec<String> {
    let sentence = format!(
        "names from DNS answers are incomplete: {} forgotten before their time, past the last {} or {} bytes of names",
        match forgotten {
            1 => "1 address was".to_owned(),
            _ => format!("{forgotten} addresses were"),
        },
        passive_dns::MAX_ADDRESSES,
        passive_dns::MAX_NAME_BYTES,
    );
    told([(forgotten, sentence)])
}

/// The sentences of what happened at all.
fn told(sentences: impl IntoIterator<Item = (u64, String)>) -> Vec<String> {
    sentences
        .into_iter()
        .filter(|(times, _)| *times > 0)
        .map(|(_, sentence)| sentence)
        .collect()
}

/// One sentence for each bound that flows met, and for bytes that contradict each other.
pub(super) fn of_flows(tables: &FlowTables) -> Vec<String> {
    let (times, flows) = (&tables.caveats, &tables.caveat_flows);
    let sentences = [
        (
            times.holes,
            format!(
                "TCP streams have holes: {} in {} had to be given up, when more than {MAX_WAITING_SEGMENTS} segments or {MAX_WAITING_BYTES} bytes waited behind; names in them may be missing",
                count(times.holes, "lost piece"),
                count(flows.holes, "flow"),
            ),
        ),
        (
            times.unfinished,
            format!(
                "messages over TCP were given up: {} in {} had not come to an end after {MAX_UNREAD_BYTES} bytes; names in them may be missing",
                count(times.unfinished, "message"),
                count(flows.unfinished, "flow"),
            ),
        ),
        (
            times.conflicts,
            format!(
                "TCP segments contradict each other: {} in {} had other bytes than had come before for the same place; what came first was read",
                count(times.conflicts, "segment"),
                count(flows.conflicts, "flow"),
            ),
        ),
        (
            tables.counts.host_conflicts,
            format!(
                "hosts of requests contradict each other: in {} a request names more than one, and whom it reaches depends on who reads it; rules were asked about each",
                count(tables.counts.host_conflicts, "flow"),
            ),
        ),
        (
            times.names,
            format!(
                "names of flows are incomplete: {} had more than {MAX_NAMES_PER_FLOW} names or {MAX_NAME_BYTES_PER_FLOW} bytes of them; {} times a later one was matched with the rules, but is not listed",
                count(flows.names, "flow"),
                times.names,
            ),
        ),
        (
            times.questions,
            format!(
                "DNS messages were not read to their end: {} in {} stood behind the first {MAX_QUESTIONS} of a message",
                count(times.questions, "question"),
                count(flows.questions, "flow"),
            ),
        ),
        (
            times.forgotten,
            format!(
                "blocked flows may have come back: {} that had ended were forgotten, past the last {MAX_REMEMBERED_PER_SHARD} of a shard",
                count(times.forgotten, "blocked flow"),
            ),
        ),
    ];
    let mut told = told(sentences);
    told.extend(of_lists(tables));
    told
}

/// One sentence for each list that met its bound.
fn of_lists(tables: &FlowTables) -> Vec<String> {
    let count_flows = match tables.untold_ja4 {
        1 => "1 flow was".to_owned(),
        untold => format!("{untold} flows were"),
    };
    told([
        (
            tables.untold_domains,
            format!(
                "domains are incomplete: {} times a name was not counted, past the first {MAX_DOMAINS} different ones or {MAX_DOMAIN_BYTES} bytes of them",
                tables.untold_domains,
            ),
        ),
        (
            tables.untold_ja4,
            format!(
                "fingerprints are incomplete: {count_flows} not counted, past the first {MAX_FINGERPRINTS} different ones",
            ),
        ),
    ])
}

/// `count` of something, in the singular or the plural.
pub(super) fn count(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caveats::Caveats;
    use crate::stats::FlowStats;

    #[test]
    fn what_did_not_happen_is_not_told() {
        assert_eq!(of_flows(&FlowStats::default().finish()), [""; 0]);
    }

    #[test]
    fn inputs_that_overlap_are_told() {
        assert_eq!(of_inputs(0), [""; 0]);
        assert_eq!(
            of_inputs(2),
            [
                "packets are not in order of time: 2 inputs begin before another ends, and pcapng files follow each other whole; mergecap puts them in order"
            ]
        );
    }

    #[test]
    fn forgotten_answers_are_told_with_their_bounds() {
        assert_eq!(of_answers(0), [""; 0]);
        assert_eq!(
            of_answers(2),
            [
                "names from DNS answers are incomplete: 2 addresses were forgotten before their time, past the last 65536 or 4194304 bytes of names"
            ]
        );
    }

    #[test]
    fn every_bound_has_its_sentence_with_its_figures() {
        let all = |count| Caveats {
            holes: count,
            unfinished: count,
            conflicts: count,
            names: count,
            questions: count,
            forgotten: count,
        };
        let mut tables = FlowStats::default().finish();
        (tables.caveats, tables.caveat_flows) = (all(1201), all(1));
        (tables.untold_domains, tables.untold_ja4) = (7, 2);
        assert_eq!(
            of_flows(&tables),
            [
                "TCP streams have holes: 1201 lost pieces in 1 flow had to be given up, when more than 64 segments or 65536 bytes waited behind; names in them may be missing",
                "messages over TCP were given up: 1201 messages in 1 flow had not come to an end after 73728 bytes; names in them may be missing",
                "TCP segments contradict each other: 1201 segments in 1 flow had other bytes than had come before for the same place; what came first was read",
                "names of flows are incomplete: 1 flow had more than 4096 names or 262144 bytes of them; 1201 times a later one was matched with the rules, but is not listed",
                "DNS messages were not read to their end: 1201 questions in 1 flow stood behind the first 64 of a message",
                "blocked flows may have come back: 1201 blocked flows that had ended were forgotten, past the last 4096 of a shard",
                "domains are incomplete: 7 times a name was not counted, past the first 262144 different ones or 16777216 bytes of them",
                "fingerprints are incomplete: 2 flows were not counted, past the first 65536 different ones",
            ]
        );
    }
}
